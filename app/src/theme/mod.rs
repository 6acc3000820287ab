//! Colours and sizes: the only place for literal colours.

mod fonts;
mod style;
mod tokens;

pub use fonts::{lacking, strong};
pub use style::{choose, install};
pub use tokens::{
    CATEGORIES, Marker, Tokens, category, expert_color, expert_letter, expert_marker, ink_on,
    mixed, value_letter,
};
