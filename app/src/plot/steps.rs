//! Round numbers along an axis: those of figures.

pub use paretoscope_figure::ticks::{label as step_words, multiples, step_from};
