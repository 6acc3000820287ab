//! Methods that mix the bundle's own experts, one pass per token.

use crate::bundle::Bundle;
use crate::routing::nearest as nearest_experts;
use crate::types::{Channel, Point, Preference, RowGates};
use crate::{Error, Result};

/// No expert.
pub(super) fn base(bundle: &Bundle) -> RowGates {
    let info = &bundle.info;
    let routers = info.experts.len() - info.lora_experts();
    RowGates::base(info.adapters.len(), routers)
}

/// A method's point, which is a preference.
pub(super) fn preference<'p>(bundle: &Bundle, point: &'p Point) -> Result<&'p Preference> {
    match point {
        Point::Preference(preference) => {
            bundle.plan.gates(point)?; // of as many shares as there are objectives
            Ok(preference)
        }
        Point::Weights(_) => {
            let problem = "are weights; this method takes a preference";
            Err(Error::option("point", problem))
        }
    }
}

/// The LoRA expert of each objective alone, by its place among the bundle's experts.
pub(super) fn singles(bundle: &Bundle) -> Result<Vec<usize>> {
    let info = &bundle.info;
    (0..info.objectives.len())
        .map(|axis| {
            info.single(axis).ok_or_else(|| {
                let problem = format!(
                    "none stands at {} alone; this method mixes one LoRA expert per objective",
                    info.objectives[axis].name
                );
                Error::option("experts", problem)
            })
        })
        .collect()
}

/// Rewarded soups, exactly: each objective's own expert by its share. Eq. 3 of Ramé et al. (2023) over adapters.
pub(super) fn soup(bundle: &Bundle, point: &Point) -> Result<RowGates> {
    let shares = preference(bundle, point)?.as_slice();
    let mut gates = base(bundle);
    for (&expert, &share) in singles(bundle)?.iter().zip(shares) {
        if let Some(Channel::Adapter(adapter)) = bundle.info.channel(expert) {
            gates.adapters[adapter] = share as f32;
        }
    }
    Ok(gates)
}

/// The gates of each objective's own expert alone.
pub(super) fn one_hot(bundle: &Bundle) -> Result<Vec<RowGates>> {
    let singles = singles(bundle)?;
    let alone = singles.into_iter().map(|expert| {
        let mut gates = base(bundle);
        if let Some(Channel::Adapter(adapter)) = bundle.info.channel(expert) {
            gates.adapters[adapter] = 1.0;
        }
        gates
    });
    Ok(alone.collect())
}

/// HoE's Eqs. 9 and 10 as they stand: the nearest experts by the weights that reproduce the preference best, those below
/// 0 set to 0 and the others divided by their sum, so that it is a mixture at all.
pub(super) fn nearest(bundle: &Bundle, point: &Point) -> Result<RowGates> {
    let preference = preference(bundle, point)?;
    let found = nearest_experts(&bundle.info.experts, preference);
    let weights: Vec<f64> = found.experts.iter().map(|e| e.weight.max(0.0)).collect();
    let sum: f64 = weights.iter().sum();
    let mut gates = base(bundle);
    if sum <= 0.0 {
        return Ok(gates);
    }
    for (expert, weight) in found.experts.iter().zip(weights) {
        let weight = (weight / sum) as f32;
        match bundle.info.channel(expert.index) {
            Some(Channel::Adapter(adapter)) => gates.adapters[adapter] = weight,
            Some(Channel::Router(router)) => gates.routers[router] = weight,
            None => {}
        }
    }
    Ok(gates)
}
