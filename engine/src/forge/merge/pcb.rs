//! PCB-Merging (Du et al. 2024): entries compete within a task by their size and between tasks by
//! agreement; what loses is dropped. Scores are ranked over the whole model, in passes.

use std::sync::atomic::{AtomicU64, Ordering};

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use super::{Merger, PIECE, Scratch, combine};
use crate::Result;
use crate::forge::partial::Partial;
use crate::forge::select::{
    Selection, Standing, Target, magnitude, magnitude_key, number, number_key,
};
use crate::forge::{Stage, Tell};

/// Magnitudes are clamped to the order statistics at this share from either end.
const CLAMP: f64 = 0.01;

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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
        let magnitude = f64::from(value).abs().max(self.low).min(self.high);
        let range = self.high - self.low;
        if range > 0.0 {
            (magnitude - self.low) / range
        } else {
            0.0
        }
    }

    /// The score in [0, 1].
    #[inline(always)]
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

/// What is kept of a search between two passes.
#[derive(Debug, Serialize, Deserialize)]
struct Search {
    standing: Vec<Standing>,
    /// Of the scores, per task.
    largest: Vec<f64>,
}

impl Statistics {
    /// Up to two passes for the magnitudes and up to four for the scores; what each finds is kept in
    /// `partial`.
    pub(super) fn gather(
        merger: &Merger<'_>,
        partial: Option<&Partial>,
        tell: Tell<'_>,
    ) -> Result<Self> {
        let counts: Vec<usize> = merger.deltas().map(super::Delta::count).collect();
        let tasks = magnitudes(merger, &counts, partial, tell)?;
        let mut statistics = Self {
            tasks,
            variant: merger.settings.pcb,
        };
        statistics.rank_scores(merger, &counts, partial, tell)?;
        Ok(statistics)
    }

    fn rank_scores(
        &mut self,
        merger: &Merger<'_>,
        counts: &[usize],
        partial: Option<&Partial>,
        tell: Tell<'_>,
    ) -> Result<()> {
        const FIGURE: &str = "pcb-scores";
        let total: usize = counts.iter().sum();
        let density = merger.settings.density;
        let rank = (((1.0 - density) * total as f64) as usize).min(total.saturating_sub(1));
        let tasks = self.tasks.len();
        let targets: Vec<Target> = (0..tasks)
            .map(|stream| Target {
                stream,
                rank: rank as u64,
            })
            .collect();
        let mut selection = Selection::new(64, &targets, &vec![total as u64; tasks]);
        let mut largest = vec![f64::NEG_INFINITY; tasks];
        if let Some(kept) = partial.and_then(|partial| partial.figure::<Search>(FIGURE)) {
            selection.go_on(&kept.standing);
            largest = kept.largest;
        }
        let mut stage = Stage::new("scores", total as u64, tell)?;
        let mut scratch = Scratch::default();
        while !selection.done() {
            stage.restart()?;
            for (index, &count) in counts.iter().enumerate() {
                merger.read_parts(index, &mut scratch)?;
                let most = self.feed(&scratch.parts, count, &mut selection);
                for (largest, most) in largest.iter_mut().zip(most) {
                    *largest = largest.max(most);
                }
                stage.advance(count as u64)?;
            }
            selection.end_pass();
            if let Some(partial) = partial {
                let search = Search {
                    standing: selection.standing(),
                    largest: largest.clone(),
                };
                partial.keep_figure(FIGURE, &search)?;
            }
        }
        for ((task, key), largest) in self.tasks.iter_mut().zip(selection.keys()).zip(largest) {
            task.score_low = number(key);
            task.score_high = largest;
        }
        Ok(())
    }

    /// Ranks the scores of one tensor while they are in the cache; returns the largest per task.
    fn feed(&self, parts: &[Vec<f32>], count: usize, selection: &mut Selection) -> Vec<f64> {
        let largest: Vec<Largest> = parts.iter().map(|_| Largest::default()).collect();
        let produce = |index: usize, scores: &mut [Vec<f64>]| {
            let start = index * PIECE;
            let end = (start + PIECE).min(count);
            let inputs: Vec<&[f32]> = parts.iter().map(|part| &part[start..end]).collect();
            for scores in &mut *scores {
                scores.resize(end - start, 0.0);
            }
            let mut views: Vec<&mut [f64]> = scores.iter_mut().map(Vec::as_mut_slice).collect();
            self.score(&inputs, &mut views);
            for (largest, scores) in largest.iter().zip(&*scores) {
                largest.take(scores.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
        };
        selection.feed_computed(parts.len(), count.div_ceil(PIECE), produce, number_key);
        largest.iter().map(Largest::get).collect()
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
            Arch::new().dispatch(Shares {
                tasks: &self.tasks,
                scores: &scores,
                pieces,
                out,
            });
        })
    }
}

/// The largest number that any thread saw, as its [`number_key`].
#[derive(Debug, Default)]
struct Largest(AtomicU64);

impl Largest {
    fn take(&self, value: f64) {
        self.0.fetch_max(number_key(&value), Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        match self.0.load(Ordering::Relaxed) {
            0 => f64::NEG_INFINITY,
            key => number(key),
        }
    }
}

/// The clamping points of every task's magnitudes.
fn magnitudes(
    merger: &Merger<'_>,
    counts: &[usize],
    partial: Option<&Partial>,
    tell: Tell<'_>,
) -> Result<Vec<Task>> {
    const FIGURE: &str = "pcb-magnitudes";
    let total: usize = counts.iter().sum();
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
    if let Some(standing) = partial.and_then(|partial| partial.figure::<Vec<_>>(FIGURE)) {
        selection.go_on(&standing);
    }
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
        if let Some(partial) = partial {
            partial.keep_figure(FIGURE, &selection.standing())?;
        }
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
            PcbVariant::C => agreements(self.out, &signed),
        }
        let tasks_count = tasks.len() as f64;
        for ((out, own), input) in self.out.iter_mut().zip(&signed).zip(self.inputs) {
            if self.statistics.variant != PcbVariant::C {
                for ((out, value), sum) in out.iter_mut().zip(*input).zip(&sums) {
                    *out = (f64::from(*value) * sum).tanh();
                }
            }
            multiply_by_size(out, own, tasks_count);
        }
    }
}

/// `Σ λᵢ τᵢ sᵢ / Σ sᵢ` of up to [`PIECE`] places, compiled for the processor at hand.
struct Shares<'a> {
    tasks: &'a [Task],
    scores: &'a [Vec<f64>],
    pieces: &'a [&'a [f32]],
    out: &'a mut [f32],
}

impl WithSimd for Shares<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (mut sums, mut shares) = ([0.0f64; PIECE], [0.0f64; PIECE]);
        for ((task, piece), scores) in self.tasks.iter().zip(self.pieces).zip(self.scores) {
            add_shares(&mut sums, &mut shares, *task, piece, scores);
        }
        for ((out, sum), share) in self.out.iter_mut().zip(&sums).zip(&shares) {
            *out = (sum / share.max(1e-12)) as f32;
        }
    }
}

#[inline(always)]
fn add_shares(sums: &mut [f64], shares: &mut [f64], task: Task, piece: &[f32], scores: &[f64]) {
    for (((sum, all), value), score) in sums.iter_mut().zip(shares).zip(piece).zip(scores) {
        let share = task.share(*score);
        let value = f64::from(*value);
        let clamped = sign(value) * value.abs().max(task.low).min(task.high);
        *sum += task.lambda * clamped * share;
        *all += share;
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

/// `Σⱼ tanh(zᵢ zⱼ)` per task; each pair's is computed once, and added in order of j.
#[inline(always)]
fn agreements(out: &mut [&mut [f64]], signed: &[Vec<f64>]) {
    for out in &mut *out {
        out.fill(0.0);
    }
    for (first, own) in signed.iter().enumerate() {
        for (second, other) in signed.iter().enumerate().skip(first) {
            let (before, after) = out.split_at_mut(second);
            let Some(of_second) = after.first_mut() else {
                return;
            };
            match before.get_mut(first) {
                Some(of_first) => add_agreement(of_first, of_second, own, other),
                None => add_own_agreement(of_second, own),
            }
        }
    }
}

#[inline(always)]
fn add_own_agreement(out: &mut [f64], own: &[f64]) {
    for (out, own) in out.iter_mut().zip(own) {
        *out += tanh_within_one(own * own);
    }
}

#[inline(always)]
fn add_agreement(first: &mut [f64], second: &mut [f64], own: &[f64], other: &[f64]) {
    for (((first, second), own), other) in first.iter_mut().zip(second).zip(own).zip(other) {
        let agreement = tanh_within_one(own * other);
        *first += agreement;
        *second += agreement;
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
