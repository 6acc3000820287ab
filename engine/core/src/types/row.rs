//! A row: the unit of work. Everything that generates is rows of different priority.

use serde::{Deserialize, Serialize};

use super::{Message, Mutes, Point};
use crate::method::Method;

/// What a row starts from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Encoded as the tokenizer does, with its special tokens.
    Text(String),
    /// A user's turn, put through the bundle's chat template.
    Chat(String),
    /// A conversation, put through the bundle's chat template; the model speaks next.
    Messages(Vec<Message>),
    /// Token ids, verbatim.
    Tokens(Vec<u32>),
}

impl Prompt {
    /// A user's turn, after what the system says where it says something.
    pub fn chat(system: Option<String>, user: impl Into<String>) -> Self {
        match system {
            Some(system) => Self::Messages(vec![Message::system(system), Message::user(user)]),
            None => Self::Chat(user.into()),
        }
    }

    /// The words that a person reads in a list: the text, or the last turn of a conversation; `None` for ids.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Chat(text) => Some(text),
            Self::Messages(turns) => turns.last().map(|turn| turn.content.as_str()),
            Self::Tokens(_) => None,
        }
    }
}

/// How a point becomes tokens, how the next one is chosen, and when a row ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 is greedy.
    pub temperature: f64,
    /// Keep the smallest set of tokens whose probability reaches this; 1 keeps all.
    pub top_p: f64,
    /// Equal seeds, prompts and gates give equal texts.
    pub seed: u64,
    /// New tokens at most.
    pub max_tokens: usize,
    /// The row ends before the first of these strings.
    #[serde(default)]
    pub stop: Vec<String>,
    /// Whether the end token is barred, so that exactly `max_tokens` come (benchmarks).
    #[serde(default)]
    pub ignore_eos: bool,
    /// By which method the point becomes an answer; without one by HoE at preferences, by MVA at weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            seed: 0,
            max_tokens: 128,
            stop: Vec::new(),
            ignore_eos: false,
            method: None,
        }
    }
}

/// How much of the routing is kept with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceLevel {
    /// Nothing.
    #[default]
    None,
    /// The gate of every adapter at every module for every token.
    Full,
}

/// One row of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowRequest {
    /// Where it starts.
    pub prompt: Prompt,
    /// Where it stands.
    pub point: Point,
    /// What is silenced.
    #[serde(default, skip_serializing_if = "Mutes::is_empty")]
    pub mutes: Mutes,
    /// How it goes on and ends.
    pub sampling: Sampling,
    /// What is recorded of its routing.
    pub trace: TraceLevel,
    /// The time that the chat template is told, in seconds since 1970 and UTC; without it, that of the start.
    pub time: Option<u64>,
}

/// Why a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The end token came.
    Eos,
    /// `max_tokens` or the context was reached.
    Length,
    /// A stop string came.
    Stop,
    /// A logit was NaN or infinite, so no token could be chosen: the row failed, and has no score.
    NotFinite,
    /// Somebody stopped it; the text so far is kept.
    Cancelled,
}
