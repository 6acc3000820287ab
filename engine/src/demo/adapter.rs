//! PEFT folders as the recipe needs them: read, merged exactly, written in half precision.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

use crate::{Error, Result};

/// The factors of one module: its update is `B A`, the scale folded into `B`.
#[derive(Debug, Clone)]
pub struct Factors {
    /// `[rank, d_in]`, f32.
    pub a: Tensor,
    /// `[d_out, rank]`, f32, scaled.
    pub b: Tensor,
}

/// An adapter: factors by module path, e.g. `model.layers.0.self_attn.q_proj`.
pub type Adapter = BTreeMap<String, Factors>;

const PREFIX: &str = "base_model.model.";

/// Reads a PEFT folder with one rank and alpha for all modules, as the trainer writes it.
pub fn read(folder: &Path) -> Result<Adapter> {
    let path = folder.join("adapter_config.json");
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let config: Value = serde_json::from_str(&text).map_err(|e| Error::file(&path, format!("is not JSON: {e}")))?;
    let number = |field: &str| {
        let value = config.get(field).and_then(Value::as_f64);
        value.filter(|v| *v > 0.0).ok_or_else(|| Error::field(&path, field, "must be a number above zero"))
    };
    let scale = number("lora_alpha")? / number("r")?;
    let file = folder.join("adapter_model.safetensors");
    let tensors = load(&file)?;
    let mut adapter = Adapter::new();
    for (name, a) in &tensors {
        let Some(stem) = name.strip_suffix(".lora_A.weight") else { continue };
        let missing = || Error::MissingTensor { path: file.clone(), tensor: format!("{stem}.lora_B.weight") };
        let b = tensors.get(&format!("{stem}.lora_B.weight")).ok_or_else(missing)?;
        let module = stem.strip_prefix(PREFIX).unwrap_or(stem).to_owned();
        let factors = Factors { a: a.to_dtype(DType::F32)?, b: (b.to_dtype(DType::F32)? * scale)? };
        adapter.insert(module, factors);
    }
    Ok(adapter)
}

/// `Σ w_i · B_i A_i`, exactly: ranks are laid side by side, weights go into `B`.
pub fn merge(parts: &[(&Adapter, f64)]) -> Result<Adapter> {
    let mut grouped: BTreeMap<&String, (Vec<Tensor>, Vec<Tensor>)> = BTreeMap::new();
    for (adapter, weight) in parts {
        for (module, factors) in *adapter {
            let (a, b) = grouped.entry(module).or_default();
            a.push(factors.a.clone());
            b.push((&factors.b * *weight)?);
        }
    }
    grouped
        .into_iter()
        .map(|(module, (a, b))| Ok((module.clone(), Factors { a: Tensor::cat(&a, 0)?, b: Tensor::cat(&b, 1)? })))
        .collect()
}

/// Weights of the base with `Σ w_i · B_i A_i` added to each module.
pub fn fold(base: &BTreeMap<String, Tensor>, parts: &[(&Adapter, f64)]) -> Result<BTreeMap<String, Tensor>> {
    let mut weights = base.clone();
    for (adapter, share) in parts.iter().filter(|(_, share)| *share != 0.0) {
        for (module, factors) in *adapter {
            let name = format!("{module}.weight");
            let weight = weights
                .get(&name)
                .ok_or_else(|| Error::MissingTensor { path: "base".into(), tensor: name.clone() })?;
            let update = (factors.b.matmul(&factors.a)? * *share)?;
            let sum = (weight + update)?;
            weights.insert(name, sum);
        }
    }
    Ok(weights)
}

/// Writes a PEFT folder with alpha = rank, in f16.
pub fn write(adapter: &Adapter, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut tensors = HashMap::new();
    let mut targets: Vec<&str> = Vec::new();
    let mut rank = 0;
    for (module, factors) in adapter {
        rank = factors.a.dim(0)?;
        let last = module.rsplit('.').next().unwrap_or(module);
        if !targets.contains(&last) {
            targets.push(last);
        }
        for (kind, tensor) in [("A", &factors.a), ("B", &factors.b)] {
            tensors.insert(format!("{PREFIX}{module}.lora_{kind}.weight"), half(tensor)?);
        }
    }
    targets.sort_unstable();
    save(&tensors, &folder.join("adapter_model.safetensors"))?;
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "../../base",
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "use_dora": false,
        "use_rslora": false,
        "target_modules": targets,
    });
    let path = folder.join("adapter_config.json");
    std::fs::write(&path, format!("{config:#}\n")).map_err(Error::io("write", &path))
}

/// Tensors of a safetensors file, by name.
pub fn load(file: &Path) -> Result<BTreeMap<String, Tensor>> {
    let tensors = candle_core::safetensors::load(file, &Device::Cpu)
        .map_err(|e| Error::file(file, format!("cannot be read as safetensors: {e}")))?;
    Ok(tensors.into_iter().collect())
}

/// Copies a safetensors file in f16.
pub fn halve(from: &Path, to: &Path) -> Result<()> {
    let tensors: Result<HashMap<String, Tensor>> =
        load(from)?.into_iter().map(|(name, tensor)| Ok((name, half(&tensor)?))).collect();
    save(&tensors?, to)
}

/// Half precision, contiguous; values beyond its range are refused rather than stored as infinity.
fn half(tensor: &Tensor) -> Result<Tensor> {
    let largest = tensor.abs()?.flatten_all()?.max(0)?.to_dtype(DType::F32)?.to_scalar::<f32>()?;
    if !(largest <= half::f16::MAX.to_f32()) {
        return Err(Error::option("weights", format!("hold {largest}, which does not fit f16 (at most 65504)")));
    }
    Ok(tensor.to_dtype(DType::F16)?.contiguous()?)
}

fn save(tensors: &HashMap<String, Tensor>, file: &Path) -> Result<()> {
    let part = file.with_extension("part");
    candle_core::safetensors::save(tensors, &part)?;
    std::fs::rename(&part, file).map_err(Error::io("write", file))
}
