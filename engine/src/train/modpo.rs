//! An adapter for one preference by DPO with margins (MODPO, Zhou et al. 2024, Eq. 10).
//!
//! `L = -log sigmoid((1 / w₁) (beta (Δ(y+, y-) - Δ_ref(y+, y-)) - Σⱼ wⱼ mⱼ))`, `Δ` the difference of both answers'
//! log-probabilities. The pairs are about the first objective; each other one speaks through its value vector `θⱼ`,
//! whose implicit reward gives the margin `mⱼ = beta (Δ_θⱼ - Δ_ref)`. Reference and margins are asked once, before
//! training. At the first objective alone this is DPO.

use std::path::Path;

use serde_json::json;

use super::base::{Base, digest};
use super::config::{Start, open_device};
use super::dpo::{Pair, base_ratios, frozen_ratios};
use super::out_folder::check_writable;
use super::pair_loss::{Others, PairLoss};
use super::pair_run::PairRun;
use super::progress::TrainReporter;
use super::runner::TrainReport;
use crate::Result;
use crate::types::ModpoConfig;
use crate::weights::Adapter;

/// Trains on `pairs` about the first objective and leaves a PEFT folder in `out`.
pub fn modpo(
    config: &ModpoConfig,
    start: &Start,
    pairs: &[Pair],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    let weights = config.weights()?;
    let run = &config.train.run;
    let mut inputs = start.folders();
    inputs.extend(config.values.iter().map(|value| value.as_path()));
    check_writable(out, run, &inputs)?;
    let base = Base::open(start, run.seed, &open_device(run)?)?;
    let examples = || pairs.iter().flat_map(|pair| pair.both());
    base.check_tokens(examples())?;
    let linears = base.shape.projections();
    config.lora.check(&linears)?;
    let values = config.values.iter();
    let values = values.map(|folder| Adapter::load(folder, &linears));
    let values = values.collect::<Result<Vec<Adapter>>>()?;
    // Folders may move between a run and its resumption; what they hold may not change.
    let by_content = ModpoConfig {
        values: Vec::new(),
        ..config.clone()
    };
    let mut settings = base.settings("modpo", &by_content, digest(examples()));
    settings["values"] = json!(values.iter().map(|value| &value.digest).collect::<Vec<_>>());
    let run = PairRun {
        kind: "modpo",
        base: &base,
        train: &config.train,
        lora: &config.lora,
        inputs,
        settings,
    };
    let filtered = run.filter(pairs);
    let reference = base_ratios(&base, &filtered.kept, &config.train, reporter)?;
    let margins = margins(
        config,
        (&base, &values),
        (&filtered.kept, &reference),
        &weights,
        reporter,
    )?;
    let weight = weights.first().copied().unwrap_or(1.0);
    let of = |pairs: Vec<_>| PairLoss {
        name: "modpo",
        weights: vec![1.0; pairs.len()],
        pairs,
        beta: config.beta,
        reference: Some(reference),
        others: margins.map(|margins| Others { margins, weight }),
        penalty: None,
    };
    run.run(filtered, of, reporter, out)
}

/// `Σⱼ wⱼ mⱼ` of every pair, `j` from the second on; `None` where no other objective has a weight.
fn margins(
    config: &ModpoConfig,
    (base, values): (&Base, &[Adapter]),
    (pairs, reference): (&[&Pair], &[f32]),
    weights: &[f64],
    reporter: &mut dyn TrainReporter,
) -> Result<Option<Vec<f32>>> {
    let mut sum = vec![0.0; pairs.len()];
    let others = values.iter().zip(weights.iter().skip(1));
    let others = others.filter(|(_, weight)| **weight > 0.0);
    let mut count = 0;
    for (value, weight) in others {
        count += 1;
        let merged = base.with(value)?;
        let what = "margins of value vectors";
        let ratios = frozen_ratios(base, &merged, pairs, (&config.train, what), reporter)?;
        for (sum, (ratio, reference)) in sum.iter_mut().zip(ratios.iter().zip(reference)) {
            *sum += weight * config.beta * (f64::from(*ratio) - f64::from(*reference));
        }
    }
    let margins = || sum.into_iter().map(|margin| margin as f32).collect();
    Ok((count > 0).then(margins))
}
