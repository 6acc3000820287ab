//! The legend: only what is in the plot, drawn with the markers of the plot.

use egui::epaint::{Pos2, Shape};
use egui::{RichText, Sense, Ui, vec2};

use super::marks::{self, Mark};
use super::{Frame, ParetoPanel};
use crate::plot::{Glyph, Glyphs, Marker, front_marker};
use crate::state::Class;
use crate::theme::Tokens;

impl ParetoPanel {
    /// One line below the plots.
    pub(super) fn legend(&self, ui: &mut Ui, frame: &Frame<'_>) {
        let Some(glyphs) = &self.glyphs else { return };
        let tokens = Tokens::of(ui);
        let counts = frame.data.front.counts();
        let dominated = counts.placed() - counts.front;
        let far = counts.extrapolated - counts.extrapolated_front;
        ui.horizontal_wrapped(|ui| {
            if counts.front > counts.uncertain {
                sample(ui, glyphs, "Front", |mesh, at| {
                    front_marker(glyphs, mesh, marker(Class::Front, false), at, tokens);
                });
            }
            if counts.uncertain > 0 {
                sample(ui, glyphs, "Front within 1 SE", |mesh, at| {
                    front_marker(glyphs, mesh, marker(Class::Uncertain, false), at, tokens);
                });
            }
            if frame.options.dominated && dominated > far {
                sample(ui, glyphs, "Dominated", |mesh, at| {
                    glyphs.add(mesh, Glyph::Ring, at, 1.0, tokens.dominated)
                });
            }
            if counts.extrapolated_front > 0 {
                sample(ui, glyphs, "Extrapolated front (outlined)", |mesh, at| {
                    front_marker(glyphs, mesh, marker(Class::Front, true), at, tokens);
                });
            }
            if frame.options.dominated && far > 0 {
                sample(ui, glyphs, "Extrapolated, dominated", |mesh, at| {
                    glyphs.add(mesh, Glyph::Square, at, 1.0, tokens.dominated);
                });
            }
            for mark in Mark::ALL.into_iter().rev() {
                if mark
                    .landmark(frame)
                    .and_then(|l| super::placed(frame.data, l))
                    .is_some()
                {
                    item(ui, mark.name(), 26.0, |ui, at| {
                        marks::paint(ui.painter(), mark, at, tokens)
                    });
                }
            }
        });
    }
}

fn marker(class: Class, extrapolated: bool) -> Marker {
    Marker {
        class,
        extrapolated,
        scale: 1.0,
    }
}

fn sample(ui: &mut Ui, glyphs: &Glyphs, name: &str, draw: impl FnOnce(&mut egui::Mesh, Pos2)) {
    item(ui, name, 20.0, |ui, at| {
        let mut mesh = glyphs.mesh();
        draw(&mut mesh, at);
        ui.painter().add(Shape::mesh(mesh));
    });
}

/// A marker and its name, never torn apart by a line's end.
fn item(ui: &mut Ui, name: &str, width: f32, draw: impl FnOnce(&Ui, Pos2)) {
    let text = RichText::new(name).color(Tokens::of(ui).weak);
    let font = egui::TextStyle::Body.resolve(ui.style());
    let galley = ui
        .painter()
        .layout_no_wrap(name.to_owned(), font, Tokens::of(ui).weak);
    let needed = width + ui.spacing().item_spacing.x + galley.size().x;
    super::keep_together(ui, needed);
    let (rect, _) = ui.allocate_exact_size(vec2(width, 20.0), Sense::hover());
    draw(ui, rect.center());
    ui.label(text);
    ui.add_space(6.0);
}
