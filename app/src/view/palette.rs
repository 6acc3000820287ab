//! The command palette.

use egui::{
    Align2, Area, Context, Frame, Id, Key, Modifiers, Order, RichText, ScrollArea, TextEdit, Ui,
    vec2,
};

use crate::command::{AppCommand, CommandQueue};
use crate::registry::{self, Found};
use crate::state::{AppState, Overlay};
use crate::theme::Tokens;

/// The palette, under the top bar.
pub(super) fn palette_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let width = (ctx.content_rect().width() - 40.0).min(520.0);
    let height = (ctx.content_rect().height() - 160.0).min(380.0);
    let found = registry::search(state, &state.overlay.query);
    let area = Area::new(Id::unique("palette"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_TOP, vec2(0.0, 60.0));
    let shown = area.show(ctx, |ui| {
        Frame::window(ui.style()).show(ui, |ui| {
            ui.set_width(width);
            query_ui(ui, state, queue, &found);
            ScrollArea::vertical()
                .max_height(height)
                .show(ui, |ui| list_ui(ui, state, queue, &found));
        });
    });
    let outside = ctx.input(|i| i.pointer.any_pressed())
        && ctx
            .pointer_interact_pos()
            .is_some_and(|at| !shown.response.rect.contains(at));
    if outside {
        queue.push(AppCommand::Show(Overlay::Palette));
    }
}

fn query_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, found: &[Found]) {
    let row = state.overlay.row.min(found.len().saturating_sub(1));
    let (up, down, enter) = ui.input_mut(|i| {
        (
            i.consume_key(Modifiers::NONE, Key::ArrowUp),
            i.consume_key(Modifiers::NONE, Key::ArrowDown),
            i.consume_key(Modifiers::NONE, Key::Enter),
        )
    });
    if up {
        queue.push(AppCommand::MarkRow(row.saturating_sub(1)));
    }
    if down {
        queue.push(AppCommand::MarkRow(row + 1));
    }
    if enter && let Some(chosen) = found.get(row) {
        choose(queue, chosen);
    }
    let mut query = state.overlay.query.clone();
    let edit = TextEdit::singleline(&mut query)
        .hint_text("Find a command or a prompt")
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label("Find a command"));
    response.request_focus();
    if response.changed() {
        queue.push(AppCommand::Query(query));
    }
}

fn choose(queue: &mut CommandQueue, chosen: &Found) {
    if chosen.why_not.is_none() {
        queue.push(AppCommand::Show(Overlay::Palette));
        queue.push(chosen.command.clone());
    }
}

fn list_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, found: &[Found]) {
    let tokens = Tokens::of(ui);
    if found.is_empty() {
        ui.label(
            RichText::new(format!("Nothing for \"{}\"", state.overlay.query)).color(tokens.weak),
        );
        let near = registry::nearest(state, &state.overlay.query);
        if !near.is_empty() {
            ui.label(RichText::new("Close to it").color(tokens.weak).size(13.0));
        }
        for item in &near {
            item_ui(ui, queue, item, false);
        }
        return;
    }
    let row = state.overlay.row.min(found.len() - 1);
    for (index, item) in found.iter().enumerate() {
        let response = item_ui(ui, queue, item, index == row);
        if index == row
            && ui.input(|i| i.key_pressed(Key::ArrowDown) || i.key_pressed(Key::ArrowUp))
        {
            response.scroll_to_me(None);
        }
    }
}

fn item_ui(ui: &mut Ui, queue: &mut CommandQueue, item: &Found, marked: bool) -> egui::Response {
    let tokens = Tokens::of(ui);
    let keys = item
        .shortcut
        .map(|s| ui.ctx().format_shortcut(&s))
        .unwrap_or_default();
    let text = match &item.why_not {
        None => RichText::new(&item.title),
        Some(reason) => RichText::new(format!("{} (off: {reason})", item.title)).color(tokens.weak),
    };
    let button = egui::Button::selectable(marked, text)
        .shortcut_text(RichText::new(keys).color(tokens.weak))
        .min_size(vec2(ui.available_width(), 24.0))
        .truncate();
    let response = ui.add(button);
    if response.clicked() {
        choose(queue, item);
    }
    response
}
