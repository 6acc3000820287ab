//! What one frame of the panel shows: the data in the units that were chosen, and how its parts are called.

use crate::plot::{Affine, Landmark, ParetoData, value_words};
use crate::state::{Large, PlotOptions, place};

/// What every part of the panel reads.
pub(super) struct Frame<'a> {
    pub(super) data: &'a ParetoData<'a>,
    pub(super) options: &'a PlotOptions,
    /// Raw to shown, per plotted objective.
    pub(super) units: Vec<Affine>,
    /// The whole plot in one line.
    pub(super) summary: String,
}

impl Frame<'_> {
    /// The name of a plotted objective.
    pub(super) fn name(&self, slot: usize) -> String {
        let axis = self.data.axes().get(slot);
        let name = axis.and_then(|&axis| self.data.objectives.get(axis));
        name.cloned().unwrap_or_default()
    }

    /// What a plot is called.
    pub(super) fn title(&self, large: Large) -> String {
        match large {
            Large::Pair(x, y) => format!("{} against {}", self.name(y), self.name(x)),
            Large::Space => format!("{}, {} and {}", self.name(0), self.name(1), self.name(2)),
        }
    }

    /// What is large: what was chosen, where there are so many objectives.
    pub(super) fn large(&self) -> Large {
        let all = Large::all(self.data.axes().len());
        let chosen = self.options.large;
        if all.contains(&chosen) {
            chosen
        } else {
            all[0]
        }
    }

    /// The hypervolume with its reference point, without which it means nothing, and how that was chosen.
    pub(super) fn volume_words(&self) -> Option<(String, &'static str)> {
        let front = self.data.front;
        let volume = front.hypervolume().filter(|_| front.counts().front > 0)?;
        let shown = |slot: usize, raw: f64| self.units.get(slot).map_or(raw, |u| u.apply(raw));
        let reference = volume.reference.iter().enumerate();
        let reference: Vec<String> = reference
            .map(|(slot, &raw)| value_words(shown(slot, raw)))
            .collect();
        let value = volume.value * self.units.iter().map(|unit| unit.scale).product::<f64>();
        let axes = if front.measures_more() {
            "of the plotted objectives "
        } else {
            ""
        };
        let words = format!(
            "hypervolume {axes}{} over ({})",
            value_words(value),
            reference.join(", ")
        );
        let why = "The reference point lies a tenth of each range below the worst point seen so far, as in figures and \
                   comparisons of the same points; it moves while points arrive.";
        Some((words, why))
    }
}

pub(super) fn is_unscored(data: &ParetoData<'_>) -> bool {
    let counts = data.front.counts();
    counts.points > 0 && counts.unscored == counts.points && landmark_scores(data).is_empty()
}

/// Raw scores of the landmarks that are scored on every plotted objective, and of the other sweeps' fronts.
pub(super) fn landmark_scores(data: &ParetoData<'_>) -> Vec<[f64; 3]> {
    let landmarks = [data.current, data.pinned, data.base];
    let landmarks = landmarks.into_iter().flatten();
    let others = data.study.iter().flat_map(|study| study.others.held());
    landmarks
        .filter_map(|mark| placed(data, mark))
        .chain(others)
        .collect()
}

pub(super) fn placed(data: &ParetoData<'_>, landmark: &Landmark) -> Option<[f64; 3]> {
    place(data.axes(), &landmark.scores).map(|(mean, _)| mean)
}

/// Deviations from the base model, per plotted objective; `None` where its scores do not vary or are not there.
pub(super) fn units_of(data: &ParetoData<'_>) -> Option<Vec<Affine>> {
    let base = data.base?;
    data.axes()
        .iter()
        .map(|&axis| {
            let summary = base.scores.get(axis).copied().flatten()?;
            let deviation = summary.se * (summary.n as f64).sqrt();
            let usable = summary.mean.is_finite() && deviation.is_finite() && deviation > 0.0;
            usable.then(|| Affine {
                scale: 1.0 / deviation,
                shift: -summary.mean / deviation,
            })
        })
        .collect()
}
