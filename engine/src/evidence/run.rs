//! The stages of an evidence run.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use paretoscope_core::evidence::{
    Evidence, Frozen, Measured, Protocol, Seal, choose, rows_digest, weigh,
};
use paretoscope_core::stats::{Arm, Draws};

use super::arms::{Tried, arms};
use super::inputs::Inputs;
use super::pages;
use crate::bundle::Bundle;
use crate::method::MethodKind;
use crate::output::write_bytes;
use crate::protocol::{SweepGrid, SweepPlan};
use crate::study::Study;
use crate::sweep::{best_of_n, sweep_whole};
use crate::types::{PromptSample, Sampling, Split};
use crate::{Error, Result};

/// Rows in one batch.
const SLOTS: usize = 64;

/// What is asked of an evidence run.
#[derive(Debug, Clone)]
pub struct EvidencePlan {
    /// The folder of its results.
    pub out: PathBuf,
    /// Cut short: for trying out, and stamped.
    pub quick: bool,
    /// New tokens of an answer at most.
    pub max_tokens: usize,
    /// Draws of groups of prompts.
    pub draws: usize,
    /// The command that makes the results again.
    pub command: String,
    /// What the test measures where that is less than it seems.
    pub test_is: String,
}

/// How far it is: what is being done, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage<'a> {
    /// E.g. `validation: mod (2 of 14)`.
    pub what: &'a str,
    /// Rows done of the part under way.
    pub done: usize,
    /// Of how many.
    pub all: usize,
}

/// Runs all stages on bundles that are training runs of one recipe; goes on where an earlier run stopped. An error of
/// `tell` stops, and what is finished is kept.
pub fn run(
    bundles: &[Bundle],
    inputs: &Inputs,
    plan: &EvidencePlan,
    tell: &mut dyn FnMut(Stage<'_>) -> Result<()>,
) -> Result<Evidence> {
    let Some(first) = bundles.first() else {
        return Err(Error::option(
            "--bundle",
            "is missing; at least one is measured",
        ));
    };
    alike(bundles)?;
    std::fs::create_dir_all(&plan.out).map_err(Error::io("create", &plan.out))?;
    let (arm_plans, contrasts, tried) = arms(first, plan.quick, plan.max_tokens);
    let mut runner = Runner {
        bundles,
        plan,
        tell,
    };
    let frozen = runner.frozen(inputs)?;
    let objectives: Vec<String> = first
        .info
        .objectives
        .iter()
        .map(|o| o.name.clone())
        .collect();
    let protocol = Protocol {
        seeds: (0..bundles.len() as u64).collect(),
        draws: Draws {
            draws: plan.draws,
            ..Draws::default()
        },
        arms: arm_plans,
        contrasts,
        quick: plan.quick,
        command: plan.command.clone(),
        test_is: plan.test_is.clone(),
        inputs: inputs_of(bundles),
        ..Protocol::new(&first.info.name, "reward models", &objectives, frozen)
    };
    protocol.check().map_err(said)?;
    let place = |name: &str| plan.out.join(name);
    write_bytes(&place("protocol.json"), protocol.to_json().as_bytes())?;

    let validation = runner.measure(&inputs.validation, Split::Validation, &tried)?;
    (runner.tell)(Stage {
        what: "choosing on validation",
        done: 0,
        all: 1,
    })?;
    let choices =
        choose(&protocol, &validation, &mut |_| ControlFlow::Continue(())).map_err(said)?;
    write_bytes(&place("choices.json"), choices.to_json().as_bytes())?;

    // Written before a row of the test is read: who was killed there reads on, and does not read again unmarked.
    let mut seal = read_seal(&place("seal.json"))?;
    let (under, chosen) = (protocol.digest(), choices.digest());
    seal.open(&under, &chosen);
    write_bytes(&place("seal.json"), seal.to_json().as_bytes())?;
    let kept: Vec<Tried> = tried
        .into_iter()
        .filter(|tried| {
            choices
                .arm(&tried.arm)
                .is_some_and(|c| c.setting == tried.setting.name)
        })
        .collect();
    let test = runner.measure(&inputs.test, Split::Test, &kept)?;
    let reading = seal.note(&under, &chosen, &rows_digest(&test));
    write_bytes(&place("seal.json"), seal.to_json().as_bytes())?;

    (runner.tell)(Stage {
        what: "weighing",
        done: 0,
        all: 1,
    })?;
    let weighed = weigh(&protocol, &choices, &test, reading, &mut |_| {
        ControlFlow::Continue(())
    });
    let evidence = weighed.map_err(said)?;
    pages::write(&plan.out, &protocol, &choices, &evidence)?;
    Ok(evidence)
}

fn said(error: paretoscope_core::evidence::EvidenceError) -> Error {
    Error::option("evidence", error.to_string())
}

/// Refuses bundles that cannot be runs of one recipe.
fn alike(bundles: &[Bundle]) -> Result<()> {
    let shape = |bundle: &Bundle| {
        let info = &bundle.info;
        let objectives: Vec<String> = info.objectives.iter().map(|o| o.name.clone()).collect();
        let experts: Vec<String> = info.experts.iter().map(|e| e.name.clone()).collect();
        (objectives, experts, info.values.len(), info.methods.clone())
    };
    let mut shapes = bundles.iter().map(shape);
    let first = shapes.next();
    if let Some(other) = shapes.position(|other| Some(&other) != first.as_ref()) {
        let problem = format!(
            "{} has other objectives, experts, value vectors or methods than {}; several bundles are training runs of one recipe",
            bundles[other + 1].info.path.display(),
            bundles[0].info.path.display()
        );
        return Err(Error::option("--bundle", problem));
    }
    if let Some(lacks) = bundles[0].rewards.iter().position(Option::is_none) {
        let problem = format!(
            "has no reward model of {}; every objective is scored",
            bundles[0].info.objectives[lacks].name
        );
        return Err(Error::option("--bundle", problem));
    }
    Ok(())
}

/// Digests of what a protocol rests on.
fn inputs_of(bundles: &[Bundle]) -> BTreeMap<String, String> {
    let mut inputs = BTreeMap::new();
    for (seed, bundle) in bundles.iter().enumerate() {
        let identity = &bundle.info.identity;
        inputs.insert(format!("seed {seed}: model"), identity.model.clone());
        inputs.insert(
            format!("seed {seed}: adapters"),
            identity.adapters.join(" "),
        );
        let rewards = identity
            .rewards
            .iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>();
        inputs.insert(format!("seed {seed}: rewards"), rewards.join(" "));
    }
    inputs
}

fn read_seal(path: &Path) -> Result<Seal> {
    match std::fs::read_to_string(path) {
        Ok(text) => Seal::parse(&text).map_err(|e| Error::file(path, e.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Seal::default()),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

struct Runner<'a> {
    bundles: &'a [Bundle],
    plan: &'a EvidencePlan,
    tell: &'a mut dyn FnMut(Stage<'_>) -> Result<()>,
}

impl Runner<'_> {
    /// The scale: base and single experts on validation, of the first training run.
    fn frozen(&mut self, inputs: &Inputs) -> Result<Frozen> {
        let bundle = &self.bundles[0];
        let grid = SweepGrid::Simplex {
            step: 1.0,
            objectives: Vec::new(),
        };
        let mut plan = self.sweep(&inputs.validation, Split::Validation, grid);
        plan.include_base = true;
        let arm = self.swept(bundle, 0, plan, "models")?;
        Frozen::of(Split::Validation, &arm).map_err(said)
    }

    fn sweep(&self, prompts: &[PromptSample], split: Split, grid: SweepGrid) -> SweepPlan {
        let mut groups: Vec<Option<String>> = prompts.iter().map(|p| p.group.clone()).collect();
        if groups.iter().all(Option::is_none) {
            groups.clear();
        }
        SweepPlan {
            grid,
            prompts: prompts.iter().map(|p| p.prompt.clone()).collect(),
            splits: vec![split; prompts.len()],
            groups,
            sampling: Sampling {
                max_tokens: self.plan.max_tokens,
                ..Sampling::default()
            },
            include_base: false,
            store: self.plan.out.join("evidence.study"),
        }
    }

    /// Every arm under every setting that is tried, over all training runs.
    fn measure(
        &mut self,
        prompts: &[PromptSample],
        split: Split,
        tried: &[Tried],
    ) -> Result<Vec<Measured>> {
        let mut measured = Vec::with_capacity(tried.len());
        for (at, one) in tried.iter().enumerate() {
            let what = format!(
                "{}: {} {} ({} of {})",
                split.name(),
                one.arm,
                one.setting.name,
                at + 1,
                tried.len()
            );
            let mut runs = Vec::with_capacity(self.bundles.len());
            for (seed, bundle) in self.bundles.iter().enumerate() {
                let mut plan = self.sweep(prompts, split, one.grid.clone());
                plan.sampling.method.clone_from(&one.method);
                runs.push(self.swept(bundle, seed as u64, plan, &what)?);
            }
            measured.push(Measured {
                arm: one.arm.clone(),
                setting: one.setting.name.clone(),
                split,
                scores: over_seeds(runs)?,
            });
        }
        Ok(measured)
    }

    /// A sweep to its end, as the arm of one training run.
    fn swept(&mut self, bundle: &Bundle, seed: u64, plan: SweepPlan, what: &str) -> Result<Arm> {
        let tell = &mut *self.tell;
        let store = plan.store.clone();
        let best = plan.sampling.method.as_ref();
        let number = if best.is_some_and(|m| m.kind() == MethodKind::BestOfN) {
            best_of_n(bundle, &plan, SLOTS, &mut |done, all| {
                tell(Stage { what, done, all })
            })?
            .number
        } else {
            sweep_whole(bundle, plan, SLOTS, &mut |progress| {
                tell(Stage {
                    what,
                    done: progress.rows_done,
                    all: progress.rows,
                })
            })?
        };
        let study = Study::open(&store)?;
        let sweeps = study.sweeps()?;
        let sweep = sweeps.iter().find(|sweep| sweep.id == number);
        let sweep = sweep.ok_or_else(|| Error::internal("a sweep that ran is not in its study"))?;
        let mut arm = study.sweep_scores(number, None)?.arm(sweep, None);
        arm.seeds = vec![seed];
        Ok(arm)
    }
}

/// One arm of the training runs' arms: the same points and prompts, a seed each.
fn over_seeds(runs: Vec<Arm>) -> Result<Arm> {
    let mut runs = runs.into_iter();
    let mut first = runs
        .next()
        .ok_or_else(|| Error::internal("an arm without a run"))?;
    let others: Vec<Arm> = runs.collect();
    let uids = |arm: &Arm| arm.points.iter().map(|p| p.uid.clone()).collect::<Vec<_>>();
    let whole = |arm: &Arm| uids(arm) == uids(&first) && arm.prompts == first.prompts;
    if !others.iter().all(whole) {
        return Err(Error::internal(
            "training runs of one arm differ in points or prompts",
        ));
    }
    let row = first.prompts.len() * first.objectives.len();
    let all: Vec<&Arm> = std::iter::once(&first).chain(&others).collect();
    let scores: Vec<f64> = (0..first.points.len())
        .flat_map(|point| {
            all.iter()
                .flat_map(move |arm| &arm.scores[point * row..(point + 1) * row])
        })
        .copied()
        .collect();
    let seeds = all.iter().flat_map(|arm| arm.seeds.clone()).collect();
    (first.scores, first.seeds) = (scores, seeds);
    Ok(first)
}
