//! From finished steps to the bundle's folder, which appears whole or not at all.

use std::path::{Path, PathBuf};

use super::steps::{Made, MadeExpert};
use crate::bundle::Manifest;
use crate::forge::{PROVENANCE, Provenance};
use crate::output::folder_atomically;
use crate::types::ExpertKind;
use crate::{Error, Result};

/// What of a step belongs to a bundle; where a file is optional it may be absent.
const FILES: [&str; 5] = [
    "adapter_config.json",
    "adapter_model.safetensors",
    "router_config.json",
    "router.safetensors",
    PROVENANCE,
];

/// Writes the bundle: adapters and routers in it, the rest by full paths as `manifest` has them. Weights
/// are linked rather than copied where the file system can.
pub(super) fn assemble(
    mut manifest: Manifest,
    experts: &[MadeExpert],
    values: &[(String, Made)],
    provenance: &Provenance,
    out: &Path,
) -> Result<Manifest> {
    let mut parts: Vec<(&Path, PathBuf)> = Vec::new();
    for (entry, made) in manifest.experts.iter_mut().zip(experts) {
        let kind = match made.expert.kind {
            ExpertKind::Lora => "experts",
            ExpertKind::Router => "routers",
        };
        entry.path = Path::new(kind).join(&entry.name);
        parts.push((&made.made.folder, entry.path.clone()));
    }
    for (entry, (_, made)) in manifest.values.iter_mut().zip(values) {
        entry.path = Path::new("values").join(&entry.name);
        parts.push((&made.folder, entry.path.clone()));
    }
    folder_atomically(out, |folder| {
        for (from, to) in &parts {
            bring(from, &folder.join(to))?;
        }
        provenance.write(&folder.join(PROVENANCE))?;
        manifest.save(folder)
    })?;
    Ok(manifest)
}

fn bring(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::io("create", to))?;
    for name in FILES {
        let (source, target) = (from.join(name), to.join(name));
        if !source.exists() {
            continue;
        }
        let weights = source.extension().is_some_and(|e| e == "safetensors");
        if !(weights && std::fs::hard_link(&source, &target).is_ok()) {
            std::fs::copy(&source, &target).map_err(Error::io("write", &target))?;
        }
    }
    Ok(())
}
