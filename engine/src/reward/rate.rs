//! A bundle's reward models over texts.

use super::{Reward, RewardInput};
use crate::Result;
use crate::types::{Prompt, Scores};

impl RewardInput {
    /// An answer with what it answers: a user's turn or a text as it was given, token ids without a prompt.
    pub fn of(prompt: &Prompt, response: &str) -> Self {
        match prompt {
            Prompt::Text(text) | Prompt::Chat(text) => Self::Pair {
                prompt: text.clone(),
                response: response.to_owned(),
            },
            Prompt::Messages(turns) => Self::Pair {
                prompt: turns
                    .last()
                    .map(|turn| turn.content.clone())
                    .unwrap_or_default(),
                response: response.to_owned(),
            },
            Prompt::Tokens(_) => Self::Response(response.to_owned()),
        }
    }
}

/// Scores of each text by each objective's reward model. An empty answer has no score (NaN), for
/// there is nothing to read it from.
pub fn score_all(rewards: &[Option<Reward>], texts: &[RewardInput]) -> Result<Vec<Scores>> {
    let mut scores: Vec<Scores> = texts
        .iter()
        .map(|_| Scores(vec![None; rewards.len()]))
        .collect();
    for (objective, reward) in rewards.iter().enumerate() {
        let Some(reward) = reward else { continue };
        let readable: Vec<usize> = (0..texts.len()).filter(|&i| !is_empty(&texts[i])).collect();
        let inputs: Vec<RewardInput> = readable.iter().map(|&i| texts[i].clone()).collect();
        for scores in &mut scores {
            scores.0[objective] = Some(f64::NAN);
        }
        for (&index, rating) in readable.iter().zip(reward.score(&inputs)?) {
            scores[index].0[objective] = Some(rating.score);
        }
    }
    Ok(scores)
}

fn is_empty(text: &RewardInput) -> bool {
    match text {
        RewardInput::Tokens(ids) => ids.is_empty(),
        RewardInput::Pair { response, .. } | RewardInput::Response(response) => response.is_empty(),
    }
}
