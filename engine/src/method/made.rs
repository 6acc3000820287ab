//! Experts that are made for a point: merges of the objectives' own, and averages of their factors.

use std::path::PathBuf;

use super::gates::{base, preference, singles};
use super::row::{RowPlan, StreamPlan};
use super::side::{Recipe, SidePlan};
use super::{Method, MethodKind};
use crate::Result;
use crate::bundle::Bundle;
use crate::forge::merge::{self, MergeSettings};
use crate::types::{Point, RowGates};

/// An adapter of a side bank of one, in full.
pub(super) fn alone(bundle: &Bundle, recipe: Recipe) -> StreamPlan {
    let gates = RowGates {
        adapters: vec![1.0],
        ..RowGates::base(1, 0)
    };
    StreamPlan {
        side: Some(SidePlan::new(recipe, gates)),
        ..StreamPlan::of(base(bundle))
    }
}

/// What is merged: the objectives' own experts.
struct Sources {
    folders: Vec<PathBuf>,
    digests: Vec<String>,
    /// Their ranks together.
    rank: usize,
}

impl Sources {
    fn of(bundle: &Bundle) -> Result<Self> {
        let files = singles(bundle)?;
        let files = files.iter().map(|&at| &bundle.info.expert_files[at]);
        Ok(Self {
            folders: files.clone().map(|file| file.path.clone()).collect(),
            digests: files.clone().map(|file| file.digest.clone()).collect(),
            rank: files.map(|file| file.rank).sum(),
        })
    }
}

/// Rewarded soups as some peers compute them: A and B averaged apart (methods 2.2), which has cross terms.
pub(super) fn factor_average(bundle: &Bundle, point: &Point) -> Result<RowPlan> {
    let recipe = averaged(bundle, point)?;
    Ok(RowPlan::alone(alone(bundle, recipe)))
}

/// See [`factor_average`].
pub(super) fn averaged(bundle: &Bundle, point: &Point) -> Result<Recipe> {
    let weights = preference(bundle, point)?.as_slice().to_vec();
    let sources = Sources::of(bundle)?;
    Ok(Recipe::Merged {
        sources: sources.folders,
        digests: sources.digests,
        settings: MergeSettings::new(merge::Method::Soup, weights),
        rank: None,
    })
}

/// TIES, DARE, PCB and FREE-Merging of the objectives' own experts by the preference, as one adapter.
pub(super) fn merged(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let weights = preference(bundle, point)?.as_slice().to_vec();
    let sources = Sources::of(bundle)?;
    let how = match method.kind() {
        MethodKind::Ties => merge::Method::Ties,
        MethodKind::Dare if method.is("elect", "signs") => merge::Method::DareTies,
        MethodKind::Dare => merge::Method::DareLinear,
        MethodKind::Pcb => merge::Method::Pcb,
        _ => merge::Method::Fourier,
    };
    let mut settings = MergeSettings::new(how, weights);
    settings.scale = method.number("scale");
    if how != merge::Method::Fourier {
        settings.density = method.number("density");
    }
    settings.seed = method.whole("seed") as u64;
    let widest = bundle.model.config().linears();
    let widest = widest.iter().map(|(_, [out, inner])| *out.min(inner)).max();
    let rank = match method.whole("rank") {
        0 => sources.rank,
        rank => rank,
    };
    Ok(RowPlan::alone(alone(
        bundle,
        Recipe::Merged {
            sources: sources.folders,
            digests: sources.digests,
            settings,
            rank: Some(rank.clamp(1, widest.unwrap_or(rank).max(1))),
        },
    )))
}
