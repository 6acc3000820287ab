//! Named weights: drawn at random, or taken from a folder; trainable or frozen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::model::LlamaConfig;
use crate::types::LoraConfig;
use crate::weights::{Adapter, Checkpoint, Digest};
use crate::{Error, Result};

/// Weights by Hugging Face name.
pub type NamedTensors = BTreeMap<String, Tensor>;
/// Trainable weights by name; the order of names is the order of the optimiser.
pub type NamedVars = BTreeMap<String, Var>;

/// Normal numbers by the method of Box and Muller.
fn normal(rng: &mut ChaCha8Rng, count: usize, deviation: f32) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt() * deviation;
        let (sin, cos) = (std::f32::consts::TAU * rng.random::<f32>()).sin_cos();
        values.extend([radius * cos, radius * sin]);
    }
    values.truncate(count);
    values
}

fn is_bias(name: &str) -> bool {
    name.rsplit('.').next() == Some("bias")
}

/// Weights that are drawn at random, at most: 32 GiB.
const MOST_DRAWN: usize = 1 << 33;

/// Refuses a model that is larger than what is trained from nothing.
pub fn check_drawn(shape: &LlamaConfig) -> Result<()> {
    let sizes = shape.weights().into_iter();
    let count = sizes
        .map(|(_, dims)| {
            dims.iter()
                .fold(1usize, |all, side| all.saturating_mul(*side))
        })
        .fold(0usize, usize::saturating_add);
    if count > MOST_DRAWN {
        let problem = format!(
            "describes a model of {count} weights; at most {MOST_DRAWN} are drawn at random"
        );
        return Err(Error::option("config", problem));
    }
    Ok(())
}

/// A fresh causal model: norms at one, matrices normal with deviation `sqrt(2 / (5 d))` (Nguyen and
/// Salazar 2019), those that write to the residual stream smaller by `sqrt(2 layers)` (GPT-2).
pub fn random(shape: &LlamaConfig, seed: u64) -> Result<NamedTensors> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let base = (2.0 / (5.0 * shape.hidden_size as f32)).sqrt();
    let residual = base / (2.0 * shape.layers as f32).sqrt();
    let mut all = NamedTensors::new();
    for (name, dims) in shape.weights() {
        let count = dims.iter().product();
        let values = if is_bias(&name) {
            vec![0.0; count]
        } else if dims.len() == 1 {
            vec![
                if shape.variant.norms_around_one {
                    0.0
                } else {
                    1.0
                };
                count
            ]
        } else {
            let writes = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
            normal(&mut rng, count, if writes { residual } else { base })
        };
        all.insert(name, Tensor::from_vec(values, dims, &Device::Cpu)?);
    }
    Ok(all)
}

/// Weights on a device.
pub fn to_device(tensors: &NamedTensors, device: &Device) -> Result<NamedTensors> {
    tensors
        .iter()
        .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
        .collect()
}

/// A fresh score head `[1, hidden]`, zero: every text scores the same before training.
pub fn score_head(shape: &LlamaConfig, device: &Device) -> Result<Tensor> {
    Ok(Tensor::zeros((1, shape.hidden_size), DType::F32, device)?)
}

/// Fresh adapter weights for every linear that `config` targets: `A` uniform within `1 / sqrt(d_in)`,
/// `B` zero, as PEFT does. Keys are `<module>.lora_A.weight` and `<module>.lora_B.weight`.
pub fn lora(shape: &LlamaConfig, config: &LoraConfig, seed: u64) -> Result<NamedTensors> {
    lora_of(&shape.projections(), config, seed)
}

/// [`lora`] for these linears.
pub(super) fn lora_of(
    linears: &[(String, [usize; 2])],
    config: &LoraConfig,
    seed: u64,
) -> Result<NamedTensors> {
    config.check(linears)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = NamedTensors::new();
    for (name, [d_out, d_in]) in linears {
        let (d_out, d_in) = (*d_out, *d_in);
        if !config.targets(name) {
            continue;
        }
        let bound = 1.0 / (d_in as f32).sqrt();
        let a: Vec<f32> = (0..config.rank * d_in)
            .map(|_| rng.random_range(-bound..=bound))
            .collect();
        all.insert(
            format!("{name}.lora_A.weight"),
            Tensor::from_vec(a, (config.rank, d_in), &Device::Cpu)?,
        );
        let b = Tensor::zeros((d_out, config.rank), DType::F32, &Device::Cpu)?;
        all.insert(format!("{name}.lora_B.weight"), b);
    }
    Ok(all)
}

/// Gives fresh adapters the factors of one that was trained; refuses one of other ranks, scales or modules.
pub(super) fn take_up(vars: &NamedVars, lora: &LoraConfig, trained: &Adapter) -> Result<()> {
    let other = |problem: String| {
        let problem = format!("{}: {problem}; train with the same", trained.path.display());
        Err(Error::option("begin_with", problem))
    };
    let count = vars
        .keys()
        .filter(|name| name.ends_with(".lora_A.weight"))
        .count();
    if count != trained.factors.len() {
        let problem = format!(
            "has {} modules, this run adapts {count}",
            trained.factors.len()
        );
        return other(problem);
    }
    for (path, factor) in &trained.factors {
        let same =
            factor.rank == lora.rank && (f64::from(factor.scale) - lora.scale()).abs() < 1e-6;
        if !same {
            let problem = format!(
                "is of rank {} and scale {} at {path}, this run of {} and {}",
                factor.rank,
                factor.scale,
                lora.rank,
                lora.scale()
            );
            return other(problem);
        }
        for (kind, numbers) in [("A", &factor.a), ("B", &factor.b)] {
            let Some(var) = vars.get(&format!("{path}.lora_{kind}.weight")) else {
                return other(format!("adapts {path}, which this run does not"));
            };
            var.set(&Tensor::from_slice(numbers, var.dims(), var.device())?)?;
        }
    }
    Ok(())
}

/// Weights of a folder, and what they were there.
pub struct Stored {
    /// In f32.
    pub weights: NamedTensors,
    /// Their types in the file, e.g. `BF16`.
    pub types: BTreeSet<String>,
    /// Of names and bytes.
    pub digest: String,
}

/// Every weight of a causal model's folder, checked against its shape.
pub fn read(folder: &Path, shape: &LlamaConfig) -> Result<Stored> {
    let checkpoint = Checkpoint::open_folder(folder)?;
    let mut digest = Digest::default();
    let (mut weights, mut types) = (NamedTensors::new(), BTreeSet::new());
    for (name, expected) in shape.weights() {
        // A bias that a checkpoint lacks is zero.
        if is_bias(&name) && !checkpoint.contains(&name) {
            continue;
        }
        let values = checkpoint.read(&name, &expected, &mut digest)?;
        types.extend(checkpoint.dtype(&name));
        weights.insert(name, Tensor::from_vec(values, expected, &Device::Cpu)?);
    }
    Ok(Stored {
        weights,
        types,
        digest: digest.hex(),
    })
}

/// The first variable that holds something that is no number, if there is one.
pub fn spoilt(vars: &NamedVars) -> Result<Option<&str>> {
    for (name, var) in vars {
        let sum: f32 = var.as_detached_tensor().sqr()?.sum_all()?.to_scalar()?;
        if !sum.is_finite() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Turns weights into variables.
pub fn trainable(tensors: &NamedTensors) -> Result<NamedVars> {
    tensors
        .iter()
        .map(|(name, t)| Ok((name.clone(), Var::from_tensor(t)?)))
        .collect()
}
