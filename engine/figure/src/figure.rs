//! A finished figure: its drawing, its numbers, and what they are.

use serde::Serialize;

use crate::color::Theme;
use crate::error::{Error, Result};
use crate::raster;
use crate::scene::Scene;
use crate::svg::{self, Type};
use crate::table::{Guard, Table};

/// How a figure is to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// In mm.
    pub width: f64,
    /// The ground.
    pub theme: Theme,
    /// Whether what it shows is said beneath it, for where no other caption will stand.
    pub caption: bool,
}

impl Look {
    /// One column of a journal.
    pub const COLUMN: f64 = 84.0;
    /// Both columns.
    pub const PAGE: f64 = 174.0;
    /// Narrower, no axis has room.
    pub const LEAST: f64 = 40.0;
    /// Wider, no page is.
    pub const MOST: f64 = 600.0;

    /// On paper, with its caption.
    pub fn new(width: f64) -> Self {
        Self {
            width,
            theme: Theme::Light,
            caption: true,
        }
    }

    /// The width, where a figure can have it.
    pub(crate) fn checked(&self) -> Result<f64> {
        let (least, most) = (Self::LEAST, Self::MOST);
        if (least..=most).contains(&self.width) {
            Ok(self.width)
        } else {
            Err(Error::Width {
                width: self.width,
                least,
                most,
            })
        }
    }
}

/// A kind of file of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Format {
    /// SVG.
    Svg(Type),
    /// PDF.
    Pdf,
    /// PNG at 1 to 4 times 150 pixels to the inch.
    Png(f64),
}

impl Format {
    /// The end of its name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg(_) => "svg",
            Self::Pdf => "pdf",
            Self::Png(_) => "png",
        }
    }
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Which plot it is: `front`, `field`, ...
    pub kind: &'static str,
    /// How it is drawn.
    pub scene: Scene,
    /// The ground it is drawn for.
    pub theme: Theme,
    /// What it shows, as one paragraph: prompts, errors, hypervolume and its reference.
    pub caption: String,
    /// The numbers that are drawn.
    pub data: Table,
    /// Where they come from: digests, seeds, settings.
    pub facts: Vec<(String, String)>,
}

/// What stands beside a figure.
#[derive(Serialize)]
struct Meta<'a> {
    kind: &'a str,
    title: &'a str,
    caption: &'a str,
    width_mm: f64,
    height_mm: f64,
    theme: Theme,
    rows: usize,
    facts: serde_json::Map<String, serde_json::Value>,
    /// Characters shown as a box where only shipped fonts are there.
    characters_without_font: String,
    program: String,
}

impl Figure {
    /// The bytes of a file.
    pub fn write(&self, format: Format) -> Result<Vec<u8>> {
        match format {
            Format::Svg(text) => Ok(svg::file(&self.scene, self.theme, text).into_bytes()),
            Format::Pdf => crate::pdf::pdf(&self.scene, self.theme),
            Format::Png(scale) => raster::png(&self.scene, self.theme, scale),
        }
    }

    /// What it is, as JSON.
    pub fn meta(&self) -> Result<String> {
        let facts = self.facts.iter();
        let meta = Meta {
            kind: self.kind,
            title: &self.scene.title,
            caption: &self.caption,
            width_mm: self.scene.width,
            height_mm: self.scene.height,
            theme: self.theme,
            rows: self.data.rows().len(),
            facts: facts
                .map(|(name, value)| (name.clone(), value.clone().into()))
                .collect(),
            characters_without_font: self.scene.lacking().into_iter().collect(),
            program: format!("Paretoscope {}", env!("CARGO_PKG_VERSION")),
        };
        Ok(serde_json::to_string_pretty(&meta)? + "\n")
    }

    /// All its files by name: `stem.svg` and so on as asked for, `stem.csv` and `stem.json` always.
    pub fn files(
        &self,
        stem: &str,
        formats: &[Format],
        guard: Guard,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::new();
        for format in formats {
            let name = format!("{stem}.{}", format.extension());
            files.push((name, self.write(*format)?));
        }
        files.push((format!("{stem}.csv"), self.data.csv(guard)?));
        files.push((format!("{stem}.json"), self.meta()?.into_bytes()));
        Ok(files)
    }
}
