//! Where a person is, in the file: the last writer wins, and what it replaces unseen is kept beside it.

use std::path::Path;
use std::sync::Arc;

use paretoscope_core::Result;
use paretoscope_core::study::{ScorerRecord, Study, Target, Uid};
use paretoscope_core::types::BundleInfo;

use super::message::{Recalled, StudyNews};
use super::worker::{Worker, with_scores};

/// The view's name in the file.
const WINDOW: &str = "window";
/// The name of one that was replaced by a program that had not seen it.
const REPLACED: &str = "window, replaced";

/// How the view in the file stands.
#[derive(Debug, Default)]
pub(super) struct ViewKeeper {
    /// The revision that was read or written last.
    rev: i64,
    /// What is not in the file yet.
    pub(super) waiting: Option<String>,
}

impl ViewKeeper {
    /// Reads the view.
    pub(super) fn read(&mut self, study: &Study) -> Result<Option<String>> {
        let state = study.state(&Target::View(WINDOW.to_owned()))?;
        self.rev = state.rev;
        Ok(state.value)
    }

    /// Writes what waits.
    pub(super) fn write(&mut self, study: &Study) -> Result<()> {
        let Some(json) = &self.waiting else {
            return Ok(());
        };
        let stands = study.state(&Target::View(WINDOW.to_owned()))?;
        if let Some(theirs) = stands.value.filter(|_| stands.rev != self.rev) {
            let beside = study.state(&Target::View(REPLACED.to_owned()))?;
            study.save_view(REPLACED, &theirs, beside.rev)?;
        }
        self.rev = study.save_view(WINDOW, json, stands.rev)?;
        self.waiting = None;
        Ok(())
    }
}

impl Worker {
    /// Says what a file is opened with: the view of it, the bundle that it is of, where it lies.
    pub(super) fn look(&mut self, study: &Study, path: &Path) -> Result<()> {
        let view = self.view.read(study)?;
        self.tell(StudyNews::View(path.to_path_buf(), view));
        if let Some(bundle) = study.last_bundle()? {
            self.tell(StudyNews::Bundle(Arc::new(bundle)));
        }
        if study.alone()? {
            self.tell(StudyNews::Alone);
        }
        Ok(())
    }

    /// Brings answers back by their names.
    pub(super) fn fetch(&self, bundle: Arc<BundleInfo>, wanted: &[Uid]) {
        let found = self.with(|study| named(study, &bundle, wanted));
        if let Some(answers) = self.or_tell(found) {
            self.tell(StudyNews::Fetched(bundle, answers));
        }
    }
}

fn named(study: &Study, bundle: &BundleInfo, wanted: &[Uid]) -> Result<Vec<Recalled>> {
    let mut stored = Vec::new();
    for uid in wanted {
        stored.extend(study.answer_of(uid)?);
    }
    // Newest first, as a history is.
    stored.sort_by_key(|answer| std::cmp::Reverse(answer.created));
    let scorers = study.known_scorers(&ScorerRecord::rewards(bundle))?;
    with_scores(study, stored, &scorers)
}
