//! Who gives scores in a study.

use serde::Serialize;
use serde_json::Value;

use super::file::Study;
use super::hash::Uid;
use crate::Result;
use crate::types::ScorerKind;

/// A scorer, as the study knows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScorerState {
    /// Its number in this file.
    #[serde(skip)]
    pub id: i64,
    /// Its name in every file.
    #[serde(serialize_with = "in_words")]
    pub uid: Uid,
    /// What kind it is (see [`ScorerKind`]); a later version may know others.
    pub kind: String,
    /// What its objective is called.
    pub objective: String,
    /// 1 or -1: applied to its scores already.
    pub sign: f64,
    /// What it counts, where that is said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub words: String,
}

impl ScorerState {
    /// Whether it is a reward model.
    pub fn is_reward(&self) -> bool {
        self.kind == ScorerKind::Reward.name()
    }

    /// What its objective is called beside others: with its kind where a reward model's bears the name.
    pub fn shown(&self, taken: bool) -> String {
        if taken && !self.is_reward() {
            format!("{} ({})", self.objective, self.kind)
        } else {
            self.objective.clone()
        }
    }
}

fn in_words<S: serde::Serializer>(
    uid: &Uid,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(uid)
}

impl Study {
    /// Every scorer, oldest first.
    pub fn scorer_list(&self) -> Result<Vec<ScorerState>> {
        self.scorers_where("", [])
    }

    /// The scorers that scored a row of a sweep, oldest first.
    pub fn scorers_of(&self, sweep: i64) -> Result<Vec<ScorerState>> {
        let scored = "WHERE EXISTS (SELECT 1 FROM sweep_row r JOIN score s ON s.generation = r.generation AND s.scorer = c.id
                      WHERE r.sweep = ?1)";
        self.scorers_where(scored, [sweep])
    }

    fn scorers_where(
        &self,
        which: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<ScorerState>> {
        let sql = format!(
            "SELECT c.id, c.uid, c.kind, c.objective, c.sign, c.json FROM scorer c {which} ORDER BY c.created, c.id"
        );
        let mut found = Vec::new();
        self.each(&sql, parameters, |row| {
            let json: Value = self.json(&self.get::<String>(row, 5)?, "scorer.json")?;
            found.push(ScorerState {
                id: self.get(row, 0)?,
                uid: Uid(self.get(row, 1)?),
                kind: self.get(row, 2)?,
                objective: self.get(row, 3)?,
                sign: self.get(row, 4)?,
                words: json["words"].as_str().unwrap_or_default().to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }
}
