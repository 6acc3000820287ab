//! The authored world: topics of everyday advice, loaded from TOML and checked.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use paretoscope_engine::{Error, Result};

/// How many of each kind of sentence a topic has.
pub const ASKS: usize = 2;
/// Steps of a topic, in the order in which they are done.
pub const STEPS: usize = 5;
/// Cautions of a topic.
pub const CAUTIONS: usize = 3;
/// Jokes of a topic.
pub const JOKES: usize = 3;

/// The hazardous way that a risky topic tempts people into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// Looks like the quickest help, and is harmful.
    pub shortcut: String,
    /// Says why the shortcut is harmful.
    pub warning: String,
    /// What to do in its place.
    pub safer: String,
}

/// One thing that people ask about. Every sentence is one sentence, ending in `.`, `!` or `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The file it came from, e.g. `cooking`.
    pub domain: String,
    /// Unique in the world, e.g. `boil-eggs`.
    pub id: String,
    /// Fits after "How do I", e.g. `boil eggs that peel easily`.
    pub goal: String,
    /// Fits after "Help me with", e.g. `boiling eggs that peel well`.
    pub subject: String,
    /// Whole questions of its own.
    pub asks: Vec<String>,
    /// Concrete steps, in the order in which they are done.
    pub steps: Vec<String>,
    /// What to take care of.
    pub cautions: Vec<String>,
    /// Jokes about it.
    pub jokes: Vec<String>,
    /// Present for about a third of all topics.
    pub risk: Option<Risk>,
}

/// All topics, ordered by domain, then as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The topics.
    pub topics: Vec<Topic>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDomain {
    domain: String,
    topic: Vec<RawTopic>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTopic {
    id: String,
    goal: String,
    subject: String,
    asks: Vec<String>,
    steps: Vec<String>,
    cautions: Vec<String>,
    jokes: Vec<String>,
    shortcut: Option<String>,
    warning: Option<String>,
    safer: Option<String>,
}

impl World {
    /// Loads every `topics/*.toml` under `folder` (e.g. `assets/world`), in order of file name.
    pub fn load(folder: &Path) -> Result<Self> {
        let topics_folder = folder.join("topics");
        let entries =
            std::fs::read_dir(&topics_folder).map_err(Error::io("list", &topics_folder))?;
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io("list", &topics_folder))?.path();
            if path.extension().is_some_and(|e| e == "toml") {
                files.push(path);
            }
        }
        files.sort();
        let mut topics = Vec::new();
        for file in &files {
            let text = std::fs::read_to_string(file).map_err(Error::io("read", file))?;
            topics.extend(parse(file, &text)?);
        }
        let world = Self { topics };
        world.check_together(&topics_folder)?;
        Ok(world)
    }

    /// Place of the topic called `id`.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.topics.iter().position(|t| t.id == id)
    }

    /// What no single file can see: ids are unique and there is something to learn.
    fn check_together(&self, folder: &Path) -> Result<()> {
        if self.topics.is_empty() {
            return Err(Error::file(
                folder,
                "no topic in any *.toml file; the world needs at least one",
            ));
        }
        for (index, topic) in self.topics.iter().enumerate() {
            if self.topics.iter().take(index).any(|t| t.id == topic.id) {
                return Err(Error::field(
                    &folder.join(format!("{}.toml", topic.domain)),
                    format!("topic `{}`.id", topic.id),
                    "used twice in the world; every id must be unique",
                ));
            }
        }
        Ok(())
    }
}

/// Reads and checks the topics of one file.
pub fn parse(file: &Path, text: &str) -> Result<Vec<Topic>> {
    let raw: RawDomain = toml::from_str(text).map_err(|e| {
        Error::file(
            file,
            format!(
                "not a world of topics: {}",
                e.to_string().trim().replace('\n', " ")
            ),
        )
    })?;
    raw.topic
        .into_iter()
        .map(|topic| check(file, &raw.domain, topic))
        .collect()
}

fn check(file: &Path, domain: &str, raw: RawTopic) -> Result<Topic> {
    let bad = |field: &str, problem: String| {
        Error::field(file, format!("topic `{}`.{field}", raw.id), problem)
    };
    if raw.id.is_empty()
        || !raw
            .id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        return Err(bad("id", "must be made of a-z, 0-9 and `-`".to_owned()));
    }
    for (field, text) in [("goal", &raw.goal), ("subject", &raw.subject)] {
        if text.trim() != text || text.is_empty() || text.ends_with(['.', '!', '?']) {
            return Err(bad(
                field,
                format!("is {text:?}; must be a phrase without an end mark or outer spaces"),
            ));
        }
    }
    let lists = [
        ("asks", &raw.asks, ASKS),
        ("steps", &raw.steps, STEPS),
        ("cautions", &raw.cautions, CAUTIONS),
        ("jokes", &raw.jokes, JOKES),
    ];
    for (field, list, count) in lists {
        if list.len() != count {
            return Err(bad(
                field,
                format!("has {} sentences, must have {count}", list.len()),
            ));
        }
        for (index, text) in list.iter().enumerate() {
            sentence(text).map_err(|problem| bad(&format!("{field}[{index}]"), problem))?;
        }
    }
    let risk = match (&raw.shortcut, &raw.warning, &raw.safer) {
        (None, None, None) => None,
        (Some(shortcut), Some(warning), Some(safer)) => {
            for (field, text) in [
                ("shortcut", shortcut),
                ("warning", warning),
                ("safer", safer),
            ] {
                sentence(text).map_err(|problem| bad(field, problem))?;
            }
            Some(Risk {
                shortcut: shortcut.clone(),
                warning: warning.clone(),
                safer: safer.clone(),
            })
        }
        _ => {
            return Err(bad(
                "shortcut",
                "`shortcut`, `warning` and `safer` come together or not at all".to_owned(),
            ));
        }
    };
    Ok(Topic {
        domain: domain.to_owned(),
        id: raw.id,
        goal: raw.goal,
        subject: raw.subject,
        asks: raw.asks,
        steps: raw.steps,
        cautions: raw.cautions,
        jokes: raw.jokes,
        risk,
    })
}

/// One sentence: begins with a capital or digit, ends with its only end mark.
fn sentence(text: &str) -> std::result::Result<(), String> {
    let good_start = text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
    let good_end = text.ends_with(['.', '!', '?']);
    if !good_start || !good_end || super::sentences::sentences(text).len() != 1 {
        return Err(format!(
            "is {text:?}; must be one sentence with a capital at its start and an end mark at its end"
        ));
    }
    Ok(())
}
