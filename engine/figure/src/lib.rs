//! Plots for paper, tables and the report: plain data in, files out. No window is known here.
//!
//! | step | in → out | module |
//! |---|---|---|
//! | study | a study's sweeps → what the plots are drawn from, tables | [`of_study`] |
//! | plot | means, gates, curves → a [`Figure`]: its drawing, its numbers, its caption | [`plot`] |
//! | scene | marks in millimetres, each with a uid and a tooltip | [`scene`] |
//! | text | the shipped fonts: widths, outlines, what they lack | [`fonts`] |
//! | write | scene → SVG | [`svg`] |
//! | | scene → PNG | [`raster`] |
//! | | scene → PDF | [`pdf`] |
//! | table | rows → CSV, JSON Lines, LaTeX, Parquet | [`table`] |
//! | report | figures, tables, answers → one HTML file | [`report`] |
//!
//! [`color`] holds the window's colours, [`glyph`] its markers, [`ticks`] round numbers, [`words`] numbers in words.
#![warn(missing_docs)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

pub mod color;
mod error;
mod figure;
pub mod fonts;
pub mod glyph;
pub mod of_study;
pub mod pdf;
pub mod plot;
pub mod raster;
pub mod report;
pub mod scene;
pub mod svg;
pub mod table;
pub mod ticks;
pub mod words;

pub use error::{Error, Result};
pub use figure::{Figure, Format, Look};
