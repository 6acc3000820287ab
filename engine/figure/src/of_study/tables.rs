//! Tables: points, answers.

use std::collections::HashMap;

use paretoscope_core::study::Study;
use paretoscope_core::types::{Point, Split};

use super::{Asked, Swept, swept};
use crate::error::{Error, Result};
use crate::table::{Cell, Column, Kind, Table};

/// A row per point of each sweep: where it is, its means with their errors, whether it is on its sweep's front.
pub fn points(study: &Study, asked: &Asked) -> Result<Table> {
    points_of(&swept(study, asked)?, asked.split)
}

/// [`points`] of sweeps that are read.
pub(super) fn points_of(swept: &[Swept], split: Option<Split>) -> Result<Table> {
    let mut objectives: Vec<String> = Vec::new();
    for s in swept {
        for name in &s.scores.objectives {
            if !objectives.contains(name) {
                objectives.push(name.clone());
            }
        }
    }
    let text = |name: &str| Column::new(name, Kind::Text);
    let mut columns = vec![
        text("sweep"),
        text("method"),
        text("bundle"),
        text("split"),
        text("kind"),
        text("point"),
    ];
    columns.extend(
        objectives
            .iter()
            .map(|name| Column::new(name, Kind::Estimate)),
    );
    columns.push(Column::new("front", Kind::Flag));
    let mut table = Table::new(columns);
    for s in swept {
        for (result, on_front) in s.summary.iter().zip(s.on_front()) {
            let kind = match result.point {
                Point::Preference(_) => "preference",
                Point::Weights(_) => "weights",
            };
            let numbers: Vec<String> = result
                .point
                .as_slice()
                .iter()
                .map(ToString::to_string)
                .collect();
            let mut row = vec![
                Cell::Text(s.sweep.name.clone()),
                Cell::Text(s.sweep.method.clone()),
                Cell::Text(s.sweep.info.name.clone()),
                Cell::Text(split.map_or("all", Split::name).to_owned()),
                Cell::Text(kind.to_owned()),
                Cell::Text(numbers.join(" ")),
            ];
            row.extend(objectives.iter().map(|name| {
                let at = s.scores.objectives.iter().position(|o| o == name);
                let summary = at.and_then(|at| result.scores.get(at).copied().flatten());
                summary.map_or(Cell::Empty, Cell::Estimate)
            }));
            row.push(Cell::Flag(on_front));
            table.push(row)?;
        }
    }
    Ok(table)
}

/// A row per answer: where it stands, what was asked, what came, and its scores.
pub fn answers(study: &Study, split: Option<Split>, objective: Option<&str>) -> Result<Table> {
    let scorers: Vec<(i64, String)> = study
        .scorer_names()?
        .into_iter()
        .filter(|(_, name)| objective.is_none_or(|o| o == name))
        .collect();
    if scorers.is_empty() && objective.is_some() {
        return Err(Error::Empty {
            what: format!(
                "no scorer of this study is of the objective {}",
                objective.unwrap_or("")
            ),
        });
    }
    let mut names: Vec<String> = Vec::new();
    for (_, name) in &scorers {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let text = |name: &str| Column::new(name, Kind::Text);
    let mut columns = vec![
        text("uid"),
        text("bundle"),
        text("split"),
        text("prompt"),
        text("kind"),
        text("point"),
    ];
    columns.extend([
        Column::new("seed", Kind::Text),
        text("finish"),
        text("text"),
    ]);
    columns.extend([
        Column::new("tokens", Kind::Integer),
        Column::new("seconds", Kind::Number),
    ]);
    columns.extend(names.iter().map(|name| Column::new(name, Kind::Number)));
    let bundles: HashMap<i64, String> = study.bundle_names()?.into_iter().collect();
    let numbers: Vec<Option<i64>> = scorers.iter().map(|(id, _)| Some(*id)).collect();
    let mut table = Table::new(columns);
    let mut stored = Vec::new();
    study.each_answer(|answer| {
        if split.is_none_or(|split| answer.split.as_deref() == Some(split.name())) {
            stored.push(answer);
        }
        Ok(())
    })?;
    for answer in stored {
        let scores = study.scores(&[answer.id], &numbers)?.remove(0);
        let (kind, point) = match &answer.point {
            Some(point @ Point::Preference(_)) => ("preference", point.as_slice()),
            Some(point @ Point::Weights(_)) => ("weights", point.as_slice()),
            None => ("", &[][..]),
        };
        let point: Vec<String> = point.iter().map(ToString::to_string).collect();
        let finish = serde_json::to_value(answer.finish)?;
        let mut row = vec![
            Cell::Text(answer.uid.to_string()),
            answer
                .bundle
                .and_then(|b| bundles.get(&b))
                .map_or(Cell::Empty, |b| Cell::Text(b.clone())),
            answer.split.clone().map_or(Cell::Empty, Cell::Text),
            Cell::Text(match answer.prompt.words() {
                Some(words) => words.to_owned(),
                None => serde_json::to_string(&answer.prompt)?,
            }),
            Cell::Text(kind.to_owned()),
            Cell::Text(point.join(" ")),
            Cell::Text(answer.sampling.seed.to_string()),
            Cell::Text(finish.as_str().unwrap_or_default().to_owned()),
            Cell::Text(answer.text.clone()),
            Cell::Integer(answer.tokens.len() as i64),
            Cell::Number(answer.seconds),
        ];
        // The newest scorer of an objective that scored it.
        row.extend(names.iter().map(|name| {
            let mut of = scorers
                .iter()
                .zip(&scores.0)
                .filter(|((_, n), score)| n == name && score.is_some());
            of.next_back()
                .and_then(|(_, score)| *score)
                .map_or(Cell::Empty, Cell::Number)
        }));
        table.push(row)?;
    }
    Ok(table)
}
