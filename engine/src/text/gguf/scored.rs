//! SentencePiece BPE (`llama`): of all neighbours whose union is a token, those with the highest score are joined
//! first; a character that is no token falls back to its bytes.
//!
//! This is BPE whose merges are ordered by the score of their union, as transformers converts these models.
//! It is not the Unigram model, which cuts the same texts otherwise.

use std::cmp::Reverse;

use serde_json::json;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::{DecoderWrapper, NormalizerWrapper, Tokenizer};

use super::byte_level::MERGES;
use super::fields::{Fields, Kind, Tokens};
use crate::Result;

/// The longest token that is put together from others, in bytes; the longest known has 93. What is longer would make
/// the search for its parts long.
const LONGEST: usize = 256;

/// The tokenizer without its whole tokens.
pub(super) fn build(
    fields: &Fields<'_>,
    tokens: &Tokens<'_>,
    unknown: Option<u32>,
) -> Result<Tokenizer> {
    let prefix = fields
        .flag("tokenizer.ggml.add_space_prefix")?
        .unwrap_or(true);
    let unknown = unknown.or_else(|| {
        let first = tokens
            .iter()
            .find(|&(id, _)| tokens.kind(id) == Kind::Unknown);
        first.map(|(id, _)| id)
    });
    check_bytes(fields, tokens, unknown)?;
    let vocabulary: Vocab = tokens
        .iter()
        .map(|(id, text)| (text.to_owned(), id))
        .collect();
    let mut builder = BPE::builder()
        .vocab_and_merges(vocabulary, merges(fields, tokens)?)
        .byte_fallback(true)
        .fuse_unk(true);
    if let Some(id) = unknown {
        builder = builder.unk_token(tokens.text(id).to_owned());
    }
    let model = builder
        .build()
        .map_err(|e| fields.wrong("tokenizer.ggml.tokens", format!("are no BPE: {e}")))?;
    let mut tokenizer = Tokenizer::new(model);
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let back = json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "});
    let (bytes, join) = (json!({"type": "ByteFallback"}), json!({"type": "Fuse"}));
    let (normalizers, decoders) = if prefix {
        let first = json!({"type": "Prepend", "prepend": "▁"});
        let strip = json!({"type": "Strip", "content": " ", "start": 1, "stop": 0});
        (json!([first, spaces]), json!([back, bytes, join, strip]))
    } else {
        (json!([spaces]), json!([back, bytes, join]))
    };
    let normalizer: NormalizerWrapper =
        fields.part(json!({"type": "Sequence", "normalizers": normalizers}))?;
    tokenizer
        .with_normalizer(Some(normalizer))
        .map_err(|e| fields.wrong("tokenizer.ggml.add_space_prefix", e.to_string()))?;
    let decoder: DecoderWrapper = fields.part(json!({"type": "Sequence", "decoders": decoders}))?;
    tokenizer.with_decoder(Some(decoder));
    Ok(tokenizer)
}

/// Byte tokens are `<0x00>` to `<0xFF>`. All 256 are there, or else a token for what is unknown.
fn check_bytes(fields: &Fields<'_>, tokens: &Tokens<'_>, unknown: Option<u32>) -> Result<()> {
    let written = |byte: u8| format!("<0x{byte:02X}>");
    for (id, text) in tokens
        .iter()
        .filter(|&(id, _)| tokens.kind(id) == Kind::Byte)
    {
        let byte = text
            .get(3..5)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if byte.is_none_or(|byte| written(byte) != text) {
            return Err(fields.wrong(
                "tokenizer.ggml.tokens",
                format!(
                    "token {id} is a byte, but its text is `{text}`; expected `<0x00>` to `<0xFF>`"
                ),
            ));
        }
    }
    let missing = (0..=u8::MAX).find(|&byte| tokens.id(&written(byte)).is_none());
    match (missing, unknown) {
        (Some(byte), None) => Err(fields.wrong(
            "tokenizer.ggml.tokens",
            format!(
                "lacks `{}`, and there is no token for what is unknown",
                written(byte)
            ),
        )),
        _ => Ok(()),
    }
}

/// Every way to put a normal token together from two, by the score of the token: the highest first, and of equal ones
/// the longer left part, then the longer right part, as transformers orders them.
fn merges(fields: &Fields<'_>, tokens: &Tokens<'_>) -> Result<Merges> {
    const FIELD: &str = "tokenizer.ggml.scores";
    let Some(scores) = fields.numbers(FIELD)? else {
        return Err(fields.wrong(FIELD, "is absent, but a `llama` tokenizer needs it"));
    };
    fields.same_length(FIELD, scores.len(), tokens.len())?;
    if let Some(id) = scores.iter().position(|score| !score.is_finite()) {
        return Err(fields.wrong(FIELD, format!("is {} for token {id}", scores[id])));
    }
    let joins = |id: u32| matches!(tokens.kind(id), Kind::Normal | Kind::User);
    let mut found: Vec<(f64, &str, &str)> = Vec::new();
    for (id, text) in tokens
        .iter()
        .filter(|&(id, _)| tokens.kind(id) == Kind::Normal)
    {
        if text.len() > LONGEST {
            return Err(fields.wrong(
                "tokenizer.ggml.tokens",
                format!(
                    "token {id} has {} bytes; {LONGEST} at most are read",
                    text.len()
                ),
            ));
        }
        let mut ways: Vec<(u32, u32)> = Vec::new();
        for (at, _) in text.char_indices().skip(1) {
            let (left, right) = text.split_at(at);
            if let (Some(left), Some(right)) = (tokens.id(left), tokens.id(right))
                && joins(left)
                && joins(right)
            {
                ways.push((left, right));
            }
        }
        ways.sort_unstable();
        if found.len() + ways.len() > MERGES {
            return Err(fields.wrong(
                "tokenizer.ggml.tokens",
                format!("can be put together in more than {MERGES} ways"),
            ));
        }
        let score = scores[id as usize];
        found.extend(
            ways.into_iter()
                .map(|(l, r)| (score, tokens.text(l), tokens.text(r))),
        );
    }
    // -0 counts as 0. Stable, so that what is equal in all of this stays in the order of ids.
    found.sort_by(|a, b| {
        let length = |text: &str| text.chars().count();
        (b.0 + 0.0)
            .total_cmp(&(a.0 + 0.0))
            .then_with(|| Reverse(length(a.1)).cmp(&Reverse(length(b.1))))
            .then_with(|| Reverse(length(a.2)).cmp(&Reverse(length(b.2))))
    });
    let pair = |(_, left, right): (f64, &str, &str)| (left.to_owned(), right.to_owned());
    Ok(found.into_iter().map(pair).collect())
}
