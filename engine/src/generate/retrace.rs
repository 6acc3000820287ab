//! The routing of a row that ran without a trace, found again from its tokens.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::mixture::Tap;
use crate::model::{RowCache, StepRow, Wanted};
use crate::types::{GateRecord, RowGates, Run};
use crate::{Error, Result};

/// Tokens of one step. Where the output layer is adapted, every one of them costs a row of logits.
const CHUNK: usize = 64;

/// Feeds a run's tokens through the model again, under the gates that each was made with, and records
/// the gates applied.
///
/// Nothing is sampled. A row alone equals the row in company and tokens fed together equal tokens fed one
/// by one, bit for bit, so on the CPU this is the very routing that made the text.
pub fn retrace(bundle: &Bundle, run: &Run) -> Result<GateRecord> {
    let vocabulary = bundle.model.config().vocabulary;
    let prompt = run.prompt_tokens.len();
    if prompt == 0 {
        return Err(Error::EmptyPrompt);
    }
    let mut ids = run.prompt_tokens.clone();
    ids.extend(run.tokens.iter().map(|piece| piece.id));
    // The last token was chosen, but nothing came after it.
    ids.truncate((prompt + run.tokens.len()).saturating_sub(1).max(prompt));
    if let Some(position) = ids.iter().position(|id| *id as usize >= vocabulary) {
        return Err(Error::TokenOutOfRange {
            position,
            id: ids[position],
            vocabulary,
        });
    }
    let context = bundle.model.config().context;
    if ids.len() > context {
        return Err(Error::PromptTooLong {
            tokens: ids.len(),
            context,
        });
    }
    let info = &bundle.info;
    let head = info.sites.iter().any(|site| site == "lm_head");
    let mut cache = RowCache::default();
    bundle.model.reset(&mut cache, ids.len())?;
    let mut values = Vec::new();
    for (start, end, gates) in segments(bundle, run, prompt, ids.len())? {
        let mut at = start;
        while at < end {
            // A step holds tokens of the prompt or tokens that chose an answer's, not both.
            let chooses = at + 1 >= prompt;
            let stop = if chooses { end } else { end.min(prompt - 1) };
            let tokens = &ids[at..stop.min(at + CHUNK)];
            let mut tap = Tap::new(&info.sites, info.adapters.len(), tokens.len());
            let mut row = [StepRow {
                tokens,
                cache: &mut cache,
                gates: &gates,
                wanted: if head && chooses {
                    Wanted::All
                } else {
                    Wanted::Nothing
                },
            }];
            bundle
                .model
                .forward(&mut row, chooses.then_some(&mut tap))?;
            if chooses {
                (0..tokens.len()).for_each(|token| values.extend_from_slice(tap.token(token)));
            }
            at += tokens.len();
        }
    }
    values.truncate(run.tokens.len() * info.sites.len() * info.adapters.len());
    Ok(GateRecord {
        sites: Arc::new(info.sites.clone()),
        adapters: Arc::new(info.adapters.clone()),
        values,
    })
}

/// Stretches `start..end` of fed tokens under one point and one set of mutes. New token `t` is chosen when token
/// `prompt + t - 1` is fed, so a change at new token `t` holds from there; one that came before the
/// first new token came before the prompt was fed.
fn segments(
    bundle: &Bundle,
    run: &Run,
    prompt: usize,
    length: usize,
) -> Result<Vec<(usize, usize, RowGates)>> {
    let fed = |token: usize| {
        let start = if token == 0 { 0 } else { prompt + token - 1 };
        start.min(length)
    };
    let mut starts = run.steering.changes();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let mut found = Vec::with_capacity(starts.len());
    for (index, &token) in starts.iter().enumerate() {
        let (start, end) = (
            fed(token),
            starts.get(index + 1).map_or(length, |&t| fed(t)),
        );
        if start < end {
            let mut gates = bundle
                .plan
                .gates(run.steering.point_at(&run.point, token))?;
            if let Some(mutes) = run.steering.mutes_at(token) {
                mutes.apply(&mut gates);
            }
            found.push((start, end, gates));
        }
    }
    Ok(found)
}
