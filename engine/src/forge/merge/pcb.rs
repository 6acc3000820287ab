//! PCB-Merging (Du et al. 2024): entries compete within a task by their size and between tasks by
//! agreement; what loses is dropped. Scores are ranked over the whole model, in passes.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{MergeSettings, Merger, PIECE, Scratch, combine};
use crate::Result;
use crate::forge::select::{Selection, Target, magnitude, magnitude_key, number, number_key};
use crate::forge::{Stage, Tell};

/// Magnitudes are clamped to the order statistics at this share from either end.
const CLAMP: f64 = 0.01;

/// Scores that are computed before they are ranked.
const CHUNK: usize = 1 << 20;

/// How agreement between tasks is scored; `z = sign(τ) m`, `m` the magnitude scaled to [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PcbVariant {
    /// `tanh(τᵢ Σⱼ τⱼ)`, as in the authors' language scripts; nearly linear in tiny products.
    A,
    /// `tanh(τᵢ Σⱼ zⱼ)`, as in their vision scripts.
    B,
    /// `Σⱼ tanh(zᵢ zⱼ)`, as in their evolutionary search; free of scale.
    #[default]
    C,
}

/// What one task's entries are measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Task {
    /// Smallest and largest magnitude after clamping.
    low: f64,
    high: f64,
    /// Scores up to here count as 0, the largest as 1.
    score_low: f64,
    score_high: f64,
    /// `λᵢ = c n wᵢ`.
    lambda: f64,
}

impl Task {
    /// The magnitude in [0, 1].
    #[inline(always)]
    fn scaled(&self, value: f32) -> f64 {
        let magnitude = f64::from(value).abs().clamp(self.low, self.high);
        let range = self.high - self.low;
        if range > 0.0 {
            (magnitude - self.low) / range
        } else {
            0.0
        }
    }

    /// The score in [0, 1].
    fn share(&self, score: f64) -> f64 {
        let range = self.score_high - self.score_low;
        if range > 0.0 {
            ((score - self.score_low) / range).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

/// The model-wide figures of all tasks that count.
#[derive(Debug)]
pub(super) struct Statistics {
    tasks: Vec<Task>,
    variant: PcbVariant,
}

impl Statistics {
    /// Up to two passes for the magnitudes and up to four for the scores.
    pub(super) fn gather(merger: &Merger<'_>, tell: Tell<'_>) -> Result<Self> {
        let counts: Vec<usize> = merger.deltas().map(super::Delta::count).collect();
        let total: usize = counts.iter().sum();
        let settings = &merger.settings;
        let tasks = magnitudes(merger, &counts, total, tell)?;
        let mut statistics = Self {
            tasks,
            variant: settings.pcb,
        };
        statistics.rank_scores(merger, settings, &counts, total, tell)?;
        Ok(statistics)
    }

    fn rank_scores(
        &mut self,
        merger: &Merger<'_>,
        settings: &MergeSettings,
        counts: &[usize],
        total: usize,
        tell: Tell<'_>,
    ) -> Result<()> {
        let rank =
            (((1.0 - settings.density) * total as f64) as usize).min(total.saturating_sub(1));
        let targets: Vec<Target> = (0..self.tasks.len())
            .map(|stream| Target {
                stream,
                rank: rank as u64,
            })
            .collect();
        let sizes = vec![total as u64; self.tasks.len()];
        let mut selection = Selection::new(64, &targets, &sizes);
        let mut largest = vec![f64::NEG_INFINITY; self.tasks.len()];
        let mut stage = Stage::new("scores", total as u64, tell)?;
        let mut scratch = Scratch::default();
        while !selection.done() {
            stage.restart()?;
            for (index, &count) in counts.iter().enumerate() {
                merger.read_parts(index, &mut scratch)?;
                let parts = &scratch.parts;
                for start in (0..count).step_by(CHUNK) {
                    let end = (start + CHUNK).min(count);
                    let pieces: Vec<&[f32]> = parts.iter().map(|part| &part[start..end]).collect();
                    for (stream, scores) in self.scores(&pieces).into_iter().enumerate() {
                        let most = scores
                            .par_iter()
                            .copied()
                            .reduce(|| f64::NEG_INFINITY, f64::max);
                        largest[stream] = largest[stream].max(most);
                        selection.feed(stream, &scores, number_key);
                    }
                }
                stage.advance(count as u64)?;
            }
            selection.end_pass();
        }
        for ((task, key), largest) in self.tasks.iter_mut().zip(selection.keys()).zip(largest) {
            task.score_low = number(key);
            task.score_high = largest;
        }
        Ok(())
    }

    /// Scores of one piece of all tasks.
    fn scores(&self, pieces: &[&[f32]]) -> Vec<Vec<f64>> {
        let count = pieces.first().map_or(0, |piece| piece.len());
        let mut scores = vec![vec![0.0; count]; pieces.len()];
        // One small part of every task at a time.
        let mut parts: Vec<Vec<&mut [f64]>> = Vec::new();
        for scores in &mut scores {
            for (index, part) in scores.chunks_mut(PIECE).enumerate() {
                match parts.get_mut(index) {
                    Some(row) => row.push(part),
                    None => parts.push(vec![part]),
                }
            }
        }
        parts.par_iter_mut().enumerate().for_each(|(index, out)| {
            let start = index * PIECE;
            let inputs: Vec<&[f32]> = pieces
                .iter()
                .zip(&*out)
                .map(|(piece, out)| &piece[start..start + out.len()])
                .collect();
            self.score(&inputs, out);
        });
        scores
    }

    fn score(&self, inputs: &[&[f32]], out: &mut [&mut [f64]]) {
        Arch::new().dispatch(Scores {
            statistics: self,
            inputs,
            out,
        });
    }

    /// `Σ λᵢ τᵢ sᵢ / Σ sᵢ`, with the clamped magnitudes.
    pub(super) fn merge(&self, parts: &[Vec<f32>], weights: &[f64]) -> Vec<f32> {
        debug_assert_eq!(weights.len(), self.tasks.len());
        combine(parts, |pieces, out| {
            let mut scores = vec![vec![0.0; out.len()]; pieces.len()];
            let mut views: Vec<&mut [f64]> = scores.iter_mut().map(Vec::as_mut_slice).collect();
            self.score(pieces, &mut views);
            for (at, out) in out.iter_mut().enumerate() {
                let (mut sum, mut shares) = (0.0, 0.0);
                for ((task, piece), scores) in self.tasks.iter().zip(pieces).zip(&scores) {
                    let share = task.share(scores[at]);
                    let value = f64::from(piece[at]);
                    let clamped = sign(value) * value.abs().clamp(task.low, task.high);
                    sum += task.lambda * clamped * share;
                    shares += share;
                }
                *out = (sum / shares.max(1e-12)) as f32;
            }
        })
    }
}

/// The clamping points of every task's magnitudes.
fn magnitudes(
    merger: &Merger<'_>,
    counts: &[usize],
    total: usize,
    tell: Tell<'_>,
) -> Result<Vec<Task>> {
    let last = total.saturating_sub(1);
    let low = ((CLAMP * total as f64) as usize).min(last);
    let high = (((1.0 - CLAMP) * total as f64 - 1.0).max(0.0) as usize).clamp(low, last);
    let tasks = merger.active.len();
    let targets: Vec<Target> = (0..tasks)
        .flat_map(|stream| {
            [low, high].map(|rank| Target {
                stream,
                rank: rank as u64,
            })
        })
        .collect();
    let mut selection = Selection::new(32, &targets, &vec![total as u64; tasks]);
    let mut stage = Stage::new("magnitudes", total as u64, tell)?;
    let mut scratch = Scratch::default();
    while !selection.done() {
        stage.restart()?;
        for (index, &count) in counts.iter().enumerate() {
            merger.read_parts(index, &mut scratch)?;
            for (stream, part) in scratch.parts.iter().enumerate() {
                selection.feed(stream, part, magnitude_key);
            }
            stage.advance(count as u64)?;
        }
        selection.end_pass();
    }
    let found = selection.keys();
    let pairs = found.chunks_exact(2).zip(&merger.active);
    Ok(pairs
        .map(|(pair, (_, weight))| Task {
            low: f64::from(magnitude(pair[0])),
            high: f64::from(magnitude(pair[1])),
            score_low: 0.0,
            score_high: 0.0,
            lambda: merger.settings.scale * tasks as f64 * weight,
        })
        .collect())
}

/// -1, 0 or 1.
#[inline(always)]
fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// `βᵢ = exp(n mᵢ²) · agreement` of up to [`PIECE`] places, compiled for the processor at hand.
struct Scores<'a, 'b, 'c> {
    statistics: &'a Statistics,
    inputs: &'a [&'a [f32]],
    out: &'b mut [&'c mut [f64]],
}

impl WithSimd for Scores<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let tasks = &self.statistics.tasks;
        let count = self.inputs.first().map_or(0, |input| input.len());
        let signed: Vec<Vec<f64>> = tasks
            .iter()
            .zip(self.inputs)
            .map(|(task, input)| signed_magnitudes(task, input))
            .collect();
        let mut sums = vec![0.0f64; count];
        match self.statistics.variant {
            PcbVariant::A => self
                .inputs
                .iter()
                .for_each(|input| add_raw(&mut sums, input)),
            PcbVariant::B => signed.iter().for_each(|signed| add(&mut sums, signed)),
            PcbVariant::C => {}
        }
        let tasks_count = tasks.len() as f64;
        for ((out, own), input) in self.out.iter_mut().zip(&signed).zip(self.inputs) {
            if self.statistics.variant == PcbVariant::C {
                out.fill(0.0);
                for other in &signed {
                    add_agreement(out, own, other);
                }
            } else {
                for ((out, value), sum) in out.iter_mut().zip(*input).zip(&sums) {
                    *out = (f64::from(*value) * sum).tanh();
                }
            }
            multiply_by_size(out, own, tasks_count);
        }
    }
}

#[inline(always)]
fn signed_magnitudes(task: &Task, input: &[f32]) -> Vec<f64> {
    let signed = |value: &f32| sign(f64::from(*value)) * task.scaled(*value);
    input.iter().map(signed).collect()
}

#[inline(always)]
fn add_raw(sums: &mut [f64], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += f64::from(*value);
    }
}

#[inline(always)]
fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[inline(always)]
fn add_agreement(out: &mut [f64], own: &[f64], other: &[f64]) {
    for ((out, own), other) in out.iter_mut().zip(own).zip(other) {
        *out += tanh_within_one(own * other);
    }
}

#[inline(always)]
fn multiply_by_size(out: &mut [f64], signed: &[f64], tasks: f64) {
    for (out, z) in out.iter_mut().zip(signed) {
        *out *= exp_small(tasks * z * z);
    }
}

/// tanh of -1 to 1: the ninth convergent of its continued fraction, right to the last bits.
#[inline(always)]
fn tanh_within_one(x: f64) -> f64 {
    let t = x * x;
    let over = t
        .mul_add(1.0, 990.0)
        .mul_add(t, 135_135.0)
        .mul_add(t, 4_729_725.0)
        .mul_add(t, 34_459_425.0);
    let under = t
        .mul_add(45.0, 13_860.0)
        .mul_add(t, 945_945.0)
        .mul_add(t, 16_216_200.0)
        .mul_add(t, 34_459_425.0);
    x * over / under
}

/// exp of 0 to about 16 (as many tasks): a Taylor polynomial of a 64th of it, squared six times.
#[inline(always)]
fn exp_small(x: f64) -> f64 {
    const INVERSE: [f64; 12] = [
        1.0 / 12.0,
        1.0 / 11.0,
        1.0 / 10.0,
        1.0 / 9.0,
        1.0 / 8.0,
        1.0 / 7.0,
        1.0 / 6.0,
        1.0 / 5.0,
        1.0 / 4.0,
        1.0 / 3.0,
        1.0 / 2.0,
        1.0,
    ];
    let small = x / 64.0;
    let mut power = 1.0;
    for inverse in INVERSE {
        power = (small * inverse).mul_add(power, 1.0);
    }
    for _ in 0..6 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_approximations_are_right_to_the_last_digits() {
        for i in -1000..=1000 {
            let x = f64::from(i) / 1000.0;
            assert!((tanh_within_one(x) - x.tanh()).abs() <= 4e-16, "tanh {x}");
            let x = (x + 1.0) * 8.0;
            assert!((exp_small(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
        }
    }
}
