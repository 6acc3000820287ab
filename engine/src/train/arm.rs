//! Autoregressive reward models (GenARM, Xu et al. 2025, Eq. 6): an adapter whose log-probability of an answer is its
//! reward, so that every next token has one.
//!
//! `L = -log sigmoid(beta (log p(y+) - log p(y-)))`, log-probabilities summed over the answer's tokens with the end
//! token; there is no reference.

use std::path::Path;

use super::base::{Base, digest};
use super::config::{Start, open_device};
use super::dpo::Pair;
use super::out_folder::check_writable;
use super::pair_loss::PairLoss;
use super::pair_run::PairRun;
use super::progress::TrainReporter;
use super::runner::TrainReport;
use crate::Result;
use crate::types::ArmConfig;

/// Trains on `pairs` and leaves a PEFT folder in `out`.
pub fn arm(
    config: &ArmConfig,
    start: &Start,
    pairs: &[Pair],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    config.check()?;
    let run = &config.train.run;
    check_writable(out, run, &start.folders())?;
    let base = Base::open(start, run.seed, &open_device(run)?)?;
    let examples = || pairs.iter().flat_map(|pair| pair.both());
    base.check_tokens(examples())?;
    let run = PairRun {
        kind: "arm",
        base: &base,
        train: &config.train,
        lora: &config.lora,
        inputs: start.folders(),
        settings: base.settings("arm", config, digest(examples())),
    };
    let filtered = run.filter(pairs);
    let of = |pairs: Vec<_>| PairLoss {
        name: "arm",
        weights: vec![1.0; pairs.len()],
        pairs,
        beta: config.beta,
        reference: None,
        others: None,
        penalty: None,
    };
    run.run(filtered, of, reporter, out)
}
