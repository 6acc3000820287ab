//! Reward models' say in the next token: what each candidate would make of the answer, scored in one batch for all rows.

use super::row::ActiveRow;
use crate::Result;
use crate::bundle::Bundle;
use crate::method::{Mixer, top};
use crate::reward::{RewardInput, score_all};

/// What reward models add to a row's logits.
#[derive(Debug)]
pub(super) struct Guidance {
    /// Candidates with what is added to each; every other token is out.
    added: Vec<(usize, f32)>,
}

impl Guidance {
    /// Adds it. A candidate without a score stays out, unless none has one: then nothing is added.
    pub(super) fn add(&self, logits: &mut [f32]) {
        let scored = self.added.iter().filter(|(_, added)| added.is_finite());
        let guided: Vec<(usize, f32)> = scored
            .map(|&(id, added)| (id, logits[id] + added))
            .collect();
        if guided.is_empty() {
            return;
        }
        logits.fill(f32::NEG_INFINITY);
        for (id, logit) in guided {
            logits[id] = logit;
        }
    }
}

/// Of each of the rows `ready`, in order: what reward models say; `None` for rows that do not ask them.
pub(super) fn guide<T>(
    bundle: &Bundle,
    rows: &[ActiveRow<T>],
    ready: impl ExactSizeIterator<Item = usize>,
) -> Result<Vec<Option<Guidance>>> {
    let mut asked: Vec<Option<(Vec<usize>, &[f64])>> = Vec::with_capacity(ready.len());
    let mut texts = Vec::new();
    for row in ready {
        let row = &rows[row];
        let first = row.streams.first();
        let logits = first.and_then(|stream| stream.held.as_deref());
        let (Mixer::Guided(guide), Some(logits)) = (&row.mixer, logits) else {
            asked.push(None);
            continue;
        };
        if !logits.iter().all(|logit| logit.is_finite()) {
            asked.push(None);
            continue;
        }
        let candidates = top(logits, guide.candidates);
        for &id in &candidates {
            let id = id as u32;
            let mut tokens = row.tokens.clone();
            // The end token adds nothing: the answer stands as it is.
            if !bundle.tokenizer.end_tokens().contains(&id) {
                tokens.push(id);
            }
            let text = bundle.tokenizer.decode(&tokens)?;
            texts.push(RewardInput::of(&row.request.prompt, &text));
        }
        asked.push(Some((candidates, &guide.weights)));
    }
    if texts.is_empty() {
        return Ok(asked.into_iter().map(|_| None).collect());
    }
    let mut scores = score_all(&bundle.rewards, &texts)?.into_iter();
    let guidance = asked.into_iter().map(|asked| {
        let (candidates, weights) = asked?;
        let scored = candidates.into_iter().zip(scores.by_ref());
        let added = scored.map(|(id, scores)| {
            let weighed = weights.iter().zip(&scores.0);
            let sum: f64 = weighed
                .filter(|(weight, _)| **weight != 0.0)
                .map(|(weight, score)| weight * score.unwrap_or(f64::NAN))
                .sum();
            (id, sum as f32)
        });
        Some(Guidance {
            added: added.collect(),
        })
    });
    Ok(guidance.collect())
}
