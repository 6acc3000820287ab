//! A bundle's reward models over texts, a forward pass at a time.

use std::collections::VecDeque;

use super::scorer::BATCH_TOKENS;
use super::{Encoded, Patience, Reward, RewardInput};
use crate::types::Scores;
use crate::{Error, Result};

/// Scores of each text by each objective's reward model. NaN stands for no score: an empty answer, for there is nothing
/// to read it from; a text that this model cannot be given; logits that are not finite. The log says which and why.
pub fn score_all(rewards: &[Option<Reward>], texts: &[RewardInput]) -> Result<Vec<Scores>> {
    let mut queue = ScoreQueue::default();
    for (index, text) in texts.iter().enumerate() {
        queue.push(index, text.clone(), rewards.len());
    }
    let mut scored = Vec::with_capacity(texts.len());
    while !queue.is_empty() {
        scored.extend(queue.step(rewards, BATCH_TOKENS, &Patience::endless())?);
    }
    scored.sort_by_key(|(index, _)| *index);
    Ok(scored.into_iter().map(|(_, scores)| scores).collect())
}

/// Answers that wait for their scores; `T` says whose they are.
#[derive(Debug)]
pub struct ScoreQueue<T> {
    waiting: VecDeque<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    of: T,
    text: RewardInput,
    scores: Scores,
    /// The objective whose reward model is next.
    next: usize,
}

impl<T> Default for ScoreQueue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
        }
    }
}

impl<T> ScoreQueue<T> {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Answers that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Puts an answer at the end.
    pub fn push(&mut self, of: T, text: RewardInput, objectives: usize) {
        self.waiting.push_back(Waiting {
            of,
            text,
            scores: Scores(vec![None; objectives]),
            next: 0,
        });
    }

    /// Takes the first one away, unscored: after an error, what it was of.
    pub fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front().map(|waiting| waiting.of)
    }

    /// One forward pass of one reward model, over the first answer and those behind it that want the same model, up to
    /// `tokens` together or one longer text. Returns what is scored in whole now: nothing where `patience` gave way.
    pub fn step(
        &mut self,
        rewards: &[Option<Reward>],
        tokens: usize,
        patience: &Patience<'_>,
    ) -> Result<Vec<(T, Scores)>> {
        let Some(first) = self.waiting.front() else {
            return Ok(Vec::new());
        };
        let objective = first.next;
        if let Some(Some(reward)) = rewards.get(objective) {
            let Ready { taken, ready } = self.ready(reward, objective, tokens)?;
            let texts: Vec<&Encoded> = ready.iter().map(|(_, text)| text).collect();
            let rated = if texts.is_empty() {
                Ok(Vec::new())
            } else {
                reward.score_together(&texts, patience)
            };
            if patience.gave_way() {
                return Ok(Vec::new());
            }
            for ((index, _), rating) in ready.iter().zip(rated?) {
                match rating.score {
                    Ok(score) => self.waiting[*index].scores.0[objective] = Some(score),
                    Err(reason) => no_score(reward, objective, &reason),
                }
            }
            for index in taken {
                self.waiting[index].next += 1;
            }
        } else {
            for waiting in &mut self.waiting {
                waiting.next += usize::from(waiting.next == objective);
            }
        }
        let (done, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.next >= rewards.len());
        self.waiting = waiting.into();
        Ok(done
            .into_iter()
            .map(|done| (done.of, done.scores))
            .collect())
    }

    /// The answers that go together through this objective's model, with NaN in its place until it says otherwise.
    fn ready(&mut self, reward: &Reward, objective: usize, tokens: usize) -> Result<Ready> {
        let (mut taken, mut ready, mut total) = (Vec::new(), Vec::new(), 0);
        for (index, waiting) in self.waiting.iter_mut().enumerate() {
            if waiting.next != objective {
                continue;
            }
            if waiting.text.is_empty() {
                waiting.scores.0[objective] = Some(f64::NAN);
                taken.push(index);
                continue;
            }
            match reward.encode(&waiting.text) {
                Ok(text) => {
                    total += text.text.ids.len();
                    if total > tokens && !ready.is_empty() {
                        break;
                    }
                    waiting.scores.0[objective] = Some(f64::NAN);
                    taken.push(index);
                    ready.push((index, text));
                }
                Err(error) if is_of_the_text(&error) => {
                    no_score(reward, objective, &error);
                    waiting.scores.0[objective] = Some(f64::NAN);
                    taken.push(index);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ready { taken, ready })
    }
}

/// Answers that go together through a reward model, by their places.
struct Ready {
    /// All of them.
    taken: Vec<usize>,
    /// Those that it can read.
    ready: Vec<(usize, Encoded)>,
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
