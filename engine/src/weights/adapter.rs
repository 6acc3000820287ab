//! LoRA adapters in PEFT's folder layout: `adapter_config.json`, `adapter_model.safetensors`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{Checkpoint, Digest, read_json};
use crate::{Error, Result};

const PREFIX: &str = "base_model.model.";

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
}

/// `adapter_config.json`, as far as it bears on the numbers.
#[derive(Deserialize)]
struct Config {
    peft_type: Option<String>,
    #[serde(default = "eight")]
    r: usize,
    #[serde(default = "eight_f64")]
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    lora_bias: bool,
    bias: Option<String>,
    init_lora_weights: Option<Value>,
    #[serde(default)]
    rank_pattern: Option<Patterns<usize>>,
    #[serde(default)]
    alpha_pattern: Option<Patterns<f64>>,
    layer_replication: Option<Value>,
    target_parameters: Option<Value>,
    trainable_token_indices: Option<Value>,
    modules_to_save: Option<Value>,
    use_qalora: Option<bool>,
}

const fn eight() -> usize {
    8
}

const fn eight_f64() -> f64 {
    8.0
}

impl Adapter {
    /// Reads an adapter for a model whose linear modules are `linears` (path, `[out, in]`).
    ///
    /// Refuses by name what cannot be mixed by adding, and an adapter that matches no module.
    pub fn load(folder: &Path, linears: &[(String, [usize; 2])]) -> Result<Self> {
        let config_path = folder.join("adapter_config.json");
        let config: Config = read_json(&config_path)?;
        refuse_what_is_not_additive(&config, folder)?;
        let checkpoint = Checkpoint::open_file(&folder.join("adapter_model.safetensors"))?;
        let problem = |problem: String| Error::Adapter {
            path: folder.to_path_buf(),
            problem,
        };

        // Module path -> names of its A and B tensors.
        let mut pairs: BTreeMap<String, [Option<String>; 2]> = BTreeMap::new();
        for name in checkpoint.names() {
            let path = name.strip_prefix(PREFIX).unwrap_or(name);
            let split = [
                ".lora_A.weight",
                ".lora_A.default.weight",
                ".lora_B.weight",
                ".lora_B.default.weight",
            ]
            .iter()
            .position(|suffix| path.ends_with(suffix))
            .and_then(|which| path.rfind(".lora_").map(|at| (&path[..at], which / 2)));
            let Some((module, which)) = split else {
                return Err(problem(format!(
                    "tensor `{name}` is not a LoRA factor (`.lora_A.weight`, `.lora_B.weight`); only plain additive LoRA can be mixed{}",
                    if path.contains("lora_magnitude_vector") {
                        ", and this is DoRA"
                    } else {
                        ""
                    }
                )));
            };
            pairs.entry(module.to_owned()).or_default()[which] = Some(name.to_owned());
        }

        let mut digest = Digest::default();
        let mut factors = BTreeMap::new();
        let mut unmatched = Vec::new();
        for (module, [a, b]) in pairs {
            let (Some(a), Some(b)) = (a, b) else {
                return Err(problem(format!(
                    "module `{module}` has only one of its two factors lora_A and lora_B"
                )));
            };
            let Some((_, [out, inner])) = linears.iter().find(|(path, _)| *path == module) else {
                unmatched.push(module);
                continue;
            };
            let rank = matching(
                config.rank_pattern.as_ref(),
                &module,
                &config_path,
                "rank_pattern",
            )?
            .unwrap_or(config.r);
            let alpha = matching(
                config.alpha_pattern.as_ref(),
                &module,
                &config_path,
                "alpha_pattern",
            )?
            .unwrap_or(config.lora_alpha);
            if rank == 0 {
                return Err(Error::field(
                    &config_path,
                    "r",
                    format!("is 0 for `{module}`; a rank is at least 1"),
                ));
            }
            if !alpha.is_finite() {
                return Err(Error::field(
                    &config_path,
                    "lora_alpha",
                    format!("is {alpha}; it must be a finite number"),
                ));
            }
            let scale = if config.use_rslora {
                alpha / (rank as f64).sqrt()
            } else {
                alpha / rank as f64
            };
            let factor = LoraFactor {
                a: checkpoint.read(&a, &[rank, *inner], &mut digest)?,
                b: checkpoint.read(&b, &[*out, rank], &mut digest)?,
                rank,
                scale: scale as f32,
            };
            factors.insert(module, factor);
        }
        if factors.is_empty() {
            return Err(problem(format!(
                "none of its {} modules is in this model (the first is `{}`, the model's are like `{}`): it belongs to another model",
                unmatched.len(),
                unmatched.first().map_or("", String::as_str),
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
            bytes: checkpoint.bytes(),
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

fn refuse_what_is_not_additive(config: &Config, folder: &Path) -> Result<()> {
    let refuse = |what: String| {
        Err(Error::Adapter {
            path: folder.to_path_buf(),
            problem: format!("{what}; only plain additive LoRA can be mixed: convert it first"),
        })
    };
    match config.peft_type.as_deref() {
        None | Some("LORA") => {}
        Some(other) => return refuse(format!("it is of PEFT type {other}, not LORA")),
    }
    if config.use_dora {
        return refuse("it is a DoRA adapter (use_dora), whose effect is not a sum".to_owned());
    }
    if config.lora_bias || config.bias.as_deref().is_some_and(|b| b != "none") {
        return refuse("it changes biases (bias, lora_bias)".to_owned());
    }
    if config.use_qalora == Some(true) {
        return refuse("it is a QALoRA adapter (use_qalora)".to_owned());
    }
    if let Some(Value::String(init)) = &config.init_lora_weights {
        let init = init.to_lowercase();
        if ["pissa", "olora", "corda", "loftq", "lora_ga"]
            .iter()
            .any(|kind| init.starts_with(kind))
        {
            return refuse(format!(
                "it was initialised by `{init}`, which changes the base weights"
            ));
        }
    }
    for (name, value) in [
        ("layer_replication", &config.layer_replication),
        ("target_parameters", &config.target_parameters),
        ("trainable_token_indices", &config.trainable_token_indices),
        ("modules_to_save", &config.modules_to_save),
    ] {
        if value
            .as_ref()
            .is_some_and(|v| !v.is_null() && v.as_array().is_none_or(|a| !a.is_empty()))
        {
            return refuse(format!("it uses `{name}`"));
        }
    }
    Ok(())
}

/// The value of the first pattern, in the file's order, that matches a module as PEFT matches it.
fn matching<T: Copy>(
    patterns: Option<&Patterns<T>>,
    module: &str,
    path: &Path,
    field: &str,
) -> Result<Option<T>> {
    for (pattern, value) in patterns.iter().flat_map(|p| &p.0) {
        let regex = Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$"))
            .map_err(|e| Error::field(path, field, format!("`{pattern}` is not a pattern: {e}")))?;
        if regex.is_match(module) {
            return Ok(Some(*value));
        }
    }
    Ok(None)
}

/// A JSON object as pairs in the file's order, which decides which pattern wins.
struct Patterns<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patterns<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Patterns<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object from module patterns to numbers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Patterns(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}
