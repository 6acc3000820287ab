//! What is drawn by our own shaders. One module per file of `shaders/`, with the Rust twin of its
//! uniforms and a plain reference of what it computes.

mod callback;
pub mod cividis;
pub mod heatmap;

pub use callback::{HeatmapCallback, HeatmapResources};
pub use heatmap::{Matrix, Uniforms};
