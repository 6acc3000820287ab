//! What a model is given: every token of the prompt, special ones marked, and the room that is left.

use std::sync::Arc;

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::text::{CCursor, LayoutJob, TextFormat};
use egui::{FontId, Galley, PopupCloseBehavior, RichText, ScrollArea, Sense, Stroke, Ui};
use paretoscope_core::types::Given;

use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::Tokens;
use crate::widgets::icon_text;

/// What folds out under the prompt, `tall` high. It shows the last answer of the engine and says where that is
/// an older prompt's.
pub(super) fn preview_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, tall: f32) {
    let tokens = Tokens::of(ui);
    match &state.preview.shown {
        Some(Ok(shown)) => {
            let count = shown.given.tokens.len();
            let max = state.prefs.sampling.max_tokens;
            let (words, color) = room_words(count, shown.context, max);
            let stale = if state.preview.is_stale() {
                " (following what is typed\u{2026})"
            } else {
                ""
            };
            let color = match color {
                Room::Enough => tokens.weak,
                Room::Short => tokens.warn,
                Room::None => tokens.error,
            };
            ScrollArea::vertical()
                .id_salt("preview")
                .max_height(tall)
                .auto_shrink([false, true])
                .show(ui, |ui| {
                    ui.label(RichText::new(format!("{words}{stale}")).color(color));
                    given_ui(ui, state, queue, "preview", &shown.given);
                });
        }
        Some(Err(_)) => {}
        None => {
            let words = "Nothing yet: write a prompt.";
            ui.label(RichText::new(words).color(tokens.weak));
        }
    }
}

/// Why nothing can be made of the prompt, whether its tokens are shown or not: nothing can be generated from
/// it.
pub(super) fn problem_ui(ui: &mut Ui, state: &AppState) {
    if let Some(Err(trouble)) = &state.preview.shown {
        let words = format!("Error: {}", trouble.message);
        let label = ui.label(RichText::new(words).color(Tokens::of(ui).error));
        ui.ctx().accesskit_node_builder(label.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
    }
}

/// What an answer was made of, in a menu.
pub(super) fn answered_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    salt: &str,
    given: &Arc<Given>,
) {
    let count = given.tokens.len();
    let button = egui::Button::new(icon_text(&format!("{count} prompt tokens"))).small();
    let stay = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let menu = MenuButton::from_button(button).config(stay);
    let width = ui.available_width().clamp(260.0, 560.0);
    let (response, _) = menu.ui(ui, |ui| {
        ui.set_width(width);
        ScrollArea::vertical()
            .max_height(260.0)
            .show(ui, |ui| given_ui(ui, state, queue, salt, given));
    });
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(format!("What the model was given: {count} tokens"));
    });
}

/// Whether prompt and answer fit into the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// The answer is cut before the limit that was set for it.
    Short,
    /// No token of an answer fits.
    None,
}

/// The room left of the context, in words.
pub(super) fn room_words(count: usize, context: usize, max_tokens: usize) -> (String, Room) {
    let left = context.saturating_sub(count);
    if left == 0 {
        let excess = count + 1 - context;
        let words = format!(
            "{count} tokens, but the context has room for {context}: {excess} too many; shorten the prompt"
        );
        (words, Room::None)
    } else if left < max_tokens {
        let words = format!(
            "{count} of {context} tokens; {left} left, so the answer is cut there rather than at {max_tokens}"
        );
        (words, Room::Short)
    } else {
        (
            format!("{count} of {context} tokens; {left} left for the answer"),
            Room::Enough,
        )
    }
}

/// The tokens with their legend; ids on hover, or written out.
fn given_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    salt: &str,
    given: &Arc<Given>,
) {
    let tokens = Tokens::of(ui);
    let ids = state.prefs.show_ids;
    ui.horizontal_wrapped(|ui| {
        let mut legend = LayoutJob::default();
        legend.append("<special>", 0.0, special(tokens));
        let plain = |text: &str, job: &mut LayoutJob| {
            let format = TextFormat {
                font_id: FontId::proportional(13.0),
                color: tokens.weak,
                ..TextFormat::default()
            };
            job.append(text, 0.0, format);
        };
        plain(" underlined: special token   ", &mut legend);
        legend.append("one", 0.0, ordinary(tokens, false));
        legend.append("two", 0.0, ordinary(tokens, true));
        plain(
            " shade changes from token to token   \u{b6} line end",
            &mut legend,
        );
        ui.label(legend);
        let mut on = ids;
        if ui.checkbox(&mut on, "Ids").changed() {
            queue.push(AppCommand::ToggleIds);
        }
    });
    let laid = laid_out(ui, salt, given, ids);
    let (rect, response) =
        ui.allocate_exact_size(laid.galley.size(), Sense::focusable_noninteractive());
    let specials = given.tokens.iter().filter(|t| t.special).count();
    response.widget_info(|| {
        egui::WidgetInfo::labeled(
            egui::Role::Label,
            true,
            format!(
                "Given to the model, {} tokens, {specials} of them special: {}",
                given.tokens.len(),
                given.text
            ),
        )
    });
    ui.painter()
        .galley(rect.min, Arc::clone(&laid.galley), tokens.text);
    if response.has_focus() {
        let ring = Stroke::new(2.0, tokens.focus);
        ui.painter()
            .rect_stroke(rect.expand(1.0), 2.0, ring, egui::StrokeKind::Inside);
    }
    if let Some(pointer) = response.hover_pos()
        && let Some(words) = laid.token_at(given, pointer - rect.min)
    {
        response.on_hover_text_at_pointer(words);
    }
}

fn special(tokens: &Tokens) -> TextFormat {
    TextFormat {
        font_id: FontId::monospace(14.0),
        color: tokens.text,
        background: tokens.accent.gamma_multiply(0.35),
        underline: Stroke::new(1.5, tokens.accent),
        line_height: Some(22.0),
        ..TextFormat::default()
    }
}

fn ordinary(tokens: &Tokens, odd: bool) -> TextFormat {
    TextFormat {
        font_id: FontId::monospace(14.0),
        color: tokens.text,
        background: tokens.weak.gamma_multiply(if odd { 0.28 } else { 0.10 }),
        line_height: Some(22.0),
        ..TextFormat::default()
    }
}

/// Tokens laid out as text, kept from frame to frame.
#[derive(Clone)]
struct Laid {
    /// What it was made of: the tokens, whether with ids, the width, pixels per point, colours.
    key: (Arc<Given>, bool, f32, f32, Tokens),
    galley: Arc<Galley>,
    /// Where each token ends, in characters.
    ends: Arc<[usize]>,
}

impl Laid {
    /// The token under the pointer, in words.
    fn token_at(&self, given: &Given, at: egui::Vec2) -> Option<String> {
        let cursor: CCursor = self.galley.cursor_from_pos(at);
        let index = self.ends.partition_point(|end| *end <= cursor.index.0);
        let token = given.tokens.get(index)?;
        let kind = if token.special { ", special" } else { "" };
        Some(format!(
            "Token {} of {}: id {}{kind}, {:?}",
            index + 1,
            given.tokens.len(),
            token.id,
            token.text
        ))
    }
}

fn laid_out(ui: &Ui, salt: &str, given: &Arc<Given>, ids: bool) -> Laid {
    let tokens = Tokens::of(ui);
    let width = ui.available_width();
    let scale = ui.ctx().pixels_per_point();
    let slot = egui::Id::unique(("given laid out", salt));
    let known: Option<Laid> = ui.ctx().data(|data| data.get_temp(slot));
    let same = |laid: &Laid| {
        let key = &laid.key;
        Arc::ptr_eq(&key.0, given)
            && key.1 == ids
            && (key.2 - width).abs() < 0.5
            && (key.3 - scale).abs() < 1e-6
            && key.4 == *tokens
    };
    if let Some(laid) = known.filter(same) {
        return laid;
    }
    let mut job = LayoutJob::default();
    job.wrap.max_width = width;
    let mut ends = Vec::with_capacity(given.tokens.len());
    let mut characters = 0;
    for (index, token) in given.tokens.iter().enumerate() {
        let format = if token.special {
            special(tokens)
        } else {
            ordinary(tokens, index % 2 == 1)
        };
        let mut text = token.text.replace('\n', "\u{b6}\n");
        if token.text.is_empty() {
            // A part of a character that a later token completes.
            text.push('\u{b7}');
        }
        characters += text.chars().count();
        job.append(&text, 0.0, format.clone());
        if ids {
            let id = format!("{}\u{2009}", token.id);
            characters += id.chars().count();
            let small = TextFormat {
                font_id: FontId::proportional(12.0),
                color: tokens.weak,
                line_height: Some(22.0),
                ..TextFormat::default()
            };
            job.append(&id, 2.0, small);
        }
        ends.push(characters);
    }
    let laid = Laid {
        key: (Arc::clone(given), ids, width, scale, *tokens),
        galley: ui.ctx().fonts_mut(|fonts| fonts.layout_job(job)),
        ends: ends.into(),
    };
    ui.ctx()
        .data_mut(|data| data.insert_temp(slot, laid.clone()));
    laid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_left_is_exact() {
        assert_eq!(room_words(10, 64, 32).1, Room::Enough);
        assert_eq!(room_words(32, 64, 32).1, Room::Enough);
        let (words, room) = room_words(40, 64, 32);
        assert!(words.contains("24 left"), "{words}");
        assert_eq!(room, Room::Short);
        let (words, room) = room_words(64, 64, 32);
        assert!(words.contains("1 too many"), "{words}");
        assert_eq!(room, Room::None);
        assert!(room_words(70, 64, 32).0.contains("7 too many"));
    }
}
