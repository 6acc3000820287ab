//! Small parts that panels share.

mod button;
mod card;
mod chip;
mod desk;
mod divider;
pub mod format;
mod glyph;
mod marker;
pub mod number;
pub mod simplex;

pub use button::{command_button, icon_text, primary_button};
pub use card::{empty_ui, section, trouble_ui};
pub use chip::{chip, chip_of};
pub use desk::{desk_buttons, desk_keys};
pub use divider::{DividerNews, divider};
pub use glyph::point_glyph;
pub use marker::{expert_dot, expert_slot, paint_expert, paint_marker, slot};
pub use number::number_field;
