//! Tasks of annotation and their items: a design is locked when it is written, and items are only added.

use std::collections::BTreeMap;

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::file::{Study, to_json};
use super::hash::{Uid, now};
use super::open::sqlite;
use crate::annotate::{Design, Question};
use crate::{Error, Problem, Result};

/// What a task in a pack says: what to ask, and nothing of where answers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packed {
    /// The version of a pack's format.
    pub pack: u32,
    /// What is asked.
    pub question: Question,
    /// By what.
    pub objectives: Vec<String>,
    /// What people are told.
    pub instructions: String,
    /// Whether people also say how much better an answer is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strength: bool,
}

/// What a task asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Asks {
    /// Of stored answers.
    Home(Design),
    /// Of the texts in a pack.
    Pack(Packed),
}

impl Asks {
    /// What is asked.
    pub fn question(&self) -> Question {
        match self {
            Self::Home(design) => design.question,
            Self::Pack(packed) => packed.question,
        }
    }

    /// By what.
    pub fn objectives(&self) -> &[String] {
        match self {
            Self::Home(design) => &design.objectives,
            Self::Pack(packed) => &packed.objectives,
        }
    }

    /// Whether people also say how much better an answer is.
    pub fn strength(&self) -> bool {
        match self {
            Self::Home(design) => design.strength,
            Self::Pack(packed) => packed.strength,
        }
    }

    /// What people are told.
    pub fn told(&self) -> String {
        match self {
            Self::Home(design) => design.told(),
            Self::Pack(packed) => packed.instructions.clone(),
        }
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskState {
    /// Its number.
    pub id: i64,
    /// Its name in every file.
    pub uid: Uid,
    /// What it is called.
    pub name: String,
    /// What it asks.
    pub asks: Asks,
}

/// What an item shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Sides {
    /// Answers of this study.
    Stored {
        /// Which batch it was drawn in.
        batch: usize,
        /// Its place there.
        place: usize,
        /// The prompt's name in every file.
        prompt: String,
        /// The answers' names in every file.
        answers: Vec<String>,
        /// What statistics call what made them.
        names: Vec<String>,
        /// Names of experts and objectives that stand in the texts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        told: Vec<String>,
    },
    /// Texts of a pack, in the order in which they are shown.
    Texts {
        /// Its place in the queue.
        place: usize,
        /// What was asked.
        prompt: String,
        /// The answers.
        texts: Vec<String>,
    },
}

impl Sides {
    /// Answers that it shows.
    pub fn len(&self) -> usize {
        match self {
            Self::Stored { answers, .. } => answers.len(),
            Self::Texts { texts, .. } => texts.len(),
        }
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a text that it shows names an expert, an adapter or an objective.
    pub fn tells(&self) -> bool {
        matches!(self, Self::Stored { told, .. } if !told.is_empty())
    }

    fn order(&self) -> (usize, usize) {
        match self {
            Self::Stored { batch, place, .. } => (*batch, *place),
            Self::Texts { place, .. } => (0, *place),
        }
    }
}

/// An item to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// What it shows.
    pub sides: Sides,
    /// The side that is wrong, where it is a check.
    pub wrong: Option<usize>,
    /// How likely it was to be asked.
    pub probability: f64,
}

/// An item.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredItem {
    /// Its number.
    pub id: i64,
    /// Its name in every file.
    pub uid: Uid,
    /// What it shows.
    pub sides: Sides,
    /// The side that is wrong, where it is a check.
    pub wrong: Option<usize>,
    /// How likely it was to be asked.
    pub probability: f64,
}

impl Study {
    /// Writes a task with its design, locked, and its first items.
    ///
    /// # Errors
    /// [`Error::Option`] where a task bears this name already, or the design asks what cannot be asked.
    pub fn new_task(&self, name: &str, design: &Design, items: &[NewItem]) -> Result<TaskState> {
        design
            .check()
            .map_err(|(field, problem)| Error::option(format!("design, {field}"), problem))?;
        if name.trim().is_empty() {
            return Err(Error::option("task", "its name is empty; give it one"));
        }
        self.write(|_transaction, _origin| {
            if self.tasks()?.iter().any(|task| task.name == name) {
                let problem = format!(
                    "`{name}` is there already, and its design is locked; take another name"
                );
                return Err(Error::option("task", problem));
            }
            let asks = Asks::Home(design.clone());
            let task = self.put_task(name, &Uid::event(now()), asks)?;
            self.put_items(task.id, items.iter().map(|item| (Uid::event(now()), item)))?;
            Ok(task)
        })
    }

    /// Adds items to a task.
    pub fn add_items(&self, task: &TaskState, items: &[NewItem]) -> Result<()> {
        self.write(|_transaction, _origin| {
            self.put_items(task.id, items.iter().map(|item| (Uid::event(now()), item)))
        })
    }

    /// Within a write: a locked task.
    pub(super) fn put_task(&self, name: &str, uid: &Uid, asks: Asks) -> Result<TaskState> {
        let design = to_json("design", &asks)?;
        let columns: [(&str, &dyn rusqlite::ToSql); 3] =
            [("name", &name), ("design", &design), ("locked", &1_i64)];
        let id = self.put(&self.connection, self.origin()?, "task", uid, &columns)?;
        Ok(TaskState {
            id,
            uid: uid.clone(),
            name: name.to_owned(),
            asks,
        })
    }

    /// Within a write: items under their names.
    pub(super) fn put_items<'a>(
        &self,
        task: i64,
        items: impl Iterator<Item = (Uid, &'a NewItem)>,
    ) -> Result<()> {
        let origin = self.origin()?;
        let sql = "INSERT INTO item (uid, created, origin, task, sides, gold, probability) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(sqlite(self.path()))?;
        for (uid, item) in items {
            let sides = to_json("sides", &item.sides)?;
            let gold = item
                .wrong
                .map(|wrong| to_json("gold", &Gold { wrong }))
                .transpose()?;
            statement
                .execute(params![
                    uid.0,
                    now(),
                    origin,
                    task,
                    sides,
                    gold,
                    item.probability
                ])
                .map_err(sqlite(self.path()))?;
        }
        Ok(())
    }

    /// All tasks, oldest first.
    pub fn tasks(&self) -> Result<Vec<TaskState>> {
        let mut found = Vec::new();
        let sql = "SELECT id, uid, name, design FROM task ORDER BY created, uid";
        self.each(sql, [], |row| {
            found.push(TaskState {
                id: self.get(row, 0)?,
                uid: Uid(self.get(row, 1)?),
                name: self.get(row, 2)?,
                asks: self.json(&self.get::<String>(row, 3)?, "task.design")?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// The task of a name.
    ///
    /// # Errors
    /// [`Error::Option`] where there is none.
    pub fn task_named(&self, option: &str, name: &str) -> Result<TaskState> {
        let all = self.tasks()?;
        let known: Vec<String> = all.iter().map(|task| task.name.clone()).collect();
        let found = all.into_iter().find(|task| task.name == name);
        found.ok_or_else(|| Error::option(option, Problem::unknown(name, known)))
    }

    /// The items of a task, in the order in which they were drawn.
    pub fn items(&self, task: &TaskState) -> Result<Vec<StoredItem>> {
        let mut found = Vec::new();
        let sql = "SELECT id, uid, sides, gold, probability FROM item WHERE task = ?1";
        self.each(sql, [task.id], |row| {
            let gold: Option<String> = self.get(row, 3)?;
            let gold: Option<Gold> = gold.map(|json| self.json(&json, "item.gold")).transpose()?;
            let sides: Sides = self.json(&self.get::<String>(row, 2)?, "item.sides")?;
            let wrong = gold.map(|gold| gold.wrong);
            if sides.is_empty() || wrong.is_some_and(|wrong| wrong >= sides.len()) {
                return Err(self.misread("item.sides"));
            }
            found.push(StoredItem {
                id: self.get(row, 0)?,
                uid: Uid(self.get(row, 1)?),
                sides,
                wrong,
                probability: self.get(row, 4)?,
            });
            Ok(())
        })?;
        found.sort_by(|a, b| (a.sides.order(), &a.uid).cmp(&(b.sides.order(), &b.uid)));
        Ok(found)
    }

    /// Number and text of the answers that items show, by their names in every file.
    pub(super) fn texts_of(&self, items: &[StoredItem]) -> Result<BTreeMap<String, (i64, String)>> {
        let mut found = BTreeMap::new();
        let sql = "SELECT id, text FROM generation WHERE uid = ?1";
        for item in items {
            let Sides::Stored { answers, .. } = &item.sides else {
                continue;
            };
            for uid in answers {
                if found.contains_key(uid) {
                    continue;
                }
                let bytes = Uid::parse(uid).ok_or_else(|| self.misread("item.sides"))?;
                self.each(sql, [&bytes.0], |row| {
                    found.insert(uid.clone(), (self.get(row, 0)?, self.get(row, 1)?));
                    Ok(())
                })?;
            }
        }
        Ok(found)
    }

    /// Which part of the prompts one belongs to, by its name in every file.
    pub fn prompt_split(&self, uid: &str) -> Result<Option<crate::types::Split>> {
        Ok(self.prompt_named(uid)?.and_then(|prompt| prompt.split))
    }

    /// A prompt by its name in every file.
    pub(super) fn prompt_named(&self, uid: &str) -> Result<Option<super::results::SweptPrompt>> {
        let bytes = Uid::parse(uid).ok_or_else(|| self.misread("item.sides"))?;
        let mut found = None;
        let sql = "SELECT uid, kind, body, split, topic FROM prompt WHERE uid = ?1";
        self.each(sql, [&bytes.0], |row| {
            let split: Option<String> = self.get(row, 3)?;
            let named = |name: String| {
                crate::types::Split::ALL
                    .into_iter()
                    .find(|split| split.name() == name)
            };
            found = Some(super::results::SweptPrompt {
                uid: Uid(self.get(row, 0)?),
                prompt: self.prompt_of(row, 1)?,
                split: split.and_then(named),
                topic: self.get(row, 4)?,
            });
            Ok(())
        })?;
        Ok(found)
    }
}

#[derive(Serialize, Deserialize)]
struct Gold {
    wrong: usize,
}
