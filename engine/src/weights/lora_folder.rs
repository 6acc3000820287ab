//! PEFT's LoRA folders as they lie on disk: the configuration, and which tensors make up which module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::lora_fields::judge;
use super::patterns::{Matcher, Patterns};
use super::{Checkpoint, Digest, LoraFactor, names, read_json};
use crate::{Error, Result};

/// An opened folder; no tensor is read yet.
#[derive(Debug)]
pub struct LoraFolder {
    /// The folder.
    pub path: PathBuf,
    /// Its tensors.
    pub checkpoint: Checkpoint,
    /// What it holds per module path, e.g. `model.layers.0.self_attn.q_proj`.
    pub modules: BTreeMap<String, LoraModule>,
    /// What of it was not read, in words.
    pub warnings: Vec<String>,
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
    rank_pattern: Option<Patterns<usize>>,
    #[serde(default)]
    alpha_pattern: Option<Patterns<f64>>,
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
        Self::open_with(folder, dora, &[])
    }

    /// [`LoraFolder::open`] for an adapter that may hold the modules `whole` as they are, not as factors
    /// (`modules_to_save`); they are the caller's to read, under [`LoraFolder::whole_tensor`].
    pub fn open_with(folder: &Path, dora: Dora, whole: &[&str]) -> Result<Self> {
        let config_path = folder.join("adapter_config.json");
        let mut fields: Map<String, Value> = read_json(&config_path)?;
        let held_whole = |module: &Value| module.as_str().is_some_and(|m| whole.contains(&m));
        let saved = fields.get("modules_to_save").and_then(Value::as_array);
        if saved.is_some_and(|modules| modules.iter().all(held_whole)) {
            fields.remove("modules_to_save");
        }
        let config: Config = read_json(&config_path)?;
        let mut warnings = refuse_what_is_not_additive(&fields, &config, folder, dora)?;
        let file = ["adapter_model.safetensors", "adapter_model.bin"].map(|name| folder.join(name));
        let checkpoint = match file {
            [tensors, pickled] if !tensors.exists() && pickled.exists() => {
                Checkpoint::open_file(&pickled)?
            }
            [tensors, _] => Checkpoint::open_file(&tensors)?,
        };
        names::refuse_empty(&checkpoint)?;
        let (found, left_out) = tensors_by_module(folder, &checkpoint, config.use_dora, whole)?;
        warnings.extend(left_out);
        for warning in &warnings {
            tracing::warn!("{}: {warning}", folder.display());
        }
        let ranks = Matcher::new(config.rank_pattern.as_ref(), &config_path, "rank_pattern")?;
        let alphas = Matcher::new(config.alpha_pattern.as_ref(), &config_path, "alpha_pattern")?;
        let mut modules = BTreeMap::new();
        for (module, names) in found {
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
            let (rank, scale) = rank_and_scale(&config, (&ranks, &alphas), &module, &config_path)?;
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
            warnings,
            fan_in_fan_out: config.fan_in_fan_out,
        })
    }

    /// The full name of the weight of a module that is held whole, e.g. `base_model.model.score.weight`.
    pub fn whole_tensor(&self, module: &str) -> Option<&str> {
        self.checkpoint.names().find(|name| {
            name.ends_with(".weight") && whole_module(&names::plain(name).name) == Some(module)
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

/// The module of a tensor that is no factor: `score` of `score.weight` or `score.modules_to_save.default.weight`.
fn whole_module(plain: &str) -> Option<&str> {
    let (module, rest) = plain.split_once('.')?;
    let mut rest = rest.split('.');
    let part = rest.next_back()?;
    let wrapped = rest.next().is_none_or(|first| first == "modules_to_save");
    (wrapped && matches!(part, "weight" | "bias")).then_some(module)
}

fn problem(folder: &Path, problem: String) -> Error {
    Error::Adapter {
        path: folder.to_path_buf(),
        problem,
    }
}

/// Names of `A`, `B` and DoRA's magnitudes of a module.
type Factors = [Option<String>; 3];

/// Module path → names of its tensors, and warnings.
///
/// Wrappers of the names are taken off where all tensors have the same; a factor may bear its adapter's name
/// (`lora_A.NAME.weight`), the same in all.
fn tensors_by_module(
    folder: &Path,
    checkpoint: &Checkpoint,
    dora: bool,
    whole: &[&str],
) -> Result<(BTreeMap<String, Factors>, Vec<String>)> {
    const KINDS: [&str; 3] = ["lora_A", "lora_B", "lora_magnitude_vector"];
    let mut modules: BTreeMap<String, Factors> = BTreeMap::new();
    let (mut warnings, mut first) = (Vec::new(), None::<(String, String, &str)>);
    for name in checkpoint.names() {
        let plain = names::plain(name);
        if names::is_value_head(&plain.name) {
            warnings.push(format!("tensor `{name}` is a value head's and is left out"));
            continue;
        }
        if whole_module(&plain.name).is_some_and(|module| whole.contains(&module)) {
            continue;
        }
        let segments: Vec<&str> = plain.name.split('.').collect();
        let at = segments.iter().rposition(|s| s.starts_with("lora_"));
        let which = at.and_then(|at| KINDS.iter().position(|kind| *kind == segments[at]));
        let (Some(at), Some(which)) = (at, which) else {
            return Err(problem(folder, not_a_factor(name, checkpoint)));
        };
        let (last, adapter) = match segments[at + 1..].split_last() {
            Some((&"weight", adapter)) => ("weight", adapter),
            _ => ("", &segments[at + 1..]),
        };
        if (which == 2 && !dora) || (which < 2 && last != "weight") {
            return Err(problem(folder, not_a_factor(name, checkpoint)));
        }
        let adapter = adapter.join(".");
        let (before, of, example) =
            first.get_or_insert_with(|| (plain.before.clone(), adapter.clone(), name));
        if *before != plain.before {
            let text = format!(
                "tensors `{example}` and `{name}` begin differently (`{before}`, `{}`): two ways of saving in one file; save it again from one model",
                plain.before
            );
            return Err(problem(folder, text));
        }
        if which < 2 && *of != adapter {
            let text = format!(
                "holds two adapters, `{of}` and `{adapter}` (`{example}`, `{name}`); save one of them alone (PEFT's `selected_adapters`)"
            );
            return Err(problem(folder, text));
        }
        let module = segments[..at].join(".");
        let before = modules.entry(module).or_default()[which].replace(name.to_owned());
        if let Some(before) = before {
            let text = format!("`{before}` and `{name}` are two spellings of one tensor");
            return Err(problem(folder, text));
        }
    }
    Ok((modules, warnings))
}

/// Why a tensor of an adapter cannot be mixed, and what would help.
fn not_a_factor(name: &str, checkpoint: &Checkpoint) -> String {
    let shape = checkpoint.shape(name).unwrap_or_default();
    let has = |part: &str| name.split('.').any(|segment| segment == part);
    if has("modules_to_save") {
        return format!(
            "tensor `{name}` replaces a whole module (modules_to_save); merge the adapter into its base and use that as a fine-tune"
        );
    }
    if has("lora_embedding_A") || has("lora_embedding_B") {
        return format!(
            "tensor `{name}` adapts the embedding, and only linear modules can be mixed; train without `embed_tokens` among the target modules"
        );
    }
    if has("embed_tokens") || has("lm_head") || has("wte") {
        return format!(
            "tensor `{name}` {shape:?} is a copy of a table of the base, as PEFT saves where the vocabulary was enlarged or the table is a target; if its rows are unchanged, save without it (`save_embedding_layers=False`), else merge the adapter into its base and use that as a fine-tune"
        );
    }
    format!(
        "tensor `{name}` is not a LoRA factor (`.lora_A.weight`, `.lora_B.weight`); only plain additive LoRA can be mixed{}",
        if has("lora_magnitude_vector") {
            ", and this is DoRA"
        } else {
            ""
        }
    )
}

fn rank_and_scale(
    config: &Config,
    (ranks, alphas): (&Matcher<usize>, &Matcher<f64>),
    module: &str,
    path: &Path,
) -> Result<(usize, f32)> {
    let rank = ranks.of(module).unwrap_or(config.r);
    let alpha = alphas.of(module).unwrap_or(config.lora_alpha);
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

fn refuse_what_is_not_additive(
    fields: &Map<String, Value>,
    config: &Config,
    folder: &Path,
    dora: Dora,
) -> Result<Vec<String>> {
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
    judge(fields).or_else(refuse)
}
