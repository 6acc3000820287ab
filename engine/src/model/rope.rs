//! Rotary frequencies, plain and stretched.

use std::f64::consts::TAU;
use std::path::Path;

use serde_json::{Value, json};

use crate::{Error, Result};

/// How the rotary frequencies are stretched for longer contexts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All positions divided by a factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Llama 3: long wavelengths divided, short ones kept, a smooth band between.
    Llama3 {
        /// For long wavelengths.
        factor: f64,
        /// Below `original / low` (in wavelengths) nothing changes beyond this point.
        low_freq_factor: f64,
        /// See `low_freq_factor`.
        high_freq_factor: f64,
        /// Context that the model was first trained at.
        original_context: f64,
    },
}

impl RopeScaling {
    /// From `rope_scaling` or `rope_parameters`; absent or null means none.
    pub fn from_json(value: Option<&Value>, path: &Path) -> Result<Self> {
        let Some(value) = value else {
            return Ok(Self::None);
        };
        let stated = value
            .get("rope_type")
            .or_else(|| value.get("type"))
            .filter(|kind| !kind.is_null());
        let kind = match stated {
            Some(kind) => kind.as_str().ok_or_else(|| {
                let problem = format!("is {kind}; it is a word (default, linear, llama3)");
                Error::field(path, "rope_scaling.rope_type", problem)
            })?,
            None => {
                let more = value.as_object().and_then(|fields| {
                    let mut names = fields.iter().filter(|(_, value)| !value.is_null());
                    names.find(|(name, _)| {
                        !matches!(name.as_str(), "rope_theta" | "rope_type" | "type")
                    })
                });
                if let Some((name, _)) = more {
                    let problem = format!(
                        "is missing, though `{name}` is there; say which kind it is (default, linear, llama3)"
                    );
                    return Err(Error::field(path, "rope_scaling.rope_type", problem));
                }
                "default"
            }
        };
        let number = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_f64)
                .filter(|n| n.is_finite() && *n > 0.0)
                .ok_or_else(|| {
                    Error::field(
                        path,
                        format!("rope_scaling.{name}"),
                        format!("rope type `{kind}` needs a number above 0 here"),
                    )
                })
        };
        match kind {
            "default" => Ok(Self::None),
            "linear" => Ok(Self::Linear {
                factor: number("factor")?,
            }),
            "llama3" => Ok(Self::Llama3 {
                factor: number("factor")?,
                low_freq_factor: number("low_freq_factor")?,
                high_freq_factor: number("high_freq_factor")?,
                original_context: number("original_max_position_embeddings")?,
            }),
            other => Err(Error::field(
                path,
                "rope_scaling.rope_type",
                format!("`{other}` is not supported (default, linear, llama3)"),
            )),
        }
    }

    /// As `rope_scaling` of `config.json` states it.
    pub fn to_json(self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_context,
            } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": original_context,
            }),
        }
    }

    /// One inverse frequency per pair of dimensions.
    pub fn inverse_frequencies(self, head_dim: usize, theta: f64) -> Vec<f64> {
        let plain = (0..head_dim / 2).map(|i| theta.powf(-2.0 * i as f64 / head_dim as f64));
        match self {
            Self::None => plain.collect(),
            Self::Linear { factor } => plain.map(|f| f / factor).collect(),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_context,
            } => plain
                .map(|frequency| {
                    let wavelength = TAU / frequency;
                    if wavelength < original_context / high_freq_factor {
                        frequency
                    } else if wavelength > original_context / low_freq_factor {
                        frequency / factor
                    } else {
                        let smooth = (original_context / wavelength - low_freq_factor)
                            / (high_freq_factor - low_freq_factor);
                        (1.0 - smooth) * frequency / factor + smooth * frequency
                    }
                })
                .collect(),
        }
    }
}
