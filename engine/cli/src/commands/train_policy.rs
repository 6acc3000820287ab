//! `train router` and `train ppo`: policies from reward models.

use std::path::PathBuf;

use paretoscope_engine::Result;
use paretoscope_engine::types::{
    KlConfig, LoraConfig, MorlConfig, MorlJob, PpoConfig, RouterConfig, RouterJob, Scalarisation,
    ScalariseConfig, TrainJob, TrainTask, USUAL,
};

use super::train_options::{Shared, by_name};
use crate::options::{Global, numbers};

/// HoE's router expert: learns which LoRA experts speak, token by token, for one preference
#[derive(Debug, clap::Args)]
pub(crate) struct Router {
    /// The bundle with experts and reward models
    #[arg(long)]
    bundle: PathBuf,
    /// Where the router stands, one number per objective
    #[arg(long)]
    preference: String,
    /// How objectives become one
    #[arg(long, default_value = "omd-stch",
        value_parser = by_name(Scalarisation::ALL, Scalarisation::name, Scalarisation::words))]
    scalarise: Scalarisation,
    /// Coefficients of objectives as the paper writes them, not those of the exact gradient
    #[arg(long)]
    literal: bool,
    /// The ideal point in normalised rewards, above what the policy reaches (default: measured)
    #[arg(long, allow_hyphen_values = true)]
    ideal: Option<String>,
    /// Smoothing of the smooth forms (default: the form's own)
    #[arg(long)]
    smoothing: Option<f64>,
    /// Learning rate of the router
    #[arg(long, default_value_t = RouterConfig::default().ppo.run.optimiser.learning_rate)]
    learning_rate: f64,
    /// Penalty per nat of divergence from the base model at the start
    #[arg(long, default_value_t = RouterConfig::default().ppo.kl.start)]
    kl: f64,
    /// Nats per answer that the penalty steers towards (default: those of the untrained router)
    #[arg(long)]
    kl_target: Option<f64>,
    #[command(flatten)]
    common: Common,
}

/// MORLHF: an adapter of the base trained on weighted rewards
#[derive(Debug, clap::Args)]
pub(crate) struct Ppo {
    /// The bundle with the base and reward models
    #[arg(long)]
    bundle: PathBuf,
    /// Weights of the objectives' rewards
    #[arg(long)]
    reward_weights: String,
    /// Rank of the adapter
    #[arg(long = "lora", default_value_t = USUAL.rank)]
    rank: usize,
    /// The adapter is scaled by alpha / rank (default: twice the rank)
    #[arg(long)]
    alpha: Option<f64>,
    /// Modules that get an adapter, comma-separated (default: all linears of the decoder)
    #[arg(long, value_delimiter = ',')]
    target_modules: Option<Vec<String>>,
    /// Learning rate of the adapter
    #[arg(long, default_value_t = MorlConfig::default().ppo.run.optimiser.learning_rate)]
    learning_rate: f64,
    /// Penalty per nat of divergence from the base model at the start
    #[arg(long, default_value_t = MorlConfig::default().ppo.kl.start)]
    kl: f64,
    /// Nats per answer that the penalty steers towards (default: 3)
    #[arg(long)]
    kl_target: Option<f64>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// JSON Lines of prompts to answer (default: those of the bundle's that are of the training part; what sweeps
    /// measure by `--split validation` or `test` is never learnt)
    #[arg(long)]
    prompts: Option<PathBuf>,
    /// Batches of answers in all
    #[arg(long, default_value_t = PpoConfig::default().batches)]
    batches: usize,
    /// Answers per batch
    #[arg(long, default_value_t = PpoConfig::default().batch)]
    batch: usize,
    /// Passes over a batch
    #[arg(long, default_value_t = PpoConfig::default().epochs)]
    epochs: usize,
    /// Answers per update
    #[arg(long, default_value_t = PpoConfig::default().minibatch)]
    minibatch: usize,
    /// New tokens per answer at most
    #[arg(long, default_value_t = PpoConfig::default().max_tokens)]
    max_tokens: usize,
    /// End an answer before this text; may be given several times
    #[arg(long)]
    stop: Vec<String>,
    /// Temperature of the answers
    #[arg(long, default_value_t = PpoConfig::default().temperature)]
    temperature: f64,
    /// Learning rate of the value head
    #[arg(long, default_value_t = PpoConfig::default().value_rate)]
    value_rate: f64,
    /// Answers that measure the scale of rewards and the ideal point
    #[arg(long, default_value_t = PpoConfig::default().calibration)]
    calibration: usize,
    #[command(flatten)]
    shared: Shared,
}

impl Common {
    fn config(&self, global: &Global, mut usual: PpoConfig, rate: f64, kl: KlConfig) -> PpoConfig {
        usual.run.optimiser.learning_rate = rate;
        PpoConfig {
            run: self.shared.run(global, usual.run),
            batches: self.batches,
            batch: self.batch,
            epochs: self.epochs,
            minibatch: self.minibatch,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            temperature: self.temperature,
            value_rate: self.value_rate,
            kl,
            calibration: self.calibration,
            ..usual
        }
    }
}

impl Router {
    pub(crate) fn job(self, global: &Global) -> Result<TrainJob> {
        let args = self;
        let kl = KlConfig {
            start: args.kl,
            target: args.kl_target,
            ..KlConfig::default()
        };
        let standard = RouterConfig::default();
        let config = RouterConfig {
            preference: numbers("--preference", &args.preference)?,
            ppo: args
                .common
                .config(global, standard.ppo, args.learning_rate, kl),
            scalarise: ScalariseConfig {
                form: args.scalarise,
                literal: args.literal,
                smoothing: args.smoothing,
                ideal: args
                    .ideal
                    .map(|ideal| numbers("--ideal", &ideal))
                    .transpose()?,
                ..ScalariseConfig::default()
            },
            activation: standard.activation,
            floor: standard.floor,
        };
        let task = TrainTask::Router(RouterJob {
            bundle: args.bundle,
            prompts: args.common.prompts,
            config,
        });
        Ok(args.common.shared.job(task))
    }
}

impl Ppo {
    pub(crate) fn job(self, global: &Global) -> Result<TrainJob> {
        let args = self;
        let usual = MorlConfig::default();
        let kl = KlConfig {
            start: args.kl,
            target: args.kl_target.or(usual.ppo.kl.target),
            ..usual.ppo.kl
        };
        let standard = LoraConfig::of_rank(args.rank);
        let config = MorlConfig {
            reward_weights: numbers("--reward-weights", &args.reward_weights)?,
            ppo: args
                .common
                .config(global, MorlConfig::default().ppo, args.learning_rate, kl),
            lora: LoraConfig {
                rank: args.rank,
                alpha: args.alpha.unwrap_or(standard.alpha),
                target_modules: args.target_modules.unwrap_or(standard.target_modules),
            },
        };
        let task = TrainTask::Ppo(MorlJob {
            bundle: args.bundle,
            prompts: args.common.prompts,
            config,
        });
        Ok(args.common.shared.job(task))
    }
}
