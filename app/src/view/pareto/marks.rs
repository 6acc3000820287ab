//! Runs with a marker of their own: ★ current (A), the pinned run (B), ⬠ the base model.

use egui::epaint::{Color32, Mesh, PathShape, Pos2, Shape, Stroke, Vec2};
use egui::{Align2, FontId, Painter};
use egui_plot::PlotTransform;

use super::frame::{Frame, placed};
use crate::plot::Landmark;
use crate::theme::{Tokens, ink_on};

/// Which landmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The base model.
    Base,
    /// The pinned run.
    Pinned,
    /// The current run.
    Current,
}

impl Mark {
    /// In the order in which they are painted.
    pub(super) const ALL: [Self; 3] = [Self::Base, Self::Pinned, Self::Current];

    /// Its name in the legend and in tooltips.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Base => "Base model",
            Self::Pinned => "Pinned (B)",
            Self::Current => "Current (A)",
        }
    }

    /// Whether it is the score of one answer, among means over several prompts.
    pub(super) fn is_single(self, frame: &Frame<'_>) -> bool {
        let landmark = self.landmark(frame);
        landmark.is_some_and(|landmark| frame.data.is_single(landmark))
    }

    /// What is known of it.
    pub(super) fn landmark<'a>(self, frame: &Frame<'a>) -> Option<&'a Landmark> {
        match self {
            Self::Base => frame.data.base,
            Self::Pinned => frame.data.pinned,
            Self::Current => frame.data.current,
        }
    }
}

/// The landmarks that have a place in a plot, in the order in which they are painted.
pub(super) fn places(
    frame: &Frame<'_>,
    (x, y): (usize, usize),
    transform: &PlotTransform,
) -> Vec<(Mark, Pos2)> {
    Mark::ALL
        .into_iter()
        .filter_map(|mark| {
            let mean = placed(frame.data, mark.landmark(frame)?)?;
            let place = Pos2::new(
                transform.position_from_point_x(frame.units[x].apply(mean[x])),
                transform.position_from_point_y(frame.units[y].apply(mean[y])),
            );
            transform
                .frame()
                .expand(14.0)
                .contains(place)
                .then_some((mark, place))
        })
        .collect()
}

/// Paints a landmark; hollow where it is the score of a `single` answer.
pub(super) fn paint(painter: &Painter, mark: Mark, centre: Pos2, tokens: &Tokens, single: bool) {
    let filled = |color: Color32| if single { tokens.card } else { color };
    let edge = |color: Color32| {
        if single {
            Stroke::new(2.0, color)
        } else {
            Stroke::new(1.5, tokens.outline)
        }
    };
    let ink = |color: Color32| if single { color } else { ink_on(color) };
    match mark {
        Mark::Base => {
            polygon(
                painter,
                centre,
                &ring(5, 9.0, 9.0),
                tokens.card,
                Stroke::new(2.0, tokens.text),
            );
        }
        Mark::Pinned => {
            painter.circle(centre, 9.0, filled(tokens.pinned), edge(tokens.pinned));
            letter(painter, centre, "B", ink(tokens.pinned));
        }
        Mark::Current => {
            polygon(
                painter,
                centre,
                &ring(5, 13.5, 6.2),
                filled(tokens.accent),
                edge(tokens.accent),
            );
            letter(
                painter,
                centre + Vec2::new(0.0, 0.5),
                "A",
                ink(tokens.accent),
            );
        }
    }
}

fn letter(painter: &Painter, centre: Pos2, text: &str, color: Color32) {
    painter.text(
        centre,
        Align2::CENTER_CENTER,
        text,
        FontId::proportional(11.0),
        color,
    );
}

/// Corners of a star with `points` tips, the first one up; a polygon where both radii are equal.
fn ring(points: usize, outer: f32, inner: f32) -> Vec<Vec2> {
    let count = if outer == inner { points } else { 2 * points };
    (0..count)
        .map(|i| {
            let angle = std::f32::consts::TAU * i as f32 / count as f32;
            let radius = if i % 2 == 0 || outer == inner {
                outer
            } else {
                inner
            };
            Vec2::new(angle.sin(), -angle.cos()) * radius
        })
        .collect()
}

/// A closed shape that its centre sees all of, filled as a fan: stars are not convex.
fn polygon(painter: &Painter, centre: Pos2, corners: &[Vec2], fill: Color32, stroke: Stroke) {
    let mut mesh = Mesh::default();
    mesh.colored_vertex(centre, fill);
    for corner in corners {
        mesh.colored_vertex(centre + *corner, fill);
    }
    let count = corners.len() as u32;
    for i in 0..count {
        mesh.add_triangle(0, 1 + i, 1 + (i + 1) % count);
    }
    painter.add(Shape::mesh(mesh));
    painter.add(Shape::Path(PathShape::closed_line(
        corners.iter().map(|corner| centre + *corner).collect(),
        stroke,
    )));
}
