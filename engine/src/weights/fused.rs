//! Linear modules that lie in one tensor, row above row (Phi-3): q, k and v in `qkv_proj`, gate and up in `gate_up_proj`.
//! They are taken apart where they are read, so that all else knows one set of names.

use super::checkpoint::{Checkpoint, Entry};
use super::{LoraFactor, LoraModule};

/// What lies in a fused module, in order.
const FUSED: [(&str, &[&str]); 2] = [
    ("qkv_proj", &["q_proj", "k_proj", "v_proj"]),
    ("gate_up_proj", &["gate_proj", "up_proj"]),
];

/// Names of the parts of a fused module's path, and the path's beginning.
fn parts(module: &str) -> Option<(&str, &'static [&'static str])> {
    FUSED
        .iter()
        .find_map(|(name, parts)| Some((module.strip_suffix(name)?, *parts)))
}

impl Checkpoint {
    /// Takes fused weights and biases apart; those whose parts cannot be told stay as they are.
    pub(super) fn take_apart(&mut self) {
        let names: Vec<String> = self.tensors.keys().cloned().collect();
        for name in names {
            let Some((module, kind)) = name.rsplit_once('.') else {
                continue;
            };
            let Some((before, parts)) = parts(module).filter(|_| matches!(kind, "weight" | "bias"))
            else {
                continue;
            };
            let Some(rows) = self.rows_of(&name, before, parts) else {
                continue;
            };
            let Some(whole) = self.tensors.remove(&name) else {
                continue;
            };
            let width = whole.bytes / rows.iter().sum::<usize>();
            let mut first = 0;
            for (part, rows) in parts.iter().zip(rows) {
                let mut shape = whole.shape.clone();
                shape[0] = rows;
                let entry = Entry {
                    start: whole.start + (first * width) as u64,
                    bytes: rows * width,
                    shape,
                    ..whole.clone()
                };
                self.tensors.insert(format!("{before}{part}.{kind}"), entry);
                first += rows;
            }
        }
    }

    /// Rows of each part of a fused tensor, all above 0. How wide the queries are follows from what reads them.
    fn rows_of(&self, name: &str, before: &str, parts: &[&str]) -> Option<Vec<usize>> {
        let rows = *self.shape(name)?.first()?;
        let first = if parts.len() == 2 {
            rows / 2
        } else {
            *self.shape(&format!("{before}o_proj.weight"))?.get(1)?
        };
        let others = parts.len() - 1;
        let rest = rows.checked_sub(first)?;
        let even = rest.is_multiple_of(others) && first > 0 && rest >= others;
        even.then(|| {
            let mut sizes = vec![rest / others; parts.len()];
            sizes[0] = first;
            sizes
        })
    }
}

/// The linear modules that an adapter's module is made of: itself, or the parts of a fused one. Empty where the model has
/// no such modules.
pub(super) fn linears_of<'a>(
    module: &str,
    linears: &'a [(String, [usize; 2])],
) -> Vec<&'a (String, [usize; 2])> {
    let find = |path: &str| linears.iter().find(|(own, _)| own == path);
    if let Some(own) = find(module) {
        return vec![own];
    }
    let Some((before, parts)) = parts(module) else {
        return Vec::new();
    };
    let found = parts.iter().map(|part| find(&format!("{before}{part}")));
    found.collect::<Option<_>>().unwrap_or_default()
}

/// The factors of a fused module's parts: rows of `B`, all of `A`.
pub(super) fn split(
    factor: LoraFactor,
    module: &LoraModule,
    parts: &[&(String, [usize; 2])],
) -> Vec<LoraFactor> {
    if parts.len() == 1 {
        return vec![factor];
    }
    let mut rest = factor.b.as_slice();
    let split = parts.iter().map(|(_, [out, _])| {
        let (rows, after) = rest.split_at(out * module.rank);
        rest = after;
        LoraFactor {
            b: rows.to_vec(),
            ..factor.clone()
        }
    });
    split.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn fused_tensors_are_read_as_their_parts() {
        let folder = tempfile::tempdir().unwrap();
        let numbers = |rows: usize, inner: usize| {
            let values: Vec<f32> = (0..rows * inner).map(|i| i as f32).collect();
            Tensor::from_vec(values, (rows, inner), &Device::Cpu).unwrap()
        };
        let at = |name: &str| format!("model.layers.0.{name}");
        let tensors = HashMap::from([
            (at("self_attn.qkv_proj.weight"), numbers(8, 3)),
            (
                at("self_attn.qkv_proj.bias"),
                numbers(1, 8).squeeze(0).unwrap(),
            ),
            (at("self_attn.o_proj.weight"), numbers(3, 4)),
            (at("mlp.gate_up_proj.weight"), numbers(4, 3)),
            // Without what reads the queries nobody knows how wide they are.
            (
                "model.layers.1.self_attn.qkv_proj.weight".to_owned(),
                numbers(8, 3),
            ),
        ]);
        candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
        let checkpoint = Checkpoint::open_folder(folder.path()).unwrap();
        let first = |name: &str| {
            let values = checkpoint.values(&at(name)).unwrap();
            (checkpoint.shape(&at(name)).unwrap().to_vec(), values[0])
        };
        assert_eq!(first("self_attn.q_proj.weight"), (vec![4, 3], 0.0));
        assert_eq!(first("self_attn.k_proj.weight"), (vec![2, 3], 12.0));
        assert_eq!(first("self_attn.v_proj.weight"), (vec![2, 3], 18.0));
        assert_eq!(first("self_attn.v_proj.bias"), (vec![2], 6.0));
        assert_eq!(first("mlp.up_proj.weight"), (vec![2, 3], 6.0));
        assert!(!checkpoint.contains(&at("self_attn.qkv_proj.weight")));
        assert!(checkpoint.contains("model.layers.1.self_attn.qkv_proj.weight"));
    }
}
