//! All runs of this session: exactly one is current, at most one is pinned.

use std::collections::BTreeSet;
use std::sync::Arc;

use paretoscope_core::method::{Method, Speaks};
use paretoscope_core::protocol::{JobId, Trouble};
use paretoscope_core::study::Uid;
use paretoscope_core::types::{
    BundleInfo, Finish, GateRecord, Given, Mutes, Point, Prompt, Run, RunStatus, Sampling, Scores,
    Steering, TokenPiece,
};

use crate::study::Recalled;

/// A run's name within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// Where a run came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The prompt editor.
    Interactive,
    /// A stored row of a sweep.
    Sweep {
        /// The point, by its place in the plan.
        point: usize,
        /// The row among the point's rows.
        row: usize,
    },
    /// A stored row of another sweep of the study.
    Study {
        /// The row among its point's rows.
        row: usize,
    },
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunPhase {
    /// Sent, not in a slot yet.
    Queued,
    /// In a slot, no token yet.
    Prefill,
    /// Tokens come.
    Streaming,
    /// It ended by itself.
    Done(Finish),
    /// Somebody stopped it.
    Stopped,
    /// It failed.
    Failed(Trouble),
}

impl RunPhase {
    /// Whether the engine still works on it.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Queued | Self::Prefill | Self::Streaming)
    }
}

/// A run: live while it streams, and kept afterwards.
#[derive(Debug, Clone)]
pub struct RunEntry {
    /// Its name.
    pub id: RunId,
    /// The engine's name for it.
    pub job: JobId,
    /// Where it came from.
    pub origin: Origin,
    /// Where it stands.
    pub phase: RunPhase,
    /// The bundle that it ran on.
    pub bundle: Arc<BundleInfo>,
    /// What was asked.
    pub prompt: Prompt,
    /// Where it started out.
    pub point: Point,
    /// Every change of point and mutes while it ran.
    pub steering: Steering,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The answer so far.
    pub text: String,
    /// Its tokens so far.
    pub tokens: Vec<TokenPiece>,
    /// The routing so far, and all of it once ended; `None` where none was recorded.
    pub record: Option<Arc<GateRecord>>,
    /// Reward scores, once there.
    pub scores: Option<Scores>,
    /// Whether scores are still to come.
    pub scoring: bool,
    /// Tokens of the prompt, once known.
    pub prompt_tokens: Option<usize>,
    /// Of these, how many the model has read.
    pub prompt_read: usize,
    /// What the model was given, once known.
    pub given: Option<Arc<Given>>,
    /// Whether it was asked to stop.
    pub stopping: bool,
    /// The last point and mutes that it was sent to and has not reached yet.
    pub heading: Option<(Point, Mutes)>,
    /// When it was sent, in seconds of the window.
    pub started: f64,
    /// When its first token came.
    pub first_token: Option<f64>,
    /// When it ended.
    pub ended: Option<f64>,
    /// Its name in the study, once it is written there.
    pub stored: Option<Uid>,
    /// When it was written there, in milliseconds since 1970, where that was before this session.
    pub written: Option<i64>,
    /// Whether a person starred it.
    pub star: bool,
    /// What a person noted on it.
    pub note: String,
    /// What a person tagged it with.
    pub tags: BTreeSet<String>,
}

impl RunEntry {
    /// A run of which nothing is known yet but what was asked.
    pub fn new(
        id: RunId,
        job: JobId,
        bundle: Arc<BundleInfo>,
        prompt: Prompt,
        point: Point,
        sampling: Sampling,
    ) -> Self {
        Self {
            id,
            job,
            origin: Origin::Interactive,
            phase: RunPhase::Queued,
            bundle,
            prompt,
            point,
            steering: Steering::default(),
            sampling,
            text: String::new(),
            tokens: Vec::new(),
            record: None,
            scores: None,
            scoring: false,
            prompt_tokens: None,
            prompt_read: 0,
            given: None,
            stopping: false,
            heading: None,
            started: 0.0,
            first_token: None,
            ended: None,
            stored: None,
            written: None,
            star: false,
            note: String::new(),
            tags: BTreeSet::new(),
        }
    }

    /// An answer that the study keeps.
    pub fn recalled(id: RunId, job: JobId, bundle: Arc<BundleInfo>, stored: &Recalled) -> Self {
        let run = &stored.run;
        let mut entry = Self {
            phase: match run.status {
                RunStatus::Done => RunPhase::Done(run.finish),
                RunStatus::Stopped => RunPhase::Stopped,
            },
            started: f64::NEG_INFINITY,
            stored: Some(stored.uid.clone()),
            written: Some(stored.created),
            star: stored.star,
            note: stored.note.clone(),
            tags: stored.tags.clone(),
            ..Self::new(
                id,
                job,
                bundle,
                run.prompt.clone(),
                run.point.clone(),
                run.sampling.clone(),
            )
        };
        // After the phase: scores that are no numbers make a failure of it.
        entry.finish(run);
        entry.prompt_tokens = Some(stored.asked);
        if stored.scores.0.iter().any(Option::is_some) {
            entry.take_scores(stored.scores.clone());
        }
        entry
    }

    /// Takes over what a finished row says of itself.
    pub fn finish(&mut self, run: &Run) {
        self.text.clone_from(&run.text);
        self.tokens.clone_from(&run.tokens);
        self.point = run.point.clone();
        self.steering.clone_from(&run.steering);
        self.prompt_tokens = Some(run.prompt_tokens.len());
        self.given.clone_from(&run.given);
        if run.record.is_some() {
            self.record.clone_from(&run.record);
        }
        if let Some(scores) = &run.scores {
            self.take_scores(scores.clone());
        }
    }

    /// Takes over its scores. One that is not finite is none: the run failed then.
    pub fn take_scores(&mut self, scores: Scores) {
        let bad = scores
            .0
            .iter()
            .position(|score| score.is_some_and(|value| !value.is_finite()));
        let Some(index) = bad else {
            self.scores = Some(scores);
            return;
        };
        let (value, objectives) = (scores.0[index].unwrap_or(f64::NAN), &self.bundle.objectives);
        let name = objectives.get(index).map_or("an objective", |o| &o.name);
        self.phase = RunPhase::Failed(Trouble::system(format!(
            "its score for {name} is {value}, which is no number to compare"
        )));
    }

    /// The point that its next token is made under.
    pub fn point_now(&self) -> &Point {
        self.point_at(usize::MAX)
    }

    /// The point that token `token` was made under.
    pub fn point_at(&self, token: usize) -> &Point {
        self.steering.point_at(&self.point, token)
    }

    /// What is silenced while its next token is made.
    pub fn mutes_now(&self) -> Mutes {
        self.mutes_at(usize::MAX)
    }

    /// What was silenced while token `token` was made.
    pub fn mutes_at(&self, token: usize) -> Mutes {
        self.steering.mutes_at(token).cloned().unwrap_or_default()
    }

    /// What is or was silenced, in words; `None` where all was heard all the time.
    pub fn mute_words(&self) -> Option<String> {
        let words = |mutes: &Mutes| mutes.in_words(|channel| self.bundle.channel_name(channel));
        match &self.steering.mutes[..] {
            [] => None,
            [.., (at, last)] => {
                words(last).or_else(|| Some(format!("all heard from token {at} on")))
            }
        }
    }

    /// By which method it was made, where that is not the usual one.
    pub fn method(&self) -> Option<&Method> {
        self.sampling.method.as_ref()
    }

    /// Whose experts speak in it.
    pub fn speaks(&self) -> Speaks {
        self.method().map_or(Speaks::Routed, Method::speaks)
    }

    /// New tokens per second since the first one; `None` before the second.
    pub fn tokens_per_second(&self, now: f64) -> Option<f64> {
        let span = self.ended.unwrap_or(now) - self.first_token?;
        (self.tokens.len() > 1 && span > 0.0).then(|| (self.tokens.len() - 1) as f64 / span)
    }
}

/// The runs.
#[derive(Debug, Default)]
pub struct Session {
    /// Oldest first.
    pub runs: Vec<RunEntry>,
    /// The one that is looked at.
    pub current: Option<RunId>,
    /// The one that it is compared with.
    pub pinned: Option<RunId>,
    /// Names handed out.
    next: u64,
}

impl Session {
    /// Runs kept; the oldest that is neither current nor pinned goes first.
    pub const KEPT: usize = 200;

    /// A name that was never given before.
    pub fn next_id(&mut self) -> RunId {
        self.next += 1;
        RunId(self.next)
    }

    /// Adds a run and forgets the oldest beyond [`Session::KEPT`]. Stored answers of a dot do not count: they go when
    /// the dot is left.
    pub fn push(&mut self, run: RunEntry) {
        self.runs.push(run);
        let is_asked = |r: &RunEntry| r.origin == Origin::Interactive;
        while self.runs.iter().filter(|r| is_asked(r)).count() > Self::KEPT {
            let spare = |r: &RunEntry| {
                is_asked(r)
                    && Some(r.id) != self.current
                    && Some(r.id) != self.pinned
                    && !r.phase.is_running()
            };
            match self.runs.iter().position(spare) {
                Some(index) => drop(self.runs.remove(index)),
                None => break,
            }
        }
    }

    /// What was asked for and answered here, oldest first: stored answers of a sweep are there to be looked
    /// at, and no part of it unless they are pinned.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &RunEntry> {
        self.runs
            .iter()
            .filter(|r| r.origin == Origin::Interactive || self.pinned == Some(r.id))
    }

    /// Puts answers of earlier sessions before those of this one, oldest first; the oldest are left out where there is no
    /// room. What is to be looked at is never without: there is room for two more.
    pub fn put_before(&mut self, earlier: Vec<RunEntry>) {
        let room = (Self::KEPT + 2).saturating_sub(self.runs.len());
        let too_many = earlier.len().saturating_sub(room);
        self.runs.splice(0..0, earlier.into_iter().skip(too_many));
    }

    /// Drops a run that is neither current nor pinned.
    pub fn forget(&mut self, id: RunId) {
        if self.current != Some(id) && self.pinned != Some(id) {
            self.runs.retain(|run| run.id != id);
        }
    }

    /// Drops all runs. Names that were given are not given again.
    pub fn clear(&mut self) {
        (self.current, self.pinned) = (None, None);
        self.runs.clear();
    }

    /// A run by name.
    pub fn get(&self, id: RunId) -> Option<&RunEntry> {
        self.runs.iter().find(|r| r.id == id)
    }

    /// A run, to be changed.
    pub fn get_mut(&mut self, id: RunId) -> Option<&mut RunEntry> {
        self.runs.iter_mut().find(|r| r.id == id)
    }

    /// The run that is looked at.
    pub fn current(&self) -> Option<&RunEntry> {
        self.current.and_then(|id| self.get(id))
    }

    /// The run that it is compared with.
    pub fn pinned(&self) -> Option<&RunEntry> {
        self.pinned.and_then(|id| self.get(id))
    }

    /// The run that the engine works on and nobody stopped, if any.
    pub fn running(&self) -> Option<&RunEntry> {
        self.runs
            .iter()
            .rev()
            .find(|r| r.phase.is_running() && !r.stopping)
    }

    /// The run that the engine works on and nobody stopped, to be written.
    pub fn running_mut(&mut self) -> Option<&mut RunEntry> {
        self.runs
            .iter_mut()
            .rev()
            .find(|r| r.phase.is_running() && !r.stopping)
    }
}
