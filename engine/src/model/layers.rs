//! What the layers of a model are made of, as its configuration says.

use super::LlamaConfig;
use super::rope::{Frequencies, RopeScaling};
use super::variant::{LayerKind, LayerRope, NormPlaces, Norms, QueryKeyNorm};
use crate::kernels::Scoring;

impl LlamaConfig {
    /// What attention does in layer `index`.
    pub fn layer_kind(&self, index: usize) -> LayerKind {
        self.variant.layers.get(index).copied().unwrap_or_default()
    }

    /// What products of queries and keys are multiplied by.
    pub fn attention_scale(&self) -> f64 {
        let scale = self.variant.attention_scale;
        scale.unwrap_or_else(|| 1.0 / (self.head_dim as f64).sqrt())
    }

    /// How layer `index` weighs what it sees.
    pub fn scoring(&self, index: usize) -> Scoring {
        let plain = Scoring::plain(self.head_dim);
        Scoring {
            scale: self
                .variant
                .attention_scale
                .map_or(plain.scale, |s| s as f32),
            cap: self.variant.attention_cap.map(|cap| cap as f32),
            window: self.layer_kind(index).window,
        }
    }

    /// The model's rotary frequencies.
    pub fn frequencies(&self) -> Frequencies {
        let turned = self.variant.rotary_dim.unwrap_or(self.head_dim);
        self.rope_scaling.frequencies(turned, self.rope_theta)
    }

    /// Those of [`LayerRope::Local`] layers; `None` where there are no such layers.
    pub fn local_frequencies(&self) -> Option<Frequencies> {
        let local = |kind: &LayerKind| kind.rope == LayerRope::Local;
        let turned = self.variant.rotary_dim.unwrap_or(self.head_dim);
        self.variant
            .layers
            .iter()
            .any(local)
            .then(|| RopeScaling::None.frequencies(turned, self.variant.local_theta))
    }

    /// Names, within a layer, and widths of its norms.
    pub fn layer_norms(&self) -> Norms<(&'static str, usize)> {
        let of = |name| Some((name, self.hidden_size));
        let (queries, keys) = match self.variant.query_key_norm {
            QueryKeyNorm::None => (None, None),
            QueryKeyNorm::Heads => (Some(self.head_dim), Some(self.head_dim)),
            QueryKeyNorm::Whole => (
                Some(self.heads * self.head_dim),
                Some(self.kv_heads * self.head_dim),
            ),
        };
        let inside = Norms {
            queries: queries.map(|width| ("self_attn.q_norm", width)),
            keys: keys.map(|width| ("self_attn.k_norm", width)),
            ..Norms::default()
        };
        match self.variant.norms {
            NormPlaces::Before => Norms {
                before_attention: of("input_layernorm"),
                before_mlp: of("post_attention_layernorm"),
                ..inside
            },
            NormPlaces::After => Norms {
                after_attention: of("post_attention_layernorm"),
                after_mlp: of("post_feedforward_layernorm"),
                ..inside
            },
            NormPlaces::Both => Norms {
                before_attention: of("input_layernorm"),
                after_attention: of("post_attention_layernorm"),
                before_mlp: of("pre_feedforward_layernorm"),
                after_mlp: of("post_feedforward_layernorm"),
                ..inside
            },
        }
    }

    /// A norm's weights as they multiply, from those that a checkpoint holds.
    pub(super) fn norm_weights(&self, mut weights: Vec<f32>) -> Vec<f32> {
        if self.variant.norms_around_one {
            for weight in &mut weights {
                *weight += 1.0;
            }
        }
        weights
    }
}
