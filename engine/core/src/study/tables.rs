//! What tables a file really has: those of a later version stand in it, too.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::open::sqlite;
use crate::Result;

/// A table as its file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// All but `id`.
    pub(super) columns: Vec<String>,
    /// The columns of the primary key, in its order.
    pub(super) primary: Vec<String>,
    /// `(column, table)`: the column holds an `id` of the table.
    pub(super) parents: Vec<(String, String)>,
}

impl Table {
    /// Whether its rows have a number of their own.
    pub(super) fn numbered(&self) -> bool {
        self.primary == ["id"]
    }

    /// Whether its rows have a name in every file.
    pub(super) fn named(&self) -> bool {
        self.numbered() && self.columns.iter().any(|c| c == "uid")
    }

    /// The table that a column points into.
    pub(super) fn parent(&self, column: &str) -> Option<&str> {
        let found = self.parents.iter().find(|(c, _)| c == column);
        found.map(|(_, table)| table.as_str())
    }
}

/// A name within SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The tables of a schema (`main`, or the name of an attached file), each after those that it points into.
pub(super) fn tables(connection: &Connection, schema: &str, path: &Path) -> Result<Vec<Table>> {
    let names = strings(
        connection,
        &format!(
            "SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        ),
        path,
    )?;
    let mut left = names
        .into_iter()
        .map(|name| table(connection, schema, name, path))
        .collect::<Result<Vec<_>>>()?;
    let (mut sorted, mut placed) = (Vec::new(), BTreeSet::new());
    while !left.is_empty() {
        let ready = |table: &Table| {
            let mut parents = table.parents.iter();
            parents.all(|(_, parent)| placed.contains(parent) || *parent == table.name)
        };
        let (mut next, mut later): (Vec<_>, Vec<_>) = left.into_iter().partition(ready);
        if next.is_empty() {
            next = std::mem::take(&mut later); // a circle, which no version of ours has
        }
        placed.extend(next.iter().map(|table| table.name.clone()));
        sorted.extend(next);
        left = later;
    }
    Ok(sorted)
}

fn table(connection: &Connection, schema: &str, name: String, path: &Path) -> Result<Table> {
    let ask = |sql: String| -> Result<Vec<(String, String)>> {
        let mut statement = connection.prepare(&sql).map_err(sqlite(path))?;
        statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(sqlite(path))
    };
    let text = name.replace('\'', "''");
    let columns = strings(
        connection,
        &format!(
            "SELECT name FROM pragma_table_info('{text}', '{schema}') WHERE name <> 'id' ORDER BY cid"
        ),
        path,
    )?;
    let primary = strings(
        connection,
        &format!(
            "SELECT name FROM pragma_table_info('{text}', '{schema}') WHERE pk > 0 ORDER BY pk"
        ),
        path,
    )?;
    let parents = ask(format!(
        "SELECT \"from\", \"table\" FROM pragma_foreign_key_list('{text}', '{schema}') ORDER BY id, seq"
    ))?;
    Ok(Table {
        name,
        columns,
        primary,
        parents,
    })
}

fn strings(connection: &Connection, sql: &str, path: &Path) -> Result<Vec<String>> {
    let mut statement = connection.prepare(sql).map_err(sqlite(path))?;
    statement
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(sqlite(path))
}
