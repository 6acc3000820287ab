//! The study's sweeps in the Front panel: those beside the one that has its points there already, and, where a part of
//! the prompts counts alone, that one's own points over this part.

use std::collections::HashMap;
use std::sync::Arc;

use paretoscope_core::protocol::SweepPlan;
use paretoscope_core::types::{Point, PointResult, Summary};
use paretoscope_figure::plot::{Dot, Front as Fronts, Series, Standing};

use super::front::place;

/// A dot of another sweep, on the plotted objectives.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherDot {
    /// Its place among the series' dots.
    pub at: usize,
    /// Means on the plotted axes; the third is 0 where there are two.
    pub mean: [f64; 3],
    /// Standard errors, likewise.
    pub se: [f64; 3],
    /// Where it stands among its own sweep's points.
    pub standing: Standing,
}

/// Another sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherSweep {
    /// Its number in the study.
    pub sweep: i64,
    /// Its place among the series of [`Others::fronts`].
    pub at: usize,
    /// The colour of its method.
    pub color: usize,
    /// The shape of its bundle, and of its method where there are more of these than colours.
    pub shape: usize,
    /// Whether its colour is that of a method before.
    pub again: bool,
    /// Whether a newer one differs from it in the seed or the prompts alone: drawn faintly.
    pub faint: bool,
    /// Its dots that have their place.
    pub dots: Vec<OtherDot>,
}

/// What follows from all of this.
#[derive(Debug, Clone, Default)]
struct Key {
    fronts: Option<Arc<Fronts>>,
    plan: Option<Arc<SweepPlan>>,
    own: Option<i64>,
    axes: Vec<String>,
    known: usize,
}

impl Key {
    fn is(&self, other: &Self) -> bool {
        let same = |a: &Option<Arc<Fronts>>, b: &Option<Arc<Fronts>>| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same(&self.fronts, &other.fronts)
            && self.own == other.own
            && self.axes == other.axes
            && self.known == other.known
            && match (&self.plan, &other.plan) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            }
    }
}

/// The study's sweeps in the Front panel.
#[derive(Debug, Default)]
pub struct Others {
    key: Key,
    revision: u64,
    sweeps: Vec<OtherSweep>,
    own: Option<usize>,
    own_dots: Vec<(usize, usize)>,
    points: Option<Vec<Arc<PointResult>>>,
    lacking: Vec<String>,
}

/// What [`Others::update`] goes by.
pub struct OthersFrom<'a> {
    /// The study's fronts, where they are to be seen.
    pub fronts: Option<&'a Arc<Fronts>>,
    /// What the panel's own sweep visits.
    pub plan: Option<&'a Arc<SweepPlan>>,
    /// Its number in the study, where it is there.
    pub own: Option<i64>,
    /// Its points that are known, over all prompts.
    pub points: &'a [Arc<PointResult>],
    /// Names of all objectives of the bundle.
    pub objectives: &'a [String],
    /// Those that are plotted.
    pub axes: &'a [usize],
}

impl Others {
    /// Brings it up to what is given, where that is something else now.
    pub fn update(&mut self, given: &OthersFrom<'_>) {
        let part = given.fronts.is_some_and(|f| !f.prompts.split.is_empty());
        let names = given.axes.iter().filter_map(|&a| given.objectives.get(a));
        let key = Key {
            fronts: given.fronts.cloned(),
            plan: given.plan.cloned(),
            own: given.own,
            axes: names.cloned().collect(),
            // Where a point stands in the plan is known of those that are in.
            known: if part || given.own.is_some() {
                given.points.len()
            } else {
                0
            },
        };
        if self.key.is(&key) {
            return;
        }
        self.key = key;
        self.revision += 1;
        (self.sweeps, self.own, self.points) = (Vec::new(), None, None);
        self.own_dots.clear();
        self.lacking.clear();
        let Some(fronts) = given.fronts else { return };
        let place = |name: &String| fronts.objectives.iter().position(|o| o.name == *name);
        self.lacking = (self.key.axes.iter())
            .filter(|name| place(name).is_none())
            .cloned()
            .collect();
        let axes: Vec<usize> = self.key.axes.iter().filter_map(place).collect();
        if !self.lacking.is_empty() {
            return;
        }
        for (at, series) in fronts.series.iter().enumerate() {
            let Some(sweep) = series.dots.first().and_then(|dot| sweep_of(&dot.uid)) else {
                continue;
            };
            if Some(sweep) == given.own {
                self.own = Some(at);
                continue;
            }
            self.sweeps.push(OtherSweep {
                sweep,
                at,
                color: series.color,
                shape: fronts.shape(series),
                again: series.round() > 0,
                faint: false,
                dots: placed(&series.dots, &axes),
            });
        }
        // The newest of several alike stands out.
        let mut seen = Vec::new();
        for other in self.sweeps.iter_mut().rev() {
            let kind = (other.color, other.shape);
            other.faint = seen.contains(&kind);
            seen.push(kind);
        }
        let own = self.own.map(|at| &fronts.series[at].dots[..]);
        let own = own.unwrap_or_default();
        self.own_dots = places_of(own, given);
        if part {
            let of = |&(index, at): &(usize, usize)| result_of(index, &own[at], fronts, given);
            let mut points: Vec<Arc<PointResult>> = self.own_dots.iter().filter_map(of).collect();
            points.extend(base_of(fronts, given));
            self.points = Some(points);
        }
    }

    /// The study's fronts that all of it is taken from.
    pub fn fronts(&self) -> Option<&Arc<Fronts>> {
        self.key.fronts.as_ref()
    }

    /// The sweeps beside the panel's own.
    pub fn sweeps(&self) -> &[OtherSweep] {
        &self.sweeps
    }

    /// A drawn sweep with its numbers in the study.
    pub fn series(&self, sweep: &OtherSweep) -> Option<&Series> {
        self.fronts()?.series.get(sweep.at)
    }

    /// A dot and its series, by the places of its sweep and its own.
    pub fn dot(&self, (sweep, dot): (usize, usize)) -> Option<(&Series, &Dot)> {
        let sweep = self.sweeps.get(sweep)?;
        let series = self.series(sweep)?;
        Some((series, series.dots.get(sweep.dots.get(dot)?.at)?))
    }

    /// The places of a dot's sweep and its own, by its name.
    pub fn find(&self, uid: &str) -> Option<(usize, usize)> {
        let mut sweeps = self.sweeps.iter().enumerate();
        sweeps.find_map(|(at, sweep)| {
            let dots = &self.series(sweep)?.dots;
            let is_it = |dot: &OtherDot| dots[dot.at].uid == uid;
            Some((at, sweep.dots.iter().position(is_it)?))
        })
    }

    /// The panel's own sweep among the study's series.
    pub fn own(&self) -> Option<usize> {
        self.own
    }

    /// The place in the plan of each of the own sweep's dots whose point is known, and the dot's own.
    pub fn own_dots(&self) -> &[(usize, usize)] {
        &self.own_dots
    }

    /// The own sweep's points over the part of the prompts that counts; `None` where all of them do.
    pub fn points(&self) -> Option<&[Arc<PointResult>]> {
        self.points.as_deref()
    }

    /// Plotted objectives that the study's sweeps are not all scored on.
    pub fn lacking(&self) -> &[String] {
        &self.lacking
    }

    /// Changes with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Raw scores that an automatic view holds: the fronts, for what lies below them may lie far off.
    pub fn held(&self) -> impl Iterator<Item = [f64; 3]> + '_ {
        let dots = self.sweeps.iter().flat_map(|sweep| &sweep.dots);
        dots.filter(|dot| dot.standing != Standing::Dominated)
            .map(|dot| dot.mean)
    }
}

/// The number of the sweep that a dot's name begins with.
pub fn sweep_of(uid: &str) -> Option<i64> {
    uid.split_once('-')?.0.parse().ok()
}

fn placed(dots: &[Dot], axes: &[usize]) -> Vec<OtherDot> {
    let dots = dots.iter().enumerate();
    dots.filter_map(|(at, dot)| {
        let (mean, se) = place(axes, &dot.scores)?;
        Some(OtherDot {
            at,
            mean,
            se,
            standing: dot.standing,
        })
    })
    .collect()
}

/// Scores on the study's objectives as scores on the bundle's.
fn scores_of(
    scores: &[Option<Summary>],
    fronts: &Fronts,
    given: &OthersFrom<'_>,
) -> Vec<Option<Summary>> {
    let of = |name: &String| {
        let at = fronts.objectives.iter().position(|o| o.name == *name)?;
        scores.get(at).copied().flatten()
    };
    given.objectives.iter().map(of).collect()
}

/// The place in the plan of each dot whose point is known, and the dot's own.
fn places_of(dots: &[Dot], given: &OthersFrom<'_>) -> Vec<(usize, usize)> {
    let bits = |point: &Point| -> (bool, Vec<u64>) {
        let numbers = point.as_slice().iter().map(|v| (v + 0.0).to_bits());
        (matches!(point, Point::Weights(_)), numbers.collect())
    };
    let points = given.points.iter();
    let known: HashMap<_, usize> = points.map(|p| (bits(&p.point), p.index)).collect();
    let dots = dots.iter().enumerate();
    dots.filter_map(|(at, dot)| Some((*known.get(&bits(dot.point.as_ref()?))?, at)))
        .collect()
}

/// A dot as a point of the plan.
fn result_of(
    index: usize,
    dot: &Dot,
    fronts: &Fronts,
    given: &OthersFrom<'_>,
) -> Option<Arc<PointResult>> {
    let rows = dot.scores.iter().flatten().map(|s| s.n + s.non_finite);
    Some(Arc::new(PointResult {
        name: dot.name.clone(),
        index,
        point: dot.point.clone()?,
        scores: scores_of(&dot.scores, fronts, given),
        rows: rows.max().unwrap_or(0),
    }))
}

/// The base model over the part of the prompts, where it is known whose it is.
fn base_of(fronts: &Fronts, given: &OthersFrom<'_>) -> Option<Arc<PointResult>> {
    let [landmark] = &fronts.landmarks[..] else {
        return None;
    };
    let base = given.points.iter().find(|result| result.point.is_base())?;
    Some(Arc::new(PointResult {
        scores: scores_of(&landmark.scores, fronts, given),
        ..base.as_ref().clone()
    }))
}
