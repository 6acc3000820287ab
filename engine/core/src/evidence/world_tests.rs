//! A world whose truth is known: arms on a quarter of a circle, whose radius says which is better.

use std::ops::ControlFlow;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::plan::{ArmPlan, Budget, ContrastPlan, Setting};
use super::{
    Choices, Evidence, EvidenceError, Frozen, Measured, Protocol, ScoreRow, Seal, Sheet, judge,
};
use crate::pareto::Anchors;
use crate::stats::{ArmPoint, ArmPrompt, Draws, Scale};
use crate::types::Split;

/// What is true of the arms `mva`, `plain` and `decay`.
#[derive(Debug, Clone)]
pub(super) struct World {
    /// What is added to the radius of `mva` in each of its training runs.
    pub(super) lead: Vec<f64>,
    /// And of `decay`.
    pub(super) control: f64,
    /// How much runs of any arm vary by chance.
    pub(super) runs: f64,
    /// How much answers vary by chance.
    pub(super) answers: f64,
    /// Topics, each with two prompts.
    pub(super) topics: usize,
    pub(super) seed: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            lead: vec![0.0; 5],
            control: 0.0,
            runs: 0.01,
            answers: 0.05,
            topics: 30,
            seed: 1,
        }
    }
}

/// Settings and the radius at each: the two in the middle are alike, the largest is overdriven.
const RADII: [(&str, f64, f64); 4] = [
    ("C=0.4", 0.4, 0.55),
    ("C=0.6", 0.6, 0.7),
    ("C=0.8", 0.8, 0.7),
    ("C=1", 1.0, 0.6),
];

/// A protocol over it: `mva` against `plain` with `decay` as its control, and `decay` against `plain` to explore.
pub(super) fn protocol() -> Protocol {
    let settings = RADII.map(|(name, size, _)| Setting {
        name: name.to_owned(),
        size,
    });
    let arm = |name: &str| ArmPlan {
        name: name.to_owned(),
        about: String::new(),
        trained: true,
        settings: settings.to_vec(),
        budget: Budget {
            pairs: 100,
            ..Budget::default()
        },
    };
    let contrast = |a: &str, b: &str, primary: bool, controls: &[&str]| ContrastPlan {
        table: "E5".to_owned(),
        a: a.to_owned(),
        b: b.to_owned(),
        primary,
        controls: controls.iter().map(|name| (*name).to_owned()).collect(),
        differs_in: Vec::new(),
    };
    let frozen = Frozen {
        on: Split::Validation,
        models: ["base", "helpful", "humor"].map(str::to_owned).to_vec(),
        anchors: Anchors {
            ideal: vec![1.0, 1.0],
            nadir: vec![0.0, 0.0],
        },
        z: vec![
            Scale {
                mean: 0.2,
                deviation: 0.1,
            };
            2
        ],
    };
    let objectives = ["helpful", "humor"].map(str::to_owned);
    Protocol {
        seeds: vec![0, 1, 2, 3, 4],
        draws: Draws {
            draws: 200,
            seed: 3,
        },
        arms: ["mva", "plain", "decay"].map(arm).to_vec(),
        contrasts: vec![
            contrast("mva", "plain", true, &["decay"]),
            contrast("mva", "decay", true, &[]),
            contrast("decay", "plain", false, &[]),
        ],
        ..Protocol::new("a world", "grader", &objectives, frozen)
    }
}

/// A normal number, nearly: the sum of twelve.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

impl World {
    /// All arms of a protocol under all settings, or those that were chosen, on a part of the prompts, at `steps + 1`
    /// points. Prompts are as hard for all; runs are the same on both parts.
    pub(super) fn measured(
        &self,
        protocol: &Protocol,
        split: Split,
        chosen: Option<&Choices>,
        steps: &dyn Fn(&str) -> usize,
    ) -> Vec<Measured> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(split as u64);
        let prompts: Vec<ArmPrompt> = (0..2 * self.topics)
            .map(|n| ArmPrompt {
                uid: format!("{} {n}", split.name()),
                group: Some(format!("topic {}", n / 2)),
            })
            .collect();
        let hard: Vec<f64> = (0..self.topics)
            .map(|_| 0.1 * normal(&mut random))
            .collect();
        let uid = |step: usize, of: usize| format!("{step}/{of}");
        let mut points: Vec<ArmPoint> = Vec::new();
        for of in protocol.arms.iter().map(|arm| steps(&arm.name)) {
            for step in 0..=of {
                let share = step as f64 / of as f64;
                if points.iter().all(|point| point.uid != uid(step, of)) {
                    points.push(ArmPoint {
                        uid: uid(step, of),
                        name: None,
                        place: vec![1.0 - share, share],
                    });
                }
            }
        }
        let mut sheet = Sheet::new(split, &protocol.objectives, &points, &prompts).unwrap();
        for arm in &protocol.arms {
            let of = steps(&arm.name);
            for (at, (setting, _, radius)) in RADII.iter().enumerate() {
                let kept = chosen.is_none_or(|all| all.arm(&arm.name).unwrap().setting == *setting);
                if !kept || arm.settings.iter().all(|s| s.name != *setting) {
                    continue;
                }
                let seeds = if arm.trained {
                    &protocol.seeds[..]
                } else {
                    &[0]
                };
                for &seed in seeds {
                    let run = self.run(&arm.name, at as u64, seed);
                    for step in 0..=of {
                        let angle = step as f64 / of as f64 * std::f64::consts::FRAC_PI_2;
                        for (n, prompt) in prompts.iter().enumerate() {
                            let reach = radius + run + hard[n / 2];
                            let scores = [angle.cos(), angle.sin()]
                                .map(|part| reach * part + self.answers * normal(&mut random));
                            let row = ScoreRow {
                                arm: &arm.name,
                                setting,
                                point: &uid(step, of),
                                seed,
                                sample: 0,
                                prompt: &prompt.uid,
                                scores: &scores,
                            };
                            sheet.add(row).unwrap();
                        }
                    }
                }
            }
        }
        sheet.measured().unwrap()
    }

    /// What a run adds to the radius.
    fn run(&self, arm: &str, setting: u64, seed: u64) -> f64 {
        let own = match arm {
            "mva" => self.lead[seed as usize],
            "decay" => self.control,
            _ => 0.0,
        };
        let mut random = ChaCha8Rng::seed_from_u64(self.seed + 1000);
        let name: u64 = arm.bytes().map(u64::from).sum();
        random.set_stream(10_000 * name + 100 * setting + seed);
        own + self.runs * normal(&mut random)
    }

    /// From its scores to the evidence.
    pub(super) fn judged(&self, protocol: &Protocol, seal: &mut Seal) -> Evidence {
        self.judged_at(protocol, seal, &|_| 4).unwrap()
    }

    pub(super) fn judged_at(
        &self,
        protocol: &Protocol,
        seal: &mut Seal,
        steps: &dyn Fn(&str) -> usize,
    ) -> Result<Evidence, EvidenceError> {
        let validation = self.measured(protocol, Split::Validation, None, steps);
        let go = &mut |_: usize| ControlFlow::Continue(());
        judge(protocol, &validation, seal, go, |choices, _| {
            Ok(self.measured(protocol, Split::Test, Some(choices), steps))
        })
    }
}
