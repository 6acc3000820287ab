//! Signs on buttons, drawn as lines: no font has to hold them.

use egui::{Painter, Rect, Stroke, Vec2, vec2};

/// What a sign says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// A lens: find something.
    Find,
    /// Three lines: there is more.
    Menu,
}

/// Room of a button with a sign and no words.
pub const ICON_SIZE: Vec2 = vec2(30.0, 24.0);

/// Draws a sign in the middle of a button.
pub fn paint_icon(painter: &Painter, button: Rect, icon: Icon, stroke: Stroke) {
    let centre = button.center();
    match icon {
        Icon::Find => {
            let lens = centre + vec2(-1.5, -1.5);
            painter.circle_stroke(lens, 4.5, stroke);
            let rim = lens + vec2(3.2, 3.2);
            painter.line_segment([rim, rim + vec2(4.0, 4.0)], stroke);
        }
        Icon::Menu => {
            for y in [-4.5, 0.0, 4.5] {
                let ends = [centre + vec2(-6.0, y), centre + vec2(6.0, y)];
                painter.line_segment(ends, stroke);
            }
        }
    }
}
