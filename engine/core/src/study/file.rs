//! An open study.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::alive::Alive;
use super::hash::{Uid, now};
use super::open::{Opened, copy_into, damaged, fault, input, peek, sqlite};
use crate::{Error, Result};

/// What may be done to an open file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// All.
    Write,
    /// It can be looked at, and why no more than that.
    Read(String),
}

/// Which file a path names, whatever its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileName(u64, u64);

impl FileName {
    /// `None` where nothing is there, and on systems that do not tell.
    pub(super) fn of(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let about = std::fs::metadata(path).ok()?;
            Some(Self(about.dev(), about.ino()))
        }
        #[cfg(not(unix))]
        {
            let _untold = path;
            None
        }
    }
}

/// An open study: any number of readers and writers, also in other processes; SQLite puts writes in order.
#[derive(Debug)]
pub struct Study {
    pub(super) connection: Connection,
    /// Where it was copied to be read, until the connection is closed.
    _copy: Option<tempfile::TempDir>,
    path: PathBuf,
    file: Option<FileName>,
    access: Access,
    /// This process, once it wrote.
    origin: Cell<Option<i64>>,
    /// Within [`Self::together`].
    together: Cell<bool>,
    /// Says that this process is alive, once it claimed.
    pub(super) alive: RefCell<Option<Alive>>,
    /// The last edit that was there when this was opened.
    pub(super) opened_at: i64,
}

impl Study {
    /// Opens a study to read alone; `None` where there is none yet, or one of an earlier version.
    pub fn peek(path: &Path) -> Result<Option<Self>> {
        let looked = peek(path)?;
        let why = "it was opened to be looked at".to_owned();
        Ok(looked.map(|looked| {
            let opened = Opened {
                connection: looked.connection,
                copy: looked.copy,
                access: Access::Read(why),
            };
            Self::of(opened, path)
        }))
    }

    pub(super) fn of(opened: Opened, path: &Path) -> Self {
        let Opened {
            connection,
            copy,
            access,
        } = opened;
        let last =
            connection.query_row("SELECT coalesce(max(id), 0) FROM op", [], |row| row.get(0));
        Self {
            opened_at: last.unwrap_or(0),
            connection,
            _copy: copy,
            path: path.to_path_buf(),
            file: FileName::of(path),
            access,
            origin: Cell::new(None),
            together: Cell::new(false),
            alive: RefCell::new(None),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What may be done to it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// How long a write waits for another program's; 5 s unless said otherwise.
    pub fn set_patience(&self, patience: std::time::Duration) -> Result<()> {
        self.connection
            .busy_timeout(patience)
            .map_err(sqlite(&self.path))
    }

    /// A number that changes when another connection has written.
    pub fn version(&self) -> Result<i64> {
        let sql = "PRAGMA data_version";
        self.connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(sqlite(&self.path))
    }

    /// Writes all of it into a new file, without a log beside it: what can be copied and sent.
    pub fn copy_to(&self, to: &Path) -> Result<()> {
        if to.exists() {
            return Err(input(to, "is there already; name another file"));
        }
        copy_into(&self.connection, &self.path, to)
    }

    /// Does several writes as one: all of them, or none. Within [`Self::together`] it becomes a part of that.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Connection, i64) -> Result<T>) -> Result<T> {
        if let Access::Read(why) = &self.access {
            return Err(input(&self.path, format!("can only be read: {why}")));
        }
        if self.together.get() {
            return self.part(work);
        }
        let before = self.origin.get();
        let done = self.transaction(|| work(&self.connection, self.origin()?));
        match done {
            Ok(done) => self.check_place().map(|()| done),
            Err(error) => {
                self.origin.set(before); // rolled back with the rest
                Err(error)
            }
        }
    }

    /// Does what `work` writes in one transaction: durable together, or not at all. A write within that fails takes
    /// nothing but itself back.
    pub fn together<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        if self.together.get() {
            return Ok(work());
        }
        let before = self.origin.get();
        self.together.set(true);
        let done = self.transaction(|| Ok(work()));
        self.together.set(false);
        match done {
            Ok(done) => self.check_place().map(|()| done),
            Err(error) => {
                self.origin.set(before);
                Err(error)
            }
        }
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let immediate = TransactionBehavior::Immediate;
        let transaction = rusqlite::Transaction::new_unchecked(&self.connection, immediate)
            .map_err(sqlite(&self.path))?;
        let done = work()?;
        if self.connection.is_autocommit() {
            return Err(self.taken_back());
        }
        transaction.commit().map_err(sqlite(&self.path))?;
        Ok(done)
    }

    /// A full disk makes SQLite take back the whole transaction, and not only the write that failed.
    fn taken_back(&self) -> Error {
        let problem = "a write failed, and what was to be written with it was taken back; every row up to there is safe";
        fault(&self.path, problem)
    }

    fn part<T>(&self, work: impl FnOnce(&Connection, i64) -> Result<T>) -> Result<T> {
        if self.connection.is_autocommit() {
            return Err(self.taken_back());
        }
        let run = |sql| {
            self.connection
                .execute_batch(sql)
                .map_err(sqlite(&self.path))
        };
        run("SAVEPOINT part")?;
        let before = self.origin.get();
        match self
            .origin()
            .and_then(|origin| work(&self.connection, origin))
        {
            Ok(done) => run("RELEASE part").map(|()| done),
            Err(error) => {
                self.origin.set(before);
                if !self.connection.is_autocommit() {
                    run("ROLLBACK TO part; RELEASE part")?;
                }
                Err(error)
            }
        }
    }

    /// This process's row, once it wrote.
    pub(super) fn known_origin(&self) -> Option<i64> {
        self.origin.get()
    }

    /// This process's row, made with its first write.
    pub(super) fn origin(&self) -> Result<i64> {
        if let Some(known) = self.origin.get() {
            return Ok(known);
        }
        let created = now();
        let sql = "INSERT INTO origin (uid, created, program, os, isa, alias) VALUES (?1, ?2, ?3, ?4, ?5, '')";
        self.connection
            .execute(
                sql,
                (
                    Uid::event(created).0,
                    created,
                    concat!("paretoscope ", env!("CARGO_PKG_VERSION")),
                    std::env::consts::OS,
                    std::env::consts::ARCH,
                ),
            )
            .map_err(sqlite(&self.path))?;
        let origin = self.connection.last_insert_rowid();
        self.origin.set(Some(origin));
        Ok(origin)
    }

    /// Fails where the file no longer bears its name: what is written then is gone with the last program that has it
    /// open. Where nothing has taken its place, all of it is written there anew first.
    fn check_place(&self) -> Result<()> {
        let now = FileName::of(&self.path);
        if now == self.file {
            return Ok(());
        }
        if now.is_some() {
            return Err(fault(
                &self.path,
                "was replaced by another file while rows were written; rows since then are lost: name another file, or start again to go on in this one",
            ));
        }
        copy_into(&self.connection, &self.path, &self.path)?;
        Err(fault(
            &self.path,
            "was removed while rows were written; its rows are saved under its name again: start again to go on",
        ))
    }

    /// Runs a query and hands each of its rows to `visit`.
    pub(super) fn each(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        mut visit: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(sqlite(&self.path))?;
        let mut rows = statement.query(parameters).map_err(sqlite(&self.path))?;
        while let Some(row) = rows.next().map_err(sqlite(&self.path))? {
            visit(row)?;
        }
        Ok(())
    }

    /// The one value of a query.
    pub(super) fn one<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<T> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(parameters, |row| row.get(0)))
            .map_err(sqlite(&self.path))
    }

    pub(super) fn get<T: rusqlite::types::FromSql>(
        &self,
        row: &Row<'_>,
        column: usize,
    ) -> Result<T> {
        row.get(column).map_err(sqlite(&self.path))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, text: &str, name: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|e| damaged(&self.path, &format!("{name}: {e}")))
    }

    /// What a column must hold and does not.
    pub(super) fn misread(&self, name: &str) -> Error {
        damaged(&self.path, &format!("{name} holds something else"))
    }
}

/// A value as JSON; a map with keys that are no strings cannot be written, and none of ours is one.
pub(super) fn to_json(what: &str, value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::option(what, format!("cannot be written as JSON: {e}")))
}
