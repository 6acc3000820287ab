//! Two studies become one: a union by names, in one transaction.
//!
//! Rows are matched by what they are (contents), when they happened (events), or what they are about (edits); numbers of
//! one file become those of the other on the way. What two rows that are one become is in `merge_rules`. A merge done
//! twice, or in another order, gives the same (see [`Study::digest`]).

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::file::{FileName, Study, to_json};
use super::hash::{Uid, now};
use super::merge_rules::{Cell, Joined, Kind, join, kind, own};
use super::notes::Target;
use super::open::{
    Kind as FileKind, Looked, copy_into, damaged, input, look, read_only, sqlite, uri,
};
use super::schema::STEPS;
use super::tables::{Table, quoted, tables};
use super::undo::Part;
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
        let sql = "SELECT count(DISTINCT s.key) FROM source.generation s WHERE s.key IS NOT NULL AND EXISTS
                   (SELECT 1 FROM main.generation m WHERE m.key = s.key AND m.text <> s.text)";
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
                   (SELECT key FROM generation WHERE key IS NOT NULL GROUP BY key HAVING count(DISTINCT text) > 1)
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

/// The table of which number in the source is which one here.
fn map(table: &str) -> String {
    quoted(&format!("map_{table}"))
}

/// Two rows that are one and differ.
struct Pair {
    /// The primary key of the target's.
    place: Vec<Value>,
    ours: Vec<Cell>,
    theirs: Vec<Cell>,
}

/// One table's merge.
struct Work<'a> {
    study: &'a Study,
    connection: &'a Connection,
    /// The file that is merged from.
    source: &'a Path,
    /// With the columns that both files have.
    table: Table,
    kind: Kind,
}

impl Work<'_> {
    fn merge(&self) -> Result<(MergeCount, Vec<Part>)> {
        let name = quoted(&self.table.name);
        let all: i64 = self
            .study
            .one(&format!("SELECT count(*) FROM source.{name}"), [])?;
        let columns: Vec<String> = self.table.columns.iter().map(|c| quoted(c)).collect();
        let values: Vec<String> = self.table.columns.iter().map(|c| self.theirs(c)).collect();
        let matched = self.matched();
        let order = if self.table.numbered() { "s.id" } else { "1" };
        let new = self.run(&format!(
            "INSERT INTO main.{name} ({}) SELECT {} FROM source.{name} s
             WHERE NOT EXISTS (SELECT 1 FROM main.{name} m WHERE {matched}) ORDER BY {order}",
            columns.join(", "),
            values.join(", ")
        ))?;
        if self.table.numbered() {
            let map = map(&self.table.name);
            self.run(&format!("DROP TABLE IF EXISTS temp.{map}"))?;
            self.run(&format!(
                "CREATE TEMP TABLE {map} (src INTEGER PRIMARY KEY, dst INTEGER NOT NULL)"
            ))?;
            self.run(&format!(
                "INSERT INTO temp.{map} SELECT s.id, m.id FROM source.{name} s JOIN main.{name} m ON {matched}"
            ))?;
        }
        let mut count = MergeCount {
            table: self.table.name.clone(),
            new,
            equal: usize::try_from(all).unwrap_or(0).saturating_sub(new),
            diverged: 0,
        };
        let mut replaced = Vec::new();
        for Pair {
            place,
            ours,
            theirs,
        } in self.differing(&matched)?
        {
            let joined = join(&self.table.name, &self.table.columns, &ours, &theirs);
            let altered = joined.differ && matches!(self.kind, Kind::Event | Kind::Child);
            if altered {
                count.equal = count.equal.saturating_sub(1);
                count.diverged += usize::from(self.counts_as_diverged(&ours));
            }
            if self.table.name == "generation" && joined.differ {
                self.keep_other(if joined.theirs { &ours } else { &theirs })?;
            }
            replaced.extend(self.change(&place, &ours, &joined, &mut count)?);
        }
        Ok((count, replaced))
    }

    /// Answers with a key are counted by their keys, see [`Study::diverged_from_source`].
    fn counts_as_diverged(&self, ours: &[Cell]) -> bool {
        let key = self.table.columns.iter().position(|c| c == "key");
        let keyed = |at: usize| self.table.name == "generation" && ours[at].by != Value::Null;
        !key.is_some_and(keyed)
    }

    /// Writes what two rows became; gives what that replaced of a person's edits.
    fn change(
        &self,
        place: &[Value],
        ours: &[Cell],
        joined: &Joined,
        count: &mut MergeCount,
    ) -> Result<Option<Part>> {
        if joined.changes.is_empty() {
            return Ok(None);
        }
        let target = self.target(ours);
        let before = target.as_ref().map(|t| self.study.state(t)).transpose()?;
        let set: Vec<String> = joined
            .changes
            .iter()
            .enumerate()
            .map(|(at, (column, _))| {
                format!("{} = ?{}", quoted(&self.table.columns[*column]), at + 1)
            })
            .collect();
        let first = joined.changes.len() + 1;
        let row: Vec<String> = self
            .table
            .primary
            .iter()
            .enumerate()
            .map(|(at, column)| format!("{} = ?{}", quoted(column), at + first))
            .collect();
        let sql = format!(
            "UPDATE main.{} SET {} WHERE {}",
            quoted(&self.table.name),
            set.join(", "),
            row.join(" AND ")
        );
        let values = joined.changes.iter().map(|(_, value)| value).chain(place);
        self.connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(values)))
            .map_err(sqlite(self.study.path()))?;
        let Some((target, before)) = target.zip(before) else {
            return Ok(None);
        };
        let after = self.study.state(&target)?;
        if after.value == before.value {
            return Ok(None);
        }
        count.equal = count.equal.saturating_sub(1);
        count.new += 1;
        Ok(Some(Part {
            target,
            before,
            after,
        }))
    }

    /// What a row of edits is about.
    fn target(&self, row: &[Cell]) -> Option<Target> {
        let Kind::Edit(_) = self.kind else {
            return None;
        };
        let of = |column: &str| {
            let at = self.table.columns.iter().position(|c| c == column)?;
            Some(&row[at].value)
        };
        let uid = |column| match of(column)? {
            Value::Blob(bytes) => Some(Uid(bytes.clone())),
            _ => None,
        };
        let text = |column| match of(column)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        match self.table.name.as_str() {
            "note" => uid("target").map(Target::Note),
            "tag" => Some(Target::Tag(uid("target")?, text("name")?)),
            "mark" => Some(Target::Mark(uid("target")?, text("kind")?)),
            "view" => text("name").map(Target::View),
            "deck" => uid("uid").map(Target::Deck),
            "stop" => uid("uid").map(Target::Stop),
            "figure" => uid("uid").map(Target::Figure),
            _ => None,
        }
    }

    /// An answer that was altered in one of the files: the one that does not stand is kept under a name of its own, which
    /// follows from what it says.
    fn keep_other(&self, row: &[Cell]) -> Result<()> {
        let mut hash = Sha256::new();
        hash.update(b"paretoscope variant 1");
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for (column, cell) in self.table.columns.iter().zip(row) {
            if column == "interactive" {
                continue;
            }
            super::digest::column(&mut hash, column, (&cell.by).into());
            columns.push(quoted(column));
            values.push(cell.value.clone());
        }
        let name = Value::Blob(hash.finalize()[..16].to_vec());
        for (column, value) in columns.iter().zip(&mut values) {
            if column == "\"uid\"" {
                *value = name.clone();
            }
        }
        let marks: Vec<String> = (1..=values.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "INSERT INTO main.generation ({}) VALUES ({}) ON CONFLICT (uid) DO NOTHING",
            columns.join(", "),
            marks.join(", ")
        );
        self.connection
            .execute(&sql, rusqlite::params_from_iter(values))
            .map_err(sqlite(self.study.path()))?;
        Ok(())
    }

    /// A column of the source's row `s`, as it would be here.
    fn theirs(&self, column: &str) -> String {
        let plain = format!("s.{}", quoted(column));
        match self.table.parent(column) {
            Some(parent) => format!("(SELECT dst FROM temp.{} WHERE src = {plain})", map(parent)),
            None => plain,
        }
    }

    /// When a row `s` of the source and a row `m` of the target are one.
    fn matched(&self) -> String {
        let columns: Vec<String> = match self.kind {
            Kind::Edit(columns) => columns.iter().map(|c| (*c).to_owned()).collect(),
            Kind::Child => self.table.primary.clone(),
            Kind::Thing | Kind::Event | Kind::Apart => vec!["uid".to_owned()],
        };
        let same = |column: &String| format!("m.{} = {}", quoted(column), self.theirs(column));
        columns.iter().map(same).collect::<Vec<_>>().join(" AND ")
    }

    /// Rows that are one and differ.
    fn differing(&self, matched: &str) -> Result<Vec<Pair>> {
        let columns = &self.table.columns;
        let place = &self.table.primary;
        let mut asked: Vec<String> = place.iter().map(|c| format!("m.{}", quoted(c))).collect();
        let mut differ = Vec::new();
        for column in columns {
            let (ours, theirs) = (format!("m.{}", quoted(column)), self.theirs(column));
            let by = |value: &str| match self.table.parent(column) {
                // Which of two answers stands in a place of a sweep is told by when they were made.
                Some("generation") => {
                    format!(
                        "(SELECT printf('%020d', created) || hex(uid) FROM main.generation WHERE id = {value})"
                    )
                }
                Some(parent) => format!(
                    "(SELECT uid FROM main.{} WHERE id = {value})",
                    quoted(parent)
                ),
                None => value.to_owned(),
            };
            asked.extend([ours.clone(), by(&ours), theirs.clone(), by(&theirs)]);
            differ.push(format!("{ours} IS NOT {theirs}"));
        }
        if differ.is_empty() {
            return Ok(Vec::new());
        }
        let name = quoted(&self.table.name);
        let sql = format!(
            "SELECT {} FROM source.{name} s JOIN main.{name} m ON {matched} WHERE {}",
            asked.join(", "),
            differ.join(" OR ")
        );
        let mut found = Vec::new();
        self.study.each(&sql, [], |row| {
            let get = |at: usize| row.get::<_, Value>(at).map_err(sqlite(self.source));
            let cells = |first: usize| -> Result<Vec<Cell>> {
                let at = |column: usize| place.len() + 4 * column + first;
                (0..columns.len())
                    .map(|column| {
                        Ok(Cell {
                            value: get(at(column))?,
                            by: get(at(column) + 1)?,
                        })
                    })
                    .collect()
            };
            let place = (0..place.len()).map(get).collect::<Result<_>>()?;
            found.push(Pair {
                place,
                ours: cells(0)?,
                theirs: cells(2)?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    fn run(&self, sql: &str) -> Result<usize> {
        let constraint = Some(rusqlite::ErrorCode::ConstraintViolation);
        self.connection.execute(sql, []).map_err(|error| {
            if error.sqlite_error_code() == constraint {
                // Rows that point at what is not there, or bear the name of something else.
                damaged(self.source, &error.to_string())
            } else {
                sqlite(self.study.path())(error)
            }
        })
    }
}
