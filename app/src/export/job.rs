//! What can be written, and what is asked for.

use std::path::PathBuf;

use paretoscope_figure::plot::{Curves, Gates, Interference};

use crate::study::ShownSweeps;

/// A plot, a table, or the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum What {
    /// Scores against scores.
    #[default]
    Front,
    /// The three pairs of three objectives.
    Pairs,
    /// One objective over the preferences of one sweep.
    Field,
    /// What the best, the median and the worst of several seeds, or draws of prompts, reach.
    Attainment,
    /// The gates of an answer, experts by tokens.
    Heatmap,
    /// An answer coloured by its experts.
    Strip,
    /// How much a bundle's adapters depend on each other.
    Interference,
    /// The figures of a training run over its steps.
    Curves,
    /// A row per point of each sweep.
    Points,
    /// A row per answer.
    Generations,
    /// One HTML file with fronts, comparisons and answers.
    Report,
}

/// As what kind of files it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A drawing, with its numbers beside it.
    Figure,
    /// Rows.
    Table,
    /// One HTML file.
    Report,
}

impl What {
    /// All of them, in the order shown.
    pub const ALL: [Self; 11] = [
        Self::Front,
        Self::Pairs,
        Self::Field,
        Self::Attainment,
        Self::Heatmap,
        Self::Strip,
        Self::Interference,
        Self::Curves,
        Self::Points,
        Self::Generations,
        Self::Report,
    ];

    /// Shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Front => "Front",
            Self::Pairs => "Pairs of objectives",
            Self::Field => "Field over the simplex",
            Self::Attainment => "Attainment",
            Self::Heatmap => "Heatmap of an answer",
            Self::Strip => "Token strip of an answer",
            Self::Interference => "Interference",
            Self::Curves => "Training curves",
            Self::Points => "Points",
            Self::Generations => "Generations",
            Self::Report => "Report",
        }
    }

    /// What it shows.
    pub fn words(self) -> &'static str {
        match self {
            Self::Front => {
                "Pareto fronts of the ticked sweeps, two or three objectives, with hypervolumes"
            }
            Self::Pairs => "The fronts over three objectives, two at a time, side by side",
            Self::Field => {
                "One objective over the preferences \u{3bb} of one sweep; between its points it is interpolated"
            }
            Self::Attainment => {
                "What the best, the median and the worst seed of each method reach; of one seed, draws of prompts"
            }
            Self::Heatmap => {
                "Gates of the answer in the Experts panel, experts by tokens, in the modules chosen there"
            }
            Self::Strip => {
                "The answer in the Experts panel, coloured by its loudest experts, in the modules chosen there"
            }
            Self::Interference => "How much the adapters depend on each other, layers by pairs",
            Self::Curves => {
                "Loss and all other figures of the training run looked at, step by step"
            }
            Self::Points => {
                "A row per point of the ticked sweeps: its place, its means with standard errors, whether it is on its front"
            }
            Self::Generations => {
                "A row per answer of the study: prompt, point, seed, text, scores; of the prompts that count"
            }
            Self::Report => {
                "One HTML file that opens without a network: fronts, comparisons, points and answers of the ticked sweeps"
            }
        }
    }

    /// The name of a file of it, without its ending.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Pairs => "pairs",
            Self::Field => "field",
            Self::Attainment => "attainment",
            Self::Heatmap => "heatmap",
            Self::Strip => "strip",
            Self::Interference => "interference",
            Self::Curves => "curves",
            Self::Points => "points",
            Self::Generations => "generations",
            Self::Report => "report",
        }
    }

    /// As what it is written.
    pub fn made(self) -> Made {
        match self {
            Self::Points | Self::Generations => Made::Table,
            Self::Report => Made::Report,
            _ => Made::Figure,
        }
    }

    /// Whether it is made of a study's ticked sweeps.
    pub fn of_sweeps(self) -> bool {
        matches!(
            self,
            Self::Front
                | Self::Pairs
                | Self::Field
                | Self::Attainment
                | Self::Points
                | Self::Report
        )
    }
}

/// What kind of file a figure becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FigureFormat {
    /// Vectors for the web and for editors.
    #[default]
    Svg,
    /// Vectors for papers.
    Pdf,
    /// Pixels, 300 to the inch.
    Png,
}

impl FigureFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Svg, Self::Pdf, Self::Png];

    /// The end of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Pdf => "pdf",
            Self::Png => "png",
        }
    }
}

/// What kind of file a table becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableFormat {
    /// For spreadsheets and programs.
    #[default]
    Csv,
    /// An object per line.
    Jsonl,
    /// Columns, compressed.
    Parquet,
    /// For papers.
    Latex,
}

impl TableFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Jsonl, Self::Parquet, Self::Latex];

    /// Shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Jsonl => "JSON Lines",
            Self::Parquet => "Parquet",
            Self::Latex => "LaTeX",
        }
    }

    /// The end of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Latex => "tex",
        }
    }
}

/// What it is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A study's file, which of its sweeps, and the objective of a field.
    Study(PathBuf, ShownSweeps, Option<String>),
    /// An answer's routing.
    Gates(Box<Gates>),
    /// A comparison of adapters.
    Interference(Box<Interference>),
    /// A training run.
    Curves(Box<Curves>),
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The plot or table.
    pub what: What,
    /// Of what.
    pub source: Source,
    /// The kind of file of a figure.
    pub figure: FigureFormat,
    /// The kind of file of a table.
    pub table: TableFormat,
    /// Width of a figure, in mm.
    pub width: f64,
    /// Whether a `'` keeps cells of a CSV from being read as formulas.
    pub guard: bool,
    /// Where, with its ending.
    pub path: PathBuf,
    /// Whether files that are there are replaced.
    pub replace: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The files, what was asked for first.
    pub paths: Vec<PathBuf>,
    /// Rows of its table; of a report, answers.
    pub rows: usize,
    /// Of all files together.
    pub bytes: u64,
}
