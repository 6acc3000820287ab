//! The report: one HTML file with everything in it. Fronts, tables and answers read without scripts; with its own
//! script a dot leads to its answers, and an answer to its dots.

mod page;

use std::collections::BTreeMap;

use paretoscope_core::types::Summary;

use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::table::Table;

/// A point of the report: what the dots with its uid stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportPoint {
    /// Its uid, as on the marks of figures.
    pub uid: String,
    /// The method, sweep or study that it is of.
    pub series: String,
    /// Where it stands, in words: `helpful 0.25 · humor 0.75`.
    pub words: String,
    /// `front`, `dominated`, ...
    pub standing: String,
    /// A mean per objective of the report.
    pub scores: Vec<Option<Summary>>,
}

/// A figure under its heading; drawn without a caption of its own, which stands beneath it as text.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportFigure {
    /// Above it.
    pub heading: String,
    /// The figure.
    pub figure: Figure,
}

/// A token strip of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportStrip {
    /// Whose answer it is, by its place among the points.
    pub point: usize,
    /// To which prompt, by its place among the prompts.
    pub prompt: usize,
    /// The strip.
    pub figure: Figure,
}

/// A different answer to a prompt, and who gave it.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    text: String,
    /// Points, in the order of their coming; once each.
    points: Vec<usize>,
}

/// What a report is written from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// Words in capitals beside the title: `DEMONSTRATION MODEL`.
    pub tags: Vec<String>,
    /// What was found, a paragraph each: comparisons with their intervals.
    pub findings: Vec<String>,
    /// Names of the objectives of scores.
    pub objectives: Vec<String>,
    /// Fronts and other figures.
    pub figures: Vec<ReportFigure>,
    /// Tables under their headings: hypervolumes.
    pub tables: Vec<(String, Table)>,
    /// Token strips.
    pub strips: Vec<ReportStrip>,
    /// Where everything comes from: digests of study and bundles, scorers, prompts, split, seeds, settings, version, command.
    pub facts: Vec<(String, String)>,
    /// How to cite it.
    pub bibtex: String,
    points: Vec<ReportPoint>,
    prompts: Vec<String>,
    answers: Vec<Vec<Answer>>,
    /// Places of texts among the answers of a prompt.
    known: Vec<BTreeMap<String, usize>>,
}

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// Adds a point; its number goes into [`Report::answer`].
    pub fn point(&mut self, point: ReportPoint) -> usize {
        self.points.push(point);
        self.points.len() - 1
    }

    /// Adds a prompt; its number goes into [`Report::answer`]. Equal prompts may be there several times.
    pub fn prompt(&mut self, prompt: impl Into<String>) -> usize {
        self.prompts.push(prompt.into());
        self.answers.push(Vec::new());
        self.known.push(BTreeMap::new());
        self.prompts.len() - 1
    }

    /// Adds what a point answered to a prompt. A text is kept once per prompt, however many points gave it.
    pub fn answer(&mut self, point: usize, prompt: usize, text: &str) -> Result<()> {
        check("point", point, self.points.len())?;
        check("prompt", prompt, self.prompts.len())?;
        let (answers, known) = (&mut self.answers[prompt], &mut self.known[prompt]);
        let place = match known.get(text) {
            Some(place) => *place,
            None => {
                known.insert(text.to_owned(), answers.len());
                answers.push(Answer {
                    text: text.to_owned(),
                    points: Vec::new(),
                });
                answers.len() - 1
            }
        };
        if !answers[place].points.contains(&point) {
            answers[place].points.push(point);
        }
        Ok(())
    }

    /// How many different answers it holds.
    pub fn answers(&self) -> usize {
        self.answers.iter().map(Vec::len).sum()
    }

    /// The file. It asks the network for nothing and runs no script but its own.
    pub fn html(&self) -> Result<String> {
        for strip in &self.strips {
            check("point", strip.point, self.points.len())?;
            check("prompt", strip.prompt, self.prompts.len())?;
        }
        for point in &self.points {
            if point.scores.len() != self.objectives.len() {
                return Err(Error::Count {
                    what: format!("scores of point `{}`", point.uid),
                    got: point.scores.len(),
                    wanted: self.objectives.len(),
                });
            }
        }
        page::html(self)
    }
}

fn check(what: &'static str, index: usize, count: usize) -> Result<()> {
    if index < count {
        Ok(())
    } else {
        Err(Error::Reference { what, index, count })
    }
}
