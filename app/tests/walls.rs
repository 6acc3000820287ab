//! The walls between the window's modules, read from the sources.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read the sources has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up; a module may use its own layer and the ones below it. State and commands know no view, and no
/// view is known but by the window around it.
const LAYERS: &[&[&str]] = &[
    &["bridge", "gpu", "locate", "start_clock", "state", "tasks"],
    &["command", "theme"],
    &["plot", "registry"],
    &["apply", "keys", "widgets"],
    &["view"],
    &["app"],
    &["window"],
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Modules that code names by `crate::module` or `crate::{module, ...}`.
fn named(code: &str) -> Vec<&str> {
    let ends = |c: char| !c.is_alphanumeric() && c != '_';
    let name = |text: &str| text.find(ends).unwrap_or(text.len());
    let mut names = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            names.push(&after[..name(after)]);
            continue;
        };
        let (mut depth, mut from) = (1, Some(0));
        for (at, c) in list.char_indices() {
            if let Some(start) = from.filter(|_| !c.is_whitespace()) {
                let first = list[start..].trim_start();
                names.push(&first[..name(first)]);
                from = None;
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => from = Some(at + 1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

#[test]
fn names_are_found_in_braces_and_without() {
    let code = "use crate::{Error, view::{self, point}, plot};\nlet x = crate::state::Front;";
    assert_eq!(named(code), ["Error", "view", "plot", "state"]);
}

#[test]
fn nothing_imports_upward() {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 10, "hardly any sources: is the path right?");
    let mut wrong = Vec::new();
    for path in files {
        let inside = path.strip_prefix(&root).unwrap();
        let first = inside.components().next().unwrap().as_os_str();
        let own = first.to_string_lossy().trim_end_matches(".rs").to_owned();
        let Some(own_layer) = layer(&own) else {
            assert!(
                own == "lib" || own == "main",
                "{own} stands in no layer: give it one in this test"
            );
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for used in named(&code.join("\n")) {
            if layer(used).is_some_and(|layer| layer > own_layer) {
                wrong.push(format!("{}: crate::{used}", inside.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these import upward:\n{}",
        wrong.join("\n")
    );
}
