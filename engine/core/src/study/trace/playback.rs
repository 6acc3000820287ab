//! When the tokens of an answer came.

use rusqlite::{Connection, params};

use super::super::encode;
use super::super::file::Study;
use super::super::open::sqlite;
use crate::Result;

impl Study {
    /// Keeps when the tokens of an answer came: milliseconds from the one before, the first from the command.
    pub fn put_playback(&self, answer: i64, milliseconds: &[u32]) -> Result<()> {
        self.bundle_behind(answer)?;
        self.write(|transaction, _origin| self.write_playback(transaction, answer, milliseconds))
    }

    pub(super) fn write_playback(
        &self,
        transaction: &Connection,
        answer: i64,
        milliseconds: &[u32],
    ) -> Result<()> {
        let deltas = encode::wholes(milliseconds.iter().map(|&ms| u64::from(ms)));
        let sql = "INSERT INTO playback (generation, deltas) VALUES (?1, ?2)
                   ON CONFLICT (generation) DO UPDATE SET deltas = excluded.deltas";
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![answer, deltas]))
            .map_err(sqlite(self.path()))?;
        Ok(())
    }

    /// Milliseconds between the tokens of an answer, where they are kept.
    pub fn playback(&self, answer: i64) -> Result<Option<Vec<u32>>> {
        let mut found = None;
        self.each(
            "SELECT deltas FROM playback WHERE generation = ?1",
            [answer],
            |row| {
                let values = encode::from_wholes(&self.get::<Vec<u8>>(row, 0)?)
                    .and_then(|all| all.into_iter().map(|ms| u32::try_from(ms).ok()).collect());
                let values: Vec<u32> = values.ok_or_else(|| self.misread("playback.deltas"))?;
                found = Some(values);
                Ok(())
            },
        )?;
        Ok(found)
    }
}
