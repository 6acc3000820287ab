//! The walls that packages cannot hold, read from the sources.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read the sources has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of the engine from the bottom up; a module may use its own layer and the ones below it.
const LAYERS: &[&[&str]] = &[
    &["device", "digest", "error", "files", "lock"],
    &["output", "stage", "text", "weights"],
    &["mixture", "model"],
    &["reward", "store"],
    &["bundle"],
    &["forge", "generate", "sweep", "train"],
    &["recipe"],
    &["runtime"],
];

/// Where each package's sources stand.
const SOURCES: [&str; 5] = [
    "app/src",
    "engine/cli/src",
    "engine/core/src",
    "engine/demo/src",
    "engine/src",
];
/// Lines that a source file may have.
const MOST_LINES: usize = 620;

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
        found.len() > 10,
        "{} has hardly any sources: is the path right?",
        folder.display()
    );
    found
}

/// Code before the unit tests, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn the_window_meets_the_engine_in_its_main_file_alone() {
    for (path, text) in sources(&root().join("app")) {
        assert!(
            path.ends_with("src/main.rs") || !code(&text).any(|l| l.contains("paretoscope_engine")),
            "{} names the engine; what both need stands in engine/core",
            path.display()
        );
    }
}

#[test]
fn nothing_in_the_engine_imports_upward() {
    let engine = root().join("engine/src");
    let mut wrong = Vec::new();
    for (path, text) in sources(&engine) {
        let inside = path.strip_prefix(&engine).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let own = first.trim_end_matches(".rs");
        let Some(own_layer) = layer(own) else {
            assert!(
                own == "lib",
                "{own} stands in no layer: give it one in this test"
            );
            continue;
        };
        for line in code(&text) {
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if layer(&used).is_some_and(|layer| layer > own_layer) {
                    wrong.push(format!("{}: {}", inside.display(), line.trim()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these import upward:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn only_the_runtime_holds_channel_ends() {
    for (path, text) in sources(&root().join("engine/src")) {
        let allowed = path.components().any(|c| c.as_os_str() == "runtime");
        assert!(
            allowed || !code(&text).any(|l| l.contains("crossbeam_channel")),
            "{} holds a channel",
            path.display()
        );
    }
}

#[test]
fn files_stay_short() {
    for folder in SOURCES {
        for (path, text) in sources(&root().join(folder)) {
            let lines = text.lines().count();
            assert!(
                lines <= MOST_LINES,
                "{} has {lines} lines; split it",
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
