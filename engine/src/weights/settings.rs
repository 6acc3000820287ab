//! The small files beside a model that decide, with its weights, what it answers.

use std::path::Path;

use super::Digest;
use super::gguf::{self, Gguf};
use crate::Result;
use crate::files;

/// Every file that a model's folder may hold beside its weights and that is read here.
pub const SETTINGS: &[&str] = &[
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/default.jinja",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "paretoscope_reading.json",
];

/// SHA-256 over names and bytes of a model's configuration, tokenizer, templates and end tokens, as far as they are
/// there: answers depend on them as on the weights. A field that is never read counts as well: rows are then made
/// once more, which costs time but never a wrong figure.
pub fn settings_digest(folder: &Path) -> Result<String> {
    let mut digest = Digest::default();
    if gguf::is_gguf(folder) {
        // Its fields are in the order of their names, and their debug form holds all of them.
        let fields = format!("{:?}", Gguf::open(folder)?.fields());
        digest.note(fields.as_bytes());
        return Ok(digest.hex());
    }
    for name in SETTINGS {
        let path = folder.join(name);
        if path.exists() {
            let bytes = files::read_bytes(&path, files::TOKENIZER)?;
            digest.note(&(name.len() as u64).to_le_bytes());
            digest.note(name.as_bytes());
            digest.note(&(bytes.len() as u64).to_le_bytes());
            digest.note(&bytes);
        }
    }
    Ok(digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_bears_on_an_answer_changes_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = vec![settings_digest(folder.path()).unwrap()];
        std::fs::create_dir(folder.path().join("additional_chat_templates")).unwrap();
        for name in SETTINGS {
            std::fs::write(folder.path().join(name), b"a").unwrap();
            seen.push(settings_digest(folder.path()).unwrap());
        }
        std::fs::write(folder.path().join("config.json"), b"b").unwrap();
        seen.push(settings_digest(folder.path()).unwrap());
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len());
        std::fs::write(folder.path().join("README.md"), b"no matter").unwrap();
        assert_eq!(
            settings_digest(folder.path()).unwrap(),
            seen[seen.len() - 1]
        );
    }
}
