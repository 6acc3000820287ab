//! Sizes on a stage: all follow the smallest text that is read from the back of a room.

use egui::{FontId, Ui};

use crate::theme;

/// Pixels of the smallest text.
const LEAST: f32 = 24.0;
/// Of the stage's height.
const PART: f32 = 0.022;
/// The smallest text of the window, to which lines and markers of this size belong.
const USUAL: f32 = 12.0;

/// Sizes of one stage, in points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// The smallest text.
    pub u: f32,
    /// How many times as large as in the window lines and markers are.
    pub times: f32,
}

impl Size {
    /// Of the stage that this is on.
    pub(super) fn of(ui: &Ui) -> Self {
        let height = ui.ctx().content_rect().height();
        // Up to whole pixels, so that no rounding goes below.
        let pixels = ui.ctx().pixels_per_point();
        let least = (LEAST / pixels).max(PART * height);
        let u = (least * pixels).ceil() / pixels;
        Self {
            u,
            times: u / USUAL,
        }
    }

    /// Running text, so many times the smallest.
    pub(super) fn text(self, times: f32) -> FontId {
        FontId::proportional(times * self.u)
    }

    /// Strong text.
    pub(super) fn strong(self, times: f32) -> FontId {
        FontId::new(times * self.u, theme::strong())
    }
}
