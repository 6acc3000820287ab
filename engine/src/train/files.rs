//! Model and adapter folders as Hugging Face and PEFT write them; files appear whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use serde_json::{Value, json};

use super::params::NamedTensors;
use crate::output::write_json;
use crate::types::LoraConfig;
use crate::weights::UPCAST_FROM;
use crate::{Error, Result};

/// Files of a model's folder that go with its weights.
const COMPANIONS: [&str; 10] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
];

/// An empty folder, whatever was there.
pub(super) fn fresh_folder(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(Error::io("clear", path))?;
    }
    std::fs::create_dir_all(path).map_err(Error::io("create", path))
}

/// Writes through a temporary neighbour.
fn write_whole(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".writing");
    let temporary = PathBuf::from(temporary);
    write(&temporary)?;
    File::open(&temporary)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(Error::io("rename", &temporary))
}

pub(super) fn write_tensors(path: &Path, tensors: &NamedTensors) -> Result<()> {
    write_noted(path, tensors, None)
}

/// With one more entry of metadata.
fn write_noted(path: &Path, tensors: &NamedTensors, note: Option<(&str, String)>) -> Result<()> {
    // Hugging Face's loader wants the format named.
    let mut metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    metadata.extend(note.map(|(key, value)| (key.to_owned(), value)));
    let metadata = in_order(&metadata);
    let contiguous: BTreeMap<&String, Tensor> = tensors
        .iter()
        .map(|(name, t)| Ok((name, t.contiguous()?.to_device(&Device::Cpu)?)))
        .collect::<Result<_>>()?;
    write_whole(path, |p| {
        safetensors::serialize_to_file(&contiguous, Some(metadata), p).map_err(|e| match e {
            safetensors::SafeTensorError::IoError(e) => Error::io("write", p)(e),
            e => Error::file(p, format!("cannot be written: {e}")),
        })
    })
}

/// A map that goes through its few entries in order. The library writes them as the map does, whose order is another in
/// every process: without this, equal weights would be unequal files.
fn in_order(entries: &BTreeMap<String, String>) -> HashMap<String, String> {
    let mut map: HashMap<String, String> = entries.clone().into_iter().collect();
    for _ in 0..1_000 {
        if map.keys().is_sorted() {
            break;
        }
        // Each new map has another order.
        map = entries.clone().into_iter().collect();
    }
    map
}

/// Copies the tokenizer and what belongs to it from one model's folder to another.
pub fn copy_tokenizer(from: &Path, to: &Path) -> Result<()> {
    for name in COMPANIONS {
        let source = from.join(name);
        if source.exists() && from != to {
            let target = to.join(name);
            write_whole(&target, |p| {
                std::fs::copy(&source, p)
                    .map(drop)
                    .map_err(Error::io("copy", &source))
            })?;
        }
    }
    Ok(())
}

/// Writes a model's folder in f32; the tokenizer comes from `companions`. The file says in which `types` the
/// weights were stored that training began with, so that their difference can be told from rounding.
pub(super) fn write_model(
    folder: &Path,
    config: &Value,
    (weights, types): (&NamedTensors, &[&str]),
    companions: Option<&Path>,
) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    if let Some(from) = companions {
        copy_tokenizer(from, folder)?;
    }
    let note = (!types.is_empty()).then(|| (UPCAST_FROM, types.join(",")));
    write_noted(&folder.join("model.safetensors"), weights, note)?;
    write_json(&folder.join("config.json"), config)
}

/// Writes a PEFT folder. `weights` are named `<module>.lora_A.weight` and `<module>.lora_B.weight`.
pub(super) fn write_adapter(
    folder: &Path,
    base: &str,
    lora: &LoraConfig,
    weights: &NamedTensors,
) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let named = weights
        .iter()
        .map(|(name, t)| (format!("base_model.model.{name}"), t.clone()))
        .collect();
    write_tensors(&folder.join("adapter_model.safetensors"), &named)?;
    let config = json!({
        "base_model_name_or_path": base,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "lora_alpha": lora.alpha,
        "lora_dropout": 0.0,
        "modules_to_save": null,
        "peft_type": "LORA",
        "r": lora.rank,
        "target_modules": lora.target_modules,
        "task_type": "CAUSAL_LM",
        "use_dora": false,
        "use_rslora": false,
    });
    write_json(&folder.join("adapter_config.json"), &config)
}
