//! Tokens that the files beside `tokenizer.json` add to it, as transformers reads them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokenizers::{AddedToken, Tokenizer};

use super::json::SPECIAL;

/// A token with how it takes up what is around it: its text alone, or an object.
pub(super) fn added_token(value: &Value) -> Option<AddedToken> {
    if let Some(content) = value.as_str() {
        return Some(AddedToken::from(content.to_owned(), true));
    }
    let content = value.get("content")?.as_str()?;
    let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
    let special = value
        .get("special")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    Some(
        AddedToken::from(content.to_owned(), special)
            .lstrip(flag("lstrip"))
            .rstrip(flag("rstrip"))
            .single_word(flag("single_word"))
            .normalized(flag("normalized")),
    )
}

/// `added_tokens_decoder` of `tokenizer_config.json`, by id.
pub(super) fn listed(config: &Map<String, Value>) -> BTreeMap<u32, AddedToken> {
    let Some(Value::Object(listed)) = config.get("added_tokens_decoder") else {
        return BTreeMap::new();
    };
    listed
        .iter()
        .filter_map(|(id, token)| Some((id.parse().ok()?, added_token(token)?)))
        .collect()
}

/// Adds what `tokenizer_config.json` lists beside a tokenizer, and makes the special tokens that it names whole where
/// the vocabulary has them: they are then never cut into pieces.
pub(super) fn complete(
    tokenizer: &mut Tokenizer,
    config: &Map<String, Value>,
) -> tokenizers::Result<()> {
    for token in listed(config).into_values() {
        add(tokenizer, token)?;
    }
    for token in SPECIAL
        .iter()
        .filter_map(|name| added_token(config.get(*name)?))
    {
        let added = tokenizer.get_added_vocabulary().get_vocab();
        if !added.contains_key(&token.content) && tokenizer.token_to_id(&token.content).is_some() {
            add(tokenizer, token)?;
        }
    }
    Ok(())
}

/// Adds one token, with its own id where the vocabulary has it already.
pub(super) fn add(tokenizer: &mut Tokenizer, token: AddedToken) -> tokenizers::Result<()> {
    if token.special {
        tokenizer.add_special_tokens([token])?;
    } else {
        tokenizer.add_tokens([token])?;
    }
    Ok(())
}
