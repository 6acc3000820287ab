//! Votes as lines of a file.

use serde::{Deserialize, Deserializer, Serialize};

use crate::Problem;
use crate::lines::{LineProblem, numbered, read};

/// How a line looks.
const RIGHT: &str = r#"{"item": ..., "annotator": ..., "objective": ..., "left": ..., "right": ..., "choice": "left", "right", "tie" or "bad"}"#;

/// What a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The answer shown first.
    Left,
    /// The other one.
    Right,
    /// Neither is better.
    Tie,
    /// Neither is any good; counted as a tie, and apart.
    Bad,
}

/// A person's vote on one objective between two answers to one prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// What was asked: people's votes on one item are compared.
    #[serde(deserialize_with = "name")]
    pub item: String,
    /// Who chose.
    #[serde(deserialize_with = "name")]
    pub annotator: String,
    /// By what.
    #[serde(deserialize_with = "name")]
    pub objective: String,
    /// What made the answer shown first, e.g. a point.
    #[serde(deserialize_with = "name")]
    pub left: String,
    /// What made the other one.
    #[serde(deserialize_with = "name")]
    pub right: String,
    /// The vote.
    pub choice: Choice,
    /// The prompt, which draws take whole; the item where it is absent.
    #[serde(default, deserialize_with = "name_if_any")]
    pub prompt: Option<String>,
    /// How likely the pair was to be asked; votes count by its inverse.
    #[serde(default)]
    pub probability: Option<f64>,
    /// The reward's score of the answer shown first.
    #[serde(default)]
    pub left_score: Option<f64>,
    /// The reward's score of the other one.
    #[serde(default)]
    pub right_score: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(serde_json::Number),
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        match name {
            Name::Text(text) => text,
            Name::Number(number) => number.to_string(),
        }
    }
}

/// A name, which may be written as a number.
fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Name::deserialize(from)
        .map(String::from)
        .map_err(|_unread| serde::de::Error::custom("a name must be a text or a number"))
}

fn name_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    name(from).map(Some)
}

/// Reads votes, one JSON object per line; blank lines are skipped.
pub fn read_votes(text: &str) -> Result<Vec<Vote>, LineProblem> {
    let mut votes = Vec::new();
    for line in numbered(text) {
        let vote: Vote = read(line, "a vote", RIGHT)?;
        let wrong = |problem: String| LineProblem::new(line.0, problem);
        if vote.left == vote.right {
            return Err(wrong(format!(
                "`left` and `right` are both `{}`; a vote is between two",
                vote.left
            )));
        }
        if let Some(share) = vote.probability.filter(|p| !(*p > 0.0 && *p <= 1.0)) {
            return Err(wrong(format!(
                "`probability` is {share}; it must be above 0 and at most 1"
            )));
        }
        votes.push(vote);
    }
    if votes.is_empty() {
        let empty = Problem::Empty {
            of: "votes",
            right: "a line is one vote",
        };
        return Err(LineProblem::new(1, empty));
    }
    Ok(votes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_votes_and_bad_ones_are_numbered() {
        let good = r#"{"item": 7, "annotator": "A", "objective": "humor", "left": "x", "right": "y", "choice": "bad"}"#;
        let votes = read_votes(&format!("{good}\n\n{good}\r\n")).unwrap();
        assert_eq!(votes.len(), 2);
        assert_eq!(
            (votes[0].item.as_str(), votes[0].choice),
            ("7", Choice::Bad)
        );
        for (wrong, want) in [
            (
                good.replace("annotator", "annotators"),
                "line 2: `annotators` is not known; did you mean `annotator`?",
            ),
            (
                good.replace("\"bad\"", "\"both\""),
                "line 2: not a vote: unknown variant `both`",
            ),
            (
                good.replace("\"y\"", "\"x\""),
                "line 2: `left` and `right` are both `x`",
            ),
            (good.replace("\"item\": 7, ", ""), "missing field `item`"),
            (
                good.replace('7', "[7]"),
                "a name must be a text or a number",
            ),
            (
                good.replace("\"choice\"", "\"probability\": 0, \"choice\""),
                "`probability` is 0",
            ),
            ("left".to_owned(), "line 2: not a vote"),
        ] {
            let words = read_votes(&format!("{good}\n{wrong}"))
                .unwrap_err()
                .to_string();
            assert!(words.contains(want), "{wrong}: {words}");
        }
        assert!(
            read_votes("\n")
                .unwrap_err()
                .to_string()
                .contains("holds no votes")
        );
    }
}
