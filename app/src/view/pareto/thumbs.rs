//! The plots that are not large at the moment, as buttons that make them large.

use egui::{Align2, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo};
use egui_plot::{PlotBounds, PlotTransform};

use super::ParetoPanel;
use super::frame::Frame;
use crate::plot::{LayerInput, Turn};
use crate::state::Large;
use crate::theme::Tokens;

/// Size of markers, of their usual one.
const SCALE: f32 = 0.55;

impl ParetoPanel {
    /// One of them; whether it was chosen.
    pub(super) fn thumb(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        what: Large,
        rect: Rect,
    ) -> bool {
        let tokens = Tokens::of(ui);
        let name = frame.title(what);
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(("thumb", what)));
        let (rect, response) = child.allocate_exact_size(rect.size(), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Enlarge {name}")));
        let painter = child.painter().clone();
        painter.rect_filled(rect, 4.0, tokens.card);
        match what {
            Large::Pair(x, y) => {
                let range = |slot: usize| {
                    let unit = frame.units[slot];
                    self.ranges.range(slot).map(|raw| unit.apply(raw))
                };
                let (wide, tall) = (range(x), range(y));
                let bounds = PlotBounds::from_min_max([wide[0], tall[0]], [wide[1], tall[1]]);
                let transform = PlotTransform::new(rect.shrink(4.0), bounds, false);
                self.paint_others(&child, frame, (x, y), &transform, SCALE);
                if let (Some(glyphs), Some(layer)) = (&self.glyphs, self.layers.get_mut(x + y - 1))
                {
                    let input = LayerInput {
                        front: frame.data.front,
                        colors: self.tints.colors(),
                        pair: (x, y),
                        units: [frame.units[x], frame.units[y]],
                        dominated: frame.options.dominated,
                        whiskers: false,
                        scale: SCALE,
                    };
                    layer.show(&child, glyphs, &transform, &input);
                }
            }
            Large::Space => {
                self.paint_cube(
                    &child,
                    frame,
                    rect,
                    Turn {
                        zoom: 1.25,
                        ..self.turn
                    },
                );
            }
        }
        let (line, wide) = match (response.has_focus(), response.hovered()) {
            (true, _) => (tokens.focus, 2.0),
            (false, true) => (tokens.accent, 1.5),
            (false, false) => (tokens.line, 1.0),
        };
        painter.rect_stroke(rect, 4.0, Stroke::new(wide, line), StrokeKind::Inside);
        // The words lie on a strip of their own, so that dots do not run into them.
        let font = FontId::proportional(12.0);
        let galley = painter.layout(name.clone(), font, tokens.text, rect.width() - 8.0);
        let words = Align2::CENTER_BOTTOM.align_size_within_rect(galley.size(), rect.shrink(3.0));
        painter.rect_filled(
            words.expand2(egui::vec2(3.0, 0.0)),
            2.0,
            tokens.card.gamma_multiply(0.85),
        );
        painter.galley(words.min, galley, tokens.text);
        response
            .on_hover_text(format!("{name}: click to make it large"))
            .clicked()
    }
}
