//! A conversation as plain text, for reward models that have no chat template.

use super::Dialogue;
use crate::types::Message;
use crate::{Error, Result};

/// What stands around the turns of a conversation that is more than one user's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Before a user's turn that is not the first.
    pub user: &'static str,
    /// Before an assistant's turn.
    pub assistant: &'static str,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            user: "\n\nUser: ",
            assistant: "\n\nAssistant: ",
        }
    }
}

impl Marks {
    /// As safe-rlhf writes conversations: every earlier answer is ended by the end token
    /// (`safe_rlhf/datasets/utils.py`, `format_prompt`).
    pub(super) const BEAVER: Self = Self {
        user: "</s>USER: ",
        assistant: " ASSISTANT:",
    };
    const HH: Self = Self {
        user: "\n\nHuman: ",
        assistant: "\n\nAssistant: ",
    };

    /// The text that stands for `{prompt}`. One user's turn is its words alone. Of several, the first begins without
    /// a mark, as the template around it has one. What the system says stands before the user's first turn, a blank
    /// line between, as templates without a system turn have it.
    pub(super) fn write(self, turns: &[Message], dialogue: Dialogue) -> Result<String> {
        let refuse = |problem: String| Err(Error::option("messages", problem));
        let (systems, others): (Vec<&Message>, Vec<&Message>) =
            turns.iter().partition(|turn| turn.role == "system");
        if let Some(other) = others
            .iter()
            .find(|turn| turn.role != "user" && turn.role != "assistant")
        {
            return refuse(format!(
                "has a turn of `{}`; this reward model has no chat template, and without one system, user and assistant can be written",
                other.role
            ));
        }
        if others.first().is_none_or(|turn| turn.role != "user")
            || others.last().is_none_or(|turn| turn.role != "user")
        {
            return refuse(
                "must begin and end with the user's turn (after the system's) where a reward model has no chat template"
                    .to_owned(),
            );
        }
        if others.len() > 1 && dialogue == Dialogue::Post {
            return refuse(format!(
                "has {} turns; this reward model reads one post, not a conversation",
                others.len()
            ));
        }
        let marks = if dialogue == Dialogue::Hh {
            Self::HH
        } else {
            self
        };
        let mut text = String::new();
        // The dialogue of HH is whole by itself: `Dialogue::prompt` leaves it as it is.
        let whole = dialogue == Dialogue::Hh && others.len() > 1;
        if whole {
            text.push_str(marks.user);
        }
        for system in systems {
            text.push_str(&system.content);
            text.push_str("\n\n");
        }
        for (index, turn) in others.iter().enumerate() {
            if index > 0 {
                text.push_str(if turn.role == "user" {
                    marks.user
                } else {
                    marks.assistant
                });
            }
            text.push_str(&turn.content);
        }
        if whole {
            text.push_str(marks.assistant.trim_end());
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> Vec<Message> {
        vec![
            Message::system("S"),
            Message::user("A"),
            Message::assistant("B"),
            Message::user("C"),
        ]
    }

    #[test]
    fn every_turn_is_read_and_marked() {
        let written = |dialogue| Marks::default().write(&long(), dialogue).unwrap();
        assert_eq!(
            written(Dialogue::Plain),
            "S\n\nA\n\nAssistant: B\n\nUser: C"
        );
        assert_eq!(
            Dialogue::Hh.prompt(&written(Dialogue::Hh)),
            "\n\nHuman: S\n\nA\n\nAssistant: B\n\nHuman: C \n\nAssistant:"
        );
        assert_eq!(
            Marks::BEAVER.write(&long()[1..], Dialogue::Plain).unwrap(),
            "A ASSISTANT:B</s>USER: C"
        );
        let one = [Message::user("A")];
        for dialogue in [Dialogue::Plain, Dialogue::Hh, Dialogue::Post] {
            assert_eq!(Marks::default().write(&one, dialogue).unwrap(), "A");
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let refused = |turns: &[Message], dialogue, words: &str| {
            let error = Marks::default().write(turns, dialogue).unwrap_err();
            assert!(error.is_input(), "{error}");
            assert!(error.to_string().contains(words), "{error} lacks {words}");
        };
        refused(&long(), Dialogue::Post, "3 turns");
        refused(&long()[..3], Dialogue::Plain, "end with the user's turn");
        refused(&[], Dialogue::Plain, "begin and end");
        let tool = [Message::new("tool", "x"), Message::user("A")];
        refused(&tool, Dialogue::Plain, "`tool`");
    }
}
