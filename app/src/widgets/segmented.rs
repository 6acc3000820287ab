//! One choice of a few, as parts of one bar.

use egui::{Color32, CornerRadius, FontId, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::theme::Tokens;

/// A choice: what it is, its words, and what it does.
pub type Segment<'a, T> = (T, &'a str, &'a str);

/// All choices in parts of one width across the room that is left; a click takes one. Words that have no room
/// are cut, and stand in the tooltip.
pub fn segmented<T: PartialEq + Clone>(ui: &mut Ui, now: &mut T, segments: &[Segment<'_, T>]) {
    let tokens = Tokens::of(ui);
    let height = ui.spacing().interact_size.y;
    let width = (ui.available_width() / segments.len().max(1) as f32).floor();
    let last = segments.len().saturating_sub(1);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        for (place, (choice, words, hint)) in segments.iter().enumerate() {
            let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
            let on = *now == *choice;
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, *words));
            let corner = |outer: bool| if outer { 5 } else { 0 };
            let round = CornerRadius {
                nw: corner(place == 0),
                sw: corner(place == 0),
                ne: corner(place == last),
                se: corner(place == last),
            };
            let (fill, ink): (Color32, Color32) = match (on, response.hovered()) {
                (true, _) => (tokens.accent, tokens.on_accent),
                (false, true) => (tokens.button_hover, tokens.text),
                (false, false) => (tokens.button, tokens.text),
            };
            let line = Stroke::new(1.0, tokens.line);
            ui.painter()
                .rect(rect, round, fill, line, StrokeKind::Inside);
            if response.has_focus() {
                let ring = Stroke::new(2.0, tokens.focus);
                ui.painter()
                    .rect_stroke(rect, round, ring, StrokeKind::Inside);
            }
            let mut job = egui::text::LayoutJob::simple_singleline(
                (*words).to_owned(),
                FontId::proportional(13.0),
                ink,
            );
            job.wrap = egui::text::TextWrapping::truncate_at_width(width - 8.0);
            let galley = ui.painter().layout_job(job);
            let at = rect.center() - galley.size() / 2.0;
            ui.painter().galley(at, galley, ink);
            let response = response.on_hover_text(format!("{words}: {hint}"));
            if response.clicked() {
                *now = choice.clone();
            }
        }
    });
}
