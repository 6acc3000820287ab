//! Edits that can be taken back, also after a restart: one stack for the file.
//!
//! An edit is kept with what stood before and after it, each under its revision. It is taken back where what it left
//! still stands, by writing what stood before as a new revision; what an undo writes again stands under the new revision
//! in all edits that knew it under the old one.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::file::{Study, to_json};
use super::hash::{Uid, now};
use super::notes::{State, Target};
use super::open::sqlite;
use crate::Result;

/// Edits that are kept.
pub(super) const KEPT: i64 = 500;

/// A change to one thing; `None` takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is edited.
    pub target: Target,
    /// What it becomes.
    pub value: Option<String>,
}

/// What was taken back, or done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// What the edit was called.
    pub title: String,
    /// What it touched.
    pub targets: Vec<Target>,
}

/// One thing that an edit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) target: Target,
    pub(super) before: State,
    pub(super) after: State,
}

struct Op {
    id: i64,
    title: String,
    parts: Vec<Part>,
}

impl Study {
    /// Makes changes as one edit, which [`Self::undo`] takes back as one; gives whether anything changed. What was undone
    /// before cannot be done again then.
    pub fn edit(&self, title: &str, edits: &[Edit]) -> Result<bool> {
        self.write(|transaction, origin| {
            let mut parts: Vec<Part> = Vec::new();
            let mut places: HashMap<&Target, usize> = HashMap::new();
            for Edit { target, value } in edits {
                let before = self.state(target)?;
                if before.value == *value {
                    continue;
                }
                let after = State {
                    rev: before.rev + 1,
                    value: value.clone(),
                };
                self.put_state(transaction, origin, target, &after)?;
                match places.get(target).and_then(|place| parts.get_mut(*place)) {
                    Some(part) => part.after = after,
                    None => {
                        places.insert(target, parts.len());
                        parts.push(Part {
                            target: target.clone(),
                            before,
                            after,
                        });
                    }
                }
            }
            if parts.is_empty() {
                return Ok(false);
            }
            self.put_op(transaction, origin, title, &parts)?;
            Ok(true)
        })
    }

    /// Puts an edit that was made on the stack.
    pub(super) fn put_op(
        &self,
        connection: &Connection,
        origin: i64,
        title: &str,
        parts: &[Part],
    ) -> Result<()> {
        let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            connection.execute(sql, values).map_err(sqlite(self.path()))
        };
        run(
            "DELETE FROM op WHERE undone = 1 AND (id <= ?1 OR origin = ?2)",
            &[&self.opened_at, &origin],
        )?;
        let created = now();
        let sql = "INSERT INTO op (uid, created, origin, title, target, before, after, rev, undone)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)";
        let [target, before, after] = columns(parts)?;
        let rev = parts.iter().map(|part| part.after.rev).max();
        run(
            sql,
            &[
                &Uid::event(created).0,
                &created,
                &origin,
                &title,
                &target,
                &before,
                &after,
                &rev.unwrap_or(0),
            ],
        )?;
        run(
            "DELETE FROM op WHERE id <= (SELECT id FROM op ORDER BY id DESC LIMIT 1 OFFSET ?1)",
            &[&KEPT],
        )?;
        Ok(())
    }

    /// What the next undo takes back, by its title.
    pub fn undo_title(&self) -> Result<Option<String>> {
        Ok(self.next_op(false)?.map(|op| op.title))
    }

    /// What the next redo does again, by its title.
    pub fn redo_title(&self) -> Result<Option<String>> {
        Ok(self.next_op(true)?.map(|op| op.title))
    }

    /// Takes the last edit back; `None` where there is none. Refused, naming who, where somebody else has edited the same
    /// since: all of it is as it was then. Edits that another program made while this one had the file open are its own.
    pub fn undo(&self) -> Result<Option<Undone>> {
        self.turn(false)
    }

    /// Does again what was undone last; `None` where there is nothing. Refused as [`Self::undo`] is.
    pub fn redo(&self) -> Result<Option<Undone>> {
        self.turn(true)
    }

    /// Leaves the edit that an undo was refused for, so that those before it can be taken back.
    pub fn skip_undo(&self) -> Result<()> {
        self.write(|transaction, _origin| {
            if let Some(op) = self.next_op(false)? {
                transaction
                    .execute("DELETE FROM op WHERE id = ?1", [op.id])
                    .map_err(sqlite(self.path()))?;
            }
            Ok(())
        })
    }

    fn turn(&self, again: bool) -> Result<Option<Undone>> {
        self.write(|transaction, origin| {
            let Some(op) = self.next_op(again)? else {
                return Ok(None);
            };
            let mut renamed = HashMap::new();
            for part in &op.parts {
                let (from, to) = if again {
                    (&part.before, &part.after)
                } else {
                    (&part.after, &part.before)
                };
                if self.state(&part.target)?.rev != from.rev {
                    return Err(self.edited(&part.target));
                }
                let state = State {
                    rev: from.rev + 1,
                    value: to.value.clone(),
                };
                self.put_state(transaction, origin, &part.target, &state)?;
                renamed.insert(&part.target, (to.rev, state.rev));
            }
            self.rename(transaction, &renamed)?;
            let sql = "UPDATE op SET undone = ?2 WHERE id = ?1";
            transaction
                .execute(sql, params![op.id, !again])
                .map_err(sqlite(self.path()))?;
            Ok(Some(Undone {
                title: op.title,
                targets: op.parts.into_iter().map(|part| part.target).collect(),
            }))
        })
    }

    /// What each of these targets was under the first revision stands under the second now.
    fn rename(
        &self,
        connection: &Connection,
        renamed: &HashMap<&Target, (i64, i64)>,
    ) -> Result<()> {
        for mut op in self.ops("1", &[])? {
            let mut changed = false;
            for part in &mut op.parts {
                let Some((old, new)) = renamed.get(&part.target) else {
                    continue;
                };
                for state in [&mut part.before, &mut part.after] {
                    if state.rev == *old {
                        state.rev = *new;
                        changed = true;
                    }
                }
            }
            if changed {
                let [_target, before, after] = columns(&op.parts)?;
                let rev = op.parts.iter().map(|part| part.after.rev).max();
                connection
                    .prepare_cached("UPDATE op SET before = ?2, after = ?3, rev = ?4 WHERE id = ?1")
                    .and_then(|mut statement| statement.execute(params![op.id, before, after, rev]))
                    .map_err(sqlite(self.path()))?;
            }
        }
        Ok(())
    }

    /// The edit that is next: those that were there when the file was opened, and our own since.
    fn next_op(&self, again: bool) -> Result<Option<Op>> {
        let sort = if again { "ASC" } else { "DESC" };
        let ours = format!("undone = ?1 AND (id <= ?2 OR origin = ?3) ORDER BY id {sort} LIMIT 1");
        let origin = self.known_origin().unwrap_or(0);
        Ok(self.ops(&ours, &[&again, &self.opened_at, &origin])?.pop())
    }

    fn ops(&self, which: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Op>> {
        let sql = format!("SELECT id, title, target, before, after FROM op WHERE {which}");
        let mut found = Vec::new();
        self.each(&sql, values, |row| {
            let targets: Vec<String> = self.json(&self.get::<String>(row, 2)?, "op.target")?;
            let states = |column, name| -> Result<Vec<State>> {
                let json: Option<String> = self.get(row, column)?;
                self.json(json.as_deref().unwrap_or("[]"), name)
            };
            let (before, after) = (states(3, "op.before")?, states(4, "op.after")?);
            if before.len() != targets.len() || after.len() != targets.len() {
                return Err(self.misread("op.target"));
            }
            let part = |((target, before), after): ((&String, State), State)| {
                let target = Target::parse(target)?;
                Some(Part {
                    target,
                    before,
                    after,
                })
            };
            let parts = targets.iter().zip(before).zip(after).map(part);
            found.push(Op {
                id: self.get(row, 0)?,
                title: self.get(row, 1)?,
                parts: parts
                    .collect::<Option<_>>()
                    .ok_or_else(|| self.misread("op.target"))?,
            });
            Ok(())
        })?;
        Ok(found)
    }
}

/// `op.target`, `op.before`, `op.after`: JSON lists of the same length.
fn columns(parts: &[Part]) -> Result<[String; 3]> {
    let targets: Vec<String> = parts.iter().map(|part| part.target.to_string()).collect();
    let before: Vec<&State> = parts.iter().map(|part| &part.before).collect();
    let after: Vec<&State> = parts.iter().map(|part| &part.after).collect();
    Ok([
        to_json("edit", &targets)?,
        to_json("edit", &before)?,
        to_json("edit", &after)?,
    ])
}
