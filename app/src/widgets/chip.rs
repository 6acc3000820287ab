//! Small framed words: states, scores, badges.

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::theme::Tokens;

/// A chip in a colour of the theme.
pub fn chip(ui: &mut Ui, text: impl AsRef<str>, color: Color32) -> Response {
    chip_of(ui, &[(text.as_ref(), color)], color)
}

/// A chip of several words in several colours. It is one piece, so that rows wrap around it.
pub fn chip_of(ui: &mut Ui, words: &[(&str, Color32)], line: Color32) -> Response {
    let font = FontId::proportional(13.0);
    let mut job = LayoutJob::default();
    for (index, (text, color)) in words.iter().enumerate() {
        let space = if index == 0 { 0.0 } else { 5.0 };
        job.append(text, space, TextFormat::simple(font.clone(), *color));
    }
    let spoken: Vec<&str> = words.iter().map(|(text, _)| *text).collect();
    let galley = ui.ctx().fonts_mut(|fonts| fonts.layout_job(job));
    let padding = vec2(8.0, 2.5);
    let (rect, response) = ui.allocate_exact_size(galley.size() + 2.0 * padding, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, spoken.join(" ")));
    let stroke = Stroke::new(1.0, line.gamma_multiply(0.6));
    ui.painter()
        .rect(rect, 9.0, Tokens::of(ui).card, stroke, StrokeKind::Inside);
    ui.painter().galley(rect.min + padding, galley, line);
    response
}
