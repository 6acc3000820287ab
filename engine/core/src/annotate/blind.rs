//! What a blind view may show, and nothing else.

use serde::{Deserialize, Serialize};

use super::design::Question;
use crate::types::Prompt;

/// An item as a person sees it. Whoever shows it has nothing else to show: where answers come from, how they were scored
/// and under which name they are kept is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindItem {
    /// What to do.
    pub instructions: String,
    /// What is asked.
    pub question: Question,
    /// By what, in order.
    pub objectives: Vec<String>,
    /// Whether it is asked how much better an answer is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strength: bool,
    /// What the answers are answers to.
    pub prompt: String,
    /// The answers, in the order in which they are shown.
    pub sides: Vec<String>,
    /// Its place in this person's queue, from 1.
    pub place: usize,
    /// How many there are.
    pub of: usize,
}

impl BlindItem {
    /// "37 of 200".
    pub fn place_words(&self) -> String {
        format!("{} of {}", self.place, self.of)
    }
}

/// What a person reads of a prompt: what was said, each turn under who said it where there are several; what the system
/// was told is left out, since it can tell how answers were made. `None` for bare ids.
pub fn readable(prompt: &Prompt) -> Option<String> {
    let Prompt::Messages(turns) = prompt else {
        return prompt.words().map(str::to_owned);
    };
    let said: Vec<_> = turns.iter().filter(|turn| turn.role != "system").collect();
    if let [only] = said[..] {
        return Some(only.content.clone());
    }
    let turn = |turn: &&crate::types::Message| format!("{}: {}", turn.role, turn.content);
    Some(said.iter().map(turn).collect::<Vec<_>>().join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Message;

    #[test]
    fn a_conversation_is_read_without_what_the_system_was_told() {
        let turns = vec![
            Message::system("be funny"),
            Message::user("hi"),
            Message::new("assistant", "ho"),
            Message::user("well?"),
        ];
        let read = readable(&Prompt::Messages(turns.clone())).unwrap();
        assert_eq!(read, "user: hi\n\nassistant: ho\n\nuser: well?");
        let short = readable(&Prompt::Messages(turns[..2].to_vec())).unwrap();
        assert_eq!(short, "hi");
        assert_eq!(readable(&Prompt::Tokens(vec![1])), None);
    }
}
