//! The study: whether answers are safe in it, its sweeps side by side, what is written of it for use elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::method::{Method, MethodKind};
use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{Pace, SweepState as StudySweep, bundle_uid};
use paretoscope_core::types::{BundleInfo, Split};
use paretoscope_figure::plot::Front;

use super::{Chosen, DifferState, Others, RunId, Sight};
use crate::study::{Recalled, ShownSweeps, Sought};

/// How the file stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StudyPhase {
    /// There is none.
    #[default]
    None,
    /// It is being opened.
    Opening,
    /// It takes all that is done.
    Open,
    /// It can be looked at alone, and why.
    ReadOnly(String),
    /// It was not opened.
    Failed(Trouble),
}

/// What is to be looked at again once the answers are back, by their names in the study.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReturnTo {
    /// The current answer.
    pub looked_at: Option<String>,
    /// The pinned one.
    pub compared: Option<String>,
}

/// The answers of a dot.
#[derive(Debug, Clone)]
pub struct DotAnswers {
    /// The dot's name in [`Front`].
    pub dot: String,
    /// Its answers in order of prompts, once they are here.
    pub rows: Option<Result<Vec<Recalled>, Trouble>>,
    /// The one that is looked at.
    pub row: usize,
}

/// How long a token took in a sweep, and against which sweep it is measured.
#[derive(Debug, Clone, Copy)]
pub struct TokenTime<'a> {
    /// As measured.
    pub pace: Pace,
    /// The sweep that others of its bundle are measured against: the base model's, else the first.
    pub against: &'a StudySweep,
    /// How many times as long as in that one.
    pub times: f64,
}

/// The study.
#[derive(Debug, Default)]
pub struct StudyState {
    /// The file.
    pub path: Option<PathBuf>,
    /// How it stands.
    pub phase: StudyPhase,
    /// Answers in it that a person asked for.
    pub answers: usize,
    /// Answers on their way into it.
    pub waiting: BTreeSet<RunId>,
    /// Why something could not be written (yet).
    pub unsaved: Option<Trouble>,
    /// What is looked at once the answers are back.
    pub return_to: Option<ReturnTo>,
    /// The other program that its view and undo belong to, and since when, in milliseconds since 1970.
    pub theirs: Option<(String, i64)>,
    /// Whether it lies on a network's disk, where one program at a time should write.
    pub alone: bool,
    /// What its last answer was made with.
    pub bundle: Option<Arc<BundleInfo>>,
    /// What was seen when it was asked for: what a person changes until its own view is here stays.
    pub seen: Option<Sight>,
    /// The view that was given to it last, as JSON.
    pub given: String,
    /// Its sweeps, oldest first.
    pub sweeps: Vec<Arc<StudySweep>>,
    /// How long a token took in each, by its number, where its rows tell.
    pub paces: BTreeMap<i64, Pace>,
    /// Those that are not drawn; `None` until the first ones are known.
    pub hidden: Option<BTreeSet<i64>>,
    /// The prompts that count; all of them where `None`.
    pub split: Option<Split>,
    /// Where a person froze the reference of hypervolumes, and the objectives that its numbers belong to; `None` where it
    /// is measured over what is drawn.
    pub reference: Option<(Vec<String>, Vec<f64>)>,
    /// What was asked to be drawn last.
    pub asked: ShownSweeps,
    /// What is drawn, or why nothing can be.
    pub drawn: Option<Result<Arc<Front>, Trouble>>,
    /// Its dots on all objectives of the fronts, for the sheet.
    pub laid: Others,
    /// The objectives to the right and up, by their places in the front's axes.
    pub pair: Option<(usize, usize)>,
    /// The part of them that a person chose to see, to the right and up, in raw scores; all of it where `None`.
    pub zoom: Option<[[f64; 2]; 2]>,
    /// The dot that is looked at.
    pub dot: Option<DotAnswers>,
    /// The dot that was looked at when the window closed, by its name, until it is drawn again.
    pub dot_again: Option<String>,
    /// Two dots, prompt by prompt.
    pub differ: DifferState,
    /// Points that were chosen on one part of the prompts.
    pub chosen: Option<Chosen>,
    /// The part to choose on and the one to show, until the fronts of the first are drawn.
    pub choosing: Option<(Option<Split>, Option<Split>)>,
    /// For which part, and for which writing of the file, the rows of what was chosen were asked for.
    pub counting: Option<(Split, u64)>,
    /// Counts the times that another program wrote.
    pub written: u64,
    /// Whether the history shows starred answers alone.
    pub starred: bool,
    /// What the history is searched for.
    pub sought: Sought,
    /// All its tags.
    pub tags: BTreeSet<String>,
    /// What that found, newest first; `None` until it is back.
    pub found: Option<Vec<Recalled>>,
}

impl StudyState {
    /// Sweeps drawn at the start at most, the newest.
    pub const DRAWN: usize = 12;

    /// Whether it takes what is done.
    pub fn is_open(&self) -> bool {
        self.phase == StudyPhase::Open
    }

    /// Whether it can be looked at.
    pub fn is_readable(&self) -> bool {
        matches!(self.phase, StudyPhase::Open | StudyPhase::ReadOnly(_))
    }

    /// Whether a sweep is drawn.
    pub fn is_ticked(&self, sweep: i64) -> bool {
        !self.hidden.as_ref().is_some_and(|h| h.contains(&sweep))
    }

    /// What is to be drawn now.
    pub fn shown(&self) -> ShownSweeps {
        let sweeps = self.sweeps.iter();
        let ticked = sweeps.filter(|s| s.done > 0 && self.is_ticked(s.id));
        ShownSweeps {
            sweeps: ticked.map(|s| s.id).collect(),
            split: self.split,
            reference: self.reference.as_ref().map(|(_, numbers)| numbers.clone()),
        }
    }

    /// Chooses the prompts that count.
    pub fn set_split(&mut self, split: Option<Split>) {
        if self.split != split {
            self.split = split;
            // On other prompts a person's own means something else.
            self.reference = None;
        }
        if let Some(chosen) = &mut self.chosen {
            chosen.covered = None;
        }
        self.counting = None;
    }

    /// What is drawn.
    pub fn front(&self) -> Option<&Arc<Front>> {
        self.drawn.as_ref()?.as_ref().ok()
    }

    /// Where hypervolumes are measured from now, with the objectives that the numbers belong to: a person's own reference,
    /// else that of all points that are drawn, as figures and comparisons of the same sweeps have it.
    pub fn measured_from(&self) -> Option<(Vec<String>, Vec<f64>)> {
        let drawn = || {
            let front = self.front()?;
            let names = front.objectives.iter().map(|o| o.name.clone());
            Some((names.collect(), front.reference.clone()?))
        };
        self.reference.clone().or_else(drawn)
    }

    /// How long a token took in a sweep; `None` where its rows do not tell.
    pub fn token_time(&self, sweep: i64) -> Option<TokenTime<'_>> {
        let pace = *self.paces.get(&sweep)?;
        let bundle = self.sweeps.iter().find(|s| s.id == sweep)?.bundle;
        let paced = |s: &&Arc<StudySweep>| s.bundle == bundle && self.paces.contains_key(&s.id);
        let of_base = |s: &&Arc<StudySweep>| {
            let method = s.method.parse::<Method>();
            method.is_ok_and(|method| method.kind() == MethodKind::Base)
        };
        let paced = || self.sweeps.iter().filter(paced);
        let first = || paced().min_by_key(|s| s.id);
        let against = paced().find(of_base).or_else(first)?;
        let unit = self.paces.get(&against.id)?.seconds;
        Some(TokenTime {
            pace,
            against,
            times: pace.seconds / unit,
        })
    }

    /// The method of a sweep, and the number of its bundle.
    pub fn method_of(&self, sweep: i64) -> Option<(String, i64)> {
        let found = self.sweeps.iter().find(|s| s.id == sweep)?;
        Some((found.method.clone(), found.bundle))
    }

    /// Whether a dot of the fronts is one of the chosen points.
    pub fn is_chosen(&self, dot: &str) -> bool {
        let chosen = self.chosen.as_ref();
        chosen.is_some_and(|chosen| chosen.holds(dot, &|sweep| self.method_of(sweep)))
    }

    /// The newest sweep of this bundle that is not done.
    pub fn unfinished(&self, info: &BundleInfo) -> Option<&Arc<StudySweep>> {
        let ours = bundle_uid(info);
        let mut sweeps = self.sweeps.iter().rev();
        sweeps.find(|s| s.done < s.rows && s.status != "finished" && bundle_uid(&s.info) == ours)
    }

    /// The objectives to the right and up.
    pub fn pair(&self, axes: usize) -> (usize, usize) {
        self.pair
            .filter(|(x, y)| *x < axes && *y < axes)
            .unwrap_or((0, 1))
    }
}
