//! The loop of the engine's thread.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, select};

use super::aside;
use super::compare::Comparison;
use super::heard::{Heard, needs_bundle, stops_one_of};
use super::loading::{LoadEnd, Loading};
use super::options::EngineOptions;
use super::owner::Owner;
use super::report::Reporter;
use super::sweeps::{ActiveSweep, SCORE_TOKENS, recall};
use super::thread::guarded;
use super::training::Training;
use crate::bundle::{Bundle, LoadOptions};
use crate::device::Backend;
use crate::generate::{Generator, RowNews, retrace};
use crate::protocol::{EngineCommand, EngineEvent, JobId, Trouble};
use crate::reward::{Patience, RewardInput, ScoreQueue};
use crate::types::{Compared, Measure, Mutes, Point, Prompt, RowRequest, Run, TrainJob};
use crate::{Error, Result};

pub(super) struct Worker {
    options: EngineOptions,
    commands: Receiver<EngineCommand>,
    /// Commands that came while the first bundle was loading, and need one.
    later: Vec<EngineCommand>,
    reporter: Reporter,
    bundle: Option<Box<Bundle>>,
    loading: Option<Loading>,
    /// Where loads end.
    load_ends: (Sender<LoadEnd>, Receiver<LoadEnd>),
    generator: Generator<Owner>,
    /// A person's rows under way: whether each is scored at its end.
    interactive: HashMap<JobId, bool>,
    /// A person's answers that wait for their scores.
    unscored: ScoreQueue<JobId>,
    sweep: Option<ActiveSweep>,
    comparison: Option<Comparison>,
    training: Option<Training>,
    /// The prompt that is to be shown as the model would be given it: the last one asked for.
    preview: Option<(JobId, Prompt)>,
    backend: Backend,
    /// Why that is not the device asked for.
    fallback: Option<String>,
}

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
            sweep: None,
            comparison: None,
            training: None,
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
                        return Ok(());
                    }
                    Heard::Command(command) => self.obey(command)?,
                    Heard::Loaded(end) => self.loaded(end)?,
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
        if self.is_idle() && self.preview.is_none() {
            select! {
                recv(self.commands) -> received => Some(command(received)),
                recv(self.load_ends.1) -> end => end.ok().map(Heard::Loaded),
            }
        } else if let Ok(end) = self.load_ends.1.try_recv() {
            Some(Heard::Loaded(end))
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
        self.generator.is_empty()
            && self.unscored.is_empty()
            && self.sweep.as_ref().is_none_or(ActiveSweep::is_idle)
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
            EngineCommand::Sweep { job, plan } => {
                self.end_sweep()?;
                let Some(bundle) = &self.bundle else {
                    return self.no_bundle(job);
                };
                match ActiveSweep::start(bundle, job, plan, &mut self.reporter) {
                    Ok(sweep) => self.sweep = Some(sweep),
                    Err(error) => self.reporter.failed(job, &error)?,
                }
                Ok(())
            }
            EngineCommand::Pause { job } => self.pause(job, true),
            EngineCommand::Resume { job } => self.pause(job, false),
            EngineCommand::Cancel { job } => self.cancel(job),
            EngineCommand::Recall { job, plan, index } => {
                let Some(bundle) = &self.bundle else {
                    return self.no_bundle(job);
                };
                match recall(bundle, &plan, index) {
                    Ok(runs) => self
                        .reporter
                        .result(EngineEvent::Recalled { job, index, runs }),
                    Err(error) => self.reporter.failed(job, &error),
                }
            }
            EngineCommand::CountHeld { job, plan } => {
                let Some(bundle) = &self.bundle else {
                    return self.no_bundle(job);
                };
                match super::held::count(bundle, job, plan, self.reporter.fork()) {
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
                let Some(bundle) = &self.bundle else {
                    return self.no_bundle(job);
                };
                match retrace(bundle, &run) {
                    Ok(record) => self.reporter.result(EngineEvent::Retraced {
                        job,
                        record: Arc::new(record),
                    }),
                    Err(error) => self.reporter.failed(job, &error),
                }
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

    /// Trains beside everything else; a run that is under way is not given up for another.
    fn train(&mut self, job: JobId, plan: &TrainJob) -> Result<()> {
        self.training.take_if(|training| training.is_over());
        if self.training.is_some() {
            let error = Error::option("train", "another run is under way; cancel it first");
            return self.reporter.failed(job, &error);
        }
        let (device, reporter) = (self.options.device, self.reporter.fork());
        match Training::start(plan.clone(), job, device, reporter) {
            Ok(training) => {
                self.training = Some(training);
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
        match &mut self.sweep {
            Some(sweep) if sweep.job == job => sweep.pause(paused, &mut self.reporter),
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
        if self.sweep.as_ref().is_some_and(|sweep| sweep.job == job) {
            return self.end_sweep();
        }
        if self.comparison.take_if(|c| c.job == job).is_some() {
            return Ok(());
        }
        if let Some(training) = self.training.as_ref().filter(|t| t.job == job) {
            training.cancel();
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

    /// Moves rows by one token: the interactive ones if there are any, else the sweep's; then, where no person waits, one
    /// forward pass of a reward model.
    fn step(&mut self) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return Ok(());
        };
        let yielding = !self.interactive.is_empty();
        if !yielding
            && let Some(sweep) = &mut self.sweep
            && let Err(error) = sweep.refill(bundle, &mut self.generator)
        {
            return self.fail_sweep(&error);
        }
        let mut rows = self.generator.tags();
        rows.retain(|owner| !yielding || matches!(owner, Owner::Person(_)));
        let news = match self.generator.step_some(bundle, &rows) {
            Ok(news) => news,
            Err(error) => return self.fail_rows(&rows, &error),
        };
        let mut of_sweep = Vec::new();
        for (owner, news) in news {
            match (owner, news) {
                (Owner::Sweep(row), RowNews::Finished(run)) => of_sweep.push((row, *run)),
                (Owner::Sweep(_), _) => {}
                (Owner::Person(job), RowNews::Finished(run)) => self.finish(job, *run)?,
                (Owner::Person(job), RowNews::Reading(read)) => self.reading(job, read)?,
                (Owner::Person(job), RowNews::Started(prompt_tokens)) => {
                    self.reporter
                        .result(EngineEvent::Started { job, prompt_tokens })?;
                }
                (Owner::Person(job), RowNews::Tokens(news)) => self.reporter.tokens(job, news)?,
            }
        }
        if let (Some(sweep), Some(bundle)) = (&mut self.sweep, &self.bundle)
            && !of_sweep.is_empty()
            && let Err(error) = sweep.finished(bundle, of_sweep, &mut self.reporter)
        {
            self.fail_sweep(&error)?;
        }
        if self.interactive.is_empty() {
            self.score()?;
        }
        let Some(sweep) = &mut self.sweep else {
            return Ok(());
        };
        match sweep.tick(yielding, &mut self.reporter) {
            Ok(true) => self.sweep = None,
            Ok(false) => {}
            Err(error) => self.fail_sweep(&error)?,
        }
        Ok(())
    }

    /// One forward pass of a reward model: for a person's answers first. It gives way as soon as a command comes.
    fn score(&mut self) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return Ok(());
        };
        let commands = &self.commands;
        let waits = || !commands.is_empty();
        let patience = Patience::until(&waits);
        if self.unscored.is_empty() {
            if let Some(sweep) = &mut self.sweep
                && let Err(error) = sweep.score(bundle, &patience, &mut self.reporter)
            {
                return self.fail_sweep(&error);
            }
            return Ok(());
        }
        match self.unscored.step(&bundle.rewards, SCORE_TOKENS, &patience) {
            Ok(scored) => scored.into_iter().try_for_each(|(job, scores)| {
                self.reporter.result(EngineEvent::Scored { job, scores })
            }),
            Err(error) => match self.unscored.pop() {
                Some(job) => self.reporter.failed(job, &error),
                None => Ok(()),
            },
        }
    }

    /// Rows whose step failed (the device's memory is full, say) end; the bundle stays in use.
    fn fail_rows(&mut self, rows: &[Owner], error: &Error) -> Result<()> {
        for &owner in rows {
            if let Owner::Person(job) = owner {
                if let Some(bundle) = &self.bundle {
                    self.generator.cancel(bundle, owner);
                }
                self.interactive.remove(&job);
                self.reporter.failed(job, error)?;
            }
        }
        if rows.iter().any(|owner| matches!(owner, Owner::Sweep(_))) {
            self.fail_sweep(error)?;
        }
        Ok(())
    }

    /// A sweep that cannot go on (its disk is full, say) ends; what it stored is kept.
    fn fail_sweep(&mut self, error: &Error) -> Result<()> {
        if matches!(error, Error::EngineGone) {
            return Err(Error::EngineGone);
        }
        if let Some(job) = self.sweep.as_ref().map(|sweep| sweep.job) {
            self.reporter.failed(job, error)?;
        }
        self.end_sweep()
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
