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
//!
//! ```
//! use paretoscope_core::types::{Point, Preference, Summary};
//! use paretoscope_figure::plot::{Dot, Front, Objective, Prompts, Series, Standing};
//! use paretoscope_figure::svg::Type;
//! use paretoscope_figure::table::Guard;
//! use paretoscope_figure::{Format, Look};
//!
//! let objective = |name: &str, color| Objective { name: name.into(), unit: "raw reward".into(), color };
//! let dot = |uid: &str, share: f64| -> Result<Dot, Box<dyn std::error::Error>> {
//!     let scores = [vec![share, share + 0.2], vec![1.0 - share, 1.2 - share]];
//!     Ok(Dot {
//!         uid: uid.into(),
//!         name: None,
//!         point: Some(Point::Preference(Preference::new(vec![share, 1.0 - share])?)),
//!         scores: scores.map(|over_prompts| Some(Summary::of(over_prompts))).into(),
//!         standing: Standing::Front,
//!         extrapolated: false,
//!     })
//! };
//! let front = Front {
//!     title: "Front of hoe".into(),
//!     objectives: vec![objective("helpful", 0), objective("harmless", 1)],
//!     values: Vec::new(),
//!     axes: vec![0, 1],
//!     bundles: vec!["demo".into()],
//!     series: vec![Series {
//!         name: "hoe".into(),
//!         color: 4,
//!         bundle: 0,
//!         dots: vec![dot("a", 0.2)?, dot("b", 0.9)?],
//!         seeds: Vec::new(),
//!         hypervolume: Some(0.51),
//!     }],
//!     landmarks: Vec::new(),
//!     reference: Some(vec![0.0, 0.0]),
//!     prompts: Prompts { split: "test".into(), count: 2 },
//!     whiskers: true,
//!     notes: Vec::new(),
//!     facts: vec![("seed".into(), "0".into())],
//! };
//! let figure = front.draw(&Look::new(Look::COLUMN))?;
//! let formats = [Format::Svg(Type::Text), Format::Pdf, Format::Png(2.0)];
//! let files = figure.files("front", &formats, Guard::Plain)?;
//! let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
//! assert_eq!(names, ["front.svg", "front.pdf", "front.png", "front.csv", "front.json"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
