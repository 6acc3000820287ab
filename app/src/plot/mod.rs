//! The Pareto plot without its panel: what it is given, what part of the plane is looked at, and the meshes that draw it.

mod cube;
mod data;
mod glyphs;
mod layer;
mod ranges;
mod steps;
mod tints;
mod words;

pub use cube::{Cube, CubeAxis, Turn};
pub use data::{Landmark, ParetoAction, ParetoData};
pub use glyphs::{Glyph, Glyphs};
pub use layer::{Layer, LayerInput, WHISKERS_FOR_ALL, nearest};
pub(crate) use layer::{Marker, dominated_marker, front_marker};
pub use ranges::{Affine, Ranges};
pub use steps::{multiples, step_from, step_words};
pub use tints::Tints;
pub use words::{axis_titles, class_words, point_words, score_words, summary, value_words};
