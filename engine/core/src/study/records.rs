//! What is written into a study.

use super::hash::{Fields, Uid};
use crate::protocol::SweepPlan;
use crate::types::{BundleInfo, ObjectiveInfo, Prompt, Run, ScorerKind, Split};

/// The name of a bundle in every file: of what it computes and how its parts are called; rewards are no part of it.
pub fn bundle_uid(info: &BundleInfo) -> Uid {
    let mut fields = Fields::new("paretoscope bundle 1");
    fields.text(&info.name);
    fields.text(&info.identity.numerics);
    fields.text(&info.identity.model);
    fields.texts(&info.identity.adapters);
    fields.texts(&info.adapters);
    fields.count(info.experts.len());
    for expert in &info.experts {
        fields.text(&expert.name);
        for &share in expert.preference.as_slice() {
            fields.number(share);
        }
    }
    fields.count(info.value_adapters.len());
    for &adapter in &info.value_adapters {
        fields.count(adapter);
    }
    for objective in &info.objectives {
        fields.text(&objective.name);
    }
    fields.uid()
}

/// What a study keeps of a bundle: all that can be told of it but its prompts and warnings.
pub(super) fn kept(info: &BundleInfo) -> BundleInfo {
    BundleInfo {
        prompts: Vec::new(),
        warnings: Vec::new(),
        ..info.clone()
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
    /// Weights, configuration, tokenizer, reading, numerics; a rule and its settings; votes: what makes its scores.
    pub digest: String,
    /// What it counts, for people; empty of a reward model, whose bundle says it.
    pub words: String,
}

impl ScorerRecord {
    /// The reward models of a bundle, in order of objectives; `None` where none is loaded.
    pub fn rewards(info: &BundleInfo) -> Vec<Option<Self>> {
        let scorer = |(objective, digest): (&ObjectiveInfo, &Option<String>)| {
            Some(Self {
                kind: ScorerKind::Reward,
                objective: objective.name.clone(),
                sign: objective.sign,
                digest: digest.clone()?,
                words: String::new(),
            })
        };
        let digests = info.identity.rewards.iter();
        info.objectives.iter().zip(digests).map(scorer).collect()
    }

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
    pub bundle: BundleInfo,
    /// Points, prompts, sampling. Where the study lies is not kept.
    pub plan: SweepPlan,
    /// Rows that it plans.
    pub rows: usize,
}

/// What a file says of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'a> {
    /// Of which.
    pub prompt: &'a Prompt,
    /// Which part of the prompts it belongs to.
    pub split: Option<Split>,
    /// What it is about: prompts of one topic are no independent samples.
    pub topic: Option<&'a str>,
}

/// An answer to be written.
#[derive(Debug, Clone)]
pub struct NewAnswer<'a> {
    /// The answer; one without a key is never given again.
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
