//! LoRAMoE's experts and routers in training (Dou et al. 2024): beside every adapted linear stand low-rank experts and
//! a linear layer that reads the module's own input, `O(x) = W x + Σₑ gₑ(x) s Bₑ Aₑ x` with `g = softmax(W_r x)`.
//!
//! The forward is that of [`SiteMixture`], a router over frozen experts; here the experts learn as well, and the layer
//! has no bias. Written out, the experts are ordinary adapters and the layers a router over them.

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::mixture::SiteMixture;
use super::params::{self, NamedTensors, NamedVars};
use crate::types::LoramoeConfig;
use crate::{Error, Result};

/// What stands beside which modules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ensemble<'a>(pub(super) &'a LoramoeConfig);

/// Names of a module's factors and of its router's layer.
fn names(path: &str) -> [String; 3] {
    [
        format!("experts.{path}.lora_A.weight"),
        format!("experts.{path}.lora_B.weight"),
        router_name(path),
    ]
}

fn router_name(path: &str) -> String {
    format!("router.{path}.weight")
}

impl Ensemble<'_> {
    /// Fresh experts and layers beside the modules of `linears` that get any: first factors and layers uniform within
    /// `1 / sqrt(d_in)`, second factors zero, so that the model begins as the base.
    pub(super) fn fresh(
        &self,
        linears: &[(String, [usize; 2])],
        seed: u64,
    ) -> Result<NamedTensors> {
        let lora = &self.0.lora;
        let adapted = linears.iter().filter(|(path, _)| lora.targets(path));
        let mut all = NamedTensors::new();
        let mut parts: Vec<NamedTensors> = Vec::new();
        for expert in 0..self.0.experts {
            let seed = seed.wrapping_add(expert as u64);
            parts.push(params::lora_of(linears, lora, seed)?);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_add(self.0.experts as u64));
        for (path, [_, d_in]) in adapted {
            let stacked = |factor: &str, side: usize| -> Result<Tensor> {
                let name = format!("{path}.lora_{factor}.weight");
                let own: Vec<&Tensor> = parts.iter().filter_map(|part| part.get(&name)).collect();
                Ok(Tensor::cat(&own, side)?)
            };
            let [a, b, router] = names(path);
            all.insert(a, stacked("A", 0)?);
            all.insert(b, stacked("B", 1)?);
            let bound = 1.0 / (*d_in as f32).sqrt();
            let numbers = (0..self.0.experts * d_in).map(|_| rng.random_range(-bound..=bound));
            let shape = (self.0.experts, *d_in);
            let layer = Tensor::from_vec(numbers.collect::<Vec<f32>>(), shape, &Device::Cpu)?;
            all.insert(router, layer);
        }
        Ok(all)
    }

    /// The experts and the layer beside the module at `path`, if it gets any; `find` looks tensors up by name.
    pub(super) fn site(
        &self,
        path: &str,
        find: impl Fn(&str) -> Result<Tensor>,
    ) -> Result<Option<SiteMixture>> {
        if !self.0.lora.targets(path) {
            return Ok(None);
        }
        let [a, b, router] = names(path);
        let factors = [find(&a)?, find(&b)?];
        let scale = self.0.lora.scale() as f32;
        SiteMixture::of_equals(factors, find(&router)?, scale).map(Some)
    }

    /// An expert as an ordinary adapter, named `<module>.lora_A.weight` and `<module>.lora_B.weight`.
    pub(super) fn expert(&self, vars: &NamedVars, expert: usize) -> Result<NamedTensors> {
        let rank = self.0.lora.rank;
        let mut all = NamedTensors::new();
        for (name, var) in vars {
            if let Some(plain) = name.strip_prefix("experts.") {
                let side = usize::from(plain.ends_with("lora_B.weight"));
                let own = var.as_detached_tensor().narrow(side, expert * rank, rank)?;
                all.insert(plain.to_owned(), own.contiguous()?);
            }
        }
        Ok(all)
    }

    /// The layers as a router's tensors, `<module>.weight` and `<module>.bias`; the biases are zero.
    pub(super) fn router(&self, vars: &NamedVars) -> Result<NamedTensors> {
        let mut all = NamedTensors::new();
        for (name, var) in vars {
            let path = name
                .strip_prefix("router.")
                .and_then(|n| n.strip_suffix(".weight"));
            if let Some(path) = path {
                let bias = Tensor::zeros(self.0.experts, candle_core::DType::F32, &Device::Cpu)?;
                all.insert(format!("{path}.weight"), var.as_detached_tensor());
                all.insert(format!("{path}.bias"), bias);
            }
        }
        if all.is_empty() {
            return Err(Error::internal(
                "a mixture of experts was trained without routers",
            ));
        }
        Ok(all)
    }
}
