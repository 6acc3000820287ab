//! A reward model with its tokenizer and the bundle's reading of it.

use std::path::{Path, PathBuf};

use candle_core::Device;

use super::{Reading, RewardModel, RewardText, load_model};
use crate::text::{Tokenizer, check_ids};
use crate::{Error, Result};

/// Padded tokens per forward pass, at most: bounds the memory of the attention's scores.
const BATCH_TOKENS: usize = 2048;

/// What is to be scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewardInput {
    /// Token ids, verbatim.
    Tokens(Vec<u32>),
    /// A prompt and its answer.
    Pair {
        /// What was asked.
        prompt: String,
        /// What was answered.
        response: String,
    },
    /// An answer alone.
    Response(String),
}

/// A score, and what it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    /// The logit that counts, scaled and signed as the bundle says; larger is better. NaN or
    /// infinite where the model gave that.
    pub score: f64,
    /// All logits, raw.
    pub outputs: Vec<f32>,
    /// Whether the text did not fit and its end was cut off.
    pub truncated: bool,
}

/// A reward model, ready for text.
#[derive(Debug)]
pub struct Reward {
    folder: PathBuf,
    model: Box<dyn RewardModel>,
    tokenizer: Tokenizer,
    reading: Reading,
    output: usize,
}

impl Reward {
    /// Loads a folder: the model, its tokenizer (needed for text only), and how it is read.
    pub fn load(folder: &Path, reading: Reading, device: &Device) -> Result<Self> {
        reading.check(folder, "reward")?;
        Self::new(
            folder,
            load_model(folder, device)?,
            Tokenizer::load(folder)?,
            reading,
        )
    }

    /// Puts the parts together; `folder` is named in errors.
    pub fn new(
        folder: &Path,
        model: Box<dyn RewardModel>,
        tokenizer: Tokenizer,
        reading: Reading,
    ) -> Result<Self> {
        let output = reading.index(model.outputs())?;
        Ok(Self {
            folder: folder.to_path_buf(),
            model,
            tokenizer,
            reading,
            output,
        })
    }

    /// What it is, e.g. `gpt2, 1 output`.
    pub fn kind(&self) -> String {
        let outputs = self.model.outputs();
        format!(
            "{}, {outputs} output{}",
            self.model.kind(),
            if outputs == 1 { "" } else { "s" }
        )
    }

    /// Where it came from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How it is read.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// A text as the model reads it, and whether its end had to be cut off to fit the context (as
    /// the released scorers' tokenizers do). Ids given verbatim are never cut.
    pub fn encode(&self, input: &RewardInput) -> Result<(RewardText, bool)> {
        let context = self.model.context();
        let mut ids = match input {
            RewardInput::Tokens(ids) => {
                if ids.len() > context {
                    let problem = format!(
                        "holds {} ids; this reward model reads at most {context}",
                        ids.len()
                    );
                    return Err(Error::option("tokens", problem));
                }
                ids.clone()
            }
            RewardInput::Pair { prompt, response } => match &self.reading.template {
                Some(template) => self
                    .tokenizer
                    .encode(&Reading::fill(template, prompt, response), true)?,
                None => self.tokenizer.encode_pair(prompt, response, true)?,
            },
            RewardInput::Response(response) => match &self.reading.template {
                Some(template) => self
                    .tokenizer
                    .encode(&Reading::fill(template, "", response), true)?,
                None => self.tokenizer.encode(response, true)?,
            },
        };
        if ids.is_empty() {
            return Err(Error::option(
                "response",
                "has no tokens; a reward model needs at least one",
            ));
        }
        check_ids(&ids, self.model.vocabulary())?;
        let truncated = ids.len() > context;
        if truncated {
            tracing::warn!(
                tokens = ids.len(),
                context,
                "text cut to fit the reward model"
            );
            ids.truncate(context);
        }
        Ok((RewardText { ids }, truncated))
    }

    /// Scores texts, in their order; texts of like length share a forward pass.
    pub fn score(&self, inputs: &[RewardInput]) -> Result<Vec<Rating>> {
        let texts = inputs
            .iter()
            .map(|input| self.encode(input))
            .collect::<Result<Vec<_>>>()?;
        self.score_encoded(texts)
    }

    /// [`Reward::score`] for texts that [`Reward::encode`] gave.
    pub fn score_encoded(&self, texts: Vec<(RewardText, bool)>) -> Result<Vec<Rating>> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(texts[i].0.ids.len()));
        let mut ratings: Vec<Option<Rating>> = vec![None; texts.len()];
        let mut rest = order.as_slice();
        while let Some(&longest) = rest.first() {
            let rows = (BATCH_TOKENS / texts[longest].0.ids.len().max(1)).clamp(1, rest.len());
            let (batch, later) = rest.split_at(rows);
            rest = later;
            let batch_texts: Vec<RewardText> = batch.iter().map(|&i| texts[i].0.clone()).collect();
            for (&i, outputs) in batch.iter().zip(self.model.score(&batch_texts)?) {
                let score = outputs
                    .get(self.output)
                    .map_or(f64::NAN, |&logit| self.reading.apply(logit));
                ratings[i] = Some(Rating {
                    score,
                    outputs,
                    truncated: texts[i].1,
                });
            }
        }
        let missing = || Rating {
            score: f64::NAN,
            outputs: Vec::new(),
            truncated: false,
        };
        Ok(ratings
            .into_iter()
            .map(|rating| rating.unwrap_or_else(missing))
            .collect())
    }
}
