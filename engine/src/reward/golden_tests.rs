//! Against numbers that transformers computed (`tests/golden/make_rewards.py`): every architecture,
//! file format and tokenizer kind, padded and alone, and both forms of the kernels.

use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Deserialize;

use super::deberta::CandleDeberta;
use super::ops::{Compute, Kernels};
use super::*;
use crate::text::Tokenizer;

#[derive(Deserialize)]
struct Expected {
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    first: Option<String>,
    second: Option<String>,
    ids: Vec<u32>,
    outputs: Vec<f32>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/rewards")
        .join(name)
}

fn expected(name: &str) -> Vec<Text> {
    let text = std::fs::read_to_string(folder(name).join("expected.json")).unwrap();
    serde_json::from_str::<Expected>(&text).unwrap().texts
}

fn close(name: &str, got: &[Vec<f32>], want: &[Text]) {
    assert_eq!(got.len(), want.len());
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        assert_eq!(got.len(), want.outputs.len(), "{name}, text {index}");
        for (a, b) in got.iter().zip(&want.outputs) {
            let apart = (a - b).abs();
            assert!(
                apart <= 1e-5 + 1e-5 * b.abs(),
                "{name}, text {index}: {a}, not {b} ({apart:e} apart)"
            );
        }
    }
}

fn texts(want: &[Text]) -> Vec<RewardText> {
    want.iter()
        .map(|text| RewardText {
            ids: text.ids.clone(),
        })
        .collect()
}

/// Ids, then scores: all texts at once and one by one.
fn holds(name: &str, kind: &str) {
    let want = expected(name);
    let tokenizer = Tokenizer::load(&folder(name)).unwrap();
    for text in &want {
        if let Some(first) = &text.first {
            let (ids, whole) = tokenizer
                .encode_within(first, text.second.as_deref(), 1000)
                .unwrap();
            assert_eq!(ids, text.ids, "{name}: {first:?}, {:?}", text.second);
            assert_eq!(whole, ids.len());
        }
    }
    let model = load_model(&folder(name), &Device::Cpu).unwrap();
    assert_eq!(model.kind(), kind);
    assert_eq!(model.outputs(), want[0].outputs.len());
    let texts = texts(&want);
    let together = model.score(&texts).unwrap();
    close(name, &together, &want);
    for (text, company) in texts.iter().zip(&together) {
        let alone = model.score(std::slice::from_ref(text)).unwrap();
        for (a, b) in alone[0].iter().zip(company) {
            assert!((a - b).abs() <= 1e-5, "{name}: {a} alone, {b} in company");
        }
    }
}

#[test]
fn gpt2_from_a_pickle_with_a_slow_tokenizer() {
    holds("gpt2", "gpt2");
}

#[test]
fn distilbert_with_a_word_piece_vocabulary() {
    holds("distilbert", "distilbert");
}

#[test]
fn deberta_v3_from_a_pickle() {
    holds("deberta-v3", "deberta-v2");
}

#[test]
fn deberta_v2_with_a_convolution_and_its_own_projections_of_positions() {
    holds("deberta-v2", "deberta-v2");
}

#[test]
fn bart_from_a_pickle_with_a_slow_tokenizer() {
    holds("bart", "bart");
}

#[test]
fn mistral_with_ten_outputs_from_shards() {
    holds("mistral-ten", "llama");
}

#[test]
fn a_llama_score_head_with_bias_and_normaliser_from_pickled_shards() {
    holds("llama-score", "llama");
}

#[test]
fn candles_own_kernels_and_body_agree() {
    let place = Compute {
        device: Device::Cpu,
        kernels: Kernels::Plain,
    };
    let plain: [(&str, Box<dyn RewardModel>); 4] = [
        (
            "gpt2",
            Box::new(Gpt2::load_at(&folder("gpt2"), &place).unwrap()),
        ),
        (
            "distilbert",
            Box::new(DistilBert::load_at(&folder("distilbert"), &place).unwrap()),
        ),
        (
            "bart",
            Box::new(Bart::load_at(&folder("bart"), &place).unwrap()),
        ),
        (
            "deberta-v3",
            Box::new(CandleDeberta::load(&folder("deberta-v3"), &Device::Cpu).unwrap()),
        ),
    ];
    for (name, model) in plain {
        let mut want = expected(name);
        want.retain(|text| text.ids.len() <= model.context());
        assert!(want.len() > 3);
        close(name, &model.score(&texts(&want)).unwrap(), &want);
    }
}
