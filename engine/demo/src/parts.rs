//! The experts, router and value vectors of the demonstration, as a recipe that anybody could write.

use std::path::{Path, PathBuf};

use super::evaluate::LIMIT;
use super::levels::Objective;
use super::recipe::{Recipe, TrainSettings};
use paretoscope_engine::bundle::RewardEntry;
use paretoscope_engine::recipe as general;
use paretoscope_engine::recipe::file::{
    Merged, ObjectiveSource, PreferenceEntry, RescaleEntry, Router, Value,
};
use paretoscope_engine::recipe::settings::{DpoSettings, Moves, RouterSettings, Training};
use paretoscope_engine::reward::Reading;
use paretoscope_engine::types::{PenaltyKind, Scalarisation, Strength};

/// Name of the merged expert.
pub const CENTRE: &str = "centre";

/// What the parts are made from.
pub struct Sources<'a> {
    /// Folder of the base, with its tokenizer.
    pub base: &'a Path,
    /// Folders of the reward models, in order of objectives.
    pub rewards: [&'a Path; 3],
    /// Folder of the pairs, a file per objective.
    pub pairs: &'a Path,
    /// Prompts to train the router on.
    pub prompts: &'a Path,
}

/// Value vectors held apart, or plain ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// MVA.
    Yes,
    /// DPO alone.
    No,
}

/// The recipe of the parts: an expert per objective from a full fine-tune, pruned and decomposed; one merged by
/// PCB in the centre; a router; value vectors.
pub fn parts(recipe: &Recipe, sources: &Sources<'_>, values: Apart) -> general::Recipe {
    let pairs = |objective: Objective| -> PathBuf {
        sources
            .pairs
            .join(format!("pairs-{}.jsonl", objective.name()))
    };
    let expert = &recipe.expert;
    let objectives = Objective::ALL
        .into_iter()
        .map(|objective| ObjectiveSource {
            name: objective.name().to_owned(),
            source: None,
            data: Some(pairs(objective)),
            reward: Some(RewardEntry {
                path: sources.rewards[objective.index()].to_path_buf(),
                reading: Reading::default(),
            }),
            rescale: Some(RescaleEntry::Factor(expert.rescale[objective.index()])),
        })
        .collect();
    let value = |objective: Objective| Value {
        name: match values {
            Apart::Yes => objective.name().to_owned(),
            Apart::No => format!("plain-{}", objective.name()),
        },
        source: None,
        data: Some(pairs(objective)),
        // There is nothing that the first one could be held apart from.
        penalty: match values {
            Apart::Yes if objective.index() > 0 => PenaltyKind::HsicNormalised,
            Apart::Yes | Apart::No => PenaltyKind::None,
        },
        alpha: Some(Strength::Alpha(recipe.values.alpha)),
        rows: Some(512),
    };
    let dpo = |settings: &TrainSettings, method: Moves| DpoSettings {
        method: Some(method),
        beta: Some(expert.beta),
        learning_rate: Some(settings.learning_rate),
        epochs: Some(settings.epochs),
        batch_tokens: Some(settings.batch_tokens),
        max_length: Some(recipe.model.context),
        // Numbers of its own, so that what ships does not follow what is usual elsewhere.
        rank: None,
        alpha: Some(2.0 * expert.rank as f64),
        target_modules: None,
        steps: None,
        skip_bad: false,
        warm_up: Some(0.03),
        weight_decay: Some(0.01),
        checkpoint_every: Some(50),
    };
    let router = &recipe.router;
    general::Recipe {
        name: "demo".to_owned(),
        base: sources.base.to_path_buf(),
        rank: expert.rank,
        prune: Some(expert.prune),
        rescale: RescaleEntry::default(),
        precision: paretoscope_engine::forge::Precision::default(),
        seed: recipe.seed,
        objectives,
        merged: Some(vec![Merged::new(CENTRE, PreferenceEntry::At(vec![1.0; 3]))]),
        routers: Some(vec![Router {
            name: router_name(&router.preference),
            preference: PreferenceEntry::At(router.preference.to_vec()),
        }]),
        values: Objective::ALL.into_iter().map(value).collect(),
        prompts: None,
        training_prompts: Some(sources.prompts.to_path_buf()),
        training: Training {
            experts: dpo(&expert.dpo, Moves::Full),
            values: dpo(&recipe.values.dpo, Moves::Lora),
            routers: RouterSettings {
                batches: Some(router.batches),
                batch: Some(router.batch),
                max_tokens: Some(LIMIT),
                learning_rate: Some(router.learning_rate),
                calibration: Some(router.calibration),
                minibatch: Some(16),
                epochs: Some(4),
                temperature: Some(1.0),
                kl: Some(0.02),
                kl_target: None,
                scalarise: Some(Scalarisation::OmdStch),
                literal: Some(false),
                checkpoint_every: Some(20),
            },
        },
        auto: paretoscope_engine::recipe::settings::AutoSettings::default(),
    }
}

/// Shares as whole numbers, e.g. `1-1-2`.
fn router_name(preference: &[f64; 3]) -> String {
    let least = preference
        .iter()
        .copied()
        .filter(|&p| p > 0.0)
        .fold(1.0, f64::min);
    let shares = preference.map(|share| format!("{}", (share / least).round()));
    shares.join("-")
}

#[cfg(test)]
mod tests {
    use super::router_name;

    #[test]
    fn routers_are_named_by_their_shares() {
        assert_eq!(router_name(&[0.25, 0.25, 0.5]), "1-1-2");
        assert_eq!(router_name(&[0.0, 0.5, 0.5]), "0-1-1");
    }
}
