//! How far a front varies: what the best, the median and the worst of several runs attain, two objectives at a time.

use paretoscope_core::stats::{self, surface};
use serde::{Deserialize, Serialize};

use super::axes::{Axes, holding};
use super::common::{Objective, Prompts, paragraph};
use super::pairs;
use super::sheet::{Entry, Sheet};
use super::stairs::stairs;
use crate::color::{Paint, category};
use crate::error::{Error, Result};
use crate::figure::{Figure, Look};
use crate::scene::{Fill, Mark, Shape, Stroke};
use crate::table::{Column, Kind, Table};
use crate::words;

/// What one run differs from the next in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// Its seed.
    Seeds,
    /// Which prompts were drawn, with replacement; seeds are averaged.
    Prompts,
}

/// The runs of one method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempts {
    /// The method's name.
    pub name: String,
    /// Its category of colour.
    pub color: usize,
    /// Per run, per point, a mean per objective of the figure.
    pub runs: Vec<Vec<Vec<f64>>>,
}

/// What attainment is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attainment {
    /// The figure's title.
    pub title: String,
    /// All objectives of the means.
    pub objectives: Vec<Objective>,
    /// Which of them are drawn: two as one plot, three as three.
    pub axes: Vec<usize>,
    /// The methods.
    pub methods: Vec<Attempts>,
    /// What runs differ in.
    pub over: Over,
    /// What scores are means over.
    pub prompts: Prompts,
    /// Further sentences of the caption.
    pub notes: Vec<String>,
    /// Where the numbers come from, for the file beside the figure.
    pub facts: Vec<(String, String)>,
}

impl Attainment {
    /// Draws it.
    pub fn draw(&self, look: &Look) -> Result<Figure> {
        pairs::check(&self.objectives, &self.axes)?;
        let ranges: Vec<[f64; 2]> = self.axes.iter().map(|&axis| self.range(axis)).collect();
        let mut points = self.methods.iter().flat_map(|m| &m.runs).flatten();
        if !points.any(|means| self.numbers(means, (0, 1)).is_some()) {
            return Err(Error::Empty {
                what: "no run has a point that is scored on every objective".to_owned(),
            });
        }
        let mut sheet = Sheet::new(look)?;
        sheet.legend(&self.legend());
        let placed = pairs::laid_out(&mut sheet, &self.objectives, &self.axes, &ranges);
        for (pair, axes) in placed {
            let mut marks = vec![axes.grid()];
            for method in &self.methods {
                marks.push(self.method(&axes, method, pair));
            }
            marks.push(axes.frame());
            let name = pairs::name(&self.objectives, &self.axes, pair);
            sheet.marks.push(Mark::group("panel", marks).title(name));
        }
        let caption = self.caption();
        sheet.caption(&caption);
        Ok(Figure {
            kind: "attainment",
            scene: sheet.finish(&self.title, &caption),
            theme: look.theme,
            caption,
            data: self.table()?,
            facts: self.facts.clone(),
        })
    }

    /// The levels that are drawn: a name, and how many of so many runs must attain a place.
    fn levels(&self, runs: usize) -> [(&'static str, usize); 3] {
        let over = match self.over {
            Over::Seeds => stats::Over::Seeds(runs),
            Over::Prompts => stats::Over::Prompts(runs),
        };
        let [best, median, worst] = over.levels();
        [("best", best), ("median", median), ("worst", worst)]
    }

    /// Two means of a point, where both are there and finite.
    fn numbers(&self, means: &[f64], (x, y): (usize, usize)) -> Option<[f64; 2]> {
        let mean = |slot: usize| {
            means
                .get(self.axes[slot])
                .copied()
                .filter(|v| v.is_finite())
        };
        Some([mean(x)?, mean(y)?])
    }

    fn range(&self, axis: usize) -> [f64; 2] {
        let points = self.methods.iter().flat_map(|m| &m.runs).flatten();
        holding(points.filter_map(|means| means.get(axis).copied()))
    }

    fn sets(&self, method: &Attempts, pair: (usize, usize)) -> Vec<Vec<[f64; 2]>> {
        let set = |run: &Vec<Vec<f64>>| {
            let numbers = run.iter().filter_map(|means| self.numbers(means, pair));
            numbers.collect()
        };
        method.runs.iter().map(set).collect()
    }

    /// A band from the worst to the best, and three staircases.
    fn method(&self, axes: &Axes, method: &Attempts, pair: (usize, usize)) -> Mark {
        let color = category(method.color);
        let sets = self.sets(method, pair);
        let lines = self.levels(sets.len()).map(|(name, count)| {
            let corners = surface(&sets, count);
            let places = if corners.is_empty() {
                Vec::new()
            } else {
                stairs(axes, &corners)
            };
            (name, places)
        });
        let mut marks = Vec::new();
        let [(_, best), _, (_, worst)] = &lines;
        if sets.len() > 1 && !worst.is_empty() {
            // To the right along the best, back along the worst.
            let places = best.iter().chain(worst.iter().rev()).copied();
            marks.push(Mark::of(Shape::Area {
                places: places.collect(),
                fill: Some(Fill {
                    paint: Paint::Is(color),
                    opacity: 0.16,
                }),
                stroke: None,
            }));
        }
        for (name, places) in lines {
            // One run is its own best and worst.
            if places.is_empty() || (sets.len() == 1 && name != "median") {
                continue;
            }
            let line = Mark::line(places, stroke(method, name));
            marks.push(line.title(format!("{}: {name} of {}", method.name, self.runs(method))));
        }
        Mark::group("attempts", marks)
    }

    fn legend(&self) -> Vec<Entry<'_>> {
        let mut entries: Vec<Entry<'_>> = self
            .methods
            .iter()
            .map(|method| Entry::line(&method.name, stroke(method, "median")))
            .collect();
        if self.methods.iter().any(|method| method.runs.len() > 1) {
            let thin = Stroke::of(Paint::Weak, 0.2);
            let words = match self.over {
                Over::Seeds => "best and worst",
                Over::Prompts => "2.5 and 97.5 % of draws",
            };
            entries.push(Entry::line(words, thin));
        }
        entries
    }

    /// How many runs of what.
    fn runs(&self, method: &Attempts) -> String {
        match self.over {
            Over::Seeds => words::count(method.runs.len(), "seed"),
            Over::Prompts => words::count(method.runs.len(), "draw"),
        }
    }

    fn caption(&self) -> String {
        let runs: Vec<String> = self
            .methods
            .iter()
            .map(|method| format!("{} {}", method.name, self.runs(method)))
            .collect();
        let what = match self.over {
            Over::Seeds => "Median (thick), best and worst of seeds",
            Over::Prompts => {
                "Attained by half (thick), by 2.5 % and by 97.5 % of draws of the prompts, with replacement"
            }
        };
        let sentences = [self.prompts.words(), format!("{what}: {}", runs.join(", "))];
        paragraph(sentences.into_iter().chain(self.notes.iter().cloned()))
    }

    /// The corners that are drawn.
    fn table(&self) -> Result<Table> {
        let mut columns = ["method", "level", "x_objective", "y_objective"]
            .map(|name| Column::new(name, Kind::Text))
            .to_vec();
        columns.extend(["runs", "attained_by"].map(|name| Column::new(name, Kind::Integer)));
        columns.extend(["x", "y"].map(|name| Column::new(name, Kind::Number)));
        let mut table = Table::new(columns);
        let pairs: &[(usize, usize)] = if self.axes.len() == 2 {
            &[(0, 1)]
        } else {
            &[(0, 1), (0, 2), (1, 2)]
        };
        for method in &self.methods {
            for &(x, y) in pairs {
                let sets = self.sets(method, (x, y));
                for (level, count) in self.levels(sets.len()) {
                    for corner in surface(&sets, count) {
                        let name = |slot: usize| self.objectives[self.axes[slot]].name.clone();
                        table.push(vec![
                            method.name.clone().into(),
                            level.into(),
                            name(x).into(),
                            name(y).into(),
                            sets.len().into(),
                            count.into(),
                            corner[0].into(),
                            corner[1].into(),
                        ])?;
                    }
                }
            }
        }
        Ok(table)
    }
}

fn stroke(method: &Attempts, level: &str) -> Stroke {
    let paint = Paint::Thin(category(method.color));
    if level == "median" {
        Stroke::of(paint, 0.5)
    } else {
        Stroke::of(paint, 0.2)
    }
}
