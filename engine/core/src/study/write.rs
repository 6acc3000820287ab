//! Facts in: bundles, scorers, answers, scores. What is there already is found, not written twice.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::encode;
use super::file::{Study, to_json};
use super::hash::{Fields, Uid, now};
use super::open::sqlite;
use super::records::{Label, NewAnswer, ScorerRecord, bundle_uid, kept};
use crate::Result;
use crate::types::{BundleInfo, Point, Prompt, RunStatus, Sampling, Split};

impl Study {
    /// The number of a bundle, which is written if it is new.
    pub fn bundle(&self, bundle: &BundleInfo) -> Result<i64> {
        self.write(|transaction, origin| self.put_bundle(transaction, origin, bundle))
    }

    /// The number of the bundle with this name in every file, where there is one.
    pub fn bundle_of(&self, uid: &Uid) -> Result<Option<i64>> {
        let id: i64 = self.one(
            "SELECT coalesce((SELECT id FROM bundle WHERE uid = ?1), -1)",
            [&uid.0],
        )?;
        Ok((id >= 0).then_some(id))
    }

    pub(super) fn put_bundle(
        &self,
        transaction: &Connection,
        origin: i64,
        bundle: &BundleInfo,
    ) -> Result<i64> {
        let json = to_json("bundle", &kept(bundle))?;
        self.put(
            transaction,
            origin,
            "bundle",
            &bundle_uid(bundle),
            &[("name", &bundle.name), ("json", &json)],
        )
    }

    /// The numbers of scorers, which are written where they are new.
    pub fn scorers(&self, scorers: &[Option<ScorerRecord>]) -> Result<Vec<Option<i64>>> {
        self.write(|transaction, origin| {
            let put = |scorer: &ScorerRecord| {
                let mut json = serde_json::json!({"digest": scorer.digest});
                if !scorer.words.is_empty() {
                    json["words"] = scorer.words.clone().into();
                }
                let json = to_json("scorer", &json)?;
                self.put(
                    transaction,
                    origin,
                    "scorer",
                    &scorer.uid(),
                    &[
                        ("kind", &scorer.kind.name()),
                        ("objective", &scorer.objective),
                        ("sign", &scorer.sign),
                        ("json", &json),
                    ],
                )
            };
            scorers
                .iter()
                .map(|s| s.as_ref().map(put).transpose())
                .collect()
        })
    }

    /// The numbers of those scorers that are known, without writing.
    pub fn known_scorers(&self, scorers: &[Option<ScorerRecord>]) -> Result<Vec<Option<i64>>> {
        let sql = "SELECT coalesce((SELECT id FROM scorer WHERE uid = ?1), -1)";
        let known = |scorer: &Option<ScorerRecord>| {
            let Some(scorer) = scorer else {
                return Ok(None);
            };
            let id: i64 = self.one(sql, [&scorer.uid().0])?;
            Ok((id >= 0).then_some(id))
        };
        scorers.iter().map(known).collect()
    }

    /// Notes what a file says of prompts: what was known before stays.
    pub fn label(&self, labels: &[Label<'_>]) -> Result<()> {
        self.write(|transaction, origin| {
            let sql = "UPDATE prompt SET topic = ?2 WHERE id = ?1 AND topic IS NULL";
            for label in labels {
                let id = self.put_prompt(transaction, origin, label.prompt, label.split)?;
                if let Some(topic) = label.topic {
                    transaction
                        .prepare_cached(sql)
                        .and_then(|mut statement| statement.execute(params![id, topic]))
                        .map_err(sqlite(self.path()))?;
                }
            }
            Ok(())
        })
    }

    /// Writes answers in one transaction, durable when this returns; the numbers under which they stand. An answer whose
    /// key is there already is not written again: it stands under the earlier one's number. What a person asked for is
    /// written with its routing and its pace; of a sweep's rows the mean gates are kept alone.
    pub fn add(&self, answers: &[NewAnswer<'_>]) -> Result<Vec<i64>> {
        self.write(|transaction, origin| {
            let put = |answer| self.put_answer(transaction, origin, answer);
            answers.iter().map(put).collect()
        })
    }

    /// Writes scores `(answer, scorer, value)` in one transaction; a score that stands stays.
    pub fn score(&self, scores: &[(i64, i64, f64)]) -> Result<()> {
        self.write(|transaction, _origin| {
            let sql = "INSERT INTO score (generation, scorer, value, flag) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
            let mut statement = transaction.prepare_cached(sql).map_err(sqlite(self.path()))?;
            for &(generation, scorer, value) in scores {
                let (value, flag) = encode::score(value);
                statement
                    .execute(params![generation, scorer, value, flag])
                    .map_err(sqlite(self.path()))?;
            }
            Ok(())
        })
    }

    /// The number of a prompt. A split that was not known is noted.
    pub(super) fn put_prompt(
        &self,
        transaction: &Connection,
        origin: i64,
        prompt: &Prompt,
        split: Option<Split>,
    ) -> Result<i64> {
        let (kind, body) = match prompt {
            Prompt::Text(text) => ("text", to_json("prompt", text)?),
            Prompt::Chat(text) => ("chat", to_json("prompt", text)?),
            Prompt::Messages(turns) => ("messages", to_json("prompt", turns)?),
            Prompt::Tokens(ids) => ("tokens", to_json("prompt", ids)?),
        };
        let title: String = prompt.words().unwrap_or("").chars().take(120).collect();
        let id = self.put(
            transaction,
            origin,
            "prompt",
            &Uid::prompt(prompt),
            &[
                ("kind", &kind),
                ("body", &body),
                ("title", &title),
                ("split", &split.map(Split::name)),
            ],
        )?;
        if let Some(split) = split {
            let sql = "UPDATE prompt SET split = ?2 WHERE id = ?1 AND split IS NULL";
            transaction
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute(params![id, split.name()]))
                .map_err(sqlite(self.path()))?;
        }
        Ok(id)
    }

    /// The number of a point.
    pub(super) fn put_point(
        &self,
        transaction: &Connection,
        origin: i64,
        point: &Point,
    ) -> Result<i64> {
        let coords = to_json("point", &point.as_slice())?;
        let kind = encode::point_kind(point);
        self.put(
            transaction,
            origin,
            "point",
            &Uid::point(point),
            &[("kind", &kind), ("coords", &coords)],
        )
    }

    fn put_setting(
        &self,
        transaction: &Connection,
        origin: i64,
        sampling: &Sampling,
    ) -> Result<i64> {
        let json = to_json(
            "sampling",
            &Sampling {
                seed: 0,
                ..sampling.clone()
            },
        )?;
        let mut fields = Fields::new("paretoscope setting 1");
        fields.text(&json);
        self.put(
            transaction,
            origin,
            "setting",
            &fields.uid(),
            &[("json", &json)],
        )
    }

    fn put_answer(
        &self,
        transaction: &Connection,
        origin: i64,
        answer: &NewAnswer<'_>,
    ) -> Result<i64> {
        let run = answer.run;
        let prompt = self.put_prompt(transaction, origin, &run.prompt, answer.split)?;
        let point = self.put_point(transaction, origin, &run.point)?;
        let known = run
            .key
            .map(|key| self.under(transaction, &key.0))
            .transpose()?
            .flatten();
        let id = match known {
            Some(id) => {
                if answer.interactive {
                    let sql = "UPDATE generation SET interactive = 1 WHERE id = ?1";
                    transaction
                        .execute(sql, [id])
                        .map_err(sqlite(self.path()))?;
                }
                id
            }
            None => {
                let setting = self.put_setting(transaction, origin, &run.sampling)?;
                self.insert_answer(transaction, origin, answer, [setting, prompt, point])?
            }
        };
        if answer.interactive {
            self.write_played(transaction, id, run)?;
        }
        if let Some(key) = run.key {
            let sql = "DELETE FROM claim WHERE key = ?1";
            transaction
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute([&key.0[..]]))
                .map_err(sqlite(self.path()))?;
        }
        if let Some(place) = answer.place {
            let sql = "INSERT INTO sweep_row (sweep, point, prompt, seed, point_index, prompt_index, generation)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
            transaction
                .prepare_cached(sql)
                .and_then(|mut statement| {
                    statement.execute(params![
                        place.sweep,
                        point,
                        prompt,
                        place.seed as i64,
                        place.point as i64,
                        place.prompt as i64,
                        id
                    ])
                })
                .map_err(sqlite(self.path()))?;
        }
        Ok(id)
    }

    /// The earliest answer of a key.
    fn under(&self, transaction: &Connection, key: &[u8]) -> Result<Option<i64>> {
        let sql = "SELECT id FROM generation WHERE key = ?1 ORDER BY created, uid LIMIT 1";
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
            .map_err(sqlite(self.path()))
    }

    fn insert_answer(
        &self,
        transaction: &Connection,
        origin: i64,
        answer: &NewAnswer<'_>,
        [setting, prompt, point]: [i64; 3],
    ) -> Result<i64> {
        let run = answer.run;
        let created = now();
        let (ids, spans) = encode::tokens(&run.tokens);
        let status = match run.status {
            RunStatus::Done => "done",
            RunStatus::Stopped => "stopped",
        };
        let steered = (!run.steering.steered.is_empty())
            .then(|| to_json("steering", &run.steering.steered))
            .transpose()?;
        let mutes = (!run.steering.mutes.is_empty())
            .then(|| to_json("mutes", &run.steering.mutes))
            .transpose()?;
        let finish = to_json("finish", &run.finish)?;
        let sql = "INSERT INTO generation (uid, created, origin, key, bundle, setting, prompt, point, seed, status, finish,
                   text, ids, spans, asked, ended, steered, mutes, gates, first_s, total_s, mean, interactive)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                   ?22, ?23)";
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.insert(params![
                    Uid::event(created).0,
                    created,
                    origin,
                    run.key.map(|key| key.0),
                    answer.bundle,
                    setting,
                    prompt,
                    point,
                    run.sampling.seed as i64,
                    status,
                    finish.trim_matches('"'),
                    run.text,
                    ids,
                    spans,
                    run.prompt_tokens.len() as i64,
                    run.end,
                    steered,
                    mutes,
                    encode::gates(&run.gates),
                    run.first_token_seconds,
                    run.seconds,
                    encode::singles(&answer.mean),
                    answer.interactive,
                ])
            })
            .map_err(sqlite(self.path()))
    }

    /// The number of the thing with this name in a table, which is written with these columns if it is new.
    pub(super) fn put(
        &self,
        transaction: &Connection,
        origin: i64,
        table: &'static str,
        uid: &Uid,
        columns: &[(&'static str, &dyn rusqlite::ToSql)],
    ) -> Result<i64> {
        let find = format!("SELECT id FROM {table} WHERE uid = ?1");
        let known: Option<i64> = transaction
            .prepare_cached(&find)
            .and_then(|mut statement| statement.query_row([&uid.0], |row| row.get(0)).optional())
            .map_err(sqlite(self.path()))?;
        if let Some(id) = known {
            return Ok(id);
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        let marks: Vec<String> = (0..columns.len()).map(|i| format!("?{}", i + 4)).collect();
        let marks = marks.join(", ");
        let sql = format!(
            "INSERT INTO {table} (uid, created, origin, {names}) VALUES (?1, ?2, ?3, {marks})"
        );
        let created = now();
        let mut values: Vec<&dyn rusqlite::ToSql> = vec![&uid.0, &created, &origin];
        values.extend(columns.iter().map(|(_, value)| *value));
        transaction
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.insert(&values[..]))
            .map_err(sqlite(self.path()))
    }
}
