//! Merges on disk: a file of task vectors, or an adapter's folder.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{MergeSettings, Merger, Method, Scratch, concatenate, factor_average};
use crate::forge::compress::{CompressSettings, Figures, compress};
use crate::forge::{
    DeltaSource, Module, PROVENANCE, Precision, Provenance, Stage, Tell, write_adapter,
};
use crate::output::{check_new_folder, folder_atomically, write_atomically};
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
    let asked = json!({ "base": base, "inputs": inputs, "merge": settings });
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
            let mut merger = Merger::new(&sources, settings, tell)?;
            let figures = compress("merge", &mut merger, compression, &asked, folder, tell)?;
            Ok(Some(figures))
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

/// Writes a file of task vectors tensor by tensor.
fn vectors(
    sources: &[DeltaSource],
    settings: &MergeSettings,
    asked: &Value,
    path: &Path,
    tell: Tell<'_>,
) -> Result<()> {
    let merger = Merger::new(sources, settings, tell)?;
    let files: Vec<PathBuf> = sources.iter().flat_map(DeltaSource::files).collect();
    write_vectors(&merger, path, tell)?;
    let provenance = Provenance::new("merge", &files, asked, &json!({}))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".json");
    provenance.write(Path::new(&beside))
}

/// Writes the merge of every tensor, in order of name, and returns the bytes of its numbers.
pub fn write_vectors(merger: &Merger<'_>, path: &Path, tell: Tell<'_>) -> Result<u64> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut end = 0u64;
    for (index, delta) in merger.deltas().enumerate() {
        let start = end;
        end += 4 * delta.count() as u64;
        let entry = json!({ "dtype": "F32", "shape": delta.shape, "data_offsets": [start, end] });
        header.insert(merger.tensor_name(index), entry);
    }
    let mut header = Value::from(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut stage = Stage::new("merge", end / 4, tell)?;
    let mut scratch = Scratch::default();
    let counts: Vec<usize> = merger.deltas().map(super::Delta::count).collect();
    write_atomically(path, |file| {
        let io = Error::io("write", path);
        (|| {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)
        })()
        .map_err(io)?;
        for (index, count) in counts.iter().enumerate() {
            let values = merger.tensor(index, &mut scratch)?;
            for piece in values.chunks(1 << 16) {
                let bytes: Vec<u8> = piece.iter().flat_map(|v| v.to_le_bytes()).collect();
                file.write_all(&bytes).map_err(Error::io("write", path))?;
            }
            stage.advance(*count as u64)?;
        }
        merger.check_seen()
    })?;
    Ok(end)
}
