//! Reward models that are wrong in one way each: one clear error, status 2, nothing written.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use paretoscope_tests::engine;
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

/// What is done to a copy of a sound folder.
type Spoil = fn(&Path);

fn fixture(name: &str) -> TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/rewards")
        .join(name);
    let copy = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(source).expect("a fixture") {
        let entry = entry.expect("a file of the fixture");
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
    }
    copy
}

fn state(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let entry = entry.expect("a file");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("its bytes"))
        })
        .collect()
}

fn edit(folder: &Path, change: impl Fn(&mut Value)) {
    let path = folder.join("config.json");
    let text = std::fs::read(&path).expect("a config");
    let mut config = serde_json::from_slice(&text).expect("JSON");
    change(&mut config);
    std::fs::write(path, config.to_string()).expect("a writable folder");
}

/// A `.bin` with this pickle, and one storage of eight bytes.
fn pickle(folder: &Path, bytes: &[u8]) {
    let file = std::fs::File::create(folder.join("pytorch_model.bin")).expect("a writable folder");
    let mut archive = zip::ZipWriter::new(file);
    let plain = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("archive/data.pkl", bytes), ("archive/data/0", &[0; 8][..])] {
        archive.start_file(name, plain).expect("an entry");
        archive.write_all(bytes).expect("its bytes");
    }
    archive.finish().expect("an archive");
}

/// Protocol 2, then `body`, then the end.
fn protocol_2(body: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"\x80\x02".to_vec();
    bytes.extend(body.iter().copied().flatten());
    bytes.push(b'.');
    bytes
}

fn text(content: &str) -> Vec<u8> {
    let mut bytes = vec![b'X'];
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content.as_bytes());
    bytes
}

/// `{"w": tensor of this shape and strides over the storage of two f32s}`.
fn tensor(shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let numbers = |numbers: &[u8]| {
        let mut bytes = b"(".to_vec();
        bytes.extend(numbers.iter().flat_map(|&n| [b'K', n]));
        bytes.push(b't');
        bytes
    };
    protocol_2(&[
        b"}",
        &text("w"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        b"K\x02tQK\x00",
        &numbers(shape),
        &numbers(strides),
        b"\x89}tRs",
    ])
}

fn refused(name: &str, folder: &Path, arguments: &[&str], words: &[&str]) {
    let before = state(folder);
    let mut all = vec!["score", "--reward", folder.to_str().expect("UTF-8")];
    all.extend(arguments);
    let outcome = engine(&all);
    let context = format!("{name}: status {:?}, {}", outcome.status, outcome.stderr);
    assert_eq!(outcome.status, Some(2), "{context}");
    assert!(outcome.stdout.is_empty(), "{context} {}", outcome.stdout);
    let errors: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{context}");
    for word in words {
        assert!(errors[0].contains(word), "{context} lacks `{word}`");
    }
    assert!(state(folder) == before, "{context}: a file changed");
}

const FOLDERS: [(&str, &str, Spoil, &[&str]); 15] = [
    (
        "a body without its head",
        "gpt2",
        |folder| {
            // The same folder as a language model's: no tensor `score.weight`.
            std::fs::remove_file(folder.join("pytorch_model.bin")).expect("a file");
            pickle(folder, &tensor(&[2], &[1]));
        },
        &["score.weight", "missing", "without a trained head"],
    ),
    (
        "more outputs than names",
        "mistral-ten",
        |folder| edit(folder, |c| c["id2label"] = json!({"0": "a", "1": "b"})),
        &["score.weight", "10 outputs", "names 2"],
    ),
    (
        "many outputs without a name",
        "mistral-ten",
        |folder| {
            edit(folder, |c| {
                c.as_object_mut().expect("an object").remove("id2label");
            });
        },
        &["score.weight", "10 outputs", "names none"],
    ),
    (
        "a tokenizer of another model",
        "distilbert",
        |folder| {
            let path = folder.join("vocab.txt");
            let mut words = std::fs::read_to_string(&path).expect("a vocabulary");
            words.push_str("one\ntwo\nmore\n");
            std::fs::write(path, words).expect("a writable folder");
        },
        &["tokenizer", "embedding", "another model"],
    ),
    (
        "a pickle that runs a program",
        "gpt2",
        |folder| {
            let body: [&[u8]; 3] = [b"cos\nsystem\n", &text("touch owned"), b"\x85R"];
            pickle(folder, &protocol_2(&body));
        },
        &["pytorch_model.bin", "`os.system`", "code"],
    ),
    (
        "a pickle with a callable beside its tensors",
        "gpt2",
        |folder| {
            let body: [&[u8]; 4] = [b"}", &text("hook"), b"cbuiltins\neval\n", b"s"];
            pickle(folder, &protocol_2(&body));
        },
        &["`builtins.eval`", "code"],
    ),
    (
        "a pickle of a later protocol",
        "gpt2",
        |folder| pickle(folder, b"\x80\x04\x95\x05\0\0\0\0\0\0\0}."),
        &["protocol 4"],
    ),
    (
        "a pickle with something else than tensors",
        "gpt2",
        |folder| pickle(folder, &protocol_2(&[b"}", &text("epoch"), b"K\x03s"])),
        &["`epoch`", "not a tensor"],
    ),
    (
        "a pickle that nests without end",
        "gpt2",
        |folder| pickle(folder, &protocol_2(&[b"N", &[0x85; 5000]])),
        &["nests"],
    ),
    (
        "a pickle that ends early",
        "gpt2",
        |folder| pickle(folder, b"\x80\x02}X\xff\xff\xff\x7f"),
        &["ends early"],
    ),
    (
        "a tensor beyond its storage",
        "gpt2",
        |folder| pickle(folder, &tensor(&[3], &[1])),
        &["`w`", "cut short"],
    ),
    (
        "a tensor that is not contiguous",
        "gpt2",
        |folder| pickle(folder, &tensor(&[1, 2], &[1, 3])),
        &["`w`", "strides"],
    ),
    (
        "a file that is no archive",
        "gpt2",
        |folder| {
            std::fs::write(
                folder.join("pytorch_model.bin"),
                b"\x80\x02\x8a\nl\xfc\x9cF",
            )
            .expect("a writable folder");
        },
        &["pytorch_model.bin", "zip"],
    ),
    (
        "a shard that is not there",
        "llama-score",
        |folder| {
            std::fs::remove_file(folder.join("pytorch_model-00002-of-00002.bin")).expect("a file");
        },
        &["pytorch_model-00002-of-00002.bin", "no such file"],
    ),
    (
        "a kind that is not known",
        "bart",
        |folder| {
            edit(folder, |c| {
                c["model_type"] = json!("albert");
                c["architectures"] = json!(["AlbertForSequenceClassification"]);
            });
        },
        &["Albert"],
    ),
];

#[test]
fn folders_that_are_wrong_are_refused() {
    for (name, source, spoil, words) in FOLDERS {
        let folder = fixture(source);
        spoil(folder.path());
        refused(name, folder.path(), &["--tokens", "5,6"], words);
    }
    assert!(!Path::new("owned").exists(), "a pickle was run");
}

#[test]
fn tokenizers_that_cannot_be_built_leave_ids_but_no_text() {
    let folder = fixture("deberta-v3");
    std::fs::remove_file(folder.path().join("tokenizer.json")).expect("a file");
    std::fs::write(folder.path().join("spm.model"), b"\n").expect("a writable folder");
    let text = ["--prompt", "a", "--response", "b"];
    let words = ["spm.model", "tokenizer.json", "save_pretrained"];
    refused("text", folder.path(), &text, &words);
    let path = folder.path().to_string_lossy().into_owned();
    let ids = engine(["score", "--reward", &path, "--tokens", "1,9,8,2"]);
    assert_eq!(ids.status, Some(0), "{}", ids.stderr);

    let folder = fixture("gpt2");
    let class = r#"{"tokenizer_class": "CTRLTokenizer"}"#;
    std::fs::write(folder.path().join("tokenizer_config.json"), class).expect("a folder");
    let words = ["vocab.json", "ctrltokenizer", "tokenizer.json"];
    refused("another kind", folder.path(), &text, &words);
}

#[test]
fn requests_that_are_wrong_are_refused() {
    let pair = ["--prompt", "a", "--response", "b"];
    let cases: [(&str, &[&str], &[&str]); 6] = [
        ("gpt2", &["--preset", "gpt3"], &["--preset", "gpt2-helpful"]),
        (
            "gpt2",
            &["--preset", "humor"],
            &["--preset", "2 outputs", "has 1"],
        ),
        ("gpt2", &["--output", "1"], &["--output", "has 1"]),
        (
            "gpt2",
            &["--template", "{prompt}"],
            &["--template", "{response}"],
        ),
        (
            "gpt2",
            &["--max-tokens", "0"],
            &["--max-tokens", "at least 1"],
        ),
        (
            "bart",
            &["--max-tokens", "3"],
            &["--max-tokens", "4 special tokens"],
        ),
    ];
    for (name, options, words) in cases {
        let folder = fixture(name);
        refused(name, folder.path(), &[&pair[..], options].concat(), words);
    }
    let bart = fixture("bart");
    let words = ["--tokens", "end token 2"];
    refused("no end", bart.path(), &["--tokens", "0,9,8"], &words);
}

#[test]
fn a_score_can_be_explained() {
    let folder = fixture("bart");
    let path = folder.path().to_string_lossy().into_owned();
    let long = "the cat sat on the mat and the dog ran to the door. ".repeat(8);
    let outcome = engine([
        "score",
        "--reward",
        &path,
        "--preset",
        "bart-faithful",
        "--prompt",
        &format!("### Instruction: Summarise. ### Input: {long} ### Response: "),
        "--response",
        "the cat sat",
        "--explain",
    ]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let line = outcome.lines().remove(0);
    assert_eq!(line["truncated"], true);
    let explain = &line["explain"];
    assert_eq!(explain["preset"], "bart-faithful");
    assert_eq!(explain["text"], json!(["the cat sat", long.trim()]));
    assert_eq!(explain["label"], "FAITHFUL");
    assert_eq!(
        (&explain["output"], &explain["sign"]),
        (&json!(1), &json!(1.0))
    );
    assert_eq!(explain["raw"], line["outputs"][1]);
    let ids = explain["ids"].as_array().expect("ids");
    assert_eq!(ids.len(), 64);
    // The summary is whole, and both ends keep their frame.
    assert_eq!((&ids[0], ids.last()), (&json!(0), Some(&json!(2))));
    assert_eq!(explain["truncation"]["limit"], 64);
    assert!(explain["truncation"]["tokens"].as_u64() > Some(64));
}

#[test]
fn a_conversation_goes_through_the_models_own_template() {
    let folder = fixture("gpt2");
    let chat = ["--chat", "the cat", "--response", "the dog"];
    refused(
        "chat",
        folder.path(),
        &chat,
        &["no chat template", "--template"],
    );
    let file = folder.path().join("turns.json");
    let turns = json!([{"role": "user", "content": "the cat"}]);
    std::fs::write(&file, turns.to_string()).expect("a writable folder");
    let lines = folder.path().join("lines.jsonl");
    let whole = json!({"messages": [turns[0], {"role": "assistant", "content": "the dog"}]});
    let line = json!({"chat": "the cat", "response": "the dog"});
    std::fs::write(&lines, format!("{line}\n{whole}\n")).expect("a writable folder");
    let path = lines.to_string_lossy().into_owned();
    refused(
        "line",
        folder.path(),
        &["--input", &path],
        &["line 1", "no chat template"],
    );

    let template = "{% for m in messages %}{{ m.role }}: {{ m.content }}. {% endfor %}";
    let settings = json!({"chat_template": template}).to_string();
    std::fs::write(folder.path().join("tokenizer_config.json"), settings).expect("writable");
    let reward = folder.path().to_string_lossy().into_owned();
    let messages = file.to_string_lossy().into_owned();
    let score = |options: &[&str]| {
        let all = [&["score", "--reward", &reward, "--explain"], options].concat();
        let outcome = engine(&all);
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        outcome.lines()
    };
    let written = json!(["user: the cat. assistant: the dog. "]);
    let first = score(&chat).remove(0);
    assert_eq!(first["explain"]["text"], written);
    assert_eq!(first["explain"]["form"], "chat_template");
    let more = score(&["--messages", &messages, "--response", "the dog"]);
    for line in more.iter().chain(&score(&["--input", &path])) {
        assert_eq!(line, &first);
    }
    let system = score(&[&chat[..], &["--system", "be kind"]].concat()).remove(0);
    let words = json!(["system: be kind. user: the cat. assistant: the dog. "]);
    assert_eq!(system["explain"]["text"], words);
}

#[test]
fn hostile_sizes_are_refused_by_field() {
    for (name, fields) in [
        (
            "gpt2",
            &["n_embd", "n_layer", "n_head", "n_positions", "vocab_size"][..],
        ),
        (
            "llama-score",
            &["hidden_size", "num_hidden_layers", "vocab_size"],
        ),
        (
            "mistral-ten",
            &[
                "hidden_size",
                "intermediate_size",
                "max_position_embeddings",
            ],
        ),
        (
            "distilbert",
            &[
                "dim",
                "hidden_dim",
                "n_layers",
                "n_heads",
                "max_position_embeddings",
            ],
        ),
        (
            "bart",
            &["d_model", "encoder_layers", "decoder_ffn_dim", "vocab_size"],
        ),
        (
            "deberta-v2",
            &["hidden_size", "position_buckets", "conv_kernel_size"],
        ),
        (
            "deberta-v3",
            &["intermediate_size", "max_relative_positions", "vocab_size"],
        ),
    ] {
        for field in fields {
            let folder = fixture(name);
            edit(folder.path(), |config| {
                config[*field] = json!((1_u64 << 62) + 1)
            });
            refused(name, folder.path(), &["--response", "the cat"], &[*field]);
        }
    }
}
