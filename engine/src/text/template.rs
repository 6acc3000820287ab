//! Chat templates: Jinja as Hugging Face models ship it, run by minijinja.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, Value, context};
use serde_json::{Map, Value as Json};

use super::json;
use crate::types::Message;
use crate::{Error, Result, files};

/// A model's own way of writing a conversation down.
#[derive(Debug)]
pub struct ChatTemplate {
    path: PathBuf,
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// The template of a model's folder: `chat_template.jinja`, else `chat_template` in
    /// `tokenizer_config.json` (a string, or a list of named ones, of which `default` or the first
    /// is taken). `None` where there is none.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let config_path = folder.join("tokenizer_config.json");
        let config = json::object(&config_path)?.unwrap_or_default();
        let file = folder.join("chat_template.jinja");
        let (path, source) = match files::read_text_if_there(&file, files::SETTINGS)? {
            Some(source) => (file, source),
            None => match from_config(&config_path, &config)? {
                Some(source) => (config_path, source),
                None => return Ok(None),
            },
        };
        let special = |field| json::special(&config, field).unwrap_or_default();
        Self::new(path, source, special("bos_token"), special("eos_token")).map(Some)
    }

    /// A template from its source; `path` is named in errors.
    pub fn new(path: PathBuf, source: String, bos: String, eos: String) -> Result<Self> {
        let mut environment = Environment::new();
        // As transformers sets Jinja up.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        environment.set_syntax(
            syntax.map_err(|error| Error::file(&path, format!("no template syntax: {error}")))?,
        );
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function(
            "raise_exception",
            |message: String| -> Result<Value, minijinja::Error> {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
            },
        );
        environment.add_function("strftime_now", |format: String| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs());
            strftime(&format, now)
        });
        environment
            .add_template_owned("chat", source)
            .map_err(|error| {
                Error::file(&path, format!("its chat template cannot be read: {error}"))
            })?;
        Ok(Self {
            path,
            environment,
            bos,
            eos,
        })
    }

    /// Writes a conversation down, ready for the assistant's turn. It holds its special tokens
    /// already: encode it without adding more.
    pub fn render(&self, messages: &[Message]) -> Result<String> {
        let turns = messages
            .iter()
            .map(|m| context! { role => m.role.as_str(), content => m.content.as_str() });
        let turns: Vec<Value> = turns.collect();
        self.environment
            .get_template("chat")
            .and_then(|template| {
                template.render(context! {
                    messages => turns,
                    add_generation_prompt => true,
                    bos_token => self.bos.as_str(),
                    eos_token => self.eos.as_str(),
                })
            })
            .map_err(|error| {
                Error::file(
                    &self.path,
                    format!("its chat template cannot write this conversation: {error}"),
                )
            })
    }
}

fn from_config(path: &Path, config: &Map<String, Json>) -> Result<Option<String>> {
    let wrong = || {
        Error::field(
            path,
            "chat_template",
            "expected a string, or a list of objects with `name` and `template`",
        )
    };
    match config.get("chat_template") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(source)) => Ok(Some(source.clone())),
        Some(Json::Array(named)) => {
            let default = named
                .iter()
                .find(|entry| entry.get("name").and_then(Json::as_str) == Some("default"));
            let Some(entry) = default.or(named.first()) else {
                return Ok(None);
            };
            entry
                .get("template")
                .and_then(Json::as_str)
                .map(|source| Some(source.to_owned()))
                .ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

/// The time in UTC, by the conversions of C's `strftime` that chat templates use.
fn strftime(format: &str, unix_seconds: u64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] = [
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
    ];
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil(days);
    let month_name = MONTHS[(month - 1) as usize % 12];
    let day_name = DAYS[(days % 7) as usize];
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('Y') => out.push_str(&year.to_string()),
            Some('y') => out.push_str(&format!("{:02}", year % 100)),
            Some('m') => out.push_str(&format!("{month:02}")),
            Some('d') => out.push_str(&format!("{day:02}")),
            Some('B') => out.push_str(month_name),
            Some('b') => out.push_str(&month_name[..3]),
            Some('A') => out.push_str(day_name),
            Some('a') => out.push_str(&day_name[..3]),
            Some('H') => out.push_str(&format!("{:02}", second / 3600)),
            Some('M') => out.push_str(&format!("{:02}", second / 60 % 60)),
            Some('S') => out.push_str(&format!("{:02}", second % 60)),
            Some('%') => out.push('%'),
            Some(other) => out.extend(['%', other]),
            None => out.push('%'),
        }
    }
    out
}

/// Days since 1970-01-01 as year, month and day of the Gregorian calendar, by counting years from
/// 1 March 0000 in eras of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate::new(
            "t".into(),
            source.to_owned(),
            "<s>".to_owned(),
            "</s>".to_owned(),
        )
        .unwrap()
    }

    #[test]
    fn a_llama_style_template_renders() {
        let chat = template(
            "{{ bos_token }}{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '[INST] ' + message['content'].strip() + ' [/INST]' }}\n{% endif %}\n{% endfor %}",
        );
        assert_eq!(
            chat.render(&[Message::user("  a < b & 'c' ")]).unwrap(),
            "<s>[INST] a < b & 'c' [/INST]\n"
        );
    }

    #[test]
    fn blocks_are_trimmed_as_transformers_does() {
        let chat = template(
            "{% for m in messages %}\n    {%- if m.role == 'user' %}\nU: {{ m.content }}\n    {% endif %}\n{% endfor %}\n{% if add_generation_prompt %}A:{% endif %}",
        );
        assert_eq!(chat.render(&[Message::user("hi")]).unwrap(), "U: hi\nA:");
    }

    #[test]
    fn a_template_that_refuses_gives_its_own_words() {
        let chat = template("{{ raise_exception('Only even numbers of turns') }}");
        let error = chat.render(&[Message::user("hi")]).unwrap_err();
        assert!(error.is_input());
        assert!(
            error.to_string().contains("Only even numbers of turns"),
            "{error}"
        );
    }

    #[test]
    fn a_broken_template_is_refused_at_load() {
        let error = ChatTemplate::new(
            "t".into(),
            "{% if %}".to_owned(),
            String::new(),
            String::new(),
        )
        .unwrap_err();
        assert!(error.is_input());
    }

    #[test]
    fn dates_are_right() {
        assert_eq!(strftime("%d %b %Y", 0), "01 Jan 1970");
        assert_eq!(
            strftime("%A %Y-%m-%d %H:%M:%S 100%%", 1_709_210_096),
            "Thursday 2024-02-29 12:34:56 100%"
        );
        assert_eq!(strftime("%a %d %B %y%", 951_782_400), "Tue 29 February 00%");
    }

    #[test]
    fn the_template_is_found_in_each_of_its_places() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ChatTemplate::load(folder.path()).unwrap().is_none());
        let config = r#"{"bos_token": {"content": "<s>"}, "chat_template": [{"name": "tool", "template": "no"}, {"name": "default", "template": "{{ bos_token }}list"}]}"#;
        std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        assert_eq!(
            ChatTemplate::load(folder.path())
                .unwrap()
                .unwrap()
                .render(&[])
                .unwrap(),
            "<s>list"
        );
        std::fs::write(
            folder.path().join("chat_template.jinja"),
            "{{ bos_token }}file",
        )
        .unwrap();
        assert_eq!(
            ChatTemplate::load(folder.path())
                .unwrap()
                .unwrap()
                .render(&[])
                .unwrap(),
            "<s>file"
        );
        std::fs::remove_file(folder.path().join("chat_template.jinja")).unwrap();
        std::fs::write(
            folder.path().join("tokenizer_config.json"),
            r#"{"chat_template": 3}"#,
        )
        .unwrap();
        assert!(
            ChatTemplate::load(folder.path())
                .unwrap_err()
                .to_string()
                .contains("chat_template")
        );
    }
}
