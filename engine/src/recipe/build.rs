//! A build from its recipe's file to the bundle's folder.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::assemble::assemble;
use super::file::Recipe;
use super::plan::Plan;
use super::progress::{BuildReporter, ProgressTracker, Work};
use super::settings::DpoSettings;
use super::steps::{Made, MadeExpert, Workshop, manifest};
use crate::bundle::Manifest;
use crate::forge::Provenance;
use crate::model::LlamaConfig;
use crate::output::check_new_folder;
use crate::stage::{Stages, digest_of, files};
use crate::types::{Expert, Preference, check_workers};
use crate::{Error, Result};

/// Floating-point operations per second that the first guesses of durations take for granted.
const SPEED: f64 = 2e10;

/// What to build, and where.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The recipe's file, for errors.
    pub recipe: PathBuf,
    /// The bundle's folder, new.
    pub out: PathBuf,
    /// Folder for everything between; a build goes on from what is there.
    pub work: PathBuf,
    /// Threads.
    pub workers: usize,
}

/// Makes the bundle. Base, reward models and prompts stay where they are and are named by their full
/// paths. Everything between is kept in the working folder, so that a build that was broken off goes on,
/// and a recipe that was changed makes again only what depends on the change.
pub fn build(
    recipe: &Recipe,
    options: &BuildOptions,
    reporter: &mut dyn BuildReporter,
) -> Result<Manifest> {
    check_new_folder(&options.out)?;
    check_workers(options.workers)?;
    let plan = Plan::new(recipe, &options.recipe)?;
    let fresh = !options.work.exists();
    let mut board = ProgressTracker::new(reporter);
    announce(recipe, &plan, &mut board)?;
    let stages = Stages::new(&options.work)?;
    // Another build may have finished it since.
    check_new_folder(&options.out)?;
    let made = digest_of(&recipe.base).and_then(|base| {
        let mut workshop = Workshop {
            recipe,
            plan: &plan,
            stages: &stages,
            board,
            workers: options.workers,
            base,
        };
        make(&mut workshop, &options.out)
    });
    // Of an input that is at fault nothing is left, unless a person has waited for it before.
    let waited = std::fs::read_dir(&options.work).is_ok_and(|entries| {
        let mut names = entries.flatten().map(|entry| entry.path());
        names.any(|path| path.extension().is_some_and(|e| e == "done"))
    });
    let nothing = fresh && !waited && options.work.exists();
    if nothing && made.as_ref().is_err_and(Error::is_input) {
        std::fs::remove_dir_all(&options.work).map_err(Error::io("remove", &options.work))?;
    }
    made
}

fn make(shop: &mut Workshop<'_>, out: &Path) -> Result<Manifest> {
    let (recipe, plan) = (shop.recipe, shop.plan);
    let mut sources = Vec::new();
    for index in 0..recipe.objectives.len() {
        sources.push(shop.source(index)?);
    }
    let mut experts: Vec<MadeExpert> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        experts.push(shop.single(index, source)?);
    }
    let mut found = Vec::new();
    for (index, (merged, place)) in plan.merged.iter().enumerate() {
        let place = placed(shop, &merged.name, place.as_ref(), &experts, &mut found)?;
        experts.push(shop.merged(index, merged, place, &sources)?);
    }
    for (name, place) in &plan.routers {
        let place = placed(shop, name, place.as_ref(), &experts, &mut found)?;
        experts.push(shop.router(name, place, &experts)?);
    }
    let mut values: Vec<(String, Made)> = Vec::new();
    for value in &recipe.values {
        let earlier: Vec<Made> = values.iter().map(|(_, made)| made.clone()).collect();
        values.push((value.name.clone(), shop.value(value, &earlier)?));
    }
    let list: Vec<&Expert> = experts.iter().map(|made| &made.expert).collect();
    let figures = json!({ "experts": list, "found": found });
    let provenance = Provenance::new("bundle build", &inputs(recipe)?, recipe, &figures)?;
    let whole = manifest(recipe, &experts, &values)?;
    assemble(whole, &experts, &values, &provenance, out)
}

/// The place that was asked for, or the one that is needed most.
fn placed(
    shop: &mut Workshop<'_>,
    name: &str,
    place: Option<&Preference>,
    experts: &[MadeExpert],
    found: &mut Vec<serde_json::Value>,
) -> Result<Preference> {
    if let Some(place) = place {
        return Ok(place.clone());
    }
    let shortfall = shop.place(name, experts)?;
    found.push(json!({ "expert": name, "shortfall": shortfall }));
    Ok(shortfall.preference)
}

/// All files that the recipe names.
fn inputs(recipe: &Recipe) -> Result<Vec<PathBuf>> {
    let objectives = recipe.objectives.iter();
    let sources = objectives.flat_map(|o| o.source.iter().chain(&o.data));
    let values = recipe
        .values
        .iter()
        .flat_map(|v| v.source.iter().chain(&v.data));
    let prompts = recipe.prompts.iter().chain(&recipe.training_prompts);
    let mut found = Vec::new();
    for path in std::iter::once(&recipe.base)
        .chain(sources)
        .chain(values)
        .chain(prompts)
    {
        found.extend(files(path)?);
    }
    Ok(found)
}

/// All steps, with a first guess of how long each takes.
fn announce(recipe: &Recipe, plan: &Plan, board: &mut ProgressTracker<'_>) -> Result<()> {
    let linears = LlamaConfig::load(&recipe.base)?.linears();
    let sizes = linears.iter().map(|(_, [out, inner])| (out * inner) as f64);
    let parameters: f64 = sizes.sum();
    let trained = |data: &Path, settings: &DpoSettings| -> f64 {
        let bytes = std::fs::metadata(data).map_or(0, |data| data.len()) as f64;
        let train = settings.config(recipe.rank, recipe.seed).train;
        let tokens = match train.steps {
            Some(steps) => (steps * train.batch_tokens) as f64,
            None => bytes / 4.0 * train.epochs as f64,
        };
        8.0 * parameters * tokens / SPEED
    };
    let compressed = 20.0 * parameters * recipe.rank as f64 / SPEED;
    let objectives = recipe.objectives.len();
    for objective in &recipe.objectives {
        if let Some(data) = &objective.data {
            let guess = trained(data, &recipe.training.experts);
            board.plan(format!("sources/{}", objective.name), Work::Train, guess);
        }
    }
    for objective in &recipe.objectives {
        board.plan(
            format!("experts/{}", objective.name),
            Work::Compress,
            compressed,
        );
    }
    let measured = {
        let tokens = recipe.auto.places(objectives)?.len() as f64
            * recipe.auto.prompts as f64
            * recipe.auto.max_tokens as f64;
        2.0 * parameters * tokens / SPEED
    };
    for (merged, place) in &plan.merged {
        if place.is_none() {
            board.plan(format!("places/{}", merged.name), Work::Measure, measured);
        }
        let guess = compressed + 300.0 * parameters * objectives as f64 / SPEED;
        board.plan(format!("experts/{}", merged.name), Work::Merge, guess);
    }
    for (name, place) in &plan.routers {
        if place.is_none() {
            board.plan(format!("places/{name}"), Work::Measure, measured);
        }
        let ppo = recipe.training.routers.config(Vec::new(), recipe.seed).ppo;
        let tokens = (ppo.batches * ppo.batch * ppo.max_tokens) as f64;
        let guess = (2.0 + 6.0 * ppo.epochs as f64) * parameters * tokens / SPEED;
        board.plan(format!("routers/{name}"), Work::Route, guess);
    }
    for value in &recipe.values {
        let (work, guess) = match &value.data {
            Some(data) => (Work::Train, trained(data, &recipe.training.values)),
            None => (Work::Compress, compressed),
        };
        board.plan(format!("values/{}", value.name), work, guess);
    }
    Ok(())
}
