//! Inputs that are read without complaint: the demonstration bundle's files, the tests' fixtures, a study made here.

use std::io::Read as _;
use std::path::{Path, PathBuf};

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
        r#"{"simplex": {"step": 0.25, "objectives": [0, 2]}}"#,
        r#"{"box": {"c": 1.5, "step": 0.5}}"#,
        r#"[{"preference": [0.2, 0.3, 0.5]}, {"weights": [0, 1.25, 3]}]"#,
        "[[1, 5, 2], [2, 4, 1.5], [4, 3, 1e-3], [-1, 0, 7]]",
    ])
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
