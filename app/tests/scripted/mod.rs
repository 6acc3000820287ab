//! An engine that plays from a script over the real channels: deterministic, no model.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod bundle;
pub(crate) mod learning;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use paretoscope_core::points::points;
use paretoscope_core::protocol::{
    COMMAND_CAPACITY, EVENT_CAPACITY, EngineCommand, EngineEvent, EngineHandle, Held, JobId,
    LoadStage, SweepPhase, SweepPlan, SweepProgress, TokenNews, Trouble,
};
use paretoscope_core::types::{
    BundleInfo, ExpertKind, Finish, GateRecord, LearnNews, LearnPlan, Mutes, Point, PointResult,
    RowGates, RowRequest, Run, RunStatus, Scores, Split, Steering, Summary, TokenPiece, TraceLevel,
    TrainEnd, TrainJob, TrainNews, Weights,
};

/// A row that is being played.
struct Row {
    job: JobId,
    request: RowRequest,
    score: bool,
    /// What it says wherever it is steered, where the prompt says so.
    said: Option<Vec<String>>,
    words: Vec<String>,
    run: Run,
    gates: Vec<f32>,
    point: Point,
    mutes: Mutes,
}

/// A sweep that is being played.
struct Sweep {
    job: JobId,
    plan: SweepPlan,
    points: VecDeque<(usize, Point)>,
    all: usize,
    paused: bool,
}

/// A training run that is being played.
struct Training {
    job: JobId,
    plan: Arc<TrainJob>,
    step: usize,
}

/// Steps of a scripted training run.
pub(crate) const TRAIN_STEPS: usize = 40;

/// The engine's end of the channels.
pub(crate) struct Scripted {
    commands: Receiver<EngineCommand>,
    events: Sender<EngineEvent>,
    bundle: Arc<BundleInfo>,
    /// Commands in the order they came.
    pub(crate) log: Vec<EngineCommand>,
    row: Option<Row>,
    sweep: Option<Sweep>,
    training: Option<Training>,
    learning: Option<learning::Learning>,
    /// Points that the store of any sweep holds.
    pub(crate) held: usize,
}

impl Scripted {
    /// A script and the handle for a window.
    pub(crate) fn new(bundle: BundleInfo) -> (Self, EngineHandle) {
        let (to_engine, commands) = crossbeam_channel::bounded(COMMAND_CAPACITY);
        let (events, from_engine) = crossbeam_channel::bounded(EVENT_CAPACITY);
        let engine = Self {
            commands,
            events,
            bundle: Arc::new(bundle),
            log: Vec::new(),
            row: None,
            sweep: None,
            training: None,
            learning: None,
            held: 0,
        };
        engine.send(EngineEvent::Ready {
            device: "CPU, 2 cores (scripted)".into(),
            fallback: None,
        });
        (
            engine,
            EngineHandle {
                commands: to_engine,
                events: from_engine,
            },
        )
    }

    /// Says something.
    pub(crate) fn send(&self, event: EngineEvent) {
        self.events.send(event).expect("the window is open");
    }

    /// Takes commands, and goes one token and one swept point further. `false` after `Shutdown`.
    pub(crate) fn step(&mut self) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            self.log.push(command.clone());
            if !self.take(command) {
                return false;
            }
        }
        self.step_row();
        self.step_sweep();
        self.step_training();
        self.step_learning();
        true
    }

    /// Commands of a kind, since the start.
    pub(crate) fn count(&self, kind: impl Fn(&EngineCommand) -> bool) -> usize {
        self.log.iter().filter(|c| kind(c)).count()
    }

    fn cancel(&mut self, job: JobId) {
        if self.row.as_ref().is_some_and(|r| r.job == job) {
            self.end_row(Finish::Cancelled);
        }
        if self.training.take_if(|t| t.job == job).is_some() {
            self.train_news(job, TrainNews::Ended(TrainEnd::Cancelled));
        }
        if self.learning.take_if(|l| l.job == job).is_some() {
            let news = LearnNews::Cancelled;
            self.send(EngineEvent::Learning { job, news });
        }
        if self.sweep.as_ref().is_some_and(|s| s.job == job) {
            self.progress(SweepPhase::Cancelled);
            self.sweep = None;
        }
    }

    fn take(&mut self, command: EngineCommand) -> bool {
        match command {
            EngineCommand::LoadBundle { job, path } => self.load(job, &path),
            EngineCommand::Generate { job, row, score } => self.start_row(job, row, score),
            EngineCommand::Steer { job, point, mutes } => {
                if let Some(row) = self.row.as_mut().filter(|r| r.job == job) {
                    let at_token = row.run.tokens.len();
                    row.point = point.clone();
                    row.mutes = mutes.clone();
                    let start = &row.request.point;
                    row.run.steering.go(start, at_token, &point, &mutes);
                    self.send(EngineEvent::Steered {
                        job,
                        at_token,
                        point,
                        mutes,
                    });
                }
            }
            EngineCommand::Cancel { job } => self.cancel(job),
            EngineCommand::Sweep { job, plan } => {
                let (n, v) = (self.bundle.objectives.len(), self.bundle.values.len());
                let all = points(&plan.grid, n, v, plan.prompts.len(), plan.include_base)
                    .expect("a good plan");
                let all: VecDeque<_> = all.into_iter().enumerate().collect();
                self.sweep = Some(Sweep {
                    job,
                    plan,
                    all: all.len(),
                    points: all,
                    paused: false,
                });
                self.progress(SweepPhase::Running);
            }
            EngineCommand::Pause { .. } => self.set_paused(true),
            EngineCommand::Resume { .. } => self.set_paused(false),
            EngineCommand::Recall { job, plan, index } => self.recall(job, &plan, index),
            EngineCommand::CountHeld { job, plan } => {
                let (n, v) = (self.bundle.objectives.len(), self.bundle.values.len());
                let all = points(&plan.grid, n, v, plan.prompts.len(), plan.include_base)
                    .expect("a good plan")
                    .len();
                let prompts = plan.prompts.len();
                let held = Held {
                    points_done: self.held.min(all),
                    points: all,
                    rows_done: self.held.min(all) * prompts,
                    rows: all * prompts,
                };
                self.send(EngineEvent::Held { job, held });
            }
            EngineCommand::Train { job, plan } => self.start_training(job, plan),
            EngineCommand::Learn { job, plan } => self.start_learning(job, plan),
            EngineCommand::Preview { job, prompt } => match bundle::given(&prompt) {
                Ok(given) => self.send(EngineEvent::Previewed {
                    job,
                    given: Arc::new(given),
                    context: self.bundle.model.context,
                }),
                Err(message) => self.fail(job, message),
            },
            EngineCommand::ReadPrompts { path } => self.send(EngineEvent::PromptsRead {
                path,
                read: Ok(vec![
                    bundle::sample("How do I keep bread fresh?", Split::Test, Some("kitchen")),
                    bundle::sample("Can I mix bleach and vinegar?", Split::Validation, None),
                ]),
            }),
            EngineCommand::FindRuns { .. } => {
                self.send(EngineEvent::RunsFound {
                    runs: Vec::new(),
                    refused: Vec::new(),
                });
            }
            EngineCommand::BundleWith { plan, .. } => {
                // No run of a script leaves a file.
                let message = format!("{}: there is no such file", plan.out.display());
                let made = Err(Trouble::input(message));
                self.send(EngineEvent::BundleMade { plan, made });
            }
            EngineCommand::Score { job, response, .. } => {
                let share = response.len() as f64 % 7.0;
                let point = Point::Weights(Weights::new(vec![share]).expect("a weight"));
                self.send_scores(job, &point);
            }
            EngineCommand::Retrace { job, run } => {
                let gates =
                    |token| bundle::gates(&self.bundle, &run.point, &Mutes::default(), token);
                let record = self.record((0..run.tokens.len()).flat_map(gates).collect());
                self.send(EngineEvent::Retraced { job, record });
            }
            EngineCommand::Compare {
                job,
                compared,
                measure,
            } => {
                let found = Arc::new(bundle::interference(&self.bundle, compared, measure));
                self.send(EngineEvent::Comparing { job, fraction: 1.0 });
                self.send(EngineEvent::Compared { job, found });
            }
            EngineCommand::Shutdown => {
                self.send(EngineEvent::Stopped { panic: None });
                return false;
            }
        }
        true
    }

    fn load(&mut self, job: JobId, path: &Path) {
        self.send(EngineEvent::Loading {
            job,
            stage: LoadStage::Base,
            fraction: 0.42,
        });
        if path.to_string_lossy().contains("bad") {
            let message = format!(
                "{}: cannot read: no bundle.json in this folder",
                path.display()
            );
            let trouble = Trouble::input(message);
            self.send(EngineEvent::LoadFailed {
                job,
                path: path.into(),
                trouble,
            });
            return;
        }
        let bundle = Arc::new(BundleInfo {
            path: path.into(),
            ..self.bundle.as_ref().clone()
        });
        self.bundle = Arc::clone(&bundle);
        self.send(EngineEvent::Loaded { job, bundle });
    }

    fn start_row(&mut self, job: JobId, request: RowRequest, score: bool) {
        let given = match bundle::given(&request.prompt) {
            Ok(given) => given,
            Err(message) => return self.fail(job, message),
        };
        self.send(EngineEvent::Reading {
            job,
            read: 0,
            tokens: given.tokens.len(),
        });
        let words = bundle::words(&request.point, request.sampling.seed);
        let run = Run {
            prompt: request.prompt.clone(),
            prompt_tokens: given.ids(),
            given: Some(Arc::new(given)),
            point: request.point.clone(),
            gates: self.no_gates(),
            steering: Steering::new(&request.mutes),
            sampling: request.sampling.clone(),
            text: String::new(),
            tokens: Vec::new(),
            finish: Finish::Eos,
            end: None,
            status: RunStatus::Done,
            record: None,
            key: None,
            scores: None,
            first_token_seconds: 0.02,
            seconds: 1.0,
            pace: Vec::new(),
        };
        let (point, mutes) = (request.point.clone(), request.mutes.clone());
        let said = bundle::said(&request.prompt);
        self.row = Some(Row {
            job,
            request,
            score,
            said,
            words,
            run,
            gates: Vec::new(),
            point,
            mutes,
        });
    }

    fn step_row(&mut self) {
        let Some(row) = &self.row else { return };
        let at = row.run.tokens.len();
        if at == 0 {
            let prompt_tokens = row.run.prompt_tokens.len();
            self.send(EngineEvent::Started {
                job: row.job,
                prompt_tokens,
            });
        }
        if at >= row.request.sampling.max_tokens {
            return self.end_row(Finish::Length);
        }
        let Some(row) = &mut self.row else { return };
        let words = bundle::words(&row.point, row.request.sampling.seed);
        let word = match &row.said {
            Some(said) => said.get(at).cloned(),
            None => words.get(at).or_else(|| row.words.get(at)).cloned(),
        };
        let Some(word) = word else {
            return self.end_row(Finish::Eos);
        };
        let start = row.run.text.len();
        row.run.text.push_str(&word);
        let piece = TokenPiece {
            id: 100 + at as u32,
            start,
            end: row.run.text.len(),
        };
        row.run.tokens.push(piece.clone());
        let gates = match row.request.trace {
            TraceLevel::Full => bundle::gates(&self.bundle, &row.point, &row.mutes, at),
            TraceLevel::None => Vec::new(),
        };
        row.gates.extend_from_slice(&gates);
        let news = TokenNews {
            first: at,
            tokens: vec![piece],
            text: word,
            gates,
        };
        let event = EngineEvent::Tokens { job: row.job, news };
        self.send(event);
    }

    fn end_row(&mut self, finish: Finish) {
        let Some(mut row) = self.row.take() else {
            return;
        };
        row.run.finish = finish;
        if finish == Finish::Cancelled {
            row.run.status = RunStatus::Stopped;
        }
        if row.request.trace == TraceLevel::Full {
            row.run.record = Some(self.record(row.gates));
        }
        self.send(EngineEvent::Finished {
            job: row.job,
            run: Arc::new(row.run),
        });
        if row.score && finish != Finish::Cancelled {
            self.send_scores(row.job, &row.point);
        }
    }

    fn send_scores(&self, job: JobId, point: &Point) {
        let scores = bundle::scores(point).into_iter().map(Some);
        let scores = scores.take(self.bundle.objectives.len()).collect();
        self.send(EngineEvent::Scored {
            job,
            scores: Scores(scores),
        });
    }

    fn fail(&self, job: JobId, message: String) {
        let trouble = Trouble::input(message);
        self.send(EngineEvent::Failed { job, trouble });
    }

    fn no_gates(&self) -> RowGates {
        let experts = self.bundle.experts.iter();
        let routers = experts.filter(|e| e.kind == ExpertKind::Router).count();
        RowGates::base(self.bundle.adapters.len(), routers)
    }

    fn record(&self, values: Vec<f32>) -> Arc<GateRecord> {
        Arc::new(GateRecord {
            sites: Arc::new(self.bundle.sites.clone()),
            adapters: Arc::new(self.bundle.adapters.clone()),
            values,
        })
    }

    fn step_sweep(&mut self) {
        let Some(sweep) = self.sweep.as_mut().filter(|s| !s.paused) else {
            return;
        };
        let Some((index, point)) = sweep.points.pop_front() else {
            self.progress(SweepPhase::Finished);
            self.sweep = None;
            return;
        };
        let rows = sweep.plan.prompts.len();
        let scores = bundle::scores(&point)
            .into_iter()
            .map(|mean| {
                Some(Summary {
                    mean,
                    se: 0.06,
                    n: rows,
                    non_finite: 0,
                })
            })
            .collect();
        let result = Arc::new(PointResult {
            name: None,
            index,
            point,
            scores,
            rows,
        });
        let event = EngineEvent::SweepPoint {
            job: sweep.job,
            result,
        };
        self.send(event);
        self.progress(SweepPhase::Running);
    }

    fn train_news(&self, job: JobId, news: TrainNews) {
        self.send(EngineEvent::Training { job, news });
    }

    fn start_training(&mut self, job: JobId, plan: Arc<TrainJob>) {
        let news = TrainNews::Preparing {
            what: "reference log-probabilities".to_owned(),
            done: 32,
            total: 64,
        };
        self.train_news(job, news);
        let same = |c: &&EngineCommand| matches!(c, EngineCommand::Train { plan: p, .. } if p.out == plan.out);
        // A run that goes on does so from its checkpoint.
        let step = if self.log.iter().filter(same).count() > 1 {
            10
        } else {
            0
        };
        self.training = Some(Training { job, plan, step });
    }

    fn step_training(&mut self) {
        let Some(training) = &mut self.training else {
            return;
        };
        training.step += 1;
        let (job, step) = (training.job, training.step);
        let fails = training.plan.name().contains("bad");
        let news = bundle::train_step(step, TRAIN_STEPS);
        self.train_news(job, TrainNews::Step(news));
        if step % 10 == 0 {
            self.train_news(job, TrainNews::Saved { step });
        }
        if fails && step > 12 {
            let why = "the loss is NaN at step 13; the last checkpoint is step-10";
            self.train_news(job, TrainNews::Ended(TrainEnd::Failed(Trouble::input(why))));
            self.training = None;
        } else if step == TRAIN_STEPS {
            self.train_news(job, TrainNews::Ended(TrainEnd::Done));
            self.training = None;
        }
    }

    fn start_learning(&mut self, job: JobId, plan: Arc<LearnPlan>) {
        self.learning = Some(learning::Learning::new(job, plan));
    }

    fn step_learning(&mut self) {
        if let Some(learning) = &mut self.learning {
            let (job, news) = (learning.job, learning.next());
            if matches!(news, LearnNews::Learnt(_)) {
                self.learning = None;
            }
            self.send(EngineEvent::Learning { job, news });
        }
    }

    fn set_paused(&mut self, paused: bool) {
        if let Some(sweep) = &mut self.sweep {
            sweep.paused = paused;
            self.progress(if paused {
                SweepPhase::Paused
            } else {
                SweepPhase::Running
            });
        }
    }

    fn progress(&self, phase: SweepPhase) {
        let Some(sweep) = &self.sweep else { return };
        let (done, rows) = (sweep.all - sweep.points.len(), sweep.plan.prompts.len());
        let progress = SweepProgress {
            points_done: done,
            points: sweep.all,
            rows_done: done * rows,
            rows: sweep.all * rows,
            rows_found: 0,
            rows_made: 0,
            rows_from_others: 0,
            rows_at_others: 0,
            rows_per_second: (done > 4).then_some(12.5),
            eta_seconds: (done > 4).then_some((sweep.points.len() * rows) as f64 / 12.5),
            phase,
        };
        self.send(EngineEvent::Sweep {
            job: sweep.job,
            progress,
        });
    }

    fn recall(&self, job: JobId, plan: &SweepPlan, index: usize) {
        let (n, v) = (self.bundle.objectives.len(), self.bundle.values.len());
        let all =
            points(&plan.grid, n, v, plan.prompts.len(), plan.include_base).expect("a good plan");
        let point = all[index].clone();
        let runs = plan.prompts.iter().enumerate().map(|(i, prompt)| {
            let words = bundle::words(&point, i as u64);
            let mut text = String::new();
            let tokens = words
                .iter()
                .take(plan.sampling.max_tokens)
                .map(|word| {
                    let start = text.len();
                    text.push_str(word);
                    TokenPiece {
                        id: 1,
                        start,
                        end: text.len(),
                    }
                })
                .collect();
            let given = bundle::given(prompt).expect("a prompt that was swept");
            Arc::new(Run {
                prompt: prompt.clone(),
                prompt_tokens: given.ids(),
                given: Some(Arc::new(given)),
                point: point.clone(),
                gates: self.no_gates(),
                steering: Steering::default(),
                sampling: plan.sampling.clone(),
                text,
                tokens,
                finish: Finish::Eos,
                end: None,
                status: RunStatus::Done,
                record: None,
                key: None,
                scores: Some(Scores(
                    bundle::scores(&point).into_iter().map(Some).collect(),
                )),
                first_token_seconds: 0.02,
                seconds: 1.0,
                pace: Vec::new(),
            })
        });
        self.send(EngineEvent::Recalled {
            job,
            index,
            runs: runs.collect(),
        });
    }
}
