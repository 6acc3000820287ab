//! A router expert: per module a linear layer that learns which LoRA experts speak, token by token, for one
//! preference (HoE sections 3.2 and 3.3).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde_json::json;

use super::actor::Actor;
use super::learner::{Learner, Policy};
use crate::bundle::{Bundle, ExpertEntry, Manifest};
use crate::forge::{PROVENANCE, Provenance};
use crate::model::LlamaConfig;
use crate::output::write_json;
use crate::routing::Complex;
use crate::train::base::Base;
use crate::train::config::{Start, open_device};
use crate::train::forward::TrainModel;
use crate::train::mixture::{Electorate, names};
use crate::train::out_folder::{check_writable, hold};
use crate::train::parallel::Team;
use crate::train::params::{NamedTensors, NamedVars};
use crate::train::progress::TrainReporter;
use crate::train::runner::{Runner, TrainReport};
use crate::train::{files, optimiser};
use crate::types::{ExpertKind, Point, Preference, Prompt, RouterActivation, RouterConfig};
use crate::weights::{Adapter, RouterSite};
use crate::{Error, Result};

/// The router's name in the bundle that it is trained in.
const NAME: &str = "router in training";
/// The folder of that bundle, in the run's folder.
const POLICY: &str = ".policy";

/// Trains a router for the bundle in `folder` on `prompts` and leaves it in `out`: `router_config.json` and
/// `router.safetensors`. Base and experts stay as they are.
pub fn train_router(
    config: &RouterConfig,
    folder: &Path,
    prompts: Vec<Prompt>,
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    config.ppo.check()?;
    let plan = Plan::new(config, folder)?;
    super::check_scored(&plan.manifest, &prompts)?;
    let inputs = super::inputs(folder, &plan.manifest);
    check_writable(out, &config.ppo.run, &inputs)?;
    config.scalarise.check(plan.preference.as_slice().len())?;
    let device = open_device(&config.ppo.run)?;
    let base = Base::open(
        &Start::Folder(plan.base.clone()),
        config.ppo.run.seed,
        &device,
    )?;
    let linears = base.shape.projections();
    let adapters: Vec<Adapter> = plan
        .outputs
        .iter()
        .map(|(_, path)| Adapter::load(path, &plan.linears))
        .collect::<Result<_>>()?;
    refuse_the_head(&adapters)?;
    let electorate = Electorate {
        adapters: adapters.iter().collect(),
        activation: config.activation,
    };
    let fresh = electorate.fresh(&linears, &plan.shares, config.floor)?;
    let outputs: Vec<String> = plan.outputs.iter().map(|(name, _)| name.clone()).collect();
    let written = Written {
        preference: plan.preference.as_slice(),
        outputs: &outputs,
        activation: config.activation,
    };
    let held = hold(out, &config.ppo.run, &inputs, "router")?;
    let policy_folder = out.join(POLICY);
    written.write(&policy_folder.join("router"), &fresh)?;
    plan.write_policy(&policy_folder)?;

    let objectives = plan.preference.as_slice().len();
    let model = TrainModel::routed(
        base.shape.clone(),
        &base.weights,
        &electorate,
        &crate::train::params::to_device(&fresh, &device)?,
    )?
    .with_values(objectives)?;
    let asked = super::digest_of(&prompts);
    let opened = Actor::open(&policy_folder, prompts, &config.ppo);
    let mut actor = super::tidied(opened, &policy_folder, &held)?;
    if config.activation == RouterActivation::Softmax {
        actor = actor.traced();
    }
    let settings = json!({"kind": "router", "config": super::lasting(config)?,
        "bundle": actor.identity(), "prompts": asked});
    let policy = RouterPolicy {
        point: Point::Preference(plan.preference.clone()),
        paths: linears.into_iter().map(|(path, _)| path).collect(),
    };
    let mut learner = Learner {
        config: &config.ppo,
        scalarise: &config.scalarise,
        preference: plan.preference.as_slice().to_vec(),
        model: &model,
        team: Team::new(model.workers(config.ppo.run.workers))?,
        actor,
        policy: &policy,
        experts: plan.places.clone(),
    };
    let runner = Runner {
        model: &model,
        folder: out,
        config: &config.ppo.run,
        settings: settings.clone(),
        left_out: BTreeMap::new(),
        places: Vec::new(),
    };
    let run = runner.run(&mut learner, reporter);
    let report = super::tidied(run, &policy_folder, &held)?;
    written.write(out, &trained(model.vars()))?;
    let inputs = [folder.join("bundle.json")];
    Provenance::new("train router", &inputs, &settings, &report)?.write(&out.join(PROVENANCE))?;
    std::fs::remove_dir_all(&policy_folder).map_err(Error::io("remove", &policy_folder))?;
    Ok(report)
}

/// Everything about the router that the bundle decides.
struct Plan {
    manifest: Manifest,
    base: PathBuf,
    preference: Preference,
    linears: Vec<(String, [usize; 2])>,
    /// Names and folders of the LoRA experts that it votes for: the corners of all coarse cells around its
    /// preference.
    outputs: Vec<(String, PathBuf)>,
    /// Shares of static interpolation, in order of the outputs.
    shares: Vec<f64>,
    /// Where the LoRA experts stand.
    places: Vec<Point>,
}

impl Plan {
    fn new(config: &RouterConfig, folder: &Path) -> Result<Self> {
        let mut manifest = Manifest::load(folder)?.rooted(folder)?;
        // A router is trained over LoRA experts alone; others that stand there take no part.
        manifest
            .experts
            .retain(|expert| expert.kind == ExpertKind::Lora);
        manifest.values.clear();
        let experts = manifest.experts(folder)?;
        let objectives = manifest.objective_count();
        let preference = Preference::with_len(config.preference.clone(), objectives)
            .map_err(Error::point("preference"))?;
        let complex = Complex::new(&experts, objectives)?;
        let most = 1.0 / experts.len().max(1) as f64;
        if !(config.floor > 0.0 && config.floor < most) {
            let problem = format!(
                "is {}; it must be above 0 and below {most:.3}, an even share of the {} experts",
                config.floor,
                experts.len()
            );
            return Err(Error::option("floor", problem));
        }
        let mut shares = vec![0.0; experts.len()];
        for near in complex.route(&preference).experts {
            shares[near.index] = near.weight;
        }
        let corners = complex.around(&preference)?;
        if shares.iter().filter(|&&share| share > 0.0).count() < 2 {
            let names: Vec<&str> = experts.iter().map(|e| e.name.as_str()).collect();
            return Err(Error::option(
                "preference",
                format!(
                    "stands on one expert alone, so that a router would have nothing to choose; take a \
                     place between experts ({})",
                    names.join(", ")
                ),
            ));
        }
        let base = manifest.base.clone();
        let linears = LlamaConfig::load(&base)?.projections();
        Ok(Self {
            outputs: corners
                .iter()
                .map(|&at| (experts[at].name.clone(), manifest.experts[at].path.clone()))
                .collect(),
            shares: corners.iter().map(|&at| shares[at]).collect(),
            places: experts
                .iter()
                .map(|e| Point::Preference(e.preference.clone()))
                .collect(),
            manifest,
            base,
            preference,
            linears,
        })
    }

    /// The bundle that answers during training: the same with the router in it.
    fn write_policy(&self, folder: &Path) -> Result<()> {
        let mut manifest = self.manifest.clone();
        manifest.experts.push(ExpertEntry {
            kind: ExpertKind::Router,
            name: NAME.to_owned(),
            path: PathBuf::from("router"),
            preference: self.preference.as_slice().to_vec(),
        });
        manifest.save(folder)
    }
}

fn refuse_the_head(adapters: &[Adapter]) -> Result<()> {
    match adapters.iter().find(|a| a.factors.contains_key("lm_head")) {
        None => Ok(()),
        Some(adapter) => Err(Error::Adapter {
            path: adapter.path.clone(),
            problem:
                "adapts lm_head, over which no router can be trained here; take an expert of the \
                      decoder's layers alone"
                    .to_owned(),
        }),
    }
}

/// A router as it stands on disk.
struct Written<'a> {
    preference: &'a [f64],
    outputs: &'a [String],
    activation: RouterActivation,
}

impl Written<'_> {
    /// Writes both files; `tensors` are named `router.<module>.weight` and `.bias`.
    fn write(&self, folder: &Path, tensors: &NamedTensors) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let plain = tensors
            .iter()
            .filter_map(|(name, t)| Some((name.strip_prefix("router.")?.to_owned(), t.clone())))
            .collect();
        files::write_tensors(&folder.join("router.safetensors"), &plain)?;
        let config = json!({
            "preference": self.preference,
            "outputs": self.outputs,
            "activation": self.activation,
        });
        write_json(&folder.join("router_config.json"), &config)
    }
}

fn trained(vars: &NamedVars) -> NamedTensors {
    vars.iter()
        .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
        .collect()
}

/// The router seen from the bundle that answers: its only router.
struct RouterPolicy {
    point: Point,
    paths: Vec<String>,
}

impl Policy for RouterPolicy {
    fn point(&self) -> &Point {
        &self.point
    }

    fn publish(&self, model: &TrainModel, bundle: &mut Bundle) -> Result<()> {
        for path in &self.paths {
            let (weight, bias) = names(path);
            let (Some(weight), Some(bias)) = (model.vars().get(&weight), model.vars().get(&bias))
            else {
                continue;
            };
            let site = RouterSite {
                weight: weight.flatten_all()?.to_vec1()?,
                bias: bias.to_vec1()?,
            };
            bundle.model.set_router(0, path, &site)?;
        }
        Ok(())
    }

    fn check(&self, model: &TrainModel, gradients: &[Tensor]) -> Result<()> {
        let mut dead = Vec::new();
        for (name, gradient) in model.vars().keys().zip(gradients) {
            let norm = optimiser::global_norm(std::slice::from_ref(gradient))?;
            if name.starts_with("router.") && norm == 0.0 {
                dead.push(name.trim_start_matches("router."));
            }
        }
        if dead.is_empty() {
            return Ok(());
        }
        Err(Error::option(
            "router",
            format!(
                "the gradient does not reach {} of its tensors, the first is `{}`: the experts do nothing \
                 there",
                dead.len(),
                dead[0]
            ),
        ))
    }
}
