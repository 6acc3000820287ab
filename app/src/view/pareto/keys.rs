//! Keys of the panel: F fit, Home reset, T table, ← → along a front, ↑ ↓ from sweep to sweep, Enter open, S set the point.

use egui::{EventFilter, Key, Modifiers, Response, Ui};

use super::frame::{Frame, landmark_scores};
use super::{ParetoPanel, walk};
use crate::plot::{ParetoAction, Turn};
use crate::state::PlotOptions;

impl ParetoPanel {
    /// Acts on keys while a plot has the keyboard, or the pointer while nothing else has the keyboard.
    pub(super) fn keys(
        &mut self,
        ui: &Ui,
        frame: &Frame<'_>,
        plots: &[Response],
        actions: &mut Vec<ParetoAction>,
    ) {
        let focused = plots.iter().find(|plot| plot.has_focus());
        let pointed = plots.iter().any(|plot| plot.contains_pointer());
        let free = ui.memory(|memory| memory.focused()).is_none();
        if let Some(plot) = focused {
            let filter = EventFilter {
                horizontal_arrows: true,
                vertical_arrows: has_others(frame),
                ..EventFilter::default()
            };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(plot.id, filter));
        } else if !(pointed && free) {
            return;
        }
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::F) {
            self.ranges
                .fit_all(frame.data.front, &landmark_scores(frame.data));
        }
        if pressed(Key::Home) {
            self.ranges.reset();
            self.turn = Turn::default();
        }
        if pressed(Key::T) {
            actions.push(ParetoAction::Options(PlotOptions {
                table: true,
                ..frame.options.clone()
            }));
        }
        let step = i64::from(pressed(Key::ArrowRight)) - i64::from(pressed(Key::ArrowLeft));
        let over = if has_others(frame) {
            i64::from(pressed(Key::ArrowDown)) - i64::from(pressed(Key::ArrowUp))
        } else {
            0
        };
        if (step, over) != (0, 0) {
            actions.extend(walk::walk(frame, step, over));
        }
        let Some(selected) = frame.data.selected else {
            return;
        };
        if pressed(Key::Enter) {
            actions.push(ParetoAction::Select(selected));
        }
        if pressed(Key::S) {
            actions.push(ParetoAction::Go(selected));
        }
    }
}

/// Whether other sweeps of the study are drawn.
fn has_others(frame: &Frame<'_>) -> bool {
    let study = frame.data.study.as_ref();
    study.is_some_and(|study| !study.others.sweeps().is_empty())
}
