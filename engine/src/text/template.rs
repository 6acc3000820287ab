//! Chat templates: Jinja as Hugging Face models ship it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json};

use super::jinja::{Input, Template};
use super::json::{self, SPECIAL};
use crate::types::Message;
use crate::{Error, Result, files};

/// The longest template that is read: 1 MiB. The longest known is 20 KiB.
const LONGEST: usize = 1 << 20;
/// Parsing and writing recurse: within the template engine's limits they stay far below this.
const STACK: usize = 256 << 20;

/// A model's own way of writing a conversation down. A template that cannot be parsed harms nothing until it is used.
#[derive(Debug)]
pub struct ChatTemplate {
    path: PathBuf,
    template: std::result::Result<Template, String>,
    special: Map<String, Json>,
}

impl ChatTemplate {
    /// The template of a model's folder, as transformers finds it: `chat_template.jinja`, else `chat_template.json`,
    /// else `chat_template` of `tokenizer_config.json`. Where there are several by name (a list, or files in
    /// `additional_chat_templates/`), it is the one called `default`; without one of that name it is refused when it
    /// is used. `None` where there is none.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let config_path = folder.join("tokenizer_config.json");
        let config = json::object(&config_path)?.unwrap_or_default();
        let map = json::object(&folder.join("special_tokens_map.json"))?.unwrap_or_default();
        let special = specials(&config, &map);
        let file = folder.join("chat_template.jinja");
        if let Some(source) = files::read_text_if_there(&file, files::SETTINGS)? {
            return Ok(Some(Self::new(file, source, special)));
        }
        let more = folder.join("additional_chat_templates");
        let default = more.join("default.jinja");
        if let Some(source) = files::read_text_if_there(&default, files::SETTINGS)? {
            return Ok(Some(Self::new(default, source, special)));
        }
        let alone = folder.join("chat_template.json");
        let alone_fields = json::object(&alone)?.unwrap_or_default();
        for (path, fields) in [(alone, &alone_fields), (config_path, &config)] {
            if let Some(template) = from_field(&path, fields)? {
                return Ok(Some(Self::of(path, template.and_then(parsed), special)));
            }
        }
        let names = named_files(&more);
        Ok((!names.is_empty()).then(|| Self::of(more, Err(no_default(&names)), special)))
    }

    /// A template from its source; `path` is named in errors. `special` holds the special tokens by name, e.g.
    /// `bos_token`.
    pub fn new(path: PathBuf, source: String, special: Map<String, Json>) -> Self {
        Self::of(path, parsed(source), special)
    }

    fn of(
        path: PathBuf,
        template: std::result::Result<Template, String>,
        special: Map<String, Json>,
    ) -> Self {
        Self {
            path,
            template,
            special,
        }
    }

    /// Why it cannot be used, where it cannot even be parsed.
    pub fn problem(&self) -> Option<Error> {
        let problem = self.template.as_ref().err()?;
        Some(self.unreadable(problem))
    }

    fn unreadable(&self, problem: &str) -> Error {
        let problem = format!("its chat template cannot be read: {problem}");
        Error::file(&self.path, problem)
    }

    /// Writes a conversation down, ready for the assistant's turn where `answer_next` says so. It holds its special
    /// tokens already: encode it without adding more. `time` is what `strftime_now` tells, in seconds since 1970 and
    /// UTC; without it, the time of the call.
    pub fn render(
        &self,
        messages: &[Message],
        answer_next: bool,
        time: Option<u64>,
    ) -> Result<String> {
        let template = self.template.as_ref();
        let template = template.map_err(|problem| self.unreadable(problem))?;
        let mut names = vec![
            ("messages", Input::List(messages.iter().map(turn).collect())),
            ("tools", Input::None),
            ("documents", Input::None),
            ("add_generation_prompt", Input::Bool(answer_next)),
        ];
        let text = |token: &Json| Input::Text(token.as_str().unwrap_or_default().to_owned());
        let special = self.special.iter();
        names.extend(special.map(|(name, token)| (name.as_str(), text(token))));
        let now = match time {
            Some(seconds) => (seconds, 0),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or((0, 0), |since| (since.as_secs(), since.subsec_micros())),
        };
        let written = on_a_large_stack(|| {
            let rendered = template.render(names, now);
            rendered.map_err(|failure| failure.to_string())
        });
        written.map_err(|problem| {
            Error::file(
                &self.path,
                format!("its chat template cannot write this conversation: {problem}"),
            )
        })
    }
}

/// A turn as templates see it.
fn turn(message: &Message) -> Input {
    let text = |text: &String| Input::Text(text.clone());
    let part = |part: &String| {
        Input::Dict(vec![
            ("type", Input::Text("text".to_owned())),
            ("text", text(part)),
        ])
    };
    let content = match message.given_parts() {
        None => text(&message.content),
        Some(parts) => Input::List(parts.iter().map(part).collect()),
    };
    Input::Dict(vec![("role", text(&message.role)), ("content", content)])
}

fn parsed(source: String) -> std::result::Result<Template, String> {
    if source.len() > LONGEST {
        return Err(format!(
            "it has {} bytes; {LONGEST} at most are read",
            source.len()
        ));
    }
    on_a_large_stack(|| Template::parse(&source))
}

/// Runs what recurses over a template on a thread whose stack is known; a panic in it becomes an error.
fn on_a_large_stack<T: Send>(
    work: impl FnOnce() -> std::result::Result<T, String> + Send,
) -> std::result::Result<T, String> {
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

/// The special tokens that a template may name, as transformers gives them: those of `tokenizer_config.json`, and of
/// `special_tokens_map.json` what is not there.
fn specials(config: &Map<String, Json>, map: &Map<String, Json>) -> Map<String, Json> {
    SPECIAL
        .iter()
        .filter_map(|name| {
            let token = json::special(config, name).or_else(|| json::special(map, name))?;
            Some(((*name).to_owned(), Json::String(token)))
        })
        .collect()
}

fn no_default(names: &[String]) -> String {
    format!(
        "there is none of the name `default`, which is the one that is used (there are: {})",
        names.join(", ")
    )
}

/// Names of the templates in `additional_chat_templates/`.
fn named_files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let jinja = path.extension().is_some_and(|end| end == "jinja");
            jinja.then(|| {
                path.file_stem()
                    .map(|name| name.to_string_lossy().into_owned())
            })?
        })
        .collect();
    names.sort();
    names
}

/// `chat_template` of a JSON file: a string, or named ones as a list or by name. Why there is none to use, where
/// there are only others.
fn from_field(
    path: &Path,
    fields: &Map<String, Json>,
) -> Result<Option<std::result::Result<String, String>>> {
    let wrong = || {
        Error::field(
            path,
            "chat_template",
            "expected a string, or a list of objects with `name` and `template`",
        )
    };
    let named: Vec<(&str, &Json)> = match fields.get("chat_template") {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(source)) => return Ok(Some(Ok(source.clone()))),
        Some(Json::Object(named)) => named.iter().map(|(name, t)| (name.as_str(), t)).collect(),
        Some(Json::Array(named)) => named
            .iter()
            .map(|entry| Some((entry.get("name")?.as_str()?, entry.get("template")?)))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?,
        Some(_) => return Err(wrong()),
    };
    if named.is_empty() {
        return Ok(None);
    }
    match named.iter().find(|(name, _)| *name == "default") {
        Some((_, Json::String(source))) => Ok(Some(Ok(source.clone()))),
        Some(_) => Err(wrong()),
        None => {
            let names: Vec<String> = named.iter().map(|(name, _)| (*name).to_owned()).collect();
            Ok(Some(Err(no_default(&names))))
        }
    }
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

    fn written(template: &ChatTemplate, turns: &[Message]) -> Result<String> {
        template.render(turns, true, None)
    }

    #[test]
    fn what_a_template_sees_is_what_transformers_gives_it() {
        for (source, text) in [
            (
                "{{ messages[0] | tojson }}",
                r#"{"role": "user", "content": "Hi <b>"}"#,
            ),
            (
                "{% if tools is none and documents is none %}none{% endif %}[{{ unk_token }}]",
                "none[<unk>]",
            ),
            ("a\r\nb{% generation %}x{%- endgeneration -%} y", "a\nbxy"),
        ] {
            let turns = [Message::user("Hi <b>")];
            assert_eq!(
                written(&template(source), &turns).unwrap(),
                text,
                "{source}"
            );
        }
    }

    #[test]
    fn contents_in_parts_reach_the_template_in_parts() {
        let turns: Vec<Message> = serde_json::from_str(
            r#"[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]"#,
        )
        .unwrap();
        assert_eq!(turns[0].content, "ab");
        let each = "{% for part in messages[0].content %}<{{ part.text }}>{% endfor %}";
        assert_eq!(written(&template(each), &turns).unwrap(), "<a><b>");
        let plain = "{{ 'U: ' + messages[0].content }}";
        assert!(written(&template(plain), &turns).is_err());
        // Once it is edited, it is one text.
        let mut edited = turns.clone();
        edited[0].content.push('c');
        assert_eq!(written(&template(plain), &edited).unwrap(), "U: abc");
        let again: Vec<Message> =
            serde_json::from_str(&serde_json::to_string(&turns).unwrap()).unwrap();
        assert_eq!(again, turns);
        let image = r#"{"role": "user", "content": [{"type": "image", "url": "x"}]}"#;
        assert!(serde_json::from_str::<Message>(image).is_err());
    }

    #[test]
    fn a_template_that_refuses_gives_its_own_words() {
        let chat = template("{{ raise_exception('Only even numbers of turns') }}");
        let error = written(&chat, &[Message::user("hi")]).unwrap_err();
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
        let error = written(&broken, &[Message::user("hi")]).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains("cannot be read: line 1"),
            "{error}"
        );
    }

    #[test]
    fn one_time_is_told_where_one_is_given() {
        let chat = template("{{ strftime_now('%d %b %Y') }}");
        let text = chat.render(&[], true, Some(951_782_400)).unwrap();
        assert_eq!(text, "29 Feb 2000");
    }

    #[test]
    fn the_template_is_found_in_each_of_its_places() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let load = || ChatTemplate::load(folder.path());
        let found = || written(&load().unwrap().unwrap(), &[]).unwrap();
        assert!(load().unwrap().is_none());
        put(
            "tokenizer_config.json",
            r#"{"bos_token": {"content": "<s>"}, "chat_template": [{"name": "tool", "template": "no"}, {"name": "default", "template": "{{ bos_token }}list"}]}"#,
        );
        assert_eq!(found(), "<s>list");
        put(
            "chat_template.json",
            r#"{"chat_template": "{{ bos_token }}alone"}"#,
        );
        assert_eq!(found(), "<s>alone");
        std::fs::create_dir(folder.path().join("additional_chat_templates")).unwrap();
        put("additional_chat_templates/rag.jinja", "rag");
        assert_eq!(found(), "<s>alone");
        put("chat_template.jinja", "{{ bos_token }}file");
        assert_eq!(found(), "<s>file");
        for name in [
            "chat_template.jinja",
            "chat_template.json",
            "tokenizer_config.json",
        ] {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        let problem = load().unwrap().unwrap().problem().unwrap().to_string();
        assert!(
            problem.contains("`default`") && problem.contains("rag"),
            "{problem}"
        );
        put("additional_chat_templates/default.jinja", "more");
        assert_eq!(found(), "more");
    }

    #[test]
    fn named_templates_without_default_harm_nothing_until_one_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("tokenizer_config.json");
        std::fs::write(
            &config,
            r#"{"chat_template": [{"name": "tool_use", "template": "a"}]}"#,
        )
        .unwrap();
        let chat = ChatTemplate::load(folder.path()).unwrap().unwrap();
        let error = written(&chat, &[]).unwrap_err().to_string();
        assert!(
            error.contains("`default`") && error.contains("tool_use"),
            "{error}"
        );
        std::fs::write(&config, r#"{"chat_template": 3}"#).unwrap();
        let error = ChatTemplate::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chat_template"), "{error}");
    }
}
