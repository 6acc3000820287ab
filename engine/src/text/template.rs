//! Chat templates: Jinja as Hugging Face models ship it, run by minijinja.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, Value, context};
use serde_json::{Map, Value as Json};

use super::{json, python};
use crate::types::Message;
use crate::{Error, Result, files};

/// The longest template that is read: 1 MiB. The longest known is 20 KiB.
const LONGEST: usize = 1 << 20;
/// The longest single tag, `{{ ... }}` or `{% ... %}`: what is nested within one is parsed by recursion.
const LONGEST_TAG: usize = 16 << 10;
/// Instructions that writing one conversation may take.
const FUEL: u64 = 5_000_000;
/// The longest text that a conversation may become.
const LONGEST_TEXT: usize = 16 << 20;
/// Parsing and writing recurse: within the limits above they stay far below this.
const STACK: usize = 256 << 20;

/// A model's own way of writing a conversation down. A template that cannot be parsed harms nothing until it is used.
#[derive(Debug)]
pub struct ChatTemplate {
    path: PathBuf,
    environment: Result<Environment<'static>, String>,
    special: Map<String, Json>,
}

impl ChatTemplate {
    /// The template of a model's folder: `chat_template.jinja`, else `chat_template` in `chat_template.json` or
    /// `tokenizer_config.json` (a string, or a list of named ones, of which `default` is taken).
    /// `None` where there is none.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let config_path = folder.join("tokenizer_config.json");
        let config = json::object(&config_path)?.unwrap_or_default();
        let map = json::object(&folder.join("special_tokens_map.json"))?.unwrap_or_default();
        let file = folder.join("chat_template.jinja");
        let alone = folder.join("chat_template.json");
        let alone_fields = json::object(&alone)?.unwrap_or_default();
        let (path, source) = match files::read_text_if_there(&file, files::SETTINGS)? {
            Some(source) => (file, source),
            None => match (
                from_config(&alone, &alone_fields)?,
                from_config(&config_path, &config)?,
            ) {
                (Some(source), _) => (alone, source),
                (None, Some(source)) => (config_path, source),
                (None, None) => return Ok(None),
            },
        };
        Ok(Some(Self::new(path, source, specials(&config, &map))))
    }

    /// A template from its source; `path` is named in errors. `special` holds the special tokens by name, e.g.
    /// `bos_token`.
    pub fn new(path: PathBuf, source: String, special: Map<String, Json>) -> Self {
        Self {
            path,
            environment: on_a_large_stack(|| environment(source)),
            special,
        }
    }

    /// Why it cannot be used, where it cannot even be parsed.
    pub fn problem(&self) -> Option<Error> {
        let problem = self.environment.as_ref().err()?;
        Some(self.unreadable(problem))
    }

    fn unreadable(&self, problem: &str) -> Error {
        let problem = format!("its chat template cannot be read: {problem}");
        Error::file(&self.path, problem)
    }

    /// Writes a conversation down, ready for the assistant's turn. It holds its special tokens
    /// already: encode it without adding more.
    pub fn render(&self, messages: &[Message]) -> Result<String> {
        self.write(messages, true)
    }

    /// Writes a conversation down as it stands; see [`ChatTemplate::render`].
    pub fn render_whole(&self, messages: &[Message]) -> Result<String> {
        self.write(messages, false)
    }

    fn write(&self, messages: &[Message], answer_next: bool) -> Result<String> {
        let environment = self
            .environment
            .as_ref()
            .map_err(|problem| self.unreadable(problem))?;
        let written = on_a_large_stack(|| {
            let turns = messages
                .iter()
                .map(|m| context! { role => m.role.as_str(), content => m.content.as_str() });
            let turns: Vec<Value> = turns.collect();
            let special = self.special.iter();
            let special = Value::from_pairs(
                special.map(|(name, token)| (name.as_str(), token.as_str().unwrap_or_default())),
            );
            let context = context! {
                messages => turns,
                tools => (),
                documents => (),
                add_generation_prompt => answer_next,
                ..special
            };
            let mut text = Bounded(Vec::new());
            let template = environment.get_template("chat").map_err(in_words)?;
            template
                .render_captured_to(context, &mut text)
                .map_err(in_words)?;
            String::from_utf8(text.0).map_err(|error| error.to_string())
        });
        written.map_err(|problem| {
            Error::file(
                &self.path,
                format!("its chat template cannot write this conversation: {problem}"),
            )
        })
    }
}

/// What went wrong in a template, with what it wanted to say.
fn in_words(error: minijinja::Error) -> String {
    error.to_string()
}

/// Text up to a length.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_TEXT {
            return Err(std::io::Error::other(format!(
                "it would write more than {LONGEST_TEXT} bytes"
            )));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs what recurses over a template on a thread whose stack is known; a panic in it becomes an error.
fn on_a_large_stack<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("no thread to work on: {error}"))?;
        thread
            .join()
            .unwrap_or_else(|_| Err("the template engine failed on it".to_owned()))
    })
}

/// The engine as transformers sets Jinja up, with the template in it.
fn environment(source: String) -> Result<Environment<'static>, String> {
    if source.len() > LONGEST {
        return Err(format!(
            "it has {} bytes; {LONGEST} at most are read",
            source.len()
        ));
    }
    // Jinja knows one line ending.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    check_tags(&source)?;
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.map_err(in_words)?);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    python::add(&mut environment);
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
        .add_template_owned("chat", without_generation(&source))
        .map_err(in_words)?;
    Ok(environment)
}

/// Refuses tags so long that parsing them would recurse too deep.
fn check_tags(source: &str) -> Result<(), String> {
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        for part in source.split(open).skip(1) {
            let length = part.find(close).unwrap_or(part.len());
            if length > LONGEST_TAG {
                return Err(format!(
                    "one of its tags has {length} bytes; {LONGEST_TAG} at most are read"
                ));
            }
        }
    }
    Ok(())
}

/// `{% generation %}` marks what the assistant said, for training; in writing it changes nothing.
fn without_generation(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let end = tag.find("%}").map_or(tag.len(), |end| end + 2);
        let (tag, after) = tag.split_at(end);
        let word = tag.trim_start_matches("{%").trim_end_matches("%}");
        let word = word
            .trim_start_matches(['-', '+'])
            .trim_end_matches(['-', '+'])
            .trim();
        match word {
            "generation" => out.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => out.push_str(&tag.replace("endgeneration", "endif")),
            _ => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The special tokens that a template may name, as transformers gives them: those of `tokenizer_config.json`, and of
/// `special_tokens_map.json` what is not there.
fn specials(config: &Map<String, Json>, map: &Map<String, Json>) -> Map<String, Json> {
    const NAMES: [&str; 7] = [
        "bos_token",
        "eos_token",
        "unk_token",
        "sep_token",
        "pad_token",
        "cls_token",
        "mask_token",
    ];
    NAMES
        .iter()
        .filter_map(|name| {
            let token = json::special(config, name).or_else(|| json::special(map, name))?;
            Some(((*name).to_owned(), Json::String(token)))
        })
        .collect()
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
            let Some(entry) = default else {
                let names: Vec<&str> = named
                    .iter()
                    .filter_map(|entry| entry.get("name")?.as_str())
                    .collect();
                let problem = format!(
                    "has no template of the name `default` (there are: {})",
                    names.join(", ")
                );
                return if named.is_empty() {
                    Ok(None)
                } else {
                    Err(Error::field(path, "chat_template", problem))
                };
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
        let special =
            serde_json::json!({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"});
        let special = special.as_object().cloned().unwrap();
        ChatTemplate::new("t".into(), source.to_owned(), special)
    }

    fn written(source: &str) -> String {
        template(source).render(&[Message::user("Hi <b>")]).unwrap()
    }

    #[test]
    fn values_are_written_as_python_writes_them() {
        for (source, text) in [
            (
                "{% set d = {'b': 1, 'a': 2} %}{% for k in d %}{{ k }}{% endfor %}",
                "ba",
            ),
            (
                "{{ messages[0] | tojson }}",
                r#"{"role": "user", "content": "Hi <b>"}"#,
            ),
            (
                "{{ {'a': [1, 2.0]} | tojson(indent=2) }}",
                "{\n  \"a\": [\n    1,\n    2.0\n  ]\n}",
            ),
            ("{{ 'é' | tojson(ensure_ascii=true) }}", "\"\\u00e9\""),
            (
                "{{ 1e20 }} {{ [1e-7, none, 'a'] }}",
                "1e+20 [1e-07, None, 'a']",
            ),
            (
                "{% if tools is none and documents is none %}none{% endif %}[{{ unk_token }}]",
                "none[<unk>]",
            ),
            (
                "{{ nothing | length }}{{ 'abc'.removeprefix('a') }}{{ 'a,b,c'.rsplit(',', 1) }}",
                "0bc['a,b', 'c']",
            ),
            ("a\r\nb{% generation %}x{%- endgeneration -%} y", "a\nbxy"),
        ] {
            assert_eq!(written(source), text, "{source}");
        }
    }

    #[test]
    fn no_template_hangs_or_ends_the_program() {
        for source in [
            format!("{{{{ {}1 }}}}", "not ".repeat(100_000)),
            format!("{{{{ 1{} }}}}", "+1".repeat(200_000)),
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
                .to_owned(),
            "{% set x = namespace() %}{% set x.y = x %}{{ [x] }}{{ x.y.nothing.at.all }}"
                .to_owned(),
            "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}".to_owned(),
        ] {
            let error = template(&source)
                .render(&[Message::user("hi")])
                .unwrap_err();
            assert!(error.is_input(), "{error}");
        }
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
    fn a_broken_template_is_refused_when_it_is_used() {
        let broken = template("{% if %}");
        assert!(broken.problem().is_some() && template("a").problem().is_none());
        let error = broken.render(&[Message::user("hi")]).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains("cannot be read"),
            "{error}"
        );
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
