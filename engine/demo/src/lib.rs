//! The demonstration: an authored world of everyday advice, and the recipe of the bundle trained on it.
//!
//! The way of its data: [`world`] (topics as written) → [`compose`] (answers with known levels, worded
//! with [`phrasing`]) → [`split`] (what is held out) → [`dataset`] (examples, pairs, prompts) →
//! [`tokenizer`] → training → [`grader`] (the rule-based ground truth reads any text back).

pub mod annotator;
pub mod baselines;
pub mod build;
pub mod bundle;
pub mod card;
pub mod compose;
pub mod controls;
pub mod dataset;
pub mod evaluate;
pub mod figures;
pub mod front;
pub mod grader;
pub mod half;
pub mod levels;
pub mod parts;
pub mod phrasing;
pub mod recipe;
pub mod rule;
pub mod sentences;
pub mod split;
pub mod tokenizer;
pub mod voices;
pub mod world;

#[cfg(test)]
mod tests;
