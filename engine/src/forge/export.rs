//! One adapter equal to a static mixture of a bundle, so that a point found here can be served elsewhere.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::compress::{CompressSettings, Figures, compress};
use super::merge::{MergeSettings, Merger, Method, concatenate, write_exactly};
use super::{DeltaSource, Precision, Tell};
use crate::bundle::Manifest;
use crate::routing::{Complex, NO_EXPERTS};
use crate::types::shown;
use crate::types::{Expert, ExpertKind, Point, Preference, Weights};
use crate::{Error, Result};

/// What was exported.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// Name and coefficient of every adapter in the mixture.
    pub mixture: Vec<(String, f64)>,
    /// What compressing it again cost; absent where ranks were put side by side, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figures: Option<Figures>,
}

/// Writes the mixture at a point of a bundle as one PEFT folder. Without a `rank` it is exact and its rank
/// is the sum of those that take part. A preference whose mixture has a router in it is refused: what a
/// router says depends on the token.
pub fn export(
    bundle: &Path,
    point: &Point,
    rank: Option<usize>,
    precision: Precision,
    out: &Path,
    tell: Tell<'_>,
) -> Result<Exported> {
    let manifest = Manifest::open(bundle)?;
    if manifest.is_bare() {
        return Err(Error::option("--bundle", NO_EXPERTS));
    }
    let experts = manifest.experts(bundle)?;
    let mixture = match point {
        Point::Weights(weights) => from_weights(&manifest, &experts, weights)?,
        Point::Preference(preference) => from_preference(&manifest, &experts, preference)?,
    };
    let paths: Vec<PathBuf> = mixture
        .iter()
        .map(|(_, path, _)| bundle.join(path))
        .collect();
    let sources: Vec<DeltaSource> = paths
        .iter()
        .map(|path| DeltaSource::adapter(path, None))
        .collect::<Result<_>>()?;
    let weights: Vec<f64> = mixture.iter().map(|(_, _, weight)| *weight).collect();
    let settings = MergeSettings::new(Method::Linear, weights.clone());
    settings.check(sources.len())?;
    let base = manifest.base_at(bundle)?;
    let asked = json!({ "bundle": shown(bundle), "point": point, "rank": rank });
    let figures = match rank {
        None => {
            let modules = concatenate(&sources, &weights)?;
            write_exactly(
                "export",
                &sources,
                &modules,
                Some(&base),
                precision,
                &asked,
                out,
            )?;
            None
        }
        Some(rank) => {
            let compression = CompressSettings {
                rank,
                precision,
                base: Some(base),
                ..CompressSettings::default()
            };
            let mut merger = Merger::new(&sources, &settings, tell)?;
            Some(compress(
                "export",
                &mut merger,
                &compression,
                &asked,
                out,
                tell,
            )?)
        }
    };
    Ok(Exported {
        mixture: mixture
            .into_iter()
            .map(|(name, _, weight)| (name, weight))
            .collect(),
        figures,
    })
}

/// Adapters with their coefficients: name, folder, weight above 0.
type Mixture = Vec<(String, PathBuf, f64)>;

fn from_weights(manifest: &Manifest, experts: &[Expert], weights: &Weights) -> Result<Mixture> {
    let mut values: Vec<(String, PathBuf)> = manifest
        .values
        .iter()
        .map(|value| (value.name.clone(), value.path.clone()))
        .collect();
    if values.is_empty() {
        // One-hot experts stand in, in order of objectives, as when the bundle is loaded.
        let objectives = manifest.objective_count();
        let one_hot = |axis: usize| {
            let place = Preference::one_hot(axis, objectives);
            let found = experts
                .iter()
                .zip(&manifest.experts)
                .find(|(expert, _)| expert.kind == ExpertKind::Lora && expert.preference == place);
            found.map(|(_, entry)| (entry.name.clone(), entry.path.clone()))
        };
        values = (0..objectives)
            .map(one_hot)
            .collect::<Option<_>>()
            .unwrap_or_default();
    }
    let checked = Weights::with_len(weights.as_slice().to_vec(), values.len())
        .map_err(Error::point("--weights"))?;
    Ok(values
        .into_iter()
        .zip(checked.as_slice())
        .filter(|(_, weight)| **weight > 0.0)
        .map(|((name, path), weight)| (name, path, *weight))
        .collect())
}

fn from_preference(
    manifest: &Manifest,
    experts: &[Expert],
    preference: &Preference,
) -> Result<Mixture> {
    let checked = Preference::with_len(preference.as_slice().to_vec(), manifest.objective_count())
        .map_err(Error::point("--preference"))?;
    let routing = Complex::new(experts, manifest.objective_count())?.route(&checked);
    routing
        .experts
        .iter()
        .map(|near| {
            let entry = &manifest.experts[near.index];
            if entry.kind == ExpertKind::Router {
                let problem = format!(
                    "is mixed by the router `{}`, whose votes depend on the token; no single adapter equals it. Choose a place outside the router's cells, or --weights",
                    entry.name
                );
                return Err(Error::option("--preference", problem));
            }
            Ok((entry.name.clone(), entry.path.clone(), near.weight))
        })
        .collect()
}
