//! Training on a thread of its own, so that rows go on meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::report::Reporter;
use super::runs::note;
use crate::bundle::{Addition, Manifest, Part, extend, extended};
use crate::device::DeviceChoice;
use crate::protocol::{EngineEvent, JobId};
use crate::train::ppo::{MorlConfig, PpoConfig, RouterConfig, Scalarisation, ScalariseConfig};
use crate::train::{
    DpoConfig, DpoJob, LoraConfig, Method, MorlJob, OptimiserConfig, PenaltyConfig, RewardConfig,
    RewardJob, RouterJob, SftConfig, SftJob, StepReport, TrainConfig, TrainJob, TrainReporter,
    WeightedData,
};
use crate::types::{
    Becomes, Rollouts, Scalarise, TrainEnd, TrainNews, TrainPlan, TrainStep, TrainTask,
};
use crate::{Error, Result};

/// A run under way. Dropped, it writes a checkpoint and ends.
#[derive(Debug)]
pub(super) struct Training {
    pub(super) job: JobId,
    stop: Arc<AtomicBool>,
    /// Set before the end is told, so that whoever hears of it may start the next run at once.
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Training {
    /// Starts a run, or goes on with what its folder holds; its news come through `reporter`.
    pub(super) fn start(
        plan: TrainPlan,
        job: JobId,
        device: DeviceChoice,
        reporter: Reporter,
    ) -> Result<Self> {
        std::fs::create_dir_all(&plan.folder).map_err(Error::io("create", &plan.folder))?;
        note(&plan, None)?;
        let stop = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let mut listener = Listener {
            job,
            reporter,
            stop: Arc::clone(&stop),
        };
        let run = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                train_job(&plan, device).and_then(|job| job.run(&mut listener))
            }));
            let end = match outcome {
                Ok(Ok(_)) => TrainEnd::Done,
                Ok(Err(Error::Cancelled)) => TrainEnd::Cancelled,
                Ok(Err(error)) => TrainEnd::Failed(error.to_string()),
                Err(_panic) => TrainEnd::Failed(
                    "the trainer panicked, which is a fault of the program; the log has more"
                        .to_owned(),
                ),
            };
            if let Err(error) = note(&plan, Some(end.clone())) {
                tracing::warn!(%error, "the end of a training run was not noted");
            }
            ended.store(true, Ordering::Release);
            listener.tell(TrainNews::Ended(end));
        };
        let thread = std::thread::Builder::new()
            .name("train".to_owned())
            .spawn(run)
            .map_err(|source| Error::Io {
                action: "start a thread in",
                path: PathBuf::from("this process"),
                source,
            })?;
        Ok(Self {
            job,
            stop,
            over,
            thread: Some(thread),
        })
    }

    /// Asks it to write a checkpoint and end; it says when it has.
    pub(super) fn cancel(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it ended.
    pub(super) fn is_over(&self) -> bool {
        let finished = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        finished || self.over.load(Ordering::Acquire)
    }

    /// Cancels it and waits for its checkpoint.
    pub(super) fn end(mut self) {
        self.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("training ended in a panic");
        }
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Passes on what a trainer says.
struct Listener {
    job: JobId,
    reporter: Reporter,
    stop: Arc<AtomicBool>,
}

impl Listener {
    fn tell(&mut self, news: TrainNews) {
        let event = EngineEvent::Training {
            job: self.job,
            news,
        };
        if self.reporter.result(event).is_err() {
            // Nobody listens any more: a checkpoint is what remains to be done.
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl TrainReporter for Listener {
    fn step(&mut self, report: &StepReport) {
        self.tell(TrainNews::Step(TrainStep {
            step: report.step,
            steps: report.steps,
            epoch: report.epoch,
            loss: report.loss,
            learning_rate: report.learning_rate,
            gradient_norm: report.gradient_norm,
            tokens: report.tokens,
            tokens_per_second: report.tokens_per_second,
            eta_seconds: report.eta_seconds,
            figures: report.figures.clone(),
        }));
    }

    fn saved(&mut self, step: usize, _checkpoint: &Path) {
        self.tell(TrainNews::Saved { step });
    }

    fn preparing(&mut self, what: &'static str, done: usize, total: usize) {
        self.tell(TrainNews::Preparing {
            what: what.to_owned(),
            done,
            total,
        });
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The run as the trainers take it.
fn train_job(plan: &TrainPlan, device: DeviceChoice) -> Result<TrainJob> {
    let base = plan.bundle.join(Manifest::load(&plan.bundle)?.base);
    let (data, out) = (plan.data.clone(), plan.folder.clone());
    let skip_bad = plan.skip_bad;
    let train = TrainConfig {
        seed: plan.seed,
        epochs: plan.epochs,
        steps: plan.steps,
        batch_tokens: plan.batch_tokens,
        max_length: plan.max_length,
        workers: plan.workers,
        optimiser: OptimiserConfig {
            learning_rate: plan.learning_rate,
            ..OptimiserConfig::default()
        },
        checkpoint_every: plan.checkpoint_every,
        // A new folder holds no checkpoint, so this starts from the start there.
        resume: true,
        overwrite: false,
        device,
    };
    let lora = |rank: usize| Method::Lora(LoraConfig::of_rank(rank));
    Ok(match &plan.task {
        TrainTask::Dpo {
            beta,
            rank,
            against,
            penalty,
            alpha,
            ..
        } => TrainJob::Dpo(DpoJob {
            base,
            data: WeightedData::alone(data),
            skip_bad,
            out,
            config: DpoConfig {
                train,
                method: lora(*rank),
                beta: *beta,
                against: against.clone(),
                penalty: PenaltyConfig {
                    kind: *penalty,
                    alpha: *alpha,
                    ..PenaltyConfig::default()
                },
                start_from: None,
            },
        }),
        TrainTask::Sft { prompts, rank, .. } => TrainJob::Sft(SftJob {
            base,
            from_random: false,
            data,
            skip_bad,
            out,
            config: SftConfig {
                train,
                method: lora(*rank),
                train_on_prompts: *prompts,
            },
        }),
        TrainTask::Reward { center, .. } => TrainJob::Reward(RewardJob {
            base,
            data,
            skip_bad,
            out,
            config: RewardConfig {
                train,
                center: *center,
            },
        }),
        TrainTask::Router {
            preference,
            scalarise,
            rollouts,
        } => {
            let config = RouterConfig::default();
            TrainJob::Router(RouterJob {
                bundle: plan.bundle.clone(),
                prompts: prompts(plan),
                out,
                config: RouterConfig {
                    preference: preference.clone(),
                    ppo: ppo(plan, rollouts, device, config.ppo),
                    scalarise: ScalariseConfig {
                        form: form(*scalarise),
                        ..config.scalarise
                    },
                    ..config
                },
            })
        }
        TrainTask::Ppo {
            weights,
            rank,
            rollouts,
            ..
        } => {
            let config = MorlConfig::default();
            TrainJob::Ppo(MorlJob {
                bundle: plan.bundle.clone(),
                prompts: prompts(plan),
                out,
                config: MorlConfig {
                    reward_weights: weights.clone(),
                    ppo: ppo(plan, rollouts, device, config.ppo),
                    lora: LoraConfig::of_rank(*rank),
                },
            })
        }
    })
}

/// The file of prompts; `None` for the bundle's own.
fn prompts(plan: &TrainPlan) -> Option<PathBuf> {
    Some(plan.data.clone()).filter(|path| !path.as_os_str().is_empty())
}

/// Policy optimisation as the plan asks for it, and as is usual for its kind otherwise.
fn ppo(plan: &TrainPlan, rollouts: &Rollouts, device: DeviceChoice, usual: PpoConfig) -> PpoConfig {
    PpoConfig {
        seed: plan.seed,
        batches: rollouts.batches,
        batch: rollouts.batch,
        max_tokens: rollouts.max_tokens,
        optimiser: OptimiserConfig {
            learning_rate: plan.learning_rate,
            ..usual.optimiser
        },
        workers: plan.workers,
        checkpoint_every: plan.checkpoint_every,
        resume: true,
        overwrite: false,
        device,
        ..usual
    }
}

fn form(scalarise: Scalarise) -> Scalarisation {
    match scalarise {
        Scalarise::Linear => Scalarisation::Linear,
        Scalarise::Tch => Scalarisation::Tch,
        Scalarise::OmdTch => Scalarisation::OmdTch,
        Scalarise::Stch => Scalarisation::Stch,
        Scalarise::OmdStch => Scalarisation::OmdStch,
    }
}

/// Makes a bundle that has a run's result as well, in `bundle/` of the run's folder, and says where it is.
/// It is the bundle `onto` with one part more where that has the run's base model, else the run's own.
pub fn bundle_with(plan: &TrainPlan, onto: &Path) -> Result<PathBuf> {
    let base = |bundle: &Path| -> Option<PathBuf> {
        let base = Manifest::load(bundle).ok()?.base;
        bundle.join(base).canonicalize().ok()
    };
    let out = plan.folder.join("bundle");
    let fits = base(onto).is_some_and(|found| base(&plan.bundle) == Some(found));
    // The bundle made before does not come upon itself.
    let from = if fits && onto != out {
        onto
    } else {
        &plan.bundle
    };
    let part = match &plan.task {
        TrainTask::Router { preference, .. } => Part::Router(preference.clone()),
        TrainTask::Dpo { becomes, .. }
        | TrainTask::Sft { becomes, .. }
        | TrainTask::Ppo { becomes, .. } => match becomes {
            Becomes::Value => Part::Value,
            Becomes::Expert(preference) => Part::Lora(preference.clone()),
        },
        TrainTask::Reward { objective, .. } => Part::Reward(objective.clone()),
    };
    let addition = Addition {
        part,
        name: plan.name.clone(),
        path: plan.folder.clone(),
    };
    // Refused before the one made earlier goes.
    extended(from, &addition)?;
    if out.exists() {
        std::fs::remove_dir_all(&out).map_err(Error::io("replace", &out))?;
    }
    extend(from, &addition, &out)?;
    Ok(out)
}
