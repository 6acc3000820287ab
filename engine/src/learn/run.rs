//! The whole way of a plan, and how the study knows of it.

use std::ops::ControlFlow;

use super::data::{self, Asked};
use super::measure::{Measuring, Places, bundle_with, load, place_of_bundle};
use super::train;
use crate::bundle::LoadOptions;
use crate::runtime::training_steps;
use crate::stats::{Arm, Moves, StatsError, moves};
use crate::study::{Learning, Pairs, Study, SweepState, TaskState};
use crate::types::{Effect, LearnNews, LearnPlan, Measured, Sampling, Split, TrainJob};
use crate::{Error, Result};

/// Whom a plan tells about its progress, and who may stop it.
pub trait LearnListener {
    /// Called with what is new; what comes last is not told but returned.
    fn news(&mut self, news: LearnNews);

    /// Asked often; `true` ends it with [`Error::Cancelled`], and the same plan goes on later.
    fn cancelled(&self) -> bool;
}

/// Learns what a task's votes say and measures what that did. The study's table of trainings says that it is under way and
/// how it ended.
///
/// # Errors
/// [`Error::Option`] where there is nothing to learn from or to measure on; [`Error::Cancelled`] where the listener stops it.
pub fn learn(
    plan: &LearnPlan,
    options: &LoadOptions,
    listener: &mut dyn LearnListener,
) -> Result<Effect> {
    let plan = &rooted(plan)?;
    let study = Study::open(&plan.study)?;
    let task = study.task_named("task", &plan.task)?;
    let sweeps = data::sweeps(&study, &task)?;
    let pairs = data::pairs(&study, &task, plan)?;
    let counts = pairs.counts();
    listener.news(LearnNews::Pairs(counts.clone()));
    let learner = Learner {
        plan,
        study: &study,
        task: &task,
        sweeps: &sweeps,
        pairs: &pairs,
        options,
    };
    // Before hours are spent: what cannot be measured is not trained.
    learner.check(listener)?;
    let job = train::job(plan, plan.out.join("pairs.jsonl"), &pairs);
    let done = train::is_done(&job, plan)?;
    let learning = Learning {
        job: &job,
        pairs: &counts,
    };
    let id = study.begin_training(learning)?;
    let outcome = learner.run(&job, done, id, listener);
    match &outcome {
        Ok(effect) => {
            let result = serde_json::to_value(effect)
                .map_err(|e| Error::internal(format!("the effect: {e}")))?;
            study.end_training(id, "finished", Some(&result))?;
        }
        Err(Error::Cancelled) => study.end_training(id, "stopped", None)?,
        Err(_) => study.end_training(id, "failed", None)?,
    }
    outcome
}

/// The plan with absolute paths: what it leaves is found from anywhere.
fn rooted(plan: &LearnPlan) -> Result<LearnPlan> {
    let root = |path: &std::path::Path| std::path::absolute(path).map_err(Error::io("find", path));
    Ok(LearnPlan {
        study: root(&plan.study)?,
        bundle: root(&plan.bundle)?,
        out: root(&plan.out)?,
        ..plan.clone()
    })
}

struct Learner<'a> {
    plan: &'a LearnPlan,
    study: &'a Study,
    task: &'a TaskState,
    sweeps: &'a [SweepState],
    pairs: &'a Pairs,
    options: &'a LoadOptions,
}

impl Learner<'_> {
    /// Refuses a plan whose effect could not be measured.
    fn check(&self, listener: &dyn LearnListener) -> Result<()> {
        let light = LoadOptions {
            rewards: false,
            probe: false,
            ..self.options.clone()
        };
        let bundle = load(&self.plan.bundle, &light, listener)?;
        let info = &bundle.info;
        if info.values.iter().any(|value| value.name == self.plan.name) {
            let problem = format!(
                "`{}` is taken by a value vector of the bundle; give another one",
                self.plan.name
            );
            return Err(Error::option("--name", problem));
        }
        place_of_bundle(self.plan)?;
        let places = Places::of(self.plan, self.study, self.sweeps, info.values.len())?;
        places.listed(Some(self.plan.weight))?;
        data::test_prompts(self.study, self.sweeps, info, self.plan, self.pairs).map(drop)
    }

    fn run(
        &self,
        job: &TrainJob,
        done: bool,
        id: i64,
        listener: &mut dyn LearnListener,
    ) -> Result<Effect> {
        if done {
            listener.news(LearnNews::Trained);
        } else {
            data::write(self.pairs, self.plan)?;
            train::train(job, listener)?;
        }
        self.study.keep_steps(id, &training_steps(&job.out))?;
        self.measure(listener)
    }

    /// Measures without the vector and with it, and compares.
    fn measure(&self, listener: &mut dyn LearnListener) -> Result<Effect> {
        let plan = self.plan;
        let made = bundle_with(plan)?;
        let sampling = self
            .sweeps
            .first()
            .map_or_else(Sampling::default, |sweep| sweep.plan.sampling.clone());
        let voted = plan.in_sample.then(|| Asked::voted(self.pairs));
        let (mut test, mut own, mut measured) = (Vec::new(), Vec::new(), String::new());
        let mut values = Vec::new();
        for what in [Measured::Before, Measured::After] {
            let folder = match what {
                Measured::Before => &plan.bundle,
                Measured::After => &made,
            };
            let options = LoadOptions {
                rewards: true,
                probe: false,
                ..self.options.clone()
            };
            let bundle = load(folder, &options, listener)?;
            let names: Vec<String> = bundle.info.values.iter().map(|v| v.name.clone()).collect();
            if what == Measured::Before {
                values = names;
            } else if names[..values.len().min(names.len())] != values[..] {
                return Err(Error::internal(
                    "the new bundle lists its value vectors in another order",
                ));
            }
            let places = Places::of(plan, self.study, self.sweeps, values.len())?;
            let asked =
                data::test_prompts(self.study, self.sweeps, &bundle.info, plan, self.pairs)?;
            measured = format!(
                "{} on {} test prompts of {}",
                places.words,
                asked.prompts.len(),
                asked.from
            );
            let measuring = Measuring {
                plan,
                bundle: &bundle,
                places: &places,
                sampling: &sampling,
                what,
            };
            test.push(measuring.run(&asked, Split::Test, listener)?);
            if let Some(voted) = &voted {
                own.push(measuring.run(voted, Split::Train, listener)?);
            }
        }
        let in_sample = match own[..] {
            [before, after] => Some(self.moved([before, after], listener)?),
            _ => None,
        };
        let sweeps = [test[0], test[1]];
        Ok(Effect {
            task: self.task.name.clone(),
            objective: plan.objective.clone(),
            name: plan.name.clone(),
            pairs: self.pairs.counts(),
            adapter: plan.out.clone(),
            bundle: made,
            weight: plan.weight,
            measured,
            sweeps,
            test: self.moved(sweeps, listener)?,
            in_sample,
        })
    }

    /// How scores moved from one sweep of the study to another.
    fn moved(&self, [before, after]: [i64; 2], listener: &dyn LearnListener) -> Result<Moves> {
        let all = self.study.sweeps()?;
        let arm = |number: i64| -> Result<Arm> {
            let sweep = all.iter().find(|sweep| sweep.id == number);
            let sweep = sweep
                .ok_or_else(|| Error::internal("a sweep that was just made is not in the study"))?;
            Ok(self.study.sweep_scores(number, None)?.arm(sweep, None))
        };
        let found = moves(&arm(before)?, &arm(after)?, self.plan.draws, &mut |_done| {
            if listener.cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        found.map_err(|error| match error {
            StatsError::Cancelled => Error::Cancelled,
            other => Error::option("effect", other.to_string()),
        })
    }
}
