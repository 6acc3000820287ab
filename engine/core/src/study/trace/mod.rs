//! Routing and pace of an answer: rows of tables and back. How gates become bytes is in `pack`. Traces are a cache: routing
//! can be found again from an answer's ids.

mod pack;
mod playback;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use self::pack::{Encoding, Sizes, crc, deflate, expected, inflate, pack, unpack};
use super::file::{Study, to_json};
use super::open::{fault, sqlite};
use super::read::Stored;
use crate::types::{BundleInfo, GateRecord, Run};
use crate::{Error, Result};

pub use pack::LARGEST_ERROR;

/// Sizes, with names where the answer's bundle does not tell them.
#[derive(Debug, Serialize, Deserialize)]
struct Shape {
    tokens: usize,
    sites: Names,
    adapters: Names,
    /// The places of those whose shares are kept, and of the one that follows from them; all of them where it is empty, as
    /// earlier versions wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    speaks: Vec<usize>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Names {
    OfBundle(usize),
    Are(Arc<Vec<String>>),
}

impl Names {
    fn new(names: &Arc<Vec<String>>, bundle: Option<&Vec<String>>) -> Self {
        if bundle == Some(&**names) {
            Self::OfBundle(names.len())
        } else {
            Self::Are(names.clone())
        }
    }

    fn get(self, bundle: Option<&Vec<String>>) -> Option<Arc<Vec<String>>> {
        match self {
            Self::Are(names) => Some(names),
            Self::OfBundle(count) => bundle
                .filter(|names| names.len() == count)
                .map(|names| Arc::new(names.clone())),
        }
    }
}

impl Study {
    /// Keeps the routing of an answer; what was kept before is replaced.
    pub fn put_trace(&self, answer: i64, record: &GateRecord) -> Result<()> {
        if !is_whole(record) {
            let problem = format!(
                "holds {} values, which is no multiple of {} sites times {} adapters",
                record.values.len(),
                record.sites.len(),
                record.adapters.len()
            );
            return Err(Error::option("record", problem));
        }
        self.write(|transaction, _origin| self.write_trace(transaction, answer, record))
    }

    fn write_trace(
        &self,
        transaction: &Connection,
        answer: i64,
        record: &GateRecord,
    ) -> Result<()> {
        let bundle = self.bundle_behind(answer)?;
        let (encoding, speaks, bytes) = pack(record);
        let all = speaks.iter().copied().eq(0..record.adapters.len());
        let shape = Shape {
            tokens: record.tokens(),
            sites: Names::new(&record.sites, bundle.as_ref().map(|b| &b.sites)),
            adapters: Names::new(&record.adapters, bundle.as_ref().map(|b| &b.adapters)),
            speaks: if all { Vec::new() } else { speaks },
        };
        let shape = to_json("record", &shape)?;
        let data = deflate(&bytes).map_err(|e| fault(self.path(), e.to_string()))?;
        let sql = "INSERT INTO trace (generation, encoding, shape, crc, data) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (generation) DO UPDATE SET encoding = excluded.encoding, shape = excluded.shape,
                   crc = excluded.crc, data = excluded.data";
        transaction
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(params![answer, encoding as i64, shape, crc(&bytes), data]))
            .map_err(sqlite(self.path()))?;
        Ok(())
    }

    /// Keeps, with an answer that a person asked for, its routing and when its tokens came, where these are known. What is
    /// kept of an answer that stands already stays.
    pub(super) fn write_played(
        &self,
        transaction: &Connection,
        answer: i64,
        run: &Run,
    ) -> Result<()> {
        let kept = |table| {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE generation = ?1)");
            self.one::<bool>(&sql, [answer])
        };
        // Routing is a cache: an answer is not lost for a record that does not fit.
        let record = run
            .record
            .as_ref()
            .filter(|r| is_whole(r) && r.tokens() > 0);
        if let Some(record) = record
            && !kept("trace")?
        {
            self.write_trace(transaction, answer, record)?;
        }
        if !run.pace.is_empty() && !kept("playback")? {
            self.write_playback(transaction, answer, &run.pace)?;
        }
        Ok(())
    }

    /// The routing of an answer, where it is kept; gates are off by at most [`LARGEST_ERROR`].
    pub fn trace(&self, answer: i64) -> Result<Option<GateRecord>> {
        let sql = "SELECT encoding, shape, crc, data FROM trace WHERE generation = ?1";
        let found: Option<(i64, String, i64, Vec<u8>)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let row = |row: &rusqlite::Row<'_>| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                };
                statement.query_row([answer], row).optional()
            })
            .map_err(sqlite(self.path()))?;
        let Some((encoding, shape, sum, data)) = found else {
            return Ok(None);
        };
        let shape: Shape = self.json(&shape, "trace.shape")?;
        let bundle = self.bundle_behind(answer)?;
        let read = || {
            let encoding = Encoding::of(encoding)?;
            let sites = shape.sites.get(bundle.as_ref().map(|b| &b.sites))?;
            let adapters = shape.adapters.get(bundle.as_ref().map(|b| &b.adapters))?;
            let speaks = match shape.speaks {
                all if all.is_empty() => (0..adapters.len()).collect(),
                some => some,
            };
            let sizes = Sizes {
                tokens: shape.tokens,
                sites: sites.len(),
                adapters: adapters.len(),
                speaks,
            };
            let bytes = inflate(&data, expected(encoding, &sizes)?)?;
            (crc(&bytes) == sum).then_some(())?;
            let values = unpack(encoding, &sizes, &bytes)?;
            Some(GateRecord {
                sites,
                adapters,
                values,
            })
        };
        read().map(Some).ok_or_else(|| self.misread("trace.data"))
    }

    /// A stored answer as the run that it was (see [`Stored::run`]), with the routing and the pace that are kept of it. A
    /// cache that cannot be read is left out.
    pub fn played(&self, stored: &Stored) -> Option<Run> {
        let mut run = stored.run()?;
        run.record = self.trace(stored.id).ok().flatten().map(Arc::new);
        run.pace = self.playback(stored.id).ok().flatten().unwrap_or_default();
        Some(run)
    }

    /// What is known of an answer's bundle; fails where there is no such answer.
    fn bundle_behind(&self, answer: i64) -> Result<Option<BundleInfo>> {
        let sql =
            "SELECT b.json FROM generation g LEFT JOIN bundle b ON b.id = g.bundle WHERE g.id = ?1";
        let mut found = None;
        self.each(sql, [answer], |row| {
            found = Some(self.get::<Option<String>>(row, 0)?);
            Ok(())
        })?;
        let json = found.ok_or_else(|| {
            Error::option(
                "answer",
                format!("there is no answer {answer} in {}", self.path().display()),
            )
        })?;
        json.map(|json| self.json(&json, "bundle.json")).transpose()
    }
}

/// Whether it holds as many values as its sizes say.
fn is_whole(record: &GateRecord) -> bool {
    let stride = record.sites.len() * record.adapters.len();
    record.tokens() * stride == record.values.len()
}
