//! What can be read of a damaged study goes into a new one; the damaged file stays as it is.
//!
//! Tables are read by number, row by row, past what cannot be read. How many rows there were is told by the index of their
//! names, which lies elsewhere in the file, and by gaps in their numbers. What is read is believed only where it fits: each
//! value its column, contents their name, what points at another row a row that is there.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::encode;
use super::file::Study;
use super::hash::Uid;
use super::open::{beside, connect, fault, input, sqlite};
use super::schema::{ROW_STORE, STEPS};
use super::tables::{Table, quoted, tables};
use crate::Result;
use crate::protocol::SweepPlan;
use crate::types::{BundleInfo, Prompt, Sampling};

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
        let damaged = damaged(path, &copy)?;
        let target = free_name(path);
        let partial = folder.path().join("recovered");
        let study = Self::open(&partial)?;
        let losses = Salvage::new(path, &damaged, &study)?.all()?;
        if losses.tables.iter().all(|table| table.kept == 0) {
            return Err(input(
                path,
                "holds nothing that can be read; restore one of the copies beside it",
            ));
        }
        super::open::copy_into(&study.connection, path, &target)?;
        Ok(Recovered {
            path: target,
            losses,
        })
    }
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

/// A connection to a copy of the damaged file that reads what it can.
fn damaged(path: &Path, copy: &Path) -> Result<Connection> {
    let connection = connect(copy, OpenFlags::SQLITE_OPEN_READ_WRITE, "")?;
    // A file that is shorter than it says is read as far as it goes; cells are looked at before they are read.
    let settings =
        "PRAGMA writable_schema = ON; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = OFF;";
    let about = connection.execute_batch(settings).and_then(|()| {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        Ok((number("application_id")?, number("user_version")?))
    });
    let (application, version) = about.map_err(|error| {
        let words = format!("its beginning is damaged ({error}), and with it where everything stands; restore one of the copies beside it");
        input(path, words)
    })?;
    if application == i64::from(ROW_STORE) {
        return Err(input(
            path,
            "is a store of rows of an earlier format; only studies can be recovered",
        ));
    }
    if version > STEPS.len() as i64 {
        let words = format!(
            "is of version {version}, this program knows {}; use the program that wrote it",
            STEPS.len()
        );
        return Err(input(path, words));
    }
    Ok(connection)
}

/// Rows that are tried one by one past what cannot be read; then steps grow.
const LINEAR: i64 = 4096;

/// Places that are tried within one table without numbers.
const MOST_PLACES: usize = 2_000_000;

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
            let mut reading = Reading::new(self, table);
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
                _ => self.study.write(|_transaction, _origin| Ok(read()))?,
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
        let stands_for: Option<i64> = match column == "\"prompt\"" && !found.is_empty() {
            true => {
                let prompt = Prompt::Text("(the prompt of this answer was lost)".to_owned());
                Some(self.study.put_prompt(connection, origin, &prompt, None)?)
            }
            false => None,
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

/// One table being read.
struct Reading<'a> {
    salvage: &'a Salvage<'a>,
    table: &'a Table,
    /// Of the row: `id` first where it has one.
    columns: Vec<String>,
    numbers: BTreeSet<i64>,
    /// A row that stands already is one that was read before.
    again: bool,
    loss: TableLoss,
}

impl<'a> Reading<'a> {
    fn new(salvage: &'a Salvage<'a>, table: &'a Table) -> Self {
        let mut columns = table.columns.clone();
        if table.numbered() {
            columns.insert(0, "id".to_owned());
        }
        let loss = TableLoss {
            table: table.name.clone(),
            kept: 0,
            lost: 0,
            more: false,
            bereft: 0,
        };
        Self {
            salvage,
            table,
            columns,
            numbers: BTreeSet::new(),
            again: false,
            loss,
        }
    }

    /// A row of the damaged table into the new one; counted as lost where it does not fit.
    fn take(&mut self, row: &rusqlite::Row<'_>) {
        let values: rusqlite::Result<Vec<Value>> =
            (0..self.columns.len()).map(|at| row.get(at)).collect();
        let Ok(values) = values else {
            self.loss.lost += 1; // text that is none
            return;
        };
        let columns: Vec<String> = self.columns.iter().map(|c| quoted(c)).collect();
        let marks: Vec<String> = (1..=values.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            quoted(&self.table.name),
            columns.join(", "),
            marks.join(", ")
        );
        let by: HashMap<&str, &Value> = self
            .columns
            .iter()
            .map(String::as_str)
            .zip(&values)
            .collect();
        let connection = &self.salvage.study.connection;
        let insert = || {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.execute(params_from_iter(&values))
        };
        // What stands already was read on another way, see `by_key`.
        let known = |error: &rusqlite::Error| {
            error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
        };
        match sensible(&self.table.name, &by).then(insert) {
            Some(Ok(_one)) => {
                if let Some(Value::Integer(number)) = values.first() {
                    self.numbers.insert(*number);
                }
            }
            Some(Err(error)) if self.again && known(&error) => {}
            _ => self.loss.lost += 1,
        }
    }

    /// Rows of a table whose rows have numbers, past what cannot be read.
    fn by_number(&mut self) {
        let table = quoted(&self.table.name);
        let id = quoted(&self.table.primary[0]);
        let columns: Vec<String> = self.columns.iter().map(|c| quoted(c)).collect();
        let sql = format!(
            "SELECT {}, {id} FROM {table} WHERE {id} >= ?1 ORDER BY {id}",
            columns.join(", ")
        );
        let mut from = i64::MIN;
        loop {
            let Some(next) = self.next_readable(&table, &id, from) else {
                return;
            };
            if from > i64::MIN {
                // Numbers are given one after another: a gap is what could not be read.
                self.loss.lost += usize::try_from(next - from).unwrap_or(0);
            }
            from = next;
            match self.read_from(&sql, &mut from) {
                Ok(()) => return,
                Err(_unreadable) => {
                    self.loss.lost += 1;
                    let Some(after) = from.checked_add(1) else {
                        return;
                    };
                    from = after;
                }
            }
        }
    }

    /// Reads rows until one cannot be; `from` is then the number of that one, or lower.
    fn read_from(&mut self, sql: &str, from: &mut i64) -> rusqlite::Result<()> {
        let damaged = self.salvage.damaged;
        let mut statement = damaged.prepare_cached(sql)?;
        let mut rows = statement.query([*from])?;
        let width = self.columns.len();
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(width)?;
            if number < *from {
                return Err(rusqlite::Error::InvalidQuery); // pages that point at one another
            }
            self.take(row);
            *from = number.saturating_add(1);
        }
        Ok(())
    }

    /// The number of the next row at or after `from` whose place can be found; `None` where there is none.
    fn next_readable(&mut self, table: &str, id: &str, from: i64) -> Option<i64> {
        let sql = format!("SELECT {id} FROM {table} WHERE {id} >= ?1 ORDER BY {id} LIMIT 1");
        let damaged = self.salvage.damaged;
        let mut seek = damaged.prepare_cached(&sql).ok()?;
        let mut find = |from: i64| -> Result<Option<i64>, rusqlite::Error> {
            use rusqlite::OptionalExtension as _;
            seek.query_row([from], |row| row.get(0)).optional()
        };
        if let Ok(found) = find(from) {
            return found.filter(|found| *found >= from);
        }
        // Numbers begin at 1.
        let from = from.max(0);
        let (mut step, mut at) = (1_i64, from);
        while let Some(next) = at.checked_add(step) {
            if let Ok(found) = find(next) {
                if found.is_none() {
                    self.loss.more = true; // nothing says where the table ended
                }
                return found.filter(|found| *found >= next);
            }
            at = next;
            if at - from > LINEAR {
                step = step.saturating_mul(2);
            }
        }
        self.loss.more = true;
        None
    }

    /// What the index of names knows and was not read.
    fn by_names(&mut self) {
        if !self.table.named() {
            return;
        }
        let sql = format!(
            "SELECT id FROM {} INDEXED BY {} ORDER BY uid",
            quoted(&self.table.name),
            quoted(&format!("sqlite_autoindex_{}_1", self.table.name))
        );
        let mut known = BTreeSet::new();
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.salvage.damaged.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let most = 1 << 24;
            while let Some(row) = rows.next()? {
                if known.len() < most {
                    known.insert(row.get::<_, i64>(0)?);
                }
            }
            Ok(())
        };
        let whole = read().is_ok();
        let missing = known.difference(&self.numbers).count();
        if whole {
            // It tells of every row, also past a gap that nothing follows.
            (self.loss.lost, self.loss.more) = (missing, false);
        } else {
            self.loss.lost = self.loss.lost.max(missing);
            self.loss.more = true;
        }
    }

    /// Rows of a table that is kept in the order of its key: from both ends, then part by part.
    fn by_key(&mut self) {
        let mut places = 0;
        self.under(&mut Vec::new(), &mut places);
    }

    /// Rows whose key begins so.
    fn under(&mut self, start: &mut Vec<i64>, places: &mut usize) {
        *places += 1;
        if *places > MOST_PLACES || self.ends(start) {
            return;
        }
        self.loss.more = true;
        let Some(column) = self.table.primary.get(start.len()) else {
            return;
        };
        let Some(parent) = self.table.parent(column) else {
            return; // the last part of a key is no number of a row: nothing says what it may be
        };
        let sql = format!("SELECT id FROM {} ORDER BY id", quoted(parent));
        let mut candidates: Vec<i64> = Vec::new();
        let study = self.salvage.study;
        let listed = study.each(&sql, [], |row| {
            candidates.push(study.get(row, 0)?);
            Ok(())
        });
        if listed.is_err() {
            return;
        }
        for candidate in candidates {
            start.push(candidate);
            self.under(start, places);
            start.pop();
        }
    }

    /// Reads forwards, and where that fails backwards; whether forwards was enough.
    fn ends(&mut self, start: &[i64]) -> bool {
        let columns: Vec<String> = self.columns.iter().map(|c| quoted(c)).collect();
        let begins: Vec<String> = self
            .table
            .primary
            .iter()
            .zip(start)
            .map(|(column, value)| format!("{} = {value}", quoted(column)))
            .collect();
        let place = if begins.is_empty() {
            "1".to_owned()
        } else {
            begins.join(" AND ")
        };
        for direction in ["ASC", "DESC"] {
            let order: Vec<String> = self
                .table
                .primary
                .iter()
                .map(|c| format!("{} {direction}", quoted(c)))
                .collect();
            let sql = format!(
                "SELECT {} FROM {} WHERE {place} ORDER BY {}",
                columns.join(", "),
                quoted(&self.table.name),
                order.join(", ")
            );
            if self.read_all(&sql).is_ok() {
                return direction == "ASC";
            }
            self.again = true;
        }
        false
    }

    fn read_all(&mut self, sql: &str) -> rusqlite::Result<()> {
        let damaged = self.salvage.damaged;
        let mut statement = damaged.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut seen = 0_usize;
        while let Some(row) = rows.next()? {
            seen += 1;
            if seen > 1 << 28 {
                return Err(rusqlite::Error::InvalidQuery); // pages that point at one another
            }
            self.take(row);
        }
        Ok(())
    }
}

/// Whether a row says what its table's rows say.
fn sensible(table: &str, row: &HashMap<&str, &Value>) -> bool {
    fn reads<T: serde::de::DeserializeOwned>(value: Option<&&Value>) -> bool {
        matches!(value, Some(Value::Text(json)) if serde_json::from_str::<T>(json).is_ok())
    }
    let text = |column: &str| match row.get(column) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let named = |uid: Option<Uid>| {
        let is = row.get("uid");
        uid.is_some_and(|uid| matches!(is, Some(Value::Blob(bytes)) if *bytes == uid.0))
    };
    match table {
        "bundle" => reads::<BundleInfo>(row.get("json")),
        "setting" => reads::<Sampling>(row.get("json")),
        "sweep" => reads::<SweepPlan>(row.get("plan")),
        "prompt" => {
            let prompt = || {
                let body = text("body")?;
                match text("kind")? {
                    "text" => serde_json::from_str(body).ok().map(Prompt::Text),
                    "chat" => serde_json::from_str(body).ok().map(Prompt::Chat),
                    "messages" => serde_json::from_str(body).ok().map(Prompt::Messages),
                    "tokens" => serde_json::from_str(body).ok().map(Prompt::Tokens),
                    _ => None,
                }
            };
            named(prompt().map(|prompt| Uid::prompt(&prompt)))
        }
        // Shares are divided by their sum when they are read, which may move the last bit: their name tells nothing.
        "point" => {
            let point =
                || encode::point(text("kind")?, serde_json::from_str(text("coords")?).ok()?);
            point().is_some()
        }
        "op" => ["target", "before", "after"]
            .iter()
            .all(|column| reads::<Vec<serde_json::Value>>(row.get(column))),
        "score" => {
            let value = match row.get("value") {
                Some(Value::Real(value)) => Some(*value),
                _ => None,
            };
            text("flag").is_some_and(|flag| encode::from_score(value, flag).is_some())
        }
        _ => true,
    }
}
