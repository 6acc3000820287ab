//! Rotary frequencies, plain and stretched.

use std::f64::consts::TAU;
use std::path::Path;

use serde_json::{Value, json};

use crate::{Error, Result};

/// One inverse frequency per pair of turned dimensions, and what cosines and sines are multiplied by.
#[derive(Debug, Clone, PartialEq)]
pub struct Frequencies {
    /// Inverse frequencies.
    pub inverse: Vec<f64>,
    /// 1 but for stretched frequencies that ask for more.
    pub factor: f64,
}

/// How the rotary frequencies are stretched for longer contexts.
#[derive(Debug, Clone, PartialEq)]
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
    /// LongRoPE (Ding et al. 2024): each pair of dimensions by a divisor of its own. Only the divisors for contexts up
    /// to the original one are here: beyond it the others would turn the keys before as well.
    Long {
        /// One per pair.
        short_factor: Vec<f64>,
        /// What cosines and sines are multiplied by.
        attention_factor: f64,
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
                        !matches!(
                            name.as_str(),
                            "rope_theta" | "rope_type" | "type" | "partial_rotary_factor"
                        )
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

    /// LongRoPE, whose model was stretched from `original` to `positions`, for heads of which `turned` dimensions turn.
    pub(super) fn long(
        value: &Value,
        (positions, original): (usize, usize),
        turned: usize,
        path: &Path,
    ) -> Result<Self> {
        let field = |name: &str, problem: String| {
            Err(Error::field(path, format!("rope_scaling.{name}"), problem))
        };
        let listed = value.get("short_factor").and_then(Value::as_array);
        let listed: Vec<f64> = listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        let sound = listed
            .iter()
            .all(|factor| factor.is_finite() && *factor > 0.0);
        if listed.len() != turned / 2 || !sound {
            let problem = format!(
                "has {} numbers; longrope needs {} of them above 0, one per pair of dimensions that turn",
                listed.len(),
                turned / 2
            );
            return field("short_factor", problem);
        }
        let stretch = value.get("factor").and_then(Value::as_f64);
        let stretch = stretch.unwrap_or(positions as f64 / original as f64);
        let stated = value.get("attention_factor").and_then(Value::as_f64);
        let attention_factor = match stated {
            Some(factor) => factor,
            None if stretch <= 1.0 || original < 2 => 1.0,
            None => (1.0 + stretch.ln() / (original as f64).ln()).sqrt(),
        };
        if !(attention_factor.is_finite() && attention_factor > 0.0) {
            let problem = format!("is {attention_factor}; it must be a number above 0");
            return field("attention_factor", problem);
        }
        Ok(Self::Long {
            short_factor: listed,
            attention_factor,
        })
    }

    /// As `rope_scaling` of `config.json` states it; null for LongRoPE, which takes more fields than these.
    pub fn to_json(&self) -> Value {
        match self {
            Self::None | Self::Long { .. } => Value::Null,
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

    /// One inverse frequency per pair of `turned` dimensions.
    pub fn frequencies(&self, turned: usize, theta: f64) -> Frequencies {
        let plain = (0..turned / 2).map(|i| theta.powf(-2.0 * i as f64 / turned as f64));
        let inverse = match self {
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
            Self::Long { short_factor, .. } => plain
                .zip(short_factor)
                .map(|(f, factor)| f / factor)
                .collect(),
        };
        let factor = match self {
            Self::Long {
                attention_factor, ..
            } => *attention_factor,
            _ => 1.0,
        };
        Frequencies { inverse, factor }
    }
}
