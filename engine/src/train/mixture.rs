//! Frozen LoRA experts in the differentiable forward, mixed token by token by a router that learns:
//! `O(x) = W x + sum_l v_l(x) * s_l B_l A_l x` with `v(x) = softmax(W_r x + b_r)` (HoE Eqs. 10 to 12 at
//! the router's own preference, where its share is one).
//!
//! `mixture::MixedGroup` is the form that generates; a test holds the two against each other.

use candle_core::Tensor;

use super::params::NamedTensors;
use super::tape::Traced;
use super::trace::Trace;
use crate::types::RouterActivation;
use crate::weights::Adapter;
use crate::{Error, Result};

/// The experts of one module and the router's layer on it: frozen ones, or ones that learn with it.
#[derive(Debug)]
pub(super) struct SiteMixture {
    /// First factors, `[sum of ranks, d_in]`.
    first: Tensor,
    /// Second factors, `[d_out, sum of ranks]`; those that are frozen have their scales folded in.
    second: Tensor,
    /// One where a rank belongs to the expert that an output votes for, times a scale that is not folded in,
    /// `[sum of ranks, outputs]`.
    owners: Tensor,
    /// `[outputs, d_in]`.
    weight: Tensor,
    /// `[outputs]`.
    bias: Tensor,
    activation: RouterActivation,
}

/// What a router votes for.
#[derive(Debug, Clone)]
pub(super) struct Electorate<'a> {
    /// The LoRA experts, in order of the router's outputs.
    pub(super) adapters: Vec<&'a Adapter>,
    /// What follows its linear layer.
    pub(super) activation: RouterActivation,
}

impl Electorate<'_> {
    /// The mixture at module `path` with the router's `weight` and `bias`; `None` where no expert has
    /// factors.
    pub(super) fn site(
        &self,
        path: &str,
        [d_out, d_in]: [usize; 2],
        (weight, bias): (Tensor, Tensor),
    ) -> Result<Option<SiteMixture>> {
        let factors: Vec<_> = self
            .adapters
            .iter()
            .enumerate()
            .filter_map(|(output, adapter)| Some((output, adapter.factors.get(path)?)))
            .collect();
        let ranks: usize = factors.iter().map(|(_, f)| f.rank).sum();
        if ranks == 0 {
            return Ok(None);
        }
        let outputs = self.adapters.len();
        let mut first = Vec::with_capacity(ranks * d_in);
        let mut second = vec![0f32; d_out * ranks];
        let mut owners = vec![0f32; ranks * outputs];
        let mut at = 0;
        for (output, factor) in factors {
            first.extend_from_slice(&factor.a);
            let rows = second.chunks_exact_mut(ranks);
            for (row, b) in rows.zip(factor.b.chunks_exact(factor.rank)) {
                for (target, value) in row[at..].iter_mut().zip(b) {
                    *target = factor.scale * value;
                }
            }
            for rank in at..at + factor.rank {
                owners[rank * outputs + output] = 1.0;
            }
            at += factor.rank;
        }
        let device = weight.device();
        Ok(Some(SiteMixture {
            first: Tensor::from_vec(first, (ranks, d_in), device)?,
            second: Tensor::from_vec(second, (d_out, ranks), device)?,
            owners: Tensor::from_vec(owners, (ranks, outputs), device)?,
            weight,
            bias,
            activation: self.activation,
        }))
    }

    /// A fresh router for the modules of `linears` that any expert adapts: weights zero, biases
    /// `log(max(share, floor))`, so that it begins next to static interpolation by `shares`, and no expert
    /// is without a gradient. Keys are `router.<module>.weight` and `router.<module>.bias`.
    pub(super) fn fresh(
        &self,
        linears: &[(String, [usize; 2])],
        shares: &[f64],
        floor: f64,
    ) -> Result<NamedTensors> {
        let device = &candle_core::Device::Cpu;
        let outputs = self.adapters.len();
        let bias: Vec<f32> = shares
            .iter()
            .map(|share| match self.activation {
                RouterActivation::Softmax => share.max(floor).ln() as f32,
                RouterActivation::None => share.max(floor) as f32,
            })
            .collect();
        let mut all = NamedTensors::new();
        for (path, [_, d_in]) in linears {
            if !self.adapters.iter().any(|a| a.factors.contains_key(path)) {
                continue;
            }
            let weight = Tensor::zeros((outputs, *d_in), candle_core::DType::F32, device)?;
            all.insert(names(path).0, weight);
            all.insert(names(path).1, Tensor::from_slice(&bias, outputs, device)?);
        }
        if all.is_empty() {
            return Err(Error::option(
                "bundle",
                "its experts adapt no linear module of the decoder; a router has nothing to choose",
            ));
        }
        Ok(all)
    }
}

/// Names of the router's tensors at module `path`.
pub(super) fn names(path: &str) -> (String, String) {
    (
        format!("router.{path}.weight"),
        format!("router.{path}.bias"),
    )
}

impl SiteMixture {
    /// Experts of equal rank in training, one below the other, `[experts r, d_in]`, and side by side, `[d_out, experts
    /// r]`, each scaled by `scale`, under a layer without bias, `[experts, d_in]`, and a softmax.
    pub(super) fn of_equals(
        [first, second]: [Tensor; 2],
        weight: Tensor,
        scale: f32,
    ) -> Result<Self> {
        let (ranks, experts) = (first.dim(0)?, weight.dim(0)?);
        let each = ranks / experts.max(1);
        let mut owners = vec![0f32; ranks * experts];
        for (rank, row) in owners.chunks_exact_mut(experts.max(1)).enumerate() {
            if let Some(own) = row.get_mut(rank / each.max(1)) {
                *own = scale;
            }
        }
        let device = weight.device();
        Ok(Self {
            owners: Tensor::from_vec(owners, (ranks, experts), device)?,
            bias: Tensor::zeros(experts, candle_core::DType::F32, device)?,
            first,
            second,
            weight,
            activation: RouterActivation::Softmax,
        })
    }

    /// What the mixed experts add: `[rows, d_out]` from `[rows, d_in]`.
    pub(super) fn forward(&self, x: &Traced, trace: &Trace) -> Result<Traced> {
        let scores = trace.linear(x, &trace.weight(&self.weight))?;
        let votes = trace.votes(&scores, &trace.weight(&self.bias), self.activation)?;
        let gates = trace.linear(&votes, &trace.weight(&self.owners))?;
        let low = trace.linear(x, &trace.weight(&self.first))?;
        let mixed = trace.times(&low, &gates)?;
        Ok(trace.linear(&mixed, &trace.weight(&self.second))?)
    }
}
