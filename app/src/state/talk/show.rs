//! The talk that is on: where it is, and what stands on the stage.

use std::sync::Arc;

use paretoscope_core::routing::Complex;
use paretoscope_core::study::{Stop, StopState};
use paretoscope_core::types::{
    BundleInfo, Expert, ExpertKind, Mutes, Point, PointResult, Preference, Summary,
};

use super::{StageAnswer, Tag};
use crate::state::{Front, Large, LayerChoice, ModuleChoice, Overlay, PlotOptions};
use crate::study::StagedSweep;

/// A talk that is on.
#[derive(Debug)]
pub struct Show {
    /// Its stops, as they were when it began; none where the window's own view is shown.
    pub stops: Vec<StopState>,
    /// The one that is on, by its place.
    pub at: usize,
    /// What stands on the stage.
    pub stage: Stage,
    /// Whether the stage is black.
    pub blank: bool,
    /// Digits of a stop's number that were typed.
    pub typed: String,
    /// Whether the stage shows the time.
    pub clock: bool,
    /// When the talk began, in seconds of the window.
    pub begun: f64,
    /// What went wrong, for the speaker: when, in seconds of the talk, and what.
    pub troubles: Vec<(f64, String)>,
    /// What lay over the panels before.
    pub overlay: Overlay,
    /// Whether the window filled the screen before.
    pub fullscreen: bool,
}

impl Show {
    /// The stop that comes next.
    pub fn next(&self) -> Option<&StopState> {
        self.stops.get(self.at + 1)
    }

    /// Seconds since it began.
    pub fn seconds(&self, now: f64) -> f64 {
        (now - self.begun).max(0.0)
    }
}

/// What stands on the stage. A person may play with it: the stop stays as it is.
#[derive(Debug, Default)]
pub struct Stage {
    /// What is meant to.
    pub stop: Stop,
    /// What answers were and are made with.
    pub bundle: Option<Arc<BundleInfo>>,
    /// When it was entered, in seconds of the window.
    pub entered: f64,
    /// Where the point was put, where it is on the simplex.
    pub preference: Option<Vec<f64>>,
    /// Whether a person moved it since the answer began.
    pub moved: bool,
    /// When a person moved it last and no answer was asked for yet.
    pub stale: Option<f64>,
    /// Whether it is being moved.
    pub dragging: bool,
    /// The answer.
    pub current: Option<StageAnswer>,
    /// The one that it is compared with.
    pub pinned: Option<StageAnswer>,
    /// Tokens of a live answer that are there, and when the last one came.
    pub heard: (usize, f64),
    /// Whether what was to be live is replayed.
    pub fell_back: bool,
    /// The sweep of its front.
    pub sweep: Option<StageSweep>,
}

/// A sweep on the stage.
#[derive(Debug)]
pub struct StageSweep {
    /// All of it.
    pub staged: StagedSweep,
    /// How many times as fast as it was made its points come; all are there where `None`.
    pub times: Option<f64>,
    /// Its points that are there.
    pub points: Vec<Arc<PointResult>>,
    /// Where they stand.
    pub front: Front,
    /// The cells between its points, for places that were not measured; `None` where they make none.
    cells: Option<(Complex, Vec<usize>)>,
}

/// The objectives of a plot to the right and up, by their places in the bundle, and the part of it that is shown.
pub type Pane = (Option<(usize, usize)>, Option<[[f64; 2]; 2]>);

/// What a stage shows of a plot that is looked at so, on these objectives.
pub fn pane(options: &PlotOptions, axes: &[usize]) -> Pane {
    let Large::Pair(x, y) = options.large else {
        return (None, None);
    };
    let pair = axes.get(x).zip(axes.get(y)).map(|(a, b)| (*a, *b));
    let zoom = options.zoom.as_ref();
    let zoom = zoom.and_then(|zoom| Some([*zoom.get(x)?, *zoom.get(y)?]));
    (pair, zoom.filter(|_| pair.is_some()))
}

/// Shares that are the same place.
const SAME: f64 = 1e-4;

impl StageSweep {
    /// Puts a sweep on the stage.
    pub fn new(staged: StagedSweep, times: Option<f64>) -> Self {
        let placed = staged.points.iter().enumerate();
        let placed = placed.filter_map(|(at, played)| match &played.result.point {
            Point::Preference(preference) => Some((at, preference.clone())),
            Point::Weights(_) => None,
        });
        let (places, preferences): (Vec<usize>, Vec<Preference>) = placed.unzip();
        let objectives = preferences.first().map_or(0, |p| p.as_slice().len());
        let experts: Vec<Expert> = (preferences.into_iter())
            .map(|preference| Expert {
                kind: ExpertKind::Lora,
                name: String::new(),
                preference,
            })
            .collect();
        let cells = Complex::new(&experts, objectives).ok();
        Self {
            staged,
            times,
            points: Vec::new(),
            front: Front::default(),
            cells: cells.map(|cells| (cells, places)),
        }
    }

    /// Takes in the points that are there after so many seconds.
    pub fn play(&mut self, seconds: f64) {
        let played = &self.staged.points;
        let there = match self.times {
            None => played.len(),
            Some(times) => played.partition_point(|p| p.seconds <= seconds * times),
        };
        let known = self.points.len();
        let new = played.iter().take(there).skip(known);
        self.points.extend(new.map(|p| Arc::clone(&p.result)));
        let axes: Vec<usize> = (0..self.staged.bundle.objectives.len().min(3)).collect();
        self.front.update(&self.points, 1, &axes);
    }

    /// Whether points are to come.
    pub fn comes(&self) -> bool {
        self.points.len() < self.staged.points.len()
    }

    /// What has to be said of its points.
    pub fn tag(&self) -> Tag {
        self.times.map_or(Tag::Recorded, Tag::Replay)
    }

    /// What a preference is worth, one mean per objective, and whether that was measured there; else it lies between the
    /// points around it. `None` where it lies outside them.
    pub fn worth(&self, preference: &[f64]) -> Option<(Vec<f64>, bool)> {
        let played = &self.staged.points;
        let means = |at: usize| -> Option<Vec<f64>> {
            // An objective without a score is not a number, and spoils none but itself.
            let scores = played.get(at)?.result.scores.iter();
            let mean = |s: &Option<Summary>| s.as_ref().map_or(f64::NAN, |s| s.mean);
            Some(scores.map(mean).collect())
        };
        let same = |point: &Point| {
            let Point::Preference(p) = point else {
                return false;
            };
            let mut shares = p.as_slice().iter().zip(preference);
            shares.all(|(a, b)| (a - b).abs() < SAME)
        };
        if let Some(at) = played.iter().position(|p| same(&p.result.point)) {
            return Some((means(at)?, true));
        }
        let (cells, places) = self.cells.as_ref()?;
        let routing = cells.route(&Preference::new(preference.to_vec()).ok()?);
        if routing.residual > SAME {
            return None;
        }
        let mut worth = vec![0.0; self.staged.bundle.objectives.len()];
        for enclosing in &routing.experts {
            let means = means(*places.get(enclosing.index)?)?;
            for (sum, mean) in worth.iter_mut().zip(means) {
                *sum += enclosing.weight * mean;
            }
        }
        Some((worth, false))
    }
}

impl Stage {
    /// Where the point stands now: where a person put it, else where the answer that comes is made.
    pub fn shares(&self, now: f64) -> Option<Vec<f64>> {
        if self.moved || self.dragging {
            return self.preference.clone();
        }
        match self.current.as_ref().map(|answer| answer.point(now)) {
            Some(Point::Preference(preference)) => Some(preference.as_slice().to_vec()),
            Some(Point::Weights(_)) => None,
            None => self.preference.clone(),
        }
    }

    /// What is silenced in answers that are made here.
    pub fn mutes(&self) -> &Mutes {
        &self.stop.mutes
    }

    /// The layers and the modules whose routing colours words.
    pub fn site(&self) -> (LayerChoice, ModuleChoice) {
        let of = |name: &str| self.stop.site.get(name).cloned().unwrap_or_default();
        (
            serde_json::from_value(of("layer")).unwrap_or_default(),
            serde_json::from_value(of("module")).unwrap_or_default(),
        )
    }

    /// Whether something on it moves by itself.
    pub fn comes(&self, now: f64) -> bool {
        let answer = self.current.as_ref().is_some_and(|a| a.comes(now));
        let points = self.sweep.as_ref().is_some_and(StageSweep::comes);
        answer || points || self.stale.is_some()
    }
}
