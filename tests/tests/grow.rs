//! A bundle of three objectives grows by a fourth.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use paretoscope_tests::{Fixture, Outcome, engine, program};
use serde_json::{Value, json};

fn run(fixture: &Fixture, command: &str) -> Outcome {
    let place = fixture.path().display().to_string();
    let arguments: Vec<String> = command
        .split_whitespace()
        .map(|word| word.replace("{}", &place))
        .collect();
    engine(arguments)
}

const GROW: &str = "bundle grow --bundle {} --objective brevity --reward {}/rewards/helpful --expert {}/experts/humor --out {}/grown";

fn manifest(fixture: &Fixture, path: &str) -> Value {
    serde_json::from_slice(&fixture.read(path)).expect("JSON")
}

/// A name, options, what is done to the bundle, and what is said of it.
type Case = (
    &'static str,
    &'static str,
    fn(&mut Value),
    &'static [&'static str],
);

#[test]
fn answers_stay_what_they_were_and_the_new_corner_has_its_expert() {
    let fixture = Fixture::new();
    let outcome = run(&fixture, GROW);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let before = manifest(&fixture, "bundle.json");
    let after = manifest(&fixture, "grown/bundle.json");
    let objectives = after["objectives"].as_array().expect("a list");
    assert_eq!(objectives.len(), 4);
    assert_eq!(objectives[3]["name"], "brevity");
    let named = |of: &Value, name: &str| {
        let experts = of["experts"].as_array().expect("a list").clone();
        let found = experts.into_iter().find(|e| e["name"] == name);
        found.expect("the expert")["preference"].clone()
    };
    assert_eq!(named(&after, "brevity"), json!([0.0, 0.0, 0.0, 1.0]));
    for expert in before["experts"].as_array().expect("a list") {
        let name = expert["name"].as_str().expect("a name");
        let mut place = expert["preference"].as_array().expect("a list").clone();
        place.push(json!(0.0));
        let grown = named(&after, name);
        let numbers = |of: &[Value]| of.iter().map(Value::as_f64).collect::<Vec<_>>();
        assert_eq!(numbers(grown.as_array().expect("a list")), numbers(&place));
    }

    let checked = run(&fixture, "bundle check {}/grown --no-probe");
    assert_eq!(checked.status, Some(0), "{}", checked.stderr);
    assert!(
        !checked.stderr.contains("router_config"),
        "{}",
        checked.stderr
    );
    let answer = |bundle: &str, preference: &str| {
        let command = format!(
            "generate --bundle {{}}{bundle} --preference {preference} --tokens 5,6,7 --max-tokens 6"
        );
        let outcome = run(&fixture, &command);
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        outcome.lines()[0]["tokens"].clone()
    };
    for preference in ["1,0,0", "0.2,0.3,0.5", "0.1,0.6,0.3"] {
        assert_eq!(
            answer("", preference),
            answer("/grown", &format!("{preference},0"))
        );
    }
    let corner = run(&fixture, "route --bundle {}/grown --preference 0,0,0,1");
    assert_eq!(corner.lines()[0]["experts"][0]["name"], "brevity");
    let inside = run(
        &fixture,
        "route --bundle {}/grown --preference 0.1,0.1,0.1,0.7",
    );
    assert_eq!(inside.status, Some(0), "{}", inside.stderr);
    assert_eq!(
        inside.lines()[0]["residual"].as_f64().map(|r| r < 1e-9),
        Some(true)
    );
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let cases: [Case; 6] = [
        (
            "brevity",
            "humor",
            |_| (),
            &["--objective", "taken by an objective"],
        ),
        (
            "--reward {}/rewards/helpful",
            "--reward {}/experts/humor",
            |_| (),
            &["config.json"],
        ),
        (
            "--expert {}/experts/humor",
            "--expert {}/base",
            |_| (),
            &["adapter_config.json"],
        ),
        (
            "",
            "",
            |bundle| bundle["experts"][0]["preference"] = json!([1, 0]),
            &["experts[0].preference", "2 numbers given, 3 needed"],
        ),
        (
            "",
            "",
            |bundle| bundle["values"] = json!([{"name": "v", "path": "experts/helpful"}]),
            &["--value", "1 value vectors", "brevity"],
        ),
        (
            "",
            "",
            |bundle| bundle["objectives"] = json!([]),
            &["objectives", "is empty"],
        ),
    ];
    for (from, to, change, words) in cases {
        let fixture = Fixture::new();
        let mut bundle = manifest(&fixture, "bundle.json");
        change(&mut bundle);
        std::fs::write(fixture.join("bundle.json"), bundle.to_string()).expect("writable");
        let command = if from.is_empty() {
            GROW.to_owned()
        } else {
            GROW.replace(from, to)
        };
        let outcome = run(&fixture, &command);
        assert_eq!(outcome.status, Some(2), "{command}: {}", outcome.stderr);
        for word in words {
            assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
        }
        assert!(!fixture.join("grown").exists(), "{command}");
    }
}

#[test]
fn a_base_alone_answers_and_becomes_a_bundle() {
    let fixture = Fixture::new();
    let said = |command: &str| fixture.done(command).lines()[0].clone();
    let ask = "--tokens 5,6,7 --max-tokens 6";
    // What the bundle's base says where no expert speaks.
    let wanted = said(&format!("generate --bundle {{}} --weights 0,0,0 {ask}"));
    let only = json!({"format": 1, "name": "only", "base": "../base"});
    std::fs::create_dir(fixture.join("only")).expect("a folder");
    fixture.write("only/bundle.json", only.to_string());
    for place in [
        "--base {}/base",
        "--base {}",
        "--bundle {}/base",
        "--bundle {}/only",
        "--base {}/only",
    ] {
        let given = format!("generate {place} {ask}");
        assert_eq!(said(&given), wanted, "{place}");
    }
    assert_eq!(
        said("prompt --base {}/base --prompt hello"),
        said("prompt --bundle {} --prompt hello")
    );
    let bench = said("bench decode --base {}/base --new-tokens 2 --runs 1 --prompt-length 2");
    assert_eq!(bench["gates"], "none");
    fixture.done("logits --base {}/base --tokens 5,6 --record --out {}/out/L.safetensors");
    let checked = fixture.done("bundle check {}/base");
    assert_eq!(checked.lines()[0]["bundle"]["experts"], json!([]));

    // What needs experts says so, and how there come to be some.
    std::fs::write(fixture.out("p.jsonl"), "{\"prompt\": \"a\"}\n").expect("writable");
    for command in [
        "generate --base {}/base --preference 1,0 --tokens 5",
        "route --bundle {}/base --preference 1,0",
        "export --bundle {}/base --weights 1 --out {}/out/e",
        "sweep --bundle {}/base --prompts {}/out/p.jsonl --grid simplex:0.5 --out {}/out/r.db",
        "bench decode --base {}/base --gates equal",
    ] {
        fixture.refused(command, &["bundle add", "bundle build"]);
    }
    fixture.refused(
        "generate --bundle {} --tokens 5",
        &["--preference", "(3)", "--base"],
    );
    fixture.refused(
        "generate --bundle {} --base {}/base --tokens 5",
        &["--base"],
    );

    let add = "bundle add --name helpful --preference 1,0 --lora {}/experts/helpful";
    fixture.done(&format!("{add} --bundle {{}}/base --out {{}}/one"));
    let add = "bundle add --name harmless --preference 0,1 --lora {}/experts/harmless";
    fixture.done(&format!("{add} --bundle {{}}/one --out {{}}/two"));
    assert_eq!(
        said(&format!(
            "generate --bundle {{}}/two --preference 1,0 {ask}"
        )),
        said(&format!("generate --bundle {{}} --preference 1,0,0 {ask}"))
    );
    // A value vector alone goes by its weight.
    fixture.done("bundle add --bundle {}/base --value {}/experts/helpful --out {}/value");
    assert_eq!(
        said(&format!("generate --bundle {{}}/value --weights 1 {ask}")),
        said(&format!("generate --bundle {{}} --weights 1,0,0 {ask}"))
    );
}

/// A cache by hand with the fixture's base as `org/small`, at `main`.
fn cached(fixture: &Fixture) -> std::path::PathBuf {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let root = fixture.out("hub");
    let repo = root.join("models--org--small");
    let snapshot = repo.join("snapshots").join(commit);
    std::fs::create_dir_all(&snapshot).expect("a folder");
    std::fs::create_dir_all(repo.join("refs")).expect("a folder");
    std::fs::write(repo.join("refs/main"), commit).expect("writable");
    for entry in std::fs::read_dir(fixture.join("base")).expect("the base") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, snapshot.join(name)).expect("a copy");
    }
    root
}

#[test]
fn a_hub_id_is_a_base_wherever_its_files_are_in_the_cache() {
    let fixture = Fixture::new();
    let cache = cached(&fixture);
    let run = |line: &str| {
        let folder = fixture.path().to_string_lossy();
        let words = line.split(' ').map(|word| word.replace("{}", &folder));
        let output = std::process::Command::new(program())
            .args(words)
            .env("HF_HUB_CACHE", &cache)
            .env("HF_HUB_OFFLINE", "1")
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), output.stdout, said)
    };
    let ask = "--tokens 5,6,7 --max-tokens 6";
    let wanted = run(&format!("generate --base {{}}/base {ask}"));
    assert_eq!(wanted.0, Some(0), "{}", wanted.2);
    fixture.edit_json("bundle.json", |bundle| bundle["base"] = json!("org/small"));
    for place in [
        "--base org/small",
        "--base org/small@main",
        "--bundle org/small",
        "--base {}",
    ] {
        let found = run(&format!("generate {place} {ask}"));
        assert_eq!(found.0, Some(0), "{place}: {}", found.2);
        assert_eq!(found.1, wanted.1, "{place}");
    }
    // Without a network, what is missing is said, and what brings it.
    for command in ["generate --base org/none --tokens 5", "fetch org/none"] {
        let (status, _, said) = run(command);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("HF_HUB_OFFLINE"), "{said}");
    }
    let (_, _, said) = run("generate --base org/none --tokens 5");
    assert!(said.contains("fetch org/none"), "{said}");
    std::fs::remove_file(
        cache
            .join("models--org--small/snapshots/0123456789abcdef0123456789abcdef01234567")
            .join("model.safetensors"),
    )
    .expect("a file");
    let (status, _, said) = run("generate --base org/small --tokens 5");
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("model.safetensors is missing"), "{said}");
}

#[test]
fn memory_is_told_before_a_bundle_is_checked() {
    let fixture = Fixture::new();
    let checked = fixture.done("bundle check {}");
    let first = checked.stderr.lines().next().unwrap_or_default();
    for words in ["memory: needs", "base", "at f32", "reward models"] {
        assert!(first.contains(words), "{first}");
    }
    let memory = &checked.lines()[0]["memory"];
    let of = |name: &str| memory["needed"][name].as_u64().expect("bytes");
    // As many as are held, but for the padding of packed rows.
    let held = memory["weights_bytes"].as_u64().expect("bytes");
    let told = of("base") + of("experts");
    assert!(
        told > held / 2 && told < held * 2,
        "{told} told, {held} held"
    );
    assert_ne!(memory["fit"], "wont_fit");
}
