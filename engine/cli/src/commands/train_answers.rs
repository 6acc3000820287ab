//! `train loramoe` and `train ric`: other methods on answers, given or sampled.

use std::path::PathBuf;

use paretoscope_engine::types::{
    LoraConfig, LoramoeConfig, LoramoeJob, RicConfig, RicJob, TrainJob, TrainMethod, TrainSize,
    TrainTask, USUAL,
};

use super::train_options::{AdapterOptions, Common};
use crate::options::Global;

/// LoRAMoE: experts and the routers over them learn together from answers; leaves an adapter per expert and a router
#[derive(Debug, clap::Args)]
pub(crate) struct Loramoe {
    /// Folder of the model to start from
    #[arg(long)]
    base: PathBuf,
    /// The examples: JSON Lines, one JSON array, or Parquet
    #[arg(long)]
    data: PathBuf,
    /// Experts beside each module
    #[arg(long, default_value_t = USUAL.experts)]
    experts: usize,
    #[command(flatten)]
    adapters: AdapterOptions,
    #[command(flatten)]
    common: Common,
}

/// RiC: the base's own answers, scored by the bundle's reward models, are learnt with their scores in the prompt; then
/// the adapter's answers to high scores, in rounds
#[derive(Debug, clap::Args)]
pub(crate) struct Ric {
    /// The bundle with the base and reward models
    #[arg(long)]
    bundle: PathBuf,
    /// JSON Lines of prompts to answer (default: those of the bundle's that are of the training part; what sweeps
    /// measure by `--split validation` or `test` is never learnt)
    #[arg(long)]
    prompts: Option<PathBuf>,
    /// Answers of the base that are scored and learnt from first
    #[arg(long, default_value_t = USUAL.answers)]
    answers: usize,
    /// Online rounds
    #[arg(long, default_value_t = USUAL.rounds)]
    rounds: usize,
    /// Answers that are sampled in each
    #[arg(long, default_value_t = USUAL.answers)]
    round_answers: usize,
    /// Steps of each (default: passes as in the first descent)
    #[arg(long)]
    round_steps: Option<usize>,
    /// Learning rate of a round
    #[arg(long, default_value_t = USUAL.round_rate)]
    round_rate: f64,
    /// Answers of a round are learnt from where a score is at least this quantile
    #[arg(long, default_value_t = USUAL.quantile)]
    quantile: f64,
    /// Of the first answers above it so many are learnt from again in every round
    #[arg(long, default_value_t = USUAL.originals)]
    originals: usize,
    /// Answers at a time
    #[arg(long, default_value_t = USUAL.batch)]
    batch: usize,
    /// New tokens per answer at most
    #[arg(long, default_value_t = USUAL.max_tokens)]
    max_tokens: usize,
    /// End an answer before this text; may be given several times
    #[arg(long)]
    stop: Vec<String>,
    /// Temperature of the answers
    #[arg(long, default_value_t = RicConfig::default().temperature)]
    temperature: f64,
    /// Sample from the smallest set of tokens whose probability reaches this
    #[arg(long, default_value_t = RicConfig::default().top_p)]
    top_p: f64,
    #[command(flatten)]
    adapters: AdapterOptions,
    #[command(flatten)]
    common: Common,
}

impl Ric {
    pub(crate) fn job(self, global: &Global) -> TrainJob {
        let method = TrainMethod::Ric;
        let task = TrainTask::Ric(RicJob {
            bundle: self.bundle,
            prompts: self.prompts,
            config: RicConfig {
                train: self.common.config(global, method, TrainSize::Lora),
                lora: self.adapters.lora(LoraConfig::of(method)),
                answers: self.answers,
                rounds: self.rounds,
                round_answers: self.round_answers,
                round_steps: self.round_steps,
                round_rate: self.round_rate,
                quantile: self.quantile,
                originals: self.originals,
                batch: self.batch,
                max_tokens: self.max_tokens,
                stop: self.stop,
                temperature: self.temperature,
                top_p: self.top_p,
            },
        });
        self.common.shared.job(task)
    }
}

impl Loramoe {
    pub(crate) fn job(self, global: &Global) -> TrainJob {
        let method = TrainMethod::Loramoe;
        let task = TrainTask::Loramoe(LoramoeJob {
            base: self.base,
            data: self.data,
            skip_bad: self.common.skip_bad,
            config: LoramoeConfig {
                train: self.common.config(global, method, TrainSize::Lora),
                experts: self.experts,
                lora: self.adapters.lora(LoraConfig::of(method)),
            },
        });
        self.common.shared.job(task)
    }
}
