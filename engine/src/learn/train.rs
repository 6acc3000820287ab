//! The run that trains: a job of the one training vocabulary, which knows its votes.

use std::path::{Path, PathBuf};

use super::run::LearnListener;
use crate::runtime::{run_noted, training_run};
use crate::study::Pairs;
use crate::train::TrainReporter;
use crate::types::{
    DeviceChoice, DpoJob, Joins, LearnNews, LearnPlan, Part, TrainEnd, TrainJob, TrainNews,
    TrainStep, TrainTask, WeightedData,
};
use crate::{Error, Result};

/// The job of a plan on pairs that are written to `data`. It goes on with what its folder holds.
pub(super) fn job(plan: &LearnPlan, data: PathBuf, pairs: &Pairs) -> TrainJob {
    let mut config = plan.config.clone();
    config.train.run.resume = !config.train.run.overwrite;
    TrainJob {
        task: TrainTask::Dpo(DpoJob {
            base: plan.bundle.clone(),
            data: WeightedData::alone(data),
            skip_bad: false,
            config,
            votes: Some(pairs.votes.clone()),
        }),
        out: plan.out.clone(),
        joins: Some(Joins {
            name: plan.name.clone(),
            bundle: plan.bundle.clone(),
            part: Part::Value,
        }),
    }
}

/// Whether the folder holds the job's result already.
///
/// # Errors
/// [`Error::Option`] where it holds a run on other votes, or one with other settings that is done.
pub(super) fn is_done(job: &TrainJob, plan: &LearnPlan) -> Result<bool> {
    if plan.config.train.run.overwrite {
        return Ok(false);
    }
    let Some(run) = training_run(&job.out)? else {
        return Ok(false);
    };
    let other = |what: &str| {
        let problem = format!(
            "{} holds a run {what}; name another folder, or give --overwrite to start anew",
            job.out.display()
        );
        Err(Error::option("--out", problem))
    };
    let votes = |job: &TrainJob| match &job.task {
        TrainTask::Dpo(job) => job.votes.clone(),
        _ => None,
    };
    match (votes(&run.plan), votes(job)) {
        (before, now) if before != now => {
            let hash = |votes: Option<String>| {
                votes.map_or_else(|| "none".to_owned(), |v| v[..12.min(v.len())].to_owned())
            };
            other(&format!(
                "on other votes ({}, and now {})",
                hash(before),
                hash(now)
            ))
        }
        _ if run.end != Some(TrainEnd::Done) => Ok(false),
        _ if settings(&run.plan) != settings(job) => other("with other settings, which is done"),
        _ => Ok(job.out.join("adapter_model.safetensors").is_file()),
    }
}

/// A job without what says only how it is carried out.
fn settings(job: &TrainJob) -> TrainTask {
    let mut task = job.task.clone();
    let run = task.run_mut();
    (run.resume, run.overwrite, run.workers) = (false, false, 1);
    run.device = DeviceChoice::Cpu;
    task
}

/// Trains, or goes on.
pub(super) fn train(job: &TrainJob, listener: &mut dyn LearnListener) -> Result<()> {
    run_noted(job, &mut Trainer(listener)).map(drop)
}

/// Passes on what a trainer says.
struct Trainer<'a>(&'a mut dyn LearnListener);

impl TrainReporter for Trainer<'_> {
    fn step(&mut self, report: &TrainStep) {
        self.0
            .news(LearnNews::Training(TrainNews::Step(report.clone())));
    }

    fn saved(&mut self, step: usize, _checkpoint: &Path) {
        self.0.news(LearnNews::Training(TrainNews::Saved { step }));
    }

    fn preparing(&mut self, what: &'static str, done: usize, total: usize) {
        self.0.news(LearnNews::Training(TrainNews::Preparing {
            what: what.to_owned(),
            done,
            total,
        }));
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}
