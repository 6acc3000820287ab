//! What stands at the right end of a row, in the order in which it is read and reached by Tab.

use egui::{Id, Ui};

/// Adds widgets from left to right so that the last one ends at the right edge of a horizontal row. Their width is
/// known from the frame before; where it changed, the frame is laid out once more before it is shown.
pub fn at_right<R>(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    let id = Id::unique("at-right").with(name);
    let known = ui.data(|d| d.get_temp::<f32>(id)).unwrap_or(0.0);
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
