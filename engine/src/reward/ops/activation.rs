//! Activation functions, by the names that configs give them.

use candle_core::{Result, Tensor};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::kernels::{exp, silu};

/// What stands between two linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reward) enum Activation {
    /// The tanh form of GELU, which GPT-2 was trained with.
    GeluTanh,
    /// The exact form, through the error function; what transformers calls `gelu`.
    Gelu,
    Relu,
    Silu,
    Tanh,
}

impl Activation {
    pub(in crate::reward) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Self::GeluTanh,
            "gelu" => Self::Gelu,
            "relu" => Self::Relu,
            "silu" | "swish" => Self::Silu,
            "tanh" => Self::Tanh,
            _ => return None,
        })
    }

    /// With candle, on any device.
    pub(super) fn plain(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::GeluTanh => x.gelu(),
            Self::Gelu => x.gelu_erf(),
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Tanh => x.tanh(),
        }
    }

    /// In place, on all threads.
    pub(super) fn packed(self, values: &mut [f32]) {
        values
            .par_chunks_mut(16_384)
            .for_each(|values| Arch::new().dispatch(Each(self, values)));
    }
}

struct Each<'a>(Activation, &'a mut [f32]);

impl WithSimd for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // One loop per function: a branch inside would keep it from becoming vector code.
        let Self(activation, values) = self;
        match activation {
            Activation::GeluTanh => {
                for x in values {
                    *x = gelu_tanh(*x);
                }
            }
            Activation::Gelu => {
                for x in values {
                    *x = gelu(*x);
                }
            }
            Activation::Relu => {
                for x in values {
                    // A comparison, not `max`, which would turn NaN into 0.
                    *x = if *x < 0.0 { 0.0 } else { *x };
                }
            }
            Activation::Silu => {
                for x in values {
                    *x = silu(*x);
                }
            }
            Activation::Tanh => {
                for x in values {
                    *x = x.tanh();
                }
            }
        }
    }
}

/// `x / 2 (1 + erf(x / sqrt 2))`, with the error function of Abramowitz and Stegun 7.1.26, which is
/// right within 1.5e-7.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / 0.327_591_1_f32.mul_add(z, 1.0);
    let p = 1.061_405_4_f32
        .mul_add(t, -1.453_152)
        .mul_add(t, 1.421_413_8)
        .mul_add(t, -0.284_496_74)
        .mul_add(t, 0.254_829_6);
    // Half of the complement of the error function: small where `1 - erf` would cancel.
    let tail = 0.5 * p * t * exp(-z * z);
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

/// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, by way of `1 + tanh u = 2 / (1 + e^-2u)`.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    const TWICE: f32 = 2.0 * 0.797_884_6; // 2 sqrt(2 / pi)
    let u = TWICE * (0.044_715 * x * x).mul_add(x, x);
    x / (1.0 + exp(-u))
}
