//! The prompt and how tokens are chosen.

use paretoscope_core::method::Method;
use paretoscope_core::types::{Message, PointKind, Prompt, Sampling};
use serde::{Deserialize, Serialize};

/// How tokens are chosen, as the form holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingForm {
    /// 0 is greedy.
    pub temperature: f64,
    /// Equal seeds, prompts and points give equal texts.
    pub seed: u64,
    /// New tokens at most.
    pub max_tokens: usize,
    /// By which method points become answers; by the one that is usual at a point where `None`.
    #[serde(
        deserialize_with = "super::methods::one",
        skip_serializing_if = "Option::is_none"
    )]
    pub method: Option<Method>,
}

impl Default for SamplingForm {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            seed: 7,
            max_tokens: 96,
            method: None,
        }
    }
}

impl SamplingForm {
    /// For the engine, at such points.
    pub fn sampling(&self, points: PointKind) -> Sampling {
        let method = self.method(points);
        Sampling {
            temperature: self.temperature,
            seed: self.seed,
            max_tokens: self.max_tokens,
            // What is usual has no name, so that equal answers have equal ones.
            method: (method != Method::of(points)).then_some(method),
            ..Sampling::default()
        }
    }

    /// The method at such points: the usual one where the chosen one does not answer there.
    pub fn method(&self, points: PointKind) -> Method {
        let chosen = self.method.clone();
        let fits = chosen.filter(|method| method.check(points).is_ok());
        fits.unwrap_or_else(|| Method::of(points))
    }
}

/// The prompt being written: one text, or a conversation of several turns.
#[derive(Debug, Default)]
pub struct PromptState {
    /// The text, where it is one.
    pub text: String,
    /// Whether `turns` are the prompt, rather than `text`.
    pub conversation: bool,
    /// The conversation; kept while a single text is written.
    pub turns: Vec<Message>,
    /// The turn that the keyboard commands act on.
    pub turn: usize,
    /// The bundle's sample that the prompt still equals, by index.
    pub sample: Option<usize>,
}

/// The roles of the editor. Turns of other roles come from files and keep theirs.
pub const ROLES: [&str; 3] = ["system", "user", "assistant"];

impl PromptState {
    /// For the engine: the conversation as it stands, else a chat turn where the bundle has a template,
    /// else plain text.
    pub fn prompt(&self, chat: bool) -> Prompt {
        if self.conversation {
            Prompt::Messages(self.turns.clone())
        } else if chat {
            Prompt::Chat(self.text.clone())
        } else {
            Prompt::Text(self.text.clone())
        }
    }

    /// What has to be mended before this can be answered; `None` where nothing has.
    ///
    /// An empty system turn is sent as it stands: some templates write their own where there is none.
    pub fn problem(&self) -> Option<String> {
        if !self.conversation {
            let empty = self.text.trim().is_empty();
            return empty.then(|| "the prompt is empty; type one or pick a sample".to_owned());
        }
        let Some(last) = self.turns.last() else {
            return Some("the conversation has no turns; add one".to_owned());
        };
        let empty = |turn: &Message| turn.role != "system" && turn.content.trim().is_empty();
        if let Some(index) = self.turns.iter().position(empty) {
            let (number, role) = (index + 1, &self.turns[index].role);
            return Some(format!(
                "turn {number} ({role}) is empty; write it or remove it"
            ));
        }
        match last.role.as_str() {
            "assistant" => {
                Some("the last turn is the model's own; add a user's turn after it".to_owned())
            }
            "system" => {
                Some("the last turn is the system's; add a user's turn after it".to_owned())
            }
            _ => None,
        }
    }

    /// The role that would go on with the conversation.
    pub fn next_role(&self) -> &'static str {
        match self.turns.last().map(|turn| turn.role.as_str()) {
            Some("user") => "assistant",
            _ => "user",
        }
    }

    /// The words of a prompt, for people.
    pub fn words(prompt: &Prompt) -> String {
        match (prompt, prompt.words()) {
            (Prompt::Tokens(ids), _) => format!("{} token ids", ids.len()),
            (_, words) => words.unwrap_or_default().to_owned(),
        }
    }

    /// The turns of a prompt; `None` for what is no conversation.
    pub fn turns_of(prompt: &Prompt) -> Option<Vec<Message>> {
        match prompt {
            Prompt::Chat(text) => Some(vec![Message::user(text.clone())]),
            Prompt::Messages(turns) => Some(turns.clone()),
            Prompt::Text(_) | Prompt::Tokens(_) => None,
        }
    }
}
