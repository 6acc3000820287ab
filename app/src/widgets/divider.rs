//! A line between two panels that can be dragged.

use egui::{CursorIcon, Key, Pos2, Rect, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};

use crate::theme::Tokens;

/// Distance from the line within which it is taken hold of.
const GRIP: f32 = 4.0;
/// How far an arrow key moves it.
const STEP: f32 = 16.0;

/// What a person did with a divider.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DividerNews {
    /// Drawn to a place.
    To(Pos2),
    /// Put back where it usually is.
    Reset,
}

/// A divider called `name` along `line`, a rectangle without width or without height.
pub fn divider(ui: &Ui, id: egui::Id, name: &str, line: Rect) -> Option<DividerNews> {
    let tokens = Tokens::of(ui);
    let upright = line.height() > line.width();
    let (grip, cursor) = if upright {
        (Vec2::new(GRIP, 0.0), CursorIcon::ResizeHorizontal)
    } else {
        (Vec2::new(0.0, GRIP), CursorIcon::ResizeVertical)
    };
    let response = ui.interact(line.expand2(grip), id, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, name));
    let active = response.dragged() || response.hovered() || response.has_focus();
    let stroke = if active {
        Stroke::new(2.0, tokens.accent)
    } else {
        Stroke::new(1.0, tokens.line)
    };
    ui.painter()
        .line_segment([line.left_top(), line.right_bottom()], stroke);
    let response = response
        .on_hover_cursor(cursor)
        .on_hover_text("Drag to resize; double-click for the usual size");
    if response.double_clicked() {
        return Some(DividerNews::Reset);
    }
    if response.dragged() {
        return response.interact_pointer_pos().map(DividerNews::To);
    }
    if !response.has_focus() {
        return None;
    }
    let (less, more) = if upright {
        (Key::ArrowLeft, Key::ArrowRight)
    } else {
        (Key::ArrowUp, Key::ArrowDown)
    };
    // The arrows move the line and not the keyboard's focus.
    let filter = egui::EventFilter {
        horizontal_arrows: upright,
        vertical_arrows: !upright,
        ..egui::EventFilter::default()
    };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
    let steps = ui.input(|i| {
        f32::from(u8::from(i.key_pressed(more))) - f32::from(u8::from(i.key_pressed(less)))
    });
    let step = if upright { Vec2::X } else { Vec2::Y } * steps * STEP;
    (steps != 0.0).then_some(DividerNews::To(line.center() + step))
}
