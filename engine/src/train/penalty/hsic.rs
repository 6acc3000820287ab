//! The Hilbert-Schmidt independence criterion with its gradient, in the forms of
//! [`crate::forge::dependence`].
//!
//! With samples `xᵢ` (rows of `X = B A`, or of `A` in the released form), `Dᵢⱼ = ‖xᵢ - xⱼ‖²`, `K = exp(-e D)` and
//! `K' = H K H`, `L' = H L H`:
//! `C = tr(K H L H) = Σ K' ∘ L'`, `∂C/∂K = L'`, and normalised `N = C / √(P Q)` with `P = Σ K'²`, `Q = Σ L'²` has
//! `∂N/∂K = (L' - C/P K') / √(P Q)`. With `W = -e K ∘ ∂/∂K` the gradient in the samples is `4 (diag(W 1) - W) X`.
//! Bandwidths are constants in it. Unbiased, kernels have no diagonal, which `K - 1` makes 0 by itself, and
//! `K'ᵢⱼ = Kᵢⱼ - (kᵢ + kⱼ)/(m - 2) + Σ k/((m - 1)(m - 2))` with `k` the sums of the rows, again without a diagonal;
//! all else is the same, since centring is a projection there, too. It costs `max(0, N - 2 sd)`: a hinge at 0 would
//! follow what chance makes of independent vectors.

use candle_core::{Device, Tensor};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::factor::{Factor, Gradient};
use crate::Result;
use crate::forge::dependence::{LEAST_UNBIASED, NO_BANDWIDTH, RowSample, unbiased_chance};
use crate::train::ops::product;
use crate::types::{PenaltyConfig, PenaltyKind};

/// What of an earlier vector's module never changes.
#[derive(Debug)]
pub(super) struct Frozen {
    /// `L'`, `[m, m]`.
    centred: Vec<f32>,
    /// `Q`.
    own: f64,
}

impl Frozen {
    /// `None` for a penalty of another family, and where the bandwidth would be 0.
    pub(super) fn new(config: &PenaltyConfig, factor: &Factor) -> Result<Option<Self>> {
        if !matches!(
            config.kind,
            PenaltyKind::HsicReleased
                | PenaltyKind::HsicRows
                | PenaltyKind::HsicNormalised
                | PenaltyKind::HsicUnbiased
        ) {
            return Ok(None);
        }
        let samples = Samples::of(config, factor)?;
        Ok(Kernel::of(config.kind, &samples).map(|kernel| Self {
            own: kernel.centred.iter().map(|v| v * v).sum(),
            centred: kernel.centred.iter().map(|v| *v as f32).collect(),
        }))
    }

    /// This vector with its rows in an order that follows from `step` and `module`: centring does not know an order.
    pub(super) fn shuffled(&self, step: u64, module: u64) -> Self {
        let m = self.centred.len().isqrt();
        let mut order: Vec<usize> = (0..m).collect();
        let mut random = ChaCha8Rng::seed_from_u64(step);
        random.set_stream(module);
        order.shuffle(&mut random);
        let rows = order.iter().map(|&i| &self.centred[i * m..(i + 1) * m]);
        Self {
            centred: rows.flat_map(|row| order.iter().map(|&j| row[j])).collect(),
            own: self.own,
        }
    }
}

/// The choice of rows, where not all are taken.
pub(super) fn sample(config: &PenaltyConfig) -> Option<RowSample> {
    let seed = config.rows_seed;
    config.rows.map(|rows| RowSample { rows, seed })
}

/// Points whose distances count.
struct Samples {
    /// How many.
    m: usize,
    /// Inner products, `[m, m]`.
    gram: Vec<f32>,
    /// The rows that were chosen, where not all are.
    chosen: Option<Tensor>,
}

impl Samples {
    fn of(config: &PenaltyConfig, factor: &Factor) -> Result<Self> {
        let (gram, chosen) = if config.kind == PenaltyKind::HsicReleased {
            (product(&factor.a, &factor.a.t()?)?, None)
        } else {
            let chosen = match sample(config) {
                Some(sample) => sample.choose(factor.b.dim(0)?)?,
                None => None,
            };
            let chosen = chosen
                .map(|rows| {
                    let rows: Vec<u32> = rows.iter().map(|&r| r as u32).collect();
                    Tensor::from_slice(&rows, rows.len(), &Device::Cpu)
                })
                .transpose()?;
            let b = picked(&factor.b, chosen.as_ref())?;
            let inner = product(&factor.a, &factor.a.t()?)?;
            (product(&product(&b, &inner)?, &b.t()?)?, chosen)
        };
        Ok(Self {
            m: gram.dim(0)?,
            gram: gram.flatten_all()?.to_vec1()?,
            chosen,
        })
    }

    /// Squared distance between two.
    fn distance(&self, i: usize, j: usize) -> f64 {
        let at = |i: usize, j: usize| f64::from(self.gram[i * self.m + j]);
        (at(i, i) + at(j, j) - (at(i, j) + at(j, i))).max(0.0)
    }
}

fn picked(b: &Tensor, chosen: Option<&Tensor>) -> Result<Tensor> {
    Ok(match chosen {
        Some(chosen) => b.index_select(chosen, 0)?,
        None => b.clone(),
    })
}

/// A Gaussian kernel matrix.
struct Kernel {
    exponent: f64,
    /// `K - 1`, which centring makes no difference to, so that distances far below the bandwidth do not cost all digits.
    less_one: Vec<f64>,
    /// `H K H`.
    centred: Vec<f64>,
}

impl Kernel {
    /// `None` where the median distance, if it is the bandwidth, is as good as 0, and where there are too few
    /// samples for the unbiased form.
    fn of(kind: PenaltyKind, samples: &Samples) -> Option<Self> {
        let m = samples.m;
        if kind == PenaltyKind::HsicUnbiased && m < LEAST_UNBIASED {
            return None;
        }
        let mut values = vec![0.0; m * m];
        for i in 0..m {
            for j in 0..i {
                let distance = samples.distance(i, j);
                values[i * m + j] = distance;
                values[j * m + i] = distance;
            }
        }
        let exponent = match kind {
            PenaltyKind::HsicReleased => 1.0 / (2.0 + 1e-5),
            PenaltyKind::HsicNormalised | PenaltyKind::HsicUnbiased => {
                let bandwidth = median(&values, m);
                if bandwidth < NO_BANDWIDTH {
                    return None;
                }
                0.5 / (bandwidth * bandwidth)
            }
            _ => 0.5,
        };
        for i in 0..m {
            for j in 0..i {
                let value = (-exponent * values[i * m + j]).exp_m1();
                values[i * m + j] = value;
                values[j * m + i] = value;
            }
        }
        let centred = if kind == PenaltyKind::HsicUnbiased {
            let mut centred = centred(&values, m, [m - 2, m - 1]);
            for i in 0..m {
                centred[i * m + i] = 0.0;
            }
            centred
        } else {
            centred(&values, m, [m, m])
        };
        Some(Self {
            exponent,
            less_one: values,
            centred,
        })
    }
}

/// `Kᵢⱼ - (kᵢ + kⱼ)/p + Σ k/(p q)`, with `k` the sums of the rows.
fn centred(values: &[f64], m: usize, [p, q]: [usize; 2]) -> Vec<f64> {
    let mut means: Vec<f64> = values
        .chunks_exact(m.max(1))
        .map(|row| row.iter().sum::<f64>() / p as f64)
        .collect();
    // Half of what comes of all goes with each side.
    let half = means.iter().sum::<f64>() / q.max(1) as f64 / 2.0;
    for mean in &mut means {
        *mean -= half;
    }
    let mut centred = values.to_vec();
    for (row, mean) in centred.chunks_exact_mut(m.max(1)).zip(&means) {
        for (value, other) in row.iter_mut().zip(&means) {
            *value -= mean + other;
        }
    }
    centred
}

/// The median distance over all pairs; the mean of the middle two where their number is even.
fn median(squares: &[f64], m: usize) -> f64 {
    let mut above: Vec<f64> = (0..m)
        .flat_map(|i| &squares[i * m + i + 1..(i + 1) * m])
        .copied()
        .collect();
    if above.is_empty() {
        return 0.0;
    }
    let (low, high) = ((above.len() - 1) / 2, above.len() / 2);
    let (below, upper, _) = above.select_nth_unstable_by(high, f64::total_cmp);
    let upper = *upper;
    let lower = if low == high {
        upper
    } else {
        below.iter().copied().fold(0.0, f64::max)
    };
    f64::midpoint(lower.sqrt(), upper.sqrt())
}

/// What one module gives.
pub(super) struct Evaluated {
    /// `D` per earlier vector.
    pub(super) values: Vec<f64>,
    /// What of it the loss counts.
    pub(super) costs: Vec<f64>,
    /// Of the weighted sum of the costs.
    pub(super) gradient: Gradient,
}

/// `D` per earlier vector, what it costs, and the gradient of the costs' weighted sum.
pub(super) fn evaluate(
    config: &PenaltyConfig,
    own: &Factor,
    others: &[Option<&Frozen>],
    weights: &[f64],
) -> Result<Evaluated> {
    let mut found = Evaluated {
        values: vec![0.0; others.len()],
        costs: vec![0.0; others.len()],
        gradient: Gradient::default(),
    };
    if others.iter().all(Option::is_none) {
        return Ok(found);
    }
    let samples = Samples::of(config, own)?;
    let Some(kernel) = Kernel::of(config.kind, &samples) else {
        return Ok(found);
    };
    let m = samples.m;
    let by_chance = match config.kind {
        PenaltyKind::HsicUnbiased => unbiased_chance(m),
        _ => 0.0,
    };
    let divisor = match config.kind {
        PenaltyKind::HsicReleased => (m * m) as f64,
        _ => (m.saturating_sub(1).max(1) as f64).powi(2),
    };
    let own_square: f64 = kernel.centred.iter().map(|v| v * v).sum();
    // ∂/∂K = Σ shares · L' + share_of_own · K'.
    let (mut shares, mut share_of_own) = (Vec::new(), 0.0);
    for (index, (other, weight)) in others.iter().zip(weights).enumerate() {
        let Some(other) = other else {
            continue;
        };
        let pairs = kernel.centred.iter().zip(&other.centred);
        let cross: f64 = pairs.map(|(k, l)| k * f64::from(*l)).sum();
        if matches!(
            config.kind,
            PenaltyKind::HsicNormalised | PenaltyKind::HsicUnbiased
        ) {
            let norm = (own_square * other.own).sqrt();
            if norm <= 0.0 {
                continue;
            }
            let value = cross / norm;
            found.values[index] = value;
            if config.kind == PenaltyKind::HsicUnbiased {
                found.costs[index] = (value - 2.0 * by_chance).max(0.0);
                if found.costs[index] <= 0.0 {
                    continue;
                }
            } else {
                found.costs[index] = value;
            }
            shares.push((weight / norm, *other));
            share_of_own -= weight * cross / (own_square * norm);
        } else {
            let value = cross / divisor;
            found.values[index] = value;
            found.costs[index] = value;
            shares.push((weight / divisor, *other));
        }
    }
    // Nothing to pull at: no gradient, rather than one of zeros.
    if !shares.is_empty() {
        let slopes = slopes(&kernel, &shares, share_of_own);
        found.gradient = in_factors(config.kind, own, &samples, slopes)?;
    }
    Ok(found)
}

/// `4 (diag(W 1) - W)`, `[m, m]`.
fn slopes(kernel: &Kernel, shares: &[(f64, &Frozen)], share_of_own: f64) -> Vec<f32> {
    let m = (kernel.centred.len() as f64).sqrt().round() as usize;
    let mut slopes = vec![0.0f32; m * m];
    let mut row = vec![0.0f64; m];
    for i in 0..m {
        let place = i * m..(i + 1) * m;
        for (slope, centred) in row.iter_mut().zip(&kernel.centred[place.clone()]) {
            *slope = share_of_own * centred;
        }
        for (share, frozen) in shares {
            for (slope, centred) in row.iter_mut().zip(&frozen.centred[place.clone()]) {
                *slope += share * f64::from(*centred);
            }
        }
        let mut sum = 0.0;
        for (slope, less_one) in row.iter_mut().zip(&kernel.less_one[place.clone()]) {
            *slope *= 4.0 * kernel.exponent * (less_one + 1.0);
            sum += *slope;
        }
        // Now the row holds -4 W.
        row[i] -= sum;
        for (slope, value) in slopes[place].iter_mut().zip(&row) {
            *slope = *value as f32;
        }
    }
    slopes
}

fn in_factors(
    kind: PenaltyKind,
    own: &Factor,
    samples: &Samples,
    slopes: Vec<f32>,
) -> Result<Gradient> {
    let slopes = Tensor::from_vec(slopes, (samples.m, samples.m), &Device::Cpu)?;
    if kind == PenaltyKind::HsicReleased {
        return Ok(Gradient {
            a: Some(product(&slopes, &own.a)?),
            b: Some(own.b.zeros_like()?),
        });
    }
    let b = picked(&own.b, samples.chosen.as_ref())?;
    let pulled = product(&slopes, &b)?;
    let a = product(&product(&b.t()?, &pulled)?, &own.a)?;
    let of_b = product(&pulled, &product(&own.a, &own.a.t()?)?)?;
    let of_b = match &samples.chosen {
        Some(chosen) => own.b.zeros_like()?.index_add(chosen, &of_b, 0)?,
        None => of_b,
    };
    Ok(Gradient {
        a: Some(a),
        b: Some(of_b),
    })
}
