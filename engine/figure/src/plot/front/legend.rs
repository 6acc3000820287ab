//! The legend: only what is in the plot, drawn with the markers of the plot.

use super::marks::{Marker, colored, reference_mark};
use super::{Front, LandmarkKind, Standing};
use crate::color::{Paint, Rgb, category};
use crate::plot::common::placed;
use crate::plot::sheet::Entry;
use crate::scene::{Mark, Stroke};

/// Markers of no series in particular.
const NEUTRAL: Rgb = Rgb(0x76, 0x82, 0x90);

impl Front {
    pub(super) fn legend(&self) -> Vec<Entry<'_>> {
        let mut entries = Vec::new();
        if self.by_series() {
            entries.extend(self.series.iter().map(|series| {
                let line = colored(series, 0.45);
                let marker = Marker {
                    standing: Standing::Front,
                    extrapolated: false,
                    shape: self.shown_shape(series),
                    color: category(series.color),
                    many: false,
                };
                Entry::new(6.0, &series.name, move |[x, y]| {
                    let mut marks = vec![Mark::line([[x - 2.9, y], [x + 2.9, y]], line)];
                    marks.extend(marker.draw([x, y]));
                    marks
                })
            }));
        }
        self.standings(&mut entries);
        self.bundle_shapes(&mut entries);
        for kind in LandmarkKind::ALL {
            let mut placed = self.landmarks.iter().filter(|landmark| {
                landmark.kind == kind && placed(&landmark.scores, &self.axes).is_some()
            });
            let Some(landmark) = placed.next() else {
                continue;
            };
            let single = self.is_single(landmark);
            let one = if single { ", one prompt" } else { "" };
            let words = format!("{}{one}", kind.name());
            entries.push(Entry::new(3.6, words, move |at| kind.draw(at, single)));
        }
        if self.shows_reference() {
            let sample = |at| vec![reference_mark(at)];
            entries.push(Entry::new(2.4, "reference point", sample));
        }
        if self.series.iter().any(|series| !series.seeds.is_empty()) {
            let stroke = Stroke::of(Paint::Weak, 0.2).faint(0.5);
            entries.push(Entry::line("single seeds", stroke));
        }
        self.colors(&mut entries);
        entries
    }

    /// On the front or not, where any dot is.
    fn standings<'a>(&'a self, entries: &mut Vec<Entry<'a>>) {
        for extrapolated in [false, true] {
            for standing in [Standing::Front, Standing::Uncertain, Standing::Dominated] {
                let dots = self.series.iter().flat_map(|series| &series.dots);
                let alike = dots.filter(|dot| {
                    dot.standing == standing
                        && self.is_marked_extrapolated(dot) == extrapolated
                        && placed(&dot.scores, &self.axes).is_some()
                });
                let count = alike.count();
                if count == 0 {
                    continue;
                }
                let kind = if extrapolated { "extrapolated, " } else { "" };
                let words = format!("{kind}{} ({count})", standing.words());
                let marker = Marker {
                    standing,
                    extrapolated,
                    shape: None,
                    color: NEUTRAL,
                    many: false,
                };
                entries.push(Entry::new(3.2, words, move |at| marker.draw(at)));
            }
        }
    }

    /// A shape per bundle, where there are several.
    fn bundle_shapes<'a>(&'a self, entries: &mut Vec<Entry<'a>>) {
        if self.bundles.len() < 2 {
            return;
        }
        entries.extend(self.bundles.iter().enumerate().map(|(index, bundle)| {
            let marker = Marker {
                standing: Standing::Front,
                extrapolated: false,
                shape: Some(index),
                color: NEUTRAL,
                many: false,
            };
            Entry::new(3.2, bundle, move |at| marker.draw(at))
        }));
    }

    /// What the colours of a single series are.
    fn colors<'a>(&'a self, entries: &mut Vec<Entry<'a>>) {
        let points = self.series.iter().flat_map(|series| &series.dots);
        let mut points = points.filter_map(|dot| dot.point.as_ref());
        let Some(point) = points.next().filter(|_| !self.by_series()) else {
            return;
        };
        let corners = self.corners(point).iter();
        entries.push(Entry::heading("colour: preference for"));
        entries.extend(corners.map(|corner| Entry::swatch(&corner.name, Paint::Is(corner.rgb()))));
    }
}
