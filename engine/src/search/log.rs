//! Every try with what it measured and cost, in one file that a search goes on from.

use std::path::{Path, PathBuf};

use paretoscope_core::search::Try;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plan::SearchPlan;
use crate::files::{DATA, SETTINGS, read_text};
use crate::output::{write_bytes, write_json};
use crate::types::BundleIdentity;
use crate::{Error, Problem, Result};

/// A try that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Which.
    #[serde(flatten)]
    pub tried: Try,
    /// The volume between front and reference, where 0 and 1 are the anchors of each objective; none where it has no front.
    pub hypervolume: Option<f64>,
    /// Its standard error over prompts.
    pub se: Option<f64>,
    /// How much the expert adds to the model: the Frobenius norm over all its modules.
    pub norm: f64,
    /// The number of its sweep in the search's study.
    pub sweep: i64,
    /// Its answers.
    pub rows: usize,
    /// Of them, those that were generated for it.
    pub made: usize,
    /// Seconds that making and measuring it took, as far as it went without a break.
    pub seconds: f64,
}

/// The log of a search.
pub(super) struct Log {
    path: PathBuf,
    lines: Vec<Tried>,
}

impl Log {
    /// Opens the log in the search's folder; a folder without one gets it.
    ///
    /// # Errors
    /// [`Error::Option`] where the folder holds another search, whose budget alone may differ.
    pub(super) fn open(plan: &SearchPlan, bundle: &BundleIdentity) -> Result<Self> {
        let mut asked = value(plan)?;
        asked["identity"] = value(bundle)?;
        let about = plan.out.join("search.json");
        if about.exists() {
            let text = read_text(&about, SETTINGS)?;
            let known: Value = serde_json::from_str(&text)
                .map_err(|e| Error::file(&about, Problem::format("the plan of a search", e)))?;
            if let Some(name) = differs(&known, &asked) {
                let problem = format!(
                    "holds a search that differs in `{name}`; name another folder, or give what {} says",
                    about.display()
                );
                return Err(Error::option("--out", problem));
            }
        }
        write_json(&about, &asked)?;
        let path = plan.out.join("log.jsonl");
        let mut lines = Vec::new();
        if path.exists() {
            for (at, line) in read_text(&path, DATA)?.lines().enumerate() {
                let line: Tried = serde_json::from_str(line)
                    .map_err(|e| Error::line(&path, at + 1, Problem::format("a try", e)))?;
                lines.push(line);
            }
        }
        Ok(Self { path, lines })
    }

    /// What is known of a try.
    pub(super) fn find(&self, tried: &Try) -> Option<&Tried> {
        self.lines.iter().find(|line| line.tried == *tried)
    }

    /// Keeps what a try measured.
    pub(super) fn keep(&mut self, line: Tried) -> Result<()> {
        self.lines.push(line);
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&value(line)?.to_string());
            text.push('\n');
        }
        write_bytes(&self.path, text.as_bytes())
    }

    /// Every try that was measured.
    pub(super) fn lines(&self) -> &[Tried] {
        &self.lines
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn value(of: &impl Serialize) -> Result<Value> {
    serde_json::to_value(of).map_err(|e| Error::internal(format!("a search as JSON: {e}")))
}

/// The first field, the budget left aside, in which two plans differ.
fn differs(known: &Value, asked: &Value) -> Option<String> {
    let plain = |plan: &Value| {
        let mut plan = plan.clone();
        if let Some(search) = plan.get_mut("search").and_then(Value::as_object_mut) {
            search.remove("budget");
        }
        // Where it lies is no part of what is searched.
        if let Some(plan) = plan.as_object_mut() {
            plan.remove("out");
        }
        plan
    };
    let (known, asked) = (plain(known), plain(asked));
    let fields = asked.as_object()?.keys();
    let other = |field: &&String| known.get(field.as_str()) != asked.get(field.as_str());
    fields.into_iter().find(other).cloned()
}
