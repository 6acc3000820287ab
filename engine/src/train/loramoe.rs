//! LoRAMoE: experts and the routers over them, trained together on answers (Dou et al. 2024).
//!
//! The balance loss of the paper is off, as in the released script.

use std::path::Path;

use serde_json::json;

use super::base::{Base, digest};
use super::batch::Example;
use super::config::{Start, open_device};
use super::descent::Descent;
use super::ensemble::Ensemble;
use super::files;
use super::filter::Filtered;
use super::forward::TrainModel;
use super::out_folder::{check_writable, hold};
use super::params::NamedVars;
use super::progress::TrainReporter;
use super::runner::{Runner, TrainReport};
use super::sft::{Sft, fit};
use crate::output::write_json;
use crate::types::{LoramoeConfig, RouterActivation};
use crate::weights::ExpertsFolder;
use crate::{Error, Result};

/// Trains on `examples` and leaves [`ExpertsFolder`]'s adapters and router in `out`.
pub fn loramoe(
    config: &LoramoeConfig,
    start: &Start,
    examples: &[Example],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    let run = &config.train.run;
    check_writable(out, run, &start.folders())?;
    let base = Base::open(start, run.seed, &open_device(run)?)?;
    config.check(&base.shape.projections())?;
    base.check_tokens(examples)?;
    let longest = base.longest(&config.train);
    let filtered = Filtered::of(examples, |example| fit(example, longest, false));
    let settings = base.settings("loramoe", config, digest(filtered.kept.iter().copied()));
    let ensemble = Ensemble(config);
    let model = TrainModel::of_experts(base.shape.clone(), &base.weights, ensemble, run.seed)?;
    let _held = hold(out, run, &start.folders(), "loramoe")?;
    if run.overwrite {
        ExpertsFolder::remove(out)?;
    }
    let runner = Runner {
        model: &model,
        folder: out,
        config: run,
        settings,
        left_out: filtered.left_out,
        places: filtered.places,
    };
    let objective = Sft {
        examples: filtered.kept,
        prompts: false,
    };
    let report = runner.run(
        &mut Descent::new(&config.train, &model, &objective)?,
        reporter,
    )?;
    write(config, &base.place(), model.vars(), out)?;
    Ok(report)
}

/// The adapters, the router, and last what says that they are there.
pub(super) fn write(
    config: &LoramoeConfig,
    base: &str,
    vars: &NamedVars,
    out: &Path,
) -> Result<()> {
    let (ensemble, folder) = (Ensemble(config), ExpertsFolder::of(config.experts));
    for (index, expert) in folder.experts.iter().enumerate() {
        let factors = ensemble.expert(vars, index)?;
        files::write_adapter(&out.join(&expert.path), base, &config.lora, &factors)?;
    }
    let place = out.join(&folder.router);
    std::fs::create_dir_all(&place).map_err(Error::io("create", &place))?;
    files::write_tensors(&place.join("router.safetensors"), &ensemble.router(vars)?)?;
    let names: Vec<&str> = folder
        .experts
        .iter()
        .map(|expert| expert.name.as_str())
        .collect();
    // It stands nowhere: one fixed trade-off, whatever the preference.
    let settings = json!({
        "preference": [],
        "outputs": names,
        "activation": RouterActivation::Softmax,
    });
    write_json(&place.join("router_config.json"), &settings)?;
    folder.save(out)
}
