//! A tiny bundle: a seeded Llama, three LoRA experts, a router, two reward models.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tokenizer::byte_level;
use crate::weights::{Tensors, random, read_tensors, write_tensors};

/// Names of the objectives, and of the one-hot experts.
pub const OBJECTIVES: [&str; 3] = ["helpful", "harmless", "humor"];

const HIDDEN: usize = 16;
const INNER: usize = 24;
const LAYERS: usize = 2;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const VOCABULARY: usize = 272;
const CONTEXT: usize = 96;

/// Linear modules of a layer: name, inputs, outputs.
const LINEARS: [(&str, usize, usize); 7] = [
    ("self_attn.q_proj", HIDDEN, HIDDEN),
    ("self_attn.k_proj", HIDDEN, HIDDEN / HEADS * KV_HEADS),
    ("self_attn.v_proj", HIDDEN, HIDDEN / HEADS * KV_HEADS),
    ("self_attn.o_proj", HIDDEN, HIDDEN),
    ("mlp.gate_proj", HIDDEN, INNER),
    ("mlp.up_proj", HIDDEN, INNER),
    ("mlp.down_proj", INNER, HIDDEN),
];

/// A bundle in a temporary folder, gone when it is dropped.
///
/// ```text
/// bundle.json  prompts.jsonl
/// base/             config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json
/// experts/NAME/     adapter_config.json adapter_model.safetensors      one per objective
/// routers/centre/   router_config.json router.safetensors
/// rewards/helpful/  GPT-2 with a score head
/// rewards/harmless/ Llama with a score head; humor has no reward model
/// ```
#[derive(Debug)]
pub struct Fixture {
    root: TempDir,
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Fixture {
    /// Writes the bundle. Always the same bytes.
    pub fn new() -> Self {
        let fixture = Self {
            root: tempfile::tempdir().expect("a temporary folder"),
        };
        for folder in [
            "base",
            "experts",
            "routers/centre",
            "rewards/helpful",
            "rewards/harmless",
            "out",
        ] {
            std::fs::create_dir_all(fixture.join(folder)).expect("a writable folder");
        }
        fixture.base();
        for (index, name) in OBJECTIVES.iter().enumerate() {
            fixture.expert(name, 2 + index, 20 + index as u64);
        }
        fixture.router();
        fixture.rewards();
        fixture.manifest();
        fixture
    }

    /// The bundle's folder.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// A path inside it.
    pub fn join(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// A path for an output file, in a folder that is left out of [`Fixture::state`].
    pub fn out(&self, name: &str) -> PathBuf {
        self.join("out").join(name)
    }

    /// Writes a file's bytes.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.join(path), bytes).expect("a writable folder");
    }

    /// Reads a file's bytes.
    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.join(path)).expect("a file")
    }

    /// Takes a file away.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.join(path)).expect("a file");
    }

    /// Changes a JSON file.
    pub fn edit_json(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_slice(&self.read(path)).expect("JSON");
        change(&mut value);
        self.write(path, value.to_string());
    }

    /// Changes a safetensors file.
    pub fn edit_tensors(&self, path: &str, change: impl FnOnce(&mut Tensors)) {
        let mut tensors = read_tensors(&self.join(path));
        change(&mut tensors);
        write_tensors(&self.join(path), &tensors);
    }

    /// All files outside `out`, to see whether any changed.
    pub fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut state = BTreeMap::new();
        let mut folders = vec![self.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && path != self.join("out") {
                    folders.push(path);
                } else if path.is_file() {
                    let bytes = std::fs::read(&path).expect("a file");
                    state.insert(path, bytes);
                }
            }
        }
        state
    }

    fn json(&self, path: &str, value: &Value) {
        self.write(path, value.to_string());
    }

    fn base(&self) {
        self.json("base/config.json", &llama_config("LlamaForCausalLM"));
        self.json("base/generation_config.json", &json!({"eos_token_id": [1]}));
        self.json("base/tokenizer.json", &byte_level());
        let template = "{{ bos_token }}{% for m in messages %}U: {{ m.content }}\n{% endfor %}A:";
        self.json(
            "base/tokenizer_config.json",
            &json!({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": template}),
        );
        let mut shapes = llama_shapes();
        shapes.push(("lm_head.weight".to_owned(), vec![VOCABULARY, HIDDEN]));
        write_tensors(
            &self.join("base/model.safetensors"),
            &random(1, 0.5, shapes),
        );
    }

    fn expert(&self, name: &str, rank: usize, seed: u64) {
        let folder = format!("experts/{name}");
        std::fs::create_dir_all(self.join(&folder)).expect("a writable folder");
        let targets: Vec<&str> = LINEARS
            .iter()
            .filter_map(|(path, ..)| path.split('.').nth(1))
            .collect();
        self.json(
            &format!("{folder}/adapter_config.json"),
            &json!({"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": targets, "bias": "none"}),
        );
        let shapes = modules().flat_map(|(path, inputs, outputs)| {
            let at = format!("base_model.model.{path}");
            [
                (format!("{at}.lora_A.weight"), vec![rank, inputs]),
                (format!("{at}.lora_B.weight"), vec![outputs, rank]),
            ]
        });
        write_tensors(
            &self.join(&format!("{folder}/adapter_model.safetensors")),
            &random(seed, 0.3, shapes),
        );
    }

    fn router(&self) {
        self.json(
            "routers/centre/router_config.json",
            &json!({"preference": [1, 1, 1], "outputs": OBJECTIVES, "activation": "softmax"}),
        );
        let shapes = modules().flat_map(|(path, inputs, _)| {
            [
                (format!("{path}.weight"), vec![OBJECTIVES.len(), inputs]),
                (format!("{path}.bias"), vec![OBJECTIVES.len()]),
            ]
        });
        write_tensors(
            &self.join("routers/centre/router.safetensors"),
            &random(30, 1.0, shapes),
        );
    }

    fn rewards(&self) {
        self.json(
            "rewards/helpful/config.json",
            &json!({"architectures": ["GPT2ForSequenceClassification"], "model_type": "gpt2", "n_embd": HIDDEN, "n_head": 2,
                "n_layer": 1, "n_positions": CONTEXT, "vocab_size": VOCABULARY, "id2label": {"0": "LABEL_0"}}),
        );
        let block = |part: &str| format!("transformer.h.0.{part}");
        let mut shapes = vec![
            (
                "transformer.wte.weight".to_owned(),
                vec![VOCABULARY, HIDDEN],
            ),
            ("transformer.wpe.weight".to_owned(), vec![CONTEXT, HIDDEN]),
            ("score.weight".to_owned(), vec![1, HIDDEN]),
        ];
        for norm in ["transformer.ln_f".to_owned(), block("ln_1"), block("ln_2")] {
            shapes.extend([
                (format!("{norm}.weight"), vec![HIDDEN]),
                (format!("{norm}.bias"), vec![HIDDEN]),
            ]);
        }
        for (part, inputs, outputs) in [
            ("attn.c_attn", HIDDEN, 3 * HIDDEN),
            ("attn.c_proj", HIDDEN, HIDDEN),
            ("mlp.c_fc", HIDDEN, 4 * HIDDEN),
            ("mlp.c_proj", 4 * HIDDEN, HIDDEN),
        ] {
            let at = block(part);
            shapes.extend([
                (format!("{at}.weight"), vec![inputs, outputs]),
                (format!("{at}.bias"), vec![outputs]),
            ]);
        }
        write_tensors(
            &self.join("rewards/helpful/model.safetensors"),
            &random(40, 0.5, shapes),
        );

        self.json(
            "rewards/harmless/config.json",
            &llama_config("LlamaForSequenceClassification"),
        );
        let mut shapes = llama_shapes();
        shapes.push(("score.weight".to_owned(), vec![1, HIDDEN]));
        write_tensors(
            &self.join("rewards/harmless/model.safetensors"),
            &random(41, 0.5, shapes),
        );
        for name in ["helpful", "harmless"] {
            self.json(&format!("rewards/{name}/tokenizer.json"), &byte_level());
        }
    }

    fn manifest(&self) {
        let one_hot = |i: usize| {
            (0..OBJECTIVES.len())
                .map(|j| u8::from(i == j))
                .collect::<Vec<u8>>()
        };
        let mut experts: Vec<Value> = OBJECTIVES
            .iter()
            .enumerate()
            .map(|(i, name)| json!({"kind": "lora", "name": name, "path": format!("experts/{name}"), "preference": one_hot(i)}))
            .collect();
        experts.push(json!({"kind": "router", "name": "centre", "path": "routers/centre", "preference": [1, 1, 1]}));
        self.json(
            "bundle.json",
            &json!({"format": 1, "name": "tiny", "base": "base", "experts": experts, "prompts": "prompts.jsonl",
                "objectives": [
                    {"name": "helpful", "reward": {"path": "rewards/helpful"}},
                    {"name": "harmless", "reward": {"path": "rewards/harmless", "sign": -1}},
                    {"name": "humor"},
                ]}),
        );
        let prompts = [
            "How do I clean a kettle?",
            "The cat ate the cake.",
            "Tell me of the sea: ünïcödé 😀",
        ];
        let lines: String = prompts
            .iter()
            .map(|prompt| json!({"prompt": prompt}).to_string() + "\n")
            .collect();
        self.write("prompts.jsonl", lines);
    }
}

fn llama_config(architecture: &str) -> Value {
    json!({"architectures": [architecture], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INNER,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 1})
}

fn modules() -> impl Iterator<Item = (String, usize, usize)> {
    (0..LAYERS).flat_map(|layer| {
        LINEARS.iter().map(move |(name, inputs, outputs)| {
            (format!("model.layers.{layer}.{name}"), *inputs, *outputs)
        })
    })
}

fn llama_shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        (
            "model.embed_tokens.weight".to_owned(),
            vec![VOCABULARY, HIDDEN],
        ),
        ("model.norm.weight".to_owned(), vec![HIDDEN]),
    ];
    for layer in 0..LAYERS {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            shapes.push((format!("model.layers.{layer}.{norm}.weight"), vec![HIDDEN]));
        }
    }
    shapes.extend(
        modules().map(|(path, inputs, outputs)| (format!("{path}.weight"), vec![outputs, inputs])),
    );
    shapes
}
