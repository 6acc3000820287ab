//! Bundles that are wrong in one way each: one clear error that names the place, and nothing changes.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::Path;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_tests::{Fixture, Outcome, engine};
use serde_json::{Value, json};

/// What is wrong, how it comes about, and words that the error must hold.
type Case = (&'static str, fn(&Fixture), &'static [&'static str]);

const WEIGHTS: &str = "base/model.safetensors";
const CONFIG: &str = "base/config.json";
const ADAPTER: &str = "experts/harmless/adapter_model.safetensors";
const ADAPTER_CONFIG: &str = "experts/harmless/adapter_config.json";
const ROUTER: &str = "routers/centre/router.safetensors";
const ROUTER_CONFIG: &str = "routers/centre/router_config.json";
const REWARD: &str = "rewards/helpful/model.safetensors";

fn set(fixture: &Fixture, file: &str, pointer: &str, value: Value) {
    fixture.edit_json(file, |json| {
        *json.pointer_mut(pointer).expect("a field") = value
    });
}

fn cut(fixture: &Fixture, file: &str) {
    let bytes = fixture.read(file);
    fixture.write(file, &bytes[..bytes.len() * 2 / 3]);
}

/// Puts another number of bytes into the first eight, which say how long the header is.
fn claim_header(fixture: &Fixture, file: &str, size: u64) {
    let mut bytes = fixture.read(file);
    bytes[..8].copy_from_slice(&size.to_le_bytes());
    fixture.write(file, bytes);
}

fn reshape(fixture: &Fixture, file: &str, tensor: &str, shape: &[usize]) {
    fixture.edit_tensors(file, |tensors| {
        let (old, values) = tensors.get_mut(tensor).expect("a tensor");
        *old = shape.to_vec();
        values.resize(shape.iter().product(), 0.0);
    });
}

fn poison(fixture: &Fixture, file: &str, tensor: &str, value: f32) {
    fixture.edit_tensors(file, |tensors| {
        tensors.get_mut(tensor).expect("a tensor").1[0] = value
    });
}

fn in_shards(fixture: &Fixture, shard: &str) {
    let whole = fixture.read(WEIGHTS);
    fixture.write("base/model-00001-of-00002.safetensors", whole);
    fixture.remove(WEIGHTS);
    let map =
        json!({"model.norm.weight": "model-00001-of-00002.safetensors", "lm_head.weight": shard});
    fixture.write(
        "base/model.safetensors.index.json",
        json!({"metadata": {}, "weight_map": map}).to_string(),
    );
}

const BASE: &[Case] = &[
    (
        "weights missing",
        |f| f.remove(WEIGHTS),
        &["base/model.safetensors"],
    ),
    (
        "weights cut short",
        |f| cut(f, WEIGHTS),
        &["base/model.safetensors", "cut short"],
    ),
    (
        "weights of zero length",
        |f| f.write(WEIGHTS, ""),
        &["base/model.safetensors", "0 bytes"],
    ),
    (
        "header longer than the file",
        |f| claim_header(f, WEIGHTS, 1 << 40),
        &["base/model.safetensors", "header"],
    ),
    (
        "header of the largest number",
        |f| claim_header(f, WEIGHTS, u64::MAX),
        &["base/model.safetensors", "header"],
    ),
    (
        "header of nothing",
        |f| claim_header(f, WEIGHTS, 0),
        &["base/model.safetensors", "header"],
    ),
    (
        "header cut short",
        |f| claim_header(f, WEIGHTS, 40),
        &["base/model.safetensors", "header"],
    ),
    (
        "bytes behind the tensors",
        |f| f.write(WEIGHTS, [f.read(WEIGHTS), vec![0; 3]].concat()),
        &["base/model.safetensors"],
    ),
    (
        "a tensor of the wrong shape",
        |f| {
            reshape(
                f,
                WEIGHTS,
                "model.layers.1.self_attn.k_proj.weight",
                &[16, 16],
            )
        },
        &[
            "model.layers.1.self_attn.k_proj.weight",
            "[16, 16]",
            "[8, 16]",
        ],
    ),
    (
        "an embedding of another vocabulary",
        |f| reshape(f, WEIGHTS, "model.embed_tokens.weight", &[100, 16]),
        &["model.embed_tokens.weight", "[100, 16]", "[272, 16]"],
    ),
    (
        "a tensor missing",
        |f| f.edit_tensors(WEIGHTS, |t| drop(t.remove("model.norm.weight"))),
        &["model.norm.weight", "missing"],
    ),
    (
        "NaN in the weights",
        |f| poison(f, WEIGHTS, "lm_head.weight", f32::NAN),
        &["lm_head.weight", "NaN"],
    ),
    (
        "infinity in the weights",
        |f| {
            poison(
                f,
                WEIGHTS,
                "model.layers.0.mlp.up_proj.weight",
                f32::INFINITY,
            )
        },
        &["model.layers.0.mlp.up_proj.weight", "infinite"],
    ),
    (
        "a shard that is not there",
        |f| in_shards(f, "model-00002-of-00002.safetensors"),
        &[
            "model.safetensors.index.json",
            "model-00002-of-00002.safetensors",
        ],
    ),
    (
        "no heads",
        |f| set(f, CONFIG, "/num_attention_heads", json!(0)),
        &["config.json", "num_attention_heads"],
    ),
    (
        "no layers",
        |f| set(f, CONFIG, "/num_hidden_layers", json!(0)),
        &["config.json", "num_hidden_layers"],
    ),
    (
        "heads that do not divide",
        |f| set(f, CONFIG, "/hidden_size", json!(18)),
        &["config.json", "18"],
    ),
    (
        "key heads that do not divide",
        |f| set(f, CONFIG, "/num_key_value_heads", json!(3)),
        &["config.json", "num_key_value_heads"],
    ),
    (
        "negative width",
        |f| set(f, CONFIG, "/hidden_size", json!(-16)),
        &["config.json"],
    ),
    (
        "a width that cannot be",
        |f| set(f, CONFIG, "/intermediate_size", json!(1u64 << 62)),
        &["config.json", "intermediate_size", "at most"],
    ),
    (
        "another architecture",
        |f| set(f, CONFIG, "/model_type", json!("gpt2")),
        &["config.json", "model_type", "gpt2"],
    ),
    (
        "a config that is not JSON",
        |f| f.write(CONFIG, "{\"hidden_size\": 16"),
        &["config.json", "JSON"],
    ),
    ("no config", |f| f.remove(CONFIG), &["config.json"]),
    (
        "a tokenizer that is none",
        |f| f.write("base/tokenizer.json", "{}"),
        &["tokenizer.json"],
    ),
    (
        "no base",
        |f| set(f, "bundle.json", "/base", json!("elsewhere")),
        &["elsewhere"],
    ),
];

const EXPERTS: &[Case] = &[
    (
        "an adapter cut short",
        |f| cut(f, ADAPTER),
        &["harmless/adapter_model.safetensors", "cut short"],
    ),
    (
        "an adapter missing",
        |f| f.remove(ADAPTER),
        &["harmless/adapter_model.safetensors"],
    ),
    (
        "an adapter for another model",
        |f| {
            f.edit_tensors(ADAPTER, |tensors| {
                let renamed =
                    |(name, tensor): (String, _)| (name.replace("layers.", "layers.9"), tensor);
                *tensors = std::mem::take(tensors).into_iter().map(renamed).collect();
            });
        },
        &["harmless", "another model"],
    ),
    (
        "an adapter of another rank",
        |f| set(f, ADAPTER_CONFIG, "/r", json!(7)),
        &["harmless", "lora_A", "7"],
    ),
    (
        "an adapter of rank 0",
        |f| set(f, ADAPTER_CONFIG, "/r", json!(0)),
        &["harmless"],
    ),
    (
        "DoRA",
        |f| f.edit_json(ADAPTER_CONFIG, |c| c["use_dora"] = json!(true)),
        &["harmless", "DoRA"],
    ),
    (
        "another method",
        |f| set(f, ADAPTER_CONFIG, "/peft_type", json!("LOHA")),
        &["harmless", "LOHA"],
    ),
    (
        "trained biases",
        |f| set(f, ADAPTER_CONFIG, "/bias", json!("all")),
        &["harmless", "bias"],
    ),
    (
        "half a pair of factors",
        |f| f.edit_tensors(ADAPTER, |t| drop(t.pop_first())),
        &["harmless", "lora_A", "lora_B"],
    ),
    (
        "NaN in an adapter",
        |f| {
            poison(
                f,
                ADAPTER,
                "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
                f32::NAN,
            )
        },
        &["q_proj.lora_B.weight", "NaN"],
    ),
    (
        "an unknown expert",
        |f| set(f, ROUTER_CONFIG, "/outputs/1", json!("polite")),
        &["router_config.json", "outputs", "polite"],
    ),
    (
        "a router of another width",
        |f| reshape(f, ROUTER, "model.layers.0.mlp.down_proj.weight", &[3, 25]),
        &["model.layers.0.mlp.down_proj.weight", "[3, 25]", "[3, 24]"],
    ),
    (
        "half a router",
        |f| {
            f.edit_tensors(ROUTER, |t| {
                drop(t.remove("model.layers.0.mlp.down_proj.bias"))
            })
        },
        &["model.layers.0.mlp.down_proj.bias", "missing"],
    ),
    (
        "an unknown activation",
        |f| set(f, ROUTER_CONFIG, "/activation", json!("tanh")),
        &["router_config.json", "tanh"],
    ),
];

const MANIFEST: &[Case] = &[
    ("no manifest", |f| f.remove("bundle.json"), &["bundle.json"]),
    (
        "not JSON",
        |f| f.write("bundle.json", "name: tiny"),
        &["bundle.json", "JSON"],
    ),
    (
        "not an object",
        |f| f.write("bundle.json", "[1, 2]"),
        &["bundle.json"],
    ),
    (
        "a later format",
        |f| set(f, "bundle.json", "/format", json!(2)),
        &["bundle.json", "format", "2"],
    ),
    (
        "no format",
        |f| set(f, "bundle.json", "/format", json!(null)),
        &["bundle.json", "format"],
    ),
    (
        "a preference of the wrong length",
        |f| set(f, "bundle.json", "/experts/1/preference", json!([0, 1])),
        &["bundle.json", "experts[1].preference", "2", "3"],
    ),
    (
        "a negative preference",
        |f| {
            set(
                f,
                "bundle.json",
                "/experts/3/preference",
                json!([1, -0.5, 0.5]),
            )
        },
        &["bundle.json", "experts[3].preference", "-0.5"],
    ),
    (
        "a preference of zeros",
        |f| set(f, "bundle.json", "/experts/0/preference", json!([0, 0, 0])),
        &["bundle.json", "experts[0].preference", "zero"],
    ),
    (
        "NaN in a preference",
        |f| {
            let text = String::from_utf8(f.read("bundle.json")).expect("text");
            f.write(
                "bundle.json",
                text.replace("\"preference\":[0,1,0]", "\"preference\":[0,NaN,0]"),
            );
        },
        &["bundle.json"],
    ),
    (
        "two experts at one point",
        |f| set(f, "bundle.json", "/experts/1/preference", json!([2, 0, 0])),
        &["bundle.json", "harmless"],
    ),
    (
        "an expert of no known kind",
        |f| set(f, "bundle.json", "/experts/0/kind", json!("dense")),
        &["bundle.json", "dense"],
    ),
    (
        "a bad line among the prompts",
        |f| {
            f.write(
                "prompts.jsonl",
                "{\"prompt\": \"one\"}\n\n{\"prompt\": 2}\n",
            )
        },
        &["prompts.jsonl", "line 3"],
    ),
    (
        "no prompts",
        |f| f.remove("prompts.jsonl"),
        &["prompts.jsonl"],
    ),
];

const REWARDS: &[Case] = &[
    (
        "a reward model without a head",
        |f| f.edit_tensors(REWARD, |t| drop(t.remove("score.weight"))),
        &["rewards/helpful", "score.weight"],
    ),
    (
        "a reward model cut short",
        |f| cut(f, REWARD),
        &["rewards/helpful/model.safetensors", "cut short"],
    ),
    (
        "a reward model missing",
        |f| f.remove(REWARD),
        &["rewards/helpful/model.safetensors"],
    ),
    (
        "a reward model of an unknown kind",
        |f| {
            f.edit_json("rewards/helpful/config.json", |c| {
                c["model_type"] = json!("albert");
                c["architectures"] = json!(["AlbertForSequenceClassification"]);
            });
        },
        &["rewards/helpful/config.json", "Albert"],
    ),
    (
        "a sign of 2",
        |f| {
            f.edit_json("bundle.json", |b| {
                b["objectives"][0]["reward"]["sign"] = json!(2)
            })
        },
        &["bundle.json", "objectives[0].reward.sign"],
    ),
    (
        "an output that is not there",
        |f| {
            f.edit_json("bundle.json", |b| {
                b["objectives"][0]["reward"]["output"] = json!(1)
            })
        },
        &["output"],
    ),
    (
        "a template without the response",
        |f| {
            f.edit_json("bundle.json", |b| {
                b["objectives"][0]["reward"]["template"] = json!("{prompt}")
            })
        },
        &["objectives[0].reward.template", "{response}"],
    ),
];

fn library(folder: &Path) -> String {
    let error = Bundle::load(folder, &LoadOptions::default(), &mut |_, _| Ok(()))
        .expect_err("this bundle is wrong");
    assert!(error.is_input(), "the input is at fault: {error}");
    error.to_string()
}

/// A command that loads everything, rewards too.
fn sweep(fixture: &Fixture) -> Outcome {
    let prompts = fixture.out("good.jsonl");
    std::fs::write(&prompts, "{\"prompt\": \"a\"}\n").expect("a writable folder");
    let outcome = engine([
        "sweep".as_ref(),
        "--bundle".as_ref(),
        fixture.path().as_os_str(),
        "--prompts".as_ref(),
        prompts.as_os_str(),
        "--grid".as_ref(),
        "simplex:1".as_ref(),
        "--max-tokens".as_ref(),
        "2".as_ref(),
        "--out".as_ref(),
        fixture.out("run.db").as_os_str(),
    ]);
    std::fs::remove_file(prompts).expect("still there");
    outcome
}

fn check(cases: &[Case]) {
    for (name, spoil, words) in cases {
        let fixture = Fixture::new();
        spoil(&fixture);
        let before = fixture.state();
        let said = library(fixture.path());
        for word in *words {
            assert!(said.contains(word), "{name}: `{said}` lacks `{word}`");
        }
        assert!(!said.contains('\n'), "{name}: more than one line: {said}");

        let outcome = sweep(&fixture);
        assert_eq!(outcome.status, Some(2), "{name}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty(), "{name}: {}", outcome.stdout);
        let errors: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{name}: {}", outcome.stderr);
        for word in *words {
            assert!(
                errors[0].contains(word),
                "{name}: `{}` lacks `{word}`",
                errors[0]
            );
        }
        assert!(before == fixture.state(), "{name}: a file changed");
        let left: Vec<_> = std::fs::read_dir(fixture.join("out"))
            .expect("a folder")
            .collect();
        assert!(left.is_empty(), "{name}: left behind {left:?}");
    }
}

#[test]
fn the_fixture_itself_is_sound() {
    let fixture = Fixture::new();
    let bundle = Bundle::load(fixture.path(), &LoadOptions::default(), &mut |_, _| Ok(()))
        .expect("a sound bundle");
    assert_eq!(bundle.info.experts.len(), 4);
    let outcome = sweep(&fixture);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.lines().len(), 3);
}

#[test]
fn bad_base_models_are_refused() {
    check(BASE);
}

#[test]
fn bad_experts_are_refused() {
    check(EXPERTS);
}

#[test]
fn bad_manifests_are_refused() {
    check(MANIFEST);
}

#[test]
fn bad_reward_models_are_refused() {
    check(REWARDS);
}
