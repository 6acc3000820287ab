//! Steering vectors: where the hidden states of better answers lie, seen from those of worse ones (contrastive activation
//! addition, Rimsky et al. 2024).

use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};

use super::data::read_pairs;
use crate::bundle::Bundle;
use crate::model::{RowCache, StepRow, Wanted};
use crate::output::write_bytes;
use crate::types::RowGates;
use crate::{Bounds, Error, Result};

/// Answers that go through the model together.
const BATCH: usize = 16;

/// How steering vectors are made.
#[derive(Debug, Clone)]
pub struct SteeringSettings {
    /// The layers that they are added after, counted from 0; the one to three in the middle where none is given.
    pub layers: Vec<usize>,
    /// Their norm, as a share of the mean norm of the hidden states there.
    pub share: f64,
    /// Pairs of each objective that are read at most.
    pub pairs: usize,
}

impl Default for SteeringSettings {
    fn default() -> Self {
        Self {
            layers: Vec::new(),
            share: 0.2,
            pairs: 512,
        }
    }
}

/// Of one objective at one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct SteeringVector {
    /// The objective.
    pub objective: String,
    /// The layer.
    pub layer: usize,
    /// `[hidden]`.
    pub vector: Vec<f32>,
    /// Norm of the mean difference before it was set, as a share of the hidden states' norm: how far apart the answers lie.
    pub apart: f64,
    /// Pairs that were read.
    pub pairs: usize,
}

/// The middle of a model: one layer of few, three of many.
fn middle(layers: usize) -> Vec<usize> {
    let centre = layers / 2;
    if layers < 12 {
        vec![centre.min(layers.saturating_sub(1))]
    } else {
        (centre - 1..=centre + 1).collect()
    }
}

/// `v = mean h(y+) - mean h(y-)` at the answers' last token, over pairs about each objective, with one norm per layer.
/// `tell` hears after each batch how many pairs are read, of how many; its error stops.
pub fn steering_vectors(
    bundle: &Bundle,
    data: &[(String, PathBuf)],
    settings: &SteeringSettings,
    tell: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<Vec<SteeringVector>> {
    let config = bundle.model.config();
    let layers = if settings.layers.is_empty() {
        middle(config.layers)
    } else {
        settings.layers.clone()
    };
    if let Some(beyond) = layers.iter().find(|layer| **layer >= config.layers) {
        let problem = format!(
            "names layer {beyond}; the model has {}, counted from 0",
            config.layers
        );
        return Err(Error::option("--layers", problem));
    }
    let within = Bounds::above(0.0).check(settings.share);
    within.map_err(|e| Error::option("--share", e))?;
    let mut found = Vec::new();
    for (objective, path) in data {
        if !bundle.info.objectives.iter().any(|o| o.name == *objective) {
            let known: Vec<&str> = bundle
                .info
                .objectives
                .iter()
                .map(|o| o.name.as_str())
                .collect();
            let problem = format!(
                "`{objective}` is none of the bundle's objectives ({})",
                known.join(", ")
            );
            return Err(Error::option("--data", problem));
        }
        found.extend(of_objective(
            bundle, objective, path, &layers, settings, tell,
        )?);
    }
    Ok(found)
}

fn of_objective(
    bundle: &Bundle,
    objective: &str,
    path: &Path,
    layers: &[usize],
    settings: &SteeringSettings,
    tell: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<Vec<SteeringVector>> {
    let context = bundle.model.config().context;
    let settled = read_pairs(path)?
        .tokenise(&bundle.tokenizer, context)?
        .settle(false)?;
    let mut sequences: Vec<(bool, Vec<u32>)> = Vec::new();
    for pair in settled.items.into_iter().take(settings.pairs) {
        for (better, example) in [(true, pair.chosen), (false, pair.rejected)] {
            let mut ids = example.prompt;
            ids.extend(example.response);
            ids.truncate(context);
            sequences.push((better, ids));
        }
    }
    let hidden = bundle.model.config().hidden_size;
    let mut sums = vec![[vec![0.0_f64; hidden], vec![0.0; hidden]]; layers.len()];
    let mut norms = vec![0.0_f64; layers.len()];
    for (batch, rows) in sequences.chunks(BATCH).enumerate() {
        tell(batch * BATCH / 2, sequences.len() / 2)?;
        let states = last_states(bundle, rows, layers)?;
        for (at, states) in states.iter().enumerate() {
            for ((better, _), state) in rows.iter().zip(states.chunks_exact(hidden)) {
                let sum = &mut sums[at][usize::from(!better)];
                sum.iter_mut()
                    .zip(state)
                    .for_each(|(sum, h)| *sum += f64::from(*h));
                norms[at] += norm(state.iter().map(|h| f64::from(*h)));
            }
        }
    }
    let pairs = sequences.len() / 2;
    if pairs == 0 {
        return Err(Error::file(path, "holds no pair"));
    }
    let vectors = layers
        .iter()
        .zip(sums)
        .zip(norms)
        .map(|((&layer, [better, worse]), norms)| {
            let mean: Vec<f64> = better
                .iter()
                .zip(&worse)
                .map(|(b, w)| (b - w) / pairs as f64)
                .collect();
            let (length, size) = (norm(mean.iter().copied()), norms / sequences.len() as f64);
            if length == 0.0 || !length.is_finite() {
                let problem = format!(
                    "gives a difference of norm {length} at layer {layer}; nothing to steer by"
                );
                return Err(Error::file(path, problem));
            }
            let scale = settings.share * size / length;
            Ok(SteeringVector {
                objective: objective.to_owned(),
                layer,
                vector: mean.iter().map(|v| (v * scale) as f32).collect(),
                apart: length / size,
                pairs,
            })
        });
    vectors.collect()
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

/// The hidden states of each sequence's last token after each layer, under the base alone.
fn last_states(
    bundle: &Bundle,
    rows: &[(bool, Vec<u32>)],
    layers: &[usize],
) -> Result<Vec<Vec<f32>>> {
    let info = &bundle.info;
    let routers = info.experts.len() - info.lora_experts();
    let gates = RowGates::base(info.adapters.len(), routers);
    let mut caches: Vec<RowCache> = rows.iter().map(|_| RowCache::default()).collect();
    for (cache, (_, ids)) in caches.iter_mut().zip(rows) {
        bundle.model.reset(cache, ids.len())?;
    }
    let mut steps: Vec<StepRow<'_>> = rows
        .iter()
        .zip(&mut caches)
        .map(|((_, tokens), cache)| StepRow {
            tokens,
            cache,
            gates: &gates,
            side: None,
            shift: None,
            wanted: Wanted::Last,
        })
        .collect();
    bundle.model.states(&mut steps, layers)
}

/// Writes vectors where a bundle's `methods.steering` finds them: one tensor `<objective>.<layer>` each.
pub fn write_steering(path: &Path, vectors: &[SteeringVector]) -> Result<()> {
    let bytes: Vec<Vec<u8>> = vectors
        .iter()
        .map(|v| v.vector.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let wrong = |e: safetensors::SafeTensorError| Error::internal(e.to_string());
    let tensors = vectors.iter().zip(&bytes).map(|(v, bytes)| {
        let name = format!("{}.{}", v.objective, v.layer);
        TensorView::new(Dtype::F32, vec![v.vector.len()], bytes).map(|view| (name, view))
    });
    let tensors = tensors.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let file = safetensors::serialize(tensors, None).map_err(wrong)?;
    write_bytes(path, &file)
}
