//! A byte-level tokenizer: `<s>` is 0, `</s>` is 1, byte `b` is `b + 2`, and a few merged tokens.

use serde_json::{Value, json};

/// The special tokens, `<s>` first.
pub const CONTROL: [&str; 2] = ["<s>", "</s>"];

/// The id of a byte.
pub fn id_of(byte: u8) -> u32 {
    u32::from(byte) + CONTROL.len() as u32
}

/// `tokenizer.json`. A text is preceded by `<s>`, as in Llama; so is each text of a pair's first.
pub fn byte_level() -> Value {
    let visible =
        |b: u32| (33..=126).contains(&b) || (161..=172).contains(&b) || (174..=255).contains(&b);
    let mut next = 255;
    let mut vocabulary = serde_json::Map::new();
    for (id, token) in CONTROL.iter().enumerate() {
        vocabulary.insert((*token).to_owned(), json!(id));
    }
    for byte in 0..256u32 {
        next += u32::from(!visible(byte));
        let code = if visible(byte) { byte } else { next };
        let character = char::from_u32(code).expect("below the surrogates");
        vocabulary.insert(character.to_string(), json!(id_of(byte as u8)));
    }
    let mut merges = Vec::new();
    for (left, right) in [
        ("t", "h"),
        ("th", "e"),
        ("i", "n"),
        ("Ġ", "the"),
        ("e", "r"),
    ] {
        let id = vocabulary.len();
        vocabulary.insert(format!("{left}{right}"), json!(id));
        merges.push(json!([left, right]));
    }
    let added: Vec<Value> = CONTROL
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true})
        })
        .collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": byte_level, "decoder": byte_level,
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": merges},
    })
}
