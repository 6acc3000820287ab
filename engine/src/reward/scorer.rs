//! A reward model with its tokenizer and the bundle's reading of it.

use std::path::{Path, PathBuf};

use candle_core::Device;

use super::labels::Labels;
use super::load::load_from;
use super::source::Source;
use super::{
    Cut, Form, Patience, Reading, RewardInput, RewardModel, RewardText, Rules, TRAINED_READING,
    TrainedReading,
};
use crate::text::{Tokenizer, check_ids};
use crate::weights::Digest;
use crate::{Error, Result};

/// Tokens per forward pass, at most, unless one text has more: bounds its memory.
pub(super) const BATCH_TOKENS: usize = 2048;

/// An input as the model reads it, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// What the model reads.
    pub text: RewardText,
    /// The text, or the pair of texts, that the tokenizer was given; empty for ids.
    pub written: Vec<String>,
    /// How that was put together.
    pub form: Form,
    /// What gave way where it was too long.
    pub cut: Cut,
    /// Tokens before the text was cut to fit.
    pub whole: usize,
}

impl Encoded {
    /// Whether the text did not fit.
    pub fn truncated(&self) -> bool {
        self.whole > self.text.ids.len()
    }
}

/// Why a text has no score.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Unscored {
    /// The model gave a logit that is no number to compare.
    #[error("logit {output} is {logit}: the reward model's weights are not fit for this text")]
    Logit {
        /// Its index.
        output: usize,
        /// NaN or infinite.
        logit: f32,
    },
    /// The logit left the range of numbers when it was scaled.
    #[error("the logit {logit} becomes {score} by mean and std of its reading")]
    Scale {
        /// The logit that counts.
        logit: f32,
        /// NaN or infinite.
        score: f64,
    },
}

/// A score, and what it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    /// The logit that counts, scaled and signed as the bundle says, finite; larger is better.
    pub score: std::result::Result<f64, Unscored>,
    /// All logits, raw.
    pub outputs: Vec<f32>,
    /// Whether the text did not fit and was cut.
    pub truncated: bool,
}

/// A reward model, ready for text.
#[derive(Debug)]
pub struct Reward {
    pub(super) folder: PathBuf,
    model: Box<dyn RewardModel>,
    pub(super) tokenizer: Tokenizer,
    pub(super) rules: Rules,
    output: usize,
    labels: Vec<String>,
    digest: String,
    pub(super) trained: Option<TrainedReading>,
    /// See [`Reward::closing_token`].
    pub(super) closing: Option<u32>,
}

/// Counts up when texts are put together in another way: what was scored before is not the same.
const WRITING: &[u8] = b"writing 2";

impl Reward {
    /// Loads a folder: the model, its tokenizer (needed for text only), and how it is read.
    pub fn load(folder: &Path, reading: Reading, device: &Device) -> Result<Self> {
        Self::load_on(folder, None, reading, device)
    }

    /// [`Reward::load`]; where `folder` is a PEFT adapter with a head, it is read on `base`, else on the folder that it names.
    pub fn load_on(
        folder: &Path,
        base: Option<&Path>,
        reading: Reading,
        device: &Device,
    ) -> Result<Self> {
        let rules = reading.rules()?;
        let source = Source::of(folder, base)?;
        let model = load_from(&source, device)?;
        let tokenizer = Tokenizer::load(source.tokenizer())?;
        let mut reward = Self::new(folder, model, tokenizer, rules)?;
        reward.labels = Labels::names(source.config())?;
        reward.trained = TrainedReading::load(folder)?;
        reward.closing = reward.closing()?;
        let mut digest = Digest::default();
        digest.note(WRITING);
        source.note(&mut digest)?;
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
            closing: None,
        })
    }

    /// The end token that is read: the one of training, unless the reading says otherwise.
    fn closing(&self) -> Result<Option<u32>> {
        let Some(trained) = self.trained else {
            let wanted = self.rules.end_token == Some(true);
            return Ok(self.tokenizer.closing_token().filter(|_| wanted));
        };
        let vocabulary = self.model.vocabulary();
        if trained.closing_token as usize >= vocabulary {
            let problem = format!(
                "is {}, outside the vocabulary of {vocabulary} tokens: the file belongs to another model",
                trained.closing_token
            );
            let path = self.folder.join(TRAINED_READING);
            return Err(Error::field(&path, "closing_token", problem));
        }
        Ok(Some(trained.closing_token).filter(|_| self.rules.end_token != Some(false)))
    }

    /// What a person should know of it beside its scores.
    pub fn warnings(&self) -> Vec<String> {
        let unended = (self.rules.end_token == Some(true) && self.closing.is_none()).then(|| {
            "its texts should end with the end token, but its tokenizer names none; they are read without"
                .to_owned()
        });
        self.model.warning().into_iter().chain(unended).collect()
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
        self.closing
    }

    /// Place of the token whose state is scored, in ids that [`Reward::encode`] gave.
    pub fn reads_at(&self, ids: &[u32]) -> usize {
        self.model.reads_at(ids)
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

    /// What [`Reward::limit`] comes from: the reading's `max_tokens`, or a field of `config.json`.
    pub fn limit_from(&self) -> &'static str {
        match self.rules.max_tokens {
            Some(most) if most < self.model.context() => "max_tokens",
            _ => self.model.context_from(),
        }
    }

    /// A text as the model reads it. What does not fit is cut as [`Cut`] says.
    pub fn encode(&self, input: &RewardInput) -> Result<Encoded> {
        let (written, form, cut, (ids, whole)) = match (input, input.written(self)?) {
            (RewardInput::Tokens(ids), _) => {
                let context = self.model.context();
                if ids.len() > context {
                    let problem = format!(
                        "holds {} ids; this reward model reads at most {context} ({})",
                        ids.len(),
                        self.model.context_from()
                    );
                    return Err(Error::option("tokens", problem));
                }
                (Vec::new(), Form::Ids, Cut::Never, (ids.clone(), ids.len()))
            }
            (_, Some(written)) => {
                let ids = self.ids_of(&written)?;
                (written.texts, written.form, written.cut, ids)
            }
            (_, None) => (Vec::new(), Form::Pair, Cut::End, (Vec::new(), 0)),
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
            form,
            cut,
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
        let mut ratings = Vec::with_capacity(texts.len());
        let mut rest = order.as_slice();
        while let Some(&longest) = rest.first() {
            let rows = (BATCH_TOKENS / length(longest).max(1)).clamp(1, rest.len());
            let (batch, later) = rest.split_at(rows);
            rest = later;
            let batch_texts: Vec<&Encoded> = batch.iter().map(|&i| &texts[i]).collect();
            let scored = self.score_together(&batch_texts, &Patience::endless())?;
            ratings.extend(batch.iter().copied().zip(scored));
        }
        ratings.sort_by_key(|(index, _)| *index);
        Ok(ratings.into_iter().map(|(_, rating)| rating).collect())
    }

    /// One forward pass over texts that [`Reward::encode`] gave.
    pub fn score_together(
        &self,
        texts: &[&Encoded],
        patience: &Patience<'_>,
    ) -> Result<Vec<Rating>> {
        let ids: Vec<RewardText> = texts.iter().map(|text| text.text.clone()).collect();
        let scored = self.model.score_while(&ids, patience)?;
        let rated = texts.iter().zip(scored).map(|(text, outputs)| Rating {
            score: self.score_of(&outputs),
            outputs,
            truncated: text.truncated(),
        });
        Ok(rated.collect())
    }

    fn score_of(&self, outputs: &[f32]) -> std::result::Result<f64, Unscored> {
        let wrong = outputs.iter().enumerate().find(|(_, x)| !x.is_finite());
        if let Some((output, &logit)) = wrong {
            return Err(Unscored::Logit { output, logit });
        }
        let score = self.rules.apply(outputs, self.output);
        if score.is_finite() {
            return Ok(score);
        }
        let logit = outputs.get(self.output).copied().unwrap_or(f32::NAN);
        Err(Unscored::Scale { logit, score })
    }
}
