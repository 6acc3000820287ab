//! The stages of an evidence run.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use paretoscope_core::evidence::{
    Evidence, Frozen, Measured, Protocol, Seal, choose, rows_digest, weigh,
};
use paretoscope_core::stats::{Arm, Draws};

use super::arms::{TrainingRun, Tried, arms};
use super::derived::derived;
use super::inputs::Inputs;
use super::pages;
use crate::bundle::{Bundle, LoadOptions};
use crate::method::{Method, MethodKind};
use crate::output::write_bytes;
use crate::protocol::{SweepGrid, SweepPlan};
use crate::study::Study;
use crate::sweep::{best_of_n, runnable, sweep_whole};
use crate::types::{PointKind, PromptSample, Sampling, Split};
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
    /// These arms alone, where some are named.
    pub only: Vec<String>,
    /// New tokens of an answer at most.
    pub max_tokens: usize,
    /// Draws of groups of prompts.
    pub draws: usize,
    /// The command that makes the results again.
    pub command: String,
    /// What the test measures where that is less than it seems.
    pub test_is: String,
}

/// What an evidence run came to.
#[derive(Debug)]
pub struct Outcome {
    /// Contrasts, figures and sentences.
    pub evidence: Evidence,
    /// The study of all answers.
    pub study: PathBuf,
    /// Its sweeps on the test at the chosen settings, of the first training run, in the order of the arms.
    pub sweeps: Vec<i64>,
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
) -> Result<Outcome> {
    let Some(first) = bundles.first() else {
        return Err(Error::option(
            "--bundle",
            "is missing; at least one is measured",
        ));
    };
    alike(bundles)?;
    std::fs::create_dir_all(&plan.out).map_err(Error::io("create", &plan.out))?;
    (tell)(Stage {
        what: "control arms",
        done: 0,
        all: 1,
    })?;
    let runs: Vec<TrainingRun<'_>> = bundles
        .iter()
        .enumerate()
        .map(|(seed, bundle)| with_controls(bundle, seed, inputs, plan))
        .collect::<Result<_>>()?;
    let (mut arm_plans, mut contrasts, mut tried) = arms(&runs, plan.quick, plan.max_tokens);
    if let Some(unknown) = plan
        .only
        .iter()
        .find(|name| arm_plans.iter().all(|arm| arm.name != **name))
    {
        let known: Vec<&str> = arm_plans.iter().map(|arm| arm.name.as_str()).collect();
        let problem = format!(
            "`{unknown}` is no arm of these bundles; there are {}",
            known.join(", ")
        );
        return Err(Error::option("--only", problem));
    }
    let mut runner = Runner {
        runs: &runs,
        plan,
        tell,
        control: None,
    };
    // What cannot answer these prompts is told, and the others are compared.
    let mut cannot: Vec<(String, String)> = Vec::new();
    let wanted = |arm: &str| plan.only.is_empty() || plan.only.iter().any(|name| name == arm);
    tried.retain(|tried| wanted(&tried.arm));
    for one in &tried {
        if let Some(name) = &one.control {
            // What is no control of this bundle is refused.
            let control = runner.control(&runs[0], name)?;
            runner.control = Some(control);
        }
        if cannot.iter().all(|(arm, _)| *arm != one.arm)
            && let Err(error) = runner.runnable(one, inputs)
        {
            if !error.is_input() {
                return Err(error);
            }
            cannot.push((one.arm.clone(), error.to_string()));
        }
    }
    let can = |arm: &str| wanted(arm) && cannot.iter().all(|(other, _)| other != arm);
    tried.retain(|tried| can(&tried.arm));
    arm_plans.retain(|arm| can(&arm.name));
    contrasts.retain(|contrast| can(&contrast.a) && can(&contrast.b));
    for contrast in &mut contrasts {
        contrast.controls.retain(|arm| can(arm));
    }
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

    let (validation, _) = runner.measure(&inputs.validation, Split::Validation, &tried)?;
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
    let (test, sweeps) = runner.measure(&inputs.test, Split::Test, &kept)?;
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
    let mut evidence = weighed.map_err(said)?;
    let told = cannot
        .into_iter()
        .map(|(arm, why)| format!("{arm} was not run: {why}"));
    evidence.left_out.extend(told);
    let costs = kept
        .iter()
        .map(|tried| (tried.arm.clone(), cost(tried, first)))
        .collect();
    pages::write(&plan.out, &protocol, &choices, &evidence, &costs)?;
    Ok(Outcome {
        evidence,
        study: place("evidence.study"),
        sweeps,
    })
}

/// What a token costs under an arm, in words.
fn cost(tried: &Tried, bundle: &Bundle) -> String {
    let of_weights = tried.arm.starts_with("mva") || tried.arm == "mod-box";
    let (points, axes) = if of_weights {
        (PointKind::Weights, bundle.info.values.len())
    } else {
        (PointKind::Preference, bundle.info.objectives.len())
    };
    let usual = Method::usual(MethodKind::Hoe);
    tried.method.as_ref().unwrap_or(&usual).cost(points, axes)
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
        (objectives, experts, info.values.len())
    };
    let mut shapes = bundles.iter().map(shape);
    let first = shapes.next();
    if let Some(other) = shapes.position(|other| Some(&other) != first.as_ref()) {
        let problem = format!(
            "{} has other objectives, experts or value vectors than {}; several bundles are training runs of one recipe",
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

/// A training run with the control arms that its bundle names, and those that follow from it.
fn with_controls<'a>(
    bundle: &'a Bundle,
    seed: usize,
    inputs: &Inputs,
    plan: &EvidencePlan,
) -> Result<TrainingRun<'a>> {
    let own =
        std::path::absolute(&bundle.info.path).map_err(Error::io("find", &bundle.info.path))?;
    let mut controls = bundle.arms.clone();
    for arm in &mut controls {
        arm.path = own.join(&arm.path);
    }
    let place = plan.out.join("arms").join(format!("seed-{seed}"));
    let place = std::path::absolute(&place).map_err(Error::io("find", &place))?;
    let made = derived(bundle, &inputs.validation, plan.max_tokens, &place)?;
    let named: Vec<String> = controls.iter().map(|arm| arm.name.clone()).collect();
    controls.extend(made.into_iter().filter(|arm| !named.contains(&arm.name)));
    Ok(TrainingRun { bundle, controls })
}

/// Refuses a control arm that differs in more than its experts.
fn beside(bundle: &Bundle, arm: &Bundle) -> Result<()> {
    let objectives = |bundle: &Bundle| -> Vec<String> {
        let objectives = bundle.info.objectives.iter();
        objectives.map(|o| o.name.clone()).collect()
    };
    let rewards = |bundle: &Bundle| bundle.info.identity.rewards.clone();
    let what = if bundle.info.identity.model != arm.info.identity.model {
        "another base"
    } else if objectives(bundle) != objectives(arm) || rewards(bundle) != rewards(arm) {
        "other objectives or reward models"
    } else {
        return Ok(());
    };
    let problem = format!(
        "has {what} than {}; a control arm differs in experts or value vectors alone",
        bundle.info.path.display()
    );
    Err(Error::file(&arm.info.path, problem))
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
    runs: &'a [TrainingRun<'a>],
    plan: &'a EvidencePlan,
    tell: &'a mut dyn FnMut(Stage<'_>) -> Result<()>,
    /// The control arm that was loaded last, with its folder.
    control: Option<(PathBuf, Bundle)>,
}

impl Runner<'_> {
    /// The scale: base and single experts on validation, of the first training run.
    fn frozen(&mut self, inputs: &Inputs) -> Result<Frozen> {
        let bundle = self.runs[0].bundle;
        let grid = SweepGrid::Simplex {
            step: 1.0,
            objectives: Vec::new(),
        };
        let mut plan = self.sweep(&inputs.validation, Split::Validation, grid);
        plan.include_base = true;
        let (_, arm) = self.swept(bundle, 0, plan, "models")?;
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

    /// Whether an arm can answer all prompts at all of its points.
    fn runnable(&mut self, one: &Tried, inputs: &Inputs) -> Result<()> {
        let (runs, what) = (self.runs, format!("can it run: {}", one.arm));
        for (prompts, split) in [
            (&inputs.validation, Split::Validation),
            (&inputs.test, Split::Test),
        ] {
            (self.tell)(Stage {
                what: &what,
                done: 0,
                all: 1,
            })?;
            let mut plan = self.sweep(prompts, split, one.grid.clone());
            plan.sampling.method.clone_from(&one.method);
            match &one.control {
                None => runnable(runs[0].bundle, &plan)?,
                Some(name) => {
                    let control = self.control(&runs[0], name)?;
                    runnable(&control.1, &plan)?;
                    self.control = Some(control);
                }
            }
        }
        Ok(())
    }

    /// Every arm under every setting that is tried, over all training runs.
    fn measure(
        &mut self,
        prompts: &[PromptSample],
        split: Split,
        tried: &[Tried],
    ) -> Result<(Vec<Measured>, Vec<i64>)> {
        let mut sweeps = Vec::with_capacity(tried.len());
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
            let mut runs = Vec::with_capacity(self.runs.len());
            let trained = if one.trained { self.runs.len() } else { 1 };
            let all = self.runs;
            for (seed, run) in all.iter().take(trained).enumerate() {
                let mut plan = self.sweep(prompts, split, one.grid.clone());
                plan.sampling.method.clone_from(&one.method);
                let (number, arm) = match &one.control {
                    None => self.swept(run.bundle, seed as u64, plan, &what)?,
                    Some(name) => {
                        let control = self.control(run, name)?;
                        let swept = self.swept(&control.1, seed as u64, plan, &what)?;
                        self.control = Some(control);
                        swept
                    }
                };
                if seed == 0 {
                    sweeps.push(number);
                }
                runs.push(arm);
            }
            measured.push(Measured {
                arm: one.arm.clone(),
                setting: one.setting.name.clone(),
                split,
                scores: over_seeds(runs)?,
            });
        }
        Ok((measured, sweeps))
    }

    /// A control arm of a training run, taken from where it is kept or loaded.
    fn control(&mut self, run: &TrainingRun<'_>, name: &str) -> Result<(PathBuf, Bundle)> {
        let arm = run.controls.iter().find(|arm| arm.name == name);
        let arm = arm.ok_or_else(|| Error::internal("a training run without the arm"))?;
        let (bundle, folder) = (run.bundle, arm.path.clone());
        match self.control.take() {
            Some(kept) if kept.0 == folder => return Ok(kept),
            _ => {}
        }
        let options = LoadOptions {
            backend: bundle.backend.clone(),
            probe: false,
            ..LoadOptions::default()
        };
        let tell = &mut *self.tell;
        let loaded = Bundle::load(&folder, &options, &mut |_step, fraction| {
            tell(Stage {
                what: "loading a control arm",
                done: (100.0 * fraction) as usize,
                all: 100,
            })
        })?;
        beside(bundle, &loaded)?;
        Ok((folder, loaded))
    }

    /// A sweep to its end, as the arm of one training run.
    fn swept(
        &mut self,
        bundle: &Bundle,
        seed: u64,
        plan: SweepPlan,
        what: &str,
    ) -> Result<(i64, Arm)> {
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
        Ok((number, arm))
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
