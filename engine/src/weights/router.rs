//! Router experts: per module, a linear layer that votes for LoRA experts token by token (HoE 3.2).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Checkpoint, Digest, read_json};
use crate::types::RouterActivation;
use crate::{Error, Result, files};

/// One module's layer.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterSite {
    /// `[outputs, inputs]`, row-major.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// A router expert.
#[derive(Debug, Clone)]
pub struct RouterExpert {
    /// Its folder.
    pub path: PathBuf,
    /// Where it says it stands.
    pub preference: Vec<f64>,
    /// Indices of the LoRA experts that its outputs vote for, in order.
    pub outputs: Vec<usize>,
    /// What follows the linear layer.
    pub activation: RouterActivation,
    /// Layers by module path.
    pub sites: BTreeMap<String, RouterSite>,
    /// SHA-256 of its tensors, hexadecimal.
    pub digest: String,
    /// Bytes of its tensors on disk.
    pub bytes: u64,
}

/// `router_config.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    preference: Vec<f64>,
    outputs: Vec<String>,
    #[serde(default)]
    activation: RouterActivation,
}

impl RouterExpert {
    /// Reads a router that votes for some of `experts` (names of the bundle's LoRA experts).
    pub fn load(
        folder: &Path,
        linears: &[(String, [usize; 2])],
        experts: &[String],
    ) -> Result<Self> {
        let config_path = folder.join("router_config.json");
        let config: Config = read_json(&config_path)?;
        if config.outputs.is_empty() {
            return Err(Error::field(
                &config_path,
                "outputs",
                "is empty; a router votes for at least one LoRA expert",
            ));
        }
        let mut outputs = Vec::with_capacity(config.outputs.len());
        for name in &config.outputs {
            let index = experts
                .iter()
                .position(|expert| expert == name)
                .ok_or_else(|| {
                    Error::field(
                        &config_path,
                        "outputs",
                        format!(
                            "names `{name}`, which is not a LoRA expert of the bundle ({})",
                            experts.join(", ")
                        ),
                    )
                })?;
            if outputs.contains(&index) {
                return Err(Error::field(
                    &config_path,
                    "outputs",
                    format!("names `{name}` twice"),
                ));
            }
            outputs.push(index);
        }
        let checkpoint = Checkpoint::open_file(&folder.join("router.safetensors"))?;
        for name in checkpoint.names() {
            let module = name
                .strip_suffix(".weight")
                .or_else(|| name.strip_suffix(".bias"));
            if !module.is_some_and(|module| linears.iter().any(|(path, _)| path == module)) {
                return Err(Error::Adapter {
                    path: folder.to_path_buf(),
                    problem: format!(
                        "tensor `{name}` belongs to no linear module of this model: the router is for another model"
                    ),
                });
            }
        }
        let mut digest = Digest::default();
        // Which experts it votes for, and how its outputs become shares, bear on every answer.
        digest.note(&files::read_bytes(&config_path, files::SETTINGS)?);
        let mut sites = BTreeMap::new();
        for (module, [_, inner]) in linears {
            let (weight, bias) = (format!("{module}.weight"), format!("{module}.bias"));
            if checkpoint.contains(&weight) || checkpoint.contains(&bias) {
                sites.insert(
                    module.clone(),
                    RouterSite {
                        weight: checkpoint.read(&weight, &[outputs.len(), *inner], &mut digest)?,
                        bias: checkpoint.read(&bias, &[outputs.len()], &mut digest)?,
                    },
                );
            }
        }
        Ok(Self {
            path: folder.to_path_buf(),
            preference: config.preference,
            outputs,
            activation: config.activation,
            sites,
            digest: digest.hex(),
            bytes: checkpoint.bytes(),
        })
    }
}
