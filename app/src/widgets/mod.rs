//! Small parts that panels share.

mod button;
mod card;
mod chip;
mod desk;
mod divider;
pub mod format;
mod glyph;
mod icon;
mod marker;
pub mod number;
mod path;
mod right;
mod segmented;
pub mod simplex;
mod text;

pub use button::{command_button, icon_text, primary_button};
pub use card::{empty_ui, group_title, section, trouble_ui};
pub use chip::{chip, chip_of};
pub use desk::{desk_buttons, desk_keys};
pub use divider::{DividerNews, divider};
pub use glyph::{point_glyph, preset_button};
pub use icon::{ICON_SIZE, Icon, paint_icon};
pub use marker::{
    adapter_letter, adapter_title, expert_dot, expert_slot, objective_color, paint_expert,
    paint_marker, point_color,
};
pub use number::number_field;
pub use path::{path_field, typed_path};
pub use right::{at_right, between};
pub use segmented::{Segment, segmented};
pub use text::{Refused, text_field};
