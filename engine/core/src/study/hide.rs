//! What a person asked for, counted, and hidden from the history.

use rusqlite::params;

use super::file::Study;
use super::hash::{Uid, now};
use super::open::sqlite;
use crate::Result;

const SHOWN: &str = "interactive = 1 AND NOT EXISTS
    (SELECT 1 FROM mark m WHERE m.target = generation.uid AND m.kind = 'hidden' AND m.standing = 1)";

impl Study {
    /// How many answers there are that a person asked for; what is hidden is left out.
    pub fn asked_for(&self) -> Result<usize> {
        let count: i64 = self.one(
            &format!("SELECT count(*) FROM generation WHERE {SHOWN}"),
            [],
        )?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// Hides every answer that a person asked for; how many these were. They stay in the file, and sweeps go on to use
    /// them.
    pub fn hide_answers(&self) -> Result<usize> {
        self.write(|transaction, origin| {
            let mut shown: Vec<Vec<u8>> = Vec::new();
            self.each(
                &format!("SELECT uid FROM generation WHERE {SHOWN}"),
                [],
                |row| {
                    shown.push(self.get(row, 0)?);
                    Ok(())
                },
            )?;
            let sql = "INSERT INTO mark (uid, created, origin, target, kind, rev, standing) VALUES (?1, ?2, ?3, ?4, 'hidden', 1, 1)
                       ON CONFLICT (target, kind) DO UPDATE SET created = excluded.created, origin = excluded.origin,
                       rev = rev + 1, standing = 1";
            let mut statement = transaction.prepare_cached(sql).map_err(sqlite(self.path()))?;
            for target in &shown {
                let created = now();
                statement
                    .execute(params![Uid::event(created).0, created, origin, target])
                    .map_err(sqlite(self.path()))?;
            }
            Ok(shown.len())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Filter;
    use crate::study::tests::{answer, info, run};

    #[test]
    fn what_is_hidden_is_counted_and_listed_no_more_and_stays_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let number = study.bundle(&info("demo")).unwrap();
        let add = |prompt: &str| {
            let run = run(prompt, 0.5, "text");
            study.add(&[answer(&run, number)]).unwrap()[0]
        };
        let first = add("one");
        add("two");
        assert_eq!(study.asked_for().unwrap(), 2);
        assert_eq!(study.hide_answers().unwrap(), 2);
        assert_eq!(study.hide_answers().unwrap(), 0, "they are hidden already");
        add("three");
        assert_eq!(study.asked_for().unwrap(), 1);
        assert_eq!(study.history(&Filter::default()).unwrap().len(), 1);
        assert!(study.answer(first).unwrap().is_some());
    }
}
