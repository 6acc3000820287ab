//! Tokenizers of the common kinds, written in code.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::Tokenizer;

/// The character by which byte-level BPE writes each byte.
pub(crate) fn byte_characters() -> Vec<char> {
    let visible =
        |b: u32| (33..=126).contains(&b) || (161..=172).contains(&b) || (174..=255).contains(&b);
    let mut next = 255;
    (0..256u32)
        .map(|b| {
            let code = if visible(b) {
                b
            } else {
                next += 1;
                next
            };
            char::from_u32(code).unwrap()
        })
        .collect()
}

fn file(decoder: Value, model: Value, special: &[(&str, u32)]) -> Value {
    let added: Vec<Value> = special
        .iter()
        .map(|(content, id)| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}))
        .collect();
    json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": decoder, "model": model})
}

/// `<|end|>` is 0, byte b is 1 + b, then a few merged tokens.
pub(crate) fn byte_level() -> Value {
    let characters = byte_characters();
    let mut vocabulary = serde_json::Map::new();
    vocabulary.insert("<|end|>".to_owned(), json!(0));
    for (byte, c) in characters.iter().enumerate() {
        vocabulary.insert(c.to_string(), json!(byte + 1));
    }
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|&b| characters[b as usize])
            .collect::<String>()
    };
    let mut merges = Vec::new();
    for (left, right) in [
        (&b" "[..], &b"a"[..]),
        (b"t", b"h"),
        (b"th", b"e"),
        (b" ", b"the"),
        (b"\xF0", b"\x9F"),
        (b"\xE5", b"\x8F"),
    ] {
        merges.push(json!([word(left), word(right)]));
        let id = vocabulary.len();
        vocabulary.insert(word(left) + &word(right), json!(id));
    }
    let model = json!({"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocabulary, "merges": merges});
    let mut json = file(
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}),
        model,
        &[("<|end|>", 0)],
    );
    json["pre_tokenizer"] = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json
}

fn sentencepiece(decoder: Value) -> Value {
    let mut vocabulary = serde_json::Map::new();
    for special in ["<unk>", "<s>", "</s>"] {
        let id = vocabulary.len();
        vocabulary.insert(special.to_owned(), json!(id));
    }
    for byte in 0..256 {
        let mut name = String::new();
        write!(name, "<0x{byte:02X}>").unwrap();
        vocabulary.insert(name, json!(byte + 3));
    }
    for piece in ["▁", "a", "b", "é", "▁a", "▁▁", "ab", "▁the", "叫"] {
        let id = vocabulary.len();
        vocabulary.insert(piece.to_owned(), json!(id));
    }
    let model = json!({"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": vocabulary,
        "merges": [["▁", "a"], ["▁", "▁"], ["a", "b"]]});
    let mut json = file(decoder, model, &[("<unk>", 0), ("<s>", 1), ("</s>", 2)]);
    json["normalizer"] = json!({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]});
    json["post_processor"] = json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "<s>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}});
    json
}

/// Llama 2's kind: byte fallback, and one leading space taken off.
pub(crate) fn byte_fallback() -> Value {
    sentencepiece(json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}))
}

/// Metaspace: the first token's space goes.
pub(crate) fn metaspace() -> Value {
    sentencepiece(
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}),
    )
}

/// WordPiece: spaces are put between words.
pub(crate) fn wordpiece() -> Value {
    let vocabulary: serde_json::Map<String, Value> = [
        "[UNK]", "[CLS]", "[SEP]", "the", "cat", "##s", ".", ",", "do", "n't", "'s", "é",
    ]
    .iter()
    .enumerate()
    .map(|(id, token)| ((*token).to_owned(), json!(id)))
    .collect();
    let model = json!({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary});
    file(
        json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        model,
        &[("[UNK]", 0), ("[CLS]", 1), ("[SEP]", 2)],
    )
}

/// Loads a tokenizer from JSON through a folder on disk.
pub(crate) fn load(tokenizer: &Value) -> Tokenizer {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), tokenizer);
    Tokenizer::load(folder.path()).unwrap()
}

/// Puts `tokenizer.json` into a folder.
pub(crate) fn write(folder: &Path, tokenizer: &Value) {
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}
