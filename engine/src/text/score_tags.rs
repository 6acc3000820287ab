//! Rewards in context (RiC, Yang et al. 2024): an answer's scores stand in its prompt as tags, so that at use the
//! scores that are wanted bring the answer.
//!
//! A score is normalised by the mean and deviation over the answers that were trained on, rounded to 0.1, and written
//! as `<rm1_score> 0.3`, one per objective, before the answer's turn. What a model was trained with stands beside it in
//! `ric.json`, with the rule from a preference to the tags.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::output::write_json;
use crate::types::Prompt;
use crate::weights::read_json;
use crate::{Error, Result};

/// The file's name.
const FILE: &str = "ric.json";
/// The format that this program reads and writes.
const FORMAT: u64 = 1;

/// What the tags of a model mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreTags {
    format: u64,
    /// Which rule makes tags of a preference; there is one.
    rule: Rule,
    /// In order of the tags.
    pub objectives: Vec<TaggedObjective>,
}

/// From a preference to the tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rule {
    /// `low + (high - low) w / |w|₂` (RiC's released evaluation).
    L2,
}

/// An objective with the scale of its tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggedObjective {
    /// Its name.
    pub name: String,
    /// Mean of the raw scores that were trained on.
    pub mean: f64,
    /// Their deviation.
    pub deviation: f64,
    /// The tag at a preference of 0.
    pub low: f64,
    /// The tag at a preference of 1.
    pub high: f64,
}

/// To a tenth; `-0` is 0.
pub fn tenth(score: f64) -> f64 {
    (score * 10.0).round() / 10.0 + 0.0
}

impl ScoreTags {
    /// Of these objectives.
    pub const fn of(objectives: Vec<TaggedObjective>) -> Self {
        Self {
            format: FORMAT,
            rule: Rule::L2,
            objectives,
        }
    }

    /// The tags of raw scores, one per objective.
    pub fn normalised(&self, scores: &[f64]) -> Vec<f64> {
        let scaled = self.objectives.iter().zip(scores);
        scaled
            .map(|(o, score)| tenth((score - o.mean) / o.deviation))
            .collect()
    }

    /// The tags that ask for a preference.
    pub fn targets(&self, preference: &[f64]) -> Vec<f64> {
        let length = preference.iter().map(|w| w * w).sum::<f64>().sqrt();
        let wanted = self.objectives.iter().zip(preference);
        wanted
            .map(|(o, w)| match self.rule {
                Rule::L2 => tenth(o.low + (o.high - o.low) * w / length),
            })
            .collect()
    }

    /// Reads what stands beside a model.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let read: Self = read_json(&path)?;
        if read.format != FORMAT {
            let problem = format!("is {}; this program reads format {FORMAT}", read.format);
            return Err(Error::field(&path, "format", problem));
        }
        for (index, objective) in read.objectives.iter().enumerate() {
            let numbers = [
                objective.mean,
                objective.deviation,
                objective.low,
                objective.high,
            ];
            let finite = numbers.iter().all(|number| number.is_finite());
            if !finite || objective.deviation <= 0.0 || objective.low > objective.high {
                let problem = "needs finite numbers, a deviation above 0 and a low tag that is not above the high one";
                return Err(Error::field(&path, format!("objectives[{index}]"), problem));
            }
        }
        Ok(read)
    }

    /// Writes it beside a model.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(FILE), self)
    }
}

/// Where an answer's turn begins in plain text, as far as it is marked there.
const TURNS: [&str; 3] = ["\n\nAssistant:", "### Response:", "ASSISTANT:"];

/// A prompt with tags before the answer's turn; `None` for token ids, into which no text can go.
pub fn tagged(prompt: &Prompt, tags: &[f64]) -> Option<Prompt> {
    let written = tags.iter().enumerate();
    let written = written.map(|(index, tag)| format!("<rm{}_score> {tag:.1}", index + 1));
    let written = written.collect::<Vec<_>>().join(" ");
    let after = |text: &str| format!("{} {written}", text.trim_end());
    match prompt {
        Prompt::Text(text) => Some(Prompt::Text(in_text(text, &written))),
        Prompt::Chat(turn) => Some(Prompt::Chat(after(turn))),
        Prompt::Messages(turns) => {
            let mut turns = turns.clone();
            let last = turns.iter_mut().rfind(|turn| turn.role == "user")?;
            last.content = after(&last.content);
            Some(Prompt::Messages(turns))
        }
        Prompt::Tokens(_) => None,
    }
}

/// Before the answer's turn: at its mark, else before a last line that ends with a colon, else at the end.
fn in_text(text: &str, written: &str) -> String {
    let end = text.trim_end();
    let marked = TURNS.iter().find_map(|mark| end.strip_suffix(mark));
    let line = || {
        let (before, last) = end.rsplit_once('\n')?;
        last.ends_with(':').then_some(before)
    };
    let Some(before) = marked.or_else(line) else {
        return format!("{end} {written}");
    };
    let turn = &text[before.len()..];
    let apart = if turn.starts_with('\n') { "" } else { " " };
    format!("{} {written}{apart}{turn}", before.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Message;

    fn tags() -> ScoreTags {
        let objective = |name: &str, mean, deviation| TaggedObjective {
            name: name.to_owned(),
            mean,
            deviation,
            low: -4.2,
            high: 4.2,
        };
        ScoreTags::of(vec![objective("a", 1.0, 2.0), objective("b", 0.0, 0.5)])
    }

    #[test]
    fn scores_become_tenths_of_deviations_and_preferences_targets() {
        assert_eq!(tags().normalised(&[2.5, -0.01]), [0.8, 0.0]);
        assert_eq!(format!("{:.1}", tags().normalised(&[1.0, -0.01])[1]), "0.0");
        // One-hot asks for the best of one and the least of the other, the middle for both at 1 / sqrt 2.
        assert_eq!(tags().targets(&[1.0, 0.0]), [4.2, -4.2]);
        assert_eq!(tags().targets(&[0.5, 0.5]), [1.7, 1.7]);
        assert_eq!(tags().targets(&[0.3, 0.4]), [0.8, 2.5]);
    }

    #[test]
    fn tags_stand_before_the_answer_s_turn() {
        let tag = |text: &str| match tagged(&Prompt::Text(text.to_owned()), &[0.3, -1.0]) {
            Some(Prompt::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        let both = "<rm1_score> 0.3 <rm2_score> -1.0";
        for (text, expected) in [
            (
                "\n\nHuman: Hi \n\nAssistant:",
                format!("\n\nHuman: Hi {both}\n\nAssistant:"),
            ),
            (
                "### Input: a b ### Response: ",
                format!("### Input: a b {both} ### Response: "),
            ),
            ("USER: hi ASSISTANT:", format!("USER: hi {both} ASSISTANT:")),
            ("U: hi\nA:", format!("U: hi {both}\nA:")),
            ("hi", format!("hi {both}")),
            ("one: two", format!("one: two {both}")),
        ] {
            assert_eq!(tag(text), expected, "{text}");
        }
        let chat = tagged(&Prompt::Chat("Hi".to_owned()), &[0.3, -1.0]);
        assert_eq!(chat, Some(Prompt::Chat(format!("Hi {both}"))));
        let turns = [
            Message::system("s"),
            Message::user("a"),
            Message::assistant("b"),
            Message::user("c"),
        ];
        let Some(Prompt::Messages(turns)) = tagged(&Prompt::Messages(turns.to_vec()), &[0.3, -1.0])
        else {
            panic!("another kind");
        };
        assert_eq!(turns[3].content, format!("c {both}"));
        assert_eq!(turns[1].content, "a");
        assert_eq!(tagged(&Prompt::Tokens(vec![1]), &[0.3]), None);
    }

    #[test]
    fn what_a_model_was_trained_with_stands_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        tags().save(folder.path()).unwrap();
        assert_eq!(ScoreTags::load(folder.path()).unwrap(), tags());
        let mut flat = tags();
        flat.objectives[1].deviation = 0.0;
        flat.save(folder.path()).unwrap();
        let refused = ScoreTags::load(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains("objectives[1]") && refused.contains("deviation"),
            "{refused}"
        );
    }
}
