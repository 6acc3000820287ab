//! The families of models that are read: what `model_type` says, what each takes for granted, and how its fields become
//! a [`Variant`]. Defaults and meanings are those of transformers' own configuration classes.

use std::path::Path;

use serde_json::Value;

use super::RopeScaling;
use super::config::Raw;
use super::variant::{Activation, LayerKind, LayerRope, NormPlaces, QueryKeyNorm, Variant};
use crate::{Error, Result};

/// `model_type` and what it stands for.
const FAMILIES: [(&str, Family); 12] = [
    ("llama", Family::Llama),
    ("mistral", Family::Mistral),
    ("qwen2", Family::Qwen2),
    ("qwen3", Family::Qwen3),
    ("smollm3", Family::SmolLm3),
    ("granite", Family::Granite),
    ("phi3", Family::Phi3),
    ("olmo2", Family::Olmo2),
    ("gemma2", Family::Gemma2),
    ("gemma3_text", Family::Gemma3),
    ("gemma3", Family::Gemma3),
    // A Llama with a head that scores, as PKU's reward models call it.
    ("score", Family::Llama),
];

/// Whether causal models of this `model_type` are read.
pub fn reads(model_type: &str) -> bool {
    FAMILIES.iter().any(|(name, _)| *name == model_type)
}

/// A family of decoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
    SmolLm3,
    Granite,
    Phi3,
    Olmo2,
    Gemma2,
    Gemma3,
}

/// What attention's positions are made of.
pub(super) struct Rope {
    pub(super) theta: f64,
    pub(super) scaling: RopeScaling,
    /// Positions that the model is exact for, where its frequencies change beyond them.
    pub(super) limit: Option<usize>,
}

impl Family {
    /// Refuses by name what is not read.
    pub(super) fn of(model_type: Option<&str>, path: &Path) -> Result<Self> {
        let Some(kind) = model_type else {
            return Ok(Self::Llama);
        };
        let found = FAMILIES.iter().find(|(name, _)| *name == kind);
        found.map(|(_, family)| *family).ok_or_else(|| {
            let names: Vec<&str> = FAMILIES.iter().map(|(name, _)| *name).collect();
            let problem = format!("`{kind}` is not read; {} are", names.join(", "));
            Error::field(path, "model_type", problem)
        })
    }

    fn is_gemma(self) -> bool {
        matches!(self, Self::Gemma2 | Self::Gemma3)
    }

    /// `max_position_embeddings` where it is not stated.
    pub(super) fn context(self) -> usize {
        match self {
            Self::Llama | Self::Granite | Self::Olmo2 => 2048,
            Self::Phi3 => 4096,
            Self::Gemma2 => 8192,
            Self::Qwen2 | Self::Qwen3 | Self::SmolLm3 => 32_768,
            Self::Mistral | Self::Gemma3 => 131_072,
        }
    }

    /// `rms_norm_eps` where it is not stated.
    pub(super) fn eps(self) -> f64 {
        match self {
            Self::Phi3 | Self::Olmo2 => 1e-5,
            _ => 1e-6,
        }
    }

    /// `head_dim` where it is not stated and does not follow from the hidden size.
    pub(super) fn head_dim(self) -> Option<usize> {
        match self {
            Self::Qwen3 => Some(128),
            Self::Gemma2 | Self::Gemma3 => Some(256),
            _ => None,
        }
    }

    /// `tie_word_embeddings` where it is not stated.
    pub(super) fn tied(self) -> bool {
        self.is_gemma() || self == Self::SmolLm3
    }

    fn theta(self) -> f64 {
        match self {
            Self::SmolLm3 => 2_000_000.0,
            Self::Gemma3 => 1_000_000.0,
            _ => 10_000.0,
        }
    }

    /// All that sets this model apart from Llama's decoder; `positions` and `head_dim` are checked already.
    pub(super) fn variant(
        self,
        raw: &Raw,
        (positions, head_dim): (usize, usize),
        path: &Path,
    ) -> Result<Variant> {
        self.refuse_what_changes(raw, path)?;
        let plain = Variant::default();
        let positive = |name: &str, value: Option<f64>| match value {
            Some(value) if !(value.is_finite() && value > 0.0) => {
                let problem = format!("is {value}; it must be a number above 0");
                Err(Error::field(path, name, problem))
            }
            value => Ok(value),
        };
        let multiplier = |name: &str, value: Option<f64>| {
            let value = if self == Self::Granite { value } else { None };
            positive(name, value).map(|value| value.unwrap_or(1.0))
        };
        let capped = self.is_gemma();
        // Gemma-3 states a cap of attention's scores, too, but does not compute it.
        let (attention_cap, logits_cap) = match self {
            Self::Gemma2 => (
                raw.attn_logit_softcapping.or(Some(50.0)),
                raw.final_logit_softcapping.or(Some(30.0)),
            ),
            _ => (None, raw.final_logit_softcapping.or(None)),
        };
        let attention_scale = match self {
            Self::Granite => Some(raw.attention_multiplier.unwrap_or(1.0)),
            _ if capped => Some(raw.query_pre_attn_scalar.unwrap_or(256.0)),
            _ => None,
        };
        let scale_from = if capped {
            "query_pre_attn_scalar"
        } else {
            "attention_multiplier"
        };
        let attention_scale = positive(scale_from, attention_scale)?
            .map(|scale| if capped { scale.powf(-0.5) } else { scale });
        let embedding_multiplier = if capped {
            (raw.hidden_size as f64).sqrt()
        } else {
            multiplier("embedding_multiplier", raw.embedding_multiplier)?
        };
        Ok(Variant {
            norms: match self {
                Self::Olmo2 => NormPlaces::After,
                Self::Gemma2 | Self::Gemma3 => NormPlaces::Both,
                _ => NormPlaces::Before,
            },
            norms_around_one: self.is_gemma(),
            query_key_norm: match self {
                Self::Qwen3 | Self::Gemma3 => QueryKeyNorm::Heads,
                Self::Olmo2 => QueryKeyNorm::Whole,
                _ => QueryKeyNorm::None,
            },
            qkv_bias: self == Self::Qwen2,
            activation: self.activation(raw, path)?,
            attention_scale,
            attention_cap: positive("attn_logit_softcapping", attention_cap)?,
            logits_cap: positive(
                "final_logit_softcapping",
                if capped { logits_cap } else { None },
            )?,
            embedding_multiplier,
            residual_multiplier: multiplier("residual_multiplier", raw.residual_multiplier)?,
            logits_divisor: multiplier("logits_scaling", raw.logits_scaling)?,
            rotary_dim: self.rotary_dim(raw, head_dim, path)?,
            local_theta: self.local_theta(raw, path)?.unwrap_or(plain.local_theta),
            layers: self.layers(raw, positions, path)?,
            fused: self == Self::Phi3,
        })
    }

    /// Refuses by name what the family has not, or what is not computed here.
    fn refuse_what_changes(self, raw: &Raw, path: &Path) -> Result<()> {
        let caps = match self {
            Self::Gemma2 => [None, None],
            Self::Gemma3 => [None, raw.attn_logit_softcapping.or(None)],
            _ => [
                raw.final_logit_softcapping.or(None),
                raw.attn_logit_softcapping.or(None),
            ],
        };
        let names = ["final_logit_softcapping", "attn_logit_softcapping"];
        for (name, value) in names.into_iter().zip(caps) {
            if let Some(value) = value.filter(|value| *value != 0.0) {
                let problem = format!(
                    "is {value}, which changes what the model computes and is not supported in this family"
                );
                return Err(Error::field(path, name, problem));
            }
        }
        if raw.use_bidirectional_attention == Some(true) {
            let problem = "is true: such a model sees tokens that come later, and answers nothing";
            return Err(Error::field(path, "use_bidirectional_attention", problem));
        }
        Ok(())
    }

    fn activation(self, raw: &Raw, path: &Path) -> Result<Activation> {
        let (name, stated) = if self.is_gemma() {
            let stated = raw.hidden_activation.as_deref();
            (
                "hidden_activation",
                Some(stated.unwrap_or("gelu_pytorch_tanh")),
            )
        } else {
            ("hidden_act", raw.hidden_act.as_deref())
        };
        match stated {
            None | Some("silu" | "swish") => Ok(Activation::Silu),
            Some("gelu_pytorch_tanh") => Ok(Activation::Gelu),
            Some(other) => {
                let problem = format!("`{other}` is not supported (silu, gelu_pytorch_tanh)");
                Err(Error::field(path, name, problem))
            }
        }
    }

    fn rotary_dim(self, raw: &Raw, head_dim: usize, path: &Path) -> Result<Option<usize>> {
        let name = "partial_rotary_factor";
        let nested = raw
            .rope()
            .and_then(|rope| rope.get(name))
            .and_then(Value::as_f64);
        let Some(part) = nested.or(raw.partial_rotary_factor) else {
            return Ok(None);
        };
        if part == 1.0 {
            return Ok(None);
        }
        let turned = (head_dim as f64 * part) as usize;
        if self != Self::Phi3 {
            let problem = format!(
                "is {part}, which changes what the model computes and is not supported in this family"
            );
            return Err(Error::field(path, name, problem));
        }
        if !(part > 0.0 && part < 1.0) || turned < 2 || !turned.is_multiple_of(2) {
            let problem = format!(
                "is {part}, so that {turned} of a head's {head_dim} dimensions are turned; it must be an even number of at least 2"
            );
            return Err(Error::field(path, name, problem));
        }
        Ok(Some(turned))
    }

    /// What positions are made of.
    pub(super) fn rope(
        self,
        raw: &Raw,
        (positions, head_dim): (usize, usize),
        path: &Path,
    ) -> Result<Rope> {
        let stated = raw.rope();
        let nested = stated.and_then(|rope| rope.get("full_attention"));
        let rope = match (stated, nested) {
            (Some(_), Some(full)) if self == Self::Gemma3 => Some(full).filter(|v| !v.is_null()),
            (Some(_), Some(_)) => {
                let problem = "differs by kinds of layers, which is not supported in this family";
                return Err(Error::field(path, "rope_parameters", problem));
            }
            (stated, _) => stated,
        };
        let theta = rope
            .and_then(|rope| rope.get("rope_theta"))
            .and_then(Value::as_f64);
        let theta = theta.or(raw.rope_theta).unwrap_or(self.theta());
        check_theta("rope_theta", theta, path)?;
        let long = rope.filter(|_| self == Self::Phi3).filter(|rope| {
            let kind = rope.get("rope_type").or_else(|| rope.get("type"));
            matches!(
                kind.and_then(Value::as_str),
                Some("longrope" | "su" | "yarn")
            )
        });
        let Some(long) = long else {
            let scaling = RopeScaling::from_json(rope, path)?;
            return Ok(Rope {
                theta,
                scaling,
                limit: None,
            });
        };
        let turned = self.rotary_dim(raw, head_dim, path)?.unwrap_or(head_dim);
        let original = raw.original_max_position_embeddings.unwrap_or(4096);
        super::config::check_size(path, "original_max_position_embeddings", original)?;
        Ok(Rope {
            theta,
            scaling: RopeScaling::long(long, (positions, original), turned, path)?,
            limit: Some(original),
        })
    }

    /// The base of the frequencies of layers with a window, where they have their own.
    fn local_theta(self, raw: &Raw, path: &Path) -> Result<Option<f64>> {
        if self != Self::Gemma3 {
            return Ok(None);
        }
        let nested = raw.rope().and_then(|rope| rope.get("sliding_attention"));
        let nested = nested.filter(|rope| !rope.is_null());
        if RopeScaling::from_json(nested, path)? != RopeScaling::None {
            let problem =
                "stretches the frequencies of layers with a window, which is not supported";
            return Err(Error::field(
                path,
                "rope_parameters.sliding_attention",
                problem,
            ));
        }
        let theta = nested
            .and_then(|rope| rope.get("rope_theta"))
            .and_then(Value::as_f64);
        let theta = theta.or(raw.rope_local_base_freq);
        if let Some(theta) = theta {
            check_theta("rope_local_base_freq", theta, path)?;
        }
        Ok(theta)
    }

    /// The window as the family means it; `None` where all is seen.
    fn window(self, raw: &Raw, path: &Path) -> Result<Option<usize>> {
        let switched_on = raw.use_sliding_window == Some(true);
        let window = match self {
            // transformers does not read it there.
            Self::Llama | Self::Granite | Self::Olmo2 => None,
            Self::Mistral => raw.sliding_window.or(Some(4096)),
            Self::Phi3 => raw.sliding_window.or(None),
            Self::Qwen2 | Self::Qwen3 if switched_on => raw.sliding_window.or(Some(4096)),
            Self::SmolLm3 if switched_on => raw.sliding_window.or(None),
            Self::Qwen2 | Self::Qwen3 | Self::SmolLm3 => None,
            Self::Gemma2 | Self::Gemma3 => raw.sliding_window.or(Some(4096)),
        };
        let window = window.filter(|_| raw.use_sliding_window != Some(false));
        if window == Some(0) {
            let problem = "is 0; it is a number of tokens, or null";
            return Err(Error::field(path, "sliding_window", problem));
        }
        Ok(window)
    }

    /// Window and rotation layer by layer; none listed where all layers are plain.
    fn layers(self, raw: &Raw, positions: usize, path: &Path) -> Result<Vec<LayerKind>> {
        let count = raw.num_hidden_layers;
        // A window that is never left has no effect.
        let window = self.window(raw, path)?.filter(|window| *window < positions);
        let turned = self.turned_layers(raw, path)?;
        let listed = match self {
            Self::Mistral | Self::Phi3 => None,
            _ => raw.layer_types.as_ref(),
        };
        if let Some(listed) = listed.filter(|listed| listed.len() != count) {
            let problem = format!("lists {} layers; the model has {count}", listed.len());
            return Err(Error::field(path, "layer_types", problem));
        }
        let every = raw.sliding_window_pattern.unwrap_or(6).max(1);
        let slides = |index: usize| -> Result<bool> {
            if let Some(kind) = listed.and_then(|listed| listed.get(index)) {
                return match kind.as_str() {
                    "full_attention" => Ok(false),
                    "sliding_attention" => Ok(true),
                    other => {
                        let problem = format!(
                            "`{other}` is not supported (full_attention, sliding_attention)"
                        );
                        Err(Error::field(path, "layer_types", problem))
                    }
                };
            }
            Ok(match self {
                Self::Mistral | Self::Phi3 => true,
                Self::Qwen2 | Self::Qwen3 => index >= raw.max_window_layers.unwrap_or(28),
                Self::SmolLm3 => !turned(index),
                Self::Gemma2 => index.is_multiple_of(2),
                Self::Gemma3 => !(index + 1).is_multiple_of(every),
                Self::Llama | Self::Granite | Self::Olmo2 => false,
            })
        };
        let kinds = (0..count).map(|index| {
            let slides = slides(index)?;
            let rope = match self {
                Self::Gemma3 if slides => LayerRope::Local,
                _ if !turned(index) => LayerRope::None,
                _ => LayerRope::Global,
            };
            let window = window.filter(|_| slides);
            Ok(LayerKind { window, rope })
        });
        let kinds = kinds.collect::<Result<Vec<_>>>()?;
        let plain = kinds.iter().all(|kind| *kind == LayerKind::default());
        Ok(if plain { Vec::new() } else { kinds })
    }

    /// Whether a layer's queries and keys are turned by their position.
    fn turned_layers<'a>(self, raw: &'a Raw, path: &Path) -> Result<impl Fn(usize) -> bool + 'a> {
        let listed = raw
            .no_rope_layers
            .as_ref()
            .filter(|_| self == Self::SmolLm3);
        if let Some(listed) = listed.filter(|listed| listed.len() < raw.num_hidden_layers) {
            let problem = format!(
                "lists {} layers; the model has {}",
                listed.len(),
                raw.num_hidden_layers
            );
            return Err(Error::field(path, "no_rope_layers", problem));
        }
        let every = raw.no_rope_layer_interval.unwrap_or(4);
        if every == 0 {
            let problem = "is 0; it is a number of layers, at least 1";
            return Err(Error::field(path, "no_rope_layer_interval", problem));
        }
        Ok(
            move |index: usize| match listed.and_then(|listed| listed.get(index)) {
                Some(turned) => *turned != 0,
                None => self != Self::SmolLm3 || !(index + 1).is_multiple_of(every),
            },
        )
    }
}

fn check_theta(name: &str, theta: f64, path: &Path) -> Result<()> {
    if theta.is_finite() && theta > 1.0 {
        return Ok(());
    }
    Err(Error::field(
        path,
        name,
        format!("is {theta}; it must be above 1"),
    ))
}
