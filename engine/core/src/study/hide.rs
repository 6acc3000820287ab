//! What a person asked for, counted, and hidden from the history.

use super::file::Study;
use super::hash::Uid;
use super::notes::{State, Target};
use super::undo::Edit;
use crate::Result;

/// The kind of mark that hides an answer.
const HIDDEN: &str = "hidden";

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

    /// Hides every answer that a person asked for, as one edit that undo takes back; how many these were. They stay in the
    /// file, and sweeps go on to use them.
    pub fn hide_answers(&self) -> Result<usize> {
        let mut edits = Vec::new();
        self.each(
            &format!("SELECT uid FROM generation WHERE {SHOWN}"),
            [],
            |row| {
                edits.push(Edit {
                    target: Target::Mark(Uid(self.get(row, 0)?), HIDDEN.to_owned()),
                    value: Some(String::new()),
                });
                Ok(())
            },
        )?;
        self.edit("Forget the answers", &edits)?;
        Ok(edits.len())
    }

    /// Hides one answer without a step of undo: of what no person did.
    pub fn hide(&self, id: i64) -> Result<()> {
        self.write(|transaction, origin| {
            let uid: Vec<u8> = self.one("SELECT uid FROM generation WHERE id = ?1", [id])?;
            let target = Target::Mark(Uid(uid), HIDDEN.to_owned());
            let before = self.state(&target)?;
            let after = State {
                rev: before.rev + 1,
                value: Some(String::new()),
            };
            self.put_state(transaction, origin, &target, &after)
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
        // As any edit it is taken back, and done again.
        assert_eq!(study.undo().unwrap().unwrap().targets.len(), 2);
        assert_eq!(study.asked_for().unwrap(), 3);
        study.redo().unwrap().unwrap();
        assert_eq!(study.asked_for().unwrap(), 1);
    }

    #[test]
    fn one_answer_is_hidden_without_a_step_of_undo() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let number = study.bundle(&info("demo")).unwrap();
        let run = run("one", 0.5, "text");
        let id = study.add(&[answer(&run, number)]).unwrap()[0];
        study.hide(id).unwrap();
        assert_eq!(study.asked_for().unwrap(), 0);
        assert_eq!(study.undo().unwrap(), None);
    }
}
