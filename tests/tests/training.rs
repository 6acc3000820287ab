//! Training as anybody runs it: killed and started again, with bad data, with options that do not fit.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use paretoscope_tests::{Fixture, Outcome, engine, program};
use serde_json::{Value, json};

const STEPS: usize = 150;

/// Twenty questions with a better and a worse answer each, and the same with one answer.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let (mut pairs, mut examples) = (String::new(), String::new());
    for i in 0..20 {
        let prompt = format!("U: what is {i}?\nA:");
        let (good, bad) = (format!(" the number {i}"), format!(" no idea {}", i % 3));
        let pair = json!({"prompt": prompt, "chosen": good, "rejected": bad});
        pairs.push_str(&format!("{pair}\n"));
        examples.push_str(&format!(
            "{}\n",
            json!({"prompt": prompt, "response": good})
        ));
    }
    // Policies need a reward model for every objective, and a router stands between experts.
    fixture.edit_json("bundle.json", |bundle| {
        bundle["objectives"][2]["reward"] = json!({"path": "rewards/helpful", "sign": -1});
    });
    std::fs::create_dir_all(fixture.join("unscored")).expect("a writable folder");
    let mut unscored: Value = serde_json::from_slice(&fixture.read("bundle.json")).expect("JSON");
    unscored["base"] = json!("../base");
    unscored["prompts"] = json!("../prompts.jsonl");
    unscored["objectives"][2]["reward"] = Value::Null;
    for part in ["experts", "values"] {
        let entries = unscored.get_mut(part).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            let path = entry["path"].as_str().unwrap_or_default().to_owned();
            entry["path"] = json!(format!("../{path}"));
        }
    }
    fixture.write("unscored/bundle.json", unscored.to_string());
    // A few of them, the other way round.
    let others = pairs.lines().take(7);
    let others = others.map(|line| line.replace("chosen", "c").replace("rejected", "chosen"));
    let others: Vec<String> = others
        .map(|line| line.replace("\"c\"", "\"rejected\""))
        .collect();
    fixture.write("others.jsonl", others.join("\n"));
    // A base with room for the instructions of a model that corrects answers.
    std::fs::create_dir_all(fixture.join("wide")).expect("a writable folder");
    for entry in std::fs::read_dir(fixture.join("base"))
        .expect("a base")
        .flatten()
    {
        std::fs::copy(entry.path(), fixture.join("wide").join(entry.file_name())).expect("a copy");
    }
    fixture.edit_json("wide/config.json", |config| {
        config["max_position_embeddings"] = json!(512)
    });
    fixture.write("pairs.jsonl", pairs);
    fixture.write("examples.jsonl", examples);
    fixture
}

fn words(fixture: &Fixture, command: &str) -> Vec<String> {
    let folder = fixture.path().to_string_lossy();
    command
        .split_whitespace()
        .map(|word| word.replace("{}", &folder))
        .collect()
}

fn run(fixture: &Fixture, command: &str) -> Outcome {
    engine(words(fixture, command))
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.matches('\n').count())
}

/// Step, loss and the trainer's own figures; speeds differ from run to run.
fn losses(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).expect("metrics");
    text.lines()
        .map(|line| {
            let mut step: Value = serde_json::from_str(line).expect("JSON Lines");
            let figures = step.as_object_mut().expect("an object");
            figures.retain(|name, _| !name.contains("second") && !name.starts_with("speed."));
            step
        })
        .collect()
}

/// Starts `command`, kills it as soon as so many steps are in the metrics, and says whether it was still at work.
fn kill_after(fixture: &Fixture, command: &str, out: &str, steps: usize) -> bool {
    let mut child = Command::new(program())
        .args(words(fixture, command))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let metrics = fixture.join(out).join("metrics.jsonl");
    let begun = Instant::now();
    while lines(&metrics) < steps {
        assert!(
            begun.elapsed() < Duration::from_mins(5),
            "{steps} steps take too long"
        );
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().expect("killed, or over already");
    !child.wait().expect("it ends").success()
}

/// What a checkpoint carries beside its tensors is counted before it is used.
fn carried_for_other_objectives_is_refused(fixture: &Fixture, out: &str, again: &str) {
    let folder = fixture.join(out).join("checkpoints");
    let mut places = std::fs::read_dir(folder).expect("checkpoints").flatten();
    let path = places.next().expect("one").path().join("position.json");
    let whole = std::fs::read(&path).expect("a position");
    for (part, field) in [("scale", "mean"), ("scalariser", "ideal")] {
        let mut position: Value = serde_json::from_slice(&whole).expect("JSON");
        position["carried"][part][field] = json!([]);
        std::fs::write(&path, position.to_string()).expect("a writable folder");
        let outcome = run(fixture, again);
        assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("objectives"), "{}", outcome.stderr);
    }
    std::fs::write(&path, whole).expect("a writable folder");
}

#[test]
fn killed_at_three_moments_every_trainer_ends_in_the_same_bytes() {
    let fixture = fixture();
    let supervised = format!(
        "--base {{}}/base --steps {STEPS} --batch-tokens 150 --checkpoint-every 7 --workers 2 --learning-rate 1e-3"
    );
    let policy = format!(
        "--bundle {{}} --batches {STEPS} --batch 3 --minibatch 2 --epochs 1 --max-tokens 4 --calibration 4 --checkpoint-every 7 --workers 2"
    );
    let rewards = supervised.replace("--base {}/base", "--bundle {}");
    let rewards = format!("{rewards} --round-steps {STEPS}");
    let corrections = supervised.replace("{}/base", "{}/wide");
    let kinds = [
        (
            "sft",
            "--data {}/examples.jsonl --full",
            &supervised,
            "model.safetensors",
        ),
        (
            "dpo",
            "--data {}/pairs.jsonl --lora 2 --against {}/experts/helpful {}/experts/harmless --penalty orthogonal-cosine --alpha-ratio 0.5",
            &supervised,
            "adapter_model.safetensors",
        ),
        (
            "reward",
            "--data {}/pairs.jsonl",
            &supervised,
            "model.safetensors",
        ),
        (
            "arm",
            "--data {}/pairs.jsonl --lora 2",
            &supervised,
            "adapter_model.safetensors",
        ),
        (
            "parm",
            "--data good={}/pairs.jsonl --data other={}/others.jsonl --shared-rank 2 --steered-rank 2",
            &supervised,
            "good/adapter_model.safetensors",
        ),
        (
            "loramoe",
            "--data {}/examples.jsonl --experts 3 --lora 2",
            &supervised,
            "router/router.safetensors",
        ),
        (
            "aligner",
            "--data {}/pairs.jsonl --lora 2 --copies 0.5",
            &corrections,
            "adapter_model.safetensors",
        ),
        (
            "ric",
            "--answers 30 --rounds 1 --round-answers 20 --originals 5 --round-rate 1e-3 --max-tokens 4 --batch 4 --lora 2",
            &rewards,
            "adapter_model.safetensors",
        ),
        (
            "modpo",
            "--data {}/pairs.jsonl --preference 0.4,0.35,0.25 --values {}/experts/helpful {}/experts/harmless --lora 2",
            &supervised,
            "adapter_model.safetensors",
        ),
        (
            "router",
            "--preference 0.25,0.25,0.5",
            &policy,
            "router.safetensors",
        ),
        (
            "ppo",
            "--reward-weights 0.2,0.3,0.5 --lora 2",
            &policy,
            "adapter_model.safetensors",
        ),
    ];
    let frozen = [
        "base/model.safetensors",
        "experts/helpful/adapter_model.safetensors",
        "experts/humor/adapter_model.safetensors",
    ];
    let before = frozen.map(|file| fixture.read(file));
    for (kind, options, common, result) in kinds {
        let command = |out: &str| format!("train {kind} {options} {common} --out {{}}/{out}");
        let whole = format!("{kind}-whole");
        let outcome = run(&fixture, &command(&whole));
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        let final_loss = outcome.lines()[0]["final_loss"].clone();

        let broken = format!("{kind}-killed");
        let again = format!("{} --resume", command(&broken));
        let mut kills = 0;
        for steps in [STEPS / 10, STEPS / 2, STEPS * 4 / 5] {
            kills += usize::from(kill_after(&fixture, &again, &broken, steps));
        }
        assert!(kills > 0, "{kind} was always over before it was killed");
        let outcome = run(&fixture, &again);
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        assert_eq!(outcome.lines()[0]["steps"], STEPS);
        assert_eq!(outcome.lines()[0]["final_loss"], final_loss, "{kind}");

        let of = |out: &str| fixture.read(&format!("{out}/{result}"));
        assert!(of(&whole) == of(&broken), "{kind} ends in other weights");
        assert_eq!(
            losses(&fixture.join(&whole)),
            losses(&fixture.join(&broken)),
            "{kind} went another way"
        );
        let left = std::fs::read_dir(fixture.join(&broken).join("checkpoints"))
            .expect("checkpoints")
            .count();
        assert_eq!(left, 1, "only the last checkpoint is kept");
        if kind == "router" {
            carried_for_other_objectives_is_refused(&fixture, &broken, &again);
        }
    }
    let after = frozen.map(|file| fixture.read(file));
    assert!(before == after, "what is frozen has changed");
}

/// What is wrong, the command, and words that the error must hold.
type Case = (&'static str, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "an ideal below the rewards",
        "train router --bundle {} --preference 0.25,0.25,0.5 --ideal -90,-90,-90 --batches 2 --batch 2 --max-tokens 3 --calibration 2 --out {}/o",
        &["ideal", "invert", "take more than"],
    ),
    (
        "a router on an expert",
        "train router --bundle {} --preference 1,0,0 --batches 2 --batch 2 --max-tokens 3 --calibration 2 --out {}/o",
        &[
            "preference",
            "nothing to choose",
            "helpful, harmless, humor",
        ],
    ),
    (
        "a preference of the wrong length",
        "train router --bundle {} --preference 0.5,0.5 --batches 2 --batch 2 --max-tokens 3 --calibration 2 --out {}/o",
        &["preference", "2 numbers given, 3 needed"],
    ),
    (
        "greedy rollouts",
        "train router --bundle {} --preference 0.25,0.25,0.5 --temperature 0 --batches 2 --batch 2 --max-tokens 3 --calibration 2 --out {}/o",
        &["temperature", "above 0"],
    ),
    (
        "weights of rewards that are all zero",
        "train ppo --bundle {} --reward-weights 0,0,0 --batches 2 --batch 2 --max-tokens 3 --calibration 2 --out {}/o",
        &["reward-weights"],
    ),
    (
        "an objective without a reward model",
        "train ppo --bundle {}/unscored --reward-weights 1,1,1 --batches 2 --batch 2 --max-tokens 3 --calibration 2 --out {}/o",
        &["humor", "scores of all objectives"],
    ),
    (
        "a run over its own expert",
        "train router --bundle {} --preference 0.25,0.25,0.5 --batches 2 --batch 2 --max-tokens 3 --calibration 2 --overwrite --out {}/experts/helpful",
        &["experts/helpful", "starts from"],
    ),
    (
        "bad lines",
        "train dpo --base {}/base --data {}/bad.jsonl --lora 2 --out {}/o",
        &[
            "bad.jsonl, line 2: `rejected` is empty",
            "bad lines in all: 5 of 26",
            "prompt beyond the context: 1",
            "chosen equal to rejected: 1",
            "--skip-bad",
        ],
    ),
    (
        "a bad line for a reward model",
        "train reward --base {}/base --data {}/bad.jsonl --out {}/o",
        &["bad.jsonl, line 2"],
    ),
    (
        "a bad line for fine-tuning",
        "train sft --base {}/base --data {}/pairs.jsonl --out {}/o",
        &["pairs.jsonl, line 1", "needs `prompt` and `response`"],
    ),
    (
        "nothing to compare with",
        "train dpo --base {}/base --data {}/pairs.jsonl --lora 2 --penalty hsic-rows --out {}/o",
        &["--penalty", "--against"],
    ),
    (
        "a penalty for all weights",
        "train dpo --base {}/base --data {}/pairs.jsonl --full --penalty weight-decay --out {}/o",
        &["--penalty", "--lora"],
    ),
    (
        "ranks that cannot be paired",
        "train dpo --base {}/base --data {}/pairs.jsonl --lora 5 --against {}/experts/helpful --penalty hsic-released --out {}/o",
        &["experts/helpful", "rank 2", "in training 5"],
    ),
    (
        "a negative alpha",
        "train dpo --base {}/base --data {}/pairs.jsonl --lora 2 --penalty weight-decay --alpha=-1 --out {}/o",
        &["--alpha", "-1"],
    ),
    (
        "weights that do not add up",
        "train dpo --base {}/base --mix {}/pairs.jsonl=0.5 --mix {}/pairs.jsonl=0.6 --lora 2 --out {}/o",
        &["--mix", "1.1"],
    ),
    (
        "a weight that is no number",
        "train dpo --base {}/base --mix {}/pairs.jsonl=much --lora 2 --out {}/o",
        &["--mix", "not a number"],
    ),
    (
        "an absent predecessor",
        "train dpo --base {}/base --data {}/pairs.jsonl --lora 2 --start-from {}/nowhere --out {}/o",
        &["nowhere"],
    ),
    (
        "an objective that MODPO cannot divide by",
        "train modpo --base {}/base --data {}/pairs.jsonl --preference 1,19 --values {}/experts/helpful --lora 2 --out {}/o",
        &["--preference", "0.050", "divided by it", "at least 0.1"],
    ),
    (
        "weights for value vectors that were not named",
        "train modpo --base {}/base --data {}/pairs.jsonl --preference 1,1,1 --values {}/experts/helpful --lora 2 --out {}/o",
        &["--preference", "3 numbers given, 2 needed", "--values"],
    ),
    (
        "pairs about one objective alone",
        "train parm --base {}/base --data helpful={}/pairs.jsonl --out {}/o",
        &["--data", "two at least"],
    ),
    (
        "pairs about nobody knows what",
        "train parm --base {}/base --data {}/pairs.jsonl --data {}/pairs.jsonl --out {}/o",
        &["--data", "names no objective", "helpful=helpful.jsonl"],
    ),
    (
        "an objective that is called as the shared adapter",
        "train parm --base {}/base --data shared={}/pairs.jsonl --data b={}/pairs.jsonl --out {}/o",
        &["--data", "`shared`"],
    ),
    (
        "a mixture of one",
        "train loramoe --base {}/base --data {}/examples.jsonl --experts 1 --out {}/o",
        &["--experts", "2 to 256"],
    ),
    (
        "a quantile that nothing is above",
        "train ric --bundle {} --quantile 1.5 --out {}/o",
        &["--quantile", "0 to 1"],
    ),
    (
        "a rank of nothing",
        "train parm --base {}/base --data a={}/pairs.jsonl --data b={}/pairs.jsonl --steered-rank 0 --out {}/o",
        &["--steered-rank", "1 to"],
    ),
    (
        "a reward that is multiplied by nothing",
        "train arm --base {}/base --data {}/pairs.jsonl --beta 0 --out {}/o",
        &["--beta", "above 0"],
    ),
    (
        "the base's own folder",
        "train sft --base {}/base --data {}/examples.jsonl --overwrite --out {}/base",
        &["--out", "starts from"],
    ),
    (
        "a folder in use",
        "train reward --base {}/base --data {}/pairs.jsonl --out {}/rewards/helpful",
        &["--resume", "--overwrite", "model.safetensors"],
    ),
    (
        "a run that explodes",
        "train dpo --base {}/base --data {}/pairs.jsonl --lora 2 --learning-rate 1e20 --warm-up 0 --steps 20 --batch-tokens 150 --out {}/o",
        &["the loss", "at step 2", "pairs.jsonl:", "learning rate"],
    ),
];

#[test]
fn what_cannot_be_trained_is_refused_in_one_line() {
    let fixture = fixture();
    let mut lines: Vec<String> = String::from_utf8(fixture.read("pairs.jsonl"))
        .expect("text")
        .lines()
        .map(str::to_owned)
        .collect();
    let long = "x".repeat(120);
    let pair = |prompt: &str, chosen: &str, rejected: &str| {
        json!({"prompt": prompt, "chosen": chosen, "rejected": rejected}).to_string()
    };
    lines.insert(1, pair("p", "a", "  "));
    lines.insert(5, pair("p", "same", "same"));
    lines.insert(6, pair(&long, "a", "b"));
    lines.insert(7, "{\"prompt\": 1}".to_owned());
    lines.insert(8, "no JSON".to_owned());
    // Fits without its answer: too long, but no fault of the data.
    lines.push(pair("p", &long, "b"));
    fixture.write("bad.jsonl", lines.join("\n"));
    for (what, command, parts) in CASES {
        let before = std::fs::read(fixture.join("base/model.safetensors")).expect("a base");
        let outcome = run(&fixture, command);
        let exploded = *what == "a run that explodes";
        assert_eq!(
            outcome.status,
            Some(if exploded { 1 } else { 2 }),
            "{what}: {}",
            outcome.stderr
        );
        assert!(outcome.stdout.is_empty(), "{what}: {}", outcome.stdout);
        let error = outcome.stderr.lines().last().unwrap_or_default();
        for part in *parts {
            assert!(error.contains(part), "{what}: {error} lacks {part}");
        }
        assert!(
            !fixture.join("o/adapter_model.safetensors").exists(),
            "{what}"
        );
        assert!(fixture.read("base/model.safetensors") == before, "{what}");
    }
    let skipped = run(
        &fixture,
        "train dpo --base {}/base --data {}/bad.jsonl --skip-bad --lora 2 --steps 2 --overwrite --out {}/o",
    );
    assert_eq!(skipped.status, Some(0), "{}", skipped.stderr);
    let report = &skipped.lines()[0];
    assert_eq!(report["left_out"], 6);
    for (kind, count) in [
        ("bad line", 2),
        ("empty answer", 1),
        ("chosen equal to rejected", 1),
        ("prompt beyond the context", 1),
        ("longer than max-length or the context", 1),
    ] {
        assert_eq!(report["left_out_by"][kind], count, "{kind} in {report}");
    }
}

/// Tags are what the answers scored, in deviations from their mean, and the file beside the adapter says which.
#[test]
fn rewards_in_context_are_on_the_scale_that_is_written_down() {
    let fixture = fixture();
    let outcome = run(
        &fixture,
        "train ric --bundle {} --answers 600 --rounds 2 --round-answers 30 --originals 20 --max-tokens 5 --batch 8 --lora 2 --steps 3 --round-steps 2 --batch-tokens 300 --out {}/ric",
    );
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let written: Value = serde_json::from_slice(&fixture.read("ric/ric.json")).expect("JSON");
    let answers = |part: &str| -> Vec<Value> {
        let text = fixture.read(&format!("ric/stages/{part}/answers.jsonl"));
        let text = String::from_utf8(text).expect("text");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect()
    };
    let mut first = answers("round-0/answers-0");
    assert_eq!(first.len(), 512);
    first.extend(answers("round-0/answers-1"));
    assert_eq!(first.len(), 600);
    for (index, name) in ["helpful", "harmless", "humor"].iter().enumerate() {
        let objective = &written["objectives"][index];
        assert_eq!(objective["name"], *name);
        let scores: Vec<f64> = first
            .iter()
            .filter_map(|a| a["scores"][index].as_f64())
            .collect();
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let squares = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
        let deviation = (squares / (scores.len() - 1) as f64).sqrt();
        let near = |found: &Value, expected: f64| {
            let found = found.as_f64().expect("a number");
            assert!(
                (found - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{found} {expected}"
            );
        };
        near(&objective["mean"], mean);
        near(&objective["deviation"], deviation);
        let high = objective["high"].as_f64().expect("a number");
        assert!((3.7..4.9).contains(&high), "{high}");
    }
    for round in [1, 2] {
        assert_eq!(answers(&format!("round-{round}/answers-0")).len(), 30);
    }
    for part in ["stages/round-0/adapter", "stages/round-1/adapter", ""] {
        let config = fixture.join("ric").join(part).join("adapter_config.json");
        assert!(config.is_file(), "{part}");
    }
    assert!(!fixture.join("ric/.policy").exists());
    let refused = run(&fixture, "train ric --bundle {}/unscored --out {}/o");
    assert_eq!(refused.status, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("humor"), "{}", refused.stderr);
}

#[test]
fn value_vectors_come_one_after_the_other() {
    let fixture = fixture();
    let common = "--lora 2 --steps 12 --batch-tokens 150 --learning-rate 3e-3";
    let first = run(
        &fixture,
        &format!("train dpo --base {{}}/base --data {{}}/pairs.jsonl {common} --out {{}}/first"),
    );
    assert_eq!(first.status, Some(0), "{}", first.stderr);
    for penalty in [
        "none",
        "hsic-released",
        "hsic-rows",
        "hsic-normalised",
        "hsic-unbiased",
        "orthogonal-olora",
        "orthogonal-cosine",
        "weight-decay",
    ] {
        let outcome = run(
            &fixture,
            &format!(
                "train dpo --base {{}}/base --data {{}}/pairs.jsonl {common} --against {{}}/first --penalty {penalty} --alpha 1 --out {{}}/{penalty}"
            ),
        );
        assert_eq!(outcome.status, Some(0), "{penalty}: {}", outcome.stderr);
        let steps = losses(&fixture.join(penalty));
        assert_eq!(steps.len(), 12);
        let last = &steps[11];
        for figure in ["dpo", "margin", "accuracy", "norm", "cosine.first"] {
            assert!(last[figure].is_f64(), "{penalty}: no {figure} in {last}");
        }
        assert_eq!(
            last.get("penalty").is_some(),
            penalty != "none",
            "{penalty}: {last}"
        );
    }
    let mixed = run(
        &fixture,
        &format!(
            "train dpo --base {{}}/base --mix {{}}/pairs.jsonl=0.25 --mix {{}}/pairs.jsonl=0.75 {common} --out {{}}/mixed"
        ),
    );
    assert_eq!(mixed.status, Some(0), "{}", mixed.stderr);
    let sequel = run(
        &fixture,
        &format!(
            "train dpo --base {{}}/base --data {{}}/pairs.jsonl --start-from {{}}/first {common} --out {{}}/sequel"
        ),
    );
    assert_eq!(sequel.status, Some(0), "{}", sequel.stderr);
    let config: Value =
        serde_json::from_slice(&fixture.read("sequel/adapter_config.json")).expect("JSON");
    assert_eq!(config["r"], 4);
}
