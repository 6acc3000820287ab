//! Inputs that are read without complaint: the demonstration bundle's files, the tests' fixtures, a store made here.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use paretoscope_core::protocol::{SweepGrid, SweepPlan};
use paretoscope_core::types::{Finish, Point, Preference, Prompt, Sampling, Scores};
use paretoscope_engine::store::{Store, StoredRow, SweepRecord};

/// A recipe with every table.
const RECIPE: &str = include_str!("recipe.toml");

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

pub(crate) fn store() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("run.db");
    let store = Store::open(&path).expect("a new store");
    let sampling = Sampling::default();
    let prompt = Prompt::Text("what\nnow?".to_owned());
    let record = SweepRecord {
        bundle: "demo".to_owned(),
        model: "0123".to_owned(),
        adapters: vec!["helpful".to_owned()],
        adapter_digests: vec!["4567".to_owned()],
        objectives: vec!["helpful".to_owned()],
        reward_digests: vec!["89ab".to_owned()],
        plan: SweepPlan {
            grid: SweepGrid::Simplex {
                step: 0.5,
                objectives: Vec::new(),
            },
            prompts: vec![prompt.clone()],
            sampling: sampling.clone(),
            include_base: true,
            store: path.clone(),
        },
    };
    let sweep = store.sweep(&record).expect("a sweep");
    for point_index in 0..3 {
        let row = StoredRow {
            key: format!("key {point_index}"),
            sweep,
            point_index,
            prompt_index: 0,
            point: Point::Preference(Preference::uniform(1)),
            prompt: prompt.clone(),
            sampling: sampling.clone(),
            text: "an answer".to_owned(),
            tokens: vec![1, 2, 3],
            finish: Finish::Eos,
            scores: (point_index > 0).then(|| Scores(vec![Some(0.5)])),
            gates_mean: vec![0.25],
            first_token_seconds: 0.01,
            seconds: 0.5,
        };
        store.insert_row(&row).expect("a row");
    }
    drop(store);
    vec![std::fs::read(&path).expect("a store")]
}
