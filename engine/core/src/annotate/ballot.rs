//! What was chosen, and whether it can be.

use std::fmt;

use super::design::Question;
use crate::Problem;

/// What a person chose by one objective, of an item as it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// Of two: the one shown first is better.
    Left,
    /// The other one is.
    Right,
    /// Neither is better.
    Tie,
    /// Neither is any good.
    Bad,
    /// Of one: 1 to 5.
    Rating(u8),
    /// Of several: their places as shown, the best first.
    Order(Vec<usize>),
    /// None: the item was left out; the comment says why.
    Skip,
    /// None any more: the vote was taken back.
    Undone,
}

impl Picked {
    /// From the words of [`fmt::Display`]; `None` for anything else.
    pub fn parse(words: &str) -> Option<Self> {
        Some(match words {
            "left" => Self::Left,
            "right" => Self::Right,
            "tie" => Self::Tie,
            "bad" => Self::Bad,
            "skip" => Self::Skip,
            "undone" => Self::Undone,
            _ => match words.split_once('>') {
                Some(_) => Self::Order(
                    words
                        .split('>')
                        .map(|place| place.trim().parse::<usize>().ok()?.checked_sub(1))
                        .collect::<Option<_>>()?,
                ),
                None => Self::Rating(words.parse().ok().filter(|r| (1..=5).contains(r))?),
            },
        })
    }

    /// Whether it answers a question about so many sides. What was taken back is no answer.
    pub fn answers(&self, question: Question, sides: usize) -> bool {
        match self {
            Self::Skip => true,
            Self::Undone => false,
            Self::Left | Self::Right | Self::Tie | Self::Bad => question == Question::Pair,
            Self::Rating(_) => question == Question::Rating,
            Self::Order(places) => {
                let mut sorted = places.clone();
                sorted.sort_unstable();
                question == Question::Ranking && sorted.into_iter().eq(0..sides)
            }
        }
    }

    /// Whether it says something of the answers.
    pub fn counts(&self) -> bool {
        !matches!(self, Self::Skip | Self::Undone)
    }

    /// Seen with the sides in another order: `order` says which side stood at each place.
    pub fn turned(&self, order: &[usize]) -> Self {
        match self {
            Self::Left if order == [1, 0] => Self::Right,
            Self::Right if order == [1, 0] => Self::Left,
            Self::Order(places) => {
                let side = |place: &usize| order.get(*place).copied().unwrap_or(*place);
                Self::Order(places.iter().map(side).collect())
            }
            other => other.clone(),
        }
    }
}

impl fmt::Display for Picked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Tie => "tie",
            Self::Bad => "bad",
            Self::Skip => "skip",
            Self::Undone => "undone",
            Self::Rating(rating) => return write!(f, "{rating}"),
            Self::Order(places) => {
                for (at, place) in places.iter().enumerate() {
                    write!(f, "{}{}", if at > 0 { ">" } else { "" }, place + 1)?;
                }
                return Ok(());
            }
        })
    }
}

/// A choice by one objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// By what.
    pub objective: String,
    /// What.
    pub picked: Picked,
    /// How much better, where that was asked: 1 to 3.
    pub strength: Option<u8>,
    /// What the person wrote.
    pub comment: Option<String>,
}

/// Refuses ballots that do not say one thing by each objective.
pub fn check_ballots(
    ballots: &[Ballot],
    question: Question,
    sides: usize,
    objectives: &[String],
) -> Result<(), Problem> {
    for (at, ballot) in ballots.iter().enumerate() {
        if !objectives.contains(&ballot.objective) {
            return Err(Problem::unknown(
                ballot.objective.as_str(),
                objectives.iter().map(String::as_str),
            ));
        }
        if ballots[..at]
            .iter()
            .any(|b| b.objective == ballot.objective)
        {
            return Err(format!("`{}` is voted on twice", ballot.objective).into());
        }
        if !ballot.picked.answers(question, sides) {
            let right = match question {
                Question::Pair => "left, right, tie, bad or skip".to_owned(),
                Question::Rating => "1 to 5, or skip".to_owned(),
                Question::Ranking => {
                    let best: Vec<String> = (1..=sides).map(|p| p.to_string()).collect();
                    format!("an order of all places, e.g. {}, or skip", best.join(">"))
                }
            };
            let problem = format!(
                "`{}` is no choice by {}; it is {right}",
                ballot.picked, ballot.objective
            );
            return Err(problem.into());
        }
        if ballot.strength.is_some_and(|s| !(1..=3).contains(&s)) {
            let problem = format!("the strength by {} must be 1 to 3", ballot.objective);
            return Err(problem.into());
        }
    }
    if ballots.len() < objectives.len() {
        let absent = objectives
            .iter()
            .find(|o| !ballots.iter().any(|b| b.objective == **o));
        let absent = absent.map_or("", String::as_str);
        return Err(format!("`{absent}` is not voted on; every objective needs a choice").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        for picked in [
            Picked::Left,
            Picked::Bad,
            Picked::Skip,
            Picked::Undone,
            Picked::Rating(5),
            Picked::Order(vec![2, 0, 1]),
        ] {
            assert_eq!(Picked::parse(&picked.to_string()), Some(picked));
        }
        for wrong in ["", "6", "0", "Left", "1>", "0>1", "a>b"] {
            assert_eq!(Picked::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Picked::Left.turned(&[1, 0]), Picked::Right);
        assert_eq!(Picked::Left.turned(&[0, 1]), Picked::Left);
        let order = Picked::Order(vec![2, 0, 1]);
        assert_eq!(order.turned(&[1, 2, 0]), Picked::Order(vec![0, 1, 2]));
    }

    #[test]
    fn every_objective_needs_one_choice_that_fits() {
        let ballot = |objective: &str, picked| Ballot {
            objective: objective.to_owned(),
            picked,
            strength: None,
            comment: None,
        };
        let asked = ["a".to_owned(), "b".to_owned()];
        let check = |ballots: &[Ballot], question, sides| {
            check_ballots(ballots, question, sides, &asked).map_err(|p| p.to_string())
        };
        let both = |a, b| [ballot("a", a), ballot("b", b)];
        assert!(check(&both(Picked::Tie, Picked::Skip), Question::Pair, 2).is_ok());
        let order = || Picked::Order(vec![1, 0, 2]);
        assert!(check(&both(order(), order()), Question::Ranking, 3).is_ok());
        for (ballots, question, sides, want) in [
            (
                vec![ballot("a", Picked::Tie)],
                Question::Pair,
                2,
                "`b` is not voted on",
            ),
            (
                both(Picked::Tie, Picked::Undone).to_vec(),
                Question::Pair,
                2,
                "no choice by b",
            ),
            (
                both(Picked::Rating(1), Picked::Tie).to_vec(),
                Question::Rating,
                1,
                "1 to 5",
            ),
            (
                both(order(), order()).to_vec(),
                Question::Ranking,
                4,
                "1>2>3>4",
            ),
            (
                vec![ballot("c", Picked::Tie)],
                Question::Pair,
                2,
                "`c` is not known",
            ),
            (
                vec![ballot("a", Picked::Tie); 2],
                Question::Pair,
                2,
                "voted on twice",
            ),
        ] {
            let words = check(&ballots, question, sides).unwrap_err();
            assert!(words.contains(want), "{words}");
        }
    }
}
