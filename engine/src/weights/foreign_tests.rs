//! Files as other programs save them: what is read as plain, and what is refused in which words.

use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Adapter, Checkpoint};
use crate::Result;

const MODULE: &str = "model.layers.0.self_attn.q_proj";

/// Tensors of ones.
fn save(path: &Path, tensors: &[(&str, &[usize], f32)]) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape, value)| value.to_le_bytes().repeat(shape.iter().product()))
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
        (*name, view)
    });
    let file = safetensors::serialize(views, None).unwrap();
    std::fs::write(path, file).unwrap();
}

fn load(config: &Value, tensors: &[(&str, &[usize], f32)]) -> Result<Adapter> {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("adapter_config.json"),
        config.to_string(),
    )
    .unwrap();
    save(&folder.path().join("adapter_model.safetensors"), tensors);
    let other = "model.layers.1.self_attn.q_proj".to_owned();
    Adapter::load(
        folder.path(),
        &[(MODULE.to_owned(), [4, 3]), (other, [4, 3])],
    )
}

/// An adapter whose factors bear these names.
fn named(a: &str, b: &str) -> Result<Adapter> {
    load(&json!({"r": 2}), &[(a, &[2, 3], 1.0), (b, &[4, 2], 1.0)])
}

#[test]
fn adapters_are_read_under_every_wrapper_and_refused_where_two_are_mixed() {
    for (before, inside) in [
        ("base_model.model.", ""),
        ("_orig_mod.base_model.model.", ""),
        ("base_model.model.base_model.model.", ""),
        ("module.base_model.model.", ".default"),
        ("", ".helpful"),
        ("base_model.model.", ".default.default"),
    ] {
        let name = |side: &str| format!("{before}{MODULE}.lora_{side}{inside}.weight");
        let adapter = named(&name("A"), &name("B")).unwrap();
        assert!(adapter.factors.contains_key(MODULE), "{before}{inside}");
    }
    let refused = |a: &str, b: &str| {
        let error = named(&format!("{a}.weight"), &format!("{b}.weight")).unwrap_err();
        assert!(error.is_input());
        error.to_string()
    };
    let (a, b) = (format!("{MODULE}.lora_A"), format!("{MODULE}.lora_B"));
    assert!(refused(&format!("_orig_mod.{a}"), &b).contains("begin differently"));
    assert!(refused(&format!("{a}.x"), &format!("{b}.y")).contains("two adapters"));
}

#[test]
fn what_is_no_factor_is_said_with_what_to_do() {
    let (a, b) = (
        format!("{MODULE}.lora_A.weight"),
        format!("{MODULE}.lora_B.weight"),
    );
    let beside = |name: &str, shape: &[usize]| {
        let tensors = [
            (a.as_str(), &[2, 3][..], 1.0),
            (b.as_str(), &[4, 2][..], 1.0),
            (name, shape, 1.0),
        ];
        load(&json!({"r": 2}), &tensors)
    };
    let said = |name: &str, shape: &[usize]| beside(name, shape).unwrap_err().to_string();
    let table = said("base_model.model.model.embed_tokens.weight", &[9, 3]);
    assert!(
        table.contains("copy of a table") && table.contains("[9, 3]"),
        "{table}"
    );
    assert!(said("model.norm.modules_to_save.weight", &[3]).contains("replaces a whole module"));
    let empty = "model.layers.1.self_attn.q_proj.lora_A.weight";
    assert!(said(empty, &[0]).contains("ZeRO-3"));
    let adapter = beside("v_head.summary.weight", &[1, 3]).unwrap();
    assert!(adapter.warnings[0].contains("value head"));
    let adapter = load(
        &json!({"r": 2, "use_something_new": 1}),
        &[(&a, &[2, 3], 1.0), (&b, &[4, 2], 1.0)],
    );
    assert!(adapter.unwrap().warnings[0].contains("use_something_new"));
}

fn model(tensors: &[(&str, &[usize], f32)]) -> Result<Checkpoint> {
    let folder = TempDir::new().unwrap();
    save(&folder.path().join("model.safetensors"), tensors);
    Checkpoint::open_folder(folder.path())
}

#[test]
fn checkpoints_are_unwrapped_and_what_is_no_model_is_refused() {
    let weight = format!("{MODULE}.weight");
    for wrapped in ["_orig_mod.", "module.", "pretrained_model.", ""] {
        let wrapped = format!("{wrapped}{weight}");
        assert!(
            model(&[(&wrapped, &[4, 3], 1.0)])
                .unwrap()
                .contains(&weight)
        );
    }
    let twice = |value| {
        model(&[
            (&weight, &[4, 3], 1.0),
            (&format!("module.{weight}"), &[4, 3], value),
        ])
    };
    assert!(twice(1.0).unwrap().contains(&weight));
    assert!(twice(2.0).unwrap_err().to_string().contains("twice"));
    for (name, shape, word) in [
        (
            format!("{MODULE}.base_layer.weight"),
            &[4, 3][..],
            "unmerged LoRA",
        ),
        (
            format!("{MODULE}.lora_A.default.weight"),
            &[2, 3],
            "unmerged LoRA",
        ),
        (format!("{MODULE}.weight.absmax"), &[4], "quantised"),
        (format!("{MODULE}.qweight"), &[4], "quantised"),
        ("model.norm.weight".to_owned(), &[0], "ZeRO-3"),
    ] {
        let error = model(&[(&weight, &[4, 3], 1.0), (&name, shape, 1.0)]).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains(word),
            "{error}"
        );
    }
}

#[test]
fn adapters_are_no_models_and_shards_lie_in_their_folder() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("adapter_config.json"), "{}").unwrap();
    let error = Checkpoint::open_folder(folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("adapter's folder"), "{error}");
    let index = json!({"weight_map": {"a": "../b.safetensors"}}).to_string();
    std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    let error = Checkpoint::open_folder(folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("outside"), "{error}");
}
