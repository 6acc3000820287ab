//! What each family's `config.json` comes to, and what of it is refused.

use std::path::Path;

use serde_json::{Value, json};

use super::{LayerRope, LlamaConfig, RopeScaling, Variant};
use crate::Result;

fn load(more: &Value) -> Result<LlamaConfig> {
    let mut config = json!({"hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 4,
        "num_attention_heads": 2, "vocab_size": 50, "max_position_embeddings": 8192});
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    LlamaConfig::from_json(&config, Path::new("config.json"))
}

/// The windows of the four layers.
fn windows(more: &Value) -> Vec<Option<usize>> {
    let config = load(more).unwrap();
    assert_eq!((config.context, config.context_warning()), (8192, None));
    (0..4)
        .map(|layer| config.layer_kind(layer).window)
        .collect()
}

#[test]
fn windows_slide_where_transformers_slides_them() {
    let (all, none) = (vec![Some(64); 4], vec![None; 4]);
    let alternating = vec![Some(64), None, Some(64), None];
    for (more, want) in [
        (json!({"model_type": "llama", "sliding_window": 64}), &none),
        (json!({"model_type": "mistral", "sliding_window": 64}), &all),
        (
            json!({"model_type": "mistral", "sliding_window": null}),
            &none,
        ),
        (
            json!({"model_type": "mistral", "sliding_window": 64, "use_sliding_window": false}),
            &none,
        ),
        (
            json!({"model_type": "mistral", "sliding_window": 8192}),
            &none,
        ),
        (json!({"model_type": "phi3", "sliding_window": 64}), &all),
        (json!({"model_type": "phi3"}), &none),
        (json!({"model_type": "qwen2", "sliding_window": 64}), &none),
        (
            json!({"model_type": "qwen2", "sliding_window": 64, "use_sliding_window": true, "max_window_layers": 0}),
            &all,
        ),
        (
            json!({"model_type": "qwen3", "sliding_window": 64, "use_sliding_window": true}),
            &none,
        ),
        (
            json!({"model_type": "gemma2", "sliding_window": 64}),
            &alternating,
        ),
        (
            json!({"model_type": "gemma3_text", "sliding_window": 64, "sliding_window_pattern": 2}),
            &alternating,
        ),
    ] {
        assert_eq!(windows(&more), *want, "{more}");
    }
    let unstated = windows(&json!({"model_type": "mistral"}));
    assert_eq!(unstated, vec![Some(4096); 4]);
    let listed = json!({"model_type": "gemma3_text", "sliding_window": 64, "layer_types":
        ["full_attention", "sliding_attention", "full_attention", "full_attention"]});
    assert_eq!(windows(&listed), [None, Some(64), None, None]);
    assert_eq!(load(&listed).unwrap().layer_kind(1).rope, LayerRope::Local);
}

#[test]
fn what_a_family_takes_for_granted_is_transformers() {
    let of = |kind: &str| load(&json!({"model_type": kind})).unwrap();
    assert_eq!(of("llama").variant, Variant::default());
    assert_eq!((of("qwen3").head_dim, of("gemma2").head_dim), (128, 256));
    let tied = ["gemma2", "gemma3_text", "smollm3", "qwen2"].map(|kind| of(kind).tied_embeddings);
    assert_eq!(tied, [true, true, true, false]);
    let gemma = of("gemma2").variant;
    assert_eq!(
        (gemma.attention_cap, gemma.logits_cap),
        (Some(50.0), Some(30.0))
    );
    assert_eq!(
        (gemma.attention_scale, gemma.embedding_multiplier),
        (Some(0.0625), 8.0)
    );
    let thetas = ["smollm3", "gemma3_text", "granite"].map(|kind| of(kind).rope_theta);
    assert_eq!(thetas, [2e6, 1e6, 1e4]);
    let turned = |layer| of("smollm3").layer_kind(layer).rope;
    assert_eq!(
        [0, 1, 2, 3].map(turned).map(|rope| rope == LayerRope::None),
        [false, false, false, true]
    );
    let part = json!({"model_type": "gemma3", "eos_token_id": [1, 106], "text_config": {"hidden_size": 64,
        "model_type": "gemma3_text", "intermediate_size": 32, "num_hidden_layers": 4, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}});
    let part = LlamaConfig::from_json(&part, Path::new("config.json")).unwrap();
    assert_eq!(
        (part.eos_token_id, part.positions, part.variant.local_theta),
        (Some(1), 131_072, 1e4)
    );
    assert_eq!((part.heads, part.kv_heads, part.head_dim), (8, 4, 256));
    assert_eq!(
        (part.rope_theta, part.rope_scaling),
        (1e6, RopeScaling::Linear { factor: 8.0 })
    );
}

#[test]
fn longrope_is_exact_up_to_the_context_it_was_trained_at() {
    let long = json!({"model_type": "phi3", "original_max_position_embeddings": 512, "rope_scaling":
        {"type": "longrope", "short_factor": vec![1.5; 16], "long_factor": vec![2.0; 16]}});
    let config = load(&long).unwrap();
    assert_eq!((config.context, config.positions), (512, 8192));
    assert!(config.context_warning().unwrap().contains("512"));
    let frequencies = config.frequencies();
    assert!((frequencies.inverse[0] - 1.0 / 1.5).abs() < 1e-12);
    assert!((frequencies.factor - (1.0 + 16_f64.ln() / 512_f64.ln()).sqrt()).abs() < 1e-12);
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let long = json!({"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]});
    for (kind, field, value) in [
        ("olmo", "model_type", json!("olmo")),
        ("granite", "logits_scaling", json!(0.0)),
        ("granite", "attention_multiplier", json!(-1.0)),
        ("gemma2", "query_pre_attn_scalar", json!(0)),
        ("gemma2", "hidden_activation", json!("relu")),
        ("gemma2", "use_bidirectional_attention", json!(true)),
        ("gemma3_text", "attn_logit_softcapping", json!(50.0)),
        ("qwen2", "layer_types", json!(["full_attention"])),
        (
            "qwen2",
            "layer_types",
            json!([
                "full_attention",
                "chunked_attention",
                "full_attention",
                "full_attention"
            ]),
        ),
        ("smollm3", "no_rope_layers", json!([1, 1])),
        ("smollm3", "no_rope_layer_interval", json!(0)),
        ("mistral", "sliding_window", json!(0)),
        ("phi3", "partial_rotary_factor", json!(0.01)),
        ("phi3", "rope_scaling", long.clone()),
        ("qwen2", "rope_scaling", long.clone()),
        (
            "qwen2",
            "rope_parameters",
            json!({"full_attention": {"rope_theta": 1e4}}),
        ),
    ] {
        let error = load(&json!({"model_type": kind, field: value})).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains(field),
            "{kind}: {error}"
        );
    }
    let error = load(&json!({"model_type": "qwen2_moe"}))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("qwen2_moe") && error.contains("gemma3_text"),
        "{error}"
    );
}
