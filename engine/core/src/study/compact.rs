//! Takes away what can be found again and what was hidden.

use std::path::PathBuf;

use super::file::Study;
use super::open::sqlite;
use crate::Result;

/// What [`Study::compact`] took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// Traces dropped; routing can be found again.
    pub traces: usize,
    /// Hidden answers that are gone for good. Those that a vote points at stay.
    pub answers: usize,
    /// Bytes of the file before and after.
    pub bytes: [u64; 2],
    /// A copy of what it was, which replaces the one of the last time.
    pub backup: PathBuf,
}

impl Study {
    /// Drops traces, purges hidden answers with their scores, and gives the room back; a copy is made first.
    pub fn compact(&self) -> Result<Compacted> {
        let before = self.bytes()?;
        let backup = self.backup_as("before-compact")?;
        let (traces, answers) = self.write(|transaction, _origin| {
            let run = |sql: &str| transaction.execute(sql, []).map_err(sqlite(self.path()));
            let traces = run("DELETE FROM trace")?;
            // The mark stays: an answer that a merge brings back is hidden still.
            run("CREATE TEMP TABLE purged AS SELECT g.id FROM main.generation g
                 JOIN main.mark m ON m.target = g.uid AND m.kind = 'hidden' AND m.standing = 1
                 WHERE NOT EXISTS (SELECT 1 FROM main.item i WHERE instr(i.sides, lower(hex(g.uid))) > 0)")?;
            for table in ["playback", "score", "sweep_row"] {
                run(&format!("DELETE FROM main.{table} WHERE generation IN (SELECT id FROM purged)"))?;
            }
            let answers = run("DELETE FROM main.generation WHERE id IN (SELECT id FROM purged)")?;
            run("DROP TABLE temp.purged")?;
            Ok((traces, answers))
        })?;
        self.connection
            .execute_batch("VACUUM")
            .map_err(sqlite(self.path()))?;
        let bytes = [before, self.bytes()?];
        Ok(Compacted {
            traces,
            answers,
            bytes,
            backup,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{answer, info, run};
    use crate::types::GateRecord;

    #[test]
    fn what_is_hidden_goes_after_a_copy_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let number = study.bundle(&info("demo")).unwrap();
        let runs: Vec<_> = (0..60)
            .map(|n| run(&n.to_string(), 0.5, &"x".repeat(900)))
            .collect();
        let answers: Vec<_> = runs.iter().map(|run| answer(run, number)).collect();
        let ids = study.add(&answers).unwrap();
        let record = GateRecord {
            sites: std::sync::Arc::new(vec!["q".to_owned()]),
            adapters: std::sync::Arc::new(vec!["a".to_owned()]),
            values: vec![1.0],
        };
        study.put_trace(ids[3], &record).unwrap();
        for (n, id) in ids[..50].iter().enumerate() {
            let uid = study.answer(*id).unwrap().unwrap().uid;
            study.connection.execute(
                "INSERT INTO mark (uid, created, origin, target, kind, rev, standing) VALUES (?1, 0, 1, ?2, 'hidden', 1, ?3)",
                (vec![n as u8; 16], uid.0, i64::from(n != 49)),
            ).unwrap();
        }
        let voted = study.answer(ids[0]).unwrap().unwrap().uid;
        study.connection.execute_batch(&format!(
            "INSERT INTO task (uid, created, origin, name, design, locked) VALUES (x'00', 0, 1, 't', '{{}}', 0);
             INSERT INTO item (uid, created, origin, task, sides, probability) VALUES (x'00', 0, 1, 1, '[\"{voted}\"]', 1.0)"
        )).unwrap();
        let done = study.compact().unwrap();
        assert_eq!((done.traces, done.answers), (1, 48));
        assert!(done.bytes[1] < done.bytes[0], "{:?}", done.bytes);
        assert!(
            study.answer(ids[0]).unwrap().is_some(),
            "a vote points at it"
        );
        assert!(study.answer(ids[1]).unwrap().is_none());
        assert!(study.answer(ids[49]).unwrap().is_some(), "shown again");
        assert_eq!(
            Study::open(&done.backup)
                .unwrap()
                .count("generation")
                .unwrap(),
            60
        );
        assert_eq!(study.compact().unwrap().answers, 0);
    }
}
