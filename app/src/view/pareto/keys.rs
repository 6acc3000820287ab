//! Keys of the panel: F fit, Home reset, T table, ← → along the front, Enter open, S set the point.

use egui::{EventFilter, Key, Modifiers, Response, Ui};

use super::ParetoPanel;
use super::frame::{Frame, landmark_scores};
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
        if step != 0
            && let Some(index) = Self::along_the_front(frame, step)
        {
            actions.push(ParetoAction::Select(index));
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

    /// The next member of the front by the first axis; the end stays the end.
    fn along_the_front(frame: &Frame<'_>, step: i64) -> Option<usize> {
        let front = frame.data.front.members();
        let selected = frame
            .data
            .selected
            .and_then(|index| frame.data.front.position(index));
        let place = match selected {
            None => 0,
            Some(position) => {
                let score = frame.data.front.entries().get(position)?.mean[0];
                match front.iter().position(|&member| member == position) {
                    Some(place) => place as i64 + step,
                    // From a dominated point, to the members beside it.
                    None => {
                        let right = front
                            .partition_point(|&m| frame.data.front.entries()[m].mean[0] < score)
                            as i64;
                        if step > 0 { right } else { right - 1 }
                    }
                }
            }
        };
        let place = place.clamp(0, front.len() as i64 - 1);
        front
            .get(usize::try_from(place).ok()?)
            .map(|&member| frame.data.front.entries()[member].index)
    }
}
