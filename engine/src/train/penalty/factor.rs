//! A module's factors on the CPU, and the products that penalties need of them.

use candle_core::{DType, Device, Tensor};

use crate::train::ops::product;
use crate::train::params::NamedVars;
use crate::weights::LoraFactor;
use crate::{Error, Result};

/// `dW = B A`, the scale folded into `B`; f32, on the CPU.
#[derive(Debug, Clone)]
pub(super) struct Factor {
    /// `[rank, in]`.
    pub(super) a: Tensor,
    /// `[out, rank]`.
    pub(super) b: Tensor,
    /// `‖B A‖²`; 0 for the adapter in training.
    pub(super) square: f64,
}

/// Of a module's factors; `None` where there is none.
#[derive(Debug, Default)]
pub(super) struct Gradient {
    /// Like `A`.
    pub(super) a: Option<Tensor>,
    /// Like `B`, the scale folded in.
    pub(super) b: Option<Tensor>,
}

impl Gradient {
    /// From the gradient in the scaled `B` to that in the trained one.
    pub(super) fn of_trained(self, scale: f64) -> Result<Self> {
        let b = self.b.map(|b| b * scale).transpose()?;
        Ok(Self { a: self.a, b })
    }

    /// Adds `a` and `b`, each times `weight`.
    pub(super) fn add(&mut self, weight: f64, a: &Tensor, b: &Tensor) -> Result<()> {
        for (sum, part) in [(&mut self.a, a), (&mut self.b, b)] {
            let part = (part * weight)?;
            *sum = Some(match sum.take() {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        Ok(())
    }
}

impl Factor {
    /// Of a module of an adapter on disk, `shape` its `[out, in]`.
    pub(super) fn frozen(factor: &LoraFactor, [out, inner]: [usize; 2]) -> Result<Self> {
        let a = Tensor::from_slice(&factor.a, (factor.rank, inner), &Device::Cpu)?;
        let b = Tensor::from_slice(&factor.b, (out, factor.rank), &Device::Cpu)?;
        let mut made = Self {
            a,
            b: (b * f64::from(factor.scale))?,
            square: 0.0,
        };
        made.square = made.inner_product(&made)?;
        Ok(made)
    }

    /// Of the adapter in training, as it is now.
    pub(super) fn trained(module: &str, vars: &NamedVars, scale: f64) -> Result<Self> {
        let get = |kind: &str| {
            let name = format!("{module}.lora_{kind}.weight");
            let var = vars.get(&name).ok_or_else(|| Error::MissingTensor {
                path: "adapter in training".into(),
                tensor: name,
            })?;
            Ok::<_, Error>(var.as_detached_tensor().to_device(&Device::Cpu)?)
        };
        Ok(Self {
            a: get("A")?,
            b: (get("B")? * scale)?,
            square: 0.0,
        })
    }

    /// `⟨B A, B' A'⟩ = Σ (Bᵀ B') ∘ (A A'ᵀ)`.
    pub(super) fn inner_product(&self, other: &Self) -> Result<f64> {
        let left = product(&self.b.t()?, &other.b)?.to_dtype(DType::F64)?;
        let right = product(&self.a, &other.a.t()?)?.to_dtype(DType::F64)?;
        Ok((left * right)?.sum_all()?.to_scalar()?)
    }

    /// The gradient of `⟨B A, B' A'⟩` in `A` and `B`: `Bᵀ B' A'` and `B' (A' Aᵀ)`.
    pub(super) fn product_gradient(&self, other: &Self) -> Result<[Tensor; 2]> {
        let a = product(&product(&self.b.t()?, &other.b)?, &other.a)?;
        let b = product(&other.b, &product(&other.a, &self.a.t()?)?)?;
        Ok([a, b])
    }
}
