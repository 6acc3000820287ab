//! The loop of the engine's thread: what it hears, and who does something about it.
//!
//! | what | file |
//! |---|---|
//! | one turn: rows by a token, then what waits behind them | `turn` |
//! | a person's rows | `rows` |
//! | the sweep | `sweeping` |
//! | bundles | `loads` |
//! | lookups, comparisons | `beside` |
//! | training runs, what is learnt from votes | `trains` |

mod beside;
mod loads;
mod rows;
mod sweeping;
mod trains;
mod turn;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, after, bounded, never, select};

use crate::bundle::Bundle;
use crate::device::Backend;
use crate::generate::Generator;
use crate::protocol::{EngineCommand, EngineEvent, JobId};
use crate::reward::{RewardInput, ScoreQueue};
use crate::runtime::aside;
use crate::runtime::compare::Comparison;
use crate::runtime::heard::{Heard, needs_bundle, stops_one_of};
use crate::runtime::learning::Learning;
use crate::runtime::loading::{LoadEnd, Loading};
use crate::runtime::options::EngineOptions;
use crate::runtime::owner::RowOwner;
use crate::runtime::planning::{PlanEnd, Planning};
use crate::runtime::recalls::Recalls;
use crate::runtime::report::Reporter;
use crate::runtime::retraces::Retraces;
use crate::runtime::sweeps::ActiveSweep;
use crate::runtime::training::Training;
use crate::types::Prompt;
use crate::{Error, Result};

pub(super) struct Worker {
    options: EngineOptions,
    commands: Receiver<EngineCommand>,
    /// Commands that came while the first bundle was loading, and need one.
    later: Vec<EngineCommand>,
    reporter: Reporter,
    bundle: Option<Arc<Bundle>>,
    loading: Option<Loading>,
    /// Where loads end.
    load_ends: (Sender<LoadEnd>, Receiver<LoadEnd>),
    generator: Generator<RowOwner>,
    /// A person's rows under way: whether each is scored at its end.
    interactive: HashMap<JobId, bool>,
    /// A person's answers that wait for their scores.
    unscored: ScoreQueue<JobId>,
    /// The sweep that is being planned; then there is none under way.
    planning: Option<Planning>,
    /// Where planning ends.
    plan_ends: (Sender<PlanEnd>, Receiver<PlanEnd>),
    sweep: Option<ActiveSweep>,
    retraces: Retraces,
    recalls: Recalls,
    comparison: Option<Comparison>,
    training: Option<Training>,
    learning: Option<Learning>,
    /// The prompt that is to be shown as the model would be given it: the last one asked for.
    preview: Option<(JobId, Prompt)>,
    backend: Backend,
    /// Why that is not the device asked for.
    fallback: Option<String>,
}

/// How long nothing is done where a sweep waits for its study.
const NAP: Duration = Duration::from_millis(5);

/// Tokens of one prompt that a step takes at most: few enough that the window says often how far a prompt is read.
const READ_AT_ONCE: usize = 128;

fn generator(slots: usize) -> Generator<RowOwner> {
    Generator::new(slots).reading_by(READ_AT_ONCE)
}

impl Worker {
    pub(super) fn new(
        options: &EngineOptions,
        commands: Receiver<EngineCommand>,
        reporter: Reporter,
    ) -> Self {
        let (backend, fallback) = Backend::find_or_cpu(options.device, options.dtype);
        Self {
            options: options.clone(),
            commands,
            later: Vec::new(),
            reporter,
            bundle: None,
            loading: None,
            load_ends: bounded(1),
            generator: generator(options.slots),
            interactive: HashMap::new(),
            unscored: ScoreQueue::default(),
            planning: None,
            plan_ends: bounded(1),
            sweep: None,
            retraces: Retraces::default(),
            recalls: Recalls::default(),
            comparison: None,
            training: None,
            learning: None,
            preview: None,
            backend,
            fallback,
        }
    }

    /// Runs until it is told to stop. An error means that nobody listens any more.
    pub(super) fn run(&mut self) -> Result<()> {
        let event = EngineEvent::Ready {
            device: self.backend.in_words(),
            fallback: self.fallback.clone(),
        };
        self.reporter.result(event)?;
        loop {
            while let Some(heard) = self.listen() {
                match heard {
                    Heard::Command(EngineCommand::Shutdown) | Heard::Nobody => {
                        if let Some(training) = self.training.take() {
                            training.end();
                        }
                        if let Some(learning) = self.learning.take() {
                            learning.end();
                        }
                        return Ok(());
                    }
                    Heard::Command(command) => self.obey(command)?,
                    Heard::Loaded(end) => self.loaded(end)?,
                    Heard::Planned(end) => self.planned(end)?,
                    Heard::Recalled(end) => self.recalled(end)?,
                }
            }
            // After all commands that were there: a newer prompt has taken the place of an older one.
            if let Some((job, prompt)) = self.preview.take() {
                self.show(job, &prompt)?;
            }
            if !self.is_idle() {
                self.step()?;
            }
        }
    }

    /// What came, if anything; waits for it where there is nothing to do.
    fn listen(&self) -> Option<Heard> {
        let command = |received| match received {
            Ok(command) => Heard::Command(command),
            Err(_closed) => Heard::Nobody,
        };
        let nap = if self.naps() {
            Some(after(NAP))
        } else {
            (self.is_idle() && self.preview.is_none()).then(never)
        };
        if let Some(nap) = nap {
            select! {
                recv(self.commands) -> received => Some(command(received)),
                recv(self.load_ends.1) -> end => end.ok().map(Heard::Loaded),
                recv(self.plan_ends.1) -> end => end.ok().map(Heard::Planned),
                recv(self.recalls.ends) -> end => end.ok().map(Heard::Recalled),
                recv(nap) -> _ => None,
            }
        } else if let Ok(end) = self.load_ends.1.try_recv() {
            Some(Heard::Loaded(end))
        } else if let Ok(end) = self.plan_ends.1.try_recv() {
            Some(Heard::Planned(end))
        } else if let Ok(end) = self.recalls.ends.try_recv() {
            Some(Heard::Recalled(end))
        } else {
            match self.commands.try_recv() {
                Ok(command) => Some(Heard::Command(command)),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Heard::Nobody),
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.waits_for_sweep() && self.sweep.as_ref().is_none_or(ActiveSweep::is_idle)
    }

    /// Whether nothing is to be done but the sweep's.
    fn waits_for_sweep(&self) -> bool {
        self.generator.is_empty() && self.unscored.is_empty() && self.retraces.is_empty()
    }

    /// Whether the sweep alone is left, which waits for its study or for other programs.
    fn naps(&self) -> bool {
        self.waits_for_sweep()
            && self.preview.is_none()
            && self.sweep.as_ref().is_some_and(ActiveSweep::waits)
    }

    fn obey(&mut self, command: EngineCommand) -> Result<()> {
        let waits = self.bundle.is_none() && self.loading.is_some();
        if waits && (needs_bundle(&command) || stops_one_of(&command, &self.later)) {
            self.later.push(command);
            return Ok(());
        }
        match command {
            EngineCommand::LoadBundle { job, path } => self.load(job, path),
            EngineCommand::Generate { job, row, score } => self.generate(job, row, score),
            EngineCommand::Steer { job, point, mutes } => self.steer(job, &point, &mutes),
            EngineCommand::Sweep { job, plan } => self.plan_sweep(job, plan),
            EngineCommand::Pause { job } => self.pause(job, true),
            EngineCommand::Resume { job } => self.pause(job, false),
            EngineCommand::Cancel { job } => self.cancel(job),
            EngineCommand::Recall { job, plan, index } => self.recall(job, plan, index),
            EngineCommand::CountHeld { job, plan } => self.count_held(job, plan),
            EngineCommand::Compare {
                job,
                compared,
                measure,
            } => self.compare(job, compared, measure),
            EngineCommand::Train { job, plan } => self.train(job, &plan),
            EngineCommand::Learn { job, plan } => self.learn(job, plan),
            EngineCommand::ReadPrompts { path } => {
                let started = aside::prompts(path.clone(), self.reporter.fork());
                self.unstarted(started, |trouble| EngineEvent::PromptsRead {
                    path,
                    read: Err(trouble),
                })
            }
            EngineCommand::FindRuns { folder } => {
                let started = aside::runs(folder, self.reporter.fork());
                self.unstarted(started, |trouble| EngineEvent::RunsFound {
                    runs: Vec::new(),
                    refused: vec![trouble],
                })
            }
            EngineCommand::BundleWith { plan, onto } => {
                let started = aside::bundle(Arc::clone(&plan), onto, self.reporter.fork());
                self.unstarted(started, |trouble| EngineEvent::BundleMade {
                    plan,
                    made: Err(trouble),
                })
            }
            EngineCommand::Preview { job, prompt } => {
                self.preview = Some((job, prompt));
                Ok(())
            }
            EngineCommand::Retrace { job, run } => {
                if self.bundle.is_none() {
                    return self.no_bundle(job);
                }
                self.retraces.push(job, run);
                Ok(())
            }
            EngineCommand::Score {
                job,
                prompt,
                response,
            } => {
                let Some(bundle) = &self.bundle else {
                    return self.no_bundle(job);
                };
                let text = RewardInput::of(&prompt, &response);
                self.unscored.push(job, text, bundle.rewards.len());
                Ok(())
            }
            EngineCommand::Shutdown => Ok(()),
        }
    }

    fn no_bundle(&mut self, job: JobId) -> Result<()> {
        let error = Error::option("bundle", "none is loaded yet; load one first");
        self.reporter.failed(job, &error)
    }

    fn cancel(&mut self, job: JobId) -> Result<()> {
        if let Some(loading) = self.loading.take_if(|loading| loading.job == job) {
            self.load_failed(job, loading.path.clone(), &Error::Cancelled)?;
            // What waited for it is told that there is no bundle.
            for command in std::mem::take(&mut self.later) {
                self.obey(command)?;
            }
            return Ok(());
        }
        let planned = self.planning.as_ref().is_some_and(|p| p.job == job);
        if planned || self.sweep.as_ref().is_some_and(|sweep| sweep.job == job) {
            return self.end_sweep();
        }
        if self.retraces.cancel(job) || self.recalls.take(job) {
            return Ok(());
        }
        if self.comparison.take_if(|c| c.job == job).is_some() {
            return Ok(());
        }
        if let Some(training) = self.training.as_ref().filter(|t| t.job == job) {
            training.cancel();
            return Ok(());
        }
        if let Some(learning) = self.learning.as_ref().filter(|l| l.job == job) {
            learning.cancel();
            return Ok(());
        }
        let Some(bundle) = &self.bundle else {
            return Ok(());
        };
        match self.generator.cancel(bundle, RowOwner::Person(job)) {
            Some(run) => self.finish(job, run),
            None => Ok(()),
        }
    }
}
