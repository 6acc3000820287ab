//! One adapter for one preference: policy optimisation on a fixed weighted sum of rewards (MORLHF).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde_json::json;

use super::actor::Actor;
use super::learner::{Learner, Policy};
use crate::bundle::{Bundle, ExpertEntry, Manifest, ValueEntry};
use crate::forge::{PROVENANCE, Provenance};
use crate::train::base::Base;
use crate::train::config::{Start, open_device};
use crate::train::files;
use crate::train::forward::TrainModel;
use crate::train::out_folder::{check_writable, hold};
use crate::train::parallel::Team;
use crate::train::params::{self, NamedTensors};
use crate::train::progress::TrainReporter;
use crate::train::runner::{Runner, TrainReport};
use crate::types::{
    ExpertKind, LoraConfig, Method, MorlConfig, Point, Preference, Prompt, Scalarisation,
    ScalariseConfig, Weights,
};
use crate::weights::LoraFactor;
use crate::{Error, Result};

/// The adapter's name in that bundle.
const NAME: &str = "policy in training";
/// The folder of the bundle that answers during training, in the run's folder.
const POLICY: &str = ".policy";

/// Trains an adapter of the bundle's base on its reward models, weighted, and leaves a PEFT folder in `out`.
pub fn train_morl(
    config: &MorlConfig,
    folder: &Path,
    prompts: Vec<Prompt>,
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    config.ppo.check()?;
    let manifest = Manifest::load(folder)?.rooted(folder)?;
    super::check_scored(&manifest, &prompts)?;
    let inputs = super::inputs(folder, &manifest);
    check_writable(out, &config.ppo.run, &inputs)?;
    let weights = Preference::with_len(config.reward_weights.clone(), manifest.objective_count())
        .map_err(Error::point("reward-weights"))?;
    let device = open_device(&config.ppo.run)?;
    let base = Base::open(
        &Start::Folder(manifest.base.clone()),
        config.ppo.run.seed,
        &device,
    )?;
    let method = Method::Lora(config.lora.clone());
    let fresh = params::lora(&base.shape, &config.lora, config.ppo.run.seed)?;
    let model = TrainModel::new(
        base.shape.clone(),
        &base.weights,
        &method,
        config.ppo.run.seed,
    )?
    .with_values(manifest.objective_count())?;

    let held = hold(out, &config.ppo.run, &inputs, "ppo")?;
    let policy_folder = out.join(POLICY);
    let at = manifest.base.display().to_string();
    files::write_adapter(&policy_folder.join("adapter"), &at, &config.lora, &fresh)?;
    // The adapter is the only expert and the only value vector, so that weight 1 is the policy and 0 the
    // base, and rows carry nothing else.
    let mut policy_bundle = manifest;
    policy_bundle.values = vec![ValueEntry {
        name: NAME.to_owned(),
        path: PathBuf::from("adapter"),
    }];
    policy_bundle.experts = vec![ExpertEntry {
        kind: ExpertKind::Lora,
        name: NAME.to_owned(),
        path: PathBuf::from("adapter"),
        preference: weights.as_slice().to_vec(),
    }];
    policy_bundle.save(&policy_folder)?;

    let asked = super::digest_of(&prompts);
    let opened = Actor::open(&policy_folder, prompts, &config.ppo);
    let actor = super::tidied(opened, &policy_folder, &held)?;
    let settings = json!({"kind": "ppo", "config": super::lasting(config)?,
        "bundle": actor.identity(), "prompts": asked});
    let policy = AdapterPolicy {
        point: Point::Weights(Weights::new(vec![1.0]).map_err(Error::point("weights"))?),
        adapter: 0,
        lora: config.lora.clone(),
        paths: base
            .shape
            .projections()
            .into_iter()
            .map(|(path, _)| path)
            .collect(),
    };
    let scalarise = ScalariseConfig {
        form: Scalarisation::Linear,
        ..ScalariseConfig::default()
    };
    let mut learner = Learner {
        config: &config.ppo,
        scalarise: &scalarise,
        preference: weights.as_slice().to_vec(),
        model: &model,
        team: Team::new(model.workers(config.ppo.run.workers))?,
        actor,
        policy: &policy,
        experts: Vec::new(),
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
    let trained: NamedTensors = model
        .vars()
        .iter()
        .filter(|(name, _)| !name.starts_with("value."))
        .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
        .collect();
    files::write_adapter(out, &at, &config.lora, &trained)?;
    let inputs = [folder.join("bundle.json")];
    Provenance::new("train ppo", &inputs, &settings, &report)?.write(&out.join(PROVENANCE))?;
    std::fs::remove_dir_all(&policy_folder).map_err(Error::io("remove", &policy_folder))?;
    Ok(report)
}

struct AdapterPolicy {
    point: Point,
    /// Its place in the bank.
    adapter: usize,
    lora: LoraConfig,
    paths: Vec<String>,
}

impl Policy for AdapterPolicy {
    fn point(&self) -> &Point {
        &self.point
    }

    fn publish(&self, model: &TrainModel, bundle: &mut Bundle) -> Result<()> {
        for path in self.paths.iter().filter(|path| self.lora.targets(path)) {
            let numbers = |factor: &str| -> Result<Vec<f32>> {
                let name = format!("{path}.lora_{factor}.weight");
                let var = model.vars().get(&name).ok_or(Error::MissingTensor {
                    path: "policy in training".into(),
                    tensor: name,
                })?;
                Ok(var.flatten_all()?.to_vec1()?)
            };
            let factor = LoraFactor {
                a: numbers("A")?,
                b: numbers("B")?,
                rank: self.lora.rank,
                scale: self.lora.scale() as f32,
            };
            bundle.model.set_adapter(self.adapter, path, &factor)?;
        }
        Ok(())
    }

    /// Second factors begin at zero, so that first factors have no gradient in the first step.
    fn check(&self, _model: &TrainModel, _gradients: &[Tensor]) -> Result<()> {
        Ok(())
    }
}
