//! Whose rows are: those that nobody has, those that are ours to make, those that another program makes.
//!
//! A row is claimed in the study before it is handed out. That is a write, and the disk may be busy: a thread of the study's
//! own makes it, a batch of rows at a time, while rows that are claimed already run.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Result;
use crate::study::{Claim, Claimer, Claims, Study};
use crate::types::Key;

/// Rows that are claimed at once: as few as a second takes, so that none lies claimed while another program has nothing
/// left to do, within these bounds.
const LEAST: usize = 2;
const MOST: usize = 16;
/// Over how long rows are counted for that.
const PACE: Duration = Duration::from_secs(1);
/// How often it is looked whether rows of another program are there.
const LOOK: Duration = Duration::from_millis(500);

/// One row of a plan: which point, which prompt, under which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) point: usize,
    pub(super) prompt: usize,
    pub(super) key: Key,
}

/// The rows of a sweep that are not made yet.
#[derive(Debug)]
pub(super) struct Shares {
    /// Claims; `None` where no other program writes.
    claimer: Option<Claimer>,
    /// The sweep itself, claimed under its own name for as long as this lives; others see by that who makes it.
    sweep: Key,
    /// Nobody's, as far as is known.
    waiting: VecDeque<Row>,
    /// Claimed by us, and not handed out.
    ours: VecDeque<Row>,
    /// Claimed by another program.
    theirs: Vec<Row>,
    /// Rows whose claim is under way.
    asked: Option<(Vec<Row>, Claims)>,
    looked: Instant,
    /// When rows were handed out, within [`PACE`].
    handed: VecDeque<Instant>,
}

impl Shares {
    /// Of a sweep that is claimed under this name.
    pub(super) fn new(study: &Study, sweep: Key) -> Result<Self> {
        let claimer = if study.alone()? {
            None
        } else {
            let claimer = Claimer::start(study.path())?;
            // Whose it is does not matter: several may make it.
            let _whose = claimer.claim(vec![sweep]);
            Some(claimer)
        };
        Ok(Self {
            claimer,
            sweep,
            waiting: VecDeque::new(),
            ours: VecDeque::new(),
            theirs: Vec::new(),
            asked: None,
            looked: Instant::now(),
            handed: VecDeque::new(),
        })
    }

    /// A row that is not made yet.
    pub(super) fn push(&mut self, row: Row) {
        self.waiting.push_back(row);
    }

    /// Leaves those rows out for which `keep` does not hold; how many.
    pub(super) fn retain(&mut self, keep: impl Fn(&Row) -> bool) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(keep);
        before - self.waiting.len()
    }

    /// The next row that is ours.
    pub(super) fn next(&mut self) -> Option<Row> {
        let row = match &self.claimer {
            Some(_) => self.ours.pop_front(),
            None => self.waiting.pop_front(),
        }?;
        self.handed.push_back(Instant::now());
        Some(row)
    }

    /// Whether rows are left that may be ours.
    pub(super) fn has_ours(&self) -> bool {
        !self.waiting.is_empty() || !self.ours.is_empty() || self.asked.is_some()
    }

    /// Whether a row can be handed out now.
    pub(super) fn is_ready(&self) -> bool {
        !self.ours.is_empty() || self.claimer.is_none() && !self.waiting.is_empty()
    }

    /// Whether nothing is claimed that is not handed out.
    pub(super) fn rests(&self) -> bool {
        self.ours.is_empty() && self.asked.is_none()
    }

    /// Rows that another program makes.
    pub(super) fn theirs(&self) -> usize {
        self.theirs.len()
    }

    /// Whether no row is left.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_ours() && self.theirs.is_empty()
    }

    /// Claims rows ahead, and takes in what came of those that were claimed before. Never waits. Gives the rows whose
    /// answers are there.
    pub(super) fn tend(&mut self) -> Result<Vec<Row>> {
        let done = self.answered()?;
        if self.asked.is_none()
            && let Some(claimer) = &self.claimer
        {
            let now = Instant::now();
            while self.handed.front().is_some_and(|at| now - *at > PACE) {
                self.handed.pop_front();
            }
            // At the beginning nothing is known of the pace.
            let batch = match self.handed.len() {
                0 if self.ours.is_empty() => MOST,
                pace => pace.clamp(LEAST, MOST),
            };
            let mut rows: Vec<Row> = Vec::new();
            if self.ours.len() < batch {
                let next = self.waiting.len().min(batch);
                rows.extend(self.waiting.drain(..next));
            }
            if self.looked.elapsed() >= LOOK {
                self.looked = now;
                rows.append(&mut self.theirs);
            }
            if !rows.is_empty() {
                // The sweep itself with them: who had it claimed may have ended.
                let keys = rows.iter().map(|row| row.key).chain([self.sweep]);
                let claims = claimer.claim(keys.collect());
                self.asked = Some((rows, claims));
            }
        }
        Ok(done)
    }

    /// Gives back what is claimed and not handed out, so that others make it meanwhile. Never waits.
    pub(super) fn rest(&mut self) -> Result<Vec<Row>> {
        let done = self.answered()?;
        if let Some(claimer) = &self.claimer
            && !self.ours.is_empty()
        {
            claimer.release(self.ours.iter().map(|row| row.key).collect());
            while let Some(row) = self.ours.pop_back() {
                self.waiting.push_front(row);
            }
        }
        Ok(done)
    }

    /// Takes in what came of the claim that is under way.
    fn answered(&mut self) -> Result<Vec<Row>> {
        let Some(reply) = self.asked.as_ref().and_then(|(_, claims)| claims.try_get()) else {
            return Ok(Vec::new());
        };
        let rows = self.asked.take().map(|(rows, _)| rows).unwrap_or_default();
        let mut done = Vec::new();
        for (row, claim) in rows.into_iter().zip(reply?) {
            match claim {
                Claim::Ours => self.ours.push_back(row),
                Claim::Theirs(_) => self.theirs.push(row),
                Claim::Done => done.push(row),
            }
        }
        Ok(done)
    }
}
