//! What is asked, of whom, and how much: it is locked with the first item, so that votes mean one thing.

use serde::{Deserialize, Serialize};

use crate::problem::{Bounds, Problem};
use crate::types::Split;

/// Answers that are ranked at once, at most.
pub(super) const MOST_RANKED: usize = 5;
/// Items of one task at most.
const MOST_ITEMS: usize = 100_000;
/// People that one design shares its items between at most.
const MOST_ANNOTATORS: usize = 64;

/// What a person is asked about an item, once per objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Which of two answers is better.
    Pair,
    /// How good one answer is, 1 to 5.
    Rating,
    /// The order of up to five answers.
    Ranking,
}

/// Which answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// All points of a sweep with each other, on one prompt and seed.
    Preferences,
    /// Every point of a sweep with the base model.
    Base,
    /// Neighbours on a sweep's front.
    Front,
    /// Two sweeps with each other, at the same point, prompt and seed.
    Across,
}

/// How items are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// All comparisons about equally often.
    Blocks,
    /// Those more often whose votes say more, given the votes so far.
    Active,
}

/// A task's design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// What is asked.
    pub question: Question,
    /// Answers per ranking; 0 for other questions.
    #[serde(default)]
    pub ranked: usize,
    /// What is compared.
    pub source: Source,
    /// The names in every file of the sweeps that answers come from.
    pub sweeps: Vec<String>,
    /// The prompts that are asked about; all of them where absent.
    #[serde(default)]
    pub split: Option<Split>,
    /// By what people judge, in order.
    pub objectives: Vec<String>,
    /// What people are told.
    pub instructions: String,
    /// Whether people also say how much better an answer is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strength: bool,
    /// How items are drawn.
    pub how: How,
    /// Items of the first batch, checks left out.
    pub items: usize,
    /// People that share the items; one more begins again with the first one's, sides swapped.
    pub annotators: usize,
    /// The share of items that two people vote on, at least 0.2; 1 is all items for everybody.
    pub overlap: f64,
    /// The share of items that a person sees once more, sides swapped.
    pub repeats: f64,
    /// The share of items whose right answer is known.
    pub gold: f64,
    /// What all that is random follows from.
    pub seed: u64,
}

impl Design {
    /// Pairs of preferences in blocks, for one person, as usual.
    pub fn new(source: Source, objectives: Vec<String>) -> Self {
        Self {
            question: Question::Pair,
            ranked: 0,
            source,
            sweeps: Vec::new(),
            split: None,
            objectives,
            instructions: String::new(),
            strength: false,
            how: How::Blocks,
            items: 200,
            annotators: 1,
            overlap: 0.2,
            repeats: 0.05,
            gold: 0.03,
            seed: 0,
        }
    }

    /// Refuses what cannot be asked; the name says of which field.
    pub fn check(&self) -> Result<(), (&'static str, Problem)> {
        let within = |field, value: usize, low: usize, high: usize| {
            Bounds::of(low as f64, high as f64)
                .check(value as f64)
                .map_err(|problem| (field, problem))
        };
        within("items", self.items, 1, MOST_ITEMS)?;
        within("annotators", self.annotators, 1, MOST_ANNOTATORS)?;
        if self.question == Question::Ranking {
            within("ranked", self.ranked, 2, MOST_RANKED)?;
        }
        let share = |field, value: f64, low, high| {
            Bounds::of(low, high)
                .check(value)
                .map_err(|problem| (field, problem))
        };
        share("overlap", self.overlap, 0.2, 1.0)?;
        share("repeats", self.repeats, 0.0, 0.5)?;
        share("gold", self.gold, 0.0, 0.5)?;
        if self.objectives.is_empty() {
            let empty = Problem::Empty {
                of: "objectives",
                right: "name what people judge by",
            };
            return Err(("objectives", empty));
        }
        for (at, name) in self.objectives.iter().enumerate() {
            if name.trim().is_empty() || self.objectives[..at].contains(name) {
                let problem = format!("`{name}` is empty or stands twice");
                return Err(("objectives", problem.into()));
            }
            if name == "task" {
                let problem =
                    "`task` is what statistics call the whole; give the objective another name";
                return Err(("objectives", problem.into()));
            }
        }
        if self.strength && self.question != Question::Pair {
            let problem = "is for pairs alone; ratings and rankings say how much by themselves";
            return Err(("strength", problem.into()));
        }
        if self.how == How::Active && self.question != Question::Pair {
            let problem = "is for pairs alone; other questions are drawn in blocks";
            return Err(("active", problem.into()));
        }
        Ok(())
    }

    /// What people are told where the design says nothing.
    pub fn told(&self) -> String {
        if !self.instructions.is_empty() {
            return self.instructions.clone();
        }
        let objectives = self.objectives.join(", ");
        match self.question {
            Question::Pair => format!(
                "Read both answers to the end. Say for each of {objectives} which is better; a tie, or that both are bad, is an answer, too."
            ),
            Question::Rating => format!(
                "Read the answer to the end. Say for each of {objectives} how good it is, from 1 (bad) to 5 (good)."
            ),
            Question::Ranking => format!(
                "Read all answers to the end. Put them in order for each of {objectives}, the best first."
            ),
        }
    }
}
