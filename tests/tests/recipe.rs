//! Whole bundles from recipes: trained, merged, placed, routed; skipped where nothing changed, killed and
//! gone on with, refused where a field is wrong.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use paretoscope_engine::bundle::{Bundle, LoadOptions, Manifest};
use paretoscope_engine::types::ExpertKind;
use paretoscope_tests::{Fixture, program, read_tensors, write_tensors};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// Small enough for a test, and short steps so that a kill hits any of them.
const TRAINING: &str = "
[training.experts]
steps = 4
batch_tokens = 128
max_length = 90
checkpoint_every = 1

[training.values]
steps = 3
batch_tokens = 128
max_length = 90
checkpoint_every = 1

[training.routers]
batches = 2
batch = 4
minibatch = 4
epochs = 1
max_tokens = 6
calibration = 4
checkpoint_every = 1

[auto]
step = 0.25
prompts = 2
max_tokens = 6
";

/// Two objectives with reward models: the first from a fine-tune, the second from preferences; everything
/// else as the paper has it.
fn two(more: &str) -> String {
    format!(
        "name = \"made\"\nbase = \"base\"\nrank = 4\nprompts = \"prompts.jsonl\"\n{more}\n
[[objectives]]
name = \"helpful\"
source = \"tuned\"
reward = {{ path = \"rewards/helpful\" }}

[[objectives]]
name = \"harmless\"
data = \"pairs.jsonl\"
reward = {{ path = \"rewards/harmless\" }}

[[values]]
name = \"first\"
source = \"experts/helpful\"

[[values]]
name = \"second\"
data = \"pairs.jsonl\"
penalty = \"orthogonal-cosine\"
alpha = 2.5
{TRAINING}"
    )
}

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let mut tuned = read_tensors(&fixture.join("base/model.safetensors"));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let linears = tuned.iter_mut().filter(|(name, _)| name.contains("_proj"));
    for value in linears.flat_map(|(_, (_, values))| values) {
        *value += rng.random_range(-0.03f32..0.03);
    }
    std::fs::create_dir(fixture.join("tuned")).expect("a writable folder");
    write_tensors(&fixture.join("tuned/model.safetensors"), &tuned);
    let config = fixture.read("base/config.json");
    fixture.write("tuned/config.json", config);
    let pairs: Vec<String> = (0..8)
        .map(|i| {
            format!("{{\"prompt\": \"What of {i}?\", \"chosen\": \"It is well.\", \"rejected\": \"No {i}.\"}}")
        })
        .collect();
    fixture.write("pairs.jsonl", pairs.join("\n"));
    fixture
}

fn command(fixture: &Fixture, out: &str, work: &str) -> Command {
    let mut command = Command::new(program());
    command
        .args(["bundle", "build", "--workers", "2"])
        .arg(fixture.join("r.toml"))
        .arg("--out")
        .arg(fixture.out(out))
        .arg("--work")
        .arg(fixture.join(work))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(fixture: &Fixture, out: &str, work: &str) -> Output {
    command(fixture, out, work)
        .output()
        .expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn build(fixture: &Fixture, out: &str, work: &str) -> String {
    let output = run(fixture, out, work);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

/// Every safetensors file and `bundle.json` of a bundle.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "safetensors")
                || path.ends_with("bundle.json")
            {
                let name = path.strip_prefix(folder).expect("inside").to_path_buf();
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn a_recipe_trains_merges_places_and_routes_and_then_only_what_changed() {
    let fixture = fixture();
    fixture.write("r.toml", two(""));
    let first = build(&fixture, "made", "work");
    for step in [
        "sources/harmless",
        "experts/helpful",
        "experts/merged",
        "places/router",
        "routers/router",
        "values/second",
    ] {
        assert!(first.contains(step), "{step} is missing: {first}");
    }
    let folder = fixture.out("made");
    let bundle = Bundle::load(&folder, &LoadOptions::default(), &mut |_, _| Ok(())).expect("opens");
    let experts: Vec<(&str, ExpertKind)> = bundle
        .info
        .experts
        .iter()
        .map(|e| (e.name.as_str(), e.kind))
        .collect();
    assert_eq!(
        experts,
        [
            ("helpful", ExpertKind::Lora),
            ("harmless", ExpertKind::Lora),
            ("merged", ExpertKind::Lora),
            ("router", ExpertKind::Router),
        ]
    );
    assert_eq!(bundle.info.experts[2].preference.as_slice(), [0.5, 0.5]);
    let place = bundle.info.experts[3].preference.as_slice().to_vec();
    assert!(place == [0.25, 0.75] || place == [0.75, 0.25], "{place:?}");
    assert_eq!(bundle.info.values.len(), 2);
    let made: Value =
        serde_json::from_slice(&fixture.read("out/made/provenance.json")).expect("JSON");
    let found = &made["figures"]["found"][0];
    assert_eq!(found["expert"], "router");
    assert!(found["shortfall"]["line"].is_f64(), "{found}");

    // The shortfall that decided is the largest of the grid's.
    let list = std::fs::read(fixture.join("work/places/router/shortfalls.json")).expect("a file");
    let list: Vec<Value> = serde_json::from_slice(&list).expect("JSON");
    let value =
        |s: &Value| s["line"].as_f64().expect("a number") - s["score"].as_f64().expect("a number");
    assert_eq!(list.len(), 2);
    let most = list.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(value(&found["shortfall"]), most);

    // The second value vector was held apart from the first.
    let metrics = std::fs::read_to_string(fixture.join("work/values/second/metrics.jsonl"));
    assert!(metrics.expect("metrics").contains("\"penalty\""));

    // The same recipe again: nothing is made, and the bundle is the same.
    let again = build(&fixture, "again", "work");
    assert_eq!(again.matches(": unchanged").count(), 8, "{again}");
    assert!(contents(&folder) == contents(&fixture.out("again")));

    // Another setting of routers: they alone are trained again.
    fixture.write("r.toml", two("").replace("batches = 2", "batches = 3"));
    let changed = build(&fixture, "changed", "work");
    assert_eq!(changed.matches(": unchanged").count(), 7, "{changed}");
    let (before, after) = (contents(&folder), contents(&fixture.out("changed")));
    for (name, bytes) in &before {
        let same = &after[name] == bytes;
        assert_eq!(
            same,
            !name.ends_with("router.safetensors"),
            "{}",
            name.display()
        );
    }
}

/// With all weights trained, the file is in f32, whatever the base is stored in.
#[test]
fn fine_tunes_of_a_base_in_16_bits_become_experts() {
    use candle_core::{DType, Device, safetensors};
    for (dtype, name) in [(DType::F16, "float16"), (DType::BF16, "bfloat16")] {
        let fixture = fixture();
        let path = fixture.join("base/model.safetensors");
        let tensors = safetensors::load(&path, &Device::Cpu).expect("tensors");
        let half = |(name, tensor): (String, candle_core::Tensor)| {
            (name, tensor.to_dtype(dtype).expect("a cast"))
        };
        let halves = tensors.into_iter().map(half).collect();
        safetensors::save(&halves, &path).expect("a writable folder");
        let mut config: Value =
            serde_json::from_slice(&fixture.read("base/config.json")).expect("JSON");
        config["torch_dtype"] = name.into();
        fixture.write("base/config.json", config.to_string());
        let recipe = format!(
            "name = \"made\"\nbase = \"base\"\nrank = 2\nmerged = []\nrouters = []
[[objectives]]
name = \"helpful\"
data = \"pairs.jsonl\"
{}",
            TRAINING.replacen("steps = 4", "method = \"full\"\nsteps = 2", 1)
        );
        fixture.write("r.toml", recipe);
        build(&fixture, "made", "work");
        let bundle = Bundle::load(
            &fixture.out("made"),
            &LoadOptions::default(),
            &mut |_, _| Ok(()),
        )
        .expect("loads");
        assert_eq!(bundle.info.experts.len(), 1, "{name}");
    }
}

#[test]
fn a_second_build_in_one_work_folder_is_refused() {
    let fixture = fixture();
    fixture.write("r.toml", two(""));
    let mut first = command(&fixture, "made", "work");
    let mut first = first.spawn().expect("the program runs");
    let lock = fixture.join("work/.paretoscope.lock");
    let begun = Instant::now();
    while !std::fs::read(&lock).is_ok_and(|note| !note.is_empty()) {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "nothing is locked"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = run(&fixture, "made", "work");
    assert_eq!(second.status.code(), Some(2), "{}", said(&second));
    let who = format!("process {}", first.id());
    assert!(said(&second).contains(&who), "{}", said(&second));
    let first = first.wait().expect("it ends");
    assert!(first.success());
    assert!(!lock.exists());
}

#[test]
fn killed_anywhere_it_ends_as_if_nothing_had_happened() {
    let fixture = fixture();
    // All weights are trained, and both places are found.
    let merged = "merged = [{name = \"m\", place = \"auto\", method = \"ties\"}]";
    let first = (
        "source = \"experts/helpful\"",
        "data = \"pairs.jsonl\"\npenalty = \"hsic-normalised\"",
    );
    let full = "[training.experts]\nmethod = \"full\"\nlearning_rate = 1e-3";
    fixture.write(
        "r.toml",
        two(merged)
            .replace("[training.experts]", full)
            .replace(first.0, first.1),
    );
    let begun = Instant::now();
    build(&fixture, "whole", "work-whole");
    let took = begun.elapsed().as_secs_f64();
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for _ in 0..10 {
        let mut child = command(&fixture, "killed", "work-killed")
            .spawn()
            .expect("runs");
        std::thread::sleep(Duration::from_secs_f64(took * rng.random_range(0.05..0.8)));
        child.kill().expect("killed, or over already");
        child.wait().expect("it ends");
        if fixture.out("killed").exists() {
            break;
        }
    }
    if !fixture.out("killed").exists() {
        build(&fixture, "killed", "work-killed");
    }
    let (whole, killed) = (
        contents(&fixture.out("whole")),
        contents(&fixture.out("killed")),
    );
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        killed.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &whole {
        assert!(*bytes == killed[name], "{} differs", name.display());
    }
}

#[test]
fn three_objectives_get_the_papers_places() {
    let fixture = fixture();
    let mut text = "name = \"made\"\nbase = \"base\"\nrank = 4\nrouters = []\n".to_owned();
    for name in paretoscope_tests::OBJECTIVES {
        text += &format!("[[objectives]]\nname = \"{name}\"\nsource = \"experts/{name}\"\n");
    }
    fixture.write("r.toml", text);
    build(&fixture, "made", "work");
    let manifest = Manifest::load(&fixture.out("made")).expect("a bundle");
    let last = manifest.experts.last().expect("an expert");
    assert_eq!(
        (last.name.as_str(), &last.preference),
        ("merged", &vec![1.0 / 3.0; 3])
    );
    assert_eq!(manifest.experts.len(), 4);
}

/// What is wrong, how the recipe comes to it, and words that the error must hold.
type Case = (&'static str, fn(String) -> String, &'static [&'static str]);

const WRONG: &[Case] = &[
    (
        "neither source nor data",
        |r| r.replace("source = \"tuned\"", ""),
        &["objectives[0]", "source", "data"],
    ),
    (
        "both",
        |r| {
            r.replace(
                "source = \"tuned\"",
                "source = \"tuned\"\ndata = \"pairs.jsonl\"",
            )
        },
        &["objectives[0]", "both"],
    ),
    (
        "a source that is not there",
        |r| r.replace("\"tuned\"", "\"nowhere\""),
        &["objectives[0].source", "nowhere"],
    ),
    (
        "data that is not there",
        |r| r.replace("pairs.jsonl", "none.jsonl"),
        &["objectives[1].data", "none.jsonl"],
    ),
    (
        "data with a bad line",
        |r| r.replace("pairs.jsonl", "prompts.jsonl"),
        &["objectives[1].data", "line 1"],
    ),
    (
        "no such reward",
        |r| r.replace("rewards/helpful", "rewards/none"),
        &["objectives[0].reward.path"],
    ),
    (
        "a router without rewards",
        |r| {
            r.replace("reward = { path = \"rewards/helpful\" }", "")
                + "\n[[routers]]\nname = \"r\"\nplace = \"auto\"\n"
        },
        &["objectives[0].reward", "missing"],
    ),
    (
        "a router without prompts",
        |r| {
            r.replace("prompts = \"prompts.jsonl\"", "")
                + "\n[[routers]]\nname = \"r\"\nplace = \"auto\"\n"
        },
        &["training_prompts", "missing"],
    ),
    (
        "a place that is a word",
        |r| r + "\n[[routers]]\nname = \"r\"\nplace = \"here\"\n",
        &["routers[0].preference", "here", "auto"],
    ),
    (
        "a place with too many numbers",
        |r| r + "\n[[routers]]\nname = \"r\"\npreference = [1, 1, 1]\n",
        &["routers[0].preference", "3", "2"],
    ),
    (
        "a router on an expert",
        |r| r + "\n[[routers]]\nname = \"r\"\npreference = [1, 1]\n",
        &["preference", "r"],
    ),
    (
        "two of one name",
        |r| r + "\n[[routers]]\nname = \"helpful\"\nplace = \"auto\"\n",
        &["routers[0].name", "objectives[0].name"],
    ),
    (
        "a rank too large",
        |r| r.replace("rank = 4", "rank = 400"),
        &["rank", "400", "16"],
    ),
    (
        "a pruned share too large",
        |r| r.replace("rank = 4", "rank = 4\nprune = 1.5"),
        &["prune", "1.5"],
    ),
    (
        "a rescale that is no word",
        |r| r.replace("rank = 4", "rank = 4\nrescale = \"much\""),
        &["rescale", "much"],
    ),
    (
        "steps of 0",
        |r| r.replace("steps = 4", "steps = 0"),
        &["training.experts", "steps", "0"],
    ),
    (
        "batches of 0",
        |r| r.replace("batches = 2", "batches = 0"),
        &["training.routers", "batches", "0"],
    ),
    (
        "an unknown setting",
        |r| r.replace("batches = 2", "batchez = 2"),
        &["training.routers.batchez", "batches"],
    ),
    (
        "values by full training",
        |r| r.replace("[training.values]", "[training.values]\nmethod = \"full\""),
        &["training.values.method", "lora"],
    ),
    (
        "a penalty that is none",
        |r| r.replace("orthogonal-cosine", "distance"),
        &["distance", "line"],
    ),
    (
        "a soup",
        |r| {
            r.replace(
                "rank = 4",
                "rank = 4\nmerged = [{name = \"m\", preference = [1, 1], method = \"soup\"}]",
            )
        },
        &["merged[0].method", "soup"],
    ),
    (
        "a step that fits nowhere",
        |r| r.replace("step = 0.25", "step = 0.3"),
        &["step", "0.3"],
    ),
    (
        "no objective",
        |_| "name = \"x\"\nbase = \"base\"\nobjectives = []\n".to_owned(),
        &["objectives", "at least one"],
    ),
];

#[test]
fn wrong_recipes_are_refused_by_their_field_and_leave_nothing() {
    let fixture = fixture();
    for (name, spoil, words) in WRONG {
        fixture.write("r.toml", spoil(two("")));
        let before = fixture.state();
        let output = run(&fixture, "made", "work");
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {text}");
        let error = text.lines().find(|line| line.starts_with("error: "));
        let error = error.expect("an error");
        for word in *words {
            assert!(error.contains(word), "{name}: {error} lacks `{word}`");
        }
        assert!(
            before == fixture.state(),
            "{name}: something was left or changed"
        );
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_stops_a_build_which_then_goes_on() {
    let fixture = fixture();
    fixture.write("r.toml", two("").replace("batches = 2", "batches = 400"));
    let child = command(&fixture, "made", "work")
        .spawn()
        .expect("the program runs");
    let begun = Instant::now();
    // The last long step, with all others behind it.
    let metrics = fixture.join("work/routers/router/result/metrics.jsonl");
    while !std::fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > 1) {
        assert!(begun.elapsed() < Duration::from_mins(3), "never there");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("the same command goes on"),
        "{}",
        said(&output)
    );
    assert!(!fixture.out("made").exists());
    let steps = std::fs::read_to_string(&metrics)
        .expect("metrics")
        .lines()
        .count();
    assert!(steps < 400, "{steps}");
}
