//! Experts without training: requests that are wrong in one way each, and a bundle from a recipe.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::Path;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_tests::{Fixture, OBJECTIVES, Outcome, engine, read_tensors, write_tensors};
use serde_json::{Value, json};

const WEIGHTS: &str = "tuned-0/model.safetensors";
const PROJECTION: &str = "model.layers.1.self_attn.q_proj.weight";

/// The fixture with three fine-tunes of its base and two files of task vectors beside it.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let base = read_tensors(&fixture.join("base/model.safetensors"));
    for index in 0..3 {
        let folder = fixture.join(&format!("tuned-{index}"));
        std::fs::create_dir(&folder).expect("a writable folder");
        let mut tuned = base.clone();
        let mut state = 12345 + index as u32;
        let linears = tuned.iter_mut().filter(|(name, _)| name.contains("_proj"));
        for value in linears.flat_map(|(_, (_, values))| values) {
            // A small generator is random enough for a difference.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value += 0.05 * (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32;
        }
        write_tensors(&folder.join("model.safetensors"), &tuned);
        let config = fixture.read("base/config.json");
        fixture.write(&format!("tuned-{index}/config.json"), config);
        let differences = tuned.iter().filter(|(name, _)| name.contains("_proj")).map(
            |(name, (shape, values))| {
                let before = &base[name].1;
                let difference = values.iter().zip(before).map(|(a, b)| a - b).collect();
                (name.clone(), (shape.clone(), difference))
            },
        );
        write_tensors(
            &fixture.join(&format!("vectors-{index}.safetensors")),
            &differences.collect(),
        );
    }
    fixture
}

fn run(fixture: &Fixture, command: &str) -> Outcome {
    let folder = fixture.path().to_string_lossy();
    engine(
        command
            .split_whitespace()
            .map(|word| word.replace("{}", &folder)),
    )
}

/// What is wrong, how it comes about, the command, and words that the error must hold.
type Case = (
    &'static str,
    fn(&Fixture),
    &'static str,
    &'static [&'static str],
);

const EXTRACT: &str = "extract --base {}/base --tuned {}/tuned-0 --rank 4 --out {}/out/a";
const MERGE: &str = "merge --method ties --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights 0.5,0.5 --out {}/out/m.safetensors";
const DEPENDENCE: &str =
    "dependence --a {}/experts/helpful --b {}/experts/harmless --measure cosine";

fn edit(fixture: &Fixture, name: &str, change: impl FnOnce(&mut Vec<usize>, &mut Vec<f32>)) {
    fixture.edit_tensors(WEIGHTS, |tensors| {
        let (shape, values) = tensors.get_mut(name).expect("a tensor");
        change(shape, values);
    });
}

const EXTRACTIONS: &[Case] = &[
    (
        "another shape",
        |f| {
            edit(f, PROJECTION, |shape, values| {
                *shape = vec![8, 16];
                values.truncate(128);
            });
        },
        EXTRACT,
        &["tuned-0", PROJECTION, "[8, 16]", "[16, 16]"],
    ),
    (
        "another type of numbers",
        |f| halve(f, WEIGHTS),
        EXTRACT,
        &["tuned-0", "F16", "F32"],
    ),
    (
        "a tensor missing",
        |f| f.edit_tensors(WEIGHTS, |t| drop(t.remove(PROJECTION))),
        EXTRACT,
        &["tuned-0", PROJECTION, "missing"],
    ),
    (
        "no change at all",
        |f| f.write(WEIGHTS, f.read("base/model.safetensors")),
        EXTRACT,
        &["all zero"],
    ),
    (
        "NaN",
        |f| edit(f, PROJECTION, |_, values| values[7] = f32::NAN),
        EXTRACT,
        &["tuned-0", PROJECTION, "NaN"],
    ),
    (
        "infinity",
        |f| edit(f, PROJECTION, |_, values| values[7] = f32::INFINITY),
        "extract --base {}/base --tuned {}/tuned-0 --rank 4 --prune 0.4 --out {}/out/a",
        &["tuned-0", PROJECTION, "infinite"],
    ),
    (
        "rank 0",
        |_| (),
        "extract --base {}/base --tuned {}/tuned-0 --rank 0 --out {}/out/a",
        &["--rank", "0"],
    ),
    (
        "a rank above the smaller side",
        |_| (),
        "extract --base {}/base --tuned {}/tuned-0 --rank 17 --out {}/out/a",
        &["--rank", "17", "16"],
    ),
    (
        "all of it pruned",
        |_| (),
        "extract --base {}/base --tuned {}/tuned-0 --rank 4 --prune 1 --out {}/out/a",
        &["--prune", "1"],
    ),
    (
        "a negative factor",
        |_| (),
        "extract --base {}/base --tuned {}/tuned-0 --rank 4 --rescale -2 --out {}/out/a",
        &["--rescale", "-2"],
    ),
    (
        "a base that is not there",
        |_| (),
        "extract --base {}/none --tuned {}/tuned-0 --rank 4 --out {}/out/a",
        &["none"],
    ),
    (
        "an output that is there already",
        |_| (),
        "extract --base {}/base --tuned {}/tuned-0 --rank 4 --out {}/experts",
        &["experts", "already"],
    ),
    (
        "an output in a folder that is not there",
        |_| (),
        "extract --base {}/base --tuned {}/tuned-0 --rank 4 --out {}/out/none/a",
        &["none"],
    ),
];

/// Stores the same numbers in 16 bits.
fn halve(fixture: &Fixture, file: &str) {
    use safetensors::tensor::{Dtype, TensorView};
    let tensors = read_tensors(&fixture.join(file));
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, (shape, values))| (name, shape, vec![0; 2 * values.len()]))
        .collect();
    let views = bytes.iter().map(|(name, shape, data)| {
        let view = TensorView::new(Dtype::F16, shape.clone(), data);
        (name.as_str(), view.expect("shape and bytes agree"))
    });
    fixture.write(
        file,
        safetensors::serialize(views, None).expect("sound tensors"),
    );
}

const MERGES: &[Case] = &[
    (
        "a weight too few",
        |_| (),
        "merge --method linear --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights 0.5 --out {}/out/m.safetensors",
        &["--weights", "1", "2"],
    ),
    (
        "weights all zero",
        |_| (),
        "merge --method linear --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights 0,0 --out {}/out/m.safetensors",
        &["--weights", "zero"],
    ),
    (
        "a negative weight",
        |_| (),
        "merge --method linear --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights -1,2 --out {}/out/m.safetensors",
        &["--weights", "-1"],
    ),
    (
        "a density of 0",
        |_| (),
        "merge --method ties --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights 1,1 --density 0 --out {}/out/m.safetensors",
        &["--density", "0"],
    ),
    (
        "a density above 1",
        |_| (),
        "merge --method pcb --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights 1,1 --density 1.1 --out {}/out/m.safetensors",
        &["--density", "1.1"],
    ),
    (
        "other names",
        |f| f.edit_tensors("vectors-1.safetensors", |t| drop(t.pop_first())),
        MERGE,
        &["vectors-1", "model.layers.0", "equal names"],
    ),
    (
        "other shapes",
        |f| {
            f.edit_tensors("vectors-1.safetensors", |t| {
                t.get_mut(PROJECTION).expect("a tensor").0 = vec![8, 32];
            });
        },
        MERGE,
        &["vectors-1", PROJECTION, "[8, 32]", "[16, 16]"],
    ),
    (
        "a source of zeros",
        |f| {
            f.edit_tensors("vectors-1.safetensors", |t| {
                for (_, values) in t.values_mut() {
                    values.fill(0.0);
                }
            });
        },
        MERGE,
        &["vectors-1", "all-zero"],
    ),
    (
        "NaN",
        |f| {
            f.edit_tensors("vectors-1.safetensors", |t| {
                t.get_mut(PROJECTION).expect("a tensor").1[3] = f32::NAN;
            });
        },
        MERGE,
        &["vectors-1", PROJECTION, "NaN"],
    ),
    (
        "a fine-tune without its base",
        |_| (),
        "merge --method linear --input {}/tuned-0 --input {}/tuned-1 --weights 1,1 --out {}/out/m.safetensors",
        &["tuned-0", "--base"],
    ),
    (
        "a dense merge into an adapter without a rank",
        |_| (),
        "merge --method ties --input {}/experts/helpful --input {}/experts/humor --weights 1,1 --out {}/out/m",
        &["--rank"],
    ),
    (
        "a soup of unequal ranks",
        |_| (),
        "merge --method soup --input {}/experts/helpful --input {}/experts/humor --weights 1,1 --out {}/out/m",
        &["humor", "rank 4", "2"],
    ),
    (
        "a soup of task vectors",
        |_| (),
        "merge --method soup --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights 1,1 --out {}/out/m",
        &["vectors-0", "LoRA"],
    ),
    (
        "a frequency beyond the highest",
        |_| (),
        "merge --method fourier --input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --weights 1,1 --cutoff 0.7 --out {}/out/m.safetensors",
        &["--cutoff", "0.7"],
    ),
];

const OTHERS: &[Case] = &[
    (
        "ranks that cannot be paired",
        |_| (),
        "dependence --a {}/experts/helpful --b {}/experts/harmless --measure hsic-released",
        &["harmless", "rank 3", "2"],
    ),
    (
        "no module in common",
        |f| {
            f.edit_tensors("experts/harmless/adapter_model.safetensors", |tensors| {
                let renamed =
                    |(name, tensor): (String, _)| (name.replace("layers.", "layers.9"), tensor);
                *tensors = std::mem::take(tensors).into_iter().map(renamed).collect();
            });
        },
        DEPENDENCE,
        &["harmless", "no module"],
    ),
    (
        "no adapter",
        |_| (),
        "dependence --a {}/experts/helpful --b {}/base --measure cosine",
        &["base", "adapter_config.json"],
    ),
    (
        "a DoRA adapter",
        |f| {
            f.edit_json("experts/harmless/adapter_config.json", |c| {
                c["use_dora"] = json!(true)
            })
        },
        DEPENDENCE,
        &["harmless", "lora_magnitude_vector"],
    ),
    (
        "a weight too many",
        |_| (),
        "export --bundle {} --weights 1,1,1,1 --out {}/out/e",
        &["--weights", "4", "3"],
    ),
    (
        "weights that leave nothing",
        |_| (),
        "export --bundle {} --weights 0,0,0 --out {}/out/e",
        &["--weights"],
    ),
    (
        "a place with a router in it",
        |_| (),
        "export --bundle {} --preference 1,1,1 --out {}/out/e",
        &["--preference", "router", "centre"],
    ),
    (
        "a recipe that is not there",
        |_| (),
        "bundle build {}/none.toml --out {}/out/b",
        &["none.toml"],
    ),
    (
        "a recipe that names what there is not",
        |f| {
            f.write(
                "r.toml",
                "name = \"x\"\nbase = \"base\"\nfrobnicate = 1\nobjectives = []\n",
            )
        },
        "bundle build {}/r.toml --out {}/out/b",
        &["r.toml", "frobnicate"],
    ),
    (
        "two experts at one place",
        |f| {
            f.write(
                "r.toml",
                recipe("merged = [{name = \"m\", preference = [1, 0, 0]}]"),
            )
        },
        "bundle build {}/r.toml --out {}/out/b",
        &["m"],
    ),
    (
        "an expert's name that is a path",
        |f| {
            f.write(
                "r.toml",
                recipe("merged = [{name = \"../m\", preference = [1, 1, 0]}]"),
            )
        },
        "bundle build {}/r.toml --out {}/out/b",
        &["../m"],
    ),
    (
        "a recipe with too many numbers",
        |f| {
            f.write(
                "r.toml",
                recipe("merged = [{name = \"m\", preference = [1, 1]}]"),
            )
        },
        "bundle build {}/r.toml --out {}/out/b",
        &["merged[0].preference", "2", "3"],
    ),
];

/// Three fine-tunes of one base; `more` goes before the objectives.
fn recipe(more: &str) -> String {
    let mut text = format!("name = \"made\"\nbase = \"base\"\nrank = 4\n{more}\n");
    for (index, name) in OBJECTIVES.iter().enumerate() {
        text += &format!("[[objectives]]\nname = \"{name}\"\nsource = \"tuned-{index}\"\n");
    }
    text
}

fn check(cases: &[Case]) {
    for (name, spoil, command, words) in cases {
        let fixture = fixture();
        spoil(&fixture);
        let before = fixture.state();
        let outcome = run(&fixture, command);
        let context = format!("{name}: status {:?}, {}", outcome.status, outcome.stderr);
        assert_eq!(outcome.status, Some(2), "{context}");
        assert!(outcome.stdout.is_empty(), "{context} {}", outcome.stdout);
        let errors: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{context}");
        for word in *words {
            assert!(errors[0].contains(word), "{context} lacks `{word}`");
        }
        assert!(before == fixture.state(), "{context}: a file changed");
        let left = std::fs::read_dir(fixture.join("out"))
            .expect("a folder")
            .count();
        assert_eq!(left, 0, "{context}: something was left");
    }
}

#[test]
fn bad_extractions_are_refused() {
    check(EXTRACTIONS);
}

#[test]
fn bad_merges_are_refused() {
    check(MERGES);
}

#[test]
fn bad_measurements_exports_and_recipes_are_refused() {
    check(OTHERS);
}

fn load(folder: &Path) -> Bundle {
    Bundle::load(folder, &LoadOptions::default(), &mut |_, _| Ok(())).expect("a sound bundle")
}

#[test]
fn a_recipe_of_fine_tunes_makes_a_bundle_that_opens_with_its_merge_in_place() {
    let fixture = fixture();
    let places = "merged = [{name = \"both\", preference = [1, 1, 0], method = \"ties\"}, {name = \"all\", preference = [1, 1, 2]}]";
    fixture.write("r.toml", recipe(places));
    let outcome = run(&fixture, "bundle build {}/r.toml --out {}/out/made");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let bundle = load(&fixture.out("made"));
    let names: Vec<&str> = bundle
        .info
        .experts
        .iter()
        .map(|e| e.name.as_str())
        .collect();
    assert_eq!(names, ["helpful", "harmless", "humor", "both", "all"]);
    assert!(
        bundle.info.warnings.is_empty(),
        "{:?}",
        bundle.info.warnings
    );
    for adapter in &bundle.info.expert_files {
        assert!(adapter.matched == 14 && adapter.rank <= 4, "{adapter:?}");
        assert!(adapter.effect.is_some_and(|effect| effect > 1e-6));
    }
    let route = |preference: &str| {
        let command = format!("route --bundle {{}}/out/made --preference {preference}");
        run(&fixture, &command).lines().remove(0)["experts"].clone()
    };
    // At its own place a merged expert stands alone.
    for (name, preference) in [("both", "1,1,0"), ("all", "0.25,0.25,0.5")] {
        let experts = route(preference);
        assert_eq!(experts.as_array().map(Vec::len), Some(1), "{experts}");
        assert_eq!(
            (&experts[0]["name"], &experts[0]["weight"]),
            (&json!(name), &json!(1.0))
        );
    }
    let made: Value = serde_json::from_slice(&fixture.read("out/made/experts/all/provenance.json"))
        .expect("how it was made");
    assert_eq!(made["settings"]["source"]["merge"]["method"], "pcb");
    assert!(
        made["inputs"]
            .as_object()
            .is_some_and(|files| files.len() == 4),
        "{made}"
    );

    let checked = run(&fixture, "bundle check {}/out/made");
    assert_eq!(checked.status, Some(0), "{}", checked.stderr);
    let said = checked.lines().remove(0);
    assert!(
        said["memory"]["weights_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 0)
    );
    let again = run(&fixture, "bundle build {}/r.toml --out {}/out/made");
    assert_eq!(again.status, Some(2), "what is there is not written over");
}

#[test]
fn a_recipe_of_adapters_takes_them_as_they_are() {
    let fixture = fixture();
    let mut text = "name = \"made\"\nbase = \"base\"\nrank = 8\nmerged = [{name = \"m\", preference = [1, 1, 1], method = \"linear\"}]\n".to_owned();
    for name in OBJECTIVES {
        text += &format!("[[objectives]]\nname = \"{name}\"\nsource = \"experts/{name}\"\n");
    }
    fixture.write("r.toml", text);
    let outcome = run(&fixture, "bundle build {}/r.toml --out {}/out/made");
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    // The bundle's corners say what the adapters said.
    let logits = |bundle: &str, out: &str| {
        let command = format!(
            "logits --bundle {bundle} --preference 0,1,0 --tokens 5,6,7,80 --out {{}}/out/{out}"
        );
        let outcome = run(&fixture, &command);
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        read_tensors(&fixture.out(out))
            .remove("logits")
            .expect("logits")
            .1
    };
    let (ours, theirs) = (logits("{}/out/made", "a"), logits("{}", "b"));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-4, "{a}, not {b}");
    }
}

#[test]
fn an_export_says_what_the_mixture_says() {
    let fixture = fixture();
    let outcome = run(
        &fixture,
        "export --bundle {} --weights 0.7,0,1.2 --out {}/out/one",
    );
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    std::fs::create_dir(fixture.out("alone")).expect("a writable folder");
    let manifest = json!({"format": 1, "name": "one", "base": "../../base", "objectives": [{"name": "o"}],
        "experts": [{"kind": "lora", "name": "one", "path": "../one", "preference": [1]}]});
    fixture.write("out/alone/bundle.json", manifest.to_string());
    let logits = |place: &str, out: &str| {
        let outcome = run(
            &fixture,
            &format!("logits {place} --tokens 5,6,7,80 --out {{}}/out/{out}"),
        );
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        read_tensors(&fixture.out(out))
            .remove("logits")
            .expect("logits")
            .1
    };
    let mixed = logits("--bundle {} --weights 0.7,0,1.2", "a");
    let alone = logits("--bundle {}/out/alone --preference 1", "b");
    for (a, b) in mixed.iter().zip(&alone) {
        assert!((a - b).abs() < 1e-4, "{a}, not {b}");
    }
}

#[test]
fn results_do_not_depend_on_threads_or_on_being_made_again() {
    let fixture = fixture();
    let made = |threads: &str, out: &str| {
        let folder = fixture.path().to_string_lossy();
        let command = format!(
            "extract --base {{}}/base --tuned {{}}/tuned-0 --rank 5 --prune 0.4 --out {{}}/out/{out}"
        );
        let status = std::process::Command::new(paretoscope_tests::program())
            .args(
                command
                    .split_whitespace()
                    .map(|word| word.replace("{}", &folder)),
            )
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .expect("the program runs")
            .status;
        assert!(status.success());
        let read = |file: &str| fixture.read(&format!("out/{out}/{file}"));
        (read("adapter_model.safetensors"), read("provenance.json"))
    };
    let first = made("1", "a");
    assert!(first == made("4", "b"), "one thread and four");
}
