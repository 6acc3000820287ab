//! How something was made: written beside it, so that it can be made again and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::output::write_json;
use crate::types::shown;
use crate::weights::file_digest;
use crate::{Error, Result};

/// The name of the file in a folder.
pub const PROVENANCE: &str = "provenance.json";

/// How something was made. It holds no time, so the same step writes the same bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    /// The program and its version.
    pub program: String,
    /// The step, e.g. `extract`.
    pub step: &'static str,
    /// SHA-256 per input file, as `sha256sum` prints it.
    pub inputs: BTreeMap<String, String>,
    /// What was asked for.
    pub settings: Value,
    /// What came of it.
    pub figures: Value,
}

impl Provenance {
    /// Digests the inputs, in parallel, and takes settings and figures down.
    pub fn new(
        step: &'static str,
        inputs: &[PathBuf],
        settings: &impl Serialize,
        figures: &impl Serialize,
    ) -> Result<Self> {
        let digests: Result<BTreeMap<String, String>> = inputs
            .par_iter()
            .map(|path| Ok((path.display().to_string(), file_digest(path)?)))
            .collect();
        Ok(Self {
            program: concat!("paretoscope-engine ", env!("CARGO_PKG_VERSION")).to_owned(),
            step,
            inputs: digests?,
            settings: value(settings)?,
            figures: value(figures)?,
        })
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }
}

pub(super) fn value(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::internal(format!("settings: {e}")))
}

/// Names and digests of the inputs: what must be the same for a step that was broken off to go on. Length and
/// time of change would not do, for a file may be exchanged for another of the same.
pub(super) fn fingerprint(inputs: &[PathBuf]) -> Result<Value> {
    let files: Result<Vec<Value>> = inputs
        .par_iter()
        .map(|path| Ok(json!([shown(path), file_digest(path)?])))
        .collect();
    Ok(Value::from(files?))
}
