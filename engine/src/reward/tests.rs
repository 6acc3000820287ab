//! Against a loop in plain f64, in company and alone, and the reference cases where they are at hand.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::*;
use crate::text::samples;
use crate::{Error, Result};

pub(super) const WIDTH: usize = 12;
const HEADS: usize = 3;
const LAYERS: usize = 2;
const INNER: usize = 20;
pub(super) const VOCABULARY: usize = 263;
pub(super) const POSITIONS: usize = 40;
const EPS: f64 = 1e-3;

pub(super) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

pub(super) fn config() -> Value {
    json!({"architectures": ["GPT2ForSequenceClassification"], "model_type": "gpt2", "n_embd": WIDTH, "n_head": HEADS,
        "n_layer": LAYERS, "n_inner": INNER, "n_positions": POSITIONS, "vocab_size": VOCABULARY,
        "layer_norm_epsilon": EPS, "activation_function": "gelu_new", "id2label": {"0": "A", "1": "B"}})
}

pub(super) fn tensors(outputs: usize) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut shapes = vec![
        ("transformer.wte.weight".to_owned(), vec![VOCABULARY, WIDTH]),
        ("transformer.wpe.weight".to_owned(), vec![POSITIONS, WIDTH]),
        ("transformer.ln_f.weight".to_owned(), vec![WIDTH]),
        ("transformer.ln_f.bias".to_owned(), vec![WIDTH]),
        ("score.weight".to_owned(), vec![outputs, WIDTH]),
    ];
    for layer in 0..LAYERS {
        let name = |part: &str| format!("transformer.h.{layer}.{part}");
        for norm in ["ln_1", "ln_2"] {
            shapes.push((name(&format!("{norm}.weight")), vec![WIDTH]));
            shapes.push((name(&format!("{norm}.bias")), vec![WIDTH]));
        }
        for (part, inputs, out) in [
            ("attn.c_attn", WIDTH, 3 * WIDTH),
            ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", WIDTH, INNER),
            ("mlp.c_proj", INNER, WIDTH),
        ] {
            shapes.push((name(&format!("{part}.weight")), vec![inputs, out]));
            shapes.push((name(&format!("{part}.bias")), vec![out]));
        }
    }
    let random = |(name, shape): (String, Vec<usize>)| {
        let values = (0..shape.iter().product())
            .map(|_| rng.random_range(-0.6..0.6f32))
            .collect();
        (name, (shape, values))
    };
    shapes.into_iter().map(random).collect()
}

fn write(folder: &Path, config: &Value, tensors: &Tensors) {
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let tensors: std::collections::HashMap<String, Tensor> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            (
                name.clone(),
                Tensor::from_vec(values.clone(), shape.as_slice(), &Device::Cpu).unwrap(),
            )
        })
        .collect();
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
    samples::write(folder, &samples::byte_level());
}

pub(super) fn folder(config: &Value, tensors: &Tensors) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), config, tensors);
    folder
}

fn texts(lengths: &[usize]) -> Vec<RewardText> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    lengths
        .iter()
        .map(|&n| RewardText {
            ids: (0..n)
                .map(|_| rng.random_range(0..VOCABULARY as u32))
                .collect(),
        })
        .collect()
}

/// GPT-2 written down plainly, one number after the other.
fn plain(tensors: &Tensors, ids: &[u32]) -> Vec<f64> {
    let get = |name: &str| {
        tensors[name]
            .1
            .iter()
            .map(|&v| f64::from(v))
            .collect::<Vec<f64>>()
    };
    let norm = |x: &[f64], name: &str| -> Vec<f64> {
        let (w, b) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
        x.iter()
            .enumerate()
            .map(|(i, v)| (v - mean) / (variance + EPS).sqrt() * w[i] + b[i])
            .collect()
    };
    let conv = |x: &[f64], name: &str| -> Vec<f64> {
        let (w, b) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        (0..b.len())
            .map(|o| {
                b[o] + x
                    .iter()
                    .enumerate()
                    .map(|(i, v)| v * w[i * b.len() + o])
                    .sum::<f64>()
            })
            .collect()
    };
    let add = |x: &[f64], y: &[f64]| -> Vec<f64> { x.iter().zip(y).map(|(a, b)| a + b).collect() };
    let gelu = |x: f64| {
        0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
    };
    let (tokens, positions) = (get("transformer.wte.weight"), get("transformer.wpe.weight"));
    let row = |table: &[f64], i: usize| table[i * WIDTH..(i + 1) * WIDTH].to_vec();
    let mut x: Vec<Vec<f64>> = ids
        .iter()
        .enumerate()
        .map(|(t, &id)| add(&row(&tokens, id as usize), &row(&positions, t)))
        .collect();
    let size = WIDTH / HEADS;
    for layer in 0..LAYERS {
        let at = |part: &str| format!("transformer.h.{layer}.{part}");
        let qkv: Vec<Vec<f64>> = x
            .iter()
            .map(|v| conv(&norm(v, &at("ln_1")), &at("attn.c_attn")))
            .collect();
        let mixed: Vec<Vec<f64>> = (0..x.len())
            .map(|t| {
                let mut out = vec![0.0; WIDTH];
                for head in 0..HEADS {
                    let at = head * size;
                    let dot = |s: usize| {
                        (0..size)
                            .map(|i| qkv[t][at + i] * qkv[s][WIDTH + at + i])
                            .sum::<f64>()
                            / (size as f64).sqrt()
                    };
                    let exps: Vec<f64> = (0..=t).map(|s| dot(s).exp()).collect();
                    let total: f64 = exps.iter().sum();
                    for (s, e) in exps.iter().enumerate() {
                        for i in 0..size {
                            out[at + i] += e / total * qkv[s][2 * WIDTH + at + i];
                        }
                    }
                }
                out
            })
            .collect();
        for (v, m) in x.iter_mut().zip(mixed) {
            *v = add(v, &conv(&m, &at("attn.c_proj")));
            let inner: Vec<f64> = conv(&norm(v, &at("ln_2")), &at("mlp.c_fc"))
                .into_iter()
                .map(gelu)
                .collect();
            *v = add(v, &conv(&inner, &at("mlp.c_proj")));
        }
    }
    let last = norm(x.last().unwrap(), "transformer.ln_f");
    get("score.weight")
        .chunks(WIDTH)
        .map(|w| w.iter().zip(&last).map(|(a, b)| a * b).sum())
        .collect()
}

#[test]
fn gpt2_equals_the_plain_loop() {
    let tensors = tensors(2);
    let folder = folder(&config(), &tensors);
    let model = load_model(folder.path(), &Device::Cpu).unwrap();
    assert_eq!(
        (
            model.kind(),
            model.outputs(),
            model.vocabulary(),
            model.context()
        ),
        ("gpt2", 2, VOCABULARY, POSITIONS)
    );
    let texts = texts(&[1, 2, 17, 40]);
    for (text, scores) in texts.iter().zip(model.score(&texts).unwrap()) {
        for (got, want) in scores.iter().zip(plain(&tensors, &text.ids)) {
            assert!(
                (f64::from(*got) - want).abs() < 1e-5,
                "{got}, not {want}, for {} tokens",
                text.ids.len()
            );
        }
    }
}

#[test]
fn a_text_scores_the_same_alone_and_in_company() {
    let folder = folder(&config(), &tensors(2));
    let model = load_model(folder.path(), &Device::Cpu).unwrap();
    let mut texts = texts(&[3, 40, 1, 12, 12, 27]);
    // The padding id inside and at the end of a text changes nothing.
    texts[3].ids[5] = 0;
    texts[3].ids[11] = 0;
    let together = model.score(&texts).unwrap();
    for (text, scores) in texts.iter().zip(together) {
        let alone = model.score(std::slice::from_ref(text)).unwrap();
        for (a, b) in alone[0].iter().zip(scores) {
            assert!((a - b).abs() <= 1e-5, "{a} alone, {b} in company");
        }
    }
}

#[test]
fn a_reward_keeps_the_order_and_reads_as_told() {
    let folder = folder(&config(), &tensors(2));
    let load = |reading| Reward::load(folder.path(), reading, &Device::Cpu).unwrap();
    let reward = load(Reading::default());
    assert_eq!(reward.kind(), "gpt2, 2 outputs");
    let inputs: Vec<RewardInput> = (0..140)
        .map(|i| RewardInput::Pair {
            prompt: "ask".to_owned(),
            response: "x".repeat(1 + i * 7 % 30),
        })
        .collect();
    let all = reward.score(&inputs).unwrap();
    for i in [0, 1, 70, 139] {
        let one = &reward.score(&inputs[i..=i]).unwrap()[0];
        assert!((one.score.unwrap() - all[i].score.unwrap()).abs() <= 1e-5);
        assert_eq!(
            one.score.unwrap(),
            f64::from(one.outputs[1]),
            "the second of two counts"
        );
    }
    let turned = load(Reading {
        sign: Some(-1.0),
        output: Some(0),
        mean: Some(0.25),
        std: Some(0.5),
        ..Reading::default()
    });
    let rating = &turned.score(&inputs[..1]).unwrap()[0];
    assert!((rating.score.unwrap() + (f64::from(rating.outputs[0]) - 0.25) / 0.5).abs() < 1e-12);
    assert!(reward.score(&[]).unwrap().is_empty());
}

#[test]
fn pairs_templates_and_responses_are_put_together_as_said() {
    let folder = folder(&config(), &tensors(2));
    let ids = |reading: Reading, input: RewardInput| -> Vec<u32> {
        Reward::load(folder.path(), reading, &Device::Cpu)
            .unwrap()
            .encode(&input)
            .unwrap()
            .text
            .ids
    };
    let pair = || RewardInput::Pair {
        prompt: "Q".to_owned(),
        response: "R".to_owned(),
    };
    let bytes = |text: &str| text.bytes().map(|b| u32::from(b) + 1).collect::<Vec<u32>>();
    assert_eq!(ids(Reading::default(), pair()), bytes("QR"));
    let template = Reading {
        template: Some("{response}|{prompt}".to_owned()),
        ..Reading::default()
    };
    assert_eq!(ids(template, pair()), bytes("R|Q"));
    assert_eq!(
        ids(Reading::default(), RewardInput::Response("R".to_owned())),
        bytes("R")
    );
    assert_eq!(
        ids(Reading::default(), RewardInput::Tokens(vec![5, 6])),
        [5, 6]
    );
}

#[test]
fn long_texts_are_cut_and_say_so_and_ids_are_refused() {
    let folder = folder(&config(), &tensors(2));
    let reward = Reward::load(folder.path(), Reading::default(), &Device::Cpu).unwrap();
    let score = |input: RewardInput| -> Result<Rating> { Ok(reward.score(&[input])?.remove(0)) };
    let long = score(RewardInput::Response("z".repeat(POSITIONS + 5))).unwrap();
    let cut = score(RewardInput::Response("z".repeat(POSITIONS))).unwrap();
    assert!(long.truncated && !cut.truncated);
    assert_eq!(long.outputs, cut.outputs);
    assert!(
        score(RewardInput::Tokens(vec![1; POSITIONS + 1]))
            .unwrap_err()
            .to_string()
            .contains("at most 40")
    );
    let outside = score(RewardInput::Tokens(vec![1, VOCABULARY as u32])).unwrap_err();
    assert!(matches!(
        outside,
        Error::TokenOutOfRange { position: 1, .. }
    ));
    assert!(
        score(RewardInput::Tokens(Vec::new()))
            .unwrap_err()
            .is_input()
    );
    assert!(
        score(RewardInput::Response(String::new()))
            .unwrap_err()
            .is_input()
    );
}

#[test]
fn bad_folders_are_refused_by_name() {
    type Break = fn(&mut Value, &mut Tensors);
    let cases: [(&str, Break); 9] = [
        (
            "3 outputs, but config.json names none",
            |config, tensors| {
                config.as_object_mut().unwrap().remove("id2label");
                *tensors.get_mut("score.weight").unwrap() = (vec![3, WIDTH], vec![0.5; 3 * WIDTH]);
            },
        ),
        ("`score.weight` is missing", |_, tensors| {
            drop(tensors.remove("score.weight"));
        }),
        ("2 outputs, but config.json names 1", |config, _| {
            config["id2label"] = json!({"0": "A"});
        }),
        (
            "`transformer.h.0.mlp.c_fc.weight` has shape",
            |config, _| config["n_inner"] = json!(null),
        ),
        ("`n_embd`", |config, _| config["n_head"] = json!(5)),
        ("`n_head`", |config, _| config["n_head"] = json!(0)),
        ("`activation_function`", |config, _| {
            config["activation_function"] = json!("tanhshrink");
        }),
        ("RoformerForSequenceClassification", |config, _| {
            config["model_type"] = json!("roformer");
            config["architectures"] = json!(["RoformerForSequenceClassification"]);
        }),
        ("`transformer.wte.weight` holds 1 values", |_, tensors| {
            tensors.get_mut("transformer.wte.weight").unwrap().1[3] = f32::NAN;
        }),
    ];
    for (words, spoil) in cases {
        let (mut config, mut tensors) = (config(), tensors(2));
        spoil(&mut config, &mut tensors);
        let folder = folder(&config, &tensors);
        let error = load_model(folder.path(), &Device::Cpu).unwrap_err();
        assert!(error.is_input(), "{error}");
        assert!(error.to_string().contains(words), "{error} lacks {words}");
    }
}

pub(super) fn llama_config(fields: &Value) -> Value {
    let mut config = json!({"architectures": ["LlamaForScore"], "model_type": "llama", "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": VOCABULARY,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu"});
    for (name, value) in fields.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

pub(super) fn llama_tensors(head: &str, outputs: usize) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let mut shapes = vec![
        ("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, 16]),
        ("model.norm.weight".to_owned(), vec![16]),
        (format!("{head}.weight"), vec![outputs, 16]),
    ];
    for layer in 0..2 {
        for (part, shape) in [
            ("input_layernorm", vec![16]),
            ("post_attention_layernorm", vec![16]),
            ("self_attn.q_proj", vec![16, 16]),
            ("self_attn.k_proj", vec![8, 16]),
            ("self_attn.v_proj", vec![8, 16]),
            ("self_attn.o_proj", vec![16, 16]),
            ("mlp.gate_proj", vec![24, 16]),
            ("mlp.up_proj", vec![24, 16]),
            ("mlp.down_proj", vec![16, 24]),
        ] {
            shapes.push((format!("model.layers.{layer}.{part}.weight"), shape));
        }
    }
    let random = |(name, shape): (String, Vec<usize>)| {
        let values = (0..shape.iter().product())
            .map(|_| rng.random_range(-0.5..0.5f32))
            .collect();
        (name, (shape, values))
    };
    shapes.into_iter().map(random).collect()
}

#[test]
fn a_llama_scores_the_same_alone_and_in_company() {
    let folder = folder(
        &llama_config(
            &json!({"architectures": ["LlamaForSequenceClassification"], "num_labels": 3}),
        ),
        &llama_tensors("score", 3),
    );
    let model = load_model(folder.path(), &Device::Cpu).unwrap();
    assert_eq!(
        (
            model.kind(),
            model.outputs(),
            model.vocabulary(),
            model.context()
        ),
        ("llama", 3, VOCABULARY, 64)
    );
    let texts = texts(&[3, 40, 1, 12, 27, 64]);
    for (text, scores) in texts.iter().zip(model.score(&texts).unwrap()) {
        let alone = model.score(std::slice::from_ref(text)).unwrap();
        for (a, b) in alone[0].iter().zip(&scores) {
            assert!((a - b).abs() <= 1e-5, "{a} alone, {b} in company");
        }
    }
}

#[test]
fn score_heads_take_bias_and_normaliser() {
    let texts = texts(&[9]);
    let score = |fields: Value, extra: &[(&str, Vec<f32>)]| {
        let mut tensors = llama_tensors("score_head", 1);
        for (name, values) in extra {
            tensors.insert((*name).to_owned(), (vec![values.len()], values.clone()));
        }
        let folder = folder(&llama_config(&fields), &tensors);
        load_model(folder.path(), &Device::Cpu).and_then(|model| Ok(model.score(&texts)?[0][0]))
    };
    let plain = score(json!({"score_dim": 1}), &[]).unwrap();
    let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a}, not {b}");
    near(
        score(json!({}), &[("score_head.bias", vec![2.0])]).unwrap(),
        plain + 2.0,
    );
    let buffers = [
        ("normalizer.mean", vec![0.5]),
        ("normalizer.var", vec![4.0]),
    ];
    near(
        score(json!({"do_normalize": false}), &buffers).unwrap(),
        plain,
    );
    near(
        score(json!({"do_normalize": true}), &buffers).unwrap(),
        (plain - 0.5) / 2.0,
    );
    near(
        score(
            json!({"do_normalize": true, "score_type": "cost"}),
            &buffers,
        )
        .unwrap(),
        plain / 2.0,
    );
    let missing = score(json!({"do_normalize": true}), &[]).unwrap_err();
    assert!(matches!(missing, Error::MissingTensor { tensor, .. } if tensor == "normalizer.mean"));
    let both = score(json!({}), &[("score.weight", vec![0.0; 16])]).unwrap_err();
    assert!(
        both.is_input() && both.to_string().contains("both"),
        "{both}"
    );
}

#[test]
fn a_llama_without_a_score_head_is_no_reward_model() {
    let mut tensors = llama_tensors("score", 1);
    tensors.remove("score.weight");
    let folder = folder(&llama_config(&json!({})), &tensors);
    let error = load_model(folder.path(), &Device::Cpu).unwrap_err();
    assert!(error.is_input(), "{error}");
    assert!(
        error
            .to_string()
            .contains("`score.weight` or `score_head.weight`"),
        "{error}"
    );
}

/// A case of the shared reference set, where the set lies beside the repository.
fn oracle(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/oracles")
        .join(name);
    let Ok(expected) = std::fs::read_to_string(folder.join("expected.json")) else {
        return;
    };
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let reward = Reward::load(&folder.join("reward"), Reading::default(), &Device::Cpu).unwrap();
    let lines = std::fs::read_to_string(folder.join("input.jsonl")).unwrap();
    let inputs: Vec<RewardInput> = lines
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            match line.get("tokens") {
                Some(ids) => RewardInput::Tokens(serde_json::from_value(ids.clone()).unwrap()),
                None => {
                    let response = line["response"].as_str().unwrap().to_owned();
                    match line["prompt"].as_str() {
                        Some(prompt) => RewardInput::Pair {
                            prompt: prompt.to_owned(),
                            response,
                        },
                        None => RewardInput::Response(response),
                    }
                }
            }
        })
        .collect();
    let ratings = reward.score(&inputs).unwrap();
    let wanted = expected["input"].as_array().unwrap();
    assert_eq!(ratings.len(), wanted.len());
    for (rating, want) in ratings.iter().zip(wanted) {
        let close = |got: f64, want: f64| {
            assert!(
                (got - want).abs() <= 1e-4 + 1e-4 * want.abs(),
                "{got}, not {want}"
            );
        };
        if let Some(score) = want["score"].as_f64() {
            close(rating.score.unwrap(), score);
        } else {
            let outputs: Vec<f64> = serde_json::from_value(want["outputs"].clone()).unwrap();
            assert_eq!(rating.outputs.len(), outputs.len());
            for (got, want) in rating.outputs.iter().zip(outputs) {
                close(f64::from(*got), want);
            }
        }
    }
}

#[test]
fn gpt2_holds_against_transformers() {
    oracle("score-gpt2");
}

#[test]
fn distilbert_holds_against_transformers() {
    oracle("score-distilbert");
}

#[test]
fn score_heads_hold_against_transformers() {
    oracle("score-scorehead");
}
