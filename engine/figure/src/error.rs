//! What can be wrong with what is to be drawn or written.

/// Why a figure, table or report was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The width is none that a page has.
    #[error("a figure {width} mm wide cannot be drawn; widths from {least} to {most} mm can")]
    Width {
        /// Asked for, in mm.
        width: f64,
        /// Least, in mm.
        least: f64,
        /// Most, in mm.
        most: f64,
    },
    /// The scale of a raster image is out of range.
    #[error("a scale of {scale} cannot be drawn; scales from 1 to 4 can")]
    Scale {
        /// Asked for.
        scale: f64,
    },
    /// The study cannot be read, or a point is none.
    #[error(transparent)]
    Core(#[from] paretoscope_core::Error),
    /// There is nothing to draw.
    #[error("nothing to draw: {what}")]
    Empty {
        /// What is missing, in words.
        what: String,
    },
    /// Numbers are of another length than what they belong to.
    #[error("{what}: {got} given, {wanted} needed")]
    Count {
        /// What was counted.
        what: String,
        /// How many there are.
        got: usize,
        /// How many there must be.
        wanted: usize,
    },
    /// A row of a table does not fit its columns.
    #[error("row {row}, column `{column}`: {got} where {wanted} belongs")]
    Cell {
        /// From one.
        row: usize,
        /// The column's name.
        column: String,
        /// The kind that is there.
        got: &'static str,
        /// The kind that the column has.
        wanted: &'static str,
    },
    /// Something that is named by its index does not exist.
    #[error("{what} {index} is named, but there are {count}")]
    Reference {
        /// What is named.
        what: &'static str,
        /// Its index.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Our SVG was not read back.
    #[error("the drawing could not be read: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// The image was not encoded.
    #[error("the PNG could not be written: {0}")]
    Png(#[from] png::EncodingError),
    /// The document was not written.
    #[error("the PDF could not be written: {0}")]
    Pdf(String),
    /// The size is none that can be drawn.
    #[error("{width} x {height} px cannot be drawn")]
    Size {
        /// In pixels.
        width: f64,
        /// In pixels.
        height: f64,
    },
    /// The table was not written.
    #[error("the CSV could not be written: {0}")]
    Csv(#[from] csv::Error),
    /// The table or the report's data were not written.
    #[error("the JSON could not be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The table was not written.
    #[cfg(feature = "parquet")]
    #[error("the Parquet file could not be written: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
