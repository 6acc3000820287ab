//! What the pointer is on, in full.

use egui::{Grid, Id, PopupAnchor, RichText, Tooltip, Ui};

use super::frame::Frame;
use super::hover::Hover;
use super::marks::Mark;
use super::others;
use crate::plot::{class_words, point_words, score_words};
use crate::theme::Tokens;
use paretoscope_core::types::{Point, Summary};

/// Letters of the answer that are shown.
const EXCERPT: usize = 160;

/// Shows it beside the pointer.
pub(super) fn show(ui: &Ui, frame: &Frame<'_>, hover: Hover) {
    let tip = Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        Id::unique("pareto tip"),
        PopupAnchor::Pointer,
    );
    tip.gap(14.0).width(380.0).show(|ui| match hover {
        Hover::Dot(position) => dot(ui, frame, position),
        Hover::Mark(kind) => mark(ui, frame, kind),
        Hover::Other(sweep, dot) => others::tip_ui(ui, frame, (sweep, dot)),
    });
}

fn dot(ui: &mut Ui, frame: &Frame<'_>, position: usize) {
    let (Some(entry), Some(result)) = (
        frame.data.front.entries().get(position),
        frame.data.points.get(position),
    ) else {
        return;
    };
    let kind = if entry.extrapolated {
        "extrapolated"
    } else {
        "interpolated"
    };
    ui.label(
        RichText::new(format!(
            "Point {} · {} · {kind}",
            entry.index,
            class_words(entry.class)
        ))
        .strong(),
    );
    point(ui, frame, &result.point);
    scores(ui, frame, &result.scores);
    let alike = frame
        .data
        .front
        .entries()
        .iter()
        .filter(|other| other.mean == entry.mean)
        .count();
    if alike > 1 {
        weak(ui, &format!("{alike} points have exactly these scores"));
    }
    if let Some(text) = (frame.data.text)(entry.index) {
        ui.separator();
        ui.label(RichText::new(excerpt(&text)).italics());
    }
    weak(ui, "Click: look at it · Double-click: move the point here");
}

fn mark(ui: &mut Ui, frame: &Frame<'_>, kind: usize) {
    let Some(mark) = Mark::ALL.get(kind) else {
        return;
    };
    let Some(landmark) = mark.landmark(frame) else {
        return;
    };
    ui.label(RichText::new(mark.name()).strong());
    if let Some(at) = &landmark.point {
        point(ui, frame, at);
    }
    scores(ui, frame, &landmark.scores);
    if mark.is_single(frame) {
        weak(
            ui,
            "One answer to one prompt, drawn hollow: the dots are means over several prompts, so it beats none of them",
        );
    }
}

fn point(ui: &mut Ui, frame: &Frame<'_>, at: &Point) {
    ui.label(point_words(at, frame.data.objectives));
}

fn scores(ui: &mut Ui, frame: &Frame<'_>, scores: &[Option<Summary>]) {
    Grid::new("scores")
        .num_columns(2)
        .spacing([12.0, 2.0])
        .show(ui, |ui| {
            for (name, summary) in frame.data.objectives.iter().zip(scores) {
                weak(ui, name);
                ui.label(score_words(summary.as_ref()));
                ui.end_row();
            }
        });
}

fn weak(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).color(Tokens::of(ui).weak));
}

/// The beginning of a text, on one line.
fn excerpt(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= EXCERPT {
        return line;
    }
    let head: String = line.chars().take(EXCERPT).collect();
    format!("{head}…")
}
