//! What the window asks of its study, and what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{Access, DeckEdit, DeckState, Lease, Pace, SweepState, Target, Uid};
use paretoscope_core::types::{BundleInfo, NamedPoint, Run, Scores, Split};
use paretoscope_figure::plot::Front;

use super::asks::{AnnotateCommand, AnnotateNews};
use super::differ::{Differences, Pair};
use super::staged::Material;
use crate::state::{Chosen, Covered, RunId};

/// The kind of mark that a star is.
pub const STAR: &str = "star";

/// An answer on its way into the file.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedAnswer {
    /// The window's name for it.
    pub run: RunId,
    /// The answer, with its scores where they are there already.
    pub answer: Arc<Run>,
    /// What it was made with.
    pub bundle: Arc<BundleInfo>,
}

/// Which sweeps are looked at, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShownSweeps {
    /// Their numbers.
    pub sweeps: Vec<i64>,
    /// The prompts that count; all of them where `None`.
    pub split: Option<Split>,
    /// Where hypervolumes are measured from; the study's own choice where `None`.
    pub reference: Option<Vec<f64>>,
}

/// What the window asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum StudyCommand {
    /// Open this file, or make it; the one before is closed.
    Open(PathBuf),
    /// Open a copy of the first, which is made where there is none; the first itself is read alone.
    OpenCopy {
        /// What is copied.
        from: PathBuf,
        /// The copy.
        to: PathBuf,
    },
    /// Change talks. The title names it in undo.
    EditDeck(&'static str, DeckEdit),
    /// Write an answer.
    Save(SavedAnswer),
    /// Write an answer's scores, which came after it.
    Score(RunId, Scores),
    /// Bring back the last answers with this bundle that a person seeks.
    History(Arc<BundleInfo>, Sought),
    /// Bring back these answers with this bundle, however old.
    Fetch(Arc<BundleInfo>, Vec<Uid>),
    /// Keep where a person is, as JSON.
    SaveView(String),
    /// Take view and undo from the window that has them.
    TakeOver,
    /// Star an answer, note something on it; `None` takes it away. The title names it in undo.
    Edit(&'static str, Target, Option<String>),
    /// Bring back where starred answers were made.
    Starred,
    /// Take the last edit back, or do it again, where it is the one of this title; the window's name for the step comes
    /// back.
    Turn {
        /// The window's name for it.
        step: u64,
        /// What the edit is called.
        title: String,
        /// Done again rather than taken back.
        again: bool,
    },
    /// Hide an answer that another one took the place of; no step of undo.
    Hide(RunId),
    /// Hide all answers that a person asked for.
    Forget,
    /// Draw these sweeps, now and whenever the file changes.
    Draw(ShownSweeps),
    /// Bring back the answers of a dot, by its name in [`Front`].
    Recall(String),
    /// Compare the answers of two dots.
    Differ(Pair),
    /// Count the rows of chosen points on the prompts of a part: those that sweeps planned, and these.
    Cover(Chosen, Split, Vec<Uid>),
    /// Something of tasks of annotation.
    Annotate(AnnotateCommand),
}

/// What the history is searched for; all of it where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// Words in prompt or answer.
    pub words: String,
    /// A tag.
    pub tag: Option<String>,
}

impl Sought {
    /// Whether nothing is said.
    pub fn is_all(&self) -> bool {
        self.words.trim().is_empty() && self.tag.is_none()
    }
}

/// A stored answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    /// Its name in every file.
    pub uid: Uid,
    /// When it was written, in milliseconds since 1970.
    pub created: i64,
    /// Tokens of its prompt.
    pub asked: usize,
    /// The answer.
    pub run: Arc<Run>,
    /// Its scores.
    pub scores: Scores,
    /// Whether a person starred it.
    pub star: bool,
    /// What a person noted on it.
    pub note: String,
    /// What a person tagged it with.
    pub tags: BTreeSet<String>,
}

/// An edit that was taken back, or done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    /// What it is called.
    pub title: String,
    /// What it touched, as it stands now.
    pub now: Vec<(Target, Option<String>)>,
    /// Answers that a person asked for, and that are not hidden.
    pub answers: usize,
}

/// What the window is told.
#[derive(Debug, Clone)]
pub enum StudyNews {
    /// Where a person was in this file, as JSON, where it knows; comes before it is open.
    View(PathBuf, Option<String>),
    /// The file is open.
    Opened {
        /// Which.
        path: PathBuf,
        /// Whether it can be written.
        access: Access,
        /// Answers in it that a person asked for.
        answers: usize,
    },
    /// The file was not opened.
    NotOpened {
        /// Which.
        path: PathBuf,
        /// Why.
        trouble: Trouble,
    },
    /// An answer is in the file, under this name.
    Saved(RunId, Uid),
    /// What waits could not be written (yet).
    Unsaved(Trouble),
    /// All that waited is written.
    AllSaved,
    /// The last answers, newest first.
    History(Arc<BundleInfo>, Sought, Vec<Recalled>),
    /// All tags of the file.
    Tags(BTreeSet<String>),
    /// The file lies on a network's disk, where one program at a time should write.
    Alone,
    /// An answer is hidden, which no person asked for.
    Hidden,
    /// The bundle that the file's answers were made with last.
    Bundle(Arc<BundleInfo>),
    /// Whose the view and undo of the file are from now on.
    Lease(Lease),
    /// Answers that were asked for by their names.
    Fetched(Arc<BundleInfo>, Vec<Recalled>),
    /// The talks of the file, with their stops in order.
    Decks(Vec<DeckState>),
    /// What stops of talks show, as far as that is new.
    Staged(Material),
    /// Whether an edit changed anything; one for each.
    Edited(bool),
    /// An edit was taken back or done again, or why not, by the window's name for the step.
    Turned(u64, bool, Result<Turned, Trouble>),
    /// The titles of the edits that the file would take back next, and do again.
    Steps([Option<String>; 2]),
    /// All answers are hidden.
    Forgotten,
    /// The sweeps of the file, oldest first.
    Sweeps(Vec<Arc<SweepState>>),
    /// How long a token took in each, by its number, where its rows tell.
    Paces(BTreeMap<i64, Pace>),
    /// What was to be drawn.
    Drawn(ShownSweeps, Result<Arc<Front>, Trouble>),
    /// The answers of a dot, in order of prompts, and what they were made with.
    Answers(String, Result<(Arc<BundleInfo>, Vec<Recalled>), Trouble>),
    /// How the answers of two dots differ.
    Differ(Pair, Result<Arc<Differences>, Trouble>),
    /// Where starred answers were made.
    Starred(Vec<NamedPoint>),
    /// How many rows of chosen points there are on the prompts of a part.
    Covered(Split, Covered),
    /// Something of tasks of annotation.
    Annotate(AnnotateNews),
}
