//! The walls that packages cannot hold, read from the sources.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read the sources has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

use paretoscope_tests::uses::{Names, Package, code};

/// Modules of the engine from the bottom up; a module may use its own layer and the ones below it.
const LAYERS: &[&[&str]] = &[
    &["digest", "error", "files"],
    &["device", "kernels", "lock", "output"],
    &["stage", "text", "weights"],
    &["mixture"],
    &["model"],
    &["reward"],
    &["bundle"],
    &["forge"],
    &["method"],
    &["generate"],
    &["sweep", "train"],
    &["evidence", "recipe", "search"],
    &["learn", "runtime"],
];

/// Modules of the window, likewise: state and commands know no view.
const WINDOW: &[&[&str]] = &[
    &[
        "bridge",
        "export",
        "gpu",
        "judge",
        "locate",
        "start_clock",
        "state",
        "study",
        "tasks",
    ],
    &["command", "keeper", "theme"],
    &["plot", "registry"],
    &["apply", "keys", "widgets"],
    &["view"],
    &["app"],
    &["window"],
];

/// Where each package's sources stand.
const SOURCES: [&str; 9] = [
    "app/src",
    "engine/cli/src",
    "engine/core/src",
    "engine/demo/src",
    "engine/figure/src",
    "engine/fuzz/src",
    "engine/judge/src",
    "engine/src",
    "tests/src",
];
/// Where tests stand that are no part of a package's sources.
const TESTS: [&str; 5] = [
    "app/tests",
    "engine/cli/tests",
    "engine/figure/tests",
    "engine/fuzz/tests",
    "tests/tests",
];

/// Files that may use each other in a circle: what two or three share is seen at a glance.
const MOST_IN_A_CIRCLE: usize = 3;

/// Larger circles that stand: the package, the module that holds them, how many files, and why.
const CIRCLES: &[(&str, &str, usize, &str)] = &[
    (
        "engine/src",
        "text::jinja",
        15,
        "values, expressions and filters of a language mean each other",
    ),
    (
        "engine/src",
        "forge::merge",
        6,
        "the methods are parts of one streamed merge",
    ),
];

/// Lines that a source file may have.
const MOST_LINES: usize = 620;

/// Lines that a file of tests may have: its cases are read one by one.
const MOST_TEST_LINES: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(
        !found.is_empty(),
        "{} has no sources: is the path right?",
        folder.display()
    );
    found
}

#[test]
fn the_window_meets_the_engine_in_its_main_file_alone() {
    for (path, text) in sources(&root().join("app")) {
        let code = code(&text);
        assert!(
            path.ends_with("src/main.rs") || !code.contains("paretoscope_engine"),
            "{} names the engine; what both need stands in engine/core",
            path.display()
        );
        // Its tests hold the sheet of judges to what a real one sends, to a server of their own.
        let test = path.starts_with(root().join("app/tests"));
        assert!(
            test || path.ends_with("src/main.rs") || !code.contains("paretoscope_judge"),
            "{} names the judge; what both need stands in engine/core",
            path.display()
        );
    }
}

/// `deny.toml` says which package may use a client of HTTP; nothing but this keeps bare sockets away from the others.
#[test]
fn only_the_judge_speaks_to_a_network() {
    for folder in SOURCES.iter().filter(|folder| !folder.contains("judge")) {
        for (path, text) in sources(&root().join(folder)) {
            let code = code(&text);
            for socket in ["TcpStream", "TcpListener", "UdpSocket", "ureq::"] {
                assert!(!code.contains(socket), "{} names {socket}", path.display());
            }
        }
    }
}

/// Packages hold the tensor library away from the window; nothing but this holds the window's toolkit away from the rest.
#[test]
fn only_the_window_depends_on_its_toolkit() {
    let manifests = [
        "engine",
        "engine/cli",
        "engine/core",
        "engine/demo",
        "engine/fuzz",
        "engine/judge",
    ];
    for folder in manifests {
        let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        for toolkit in ["egui", "eframe", "wgpu", "rfd"] {
            let named = text.lines().find(|line| line.starts_with(toolkit));
            assert_eq!(named, None, "{folder} depends on the window's toolkit");
        }
    }
}

/// A sweep is a plan, rows and scores: it needs no tensor.
#[test]
fn sweeps_name_no_tensors() {
    for (path, text) in sources(&root().join("engine/src")) {
        let sweep = path.components().any(|c| c.as_os_str() == "sweep");
        assert!(
            !sweep || !code(&text).contains("candle"),
            "{} names candle",
            path.display()
        );
    }
}

/// Imports that go upward in `layers`, of the package whose sources stand in `folder`.
fn upward(folder: &str, layers: &[&[&str]]) -> Vec<String> {
    let layer = |module: &str| layers.iter().position(|layer| layer.contains(&module));
    let package = Package::read(&root().join(folder));
    let mut wrong = Vec::new();
    for (module, paths) in package.uses() {
        let Some(own) = module.first() else {
            continue;
        };
        let Some(own_layer) = layer(own) else {
            panic!("{own} stands in no layer: give it one in this test");
        };
        let upward = |path: &&Names| {
            let used = path.first().and_then(|used| layer(used));
            used.is_some_and(|used| used > own_layer)
        };
        let named = paths.iter().filter(upward);
        wrong.extend(named.map(|path| format!("{}: {}", module.join("::"), path.join("::"))));
    }
    wrong
}

#[test]
fn nothing_imports_upward() {
    let mut wrong = upward("engine/src", LAYERS);
    wrong.extend(upward("app/src", WINDOW));
    assert!(
        wrong.is_empty(),
        "these import upward:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn files_form_no_circles() {
    let mut wrong = Vec::new();
    let mut found = Vec::new();
    for folder in SOURCES {
        for circle in Package::read(&root().join(folder)).circles() {
            let inside = |module: &str| {
                let module: Vec<&str> = module.split("::").collect();
                circle.iter().all(|file| {
                    file.iter().zip(&module).filter(|(a, b)| a == b).count() == module.len()
                })
            };
            let allowed = CIRCLES
                .iter()
                .position(|(package, module, ..)| *package == folder && inside(module))
                .filter(|_| circle.len() > MOST_IN_A_CIRCLE);
            if let Some(index) = allowed {
                found.push((index, circle.len()));
            } else if circle.len() > MOST_IN_A_CIRCLE {
                let names: Vec<String> = circle.iter().map(|file| file.join("::")).collect();
                wrong.push(format!("{folder}: {}", names.join(", ")));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these files use each other in a circle; move what they share into a file of its own:\n{}",
        wrong.join("\n")
    );
    // One that grew, shrank or is gone: its line says how large it is.
    let sizes = CIRCLES.iter().map(|(.., size, _)| *size).enumerate();
    found.sort_unstable();
    assert_eq!(found, sizes.collect::<Vec<_>>());
}

/// candle cuts a product for all cores, also in the pool of one thread that a worker has: its products are those of the
/// plain twins, and of a GPU.
#[test]
fn training_multiplies_on_its_own_threads() {
    let twins = [
        ("ops/attention_plain.rs", 2),
        ("ops/linear.rs", 1),
        ("ops/product.rs", 1),
    ];
    for (path, text) in sources(&root().join("engine/src/train")) {
        if path.iter().any(|part| part == "tests") || path.ends_with("tests.rs") {
            continue;
        }
        let twin = twins.iter().find(|(twin, _)| path.ends_with(twin));
        assert_eq!(
            code(&text).matches("matmul(").count(),
            twin.map_or(0, |(_, count)| *count),
            "{} multiplies by candle; `train::ops::product` stays on its thread",
            path.display()
        );
    }
}

#[test]
fn only_the_runtime_holds_channel_ends() {
    for (path, text) in sources(&root().join("engine/src")) {
        let allowed = path.components().any(|c| c.as_os_str() == "runtime");
        assert!(
            allowed || !code(&text).contains("crossbeam_channel"),
            "{} holds a channel",
            path.display()
        );
    }
}

#[test]
fn files_stay_short() {
    let sized = SOURCES.map(|folder| (folder, MOST_LINES)).into_iter();
    let sized = sized.chain(TESTS.map(|folder| (folder, MOST_TEST_LINES)));
    for (folder, most) in sized {
        for (path, text) in sources(&root().join(folder)) {
            let lines = text.lines().count();
            assert!(
                lines <= most,
                "{} has {lines} lines, and {most} are enough; split it",
                path.display()
            );
        }
    }
}

/// Read by itself, in an index or a tooltip, such a sentence says nothing.
#[test]
fn no_doc_leans_on_the_one_above_it() {
    for (path, text) in SOURCES
        .iter()
        .chain(&TESTS)
        .flat_map(|folder| sources(&root().join(folder)))
    {
        let leans = text.lines().position(|line| {
            let doc = line.trim_start().strip_prefix("///");
            doc.is_some_and(|doc| doc.trim_start().starts_with("The same"))
        });
        assert!(
            leans.is_none(),
            "{}:{}: begins with \"The same\"; say of what",
            path.display(),
            leans.unwrap_or(0) + 1
        );
    }
}
