//! A turn of a conversation.

use serde::{Deserialize, Serialize};

/// Who said what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Message {
    /// `system`, `user` or `assistant`; templates know others.
    pub role: String,
    /// What was said.
    pub content: String,
    /// The pieces that `content` came in, where it was a list of parts. Templates tell such a list from a text.
    parts: Vec<String>,
}

/// A turn in JSON, as transformers takes it: its content is a text, or a list of `{"type": "text", "text": ...}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    role: String,
    content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "`content` is a text, or a list of parts {\"type\": \"text\", \"text\": ...}; images and sounds are not read"
)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Part {
    Text { text: String },
}

impl From<Written> for Message {
    fn from(written: Written) -> Self {
        let parts: Vec<String> = match written.content {
            Content::Text(text) => return Self::new(written.role, text),
            Content::Parts(parts) => parts.into_iter().map(|Part::Text { text }| text).collect(),
        };
        Self {
            role: written.role,
            content: parts.concat(),
            parts,
        }
    }
}

impl From<Message> for Written {
    fn from(message: Message) -> Self {
        let content = match message.given_parts() {
            None => Content::Text(message.content),
            Some(parts) => {
                let text = |text: &String| Part::Text { text: text.clone() };
                Content::Parts(parts.iter().map(text).collect())
            }
        };
        Self {
            role: message.role,
            content,
        }
    }
}

impl Message {
    /// A turn of `role`.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
            parts: Vec::new(),
        }
    }

    /// The parts that the content was given in; `None` where it was a text, or was written anew since.
    pub fn given_parts(&self) -> Option<&[String]> {
        let whole = !self.parts.is_empty() && self.parts.concat() == self.content;
        whole.then_some(&self.parts)
    }

    /// A user's turn.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// What the model is told before the conversation.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new("system", content)
    }

    /// The model's own turn.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new("assistant", content)
    }
}
