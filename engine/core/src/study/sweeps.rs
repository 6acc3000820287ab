//! Sweeps: what was planned, and how far it is.

use std::path::PathBuf;

use rusqlite::params;

use super::alive::{Whereabouts, whereabouts};
use super::file::{Study, to_json};
use super::hash::{Fields, Uid, now};
use super::open::sqlite;
use super::records::{SweepRecord, bundle_uid};
use crate::Result;
use crate::protocol::SweepPlan;
use crate::types::{BundleInfo, Key, Point};

/// A row's place in a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The sweep.
    pub sweep: i64,
    /// The sweep's seed, from which the row's own follows.
    pub seed: u64,
    /// Place of its point in the sweep's order.
    pub point: usize,
    /// Place of its prompt in the sweep's list, each once.
    pub prompt: usize,
}

/// Who makes rows of a sweep now: who has claimed it under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Makers {
    /// Nobody: where rows are left, it was stopped, or its program was killed.
    #[default]
    Nobody,
    /// This process.
    Here,
    /// Another program.
    Elsewhere,
}

/// A sweep, as the study knows it.
#[derive(Debug, Clone)]
pub struct SweepState {
    /// Its number.
    pub id: i64,
    /// Its name in every file.
    pub uid: Uid,
    /// When it was planned first, in milliseconds since 1970.
    pub created: i64,
    /// What it is called in plots.
    pub name: String,
    /// By which method points become answers.
    pub method: String,
    /// The number of its bundle.
    pub bundle: i64,
    /// Its bundle, without prompts.
    pub info: BundleInfo,
    /// What was asked for; its `store` is this file.
    pub plan: SweepPlan,
    /// Rows planned.
    pub rows: usize,
    /// Rows there.
    pub done: usize,
    /// `running`, `finished` or `stopped`; one whose program was killed is `running` still.
    pub status: String,
    /// Who makes rows of it now. On a network's disk, where nothing is claimed, that is not known, and nobody does.
    pub makers: Makers,
}

impl Study {
    /// The number of a sweep, which is written if it is new with what its chat templates are told, in seconds since 1970
    /// (see [`Study::sweep_time`]).
    pub fn sweep(&self, record: &SweepRecord, time: u64) -> Result<i64> {
        let mut plan = record.plan.clone();
        plan.store = PathBuf::new();
        let json = to_json("sweep", &plan)?;
        let mut fields = Fields::new("paretoscope sweep 1");
        fields.text(&record.method);
        fields.text(&bundle_uid(&record.bundle).to_string());
        fields.text(&json);
        let uid = fields.uid();
        self.write(|transaction, origin| {
            let bundle = self.put_bundle(transaction, origin, &record.bundle)?;
            self.put(
                transaction,
                origin,
                "sweep",
                &uid,
                &[
                    ("name", &record.name),
                    ("method", &record.method),
                    ("bundle", &bundle),
                    ("plan", &json),
                    ("now", &(time as i64)),
                    ("rows", &(record.rows as i64)),
                    ("status", &"running"),
                ],
            )
        })
    }

    /// What the chat templates of a plan are told: when it was planned first, whatever has become of its bundle since;
    /// the time of the call where it is new. All its rows are asked at one time, whenever they run.
    pub fn sweep_time(&self, record: &SweepRecord) -> Result<u64> {
        let mut plan = record.plan.clone();
        plan.store = PathBuf::new();
        let json = to_json("sweep", &plan)?;
        let sql =
            "SELECT coalesce(min(now), unixepoch()) FROM sweep WHERE plan = ?1 AND method = ?2";
        let time: i64 = self.one(sql, params![json, record.method])?;
        Ok(u64::try_from(time).unwrap_or(0))
    }

    /// Gives answers that stand already their places at a point of a sweep.
    pub fn place(&self, point: &Point, answers: &[(i64, Placed)]) -> Result<()> {
        if answers.is_empty() {
            return Ok(());
        }
        self.write(|transaction, origin| {
            let point = self.put_point(transaction, origin, point)?;
            let sql = "INSERT INTO sweep_row (sweep, point, prompt, seed, point_index, prompt_index, generation)
                       SELECT ?1, ?2, g.prompt, ?3, ?4, ?5, g.id FROM generation g WHERE g.id = ?6 ON CONFLICT DO NOTHING";
            let mut statement = transaction.prepare_cached(sql).map_err(sqlite(self.path()))?;
            for (answer, place) in answers {
                statement
                    .execute(params![
                        place.sweep,
                        point,
                        place.seed as i64,
                        place.point as i64,
                        place.prompt as i64,
                        answer
                    ])
                    .map_err(sqlite(self.path()))?;
            }
            Ok(())
        })
    }

    /// The name under which who makes rows of a sweep claims it, beside its rows (see [`Study::claim`]).
    pub fn sweep_key(&self, sweep: i64) -> Result<Key> {
        let uid: Vec<u8> = self.one("SELECT uid FROM sweep WHERE id = ?1", [sweep])?;
        let bytes = uid.try_into();
        bytes.map(Key).map_err(|_long| self.misread("sweep.uid"))
    }

    /// Notes how a sweep stands: `running`, `finished` or `stopped`.
    pub fn set_status(&self, sweep: i64, status: &str) -> Result<()> {
        self.write(|transaction, _origin| {
            transaction
                .execute(
                    "UPDATE sweep SET status = ?2 WHERE id = ?1",
                    params![sweep, status],
                )
                .map_err(sqlite(self.path()))?;
            Ok(())
        })
    }

    /// All sweeps, oldest first.
    pub fn sweeps(&self) -> Result<Vec<SweepState>> {
        self.sweeps_at(now())
    }

    fn sweeps_at(&self, now: i64) -> Result<Vec<SweepState>> {
        let sql =
            "SELECT s.id, s.created, s.name, s.method, s.bundle, b.json, s.plan, s.rows, s.status,
                   (SELECT count(*) FROM sweep_row r WHERE r.sweep = s.id),
                   (SELECT o.uid FROM claim c JOIN origin o ON o.id = c.origin WHERE c.key = s.uid AND c.until >= ?1),
                   s.uid FROM sweep s JOIN bundle b ON b.id = s.bundle ORDER BY s.created, s.uid";
        let mut found = Vec::new();
        self.each(sql, [now], |row| {
            let maker: Option<Vec<u8>> = self.get(row, 10)?;
            let mut plan: SweepPlan = self.json(&self.get::<String>(row, 6)?, "sweep.plan")?;
            plan.store = self.path().to_path_buf();
            found.push(SweepState {
                id: self.get(row, 0)?,
                uid: Uid(self.get(row, 11)?),
                created: self.get(row, 1)?,
                name: self.get(row, 2)?,
                method: self.get(row, 3)?,
                bundle: self.get(row, 4)?,
                info: self.json(&self.get::<String>(row, 5)?, "bundle.json")?,
                plan,
                rows: usize::try_from(self.get::<i64>(row, 7)?).unwrap_or(0),
                status: self.get(row, 8)?,
                done: usize::try_from(self.get::<i64>(row, 9)?).unwrap_or(0),
                makers: match maker.map(|uid| whereabouts(&Uid(uid))) {
                    None | Some(Whereabouts::Gone) => Makers::Nobody,
                    Some(Whereabouts::Here) => Makers::Here,
                    Some(Whereabouts::Elsewhere | Whereabouts::Unknown) => Makers::Elsewhere,
                },
            });
            Ok(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::sweep;
    use crate::study::{CLAIM, Claim};

    #[test]
    fn a_sweep_that_runs_is_told_from_one_that_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let (one, two) = (Study::open(&path).unwrap(), Study::open(&path).unwrap());
        let record = sweep(&["a", "b"]);
        let id = one.sweep(&record, 1).unwrap();
        let makers = |now| two.sweeps_at(now).unwrap()[0].makers;
        assert_eq!(makers(1000), Makers::Nobody);
        let key = one.sweep_key(id).unwrap();
        assert_eq!(one.claim_at(&[key], 1000).unwrap(), [Claim::Ours]);
        assert_eq!(makers(1000 + CLAIM), Makers::Here, "of this process");
        assert_eq!(makers(1001 + CLAIM), Makers::Nobody, "fallen silent");
        one.release(&[key]).unwrap();
        assert_eq!(makers(1000), Makers::Nobody);
        // A program of which nothing is known has its time; one that died has not.
        let set = |sql: &str| two.connection.execute_batch(sql).unwrap();
        let uid = Uid::event(1);
        let origin =
            format!("INSERT INTO origin VALUES (77, x'{uid}', 1, 'p', 'o', 'i', '', NULL);");
        set(&format!(
            "{origin} INSERT INTO claim VALUES (x'{}', 77, 5000);",
            Uid(key.0.to_vec())
        ));
        assert_eq!(
            (makers(5000), makers(5001)),
            (Makers::Elsewhere, Makers::Nobody)
        );
        let file = crate::study::alive::place(&uid);
        std::fs::write(&file, "1").unwrap();
        assert_eq!(makers(5000), Makers::Nobody);
        assert_eq!(
            one.claim_at(&[key], 1000).unwrap(),
            [Claim::Ours],
            "free at once"
        );
        assert!(!file.exists(), "what it left is taken away");
    }
}
