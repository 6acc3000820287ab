//! Inputs that are read without complaint: the demonstration bundle's files, the tests' fixtures, a study made here.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use paretoscope_core::types::{
    DpoConfig, DpoJob, SftConfig, SftJob, TrainJob, TrainTask, WeightedData,
};
use paretoscope_engine::study::Study;

/// A recipe with every table.
const RECIPE: &str = include_str!("recipe.toml");

/// A store of rows, as sweeps wrote it before studies.
const ROW_STORE: &str = include_str!("../../core/src/study/row_store.sql");

/// Templates that ask for different things of the engine.
const TEMPLATES: &[&str] = &[
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{{ eos_token }}{% endfor %}\
     {% if add_generation_prompt %}<|assistant|>{% endif %}",
    "{%- set ns = namespace(n=0, first=true) -%}{%- for m in messages if m.role != 'system' -%}{%- set ns.n = ns.n + 1 -%}\
     {{- loop.index0 ~ ':' ~ m.content.split(' ')[0].upper() ~ ns.n -}}{%- endfor -%}",
    "{% macro turn(m, sep='\\n') %}{{ m.role | capitalize }}: {{ m.content }}{{ sep }}{% endmacro %}\
     {{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join(', ') }}{{ turn(messages[-1]) }}",
    "{{ strftime_now('%d %b %Y') }}{{ range(3) | list | tojson(indent=2) }}{{ 'a%sb' % 'c' }}{{ [1, 2, 3][::-1] }}\
     {{ {'k': 1.5}.items() | list }}{% if messages[0].content is string and 3 is even %}{{ raise_exception('no') }}{% endif %}",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn file(path: &str) -> Vec<u8> {
    std::fs::read(repository().join(path)).expect("a file of the repository")
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub(crate) fn bundle() -> Vec<Vec<u8>> {
    vec![
        file("assets/demo/bundle.json"),
        file("assets/demo/plain/bundle.json"),
    ]
}

pub(crate) fn prompts() -> Vec<Vec<u8>> {
    let all = file("assets/demo/prompts.jsonl");
    let some: Vec<u8> = all
        .split_inclusive(|b| *b == b'\n')
        .take(4)
        .flatten()
        .copied()
        .collect();
    let others = concat!(
        r#"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "split": "test"}"#,
        "\n\n",
        r#"{"tokens": [1, 2, 3], "title": "ids", "group": "g"}"#,
        "\n",
        r#"{"chat": "c", "system": "s"}"#,
    );
    vec![some, others.as_bytes().to_vec()]
}

pub(crate) fn adapter() -> Vec<Vec<u8>> {
    let mut seeds = vec![file("assets/demo/experts/helpful/adapter_config.json")];
    seeds.extend(texts(&[
        r#"{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "use_rslora": true, "bias": "none",
            "rank_pattern": {"^.*q_proj$": 2}, "alpha_pattern": {"layers.0.self_attn": 3.5}, "fan_in_fan_out": false}"#,
    ]));
    seeds
}

/// The weights of a LoRA adapter of one module, rank 2.
pub(crate) fn adapter_weights() -> Vec<u8> {
    let module = "base_model.model.model.layers.0.self_attn.q_proj";
    tensors(&[
        (&format!("{module}.lora_A.weight"), &[2, 4]),
        (&format!("{module}.lora_B.weight"), &[6, 2]),
    ])
}

/// A safetensors file of f32 tensors.
fn tensors(list: &[(&str, &[usize])]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), serde_json::json!({"format": "pt"}));
    let mut end = 0;
    for (name, shape) in list {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        header.insert(
            (*name).to_owned(),
            serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]}),
        );
    }
    let mut text = serde_json::Value::Object(header).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.bytes());
    bytes.extend((0..end / 4).flat_map(|i| (i as f32 * 0.25).to_le_bytes()));
    bytes
}

pub(crate) fn safetensors() -> Vec<Vec<u8>> {
    vec![
        tensors(&[
            ("model.embed_tokens.weight", &[4, 2]),
            ("model.norm.weight", &[2]),
        ]),
        tensors(&[
            ("module.score.weight", &[1, 8]),
            ("module.norm.weight", &[8]),
        ]),
        file("tests/fixtures/rewards/mistral-ten/model-00003-of-00003.safetensors"),
    ]
}

pub(crate) fn archive() -> Vec<Vec<u8>> {
    vec![file(
        "tests/fixtures/rewards/llama-score/pytorch_model-00002-of-00002.bin",
    )]
}

pub(crate) fn pickle() -> Vec<Vec<u8>> {
    let checkpoints = [
        "tests/fixtures/rewards/llama-score/pytorch_model-00002-of-00002.bin",
        "tests/fixtures/rewards/gpt2/pytorch_model.bin",
    ];
    let of = |path: &&str| {
        let file = std::fs::File::open(repository().join(path)).expect("a fixture");
        let mut archive = zip::ZipArchive::new(file).expect("an archive");
        let mut bytes = Vec::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).expect("an entry");
            if entry.name().expect("a name").ends_with("data.pkl") {
                entry.read_to_end(&mut bytes).expect("a pickle");
            }
        }
        bytes
    };
    checkpoints.iter().map(of).collect()
}

pub(crate) fn template() -> Vec<Vec<u8>> {
    texts(TEMPLATES)
}

pub(crate) fn points() -> Vec<Vec<u8>> {
    texts(&[
        "simplex:0.125",
        "box:1.2:0.3",
        "hoe-13",
        "halton:17",
        r#"{"set": {"convex": {"step": 0.25}}}"#,
        "{\"preference\": [1, 2, 3], \"name\": \"a\"}\n{\"weights\": [0, 1.5, 2]}\n",
        "{\"points\": 1, \"kind\": \"weights\", \"objectives\": [\"a\"]}\n{\"at\": [1, 0, 2], \"label\": \"b\"}\n",
        r#"{"simplex": {"step": 0.25, "objectives": [0, 2]}}"#,
        r#"{"box": {"c": 1.5, "step": 0.5}}"#,
        r#"[{"preference": [0.2, 0.3, 0.5]}, {"weights": [0, 1.25, 3]}]"#,
        "[[1, 5, 2], [2, 4, 1.5], [4, 3, 1e-3], [-1, 0, 7]]",
    ])
}

pub(crate) fn config() -> Vec<Vec<u8>> {
    let mut seeds = vec![file("assets/demo/base/config.json")];
    for family in [
        "qwen3",
        "smollm3",
        "granite",
        "phi4-mini",
        "gemma2",
        "gemma3",
    ] {
        seeds.push(file(&format!(
            "tests/fixtures/families/{family}/config.json"
        )));
    }
    seeds.extend(texts(&[
        r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 64, "hidden_size": 16,
            "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "head_dim": 4, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
            "hidden_act": "silu", "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": [2, 3],
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                             "original_max_position_embeddings": 64}}"#,
    ]));
    seeds
}

pub(crate) fn data() -> Vec<Vec<u8>> {
    texts(&[
        concat!(
            r#"{"prompt": "p ", "chosen": "yes", "rejected": "no"}"#,
            "\n\n",
            r#"{"prompt": "q", "chosen": "so", "rejected": "or so"}"#,
        ),
        concat!(
            r#"{"prompt": "p", "response": "an answer"}"#,
            "\n",
            r#"{"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]}"#,
        ),
    ])
}

pub(crate) fn job() -> Vec<Vec<u8>> {
    let sft = TrainTask::Sft(SftJob {
        base: "base".into(),
        from_random: false,
        data: "examples.jsonl".into(),
        skip_bad: true,
        config: SftConfig::default(),
    });
    let dpo = TrainTask::Dpo(DpoJob {
        base: "base".into(),
        data: WeightedData::alone(PathBuf::from("pairs.jsonl")),
        skip_bad: false,
        config: DpoConfig::default(),
        votes: None,
    });
    let job = |task| TrainJob {
        task,
        out: "out".into(),
        joins: None,
    };
    [sft, dpo]
        .map(|task| serde_json::to_vec(&job(task)).expect("a job"))
        .to_vec()
}

/// The module that the router of [`router_files`] is of: four numbers in, six out.
pub(crate) const ROUTED: &str = "model.layers.0.self_attn.q_proj";

/// Configuration and weights of a router that votes for two experts.
pub(crate) fn router_files() -> [Vec<u8>; 2] {
    let config =
        r#"{"preference": [1, 1], "outputs": ["helpful", "harmless"], "activation": "softmax"}"#;
    let weights = tensors(&[
        (&format!("{ROUTED}.weight"), &[2, 4]),
        (&format!("{ROUTED}.bias"), &[2]),
    ]);
    [config.as_bytes().to_vec(), weights]
}

pub(crate) fn router() -> Vec<Vec<u8>> {
    router_files().to_vec()
}

pub(crate) fn tokenizer() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [{"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
                              "normalized": false, "special": true}],
            "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
            "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                               "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                               "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
            "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
            "model": {"type": "BPE", "dropout": null, "unk_token": "u", "continuing_subword_prefix": null, "end_of_word_suffix": null,
                      "fuse_unk": true, "byte_fallback": false, "ignore_merges": false,
                      "vocab": {"<s>": 0, "u": 1, "a": 2, "b": 3, "▁": 4, "ab": 5}, "merges": [["a", "b"]]}}"#,
        r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": {"ab": 0, "[UNK]": 1}, "unk_token": "[UNK]"}}"#,
    ])
}

pub(crate) fn votes() -> Vec<Vec<u8>> {
    let vote = |item: u8, annotator: &str, sides: [&str; 2], rest: &str| {
        let [left, right] = sides;
        format!(
            "{{\"item\": {item}, \"annotator\": \"{annotator}\", \"objective\": \"humor\", \"left\": \"{left}\", \"right\": \"{right}\", {rest}}}\n"
        )
    };
    let few = [
        vote(
            1,
            "A",
            ["x", "y"],
            "\"choice\": \"left\", \"left_score\": 0.5, \"right_score\": -1",
        ),
        vote(
            1,
            "B",
            ["y", "x"],
            "\"choice\": \"left\", \"probability\": 0.25",
        ),
        vote(2, "A", ["y", "z"], "\"choice\": \"tie\", \"prompt\": \"p\""),
        vote(3, "A", ["z", "x"], "\"choice\": \"bad\""),
    ];
    vec![few.concat().into_bytes()]
}

pub(crate) fn recipe() -> Vec<Vec<u8>> {
    texts(&[RECIPE])
}

pub(crate) fn study() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("run.db");
    let rows = rusqlite::Connection::open(&path).expect("a new store of rows");
    rows.execute_batch(ROW_STORE).expect("a store of rows");
    drop(rows);
    let before = std::fs::read(&path).expect("a store of rows");
    drop(Study::open(&path).expect("the study that it becomes"));
    vec![before, std::fs::read(&path).expect("a study")]
}

/// A model of one layer, quantised and not, with a tokenizer of a few tokens.
pub(crate) fn gguf() -> Vec<Vec<u8>> {
    let text = |words: &str| [&(words.len() as u64).to_le_bytes(), words.as_bytes()].concat();
    let whole = |key: &str, value: u32| {
        [
            text(key),
            4_u32.to_le_bytes().to_vec(),
            value.to_le_bytes().to_vec(),
        ]
        .concat()
    };
    let words =
        |key: &str, value: &str| [text(key), 8_u32.to_le_bytes().to_vec(), text(value)].concat();
    let list = |key: &str, kind: u32, count: usize, entries: Vec<u8>| {
        let about = [9_u32.to_le_bytes(), kind.to_le_bytes()].concat();
        [
            text(key),
            about,
            (count as u64).to_le_bytes().to_vec(),
            entries,
        ]
        .concat()
    };
    let tokens = ["<s>", "</s>", "a", "b", "ab", "\u{120}", "\u{120}a"];
    let listed = tokens.iter().flat_map(|token| text(token)).collect();
    let types = [3_i32, 3, 1, 1, 1, 1, 1]
        .iter()
        .flat_map(|kind| kind.to_le_bytes())
        .collect();
    let merges: Vec<u8> = ["a b", "\u{120} a"]
        .iter()
        .flat_map(|merge| text(merge))
        .collect();
    let fields = [
        words("general.architecture", "llama"),
        whole("llama.embedding_length", 32),
        whole("llama.feed_forward_length", 32),
        whole("llama.block_count", 1),
        whole("llama.attention.head_count", 2),
        whole("llama.context_length", 16),
        words("tokenizer.ggml.model", "gpt2"),
        words("tokenizer.ggml.pre", "gpt-2"),
        list("tokenizer.ggml.tokens", 8, tokens.len(), listed),
        list("tokenizer.ggml.token_type", 5, tokens.len(), types),
        list("tokenizer.ggml.merges", 8, 2, merges),
    ];
    let mut tensors: Vec<(String, Vec<u64>, u32, usize)> = vec![
        ("token_embd.weight".into(), vec![32, 7], 8, 7 * 34),
        ("output_norm.weight".into(), vec![32], 0, 128),
        ("blk.0.attn_norm.weight".into(), vec![32], 0, 128),
        ("blk.0.ffn_norm.weight".into(), vec![32], 1, 64),
    ];
    for (module, kind, bytes) in [
        ("attn_q", 2, 18),
        ("attn_k", 3, 20),
        ("attn_v", 6, 22),
        ("attn_output", 7, 24),
        ("ffn_gate", 20, 18),
        ("ffn_up", 30, 64),
        ("ffn_down", 8, 34),
    ] {
        tensors.push((
            format!("blk.0.{module}.weight"),
            vec![32, 32],
            kind,
            32 * bytes,
        ));
    }
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend((tensors.len() as u64).to_le_bytes());
    file.extend((fields.len() as u64).to_le_bytes());
    file.extend(fields.concat());
    let mut data: usize = 0;
    for (name, dims, kind, bytes) in &tensors {
        file.extend(text(name));
        file.extend((dims.len() as u32).to_le_bytes());
        file.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
        file.extend(kind.to_le_bytes());
        file.extend((data as u64).to_le_bytes());
        data = (data + bytes).next_multiple_of(32);
    }
    file.resize(file.len().next_multiple_of(32) + data, 0);
    vec![file]
}
