//! A person at a task: what comes next, what it looks like, what they choose.
//!
//! Where a person is follows from their votes: the first place of their queue that has none. A kill loses nothing but
//! keys pressed since the last draft.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::file::{Study, to_json};
use super::hash::{Uid, now};
use super::notes::{State, Target};
use super::tasks::{Asks, Sides, StoredItem, TaskState};
use super::votes::{NewVote, Shown, StoredVote, person, standing};
use crate::annotate::{
    Ballot, BlindItem, Picked, Plan, Shape, Showing, check_ballots, queue, readable,
};
use crate::{Error, Result};

/// A person at a task.
#[derive(Debug, Clone)]
pub struct Sitting {
    task: TaskState,
    alias: String,
    items: Vec<StoredItem>,
    queue: Vec<Showing>,
}

/// How far a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The place that comes next, from 0; `None` where all is done.
    pub next: Option<usize>,
    /// Places that are voted on or skipped.
    pub saved: usize,
    /// Places that there are.
    pub of: usize,
}

/// Choices that are not cast yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The place, from 0.
    pub place: usize,
    /// By objective, as [`Picked`] is written.
    pub choices: BTreeMap<String, String>,
    /// How much better, by objective: 1 to 3.
    pub strengths: BTreeMap<String, u8>,
    /// What the person wrote so far.
    pub comment: String,
    /// How long they looked so far.
    pub active_ms: u64,
}

/// How an item was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Active milliseconds, see [`crate::annotate::ActiveClock`].
    pub active_ms: u64,
    /// Whether the vote came before the texts were whole.
    pub early: bool,
}

impl Sitting {
    /// The task.
    pub fn task(&self) -> &TaskState {
        &self.task
    }

    /// The person.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    pub(super) fn items(&self) -> &[StoredItem] {
        &self.items
    }

    /// The items in the order in which the person sees them.
    pub(super) fn queue(&self) -> &[Showing] {
        &self.queue
    }

    pub(super) fn shown(&self, place: usize) -> Shown {
        let showing = &self.queue[place];
        Shown {
            place,
            order: showing.order.clone(),
            repeat: showing.repeat,
        }
    }

    fn check(&self, place: usize) -> Result<&Showing> {
        self.queue.get(place).ok_or_else(|| {
            let problem = format!(
                "is {}; {} has {} in this task",
                place + 1,
                self.alias,
                self.queue.len()
            );
            Error::option("place", problem)
        })
    }
}

impl Study {
    /// Sits a person down at a task. Their queue follows from the design and the alias; what others voted is not looked at.
    ///
    /// # Errors
    /// [`Error::Option`] where it is no alias, or where two people have it.
    pub fn sit(&self, task: &TaskState, alias: &str) -> Result<Sitting> {
        self.annotator_named(alias)?;
        let items = self.items(task)?;
        let person = person(alias).unwrap_or(0);
        let queue = match &task.asks {
            Asks::Home(design) => queue(Plan::from(design), &batches(&items), person),
            Asks::Pack(_) => {
                self.check_pack_is_of(alias)?;
                let plain = |(item, of): (usize, &StoredItem)| Showing {
                    item,
                    order: (0..of.sides.len()).collect(),
                    repeat: false,
                };
                items.iter().enumerate().map(plain).collect()
            }
        };
        Ok(Sitting {
            task: task.clone(),
            alias: alias.to_owned(),
            items,
            queue,
        })
    }

    /// A pack is for one person.
    fn check_pack_is_of(&self, alias: &str) -> Result<()> {
        match self.annotators()?.first() {
            Some(only) if only.alias != alias => {
                let problem = format!("this pack is for {}, not for {alias}", only.alias);
                Err(Error::option("annotator", problem))
            }
            _ => Ok(()),
        }
    }

    /// The votes of a person at a task that stand, what was taken back among them.
    fn own(&self, sitting: &Sitting) -> Result<Vec<StoredVote>> {
        let Some(annotator) = self.annotator_named(&sitting.alias)? else {
            return Ok(Vec::new());
        };
        let votes = self.all_votes(&sitting.task, Some(annotator.id))?;
        Ok(standing(votes))
    }

    /// How far the person is.
    pub fn progress(&self, sitting: &Sitting) -> Result<Progress> {
        let left = self.left(sitting)?;
        Ok(Progress {
            next: left.first().copied(),
            saved: sitting.queue.len() - left.len(),
            of: sitting.queue.len(),
        })
    }

    /// The places that the person has still to vote on, or to skip.
    pub fn left(&self, sitting: &Sitting) -> Result<Vec<usize>> {
        let mut by: HashMap<(i64, bool), HashSet<String>> = HashMap::new();
        for vote in self.own(sitting)? {
            if vote.picked != Picked::Undone {
                let key = (vote.item, vote.shown.repeat);
                by.entry(key).or_default().insert(vote.objective);
            }
        }
        let asked = sitting.task.asks.objectives();
        let done = |place: &usize| {
            let showing = &sitting.queue[*place];
            let voted = by.get(&(sitting.items[showing.item].id, showing.repeat));
            voted.is_some_and(|voted| asked.iter().all(|objective| voted.contains(objective)))
        };
        Ok((0..sitting.queue.len())
            .filter(|place| !done(place))
            .collect())
    }

    /// What the person sees at a place, from 0.
    pub fn show(&self, sitting: &Sitting, place: usize) -> Result<BlindItem> {
        let showing = sitting.check(place)?;
        let item = &sitting.items[showing.item];
        let (prompt, texts) = match &item.sides {
            Sides::Texts { prompt, texts, .. } => (prompt.clone(), texts.clone()),
            Sides::Stored {
                prompt, answers, ..
            } => {
                let known = self.texts_of(std::slice::from_ref(item))?;
                let text = |uid: &String| known.get(uid).map(|(_, text)| text.clone());
                let texts: Option<Vec<String>> = answers.iter().map(text).collect();
                let asked = self.prompt_named(prompt)?;
                let asked = asked.and_then(|asked| readable(&asked.prompt));
                asked
                    .zip(texts)
                    .ok_or_else(|| self.misread("item.sides: an answer that is not in this file"))?
            }
        };
        Ok(BlindItem {
            instructions: sitting.task.asks.told(),
            question: sitting.task.asks.question(),
            objectives: sitting.task.asks.objectives().to_vec(),
            strength: sitting.task.asks.strength(),
            prompt,
            sides: showing
                .order
                .iter()
                .map(|&side| texts[side].clone())
                .collect(),
            place: place + 1,
            of: sitting.queue.len(),
        })
    }

    /// Casts the votes on a place, one by each objective; those that stood there are replaced, and its draft is gone.
    ///
    /// # Errors
    /// [`Error::Option`] where a choice is none, or is missing.
    pub fn cast(
        &self,
        sitting: &Sitting,
        place: usize,
        ballots: &[Ballot],
        looked: Looked,
    ) -> Result<()> {
        let showing = sitting.check(place)?;
        let item = &sitting.items[showing.item];
        let asks = &sitting.task.asks;
        check_ballots(
            ballots,
            asks.question(),
            item.sides.len(),
            asks.objectives(),
        )
        .map_err(|problem| Error::option("vote", problem))?;
        let shown = sitting.shown(place);
        self.write(|_transaction, _origin| {
            let before = self.at(sitting, item.id, shown.repeat)?;
            let annotator = self.put_annotator(&sitting.alias)?;
            for ballot in ballots {
                let stood = before
                    .iter()
                    .find(|vote| vote.objective == ballot.objective);
                self.put_vote(&NewVote {
                    uid: Uid::event(now()),
                    created: now(),
                    item: item.id,
                    annotator: annotator.id,
                    ballot,
                    shown: &shown,
                    active_ms: looked.active_ms,
                    early: looked.early,
                    replaces: stood.map(|vote| &vote.uid),
                })?;
            }
            self.put_draft(sitting, place, None)
        })
    }

    /// What stands of a person's votes on a look at an item.
    fn at(&self, sitting: &Sitting, item: i64, repeat: bool) -> Result<Vec<StoredVote>> {
        let mut own = self.own(sitting)?;
        own.retain(|vote| vote.item == item && vote.shown.repeat == repeat);
        Ok(own)
    }

    /// Takes the person's last votes back, by votes that replace them; the place that they were on, which comes next then.
    pub fn take_back(&self, sitting: &Sitting) -> Result<Option<usize>> {
        self.write(|_transaction, _origin| {
            let own = self.own(sitting)?;
            let last = own.iter().rev().find(|vote| vote.picked != Picked::Undone);
            let Some(last) = last.cloned() else {
                return Ok(None);
            };
            for vote in own.iter().filter(|vote| {
                (vote.item, vote.shown.repeat) == (last.item, last.shown.repeat)
                    && vote.picked != Picked::Undone
            }) {
                let ballot = Ballot {
                    objective: vote.objective.clone(),
                    picked: Picked::Undone,
                    strength: None,
                    comment: None,
                };
                self.put_vote(&NewVote {
                    uid: Uid::event(now()),
                    created: now(),
                    item: vote.item,
                    annotator: vote.annotator,
                    ballot: &ballot,
                    shown: &vote.shown,
                    active_ms: 0,
                    early: false,
                    replaces: Some(&vote.uid),
                })?;
            }
            let place = sitting.queue.iter().position(|showing| {
                sitting.items[showing.item].id == last.item && showing.repeat == last.shown.repeat
            });
            Ok(place)
        })
    }

    /// Keeps what is chosen at its place and not cast.
    pub fn save_draft(&self, sitting: &Sitting, draft: &Draft) -> Result<()> {
        self.write(|_transaction, _origin| self.put_draft(sitting, draft.place, Some(draft)))
    }

    fn put_draft(&self, sitting: &Sitting, place: usize, draft: Option<&Draft>) -> Result<()> {
        let target = draft_of(sitting, place);
        let stands = self.state(&target)?;
        if stands.value.is_none() && draft.is_none() {
            return Ok(());
        }
        let state = State {
            rev: stands.rev + 1,
            value: draft.map(|draft| to_json("draft", draft)).transpose()?,
        };
        self.put_state(&self.connection, self.origin()?, &target, &state)
    }

    /// What was chosen at a place and not cast.
    pub fn draft(&self, sitting: &Sitting, place: usize) -> Result<Option<Draft>> {
        let kept = self.state(&draft_of(sitting, place))?.value;
        kept.map(|json| self.json(&json, "view.json")).transpose()
    }
}

/// The alias stands last: by it a person's drafts are forgotten.
fn draft_of(sitting: &Sitting, place: usize) -> Target {
    let (task, alias) = (&sitting.task.uid, &sitting.alias);
    Target::View(format!("draft {task} {place} {alias}"))
}

/// What queues have to know of items, batch by batch.
fn batches(items: &[StoredItem]) -> Vec<Vec<Shape>> {
    let mut found: Vec<Vec<Shape>> = Vec::new();
    let mut last = None;
    for item in items {
        let batch = match item.sides {
            Sides::Stored { batch, .. } => batch,
            Sides::Texts { .. } => 0,
        };
        if last != Some(batch) {
            found.push(Vec::new());
            last = Some(batch);
        }
        if let Some(batch) = found.last_mut() {
            batch.push(Shape {
                sides: item.sides.len(),
                gold: item.wrong.is_some(),
            });
        }
    }
    found
}
