//! The LoRA experts of Algorithm 1 of HoE: one from what was trained for an objective, and merged ones
//! from several of those.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::compress::{CompressSettings, Rescale, compress};
use super::merge::{MergeSettings, Merger, Method, concatenate, with_statistics, write_exactly};
use super::{DeltaSource, Precision, Projections, RangeFinder, Tell};
use crate::Result;
use crate::types::shown;

/// The share that is pruned from dense differences unless something else is asked for (HoE, appendix D.1).
pub const PRUNE: f64 = 0.4;

/// How experts are made.
#[derive(Debug, Clone)]
pub struct ExpertSettings {
    /// The base model's folder.
    pub base: PathBuf,
    /// Rank of the experts.
    pub rank: usize,
    /// Share pruned. By default 0.4 of dense differences, and nothing of adapters that are taken as they
    /// are.
    pub prune: Option<f64>,
    /// What the factors are multiplied by.
    pub rescale: Rescale,
    /// The type of numbers on disk.
    pub precision: Precision,
    /// Of everything random.
    pub seed: u64,
}

impl ExpertSettings {
    fn compression(&self, prune: f64, merged: usize) -> CompressSettings {
        CompressSettings {
            rank: self.rank,
            prune,
            rescale: self.rescale,
            finder: RangeFinder {
                seed: self.seed.wrapping_add(merged as u64),
                ..RangeFinder::default()
            },
            precision: self.precision,
            base: Some(self.base.clone()),
        }
    }
}

/// The expert of one objective in `folder`: an adapter of no higher rank as it is, anything else by
/// task-SVD. What is broken off goes on when it is asked for again.
pub fn of_source(
    settings: &ExpertSettings,
    source: &DeltaSource,
    folder: &Path,
    tell: Tell<'_>,
) -> Result<()> {
    let small = |source: &DeltaSource| {
        let mut ranks = source.deltas().iter().map(|delta| source.rank(delta));
        ranks.all(|rank| rank.is_some_and(|rank| rank <= settings.rank))
    };
    let asked = json!({ "base": shown(&settings.base), "source": shown(source.path()) });
    let unscaled = settings.rescale == Rescale::Factor(1.0);
    if settings.prune.unwrap_or(0.0) == 0.0 && unscaled && small(source) {
        let alone = std::slice::from_ref(source);
        let modules = concatenate(alone, &[1.0])?;
        let (base, precision) = (Some(settings.base.as_path()), settings.precision);
        return write_exactly("extract", alone, &modules, base, precision, &asked, folder);
    }
    let usual = if source.is_lora() { 0.0 } else { PRUNE };
    let compression = settings.compression(settings.prune.unwrap_or(usual), 0);
    let mut projections = Projections::new(source)?;
    compress(
        "extract",
        &mut projections,
        &compression,
        &asked,
        folder,
        tell,
    )
    .map(drop)
}

/// A merged expert in `folder`: merge, prune and task-SVD again (methods 2.8). `index` counts merged
/// experts from 0, so that each has random numbers of its own.
pub fn of_merge(
    settings: &ExpertSettings,
    sources: &[DeltaSource],
    merge: &MergeSettings,
    index: usize,
    folder: &Path,
    tell: Tell<'_>,
) -> Result<()> {
    let factors = merge.method == Method::Linear && sources.iter().all(DeltaSource::is_lora);
    let usual = if factors { 0.0 } else { PRUNE };
    let compression = settings.compression(settings.prune.unwrap_or(usual), index + 1);
    let asked = json!({ "base": shown(&settings.base), "merge": merge });
    with_statistics(sources, &asked, folder, |statistics| {
        let mut merger = Merger::keeping(sources, merge, Some(statistics), tell)?;
        compress("merge", &mut merger, &compression, &asked, folder, tell).map(drop)
    })
}
