//! Llama-family bodies with a score head: `LlamaForSequenceClassification` (`score.weight`) and
//! safe-rlhf's `LlamaForScore` (`score_head.weight`, perhaps with a bias and a normaliser).

use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Deserialize;

use super::head::{Head, missing};
use super::labels::Labels;
use super::last::Last;
use super::loader::read;
use super::ops::Compute;
use super::source::Source;
use super::{Patience, RewardModel, RewardText};
use crate::device::Backend;
use crate::mixture::Bank;
use crate::model::{Decoder, LlamaConfig, RowCache, StepRow, Wanted};
use crate::types::RowGates;
use crate::weights::{Adapter, Checkpoint, Digest, Dora, LoraFolder, read_json};
use crate::{Error, Result};

/// Tokens of a text that go through the body at once.
const PIECE: usize = 128;

/// The head of `*ForSequenceClassification`.
const CLASSIFIER: &str = "score";
/// Names that the score head goes by.
const HEADS: [&str; 2] = [CLASSIFIER, "score_head"];
/// Modules that PEFT saves whole beside an adapter of a classifier (`SEQ_CLS` names two, whichever the model has).
const WHOLE: [&str; 3] = [CLASSIFIER, "score_head", "classifier"];

#[derive(Deserialize)]
struct Raw {
    #[serde(flatten)]
    labels: Labels,
    #[serde(default)]
    do_normalize: bool,
    score_type: Option<String>,
    pad_token_id: Option<i64>,
}

/// What safe-rlhf keeps beside a scorer to scale its scores.
#[derive(Debug)]
struct Normaliser {
    /// Subtracted; `None` for a cost model, which is only scaled.
    mean: Option<Vec<f32>>,
    variance: Vec<f32>,
}

impl Normaliser {
    fn load(
        checkpoint: &Checkpoint,
        outputs: usize,
        score_type: Option<&str>,
        path: &Path,
    ) -> Result<Self> {
        let mean = match score_type {
            None | Some("reward") => Some(read(checkpoint, "normalizer.mean", &[outputs])?),
            Some("cost") => None,
            Some(other) => {
                return Err(Error::field(
                    path,
                    "score_type",
                    format!("is `{other}`, expected reward or cost"),
                ));
            }
        };
        Ok(Self {
            mean,
            variance: read(checkpoint, "normalizer.var", &[outputs])?,
        })
    }

    fn apply(&self, scores: &mut [f32]) {
        for (index, (score, variance)) in scores.iter_mut().zip(&self.variance).enumerate() {
            let mean = self
                .mean
                .as_ref()
                .and_then(|mean| mean.get(index))
                .copied()
                .unwrap_or(0.0);
            *score = (*score - mean) / (variance.sqrt() + 1e-8);
        }
    }
}

/// A Llama-family body whose last token's state is scored.
#[derive(Debug)]
pub struct Causal {
    body: Decoder,
    /// All of an adapter's, where there is one.
    gates: RowGates,
    head: Head,
    normaliser: Option<Normaliser>,
    last: Last,
    device: Device,
}

impl Causal {
    /// Reads `config.json` and the checkpoint of a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        Self::load_from(&Source::of(folder, None)?, device)
    }

    /// An adapter's factors are added to every product of the body, which is the merged model without a second copy of its
    /// weights; its head takes the place of the base's.
    pub(super) fn load_from(source: &Source, device: &Device) -> Result<Self> {
        let config_path = source.config().join("config.json");
        let raw: Raw = read_json(&config_path)?;
        let config = LlamaConfig::load(source.config())?;
        let checkpoint = Checkpoint::open_folder(&source.body)?;
        let files = if source.adapter {
            Some(LoraFolder::open_with(&source.folder, Dora::Refuse, &WHOLE)?)
        } else {
            None
        };
        let (holder, name, tensor) = find_head(&checkpoint, files.as_ref())?;
        let head = Head::load(
            holder,
            &tensor,
            config.hidden_size,
            &raw.labels,
            &Compute::on(device),
        )?;
        let normaliser = if raw.do_normalize {
            Some(Normaliser::load(
                &checkpoint,
                head.outputs(),
                raw.score_type.as_deref(),
                &config_path,
            )?)
        } else {
            None
        };
        let mut bank = Bank::default();
        if let Some(files) = &files {
            bank.adapters = vec![Adapter::of_files(files, &config.linears())?];
            bank.experts = 1;
        }
        let gates = RowGates {
            adapters: vec![1.0; bank.adapters.len()],
            ..RowGates::base(0, 0)
        };
        let body = Decoder::load_body(
            &Backend::on(device),
            config,
            &checkpoint,
            &mut bank,
            &mut Digest::default(),
            &mut |_| Ok(()),
        )?;
        Ok(Self {
            body,
            gates,
            head,
            normaliser,
            last: if name == CLASSIFIER {
                Last::of_folder(&source.folder, raw.pad_token_id)?
            } else {
                Last::token()
            },
            device: device.clone(),
        })
    }
}

/// The head: whose it is, the name that it goes by, and its tensors' name without `.weight`.
fn find_head<'a>(
    checkpoint: &'a Checkpoint,
    adapter: Option<&'a LoraFolder>,
) -> Result<(&'a Checkpoint, &'static str, String)> {
    if let Some(files) = adapter {
        let own = WHOLE
            .into_iter()
            .find_map(|name| Some((name, files.whole_tensor(name)?)));
        if let Some((name, tensor)) = own {
            let tensor = tensor.strip_suffix(".weight").unwrap_or(tensor);
            return Ok((&files.checkpoint, name, tensor.to_owned()));
        }
    }
    let found: Vec<&'static str> = HEADS
        .into_iter()
        .filter(|name| checkpoint.contains(&format!("{name}.weight")))
        .collect();
    match found.as_slice() {
        [one] => Ok((checkpoint, *one, (*one).to_owned())),
        [] => Err(missing(
            adapter.map_or(checkpoint, |files| &files.checkpoint),
            &HEADS,
        )),
        _ => Err(Error::file(
            checkpoint.path(),
            "has both `score.weight` and `score_head.weight`; a reward model has one head",
        )),
    }
}

impl RewardModel for Causal {
    fn kind(&self) -> &'static str {
        "llama"
    }

    fn outputs(&self) -> usize {
        self.head.outputs()
    }

    fn vocabulary(&self) -> usize {
        self.body.config().vocabulary
    }

    fn context(&self) -> usize {
        self.body.config().context
    }

    fn context_from(&self) -> &'static str {
        if self.body.config().context_warning().is_some() {
            "original_max_position_embeddings"
        } else {
            "max_position_embeddings"
        }
    }

    fn warning(&self) -> Option<String> {
        self.body.config().context_warning()
    }

    fn reads_at(&self, ids: &[u32]) -> usize {
        self.last.place(ids)
    }

    fn multiply_adds(&self, tokens: usize) -> u64 {
        let config = self.body.config();
        let linears = config.linears();
        let layers = linears.iter().filter(|(path, _)| path != "lm_head");
        let weights: usize = layers.map(|(_, [out, inner])| out * inner).sum();
        let seen = tokens * (tokens + 1) / 2;
        let attention = 2 * config.layers * config.heads * config.head_dim * seen;
        (weights * tokens + attention) as u64
    }

    fn score_while(&self, texts: &[RewardText], patience: &Patience<'_>) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let config = self.body.config();
        let mut caches: Vec<RowCache> = texts.iter().map(|_| RowCache::default()).collect();
        let mut rest: Vec<&[u32]> = Vec::with_capacity(texts.len());
        for (text, cache) in texts.iter().zip(&mut caches) {
            let tokens = self.last.cut(&text.ids);
            self.body.reset(cache, tokens.len())?;
            rest.push(tokens);
        }
        // In pieces, between which somebody can be heard.
        let mut states: Vec<Vec<f32>> = vec![Vec::new(); texts.len()];
        while rest.iter().any(|tokens| !tokens.is_empty()) {
            patience.check()?;
            let mut rows = Vec::new();
            let mut ending = Vec::new();
            for (index, (tokens, cache)) in rest.iter_mut().zip(&mut caches).enumerate() {
                if tokens.is_empty() {
                    continue;
                }
                let (piece, later) = tokens.split_at(tokens.len().min(PIECE));
                *tokens = later;
                let ends = later.is_empty();
                if ends {
                    ending.push(index);
                }
                rows.push(StepRow {
                    tokens: piece,
                    cache,
                    gates: &self.gates,
                    side: None,
                    shift: None,
                    wanted: if ends { Wanted::Last } else { Wanted::Nothing },
                });
            }
            let hidden = self.body.hidden(&mut rows)?;
            for (index, state) in ending
                .into_iter()
                .zip(hidden.chunks_exact(config.hidden_size))
            {
                states[index] = state.to_vec();
            }
        }
        let hidden = states.concat();
        let hidden = Tensor::from_vec(hidden, (texts.len(), config.hidden_size), &self.device)?;
        let mut scores = self.head.score(&hidden)?;
        if let Some(normaliser) = &self.normaliser {
            for scores in &mut scores {
                normaliser.apply(scores);
            }
        }
        Ok(scores)
    }
}
