//! The bundle in use, and the one on its way.

use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::protocol::{JobId, LoadStage, Trouble};
use paretoscope_core::types::BundleInfo;

use super::Trial;

/// A bundle on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Loading {
    /// Its job.
    pub job: JobId,
    /// Its folder.
    pub path: PathBuf,
    /// The step under way; `None` until the engine says one.
    pub stage: Option<LoadStage>,
    /// Of the whole, 0 to 1.
    pub fraction: f32,
    /// When bytes began to come over a network, and how many were here then.
    pub came: Option<(f64, u64)>,
}

impl Loading {
    /// Takes in how far it is; `now` in [`crate::state::AppState::now`] seconds.
    pub fn step(&mut self, stage: LoadStage, fraction: f32, now: f64) {
        match stage {
            LoadStage::Fetch { bytes, of } if of > 0 => {
                self.came.get_or_insert((now, bytes));
            }
            LoadStage::Fetch { .. } => {}
            _ => self.came = None,
        }
        self.stage = Some(stage);
        self.fraction = fraction;
    }

    /// Seconds until all bytes are here, at the pace since they began to come; `None` until there is one.
    pub fn left(&self, now: f64) -> Option<f64> {
        let (Some(LoadStage::Fetch { bytes, of }), Some((since, before))) = (self.stage, self.came)
        else {
            return None;
        };
        let (came, took) = (bytes.saturating_sub(before) as f64, now - since);
        (came > 0.0 && took > PACE).then(|| of.saturating_sub(bytes) as f64 * took / came)
    }
}

/// Seconds of which a pace can be told.
const PACE: f64 = 1.0;

/// A bundle that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFailure {
    /// Its folder.
    pub path: PathBuf,
    /// Why.
    pub trouble: Trouble,
}

/// The bundle in use, the one being loaded, the last that failed.
#[derive(Debug, Default)]
pub struct BundleState {
    /// In use.
    pub current: Option<Arc<BundleInfo>>,
    /// Whether it is known from a study alone: what is stored can be looked at, and nothing be made.
    pub stored: bool,
    /// On its way.
    pub loading: Option<Loading>,
    /// The last failure, until dismissed or overtaken.
    pub failure: Option<LoadFailure>,
    /// The demonstration bundle's folder, where one was found.
    pub demo: Option<PathBuf>,
    /// What is typed into the path field.
    pub typed: String,
    /// A text that is scored by hand.
    pub trial: Trial,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_a_fetch_takes_follows_from_what_came() {
        let mut loading = Loading {
            job: JobId(1),
            path: "org/name".into(),
            stage: None,
            fraction: 0.0,
            came: None,
        };
        let fetch = |bytes| LoadStage::Fetch { bytes, of: 1000 };
        loading.step(LoadStage::Fetch { bytes: 0, of: 0 }, 0.0, 1.0);
        assert_eq!(loading.left(9.0), None, "its size is not known yet");
        // What was here before is no pace.
        loading.step(fetch(400), 0.4, 10.0);
        assert_eq!(loading.left(10.0), None);
        loading.step(fetch(600), 0.6, 14.0);
        assert_eq!(loading.left(14.0), Some(8.0));
        loading.step(LoadStage::Base, 0.2, 20.0);
        assert_eq!(loading.left(21.0), None);
    }
}
