//! What is to be scored.

use crate::types::{Message, Prompt};

/// What is to be scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewardInput {
    /// Token ids, verbatim.
    Tokens(Vec<u32>),
    /// A text and its answer.
    Pair {
        /// What was asked, as it stands.
        prompt: String,
        /// What was answered.
        response: String,
    },
    /// A conversation and the answer that comes next.
    Conversation {
        /// The turns before the answer.
        turns: Vec<Message>,
        /// What was answered.
        response: String,
    },
    /// An answer alone.
    Response(String),
}

impl RewardInput {
    /// An answer with what it answers: a text as it was given, a user's turn or a conversation, token ids without
    /// a prompt.
    pub fn of(prompt: &Prompt, response: &str) -> Self {
        let response = response.to_owned();
        match prompt {
            Prompt::Text(text) => Self::Pair {
                prompt: text.clone(),
                response,
            },
            Prompt::Chat(turn) => Self::Conversation {
                turns: vec![Message::user(turn)],
                response,
            },
            Prompt::Messages(turns) => Self::Conversation {
                turns: turns.clone(),
                response,
            },
            Prompt::Tokens(_) => Self::Response(response),
        }
    }

    /// Whether there is no answer to read a score from.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Tokens(ids) => ids.is_empty(),
            Self::Pair { response, .. }
            | Self::Conversation { response, .. }
            | Self::Response(response) => response.is_empty(),
        }
    }
}
