//! The loop of the engine's thread: what it hears and does about it. What a turn computes is in `turn`, what
//! trains beside it in `trains`.

mod trains;
mod turn;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, after, bounded, never, select};

use crate::bundle::{Bundle, LoadOptions};
use crate::device::Backend;
use crate::generate::Generator;
use crate::protocol::{EngineCommand, EngineEvent, JobId, SweepPlan, Trouble};
use crate::reward::{RewardInput, ScoreQueue};
use crate::runtime::compare::Comparison;
use crate::runtime::heard::{Heard, needs_bundle, stops_one_of};
use crate::runtime::learning::Learning;
use crate::runtime::loading::{LoadEnd, Loading};
use crate::runtime::options::EngineOptions;
use crate::runtime::owner::Owner;
use crate::runtime::planning::{PlanEnd, Planning};
use crate::runtime::recalls::{RecallEnd, Recalls};
use crate::runtime::report::Reporter;
use crate::runtime::retraces::Retraces;
use crate::runtime::sweeps::ActiveSweep;
use crate::runtime::thread::guarded;
use crate::runtime::training::Training;
use crate::runtime::{aside, held};
use crate::types::{Compared, Measure, Mutes, Point, Prompt, RowRequest, Run};
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
    generator: Generator<Owner>,
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

fn generator(slots: usize) -> Generator<Owner> {
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

    /// Says what the model would be given for a prompt.
    fn show(&mut self, job: JobId, prompt: &Prompt) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        match guarded("putting this prompt through template and tokenizer", || {
            bundle.tokenizer.given(prompt)
        }) {
            Ok(given) => {
                let context = bundle.model.config().context;
                self.reporter.result(EngineEvent::Previewed {
                    job,
                    given: Arc::new(given),
                    context,
                })
            }
            Err(error) => self.reporter.failed(job, &error),
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
            EngineCommand::Recall { job, plan, index } => {
                let Some(bundle) = &self.bundle else {
                    return self.no_bundle(job);
                };
                match self.recalls.start(Arc::clone(bundle), job, plan, index) {
                    Ok(()) => Ok(()),
                    Err(error) => self.reporter.failed(job, &error),
                }
            }
            EngineCommand::CountHeld { job, plan } => {
                let Some(bundle) = &self.bundle else {
                    return self.no_bundle(job);
                };
                match held::count(Arc::clone(bundle), job, plan, self.reporter.fork()) {
                    Ok(()) => Ok(()),
                    Err(error) => self.reporter.failed(job, &error),
                }
            }
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

    /// Plans a sweep beside everything else; the one before it ends now.
    fn plan_sweep(&mut self, job: JobId, plan: SweepPlan) -> Result<()> {
        self.end_sweep()?;
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        let (bundle, end) = (Arc::clone(bundle), self.plan_ends.0.clone());
        match Planning::start(bundle, job, plan, &mut self.reporter, end) {
            Ok(planning) => {
                self.planning = Some(planning);
                Ok(())
            }
            Err(Error::EngineGone) => Err(Error::EngineGone),
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Takes up a sweep that is planned.
    fn planned(&mut self, end: PlanEnd) -> Result<()> {
        let Some(planning) = self.planning.take_if(|p| p.job == end.job) else {
            return Ok(()); // given up, and said so
        };
        match end.sweep {
            Ok(sweep) => {
                let (job, paused) = (end.job, planning.paused);
                let sweep = ActiveSweep::start(*sweep, job, paused, &mut self.reporter)?;
                self.sweep = Some(sweep);
                Ok(())
            }
            Err(error) => self.reporter.failed(end.job, &error),
        }
    }

    /// Tells what was looked up, unless it was given up.
    fn recalled(&mut self, end: RecallEnd) -> Result<()> {
        let RecallEnd { job, index, runs } = end;
        if !self.recalls.take(job) {
            return Ok(());
        }
        match runs {
            Ok(runs) => {
                let event = EngineEvent::Recalled { job, index, runs };
                self.reporter.result(event)
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Tells what a thread would have told, had it started.
    fn unstarted(
        &mut self,
        started: Result<()>,
        instead: impl FnOnce(Trouble) -> EngineEvent,
    ) -> Result<()> {
        match started {
            Ok(()) => Ok(()),
            Err(error) => self.reporter.result(instead(Trouble::from(&error))),
        }
    }

    /// Compares adapters beside everything else; one comparison at a time.
    fn compare(&mut self, job: JobId, compared: Compared, measure: Measure) -> Result<()> {
        self.comparison = None;
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        let reporter = self.reporter.fork();
        match Comparison::start(&bundle.info, job, compared, measure, reporter) {
            Ok(comparison) => {
                self.comparison = Some(comparison);
                Ok(())
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    fn no_bundle(&mut self, job: JobId) -> Result<()> {
        let error = Error::option("bundle", "none is loaded yet; load one first");
        self.reporter.failed(job, &error)
    }

    /// Loads a bundle beside everything else; the one in use stays until it is ready. A load under way is given up for it.
    fn load(&mut self, job: JobId, path: PathBuf) -> Result<()> {
        if let Some(given_up) = self.loading.take() {
            self.load_failed(given_up.job, given_up.path.clone(), &Error::Cancelled)?;
        }
        let options = LoadOptions {
            backend: self.backend.clone(),
            fallback: self.fallback.clone(),
            ..LoadOptions::default()
        };
        let (reporter, end) = (self.reporter.fork(), self.load_ends.0.clone());
        match Loading::start(job, path.clone(), options, reporter, end) {
            Ok(loading) => {
                self.loading = Some(loading);
                Ok(())
            }
            Err(error) => self.load_failed(job, path, &error),
        }
    }

    fn load_failed(&mut self, job: JobId, path: PathBuf, error: &Error) -> Result<()> {
        self.reporter.result(EngineEvent::LoadFailed {
            job,
            path,
            trouble: Trouble::from(error),
        })
    }

    /// Takes a bundle that is loaded into use, then obeys what waited for it.
    fn loaded(&mut self, end: LoadEnd) -> Result<()> {
        if self
            .loading
            .take_if(|loading| loading.job == end.job)
            .is_none()
        {
            return Ok(()); // given up, and said so
        }
        match end.bundle {
            Ok(bundle) => {
                self.end_sweep()?;
                self.end_rows()?;
                self.unscored = ScoreQueue::default();
                // On the bundle before: what they find is no longer asked for.
                for job in self
                    .retraces
                    .drain()
                    .into_iter()
                    .chain(self.recalls.drain())
                {
                    self.reporter.failed(job, &Error::Cancelled)?;
                }
                let info = Arc::new(bundle.info.clone());
                self.bundle = Some(bundle);
                self.generator = generator(self.options.slots);
                self.reporter.result(EngineEvent::Loaded {
                    job: end.job,
                    bundle: info,
                })?;
            }
            Err(Error::EngineGone) => return Err(Error::EngineGone),
            Err(error) => self.load_failed(end.job, end.path, &error)?,
        }
        for command in std::mem::take(&mut self.later) {
            self.obey(command)?;
        }
        Ok(())
    }

    fn generate(&mut self, job: JobId, row: RowRequest, score: bool) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        let now = Instant::now();
        match self.generator.add(bundle, Owner::Person(job), row, now) {
            Ok(()) => {
                self.interactive.insert(job, score);
                self.reading(job, 0)
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Says how much of a row's prompt is read.
    fn reading(&mut self, job: JobId, read: usize) -> Result<()> {
        let Some(tokens) = self.generator.prompt_tokens(Owner::Person(job)) else {
            return Ok(());
        };
        let event = EngineEvent::Reading { job, read, tokens };
        self.reporter.progress(job, event)
    }

    fn steer(&mut self, job: JobId, point: &Point, mutes: &Mutes) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        match self
            .generator
            .steer(bundle, Owner::Person(job), point, mutes)
        {
            Ok(Some(at_token)) => self.reporter.result(EngineEvent::Steered {
                job,
                at_token,
                point: point.clone(),
                mutes: mutes.clone(),
            }),
            // It ended in the meantime; its end is on its way or was reported.
            Ok(None) => Ok(()),
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    fn pause(&mut self, job: JobId, paused: bool) -> Result<()> {
        match (&mut self.planning, &mut self.sweep) {
            (Some(planning), _) if planning.job == job => {
                planning.pause(paused, &mut self.reporter)
            }
            (_, Some(sweep)) if sweep.job == job => sweep.pause(paused, &mut self.reporter),
            _ => Ok(()),
        }
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
        match self.generator.cancel(bundle, Owner::Person(job)) {
            Some(run) => self.finish(job, run),
            None => Ok(()),
        }
    }

    /// Stops the sweep, if there is one: rows under way are dropped, finished ones kept.
    fn end_sweep(&mut self) -> Result<()> {
        if let Some(planning) = self.planning.take() {
            return planning.cancel(&mut self.reporter);
        }
        let (Some(sweep), Some(bundle)) = (self.sweep.take(), &self.bundle) else {
            return Ok(());
        };
        for owner in self.generator.tags() {
            if matches!(owner, Owner::Sweep(_)) {
                self.generator.cancel(bundle, owner);
            }
        }
        sweep.cancel(&mut self.reporter)
    }

    /// Ends a person's rows; what they have is reported.
    fn end_rows(&mut self) -> Result<()> {
        for owner in self.generator.tags() {
            let bundle = self.bundle.as_ref();
            let run = bundle.and_then(|bundle| self.generator.cancel(bundle, owner));
            if let (Owner::Person(job), Some(run)) = (owner, run) {
                self.finish(job, run)?;
            }
        }
        Ok(())
    }

    /// Reports an interactive row's end, then its scores.
    fn finish(&mut self, job: JobId, run: Run) -> Result<()> {
        let score = self.interactive.remove(&job).unwrap_or(false);
        let text = RewardInput::of(&run.prompt, &run.text);
        self.reporter.result(EngineEvent::Finished {
            job,
            run: Arc::new(run),
        })?;
        if let Some(bundle) = &self.bundle
            && score
            && bundle.rewards.iter().any(Option::is_some)
        {
            self.unscored.push(job, text, bundle.rewards.len());
        }
        Ok(())
    }
}
