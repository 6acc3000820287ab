//! Figures of what lies beside a study: a bundle's adapters, a training run.

use std::path::{Path, PathBuf};

use paretoscope_engine::bundle::Manifest;
use paretoscope_engine::forge::dependence::{RowSample, pairwise};
use paretoscope_engine::runtime::{read_job, training_steps};
use paretoscope_engine::types::{Compared, ExpertKind, Interference, Measure, TrainJob, TrainTask};
use paretoscope_engine::{Error, Result};
use paretoscope_figure::plot;

use crate::commands::forge::Bar;

/// Every pair of a bundle's LoRA experts, or of its value vectors, layer by layer, as the window measures them.
pub(super) fn interference(
    folder: &Path,
    measure: Measure,
    values: bool,
) -> Result<plot::Interference> {
    let manifest = Manifest::load(folder)?;
    let (compared, adapters) = if values {
        let adapters = manifest.values.iter().map(|v| (&v.name, &v.path));
        (Compared::Values, adapters.collect::<Vec<_>>())
    } else {
        let loras = manifest.experts.iter();
        let loras = loras.filter(|expert| expert.kind == ExpertKind::Lora);
        let adapters = loras.map(|expert| (&expert.name, &expert.path));
        (Compared::Experts, adapters.collect())
    };
    if adapters.len() < 2 {
        let what = if values {
            "value vectors"
        } else {
            "LoRA experts"
        };
        let problem = format!(
            "{} lists {} {what}; a comparison needs two at least",
            folder.display(),
            adapters.len()
        );
        return Err(Error::option("--bundle", problem));
    }
    let paths: Vec<PathBuf> = adapters.iter().map(|(_, path)| folder.join(path)).collect();
    let mut bar = Bar::new();
    let rows = Some(RowSample::WAITED_FOR);
    let found = pairwise(&paths, measure, rows, &mut |progress| bar.show(progress))?;
    bar.finish();
    let deepest = found
        .iter()
        .filter_map(|(.., d)| d.layers.keys().max())
        .max();
    let layers = deepest.map_or(0, |layer| layer + 1);
    let measured = Interference {
        compared,
        measure,
        names: adapters.iter().map(|(name, _)| (*name).clone()).collect(),
        pairs: found
            .into_iter()
            .map(|(a, b, found)| found.of_pair((a, b), layers))
            .collect(),
    };
    let what = if values { "value vectors" } else { "experts" };
    let title = format!("Interference of the {what} of {}", manifest.name);
    let mut figure = plot::Interference::of(&title, &measured);
    figure.facts.push(("bundle".to_owned(), manifest.name));
    for (name, path) in measured.names.iter().zip(&paths) {
        let path = path.display().to_string();
        figure.facts.push((format!("adapter {name}"), path));
    }
    Ok(figure)
}

/// The figures of a training run's folder over its steps.
pub(super) fn curves(folder: &Path) -> Result<plot::Curves> {
    let steps = training_steps(folder);
    if steps.is_empty() {
        let problem = format!(
            "{} has no metrics.jsonl with a whole line; name the --out of a `train` command, or a run of the window",
            folder.display()
        );
        return Err(Error::option("--run", problem));
    }
    let job = folder.join("run.json");
    let job = if job.exists() {
        Some(read_job(&job)?.0)
    } else {
        None
    };
    let folder_name = folder.file_name().map(|n| n.to_string_lossy().into_owned());
    let name = job.as_ref().map(|job| job.name().to_owned());
    let name = name.or(folder_name).unwrap_or_else(|| "run".to_owned());
    let objectives = job.as_ref().map(objectives).unwrap_or_default();
    let mut curves = plot::Curves::of(&format!("Training of {name}"), &steps, &objectives);
    curves.facts = vec![("run".to_owned(), folder.display().to_string())];
    if let Some(job) = &job {
        let task = job.task.name().to_owned();
        curves.facts.push(("kind".to_owned(), task));
    }
    if let Some(last) = steps.last() {
        curves
            .notes
            .push(format!("Step {} of {}", last.step, last.steps));
    }
    Ok(curves)
}

/// The objectives of the bundle that a run was for, where that can be read, in their colours.
fn objectives(job: &TrainJob) -> Vec<plot::Objective> {
    let bundle = match &job.task {
        TrainTask::Router(router) => Some(router.bundle.as_path()),
        TrainTask::Ppo(morl) => Some(morl.bundle.as_path()),
        TrainTask::Ric(ric) => Some(ric.bundle.as_path()),
        _ => job.bundle(),
    };
    let manifest = bundle.and_then(|bundle| Manifest::load(bundle).ok());
    let names = manifest.map(|m| m.objective_names()).unwrap_or_default();
    let named = names.into_iter().enumerate();
    named
        .map(|(color, name)| plot::Objective {
            name,
            unit: "raw reward".to_owned(),
            color,
        })
        .collect()
}
