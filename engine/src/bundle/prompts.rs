//! Prompts in JSON Lines.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::types::{Prompt, PromptSample};
use crate::{Error, Result};

/// One line: `{"prompt": text}`, `{"chat": a user's turn}` or `{"tokens": [ids]}`, with an optional title.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PromptLine {
    prompt: Option<String>,
    chat: Option<String>,
    tokens: Option<Vec<u32>>,
    title: Option<String>,
}

/// Reads prompts, one per line; blank lines are skipped, a bad line is named by its number.
pub fn read_prompts(path: &Path) -> Result<Vec<PromptSample>> {
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let mut prompts = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(Error::io("read", path))?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |problem: String| Error::Line {
            path: path.to_path_buf(),
            line: index + 1,
            problem,
        };
        let parsed: PromptLine = serde_json::from_str(&line).map_err(|e| {
            wrong(format!(
                "not a prompt: {e}; a line is {{\"prompt\": \"...\"}} or {{\"chat\": \"...\"}}"
            ))
        })?;
        let (prompt, text) = match (parsed.prompt, parsed.chat, parsed.tokens) {
            (Some(text), None, None) => (Prompt::Text(text.clone()), text),
            (None, Some(text), None) => (Prompt::Chat(text.clone()), text),
            (None, None, Some(ids)) => {
                (Prompt::Tokens(ids.clone()), format!("{} tokens", ids.len()))
            }
            _ => {
                return Err(wrong(
                    "a line has exactly one of `prompt`, `chat` and `tokens`".to_owned(),
                ));
            }
        };
        if text.trim().is_empty() {
            return Err(wrong("the prompt is empty".to_owned()));
        }
        prompts.push(PromptSample {
            title: parsed.title.unwrap_or(text),
            prompt,
        });
    }
    if prompts.is_empty() {
        return Err(Error::file(
            path,
            "holds no prompts; a line is {\"prompt\": \"...\"}",
        ));
    }
    Ok(prompts)
}
