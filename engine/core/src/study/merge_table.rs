//! One table's merge: which rows of the source are here already, which are new, which are one and differ.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;
use sha2::{Digest as _, Sha256};

use super::file::Study;
use super::hash::Uid;
use super::merge::MergeCount;
use super::merge_rules::{Cell, Joined, Kind, join};
use super::notes::Target;
use super::open::{damaged, sqlite};
use super::tables::{Table, quoted};
use super::undo::Part;
use crate::Result;

/// The table of which number in the source is which one here.
pub(super) fn map(table: &str) -> String {
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
pub(super) struct Work<'a> {
    pub(super) study: &'a Study,
    pub(super) connection: &'a Connection,
    /// The file that is merged from.
    pub(super) source: &'a Path,
    /// With the columns that both files have.
    pub(super) table: Table,
    pub(super) kind: Kind,
}

impl Work<'_> {
    pub(super) fn merge(&self) -> Result<(MergeCount, Vec<Part>)> {
        let name = quoted(&self.table.name);
        let all: i64 = self
            .study
            .one(&format!("SELECT count(*) FROM source.{name}"), [])?;
        let (known, pairs) = if self.table.numbered() {
            let known = self.map_known()?;
            (known, self.differing(&self.mapped())?)
        } else {
            let (known, differ) = self.known_children()?;
            let pairs = if differ > 0 {
                self.differing(&self.met())?
            } else {
                Vec::new()
            };
            (known, pairs)
        };
        let new = if known < all { self.add_new()? } else { 0 };
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
        } in pairs
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

    /// Notes which of the source's rows are here already, and as which; how many.
    fn map_known(&self) -> Result<i64> {
        let map = map(&self.table.name);
        self.run(&format!("DROP TABLE IF EXISTS temp.{map}"))?;
        self.run(&format!(
            "CREATE TEMP TABLE {map} (src INTEGER PRIMARY KEY, dst INTEGER NOT NULL)"
        ))?;
        let noted = self.run(&format!(
            "INSERT INTO temp.{map} SELECT s.id, m.id FROM {}",
            self.met()
        ))?;
        Ok(noted as i64)
    }

    /// How many rows of a table without numbers are here already, and how many of those differ: in one pass, for often
    /// all are and none does.
    fn known_children(&self) -> Result<(i64, i64)> {
        let sql = format!(
            "SELECT count(*), count(CASE WHEN {} THEN 1 END) FROM {}",
            self.unlike(),
            self.met()
        );
        let mut found = (0, 0);
        self.study.each(&sql, [], |row| {
            let get = |at: usize| row.get::<_, i64>(at).map_err(sqlite(self.source));
            found = (get(0)?, get(1)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Adds the source's rows that are not here; how many.
    fn add_new(&self) -> Result<usize> {
        let name = quoted(&self.table.name);
        let columns: Vec<String> = self.table.columns.iter().map(|c| quoted(c)).collect();
        let values: Vec<String> = self.table.columns.iter().map(|c| self.theirs(c)).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        let (from, matched) = (self.from(), self.matched());
        if !self.table.numbered() {
            return self.run(&format!(
                "INSERT INTO main.{name} ({columns}) SELECT {values} FROM {from}
                 WHERE NOT EXISTS (SELECT 1 FROM main.{name} m WHERE {matched})"
            ));
        }
        let map = map(&self.table.name);
        let unknown = format!("NOT EXISTS (SELECT 1 FROM temp.{map} k WHERE k.src = s.id)");
        let new = self.run(&format!(
            "INSERT INTO main.{name} ({columns}) SELECT {values} FROM {from} WHERE {unknown} ORDER BY s.id"
        ))?;
        self.run(&format!(
            "INSERT INTO temp.{map} SELECT s.id, m.id FROM {} WHERE {unknown}",
            self.met()
        ))?;
        Ok(new)
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

    /// The source's rows `s` with those of the maps that tell where they point to.
    fn from(&self) -> String {
        let mut from = format!("source.{} s", quoted(&self.table.name));
        for (at, column) in self.table.columns.iter().enumerate() {
            if let Some(parent) = self.table.parent(column) {
                let map = map(parent);
                from += &format!(
                    " LEFT JOIN temp.{map} p{at} ON p{at}.src = s.{}",
                    quoted(column)
                );
            }
        }
        from
    }

    /// The source's rows `s` with the rows `m` that they are here, found by what tells rows apart. The join goes from the
    /// source, whose rows are read in order, to the target's index.
    fn met(&self) -> String {
        let name = quoted(&self.table.name);
        format!(
            "{} CROSS JOIN main.{name} m ON {}",
            self.from(),
            self.matched()
        )
    }

    /// The pairs of [`Work::met`] by their numbers, where these are noted.
    fn mapped(&self) -> String {
        let name = quoted(&self.table.name);
        format!(
            "{} CROSS JOIN temp.{} k ON k.src = s.id CROSS JOIN main.{name} m ON m.id = k.dst",
            self.from(),
            map(&self.table.name)
        )
    }

    /// Whether a pair differs.
    fn unlike(&self) -> String {
        let differ =
            |column: &String| format!("m.{} IS NOT {}", quoted(column), self.theirs(column));
        let differ: Vec<String> = self.table.columns.iter().map(differ).collect();
        differ.join(" OR ")
    }

    /// A column of the source's row `s`, as it would be here.
    fn theirs(&self, column: &str) -> String {
        let at = self.table.columns.iter().position(|c| c == column);
        match at.filter(|_| self.table.parent(column).is_some()) {
            Some(at) => format!("p{at}.dst"),
            None => format!("s.{}", quoted(column)),
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

    /// Rows that are one and differ, of the pairs that a join finds.
    fn differing(&self, pairs: &str) -> Result<Vec<Pair>> {
        let columns = &self.table.columns;
        let place = &self.table.primary;
        let mut asked: Vec<String> = place.iter().map(|c| format!("m.{}", quoted(c))).collect();
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
        }
        let sql = format!(
            "SELECT {} FROM {pairs} WHERE {}",
            asked.join(", "),
            self.unlike()
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
