//! What a prompt's line says is right, for rules that score answers by it.

use serde::{Deserialize, Serialize};

/// Whether what a prompt asks for may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptLabel {
    /// It may, however it sounds.
    Safe,
    /// It should be refused.
    Unsafe,
}

impl PromptLabel {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// What is right of a prompt, as far as its line says it. Models never see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The right answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Whether it may be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<PromptLabel>,
}

impl Reference {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
