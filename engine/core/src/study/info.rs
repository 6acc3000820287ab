//! What a study holds, in counts and names.

use serde::Serialize;

use super::file::{Access, Study};
use crate::Result;

/// What a study holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StudyInfo {
    /// The version of its schema.
    pub format: i64,
    /// Names of its bundles, the oldest first.
    pub bundles: Vec<String>,
    /// Answers.
    pub generations: usize,
    /// Scores.
    pub scores: usize,
    /// Names of its sweeps, the oldest first.
    pub sweeps: Vec<String>,
    /// Votes.
    pub votes: usize,
    /// Aliases of its annotators.
    pub annotators: Vec<String>,
    /// What a person should know of.
    pub warnings: Vec<String>,
}

impl Study {
    /// Counts and names.
    pub fn info(&self) -> Result<StudyInfo> {
        let mut warnings = Vec::new();
        if let Access::Read(why) = self.access() {
            warnings.push(format!("can only be read: {why}"));
        }
        if self.alone()? {
            warnings.push("lies on a network's disk, or was last written on one: let one program at a time write".to_owned());
        }
        let diverged = self.diverged()?.len();
        if diverged > 0 {
            warnings.push(format!(
                "{diverged} answers diverged: one key, several texts"
            ));
        }
        let unverified: i64 = self.one(
            "SELECT count(*) FROM scorer WHERE json LIKE '%\"unverified%'",
            [],
        )?;
        if unverified > 0 {
            warnings.push(
                "rows of an earlier format stand without a key: they are not given again"
                    .to_owned(),
            );
        }
        Ok(StudyInfo {
            format: self.one("SELECT user_version FROM pragma_user_version", [])?,
            bundles: self.names("SELECT name FROM bundle ORDER BY created, uid")?,
            generations: self.count("generation")?,
            scores: self.count("score")?,
            sweeps: self.names("SELECT name FROM sweep ORDER BY created, uid")?,
            votes: self.count("vote")?,
            annotators: self.names("SELECT alias FROM annotator ORDER BY alias")?,
            warnings,
        })
    }

    /// Whether it is written with a rollback journal, as on a network's disk, where one program at a time should write.
    pub fn alone(&self) -> Result<bool> {
        let journal: String = self.one("SELECT journal_mode FROM pragma_journal_mode", [])?;
        Ok(self.access() == &Access::Write && journal == "delete")
    }

    fn names(&self, sql: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        self.each(sql, [], |row| {
            found.push(self.get(row, 0)?);
            Ok(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::open::{make_on, open_on};
    use crate::study::tests::{answer, bundle, run, sweep};

    #[test]
    fn a_study_tells_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let number = study.bundle(&bundle("demo")).unwrap();
        study.sweep(&sweep(&["a"])).unwrap();
        study.add(&[answer(&run("a", 0.5, "x"), number)]).unwrap();
        let json = serde_json::to_value(study.info().unwrap()).unwrap();
        let expected = serde_json::json!({
            "format": 1, "bundles": ["demo"], "generations": 1, "scores": 0, "sweeps": ["hoe"], "votes": 0,
            "annotators": [], "warnings": [],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn on_a_network_s_disk_there_is_no_shared_memory_and_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let (connection, access) = make_on(&path, true).unwrap();
        let study = Study::of(connection, &path, access);
        study.bundle(&bundle("demo")).unwrap();
        assert!(!folder.path().join("a.study-wal").exists());
        assert!(study.info().unwrap().warnings[0].contains("network's disk"));
        drop(study);
        let (connection, access) = open_on(&path, true).unwrap();
        let study = Study::of(connection, &path, access);
        assert!(study.alone().unwrap());
        assert_eq!(study.info().unwrap().bundles, ["demo"]);
    }
}
