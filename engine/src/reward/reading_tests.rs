//! What a reward model is given: end tokens, chat templates, what is cut, what is refused.

use std::path::Path;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::tests::{
    POSITIONS, VOCABULARY, WIDTH, config, folder, llama_config, llama_tensors, tensors,
};
use super::*;
use crate::types::Message;

const TEMPLATE: &str = "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

fn write(folder: &TempDir, name: &str, content: &Value) {
    std::fs::write(folder.path().join(name), content.to_string()).unwrap();
}

fn load(folder: &Path, reading: Reading) -> Reward {
    Reward::load(folder, reading, &Device::Cpu).unwrap()
}

fn gpt2() -> TempDir {
    folder(&config(), &tensors(2))
}

fn bytes(text: &str) -> Vec<u32> {
    text.bytes().map(|b| u32::from(b) + 1).collect()
}

fn pair(prompt: &str, response: &str) -> RewardInput {
    RewardInput::Pair {
        prompt: prompt.to_owned(),
        response: response.to_owned(),
    }
}

fn talk(turns: &[Message], response: &str) -> RewardInput {
    RewardInput::Conversation {
        turns: turns.to_vec(),
        response: response.to_owned(),
    }
}

/// As `train reward` leaves it behind.
fn trained(folder: &TempDir, closing_token: u32, chat_template: bool) {
    let reading = TrainedReading {
        closing_token,
        chat_template,
    };
    reading.save(folder.path()).unwrap();
}

#[test]
fn a_long_text_keeps_its_answer_and_its_end_token() {
    let folder = gpt2();
    trained(&folder, 0, false);
    let reward = load(folder.path(), Reading::default());
    let long = reward.encode(&pair(&"q".repeat(POSITIONS), "yes")).unwrap();
    let ids = &long.text.ids;
    assert_eq!((ids.len(), long.whole), (POSITIONS, POSITIONS + 4));
    assert!(ids.ends_with(&[bytes("yes"), vec![0]].concat()), "{ids:?}");
    assert_eq!((long.form, long.cut), (Form::Joined, Cut::Beginning));
    let fits = reward.encode(&pair("q", "yes")).unwrap();
    assert_eq!(fits.text.ids, [bytes("qyes"), vec![0]].concat());
    let exactly = reward
        .encode(&pair(&"q".repeat(POSITIONS - 4), "yes"))
        .unwrap();
    assert!(!exactly.truncated());
    let tiny = Reading {
        max_tokens: Some(1),
        ..Reading::default()
    };
    let error = load(folder.path(), tiny)
        .encode(&pair("q", "yes"))
        .unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("at least 2"),
        "{error}"
    );
    // A person may know better.
    let unended = Reading {
        end_token: Some(false),
        ..Reading::default()
    };
    let ids = load(folder.path(), unended)
        .encode(&pair("q", "yes"))
        .unwrap()
        .text
        .ids;
    assert_eq!(ids, bytes("qyes"));
}

#[test]
fn where_the_answer_stands_last_in_a_template_the_prompt_gives_way() {
    let folder = gpt2();
    let ids = |template: &str| {
        let reading = Reading {
            template: Some(template.to_owned()),
            ..Reading::default()
        };
        let encoded = load(folder.path(), reading).encode(&pair(&"q".repeat(POSITIONS), "yes"));
        encoded.unwrap().text.ids
    };
    assert!(ids("{prompt}|{response}").ends_with(&bytes("q|yes")));
    assert!(ids("{response}|{prompt}").starts_with(&bytes("yes|q")));
}

#[test]
fn an_end_token_outside_the_vocabulary_is_refused() {
    let folder = gpt2();
    trained(&folder, VOCABULARY as u32, false);
    let error = Reward::load(folder.path(), Reading::default(), &Device::Cpu).unwrap_err();
    let text = error.to_string();
    assert!(
        error.is_input() && text.contains("closing_token") && text.contains("263"),
        "{text}"
    );
}

#[test]
fn the_beavers_read_the_end_token_of_their_training() {
    let folder = folder(
        &llama_config(&json!({"score_dim": 1})),
        &llama_tensors("score_head", 1),
    );
    let beaver = || Reading {
        preset: Some("beaver-reward".to_owned()),
        ..Reading::default()
    };
    let unended = load(folder.path(), beaver());
    assert!(unended.warnings()[0].contains("names none"));
    write(
        &folder,
        "tokenizer_config.json",
        &json!({"eos_token": "<|end|>"}),
    );
    let ids = load(folder.path(), beaver())
        .encode(&pair("a", "b"))
        .unwrap()
        .text
        .ids;
    assert_eq!(ids.last(), Some(&0));
    assert_eq!(ids[ids.len() - 2], bytes("b")[0]);
}

#[test]
fn a_whole_conversation_is_read() {
    let turns = [
        Message::system("S"),
        Message::user("A"),
        Message::assistant("B"),
        Message::user("C"),
    ];
    let folder = gpt2();
    let text = |reading: Reading| {
        let reward = load(folder.path(), reading);
        let encoded = reward.encode(&talk(&turns, "D")).unwrap();
        (encoded.written.concat(), encoded.form, encoded.text.ids)
    };
    // Without a template: in plain words, or not at all by the command line.
    let plain = "S\n\nA\n\nAssistant: B\n\nUser: CD";
    assert_eq!(text(Reading::default()).0, plain);
    let refused = load(folder.path(), Reading::default())
        .check_conversations()
        .unwrap_err();
    assert!(
        refused.to_string().contains("no chat template"),
        "{refused}"
    );
    // A published model with one: as its authors write conversations, the answer's end with it.
    write(
        &folder,
        "tokenizer_config.json",
        &json!({"chat_template": TEMPLATE, "eos_token": "<|end|>"}),
    );
    let (written, form, ids) = text(Reading::default());
    assert_eq!(
        written,
        "[system]S<|end|>[user]A<|end|>[assistant]B<|end|>[user]C<|end|>[assistant]D<|end|>"
    );
    assert_eq!((form, ids.last()), (Form::ChatTemplate, Some(&0)));
    assert!(
        load(folder.path(), Reading::default())
            .check_conversations()
            .is_ok()
    );
    // A reading that a person names goes before it.
    let named = Reading {
        template: Some("{prompt}|{response}".to_owned()),
        ..Reading::default()
    };
    assert_eq!(text(named).0, "S\n\nA\n\nAssistant: B\n\nUser: C|D");
    // A model that was trained here reads as it did in training.
    trained(&folder, 0, true);
    let (written, _, ids) = text(Reading::default());
    assert!(written.ends_with("[user]C<|end|>[assistant]D"));
    assert!(ids.ends_with(&[bytes("D"), vec![0]].concat()));
    trained(&folder, 0, false);
    assert_eq!(text(Reading::default()).0, plain);
}

#[test]
fn padding_is_not_read_at_the_end_of_a_published_text() {
    let scores = |pad: Value, inputs: &[Vec<u32>]| -> Vec<f64> {
        let mut config = config();
        config["pad_token_id"] = pad;
        let folder = folder(&config, &tensors(2));
        let reward = load(folder.path(), Reading::default());
        let inputs: Vec<RewardInput> = inputs.iter().cloned().map(RewardInput::Tokens).collect();
        let ratings = reward.score(&inputs).unwrap();
        ratings.iter().map(|r| *r.score.as_ref().unwrap()).collect()
    };
    let texts = [vec![5, 6], vec![5, 6, 0], vec![5, 6, 0, 0], vec![5, 0, 6]];
    let padded = scores(json!(0), &texts);
    for same in &padded[1..3] {
        assert!((same - padded[0]).abs() < 1e-6, "{padded:?}");
    }
    let unpadded = scores(Value::Null, &texts);
    assert!((unpadded[1] - unpadded[0]).abs() > 1e-3, "{unpadded:?}");
    assert!(
        (unpadded[3] - padded[3]).abs() < 1e-6,
        "{unpadded:?} {padded:?}"
    );
}

#[test]
fn logits_that_are_not_finite_are_no_score() {
    let mut tensors = tensors(2);
    tensors.get_mut("score.weight").unwrap().1 = vec![3e38; 2 * WIDTH];
    let folder = folder(&config(), &tensors);
    let reward = load(folder.path(), Reading::default());
    let texts = [pair("a", "b")];
    let rating = reward.score(&texts).unwrap().remove(0);
    assert!(
        matches!(rating.score, Err(Unscored::Logit { .. })),
        "{rating:?}"
    );
    let scores = score_all(&[Some(reward)], &texts).unwrap();
    assert!(scores[0].0[0].is_some_and(f64::is_nan));
    // Scaled out of range.
    let folder = gpt2();
    let tiny = Reading {
        std: Some(1e-310),
        ..Reading::default()
    };
    let rating = load(folder.path(), tiny).score(&texts).unwrap().remove(0);
    assert!(
        matches!(rating.score, Err(Unscored::Scale { .. })),
        "{rating:?}"
    );
}

#[test]
fn a_text_that_cannot_be_read_fails_alone() {
    let folder = gpt2();
    let reward = load(folder.path(), Reading::default());
    let texts = [
        talk(&[Message::new("tool", "x")], "b"),
        pair("a", "b"),
        pair("a", ""),
    ];
    let scores = score_all(&[None, Some(reward)], &texts).unwrap();
    let of = |i: usize| scores[i].0[1].unwrap();
    assert!(of(0).is_nan() && of(1).is_finite() && of(2).is_nan());
    assert_eq!(scores[1].0[0], None);
}

#[test]
fn the_limit_says_where_it_comes_from() {
    let folder = gpt2();
    let from = |most| {
        let reading = Reading {
            max_tokens: most,
            ..Reading::default()
        };
        load(folder.path(), reading).limit_from()
    };
    assert_eq!(from(None), "n_positions");
    assert_eq!(from(Some(3)), "max_tokens");
    // A window is slid over what is longer: it limits nothing.
    let fields = json!({"sliding_window": 8, "model_type": "mistral", "num_labels": 1});
    let window = super::tests::folder(&llama_config(&fields), &llama_tensors("score", 1));
    let reward = load(window.path(), Reading::default());
    assert!(reward.limit() > 8 && reward.warnings().is_empty());
    assert_eq!(reward.limit_from(), "max_position_embeddings");
}

#[test]
fn hostile_sizes_are_refused_by_field() {
    for field in [
        "n_embd",
        "n_layer",
        "n_head",
        "n_positions",
        "n_inner",
        "vocab_size",
    ] {
        let mut config = config();
        config[field] = json!(1_u64 << 62);
        let folder = folder(&config, &tensors(2));
        let error = load_model(folder.path(), &Device::Cpu).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains(field),
            "{error}"
        );
    }
    let mut config = config();
    config["n_embd"] = json!(1_u64 << 62);
    config.as_object_mut().unwrap().remove("n_inner");
    let folder = folder(&config, &tensors(2));
    assert!(
        load_model(folder.path(), &Device::Cpu)
            .unwrap_err()
            .is_input()
    );
}

/// An adapter of rank 1 on one module, with its own head under `head`, and the merged model.
fn adapter(head: &str) -> (TempDir, TempDir, TempDir) {
    let module = "model.layers.0.self_attn.q_proj";
    let mut whole = llama_tensors("score", 1);
    let head_values = whole.remove("score.weight").unwrap();
    let base = folder(
        &llama_config(&json!({"architectures": ["LlamaForCausalLM"]})),
        &whole,
    );
    let (a, b) = (
        vec![0.5_f32; 16],
        (0..16).map(|i| i as f32 / 8.0).collect::<Vec<_>>(),
    );
    let weight = &mut whole.get_mut(&format!("{module}.weight")).unwrap().1;
    for (row, b) in b.iter().enumerate() {
        for (column, a) in a.iter().enumerate() {
            // lora_alpha 2, rank 1.
            weight[row * 16 + column] += 2.0 * b * a;
        }
    }
    whole.insert("score.weight".to_owned(), head_values.clone());
    let merged = folder(&llama_config(&json!({"num_labels": 1})), &whole);
    let named = |name: &str| format!("base_model.model.{name}");
    let tensors: std::collections::HashMap<String, Tensor> = [
        (named(&format!("{module}.lora_A.weight")), vec![1, 16], a),
        (named(&format!("{module}.lora_B.weight")), vec![16, 1], b),
        (named(head), vec![1, 16], head_values.1),
    ]
    .into_iter()
    .map(|(name, shape, values)| (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap()))
    .collect();
    let peft = tempfile::tempdir().unwrap();
    candle_core::safetensors::save(&tensors, peft.path().join("adapter_model.safetensors"))
        .unwrap();
    let settings = json!({"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 1, "lora_alpha": 2, "target_modules": ["q_proj"],
        "modules_to_save": ["classifier", "score"], "base_model_name_or_path": base.path()});
    write(&peft, "adapter_config.json", &settings);
    (base, peft, merged)
}

#[test]
fn an_adapter_with_a_head_is_read_on_its_base() {
    for head in ["score.weight", "score.modules_to_save.weight"] {
        let (base, peft, merged) = adapter(head);
        let score = |reward: Reward| {
            *reward.score(&[pair("a", "b c")]).unwrap()[0]
                .score
                .as_ref()
                .unwrap()
        };
        let wanted = score(load(merged.path(), Reading::default()));
        let named = load(peft.path(), Reading::default());
        let digest = named.digest().to_owned();
        let got = score(named);
        assert!((got - wanted).abs() < 1e-4, "{got}, merged {wanted}");
        let told = Reward::load_on(
            peft.path(),
            Some(base.path()),
            Reading::default(),
            &Device::Cpu,
        );
        assert_eq!(told.unwrap().digest(), digest);
        let whole = Reward::load_on(
            merged.path(),
            Some(base.path()),
            Reading::default(),
            &Device::Cpu,
        );
        assert!(whole.unwrap_err().to_string().contains("is a whole model"));
    }
}

#[test]
fn an_adapter_whose_base_is_elsewhere_is_told_from_a_model() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        "adapter_config.json",
        &json!({"base_model_name_or_path": "org/base"}),
    );
    for config in [false, true] {
        if config {
            write(&folder, "config.json", &llama_config(&json!({})));
        }
        let error = load_model(folder.path(), &Device::Cpu).unwrap_err();
        let text = error.to_string();
        assert!(
            error.is_input() && text.contains("`org/base`") && text.contains("--base"),
            "{text}"
        );
    }
    let (_base, peft, _merged) = adapter("other.weight");
    let error = load_model(peft.path(), &Device::Cpu).unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("other"),
        "{error}"
    );
}
