//! The objectives of a bundle, and their reward models.

use std::path::Path;

use super::manifest::Manifest;
use super::options::LoadOptions;
use crate::hub;
use crate::reward::Reward;
use crate::types::ObjectiveInfo;
use crate::{Error, Result};

/// One of each per objective.
pub(super) struct Objectives {
    pub(super) infos: Vec<ObjectiveInfo>,
    /// Where the bundle names one and rewards were asked for.
    pub(super) rewards: Vec<Option<Reward>>,
}

impl Objectives {
    /// Loads them; `tell` hears the share that is done.
    pub(super) fn load(
        folder: &Path,
        manifest: &Manifest,
        options: &LoadOptions,
        tell: &mut dyn FnMut(f32) -> Result<()>,
    ) -> Result<Self> {
        let (mut infos, mut rewards) = (Vec::new(), Vec::new());
        let count = manifest.objective_count() as f32;
        for (index, name) in manifest.objective_names().into_iter().enumerate() {
            let objective = manifest.objectives.get(index);
            let entry = objective.and_then(|objective| objective.reward.as_ref());
            let path = entry
                .map(|entry| hub::locate(folder, &entry.path))
                .transpose()?;
            let reward = match (entry, &path) {
                (Some(entry), Some(path)) if options.rewards => {
                    let device = options.backend.device();
                    let reward = Reward::load(path, entry.reading.clone(), &device);
                    Some(reward.map_err(|error| at_objective(folder, index, error))?)
                }
                _ => None,
            };
            infos.push(ObjectiveInfo {
                name,
                reward: path,
                reward_kind: reward.as_ref().map(Reward::kind),
                reading: reward.as_ref().map(|reward| reward.rules().in_words()),
                sign: match entry {
                    Some(entry) => entry.reading.rules()?.sign,
                    None => 1.0,
                },
            });
            rewards.push(reward);
            tell((index + 1) as f32 / count)?;
        }
        Ok(Self { infos, rewards })
    }

    /// Of the reward models, in order of objectives; `None` where none was loaded.
    pub(super) fn digests(&self) -> Vec<Option<String>> {
        let digest = |reward: &Option<Reward>| Some(reward.as_ref()?.digest().to_owned());
        self.rewards.iter().map(digest).collect()
    }

    /// What the reward models have to say.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        self.infos
            .iter()
            .zip(&self.rewards)
            .flat_map(|(info, reward)| {
                let said = reward.iter().flat_map(Reward::warnings);
                said.map(|warning| format!("reward model of {}: {warning}", info.name))
            })
    }
}

/// A reading that does not fit its model, by the field that says it.
fn at_objective(folder: &Path, index: usize, error: Error) -> Error {
    match error {
        Error::Option { name, problem } => Error::field(
            &folder.join("bundle.json"),
            format!("objectives[{index}].reward.{name}"),
            problem,
        ),
        other => other,
    }
}
