//! What a model is really given: the prompt after template and tokenizer.

use serde::{Deserialize, Serialize};

/// A token of what a model is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenToken {
    /// Its id.
    pub id: u32,
    /// The text that it stands for; a special token is spelled out. Empty where a character goes on into the next.
    pub text: String,
    /// Whether it is a special token of the tokenizer.
    pub special: bool,
}

/// A prompt as the model reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The text after the template, special tokens spelled out; for token ids, their text.
    pub text: String,
    /// Every token.
    pub tokens: Vec<GivenToken>,
}

impl Given {
    /// The ids alone.
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }
}
