//! A run over pairs that leaves an adapter: the common part of GenARM's rewards and MODPO.

use std::path::Path;

use serde_json::Value;

use super::base::Base;
use super::descent::Descent;
use super::dpo::Pair;
use super::filter::Filtered;
use super::forward::TrainModel;
use super::out_folder::hold;
use super::pair_loss::PairLoss;
use super::progress::TrainReporter;
use super::runner::{Runner, TrainReport};
use crate::Result;
use crate::types::{LoraConfig, Method, TrainConfig};

/// What is trained, and from what.
pub(super) struct PairRun<'a> {
    /// As on the command line, e.g. `arm`.
    pub(super) kind: &'static str,
    pub(super) base: &'a Base,
    pub(super) train: &'a TrainConfig,
    pub(super) lora: &'a LoraConfig,
    /// Folders that are read, over which it must not write.
    pub(super) inputs: Vec<&'a Path>,
    /// Everything that must be the same for a checkpoint to fit.
    pub(super) settings: Value,
}

impl PairRun<'_> {
    /// The pairs that fit.
    pub(super) fn filter<'p>(&self, pairs: &'p [Pair]) -> Filtered<'p, Pair> {
        let longest = self.base.longest(self.train);
        Filtered::of(pairs, |pair| pair.fit(longest))
    }

    /// Trains by the loss that `of` makes of the pairs that fit, and writes a PEFT folder.
    pub(super) fn run<'p>(
        self,
        filtered: Filtered<'p, Pair>,
        of: impl FnOnce(Vec<&'p Pair>) -> PairLoss<'p>,
        reporter: &mut dyn TrainReporter,
        out: &Path,
    ) -> Result<TrainReport> {
        let (base, method) = (self.base, Method::Lora(self.lora.clone()));
        let run = &self.train.run;
        let model = TrainModel::new(base.shape.clone(), &base.weights, &method, run.seed)?;
        let _held = hold(out, run, &self.inputs, self.kind)?;
        let runner = Runner {
            model: &model,
            folder: out,
            config: run,
            settings: self.settings,
            left_out: filtered.left_out,
            places: filtered.places,
        };
        let objective = of(filtered.kept);
        let mut descent = Descent::new(self.train, &model, &objective)?;
        let report = runner.run(&mut descent, reporter)?;
        base.write(out, &model, &method)?;
        Ok(report)
    }
}
