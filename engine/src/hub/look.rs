//! A name → what of it is here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::cache::Cache;
use super::id::{HubId, is_commit, is_path};
use super::needed::several;
use crate::files::read_text_if_there;
use crate::weights::read_json;
use crate::{Error, Result};

/// Weights in one file or in shards that an index names, the first kind that is there.
pub(super) const WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "pytorch_model.bin",
    "adapter_model.safetensors",
    "adapter_model.bin",
];

/// What of a model is in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// All that is needed: the snapshot's folder, or the GGUF file in it.
    Here(PathBuf),
    /// Not all: what is missing, in words.
    Missing(String),
}

impl Cache {
    /// What of a model is here. Fails where the cache holds what cannot be, or the name is not one file's and should be.
    pub fn look(&self, id: &HubId) -> Result<Look> {
        let missing = |what: String| Ok(Look::Missing(what));
        let repo = self.repo(id);
        if !repo.is_dir() {
            return missing(format!("{} holds no {}", self.root().display(), id.repo()));
        }
        let Some(commit) = self.commit(id)? else {
            return missing(format!("no revision `{}` of it is here", id.revision()));
        };
        let snapshot = self.snapshot(id, &commit);
        if !snapshot.is_dir() {
            return missing(format!("no file of its commit {commit} is here"));
        }
        if let Some(file) = id.file() {
            let path = snapshot.join(file);
            return Ok(if path.is_file() {
                Look::Here(path)
            } else {
                Look::Missing(format!("{file} is missing"))
            });
        }
        if snapshot.join("bundle.json").is_file() {
            return Ok(Look::Here(snapshot));
        }
        let settings = ["config.json", "adapter_config.json"];
        if !settings.iter().any(|name| snapshot.join(name).is_file()) {
            return gguf(id, &snapshot);
        }
        Ok(match lacking(&snapshot)? {
            None => Look::Here(snapshot),
            Some(file) => Look::Missing(format!("{file} is missing")),
        })
    }

    /// The commit that a name's revision is here.
    fn commit(&self, id: &HubId) -> Result<Option<String>> {
        if is_commit(id.revision()) {
            return Ok(Some(id.revision().to_owned()));
        }
        let path = self.reference(id);
        let Some(text) = read_text_if_there(&path, 1024)? else {
            return Ok(None);
        };
        let commit = text.trim();
        if !is_commit(commit) {
            let problem = "should hold a commit, 40 hexadecimal digits; remove the file and fetch the model again";
            return Err(Error::file(&path, problem));
        }
        Ok(Some(commit.to_owned()))
    }
}

/// The only GGUF file of a snapshot that is no folder of Hugging Face's layout; of one in parts the first.
fn gguf(id: &HubId, snapshot: &Path) -> Result<Look> {
    let entries = std::fs::read_dir(snapshot).map_err(Error::io("read", snapshot))?;
    let mut found: Vec<String> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("read", snapshot))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link whose file is gone is not here.
        if name.to_ascii_lowercase().ends_with(".gguf") && entry.path().is_file() {
            found.push(name);
        }
    }
    found.sort();
    match &found[..] {
        [] => Ok(Look::Missing("config.json is missing".to_owned())),
        [first, rest @ ..] if rest.iter().all(|name| is_part_of(name, first)) => {
            Ok(Look::Here(snapshot.join(first)))
        }
        _ => Err(several(id, found.iter().map(String::as_str))),
    }
}

/// Whether a file is a later part of the one that begins with `first`: `x-00001-of-00003.gguf`.
pub(super) fn is_part_of(name: &str, first: &str) -> bool {
    let stem = |name: &str| {
        let (rest, all) = name.rsplit_once("-of-")?;
        let (stem, _number) = rest.rsplit_once('-')?;
        Some(format!("{stem} of {all}"))
    };
    stem(name).is_some_and(|of| stem(first) == Some(of))
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The first file of a model's weights that is not there; `None` where all are.
fn lacking(snapshot: &Path) -> Result<Option<String>> {
    for name in WEIGHTS {
        if snapshot.join(name).is_file() {
            return Ok(None);
        }
        let index = snapshot.join(format!("{name}.index.json"));
        if !index.is_file() {
            continue;
        }
        let shards: Index = read_json(&index)?;
        let mut shards: Vec<String> = shards.weight_map.into_values().collect();
        shards.sort();
        shards.dedup();
        if let Some(wrong) = shards.iter().find(|shard| !is_path(shard)) {
            let problem = format!("`{wrong}` is no name of a file beside it");
            return Err(Error::field(&index, "weight_map", problem));
        }
        return Ok(shards
            .into_iter()
            .find(|shard| !snapshot.join(shard).is_file()));
    }
    Ok(Some(WEIGHTS[0].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    /// A cache by hand with these files of `org/name` at `main`.
    fn cache(files: &[(&str, &str)]) -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let repo = folder.path().join("models--org--name");
        let snapshot = repo.join("snapshots").join(COMMIT);
        std::fs::create_dir_all(repo.join("refs")).unwrap();
        std::fs::create_dir_all(repo.join("blobs")).unwrap();
        std::fs::create_dir_all(&snapshot).unwrap();
        std::fs::write(repo.join("refs/main"), COMMIT).unwrap();
        for (index, (name, text)) in files.iter().enumerate() {
            let blob = repo.join("blobs").join(format!("etag{index}"));
            std::fs::write(&blob, text).unwrap();
            #[cfg(unix)]
            std::os::unix::fs::symlink(format!("../../blobs/etag{index}"), snapshot.join(name))
                .unwrap();
            #[cfg(not(unix))]
            std::fs::copy(&blob, snapshot.join(name)).unwrap();
        }
        (folder, cache)
    }

    fn look(cache: &Cache, id: &str) -> Result<Look> {
        cache.look(&id.parse().unwrap())
    }

    fn missing(cache: &Cache, id: &str) -> String {
        match look(cache, id).unwrap() {
            Look::Missing(what) => what,
            Look::Here(place) => panic!("{} is here", place.display()),
        }
    }

    #[test]
    fn a_whole_model_is_found_by_every_name_of_it() {
        let (_folder, cache) = cache(&[("config.json", "{}"), ("model.safetensors", "w")]);
        let here = cache.snapshot(&"org/name".parse().unwrap(), COMMIT);
        for id in ["org/name".to_owned(), format!("org/name@{COMMIT}")] {
            assert_eq!(look(&cache, &id).unwrap(), Look::Here(here.clone()));
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let (_folder, only) = cache(&[("config.json", "{}")]);
        assert!(missing(&only, "org/name").contains("model.safetensors"));
        assert!(missing(&only, "org/other").contains("holds no org/other"));
        assert!(missing(&only, "org/name@v2").contains("`v2`"));
        assert!(missing(&only, "org/name/a.gguf").contains("a.gguf"));
        let other = "f".repeat(40);
        assert!(missing(&only, &format!("org/name@{other}")).contains(&other));
        let index = r#"{"weight_map": {"a": "x-1.safetensors", "b": "x-2.safetensors"}}"#;
        let (folder, shards) = cache(&[
            ("config.json", "{}"),
            ("model.safetensors.index.json", index),
            ("x-1.safetensors", "w"),
            ("x-2.safetensors", "w"),
        ]);
        assert!(matches!(look(&shards, "org/name").unwrap(), Look::Here(_)));
        // A link whose file is gone.
        std::fs::remove_file(folder.path().join("models--org--name/blobs/etag3")).unwrap();
        #[cfg(unix)]
        assert!(missing(&shards, "org/name").contains("x-2.safetensors"));
    }

    #[test]
    fn one_gguf_is_a_model_and_several_must_be_told_apart() {
        let (_folder, one) = cache(&[("m.gguf", "G")]);
        match look(&one, "org/name").unwrap() {
            Look::Here(place) => assert!(place.ends_with("m.gguf")),
            Look::Missing(what) => panic!("{what}"),
        }
        let (_folder, parts) = cache(&[
            ("m-00001-of-00002.gguf", "G"),
            ("m-00002-of-00002.gguf", "G"),
        ]);
        match look(&parts, "org/name").unwrap() {
            Look::Here(place) => assert!(place.ends_with("m-00001-of-00002.gguf")),
            Look::Missing(what) => panic!("{what}"),
        }
        let (_folder, two) = cache(&[("m-Q4.gguf", "G"), ("m-Q8.gguf", "G")]);
        let said = look(&two, "org/name").unwrap_err().to_string();
        assert!(said.contains("org/name/m-Q8.gguf"), "{said}");
        assert!(matches!(
            look(&two, "org/name/m-Q8.gguf").unwrap(),
            Look::Here(_)
        ));
    }

    #[test]
    fn a_cache_that_leads_elsewhere_is_refused() {
        let (folder, cache) = cache(&[
            ("config.json", "{}"),
            (
                "model.safetensors.index.json",
                r#"{"weight_map": {"a": "../../../../etc/passwd"}}"#,
            ),
        ]);
        let said = look(&cache, "org/name").unwrap_err().to_string();
        assert!(said.contains("weight_map"), "{said}");
        let reference = folder.path().join("models--org--name/refs/main");
        std::fs::write(&reference, "../../elsewhere").unwrap();
        let said = look(&cache, "org/name").unwrap_err().to_string();
        assert!(said.contains("40 hexadecimal"), "{said}");
    }
}
