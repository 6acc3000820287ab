//! Tables of a task: its votes, its items, the pairs that train.

use paretoscope_engine::annotate::{configuration, to_label_studio};
use paretoscope_engine::study::{ItemRow, PairsAsked, Study, TaskState};
use paretoscope_engine::types::Split;
use paretoscope_engine::{Error, Problem, Result};
use paretoscope_figure::table::{Cell, Column, Kind, Table};
use serde_json::{Value, json};

use super::file::drawn;

/// What an export of a task is.
pub(super) enum Exported {
    /// Rows of any format.
    Rows(Table),
    /// The file itself.
    Bytes(Vec<u8>, usize),
}

/// What is wanted of a task.
pub(super) struct Wanted<'a> {
    pub(super) split: Option<Split>,
    pub(super) objective: Option<&'a str>,
    /// The ending of the file that is written.
    pub(super) ending: &'a str,
}

/// The task that a word names; the only one where there is no word.
pub(super) fn task(study: &Study, word: Option<&str>) -> Result<TaskState> {
    if let Some(word) = word {
        return Ok(study.task_named("--task", word)?);
    }
    let mut all = study.tasks()?;
    match (all.len(), all.pop()) {
        (1, Some(only)) => Ok(only),
        (count, last) => {
            let names: Vec<String> = all.into_iter().chain(last).map(|task| task.name).collect();
            let problem = format!(
                "is needed: the study has {count} tasks: {}",
                names.join(", ")
            );
            Err(Error::option("--task", problem))
        }
    }
}

/// Votes, with what was left out of them.
pub(super) fn votes(
    study: &Study,
    task: &TaskState,
    wanted: &Wanted<'_>,
) -> Result<(Exported, Value)> {
    known_objective(task, wanted.objective)?;
    if wanted.ending == "json" {
        let mut pairs = study.foreign_pairs(task, true)?;
        if let Some(objective) = wanted.objective {
            for pair in &mut pairs {
                pair.votes.retain(|v| v.objective == objective);
            }
        }
        pairs.retain(|pair| !pair.votes.is_empty());
        let rows = pairs.iter().map(|pair| pair.votes.len()).sum();
        let bytes = to_label_studio(&pairs).to_string().into_bytes();
        return Ok((Exported::Bytes(bytes, rows), json!({"items": pairs.len()})));
    }
    let judged = study.judged(task)?;
    let within = |prompt: &str| -> Result<bool> {
        Ok(wanted.split.is_none() || study.prompt_split(prompt)? == wanted.split)
    };
    let mut lines = Vec::new();
    for line in judged.lines()? {
        let by = wanted
            .objective
            .is_none_or(|objective| line["objective"] == objective);
        if by && within(line["prompt"].as_str().unwrap_or(""))? {
            lines.push(line);
        }
    }
    let left_out = json!({"checks": judged.checks, "skipped": judged.skipped});
    let rows = lines.len();
    if wanted.ending == "jsonl" {
        let text = text_of(&lines);
        return Ok((Exported::Bytes(text.into_bytes(), rows), left_out));
    }
    Ok((Exported::Rows(table(&lines)?), left_out))
}

fn known_objective(task: &TaskState, objective: Option<&str>) -> Result<()> {
    let known = task.asks.objectives();
    match objective {
        Some(objective) if !known.iter().any(|o| o == objective) => {
            let known = known.iter().map(String::as_str);
            Err(Error::option(
                "--objective",
                Problem::unknown(objective, known),
            ))
        }
        _ => Ok(()),
    }
}

/// Items; as JSON they are tasks of Label Studio, whose labelling configuration comes with them.
pub(super) fn items(
    study: &Study,
    task: &TaskState,
    wanted: &Wanted<'_>,
) -> Result<(Exported, Value)> {
    if wanted.ending == "json" {
        let pairs = study.foreign_pairs(task, false)?;
        let bytes = to_label_studio(&pairs).to_string().into_bytes();
        let configuration = configuration(task.asks.objectives());
        return Ok((
            Exported::Bytes(bytes, pairs.len()),
            json!({"configuration": configuration}),
        ));
    }
    let mut rows = study.item_rows(task)?;
    rows.retain(|row: &ItemRow| wanted.split.is_none() || row.split == wanted.split);
    let telling = rows.iter().filter(|row| !row.told.is_empty()).count();
    let lines: Vec<Value> = rows
        .iter()
        .map(serde_json::to_value)
        .collect::<serde_json::Result<_>>()
        .map_err(|e| Error::option("items", e.to_string()))?;
    let about = json!({"telling": telling});
    if wanted.ending == "jsonl" {
        let text = text_of(&lines);
        return Ok((Exported::Bytes(text.into_bytes(), lines.len()), about));
    }
    Ok((Exported::Rows(table(&lines)?), about))
}

/// Lines of DPO.
pub(super) fn pairs(
    study: &Study,
    task: &TaskState,
    wanted: &Wanted<'_>,
) -> Result<(Exported, Value)> {
    if wanted.ending != "jsonl" {
        let problem = Problem::unknown(wanted.ending, ["jsonl"]);
        return Err(Error::option("--out", problem));
    }
    let asked = PairsAsked {
        objective: wanted.objective.map(str::to_owned),
        split: wanted.split,
        ..PairsAsked::default()
    };
    let pairs = study.pairs(task, &asked)?;
    let text = text_of(&pairs.lines);
    let about = json!({
        "ties": pairs.ties, "checks": pairs.checks, "test": pairs.test, "unreadable": pairs.unreadable,
        "votes": pairs.votes,
    });
    Ok((Exported::Bytes(text.into_bytes(), pairs.rows), about))
}

/// JSON Lines.
fn text_of(lines: &[Value]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// Objects as rows: a column per field, in order of appearance; lists become as many columns as the longest has.
fn table(lines: &[Value]) -> Result<Table> {
    let flat: Vec<Vec<(String, Value)>> = lines.iter().map(flattened).collect();
    let mut columns: Vec<(String, Kind)> = Vec::new();
    for (name, value) in flat.iter().flatten() {
        let kind = match value {
            Value::Number(number) if number.is_f64() => Kind::Number,
            Value::Number(_) => Kind::Integer,
            Value::Bool(_) => Kind::Flag,
            _ => Kind::Text,
        };
        match columns.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) if kind == Kind::Number => *known = kind,
            Some(_) => {}
            None => columns.push((name.clone(), kind)),
        }
    }
    let heads: Vec<Column> = columns
        .iter()
        .map(|(name, kind)| Column::new(name.as_str(), *kind))
        .collect::<Vec<_>>();
    let mut table = Table::new(heads);
    for fields in flat {
        let cell = |(name, kind): &(String, Kind)| {
            let value = fields
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, value)| value);
            match (value, kind) {
                (None, _) => Cell::Empty,
                (Some(value), Kind::Number) => value.as_f64().map_or(Cell::Empty, Cell::Number),
                (Some(value), Kind::Integer) => value.as_i64().map_or(Cell::Empty, Cell::Integer),
                (Some(value), Kind::Flag) => value.as_bool().map_or(Cell::Empty, Cell::Flag),
                (Some(Value::String(text)), _) => Cell::Text(text.clone()),
                (Some(other), _) => Cell::Text(other.to_string()),
            }
        };
        table
            .push(columns.iter().map(cell).collect())
            .map_err(drawn)?;
    }
    Ok(table)
}

fn flattened(line: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, value) in line.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(values) => {
                let numbered = values.iter().enumerate();
                found.extend(
                    numbered.map(|(at, value)| (format!("{name} {}", at + 1), value.clone())),
                );
            }
            value => found.push((name.clone(), value.clone())),
        }
    }
    found
}
