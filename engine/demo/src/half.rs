//! Weights in half precision, as they ship.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

use paretoscope_engine::output::{write_bytes, write_json};
use paretoscope_engine::weights::read_json;
use paretoscope_engine::{Error, Result};

/// Copies a PEFT folder in f16; `base` is where its base lies, seen from the copy.
pub fn adapter(from: &Path, to: &Path, base: &str) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::io("create", to))?;
    let name = "adapter_model.safetensors";
    tensors(&from.join(name), &to.join(name))?;
    let name = "adapter_config.json";
    let mut config: Value = read_json(&from.join(name))?;
    if let Some(fields) = config.as_object_mut() {
        fields.insert("base_model_name_or_path".to_owned(), json!(base));
    }
    write_json(&to.join(name), &config)
}

/// Copies a safetensors file in f16.
pub fn tensors(from: &Path, to: &Path) -> Result<()> {
    let tensors = candle_core::safetensors::load(from, &Device::Cpu)
        .map_err(|e| Error::file(from, format!("cannot be read as safetensors: {e}")))?;
    // Names in order make the file reproducible.
    let halved: Result<BTreeMap<String, Tensor>> = tensors
        .into_iter()
        .map(|(name, tensor)| Ok((name, half(&tensor)?)))
        .collect();
    // Hugging Face's loader wants the format named.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let file = safetensors::serialize(halved?, Some(metadata))
        .map_err(|e| Error::internal(format!("{} in half precision: {e}", to.display())))?;
    write_bytes(to, &file)
}

/// Half precision, contiguous; values beyond its range are refused rather than stored as infinity.
fn half(tensor: &Tensor) -> Result<Tensor> {
    let largest = tensor
        .abs()?
        .flatten_all()?
        .max(0)?
        .to_dtype(DType::F32)?
        .to_scalar::<f32>()?;
    let finite = tensor
        .to_dtype(DType::F32)?
        .sum_all()?
        .to_scalar::<f32>()?
        .is_finite();
    if !finite || largest > half::f16::MAX.to_f32() {
        return Err(Error::option(
            "weights",
            format!("hold {largest}, which does not fit f16 (at most 65504)"),
        ));
    }
    Ok(tensor.to_dtype(DType::F16)?.contiguous()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_half_precision_is_refused() {
        let large = Tensor::new(&[1e6_f32], &Device::Cpu).expect("a tensor");
        assert!(half(&large).is_err());
        assert!(half(&Tensor::new(&[f32::NAN], &Device::Cpu).expect("a tensor")).is_err());
    }

    #[test]
    fn a_copied_adapter_keeps_its_scale_and_names_its_base() {
        let (from, to) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
        let values = Tensor::new(&[[0.1_f32, -2.0]], &Device::Cpu).expect("a tensor");
        let file = from.path().join("adapter_model.safetensors");
        candle_core::safetensors::save(&HashMap::from([(name, values)]), &file).expect("writes");
        let config = json!({"r": 1, "lora_alpha": 0.6, "base_model_name_or_path": "/somewhere"});
        write_json(&from.path().join("adapter_config.json"), &config).expect("writes");
        adapter(from.path(), to.path(), "../../base").expect("copies");
        let config: Value = read_json(&to.path().join("adapter_config.json")).expect("reads");
        assert_eq!(config["lora_alpha"], 0.6);
        assert_eq!(config["base_model_name_or_path"], "../../base");
        let file = to.path().join("adapter_model.safetensors");
        let back = candle_core::safetensors::load(&file, &Device::Cpu).expect("reads");
        assert_eq!(back[name].dtype(), DType::F16);
    }
}
