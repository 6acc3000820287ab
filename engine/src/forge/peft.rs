//! Adapter folders as PEFT loads them: `adapter_config.json` and `adapter_model.safetensors`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::matrix::Matrix;
use crate::output::{write_bytes, write_json};
use crate::{Error, Result};

/// The type of numbers on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, up to 65504.
    F16,
    /// 16 bits with the range of 32.
    Bf16,
}

/// One module of an adapter: its difference is `scale · B A`.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its path, e.g. `model.layers.0.self_attn.q_proj`.
    pub name: String,
    /// `[rank, in]`.
    pub a: Matrix,
    /// `[out, rank]`.
    pub b: Matrix,
    /// In the file it shows as `alpha / rank`, so that it can be seen and edited.
    pub scale: f64,
}

impl Module {
    /// Its rank.
    pub fn rank(&self) -> usize {
        self.a.rows()
    }
}

/// Writes both files into a folder that is there. `base` is what the configuration names.
pub fn write_adapter(
    folder: &Path,
    modules: &[Module],
    base: Option<&Path>,
    precision: Precision,
) -> Result<()> {
    let path = folder.join("adapter_model.safetensors");
    let mut tensors = Vec::with_capacity(2 * modules.len());
    for module in modules {
        for (kind, matrix) in [("A", &module.a), ("B", &module.b)] {
            let name = format!("base_model.model.{}.lora_{kind}.weight", module.name);
            let bytes = encode(matrix.values(), precision).ok_or_else(|| {
                Error::option(
                    "--dtype",
                    format!("f16 cannot hold {name}: its numbers pass 65504; use bf16 or f32"),
                )
            })?;
            tensors.push((name, vec![matrix.rows(), matrix.cols()], bytes));
        }
    }
    write_tensors(&path, &tensors, precision, [("format", "pt")])?;
    let config = config(modules, base);
    write_json(&folder.join("adapter_config.json"), &config)
}

/// Writes named tensors of one type, each with its shape and bytes.
pub(super) fn write_tensors<const N: usize>(
    path: &Path,
    tensors: &[(String, Vec<usize>, Vec<u8>)],
    precision: Precision,
    metadata: [(&str, &str); N],
) -> Result<()> {
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
        Precision::Bf16 => Dtype::BF16,
    };
    let wrong =
        |e: safetensors::SafeTensorError| Error::internal(format!("{}: {e}", path.display()));
    let views: BTreeMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(dtype, shape.clone(), bytes).map_err(wrong)?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<_>>()?;
    let metadata: HashMap<String, String> = metadata
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let file = safetensors::serialize(views, Some(metadata)).map_err(wrong)?;
    write_bytes(path, &file)
}

/// Little-endian bytes; `None` where 16 bits cannot hold a number.
pub(super) fn encode(values: &[f32], precision: Precision) -> Option<Vec<u8>> {
    let half = |value: &f32| half::f16::from_f32(*value);
    match precision {
        Precision::F32 => Some(values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Precision::Bf16 => Some(
            values
                .iter()
                .flat_map(|v| half::bf16::from_f32(*v).to_le_bytes())
                .collect(),
        ),
        Precision::F16 => values
            .iter()
            .all(|value| half(value).is_finite())
            .then(|| values.iter().flat_map(|v| half(v).to_le_bytes()).collect()),
    }
}

fn config(modules: &[Module], base: Option<&Path>) -> Value {
    // The commonest rank and scale stand for all; patterns say which modules differ.
    let rank = modules.iter().map(Module::rank).max().unwrap_or(1).max(1);
    let scale = modules.first().map_or(1.0, |module| module.scale);
    let alpha = scale * rank as f64;
    let (mut ranks, mut alphas) = (Map::new(), Map::new());
    for module in modules {
        if module.rank() != rank {
            ranks.insert(module.name.clone(), json!(module.rank()));
        }
        let own = module.scale * module.rank() as f64;
        if own != alpha {
            alphas.insert(module.name.clone(), json!(own));
        }
    }
    let all_layers = in_all_layers(modules);
    let mut targets: Vec<&str> = modules
        .iter()
        .map(|module| match module.name.rsplit_once('.') {
            Some((_, last)) if all_layers => last,
            _ => &module.name,
        })
        .collect();
    targets.sort_unstable();
    targets.dedup();
    json!({
        "alpha_pattern": alphas,
        "base_model_name_or_path": base.map(|base| base.to_string_lossy()),
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "lora_alpha": number(alpha),
        "lora_dropout": 0.0,
        "modules_to_save": null,
        "peft_type": "LORA",
        "r": rank,
        "rank_pattern": ranks,
        "target_modules": targets,
        "task_type": "CAUSAL_LM",
        "use_dora": false,
        "use_rslora": false,
    })
}

/// Whether every layer, from 0 on, has the same kinds of modules: then short names serve as targets,
/// which all servers understand.
fn in_all_layers(modules: &[Module]) -> bool {
    let (mut layers, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for module in modules {
        let inside = module.name.split_once("layers.");
        let Some((number, kind)) = inside.and_then(|(_, rest)| rest.split_once('.')) else {
            return false;
        };
        let Ok(number) = number.parse::<usize>() else {
            return false;
        };
        layers.insert(number);
        kinds.insert(kind);
    }
    modules.len() == layers.len() * kinds.len()
        && layers.into_iter().enumerate().all(|(i, n)| i == n)
}

/// A whole number as one, as PEFT writes its alphas.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::svd::gaussian;
    use crate::weights::Adapter;

    fn module(name: &str, rank: usize, scale: f64) -> Module {
        Module {
            name: name.to_owned(),
            a: gaussian(rank, 6, 1, rank as u64),
            b: gaussian(4, rank, 2, rank as u64),
            scale,
        }
    }

    #[test]
    fn what_is_written_is_read_back_with_ranks_and_scales() {
        let modules = [
            module("model.layers.0.q_proj", 3, 1.0),
            module("model.layers.1.q_proj", 2, 1.0),
            module("model.layers.11.q_proj", 3, 0.75),
            module("model.layers.2.q_proj", 1, 1.9),
        ];
        let linears: Vec<(String, [usize; 2])> =
            modules.iter().map(|m| (m.name.clone(), [4, 6])).collect();
        for (precision, tolerance) in [
            (Precision::F32, 0.0),
            (Precision::F16, 2e-3),
            (Precision::Bf16, 2e-2),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write_adapter(folder.path(), &modules, None, precision).unwrap();
            let back = Adapter::load(folder.path(), &linears).unwrap();
            for module in &modules {
                let found = &back.factors[&module.name];
                assert_eq!(found.rank, module.rank());
                assert!((f64::from(found.scale) - module.scale).abs() < 1e-7);
                for (got, expected) in found.a.iter().zip(module.a.values()) {
                    assert!((got - expected).abs() <= tolerance * expected.abs().max(1.0));
                }
            }
        }
    }

    #[test]
    fn targets_are_short_where_every_layer_has_them() {
        let names = |names: &[&str]| {
            let modules: Vec<Module> = names.iter().map(|name| module(name, 2, 1.0)).collect();
            config(&modules, None)["target_modules"].clone()
        };
        let both = [
            "m.layers.0.a.q",
            "m.layers.0.a.v",
            "m.layers.1.a.q",
            "m.layers.1.a.v",
        ];
        assert_eq!(names(&both), json!(["q", "v"]));
        assert_eq!(names(&both[..3]), json!(&both[..3]));
        assert_eq!(names(&both[2..]), json!(&both[2..]));
        assert_eq!(names(&["lm_head"]), json!(["lm_head"]));
    }

    #[test]
    fn numbers_beyond_sixteen_bits_are_refused() {
        assert!(encode(&[1e6], Precision::F16).is_none());
        assert!(encode(&[1e6], Precision::Bf16).is_some());
    }
}
