//! One table of a damaged file, read past what cannot be read.

use std::collections::{BTreeSet, HashMap};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::encode;
use super::file::Study;
use super::hash::Uid;
use super::recover::TableLoss;
use super::tables::{Table, quoted};
use crate::Result;
use crate::protocol::SweepPlan;
use crate::types::{BundleInfo, Prompt, Sampling};

/// Rows that are tried one by one past what cannot be read; then steps grow.
const LINEAR: i64 = 4096;

/// Places that are tried within one table without numbers.
const MOST_PLACES: usize = 2_000_000;

/// One table being read.
pub(super) struct Reading<'a> {
    damaged: &'a Connection,
    study: &'a Study,
    table: &'a Table,
    /// Of the row: `id` first where it has one.
    columns: Vec<String>,
    /// Writes a row into the new table.
    insert: String,
    numbers: BTreeSet<i64>,
    /// A row that stands already is one that was read before.
    again: bool,
    pub(super) loss: TableLoss,
}

impl<'a> Reading<'a> {
    pub(super) fn new(damaged: &'a Connection, study: &'a Study, table: &'a Table) -> Self {
        let mut columns = table.columns.clone();
        if table.numbered() {
            columns.insert(0, "id".to_owned());
        }
        let listed: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
        let marks: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let insert = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            quoted(&table.name),
            listed.join(", "),
            marks.join(", ")
        );
        let loss = TableLoss {
            table: table.name.clone(),
            kept: 0,
            lost: 0,
            more: false,
            bereft: 0,
        };
        Self {
            damaged,
            study,
            table,
            columns,
            insert,
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
        let by: HashMap<&str, &Value> = self
            .columns
            .iter()
            .map(String::as_str)
            .zip(&values)
            .collect();
        let connection = &self.study.connection;
        let insert = || {
            let mut statement = connection.prepare_cached(&self.insert)?;
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
    pub(super) fn by_number(&mut self) {
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
        let damaged = self.damaged;
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
        let damaged = self.damaged;
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
    pub(super) fn by_names(&mut self) {
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
            let mut statement = self.damaged.prepare(&sql)?;
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
    pub(super) fn by_key(&mut self) {
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
        let study = self.study;
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
        let damaged = self.damaged;
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
