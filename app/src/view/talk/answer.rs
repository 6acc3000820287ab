//! Answers of a stage, as large as they fit.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Label, Layout, Rect, RichText, ScrollArea, Ui, UiBuilder};

use super::chips::chips_ui;
use super::scene::Said;
use super::size::Size;
use crate::theme::Tokens;
use crate::view::answer::{Which, differing_ui};

/// Sizes of running text, times the smallest, the largest first.
const SIZES: [f32; 5] = [1.7, 1.5, 1.3, 1.15, 1.0];
/// Height of a line, in heights of its text.
const LINE: f32 = 1.42;

/// The answer that another is compared with.
pub(super) struct Beside {
    /// Its text, once both are whole.
    pub text: Option<String>,
    /// Which of the two the other one is.
    pub which: Which,
}

/// One answer in its place, alone or beside another.
pub(super) fn answer_ui(
    ui: &mut Ui,
    rect: Rect,
    size: Size,
    said: &Said<'_>,
    beside: Option<Beside>,
) {
    let second = beside.as_ref().is_some_and(|b| b.which == Which::Second);
    let salt = if second {
        "second answer"
    } else {
        "first answer"
    };
    let builder = UiBuilder::new()
        .max_rect(rect)
        .id_salt(salt)
        .layout(Layout::top_down(Align::LEFT));
    ui.scope_builder(builder, |ui| {
        ui.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
        ui.spacing_mut().item_spacing = egui::vec2(0.5 * size.u, 0.4 * size.u);
        head_ui(ui, size, said, beside.is_some());
        text_ui(ui, size, said, beside);
    });
}

/// How it came, and where it was made where there are two.
pub(super) fn head_ui(ui: &mut Ui, size: Size, said: &Said<'_>, place: bool) {
    ui.horizontal_wrapped(|ui| chips_ui(ui, size, &said.tags));
    if place {
        let words = RichText::new(&said.place).font(size.strong(1.0));
        ui.add(Label::new(words).selectable(false).truncate());
    }
}

fn text_ui(ui: &mut Ui, size: Size, said: &Said<'_>, beside: Option<Beside>) {
    let tokens = Tokens::of(ui);
    if said.text.is_empty() && said.comes {
        let words = RichText::new("\u{2026}")
            .font(size.text(1.5))
            .color(tokens.weak);
        ui.add(Label::new(words).selectable(false));
        return;
    }
    let room = ui.available_size();
    let times = fitting(ui, size, said.whole, room);
    let scroll = ScrollArea::vertical()
        .id_salt("text")
        .auto_shrink(false)
        .scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::AlwaysHidden)
        .stick_to_bottom(said.comes);
    let other = beside.and_then(|b| Some((b.text?, b.which)));
    scroll.show(ui, |ui| match &other {
        Some((other, which)) => {
            let texts = match which {
                Which::First => (said.text, other.as_str()),
                Which::Second => (other.as_str(), said.text),
            };
            differing_ui(ui, texts, *which, times * size.u);
        }
        None => {
            ui.add(
                Label::new(job(size, said.text, times, tokens))
                    .wrap()
                    .selectable(false),
            );
        }
    });
}

fn job(size: Size, text: &str, times: f32, tokens: &Tokens) -> LayoutJob {
    let font = size.text(times);
    let format = TextFormat {
        line_height: Some((LINE * font.size).round()),
        font_id: font,
        color: tokens.text,
        ..TextFormat::default()
    };
    LayoutJob::single_section(text.to_owned(), format)
}

/// The largest size at which a text fits into its room; the smallest where it fits at none.
pub(super) fn fitting(ui: &Ui, size: Size, text: &str, room: egui::Vec2) -> f32 {
    let tokens = Tokens::of(ui);
    let fits = |times: &f32| {
        let mut job = job(size, text, *times, tokens);
        job.wrap.max_width = room.x;
        ui.painter().layout_job(job).size().y <= room.y
    };
    let last = SIZES[SIZES.len() - 1];
    SIZES.into_iter().find(fits).unwrap_or(last)
}
