//! The Hilbert-Schmidt independence criterion, `tr(K H L H) / (m - 1)²` with Gaussian kernels.
//!
//! The rows of `s B A` lie as far apart as those of `s B Rᵀ` with `Aᵀ = Q R`, which have `rank` numbers
//! instead of `d_in`. Kernel matrices are never whole: blocks of rows are made, used and dropped, again
//! in every pass. Kernels are taken less 1, which centring makes no difference to, so that bandwidths
//! far above the distances do not cost all digits; of the unbiased form this also makes the diagonal 0.

use std::path::Path;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::parts::{Factors, Sums};
use crate::forge::Matrix;
use crate::forge::matrix::sum_of_squares;
use crate::forge::select::{Selection, Target, number, number_key};
use crate::{Bounds, Error, Result};

/// Rows of a kernel matrix that are there at a time.
const BLOCK: usize = 256;

/// Bandwidths below this count as 0: the samples are all the same.
pub(crate) const NO_BANDWIDTH: f64 = 1e-8;

/// Some rows instead of all, the same for both adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSample {
    /// How many.
    pub rows: usize,
    /// Of their choice.
    pub seed: u64,
}

impl RowSample {
    /// HSIC compares every two rows, and a person waits.
    pub const WAITED_FOR: Self = Self { rows: 512, seed: 0 };
}

impl RowSample {
    /// The chosen ones of `all` rows, ascending; `None` where that is all of them.
    pub(crate) fn choose(self, all: usize) -> Result<Option<Vec<usize>>> {
        if self.rows >= all {
            return Ok(None);
        }
        let checked = Bounds::at_least(2.0).check(self.rows as f64);
        checked.map_err(|e| Error::option("--rows", e))?;
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut chosen = rand::seq::index::sample(&mut random, all, self.rows).into_vec();
        chosen.sort_unstable();
        Ok(Some(chosen))
    }
}

/// As released: samples are the rows of `A`, `K = exp(-d² / (2 + 1e-5))`, divided by `r²`.
pub(super) fn released(pair: &[Factors; 2], path: &Path, module: &str) -> Result<Sums> {
    let [one, other] = pair;
    let (r, other_r) = (one.a.rows(), other.a.rows());
    if r != other_r {
        return Err(Error::Adapter {
            path: path.to_path_buf(),
            problem: format!(
                "has rank {other_r} at `{module}`, the first adapter {r}; hsic-released pairs the rows of A, so the ranks must be equal (hsic-rows and hsic-normalised compare any)"
            ),
        });
    }
    let samples = [Samples::new(one.a.clone()), Samples::new(other.a.clone())];
    let exponent = 1.0 / (2.0 + 1e-5);
    let terms = kernel_terms(&samples, [exponent; 2], Centring::Plain);
    Ok(Sums::of(terms.cross / (r as f64 * r as f64), [1.0; 2]))
}

/// As in the text: samples are the rows of `s B A`, bandwidth 1.
pub(super) fn rows(pair: &[Factors; 2], sample: Option<RowSample>) -> Result<Sums> {
    let samples = samples_of(pair, sample)?;
    let terms = kernel_terms(&samples, [0.5; 2], Centring::Plain);
    let m = samples[0].rows.rows() as f64;
    let value = if m > 1.0 {
        terms.cross / ((m - 1.0) * (m - 1.0))
    } else {
        0.0
    };
    Ok(Sums::of(value, [1.0; 2]))
}

/// With the median distance of each matrix as its bandwidth, and normalised.
pub(super) fn normalised(pair: &[Factors; 2], sample: Option<RowSample>) -> Result<Sums> {
    let samples = samples_of(pair, sample)?;
    Ok(Sums::of(ratio(&samples, Centring::Plain), [1.0; 2]))
}

/// HSIC of kernels without their diagonals, and its variance by chance. Modules of fewer rows than
/// [`LEAST_UNBIASED`] tell nothing and do not count.
pub(super) fn unbiased(pair: &[Factors; 2], sample: Option<RowSample>) -> Result<Sums> {
    if let Some(RowSample { rows, .. }) = sample
        && rows < LEAST_UNBIASED
    {
        let problem =
            format!("is {rows}; hsic-unbiased needs at least {LEAST_UNBIASED} rows of each module");
        return Err(Error::option("--rows", problem));
    }
    let samples = samples_of(pair, sample)?;
    let m = samples[0].rows.rows();
    if m < LEAST_UNBIASED {
        return Ok(Sums::default());
    }
    let chance = unbiased_chance(m);
    Ok(Sums::of(
        ratio(&samples, Centring::Unbiased),
        [chance * chance, 0.0],
    ))
}

/// Fewer rows leave nothing of a kernel matrix without its diagonal once it is centred.
pub(crate) const LEAST_UNBIASED: usize = 4;

/// The standard deviation of the unbiased form of `m` rows where one adapter's rows come in a random order; the
/// mean is 0. A centred matrix without its diagonal has `m (m - 3) / 2` degrees of freedom.
pub(crate) fn unbiased_chance(m: usize) -> f64 {
    let m = m as f64;
    (2.0 / (m * (m - 3.0)).max(1.0)).sqrt()
}

/// `C / √(P Q)` at median bandwidths; 0 where a bandwidth would be.
fn ratio(samples: &[Samples; 2], centring: Centring) -> f64 {
    let bandwidths = [median_distance(&samples[0]), median_distance(&samples[1])];
    if bandwidths.iter().any(|&b| b < NO_BANDWIDTH) {
        return 0.0;
    }
    let terms = kernel_terms(samples, bandwidths.map(|b| 0.5 / (b * b)), centring);
    let norm = (terms.own[0] * terms.own[1]).sqrt();
    if norm > 0.0 { terms.cross / norm } else { 0.0 }
}

/// Points whose distances count.
struct Samples {
    /// `[m, k]`.
    rows: Matrix,
    /// Squared norms.
    norms: Vec<f64>,
}

impl Samples {
    fn new(rows: Matrix) -> Self {
        let norms = rows.rows_iter().map(sum_of_squares).collect();
        Self { rows, norms }
    }

    /// Squared distances from some of the rows to all, `[count, m]`.
    fn squared_distances(&self, start: usize, count: usize) -> Vec<f64> {
        let (m, k) = (self.rows.rows(), self.rows.cols());
        let block = Matrix::new(
            count,
            k,
            self.rows.values()[start * k..(start + count) * k].to_vec(),
        );
        let products = block.times_transposed(&self.rows);
        let mut distances = vec![0.0; count * m];
        distances
            .par_chunks_mut(m)
            .zip(products.values().par_chunks(m))
            .enumerate()
            .for_each(|(i, (distances, products))| {
                let own = self.norms[start + i];
                let places = distances.iter_mut().zip(products).zip(&self.norms);
                for ((distance, product), norm) in places {
                    *distance = (own + norm - 2.0 * f64::from(*product)).max(0.0);
                }
                distances[start + i] = 0.0;
            });
        distances
    }
}

fn samples_of(pair: &[Factors; 2], sample: Option<RowSample>) -> Result<[Samples; 2]> {
    let m = pair[0].b.rows();
    let chosen = match sample {
        Some(sample) => sample.choose(m)?,
        None => None,
    };
    Ok([&pair[0], &pair[1]].map(|factors| {
        let (_, r) = factors.a.transposed().qr();
        let rows = factors.b.times_transposed(&r);
        Samples::new(match &chosen {
            Some(chosen) => {
                let k = rows.cols();
                let picked = chosen
                    .iter()
                    .flat_map(|&i| &rows.values()[i * k..(i + 1) * k])
                    .copied();
                Matrix::new(chosen.len(), k, picked.collect())
            }
            None => rows,
        })
    }))
}

/// The median over all pairs `i < j`, exactly; the mean of the middle two where their number is even.
fn median_distance(samples: &Samples) -> f64 {
    let m = samples.rows.rows();
    let pairs = (m * m.saturating_sub(1) / 2) as u64;
    if pairs == 0 {
        return 0.0;
    }
    let targets = [(pairs - 1) / 2, pairs / 2].map(|rank| Target { stream: 0, rank });
    let mut selection = Selection::new(64, &targets, &[pairs]);
    while !selection.done() {
        for start in (0..m).step_by(BLOCK) {
            let count = BLOCK.min(m - start);
            let distances = samples.squared_distances(start, count);
            let above: Vec<f64> = (0..count)
                .flat_map(|i| &distances[i * m + start + i + 1..(i + 1) * m])
                .copied()
                .collect();
            selection.feed(0, &above, number_key);
        }
        selection.end_pass();
    }
    selection
        .keys()
        .iter()
        .map(|key| number(*key).sqrt())
        .sum::<f64>()
        / 2.0
}

/// How kernel matrices are centred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Centring {
    /// `H K H`.
    Plain,
    /// Without the diagonal, so that independent samples have products of mean 0 (Song et al. 2012).
    Unbiased,
}

/// `⟨K', L'⟩` of centred matrices, for the pair and for either with itself.
struct Terms {
    cross: f64,
    own: [f64; 2],
}

/// Of `K = exp(-exponent · d²)`.
fn kernel_terms(samples: &[Samples; 2], exponents: [f64; 2], centring: Centring) -> Terms {
    let m = samples[0].rows.rows();
    // ⟨K', L'⟩ = Σ K∘L - 2/m Σ kᵢ lᵢ + (Σ k)(Σ l)/m², with k, l the sums of the rows; unbiased, of matrices
    // whose diagonal is 0, with m - 2 for m and (m - 1)(m - 2) for m².
    let (mut products, mut sums) = ([0.0f64; 3], [0.0f64; 2]);
    let mut row_products = [0.0f64; 3];
    for start in (0..m).step_by(BLOCK) {
        let count = BLOCK.min(m - start);
        let mut kernels = [0, 1].map(|which| samples[which].squared_distances(start, count));
        let per_row: Vec<[f64; 5]> = {
            let [one, other] = &mut kernels;
            one.par_chunks_mut(m)
                .zip(other.par_chunks_mut(m))
                .map(|(k, l)| row_terms(k, l, exponents))
                .collect()
        };
        for [kl, kk, ll, k, l] in per_row {
            products[0] += kl;
            products[1] += kk;
            products[2] += ll;
            row_products[0] += k * l;
            row_products[1] += k * k;
            row_products[2] += l * l;
            sums[0] += k;
            sums[1] += l;
        }
    }
    let m = m as f64;
    let [by_row, by_all] = match centring {
        Centring::Plain => [m, m * m],
        Centring::Unbiased => [m - 2.0, (m - 1.0) * (m - 2.0)],
    };
    let trace = |which: usize, a: usize, b: usize| {
        products[which] - 2.0 / by_row * row_products[which] + sums[a] * sums[b] / by_all
    };
    Terms {
        cross: trace(0, 0, 1),
        own: [trace(1, 0, 0), trace(2, 1, 1)],
    }
}

/// Turns squared distances of one row into kernels less 1; sums of products and of either.
fn row_terms(one: &mut [f64], other: &mut [f64], exponents: [f64; 2]) -> [f64; 5] {
    let mut terms = [0.0; 5];
    for (k, l) in one.iter_mut().zip(other) {
        *k = (-exponents[0] * *k).exp_m1();
        *l = (-exponents[1] * *l).exp_m1();
        terms[0] += *k * *l;
        terms[1] += *k * *k;
        terms[2] += *l * *l;
        terms[3] += *k;
        terms[4] += *l;
    }
    terms
}
