//! LoRA adapters in memory, ready to be mixed by adding.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Digest, Dora, LoraFolder, fused};
use crate::{Error, Result};

/// The two factors of one module: `delta W = scale * B A`.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraFactor {
    /// `A`, `[rank, inputs]`, row-major.
    pub a: Vec<f32>,
    /// `B`, `[outputs, rank]`, row-major.
    pub b: Vec<f32>,
    /// Rank.
    pub rank: usize,
    /// `alpha / rank`, or `alpha / sqrt(rank)` with rsLoRA.
    pub scale: f32,
}

/// An adapter whose effect is a sum of products, module by module.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// Its folder.
    pub path: PathBuf,
    /// Factors by module path, e.g. `model.layers.0.self_attn.q_proj`.
    pub factors: BTreeMap<String, LoraFactor>,
    /// SHA-256 of its tensors and scales, hexadecimal.
    pub digest: String,
    /// Bytes of its tensors on disk.
    pub bytes: u64,
    /// What of it was not read, in words.
    pub warnings: Vec<String>,
}

impl Adapter {
    /// Reads an adapter for a model whose linear modules are `linears` (path, `[out, in]`).
    ///
    /// Refuses by name what cannot be mixed by adding, and an adapter that matches no module.
    pub fn load(folder: &Path, linears: &[(String, [usize; 2])]) -> Result<Self> {
        Self::of_files(&LoraFolder::open(folder, Dora::Refuse)?, linears)
    }

    /// [`Adapter::load`] of a folder that is open.
    pub fn of_files(files: &LoraFolder, linears: &[(String, [usize; 2])]) -> Result<Self> {
        let folder = files.path.as_path();
        let problem = |problem: String| Error::Adapter {
            path: folder.to_path_buf(),
            problem,
        };
        let mut digest = Digest::default();
        let mut factors = BTreeMap::new();
        let mut unmatched = Vec::new();
        for (module, entry) in &files.modules {
            let parts = fused::linears_of(module, linears);
            let Some((_, [_, inner])) = parts.first() else {
                unmatched.push(module.as_str());
                continue;
            };
            let out = parts.iter().map(|(_, [out, _])| out).sum();
            let factor = files.read(entry, [out, *inner], &mut digest)?;
            let paths = parts.iter().map(|(path, _)| path.clone());
            factors.extend(paths.zip(fused::split(factor, entry, &parts)));
        }
        if factors.is_empty() {
            return Err(problem(format!(
                "none of its {} modules is in this model (the first is `{}`, the model's are like `{}`): it belongs to another model",
                unmatched.len(),
                unmatched.first().unwrap_or(&""),
                linears.first().map_or("", |(path, _)| path)
            )));
        }
        if let Some(first) = unmatched.first() {
            return Err(problem(format!(
                "{} of its modules are not in this model, the first is `{first}`: it belongs to another model",
                unmatched.len()
            )));
        }
        // The same tensors at another scale are another adapter.
        for factor in factors.values() {
            digest.note(&factor.scale.to_le_bytes());
        }
        let digest = digest.hex();
        Ok(Self {
            path: folder.to_path_buf(),
            factors,
            digest,
            bytes: files.checkpoint.bytes(),
            warnings: files.warnings.clone(),
        })
    }

    /// Largest rank over its modules.
    pub fn rank(&self) -> usize {
        self.factors
            .values()
            .map(|factor| factor.rank)
            .max()
            .unwrap_or(0)
    }
}
