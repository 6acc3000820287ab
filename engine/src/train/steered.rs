//! PARM's bilinear adapters in the differentiable forward: `O(x) = W x + s (B₁ A₁ + B₂ W(w) A₂) x` with
//! `W(w) = Σ wᵢ Wᵢ` (Lin et al. 2025, Eq. 5; their `W₁`, which no preference touches, is part of `B₁` here).
//!
//! As `B₂ W(w) A₂ = Σ wᵢ (B₂ Wᵢ) A₂`, a trained one is one ordinary adapter more than there are objectives: the shared
//! part at a gate of 1, and one per objective at a gate of its share.

use candle_core::{Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::ops::product;
use super::params::{self, NamedTensors, NamedVars};
use super::tape::Traced;
use super::trace::Trace;
use crate::types::ParmConfig;
use crate::{Error, Result};

/// The shared part's names begin so.
const SHARED: &str = "shared.";
/// And the steered part's so.
const STEERED: &str = "steered.";

/// The trained factors beside one module.
#[derive(Debug)]
pub(super) struct SteeredSite {
    /// `A₁`, `[r₁, d_in]`, and `B₁`, `[d_out, r₁]`.
    shared: [Tensor; 2],
    /// `A₂`, `[r₂, d_in]`, and `B₂`, `[d_out, r₂]`.
    steered: [Tensor; 2],
    /// `Wᵢ`, `[r₂, r₂]`, one per objective.
    cores: Vec<Tensor>,
    /// `s`.
    scale: f64,
}

/// What stands beside which modules, for how many objectives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) config: &'a ParmConfig,
    pub(super) objectives: usize,
}

fn core_name(path: &str, objective: usize) -> String {
    format!("{STEERED}{path}.core.{objective}.weight")
}

fn factor_names(part: &str, path: &str) -> [String; 2] {
    ["A", "B"].map(|factor| format!("{part}{path}.lora_{factor}.weight"))
}

impl Layout<'_> {
    /// Fresh factors beside the modules of `linears` that get any: `A₁` and `A₂` as of any adapter, `B₁` and `B₂` zero,
    /// so that the model begins as the base; cores uniform within `1 / sqrt(r₂)`.
    pub(super) fn fresh(
        &self,
        linears: &[(String, [usize; 2])],
        seed: u64,
    ) -> Result<NamedTensors> {
        let mut all = NamedTensors::new();
        let parts = [
            (SHARED, self.config.shared()),
            (STEERED, self.config.steered()),
        ];
        // Another seed each, so that the parts are not each other's copies.
        for (index, (part, lora)) in parts.into_iter().enumerate() {
            let factors = params::lora_of(linears, &lora, seed.wrapping_add(index as u64))?;
            all.extend(
                factors
                    .into_iter()
                    .map(|(name, t)| (format!("{part}{name}"), t)),
            );
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_add(2));
        let (rank, shared) = (self.config.steered_rank, self.config.shared());
        let bound = 1.0 / (rank as f32).sqrt();
        for (path, _) in linears.iter().filter(|(path, _)| shared.targets(path)) {
            for objective in 0..self.objectives {
                let numbers = (0..rank * rank).map(|_| rng.random_range(-bound..=bound));
                let core =
                    Tensor::from_vec(numbers.collect::<Vec<f32>>(), (rank, rank), &Device::Cpu)?;
                all.insert(core_name(path, objective), core);
            }
        }
        Ok(all)
    }

    /// The factors beside the module at `path`, if it gets any; `find` looks tensors up by name.
    pub(super) fn site(
        &self,
        path: &str,
        find: impl Fn(&str) -> Result<Tensor>,
    ) -> Result<Option<SteeredSite>> {
        if !self.config.shared().targets(path) {
            return Ok(None);
        }
        let factors = |part: &str| -> Result<[Tensor; 2]> {
            let [a, b] = factor_names(part, path);
            Ok([find(&a)?, find(&b)?])
        };
        let cores = (0..self.objectives).map(|objective| find(&core_name(path, objective)));
        Ok(Some(SteeredSite {
            shared: factors(SHARED)?,
            steered: factors(STEERED)?,
            cores: cores.collect::<Result<_>>()?,
            scale: self.config.scale(),
        }))
    }

    /// The shared part as an ordinary adapter, named `<module>.lora_A.weight` and `<module>.lora_B.weight`.
    pub(super) fn shared(vars: &NamedVars) -> NamedTensors {
        let own = vars.iter().filter_map(|(name, var)| {
            Some((
                name.strip_prefix(SHARED)?.to_owned(),
                var.as_detached_tensor(),
            ))
        });
        own.collect()
    }

    /// An objective's share of the steered part as an ordinary adapter: `B₂ Wᵢ` and `A₂`.
    pub(super) fn steered(vars: &NamedVars, objective: usize) -> Result<NamedTensors> {
        let mut all = NamedTensors::new();
        let paths = vars
            .keys()
            .filter_map(|name| name.strip_prefix(STEERED)?.strip_suffix(".lora_A.weight"));
        for path in paths {
            let find = |name: &str| -> Result<Tensor> {
                let var = vars.get(name).map(Var::as_detached_tensor);
                var.ok_or_else(|| {
                    Error::internal(format!("no weight in memory is called `{name}`"))
                })
            };
            let [a, b] = factor_names(STEERED, path);
            let core = find(&core_name(path, objective))?;
            let [plain_a, plain_b] = factor_names("", path);
            all.insert(plain_a, find(&a)?);
            let on_cpu = |t: Tensor| t.to_device(&Device::Cpu);
            all.insert(plain_b, product(&on_cpu(find(&b)?)?, &on_cpu(core)?)?);
        }
        Ok(all)
    }
}

impl SteeredSite {
    /// What the factors add at a preference: `[rows, d_out]` from `[rows, d_in]`.
    pub(super) fn forward(&self, x: &Traced, preference: &[f64], trace: &Trace) -> Result<Traced> {
        let mut core: Option<Traced> = None;
        for (own, share) in self.cores.iter().zip(preference) {
            let part = trace.scale(&trace.weight(own), *share)?;
            core = Some(match core {
                None => part,
                Some(sum) => trace.sum(&sum, &part)?,
            });
        }
        let (Some(core), true) = (core, preference.len() == self.cores.len()) else {
            return Err(Error::internal(format!(
                "a steered adapter of {} objectives was asked at {} shares",
                self.cores.len(),
                preference.len()
            )));
        };
        let low = |a: &Tensor| trace.scale(&trace.linear(x, &trace.weight(a))?, self.scale);
        let [a, b] = &self.shared;
        let shared = trace.linear(&low(a)?, &trace.weight(b))?;
        let [a, b] = &self.steered;
        let turned = trace.linear(&low(a)?, &core)?;
        let steered = trace.linear(&turned, &trace.weight(b))?;
        Ok(trace.sum(&shared, &steered)?)
    }
}
