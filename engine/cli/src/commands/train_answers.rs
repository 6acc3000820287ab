//! `train loramoe`: other methods on answers.

use std::path::PathBuf;

use paretoscope_engine::types::{
    LoraConfig, LoramoeConfig, LoramoeJob, TrainJob, TrainMethod, TrainSize, TrainTask, USUAL,
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
