//! Task vectors of several objectives → one (methods 2): streamed tensor by tensor, in passes over the
//! whole model where a method needs its statistics.

mod dare;
mod dense;
mod exact;
mod fourier;
mod pcb;
mod ties;
mod write;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use exact::{concatenate, factor_average};
pub use fourier::Filter;
pub use pcb::PcbVariant;
pub use write::{MergeOutput, merge, write_vectors};
pub(super) use write::{with_statistics, write_exactly};

use super::compress::Deltas;
use super::partial::Partial;
use super::{Aligned, Delta, DeltaSource, Matrix, Tell, align};
use crate::types::Weights;
use crate::{Bounds, Error, Result};

/// Numbers of each source that one thread combines at a time.
const PIECE: usize = 1 << 11;

/// How task vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `Σ wᵢ τᵢ`: task arithmetic, rewarded soups.
    Linear,
    /// `(Σ wᵢ Bᵢ)(Σ wᵢ Aᵢ)` of adapters: the average of factors, which has cross terms and is not the sum.
    Soup,
    /// Trim, elect signs, disjoint mean (Yadav et al. 2023), with weights as mergekit has them.
    Ties,
    /// Drop at random and rescale (Yu et al. 2024), then the weighted sum.
    DareLinear,
    /// Drop at random and rescale, then elect signs and sum what agrees.
    DareTies,
    /// Parameter competition (Du et al. 2024).
    Pcb,
    /// Align norms, take low frequencies away, sum (FREE-Merging, Zheng et al. 2024).
    Fourier,
}

impl Method {
    /// The share kept unless something else is asked for.
    pub fn default_density(self) -> f64 {
        match self {
            Self::Ties => 0.2,
            Self::DareLinear | Self::DareTies | Self::Pcb => 0.1,
            Self::Linear | Self::Soup | Self::Fourier => 1.0,
        }
    }

    /// What the result is multiplied by unless something else is asked for.
    pub fn default_scale(self) -> f64 {
        match self {
            Self::Pcb => 1.2,
            Self::Fourier => 0.8,
            _ => 1.0,
        }
    }
}

/// A merge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MergeSettings {
    /// How.
    pub method: Method,
    /// One per source, at least 0, not normalised.
    pub weights: Vec<f64>,
    /// The share kept by TIES (per tensor), DARE and PCB (over the model), above 0 and at most 1.
    pub density: f64,
    /// What the result is multiplied by; of PCB and Fourier the authors' constant.
    pub scale: f64,
    /// Of DARE's masks.
    pub seed: u64,
    /// Which of the authors' scores PCB takes.
    pub pcb: PcbVariant,
    /// Which frequencies Fourier takes away.
    pub filter: Filter,
}

impl MergeSettings {
    /// A method with its defaults.
    pub fn new(method: Method, weights: Vec<f64>) -> Self {
        Self {
            method,
            weights,
            density: method.default_density(),
            scale: method.default_scale(),
            seed: 0,
            pcb: PcbVariant::default(),
            filter: Filter::default(),
        }
    }

    /// Refuses what makes no sense for this many sources.
    pub fn check(&self, sources: usize) -> Result<()> {
        Weights::with_len(self.weights.clone(), sources).map_err(Error::point("--weights"))?;
        if self.weights.iter().all(|&weight| weight == 0.0) {
            let problem = "are all zero; at least one source needs a weight above 0";
            return Err(Error::option("--weights", problem));
        }
        for (name, value, bounds) in [
            ("--density", self.density, Bounds::above(0.0).at_most(1.0)),
            ("--scale", self.scale, Bounds::above(0.0)),
        ] {
            bounds.check(value).map_err(|e| Error::option(name, e))?;
        }
        self.filter.check()
    }
}

/// Memory that is used from tensor to tensor.
#[derive(Debug, Default)]
pub struct Scratch {
    parts: Vec<Vec<f32>>,
}

/// Merges sources tensor by tensor.
#[derive(Debug)]
pub struct Merger<'a> {
    sources: &'a [DeltaSource],
    aligned: Vec<Aligned<'a>>,
    /// Linear projections among `aligned`.
    projections: Vec<usize>,
    modules: Vec<(String, [usize; 2])>,
    /// Sources with a weight above 0, and their weights.
    active: Vec<(usize, f64)>,
    settings: MergeSettings,
    pcb: Option<pcb::Statistics>,
    /// Per source, whether a number other than 0 was seen.
    seen: Vec<AtomicBool>,
}

impl<'a> Merger<'a> {
    /// Checks the settings, lays the sources side by side, and makes the passes that the method needs.
    ///
    /// Held at a time: one tensor of every source in f32, and its merge.
    pub fn new(
        sources: &'a [DeltaSource],
        settings: &MergeSettings,
        tell: Tell<'_>,
    ) -> Result<Self> {
        Self::keeping(sources, settings, None, tell)
    }

    /// [`Merger::new`] that keeps what each pass found, and goes on from it.
    pub(super) fn keeping(
        sources: &'a [DeltaSource],
        settings: &MergeSettings,
        partial: Option<&Partial>,
        tell: Tell<'_>,
    ) -> Result<Self> {
        settings.check(sources.len())?;
        let aligned = align(sources)?;
        let (mut projections, mut modules) = (Vec::new(), Vec::new());
        for (index, entry) in aligned.iter().enumerate() {
            // An adapter's modules count whatever their names.
            let mut holders = sources.iter().zip(&entry.parts);
            let adapted = holders.any(|(source, part)| part.is_some() && source.is_lora());
            let shape = match entry.delta.shape.as_slice() {
                &[out, inner] if adapted => Some([out, inner]),
                _ => entry.delta.projection(),
            };
            if let Some(shape) = shape {
                projections.push(index);
                modules.push((entry.delta.module().to_owned(), shape));
            }
        }
        let active = settings.weights.iter().copied().enumerate();
        let mut merger = Self {
            sources,
            aligned,
            projections,
            modules,
            active: active.filter(|&(_, weight)| weight > 0.0).collect(),
            settings: settings.clone(),
            pcb: None,
            seen: sources.iter().map(|_| AtomicBool::new(false)).collect(),
        };
        if settings.method == Method::Soup {
            let problem =
                "soup averages the factors of adapters; give adapters, and a folder to write";
            return Err(Error::option("--method", problem));
        }
        if settings.method == Method::Pcb && merger.active.len() > 1 {
            merger.pcb = Some(pcb::Statistics::gather(&merger, partial, tell)?);
        }
        Ok(merger)
    }

    /// What is merged, in order of name.
    pub fn deltas(&self) -> impl Iterator<Item = &Delta> {
        self.aligned.iter().map(|entry| &entry.delta)
    }

    /// The name under which a merged tensor is written to a file of task vectors.
    pub fn tensor_name(&self, index: usize) -> String {
        let entry = &self.aligned[index];
        let raw = self
            .sources
            .iter()
            .zip(&entry.parts)
            .find_map(|(source, part)| part.filter(|_| source.is_vectors()));
        raw.map_or_else(
            || format!("{}.weight", entry.delta.module()),
            |delta| delta.name.clone(),
        )
    }

    /// The differences of the sources that count; zeros where an adapter leaves the module as it is.
    fn read_parts(&self, index: usize, scratch: &mut Scratch) -> Result<()> {
        let entry = &self.aligned[index];
        scratch.parts.resize_with(self.active.len(), Vec::new);
        for (values, &(source, _)) in scratch.parts.iter_mut().zip(&self.active) {
            match entry.parts[source] {
                Some(delta) => self.sources[source].read_into(delta, values)?,
                None => {
                    values.clear();
                    values.resize(entry.delta.count(), 0.0);
                }
            }
            let seen = &self.seen[source];
            if !seen.load(Ordering::Relaxed) && values.iter().any(|v| *v != 0.0) {
                seen.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// The merge of one tensor, row-major.
    pub fn tensor(&self, index: usize, scratch: &mut Scratch) -> Result<Vec<f32>> {
        self.read_parts(index, scratch)?;
        let parts = &mut scratch.parts;
        let weights: Vec<f64> = self.active.iter().map(|(_, weight)| *weight).collect();
        let settings = &self.settings;
        let alone = parts.len() == 1;
        Ok(match settings.method {
            Method::Linear | Method::Soup => weighted_sum(parts, &weights, settings.scale),
            Method::Ties => {
                for part in &mut *parts {
                    ties::trim(part, settings.density);
                }
                ties::elect(parts, &weights, ties::Divide::ByWeights, settings.scale)
            }
            Method::DareLinear | Method::DareTies => {
                for (part, &(source, _)) in parts.iter_mut().zip(&self.active) {
                    let mask = dare::Mask {
                        density: settings.density,
                        seed: settings.seed,
                        tensor: index,
                        source,
                    };
                    mask.apply(part);
                }
                if settings.method == Method::DareLinear {
                    weighted_sum(parts, &weights, settings.scale)
                } else {
                    ties::elect(parts, &weights, ties::Divide::ByNothing, settings.scale)
                }
            }
            // One objective alone is left as it is.
            Method::Pcb | Method::Fourier if alone => parts.swap_remove(0),
            Method::Pcb => match &self.pcb {
                Some(statistics) => statistics.merge(parts, &weights),
                None => parts.swap_remove(0),
            },
            Method::Fourier => {
                let shape = &self.aligned[index].delta.shape;
                fourier::merge(parts, &weights, shape, settings)
            }
        })
    }

    /// Per source, whether a number other than 0 was seen so far.
    fn seen(&self) -> Vec<bool> {
        let seen = self.seen.iter();
        seen.map(|seen| seen.load(Ordering::Relaxed)).collect()
    }

    /// Takes over what an earlier run saw.
    fn saw(&self, seen: &[bool]) {
        for (own, seen) in self.seen.iter().zip(seen) {
            own.fetch_or(*seen, Ordering::Relaxed);
        }
    }

    /// Refuses sources in which no number but 0 was found; to be asked once all tensors were merged.
    pub fn check_seen(&self) -> Result<()> {
        for &(source, _) in &self.active {
            if !self.seen[source].load(Ordering::Relaxed) {
                let path = self.sources[source].path();
                return Err(Error::file(path, "is an all-zero task vector"));
            }
        }
        Ok(())
    }
}

impl Deltas for Merger<'_> {
    fn modules(&self) -> &[(String, [usize; 2])] {
        &self.modules
    }

    fn read(&mut self, index: usize) -> Result<Vec<f32>> {
        self.tensor(self.projections[index], &mut Scratch::default())
    }

    fn factors(&mut self, index: usize) -> Result<Option<(Matrix, Matrix)>> {
        let lora = |&(source, _): &(usize, f64)| self.sources[source].is_lora();
        if self.settings.method != Method::Linear || !self.active.iter().all(lora) {
            return Ok(None);
        }
        let (name, shape) = &self.modules[index];
        let weights: Vec<f64> = self
            .settings
            .weights
            .iter()
            .map(|weight| weight * self.settings.scale)
            .collect();
        let parts = &self.aligned[self.projections[index]].parts;
        let module = exact::side_by_side(self.sources, &weights, parts, name, *shape)?;
        for &(source, _) in &self.active {
            self.seen[source].store(true, Ordering::Relaxed);
        }
        Ok(module.map(|module| (module.a, module.b)))
    }

    fn files(&self) -> Vec<PathBuf> {
        self.sources.iter().flat_map(DeltaSource::files).collect()
    }
}

/// Combines equal places of several vectors: `combine` gets the place's index in the piece and the
/// pieces.
fn combine(parts: &[Vec<f32>], combine: impl Fn(&[&[f32]], &mut [f32]) + Sync) -> Vec<f32> {
    let count = parts.first().map_or(0, Vec::len);
    let mut out = vec![0.0; count];
    out.par_chunks_mut(PIECE)
        .enumerate()
        .for_each(|(index, out)| {
            let start = index * PIECE;
            let pieces: Vec<&[f32]> = parts
                .iter()
                .map(|part| &part[start..start + out.len()])
                .collect();
            combine(&pieces, out);
        });
    out
}

/// `scale · Σ wᵢ τᵢ`, summed in f64.
fn weighted_sum(parts: &[Vec<f32>], weights: &[f64], scale: f64) -> Vec<f32> {
    combine(parts, |pieces, out| {
        Arch::new().dispatch(Sum {
            pieces,
            weights,
            scale,
            out,
        });
    })
}

/// One piece of a weighted sum, compiled for the processor at hand.
struct Sum<'a> {
    pieces: &'a [&'a [f32]],
    weights: &'a [f64],
    scale: f64,
    out: &'a mut [f32],
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let mut sums = [0.0f64; PIECE];
        for (piece, weight) in self.pieces.iter().zip(self.weights) {
            add_weighted(&mut sums, piece, weight * self.scale);
        }
        for (out, sum) in self.out.iter_mut().zip(&sums) {
            *out = *sum as f32;
        }
    }
}

#[inline(always)]
fn add_weighted(sums: &mut [f64], piece: &[f32], weight: f64) {
    for (sum, value) in sums.iter_mut().zip(piece) {
        *sum += weight * f64::from(*value);
    }
}

#[cfg(test)]
mod resume_tests;
#[cfg(test)]
mod tests;
