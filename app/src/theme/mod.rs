//! Colours and sizes: the only place for literal colours.

mod style;
mod tokens;

pub use style::{choose, install};
pub use tokens::{
    CATEGORIES, Marker, Tokens, category, expert_color, expert_letter, expert_marker, ink_on,
};
