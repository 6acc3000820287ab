//! The experts and value vectors of a bundle.

use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use crate::Result;
use crate::mixture::{Bank, BankRouter};
use crate::routing::Complex;
use crate::types::{AdapterInfo, Expert, ExpertKind};
use crate::weights::{Adapter, RouterExpert};

/// Which adapters are the value vectors.
pub(super) struct Values {
    /// Per value vector.
    pub(super) indices: Vec<usize>,
    /// Per value vector.
    value_names: Vec<String>,
    /// Per adapter of the bank.
    pub(super) names: Vec<String>,
    /// Whether one-hot experts stand in for value vectors, of which none is listed.
    pub(super) stand_in: bool,
    /// Of routers.
    warnings: Vec<String>,
}

impl Values {
    /// One entry per value vector, from those of all adapters.
    pub(super) fn infos(&self, adapters: &[AdapterInfo]) -> Vec<AdapterInfo> {
        let named = self.indices.iter().zip(&self.value_names);
        let info = |(&index, name): (&usize, &String)| AdapterInfo {
            name: name.clone(),
            ..adapters[index].clone()
        };
        named.map(info).collect()
    }

    /// What the adapters have to say, and then the routers.
    pub(super) fn warnings<'a>(&'a self, bank: &'a Bank) -> impl Iterator<Item = String> + 'a {
        let named = bank.adapters.iter().zip(&self.names);
        let adapters = named.flat_map(|(adapter, name)| {
            let said = adapter.warnings.iter();
            said.map(move |warning| format!("adapter {name}: {warning}"))
        });
        adapters.chain(self.warnings.iter().cloned())
    }
}

/// Loads the experts as listed, then the value vectors that are none of them.
pub(super) fn load_bank(
    folder: &Path,
    manifest: &Manifest,
    listed: &[Expert],
    linears: &[(String, [usize; 2])],
) -> Result<(Bank, Values)> {
    let mut bank = Bank::default();
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for entry in manifest
        .experts
        .iter()
        .filter(|e| e.kind == ExpertKind::Lora)
    {
        let path = folder.join(&entry.path);
        bank.adapters.push(Adapter::load(&path, linears)?);
        paths.push(same_file(&path));
        names.push(entry.name.clone());
    }
    bank.experts = bank.adapters.len();
    let (mut indices, mut value_names) = (Vec::new(), Vec::new());
    for entry in &manifest.values {
        let path = folder.join(&entry.path);
        // A value vector that is also an expert is loaded once.
        let index = match paths.iter().position(|known| *known == same_file(&path)) {
            Some(index) => index,
            None => {
                bank.adapters.push(Adapter::load(&path, linears)?);
                paths.push(same_file(&path));
                // Wherever both are shown, an expert and a value vector of one name are told apart.
                let taken = manifest.experts.iter().any(|e| e.name == entry.name);
                let kind = if taken { " (value vector)" } else { "" };
                names.push(format!("{}{kind}", entry.name));
                bank.adapters.len() - 1
            }
        };
        indices.push(index);
        value_names.push(entry.name.clone());
    }
    let loras: Vec<Expert> = listed
        .iter()
        .filter(|e| e.kind == ExpertKind::Lora)
        .cloned()
        .collect();
    let stand_in = manifest.values.is_empty();
    if stand_in {
        let one_hot = |axis: usize| {
            loras.iter().position(|e| {
                e.preference
                    .as_slice()
                    .iter()
                    .enumerate()
                    .all(|(i, &v)| v == f64::from(u8::from(i == axis)))
            })
        };
        if let Some(found) = (0..manifest.objective_count())
            .map(one_hot)
            .collect::<Option<Vec<usize>>>()
        {
            value_names = found.iter().map(|&i| names[i].clone()).collect();
            indices = found;
        }
    }
    let warnings = load_routers(folder, manifest, listed, linears, &mut bank)?;
    Ok((
        bank,
        Values {
            indices,
            value_names,
            names,
            stand_in,
            warnings,
        },
    ))
}

/// Loads the routers, and says where they stand elsewhere than the bundle says.
fn load_routers(
    folder: &Path,
    manifest: &Manifest,
    listed: &[Expert],
    linears: &[(String, [usize; 2])],
    bank: &mut Bank,
) -> Result<Vec<String>> {
    let loras: Vec<Expert> = listed
        .iter()
        .filter(|e| e.kind == ExpertKind::Lora)
        .cloned()
        .collect();
    let mut warnings = Vec::new();
    let expert_names: Vec<String> = loras.iter().map(|e| e.name.clone()).collect();
    for (entry, expert) in manifest
        .experts
        .iter()
        .zip(listed)
        .filter(|(e, _)| e.kind == ExpertKind::Router)
    {
        let router = RouterExpert::load(&folder.join(&entry.path), linears, &expert_names)?;
        // Of a bundle that has grown, a router says where it stood among fewer objectives: it has none of the others.
        let longer = router.preference.len().max(entry.preference.len());
        let share = |of: &[f64], axis: usize| of.get(axis).copied().unwrap_or(0.0);
        let apart = (0..longer).any(|axis| {
            (share(&router.preference, axis) - share(&entry.preference, axis)).abs() > 1e-6
        });
        if apart {
            warnings.push(format!("router {}: router_config.json says {:?}, bundle.json {:?}; the bundle's place is used", entry.name, router.preference, entry.preference));
        }
        let mut fallback = vec![0.0; bank.adapters.len()];
        for near in Complex::new(&loras, manifest.objective_count())?
            .route(&expert.preference)
            .experts
        {
            fallback[near.index] = near.weight as f32;
        }
        bank.routers.push(BankRouter {
            expert: router,
            fallback,
        });
    }
    Ok(warnings)
}

/// A path by which two spellings of the same folder are equal.
fn same_file(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
