//! The legend: only what is in the plot, drawn with the markers of the plot.

use egui::epaint::{Pos2, Shape};
use egui::{RichText, Sense, Ui, vec2};
use paretoscope_core::types::{Point, Preference};

use super::ParetoPanel;
use super::frame::Frame;
use super::marks::{self, Mark};
use crate::plot::{Glyphs, Marker, dominated_marker, front_marker};
use crate::state::{Class, Large};
use crate::theme::Tokens;

/// Width of a disc of colour.
const COLOUR: f32 = 14.0;

impl ParetoPanel {
    /// What is there, with its number, and what the colours are.
    pub(super) fn legend(&self, ui: &mut Ui, frame: &Frame<'_>, large: Large) {
        let Some(glyphs) = &self.glyphs else { return };
        let tokens = Tokens::of(ui);
        let counts = frame.data.front.counts();
        let dominated = counts.placed() - counts.front;
        let far = counts.extrapolated - counts.extrapolated_front;
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.horizontal_wrapped(|ui| {
            let marker = |class, extrapolated| Marker {
                class,
                extrapolated,
                scale: 1.0,
                color: tokens.weak,
            };
            let certain = counts.front - counts.uncertain;
            if certain > 0 {
                let words = format!("Front {certain}");
                sample(ui, glyphs, &words, "Not dominated, by more than one standard error", |mesh, at| {
                    front_marker(glyphs, mesh, marker(Class::Front, false), at, tokens);
                });
            }
            if counts.uncertain > 0 {
                let words = format!("Front within 1 SE {}", counts.uncertain);
                let hint = "Not dominated, but would be if its scores were one standard error of the difference lower";
                sample(ui, glyphs, &words, hint, |mesh, at| {
                    front_marker(glyphs, mesh, marker(Class::Uncertain, false), at, tokens);
                });
            }
            if frame.options.dominated && dominated > far {
                let words = format!("Dominated {}", dominated - far);
                let hint = "Another point is at least as good on every objective and better on one";
                sample(ui, glyphs, &words, hint, |mesh, at| {
                    dominated_marker(glyphs, mesh, marker(Class::Dominated, false), at, tokens, false);
                });
            }
            let hint = "Free weights on value vectors (MVA), which need not sum to 1";
            if counts.extrapolated_front > 0 {
                let words = format!("Extrapolated front {}", counts.extrapolated_front);
                sample(ui, glyphs, &words, hint, |mesh, at| {
                    front_marker(glyphs, mesh, marker(Class::Front, true), at, tokens);
                });
            }
            if frame.options.dominated && far > 0 {
                let words = format!("Extrapolated, dominated {far}");
                sample(ui, glyphs, &words, hint, |mesh, at| {
                    dominated_marker(glyphs, mesh, marker(Class::Dominated, true), at, tokens, false);
                });
            }
            self.line_item(ui, frame, large);
            for mark in Mark::ALL.into_iter().rev() {
                if mark
                    .landmark(frame)
                    .and_then(|l| super::frame::placed(frame.data, l))
                    .is_some()
                {
                    let single = mark.is_single(frame);
                    let (words, hint) = if single {
                        (
                            format!("{}, one prompt", mark.name()),
                            "The score of one answer, among means over several prompts",
                        )
                    } else {
                        (mark.name().to_owned(), "")
                    };
                    item(ui, &words, hint, 26.0, |ui, at| {
                        marks::paint(ui.painter(), mark, at, tokens, single)
                    });
                }
            }
            Self::colour_items(ui, frame);
        });
    }

    /// The line of a pair, and what it is the front of.
    fn line_item(&self, ui: &mut Ui, frame: &Frame<'_>, large: Large) {
        let Large::Pair(x, y) = large else { return };
        let members = self
            .layers
            .get(x + y - 1)
            .map_or(0, crate::plot::Layer::pair_front);
        if members < 2 {
            return;
        }
        let tokens = Tokens::of(ui);
        let more = frame.data.axes().len() > 2 || frame.data.front.measures_more();
        let (words, hint) = if more {
            (
                format!("Front of this pair {members}"),
                format!(
                    "The staircase through the points that no other one beats on {} and {} alone. Diamonds are the front of all objectives: those off the line are on it by what is not shown here.",
                    frame.name(x),
                    frame.name(y)
                ),
            )
        } else {
            (
                "Edge of the front".to_owned(),
                "What lies below and to the left of the staircase is dominated".to_owned(),
            )
        };
        item(ui, &words, &hint, 20.0, |ui, at| {
            let step = vec2(8.0, 5.0);
            let stairs = vec![
                at - step,
                Pos2::new(at.x, at.y - step.y),
                Pos2::new(at.x, at.y + step.y),
                at + step,
            ];
            let line = egui::Stroke::new(2.0, tokens.text.gamma_multiply(0.75));
            ui.painter().add(Shape::line(stairs, line));
        });
    }

    /// The colours that dots are mixed of.
    fn colour_items(ui: &mut Ui, frame: &Frame<'_>) {
        let count = frame.data.objectives.len();
        // They are read together, so they stand in one line where one has room for them.
        let slots = 0..frame.data.axes().len();
        let gap = ui.spacing().item_spacing.x;
        let all = slots.map(|slot| width_of(ui, &frame.name(slot), COLOUR) + 2.0 * gap + 4.0);
        let all: f32 = all.sum();
        if all <= ui.max_rect().width() {
            super::keep_together(ui, all);
        }
        for slot in 0..frame.data.axes().len() {
            let Some(&axis) = frame.data.axes().get(slot) else {
                continue;
            };
            let mut shares = vec![0.0; count];
            shares[axis] = 1.0;
            let Ok(corner) = Preference::new(shares) else {
                continue;
            };
            let color = (frame.data.color)(&Point::Preference(corner));
            let hint = "A dot's colour is its preference: these, mixed by their shares, as in the triangle";
            item(ui, &frame.name(slot), hint, COLOUR, |ui, at| {
                let line = egui::Stroke::new(1.0, Tokens::of(ui).outline);
                ui.painter().circle(at, 5.0, color, line);
            });
        }
    }
}

fn sample(
    ui: &mut Ui,
    glyphs: &Glyphs,
    name: &str,
    hint: &str,
    draw: impl FnOnce(&mut egui::Mesh, Pos2),
) {
    item(ui, name, hint, 20.0, |ui, at| {
        let mut mesh = glyphs.mesh();
        draw(&mut mesh, at);
        ui.painter().add(Shape::mesh(mesh));
    });
}

/// Width of a marker and its name.
fn width_of(ui: &Ui, name: &str, marker: f32) -> f32 {
    let font = egui::FontId::proportional(13.0);
    let galley = ui
        .painter()
        .layout_no_wrap(name.to_owned(), font, Tokens::of(ui).weak);
    marker + ui.spacing().item_spacing.x + galley.size().x
}

/// A marker and its name, never torn apart by a line's end.
fn item(ui: &mut Ui, name: &str, hint: &str, width: f32, draw: impl FnOnce(&Ui, Pos2)) {
    let text = RichText::new(name).color(Tokens::of(ui).weak).size(13.0);
    super::keep_together(ui, width_of(ui, name, width));
    let (rect, _) = ui.allocate_exact_size(vec2(width, 20.0), Sense::hover());
    draw(ui, rect.center());
    let label = ui.label(text);
    if !hint.is_empty() {
        label.on_hover_text(hint);
    }
    ui.add_space(4.0);
}
