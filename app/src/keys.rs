//! Keys to commands, by the registry.

pub mod talk;

use egui::{Key, Modifiers};

use crate::command::{AppCommand, CommandQueue, TalkCommand};
use crate::registry;
use crate::state::{AppState, DeskCard, DeskPhase, Overlay};

/// Takes this frame's shortcuts out of the input and queues their commands. `wrote` says whether a text field had the
/// keyboard in the frame before: by the time that Escape is seen here, egui has taken it from the field.
pub fn take(ctx: &egui::Context, state: &AppState, wrote: bool, queue: &mut CommandQueue) {
    if state.annotate.is_blind() {
        return take_blind(ctx, state, queue);
    }
    if state.talk.is_on() {
        return talk::take(ctx, state, queue);
    }
    let writing = ctx.text_edit_focused();
    // Space belongs to the focused button.
    let focused = ctx.memory(|m| m.focused().is_some());
    // An open menu or list closes by Escape itself, and nothing else does.
    let menu = egui::Popup::is_any_open(ctx);
    if state.overlay.open != Overlay::None
        && !menu
        && ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape))
    {
        queue.push(AppCommand::Show(state.overlay.open));
    }
    if state.overlay.open == Overlay::Palette {
        return;
    }
    // What lies over the panels has the plain keys to itself.
    let covered = state.overlay.open != Overlay::None;
    let mut entries: Vec<&registry::Entry> = registry::entries().iter().collect();
    // The most specific first, since matching ignores further Shift and Alt.
    entries.sort_by_key(|e| {
        std::cmp::Reverse(e.shortcut.map_or(0, |s| {
            u8::from(s.modifiers.shift) + u8::from(s.modifiers.alt)
        }))
    });
    // On many keyboards the plus is a shifted equals sign.
    if ctx.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::Equals)) {
        queue.push(AppCommand::ZoomIn);
    }
    if ctx.input_mut(|i| i.consume_key(Modifiers::ALT, Key::Equals)) {
        queue.push(AppCommand::AnswerSize(1));
    }
    // Many systems have a key of their own for it.
    if !writing && ctx.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::Y)) {
        queue.push(AppCommand::Redo);
    }
    for entry in entries {
        // A text field takes its own words back.
        if writing && matches!(entry.command, AppCommand::Undo | AppCommand::Redo) {
            continue;
        }
        let Some(shortcut) = entry.shortcut else {
            continue;
        };
        let plain = !shortcut.modifiers.command;
        let key = shortcut.logical_key;
        let always = matches!(key, Key::Escape | Key::F5 | Key::F6 | Key::F11);
        let help = key == Key::Questionmark && !writing;
        let elsewhere = writing || (covered && !help);
        if menu && key == Key::Escape {
            continue;
        }
        if (plain && elsewhere && !always) || (key == Key::Space && focused) {
            continue;
        }
        // Plain keys are taken with exact modifiers: Alt + digit or Ctrl + F is somebody else's.
        let pressed = ctx.input_mut(|i| {
            // Shift may be what makes the sign.
            let shifted = matches!(key, Key::Questionmark | Key::Plus);
            let held = egui::Modifiers {
                shift: i.modifiers.shift && !shifted,
                ..i.modifiers
            };
            let exact = !plain || key == Key::Questionmark || held == shortcut.modifiers;
            // Undo of Ctrl + Z and the like stays with text fields; Escape is also seen by them.
            exact && i.consume_shortcut(&shortcut)
        });
        if !pressed {
            continue;
        }
        if key == Key::Escape && registry::why_not(&entry.command, state).is_some() {
            // Nothing to stop: Escape leaves the field, else hears everything again, else leaves the dot.
            if wrote {
                continue;
            }
            if state.talk.large {
                queue.push(AppCommand::Talk(TalkCommand::Large));
                continue;
            }
            if !state.mutes.is_empty() {
                queue.push(AppCommand::ClearMutes);
            } else if state.sweep.selected.is_some() {
                queue.push(AppCommand::SelectDot(None));
            }
            continue;
        }
        queue.push(entry.command.clone());
    }
}

/// The keys of the blind view, and no others.
fn take_blind(ctx: &egui::Context, state: &AppState, queue: &mut CommandQueue) {
    if state.overlay.open == Overlay::Closing {
        if ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
            queue.push(AppCommand::Show(Overlay::Closing));
        }
        return;
    }
    let writing = ctx.text_edit_focused();
    // What lies over an item has plain keys to itself, and so has the question who votes.
    let desk = state.annotate.desk.as_ref();
    let bare = desk.is_some_and(|d| d.card == DeskCard::None && d.phase == DeskPhase::Seated);
    let focused = ctx.memory(|m| m.focused().is_some());
    for entry in registry::blind() {
        let Some(shortcut) = entry.shortcut else {
            continue;
        };
        let key = shortcut.logical_key;
        let plain = !shortcut.modifiers.command && key != Key::F11;
        // Escape leaves a field first; Enter belongs to the focused button, arrows to what has the keyboard.
        let elsewhere = match key {
            Key::Escape => writing || bare,
            Key::Enter | Key::ArrowUp | Key::ArrowDown => writing || !bare || focused,
            _ => plain && (writing || !bare),
        };
        if elsewhere {
            continue;
        }
        let pressed = ctx.input_mut(|i| {
            let exact = !plain || i.modifiers == shortcut.modifiers;
            exact && i.consume_shortcut(&shortcut)
        });
        if pressed {
            queue.push(entry.command.clone());
        }
    }
}
