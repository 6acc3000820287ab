//! Mute and solo, as on a mixing desk.

use egui::{Button, Key, Modifiers, RichText, Ui, vec2};
use paretoscope_core::types::Channel;

use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::{Tokens, ink_on};

/// Said of both buttons.
const SHARES: &str =
    "What is still heard keeps its share: nothing is divided up anew. Sweeps hear every expert.";

/// The buttons M and S of a channel called `name`; whether one of them has the keyboard.
pub fn desk_buttons(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    channel: Channel,
    name: &str,
) -> bool {
    let tokens = Tokens::of(ui);
    let mutes = &state.mutes;
    let mut key =
        |ui: &mut Ui, letter: &str, label: String, on: bool, fill, hint: String, command| {
            let text = RichText::new(letter).size(12.0);
            let button = if on {
                Button::new(text.color(ink_on(fill)).strong()).fill(fill)
            } else {
                Button::new(text)
            };
            let response = ui.add(button.small().min_size(vec2(20.0, 18.0)));
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_label(label);
                node.set_description(hint.clone());
                node.set_toggled(on.into());
            });
            let response = response.on_hover_text(hint);
            if response.clicked() {
                queue.push(command);
            }
            response
        };
    let gap = std::mem::replace(&mut ui.spacing_mut().item_spacing.x, 3.0);
    let mute = key(
        ui,
        "M",
        format!("Mute {name}"),
        mutes.muted.contains(&channel),
        tokens.error,
        format!("Mute {name}: its gate is zero, whatever routers vote (M; again undoes). {SHARES}"),
        AppCommand::ToggleMute(channel),
    );
    let solo = key(
        ui,
        "S",
        format!("Solo {name}"),
        mutes.solo.contains(&channel),
        tokens.warn,
        format!("Solo {name}: every other one is silent (S; again undoes). {SHARES}"),
        AppCommand::ToggleSolo(channel),
    );
    ui.spacing_mut().item_spacing.x = gap;
    mute.has_focus() || solo.has_focus()
}

/// Takes M and S for a channel while something of its row has the keyboard.
pub fn desk_keys(ui: &Ui, focused: bool, channel: Channel, queue: &mut CommandQueue) {
    if !focused {
        return;
    }
    let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    if pressed(Key::M) {
        queue.push(AppCommand::ToggleMute(channel));
    }
    if pressed(Key::S) {
        queue.push(AppCommand::ToggleSolo(channel));
    }
}
