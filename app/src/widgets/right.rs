//! What stands at the right end of a row, in the order in which it is read and reached by Tab.

use egui::{Align, Id, Layout, Ui, vec2};

/// What has the room that is left beside a group at the right edge, then that group: what is read first is reached first.
pub fn between<R>(
    ui: &mut Ui,
    name: &str,
    left: impl FnOnce(&mut Ui),
    right: impl FnOnce(&mut Ui) -> R,
) -> R {
    let room = ui.available_width() - known(ui, name) - ui.spacing().item_spacing.x;
    let size = vec2(room.max(0.0), ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_max_width(size.x);
        left(ui);
    });
    at_right(ui, name, right)
}

/// The group's width in the frame before.
fn known(ui: &Ui, name: &str) -> f32 {
    let id = Id::unique("at-right").with(name);
    ui.data(|d| d.get_temp::<f32>(id)).unwrap_or(0.0)
}

/// Adds widgets from left to right so that the last one ends at the right edge of a horizontal row. Their width is
/// known from the frame before; where it changed, the frame is laid out once more before it is shown.
pub fn at_right<R>(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    let id = Id::unique("at-right").with(name);
    let known = known(ui, name);
    let gap = ui.available_width() - known - ui.spacing().item_spacing.x;
    ui.add_space(gap.max(0.0));
    let inner = ui.horizontal(add);
    let width = inner.response.rect.width();
    if (width - known).abs() > 0.5 {
        ui.data_mut(|d| d.insert_temp(id, width));
        ui.ctx()
            .request_discard("a group at the right edge has another width");
    }
    inner.inner
}
