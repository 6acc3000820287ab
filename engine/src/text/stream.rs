//! Incremental decoding that never shows half a character.
//!
//! Decoding one id at a time is wrong for every common tokenizer: byte-level BPE splits characters
//! over tokens, SentencePiece decoders treat the first token's space apart, and byte fallback turns
//! a whole run of bytes into replacement characters when any of it is invalid. So the stream
//! decodes a short window (what is new and the token before it) and takes the difference, and it
//! waits while the end of the window could still change.

use std::sync::Arc;

use super::caught::caught;
use crate::types::TokenPiece;

/// The replacement character, with which decoders mark an incomplete one.
const INCOMPLETE: char = '\u{FFFD}';

/// Ids in, whole characters out. The pieces, put together with what [`TokenStream::finish`] gives,
/// are exactly the decoding of all ids at once; special tokens have no text.
#[derive(Debug, Clone)]
pub struct TokenStream {
    tokenizer: Option<Arc<tokenizers::Tokenizer>>,
    byte_fallback: bool,
    ids: Vec<u32>,
    /// The window's first id. Its text is not empty, so rules for a first token apply to it alone.
    context: usize,
    /// Ids before this one have their final text.
    settled: usize,
    /// Text of `ids[context..settled]`.
    prefix: String,
    text: String,
    pieces: Vec<TokenPiece>,
}

impl TokenStream {
    /// A stream at its beginning; without a tokenizer tokens have no text.
    pub(super) fn new(tokenizer: Option<Arc<tokenizers::Tokenizer>>, byte_fallback: bool) -> Self {
        Self {
            tokenizer,
            byte_fallback,
            ids: Vec::new(),
            context: 0,
            settled: 0,
            prefix: String::new(),
            text: String::new(),
            pieces: Vec::new(),
        }
    }

    /// Takes the next id; gives the text that is final now, if any is.
    pub fn push(&mut self, id: u32) -> Option<String> {
        self.ids.push(id);
        let whole = self.decode(self.context, self.ids.len());
        let stable = self.ends_on_a_character(&whole);
        match whole.strip_prefix(self.prefix.as_str()) {
            Some(new) if stable => {
                let new = new.to_owned();
                self.settle(whole, &new);
                (!new.is_empty()).then_some(new)
            }
            _ => None,
        }
    }

    /// Gives what was held back; the stream can go on after it only with whole characters.
    pub fn finish(&mut self) -> Option<String> {
        if self.settled == self.ids.len() {
            return None;
        }
        let whole = self.decode(self.context, self.ids.len());
        // A decoder that rewrites its past cannot be taken back; then only what goes beyond counts.
        let common = whole
            .char_indices()
            .zip(self.prefix.chars())
            .take_while(|((_, a), b)| a == b)
            .last();
        let shared = common.map_or(0, |((at, a), _)| at + a.len_utf8());
        let new = whole[shared..].to_owned();
        self.settle(whole, &new);
        (!new.is_empty()).then_some(new)
    }

    /// The final text so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All ids, those without final text included.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The tokens with final text, and the bytes of it that are theirs.
    pub fn pieces(&self) -> &[TokenPiece] {
        &self.pieces
    }

    /// The text and its tokens. Call [`TokenStream::finish`] first.
    pub fn into_parts(self) -> (String, Vec<TokenPiece>) {
        (self.text, self.pieces)
    }

    fn decode(&self, from: usize, to: usize) -> String {
        self.tokenizer
            .as_deref()
            .map_or_else(String::new, |tokenizer| {
                text_of(tokenizer, &self.ids[from..to])
            })
    }

    /// Whether no later token can change the text so far.
    fn ends_on_a_character(&self, whole: &str) -> bool {
        let Some(tokenizer) = self.tokenizer.as_deref().filter(|_| self.byte_fallback) else {
            return !whole.ends_with(INCOMPLETE);
        };
        let added = tokenizer.get_added_vocabulary();
        let spoken = self.ids[self.settled..]
            .iter()
            .rev()
            .filter_map(|&id| tokenizer.id_to_token(id));
        let mut spoken = spoken.filter(|token| !added.is_special_token(token));
        !spoken.next().is_some_and(|token| is_byte(&token))
    }

    /// Gives every waiting id its share of `new`, and moves the window on.
    fn settle(&mut self, whole: String, new: &str) {
        let base = self.text.len();
        let mut start = 0;
        for index in self.settled..self.ids.len() {
            let end = if index + 1 == self.ids.len() {
                new.len()
            } else {
                self.share(index, new).unwrap_or(start).max(start)
            };
            self.pieces.push(TokenPiece {
                id: self.ids[index],
                start: base + start,
                end: base + end,
            });
            start = end;
        }
        self.text.push_str(new);
        let last = self.decode(self.settled, self.ids.len());
        if last.is_empty() {
            self.prefix = whole;
        } else {
            self.context = self.settled;
            self.prefix = last;
        }
        self.settled = self.ids.len();
    }

    /// Bytes of `new` that the ids up to `index` make, where they make whole characters.
    fn share(&self, index: usize, new: &str) -> Option<usize> {
        let whole = self.decode(self.context, index + 1);
        let made = whole.strip_prefix(self.prefix.as_str())?;
        (new.starts_with(made) && !made.ends_with(INCOMPLETE)).then_some(made.len())
    }
}

/// The text of ids, special tokens left out; ids that the tokenizer does not know have none.
pub(super) fn text_of(tokenizer: &tokenizers::Tokenizer, ids: &[u32]) -> String {
    let text = caught(|| tokenizer.decode(ids, true));
    let text = text.unwrap_or_else(|words| Err(words.into()));
    text.unwrap_or_else(|error| {
        tracing::warn!(%error, "the tokenizer's decoder failed");
        String::new()
    })
}

/// Whether a token stands for one byte, like `<0x0A>`.
fn is_byte(token: &str) -> bool {
    token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
}
