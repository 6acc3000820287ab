//! The files of a repository → those that a model is loaded from, in the order in which they are brought.

use super::id::HubId;
use super::look::{WEIGHTS, is_part_of};
use crate::weights::SETTINGS;
use crate::{Error, Result};

/// What else is read beside weights and settings.
const BESIDE: [&str; 1] = ["adapter_config.json"];

/// Which of a repository's `files` are loaded: settings, then the weights of the first kind that is there, or a GGUF file. The
/// weights come last, so that a cache which has them has all. Fails where there is nothing to load, or several GGUF files.
pub fn needed(id: &HubId, files: &[String]) -> Result<Vec<String>> {
    let has = |name: &str| files.iter().any(|file| file == name);
    if let Some(file) = id.file() {
        if !has(file) {
            let problem = format!("there is no file {file} in {}", id.repo());
            return Err(Error::option(id.to_string(), problem));
        }
        return Ok(in_parts(file, files));
    }
    if has("bundle.json") {
        let mut all: Vec<String> = files.to_vec();
        // A bundle is seen as whole by its manifest.
        all.sort_by_key(|file| file == "bundle.json");
        return Ok(all);
    }
    if !has("config.json") && !has("adapter_config.json") {
        return gguf(id, files);
    }
    let settings = SETTINGS.iter().chain(&BESIDE).copied();
    let mut all: Vec<String> = settings
        .filter(|name| has(name))
        .map(str::to_owned)
        .collect();
    for name in WEIGHTS {
        let index = format!("{name}.index.json");
        if has(name) {
            all.push(name.to_owned());
            return Ok(all);
        }
        if has(&index) {
            let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
            let shard = |file: &&String| {
                let rest = file.strip_prefix(stem);
                rest.is_some_and(|rest| rest.starts_with('-') && rest.ends_with(ending))
            };
            all.push(index);
            all.extend(files.iter().filter(shard).cloned());
            return Ok(all);
        }
    }
    let problem =
        "holds no weights that are read: model.safetensors, its shards, or pytorch_model.bin";
    Err(Error::option(id.to_string(), problem))
}

/// The only GGUF file beside no others, with its parts.
fn gguf(id: &HubId, files: &[String]) -> Result<Vec<String>> {
    let is_gguf = |file: &&String| file.to_ascii_lowercase().ends_with(".gguf");
    let mut found: Vec<&String> = files.iter().filter(is_gguf).collect();
    found.sort();
    let Some(first) = found.first() else {
        let problem =
            "holds neither config.json nor a .gguf file, so it is no model that is read here";
        return Err(Error::option(id.to_string(), problem));
    };
    let parts = in_parts(first, files);
    if parts.len() < found.len() {
        return Err(several(id, found.iter().map(|file| file.as_str())));
    }
    Ok(parts)
}

/// Which of several GGUF files is meant must be said.
pub(super) fn several<'a>(id: &HubId, files: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<String> = files.map(|file| format!("{}/{file}", id.repo())).collect();
    let problem = format!("has several GGUF files; say which: {}", names.join(", "));
    Error::option(id.to_string(), problem)
}

/// A GGUF file with the others of its parts, in order.
fn in_parts(file: &str, files: &[String]) -> Vec<String> {
    let part = |other: &&String| *other == file || is_part_of(other, file);
    let mut parts: Vec<String> = files.iter().filter(part).cloned().collect();
    parts.sort();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, files: &[&str]) -> Result<Vec<String>> {
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        needed(&id.parse().unwrap(), &files)
    }

    #[test]
    fn settings_come_before_the_weights_of_one_kind() {
        let files = [
            "README.md",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "consolidated.safetensors",
            "pytorch_model.bin",
            "tokenizer.json",
            "config.json",
            "onnx/model.onnx",
        ];
        let wanted = [
            "config.json",
            "tokenizer.json",
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ];
        assert_eq!(of("o/n", &files).unwrap(), wanted);
        assert_eq!(
            of("o/n", &["pytorch_model.bin", "config.json"]).unwrap(),
            ["config.json", "pytorch_model.bin"]
        );
    }

    #[test]
    fn a_gguf_is_brought_with_its_parts_and_alone() {
        assert_eq!(of("o/n", &["a.gguf", "README.md"]).unwrap(), ["a.gguf"]);
        let parts = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"];
        assert_eq!(of("o/n", &parts).unwrap(), parts);
        let said = of("o/n", &["a.gguf", "b.gguf"]).unwrap_err().to_string();
        assert!(said.contains("o/n/a.gguf, o/n/b.gguf"), "{said}");
        assert_eq!(of("o/n/b.gguf", &["a.gguf", "b.gguf"]).unwrap(), ["b.gguf"]);
        for (id, files) in [
            ("o/n/c.gguf", &["a.gguf"][..]),
            ("o/n", &["README.md"]),
            ("o/n", &["config.json", "model.onnx"]),
        ] {
            assert!(of(id, files).unwrap_err().is_input(), "{files:?}");
        }
    }
}
