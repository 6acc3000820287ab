//! Prompts in JSON Lines.

use std::path::Path;

use serde::Deserialize;

use crate::types::{Message, Prompt, PromptSample, Split, SplitRule};
use crate::{Error, Problem, Result, files};

/// One line: `{"prompt": text}`, `{"chat": a user's turn}` with an optional `system`, `{"messages": [turns]}` or
/// `{"tokens": [ids]}`, with an optional title, the part of the set that it belongs to, and a group (a topic): prompts of
/// one group belong to one part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PromptLine {
    prompt: Option<String>,
    chat: Option<String>,
    system: Option<String>,
    messages: Option<Vec<Message>>,
    tokens: Option<Vec<u32>>,
    title: Option<String>,
    split: Option<Split>,
    #[serde(alias = "topic")]
    group: Option<String>,
}

/// Reads prompts, one per line; blank lines are skipped, a bad line is named by its number.
pub fn read_prompts(path: &Path) -> Result<Vec<PromptSample>> {
    let text = files::read_text(path, files::DATA)?;
    let rule = SplitRule::default();
    let mut prompts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |problem: String| Error::line(path, index + 1, problem);
        let parsed: PromptLine = serde_json::from_str(line).map_err(|e| {
            wrong(format!(
                "not a prompt: {e}; a line is {{\"prompt\": \"...\"}} or {{\"chat\": \"...\"}}"
            ))
        })?;
        if parsed.system.is_some() && parsed.chat.is_none() {
            return Err(wrong(
                "`system` stands beside `chat`; in `messages` it is a turn of its own".to_owned(),
            ));
        }
        let one = (parsed.prompt, parsed.chat, parsed.messages, parsed.tokens);
        let (prompt, text) = match one {
            (Some(text), None, None, None) => (Prompt::Text(text.clone()), text),
            (None, Some(text), None, None) => (Prompt::chat(parsed.system, &text), text),
            (None, None, Some(turns), None) if !turns.is_empty() => {
                let last = turns[turns.len() - 1].content.clone();
                (Prompt::Messages(turns), last)
            }
            (None, None, None, Some(ids)) if !ids.is_empty() => {
                (Prompt::Tokens(ids.clone()), format!("{} tokens", ids.len()))
            }
            _ => {
                return Err(wrong(
                    "a line has exactly one of `prompt`, `chat`, `messages` and `tokens`, and something in it"
                        .to_owned(),
                ));
            }
        };
        if text.trim().is_empty() {
            return Err(wrong("the prompt is empty".to_owned()));
        }
        let asked = match &prompt {
            Prompt::Tokens(ids) => format!("{ids:?}"),
            _ => text.clone(),
        };
        let group = parsed.group.filter(|group| !group.trim().is_empty());
        prompts.push(PromptSample {
            split: parsed
                .split
                .unwrap_or_else(|| rule.of(group.as_deref().unwrap_or(&asked))),
            title: parsed.title.unwrap_or(text),
            group,
            prompt,
        });
    }
    if prompts.is_empty() {
        let empty = Problem::Empty {
            of: "prompts",
            right: "a line is {\"prompt\": \"...\"}",
        };
        return Err(Error::file(path, empty));
    }
    Ok(prompts)
}

/// The prompts that a policy may learn on: those of the training part, so that what a sweep measures on the others was
/// never learnt.
pub fn read_training_prompts(path: &Path) -> Result<Vec<Prompt>> {
    let all = read_prompts(path)?;
    let count = all.len();
    let training: Vec<Prompt> = all
        .into_iter()
        .filter(|sample| sample.split == Split::Train)
        .map(|sample| sample.prompt)
        .collect();
    if training.is_empty() {
        let problem = format!(
            "holds {count} prompts, and none to train on: all are of the validation or test part (by their `split`, or by what they ask), which sweeps measure; give a file of prompts for training"
        );
        return Err(Error::file(path, problem));
    }
    Ok(training)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_prompts_and_bad_ones_are_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.jsonl");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_prompts(&path)
        };
        let good = "{\"prompt\": \"a\"}\n\n{\"chat\": \"b\"}\n{\"tokens\": [1, 2]}\n";
        let prompts: Vec<Prompt> = read(good).unwrap().into_iter().map(|s| s.prompt).collect();
        let expected = [
            Prompt::Text("a".into()),
            Prompt::Chat("b".into()),
            Prompt::Tokens(vec![1, 2]),
        ];
        assert_eq!(prompts, expected);
        let turns = "{\"chat\": \"b\", \"system\": \"s\", \"split\": \"test\"}\n{\"messages\": [{\"role\": \"user\", \"content\": \"c\"}]}";
        let prompts: Vec<Prompt> = read(turns).unwrap().into_iter().map(|s| s.prompt).collect();
        let expected = [
            Prompt::Messages(vec![Message::system("s"), Message::user("b")]),
            Prompt::Messages(vec![Message::user("c")]),
        ];
        assert_eq!(prompts, expected);
        for (text, want) in [
            ("{\"prompt\": \"a\", \"promt\": 1}", "`promt`"),
            ("{\"prompt\": \"a\", \"system\": \"s\"}", "`system`"),
            ("{\"prompt\": \"a\"}\n{oops", "line 2"),
            ("{\"prompt\": \"\"}", "line 1"),
            ("{\"prompt\": \"a\", \"split\": \"dev\"}", "`validation`"),
            ("{\"tokens\": [-1]}", "line 1"),
            ("{\"tokens\": []}", "line 1"),
            ("{\"other\": 1}", "line 1"),
            ("", "no prompts"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(want), "{text}: {message}");
        }
        let text = "{\"prompt\": \"a\", \"split\": \"test\"}\n{\"prompt\": \"b\", \"topic\": \"g\"}\n{\"chat\": \"c\", \"group\": \"G \"}";
        let samples = read(text).unwrap();
        let groups: Vec<Option<&str>> = samples.iter().map(|s| s.group.as_deref()).collect();
        assert_eq!(groups, [None, Some("g"), Some("G ")]);
        let splits: Vec<Split> = samples.into_iter().map(|s| s.split).collect();
        assert_eq!(splits[0], Split::Test);
        assert_eq!(splits[1], splits[2]);
        let missing = read_prompts(Path::new("no/such/file.jsonl")).unwrap_err();
        assert!(missing.is_input() && missing.to_string().contains("no/such/file.jsonl"));
    }

    #[test]
    fn a_policy_learns_on_the_training_part_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.jsonl");
        let line = |split: &str| format!("{{\"prompt\": \"{split}\", \"split\": \"{split}\"}}\n");
        std::fs::write(&path, line("test") + &line("train") + &line("validation")).unwrap();
        assert_eq!(
            read_training_prompts(&path).unwrap(),
            [Prompt::Text("train".into())]
        );
        std::fs::write(&path, line("test") + &line("validation")).unwrap();
        let error = read_training_prompts(&path).unwrap_err();
        let text = error.to_string();
        assert!(
            error.is_input() && text.contains("2 prompts, and none to train on"),
            "{text}"
        );
    }
}
