//! The Pareto plot without its panel: what it is given, what part of the plane is looked at, and the meshes that draw it.

mod cube;
mod data;
mod fronts;
mod glyphs;
mod layer;
mod others;
mod ranges;
mod steps;
mod tints;
mod words;

pub use cube::{Cube, CubeAxis, Turn};
pub use data::{Landmark, OthersData, ParetoAction, ParetoData, Ticked};
pub use fronts::{PARTS, chosen_words, dot_words, over_words, split_words};
pub use glyphs::{Glyph, Glyphs};
pub use layer::{Layer, LayerInput, WHISKERS_FOR_ALL, nearest};
pub(crate) use layer::{Marker, dominated_marker, front_marker};
pub(crate) use others::other_marker;
pub use others::{CHOSEN, Looked, OtherPlace, OthersInput, OthersLayer};
pub use ranges::{Affine, Ranges};
pub use steps::{multiples, step_from, step_words};
pub use tints::Tints;
pub use words::{axis_titles, class_words, point_words, score_words, summary, value_words};
