//! Rows that a process has under way, so that another at the same study leaves them.

use std::collections::HashSet;

use rusqlite::params;

use super::alive::{Whereabouts, bury, whereabouts};
use super::file::Study;
use super::hash::{Uid, now};
use super::open::sqlite;
use crate::Result;
use crate::types::Key;

/// How long a claim holds unless it is made again, in milliseconds: what a process that died had under way is free then.
pub const CLAIM: i64 = 120_000;

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Ours to make.
    Ours,
    /// Its answer is there.
    Done,
    /// Another process makes it, and has until then, in milliseconds since 1970.
    Theirs(i64),
}

impl Study {
    /// Claims rows for [`CLAIM`], and says whose each is, in the order asked. To claim what is ours again prolongs it.
    /// Writing an answer ends its claim; what a process of this machine claimed that died is free at once.
    pub fn claim(&self, keys: &[Key]) -> Result<Vec<Claim>> {
        self.claim_at(keys, now())
    }

    pub(super) fn claim_at(&self, keys: &[Key], now: i64) -> Result<Vec<Claim>> {
        let mut dead = Vec::new();
        let claims = self.write(|transaction, origin| {
            self.attend_as(origin)?;
            // Who comes second waits for the first one's transaction, and then sees its claims.
            let take = "INSERT INTO claim (key, origin, until) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET
                        origin = excluded.origin, until = excluded.until WHERE origin = excluded.origin OR until < ?4";
            let mut take = transaction
                .prepare_cached(take)
                .map_err(sqlite(self.path()))?;
            let mut take = |key: &Key| {
                take.execute(params![key.0, origin, now + CLAIM, now])
                    .map(|taken| taken > 0)
                    .map_err(sqlite(self.path()))
            };
            // Whose processes live, asked once each.
            let mut alive = HashSet::new();
            let mut whose = |(key, there): (&Key, bool)| {
                if there {
                    return Ok(Claim::Done);
                }
                if take(key)? {
                    return Ok(Claim::Ours);
                }
                let mut theirs = None;
                let sql = "SELECT c.until, o.id, o.uid FROM claim c JOIN origin o ON o.id = c.origin WHERE c.key = ?1";
                self.each(sql, [&key.0[..]], |row| {
                    theirs = Some((self.get(row, 0)?, self.get::<i64>(row, 1)?, Uid(self.get(row, 2)?)));
                    Ok(())
                })?;
                let (until, id, uid) = theirs.ok_or_else(|| self.misread("claim.origin"))?;
                if !alive.contains(&id) && whereabouts(&uid) == Whereabouts::Gone {
                    transaction
                        .execute("DELETE FROM claim WHERE origin = ?1", [id])
                        .map_err(sqlite(self.path()))?;
                    dead.push(uid);
                    take(key)?;
                    return Ok(Claim::Ours);
                }
                alive.insert(id);
                Ok(Claim::Theirs(until))
            };
            keys.iter()
                .zip(self.has(keys)?)
                .map(&mut whose)
                .collect::<Result<Vec<_>>>()
        })?;
        dead.iter().for_each(bury);
        Ok(claims)
    }

    /// Prolongs all that this process has claimed.
    pub(super) fn prolong(&self) -> Result<()> {
        self.write(|transaction, origin| {
            let sql = "UPDATE claim SET until = ?2 WHERE origin = ?1";
            transaction
                .execute(sql, [origin, now() + CLAIM])
                .map_err(sqlite(self.path()))?;
            Ok(())
        })
    }

    /// Gives all back that this process has claimed.
    pub(super) fn release_all(&self) -> Result<()> {
        self.write(|transaction, origin| {
            transaction
                .execute("DELETE FROM claim WHERE origin = ?1", [origin])
                .map_err(sqlite(self.path()))?;
            Ok(())
        })
    }

    /// Gives rows back that this process claimed and does not make.
    pub fn release(&self, keys: &[Key]) -> Result<()> {
        self.write(|transaction, origin| {
            let sql = "DELETE FROM claim WHERE key = ?1 AND origin = ?2";
            let mut statement = transaction
                .prepare_cached(sql)
                .map_err(sqlite(self.path()))?;
            for key in keys {
                statement
                    .execute(params![key.0, origin])
                    .map_err(sqlite(self.path()))?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{answer, info, key, run};

    #[test]
    fn two_programs_make_each_row_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let (one, two) = (Study::open(&path).unwrap(), Study::open(&path).unwrap());
        let runs = [run("a", 0.5, "x"), run("b", 0.5, "y"), run("c", 0.5, "z")];
        let keys: Vec<Key> = runs.iter().map(key).collect();
        assert_eq!(one.claim_at(&keys[..2], 1000).unwrap(), [Claim::Ours; 2]);
        let theirs = Claim::Theirs(1000 + CLAIM);
        let found = two.claim_at(&keys, 1001).unwrap();
        assert_eq!(found, [theirs, theirs, Claim::Ours]);
        let number = one.bundle(&info("demo")).unwrap();
        one.add(&[answer(&runs[0], number)]).unwrap();
        one.release(&keys).unwrap();
        let found = two.claim_at(&keys, 1002).unwrap();
        assert_eq!(found, [Claim::Done, Claim::Ours, Claim::Ours]);
        // What a program that died had under way is free when its time has run out, and not before.
        let late = 1002 + CLAIM;
        assert_eq!(
            one.claim_at(&keys[2..], late).unwrap(),
            [Claim::Theirs(late)]
        );
        assert_eq!(one.claim_at(&keys[2..], late + 1).unwrap(), [Claim::Ours]);
        assert_eq!(
            one.count("claim").unwrap(),
            2,
            "a claim ends with its answer"
        );
    }
}
