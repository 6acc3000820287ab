//! A reward model with its tokenizer and the bundle's reading of it.

use std::path::{Path, PathBuf};

use candle_core::Device;

use super::load::Labels;
use super::{Reading, RewardModel, RewardText, Rules, TrainedReading, load_model};
use crate::text::{Tokenizer, check_ids};
use crate::weights::{Checkpoint, Digest, settings_digest};
use crate::{Error, Result};

/// Tokens per forward pass, at most, unless one text has more: bounds its memory.
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

/// An input as the model reads it, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// What the model reads.
    pub text: RewardText,
    /// The text, or the pair of texts, that the tokenizer was given; empty for ids.
    pub written: Vec<String>,
    /// Tokens before the text was cut to fit.
    pub whole: usize,
}

impl Encoded {
    /// Whether the text did not fit.
    pub fn truncated(&self) -> bool {
        self.whole > self.text.ids.len()
    }
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
    rules: Rules,
    output: usize,
    labels: Vec<String>,
    digest: String,
    trained: Option<TrainedReading>,
}

impl Reward {
    /// Loads a folder: the model, its tokenizer (needed for text only), and how it is read.
    pub fn load(folder: &Path, reading: Reading, device: &Device) -> Result<Self> {
        let rules = reading.rules()?;
        let model = load_model(folder, device)?;
        let mut reward = Self::new(folder, model, Tokenizer::load(folder)?, rules)?;
        reward.labels = Labels::names(folder)?;
        reward.trained = TrainedReading::load(folder)?;
        let mut digest = Digest::default();
        digest.note(Checkpoint::open_folder(folder)?.file_digest()?.as_bytes());
        digest.note(settings_digest(folder)?.as_bytes());
        reward.digest = digest.hex();
        if reading != Reading::default() {
            let mut digest = Digest::default();
            digest.note(reward.digest.as_bytes());
            digest.note(&serde_json::to_vec(&reading).unwrap_or_default());
            reward.digest = digest.hex();
        }
        Ok(reward)
    }

    /// Puts the parts together; `folder` is named in errors.
    fn new(
        folder: &Path,
        model: Box<dyn RewardModel>,
        tokenizer: Tokenizer,
        rules: Rules,
    ) -> Result<Self> {
        let output = rules.index(model.outputs())?;
        let (tokens, rows) = (tokenizer.own_vocabulary(), model.vocabulary());
        if tokens > rows {
            let problem = format!(
                "its tokenizer gives ids up to {}, but the model's embedding has {rows} rows (ids 0 to {}): it belongs to another model",
                tokens - 1,
                rows.max(1) - 1
            );
            return Err(Error::file(folder, problem));
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            model,
            tokenizer,
            rules,
            output,
            labels: Vec::new(),
            digest: String::new(),
            trained: None,
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
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Index of the logit that counts, and what `config.json` calls it.
    pub fn output(&self) -> (usize, Option<&str>) {
        (
            self.output,
            self.labels.get(self.output).map(String::as_str),
        )
    }

    /// Hexadecimal digest of its files and its reading: what a score depends on.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The id that is put after every answer, because it stood there in training.
    pub fn closing_token(&self) -> Option<u32> {
        self.trained.map(|reading| reading.closing_token)
    }

    /// Tokens of its vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.model.vocabulary()
    }

    /// [`RewardModel::multiply_adds`].
    pub fn multiply_adds(&self, tokens: usize) -> u64 {
        self.model.multiply_adds(tokens)
    }

    /// Tokens of a text, at most: what the model reads, or less where the reading says so.
    pub fn limit(&self) -> usize {
        let context = self.model.context();
        self.rules
            .max_tokens
            .map_or(context, |most| most.min(context))
    }

    /// A text as the model reads it. What does not fit is cut off the end of the longer text of a
    /// pair ([`Tokenizer::encode_within`]); ids given verbatim are never cut but refused.
    pub fn encode(&self, input: &RewardInput) -> Result<Encoded> {
        let (written, ids, whole) = match input {
            RewardInput::Tokens(ids) => {
                let context = self.model.context();
                if ids.len() > context {
                    let problem = format!(
                        "holds {} ids; this reward model reads at most {context}",
                        ids.len()
                    );
                    return Err(Error::option("tokens", problem));
                }
                (Vec::new(), ids.clone(), ids.len())
            }
            RewardInput::Pair { prompt, response } => self.write(Some(prompt), response)?,
            RewardInput::Response(response) => self.write(None, response)?,
        };
        if ids.is_empty() {
            return Err(Error::option(
                "response",
                "has no tokens; a reward model needs at least one",
            ));
        }
        check_ids(&ids, self.model.vocabulary())?;
        let text = RewardText { ids };
        self.model.check(&text)?;
        let encoded = Encoded {
            text,
            written,
            whole,
        };
        if encoded.truncated() {
            tracing::warn!(
                tokens = whole,
                limit = self.limit(),
                "text cut to fit the reward model"
            );
        }
        Ok(encoded)
    }

    fn write(
        &self,
        prompt: Option<&str>,
        response: &str,
    ) -> Result<(Vec<String>, Vec<u32>, usize)> {
        let written = self.rules.write(prompt, response);
        if let Some(closing) = self.closing_token() {
            // As in training: one text, cut where it must be, and ended.
            let text = written.concat();
            let room = self.limit().saturating_sub(1).max(1);
            let (mut ids, whole) = self.tokenizer.encode_within(&text, None, room)?;
            let ended = ids.last() == Some(&closing);
            if !ended {
                ids.push(closing);
            }
            return Ok((vec![text], ids, whole + usize::from(!ended)));
        }
        let (first, second) = match written.as_slice() {
            [first, second] => (first.as_str(), Some(second.as_str())),
            [first, ..] => (first.as_str(), None),
            [] => ("", None),
        };
        let (ids, whole) = self.tokenizer.encode_within(first, second, self.limit())?;
        Ok((written, ids, whole))
    }

    /// Scores texts, in their order; texts of like length share a forward pass.
    pub fn score(&self, inputs: &[RewardInput]) -> Result<Vec<Rating>> {
        let texts = inputs
            .iter()
            .map(|input| self.encode(input))
            .collect::<Result<Vec<_>>>()?;
        self.score_encoded(&texts)
    }

    /// [`Reward::score`] for texts that [`Reward::encode`] gave.
    pub fn score_encoded(&self, texts: &[Encoded]) -> Result<Vec<Rating>> {
        let length = |i: usize| texts[i].text.ids.len();
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(length(i)));
        let mut ratings: Vec<Option<Rating>> = vec![None; texts.len()];
        let mut rest = order.as_slice();
        while let Some(&longest) = rest.first() {
            let rows = (BATCH_TOKENS / length(longest).max(1)).clamp(1, rest.len());
            let (batch, later) = rest.split_at(rows);
            rest = later;
            let batch_texts: Vec<RewardText> =
                batch.iter().map(|&i| texts[i].text.clone()).collect();
            for (&i, outputs) in batch.iter().zip(self.model.score(&batch_texts)?) {
                ratings[i] = Some(Rating {
                    score: self.rules.apply(&outputs, self.output),
                    outputs,
                    truncated: texts[i].truncated(),
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
