//! What the thread that writes is asked for, and what it says.

use std::path::PathBuf;
use std::sync::Arc;

use super::claim::Claim;
use super::compact::Compacted;
use super::lease::Lease;
use super::merge::MergeCounts;
use super::notes::Target;
use super::records::{NewAnswer, ScorerRecord, SweepRecord};
use super::sweeps::Placed;
use super::undo::{Edit, Undone};
use crate::types::{BundleInfo, GateRecord, Key, Run, Split};
use crate::{Error, Result};

/// An answer to be written, see [`NewAnswer`].
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer; one without a key is never given again.
    pub run: Arc<Run>,
    /// Mean gate of each adapter over tokens and modules.
    pub mean: Vec<f32>,
    /// The bundle's number.
    pub bundle: i64,
    /// A person asked for it.
    pub interactive: bool,
    /// Which part of the prompts its prompt belongs to.
    pub split: Option<Split>,
    /// Its place in a sweep.
    pub place: Option<Placed>,
}

impl Answer {
    pub(super) fn to_write(&self) -> NewAnswer<'_> {
        NewAnswer {
            run: &self.run,
            mean: self.mean.clone(),
            bundle: self.bundle,
            interactive: self.interactive,
            split: self.split,
            place: self.place,
        }
    }
}

/// What the thread is asked for; each names the [`Reply`] that comes.
#[derive(Debug, Clone)]
pub enum Request {
    /// [`super::Study::bundle`]: [`Reply::Number`].
    Bundle(Box<BundleInfo>),
    /// [`super::Study::scorers`]: [`Reply::Scorers`].
    Scorers(Vec<Option<ScorerRecord>>),
    /// [`super::Study::sweep`]: [`Reply::Number`].
    Sweep(Box<SweepRecord>, u64),
    /// [`super::Study::set_status`]: [`Reply::Done`].
    Status(i64, String),
    /// [`super::Study::add`]: [`Reply::Numbers`].
    Answers(Vec<Answer>),
    /// [`super::Study::score`]: [`Reply::Done`].
    Scores(Vec<(i64, i64, f64)>),
    /// [`super::Study::put_trace`]: [`Reply::Done`].
    Trace(i64, Arc<GateRecord>),
    /// [`super::Study::put_playback`]: [`Reply::Done`].
    Playback(i64, Vec<u32>),
    /// [`super::Study::edit`]: [`Reply::Changed`].
    Edit(String, Vec<Edit>),
    /// [`super::Study::save_view`]: [`Reply::Rev`].
    View {
        /// Its name.
        name: String,
        /// Where a person is.
        json: String,
        /// The revision seen last.
        known: i64,
    },
    /// [`super::Study::undo`]: [`Reply::Undone`].
    Undo,
    /// [`super::Study::redo`]: [`Reply::Undone`].
    Redo,
    /// [`super::Study::claim`]: [`Reply::Claims`].
    Claim(Vec<Key>),
    /// [`super::Study::release`]: [`Reply::Done`].
    Release(Vec<Key>),
    /// [`super::Study::lease`]: [`Reply::Lease`]. From then on the thread keeps it, or takes it once it is free.
    Lease {
        /// From whoever has it.
        over: bool,
    },
    /// [`super::Study::merge`]: [`Reply::Merged`].
    Merge(PathBuf),
    /// [`super::Study::compact`]: [`Reply::Compacted`].
    Compact,
}

impl Request {
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Answers(all) => all.len(),
            Self::Scores(all) => all.len(),
            Self::Claim(keys) | Self::Release(keys) => keys.len(),
            _ => 1,
        }
    }

    /// Whether it cannot be a part of a transaction.
    pub(super) fn alone(&self) -> bool {
        matches!(self, Self::Merge(_) | Self::Compact)
    }

    /// Whether it belongs to who has the lease.
    pub(super) fn leased(&self) -> bool {
        match self {
            Self::View { .. } | Self::Undo | Self::Redo => true,
            Self::Edit(_, edits) => edits.iter().any(|edit| {
                matches!(
                    edit.target,
                    Target::View(_) | Target::Deck(_) | Target::Stop(_) | Target::Figure(_)
                )
            }),
            _ => false,
        }
    }
}

/// What came of a request; it is durable then.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Written.
    Done,
    /// Its number.
    Number(i64),
    /// Their numbers.
    Numbers(Vec<i64>),
    /// Their numbers, where there is a scorer.
    Scorers(Vec<Option<i64>>),
    /// Whether anything changed.
    Changed(bool),
    /// The new revision.
    Rev(i64),
    /// What was taken back or done again.
    Undone(Option<Undone>),
    /// Whose rows are.
    Claims(Vec<Claim>),
    /// Who has the lease.
    Lease(Lease),
    /// What a merge did.
    Merged(MergeCounts),
    /// What was taken away.
    Compacted(Compacted),
}

/// What the thread tells unasked.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Another program has written.
    Others,
    /// The lease was lost, or come by again.
    Lease(Lease),
    /// The day's copy is made, or why it is not.
    Backup(Result<PathBuf>),
    /// The file could not be looked at.
    Fault(Error),
}
