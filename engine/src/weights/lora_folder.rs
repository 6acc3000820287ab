//! PEFT's LoRA folders as they lie on disk: the configuration, and which tensors make up which module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{Checkpoint, Digest, LoraFactor, read_json};
use crate::{Error, Result};

const PREFIX: &str = "base_model.model.";

/// An opened folder; no tensor is read yet.
#[derive(Debug)]
pub struct LoraFolder {
    /// The folder.
    pub path: PathBuf,
    /// Its tensors.
    pub checkpoint: Checkpoint,
    /// What it holds per module path, e.g. `model.layers.0.self_attn.q_proj`.
    pub modules: BTreeMap<String, LoraModule>,
    /// Whether it is a DoRA adapter, whose effect is not a sum of products.
    pub dora: bool,
    /// Whether the base stores its weights as `[in, out]` (GPT-2's Conv1D). The factors themselves
    /// are `[rank, in]` and `[out, rank]` either way.
    pub fan_in_fan_out: bool,
}

/// One module of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraModule {
    /// Name of `A`, `[rank, in]`.
    pub a: String,
    /// Name of `B`, `[out, rank]`.
    pub b: String,
    /// Name of DoRA's magnitudes, `[out]`.
    pub magnitude: Option<String>,
    /// Rank, as the configuration has it for this module.
    pub rank: usize,
    /// `alpha / rank`, or `alpha / sqrt(rank)` with rsLoRA.
    pub scale: f32,
}

/// What is done with a DoRA adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dora {
    /// It cannot be mixed by adding.
    Refuse,
    /// The caller turns it into a dense difference.
    Accept,
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
    fan_in_fan_out: bool,
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

impl LoraFolder {
    /// Opens a folder. Refuses by name what cannot be mixed by adding.
    pub fn open(folder: &Path, dora: Dora) -> Result<Self> {
        let config_path = folder.join("adapter_config.json");
        let config: Config = read_json(&config_path)?;
        refuse_what_is_not_additive(&config, folder, dora)?;
        let checkpoint = Checkpoint::open_file(&folder.join("adapter_model.safetensors"))?;
        let mut modules = BTreeMap::new();
        for (module, names) in tensors_by_module(folder, &checkpoint, config.use_dora)? {
            let [Some(a), Some(b), magnitude] = names else {
                return Err(problem(
                    folder,
                    format!("module `{module}` has only one of its two factors lora_A and lora_B"),
                ));
            };
            if config.use_dora && magnitude.is_none() {
                return Err(problem(
                    folder,
                    format!(
                        "module `{module}` has no lora_magnitude_vector, though use_dora is set"
                    ),
                ));
            }
            let (rank, scale) = rank_and_scale(&config, &module, &config_path)?;
            let entry = LoraModule {
                a,
                b,
                magnitude,
                rank,
                scale,
            };
            modules.insert(module, entry);
        }
        Ok(Self {
            path: folder.to_path_buf(),
            checkpoint,
            modules,
            dora: config.use_dora,
            fan_in_fan_out: config.fan_in_fan_out,
        })
    }

    /// `[out, in]` of a module, as its tensors say.
    pub fn shape(&self, module: &LoraModule) -> Result<[usize; 2]> {
        let side = |name: &str, rank_at: usize| match self.checkpoint.shape(name) {
            Some(&[first, second]) if [first, second][rank_at] == module.rank => {
                Ok([first, second][1 - rank_at])
            }
            shape => Err(problem(
                &self.path,
                format!(
                    "tensor `{name}` has shape {:?}, but its module is of rank {}",
                    shape.unwrap_or_default(),
                    module.rank
                ),
            )),
        };
        Ok([side(&module.b, 1)?, side(&module.a, 0)?])
    }

    /// Reads the factors of a module whose linear layer is `[out, in]`.
    pub fn read(
        &self,
        module: &LoraModule,
        [out, inner]: [usize; 2],
        digest: &mut Digest,
    ) -> Result<LoraFactor> {
        Ok(LoraFactor {
            a: self
                .checkpoint
                .read(&module.a, &[module.rank, inner], digest)?,
            b: self
                .checkpoint
                .read(&module.b, &[out, module.rank], digest)?,
            rank: module.rank,
            scale: module.scale,
        })
    }
}

fn problem(folder: &Path, problem: String) -> Error {
    Error::Adapter {
        path: folder.to_path_buf(),
        problem,
    }
}

/// Module path → names of its A and B tensors and of its magnitudes.
fn tensors_by_module(
    folder: &Path,
    checkpoint: &Checkpoint,
    dora: bool,
) -> Result<BTreeMap<String, [Option<String>; 3]>> {
    const KINDS: [&str; 3] = [".lora_A", ".lora_B", ".lora_magnitude_vector"];
    let mut modules: BTreeMap<String, [Option<String>; 3]> = BTreeMap::new();
    for name in checkpoint.names() {
        let path = name.strip_prefix(PREFIX).unwrap_or(name);
        let stem = path.strip_suffix(".weight").unwrap_or(path);
        let stem = stem.strip_suffix(".default").unwrap_or(stem);
        let found = KINDS
            .iter()
            .enumerate()
            .find_map(|(which, kind)| stem.strip_suffix(kind).map(|module| (module, which)))
            .filter(|&(_, which)| {
                if which == 2 {
                    dora
                } else {
                    path.ends_with(".weight")
                }
            });
        let Some((module, which)) = found else {
            return Err(problem(
                folder,
                format!(
                    "tensor `{name}` is not a LoRA factor (`.lora_A.weight`, `.lora_B.weight`); only plain additive LoRA can be mixed{}",
                    if path.contains("lora_magnitude_vector") {
                        ", and this is DoRA"
                    } else {
                        ""
                    }
                ),
            ));
        };
        modules.entry(module.to_owned()).or_default()[which] = Some(name.to_owned());
    }
    Ok(modules)
}

fn rank_and_scale(config: &Config, module: &str, path: &Path) -> Result<(usize, f32)> {
    let rank =
        matching(config.rank_pattern.as_ref(), module, path, "rank_pattern")?.unwrap_or(config.r);
    let alpha = matching(config.alpha_pattern.as_ref(), module, path, "alpha_pattern")?
        .unwrap_or(config.lora_alpha);
    if rank == 0 {
        return Err(Error::field(
            path,
            "r",
            format!("is 0 for `{module}`; a rank is at least 1"),
        ));
    }
    if !alpha.is_finite() {
        return Err(Error::field(
            path,
            "lora_alpha",
            format!("is {alpha}; it must be a finite number"),
        ));
    }
    let scale = if config.use_rslora {
        alpha / (rank as f64).sqrt()
    } else {
        alpha / rank as f64
    };
    Ok((rank, scale as f32))
}

fn refuse_what_is_not_additive(config: &Config, folder: &Path, dora: Dora) -> Result<()> {
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
    if config.use_dora && dora == Dora::Refuse {
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
