//! What a study holds, in figures and names.

use std::collections::HashMap;

use serde::Serialize;

use super::file::{Access, Study};
use super::schema::STEPS;
use super::scorers::ScorerState;
use super::sweeps::{Makers, SweepState};
use crate::Result;
use crate::types::BundleInfo;

/// A sweep, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepInfo {
    /// Its number in this file, by which commands name it.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// By which method points become answers.
    pub method: String,
    /// Its bundle's name.
    pub bundle: String,
    /// Rows planned.
    pub rows: usize,
    /// Rows there.
    pub done: usize,
    /// `running` where a program makes rows of it now, `finished`, or `stopped`. On a network's disk, where that is not
    /// known, one that was killed is `running` still.
    pub status: String,
}

/// A scorer, in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScorerInfo {
    /// What it is.
    #[serde(flatten)]
    pub scorer: ScorerState,
    /// Scores that it gave.
    pub scores: usize,
}

/// A study, in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyInfo {
    /// The version of its schema.
    pub format: usize,
    /// Names of its bundles, in order of coming.
    pub bundles: Vec<String>,
    /// Answers.
    pub generations: usize,
    /// Scores of answers.
    pub scores: usize,
    /// Who gave them, oldest first.
    pub scorers: Vec<ScorerInfo>,
    /// Its sweeps, oldest first.
    pub sweeps: Vec<SweepInfo>,
    /// Votes of people and judges.
    pub votes: usize,
    /// Their aliases.
    pub annotators: Vec<String>,
    /// Things a person should know.
    pub warnings: Vec<String>,
}

impl Study {
    /// What it holds.
    pub fn info(&self) -> Result<StudyInfo> {
        let names = |sql: &str| {
            let mut found = Vec::new();
            self.each(sql, [], |row| {
                found.push(self.get(row, 0)?);
                Ok(())
            })?;
            Ok::<_, crate::Error>(found)
        };
        let mut warnings = Vec::new();
        if let Access::Read(why) = self.access() {
            warnings.push(format!("it can only be read: {why}"));
        }
        let alone = self.alone()?;
        if alone {
            warnings.push(
                "it lies on a network's disk, or was last written on one: let one program at a time write".to_owned(),
            );
        }
        let diverged = self.diverged()?.len();
        if diverged > 0 {
            warnings.push(format!(
                "{diverged} answers diverged: one key, several texts"
            ));
        }
        let unverified: i64 = self.one("SELECT count(*) FROM generation WHERE key IS NULL AND status = 'done' AND steered IS NULL AND interactive = 0", [])?;
        if unverified > 0 {
            warnings.push(format!(
                "{unverified} answers come from a store of rows or from elsewhere and are never given again: what they depend on is not known in full"
            ));
        }
        let status = |sweep: &SweepState| match (sweep.makers, sweep.status.as_str()) {
            (Makers::Nobody, "running") if !alone => "stopped".to_owned(),
            (Makers::Here | Makers::Elsewhere, "stopped") => "running".to_owned(),
            (_, noted) => noted.to_owned(),
        };
        let sweeps = self.sweeps()?;
        let format: i64 = self.one("SELECT user_version FROM pragma_user_version", [])?;
        Ok(StudyInfo {
            format: usize::try_from(format).unwrap_or(STEPS.len()),
            bundles: names("SELECT name FROM bundle ORDER BY created, uid")?,
            generations: self.count("generation")?,
            scores: self.count("score")?,
            scorers: self.scorer_infos()?,
            sweeps: sweeps
                .into_iter()
                .map(|sweep| SweepInfo {
                    status: status(&sweep),
                    id: sweep.id,
                    name: sweep.name,
                    method: sweep.method,
                    bundle: sweep.info.name,
                    rows: sweep.rows,
                    done: sweep.done,
                })
                .collect(),
            votes: self.count("vote")?,
            annotators: names("SELECT alias FROM annotator ORDER BY created, uid")?,
            warnings,
        })
    }

    fn scorer_infos(&self) -> Result<Vec<ScorerInfo>> {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        let sql = "SELECT scorer, count(*) FROM score GROUP BY scorer";
        self.each(sql, [], |row| {
            let count: i64 = self.get(row, 1)?;
            counts.insert(self.get(row, 0)?, usize::try_from(count).unwrap_or(0));
            Ok(())
        })?;
        let info = |scorer: ScorerState| ScorerInfo {
            scores: counts.get(&scorer.id).copied().unwrap_or(0),
            scorer,
        };
        Ok(self.scorer_list()?.into_iter().map(info).collect())
    }

    /// What the last answer was made with, as far as a file tells it: without prompts and warnings. `None` without answers.
    pub fn last_bundle(&self) -> Result<Option<BundleInfo>> {
        let mut found = None;
        let sql = "SELECT b.json FROM generation g JOIN bundle b ON b.id = g.bundle ORDER BY g.interactive DESC, g.id DESC LIMIT 1";
        self.each(sql, [], |row| {
            found = Some(self.json(&self.get::<String>(row, 0)?, "bundle.json")?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether it is written with a rollback journal, as on a network's disk, where one program at a time should write.
    pub fn alone(&self) -> Result<bool> {
        let journal: String = self.one("SELECT journal_mode FROM pragma_journal_mode", [])?;
        Ok(self.access() == &Access::Write && journal == "delete")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::open::{make_on, open_on};
    use crate::study::tests::info;

    #[test]
    fn on_a_network_s_disk_there_is_no_shared_memory_and_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let study = Study::of(make_on(&path, true).unwrap(), &path);
        study.bundle(&info("demo")).unwrap();
        assert!(!folder.path().join("a.study-wal").exists());
        assert!(study.info().unwrap().warnings[0].contains("network's disk"));
        drop(study);
        let study = Study::of(open_on(&path, true).unwrap().unwrap(), &path);
        assert!(study.alone().unwrap());
        assert_eq!(study.info().unwrap().bundles, ["demo"]);
        drop(study);
        assert!(
            !Study::open(&path).unwrap().alone().unwrap(),
            "copied here, it has a log"
        );
    }
}
