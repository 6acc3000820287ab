//! Two studies become one: a union by names, in one transaction.
//!
//! Rows are matched by what they are (contents), when they happened (events), or what they are about (edits); numbers of
//! one file become those of the other on the way (`merge_table`). What two rows that are one become is in `merge_rules`.
//! A merge done twice, or in another order, gives the same (see [`Study::digest`]).

use std::path::Path;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::file::{FileName, Study, to_json};
use super::hash::{Uid, now};
use super::merge_rules::{Kind, kind, own};
use super::merge_table::{Work, map};
use super::open::{Kind as FileKind, Looked, copy_into, input, look, read_only, sqlite, uri};
use super::schema::STEPS;
use super::tables::tables;
use crate::Result;

/// What a merge did to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergeCount {
    /// The table.
    pub table: String,
    /// Rows that were not there, and edits of a later revision.
    pub new: usize,
    /// Rows that were there.
    pub equal: usize,
    /// Of answers: keys under which the two files' texts differ; of scores: those whose values differ. Of others: events
    /// that were altered.
    pub diverged: usize,
}

/// What a merge did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MergeCounts {
    /// Table by table, those without rows left out.
    pub tables: Vec<MergeCount>,
    /// What a person should know of.
    pub warnings: Vec<String>,
}

impl MergeCounts {
    /// The counts of a table.
    pub fn of(&self, table: &str) -> MergeCount {
        let found = self.tables.iter().find(|count| count.table == table);
        found.cloned().unwrap_or_else(|| MergeCount {
            table: table.to_owned(),
            new: 0,
            equal: 0,
            diverged: 0,
        })
    }
}

/// A file to merge from, as it is attached. Its connection takes the log away when all is done.
struct Source {
    uri: String,
    _held: Option<Looked>,
    _copy: Option<tempfile::TempDir>,
}

impl Study {
    /// Takes in all that another study holds; that one is only read. A store of rows, and a study of an earlier version,
    /// is converted on the way, in a copy.
    ///
    /// Two shards of one sweep become one sweep. Their chat templates may have been told different times: the earlier one
    /// stands, rows stay as they were made, and where a template tells the date, rows that are still to come are asked at
    /// the earlier one's. A warning says so.
    ///
    /// # Errors
    /// [`crate::Error::Study`] where the other file is none, is newer, or has a task of the same name whose design was
    /// locked and differs. Nothing is changed then.
    pub fn merge(&self, source: &Path) -> Result<MergeCounts> {
        let opened = self.source(source)?;
        self.connection
            .execute("ATTACH ?1 AS source", [&opened.uri])
            .map_err(sqlite(source))?;
        let merged = self.write(|transaction, origin| self.take(transaction, origin, source));
        let detached = self.connection.execute_batch("DETACH source");
        let merged = merged?;
        detached.map_err(sqlite(source))?;
        Ok(merged)
    }

    fn source(&self, source: &Path) -> Result<Source> {
        if !source.is_file() {
            return Err(input(source, "does not exist, or is no file; name a study"));
        }
        if FileName::of(source).is_some_and(|name| Some(name) == FileName::of(self.path())) {
            return Err(input(source, "is the study itself; name another one"));
        }
        let looked = look(source)?;
        let version: i64 = self.one("SELECT user_version FROM pragma_user_version", [])?;
        let copied = || -> Result<Source> {
            let folder = tempfile::tempdir()
                .map_err(|e| input(source, format!("cannot be copied to be read: {e}")))?;
            let copy = folder.path().join("source.study");
            copy_into(&looked.connection, source, &copy)?;
            drop(Self::open(&copy)?);
            Ok(Source {
                uri: uri(&copy, "?mode=ro"),
                _held: None,
                _copy: Some(folder),
            })
        };
        match looked.kind {
            FileKind::New => Err(input(source, "is empty; name a study")),
            FileKind::Study(theirs) if theirs as i64 > version => Err(input(
                source,
                format!(
                    "is of version {theirs}, {} of version {version}: merge the other way round, or open both with the program that wrote it first",
                    self.path().display()
                ),
            )),
            FileKind::Study(theirs) if theirs >= STEPS.len() && read_only(source).is_none() => {
                Ok(Source {
                    uri: uri(source, "?mode=ro"),
                    _held: Some(looked),
                    _copy: None,
                })
            }
            FileKind::RowStore | FileKind::Study(_) => copied(),
        }
    }

    fn take(&self, connection: &Connection, origin: i64, source: &Path) -> Result<MergeCounts> {
        if let Some(votes) = self.take_pack(source)? {
            return Ok(votes);
        }
        self.check_tasks(source)?;
        let (ours, theirs) = (
            tables(connection, "main", self.path())?,
            tables(connection, "source", source)?,
        );
        let mut counts = MergeCounts {
            warnings: self.apart_in_time()?,
            ..Default::default()
        };
        let mut edits = Vec::new();
        let mut maps = Vec::new();
        for table in ours {
            let Some(other) = theirs.iter().find(|other| other.name == table.name) else {
                continue;
            };
            let kind = kind(&table);
            if kind == Kind::Apart {
                continue;
            }
            let mut both = table.clone();
            both.columns
                .retain(|c| other.columns.contains(c) && !own(&table.name, c));
            if let Some(unknown) = other.columns.iter().find(|c| !table.columns.contains(c)) {
                let warning = format!(
                    "{}.{unknown} is not known in this study and was left out",
                    table.name
                );
                counts.warnings.push(warning);
            }
            let work = Work {
                study: self,
                connection,
                source,
                table: both,
                kind,
            };
            let (count, replaced) = work.merge()?;
            edits.extend(replaced);
            if count.new + count.equal + count.diverged > 0 {
                counts.tables.push(count);
            }
            maps.push(table.name);
        }
        if let Some(answers) = counts
            .tables
            .iter_mut()
            .find(|count| count.table == "generation")
        {
            answers.diverged = self.diverged_from_source(answers.diverged)?;
        }
        self.join_sweeps(connection)?;
        if !edits.is_empty() {
            let title = format!("Notes and marks of {}", name_of(source));
            self.put_op(connection, origin, &title, &edits)?;
        }
        for table in maps {
            let sql = format!("DROP TABLE IF EXISTS temp.{}", map(&table));
            connection
                .execute_batch(&sql)
                .map_err(sqlite(self.path()))?;
        }
        let created = now();
        let sql = "INSERT INTO merge_log (uid, created, origin, source, counts) VALUES (?1, ?2, ?3, ?4, ?5)";
        let told = to_json("counts", &counts)?;
        connection
            .execute(
                sql,
                params![
                    Uid::event(created).0,
                    created,
                    origin,
                    name_of(source),
                    told
                ],
            )
            .map_err(sqlite(self.path()))?;
        Ok(counts)
    }

    /// Votes on two designs under one name would be read as one task's.
    fn check_tasks(&self, source: &Path) -> Result<()> {
        let sql = "SELECT m.name, m.design, s.design FROM source.task s JOIN main.task m ON m.name = s.name OR m.uid = s.uid
                   WHERE s.locked <> 0 AND m.locked <> 0 AND s.design <> m.design LIMIT 1";
        let mut found: Option<[String; 3]> = None;
        self.each(sql, [], |row| {
            found = Some([self.get(row, 0)?, self.get(row, 1)?, self.get(row, 2)?]);
            Ok(())
        })?;
        match found {
            None => Ok(()),
            Some([name, ours, theirs]) => Err(input(
                source,
                format!(
                    "has a task `{name}` whose locked design differs: here {ours}, there {theirs}; rename one of the two tasks"
                ),
            )),
        }
    }

    /// Keys under which the two files' texts differ, and answers without a key that do.
    fn diverged_from_source(&self, altered: usize) -> Result<usize> {
        // All rows of the source are here by now, so that such a key has several rows: few do.
        let sql = "SELECT count(*) FROM
                   (SELECT key FROM main.generation WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1) several
                   WHERE EXISTS (SELECT 1 FROM source.generation s JOIN main.generation m ON m.key = s.key
                   WHERE s.key = several.key AND m.text <> s.text)";
        let keyed: i64 = self.one(sql, [])?;
        Ok(usize::try_from(keyed).unwrap_or(0) + altered)
    }

    /// A sweep is finished where all its rows are there, whatever its shards said of themselves.
    fn join_sweeps(&self, connection: &Connection) -> Result<()> {
        let sql = "UPDATE main.sweep SET status = CASE WHEN rows <= (SELECT count(*) FROM main.sweep_row r WHERE r.sweep = sweep.id)
                   THEN 'finished' WHEN status = 'finished' THEN 'stopped' ELSE status END
                   WHERE rows > 0 AND id IN (SELECT dst FROM temp.map_sweep)";
        connection.execute(sql, []).map_err(sqlite(self.path()))?;
        Ok(())
    }

    /// Sweeps that were planned in both files, at different times.
    fn apart_in_time(&self) -> Result<Vec<String>> {
        let sql = "SELECT m.name, abs(s.now - m.now) FROM source.sweep s JOIN main.sweep m ON m.uid = s.uid WHERE s.now <> m.now";
        let mut found = Vec::new();
        self.each(sql, [], |row| {
            let (name, late): (String, i64) = (self.get(row, 0)?, self.get(row, 1)?);
            found.push(format!(
                "sweep `{name}` was planned {late} s apart: the earlier time stands; where a chat template tells the date, rows of the later one were asked at another"
            ));
            Ok(())
        })?;
        Ok(found)
    }

    /// Keys under which answers with different texts stand, and their numbers, the one that counts first.
    pub fn diverged(&self) -> Result<Vec<(crate::types::Key, Vec<i64>)>> {
        let sql = "SELECT g.key, g.id FROM generation g WHERE g.key IN
                   (SELECT key FROM generation WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1 AND count(DISTINCT text) > 1)
                   ORDER BY g.key, g.created, g.uid";
        let mut found: Vec<(crate::types::Key, Vec<i64>)> = Vec::new();
        self.each(sql, [], |row| {
            let bytes: Vec<u8> = self.get(row, 0)?;
            let key = crate::types::Key(
                bytes
                    .try_into()
                    .map_err(|_other| self.misread("generation.key"))?,
            );
            let id = self.get(row, 1)?;
            match found.last_mut().filter(|(last, _)| *last == key) {
                Some((_, ids)) => ids.push(id),
                None => found.push((key, vec![id])),
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn name_of(source: &Path) -> String {
    let name = source.file_name().unwrap_or(source.as_os_str());
    name.to_string_lossy().into_owned()
}
