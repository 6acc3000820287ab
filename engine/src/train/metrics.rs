//! What a step reports, and the JSON Lines file that keeps it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::output::write_bytes;
use crate::{Error, Result};

/// Named sums over examples, e.g. how many were ranked right.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(BTreeMap<&'static str, f64>);

impl Figures {
    /// With these sums.
    pub fn new<const N: usize>(sums: [(&'static str, f64); N]) -> Self {
        Self(sums.into())
    }

    /// Adds another share's sums.
    pub fn add(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            *self.0.entry(name).or_default() += value;
        }
    }

    /// Means over `examples`.
    pub fn means(&self, examples: usize) -> BTreeMap<String, f64> {
        self.0
            .iter()
            .map(|(name, sum)| ((*name).to_owned(), sum / examples.max(1) as f64))
            .collect()
    }
}

/// One step, as reported and as written to `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// From one.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// The pass over the data, from zero.
    pub epoch: usize,
    /// Mean loss of the step.
    pub loss: f64,
    /// As used.
    pub learning_rate: f64,
    /// Norm of all gradients before clipping.
    pub gradient_norm: f64,
    /// Tokens that went through the model in this step.
    pub tokens: usize,
    /// Of this step.
    pub tokens_per_second: f64,
    /// Until the end, at the speed so far.
    pub eta_seconds: f64,
    /// The trainer's own figures, e.g. `accuracy`.
    #[serde(flatten)]
    pub figures: BTreeMap<String, f64>,
}

/// `metrics.jsonl` in a run's folder.
#[derive(Debug)]
pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Opens the file and drops lines after step `done`, which a run that was killed wrote past its last
    /// checkpoint.
    pub(super) fn open(folder: &Path, done: usize) -> Result<Self> {
        let path = folder.join("metrics.jsonl");
        let old = match std::fs::read_to_string(&path) {
            Ok(text) if done > 0 => text,
            Ok(_) => String::new(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Error::io("read", &path)(e)),
        };
        let kept: String = old
            .lines()
            .filter(|line| serde_json::from_str::<StepReport>(line).is_ok_and(|r| r.step <= done))
            .flat_map(|line| [line, "\n"])
            .collect();
        write_bytes(&path, kept.as_bytes())?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        Ok(Self { path, file })
    }

    pub(super) fn write(&mut self, report: &StepReport) -> Result<()> {
        let line = serde_json::to_string(report)
            .map_err(|e| Error::file(&self.path, format!("cannot hold the step's metrics: {e}")))?;
        writeln!(self.file, "{line}").map_err(Error::io("write", &self.path))
    }
}
