//! How fast training goes: steps on random tokens, in memory, nothing written; and how much arithmetic they are.

use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::batch::{Example, Sampler};
use super::descent::{Objective, StepExamples};
use super::dpo::Pair;
use super::forward::{Adapters, TrainModel};
use super::optimiser::AdamW;
use super::pair_loss::PairLoss;
use super::parallel::{Team, differentiate};
use super::params;
use super::sft::{Sft, sequence_log_probs};
use crate::Result;
use crate::model::{LlamaConfig, RopeScaling, Variant};
use crate::types::{Method, OptimiserConfig, check_workers};

/// The loss of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BenchKind {
    /// Supervised fine-tuning, every token a target.
    Sft,
    /// Direct preference optimisation, two neighbouring sequences a pair, every token a target.
    Dpo,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speeds {
    /// Of every step that counts: forward, backward and update.
    pub tokens_per_second: Vec<f64>,
    /// DPO: the reference's log-probabilities of one step's pairs, which a run asks for once per pair.
    pub reference_seconds: Option<f64>,
}

/// What to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchConfig {
    /// The model, drawn at random.
    pub shape: LlamaConfig,
    /// The loss.
    pub kind: BenchKind,
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
        let shape = LlamaConfig {
            vocabulary: 2048,
            hidden_size: 192,
            intermediate_size: 512,
            layers: 6,
            heads: 6,
            kv_heads: 6,
            head_dim: 32,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            context: 256,
            positions: 256,
            rope_scaling: RopeScaling::None,
            attention_bias: false,
            mlp_bias: false,
            variant: Variant::default(),
            tied_embeddings: false,
            eos_token_id: None,
            bos_token_id: None,
        };
        Self {
            shape,
            kind: BenchKind::Sft,
            method: Method::Full,
            sequence: 128,
            sequences: 16,
            workers: 2,
            steps: 10,
            seed: 0,
        }
    }
}

impl BenchConfig {
    /// Multiply-adds of one step: every product of the forward pass once, and of the backward pass once for
    /// the gradient in its input and, where the weight moves, once for that in the weight. Element-wise work and the
    /// update are not counted.
    pub fn multiply_adds(&self) -> u64 {
        let (sequence, sequences) = (self.sequence as u64, self.sequences as u64);
        // A sequence's last token predicts nothing and does not go through.
        let rows = sequence.saturating_sub(1);
        let size = |[out, inner]: [usize; 2]| (out * inner) as u64;
        let linears: u64 = self.shape.projections().iter().map(|(_, s)| size(*s)).sum();
        let head = size([self.shape.vocabulary, self.shape.hidden_size]);
        let adapters: u64 = match &self.method {
            Method::Full => 0,
            Method::Lora(lora) => self
                .shape
                .projections()
                .iter()
                .filter(|(path, _)| lora.targets(path))
                .map(|(_, [out, inner])| (lora.rank * (out + inner)) as u64)
                .sum(),
        };
        let passes = if self.method == Method::Full { 3 } else { 2 };
        // Scores and mixing, over the keys up to each query; both sides of either product have a gradient.
        let width = (self.shape.heads * self.shape.head_dim) as u64;
        let pairs = rows * (rows + 1) / 2;
        let attention = 2 * width * pairs * self.shape.layers as u64;
        sequences * (rows * (passes * (linears + head) + 3 * adapters) + 3 * attention)
    }
}

/// Runs the steps.
pub fn measure(config: &BenchConfig) -> Result<Speeds> {
    check_workers(config.workers)?;
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let vocabulary = config.shape.vocabulary as u32;
    let mut example = || Example {
        prompt: Vec::new(),
        response: (0..config.sequence)
            .map(|_| rng.random_range(0..vocabulary))
            .collect(),
    };
    let weights = params::random(&config.shape, config.seed)?;
    let model = TrainModel::new(config.shape.clone(), &weights, &config.method, config.seed)?;
    match config.kind {
        BenchKind::Sft => {
            let examples: Vec<Example> = (0..config.sequences).map(|_| example()).collect();
            let objective = Sft {
                examples: examples.iter().collect(),
                prompts: true,
            };
            Ok(Speeds {
                tokens_per_second: steps(config, &model, &objective)?,
                reference_seconds: None,
            })
        }
        BenchKind::Dpo => {
            let pairs: Vec<Pair> = (0..config.sequences.div_ceil(2))
                .map(|_| Pair {
                    chosen: example(),
                    rejected: example(),
                })
                .collect();
            let examples: Vec<&Example> = pairs.iter().flat_map(|p| p.both()).collect();
            let clock = Instant::now();
            let sums = sequence_log_probs(
                &TrainModel::frozen(config.shape.clone(), &weights)?,
                &examples,
                Adapters::Off,
                &Team::new(config.workers)?,
                |_| Ok(()),
            )?;
            let reference_seconds = clock.elapsed().as_secs_f64();
            let reference = sums.chunks_exact(2).map(|s| (s[0] - s[1]) as f32);
            let objective = PairLoss {
                name: "dpo",
                weights: vec![1.0; pairs.len()],
                pairs: pairs.iter().collect(),
                reference: Some(reference.collect()),
                beta: 0.1,
                others: None,
                penalty: None,
            };
            Ok(Speeds {
                tokens_per_second: steps(config, &model, &objective)?,
                reference_seconds: Some(reference_seconds),
            })
        }
    }
}

fn steps(config: &BenchConfig, model: &TrainModel, objective: &impl Objective) -> Result<Vec<f64>> {
    let mut optimiser = AdamW::new(&OptimiserConfig::default(), model.vars())?;
    let lengths = objective.lengths();
    let tokens: usize = lengths.iter().sum();
    let step: Vec<usize> = (0..lengths.len()).collect();
    let shares = Sampler::new(lengths, usize::MAX, config.seed).shares(&step, config.workers);
    let team = Team::new(config.workers)?;
    let examples = StepExamples {
        number: 0,
        indices: &step,
        weight: step.iter().map(|&i| objective.weight(i)).sum(),
    };
    let mut speeds = Vec::with_capacity(config.steps);
    for index in 0..=config.steps {
        let clock = Instant::now();
        let result = differentiate(model, &team, &shares, |share| {
            objective.loss(model, share, &examples)
        })?;
        optimiser.step(model.vars(), &result.gradients, 1e-3, &team)?;
        if index > 0 {
            speeds.push(tokens as f64 / clock.elapsed().as_secs_f64());
        }
    }
    Ok(speeds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LoraConfig;

    /// Counted by hand, of one row.
    #[test]
    fn arithmetic_is_counted() {
        let full = BenchConfig {
            sequence: 2,
            sequences: 1,
            ..BenchConfig::default()
        };
        let linears = 6 * (4 * 192 * 192 + 3 * 192 * 512);
        let head = 2048 * 192;
        let attention = 6 * 2 * 192;
        assert_eq!(full.multiply_adds(), 3 * (linears + head + attention));
        let lora = BenchConfig {
            method: Method::Lora(LoraConfig {
                rank: 2,
                target_modules: vec!["q_proj".to_owned()],
                ..LoraConfig::default()
            }),
            ..full
        };
        let adapters = 6 * 2 * (192 + 192);
        assert_eq!(
            lora.multiply_adds(),
            2 * (linears + head) + 3 * adapters + 3 * attention
        );
    }

    #[test]
    fn both_kinds_run() {
        for kind in [BenchKind::Sft, BenchKind::Dpo] {
            let config = BenchConfig {
                kind,
                sequence: 4,
                sequences: 3,
                steps: 2,
                ..BenchConfig::default()
            };
            let speeds = measure(&config).unwrap();
            assert_eq!(speeds.tokens_per_second.len(), 2);
            assert_eq!(speeds.reference_seconds.is_some(), kind == BenchKind::Dpo);
        }
    }
}
