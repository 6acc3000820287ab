//! A value vector that is learnt from votes by a script.

use std::sync::Arc;

use paretoscope_core::protocol::JobId;
use paretoscope_core::stats::{Arrow, Estimate, Moved, Moves};
use paretoscope_core::types::{Effect, LearnNews, LearnPairs, LearnPlan, Measured, TrainNews};

use super::bundle;

/// A plan that is being played: one thing per step.
pub(crate) struct Learning {
    pub(crate) job: JobId,
    plan: Arc<LearnPlan>,
    at: usize,
}

/// What the script learns from.
pub(crate) fn pairs() -> LearnPairs {
    LearnPairs {
        pairs: 57,
        ties: 12,
        checks: 3,
        test: 20,
        elsewhere: 0,
        unreadable: 0,
        votes: "5f".repeat(32),
    }
}

impl Learning {
    pub(crate) fn new(job: JobId, plan: Arc<LearnPlan>) -> Self {
        Self { job, plan, at: 0 }
    }

    pub(crate) fn next(&mut self) -> LearnNews {
        self.at += 1;
        let measuring = |what, done| LearnNews::Measuring {
            what,
            done,
            of: 40,
            eta_seconds: Some(2.0),
        };
        match self.at {
            1 => LearnNews::Pairs(pairs()),
            2..=9 => LearnNews::Training(TrainNews::Step(bundle::train_step(self.at, 9))),
            10..=13 => measuring(Measured::Before, 10 * (self.at - 9)),
            14..=17 => measuring(Measured::After, 10 * (self.at - 13)),
            _ => LearnNews::Learnt(Box::new(self.effect())),
        }
    }

    fn effect(&self) -> Effect {
        let moved = |objective: &str, before: f64, value: f64| Moved {
            objective: objective.to_owned(),
            before,
            after: before + value,
            difference: Estimate {
                value,
                low: value - 0.2,
                high: value + 0.2,
            },
            n: 53,
        };
        let row = |lift: f64| {
            vec![
                moved("helpful", 0.4 + lift, -0.1),
                moved("humor", -1.2 + lift, 1.1),
            ]
        };
        let arrows = [
            vec![0.0, 0.0, 0.0],
            vec![1.0, 0.0, 0.0],
            vec![0.0, 0.0, 1.0],
        ];
        let moves = Moves {
            prompts: 53,
            draws: 2000,
            arrows: arrows
                .into_iter()
                .enumerate()
                .map(|(at, point)| Arrow {
                    point,
                    moved: row(at as f64 * 0.6),
                })
                .collect(),
            overall: row(0.6),
        };
        Effect {
            task: self.plan.task.clone(),
            objective: self.plan.objective.clone(),
            name: self.plan.name.clone(),
            pairs: pairs(),
            adapter: self.plan.out.clone(),
            bundle: self.plan.out.join("bundle"),
            weight: self.plan.weight,
            measured: "3 points of the task, the base model among them on 53 test prompts of the task's sweeps".to_owned(),
            sweeps: [7, 8],
            in_sample: self.plan.in_sample.then(|| moves.clone()),
            test: moves,
        }
    }
}
