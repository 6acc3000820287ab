//! The tokenizer of a GGUF file, as its `tokenizer.ggml.*` fields say it.
//!
//! | `tokenizer.ggml.model` | kind | file |
//! |---|---|---|
//! | `gpt2` | byte-level BPE, cut by the rule that `tokenizer.ggml.pre` names | `byte_level` |
//! | `llama` | SentencePiece BPE with scores and byte fallback | `scored` |
//!
//! Both become the tokenizer that the model's `tokenizer.json` would give. Other kinds, rules that are not known by
//! name, and fields that do not fit each other are refused.

mod byte_level;
mod fields;
mod scored;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::{AddedToken, PostProcessorWrapper, Tokenizer};

use self::fields::{Fields, Kind, Tokens};
use super::template::ChatTemplate;
use crate::Result;
use crate::weights::gguf::GgufValue;

/// Texts of tokens that end an answer, whatever the file says of ids.
const ENDS: [&str; 7] = [
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|end_of_text|>",
    "<|endoftext|>",
];

/// What the fields of a file give.
pub(super) struct Parts {
    pub(super) tokenizer: Tokenizer,
    pub(super) byte_fallback: bool,
    pub(super) template: Option<ChatTemplate>,
    /// Tokens that end an answer, those that the file names first.
    pub(super) ends: Vec<u32>,
    /// `tokenizer.ggml.eos_token_id`.
    pub(super) eos: Option<u32>,
    /// Tokens of the vocabulary.
    pub(super) vocabulary: usize,
}

/// The tokenizer's own id for each purpose, checked against the vocabulary.
struct Named {
    bos: Option<u32>,
    eos: Option<u32>,
    eot: Option<u32>,
    eom: Option<u32>,
    unknown: Option<u32>,
    padding: Option<u32>,
}

/// Builds the tokenizer of a file; `path` is named in errors. `None` where the file has no tokenizer at all.
pub(super) fn build(fields: &BTreeMap<String, GgufValue>, path: &Path) -> Result<Option<Parts>> {
    let fields = Fields::new(fields, path);
    let Some(model) = fields.text("tokenizer.ggml.model")? else {
        return Ok(None);
    };
    let tokens = Tokens::read(&fields)?;
    let named = Named {
        bos: fields.id("bos", &tokens)?,
        eos: fields.id("eos", &tokens)?,
        eot: fields.id("eot", &tokens)?,
        eom: fields.id("eom", &tokens)?,
        unknown: fields.id("unknown", &tokens)?,
        padding: fields.id("padding", &tokens)?,
    };
    let (mut tokenizer, starts) = match model {
        "gpt2" => byte_level::build(&fields, &tokens)?,
        "llama" => (scored::build(&fields, &tokens, named.unknown)?, true),
        other => {
            return Err(fields.wrong(
                "tokenizer.ggml.model",
                format!(
                    "is `{other}`; `gpt2` (byte-level BPE) and `llama` (SentencePiece BPE) are read"
                ),
            ));
        }
    };
    add_whole(&mut tokenizer, &tokens, &named).map_err(|error| {
        fields.wrong(
            "tokenizer.ggml.token_type",
            format!("special tokens: {error}"),
        )
    })?;
    if let Some(frame) = frame(&fields, &tokens, &named, starts)? {
        tokenizer.with_post_processor(Some(frame));
    }
    let mut ends = Vec::new();
    let known = ENDS.iter().filter_map(|text| {
        let id = tokens.id(text)?;
        matches!(tokens.kind(id), Kind::Control | Kind::User).then_some(id)
    });
    for id in [named.eos, named.eot, named.eom]
        .into_iter()
        .flatten()
        .chain(known)
    {
        if !ends.contains(&id) {
            ends.push(id);
        }
    }
    Ok(Some(Parts {
        tokenizer,
        byte_fallback: model == "llama",
        template: template(&fields, &tokens, &named)?,
        ends,
        eos: named.eos,
        vocabulary: tokens.len(),
    }))
}

/// Makes tokens whole that are never cut into pieces: control tokens, the unknown one and those that the fields
/// name are special; a person's own are text.
fn add_whole(
    tokenizer: &mut Tokenizer,
    tokens: &Tokens<'_>,
    named: &Named,
) -> tokenizers::Result<()> {
    let special = [named.bos, named.eos, named.eot, named.eom, named.padding];
    let mut whole = Vec::new();
    let mut own = Vec::new();
    for (id, text) in tokens.iter() {
        let added = |special| AddedToken::from(text.to_owned(), special).normalized(false);
        match tokens.kind(id) {
            Kind::Control | Kind::Unknown => whole.push(added(true)),
            _ if special.contains(&Some(id)) => whole.push(added(true)),
            Kind::User => own.push(added(false)),
            Kind::Normal | Kind::Unused | Kind::Byte => {}
        }
    }
    tokenizer.add_special_tokens(whole)?;
    tokenizer.add_tokens(own)?;
    Ok(())
}

/// The special tokens around a text; `starts` says whether one stands before it where the file does not say.
fn frame(
    fields: &Fields<'_>,
    tokens: &Tokens<'_>,
    named: &Named,
    starts: bool,
) -> Result<Option<PostProcessorWrapper>> {
    let side =
        |field: &str, name: &str, id: Option<u32>, default: bool| match (fields.flag(field)?, id) {
            (Some(true), None) => Err(fields.wrong(
                field,
                format!("is true, but there is no `tokenizer.ggml.{name}_token_id`"),
            )),
            (Some(false), _) | (None, None) => Ok(None),
            (Some(true), id) => Ok(id),
            (None, id) => Ok(id.filter(|_| default)),
        };
    let bos = side("tokenizer.ggml.add_bos_token", "bos", named.bos, starts)?;
    let eos = side("tokenizer.ggml.add_eos_token", "eos", named.eos, false)?;
    if bos.is_none() && eos.is_none() {
        return Ok(None);
    }
    let around = |sequence: &str, kind: u32| {
        let special = |id: Option<u32>| {
            let text = tokens.text(id?);
            Some(json!({"SpecialToken": {"id": text, "type_id": kind}}))
        };
        let text = json!({"Sequence": {"id": sequence, "type_id": kind}});
        [special(bos), Some(text), special(eos)]
            .into_iter()
            .flatten()
            .collect::<Vec<Value>>()
    };
    let single = around("A", 0);
    let pair: Vec<Value> = single.iter().cloned().chain(around("B", 1)).collect();
    let special: Map<String, Value> = [bos, eos]
        .into_iter()
        .flatten()
        .map(|id| {
            let text = tokens.text(id);
            (
                text.to_owned(),
                json!({"id": text, "ids": [id], "tokens": [text]}),
            )
        })
        .collect();
    let frame = json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special});
    fields.part(frame).map(Some)
}

/// `tokenizer.chat_template`. One that is too long or cannot be parsed harms nothing until it is used.
fn template(
    fields: &Fields<'_>,
    tokens: &Tokens<'_>,
    named: &Named,
) -> Result<Option<ChatTemplate>> {
    let Some(source) = fields.text("tokenizer.chat_template")? else {
        return Ok(None);
    };
    let special = [
        ("bos_token", named.bos),
        ("eos_token", named.eos),
        ("unk_token", named.unknown),
        ("pad_token", named.padding),
    ];
    let special = special
        .into_iter()
        .filter_map(|(name, id)| Some((name.to_owned(), json!(tokens.text(id?)))))
        .collect();
    let path = fields.path().to_path_buf();
    Ok(Some(ChatTemplate::new(path, source.to_owned(), special)))
}

#[cfg(test)]
mod tests;
