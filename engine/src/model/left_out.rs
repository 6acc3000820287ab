//! Tensors of a checkpoint that a model's configuration does not ask for: left out as transformers does, and said.

use std::collections::HashSet;

use super::LlamaConfig;
use crate::weights::Checkpoint;
use crate::{Error, Result};

impl LlamaConfig {
    /// Biases of linear modules that the configuration does not ask for (`attention_bias`, `mlp_bias`), by the
    /// tensor's name. Refuses a checkpoint with more layers than the configuration counts: which of the two is
    /// wrong cannot be known.
    pub fn biases_not_asked_for(&self, checkpoint: &Checkpoint) -> Result<Vec<String>> {
        let layer = |name: &str| -> Option<usize> {
            let rest = name.strip_prefix("model.layers.")?;
            rest.split('.').next()?.parse().ok()
        };
        let beyond = checkpoint
            .names()
            .find(|name| layer(name).is_some_and(|layer| layer >= self.layers));
        if let Some(name) = beyond {
            let problem = format!(
                "holds `{name}`, but config.json counts {} layers (num_hidden_layers); mend the one that is wrong",
                self.layers
            );
            return Err(Error::file(checkpoint.path(), problem));
        }
        let not_asked = |name: &&str| match name.strip_suffix(".bias") {
            Some("lm_head") => true,
            Some(module) if layer(module).is_some() => {
                let inside = [".self_attn.", ".mlp."].iter().any(|p| module.contains(p));
                inside && !self.has_bias(module)
            }
            _ => false,
        };
        Ok(checkpoint
            .names()
            .filter(not_asked)
            .map(str::to_owned)
            .collect())
    }

    /// All tensors that a causal model of this configuration does not read, by name; tables of rotary
    /// frequencies, which follow from the configuration, do not count.
    pub fn not_asked_for(&self, checkpoint: &Checkpoint) -> Result<Vec<String>> {
        let mut names = self.biases_not_asked_for(checkpoint)?;
        let linears: HashSet<String> = self.linears().into_iter().map(|(path, _)| path).collect();
        let weights: HashSet<String> = self.weights().into_iter().map(|(name, _)| name).collect();
        let known = |name: &str| {
            let module = name
                .strip_suffix(".weight")
                .or_else(|| name.strip_suffix(".bias"));
            weights.contains(name)
                || name.ends_with(".inv_freq")
                || module.is_some_and(|module| linears.contains(module))
        };
        let more = checkpoint.names().filter(|name| !known(name));
        names.extend(more.map(str::to_owned));
        Ok(names)
    }
}

/// Names in words: the first few, and how many there are.
pub fn in_words(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let first: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
