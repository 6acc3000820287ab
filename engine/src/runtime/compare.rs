//! Comparing a bundle's adapters on a thread of its own, so that rows go on meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::report::Reporter;
use super::thread;
use crate::forge::dependence::{RowSample, pairwise};
use crate::protocol::{EngineEvent, JobId};
use crate::types::{
    AdapterInfo, BundleInfo, Compared, ExpertKind, Interference, Measure, PairInterference,
};
use crate::{Error, Result};

/// A comparison under way; stopped when it is dropped.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) job: JobId,
    stop: Arc<AtomicBool>,
}

impl Drop for Comparison {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Comparison {
    /// Starts one; its end comes through `reporter`.
    pub(super) fn start(
        info: &BundleInfo,
        job: JobId,
        compared: Compared,
        measure: Measure,
        mut reporter: Reporter,
    ) -> Result<Self> {
        let adapters = adapters(info, compared);
        if adapters.len() < 2 {
            return Err(Error::option(
                "compare",
                format!(
                    "the bundle has {} adapter of this kind; a comparison needs two at least",
                    adapters.len()
                ),
            ));
        }
        let layers = info.model.layers;
        let (names, paths): (Vec<String>, Vec<PathBuf>) = adapters
            .into_iter()
            .map(|adapter| (adapter.name.clone(), adapter.path.clone()))
            .unzip();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let found = measured(&paths, layers, measure, |fraction| {
                if stopped.load(Ordering::Relaxed) {
                    return Err(Error::Cancelled);
                }
                reporter.progress(job, EngineEvent::Comparing { job, fraction })
            });
            let told = match found {
                Ok(pairs) => reporter.result(EngineEvent::Compared {
                    job,
                    found: Arc::new(Interference {
                        compared,
                        measure,
                        names,
                        pairs,
                    }),
                }),
                Err(Error::Cancelled) => Ok(()),
                Err(error) => reporter.failed(job, &error),
            };
            if told.is_err() {
                tracing::debug!("nobody listens to a comparison any more");
            }
        };
        thread::start("compare", run)?;
        Ok(Self { job, stop })
    }
}

fn adapters(info: &BundleInfo, compared: Compared) -> Vec<&AdapterInfo> {
    match compared {
        Compared::Values => info.values.iter().collect(),
        Compared::Experts => info
            .experts
            .iter()
            .zip(&info.expert_files)
            .filter(|(expert, _)| expert.kind == ExpertKind::Lora)
            .map(|(_, file)| file)
            .collect(),
    }
}

fn measured(
    paths: &[PathBuf],
    layers: usize,
    measure: Measure,
    mut tell: impl FnMut(f32) -> Result<()>,
) -> Result<Vec<PairInterference>> {
    let pairs = (paths.len() * (paths.len() - 1) / 2) as f32;
    let mut finished = 0.0;
    let found = pairwise(
        paths,
        measure,
        Some(RowSample::WAITED_FOR),
        &mut |progress| {
            let share = progress.done as f32 / progress.total.max(1) as f32;
            tell(((finished + share) / pairs).min(1.0))?;
            if progress.done == progress.total {
                finished += 1.0;
            }
            Ok(())
        },
    )?;
    let pair = found.into_iter();
    Ok(pair
        .map(|(a, b, found)| found.of_pair((a, b), layers))
        .collect())
}
