//! Answers out, with their scores.

use std::collections::HashMap;

use rusqlite::{Row, ToSql, params_from_iter};

use super::encode;
use super::file::Study;
use super::hash::Uid;
use super::open::sqlite;
use crate::Result;
use crate::method::MethodKind;
use crate::types::{
    Finish, Key, Point, Prompt, RowGates, Run, RunStatus, Sampling, Scores, Steering, TokenPiece,
};

const COLUMNS: &str = "g.id, g.uid, g.created, g.key, g.bundle, t.json, p.kind, p.body, q.kind, q.coords, g.seed, g.status,
    g.finish, g.text, g.ids, g.spans, g.asked, g.ended, g.steered, g.mutes, g.gates, g.first_s, g.total_s, g.mean,
    g.interactive, p.split, p.topic";
const TABLES: &str =
    "generation g JOIN prompt p ON p.id = g.prompt LEFT JOIN point q ON q.id = g.point
    LEFT JOIN setting t ON t.id = g.setting";

/// An answer, as the study knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its number in this file.
    pub id: i64,
    /// Its name in every file.
    pub uid: Uid,
    /// When it was written, in milliseconds since 1970.
    pub created: i64,
    /// What it is known by.
    pub key: Option<Key>,
    /// Its bundle's number.
    pub bundle: Option<i64>,
    /// Where it stands; `None` for an answer that was brought in from elsewhere.
    pub point: Option<Point>,
    /// What was asked.
    pub prompt: Prompt,
    /// Which part of the prompts that belongs to.
    pub split: Option<String>,
    /// What that is about, as it was first noted.
    pub topic: Option<String>,
    /// How tokens were chosen.
    pub sampling: Sampling,
    /// Every change of point and mutes on the way.
    pub steering: Steering,
    /// Whether it ended by itself.
    pub status: RunStatus,
    /// Why it ended.
    pub finish: Finish,
    /// The answer.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<TokenPiece>,
    /// Tokens of the prompt.
    pub asked: usize,
    /// The end token that came.
    pub end: Option<u32>,
    /// The gates of the last step.
    pub gates: Option<RowGates>,
    /// Mean gate of each adapter over tokens and modules.
    pub mean: Vec<f32>,
    /// Seconds to the first token.
    pub first_token_seconds: f64,
    /// Seconds to the end.
    pub seconds: f64,
    /// A person asked for it.
    pub interactive: bool,
}

impl Stored {
    /// As the run that it was, without routing and without what the model was given; `None` where it was made elsewhere.
    pub fn run(&self) -> Option<Run> {
        Some(Run {
            prompt: self.prompt.clone(),
            prompt_tokens: Vec::new(),
            given: None,
            point: self.point.clone()?,
            gates: self.gates.clone().unwrap_or_else(|| RowGates::base(0, 0)),
            steering: self.steering.clone(),
            sampling: self.sampling.clone(),
            text: self.text.clone(),
            tokens: self.tokens.clone(),
            finish: self.finish,
            end: self.end,
            status: self.status,
            record: None,
            key: self.key,
            scores: None,
            first_token_seconds: self.first_token_seconds,
            seconds: self.seconds,
            pace: Vec::new(),
        })
    }
}

/// Which answers of a person's history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Text in prompt or answer, or a method by a part of its title or name, whatever its case.
    pub text: String,
    /// Of this bundle alone.
    pub bundle: Option<i64>,
    /// With this mark (`star`, `pin`) alone.
    pub mark: Option<String>,
    /// With this tag alone.
    pub tag: Option<String>,
    /// At most so many, the newest; all where 0.
    pub limit: usize,
}

/// A further condition for answers of the methods that words are a part of, by name or title; empty where there are none.
fn by_method(words: &str) -> String {
    let words = words.to_lowercase();
    let like = MethodKind::ALL
        .into_iter()
        .filter(|kind| kind.is_like(&words));
    let conditions = like.map(|kind| {
        let (name, method) = (kind.name(), "json_extract(t.json, '$.method')");
        format!(" OR {method} = '{name}' OR {method} LIKE '{name}:%'")
    });
    conditions.collect()
}

impl Study {
    /// The earliest answer of each key, in the order asked.
    pub fn by_key(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE g.key = ?1 ORDER BY g.created, g.uid LIMIT 1"
        );
        keys.iter()
            .map(|key| {
                let mut found = None;
                self.each(&sql, [&key.0[..]], |row| {
                    found = Some(self.stored(row)?);
                    Ok(())
                })?;
                Ok(found)
            })
            .collect()
    }

    /// Whether there is an answer of each key, in the order asked.
    pub fn has(&self, keys: &[Key]) -> Result<Vec<bool>> {
        let sql = "SELECT EXISTS (SELECT 1 FROM generation WHERE key = ?1)";
        keys.iter().map(|key| self.one(sql, [&key.0[..]])).collect()
    }

    /// Number and objective of every scorer, oldest first; one that is no reward model and bears the name of a reward
    /// model's objective is told from it by its kind.
    pub fn scorer_names(&self) -> Result<Vec<(i64, String)>> {
        let all = self.scorer_list()?;
        let is_reward = |name: &str| all.iter().any(|s| s.is_reward() && s.objective == name);
        let named = all.iter().map(|s| (s.id, s.shown(is_reward(&s.objective))));
        Ok(named.collect())
    }

    /// Number and objective of every reward model, oldest first.
    pub(super) fn reward_names(&self) -> Result<Vec<(i64, String)>> {
        self.named("SELECT id, objective FROM scorer WHERE kind = 'reward' ORDER BY created, id")
    }

    /// Number and name of every bundle, oldest first.
    pub fn bundle_names(&self) -> Result<Vec<(i64, String)>> {
        self.named("SELECT id, name FROM bundle ORDER BY created, id")
    }

    fn named(&self, sql: &str) -> Result<Vec<(i64, String)>> {
        let mut found = Vec::new();
        self.each(sql, [], |row| {
            found.push((self.get(row, 0)?, self.get(row, 1)?));
            Ok(())
        })?;
        Ok(found)
    }

    /// An answer by number.
    pub fn answer(&self, id: i64) -> Result<Option<Stored>> {
        let mut found = None;
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE g.id = ?1");
        self.each(&sql, [id], |row| {
            found = Some(self.stored(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The times that its template may have been told, in seconds since 1970: those of its sweeps, and its own.
    pub fn asked_at(&self, id: i64) -> Result<Vec<u64>> {
        let sql = "SELECT DISTINCT s.now FROM sweep_row r JOIN sweep s ON s.id = r.sweep WHERE r.generation = ?1
                   UNION ALL SELECT created / 1000 FROM generation WHERE id = ?1";
        let mut times = Vec::new();
        self.each(sql, [id], |row| {
            times.push(u64::try_from(self.get::<i64>(row, 0)?).unwrap_or(0));
            Ok(())
        })?;
        Ok(times)
    }

    /// An answer by its name in every file.
    pub fn answer_of(&self, uid: &Uid) -> Result<Option<Stored>> {
        let mut found = None;
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE g.uid = ?1");
        self.each(&sql, [&uid.0], |row| {
            found = Some(self.stored(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// What a person asked for and was answered, the newest first; what is hidden is left out.
    pub fn history(&self, filter: &Filter) -> Result<Vec<Stored>> {
        let mut sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE g.interactive = 1 AND NOT EXISTS
             (SELECT 1 FROM mark m WHERE m.target = g.uid AND m.kind = 'hidden' AND m.standing = 1)"
        );
        let mut values: Vec<&dyn ToSql> = Vec::new();
        let like = format!(
            "%{}%",
            filter
                .text
                .replace('\\', "\\\\")
                .replace('%', "\\%")
                .replace('_', "\\_")
        );
        if !filter.text.is_empty() {
            values.push(&like);
            let n = values.len();
            sql += &format!(
                " AND (g.text LIKE ?{n} ESCAPE '\\' OR p.body LIKE ?{n} ESCAPE '\\'{})",
                by_method(&filter.text)
            );
        }
        if let Some(bundle) = &filter.bundle {
            values.push(bundle);
            sql += &format!(" AND g.bundle = ?{}", values.len());
        }
        if let Some(mark) = &filter.mark {
            values.push(mark);
            sql += &format!(
                " AND EXISTS (SELECT 1 FROM mark m WHERE m.target = g.uid AND m.kind = ?{} AND m.standing = 1)",
                values.len()
            );
        }
        if let Some(tag) = &filter.tag {
            values.push(tag);
            sql += &format!(
                " AND EXISTS (SELECT 1 FROM tag m WHERE m.target = g.uid AND m.name = ?{} AND m.standing = 1)",
                values.len()
            );
        }
        sql += " ORDER BY g.created DESC, g.uid DESC";
        if filter.limit > 0 {
            sql += &format!(" LIMIT {}", filter.limit);
        }
        let mut found = Vec::new();
        self.each(&sql, params_from_iter(values), |row| {
            found.push(self.stored(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands every answer to `visit`, oldest first, one at a time.
    pub fn each_answer(&self, mut visit: impl FnMut(Stored) -> Result<()>) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} ORDER BY g.created, g.uid");
        self.each(&sql, [], |row| visit(self.stored(row)?))
    }

    /// The scores of answers by these scorers, in both orders; `None` where there is none (yet).
    pub fn scores(&self, answers: &[i64], scorers: &[Option<i64>]) -> Result<Vec<Scores>> {
        let sql = "SELECT scorer, value, flag FROM score WHERE generation = ?1";
        answers
            .iter()
            .map(|answer| {
                let mut by: HashMap<i64, f64> = HashMap::new();
                self.each(sql, [answer], |row| {
                    by.insert(self.get(row, 0)?, self.score_of(row, 1)?);
                    Ok(())
                })?;
                let of = |scorer: &Option<i64>| scorer.and_then(|s| by.get(&s).copied());
                Ok(Scores(scorers.iter().map(of).collect()))
            })
            .collect()
    }

    /// A score from its value's column and the flag's after it.
    pub(super) fn score_of(&self, row: &Row<'_>, column: usize) -> Result<f64> {
        let (value, flag) = (self.get(row, column)?, self.get::<String>(row, column + 1)?);
        encode::from_score(value, &flag).ok_or_else(|| self.misread("score.flag"))
    }

    /// A point from its kind's column and the coordinates' after it.
    pub(super) fn point_of(&self, row: &Row<'_>, column: usize) -> Result<Option<Point>> {
        let Some(kind) = self.get::<Option<String>>(row, column)? else {
            return Ok(None);
        };
        let coords = self.json(&self.get::<String>(row, column + 1)?, "point.coords")?;
        encode::point(&kind, coords)
            .map(Some)
            .ok_or_else(|| self.misread("point.coords"))
    }

    /// A prompt from its kind's column and the body's after it.
    pub(super) fn prompt_of(&self, row: &Row<'_>, column: usize) -> Result<Prompt> {
        let kind: String = self.get(row, column)?;
        let body: String = self.get(row, column + 1)?;
        let name = "prompt.body";
        match kind.as_str() {
            "text" => self.json(&body, name).map(Prompt::Text),
            "chat" => self.json(&body, name).map(Prompt::Chat),
            "messages" => self.json(&body, name).map(Prompt::Messages),
            "tokens" => self.json(&body, name).map(Prompt::Tokens),
            _ => Err(self.misread("prompt.kind")),
        }
    }

    fn stored(&self, row: &Row<'_>) -> Result<Stored> {
        let bytes = |column| self.get::<Vec<u8>>(row, column);
        let key: Option<Vec<u8>> = self.get(row, 3)?;
        let key = key
            .map(|bytes| {
                <[u8; 32]>::try_from(bytes).map_err(|_long| self.misread("generation.key"))
            })
            .transpose()?;
        let setting: Option<String> = self.get(row, 5)?;
        let mut sampling: Sampling = setting
            .map(|json| self.json(&json, "setting.json"))
            .transpose()?
            .unwrap_or_default();
        sampling.seed = self.get::<i64>(row, 10)? as u64;
        let text: String = self.get(row, 13)?;
        let tokens = encode::from_tokens(&bytes(14)?, &bytes(15)?, text.len())
            .ok_or_else(|| self.misread("generation.spans"))?;
        let finish: Option<String> = self.get(row, 12)?;
        let mut steering = Steering::default();
        if let Some(json) = self.get::<Option<String>>(row, 18)? {
            steering.steered = self.json(&json, "generation.steered")?;
        }
        if let Some(json) = self.get::<Option<String>>(row, 19)? {
            steering.mutes = self.json(&json, "generation.mutes")?;
        }
        let gates: Option<Vec<u8>> = self.get(row, 20)?;
        let gates = gates
            .map(|bytes| encode::from_gates(&bytes).ok_or_else(|| self.misread("generation.gates")))
            .transpose()?;
        Ok(Stored {
            id: self.get(row, 0)?,
            uid: Uid(bytes(1)?),
            created: self.get(row, 2)?,
            key: key.map(Key),
            bundle: self.get(row, 4)?,
            prompt: self.prompt_of(row, 6)?,
            point: self.point_of(row, 8)?,
            split: self.get(row, 25)?,
            topic: self.get(row, 26)?,
            sampling,
            steering,
            status: match self.get::<String>(row, 11)?.as_str() {
                "done" => RunStatus::Done,
                "stopped" => RunStatus::Stopped,
                _ => return Err(self.misread("generation.status")),
            },
            finish: self.json(
                &format!("\"{}\"", finish.unwrap_or_default()),
                "generation.finish",
            )?,
            tokens,
            text,
            asked: usize::try_from(self.get::<i64>(row, 16)?).unwrap_or(0),
            end: self.get(row, 17)?,
            gates,
            first_token_seconds: self.get(row, 21)?,
            seconds: self.get(row, 22)?,
            mean: encode::from_singles(&bytes(23)?)
                .ok_or_else(|| self.misread("generation.mean"))?,
            interactive: self.get(row, 24)?,
        })
    }

    /// How many rows a table has.
    pub(super) fn count(&self, table: &'static str) -> Result<usize> {
        let count: i64 = self
            .connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .map_err(sqlite(self.path()))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}
