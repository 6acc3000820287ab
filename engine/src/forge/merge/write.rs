//! Merges on disk: a file of task vectors, or an adapter's folder.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::dense::write_dense;
use super::{MergeSettings, Merger, Method, concatenate, factor_average};
use crate::forge::compress::{CompressSettings, Figures, compress};
use crate::forge::partial::Partial;
use crate::forge::provenance::fingerprint;
use crate::forge::{DeltaSource, Module, PROVENANCE, Precision, Provenance, Tell, write_adapter};
use crate::output::{check_new_folder, folder_atomically};
use crate::types::shown;
use crate::{Error, Result};

/// What a merge becomes.
#[derive(Debug, Clone)]
pub enum MergeOutput {
    /// A safetensors file with one dense tensor per module, f32.
    Vectors(PathBuf),
    /// A PEFT folder. Without a rank the sum of adapters keeps all of theirs, exactly.
    Adapter {
        /// The folder.
        folder: PathBuf,
        /// How the merge is compressed; `None` for exact sums and soups of adapters.
        compress: Option<CompressSettings>,
        /// The type of numbers on disk where nothing is compressed.
        precision: Precision,
    },
}

/// Merges task vectors, fine-tunes and adapters; [`PROVENANCE`] is written into the folder, or beside the
/// file under its name and `.json`.
pub fn merge(
    inputs: &[PathBuf],
    base: Option<&Path>,
    settings: &MergeSettings,
    output: &MergeOutput,
    tell: Tell<'_>,
) -> Result<Option<Figures>> {
    settings.check(inputs.len())?;
    let sources: Vec<DeltaSource> = inputs
        .iter()
        .map(|path| DeltaSource::open(path, base))
        .collect::<Result<_>>()?;
    let mut left_out = Map::new();
    for source in sources
        .iter()
        .filter(|source| !source.left_out().is_empty())
    {
        let what = &source.left_out().what;
        tracing::warn!(
            "{}: left out of the merge: {}",
            source.path().display(),
            what.join("; ")
        );
        left_out.insert(shown(source.path()), json!(what));
    }
    let mut asked = json!({ "base": base.map(shown), "inputs": inputs.iter().map(|p| shown(p)).collect::<Vec<_>>(), "merge": settings });
    if !left_out.is_empty() {
        asked["left_out"] = Value::Object(left_out);
    }
    match output {
        MergeOutput::Vectors(path) => {
            vectors(&sources, settings, &asked, path, tell)?;
            Ok(None)
        }
        MergeOutput::Adapter {
            folder,
            compress: None,
            precision,
        } => {
            let weights: Vec<f64> = settings
                .weights
                .iter()
                .map(|weight| weight * settings.scale)
                .collect();
            let modules = match settings.method {
                Method::Soup => factor_average(&sources, &weights)?,
                Method::Linear => concatenate(&sources, &weights)?,
                _ => {
                    let problem = "is needed: the merge is dense, and an adapter has a rank";
                    return Err(Error::option("--rank", problem));
                }
            };
            write_exactly(
                "merge", &sources, &modules, base, *precision, &asked, folder,
            )?;
            Ok(None)
        }
        MergeOutput::Adapter {
            folder,
            compress: Some(compression),
            ..
        } => {
            if settings.method == Method::Soup {
                let problem = "keeps the rank of its sources; leave --rank out";
                return Err(Error::option("--method soup", problem));
            }
            check_new_folder(folder)?;
            with_statistics(&sources, &asked, folder, |statistics| {
                let mut merger = Merger::keeping(&sources, settings, Some(statistics), tell)?;
                compress("merge", &mut merger, compression, &asked, folder, tell)
            })
            .map(Some)
        }
    }
}

/// Writes modules that need no compression as an adapter, with its provenance.
pub(in crate::forge) fn write_exactly(
    step: &'static str,
    sources: &[DeltaSource],
    modules: &[Module],
    base: Option<&Path>,
    precision: Precision,
    asked: &Value,
    folder: &Path,
) -> Result<()> {
    if modules.is_empty() {
        let problem = "leave no module in the result";
        return Err(Error::option("--weights", problem));
    }
    let files: Vec<PathBuf> = sources.iter().flat_map(DeltaSource::files).collect();
    let ranks: Map<String, Value> = modules
        .iter()
        .map(|module| (module.name.clone(), json!(module.rank())))
        .collect();
    let provenance = Provenance::new(step, &files, asked, &json!({ "ranks": ranks }))?;
    folder_atomically(folder, |part| {
        write_adapter(part, modules, base, precision)?;
        provenance.write(&part.join(PROVENANCE))
    })
}

/// Keeps the statistics of a merge beside its output until that is whole.
pub(in crate::forge) fn with_statistics<T>(
    sources: &[DeltaSource],
    asked: &Value,
    output: &Path,
    merge: impl FnOnce(&Partial) -> Result<T>,
) -> Result<T> {
    let mut beside = output.as_os_str().to_owned();
    beside.push(".statistics");
    let partial = Partial::open(Path::new(&beside), &key(sources, asked)?)?;
    partial.conclude(merge(&partial))
}

/// What must be the same for a merge that was broken off to go on.
fn key(sources: &[DeltaSource], asked: &Value) -> Result<Value> {
    let files: Vec<PathBuf> = sources.iter().flat_map(DeltaSource::files).collect();
    Ok(json!({ "step": "merge", "wanted": asked, "files": fingerprint(&files)? }))
}

/// Writes a file of task vectors tensor by tensor, and goes on where it was broken off.
fn vectors(
    sources: &[DeltaSource],
    settings: &MergeSettings,
    asked: &Value,
    path: &Path,
    tell: Tell<'_>,
) -> Result<()> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder; name a file to write"));
    }
    let partial = Partial::open(path, &key(sources, asked)?)?;
    let done = Merger::keeping(sources, settings, Some(&partial), tell).and_then(|merger| {
        write_dense(&merger, path, &partial, tell)?;
        let files: Vec<PathBuf> = sources.iter().flat_map(DeltaSource::files).collect();
        let provenance = Provenance::new("merge", &files, asked, &json!({}))?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".json");
        provenance.write(Path::new(&beside))
    });
    partial.conclude(done)
}

/// Writes the merge of every tensor, in order of name, and returns the bytes of its numbers.
pub fn write_vectors(merger: &Merger<'_>, path: &Path, tell: Tell<'_>) -> Result<u64> {
    // Nothing says what an earlier file was made of, so none is gone on with.
    Partial::forget(path)?;
    let partial = Partial::open(path, &Value::Null)?;
    partial.conclude(write_dense(merger, path, &partial, tell))
}
