//! A store of rows, as sweeps wrote it before studies, becomes a study.
//!
//! Its rows' keys did not cover all that an answer depends on, so that none of them is given again: they stand without a key.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, Row};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::file::Study;
use super::open::{backup, beside, damaged, fault, open, sqlite};
use super::records::{NewAnswer, ScorerRecord, SweepRecord};
use super::sweeps::Placed;
use crate::Result;
use crate::protocol::SweepPlan;
use crate::types::{
    BundleIdentity, BundleInfo, Finish, ModelInfo, ObjectiveInfo, Point, Prompt, RowGates, Run,
    RunStatus, Sampling, ScorerKind, Steering, TokenPiece,
};

/// Rows in one transaction.
const BATCH: usize = 1000;

/// What a store of rows says of a sweep.
#[derive(Debug, Deserialize)]
struct OldSweep {
    bundle: String,
    model: String,
    adapters: Vec<String>,
    adapter_digests: Vec<String>,
    objectives: Vec<String>,
    reward_digests: Vec<String>,
    plan: SweepPlan,
}

impl Study {
    /// Opens the study at `path`, or makes one; a store of rows of an earlier format is converted, its copy stays beside it.
    ///
    /// # Errors
    /// [`crate::Error::Study`] on a damaged file, one that a newer program must read, or one of another program.
    pub fn open(path: &Path) -> Result<Self> {
        loop {
            if let Some(opened) = open(path)? {
                return Ok(Self::of(opened, path));
            }
            convert(path)?;
        }
    }
}

/// Converts the file at `path`. A copy of what it was stays beside it; killed at any moment it is either what it was or
/// a study.
fn convert(path: &Path) -> Result<()> {
    let old = Connection::open(Path::new(".").join(path)).map_err(sqlite(path))?;
    // The log goes into the file itself, so that no log of the old file stays beside the new one.
    old.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")
        .map_err(sqlite(path))?;
    let version: i64 = old
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(sqlite(path))?;
    let partial = beside(path, ".converting");
    for ending in ["", "-wal", "-shm", "-journal"] {
        let file = beside(&partial, ending);
        if file.exists() {
            std::fs::remove_file(&file)
                .map_err(|e| fault(path, format!("{} cannot be replaced: {e}", file.display())))?;
        }
    }
    let study = Study::open(&partial)?;
    let sweeps = take_sweeps(&old, path, &study)?;
    take_rows(&old, path, &study, &sweeps)?;
    study
        .connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")
        .map_err(sqlite(path))?;
    drop(study);
    backup(&old, path, &format!("v{version}.bak"))?;
    drop(old);
    std::fs::rename(&partial, path).map_err(|e| {
        fault(
            path,
            format!("cannot be replaced by the study made from it: {e}"),
        )
    })
}

/// A sweep's number in the study, its bundle's, its scorers', its seed.
struct Taken {
    sweep: i64,
    bundle: i64,
    scorers: Vec<Option<i64>>,
    seed: u64,
}

fn take_sweeps(old: &Connection, path: &Path, study: &Study) -> Result<HashMap<i64, Taken>> {
    let mut statement = old
        .prepare("SELECT id, record, created FROM sweeps ORDER BY id")
        .map_err(sqlite(path))?;
    let mut rows = statement.query([]).map_err(sqlite(path))?;
    let mut taken = HashMap::new();
    while let Some(row) = rows.next().map_err(sqlite(path))? {
        let id: i64 = row.get(0).map_err(sqlite(path))?;
        let sweep: OldSweep = json(row, 1, path, "sweeps.record")?;
        let method = match sweep.plan.grid {
            crate::protocol::SweepGrid::Box { .. } => "mva",
            _ => "hoe",
        };
        let record = SweepRecord {
            name: method.to_owned(),
            method: method.to_owned(),
            rows: 0,
            bundle: info(&sweep),
            plan: sweep.plan,
        };
        let bundle = study.bundle(&record.bundle)?;
        let seed = record.plan.sampling.seed;
        // Digests are listed without the objectives that had none: only a full list says which is whose.
        let told = sweep.reward_digests.len() == sweep.objectives.len();
        let scorers: Vec<Option<ScorerRecord>> = sweep
            .objectives
            .iter()
            .enumerate()
            .map(|(at, objective)| {
                Some(ScorerRecord {
                    kind: ScorerKind::Reward,
                    objective: objective.clone(),
                    sign: 1.0,
                    digest: match sweep.reward_digests.get(at).filter(|_| told) {
                        Some(digest) => format!("unverified {digest}"),
                        None => "unverified".to_owned(),
                    },
                    words: String::new(),
                })
            })
            .collect();
        let planned: i64 = row.get(2).map_err(sqlite(path))?;
        let number = study.sweep(&record, u64::try_from(planned).unwrap_or(0))?;
        taken.insert(
            id,
            Taken {
                sweep: number,
                bundle,
                scorers: study.scorers(&scorers)?,
                seed,
            },
        );
    }
    Ok(taken)
}

/// The sweep, the places of point and prompt, the answer, mean gates, scores.
type OldRow = (i64, [usize; 2], Run, Vec<f32>, Vec<Option<f64>>);

fn take_rows(
    old: &Connection,
    path: &Path,
    study: &Study,
    sweeps: &HashMap<i64, Taken>,
) -> Result<()> {
    let sql = "SELECT sweep, point_index, prompt_index, point, prompt, sampling, text, tokens, finish, scores, gates_mean,
               first_token_seconds, seconds FROM rows ORDER BY id";
    let mut statement = old.prepare(sql).map_err(sqlite(path))?;
    let mut rows = statement.query([]).map_err(sqlite(path))?;
    let mut runs: Vec<OldRow> = Vec::new();
    loop {
        let next = rows.next().map_err(sqlite(path))?;
        let ended = next.is_none();
        if let Some(row) = next {
            let place = |column| {
                row.get::<_, i64>(column)
                    .map(|i| usize::try_from(i).unwrap_or(0))
            };
            runs.push((
                row.get(0).map_err(sqlite(path))?,
                [
                    place(1).map_err(sqlite(path))?,
                    place(2).map_err(sqlite(path))?,
                ],
                run(row, path)?,
                json(row, 10, path, "rows.gates_mean")?,
                scores(row, path)?,
            ));
        }
        if runs.len() >= BATCH || ended {
            put(path, study, sweeps, &runs)?;
            runs.clear();
        }
        if ended {
            return Ok(());
        }
    }
}

fn put(path: &Path, study: &Study, sweeps: &HashMap<i64, Taken>, runs: &[OldRow]) -> Result<()> {
    let taken = |sweep: &i64| {
        sweeps
            .get(sweep)
            .ok_or_else(|| damaged(path, &format!("rows.sweep: there is no sweep {sweep}")))
    };
    let answers: Vec<NewAnswer<'_>> = runs
        .iter()
        .map(|(sweep, [point, prompt], run, mean, _)| {
            let taken = taken(sweep)?;
            Ok(NewAnswer {
                run,
                mean: mean.clone(),
                bundle: taken.bundle,
                interactive: false,
                split: None,
                place: Some(Placed {
                    sweep: taken.sweep,
                    seed: taken.seed,
                    point: *point,
                    prompt: *prompt,
                }),
            })
        })
        .collect::<Result<_>>()?;
    let ids = study.add(&answers)?;
    let mut scored = Vec::new();
    for ((sweep, _, _, _, scores), id) in runs.iter().zip(ids) {
        for (scorer, value) in taken(sweep)?.scorers.iter().zip(scores) {
            if let (Some(scorer), Some(value)) = (scorer, value) {
                scored.push((id, *scorer, *value));
            }
        }
    }
    study.score(&scored)
}

fn run(row: &Row<'_>, path: &Path) -> Result<Run> {
    let ids: Vec<u32> = json(row, 7, path, "rows.tokens")?;
    let text: String = row.get(6).map_err(sqlite(path))?;
    let end = text.len();
    Ok(Run {
        prompt: json::<Prompt>(row, 4, path, "rows.prompt")?,
        prompt_tokens: Vec::new(),
        given: None,
        point: json::<Point>(row, 3, path, "rows.point")?,
        gates: RowGates::base(0, 0),
        steering: Steering::default(),
        sampling: json::<Sampling>(row, 5, path, "rows.sampling")?,
        // Where each token stands was not kept.
        tokens: ids
            .into_iter()
            .map(|id| TokenPiece {
                id,
                start: end,
                end,
            })
            .collect(),
        text,
        finish: json::<Finish>(row, 8, path, "rows.finish")?,
        end: None,
        status: RunStatus::Done,
        record: None,
        key: None,
        scores: None,
        first_token_seconds: row.get(11).map_err(sqlite(path))?,
        seconds: row.get(12).map_err(sqlite(path))?,
        pace: Vec::new(),
    })
}

/// `[1.5, null, "nan", "inf", "-inf"]`; `null` where the row was not scored yet.
fn scores(row: &Row<'_>, path: &Path) -> Result<Vec<Option<f64>>> {
    let value: Value = json(row, 9, path, "rows.scores")?;
    let score = |value: &Value| match value {
        Value::Null => Some(None),
        Value::String(word) => match word.as_str() {
            "nan" => Some(Some(f64::NAN)),
            "inf" => Some(Some(f64::INFINITY)),
            "-inf" => Some(Some(f64::NEG_INFINITY)),
            _ => None,
        },
        other => other.as_f64().map(Some),
    };
    match &value {
        Value::Null => Ok(Vec::new()),
        Value::Array(values) => values
            .iter()
            .map(score)
            .collect::<Option<_>>()
            .ok_or_else(|| damaged(path, "rows.scores: not a list of scores")),
        _ => Err(damaged(path, "rows.scores: not a list of scores")),
    }
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize, path: &Path, name: &str) -> Result<T> {
    let text: String = row.get(column).map_err(sqlite(path))?;
    serde_json::from_str(&text).map_err(|e| damaged(path, &format!("{name}: {e}")))
}

/// All that a store of rows tells of its bundle.
fn info(sweep: &OldSweep) -> BundleInfo {
    let objective = |name: &String| ObjectiveInfo {
        name: name.clone(),
        reward: None,
        reward_kind: None,
        reading: None,
        sign: 1.0,
    };
    BundleInfo {
        name: sweep.bundle.clone(),
        path: Default::default(),
        identity: BundleIdentity {
            numerics: "unverified".to_owned(),
            model: sweep.model.clone(),
            adapters: sweep.adapter_digests.clone(),
            rewards: Vec::new(),
        },
        model: ModelInfo {
            layers: 0,
            hidden_size: 0,
            vocabulary: 0,
            context: 0,
            parameters: 0,
            dtype: String::new(),
            device: String::new(),
            fallback: None,
            digest: sweep.model.clone(),
            has_tokenizer: true,
            has_chat_template: false,
        },
        objectives: sweep.objectives.iter().map(objective).collect(),
        experts: Vec::new(),
        expert_files: Vec::new(),
        values: Vec::new(),
        values_are_experts: false,
        value_adapters: Vec::new(),
        adapters: sweep.adapters.clone(),
        sites: Vec::new(),
        prompts: Vec::new(),
        warnings: Vec::new(),
        methods: Vec::new(),
        demonstration: None,
        memory_bytes: 0,
    }
}
