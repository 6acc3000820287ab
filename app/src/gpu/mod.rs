//! What is drawn by our own shaders. One module per file of `shaders/`, with the Rust twin of its
//! uniforms and a plain reference of what it computes.

mod callback;
pub mod cividis;
pub mod colors;
pub mod heatmap;
pub mod space;
mod space_callback;

pub use callback::{HeatmapCallback, HeatmapResources};
pub use colors::ColorMap;
pub use heatmap::{Matrix, Uniforms};
pub use space_callback::SpaceCallback;
