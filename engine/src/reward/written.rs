//! How a prompt and its answer become the text that a reward model reads.

use serde::Serialize;

use super::normalise::Layout;
use super::{Reward, RewardInput};
use crate::types::Message;
use crate::{Error, Result};

/// How a text was put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Ids, verbatim.
    Ids,
    /// The tokenizer's pair of two texts, or the answer alone.
    Pair,
    /// Prompt and answer as one text, without anything between, as in training.
    Joined,
    /// A template of the preset or the reading.
    Template,
    /// The tokenizer's chat template.
    ChatTemplate,
}

/// What gives way where a text is longer than its model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The beginning of the text: the prompt before the answer.
    Beginning,
    /// The end of the longer text of a pair.
    End,
    /// Nothing: such a text is refused.
    Never,
}

impl Cut {
    /// The rule in words.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Beginning => {
                "cut from the beginning of the text, so that the answer and what ends it stay; the tokenizer's special tokens stay"
            }
            Self::End => {
                "cut from the end of the longer text of a pair; the tokenizer's special tokens stay"
            }
            Self::Never => "ids are never cut; more than the limit are refused",
        }
    }
}

/// A text as the tokenizer is to be given it.
#[derive(Debug)]
pub(super) struct Written {
    /// One text, or a pair.
    pub(super) texts: Vec<String>,
    pub(super) form: Form,
    pub(super) cut: Cut,
    /// Whether the tokenizer puts its special tokens around.
    pub(super) special: bool,
}

impl Reward {
    /// Whether conversations go through the tokenizer's chat template: a model that was trained here had it or not, a
    /// published one has it where its folder has, and a template or preset that a person names goes before.
    pub fn reads_chat_template(&self) -> bool {
        !self.rules.layout_said
            && match self.trained {
                Some(trained) => trained.chat_template,
                None => self.tokenizer.has_chat_template(),
            }
    }

    /// Refuses conversations where neither a chat template nor a reading says how they are written.
    pub fn check_conversations(&self) -> Result<()> {
        if self.reads_chat_template() || self.rules.layout_said {
            return Ok(());
        }
        Err(Error::file(
            &self.folder,
            match self.trained {
                Some(_) => {
                    "was trained on plain texts, not through a chat template; give the text as `prompt`, or say with --template how prompt and response are written"
                }
                None => {
                    "has no chat template for a conversation; give the text as `prompt`, or say with --preset or --template how prompt and response are written"
                }
            },
        ))
    }

    /// The text of an input that is not ids.
    pub(super) fn written(&self, prompt: Option<&str>, response: &str) -> Written {
        let texts = self.rules.write(prompt, response);
        let (form, cut) = match &self.rules.layout {
            Layout::Template(template) => (Form::Template, cut_of(template)),
            Layout::Pair(_) if self.closing.is_some() => (Form::Joined, Cut::Beginning),
            Layout::Pair(_) => (Form::Pair, Cut::End),
        };
        Written {
            // With an end token after the answer the two are one text, as in training.
            texts: if self.closing.is_some() {
                vec![texts.concat()]
            } else {
                texts
            },
            form,
            cut: if self.closing.is_some() {
                Cut::Beginning
            } else {
                cut
            },
            special: true,
        }
    }

    /// A conversation with its answer, through the chat template where [`Reward::reads_chat_template`], else in plain
    /// words ([`super::turns`]) as the prompt of a text.
    pub(super) fn written_conversation(
        &self,
        turns: &[Message],
        response: &str,
    ) -> Result<Written> {
        if !self.reads_chat_template() {
            let prompt = if self.rules.reads_prompt() {
                self.rules.marks.write(turns, self.rules.dialogue)?
            } else {
                String::new()
            };
            return Ok(self.written(Some(&prompt), response));
        }
        let text = if self.trained.is_some() {
            // As the trainer has it: the answer after the opening, then the end token.
            self.tokenizer.opening(turns)? + response
        } else {
            let mut all = turns.to_vec();
            all.push(Message::assistant(response));
            self.tokenizer.conversation(&all)?
        };
        Ok(Written {
            texts: vec![text],
            form: Form::ChatTemplate,
            cut: Cut::Beginning,
            special: false,
        })
    }

    /// The ids of what was written, the end token behind them where one belongs there, and how many there would be
    /// without a limit.
    pub(super) fn ids_of(&self, written: &Written) -> Result<(Vec<u32>, usize)> {
        let (first, second) = match written.texts.as_slice() {
            [first, second] => (first.as_str(), Some(second.as_str())),
            [first, ..] => (first.as_str(), None),
            [] => ("", None),
        };
        let limit = self.limit();
        if written.cut != Cut::Beginning {
            return self.tokenizer.encode_within(first, second, limit);
        }
        let encode = |room| {
            self.tokenizer
                .encode_last_within(first, written.special, room)
        };
        let (ids, whole) = encode(limit)?;
        let Some(closing) = self.closing.filter(|closing| ids.last() != Some(closing)) else {
            return Ok((ids, whole));
        };
        if limit < 2 {
            let problem =
                format!("is {limit}; with the end token that is read here a text has at least 2");
            return Err(Error::option("max_tokens", problem));
        }
        let (mut ids, _) = encode(limit - 1)?;
        ids.push(closing);
        Ok((ids, whole + 1))
    }
}

/// Where the answer stands last in a template, the prompt gives way to it.
fn cut_of(template: &str) -> Cut {
    match (template.find("{prompt}"), template.rfind("{response}")) {
        (Some(prompt), Some(response)) if prompt < response => Cut::Beginning,
        _ => Cut::End,
    }
}

impl RewardInput {
    pub(super) fn written(&self, reward: &Reward) -> Result<Option<Written>> {
        Ok(match self {
            Self::Tokens(_) => None,
            Self::Pair { prompt, response } => Some(reward.written(Some(prompt), response)),
            Self::Conversation { turns, response } => {
                Some(reward.written_conversation(turns, response)?)
            }
            Self::Response(response) => Some(reward.written(None, response)),
        })
    }
}
