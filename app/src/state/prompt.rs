//! The prompt and how tokens are chosen.

use paretoscope_engine::types::{Prompt, Sampling};
use serde::{Deserialize, Serialize};

/// How tokens are chosen, as the form holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingForm {
    /// 0 is greedy.
    pub temperature: f64,
    /// The same seed, prompt and point give the same text.
    pub seed: u64,
    /// New tokens at most.
    pub max_tokens: usize,
}

impl Default for SamplingForm {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            seed: 7,
            max_tokens: 96,
        }
    }
}

impl SamplingForm {
    /// For the engine.
    pub fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature,
            seed: self.seed,
            max_tokens: self.max_tokens,
            ..Sampling::default()
        }
    }
}

/// The prompt being written.
#[derive(Debug, Default)]
pub struct PromptState {
    /// The text.
    pub text: String,
    /// The bundle's sample that the text still equals, by index.
    pub sample: Option<usize>,
}

impl PromptState {
    /// For the engine: a chat turn where the bundle has a template, else plain text.
    pub fn prompt(&self, chat: bool) -> Prompt {
        if chat {
            Prompt::Chat(self.text.clone())
        } else {
            Prompt::Text(self.text.clone())
        }
    }

    /// The words of a prompt, for people.
    pub fn words(prompt: &Prompt) -> String {
        match (prompt, prompt.words()) {
            (Prompt::Tokens(ids), _) => format!("{} token ids", ids.len()),
            (_, words) => words.unwrap_or_default().to_owned(),
        }
    }
}
