//! How much two adapters depend on each other (methods 5.2, 5.7): HSIC in four forms, cosine, agreement
//! of signs, principal angles; nothing here forms a difference `s B A` as a whole.

mod hsic;
mod linear;
mod parts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use crate::types::Measure;
pub use hsic::RowSample;
pub(crate) use hsic::{LEAST_UNBIASED, NO_BANDWIDTH, unbiased_chance};
pub use linear::Angles;

use parts::{Factors, Sums};

use super::{DeltaSource, Matrix, Stage, Tell};
use crate::model::in_words;
use crate::types::{self, PairInterference};
use crate::{Error, Result};

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dependence {
    /// Per module that both adapt.
    pub modules: BTreeMap<String, f64>,
    /// Per decoder layer, put together as the total is.
    pub layers: BTreeMap<usize, f64>,
    /// Over all modules, as the measure says.
    pub total: f64,
    /// What chance alone makes of it, for [`Measure::HsicUnbiased`].
    #[serde(flatten)]
    pub chance: Option<Chance>,
    /// Cosines of the principal angles, per module, for [`Measure::Angles`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub angles: BTreeMap<String, Angles>,
}

/// Standard deviations where one adapter's rows come in a random order, which makes the mean 0: beyond twice
/// as much, values are hardly chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chance {
    /// Of the total.
    #[serde(rename = "sd")]
    pub total: f64,
    /// Per decoder layer.
    #[serde(rename = "layer_sd")]
    pub layers: BTreeMap<usize, f64>,
    /// The total in standard deviations.
    pub z: f64,
}

impl Dependence {
    /// As one pair of several adapters, over so many decoder layers.
    pub fn of_pair(&self, pair: (usize, usize), layers: usize) -> PairInterference {
        let each = |by: &BTreeMap<usize, f64>| -> Vec<Option<f64>> {
            (0..layers).map(|layer| by.get(&layer).copied()).collect()
        };
        PairInterference {
            pair,
            total: self.total,
            layers: each(&self.layers),
            chance: self.chance.as_ref().map(|chance| types::Chance {
                total: chance.total,
                layers: each(&chance.layers),
            }),
        }
    }
}

/// Measures two adapters over the modules that both adapt.
pub fn dependence(
    a: &Path,
    b: &Path,
    measure: Measure,
    rows: Option<RowSample>,
    tell: Tell<'_>,
) -> Result<Dependence> {
    let pair = [open(a)?, open(b)?];
    measured(&pair[0], &pair[1], measure, rows, tell)
}

/// [`dependence`] of every pair of several adapters, `(i, j)` with `i < j`.
pub fn pairwise(
    adapters: &[PathBuf],
    measure: Measure,
    rows: Option<RowSample>,
    tell: Tell<'_>,
) -> Result<Vec<(usize, usize, Dependence)>> {
    let sources: Vec<DeltaSource> = adapters
        .iter()
        .map(|path| open(path))
        .collect::<Result<_>>()?;
    let mut found = Vec::new();
    for (i, one) in sources.iter().enumerate() {
        for (j, other) in sources.iter().enumerate().skip(i + 1) {
            found.push((i, j, measured(one, other, measure, rows, tell)?));
        }
    }
    Ok(found)
}

fn open(path: &Path) -> Result<DeltaSource> {
    let source = DeltaSource::adapter(path, None)?;
    if source.is_lora() {
        return Ok(source);
    }
    Err(Error::Adapter {
        path: path.to_path_buf(),
        problem: "is no plain LoRA adapter, and only those are measured".to_owned(),
    })
}

fn measured(
    one: &DeltaSource,
    other: &DeltaSource,
    measure: Measure,
    rows: Option<RowSample>,
    tell: Tell<'_>,
) -> Result<Dependence> {
    let shared: Vec<_> = one
        .deltas()
        .iter()
        .filter_map(|delta| {
            let same = other.deltas().iter().find(|d| d.name == delta.name)?;
            Some((delta, same))
        })
        .collect();
    if shared.is_empty() {
        let problem = format!(
            "adapts no module that {} adapts; there is nothing to compare",
            one.path().display()
        );
        return Err(Error::Adapter {
            path: other.path().to_path_buf(),
            problem,
        });
    }
    for (source, beside) in [(one, other), (other, one)] {
        let alone: Vec<String> = source
            .deltas()
            .iter()
            .filter(|delta| beside.deltas().iter().all(|d| d.name != delta.name))
            .map(|delta| delta.name.clone())
            .collect();
        if !alone.is_empty() {
            tracing::warn!(
                "left out, as {} adapts it alone: {}",
                source.path().display(),
                in_words(&alone)
            );
        }
    }
    let mut found = Dependence {
        modules: BTreeMap::new(),
        layers: BTreeMap::new(),
        total: 0.0,
        chance: None,
        angles: BTreeMap::new(),
    };
    let (mut total, mut layers) = (Sums::default(), BTreeMap::<usize, Sums>::new());
    let mut stage = Stage::new("modules", shared.len() as u64, tell)?;
    for (delta, same) in shared {
        if delta.shape != same.shape {
            return Err(Error::Shape {
                path: other.path().to_path_buf(),
                tensor: same.name.clone(),
                expected: delta.shape.clone(),
                got: same.shape.clone(),
            });
        }
        let pair = [factors(one, delta)?, factors(other, same)?];
        let sums = match measure {
            Measure::HsicReleased => hsic::released(&pair, other.path(), &delta.name)?,
            Measure::HsicRows => hsic::rows(&pair, rows)?,
            Measure::HsicNormalised => hsic::normalised(&pair, rows)?,
            Measure::HsicUnbiased => hsic::unbiased(&pair, rows)?,
            Measure::Cosine => linear::cosine(&pair),
            Measure::Signs => linear::signs(&pair),
            Measure::Angles => {
                let angles = linear::angles(&pair)?;
                let value = angles.mean_squared_cosine();
                found.angles.insert(delta.name.clone(), angles);
                Sums::of(value, [1.0; 2])
            }
        };
        found
            .modules
            .insert(delta.name.clone(), sums.result(measure));
        total.add(sums);
        if let Some(layer) = layer(&delta.name) {
            layers.entry(layer).or_default().add(sums);
        }
        stage.advance(1)?;
    }
    found.total = total.result(measure);
    if measure == Measure::HsicUnbiased && total.modules > 0 {
        let by_chance = total.chance();
        found.chance = Some(Chance {
            total: by_chance,
            layers: layers
                .iter()
                .map(|(&layer, sums)| (layer, sums.chance()))
                .collect(),
            z: found.total / by_chance,
        });
    }
    found.layers = layers
        .into_iter()
        .map(|(layer, sums)| (layer, sums.result(measure)))
        .collect();
    Ok(found)
}

fn factors(source: &DeltaSource, delta: &super::Delta) -> Result<Factors> {
    let missing = || Error::MissingTensor {
        path: source.path().to_path_buf(),
        tensor: delta.name.clone(),
    };
    let factor = source.factors(delta)?.ok_or_else(missing)?;
    let &[out, inner] = delta.shape.as_slice() else {
        return Err(missing());
    };
    let mut b = Matrix::new(out, factor.rank, factor.b);
    b.scale(factor.scale);
    Ok(Factors {
        a: Matrix::new(factor.rank, inner, factor.a),
        b,
    })
}

/// The decoder layer of a module path.
fn layer(module: &str) -> Option<usize> {
    let (_, after) = module.split_once("layers.")?;
    after.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
