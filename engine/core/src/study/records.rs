//! What is written into a study.

use super::hash::{Fields, Uid};
use super::key::Key;
use crate::protocol::SweepPlan;
use crate::types::{BundleInfo, Run, Split};

/// A bundle, as far as its answers and the plots of a window depend on it.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleRecord {
    /// Digest of the base model's weights and settings, with its numerics.
    pub model: String,
    /// Digests of adapters and routers, in the bank's order.
    pub bank: Vec<String>,
    /// All that can be told of it. Prompts and paths of this machine are not kept.
    pub info: BundleInfo,
}

impl BundleRecord {
    /// Of what it computes and how its parts are called; rewards are no part of it.
    pub fn uid(&self) -> Uid {
        let mut fields = Fields::new("paretoscope bundle 1");
        fields.text(&self.info.name);
        fields.text(&self.model);
        fields.texts(&self.bank);
        fields.texts(&self.info.adapters);
        fields.count(self.info.experts.len());
        for expert in &self.info.experts {
            fields.text(&expert.name);
            for &share in expert.preference.as_slice() {
                fields.number(share);
            }
        }
        fields.count(self.info.value_adapters.len());
        for &adapter in &self.info.value_adapters {
            fields.count(adapter);
        }
        for objective in &self.info.objectives {
            fields.text(&objective.name);
        }
        fields.uid()
    }

    /// What is kept of it as JSON.
    pub(super) fn kept(&self) -> BundleInfo {
        BundleInfo {
            prompts: Vec::new(),
            warnings: Vec::new(),
            ..self.info.clone()
        }
    }
}

/// Who gives scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScorerKind {
    /// A reward model.
    Reward,
    /// A rule.
    Grader,
    /// Another model that is asked.
    Judge,
}

impl ScorerKind {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reward => "reward",
            Self::Grader => "grader",
            Self::Judge => "judge",
        }
    }
}

/// A scorer of answers.
#[derive(Debug, Clone, PartialEq)]
pub struct ScorerRecord {
    /// What kind.
    pub kind: ScorerKind,
    /// Of which objective.
    pub objective: String,
    /// 1 or -1: applied to its scores already.
    pub sign: f64,
    /// Weights, configuration, tokenizer, reading, numerics: what makes its scores.
    pub digest: String,
}

impl ScorerRecord {
    /// Of what makes its scores.
    pub fn uid(&self) -> Uid {
        let mut fields = Fields::new("paretoscope scorer 1");
        fields.text(self.kind.name());
        fields.text(&self.objective);
        fields.number(self.sign);
        fields.text(&self.digest);
        fields.uid()
    }
}

/// A sweep: what was asked for, on what.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRecord {
    /// What it is called in plots.
    pub name: String,
    /// By which method points become answers.
    pub method: String,
    /// On which bundle.
    pub bundle: BundleRecord,
    /// Points, prompts, sampling. Where the study lies is not kept.
    pub plan: SweepPlan,
    /// Rows that it plans.
    pub rows: usize,
}

/// An answer to be written.
#[derive(Debug, Clone)]
pub struct NewAnswer<'a> {
    /// What it is known by; `None` where it must never be given again: steered, stopped, failed.
    pub key: Option<Key>,
    /// The answer.
    pub run: &'a Run,
    /// Mean gate of each adapter over tokens and modules.
    pub mean: Vec<f32>,
    /// The bundle, see [`super::Study::bundle`].
    pub bundle: i64,
    /// A person asked for it.
    pub interactive: bool,
    /// Which part of the prompts its prompt belongs to, where that is known.
    pub split: Option<Split>,
    /// Its place in a sweep.
    pub place: Option<super::Placed>,
}
