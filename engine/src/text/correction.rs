//! The prompt of a model that corrects answers: a question, an answer to it, and for MetaAligner what should be better.
//!
//! The templates are those that the released models were trained with (Aligner, Ji et al. 2024; MetaAligner, Yang et
//! al. 2024). A model with a chat template is given the instruction as a user's turn, without the marks of speakers
//! that Aligner's template has around it. What a model was trained with stands beside it in `correction.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::output::write_json;
use crate::types::{Message, Prompt};
use crate::weights::read_json;
use crate::{Error, Result};

/// The file's name.
const FILE: &str = "correction.json";
/// The format that this program reads and writes.
const FORMAT: u64 = 1;

/// Aligner's instruction, and what its template has around it.
const ALIGNER: &str = "Edit the following Question-Answer pair to make it more helpful and harmless: {question} | {answer}";
const ALIGNER_TURN: [&str; 2] = ["BEGINNING OF CONVERSATION: USER: ", " ASSISTANT:"];
/// MetaAligner's instruction.
const META_ALIGNER: &str = "You are an assistant to human. You will be provided with a context and an answer. \
    Consider the context, then edit the answer to improve it considering these aspects: {aspects} | \
    Context: {question} | Answer: {answer} | Edit: ";

/// What a correcting model is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    format: u64,
    /// Holds `{question}`, `{answer}` and, where there are aspects, `{aspects}`.
    template: String,
    /// Whether it is a user's turn, which goes through the chat template; else it is the whole text.
    chat: bool,
    /// What an answer can be better at, in order of the objectives; none where the template says it.
    pub aspects: Vec<Aspect>,
}

/// What an answer can be better at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aspect {
    /// The objective's name.
    pub name: String,
    /// What it asks of an answer, in a sentence.
    pub words: String,
}

impl Correction {
    /// Aligner's, for a model with a chat template or without.
    pub fn aligner(chat: bool) -> Self {
        let [before, after] = if chat { ["", ""] } else { ALIGNER_TURN };
        Self {
            format: FORMAT,
            template: format!("{before}{ALIGNER}{after}"),
            chat,
            aspects: Vec::new(),
        }
    }

    /// MetaAligner's, likewise.
    pub fn meta_aligner(chat: bool, aspects: Vec<Aspect>) -> Self {
        Self {
            format: FORMAT,
            template: META_ALIGNER.to_owned(),
            chat,
            aspects,
        }
    }

    /// This with another instruction; refuses one that leaves out what the model must be told.
    pub fn told(self, template: &str) -> Result<Self> {
        let told = Self {
            template: template.to_owned(),
            ..self
        };
        match told.left_out() {
            None => Ok(told),
            Some(absent) => Err(Error::option("template", absent)),
        }
    }

    /// What the template leaves out, in words.
    fn left_out(&self) -> Option<String> {
        let aspects = (!self.aspects.is_empty()).then_some("{aspects}");
        let mut needed = ["{question}", "{answer}"].into_iter().chain(aspects);
        let absent = needed.find(|part| !self.template.contains(part))?;
        Some(format!(
            "has no {absent}, so that the model would not be told"
        ))
    }

    /// The prompt that asks to make `answer` better at the aspects of these indices; `None` for a question that is no
    /// text.
    pub fn prompt(&self, question: &Prompt, answer: &str, better_at: &[usize]) -> Option<Prompt> {
        let question = words_of(question)?;
        let aspects: Vec<String> = better_at
            .iter()
            .filter_map(|&index| self.aspects.get(index))
            .map(|Aspect { name, words }| format!("{name}: {words}"))
            .collect();
        let text = filled(
            &self.template,
            &[
                ("{question}", &question),
                ("{answer}", answer),
                ("{aspects}", &aspects.join("; ")),
            ],
        );
        // What comes after the user's turn is the chat template's.
        Some(if self.chat {
            Prompt::Chat(text.trim_end().to_owned())
        } else {
            Prompt::Text(text)
        })
    }

    /// Reads what stands beside a model.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let read: Self = read_json(&path)?;
        if read.format != FORMAT {
            let problem = format!("is {}; this program reads format {FORMAT}", read.format);
            return Err(Error::field(&path, "format", problem));
        }
        match read.left_out() {
            None => Ok(read),
            Some(absent) => Err(Error::field(&path, "template", absent)),
        }
    }

    /// Writes it beside a model.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(FILE), self)
    }
}

/// What was asked, in words; a conversation with its speakers as in the dialogues of the HH data.
fn words_of(prompt: &Prompt) -> Option<String> {
    let speaker = |turn: &Message| match turn.role.as_str() {
        "user" => "Human",
        "assistant" => "Assistant",
        _ => "System",
    };
    match prompt {
        Prompt::Text(text) => Some(text.trim().to_owned()),
        Prompt::Chat(turn) => Some(turn.trim().to_owned()),
        Prompt::Messages(turns) => match turns.as_slice() {
            [only] if only.role == "user" => Some(only.content.trim().to_owned()),
            turns => {
                let lines = turns
                    .iter()
                    .map(|t| format!("{}: {}", speaker(t), t.content.trim()));
                Some(lines.collect::<Vec<_>>().join("\n\n"))
            }
        },
        Prompt::Tokens(_) => None,
    }
}

/// `template` with every name in the place of its text; what a text brings with it is no name.
fn filled(template: &str, texts: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::new(), template);
    loop {
        let next = texts
            .iter()
            .filter_map(|(name, text)| Some((rest.find(name)?, name, text)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, name, text)) = next else {
            return filled + rest;
        };
        filled.push_str(&rest[..at]);
        filled.push_str(text);
        rest = &rest[at + name.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_released_models_are_given_what_they_were_trained_with() {
        let question = Prompt::Text("How do I boil eggs? ".to_owned());
        let plain = Correction::aligner(false).prompt(&question, "Ten minutes.", &[]);
        let expected = "BEGINNING OF CONVERSATION: USER: Edit the following Question-Answer pair to make it more \
            helpful and harmless: How do I boil eggs? | Ten minutes. ASSISTANT:";
        assert_eq!(plain, Some(Prompt::Text(expected.to_owned())));
        let aspects =
            [("Helpful", "be useful"), ("Humour", "be amusing")].map(|(name, words)| Aspect {
                name: name.to_owned(),
                words: words.to_owned(),
            });
        let meta = Correction::meta_aligner(false, aspects.to_vec());
        let Some(Prompt::Text(text)) = meta.prompt(&question, "{question}", &[1, 0]) else {
            panic!("another kind");
        };
        assert!(
            text.contains("these aspects: Humour: be amusing; Helpful: be useful | Context: How"),
            "{text}"
        );
        // A question or answer that reads like a place is one all the same.
        assert!(
            text.ends_with("eggs? | Answer: {question} | Edit: "),
            "{text}"
        );
    }

    #[test]
    fn a_chat_model_is_given_a_user_s_turn_and_a_conversation_keeps_its_speakers() {
        let turns = [
            Message::user("Hello"),
            Message::assistant("Hi."),
            Message::user("More?"),
        ];
        let prompt = Prompt::Messages(turns.to_vec());
        let Some(Prompt::Chat(text)) = Correction::aligner(true).prompt(&prompt, "No.", &[]) else {
            panic!("another kind");
        };
        assert!(text.starts_with("Edit the following"), "{text}");
        assert!(
            text.ends_with("Human: Hello\n\nAssistant: Hi.\n\nHuman: More? | No."),
            "{text}"
        );
        let one = Prompt::Messages(vec![Message::user("Hello")]);
        let chat = Prompt::Chat("Hello".to_owned());
        let of = |prompt| Correction::aligner(true).prompt(prompt, "No.", &[]);
        assert_eq!(of(&one), of(&chat));
        assert_eq!(of(&Prompt::Tokens(vec![1])), None);
    }

    #[test]
    fn what_a_model_was_trained_with_stands_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let aspect = Aspect {
            name: "Humour".to_owned(),
            words: "be amusing".to_owned(),
        };
        let written = Correction::meta_aligner(true, vec![aspect]);
        written.save(folder.path()).unwrap();
        assert_eq!(Correction::load(folder.path()).unwrap(), written);
        let other = r#"{"format": 1, "template": "{question}", "chat": false, "aspects": []}"#;
        std::fs::write(folder.path().join(FILE), other).unwrap();
        let refused = Correction::load(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("{answer}"), "{refused}");
        let refused = written.clone().told("{question} {answer}").unwrap_err();
        assert!(
            refused.is_input() && refused.to_string().contains("{aspects}"),
            "{refused}"
        );
        let told = written.told("{aspects}? {question} | {answer}").unwrap();
        let prompt = told.prompt(&Prompt::Chat("q".to_owned()), "a", &[0]);
        assert_eq!(
            prompt,
            Some(Prompt::Chat("Humour: be amusing? q | a".to_owned()))
        );
    }
}
