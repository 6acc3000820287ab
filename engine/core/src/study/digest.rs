//! One hash of all that a study says: equal where two files say the same, whatever their numbering and order of rows.

use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use super::file::Study;
use super::hash::Uid;
use super::open::sqlite;
use super::tables::{Table, quoted, tables};
use crate::Result;

/// Tables that tell of the file and not of what was found: versions, programs, claims, undo, merges, and a cache.
const APART: [&str; 6] = ["meta", "origin", "claim", "op", "merge_log", "trace"];

impl Study {
    /// SHA-256 over all rows of all tables, each row by its columns' names and values, what points at another row by that
    /// one's name in every file, rows and tables in the order of their hashes and names. Columns that are NULL do not
    /// count, so that one which a later version adds changes nothing until it is used.
    pub fn digest(&self) -> Result<String> {
        let mut all = tables(&self.connection, "main", self.path())?;
        all.retain(|table| !APART.contains(&table.name.as_str()));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let mut whole = Sha256::new();
        whole.update(b"paretoscope study 1");
        for table in all {
            let mut rows = self.rows_hashed(&table)?;
            if rows.is_empty() {
                continue;
            }
            rows.sort_unstable();
            add(&mut whole, table.name.as_bytes());
            for row in rows {
                whole.update(row);
            }
        }
        Ok(Uid(whole.finalize().to_vec()).to_string())
    }

    fn rows_hashed(&self, table: &Table) -> Result<Vec<[u8; 32]>> {
        let mut columns = table.columns.clone();
        columns.sort();
        let value = |column: &String| match table.parent(column) {
            Some(parent) => format!(
                "(SELECT uid FROM {} WHERE id = t.{})",
                quoted(parent),
                quoted(column)
            ),
            None => format!("t.{}", quoted(column)),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let sql = format!(
            "SELECT {} FROM {} t",
            values.join(", "),
            quoted(&table.name)
        );
        let mut found = Vec::new();
        self.each(&sql, [], |row| {
            let mut hash = Sha256::new();
            for (at, name) in columns.iter().enumerate() {
                let value = row.get_ref(at).map_err(sqlite(self.path()))?;
                column(&mut hash, name, value);
            }
            found.push(hash.finalize().into());
            Ok(())
        })?;
        Ok(found)
    }
}

/// A column of a row: its name, its type and its value; nothing where that is NULL.
pub(super) fn column(hash: &mut Sha256, name: &str, value: ValueRef<'_>) {
    let (tag, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => return,
        ValueRef::Integer(value) => (1, &value.to_be_bytes()),
        ValueRef::Real(value) => (2, &value.to_bits().to_be_bytes()),
        ValueRef::Text(bytes) => (3, bytes),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    add(hash, name.as_bytes());
    hash.update([tag]);
    add(hash, bytes);
}

fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
