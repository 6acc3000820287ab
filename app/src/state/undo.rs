//! What can be taken back, in the order of time: steps of the view, which end with the window, and edits of the study,
//! which are in its file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AppState, Place, View};

/// Everything that a step of the view may change, by names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sight {
    /// What is looked at.
    #[serde(flatten)]
    pub view: View,
    /// Where the point stands.
    #[serde(flatten)]
    pub place: Place,
    /// The answer that is looked at, by its name within the window.
    pub current: Option<u64>,
    /// The one that it is compared with.
    pub pinned: Option<u64>,
}

impl Sight {
    /// What is seen now.
    pub fn of(state: &AppState) -> Self {
        Self {
            view: View::of(state),
            place: Place::of(state),
            current: state.session.current.map(|id| id.0),
            pinned: state.session.pinned.map(|id| id.0),
        }
    }

    /// What differs from `other`, as it is in `other`.
    pub fn changed_in(&self, other: &Self) -> Parts {
        let (mine, theirs) = (parts(self), parts(other));
        let differs = |(name, value): &(String, Value)| mine.get(name) != Some(value);
        Parts(theirs.into_iter().filter(differs).collect())
    }

    /// With some parts replaced; `None` where they are no such parts.
    pub fn with(&self, replaced: &Parts) -> Option<Self> {
        let mut all = parts(self);
        all.extend(replaced.0.clone());
        serde_json::from_value(Value::Object(all)).ok()
    }
}

fn parts(sight: &Sight) -> Map<String, Value> {
    match serde_json::to_value(sight) {
        Ok(Value::Object(parts)) => parts,
        // Structs of numbers, texts and lists are always an object.
        _ => Map::new(),
    }
}

/// Parts of a [`Sight`], by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parts(Map<String, Value>);

impl Parts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Which changes become one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joins {
    /// Each is a step.
    Never,
    /// One drag of the point, until it is let go.
    Drag,
    /// What belongs to this name, while a pointer holds it or until a pause.
    Like(&'static str, usize),
}

/// One thing that can be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name within the window.
    id: u64,
    /// What was done.
    pub title: String,
    /// What it was done to.
    pub what: What,
}

/// What a step changed.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The view, from what to what.
    View(Parts, Parts),
    /// The study; its file knows the rest.
    Study,
}

/// The last step, while what follows may become a part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Open {
    joins: Joins,
    begun: f64,
    last: f64,
    press: Option<u64>,
}

/// What can be taken back, and what can be done again.
#[derive(Debug, Default)]
pub struct UndoState {
    done: Vec<Step>,
    undone: Vec<Step>,
    open: Option<Open>,
    /// Names given.
    names: u64,
    /// Which press of a pointer button this frame belongs to; `None` while none is held.
    pub press: Option<u64>,
    /// Edits that the study has not confirmed yet, oldest first.
    asked: Vec<u64>,
    /// What the file would take back next, and do again, beyond what was done in this window.
    pub in_file: [Option<String>; 2],
    /// Whether nothing was done since the study was opened, so that what was undone before can be done again.
    fresh: bool,
}

/// Seconds without a change after which the next is a step of its own.
const PAUSE: f64 = 1.0;
/// Seconds after which a new word begins a new step, however fast it is typed.
const LONG: f64 = 4.0;

impl UndoState {
    /// Steps of the view that are kept.
    pub const VIEWS: usize = 200;

    /// What an undo, or a redo with `again`, would turn: its title, and whether it is an edit of the study.
    pub fn next(&self, again: bool) -> Option<(&str, bool)> {
        let steps = if again { &self.undone } else { &self.done };
        if let Some(step) = steps.last() {
            return Some((&step.title, step.what == What::Study));
        }
        let known = self.in_file[usize::from(again)].as_deref();
        known
            .filter(|_| !again || self.fresh)
            .map(|title| (title, true))
    }

    /// Takes the next one to be turned; it waits on the other side.
    pub fn turn(&mut self, again: bool) -> Option<Step> {
        let in_file = self.next(again).map(|(title, _)| title.to_owned());
        self.open = None;
        let (from, to) = if again {
            (&mut self.undone, &mut self.done)
        } else {
            (&mut self.done, &mut self.undone)
        };
        let step = from.pop().or_else(|| {
            self.names += 1;
            self.in_file[usize::from(again)] = None;
            Some(Step {
                id: self.names,
                title: in_file?,
                what: What::Study,
            })
        })?;
        to.push(step.clone());
        Some(step)
    }

    /// The study refused to turn an edit: it is a step no more.
    pub fn refused(&mut self, step: u64) {
        self.done.retain(|s| s.id != step);
        self.undone.retain(|s| s.id != step);
    }

    /// An edit of the study was asked for.
    pub fn edit(&mut self, title: &str) {
        let id = self.push(title.to_owned(), What::Study);
        self.asked.push(id);
        self.open = None;
    }

    /// The study says whether the oldest of its edits under way changed anything.
    pub fn edited(&mut self, changed: bool) {
        if self.asked.is_empty() {
            return;
        }
        let id = self.asked.remove(0);
        if !changed {
            self.refused(id);
        }
    }

    /// The view changed by what a person did.
    pub fn view(
        &mut self,
        title: &str,
        joins: Joins,
        now: f64,
        new_word: bool,
        (before, after): (&Sight, &Sight),
    ) {
        let joined = self.joins(joins, now, new_word);
        let (old, new) = (after.changed_in(before), before.changed_in(after));
        let begun = self.open.filter(|_| joined).map_or(now, |open| open.begun);
        if !new.is_empty() {
            if !joined {
                self.push(title.to_owned(), What::View(old, new));
            } else if self.goes_back(old, new) {
                self.done.pop();
                self.open = None;
                return;
            }
        } else if !joined {
            self.open = None;
            return;
        }
        let open = Open {
            joins,
            begun,
            last: now,
            press: self.press,
        };
        self.open = (joins != Joins::Never).then_some(open);
    }

    /// Adds to the last step; whether all is as it was before it then.
    fn goes_back(&mut self, old: Parts, new: Parts) -> bool {
        self.undone.clear();
        self.fresh = false;
        let Some(What::View(first, last)) = self.done.last_mut().map(|step| &mut step.what) else {
            return false;
        };
        for (name, value) in old.0 {
            first.0.entry(name).or_insert(value);
        }
        last.0.extend(new.0);
        first == last
    }

    fn joins(&self, joins: Joins, now: f64, new_word: bool) -> bool {
        let Some(open) = self.open else {
            return false;
        };
        match (open.joins, joins) {
            (Joins::Drag, Joins::Drag | Joins::Never) => true,
            (Joins::Like(a, n), Joins::Like(b, m)) if (a, n) == (b, m) => {
                match (open.press, self.press) {
                    (Some(then), Some(now)) => then == now,
                    (None, None) => {
                        let long = new_word && now - open.begun > LONG;
                        now - open.last < PAUSE && !long
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn push(&mut self, title: String, what: What) -> u64 {
        self.names += 1;
        self.undone.clear();
        self.fresh = false;
        self.done.push(Step {
            id: self.names,
            title,
            what,
        });
        let is_view = |step: &&Step| step.what != What::Study;
        if self.done.iter().filter(is_view).count() > Self::VIEWS
            && let Some(oldest) = self.done.iter().position(|s| s.what != What::Study)
        {
            self.done.remove(oldest);
        }
        self.names
    }

    /// Another bundle is in use: steps of the view were of the one before.
    pub fn forget_views(&mut self) {
        self.open = None;
        self.done.retain(|step| step.what == What::Study);
        self.undone.retain(|step| step.what == What::Study);
    }

    /// Another study is open.
    pub fn begin(&mut self, in_file: [Option<String>; 2]) {
        *self = Self {
            names: self.names,
            press: self.press,
            in_file,
            fresh: true,
            ..Self::default()
        };
    }
}

impl Step {
    /// Its name within the window.
    pub fn id(&self) -> u64 {
        self.id
    }
}
