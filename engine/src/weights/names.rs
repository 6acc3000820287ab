//! Names of tensors as programs save them: wrappers around the model's own names, and what else a checkpoint may
//! hold than a model's weights.

use super::Checkpoint;
use crate::{Error, Result};

/// What wraps a module anywhere in a name: `torch.compile`, FSDP, activation checkpointing.
const WRAPPERS: [&str; 3] = [
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
];

/// What quantised checkpoints hold beside or in place of `weight`.
const QUANTISED: [&str; 13] = [
    "absmax",
    "quant_map",
    "nested_absmax",
    "nested_quant_map",
    "SCB",
    "qweight",
    "qzeros",
    "g_idx",
    "weight_packed",
    "weight_scale",
    "weight_scale_inv",
    "weight_zero_point",
    "weight_format",
];

/// A name without its wrappers, and the wrappers that it began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain {
    /// The model's own name.
    pub name: String,
    /// What stood before it, e.g. `module.`; wrappers inside are not in it, for they may differ by layer.
    pub before: String,
}

/// A name without what wraps it: compiled, data-parallel and sharded models, PEFT's and TRL's.
pub(super) fn plain(name: &str) -> Plain {
    let mut segments = name
        .split('.')
        .filter(|segment| !WRAPPERS.contains(segment))
        .peekable();
    let mut kept: Vec<&str> = Vec::new();
    // Before the model's own name wrappers may be nested in any order.
    loop {
        match segments.peek() {
            Some(&"module" | &"pretrained_model") => {
                segments.next();
            }
            Some(&"base_model") => {
                segments.next();
                if segments.peek() == Some(&"model") {
                    segments.next();
                } else {
                    kept.push("base_model");
                    break;
                }
            }
            _ => break,
        }
    }
    kept.extend(segments);
    let inner = kept.join(".");
    // What is left of the whole name before the first segment that is kept.
    let first = kept.first().copied().unwrap_or_default();
    let at = if inner.is_empty() {
        name.len()
    } else {
        name.match_indices(first)
            .map(|(at, _)| at)
            .find(|&at| plain_from(name, at) == inner)
            .unwrap_or(0)
    };
    Plain {
        before: name[..at].to_owned(),
        name: own_name(&inner),
    }
}

/// The rest of a name from a byte on, without wrappers.
fn plain_from(name: &str, at: usize) -> String {
    let rest = name[at..].split('.');
    let rest: Vec<&str> = rest.filter(|s| !WRAPPERS.contains(s)).collect();
    rest.join(".")
}

/// The name that a causal model gives: layers of a bare decoder, or of the language part of a larger model.
fn own_name(name: &str) -> String {
    for (part, own) in [
        ("model.language_model.", "model."),
        ("language_model.model.", "model."),
        ("language_model.lm_head", "lm_head"),
        ("layers.", "model.layers."),
        ("embed_tokens.", "model.embed_tokens."),
    ] {
        if let Some(rest) = name.strip_prefix(part) {
            return format!("{own}{rest}");
        }
    }
    name.to_owned()
}

/// Whether a segment of this name says that it is a part of an adapter.
fn is_adapted(name: &str) -> bool {
    name.split('.')
        .any(|segment| segment == "base_layer" || segment.starts_with("lora_"))
}

/// Whether this belongs to a head that values tokens, as TRL's PPO keeps beside the model.
pub(super) fn is_value_head(name: &str) -> bool {
    name.starts_with("v_head.")
}

/// Refuses tensors without numbers: DeepSpeed's ZeRO-3 saves them so, where nobody gathers them first.
pub(super) fn refuse_empty(checkpoint: &Checkpoint) -> Result<()> {
    let mut empty = checkpoint
        .names()
        .filter(|name| checkpoint.shape(name).is_some_and(|s| s.contains(&0)));
    let Some(first) = empty.next() else {
        return Ok(());
    };
    let problem = format!(
        "tensor `{first}` is saved empty, {:?} ({} tensors are), as DeepSpeed ZeRO-3 does; gather the weights with its zero_to_fp32.py, or save with `stage3_gather_16bit_weights_on_model_save`",
        checkpoint.shape(first).unwrap_or_default(),
        1 + empty.count()
    );
    Err(Error::file(checkpoint.path(), problem))
}

/// Refuses a model's checkpoint that is something else: an unmerged adapter, or quantised.
pub(super) fn refuse_strangers(checkpoint: &Checkpoint) -> Result<()> {
    refuse_empty(checkpoint)?;
    for name in checkpoint.names() {
        if is_adapted(name) {
            let problem = format!(
                "holds an unmerged LoRA (tensor `{name}`), so its plain weights are not the tuned model; merge it first (PEFT's `merge_and_unload()`), or save the adapter alone and name its folder"
            );
            return Err(Error::file(checkpoint.path(), problem));
        }
        let quantised = name
            .split('.')
            .any(|s| QUANTISED.contains(&s) || s.starts_with("bitsandbytes__"));
        if quantised {
            let problem = format!(
                "is quantised (tensor `{name}`); load it with transformers, call `model.dequantize()`, and save it again as F16, BF16 or F32"
            );
            return Err(Error::file(checkpoint.path(), problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_go_and_the_models_own_name_stays() {
        let own = "model.layers.0.self_attn.q_proj";
        for (before, inner) in [
            ("", own),
            ("_orig_mod.", own),
            ("module.", own),
            ("module._orig_mod.", own),
            ("base_model.model.", own),
            ("base_model.model.base_model.model.", own),
            ("_orig_mod.base_model.model.", own),
            ("pretrained_model.", own),
            ("base_model.model.", "layers.0.self_attn.q_proj"),
            (
                "base_model.model.",
                "model.language_model.layers.0.self_attn.q_proj",
            ),
            (
                "base_model.model.",
                "model._fsdp_wrapped_module.layers._fsdp_wrapped_module.0.self_attn.q_proj",
            ),
        ] {
            let found = plain(&format!("{before}{inner}"));
            assert_eq!((found.name.as_str(), found.before.as_str()), (own, before));
        }
        assert_eq!(plain("lm_head.weight").name, "lm_head.weight");
        assert_eq!(plain("roberta.base_model.x").name, "roberta.base_model.x");
    }
}
