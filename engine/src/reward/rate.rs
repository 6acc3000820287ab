//! A bundle's reward models over texts.

use super::{Reward, RewardInput};
use crate::types::Scores;
use crate::{Error, Result};

/// Scores of each text by each objective's reward model. NaN stands for no score: an empty answer, for there is nothing
/// to read it from; a text that this model cannot be given; logits that are not finite. The log says which and why.
pub fn score_all(rewards: &[Option<Reward>], texts: &[RewardInput]) -> Result<Vec<Scores>> {
    let mut scores: Vec<Scores> = texts
        .iter()
        .map(|_| Scores(vec![None; rewards.len()]))
        .collect();
    for (objective, reward) in rewards.iter().enumerate() {
        let Some(reward) = reward else { continue };
        let (mut indices, mut encoded) = (Vec::new(), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            scores[index].0[objective] = Some(f64::NAN);
            if text.is_empty() {
                continue;
            }
            match reward.encode(text) {
                Ok(text) => {
                    indices.push(index);
                    encoded.push(text);
                }
                Err(error) if is_of_the_text(&error) => no_score(reward, objective, &error),
                Err(error) => return Err(error),
            }
        }
        for (index, rating) in indices.into_iter().zip(reward.score_encoded(&encoded)?) {
            match rating.score {
                Ok(score) => scores[index].0[objective] = Some(score),
                Err(reason) => no_score(reward, objective, &reason),
            }
        }
    }
    Ok(scores)
}

/// Whether another text could fare better.
fn is_of_the_text(error: &Error) -> bool {
    error.is_input() && !matches!(error, Error::NoTokenizer { .. })
}

fn no_score(reward: &Reward, objective: usize, reason: &dyn std::fmt::Display) {
    tracing::warn!(
        reward = %reward.folder().display(),
        objective,
        %reason,
        "an answer has no score"
    );
}
