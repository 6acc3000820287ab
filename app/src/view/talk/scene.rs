//! What stands on the stage, read from the talk, or from the window where it shows its own view large.

use std::sync::Arc;

use paretoscope_core::study::StopLayout;
use paretoscope_core::types::{BundleInfo, Point, PointResult};

use crate::apply;
use crate::state::{
    AppState, Front, LayerChoice, ModuleChoice, PromptState, RunEntry, Stage, StageAnswer, Tag,
    pane, whole_parts,
};
use crate::widgets::format;

/// What stands on the stage.
pub(super) struct Scene<'a> {
    pub title: String,
    pub prompt: String,
    pub info: &'a BundleInfo,
    pub layout: StopLayout,
    /// The objectives of the triangle.
    pub axes: Vec<usize>,
    /// Where the point stands, where it is on the simplex.
    pub shares: Option<Vec<f64>>,
    /// That in words.
    pub caption: String,
    /// The answer that its tokens, and the one that it is compared with.
    pub answers: Vec<Said<'a>>,
    pub front: Option<Plotted<'a>>,
    /// Of all of it.
    pub tags: Vec<Tag>,
    /// Whether the point can be moved.
    pub movable: bool,
    /// The modules whose routing colours words.
    pub site: (LayerChoice, ModuleChoice),
}

/// An answer on it.
pub(super) struct Said<'a> {
    pub run: &'a RunEntry,
    /// What of it is there.
    pub text: &'a str,
    pub tokens: usize,
    /// All that will be there, as far as that is known.
    pub whole: &'a str,
    pub comes: bool,
    /// Where it was made, in words.
    pub place: String,
    pub tags: Vec<Tag>,
}

/// A front on it.
pub(super) struct Plotted<'a> {
    pub front: &'a Front,
    pub points: &'a [Arc<PointResult>],
    /// The objectives to the right and up.
    pub pair: (usize, usize),
    /// What is shown of it, to the right and up, in raw scores.
    pub bounds: [[f64; 2]; 2],
    pub tags: Vec<Tag>,
    /// What the point is worth there, and whether that was measured.
    pub here: Option<([f64; 2], bool)>,
    /// Points that are to come.
    pub pending: usize,
}

impl<'a> Scene<'a> {
    /// What stands there now; `None` where nothing is known of any model.
    pub(super) fn of(state: &'a AppState) -> Option<Self> {
        match &state.talk.show {
            Some(show) if !show.stops.is_empty() => Self::of_stage(state, &show.stage),
            _ => Self::of_window(state),
        }
    }

    fn of_stage(state: &'a AppState, stage: &'a Stage) -> Option<Self> {
        let now = state.now;
        let info = stage.bundle.as_deref().or(state.info().map(Arc::as_ref))?;
        let stop = &stage.stop;
        let axes: Vec<usize> = (0..info.objectives.len().min(3)).collect();
        let shares = stage.shares(now);
        let pinned = stage.pinned.as_ref();
        let pinned = pinned.filter(|_| stop.layout == StopLayout::Pair);
        let said = stage.current.iter().chain(pinned);
        let front = stage.sweep.as_ref().filter(|_| stop.layout.has_front());
        let front = front.map(|sweep| {
            let pair = pair(stop.pair, &axes);
            let all = sweep.staged.points.iter().map(|played| &*played.result);
            let worth = shares.as_deref().and_then(|shares| sweep.worth(shares));
            let here = worth.and_then(|(worth, measured)| {
                let of = |axis: usize| worth.get(axis).copied().filter(|mean| mean.is_finite());
                Some(([of(pair.0)?, of(pair.1)?], measured))
            });
            let mut tags = vec![sweep.tag()];
            if here.is_some_and(|(_, measured)| !measured) {
                tags.push(Tag::Interpolated);
            }
            Plotted {
                front: &sweep.front,
                points: &sweep.points,
                pair,
                bounds: shown(stop.zoom, all, pair),
                tags,
                here,
                pending: sweep.staged.points.len() - sweep.points.len(),
            }
        });
        let mut tags = demonstration(info);
        if !stop.chosen.is_empty() {
            tags.push(Tag::Chosen(stop.chosen.clone()));
        }
        let prompt = stop.prompt.as_ref().map(PromptState::words);
        Some(Self {
            title: stop.title.clone(),
            prompt: prompt.unwrap_or_default(),
            info,
            layout: stop.layout,
            axes,
            caption: caption(info, shares.as_deref(), stop.point.as_ref()),
            shares,
            answers: said.map(|answer| Said::of(info, answer, now)).collect(),
            front,
            tags,
            movable: stage.preference.is_some() && apply::can_play(state),
            site: stage.site(),
        })
    }

    fn of_window(state: &'a AppState) -> Option<Self> {
        let info = state.info()?;
        let run = state.session.current();
        let axes = state.simplex.axes.clone();
        let simplex = &state.simplex;
        let point = simplex.point();
        let shares = match &point {
            Some(Point::Preference(preference)) => Some(preference.as_slice().to_vec()),
            Some(Point::Weights(_)) | None => None,
        };
        let points = state.others.points().unwrap_or(&state.sweep.points);
        let plotted = !points.is_empty();
        let (wanted, zoom) = pane(&state.prefs.pareto, &axes);
        let pair = pair(wanted, &axes);
        let front = plotted.then(|| Plotted {
            front: &state.front,
            points,
            pair,
            bounds: shown(zoom, points.iter().map(|p| &**p), pair),
            tags: vec![Tag::Recorded],
            here: None,
            pending: 0,
        });
        let said = run.map(|run| {
            let tags = match run.written {
                Some(_) => vec![Tag::Recorded],
                None => vec![Tag::Live],
            };
            let ablated = run.mute_words().map(Tag::Ablated);
            Said {
                run,
                text: &run.text,
                tokens: run.tokens.len(),
                whole: &run.text,
                comes: run.phase.is_running(),
                place: place_words(info, run.point_now()),
                tags: tags.into_iter().chain(ablated).collect(),
            }
        });
        let prompt = run.map(|run| PromptState::words(&run.prompt));
        Some(Self {
            title: String::new(),
            prompt: prompt.unwrap_or_else(|| state.prompt.text.clone()),
            info,
            layout: if plotted {
                StopLayout::Whole
            } else {
                StopLayout::Answer
            },
            axes,
            caption: caption(info, shares.as_deref(), point.as_ref()),
            shares,
            answers: said.into_iter().collect(),
            front,
            tags: demonstration(info),
            movable: true,
            site: Default::default(),
        })
    }
}

impl<'a> Said<'a> {
    fn of(info: &BundleInfo, answer: &'a StageAnswer, now: f64) -> Self {
        Self {
            run: &answer.run,
            text: answer.text(now),
            tokens: answer.tokens(now),
            whole: &answer.run.text,
            comes: answer.comes(now),
            place: place_words(info, answer.point(now)),
            tags: answer.tags(now),
        }
    }
}

fn demonstration(info: &BundleInfo) -> Vec<Tag> {
    info.demonstration
        .is_some()
        .then_some(Tag::Demonstration)
        .into_iter()
        .collect()
}

/// The objectives of a front: those asked for, else the first and the last of the triangle.
fn pair(wanted: Option<(usize, usize)>, axes: &[usize]) -> (usize, usize) {
    let has = |(x, y): &(usize, usize)| x != y && axes.contains(x) && axes.contains(y);
    let (first, last) = (axes.first(), axes.last());
    let usual = first.zip(last).map_or((0, 0), |(a, b)| (*a, *b));
    wanted.filter(has).unwrap_or(usual)
}

/// The part that was chosen; where none was, all of it.
fn shown<'a>(
    zoom: Option<[[f64; 2]; 2]>,
    points: impl Iterator<Item = &'a PointResult>,
    pair: (usize, usize),
) -> [[f64; 2]; 2] {
    let is_part = |[low, high]: &[f64; 2]| low < high && (high - low).is_finite();
    let zoom = zoom.filter(|zoom| zoom.iter().all(is_part));
    zoom.unwrap_or_else(|| bounds(points, pair))
}

/// Room for all points, and a little around them.
fn bounds<'a>(
    points: impl Iterator<Item = &'a PointResult>,
    pair: (usize, usize),
) -> [[f64; 2]; 2] {
    let mut spans = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
    for point in points {
        for (span, axis) in spans.iter_mut().zip([pair.0, pair.1]) {
            let score = point.scores.get(axis).copied().flatten();
            if let Some(mean) = score.map(|s| s.mean).filter(|mean| mean.is_finite()) {
                *span = [span[0].min(mean), span[1].max(mean)];
            }
        }
    }
    spans.map(|[low, high]| {
        if low > high {
            return [0.0, 1.0];
        }
        let room = 0.07 * (high - low).max(1e-3);
        [low - room, high + room]
    })
}

/// Where the point stands, in words: `55 % helpful, 33 % harmless, 12 % humor`.
fn caption(info: &BundleInfo, shares: Option<&[f64]>, point: Option<&Point>) -> String {
    match (shares, point) {
        (Some(shares), _) => shares_words(info, shares),
        (None, Some(point)) => place_words(info, point),
        (None, None) => String::new(),
    }
}

fn place_words(info: &BundleInfo, point: &Point) -> String {
    match point {
        Point::Preference(preference) => shares_words(info, preference.as_slice()),
        Point::Weights(_) => format::point(point),
    }
}

fn shares_words(info: &BundleInfo, shares: &[f64]) -> String {
    let parts = whole_parts(shares, 100).into_iter().zip(&info.objectives);
    let words = parts
        .filter(|(part, _)| *part > 0)
        .map(|(part, objective)| format!("{part} % {}", objective.name));
    words.collect::<Vec<_>>().join(", ")
}
