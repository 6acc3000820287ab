//! The report of a study.

use std::collections::BTreeMap;

use paretoscope_core::stats::{Chosen, Draws, Frame, FrameOptions, compare, words};
use paretoscope_core::study::Study;
use paretoscope_core::types::{Point, Split};

use super::fronts::over;
use super::tables::points_of;
use super::{Asked, Swept, shared, swept};
use crate::error::Result;
use crate::figure::Look;
use crate::plot::{Dot, Front};
use crate::report::{Report, ReportFigure, ReportPoint};
use crate::table::{Cell, Column, Kind, Table};

/// Draws of prompts behind the intervals of a report.
const DRAWS: usize = 1000;

/// How to cite what the program does.
const BIBTEX: &str = r"@misc{hoe2025,
  title = {Multi-objective Large Language Model Alignment with Hierarchical Experts},
  author = {Zhuo Li and Guodong Du and Weiyang Guo and Yigeng Zhou and Xiucheng Li and Wenya Wang and Fangming Liu and Yequan Wang and Deheng Ye and Min Zhang and Jing Li},
  year = {2025}, eprint = {2505.20925}, archivePrefix = {arXiv}
}

@inproceedings{mva2026,
  title = {Multi-Value Alignment for LLMs via Value Decorrelation and Extrapolation},
  author = {Hefei Xu and Le Wu and Chen Cheng and Hao Liu},
  booktitle = {Proceedings of the AAAI Conference on Artificial Intelligence},
  year = {2026}, eprint = {2511.17579}, archivePrefix = {arXiv}
}
";

/// The report of a study: its fronts together, what each pair of sweeps differs by, points, answers, where all of it comes
/// from. `command` is what made it.
pub fn report(study: &Study, asked: &Asked, command: &str) -> Result<Report> {
    let swept = swept(study, asked)?;
    let front = over(study, asked, &swept, &shared(&swept, &[], 3)?)?;
    let mut report = Report::new(front.title.clone());
    let demonstration = swept.iter().any(|s| s.sweep.info.demonstration.is_some());
    if demonstration {
        report.tags.push("DEMONSTRATION MODEL".to_owned());
    }
    report.findings = findings(&swept, asked);
    report.objectives = front.objectives.iter().map(|o| o.name.clone()).collect();
    report.tables = vec![
        ("Hypervolumes".to_owned(), volumes(&front)?),
        ("Points".to_owned(), points_of(&swept, asked.split)?),
    ];
    answers(study, asked, &swept, &front, &mut report)?;
    report.facts.clone_from(&front.facts);
    report
        .facts
        .push(("study digest".to_owned(), study.digest()?));
    report.facts.push((
        "program".to_owned(),
        format!("Paretoscope {}", env!("CARGO_PKG_VERSION")),
    ));
    report
        .facts
        .push(("command".to_owned(), command.to_owned()));
    BIBTEX.clone_into(&mut report.bibtex);
    let look = Look {
        caption: false,
        ..Look::new(Look::PAGE)
    };
    report.figures.push(ReportFigure {
        heading: "Front".to_owned(),
        figure: front.draw(&look)?,
    });
    Ok(report)
}

/// What each pair of sweeps differs by, in words.
fn findings(swept: &[Swept], asked: &Asked) -> Vec<String> {
    if swept.len() < 2 {
        return Vec::new();
    }
    let arms: Vec<_> = swept
        .iter()
        .map(|s| s.scores.arm(&s.sweep, asked.split))
        .collect();
    let options = FrameOptions {
        reference: asked.reference.clone(),
        ..FrameOptions::default()
    };
    let frame = match Frame::new(&arms, &options) {
        Ok(frame) => frame,
        Err(why) => return vec![format!("The sweeps cannot be compared: {why}.")],
    };
    let draws = Draws {
        draws: DRAWS,
        ..Draws::default()
    };
    let found = match compare(&frame, draws, &mut |_| std::ops::ControlFlow::Continue(())) {
        Ok(found) => found,
        Err(why) => return vec![format!("The sweeps cannot be compared: {why}.")],
    };
    let chosen = Chosen {
        split: asked.split.map(Split::name),
        on: None,
    };
    found
        .iter()
        .map(|pair| {
            format!(
                "{} against {}: {}.",
                pair.a,
                pair.b,
                words(&frame, pair, chosen)
            )
        })
        .collect()
}

fn volumes(front: &Front) -> Result<Table> {
    let mut table = Table::new([
        Column::new("sweep", Kind::Text),
        Column::new("points", Kind::Integer),
        Column::new("on the front", Kind::Integer),
        Column::new("hypervolume", Kind::Number),
    ]);
    for series in &front.series {
        let on = series
            .dots
            .iter()
            .filter(|dot| dot.standing != crate::plot::Standing::Dominated);
        table.push(vec![
            Cell::Text(series.name.clone()),
            Cell::Integer(series.dots.len() as i64),
            Cell::Integer(on.count() as i64),
            series.hypervolume.map_or(Cell::Empty, Cell::Number),
        ])?;
    }
    Ok(table)
}

/// Every dot's answers.
fn answers(
    study: &Study,
    asked: &Asked,
    swept: &[Swept],
    front: &Front,
    report: &mut Report,
) -> Result<()> {
    let mut prompts = BTreeMap::new();
    for (s, series) in swept.iter().zip(&front.series) {
        let axes = s.sweep.axes();
        let texts = study.sweep_texts(s.sweep.id)?;
        for dot in &series.dots {
            let number = report.point(ReportPoint {
                uid: dot.uid.clone(),
                series: series.name.clone(),
                words: place_words(dot, &axes),
                standing: dot.standing.words().to_owned(),
                scores: dot.scores.clone(),
            });
            let Some(point) = s
                .scores
                .points
                .iter()
                .position(|(_, p)| Some(p) == dot.point.as_ref())
            else {
                continue;
            };
            for (at, prompt) in s.scores.prompts.iter().enumerate() {
                if asked.split.is_some() && prompt.split != asked.split {
                    continue;
                }
                let Some(answer) = s.scores.answers[point * s.scores.prompts.len() + at] else {
                    continue;
                };
                let Some(text) = texts.get(&answer) else {
                    continue;
                };
                let place = *prompts.entry(prompt.uid.clone()).or_insert_with(|| {
                    report.prompt(prompt.prompt.words().unwrap_or("(token ids)"))
                });
                report.answer(number, place, text)?;
            }
        }
    }
    Ok(())
}

/// `helpful 0.25 · humor 0.75`.
fn place_words(dot: &Dot, axes: &[String]) -> String {
    if let Some(name) = &dot.name {
        return name.clone();
    }
    let numbers = dot.point.as_ref().map_or(&[][..], Point::as_slice);
    let parts = axes
        .iter()
        .zip(numbers)
        .map(|(axis, number)| format!("{axis} {number:.2}"));
    parts.collect::<Vec<_>>().join(" · ")
}
