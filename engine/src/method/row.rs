//! What a row is made of: its streams and their mixer.

use super::mixer::Mixer;
use super::side::SidePlan;
use crate::model::Shift;
use crate::study::Fields;
use crate::text::{Correction, Tokenizer};
use crate::types::{Prompt, RowGates};
use crate::{Error, Result};

/// One of the sequences that a row runs.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// What it is asked; the row's own prompt without.
    pub prompt: Option<Prompt>,
    /// Its mixture of the bundle's bank.
    pub gates: RowGates,
    /// Experts beside the bank's.
    pub side: Option<SidePlan>,
    /// What is added to its hidden states; `from` counts from the end of its prompt.
    pub shift: Option<Shift>,
}

impl StreamPlan {
    /// The row's own prompt under these gates of the bundle's bank.
    pub(super) fn of(gates: RowGates) -> Self {
        Self {
            prompt: None,
            gates,
            side: None,
            shift: None,
        }
    }

    /// What of it, beside its prompt, a row's key depends on.
    fn note(&self, fields: &mut Fields) {
        fields.gates(&self.gates);
        match &self.side {
            Some(side) => {
                fields.text(side.digest());
                fields.gates(&side.gates);
            }
            None => fields.text(""),
        }
        let layers = self.shift.as_ref().map_or(&[][..], |shift| &shift.layers);
        fields.count(layers.len());
        for (layer, vector) in layers {
            fields.count(*layer);
            fields.singles(vector);
        }
        fields.count(self.shift.as_ref().map_or(0, |shift| shift.from));
    }
}

/// What comes after a row's answer: a second model corrects it, and what that says is the answer.
#[derive(Debug, Clone)]
pub struct SecondPass {
    /// What it is told.
    pub correction: Correction,
    /// Indices of the aspects that it is asked to improve.
    pub better_at: Vec<usize>,
    /// Its stream; the prompt follows from the first answer.
    pub stream: Box<StreamPlan>,
}

/// Several answers to one prompt, of which the one is kept that the weighted rewards prefer.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// How many.
    pub answers: usize,
    /// At which they are sampled.
    pub temperature: f64,
    /// A weight per objective.
    pub weights: Vec<f64>,
}

/// What comes after a row's first answer, which is shown to nobody.
#[derive(Debug, Clone)]
pub enum Then {
    /// A second model corrects it.
    Correct(SecondPass),
    /// More answers, and a choice among all.
    Choose(Choice),
}

/// What a row is made of.
#[derive(Debug, Clone)]
pub struct RowPlan {
    /// At least one. The first is the one that is shown, and whose routing is kept.
    pub streams: Vec<StreamPlan>,
    /// How their logits become one distribution.
    pub mixer: Mixer,
    /// What comes after.
    pub then: Option<Then>,
}

impl RowPlan {
    /// One stream, taken as it is.
    pub(super) fn alone(stream: StreamPlan) -> Self {
        Self {
            streams: vec![stream],
            mixer: Mixer::Alone,
            then: None,
        }
    }

    /// Whether it is a row as HoE and MVA have it: the bundle's bank, its own prompt, nothing mixed.
    pub fn is_plain(&self) -> bool {
        let plain = |s: &StreamPlan| s.prompt.is_none() && s.side.is_none() && s.shift.is_none();
        let alone = self.mixer == Mixer::Alone && self.then.is_none();
        alone && self.streams.len() == 1 && self.streams.iter().all(plain)
    }

    /// What its forward passes receive beyond a plain row's first stream, as a digest for its key; `None` for a plain
    /// row. `prompts` are the ids of each stream.
    pub fn digest(&self, prompts: &[&[u32]]) -> Option<[u8; 32]> {
        if self.is_plain() {
            return None;
        }
        let mut fields = Fields::new("paretoscope row plan 1");
        fields.count(self.streams.len());
        for (stream, ids) in self.streams.iter().zip(prompts) {
            fields.ids(ids);
            stream.note(&mut fields);
        }
        self.mixer.note(&mut fields);
        if let Some(Then::Choose(choice)) = &self.then {
            fields.text("best of");
            fields.count(choice.answers);
            fields.number(choice.temperature);
            for weight in &choice.weights {
                fields.number(*weight);
            }
        }
        if let Some(Then::Correct(then)) = &self.then {
            // Words and switches; their JSON is one.
            fields.text(&serde_json::to_string(&then.correction).unwrap_or_default());
            fields.count(then.better_at.len());
            for &aspect in &then.better_at {
                fields.count(aspect);
            }
            then.stream.note(&mut fields);
        }
        Some(fields.digest())
    }
}

/// What names a row's answer beside its sampling: the first stream's ids and gates, and what the method adds.
#[derive(Debug, Clone)]
pub struct ReceivedPlan {
    /// The ids of the first stream.
    pub prompt: Vec<u32>,
    /// Its gates.
    pub gates: RowGates,
    /// See [`RowPlan::digest`].
    pub plan: Option<[u8; 32]>,
    /// Tokens of the longest prompt of its streams.
    pub longest: usize,
}

impl RowPlan {
    /// What the forward passes receive, where the row's own prompt has these ids.
    pub fn received(&self, tokenizer: &Tokenizer, own: &[u32]) -> Result<ReceivedPlan> {
        let mut prompts: Vec<Vec<u32>> = Vec::with_capacity(self.streams.len());
        for stream in &self.streams {
            prompts.push(match &stream.prompt {
                Some(prompt) => tokenizer.encode_prompt(prompt)?,
                None => own.to_vec(),
            });
        }
        let ids: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        let plan = self.digest(&ids);
        let longest = ids.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let first = self.streams.first().zip(prompts.into_iter().next());
        let (stream, prompt) = first.ok_or_else(|| Error::internal("a row has no stream"))?;
        Ok(ReceivedPlan {
            prompt,
            gates: stream.gates.clone(),
            plan,
            longest,
        })
    }
}
