//! What can be read of a damaged study goes into a new one; the damaged file stays as it is.
//!
//! Tables are read by number, row by row, past what cannot be read. How many rows there were is told by the index of their
//! names, which lies elsewhere in the file, and by gaps in their numbers. What is read is believed only where it fits: each
//! value its column, contents their name, what points at another row a row that is there.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::file::Study;
use super::graft::{beginnings, graft};
use super::hash::Uid;
use super::open::{beside, connect, fault, input, sqlite};
use super::salvage::Reading;
use super::schema::{APPLICATION, ROW_STORE, STEPS};
use super::tables::{Table, quoted, tables};
use crate::Result;
use crate::types::Prompt;

/// What of a table came through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLoss {
    /// The table.
    pub table: String,
    /// Rows in the new file.
    pub kept: usize,
    /// Rows that could not be read, or made no sense, as far as can be told.
    pub lost: usize,
    /// Whether more may be lost than can be told.
    pub more: bool,
    /// Rows that are left out, or altered, since what they point at is lost: answers without their prompt or bundle are
    /// kept and never given again, scores without their answer are not.
    pub bereft: usize,
}

/// What of a study came through, table by table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Losses {
    /// The tables that had rows, or whose rows are lost.
    pub tables: Vec<TableLoss>,
}

impl Losses {
    /// Whether all came through.
    pub fn none(&self) -> bool {
        self.tables
            .iter()
            .all(|t| t.lost == 0 && !t.more && t.bereft == 0)
    }
}

impl Losses {
    /// Rows that came through, in all tables.
    fn kept(&self) -> usize {
        self.tables.iter().map(|table| table.kept).sum()
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.none() {
            f.write_str("nothing was lost: ")?;
        }
        for (at, table) in self.tables.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {} kept", table.table, table.kept)?;
            match (table.lost, table.more) {
                (0, false) => {}
                (0, true) => f.write_str(", an unknown number lost")?,
                (lost, false) => write!(f, ", {lost} lost")?,
                (lost, true) => write!(f, ", at least {lost} lost")?,
            }
            if table.bereft > 0 {
                write!(f, ", {} lack what they point at", table.bereft)?;
            }
        }
        Ok(())
    }
}

/// What [`Study::recover`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The new file.
    pub path: PathBuf,
    /// What is not in it.
    pub losses: Losses,
}

impl Study {
    /// Writes all that can be read of a damaged study into `NAME (recovered).study` beside it.
    ///
    /// # Errors
    /// [`crate::Error::Study`] where nothing can be read, or the new file cannot be written.
    pub fn recover(path: &Path) -> Result<Recovered> {
        if !path.is_file() {
            return Err(input(
                path,
                "does not exist, or is no file; name a damaged study",
            ));
        }
        let folder = tempfile::tempdir()
            .map_err(|e| fault(path, format!("cannot be copied to be read: {e}")))?;
        let copy = folder.path().join("damaged");
        for ending in ["", "-wal", "-journal"] {
            let from = beside(path, ending);
            if from.exists() {
                std::fs::copy(&from, beside(&copy, ending))
                    .map_err(|e| fault(path, format!("cannot be copied to be read: {e}")))?;
            }
        }
        let mut best = match damaged(path, &copy)? {
            Some(damaged) => salvaged(path, &damaged, &folder.path().join("as it is")).ok(),
            None => None,
        };
        if best.as_ref().is_none_or(|(_, losses)| losses.kept() == 0) {
            // Where everything stands is lost: it is tried where it should stand.
            for (at, beginning) in beginnings(folder.path())?.iter().enumerate() {
                let place = |what: &str| folder.path().join(format!("{what} {at}"));
                let grafted = place("grafted");
                std::fs::copy(&copy, &grafted)
                    .and_then(|_bytes| graft(&grafted, beginning))
                    .map_err(|e| fault(path, format!("cannot be copied to be read: {e}")))?;
                let found = damaged(path, &grafted)?
                    .and_then(|damaged| salvaged(path, &damaged, &place("salvaged")).ok());
                let kept = |found: &Option<(Self, Losses)>| found.as_ref().map(|(_, l)| l.kept());
                if kept(&found) > kept(&best) {
                    best = found;
                }
            }
        }
        let Some((study, losses)) = best.filter(|(_, losses)| losses.kept() > 0) else {
            return Err(input(
                path,
                "holds nothing that can be read; restore one of the copies beside it",
            ));
        };
        let target = free_name(path);
        super::open::copy_into(&study.connection, path, &target)?;
        Ok(Recovered {
            path: target,
            losses,
        })
    }
}

/// What can be read, in a new study.
fn salvaged(path: &Path, damaged: &Connection, to: &Path) -> Result<(Study, Losses)> {
    let study = Study::open(to)?;
    let losses = Salvage::new(path, damaged, &study)?.all()?;
    Ok((study, losses))
}

/// A name beside the file that is free.
fn free_name(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let named = |count: usize| {
        let again = if count > 1 {
            format!(" {count}")
        } else {
            String::new()
        };
        path.with_file_name(format!("{stem} (recovered{again}).study"))
    };
    let free = (1..10_000).map(named).find(|name| !name.exists());
    free.unwrap_or_else(|| named(10_000))
}

/// A connection to a copy of the damaged file that reads what it can; `None` where it does not begin as a study does.
fn damaged(path: &Path, copy: &Path) -> Result<Option<Connection>> {
    let connection = connect(copy, OpenFlags::SQLITE_OPEN_READ_WRITE, "")?;
    // A file that is shorter than it says is read as far as it goes; cells are looked at before they are read.
    let settings =
        "PRAGMA writable_schema = ON; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = OFF;";
    let about = connection.execute_batch(settings).and_then(|()| {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        Ok((number("application_id")?, number("user_version")?))
    });
    let Ok((application, version)) = about else {
        return Ok(None);
    };
    if application == i64::from(ROW_STORE) {
        return Err(input(
            path,
            "is a store of rows of an earlier format; only studies can be recovered",
        ));
    }
    let known = STEPS.len() as i64;
    // No program of ours counts so far: that is damage, too.
    if version > known && version < 1000 && application == i64::from(APPLICATION) {
        let words = format!(
            "is of version {version}, this program knows {known}; use the program that wrote it"
        );
        return Err(input(path, words));
    }
    Ok((application == i64::from(APPLICATION)).then_some(connection))
}

struct Salvage<'a> {
    path: &'a Path,
    damaged: &'a Connection,
    study: &'a Study,
    tables: Vec<(Table, bool)>,
}

impl<'a> Salvage<'a> {
    fn new(path: &'a Path, damaged: &'a Connection, study: &'a Study) -> Result<Self> {
        study
            .connection
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;")
            .map_err(sqlite(path))?;
        let mut found = Vec::new();
        for table in tables(&study.connection, "main", path)? {
            if ["meta", "claim"].contains(&table.name.as_str()) {
                continue;
            }
            let sql = format!(
                "SELECT wr FROM pragma_table_list('{}') WHERE schema = 'main'",
                table.name
            );
            let without_number: bool = study.one(&sql, [])?;
            found.push((table, without_number));
        }
        Ok(Self {
            path,
            damaged,
            study,
            tables: found,
        })
    }

    fn all(&self) -> Result<Losses> {
        let mut losses = Vec::new();
        for (table, without_number) in &self.tables {
            let mut reading = Reading::new(self.damaged, self.study, table);
            let mut read = || match without_number {
                true => reading.by_key(),
                false => {
                    reading.by_number();
                    reading.by_names();
                }
            };
            // Programs that wrote keep their numbers; this one, which a write notes, comes after them.
            match table.name.as_str() {
                "origin" => read(),
                _ => self.study.write(|_transaction, _origin| {
                    read();
                    Ok(())
                })?,
            }
            losses.push(reading.loss);
        }
        self.study
            .write(|connection, origin| self.mend(connection, origin, &mut losses))?;
        for loss in &mut losses {
            let sql = format!("SELECT count(*) FROM {}", quoted(&loss.table));
            loss.kept = usize::try_from(self.study.one::<i64>(&sql, [])?).unwrap_or(0);
            // This process's own row is no row of the damaged file.
            loss.kept -= usize::from(loss.table == "origin");
        }
        losses.retain(|loss| loss.kept + loss.lost + loss.bereft > 0 || loss.more);
        Ok(Losses { tables: losses })
    }

    /// Makes everything point at what is there, parents first.
    fn mend(&self, connection: &Connection, origin: i64, losses: &mut [TableLoss]) -> Result<()> {
        let run = |sql: &str| connection.execute(sql, []).map_err(sqlite(self.path));
        for ((table, _), loss) in self.tables.iter().zip(losses) {
            let name = quoted(&table.name);
            for (column, parent) in &table.parents {
                let (column, parent) = (quoted(column), quoted(parent));
                let lost = format!(
                    "{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.id = {name}.{column})"
                );
                if parent == "\"origin\"" {
                    run(&format!(
                        "UPDATE {name} SET {column} = {origin} WHERE {lost}"
                    ))?;
                } else if table.name == "generation" {
                    loss.bereft += self.bereave(connection, origin, &column, &lost)?;
                } else {
                    loss.bereft += run(&format!("DELETE FROM {name} WHERE {lost}"))?;
                }
            }
            if table.name == "generation" {
                loss.lost += self.drop_unreadable(connection)?;
            }
        }
        Ok(())
    }

    /// Answers without their prompt, bundle, point or settings are kept, but bear a name of their own and no key: they are
    /// no longer what that stood for.
    fn bereave(
        &self,
        connection: &Connection,
        origin: i64,
        column: &str,
        lost: &str,
    ) -> Result<usize> {
        let mut statement = connection
            .prepare(&format!("SELECT id, uid FROM generation WHERE {lost}"))
            .map_err(sqlite(self.path))?;
        let found: Vec<(i64, Vec<u8>)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(sqlite(self.path))?;
        let stands_for = if column == "\"prompt\"" && !found.is_empty() {
            let prompt = Prompt::Text("(the prompt of this answer was lost)".to_owned());
            Some(self.study.put_prompt(connection, origin, &prompt, None)?)
        } else {
            None
        };
        for (id, uid) in &found {
            let mut fields = super::Fields::new("paretoscope bereft 1");
            fields.text(&Uid(uid.clone()).to_string());
            let name = fields.uid().0[..16].to_vec();
            let sql =
                format!("UPDATE generation SET {column} = ?2, key = NULL, uid = ?3 WHERE id = ?1");
            connection
                .execute(&sql, rusqlite::params![id, stands_for, name])
                .map_err(sqlite(self.path))?;
        }
        Ok(found.len())
    }

    /// Answers that are there and cannot be made sense of.
    fn drop_unreadable(&self, connection: &Connection) -> Result<usize> {
        let mut statement = connection
            .prepare("SELECT id FROM generation")
            .map_err(sqlite(self.path))?;
        let ids: Vec<i64> = statement
            .query_map([], |row| row.get(0))
            .and_then(Iterator::collect)
            .map_err(sqlite(self.path))?;
        let unreadable: Vec<i64> = ids
            .into_iter()
            .filter(|id| self.study.answer(*id).is_err())
            .collect();
        for id in &unreadable {
            connection
                .execute("DELETE FROM generation WHERE id = ?1", [id])
                .map_err(sqlite(self.path))?;
        }
        Ok(unreadable.len())
    }
}
