//! What is done to a prompt and its answer before they are put together, by data set.

use serde::{Deserialize, Serialize};

/// Where an answer that runs on into the next turn ends.
const TURNS: [&str; 4] = ["\n\nHuman:", "\nHuman:", "\n\nAssistant:", "\nAssistant:"];
const HUMAN: &str = "\n\nHuman:";
const ASSISTANT: &str = "\n\nAssistant:";

/// How the texts are cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialogue {
    /// Not at all.
    #[default]
    Plain,
    /// Anthropic's HH: the prompt as a dialogue that ends in `\n\nAssistant:`, the answer up to the
    /// next turn (RiC, arXiv 2402.10207, `ric/utils.py`).
    Hh,
    /// Summaries: the post alone out of an instruction that holds it.
    Post,
}

impl Dialogue {
    /// The prompt as the reward model was trained on it.
    pub fn prompt(self, prompt: &str) -> String {
        match self {
            Self::Plain => prompt.to_owned(),
            Self::Hh => {
                let turns = match prompt.rfind(ASSISTANT) {
                    Some(end) => &prompt[..end],
                    None => prompt,
                };
                let turns = turns.trim_end();
                let opening = if turns.trim_start().starts_with("Human:") {
                    // A dialogue may come without the blank lines before it.
                    if turns.starts_with(HUMAN) { "" } else { "\n\n" }
                } else {
                    "\n\nHuman: "
                };
                let turns = if opening.is_empty() {
                    turns
                } else {
                    turns.trim_start()
                };
                format!("{opening}{turns} {ASSISTANT}")
            }
            Self::Post => {
                let post = prompt
                    .split_once("### Input:")
                    .map_or(prompt, |(_, post)| post);
                let post = post
                    .rsplit_once("### Response:")
                    .map_or(post, |(post, _)| post);
                post.trim().to_owned()
            }
        }
    }

    /// The answer as the reward model was trained on it.
    pub fn response(self, response: &str) -> String {
        match self {
            Self::Plain => response.to_owned(),
            Self::Hh => {
                let end = TURNS
                    .iter()
                    .filter_map(|turn| response.find(turn))
                    .min()
                    .unwrap_or(response.len());
                response[..end].trim().to_owned()
            }
            Self::Post => response.trim().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hh_prompts_end_in_the_assistants_turn_once() {
        let wanted = "\n\nHuman: Why? \n\nAssistant:";
        for given in [
            "Why?",
            "Why?  ",
            "\n\nHuman: Why?",
            "\n\nHuman: Why?\n\nAssistant:",
            "\n\nHuman: Why? \n\nAssistant:",
            "Human: Why?\n\nAssistant:",
        ] {
            assert_eq!(Dialogue::Hh.prompt(given), wanted, "{given:?}");
        }
        let long = "\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant:";
        assert_eq!(
            Dialogue::Hh.prompt(long),
            "\n\nHuman: A\n\nAssistant: B\n\nHuman: C \n\nAssistant:"
        );
    }

    #[test]
    fn hh_answers_end_at_the_next_turn() {
        for given in [
            " Because.",
            "Because.\n\nHuman: And?",
            "Because.\nHuman: And?\n\nAssistant: So.",
            "Because.\n\nAssistant: Really.",
        ] {
            assert_eq!(Dialogue::Hh.response(given), "Because.", "{given:?}");
        }
    }

    #[test]
    fn posts_come_out_of_their_instruction() {
        let instruction = "### Instruction: Generate a one-sentence summary of this post. ### Input: I lost a shoe. ### Response: ";
        assert_eq!(Dialogue::Post.prompt(instruction), "I lost a shoe.");
        assert_eq!(Dialogue::Post.prompt(" I lost a shoe. "), "I lost a shoe.");
        assert_eq!(Dialogue::Plain.prompt(instruction), instruction);
    }
}
