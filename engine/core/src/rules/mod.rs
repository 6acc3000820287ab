//! Rules that score answers: beside reward models, on what is stored, without a model.
//!
//! | rule | what it reads | file |
//! |---|---|---|
//! | exact match | a sum's answer, as decimals | `exact`, `decimal` |
//! | refusal | how an answer begins, on prompts that should be refused and on those that should not | `refusal` |
//!
//! The demonstration's grader is one more, in its own package.

mod decimal;
mod exact;
mod refusal;

pub use decimal::Decimal;
pub use exact::{ExactMatch, flexible, reference, strict};
pub use refusal::{Detection, Refusal, refuses};

use crate::types::{Prompt, Reference, ScorerKind};

/// An answer as a rule reads it.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What was asked.
    pub prompt: &'a Prompt,
    /// What its line says is right.
    pub reference: &'a Reference,
    /// The answer.
    pub text: &'a str,
}

/// One number that a rule gives.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleObjective {
    /// What the objective is called; unlike any of a bundle's own.
    pub name: String,
    /// 1, or -1 where less of what is counted is better.
    pub sign: f64,
    /// All that a score depends on but text and reference: rules that differ in it are two scorers.
    pub digest: String,
    /// What is counted, for people.
    pub words: String,
}

/// What a rule says of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// What is counted, before the sign.
    Counted(f64),
    /// Nothing, and why: such answers are counted by these words.
    Nothing(&'static str),
}

/// Scores answers by what stands in them.
pub trait Rule {
    /// [`ScorerKind::Rule`] or [`ScorerKind::Grader`].
    fn kind(&self) -> ScorerKind {
        ScorerKind::Rule
    }

    /// The numbers that it gives.
    fn objectives(&self) -> Vec<RuleObjective>;

    /// What it says of an answer, in the order of its objectives.
    fn verdicts(&self, given: Given<'_>) -> Vec<Verdict>;
}
