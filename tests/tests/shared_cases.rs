//! Files of the world that were once misread, each with a script that shows what we make of them now.
//!
//! They lie beside the project on some machines (`../shared/cases`, `../shared/hostile`) and are run where they do;
//! our own fixtures of the same kinds stand in the other tests, so a fresh clone loses nothing.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up should stop at once, and says what it left out"
)]
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use paretoscope_tests::program;

/// A script, what its output must hold, and what it may not.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// What no output may hold: a panic, an abort, an answer that was marked wrong.
const NEVER: &[&str] = &["panicked", "WRONG", "exit 101", "exit 134", "exit 139"];

const CASES: &[Case] = &[
    (
        "01-sweep-key",
        &["chat-template: right", "rope-theta: right"],
        &[],
    ),
    ("03-generation-tag", &["U:hiA:"], &["error"]),
    ("04-end-token-learned", &["260]"], &[]),
    (
        "06-metaspace-answer",
        &["sft: likeliest", ", 7]"],
        &["3]\ndpo"],
    ),
    (
        "07-pad-is-eos",
        &[
            "[32, 98, 256] 0.14995",
            "[32, 98, 257] -1.43515",
            "[256, 32, 98] -0.22631",
        ],
        &[],
    ),
    (
        "09-reward-adapter",
        &["{\"score\":", "is a PEFT adapter of a reward model"],
        &["cannot read", "cannot open"],
    ),
    (
        "10-sliding-window",
        &["window 64, mistral: loads | check: loads | context 256"],
        &["is not supported", "context 64"],
    ),
    (
        "11-activated-lora",
        &["neutral: taken", "runtime: taken", "alora: error"],
        &["alora: taken", "eva: taken"],
    ),
    (
        "13-adapter-key-prefixes",
        &["a-orig-mod: loads", "b-twice: loads", "f-one-layer: error"],
        &["e-bare: error"],
    ),
    (
        "14-merged-that-is-not",
        &["base-layer: error", "LoRA"],
        &["plain-names-with-lora: loads"],
    ),
    ("15-empty-tensors", &["ZeRO-3"], &["has shape [0]"]),
    (
        "16-extract-resized",
        &["two-rows-more: exit 0", "1 norms differ"],
        &[],
    ),
    (
        "17-lfs-pointer",
        &["git lfs pull"],
        &["not a safetensors file", "expected value"],
    ),
    ("19-bom-and-crlf", &["loads"], &["expected value"]),
    (
        "21-message-lists",
        &[
            "implicit.jsonl: loads",
            "sharegpt.jsonl: loads",
            "sft-alpaca.jsonl: loads",
        ],
        &[],
    ),
    (
        "22-hh-contexts",
        &["good: trains"],
        &[
            "human-last: trains",
            "longer-chosen: trains",
            "questions-differ: trains",
        ],
    ),
    (
        "23-nan-points",
        &["\"set_apart\":2", "\"set_apart\":1"],
        &[],
    ),
    ("31-template-features", &["{'equal': 65}"], &[]),
    (
        "40-own-reward-read-without-end-token",
        &[
            "score --prompt --response: accuracy 1.000",
            "101, 115, 260]",
        ],
        &[],
    ),
    (
        "41-own-target-modules-typo",
        &["'q_proj,v_proj': exit 0", "foo"],
        &["'q_proj,foo': exit 0", "'q_proj,vproj': exit 0"],
    ),
    ("42-own-misspelt-bundle-fields", &["objectives"], &["loads"]),
    (
        "43-own-equal-objective-names",
        &["quality"],
        &["\"scores\""],
    ),
    (
        "45-own-special-tokens-map",
        &["[256, 258, 72, 105, 259]"],
        &[],
    ),
    (
        "47-own-logits-not-finite",
        &[
            "generate: exit 2",
            "a row failed",
            "makes logits that are not finite",
        ],
        &["\"front\":true"],
    ),
    ("50-own-paths-not-utf8", &["generate: exit 0"], &[]),
    (
        "52-own-bias-without-attention-bias",
        &["bias-false: exit 0"],
        &["bias-false: exit 0  first logits [-2.0674"],
    ),
    (
        "53-own-training-without-end-token",
        &["tokens 5"],
        &["tokens 4"],
    ),
];

const HOSTILE: &[Case] = &[
    ("kill-leftovers", &["exit 0"], &[".part"]),
    ("lora-rank", &["exit 2"], &["| exit 0"]),
    (
        "memory-uri",
        &["exit 2; file", "exit 0; file: file:x.db"],
        &[],
    ),
    ("non-utf8", &[], &[]),
    ("out-replaces-device", &["prw", "lrw"], &["-rw-r--r-- pipe"]),
    (
        "pareto-slow",
        &["exit 0"],
        &["exit 124 (124: no end in 20 s) d"],
    ),
    (
        "partial-deletes",
        &["thesis.txt: x.partial/thesis.txt"],
        &[],
    ),
    ("pickle-depth", &["exit 2"], &["overflow"]),
    ("recipe-full-f16", &["exit 0"], &["exit 2"]),
    ("route-cells", &["exit 0 d=9", "exit 0 d=10"], &[]),
    ("stale-rows", &["again = fresh: yes"], &["STALE"]),
    (
        "store-scores",
        &["exit 2; lines that differ: 0", "rows left: 39"],
        &[],
    ),
    (
        "store-unlinked",
        &["exit 1", "saved under its name again"],
        &[],
    ),
    ("template-crash", &["exit"], &["overflow"]),
    ("template-hang", &["exit"], &["exit 124 (", "exit 134 ("]),
    ("tokenizer-panic", &[], &[]),
    ("two-builds", &["exits"], &["exits 0 0", "exits 1", " 1;"]),
    (
        "two-trainings",
        &["of 30 lines"],
        &["exits 0 0", "exits 1", " 1;"],
    ),
    ("work-deletes", &["notes.txt"], &["exit 0"]),
];

fn shared(part: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(part);
    let found = folder.canonicalize().ok();
    if found.is_none() {
        eprintln!("{} is not here: left out", folder.display());
    }
    found
}

/// A Python that has what the scripts read with; they are left out where there is none.
fn python() -> Option<PathBuf> {
    let python =
        PathBuf::from(std::env::var_os("PARETOSCOPE_PYTHON").unwrap_or_else(|| "python3".into()));
    let mut probe = Command::new(&python);
    let has = probe.args(["-c", "import numpy, safetensors"]).output();
    let found = has.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("{} lacks numpy and safetensors: left out", python.display());
    }
    found.then_some(python)
}

fn hold(part: &str, cases: &[Case]) {
    let (Some(folder), Some(python)) = (shared(part), python()) else {
        return;
    };
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    let mut faults = Vec::new();
    for (name, musts, nevers) in cases {
        let script = folder.join(name).join("run.sh");
        if !script.is_file() {
            continue;
        }
        let output = Command::new("bash")
            .arg(&script)
            .env("E", program())
            .env("PY", &python)
            .env(
                "DEMO",
                demo.canonicalize().expect("the demonstration bundle"),
            )
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("bash");
        // A script ends with the programs' reports; the case's own `expected.json` may follow, which says nothing of us.
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let lacks = musts.iter().filter(|must| !said.contains(**must));
        let holds = nevers
            .iter()
            .chain(NEVER)
            .filter(|never| said.contains(**never));
        let wrong: Vec<String> = lacks
            .map(|must| format!("lacks {must:?}"))
            .chain(holds.map(|never| format!("holds {never:?}")))
            .collect();
        if !wrong.is_empty() {
            faults.push(format!("{part}/{name}: {}\n{said}", wrong.join(", ")));
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {} cases:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
}

#[test]
fn every_case_is_read_as_it_was_meant() {
    hold("cases", CASES);
}

#[test]
fn hostile_files_and_careless_hands_do_no_harm() {
    hold("hostile", HOSTILE);
}
