//! Policies from rewards: HoE's router experts, and one adapter for one preference (MORLHF).
//!
//! | step | in → out | file |
//! |---|---|---|
//! | calibrate | answers of the base and of the experts → scale of rewards, ideal point | `calibrate` |
//! | act | prompts → answers of the policy → scores | `actor` |
//! | scalarise | mean rewards → coefficients of objectives | [`scalarise`] |
//! | estimate | scores, values, divergence from the base → mixed advantages | [`advantage`] |
//! | learn | clipped updates of policy and values, checkpoints, metrics | `loss`, `learner` |
//!
//! Answers come from the same batched rows as everything else (`generate`), rewards from the bundle's own
//! reward models; what learns is a router's layers ([`router`]) or an adapter ([`morl`]), everything else
//! is frozen.

mod actor;
pub mod advantage;
mod calibrate;
mod learner;
mod loss;
pub mod morl;
pub mod router;
pub mod scalarise;
#[cfg(test)]
mod tests;

pub use morl::train_morl;
pub use router::train_router;

use std::path::Path;

use serde_json::Value;

use crate::bundle::Manifest;
use crate::lock::FolderLock;
use crate::types::Prompt;
use crate::{Error, Result};

/// Refuses a bundle without a reward model for every objective, and no prompts, before anything is loaded.
pub(super) fn check_scored(manifest: &Manifest, prompts: &[Prompt]) -> Result<()> {
    if let Some(objective) = manifest.objectives.iter().find(|o| o.reward.is_none()) {
        let problem = format!(
            "the bundle has none for {}; a policy is trained on the scores of all objectives",
            objective.name
        );
        return Err(Error::option("rewards", problem));
    }
    if manifest.objectives.is_empty() {
        let problem = "the bundle has none; a policy is trained on the scores of all objectives";
        return Err(Error::option("rewards", problem));
    }
    if prompts.is_empty() {
        return Err(Error::option("prompts", "are none; at least one is needed"));
    }
    Ok(())
}

/// Leaves nothing of a run that was refused: its policy's bundle, and its folder where that is empty.
fn tidied<T>(result: Result<T>, policy: &Path, held: &FolderLock) -> Result<T> {
    if result.as_ref().is_err_and(Error::is_input) {
        if policy.exists() {
            std::fs::remove_dir_all(policy).map_err(Error::io("remove", policy))?;
        }
        held.remove_if_empty();
    }
    result
}

/// All folders that a run reads, over which it must not write.
pub(super) fn inputs<'a>(folder: &'a Path, manifest: &'a Manifest) -> Vec<&'a Path> {
    let rewards = manifest.objectives.iter().filter_map(|o| o.reward.as_ref());
    let mut all = vec![folder, manifest.base.as_path()];
    all.extend(rewards.map(|reward| reward.path.as_path()));
    all.extend(manifest.experts.iter().map(|expert| expert.path.as_path()));
    all.extend(manifest.values.iter().map(|value| value.path.as_path()));
    all
}

/// Settings as they stand in a checkpoint: all but those that may change on the way.
fn lasting(config: &impl serde::Serialize) -> Result<Value> {
    let mut value = serde_json::to_value(config)
        .map_err(|e| Error::internal(format!("settings are no JSON: {e}")))?;
    if let Some(ppo) = value.get_mut("ppo").and_then(Value::as_object_mut) {
        for free in ["resume", "overwrite", "checkpoint_every", "device"] {
            ppo.remove(free);
        }
    }
    Ok(value)
}

/// A digest of prompts, so that a checkpoint is not continued on others.
pub(super) fn digest_of(prompts: &[Prompt]) -> String {
    let texts: Vec<String> = prompts.iter().map(|prompt| format!("{prompt:?}")).collect();
    crate::stage::digest(texts.iter().map(String::as_str))
}
