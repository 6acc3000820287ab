//! Views, decks and undo belong to one program at a time, which says every so often that it is there.

use rusqlite::params;

use super::alive::{Whereabouts, bury, whereabouts};
use super::file::Study;
use super::hash::{Uid, now};
use super::open::sqlite;
use crate::Result;

/// How often the holder says that it is there, in milliseconds.
pub const BEAT: i64 = 5_000;

/// After how long without a word the lease is free, in milliseconds.
pub const LAPSE: i64 = 3 * BEAT;

/// Who has the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// This program.
    Ours,
    /// Another one.
    Theirs {
        /// Which program, on which system.
        who: String,
        /// Since when it has the file open, in milliseconds since 1970.
        since: i64,
        /// When it last said that it is there, in milliseconds since 1970.
        beat: i64,
    },
}

impl Study {
    /// Takes the lease where it is free, or keeps it where it is ours; with `over`, takes it from whoever has it. That of a
    /// process of this machine that died is free at once.
    pub fn lease(&self, over: bool) -> Result<Lease> {
        self.lease_at(over, now())
    }

    pub(super) fn lease_at(&self, over: bool, now: i64) -> Result<Lease> {
        let mut dead = Vec::new();
        let lease = self.write(|transaction, origin| {
            let mut theirs = None;
            let sql = "SELECT program || ' on ' || os || CASE alias WHEN '' THEN '' ELSE ' (' || alias || ')' END, created, beat,
                       uid, EXISTS (SELECT 1 FROM claim c WHERE c.origin = o.id)
                       FROM origin o WHERE id <> ?1 AND beat > ?2 ORDER BY beat, id";
            self.each(sql, params![origin, now - LAPSE], |row| {
                let uid = Uid(self.get(row, 3)?);
                if whereabouts(&uid) == Whereabouts::Gone {
                    // What it claimed is seen to be free by its file, which stays until then.
                    if !self.get::<bool>(row, 4)? {
                        dead.push(uid);
                    }
                    return Ok(());
                }
                theirs = Some(Lease::Theirs { who: self.get(row, 0)?, since: self.get(row, 1)?, beat: self.get(row, 2)? });
                Ok(())
            })?;
            if let Some(theirs) = theirs.filter(|_| !over) {
                return Ok(theirs);
            }
            let sql = "UPDATE origin SET beat = CASE id WHEN ?1 THEN ?2 END WHERE id = ?1 OR beat IS NOT NULL";
            transaction
                .execute(sql, params![origin, now])
                .map_err(sqlite(self.path()))?;
            self.attend_as(origin)?;
            Ok(Lease::Ours)
        })?;
        dead.iter().for_each(bury);
        Ok(lease)
    }

    /// Gives the lease back, where it is ours.
    pub fn end_lease(&self) -> Result<()> {
        self.write(|transaction, origin| {
            transaction
                .execute("UPDATE origin SET beat = NULL WHERE id = ?1", [origin])
                .map_err(sqlite(self.path()))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::alive::place;

    #[test]
    fn one_has_it_until_it_falls_silent_or_another_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let (one, two) = (Study::open(&path).unwrap(), Study::open(&path).unwrap());
        let has = |study: &Study, over, now| study.lease_at(over, now).unwrap() == Lease::Ours;
        assert!(has(&one, false, 100_000));
        let theirs = two.lease_at(false, 100_000 + LAPSE - 1).unwrap();
        assert!(
            matches!(theirs, Lease::Theirs { who, beat: 100_000, .. } if who.starts_with("paretoscope"))
        );
        assert!(
            has(&one, false, 100_000 + BEAT),
            "to keep it is to take it again"
        );
        assert!(has(&two, true, 100_000 + BEAT), "taken over");
        assert!(
            !has(&one, false, 100_000 + BEAT + 1),
            "which the other learns with its next beat"
        );
        assert!(has(&one, false, 100_000 + BEAT + LAPSE), "fallen silent");
        one.end_lease().unwrap();
        assert!(has(&two, false, 100_000 + BEAT + LAPSE));
    }

    #[test]
    fn nobody_waits_for_the_lease_of_one_that_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let (one, two) = (Study::open(&path).unwrap(), Study::open(&path).unwrap());
        assert_eq!(one.lease_at(false, 100_000).unwrap(), Lease::Ours);
        assert_ne!(two.lease_at(false, 100_001).unwrap(), Lease::Ours);
        let holder = "SELECT uid FROM origin WHERE beat IS NOT NULL";
        let holder = Uid(two.one(holder, []).unwrap());
        drop(one);
        assert_ne!(
            two.lease_at(false, 100_002).unwrap(),
            Lease::Ours,
            "it took its file away and gave nothing back: nothing is known"
        );
        // What a program that was killed leaves.
        std::fs::write(place(&holder), "1").unwrap();
        assert_eq!(two.lease_at(false, 100_003).unwrap(), Lease::Ours);
        assert!(!place(&holder).exists(), "nothing of it is left");
    }
}
