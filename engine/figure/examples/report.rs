//! Writes a report from the JSON of a front, the JSON of the gates of one answer, and lines of
//! `{"uid", "prompt", "text"}`: `report FRONT.json GATES.json ANSWERS.jsonl OUT.html`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

use paretoscope_figure::Look;
use paretoscope_figure::plot::{Front, Gates};
use paretoscope_figure::report::{Report, ReportFigure, ReportPoint, ReportStrip};
use paretoscope_figure::table::{Column, Kind, Table};
use paretoscope_figure::words;
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    uid: String,
    prompt: String,
    text: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [front, gates, answers, out] = arguments.as_slice() else {
        return Err("usage: report FRONT.json GATES.json ANSWERS.jsonl OUT.html".into());
    };
    let mut front: Front = serde_json::from_str(&fs::read_to_string(front)?)?;
    let gates: Gates = serde_json::from_str(&fs::read_to_string(gates)?)?;
    let mut report = Report::new(&front.title);
    report.tags.push("DEMONSTRATION MODEL".to_owned());
    report.findings = std::mem::take(&mut front.notes);
    report.objectives = front.objectives.iter().map(|o| o.name.clone()).collect();
    let look = Look {
        caption: false,
        ..Look::new(Look::PAGE)
    };
    report.figures.push(ReportFigure {
        heading: "Front".to_owned(),
        figure: front.draw(&look)?,
    });
    let mut numbers = BTreeMap::new();
    let mut volumes = Table::new([
        Column::new("method", Kind::Text),
        Column::new("points", Kind::Integer),
        Column::new("hypervolume", Kind::Number),
    ]);
    for series in &front.series {
        volumes.push(vec![
            series.name.clone().into(),
            series.dots.len().into(),
            series.hypervolume.into(),
        ])?;
        for dot in &series.dots {
            let point = dot.point.as_ref();
            let number = report.point(ReportPoint {
                uid: dot.uid.clone(),
                series: series.name.clone(),
                words: point.map_or_else(String::new, |p| words::point(p, &report.objectives)),
                standing: dot.standing.words().to_owned(),
                scores: dot.scores.clone(),
            });
            numbers.insert(dot.uid.clone(), number);
        }
    }
    report.tables.push(("Hypervolume".to_owned(), volumes));
    let mut prompts = BTreeMap::new();
    for line in fs::read_to_string(answers)?.lines() {
        let answer: Answer = serde_json::from_str(line)?;
        let Some(&point) = numbers.get(&answer.uid) else {
            continue;
        };
        let prompt = *prompts
            .entry(answer.prompt.clone())
            .or_insert_with(|| report.prompt(&answer.prompt));
        report.answer(point, prompt, &answer.text)?;
    }
    if let Some(prompt) = prompts.get(&gates.prompt) {
        report.strips.push(ReportStrip {
            point: 0,
            prompt: *prompt,
            figure: gates.strip(&look)?,
        });
    }
    report.facts.clone_from(&front.facts);
    let bibtex = "@misc{paretoscope,\n  title = {Fronts of hoe and mva},\n  year = {2026}\n}";
    bibtex.clone_into(&mut report.bibtex);
    fs::write(out, report.html()?)?;
    Ok(())
}
