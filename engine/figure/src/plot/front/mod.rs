//! The front: scores against scores, two objectives at a time.

mod legend;
mod marks;
mod table;

use paretoscope_core::types::{Point, Summary};
use serde::{Deserialize, Serialize};

use self::marks::{Painter, WHISKERS_FOR_ALL};
use super::axes::{Axes, holding};
use super::common::{Objective, Prompts, error, paragraph, placed};
use super::pairs;
use super::sheet::Sheet;
use crate::color::{BASE, CATEGORIES, Rgb, category, mixed};
use crate::error::{Error, Result};
use crate::figure::{Figure, Look};
use crate::scene::Mark;
use crate::words;

/// Where a dot stands among the dots it was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// On the front.
    Front,
    /// On the front, within one standard error of being dominated.
    Uncertain,
    /// Dominated.
    Dominated,
}

impl Standing {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Uncertain => "front, within 1 SE",
            Self::Dominated => "dominated",
        }
    }

    pub(super) fn is_front(self) -> bool {
        self != Self::Dominated
    }
}

/// A point with its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dot {
    /// Its uid in the study, frozen.
    pub uid: String,
    /// A name that a person gave it.
    pub name: Option<String>,
    /// Where it was generated; `None` for what no point describes.
    pub point: Option<Point>,
    /// A mean per objective of the figure, in their order.
    pub scores: Vec<Option<Summary>>,
    /// On the front or not, as the study says.
    pub standing: Standing,
    /// Whether its weights lie beyond what was trained.
    pub extrapolated: bool,
}

/// One seed of a series, drawn faintly behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seed {
    /// Which.
    pub seed: u64,
    /// Per point, a mean per objective of the figure.
    pub scores: Vec<Vec<Option<Summary>>>,
}

/// What was made by one method on one bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name in the legend: a method, a sweep, a study.
    pub name: String,
    /// Its category of colour where several series are drawn.
    pub color: usize,
    /// Its bundle, by [`Front::bundles`]: its shape where there are several.
    pub bundle: usize,
    /// Its points.
    pub dots: Vec<Dot>,
    /// Its seeds one by one, where it has several.
    pub seeds: Vec<Seed>,
    /// Its hypervolume above [`Front::reference`].
    pub hypervolume: Option<f64>,
}

/// A run with a marker of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LandmarkKind {
    /// The base model.
    Base,
    /// The pinned run.
    Pinned,
    /// The current run.
    Current,
}

/// A run with a marker of its own and its scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Landmark {
    /// Which.
    pub kind: LandmarkKind,
    /// Its uid in the study, where it has one.
    pub uid: Option<String>,
    /// A mean per objective of the figure.
    pub scores: Vec<Option<Summary>>,
}

/// What a front is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Front {
    /// The figure's title.
    pub title: String,
    /// All objectives of the scores.
    pub objectives: Vec<Objective>,
    /// What the numbers of [`Point::Weights`] belong to; empty where that is the objectives.
    pub values: Vec<Objective>,
    /// Which objectives are drawn: two as one plot, three as three.
    pub axes: Vec<usize>,
    /// Names of the bundles.
    pub bundles: Vec<String>,
    /// What is drawn. One series is coloured by preference, several each in their own colour.
    pub series: Vec<Series>,
    /// Runs with markers of their own.
    pub landmarks: Vec<Landmark>,
    /// The frozen reference point of hypervolumes, one number per axis.
    pub reference: Option<Vec<f64>>,
    /// What scores are means over.
    pub prompts: Prompts,
    /// Whether ±1 SE is drawn.
    pub whiskers: bool,
    /// Further sentences of the caption: comparisons with their intervals, warnings.
    pub notes: Vec<String>,
    /// Where the numbers come from, for the file beside the figure.
    pub facts: Vec<(String, String)>,
}

impl Series {
    /// How often all colours were given before its own: more methods than there are colours begin with the first again.
    pub fn round(&self) -> usize {
        self.color / CATEGORIES.len()
    }
}

impl Front {
    /// The shape of a series, counted from 0: that of its bundle, and another one where its colour is that of a method
    /// before.
    pub fn shape(&self, series: &Series) -> usize {
        series.bundle + self.bundles.len().max(1) * series.round()
    }

    /// [`Front::shape`], where shapes say anything.
    fn shown_shape(&self, series: &Series) -> Option<usize> {
        let again = self.by_series() && self.series.iter().any(|series| series.round() > 0);
        (self.bundles.len() > 1 || again).then(|| self.shape(series))
    }

    /// Draws it.
    pub fn draw(&self, look: &Look) -> Result<Figure> {
        self.check()?;
        let mut sheet = Sheet::new(look)?;
        sheet.legend(&self.legend());
        let ranges = self.ranges();
        let placed = pairs::laid_out(&mut sheet, &self.objectives, &self.axes, &ranges);
        let mut outside = 0;
        for (pair, axes) in placed {
            let (panel, left_out) = self.panel(&axes, pair);
            outside = outside.max(left_out);
            sheet.marks.push(panel);
        }
        let caption = self.caption(outside);
        sheet.caption(&caption);
        Ok(Figure {
            kind: "front",
            scene: sheet.finish(&self.title, &caption),
            theme: look.theme,
            caption,
            data: self.table()?,
            facts: self.facts.clone(),
        })
    }

    fn check(&self) -> Result<()> {
        pairs::check(&self.objectives, &self.axes)?;
        let axes = self.axes.len();
        if let Some(reference) = self.reference.as_ref().filter(|r| r.len() != axes) {
            return Err(Error::Count {
                what: "numbers of the reference point".to_owned(),
                got: reference.len(),
                wanted: axes,
            });
        }
        let mut scores = self
            .series
            .iter()
            .flat_map(|series| &series.dots)
            .map(|dot| &dot.scores)
            .chain(self.landmarks.iter().map(|landmark| &landmark.scores));
        if !scores.any(|scores| placed(scores, &self.axes).is_some()) {
            return Err(Error::Empty {
                what: "no point is scored on every objective of the front".to_owned(),
            });
        }
        Ok(())
    }

    /// One plot, and how many dots lie outside its view.
    fn panel(&self, axes: &Axes, (x, y): (usize, usize)) -> (Mark, usize) {
        let mut painter = Painter::new(self, axes, (x, y));
        painter.paint();
        let outside = painter.outside;
        let mut marks = vec![axes.grid()];
        marks.append(&mut painter.marks);
        marks.push(axes.frame());
        let name = pairs::name(&self.objectives, &self.axes, (x, y));
        (Mark::group("panel", marks).title(name), outside)
    }

    /// What an axis shows: the front with its errors, the landmarks, the seeds, and dominated points that are not far
    /// off the others.
    fn range(&self, slot: usize) -> [f64; 2] {
        let axis = self.axes[slot];
        let mut means = Vec::new();
        let mut held = Vec::new();
        let all = self.series.iter().flat_map(|series| &series.dots);
        for dot in all {
            let Some(mean) = placed(&dot.scores, &self.axes).map(|place| place[slot]) else {
                continue;
            };
            means.push(mean);
            if dot.standing.is_front() {
                let se = if self.whiskers {
                    error(&dot.scores, axis)
                } else {
                    0.0
                };
                held.extend([mean - se, mean + se]);
            }
        }
        let [low, high] = fence(&mut means);
        held.extend(means.iter().filter(|mean| (low..=high).contains(*mean)));
        for landmark in &self.landmarks {
            held.extend(placed(&landmark.scores, &self.axes).map(|place| place[slot]));
        }
        let seeds = self.series.iter().flat_map(|series| &series.seeds);
        let seeds = seeds.flat_map(|seed| &seed.scores);
        held.extend(seeds.filter_map(|scores| Some(placed(scores, &self.axes)?[slot])));
        holding(held)
    }

    /// What every axis shows: its data, and the reference point where that lies near on all of them.
    fn ranges(&self) -> Vec<[f64; 2]> {
        const NEAR: f64 = 0.75;
        let ranges: Vec<[f64; 2]> = (0..self.axes.len()).map(|slot| self.range(slot)).collect();
        let Some(reference) = &self.reference else {
            return ranges;
        };
        let mut both = ranges.iter().zip(reference);
        let near = both.all(|([low, high], at)| {
            let room = NEAR * (high - low);
            (low - room..=high + room).contains(at)
        });
        if !near {
            return ranges;
        }
        let both = ranges.into_iter().zip(reference);
        let widened = both.map(|([low, high], &at)| {
            let margin = 0.04 * (high - low);
            [low.min(at - margin), high.max(at + margin)]
        });
        widened.collect()
    }

    /// Whether the reference point is drawn.
    fn shows_reference(&self) -> bool {
        let ranges = self.ranges();
        self.reference.as_ref().is_some_and(|reference| {
            let mut both = ranges.iter().zip(reference);
            both.all(|([low, high], at)| (low..=high).contains(&at))
        })
    }

    /// Whether series have their own colours.
    fn by_series(&self) -> bool {
        self.series.len() > 1
    }

    /// What the numbers of a point belong to.
    fn corners(&self, point: &Point) -> &[Objective] {
        match point {
            Point::Weights(_) if !self.values.is_empty() => &self.values,
            _ => &self.objectives,
        }
    }

    /// Whether a dot is marked as extrapolated: where several methods are drawn, their colours say enough.
    fn is_marked_extrapolated(&self, dot: &Dot) -> bool {
        dot.extrapolated && !self.by_series()
    }

    /// A dot's colour: its series', or its preference.
    fn color(&self, series: &Series, dot: &Dot) -> Rgb {
        if self.by_series() {
            return category(series.color);
        }
        let Some(point) = &dot.point else {
            return category(series.color);
        };
        let corners = self.corners(point).iter().map(Objective::rgb);
        mixed(corners.zip(point.as_slice().iter().copied())).unwrap_or(BASE)
    }

    /// A point in words.
    fn point_words(&self, point: &Point) -> String {
        let names: Vec<String> = self
            .corners(point)
            .iter()
            .map(|corner| corner.name.clone())
            .collect();
        words::point(point, &names)
    }

    /// What a tooltip says of a dot.
    fn dot_words(&self, series: &Series, dot: &Dot) -> String {
        let mut lines = Vec::new();
        let mut head = series.name.clone();
        if let Some(name) = &dot.name {
            head += &format!(" · {name}");
        }
        lines.push(format!("{head} ({})", dot.standing.words()));
        lines.extend(dot.point.as_ref().map(|point| self.point_words(point)));
        lines.extend(self.score_lines(&dot.scores));
        lines.join("\n")
    }

    /// A line per objective.
    fn score_lines(&self, scores: &[Option<Summary>]) -> Vec<String> {
        let named = self.objectives.iter().enumerate();
        named
            .map(|(i, objective)| {
                let score = scores.get(i).and_then(Option::as_ref);
                format!("{} {}", objective.name, words::score(score))
            })
            .collect()
    }

    fn caption(&self, outside: usize) -> String {
        let mut sentences = vec![self.prompts.words()];
        if self.whiskers {
            let dots = self.series.iter().map(|series| series.dots.len());
            let whose = if dots.sum::<usize>() - self.unplaced() > WHISKERS_FOR_ALL {
                " of the front"
            } else {
                ""
            };
            sentences.push(format!("Whiskers: ±1 SE{whose}"));
        }
        if self.axes.len() > 2 {
            sentences.push("Lines: the front of each pair alone".to_owned());
        }
        let volumes: Vec<String> = self
            .series
            .iter()
            .filter_map(|series| {
                let volume = words::value(series.hypervolume?);
                Some(if self.by_series() {
                    format!("{} {volume}", series.name)
                } else {
                    volume
                })
            })
            .collect();
        if let Some(reference) = &self.reference {
            let reference: Vec<String> = reference.iter().map(|v| words::value(*v)).collect();
            let reference = reference.join(", ");
            sentences.push(if volumes.is_empty() {
                format!("Reference point {reference}")
            } else {
                format!("Hypervolume {} (reference {reference})", volumes.join(", "))
            });
        }
        if outside > 0 {
            let dots = words::count(outside, "dominated point");
            let lie = if outside == 1 { "lies" } else { "lie" };
            sentences.push(format!("{dots} {lie} outside the view"));
        }
        let unplaced = self.unplaced();
        if unplaced > 0 {
            let dots = words::count(unplaced, "point");
            sentences.push(format!(
                "{dots} without a finite score on every axis not drawn"
            ));
        }
        sentences.extend(self.notes.iter().cloned());
        paragraph(sentences)
    }

    /// Whether a landmark is the score of a single answer among means over several prompts: not to be compared.
    fn is_single(&self, landmark: &Landmark) -> bool {
        let dots = self.series.iter().flat_map(|series| &series.dots);
        let mut scores = dots.flat_map(|dot| dot.scores.iter().flatten());
        let single = landmark.scores.iter().flatten().any(|score| score.n == 1);
        single && scores.any(|score| score.n > 1)
    }

    /// Dots without a place.
    fn unplaced(&self) -> usize {
        let dots = self.series.iter().flat_map(|series| &series.dots);
        dots.filter(|dot| placed(&dot.scores, &self.axes).is_none())
            .count()
    }
}

/// Tukey's outer fence, as the window has it: points beyond it would press all others together.
fn fence(values: &mut [f64]) -> [f64; 2] {
    const RANGES: f64 = 3.0;
    if values.len() < 8 {
        return [f64::NEG_INFINITY, f64::INFINITY];
    }
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
    let (low, high) = (at(0.25), at(0.75));
    let spread = (high - low) * RANGES;
    [low - spread, high + spread]
}
