//! The effect probe: does an adapter change anything?

use crate::Result;
use crate::model::{Decoder, RowCache, StepRow, Wanted};
use crate::types::RowGates;

/// Tokens of the probe's prompt.
const TOKENS: usize = 8;

/// For each of `adapters` alone at coefficient 1: the largest change of any logit after a fixed prompt, infinite where a
/// logit is not finite.
pub(super) fn effects(model: &Decoder, adapters: usize, routers: usize) -> Result<Vec<f32>> {
    let vocabulary = model.config().vocabulary as u64;
    let length = TOKENS.min(model.config().context);
    // Ids spread over the vocabulary; which ones does not matter, only that they are always the same.
    let ids: Vec<u32> = (0..length as u64)
        .map(|i| ((i * 2_654_435_761 + 17) % vocabulary) as u32)
        .collect();
    let logits = |gates: &RowGates| {
        let mut cache = RowCache::default();
        model.reset(&mut cache, length)?;
        model.forward(
            &mut [StepRow {
                tokens: &ids,
                cache: &mut cache,
                gates,
                side: None,
                shift: None,
                wanted: Wanted::Last,
            }],
            None,
        )
    };
    let base = logits(&RowGates::base(adapters, routers))?;
    (0..adapters)
        .map(|adapter| {
            let mut gates = RowGates::base(adapters, routers);
            gates.adapters[adapter] = 1.0;
            let changes = logits(&gates)?;
            let changes = changes.iter().zip(&base).map(|(a, b)| (a - b).abs());
            // `f32::max` would pass over NaN.
            Ok(changes.fold(0.0, |most: f32, change| {
                if change.is_finite() {
                    most.max(change)
                } else {
                    f32::INFINITY
                }
            }))
        })
        .collect()
}
