//! What a person adds: notes, tags, marks, views, decks. Each has a revision, which counts its edits.

use std::fmt;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::file::Study;
use super::hash::{Uid, now};
use super::open::{fault, sqlite};
use crate::{Error, Result};

/// What is edited.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// The note on an answer, a point, a sweep: its text.
    Note(Uid),
    /// A tag of this name; its value is empty.
    Tag(Uid, String),
    /// A mark of this kind (`pin`, `star`, `hidden`, `name`); its value is empty, or the name that a point is given.
    Mark(Uid, String),
    /// Where a person was, by the view's name: JSON.
    View(String),
    /// A talk: JSON. See [`Study::new_deck`].
    Deck(Uid),
    /// A stop of a talk: JSON. See [`Study::new_stop`].
    Stop(Uid),
    /// A figure: JSON. See [`Study::new_figure`].
    Figure(Uid),
}

impl Target {
    /// The table, whose name begins its words.
    pub(super) fn table(&self) -> &'static str {
        match self {
            Self::Note(_) => "note",
            Self::Tag(..) => "tag",
            Self::Mark(..) => "mark",
            Self::View(_) => "view",
            Self::Deck(_) => "deck",
            Self::Stop(_) => "stop",
            Self::Figure(_) => "figure",
        }
    }

    /// From the words of [`fmt::Display`]; `None` for anything else.
    pub fn parse(words: &str) -> Option<Self> {
        let (table, rest) = words.split_once(' ')?;
        let named = || {
            let (uid, name) = rest.split_once(' ')?;
            Some((Uid::parse(uid)?, name.to_owned()))
        };
        match table {
            "note" => Uid::parse(rest).map(Self::Note),
            "tag" => named().map(|(uid, name)| Self::Tag(uid, name)),
            "mark" => named().map(|(uid, kind)| Self::Mark(uid, kind)),
            "view" => Some(Self::View(rest.to_owned())),
            "deck" => Uid::parse(rest).map(Self::Deck),
            "stop" => Uid::parse(rest).map(Self::Stop),
            "figure" => Uid::parse(rest).map(Self::Figure),
            _ => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.table())?;
        match self {
            Self::Note(uid) | Self::Deck(uid) | Self::Stop(uid) | Self::Figure(uid) => {
                write!(f, "{uid}")
            }
            Self::Tag(uid, name) | Self::Mark(uid, name) => write!(f, "{uid} {name}"),
            Self::View(name) => f.write_str(name),
        }
    }
}

/// How something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Counts its edits; 0 for what never was.
    pub rev: i64,
    /// `None` where there is none: no note, tag or mark (any more).
    pub value: Option<String>,
}

impl Study {
    /// How something stands.
    pub fn state(&self, target: &Target) -> Result<State> {
        let empty = |value: &String| !value.is_empty();
        let standing = "CASE standing WHEN 1 THEN";
        let (columns, place) = match target {
            Target::Note(_) => ("body".to_owned(), "target = ?1"),
            Target::Tag(..) => (format!("{standing} '' END"), "target = ?1 AND name = ?2"),
            Target::Mark(..) => (
                format!("{standing} coalesce(value, '') END"),
                "target = ?1 AND kind = ?2",
            ),
            Target::View(_) => ("json".to_owned(), "name = ?2"),
            Target::Deck(_) | Target::Stop(_) | Target::Figure(_) => {
                ("json".to_owned(), "uid = ?1")
            }
        };
        let (uid, name) = place_of(target);
        // Both parameters are named, so that every statement has both.
        let sql = format!(
            "SELECT rev, {columns} FROM {} WHERE {place} AND ?1 IS ?1 AND ?2 IS ?2",
            target.table()
        );
        let mut found = State::default();
        self.each(&sql, params![uid, name], |row| {
            let value: Option<String> = self.get(row, 1)?;
            found = State {
                rev: self.get(row, 0)?,
                value: match target {
                    Target::Note(_) => value.filter(empty),
                    Target::Tag(..) | Target::Mark(..) => value,
                    _ => value.filter(|json| json != "null"),
                },
            };
            Ok(())
        })?;
        Ok(found)
    }

    /// Writes a value under a revision, as this process's edit.
    pub(super) fn put_state(
        &self,
        connection: &Connection,
        origin: i64,
        target: &Target,
        state: &State,
    ) -> Result<()> {
        let (columns, key) = match target {
            Target::Note(_) => ("target, body", "target"),
            Target::Tag(..) => ("target, name, standing", "target, name"),
            Target::Mark(..) => ("target, kind, value, standing", "target, kind"),
            Target::View(_) => ("name, json", "name"),
            Target::Deck(_) | Target::Stop(_) | Target::Figure(_) => {
                return self.put_json(connection, origin, target, state);
            }
        };
        let (uid, name) = place_of(target);
        let value = state.value.as_deref();
        let standing = value.is_some();
        let text = value.filter(|v| !v.is_empty());
        let values: Vec<&dyn rusqlite::ToSql> = match target {
            Target::Note(_) => vec![&uid, value.as_ref().map_or(&"", |v| v)],
            Target::Tag(..) => vec![&uid, &name, &standing],
            Target::Mark(..) => vec![&uid, &name, &text, &standing],
            _ => vec![&name, value.as_ref().map_or(&"null", |v| v)],
        };
        let marks: Vec<String> = (0..values.len()).map(|at| format!("?{}", at + 5)).collect();
        let marks = marks.join(", ");
        let kept: Vec<String> = columns
            .split(", ")
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let kept = kept.join(", ");
        let sql = format!(
            "INSERT INTO {table} (uid, created, origin, rev, {columns}) VALUES (?1, ?2, ?3, ?4, {marks})
             ON CONFLICT ({key}) DO UPDATE SET created = excluded.created, origin = excluded.origin, rev = excluded.rev, {kept}",
            table = target.table()
        );
        let created = now();
        let event = Uid::event(created).0;
        let mut all: Vec<&dyn rusqlite::ToSql> = vec![&event, &created, &origin, &state.rev];
        all.extend(values);
        connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.execute(&all[..]))
            .map_err(sqlite(self.path()))?;
        Ok(())
    }

    fn put_json(
        &self,
        connection: &Connection,
        origin: i64,
        target: &Target,
        state: &State,
    ) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET created = ?2, origin = ?3, rev = ?4, json = ?5 WHERE uid = ?1",
            target.table()
        );
        let (uid, _name) = place_of(target);
        let json = state.value.as_deref().unwrap_or("null");
        let changed = connection
            .execute(&sql, params![uid, now(), origin, state.rev, json])
            .map_err(sqlite(self.path()))?;
        match changed {
            0 => Err(Error::option(
                "target",
                format!("there is no {target} in {}", self.path().display()),
            )),
            _ => Ok(()),
        }
    }

    /// Keeps where a person is, without a step of undo; `known` is the revision that the caller saw last. Gives the new
    /// one.
    pub fn save_view(&self, name: &str, json: &str, known: i64) -> Result<i64> {
        let target = Target::View(name.to_owned());
        self.write(|transaction, origin| {
            let stands = self.state(&target)?;
            if stands.rev != known {
                return Err(self.edited(&target));
            }
            let rev = known + 1;
            let state = State {
                rev,
                value: Some(json.to_owned()),
            };
            self.put_state(transaction, origin, &target, &state)?;
            Ok(rev)
        })
    }

    /// Why an edit is refused: somebody else made one since.
    pub(super) fn edited(&self, target: &Target) -> Error {
        let (uid, name) = place_of(target);
        let place = match target {
            Target::Note(_) => "t.target = ?1",
            Target::Tag(..) => "t.target = ?1 AND t.name = ?2",
            Target::Mark(..) => "t.target = ?1 AND t.kind = ?2",
            Target::View(_) => "t.name = ?2",
            Target::Deck(_) | Target::Stop(_) | Target::Figure(_) => "t.uid = ?1",
        };
        let sql = format!(
            "SELECT o.program, o.os, o.alias, datetime(t.created / 1000, 'unixepoch') FROM {} t
             JOIN origin o ON o.id = t.origin WHERE {place} AND ?1 IS ?1 AND ?2 IS ?2",
            target.table()
        );
        let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<[String; 4]> {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        };
        let found = self
            .connection
            .query_row(&sql, params![uid, name], row)
            .optional();
        let who = match found {
            Ok(Some([program, os, alias, time])) => {
                let alias = if alias.is_empty() {
                    alias
                } else {
                    format!(" ({alias})")
                };
                format!("{program} on {os}{alias} at {time} UTC")
            }
            Ok(None) => "a program that is not named".to_owned(),
            Err(error) => return sqlite(self.path())(error),
        };
        let what = match target {
            Target::View(name) => format!("view `{name}`"),
            Target::Tag(_, name) => format!("tag `{name}`"),
            Target::Mark(_, kind) => format!("mark `{kind}`"),
            other => other.table().to_owned(),
        };
        fault(
            self.path(),
            format!(
                "the {what} was edited by {who} meanwhile; look at it as it is now before you change it"
            ),
        )
    }

    /// The tags of something, in the alphabet's order.
    pub fn tags(&self, target: &Uid) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let sql = "SELECT name FROM tag WHERE target = ?1 AND standing = 1 ORDER BY name";
        self.each(sql, [&target.0], |row| {
            found.push(self.get(row, 0)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// All that is tagged, with a tag, in the alphabet's order of tags.
    pub fn tagged(&self) -> Result<Vec<(Uid, String)>> {
        let mut found = Vec::new();
        let sql = "SELECT target, name FROM tag WHERE standing = 1 ORDER BY name, uid";
        self.each(sql, [], |row| {
            found.push((Uid(self.get(row, 0)?), self.get(row, 1)?));
            Ok(())
        })?;
        Ok(found)
    }

    /// All that bears a mark of a kind, with its value, the oldest first.
    pub fn marked(&self, kind: &str) -> Result<Vec<(Uid, String)>> {
        let mut found = Vec::new();
        let sql = "SELECT target, coalesce(value, '') FROM mark WHERE kind = ?1 AND standing = 1 ORDER BY uid";
        self.each(sql, [kind], |row| {
            found.push((Uid(self.get(row, 0)?), self.get(row, 1)?));
            Ok(())
        })?;
        Ok(found)
    }

    /// All notes, the oldest first.
    pub fn notes(&self) -> Result<Vec<(Uid, String)>> {
        let mut found = Vec::new();
        self.each(
            "SELECT target, body FROM note WHERE body <> '' ORDER BY uid",
            [],
            |row| {
                found.push((Uid(self.get(row, 0)?), self.get(row, 1)?));
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// A new talk.
    pub fn new_deck(&self, json: &str) -> Result<Uid> {
        self.new_json("deck", json, None)
    }

    /// A new stop of a talk.
    pub fn new_stop(&self, deck: &Uid, json: &str) -> Result<Uid> {
        self.new_json("stop", json, Some(deck))
    }

    /// A new figure.
    pub fn new_figure(&self, json: &str) -> Result<Uid> {
        self.new_json("figure", json, None)
    }

    fn new_json(&self, table: &'static str, json: &str, deck: Option<&Uid>) -> Result<Uid> {
        let uid = Uid::event(now());
        self.write(|transaction, origin| {
            let mut columns: Vec<(&'static str, &dyn rusqlite::ToSql)> =
                vec![("rev", &1_i64), ("json", &json)];
            let number: i64;
            if let Some(deck) = deck {
                number = self.one("SELECT id FROM deck WHERE uid = ?1", [&deck.0])?;
                columns.push(("deck", &number));
            }
            self.put(transaction, origin, table, &uid, &columns)
        })?;
        Ok(uid)
    }
}

/// The two columns that say where a target's row is.
fn place_of(target: &Target) -> (Option<&[u8]>, Option<&str>) {
    match target {
        Target::Note(uid) | Target::Deck(uid) | Target::Stop(uid) | Target::Figure(uid) => {
            (Some(&uid.0), None)
        }
        Target::Tag(uid, name) | Target::Mark(uid, name) => (Some(&uid.0), Some(name)),
        Target::View(name) => (None, Some(name)),
    }
}
