//! Keys on the stage and in the speaker's window: a clicker's, and what a talk needs. All others do nothing there.

use egui::{Context, Event, Key, Modifiers};
use paretoscope_core::types::Point;

use crate::apply::rescaled;
use crate::command::{AppCommand, CommandQueue, Gesture, TalkCommand};
use crate::state::AppState;

/// What Shift and an arrow move the point by.
const STEP: f64 = 0.05;

/// Takes this frame's keys of a talk.
pub fn take(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let pressed = |event: &Event| match event {
        Event::Key {
            key,
            pressed: true,
            modifiers,
            ..
        } => Some((*key, *modifiers)),
        _ => None,
    };
    let keys: Vec<(Key, Modifiers)> = ctx.input(|i| i.events.iter().filter_map(pressed).collect());
    // A button that has the keyboard is pressed by Enter and Space itself.
    let focused = ctx.memory(|m| m.focused().is_some());
    for (key, modifiers) in keys {
        if modifiers.shift
            && !modifiers.command
            && let Some(shares) = moved(state, key)
        {
            queue.push(AppCommand::Talk(TalkCommand::Point(shares, Gesture::Step)));
            continue;
        }
        if modifiers.command || modifiers.alt {
            continue;
        }
        let taken = matches!(key, Key::Enter | Key::Space) && focused;
        if let Some(command) = command(key, modifiers).filter(|_| !taken) {
            queue.push(AppCommand::Talk(command));
        }
    }
    // Nobody else hears them.
    ctx.input_mut(|i| {
        i.events.retain(|event| match event {
            Event::Key { key, .. } => {
                focused && matches!(key, Key::Enter | Key::Space | Key::Tab) || *key == Key::Tab
            }
            _ => true,
        });
    });
}

fn command(key: Key, modifiers: Modifiers) -> Option<TalkCommand> {
    use TalkCommand as T;
    Some(match key {
        Key::PageDown | Key::ArrowRight | Key::ArrowDown | Key::Space => T::Next,
        Key::PageUp | Key::ArrowLeft | Key::ArrowUp | Key::Backspace => T::Previous,
        Key::Home => T::First,
        Key::End => T::Last,
        Key::B | Key::Period => T::Blank,
        Key::T if modifiers.shift => T::RestartClock,
        Key::T => T::Clock,
        Key::N => T::Notes,
        Key::P => T::Pin,
        Key::Enter => T::Enter,
        Key::Escape => T::Leave,
        Key::Num0 => T::Digit(0),
        Key::Num1 => T::Digit(1),
        Key::Num2 => T::Digit(2),
        Key::Num3 => T::Digit(3),
        Key::Num4 => T::Digit(4),
        Key::Num5 => T::Digit(5),
        Key::Num6 => T::Digit(6),
        Key::Num7 => T::Digit(7),
        Key::Num8 => T::Digit(8),
        Key::Num9 => T::Digit(9),
        _ => return None,
    })
}

/// The point of the stage a step on: up and down change the first objective, left and right the last.
fn moved(state: &AppState, key: Key) -> Option<Vec<f64>> {
    let shares = state.talk.show.as_ref()?.stage.shares(state.now)?;
    let axes: Vec<usize> = (0..shares.len()).collect();
    let (axis, step) = match key {
        Key::ArrowUp => (0, STEP),
        Key::ArrowDown => (0, -STEP),
        Key::ArrowRight => (axes.len().checked_sub(1)?, STEP),
        Key::ArrowLeft => (axes.len().checked_sub(1)?, -STEP),
        _ => return None,
    };
    let wanted = (shares.get(axis)? + step).clamp(0.0, 1.0);
    match rescaled(&shares, &axes, axis, wanted)? {
        Point::Preference(preference) => Some(preference.as_slice().to_vec()),
        Point::Weights(_) => None,
    }
}
