//! Answers of the policy as it stands, and what the reward models say to them.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::bundle::{Bundle, LoadOptions};
use crate::device::{Backend, Precision};
use crate::generate::Generator;
use crate::reward::{RewardInput, score_all};
use crate::sweep::row_seed;
use crate::train::{Example, thread_pool};
use crate::types::{
    Finish, GateRecord, Mutes, Point, PpoConfig, Prompt, RowRequest, Run, Sampling, TraceLevel,
};
use crate::{Error, Result};

/// Answers of a batch whose gates are recorded.
const TRACED: usize = 4;

/// An answer as it was sampled.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its tokens, with the end token where it came.
    pub(super) example: Example,
    /// As the reward models read it.
    pub(super) text: RewardInput,
    /// Whether it ended by itself.
    pub(super) ended: bool,
    /// Whether there is no text, and so nothing to score.
    pub(super) empty: bool,
    /// Mean entropy of its gates in nats, where they were recorded.
    pub(super) gate_entropy: Option<f64>,
}

/// The bundle that the policy is part of.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) bundle: Bundle,
    prompts: Vec<Prompt>,
    sampling: Sampling,
    seed: u64,
    batch: usize,
    /// Whether the gates of some answers are recorded.
    traced: bool,
    /// As many threads as learn, which rest meanwhile.
    pool: Arc<rayon::ThreadPool>,
}

/// Says how far something is; its error stops it.
pub(super) type Tell<'a> = &'a mut dyn FnMut(usize) -> Result<()>;

impl Actor {
    /// Loads the policy's bundle; every prompt must leave room for an answer.
    pub(super) fn open(folder: &Path, prompts: Vec<Prompt>, config: &PpoConfig) -> Result<Self> {
        let (backend, note) = Backend::find(config.run.device, Precision::F32)?;
        if let Some(note) = note {
            tracing::warn!("training on the CPU: {note}");
        }
        let options = LoadOptions {
            probe: false,
            backend,
            ..LoadOptions::default()
        };
        let bundle = Bundle::load(folder, &options, &mut |_, _| Ok(()))?;
        let context = bundle.model.config().context;
        for (index, prompt) in prompts.iter().enumerate() {
            let tokens = bundle.tokenizer.encode_prompt(prompt)?.len();
            if tokens >= context {
                let problem = format!(
                    "number {} has {tokens} tokens; the model's context of {context} leaves no room for an answer",
                    index + 1
                );
                return Err(Error::option("prompts", problem));
            }
        }
        Ok(Self {
            bundle,
            prompts,
            sampling: Sampling {
                temperature: config.temperature,
                max_tokens: config.max_tokens,
                stop: config.stop.clone(),
                ..Sampling::default()
            },
            seed: config.run.seed,
            batch: config.batch,
            traced: false,
            pool: Arc::new(thread_pool(config.run.workers)?),
        })
    }

    /// This actor with the gates of some answers recorded, for the entropy of votes that sum to one.
    pub(super) fn traced(self) -> Self {
        Self {
            traced: true,
            ..self
        }
    }

    /// Digests of all that answers and scores depend on: what a checkpoint must be continued with.
    pub(super) fn identity(&self) -> Value {
        let identity = &self.bundle.info.identity;
        json!({
            "model": self.bundle.info.model.digest,
            "adapters": identity.adapters,
            "rewards": identity.rewards,
        })
    }

    /// Names of the objectives.
    pub(super) fn objectives(&self) -> Vec<String> {
        let objectives = self.bundle.info.objectives.iter();
        objectives.map(|objective| objective.name.clone()).collect()
    }

    /// Prompts that there are.
    pub(super) fn prompts(&self) -> usize {
        self.prompts.len()
    }

    /// One answer each to the prompts `asked`, sampled at `point`. `draw` tells batches apart: another
    /// draw, other answers.
    pub(super) fn answer(
        &self,
        point: &Point,
        asked: &[usize],
        draw: u64,
        tell: Tell<'_>,
    ) -> Result<Vec<Answer>> {
        let prompts = asked.iter().filter_map(|&index| self.prompts.get(index));
        let requests: Vec<RowRequest> = prompts
            .enumerate()
            .map(|(row, prompt)| RowRequest {
                prompt: prompt.clone(),
                point: point.clone(),
                sampling: Sampling {
                    seed: row_seed(self.seed ^ (draw << 24) ^ row as u64, prompt),
                    ..self.sampling.clone()
                },
                mutes: Mutes::default(),
                trace: if row < TRACED && self.traced {
                    TraceLevel::Full
                } else {
                    TraceLevel::None
                },
                time: None,
            })
            .collect();
        let generator = Generator::new(self.batch).on(Arc::clone(&self.pool));
        let runs = generator.run_all(&self.bundle, requests, tell)?;
        Ok(runs.into_iter().map(taken).collect())
    }

    /// Raw scores, one per objective, larger is better; NaN for an empty answer.
    pub(super) fn score(&self, answers: &[Answer]) -> Result<Vec<Vec<f64>>> {
        let texts: Vec<RewardInput> = answers.iter().map(|answer| answer.text.clone()).collect();
        let scores = self
            .pool
            .install(|| score_all(&self.bundle.rewards, &texts))?;
        let numbers: Vec<Vec<f64>> = scores
            .into_iter()
            .map(|scores| {
                let all = scores.0.into_iter();
                all.map(|score| score.unwrap_or(f64::NAN)).collect()
            })
            .collect();
        for (index, (answer, scores)) in answers.iter().zip(&numbers).enumerate() {
            if !answer.empty && scores.iter().any(|score| !score.is_finite()) {
                let problem = format!(
                    "give answer {} of the batch the scores {scores:?}; a policy needs numbers",
                    index + 1
                );
                return Err(Error::option("rewards", problem));
            }
        }
        Ok(numbers)
    }
}

/// An answer with every token that was sampled for it, the end token as it came.
fn taken(run: Run) -> Answer {
    let ended = run.finish == Finish::Eos;
    let mut response: Vec<u32> = run.tokens.iter().map(|piece| piece.id).collect();
    response.extend(run.end);
    Answer {
        text: RewardInput::of(&run.prompt, &run.text),
        empty: run.text.is_empty(),
        gate_entropy: run.record.as_deref().and_then(entropy),
        example: Example {
            prompt: run.prompt_tokens,
            response,
        },
        ended,
    }
}

/// Mean over tokens and modules of the entropy of the gates, in nats: 0 where one expert speaks alone.
fn entropy(record: &GateRecord) -> Option<f64> {
    let width = record.adapters.len();
    let choices = record.values.chunks_exact(width.max(1));
    let count = choices.len();
    if count == 0 {
        return None;
    }
    let of = |gates: &[f32]| -> f64 {
        let above = gates.iter().filter(|&&g| g > 0.0);
        above.map(|&g| -f64::from(g) * f64::from(g).ln()).sum()
    };
    Some(choices.map(of).sum::<f64>() / count as f64)
}
