//! How fast training goes: supervised steps on random tokens, in memory, nothing written.

use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::batch::{Example, Sampler};
use super::config::{Method, OptimiserConfig};
use super::forward::TrainModel;
use super::optimiser::AdamW;
use super::parallel::differentiate;
use super::params;
use super::runner::Objective as _;
use super::sft::Sft;
use super::shape::LlamaShape;
use crate::Result;

/// What to measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchConfig {
    /// The model, drawn at random.
    pub shape: LlamaShape,
    /// Which weights move.
    pub method: Method,
    /// Tokens of every sequence.
    pub sequence: usize,
    /// Sequences of a step.
    pub sequences: usize,
    /// Threads.
    pub workers: usize,
    /// Steps that count; one more goes before them.
    pub steps: usize,
    /// Seed of weights and tokens.
    pub seed: u64,
}

impl Default for BenchConfig {
    /// The model of 3.4 million parameters that the goals are stated for.
    fn default() -> Self {
        let shape = LlamaShape {
            vocab_size: 2048,
            hidden_size: 192,
            intermediate_size: 512,
            num_hidden_layers: 6,
            num_attention_heads: 6,
            num_key_value_heads: 6,
            head_dim: 32,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            max_position_embeddings: 256,
            tie_word_embeddings: false,
            eos_token_id: None,
            bos_token_id: None,
        };
        Self {
            shape,
            method: Method::Full,
            sequence: 128,
            sequences: 16,
            workers: 2,
            steps: 10,
            seed: 0,
        }
    }
}

/// Tokens per second of every step that counts: forward, backward and update.
pub fn tokens_per_second(config: &BenchConfig) -> Result<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let vocabulary = config.shape.vocab_size as u32;
    let mut sequence = || {
        (0..config.sequence)
            .map(|_| rng.random_range(0..vocabulary))
            .collect()
    };
    let examples: Vec<Example> = (0..config.sequences)
        .map(|_| Example {
            prompt: Vec::new(),
            response: sequence(),
        })
        .collect();
    let objective = Sft {
        examples: examples.iter().collect(),
        prompts: true,
    };
    let weights = params::random(&config.shape, config.seed)?;
    let model = TrainModel::new(config.shape.clone(), &weights, &config.method, config.seed)?;
    let mut optimiser = AdamW::new(&OptimiserConfig::default(), model.vars())?;
    let step: Vec<usize> = (0..examples.len()).collect();
    let shares =
        Sampler::new(objective.lengths(), usize::MAX, config.seed).shares(&step, config.workers);
    let total = step.iter().map(|&i| objective.weight(i)).sum();
    let mut speeds = Vec::with_capacity(config.steps);
    for index in 0..=config.steps {
        let clock = Instant::now();
        let result = differentiate(&model, &shares, |share| {
            objective.loss(&model, share, total)
        })?;
        optimiser.step(model.vars(), &result.gradients, 1e-3, config.workers)?;
        if index > 0 {
            speeds
                .push((config.sequence * config.sequences) as f64 / clock.elapsed().as_secs_f64());
        }
    }
    Ok(speeds)
}
