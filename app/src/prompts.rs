//! Reads prompts from a JSON Lines file: `{"prompt": ...}`, `{"chat": ...}` or `{"tokens": [...]}`.

use std::path::Path;

use paretoscope_engine::protocol::Trouble;
use paretoscope_engine::types::Prompt;
use paretoscope_engine::{Error, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    prompt: Option<String>,
    chat: Option<String>,
    tokens: Option<Vec<u32>>,
}

/// All prompts of a file; the first bad line is named by number.
pub fn read(path: &Path) -> Result<Vec<Prompt>, Trouble> {
    let read = || -> Result<Vec<Prompt>> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        parse(path, &text)
    };
    read().map_err(|error| Trouble::from(&error))
}

fn parse(path: &Path, text: &str) -> Result<Vec<Prompt>> {
    let mut prompts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let fail = |problem: String| Error::Line {
            path: path.to_path_buf(),
            line: index + 1,
            problem,
        };
        let line: Line = serde_json::from_str(line).map_err(|e| {
            fail(format!(
                "{e}; each line is an object such as {{\"prompt\": \"...\"}}"
            ))
        })?;
        prompts.push(match line {
            Line {
                prompt: Some(text), ..
            } if !text.trim().is_empty() => Prompt::Text(text),
            Line {
                chat: Some(text), ..
            } if !text.trim().is_empty() => Prompt::Chat(text),
            Line {
                tokens: Some(ids), ..
            } if !ids.is_empty() => Prompt::Tokens(ids),
            _ => {
                return Err(fail(
                    "no `prompt`, `chat` or `tokens` with anything in it; each line needs one"
                        .to_owned(),
                ));
            }
        });
    }
    if prompts.is_empty() {
        return Err(Error::file(
            path,
            "holds no prompts; a sweep needs at least one line",
        ));
    }
    Ok(prompts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_prompts_and_bad_ones_are_numbered() {
        let path = Path::new("p.jsonl");
        let good = "{\"prompt\": \"a\"}\n\n{\"chat\": \"b\"}\n{\"tokens\": [1, 2]}\n";
        let expected = [
            Prompt::Text("a".into()),
            Prompt::Chat("b".into()),
            Prompt::Tokens(vec![1, 2]),
        ];
        assert_eq!(parse(path, good).unwrap(), expected);
        for (text, want) in [
            ("{\"prompt\": \"a\"}\n{oops", "line 2"),
            ("{\"prompt\": \"\"}", "line 1"),
            ("{\"tokens\": [-1]}", "line 1"),
            ("{\"other\": 1}", "line 1"),
            ("", "no prompts"),
        ] {
            let message = parse(path, text).unwrap_err().to_string();
            assert!(message.contains(want), "{text}: {message}");
        }
        let missing = read(Path::new("no/such/file.jsonl")).unwrap_err();
        assert!(missing.input && missing.message.contains("no/such/file.jsonl"));
    }
}
