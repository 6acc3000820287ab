//! Trainings on votes: which votes, with which plan, and what came of it.

use serde::Serialize;

use super::file::{Study, to_json};
use super::hash::{Uid, now};
use super::open::sqlite;
use crate::types::{LearnPairs, TrainJob, TrainStep};
use crate::{Error, Result};

/// A training that begins.
#[derive(Debug, Clone, Copy)]
pub struct Learning<'a> {
    /// The run.
    pub job: &'a TrainJob,
    /// What it learns from.
    pub pairs: &'a LearnPairs,
}

/// A training of the study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredTraining {
    /// Its number.
    #[serde(skip)]
    pub id: i64,
    /// The run.
    pub plan: TrainJob,
    /// `running`, `stopped`, `failed` or `finished`; one whose program was killed is `running` still.
    pub status: String,
    /// What it learnt from.
    pub data: Option<LearnPairs>,
    /// The hash of the votes.
    pub votes: Option<String>,
    /// What came of it, as it was said.
    pub result: Option<serde_json::Value>,
}

impl Study {
    /// Notes that a training begins, or goes on: one with the same plan on the same votes is found again. Its number.
    ///
    /// # Errors
    /// [`Error::Option`] where the hash of the votes is none.
    pub fn begin_training(&self, learning: Learning<'_>) -> Result<i64> {
        let (plan, data) = (
            to_json("plan", learning.job)?,
            to_json("data", learning.pairs)?,
        );
        let votes = Uid::parse(&learning.pairs.votes)
            .ok_or_else(|| Error::option("votes", "is no hash of votes"))?;
        self.write(|transaction, origin| {
            let sql = "SELECT coalesce(max(id), -1) FROM training WHERE plan = ?1 AND votes = ?2";
            let known: i64 = self.one(sql, rusqlite::params![plan, votes.0])?;
            if known >= 0 {
                self.set_training(known, "running", None)?;
                return Ok(known);
            }
            let columns: [(&str, &dyn rusqlite::ToSql); 4] = [
                ("plan", &plan),
                ("status", &"running"),
                ("data", &data),
                ("votes", &votes.0),
            ];
            self.put(
                transaction,
                origin,
                "training",
                &Uid::event(now()),
                &columns,
            )
        })
    }

    /// Notes how a training stands (`running`, `stopped`, `failed` or `finished`), and what came of it.
    pub fn end_training(
        &self,
        id: i64,
        status: &str,
        result: Option<&serde_json::Value>,
    ) -> Result<()> {
        let result = result.map(|result| to_json("result", result)).transpose()?;
        self.write(|_transaction, _origin| self.set_training(id, status, result.as_deref()))
    }

    fn set_training(&self, id: i64, status: &str, result: Option<&str>) -> Result<()> {
        let sql = "UPDATE training SET status = ?2, result = coalesce(?3, result) WHERE id = ?1";
        self.connection
            .execute(sql, rusqlite::params![id, status, result])
            .map(|_rows| ())
            .map_err(sqlite(self.path()))
    }

    /// Keeps the figures of a training's steps; steps that are there stay.
    pub fn keep_steps(&self, id: i64, steps: &[TrainStep]) -> Result<()> {
        self.write(|transaction, _origin| {
            let sql = "INSERT INTO step (training, n, figures) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            let mut statement = transaction.prepare_cached(sql).map_err(sqlite(self.path()))?;
            for step in steps {
                let figures = to_json("step", step)?;
                statement
                    .execute(rusqlite::params![id, step.step as i64, figures])
                    .map_err(sqlite(self.path()))?;
            }
            Ok(())
        })
    }

    /// All trainings, oldest first.
    pub fn trainings(&self) -> Result<Vec<StoredTraining>> {
        let mut found = Vec::new();
        let sql =
            "SELECT id, plan, status, data, votes, result FROM training ORDER BY created, uid";
        self.each(sql, [], |row| {
            let (data, result): (Option<String>, Option<String>) =
                (self.get(row, 3)?, self.get(row, 5)?);
            let votes: Option<Vec<u8>> = self.get(row, 4)?;
            found.push(StoredTraining {
                id: self.get(row, 0)?,
                plan: self.json(&self.get::<String>(row, 1)?, "training.plan")?,
                status: self.get(row, 2)?,
                data: data
                    .map(|json| self.json(&json, "training.data"))
                    .transpose()?,
                votes: votes.map(|votes| Uid(votes).to_string()),
                result: result
                    .map(|json| self.json(&json, "training.result"))
                    .transpose()?,
            });
            Ok(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::votes_hash;
    use crate::types::{DpoConfig, DpoJob, TrainTask, WeightedData};

    #[test]
    fn a_training_is_found_again_by_its_plan_and_votes() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let job = TrainJob {
            task: TrainTask::Dpo(DpoJob {
                base: "base".into(),
                data: WeightedData::alone("pairs.jsonl"),
                skip_bad: false,
                config: DpoConfig::default(),
                votes: None,
            }),
            out: "out".into(),
            joins: None,
        };
        let pairs = |votes: &[Uid]| LearnPairs {
            pairs: 3,
            votes: votes_hash(votes).to_string(),
            ..LearnPairs::default()
        };
        let (one, two) = (pairs(&[Uid::event(1)]), pairs(&[Uid::event(2)]));
        let begin = |pairs| study.begin_training(Learning { job: &job, pairs }).unwrap();
        let id = begin(&one);
        study.end_training(id, "stopped", None).unwrap();
        assert_eq!(begin(&one), id);
        assert_ne!(begin(&two), id, "other votes are another training");
        let result = serde_json::json!({"adapter": "out"});
        study.end_training(id, "finished", Some(&result)).unwrap();
        study.end_training(id, "finished", None).unwrap();
        let all = study.trainings().unwrap();
        assert_eq!((all.len(), all[0].status.as_str()), (2, "finished"));
        assert_eq!(all[0].votes.as_ref(), Some(&one.votes));
        assert_eq!((&all[0].data, &all[0].result), (&Some(one), &Some(result)));
        assert_eq!(all[1].status, "running");
    }
}
