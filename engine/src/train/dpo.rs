//! Direct preference optimisation (Rafailov et al. 2023), alone, of several sets at once (DPO-LW), in sequence
//! (DPO-SeqT), and held apart from earlier value vectors (MVA, Algorithm 1).
//!
//! `L = -log sigmoid(beta ((log p(y+) - log p(y-)) - (log p_ref(y+) - log p_ref(y-))))`, log-probabilities
//! summed over the answer's tokens with the end token; the reference is the model before training, with
//! adapters off, and is asked once. With a penalty the loss is `L + alpha Σⱼ D(θ, θⱼ)`; of several sets it is
//! `Σᵢ wᵢ L(Dᵢ)`, every pair of set `i` counting `wᵢ N / nᵢ` in the mean over all `N` pairs.

use std::path::Path;

use serde_json::json;

use super::base::{Base, digest};
use super::batch::{Example, targets_of};
use super::config::{Start, open_device};
use super::descent::Descent;
use super::filter::{Filtered, Fit};
use super::forward::{Adapters, TrainModel};
use super::out_folder::{check_writable, hold};
use super::pair_loss::PairLoss;
use super::parallel::Team;
use super::params::NamedTensors;
use super::penalty::Penalty;
use super::progress::TrainReporter;
use super::runner::{Runner, TrainReport};
use super::sft::sequence_log_probs;
use super::stacked;
use crate::types::{DpoConfig, Method, PenaltyKind, TrainConfig};
use crate::weights::Adapter;
use crate::{Bounds, Error, Result};

/// A prompt with a better and a worse answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// With the answer that was preferred.
    pub chosen: Example,
    /// With the other one.
    pub rejected: Example,
}

impl Pair {
    pub(super) fn len(&self) -> usize {
        self.chosen.len() + self.rejected.len()
    }

    pub(super) fn both(&self) -> [&Example; 2] {
        [&self.chosen, &self.rejected]
    }

    pub(super) fn fit(&self, longest: usize) -> Fit {
        if self.both().iter().any(|e| e.len() > longest) {
            Fit::TooLong
        } else if self.both().iter().any(|e| targets_of(e, false) == 0) {
            Fit::NothingToLearn
        } else {
            Fit::Fits
        }
    }
}

/// One of several sets of pairs, with its weight in the loss.
#[derive(Debug, Clone, Copy)]
pub struct PairSet<'a> {
    /// The set.
    pub pairs: &'a [Pair],
    /// `wᵢ`; all weights add up to 1.
    pub weight: f64,
}

/// Trains on `pairs` and leaves a model's folder (full) or a PEFT folder (LoRA) in `out`.
pub fn dpo(
    config: &DpoConfig,
    start: &Start,
    pairs: &[Pair],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    let set = PairSet { pairs, weight: 1.0 };
    dpo_mixed(config, start, &[set], reporter, out)
}

/// DPO-LW: trains on several sets at once, one adapter and one reference; a set of weight 0 takes no part.
pub fn dpo_mixed(
    config: &DpoConfig,
    start: &Start,
    sets: &[PairSet<'_>],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    check(config, sets)?;
    let mut inputs = start.folders();
    inputs.extend(config.against.iter().map(|p| p.as_path()));
    inputs.extend(config.start_from.as_deref());
    check_writable(out, &config.train.run, &inputs)?;
    let device = open_device(&config.train.run)?;
    let mut base = Base::open(start, config.train.run.seed, &device)?;
    base.check_tokens(
        sets.iter()
            .flat_map(|s| s.pairs)
            .flat_map(|pair| pair.both()),
    )?;
    let penalty = match &config.method {
        Method::Full => None,
        Method::Lora(lora) => {
            lora.check(&base.shape.projections())?;
            let given = &config.against;
            Some(Penalty::open(&config.penalty, lora, &base.shape, given)?)
        }
    };
    let previous = match &config.start_from {
        None => None,
        Some(folder) => Some(Adapter::load(folder, &base.shape.projections())?),
    };
    let settings = checkpoint_settings(config, &base, sets, penalty.as_ref(), previous.as_ref());
    if let Some(adapter) = &previous {
        base.merge(adapter)?;
    }
    let longest = base.longest(&config.train);
    let (filtered, weights) = filter(sets, longest);
    let reference = base_ratios(&base, &filtered.kept, &config.train, reporter)?;
    let model = TrainModel::new(
        base.shape.clone(),
        &base.weights,
        &config.method,
        config.train.run.seed,
    )?;
    let _held = hold(out, &config.train.run, &inputs, "dpo")?;
    let runner = Runner {
        model: &model,
        folder: out,
        config: &config.train.run,
        settings,
        left_out: filtered.left_out,
        places: filtered.places,
    };
    let objective = PairLoss {
        name: "dpo",
        pairs: filtered.kept,
        weights,
        beta: config.beta,
        reference: Some(reference),
        others: None,
        penalty,
    };
    let report = runner.run(
        &mut Descent::new(&config.train, &model, &objective)?,
        reporter,
    )?;
    match (&previous, &config.method) {
        (Some(previous), Method::Lora(lora)) => {
            let folder = start.folders();
            stacked::write(out, folder.first().copied(), previous, lora, model.vars())?;
        }
        _ => base.write(out, &model, &config.method)?,
    }
    Ok(report)
}

fn check(config: &DpoConfig, sets: &[PairSet<'_>]) -> Result<()> {
    config.train.check()?;
    let checked = Bounds::above(0.0).check(config.beta);
    checked.map_err(|e| Error::option("beta", e))?;
    if config.method == Method::Full
        && (config.penalty.kind != PenaltyKind::None || !config.against.is_empty())
    {
        return Err(Error::option(
            "against, penalty",
            "compare adapters, but all weights are trained here; train an adapter with `lora`",
        ));
    }
    if config.start_from.is_some()
        && (config.penalty.kind != PenaltyKind::None || !config.against.is_empty())
    {
        return Err(Error::option(
            "against, penalty",
            "measure the new adapter alone, which with `start_from` is only a part of the value vector; use one of both",
        ));
    }
    let weights: Vec<f64> = sets.iter().map(|set| set.weight).collect();
    if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
        let problem = format!("has the weight {bad}; weights must be numbers of at least 0");
        return Err(Error::option("mix", problem));
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > 1e-6 {
        let problem = format!("has weights that add up to {sum}; they must add up to 1");
        return Err(Error::option("mix", problem));
    }
    Ok(())
}

/// The pairs that take part, and what each counts: `wᵢ N / nᵢ`.
pub(super) fn filter<'a>(sets: &[PairSet<'a>], longest: usize) -> (Filtered<'a, Pair>, Vec<f32>) {
    let (mut filtered, mut first) = (Filtered::default(), 0);
    let mut counts = Vec::new();
    for set in sets {
        if set.weight > 0.0 {
            let count = filtered.add(set.pairs, first, |pair| pair.fit(longest));
            counts.push((set.weight, count));
        }
        first += set.pairs.len();
    }
    let all = filtered.kept.len() as f64;
    let weights = counts
        .into_iter()
        .flat_map(|(weight, count)| {
            let each = weight * all / count.max(1) as f64;
            std::iter::repeat_n(each as f32, count)
        })
        .collect();
    (filtered, weights)
}

/// `log p(y+) - log p(y-)` of every pair by the base: the reference.
pub(super) fn base_ratios(
    base: &Base,
    pairs: &[&Pair],
    config: &TrainConfig,
    reporter: &mut dyn TrainReporter,
) -> Result<Vec<f32>> {
    let what = "reference log-probabilities";
    frozen_ratios(base, &base.weights, pairs, (config, what), reporter)
}

/// `log p(y+) - log p(y-)` of every pair by these weights in the base's shape; `what` tells people whose they are.
pub(super) fn frozen_ratios(
    base: &Base,
    weights: &NamedTensors,
    pairs: &[&Pair],
    (config, what): (&TrainConfig, &'static str),
    reporter: &mut dyn TrainReporter,
) -> Result<Vec<f32>> {
    let examples: Vec<&Example> = pairs.iter().flat_map(|p| p.both()).collect();
    let frozen = TrainModel::frozen(base.shape.clone(), weights)?;
    let total = examples.len();
    let sums = sequence_log_probs(
        &frozen,
        &examples,
        Adapters::Off,
        &Team::new(frozen.workers(config.run.workers))?,
        |done| {
            reporter.preparing(what, done, total);
            if reporter.cancelled() {
                return Err(Error::Cancelled);
            }
            Ok(())
        },
    )?;
    Ok(sums.chunks_exact(2).map(|s| (s[0] - s[1]) as f32).collect())
}

/// Folders may move between a run and its resumption; what they hold may not change.
fn checkpoint_settings(
    config: &DpoConfig,
    base: &Base,
    sets: &[PairSet<'_>],
    penalty: Option<&Penalty>,
    previous: Option<&Adapter>,
) -> serde_json::Value {
    let by_content = DpoConfig {
        against: Vec::new(),
        start_from: None,
        ..config.clone()
    };
    let data = digest(
        sets.iter()
            .flat_map(|set| set.pairs)
            .flat_map(|pair| pair.both()),
    );
    let mut settings = base.settings("dpo", &by_content, data);
    settings["against"] = json!(penalty.map(|p| p.digests()).unwrap_or_default());
    settings["start_from"] = json!(previous.map(|adapter| &adapter.digest));
    settings["mix"] = json!(
        sets.iter()
            .map(|set| (set.weight, set.pairs.len()))
            .collect::<Vec<_>>()
    );
    settings
}
