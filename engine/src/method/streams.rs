//! Methods that run several streams, or ask reward models, for each token.

use super::gates::{base, one_hot, preference};
use super::mixer::{Among, Guide, Mixer};
use super::row::{Choice, RowPlan, StreamPlan, Then};
use super::side::{Recipe, SidePlan};
use super::{Method, trained, wording};
use crate::bundle::Bundle;
use crate::types::{Point, Prompt, RowGates};
use crate::{Error, Result};

/// Multi-objective decoding (Shi et al. 2024, Eq. 6 for reverse KL): `Σ wᵢ lᵢ` over the objectives' own experts. At free
/// weights, which need not sum to 1, over the value vectors and relative to the base: `l₀ + Σ oᵢ (lᵢ - l₀)`.
pub(super) fn decoding(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let c = method.number("c");
    let experts = match point {
        Point::Preference(_) => {
            preference(bundle, point)?;
            one_hot(bundle)?
        }
        Point::Weights(_) => {
            bundle.plan.gates(point)?; // of as many weights as there are value vectors
            value_vectors(bundle)
        }
    };
    let weights = point.as_slice().iter().map(|&w| c * w);
    let of_base = 1.0 - weights.clone().sum::<f64>();
    let relative = matches!(point, Point::Weights(_)) || c != 1.0;
    let mut streams: Vec<StreamPlan> = Vec::new();
    let mut coefficients: Vec<f64> = Vec::new();
    if relative {
        streams.push(StreamPlan::of(base(bundle)));
        coefficients.push(of_base);
    }
    streams.extend(experts.into_iter().map(StreamPlan::of));
    coefficients.extend(weights);
    Ok(RowPlan {
        streams,
        mixer: Mixer::Sum {
            coefficients,
            among: Among::All,
        },
        then: None,
    })
}

fn value_vectors(bundle: &Bundle) -> Vec<RowGates> {
    let adapters = bundle.info.value_adapters.iter();
    let alone = adapters.map(|&adapter| {
        let mut gates = base(bundle);
        gates.adapters[adapter] = 1.0;
        gates
    });
    alone.collect()
}

/// Autoregressive reward models beside the base (GenARM, Xu et al. 2025, Eq. 8): `l₀ + c Σ wᵢ lᵢ`.
pub(super) fn genarm(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let shares = preference(bundle, point)?.as_slice();
    let models = trained::per_objective(bundle, method.kind())?;
    let c = method.number("c");
    let mut streams = vec![StreamPlan::of(base(bundle))];
    let mut coefficients = vec![1.0];
    for (index, share) in shares.iter().enumerate() {
        let mut gates = RowGates::base(models.len(), 0);
        gates.adapters[index] = 1.0;
        streams.push(StreamPlan {
            side: Some(SidePlan::new(Recipe::Loaded(models.clone()), gates)),
            ..StreamPlan::of(base(bundle))
        });
        coefficients.push(c * share);
    }
    Ok(RowPlan {
        streams,
        mixer: Mixer::Sum {
            coefficients,
            among: Among::All,
        },
        then: None,
    })
}

/// One autoregressive reward model that is told the preference (PARM, Lin et al. 2025): `l₀ + c l(w)`, of which
/// `ΔW(w) = s (B₁ A₁ + B₂ W(w) A₂)` is the shared adapter in full and each objective's by its share.
pub(super) fn parm(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let shares = preference(bundle, point)?.as_slice();
    let parts = trained::shared_and_per_objective(bundle)?;
    let mut gates = RowGates::base(parts.len(), 0);
    let told = std::iter::once(1.0).chain(shares.iter().map(|&share| share as f32));
    for (gate, told) in gates.adapters.iter_mut().zip(told) {
        *gate = told;
    }
    let reward = StreamPlan {
        side: Some(SidePlan::new(Recipe::Loaded(parts), gates)),
        ..StreamPlan::of(base(bundle))
    };
    Ok(RowPlan {
        streams: vec![StreamPlan::of(base(bundle)), reward],
        mixer: Mixer::Sum {
            coefficients: vec![1.0, method.number("c")],
            among: Among::All,
        },
        then: None,
    })
}

/// What telling a policy the preference adds to it, among the base's likeliest tokens (after PAD, Chen et al. 2025):
/// `l₀ + c (l_p - l₀)`. The policy is the base itself, told in words.
pub(super) fn pad(
    bundle: &Bundle,
    method: &Method,
    point: &Point,
    prompt: &Prompt,
) -> Result<RowPlan> {
    let preference = preference(bundle, point)?;
    let told = StreamPlan {
        prompt: Some(wording::told(bundle, preference, prompt)?),
        ..StreamPlan::of(base(bundle))
    };
    let c = method.number("c");
    Ok(RowPlan {
        streams: vec![StreamPlan::of(base(bundle)), told],
        mixer: Mixer::Sum {
            coefficients: vec![1.0 - c, c],
            among: Among::Top(method.whole("k")),
        },
        then: None,
    })
}

/// Refuses a method whose answers ask a reward model that is not there.
fn asks_rewards(bundle: &Bundle, method: &Method, shares: &[f64]) -> Result<()> {
    let objectives = bundle.info.objectives.iter().zip(&bundle.rewards);
    let mut lacking = objectives
        .zip(shares)
        .filter(|((_, reward), share)| reward.is_none() && **share > 0.0);
    let Some(((objective, _), _)) = lacking.next() else {
        return Ok(());
    };
    let problem = format!(
        "{} asks the reward model of {}, and none is loaded",
        method.kind().name(),
        objective.name
    );
    Err(Error::option("method", problem))
}

/// The best of n answers of the base, by the weighted rewards: the choice of a sweep's pools for one row alone, where
/// scores are put on one scale by their deviations over its own answers.
pub(super) fn best_of_n(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let shares = preference(bundle, point)?.as_slice();
    asks_rewards(bundle, method, shares)?;
    Ok(RowPlan {
        then: Some(Then::Choose(Choice {
            answers: method.whole("n"),
            temperature: method.number("temperature"),
            weights: shares.to_vec(),
        })),
        ..RowPlan::alone(StreamPlan::of(base(bundle)))
    })
}

/// Reward-guided search (ARGS, Khanov et al. 2024, Eq. 3): `l₀ + c Σ wᵢ rᵢ(answer + token)` over the likeliest tokens.
pub(super) fn args(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let shares = preference(bundle, point)?.as_slice();
    let c = method.number("c");
    asks_rewards(bundle, method, shares)?;
    Ok(RowPlan {
        streams: vec![StreamPlan::of(base(bundle))],
        mixer: Mixer::Guided(Guide {
            weights: shares.iter().map(|share| c * share).collect(),
            candidates: method.whole("k"),
            rewards: bundle.info.identity.rewards.clone(),
        }),
        then: None,
    })
}
