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
    let config: Value =
        serde_json::from_str(&text).map_err(|e| Error::file(&path, format!("is not JSON: {e}")))?;
    let number = |field: &str| {
        let value = config.get(field).and_then(Value::as_f64);
        value
            .filter(|v| *v > 0.0)
            .ok_or_else(|| Error::field(&path, field, "must be a number above zero"))
    };
    let scale = number("lora_alpha")? / number("r")?;
    let file = folder.join("adapter_model.safetensors");
    let tensors = load(&file)?;
    let mut adapter = Adapter::new();
    for (name, a) in &tensors {
        let Some(stem) = name.strip_suffix(".lora_A.weight") else {
            continue;
        };
        let missing = || Error::MissingTensor {
            path: file.clone(),
            tensor: format!("{stem}.lora_B.weight"),
        };
        let b = tensors
            .get(&format!("{stem}.lora_B.weight"))
            .ok_or_else(missing)?;
        let module = stem.strip_prefix(PREFIX).unwrap_or(stem).to_owned();
        let factors = Factors {
            a: a.to_dtype(DType::F32)?,
            b: (b.to_dtype(DType::F32)? * scale)?,
        };
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
        .map(|(module, (a, b))| {
            Ok((
                module.clone(),
                Factors {
                    a: Tensor::cat(&a, 0)?,
                    b: Tensor::cat(&b, 1)?,
                },
            ))
        })
        .collect()
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
            tensors.insert(
                format!("{PREFIX}{module}.lora_{kind}.weight"),
                half(tensor)?,
            );
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
    let tensors: Result<HashMap<String, Tensor>> = load(from)?
        .into_iter()
        .map(|(name, tensor)| Ok((name, half(&tensor)?)))
        .collect();
    save(&tensors?, to)
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

fn save(tensors: &HashMap<String, Tensor>, file: &Path) -> Result<()> {
    let part = file.with_extension("part");
    // Hugging Face's loader wants the format named; names in order make the file reproducible.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let ordered: BTreeMap<&String, &Tensor> = tensors.iter().collect();
    safetensors::serialize_to_file(ordered, Some(metadata), &part)
        .map_err(|e| Error::file(&part, format!("cannot be written: {e}")))?;
    std::fs::rename(&part, file).map_err(Error::io("write", file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(rank: usize, seed: f32) -> Adapter {
        let numbers = |count: usize, step: f32| {
            (0..count)
                .map(|i| (i as f32 * step + seed).sin())
                .collect::<Vec<f32>>()
        };
        let a =
            Tensor::from_vec(numbers(rank * 6, 0.7), (rank, 6), &Device::Cpu).expect("a tensor");
        let b =
            Tensor::from_vec(numbers(4 * rank, 1.3), (4, rank), &Device::Cpu).expect("a tensor");
        BTreeMap::from([(
            "model.layers.0.self_attn.q_proj".to_owned(),
            Factors { a, b },
        )])
    }

    fn update(adapter: &Adapter) -> Vec<f32> {
        let factors = adapter.values().next().expect("a module");
        let product = factors.b.matmul(&factors.a).expect("fits");
        product
            .flatten_all()
            .and_then(|t| t.to_vec1())
            .expect("numbers")
    }

    #[test]
    fn a_merge_is_the_weighted_sum_of_updates() {
        let (one, other) = (random(2, 0.1), random(3, 0.9));
        let merged = merge(&[(&one, 0.25), (&other, 0.75)]).expect("merges");
        for ((got, a), b) in update(&merged).iter().zip(update(&one)).zip(update(&other)) {
            assert!((got - (0.25 * a + 0.75 * b)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_written_adapter_reads_back_within_half_precision() {
        let folder = tempfile::tempdir().expect("a folder");
        let adapter = random(3, 0.4);
        write(&adapter, folder.path()).expect("writes");
        let back = read(folder.path()).expect("reads");
        assert_eq!(
            back.keys().collect::<Vec<_>>(),
            adapter.keys().collect::<Vec<_>>()
        );
        for (got, expected) in update(&back).iter().zip(update(&adapter)) {
            assert!((got - expected).abs() < 5e-3);
        }
    }

    #[test]
    fn what_does_not_fit_half_precision_is_refused() {
        let large = Tensor::new(&[1e6_f32], &Device::Cpu).expect("a tensor");
        assert!(half(&large).is_err());
        assert!(half(&Tensor::new(&[f32::NAN], &Device::Cpu).expect("a tensor")).is_err());
    }
}
