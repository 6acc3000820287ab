//! The store: open, insert, look up.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::encode::{scores_from_json, scores_to_json};
use super::open::{damaged, open, peek, sqlite};
use super::records::{StoredRow, StoredRun, SweepRecord, gates_mean};
use crate::digest::hexadecimal;
use crate::types::{Run, Scores};
use crate::{Error, Result};

const COLUMNS: &str = "key, sweep, point_index, prompt_index, point, prompt, sampling, text, tokens, \
                       finish, scores, gates_mean, first_token_seconds, seconds";

/// Which file a path names, whatever its name.
#[derive(Debug, PartialEq, Eq)]
struct FileName(u64, u64);

impl FileName {
    /// `None` where nothing is there, and on systems that do not tell.
    fn of(path: &Path) -> Option<Self> {
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

/// An open store. One writer and any number of readers, also in other processes.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    file: Option<FileName>,
}

impl Store {
    /// Opens the store at `path`, or makes one. Fails with [`Error::Store`] on a damaged file, one
    /// of a later version or of another program, and where it cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            connection: open(path)?,
            path: path.to_path_buf(),
            file: FileName::of(path),
        })
    }

    /// Opens a store of the current version to read alone; `None` where there is none of that kind yet.
    pub fn peek(path: &Path) -> Result<Option<Self>> {
        Ok(peek(path)?.map(|connection| Self {
            connection,
            path: path.to_path_buf(),
            file: FileName::of(path),
        }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the sweep with this record, which is stored if it is new. Where the store
    /// itself lies does not matter.
    pub fn sweep(&self, record: &SweepRecord) -> Result<i64> {
        let mut record = record.clone();
        record.plan.store = PathBuf::new();
        let json = Self::encode("sweep", &record)?;
        let digest = hexadecimal(&Sha256::digest(json.as_bytes()));
        let sql =
            "INSERT INTO sweeps (digest, record) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING";
        self.connection
            .execute(sql, params![digest, json])
            .map_err(sqlite(&self.path))?;
        self.connection
            .query_row("SELECT id FROM sweeps WHERE digest = ?1", [digest], |row| {
                row.get(0)
            })
            .map_err(sqlite(&self.path))
    }

    /// When the oldest sweep was planned, in seconds since 1970; the time of the call where there is none.
    pub fn begun(&self) -> Result<u64> {
        let sql = "SELECT coalesce(min(created), unixepoch()) FROM sweeps";
        let seconds: i64 = self
            .connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(sqlite(&self.path))?;
        Ok(u64::try_from(seconds).unwrap_or(0))
    }

    /// All sweeps, oldest first. The plan's `store` is this file.
    pub fn sweeps(&self) -> Result<Vec<(i64, SweepRecord)>> {
        let mut found = Vec::new();
        self.each("SELECT id, record FROM sweeps ORDER BY id", [], |row| {
            let id = self.get(row, 0)?;
            let mut record: SweepRecord = self.json(row, 1, "sweeps.record")?;
            record.plan.store.clone_from(&self.path);
            found.push((id, record));
            Ok(())
        })?;
        Ok(found)
    }

    /// Stores a finished row, durable when this returns. Returns false, and changes nothing, where
    /// its key is there already.
    pub fn insert_row(&self, row: &StoredRow) -> Result<bool> {
        Ok(self.insert_rows(std::slice::from_ref(row))? == 1)
    }

    /// Stores rows that finished together in one transaction; returns how many were new.
    pub fn insert_rows(&self, rows: &[StoredRow]) -> Result<usize> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(sqlite(&self.path))?;
        let mut new = 0;
        for row in rows {
            let sql = format!(
                "INSERT INTO rows ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                 ON CONFLICT (key) DO NOTHING"
            );
            let mut statement = transaction
                .prepare_cached(&sql)
                .map_err(sqlite(&self.path))?;
            new += statement
                .execute(params![
                    row.key,
                    row.sweep,
                    row.point_index as i64,
                    row.prompt_index as i64,
                    Self::encode("point", &row.point)?,
                    Self::encode("prompt", &row.prompt)?,
                    Self::encode("sampling", &row.sampling)?,
                    row.text,
                    Self::encode("tokens", &row.tokens)?,
                    Self::encode("finish", &row.finish)?,
                    row.scores
                        .as_ref()
                        .map_or(Value::Null, scores_to_json)
                        .to_string(),
                    Self::encode("gates_mean", &row.gates_mean)?,
                    row.first_token_seconds,
                    row.seconds,
                ])
                .map_err(sqlite(&self.path))?;
        }
        transaction.commit().map_err(sqlite(&self.path))?;
        self.check_place()?;
        Ok(new)
    }

    /// Gives rows that wait for them their scores, by key, in one transaction.
    pub fn set_scores(&self, scored: &[(String, Scores)]) -> Result<()> {
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(sqlite(&self.path))?;
        for (key, scores) in scored {
            transaction
                .prepare_cached("UPDATE rows SET scores = ?2 WHERE key = ?1 AND scores = 'null'")
                .and_then(|mut statement| {
                    statement.execute(params![key, scores_to_json(scores).to_string()])
                })
                .map_err(sqlite(&self.path))?;
        }
        transaction.commit().map_err(sqlite(&self.path))?;
        self.check_place()
    }

    /// Fails where the file no longer bears its name: what is written then is gone with the last program that has it
    /// open. Where nothing has taken its place, all rows are written there anew first.
    fn check_place(&self) -> Result<()> {
        let now = FileName::of(&self.path);
        if now == self.file {
            return Ok(());
        }
        let fault = |problem: &str| Error::Store {
            path: self.path.clone(),
            problem: problem.to_owned(),
            input: false,
        };
        if now.is_some() {
            return Err(fault(
                "was replaced by another file while rows were written; rows since then are lost: name another file, or start again to go on in this one",
            ));
        }
        let place = Path::new(".").join(&self.path);
        self.connection
            .execute("VACUUM INTO ?1", [place.to_string_lossy()])
            .map_err(sqlite(&self.path))?;
        Err(fault(
            "was removed while rows were written; its rows are saved under its name again: start again to go on",
        ))
    }

    /// Refuses a row whose scores are not one for each of `objectives`.
    pub fn check_scores(&self, row: &StoredRow, objectives: usize) -> Result<()> {
        let got = row
            .scores
            .as_ref()
            .map_or(objectives, |scores| scores.0.len());
        if got == objectives {
            return Ok(());
        }
        let detail = format!(
            "rows.scores: the row of point {}, prompt {} has {got} scores for {objectives} objectives",
            row.point_index, row.prompt_index
        );
        Err(damaged(&self.path, &detail))
    }

    /// Whether each key is there, in the order asked.
    pub fn has(&self, keys: &[String]) -> Result<Vec<bool>> {
        let sql = "SELECT EXISTS (SELECT 1 FROM rows WHERE key = ?1)";
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(sqlite(&self.path))?;
        keys.iter()
            .map(|key| {
                statement
                    .query_row([key], |row| row.get(0))
                    .map_err(sqlite(&self.path))
            })
            .collect()
    }

    /// The row of each key, in the order asked, whichever sweep made it.
    pub fn rows_by_key(&self, keys: &[String]) -> Result<Vec<Option<StoredRow>>> {
        let sql = format!("SELECT {COLUMNS} FROM rows WHERE key = ?1");
        let mut statement = self
            .connection
            .prepare_cached(&sql)
            .map_err(sqlite(&self.path))?;
        keys.iter()
            .map(|key| {
                statement
                    .query_row([key], |row| Ok(self.row(row)))
                    .optional()
                    .map_err(sqlite(&self.path))?
                    .transpose()
            })
            .collect()
    }

    /// The rows that a sweep made, by point and prompt.
    pub fn rows(&self, sweep: i64) -> Result<Vec<StoredRow>> {
        let mut found = Vec::new();
        let sql = format!(
            "SELECT {COLUMNS} FROM rows WHERE sweep = ?1 ORDER BY point_index, prompt_index"
        );
        self.each(&sql, [sweep], |row| {
            found.push(self.row(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands all rows to `visit`, oldest first, one at a time.
    pub fn each_row(&self, mut visit: impl FnMut(StoredRow) -> Result<()>) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM rows ORDER BY id");
        self.each(&sql, [], |row| visit(self.row(row)?))
    }

    /// Rows of all sweeps.
    pub fn row_count(&self) -> Result<usize> {
        self.connection
            .query_row("SELECT count(*) FROM rows", [], |row| row.get::<_, i64>(0))
            .map(|count| usize::try_from(count).unwrap_or(0))
            .map_err(sqlite(&self.path))
    }

    /// Stores an interactive run and returns its number. The gate record is summed up, not kept.
    pub fn insert_run(&self, bundle: &str, model: &str, run: &Run) -> Result<i64> {
        let mean = run
            .record
            .as_ref()
            .map(|record| gates_mean(record))
            .unwrap_or_default();
        let scores = run
            .scores
            .as_ref()
            .map(|scores| scores_to_json(scores).to_string());
        let run = Run {
            record: None,
            scores: None,
            ..run.clone()
        };
        let sql =
            "INSERT INTO runs (bundle, model, scores, gates_mean, run) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection
            .execute(
                sql,
                params![
                    bundle,
                    model,
                    scores,
                    Self::encode("gates_mean", &mean)?,
                    Self::encode("run", &run)?
                ],
            )
            .map_err(sqlite(&self.path))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// All interactive runs, oldest first.
    pub fn runs(&self) -> Result<Vec<StoredRun>> {
        let mut found = Vec::new();
        let sql =
            "SELECT id, created, bundle, model, scores, gates_mean, run FROM runs ORDER BY id";
        self.each(sql, [], |row| {
            let scores: Option<String> = self.get(row, 4)?;
            let mut run: Run = self.json(row, 6, "runs.run")?;
            run.scores = scores
                .map(|text| self.scores(&text, "runs.scores"))
                .transpose()?;
            found.push(StoredRun {
                id: self.get(row, 0)?,
                created: self.get(row, 1)?,
                bundle: self.get(row, 2)?,
                model: self.get(row, 3)?,
                gates_mean: self.json(row, 5, "runs.gates_mean")?,
                run,
            });
            Ok(())
        })?;
        Ok(found)
    }

    fn row(&self, row: &Row<'_>) -> Result<StoredRow> {
        let index = |at| {
            self.get::<i64>(row, at)
                .map(|i| usize::try_from(i).unwrap_or(0))
        };
        Ok(StoredRow {
            key: self.get(row, 0)?,
            sweep: self.get(row, 1)?,
            point_index: index(2)?,
            prompt_index: index(3)?,
            point: self.json(row, 4, "rows.point")?,
            prompt: self.json(row, 5, "rows.prompt")?,
            sampling: self.json(row, 6, "rows.sampling")?,
            text: self.get(row, 7)?,
            tokens: self.json(row, 8, "rows.tokens")?,
            finish: self.json(row, 9, "rows.finish")?,
            scores: self.pending_or_scores(&self.get::<String>(row, 10)?)?,
            gates_mean: self.json(row, 11, "rows.gates_mean")?,
            first_token_seconds: self.get(row, 12)?,
            seconds: self.get(row, 13)?,
        })
    }

    /// Runs a query and hands each of its rows to `visit`.
    fn each(
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

    fn get<T: rusqlite::types::FromSql>(&self, row: &Row<'_>, column: usize) -> Result<T> {
        row.get(column).map_err(sqlite(&self.path))
    }

    fn json<T: DeserializeOwned>(&self, row: &Row<'_>, column: usize, name: &str) -> Result<T> {
        let text: String = self.get(row, column)?;
        serde_json::from_str(&text).map_err(|e| damaged(&self.path, &format!("{name}: {e}")))
    }

    fn pending_or_scores(&self, text: &str) -> Result<Option<Scores>> {
        if text == "null" {
            return Ok(None);
        }
        self.scores(text, "rows.scores").map(Some)
    }

    fn scores(&self, text: &str, name: &str) -> Result<Scores> {
        serde_json::from_str(text)
            .ok()
            .and_then(|value| scores_from_json(&value))
            .ok_or_else(|| damaged(&self.path, &format!("{name}: not a list of scores")))
    }

    fn encode(what: &str, value: &impl Serialize) -> Result<String> {
        serde_json::to_string(value)
            .map_err(|e| Error::internal(format!("a {what} cannot be written as JSON: {e}")))
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
