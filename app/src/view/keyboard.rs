//! The point by keyboard: up and down for one objective, left and right trade the others.

use egui::{EventFilter, Key, Modifiers, Response, Ui};
use paretoscope_core::types::{Point, Preference};

use crate::apply::rescaled;
use crate::command::{AppCommand, CommandQueue, Gesture};
use crate::state::AppState;

/// One press of an arrow key.
const STEP: f64 = 0.01;

/// Takes the canvas's keys while it has the keyboard.
pub(super) fn take(ui: &Ui, state: &AppState, response: &Response, queue: &mut CommandQueue) {
    if !response.has_focus() {
        return;
    }
    let axes = &state.simplex.axes;
    // Tab goes through the objectives first, then on.
    let last = state.simplex.axis + 1 >= axes.len();
    let filter = EventFilter {
        tab: !last,
        horizontal_arrows: true,
        vertical_arrows: true,
        escape: false,
    };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
    let Some(&axis) = axes.get(state.simplex.axis) else {
        return;
    };
    let modifiers = ui.input(|i| i.modifiers);
    let step = STEP
        * if modifiers.shift {
            10.0
        } else if modifiers.alt {
            0.1
        } else {
            1.0
        };
    let presses = |key: Key| ui.input(|i| i.num_presses(key)) as f64;
    let up = presses(Key::ArrowUp) - presses(Key::ArrowDown);
    let side = presses(Key::ArrowRight) - presses(Key::ArrowLeft);
    let mut shares = state.simplex.preference.clone();
    if up != 0.0 {
        let value = shares.get(axis).copied().unwrap_or(0.0);
        let wanted = rounded((value + up * step).clamp(0.0, 1.0), step);
        if let Some(Point::Preference(p)) = rescaled(&shares, axes, axis, wanted) {
            shares = p.into();
        }
    }
    if side != 0.0 {
        shares = traded(&shares, axes, axis, side * step);
    }
    if shares != state.simplex.preference
        && let Ok(to) = Preference::new(shares)
    {
        queue.push(AppCommand::Move(Point::Preference(to), Gesture::Step));
    }
    if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter)) {
        queue.push(AppCommand::Generate);
    }
    if !last && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Tab)) {
        queue.push(AppCommand::FocusAxis(state.simplex.axis + 1));
    }
}

/// Keeps steps on a round grid where they started on one.
fn rounded(value: f64, step: f64) -> f64 {
    let on_grid = (value / step).round() * step;
    if (value - on_grid).abs() < 1e-6 {
        on_grid
    } else {
        value
    }
}

/// Moves `amount` from the objective before to the one after the picked one.
fn traded(shares: &[f64], axes: &[usize], axis: usize, amount: f64) -> Vec<f64> {
    let others: Vec<usize> = axes.iter().copied().filter(|a| *a != axis).collect();
    let (from, to) = match others[..] {
        [from, to] => (from, to),
        // On a segment the other one gives and takes.
        [other] => (other, axis),
        _ => return shares.to_vec(),
    };
    let room = |i: usize| shares.get(i).copied().unwrap_or(0.0);
    let amount = amount.clamp(-room(to), room(from));
    let mut moved = shares.to_vec();
    moved[from] -= amount;
    moved[to] += amount;
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trading_keeps_the_picked_share_and_the_sum() {
        let moved = traded(&[0.5, 0.3, 0.2], &[0, 1, 2], 0, 0.1);
        assert_eq!(moved[0], 0.5);
        assert!((moved[1] - 0.2).abs() < 1e-12 && (moved[2] - 0.3).abs() < 1e-12);
        // Never below zero.
        assert_eq!(
            traded(&[0.5, 0.0, 0.5], &[0, 1, 2], 0, 0.1),
            [0.5, 0.0, 0.5]
        );
        assert_eq!(traded(&[0.5, 0.5], &[0, 1], 0, 0.25), [0.75, 0.25]);
    }
}
