//! Talks: the stops of the study, what they show, and the talk that is on. A talk has a point, answers and points of a
//! sweep of its own: the window beneath it stays as it was.

mod answer;
mod pace;
mod show;
mod tags;

pub use answer::{How, StageAnswer};
pub use pace::Pace;
pub use show::{Pane, Show, Stage, StageSweep, pane};
pub use tags::Tag;

use std::collections::BTreeMap;
use std::path::PathBuf;

use paretoscope_core::study::{DeckState, StopState, Uid};

use crate::study::{Material, Staged, StagedSweep};

/// Talks.
#[derive(Debug, Default)]
pub struct TalkState {
    /// The study's, the oldest first.
    pub decks: Vec<DeckState>,
    /// The one that is looked at; the first where `None`.
    pub deck: Option<Uid>,
    /// The stop that is looked at in the list.
    pub stop: Option<Uid>,
    /// Recorded answers that stops show.
    pub answers: BTreeMap<Uid, Staged>,
    /// Recorded sweeps that they show.
    pub sweeps: BTreeMap<Uid, StagedSweep>,
    /// The talk that is on.
    pub show: Option<Box<Show>>,
    /// Whether the window shows the stage's layout in place of its panels.
    pub large: bool,
    /// On which screen the stage is, counted from 0; this window where `None`.
    pub screen: Option<usize>,
    /// Whether the notes have a window of their own while the stage is in this one.
    pub notes: bool,
    /// The talk that ships with the demonstration.
    pub shipped: Option<PathBuf>,
    /// Where its copy lies.
    pub copy: PathBuf,
}

impl TalkState {
    /// The talk that is looked at.
    pub fn deck(&self) -> Option<&DeckState> {
        let chosen = self.deck.as_ref();
        let found = chosen.and_then(|uid| self.decks.iter().find(|deck| deck.uid == *uid));
        found.or(self.decks.first())
    }

    /// Its stops.
    pub fn stops(&self) -> &[StopState] {
        self.deck().map_or(&[], |deck| &deck.stops)
    }

    /// The stop that is looked at in the list; the first where none was chosen.
    pub fn chosen(&self) -> Option<&StopState> {
        let stops = self.stops();
        let chosen = self.stop.as_ref();
        let found = chosen.and_then(|uid| stops.iter().find(|stop| stop.uid == *uid));
        found.or(stops.first())
    }

    /// Whether a talk is on.
    pub fn is_on(&self) -> bool {
        self.show.is_some()
    }

    /// Takes in what stops show.
    pub fn take(&mut self, material: Material) {
        for staged in material.answers {
            self.answers.insert(staged.answer.uid.clone(), staged);
        }
        for sweep in material.sweeps {
            self.sweeps.insert(sweep.uid.clone(), sweep);
        }
    }

    /// Lets go of what another study had.
    pub fn leave_study(&mut self) {
        self.decks.clear();
        self.answers.clear();
        self.sweeps.clear();
        (self.deck, self.stop) = (None, None);
    }
}
