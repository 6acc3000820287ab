//! A base in one GGUF file: the model that a folder holds, and files that are refused.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once, and says where"
)]

use std::collections::BTreeMap;

use paretoscope_engine::kernels::BlockKind;
use paretoscope_engine::weights::gguf::dequantise;
use paretoscope_tests::{
    Field, Fixture, GgufTensor, Tensors, by_pairs, gguf, read_tensors, write_gguf, write_tensors,
};
use serde_json::json;

/// What a shape needs to be told.
struct Shape {
    hidden: u32,
    inner: u32,
    layers: u32,
    heads: u32,
    kv_heads: u32,
    context: u32,
}

/// That of the tiny bundle.
const TINY: Shape = Shape {
    hidden: 16,
    inner: 24,
    layers: 2,
    heads: 4,
    kv_heads: 2,
    context: 96,
};

fn fields(shape: &Shape) -> Vec<(String, Field)> {
    let number = |key: &str, value: u32| (format!("llama.{key}"), Field::Whole(value));
    vec![
        (
            "general.architecture".to_owned(),
            Field::Text("llama".to_owned()),
        ),
        number("embedding_length", shape.hidden),
        number("feed_forward_length", shape.inner),
        number("block_count", shape.layers),
        number("attention.head_count", shape.heads),
        number("attention.head_count_kv", shape.kv_heads),
        number("context_length", shape.context),
        (
            "llama.attention.layer_norm_rms_epsilon".to_owned(),
            Field::Number(1e-5),
        ),
    ]
}

/// Hugging Face's name of a weight → the format's.
fn renamed(name: &str) -> String {
    let pairs = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers", "blk"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    pairs
        .iter()
        .fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// The tensors of a folder as the format has them, in f32.
fn plain(tensors: &Tensors, shape: &Shape) -> Vec<GgufTensor> {
    let tensors = tensors.iter().map(|(name, (dims, values))| {
        let width = if dims.len() == 2 { dims[1] } else { 1 };
        let values = match name {
            name if name.contains("q_proj") => by_pairs(values, shape.heads as usize, width),
            name if name.contains("k_proj") => by_pairs(values, shape.kv_heads as usize, width),
            _ => values.clone(),
        };
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let dims = dims.iter().rev().map(|dim| *dim as u64).collect();
        (renamed(name), dims, 0, bytes)
    });
    tensors.collect()
}

/// Logits of some tokens by the base of the tiny bundle, or by another one that lies beside it.
fn logits(fixture: &Fixture, base: &str, exact: &str) -> Vec<u8> {
    fixture.edit_json("bundle.json", |bundle| bundle["base"] = json!(base));
    fixture.done(&format!(
        "logits {exact} --bundle {{}} --preference 2,1,1 --tokens 5,9,80,7,31,2,11 --out {{}}/out/logits"
    ));
    fixture.read("out/logits")
}

#[test]
fn a_bundle_on_one_file_answers_as_the_bundle_on_a_folder() {
    let fixture = Fixture::new();
    let tensors = read_tensors(&fixture.join("base/model.safetensors"));
    write_gguf(
        &fixture.join("base.gguf"),
        &fields(&TINY),
        &plain(&tensors, &TINY),
    );
    let folder = logits(&fixture, "base", "");
    assert_eq!(logits(&fixture, "base.gguf", ""), folder);
    assert_eq!(logits(&fixture, "base.gguf", "--exact"), folder);
    let alone = fixture.done("generate --base {}/base.gguf --tokens 5,9 --max-tokens 3");
    assert_eq!(alone.lines()[0]["tokens"].as_array().map(Vec::len), Some(3));
    // Half of it in a second file.
    let all = plain(&tensors, &TINY);
    let (one, other) = all.split_at(all.len() / 2);
    let split = |part: u32| {
        let mut fields = if part == 0 { fields(&TINY) } else { Vec::new() };
        fields.push(("split.no".to_owned(), Field::Whole(part)));
        fields.push(("split.count".to_owned(), Field::Whole(2)));
        fields
    };
    write_gguf(&fixture.join("b-00001-of-00002.gguf"), &split(0), one);
    fixture.refused(
        "generate --base {}/b-00001-of-00002.gguf --tokens 5",
        &["b-00002-of-00002.gguf"],
    );
    write_gguf(&fixture.join("b-00002-of-00002.gguf"), &split(1), other);
    assert_eq!(logits(&fixture, "b-00001-of-00002.gguf", ""), folder);
    fixture.refused(
        "generate --base {}/b-00002-of-00002.gguf --tokens 5",
        &["part 2 of 2", "open the first"],
    );
}

/// Weights of all types whose blocks fit a small model.
#[test]
fn quantised_weights_are_exactly_the_numbers_that_their_blocks_stand_for() {
    let shape = Shape {
        hidden: 64,
        inner: 96,
        layers: 1,
        heads: 4,
        kv_heads: 4,
        context: 64,
    };
    let kinds = [
        ("q_proj", BlockKind::Q8_0, 8),
        ("k_proj", BlockKind::Q4_0, 2),
        ("v_proj", BlockKind::Q4_1, 3),
        ("o_proj", BlockKind::Q5_0, 6),
        ("gate_proj", BlockKind::Q5_1, 7),
        ("up_proj", BlockKind::Iq4Nl, 20),
        ("down_proj", BlockKind::Q8_0, 8),
        ("embed_tokens", BlockKind::Q8_0, 8),
    ];
    let fixture = Fixture::new();
    let mut dims: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for name in [
        "model.norm",
        "model.layers.0.input_layernorm",
        "model.layers.0.post_attention_layernorm",
    ] {
        dims.insert(format!("{name}.weight"), vec![64]);
    }
    dims.insert("model.embed_tokens.weight".to_owned(), vec![96, 64]);
    for module in ["q_proj", "k_proj", "v_proj", "o_proj"] {
        dims.insert(
            format!("model.layers.0.self_attn.{module}.weight"),
            vec![64, 64],
        );
    }
    for (module, rows) in [
        ("gate_proj", vec![96, 64]),
        ("up_proj", vec![96, 64]),
        ("down_proj", vec![64, 96]),
    ] {
        dims.insert(format!("model.layers.0.mlp.{module}.weight"), rows);
    }
    let (mut folder, mut file) = (Tensors::new(), Vec::new());
    for (seed, (name, dims)) in dims.iter().enumerate() {
        let count: usize = dims.iter().product();
        let kind = kinds.iter().find(|(module, ..)| name.contains(module));
        let outer = dims.iter().rev().map(|dim| *dim as u64).collect();
        let Some((_, kind, number)) = kind else {
            let values = vec![1.0_f32; count];
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            file.push((renamed(name), outer, 0, bytes));
            folder.insert(name.clone(), (dims.clone(), values));
            continue;
        };
        let mut bytes: Vec<u8> = (0..count / kind.values() * kind.bytes())
            .map(|i| ((i * 7919 + seed * 131) % 251) as u8)
            .collect();
        for block in bytes.chunks_exact_mut(kind.bytes()) {
            // A scale of 2^-8, and a minimum of -2^-5 where there is one.
            block[..2].copy_from_slice(&[0x00, 0x1c]);
            if matches!(kind, BlockKind::Q4_1 | BlockKind::Q5_1) {
                block[2..4].copy_from_slice(&[0x00, 0xa8]);
            }
        }
        let mut values = vec![0.0; count];
        assert_eq!(dequantise(*kind, &bytes, &mut values), 0);
        let width = bytes.len() / dims[0];
        let paired = if name.contains("q_proj") || name.contains("k_proj") {
            by_pairs(&bytes, 4, width)
        } else {
            bytes
        };
        file.push((renamed(name), outer, *number, paired));
        folder.insert(name.clone(), (dims.clone(), values));
    }
    std::fs::create_dir(fixture.join("plain")).expect("a writable folder");
    write_tensors(&fixture.join("plain/model.safetensors"), &folder);
    let config = json!({"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1,
        "num_attention_heads": 4, "vocab_size": 96, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "tie_word_embeddings": true});
    fixture.write("plain/config.json", config.to_string());
    write_gguf(&fixture.join("mixed.gguf"), &fields(&shape), &file);
    let logits = |base: &str, exact: &str| {
        fixture.done(&format!(
            "logits {exact} --base {{}}/{base} --tokens 5,9,80,7,31,2,11 --out {{}}/out/l"
        ));
        read_tensors(&fixture.join("out/l"))["logits"].1.clone()
    };
    let want = logits("plain", "");
    assert_eq!(logits("mixed.gguf", "--exact"), want);
    // By activations in 8 bits: near, and other numbers.
    let near = logits("mixed.gguf", "");
    let size = (want.iter().map(|x| x * x).sum::<f32>() / want.len() as f32).sqrt();
    let off = want
        .iter()
        .zip(&near)
        .map(|(x, y)| (x - y) * (x - y))
        .sum::<f32>()
        / want.len() as f32;
    assert!(
        near != want && off.sqrt() < 0.05 * size,
        "{} of {size}",
        off.sqrt()
    );
}

#[test]
fn what_is_no_sound_file_is_refused_by_what_is_wrong() {
    let fixture = Fixture::new();
    let tensors = plain(
        &read_tensors(&fixture.join("base/model.safetensors")),
        &TINY,
    );
    let whole = gguf(&fields(&TINY), &tensors);
    let refused = |bytes: &[u8], words: &[&str]| {
        fixture.write("bad.gguf", bytes);
        fixture.refused("generate --base {}/bad.gguf --tokens 5", words);
    };
    refused(b"GG", &["bad.gguf", "cut short"]);
    refused(
        b"GGML and more than that, for a while",
        &["does not begin with `GGUF`"],
    );
    let with = |at: usize, new: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    refused(&with(4, &1_u32.to_le_bytes()), &["version 1", "2 and 3"]);
    refused(
        &with(8, &u64::MAX.to_le_bytes()),
        &["tensors; at most 65536"],
    );
    refused(
        &with(16, &(1_u64 << 40).to_le_bytes()),
        &["fields; at most 65536"],
    );
    refused(
        &with(24, &u64::MAX.to_le_bytes()),
        &["a field's name", "at most"],
    );
    refused(&whole[..whole.len() - 64], &["ends at byte", "cut short"]);
    refused(
        &[whole.as_slice(), &[0; 64]].concat(),
        &["something lies behind them"],
    );
    let changed = |change: &dyn Fn(&mut Vec<GgufTensor>)| {
        let mut all = tensors.clone();
        change(&mut all);
        gguf(&fields(&TINY), &all)
    };
    refused(&changed(&|all| all[0].2 = 39), &["is of type 39", "Q4_K"]);
    refused(&changed(&|all| all[0].1 = vec![0, 3]), &["none may be 0"]);
    refused(
        &changed(&|all| all[0].1 = vec![1 << 40, 1 << 40]),
        &["more than a file can hold"],
    );
    refused(
        &changed(&|all| all[0].0 = "blk.0.wonder.weight".to_owned()),
        &["blk.0.wonder.weight", "not known"],
    );
    refused(&changed(&|all| all[1].0 = all[0].0.clone()), &["twice"]);
    let mut other = fields(&TINY);
    other[0].1 = Field::Text("mamba".to_owned());
    refused(&gguf(&other, &tensors), &["`mamba`", "qwen2"]);
    let mut less = fields(&TINY);
    less.remove(1);
    refused(
        &gguf(&less, &tensors),
        &["lacks the field `llama.embedding_length`"],
    );
}
