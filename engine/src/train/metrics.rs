//! What a step reports, and the JSON Lines file that keeps it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::output::write_bytes;
use crate::types::TrainStep;
use crate::{Error, Result, files};

/// Named sums over examples, e.g. how many were ranked right.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// With these sums.
    pub fn new<N: Into<String>>(sums: impl IntoIterator<Item = (N, f64)>) -> Self {
        Self(
            sums.into_iter()
                .map(|(name, sum)| (name.into(), sum))
                .collect(),
        )
    }

    /// Adds another share's sums.
    pub fn add(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            *self.0.entry(name.clone()).or_default() += value;
        }
    }

    /// Means over `examples`.
    pub fn means(&self, examples: usize) -> BTreeMap<String, f64> {
        self.0
            .iter()
            .map(|(name, sum)| (name.clone(), sum / examples.max(1) as f64))
            .collect()
    }
}

/// Mean of the last tenth of these.
pub(super) fn final_loss(losses: &[f64]) -> f64 {
    let tail = &losses[losses.len() - losses.len().div_ceil(10)..];
    tail.iter().sum::<f64>() / tail.len().max(1) as f64
}

/// `metrics.jsonl` in a run's folder.
#[derive(Debug)]
pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
    /// Of the steps that were kept.
    losses: Vec<f64>,
}

impl MetricsFile {
    /// Opens the file and drops lines after step `done`, which a run that was killed wrote past its last
    /// checkpoint.
    pub(super) fn open(folder: &Path, done: usize) -> Result<Self> {
        let path = folder.join("metrics.jsonl");
        let old = match done {
            0 => None,
            _ => files::read_text_if_there(&path, files::DATA)?,
        };
        let (mut kept, mut losses) = (String::new(), Vec::new());
        for line in old.iter().flat_map(|text| text.lines()) {
            let report = serde_json::from_str::<TrainStep>(line);
            if let Some(report) = report.ok().filter(|report| report.step <= done) {
                kept.extend([line, "\n"]);
                losses.push(report.loss);
            }
        }
        write_bytes(&path, kept.as_bytes())?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        Ok(Self { path, file, losses })
    }

    /// The losses of the steps that were kept, in order.
    pub(super) fn take_losses(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.losses)
    }

    pub(super) fn write(&mut self, report: &TrainStep) -> Result<()> {
        let line = serde_json::to_string(report).map_err(|e| Error::json(&self.path, e))?;
        writeln!(self.file, "{line}").map_err(Error::io("write", &self.path))
    }
}
