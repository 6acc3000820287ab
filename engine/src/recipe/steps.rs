//! The steps of a build, each of which runs only where its settings or what it reads have changed.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::file::{Merged, Recipe, RescaleEntry, Value};
use super::measure::Measurement;
use super::place::{Shortfall, largest, shortfalls};
use super::plan::{Plan, TrainingPrompts, merge_settings};
use super::progress::ProgressTracker;
use crate::bundle::{ExpertEntry, Manifest, MethodParts, ObjectiveEntry, RewardEntry, ValueEntry};
use crate::forge::expert::{ExpertSettings, of_merge, of_source};
use crate::forge::{DeltaSource, Progress, Rescale};
use crate::output::write_json;
use crate::stage::{Done, StageContext, Stages, digest_of};
use crate::train::{run_job, thread_pool};
use crate::types::{
    DpoConfig, DpoJob, Expert, ExpertKind, PenaltyConfig, Preference, Prompt, RouterJob, TrainJob,
    TrainTask, WeightedData,
};
use crate::{Error, Result};

/// The folder of an adapter or router in its step's.
const RESULT: &str = "result";

/// Something that is made: its folder, and the digest of all that went into it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) folder: PathBuf,
    pub(super) digest: String,
}

/// An expert that is made.
#[derive(Debug, Clone)]
pub(super) struct MadeExpert {
    pub(super) expert: Expert,
    pub(super) made: Made,
}

/// What all steps share.
pub(super) struct Workshop<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) plan: &'a Plan,
    pub(super) stages: &'a Stages,
    pub(super) board: ProgressTracker<'a>,
    pub(super) workers: usize,
    /// Digest of the base.
    pub(super) base: String,
}

impl<'a> Workshop<'a> {
    fn step(
        &mut self,
        name: &str,
        settings: &impl Serialize,
        inputs: &[&str],
        make: impl FnOnce(&mut ProgressTracker<'a>, &StageContext<'_>) -> Result<()>,
    ) -> Result<Done> {
        self.board.begin(name)?;
        let (board, mut ran) = (&mut self.board, false);
        let done = self.stages.stage(name, settings, inputs, |run| {
            ran = true;
            make(board, run)
        })?;
        self.board.end(ran);
        Ok(done)
    }

    /// [`Workshop::step`] of the forge, on all threads, whose output is an adapter's folder.
    fn forge(
        &mut self,
        name: &str,
        settings: &impl Serialize,
        inputs: &[&str],
        make: impl FnOnce(&Path, crate::forge::Tell<'_>) -> Result<()> + Send,
    ) -> Result<Made> {
        let pool = thread_pool(self.workers)?;
        let done = self.step(name, settings, inputs, |board, run| {
            let folder = run.folder.join(RESULT);
            if folder.exists() {
                return Ok(()); // it appears whole; only the stamp was missing
            }
            pool.install(|| make(&folder, &mut |progress: Progress| board.forge(progress)))
        })?;
        Ok(Made {
            folder: done.folder.join(RESULT),
            digest: done.digest,
        })
    }

    /// What an objective's expert is made from: as it was given, or trained from preferences.
    pub(super) fn source(&mut self, index: usize) -> Result<Made> {
        let recipe = self.recipe;
        let objective = &recipe.objectives[index];
        if let Some(source) = &objective.source {
            return given(source);
        }
        let data = objective.data.clone().unwrap_or_default();
        let skip_bad = recipe.training.experts.skip_bad;
        let config = recipe.training.experts.config(recipe.rank, recipe.seed);
        let name = format!("sources/{}", objective.name);
        let (base, workers) = (recipe.base.clone(), self.workers);
        let inputs = [self.base.clone(), digest_of(&data)?];
        let inputs = inputs.each_ref().map(String::as_str);
        let asked = (config.clone(), skip_bad);
        let done = self.step(&name, &asked, &inputs, |board, run| {
            let task = TrainTask::Dpo(DpoJob {
                base,
                data: WeightedData::alone(data),
                skip_bad,
                config,
                votes: None,
            });
            train(on(task, workers, run.resumes), run.folder, board)
        })?;
        Ok(done.into())
    }

    /// The expert of an objective.
    pub(super) fn single(&mut self, index: usize, source: &Made) -> Result<MadeExpert> {
        let recipe = self.recipe;
        let settings = &rescaled(
            &self.plan.experts,
            recipe.objectives[index].rescale.as_ref(),
        )?;
        let name = recipe.objectives[index].name.clone();
        let inputs = [self.base.clone(), source.digest.clone()];
        let inputs = inputs.each_ref().map(String::as_str);
        let made = self.forge(
            &format!("experts/{name}"),
            &noted(settings),
            &inputs,
            |out, tell| {
                let source = DeltaSource::open(&source.folder, Some(&settings.base))?;
                of_source(settings, &source, out, tell)
            },
        )?;
        let expert = Expert {
            kind: ExpertKind::Lora,
            name,
            preference: Preference::one_hot(index, recipe.objectives.len()),
        };
        Ok(MadeExpert { expert, made })
    }

    /// A merged expert; `index` counts them.
    pub(super) fn merged(
        &mut self,
        index: usize,
        merged: &Merged,
        place: Preference,
        sources: &[Made],
    ) -> Result<MadeExpert> {
        let settings = &rescaled(&self.plan.experts, merged.rescale.as_ref())?;
        let merge = merge_settings(merged, &place, self.recipe.seed);
        let mut inputs = vec![self.base.clone()];
        inputs.extend(sources.iter().map(|source| source.digest.clone()));
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let asked = json!({ "experts": noted(settings), "merge": merge, "index": index });
        let name = format!("experts/{}", merged.name);
        let made = self.forge(&name, &asked, &inputs, |out, tell| {
            let open = |made: &Made| DeltaSource::open(&made.folder, Some(&settings.base));
            let sources: Vec<DeltaSource> = sources.iter().map(open).collect::<Result<_>>()?;
            of_merge(settings, &sources, &merge, index, out, tell)
        })?;
        let expert = Expert {
            kind: ExpertKind::Lora,
            name: merged.name.clone(),
            preference: place,
        };
        Ok(MadeExpert { expert, made })
    }

    /// Where the next expert is needed most, with these that are there.
    pub(super) fn place(&mut self, name: &str, experts: &[MadeExpert]) -> Result<Shortfall> {
        let recipe = self.recipe;
        let grid = recipe.auto.places(recipe.objectives.len())?;
        let places: Vec<&Expert> = experts.iter().map(|made| &made.expert).collect();
        let settings = json!({ "auto": recipe.auto, "places": grid, "experts": places });
        let manifest = manifest(recipe, experts, &[])?;
        let prompts = self.prompts()?;
        let inputs = self.measured_on(experts)?;
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let pool = thread_pool(self.workers)?;
        let done = self.step(&format!("places/{name}"), &settings, &inputs, |board, run| {
            let bundle = run.folder.join("bundle");
            manifest.save(&bundle)?;
            let list: Vec<Expert> = experts.iter().map(|made| made.expert.clone()).collect();
            let measurement = Measurement {
                bundle: &bundle,
                experts: &list,
                places: &grid,
                prompts: &prompts[..prompts.len().min(recipe.auto.prompts)],
                max_tokens: recipe.auto.max_tokens,
            };
            let measured = pool.install(|| measurement.run(run.folder, board))?;
            let found = shortfalls(&list, &measured)?;
            let Some(worst) = largest(&found) else {
                let problem = format!(
                    "leaves no place for `{name}` that is no expert's and has scores; {} were looked at; give a smaller step",
                    grid.len()
                );
                return Err(Error::option("auto.step", problem));
            };
            write_json(&run.folder.join("shortfalls.json"), &found)?;
            write_json(&run.folder.join("place.json"), worst)
        })?;
        read_json(&done.folder.join("place.json"))
    }

    /// A router.
    pub(super) fn router(
        &mut self,
        name: &str,
        place: Preference,
        experts: &[MadeExpert],
    ) -> Result<MadeExpert> {
        let recipe = self.recipe;
        let loras: Vec<MadeExpert> = experts
            .iter()
            .filter(|made| made.expert.kind == ExpertKind::Lora)
            .cloned()
            .collect();
        let preference = place.as_slice().to_vec();
        let config = recipe.training.routers.config(preference, recipe.seed);
        let asked = config.clone();
        let workers = self.workers;
        let manifest = manifest(recipe, &loras, &[])?;
        let inputs = self.measured_on(&loras)?;
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let prompts = match &self.plan.prompts {
            Some(TrainingPrompts::Own(path)) => Some(path.clone()),
            // The bundle's own, of which the trainer takes the training part.
            Some(TrainingPrompts::Offered(_)) | None => None,
        };
        let done = self.step(&format!("routers/{name}"), &asked, &inputs, |board, run| {
            let bundle = run.folder.join("bundle");
            manifest.save(&bundle)?;
            let task = TrainTask::Router(RouterJob {
                bundle,
                prompts,
                config,
            });
            let task = on(task, workers, run.resumes);
            train(task, &run.folder.join(RESULT), board)
        })?;
        let expert = Expert {
            kind: ExpertKind::Router,
            name: name.to_owned(),
            preference: place,
        };
        let made = Made {
            folder: done.folder.join(RESULT),
            digest: done.digest,
        };
        Ok(MadeExpert { expert, made })
    }

    /// A value vector; `earlier` are those before it.
    pub(super) fn value(&mut self, value: &Value, earlier: &[Made]) -> Result<Made> {
        let recipe = self.recipe;
        let name = format!("values/{}", value.name);
        if let Some(source) = &value.source {
            let settings = ExpertSettings {
                // A value vector is added with a free coefficient, so it is left as long as it is.
                rescale: Rescale::Factor(1.0),
                prune: Some(0.0),
                ..self.plan.experts.clone()
            };
            let source = given(source)?;
            let inputs = [self.base.clone(), source.digest];
            let inputs = inputs.each_ref().map(String::as_str);
            return self.forge(&name, &noted(&settings), &inputs, |out, tell| {
                let source = DeltaSource::open(&source.folder, Some(&settings.base))?;
                of_source(&settings, &source, out, tell)
            });
        }
        let data = value.data.clone().unwrap_or_default();
        let skip_bad = recipe.training.values.skip_bad;
        let (base, workers) = (recipe.base.clone(), self.workers);
        let mut inputs = vec![self.base.clone(), digest_of(&data)?];
        inputs.extend(earlier.iter().map(|made| made.digest.clone()));
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let penalty = match value.penalty() {
            // The first has none before it, and is trained alone.
            penalty if penalty.kind.compares() && earlier.is_empty() => PenaltyConfig::default(),
            penalty => penalty,
        };
        let config = DpoConfig {
            penalty,
            ..recipe.training.values.config(recipe.rank, recipe.seed)
        };
        // Earlier vectors are known by their digests: the work folder may move.
        let asked = (config.clone(), skip_bad);
        let against = earlier.iter().map(|made| made.folder.clone()).collect();
        let done = self.step(&name, &asked, &inputs, |board, run| {
            let task = TrainTask::Dpo(DpoJob {
                base,
                data: WeightedData::alone(data),
                skip_bad,
                config: DpoConfig { against, ..config },
                votes: None,
            });
            train(on(task, workers, run.resumes), run.folder, board)
        })?;
        Ok(done.into())
    }

    fn prompts(&self) -> Result<Vec<Prompt>> {
        self.plan
            .prompts
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), TrainingPrompts::read)
    }

    /// Digests of all that scores depend on: base, experts, reward models, prompts.
    fn measured_on(&self, experts: &[MadeExpert]) -> Result<Vec<String>> {
        let mut digests = vec![self.base.clone()];
        digests.extend(experts.iter().map(|made| made.made.digest.clone()));
        for objective in &self.recipe.objectives {
            if let Some(reward) = &objective.reward {
                digests.push(digest_of(&reward.path)?);
                let reading = serde_json::to_string(&reward.reading);
                digests.push(reading.map_err(|e| {
                    Error::internal(format!("how a reward model is read is no JSON: {e}"))
                })?);
            }
        }
        if let Some(prompts) = &self.plan.prompts {
            digests.push(digest_of(prompts.path())?);
        }
        Ok(digests)
    }
}

impl From<Done> for Made {
    fn from(done: Done) -> Self {
        Self {
            folder: done.folder,
            digest: done.digest,
        }
    }
}

/// A run of the build: on its threads, and going on where it was killed. Neither changes what is made.
fn on(mut task: TrainTask, workers: usize, resume: bool) -> TrainTask {
    let run = task.run_mut();
    (run.workers, run.resume) = (workers, resume);
    task
}

/// Trains into `out`.
fn train(task: TrainTask, out: &Path, board: &mut ProgressTracker<'_>) -> Result<()> {
    let job = TrainJob {
        task,
        out: out.to_path_buf(),
        joins: None,
    };
    run_job(&job, board).map(drop)
}

/// Something that was there before.
fn given(source: &Path) -> Result<Made> {
    Ok(Made {
        folder: source.to_path_buf(),
        digest: digest_of(source)?,
    })
}

/// Settings of one expert, which may have a factor of its own.
fn rescaled(settings: &ExpertSettings, own: Option<&RescaleEntry>) -> Result<ExpertSettings> {
    let mut settings = settings.clone();
    if let Some(own) = own {
        let wrong = |problem| Error::option("rescale", problem);
        settings.rescale = own.rescale().map_err(wrong)?;
    }
    Ok(settings)
}

/// Settings as a step is known by; the base is known by its digest.
fn noted(settings: &ExpertSettings) -> serde_json::Value {
    let ExpertSettings {
        base: _,
        rank,
        prune,
        rescale,
        precision,
        seed,
    } = settings;
    json!({ "rank": rank, "prune": prune, "rescale": rescale, "precision": precision, "seed": seed })
}

/// A bundle of what is made, with full paths.
pub(super) fn manifest(
    recipe: &Recipe,
    experts: &[MadeExpert],
    values: &[(String, Made)],
) -> Result<Manifest> {
    let full = |path: &Path| path.canonicalize().map_err(Error::io("read", path));
    let mut objectives = Vec::with_capacity(recipe.objectives.len());
    for objective in &recipe.objectives {
        let reward = match &objective.reward {
            Some(reward) => Some(RewardEntry {
                path: full(&reward.path)?,
                reading: reward.reading.clone(),
            }),
            None => None,
        };
        objectives.push(ObjectiveEntry {
            name: objective.name.clone(),
            reward,
        });
    }
    let expert = |made: &MadeExpert| {
        Ok(ExpertEntry {
            kind: made.expert.kind,
            name: made.expert.name.clone(),
            path: full(&made.made.folder)?,
            preference: made.expert.preference.as_slice().to_vec(),
        })
    };
    let value = |(name, made): &(String, Made)| {
        Ok(ValueEntry {
            name: name.clone(),
            path: full(&made.folder)?,
        })
    };
    Ok(Manifest {
        format: 1,
        name: recipe.name.clone(),
        demonstration: None,
        base: full(&recipe.base)?,
        objectives,
        experts: experts.iter().map(expert).collect::<Result<_>>()?,
        values: values.iter().map(value).collect::<Result<_>>()?,
        arms: Vec::new(),
        methods: MethodParts::new(),
        prompts: recipe.prompts.as_deref().map(full).transpose()?,
    })
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = crate::files::read_text(path, crate::files::SETTINGS)?;
    serde_json::from_str(&text).map_err(|e| Error::file(path, format!("is not what it was: {e}")))
}
