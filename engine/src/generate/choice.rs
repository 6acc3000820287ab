//! Several answers of one row, of which the best is kept: what a row holds while they are made, and how it chooses.

use crate::Result;
use crate::bundle::Bundle;
use crate::method::Choice;
use crate::reward::{RewardInput, score_all};
use crate::text::AnswerStream;
use crate::types::{Finish, Prompt, Sampling, Scores};

/// An answer that is whole.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) answer: AnswerStream,
    pub(super) tokens: Vec<u32>,
    pub(super) came: Vec<u32>,
    pub(super) end: Option<u32>,
    pub(super) finish: Finish,
}

/// How the answer `draw` is sampled. Draws are those of a sweep's pools, so that a choice is among the same answers.
pub(super) fn sampling(choice: &Choice, usual: &Sampling, draw: usize) -> Sampling {
    Sampling {
        seed: drawn_seed(usual.seed, draw),
        temperature: choice.temperature,
        ..usual.clone()
    }
}

/// The seed of a draw. Any seed of its own gives other draws; the first of them is the row's own.
pub(crate) fn drawn_seed(seed: u64, draw: usize) -> u64 {
    seed.wrapping_add((draw as u64) << 32)
}

/// The place of the draft whose rewards are worth most, of equals the first.
pub(super) fn best(
    bundle: &Bundle,
    choice: &Choice,
    prompt: &Prompt,
    drafts: &[Draft],
) -> Result<usize> {
    let texts: Vec<RewardInput> = drafts
        .iter()
        .map(|draft| RewardInput::of(prompt, draft.answer.text()))
        .collect();
    let scores = score_all(&bundle.rewards, &texts)?;
    let all: Vec<&Scores> = scores.iter().collect();
    let deviations = deviations(&all, choice.weights.len());
    Ok(chosen(&all, &choice.weights, &deviations))
}

/// The place of the scores with the largest `Σ wᵢ rᵢ / sdᵢ`, of equals the first. One that lacks a score that counts is
/// chosen only among its like.
pub(crate) fn chosen(scores: &[&Scores], weights: &[f64], deviations: &[f64]) -> usize {
    let worth = |scores: &Scores| {
        let parts = weights.iter().zip(&scores.0).zip(deviations);
        let worth: f64 = parts
            .filter(|((weight, _), _)| **weight != 0.0)
            .map(|((weight, score), sd)| weight * score.unwrap_or(f64::NAN) / sd)
            .sum();
        if worth.is_nan() {
            f64::NEG_INFINITY
        } else {
            worth
        }
    };
    let mut best = 0;
    for (place, scored) in scores.iter().enumerate() {
        if worth(scored) > worth(scores[best]) {
            best = place;
        }
    }
    best
}

/// Each objective's standard deviation over all answers; 1 where they are all alike.
pub(crate) fn deviations(answers: &[&Scores], objectives: usize) -> Vec<f64> {
    (0..objectives)
        .map(|axis| {
            let scores = answers
                .iter()
                .filter_map(|s| s.0.get(axis).copied().flatten());
            let scores: Vec<f64> = scores.filter(|score| score.is_finite()).collect();
            let count = scores.len().max(1) as f64;
            let mean = scores.iter().sum::<f64>() / count;
            let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / count;
            if variance > 0.0 { variance.sqrt() } else { 1.0 }
        })
        .collect()
}
