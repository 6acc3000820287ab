//! Figures and tables: written beside their place and renamed, so that a file is whole or not there.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::Study;
use paretoscope_figure::of_study::{Asked, fronts, points};
use paretoscope_figure::svg::Type;
use paretoscope_figure::table::Guard;
use paretoscope_figure::{Error, Format, Look};

use super::message::{Export, FigureFormat, ShownSweeps};

/// Pixels of a PNG: so many times 150 to the inch.
const SCALE: f64 = 2.0;
/// Decimals of a LaTeX table.
const DECIMALS: usize = 3;

impl ShownSweeps {
    /// As figures ask for it.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            sweeps: self.sweeps.clone(),
            split: self.split,
            reference: self.reference.clone(),
        }
    }
}

/// Writes the files; their paths.
pub(super) fn export(
    study: &Study,
    shown: &ShownSweeps,
    wanted: &Export,
    replace: bool,
) -> Result<Vec<PathBuf>, Trouble> {
    let files = match wanted {
        Export::Figure {
            path,
            format,
            width,
        } => {
            let stem = named(path)?;
            let format = match format {
                FigureFormat::Svg => Format::Svg(Type::Text),
                FigureFormat::Pdf => Format::Pdf,
                FigureFormat::Png => Format::Png(SCALE),
            };
            fronts(study, &shown.asked())
                .and_then(|front| front.draw(&Look::new(*width)))
                .and_then(|figure| figure.files(&stem, &[format], Guard::Plain))
                .map_err(|error| drawn(&error))?
        }
        Export::Table { path } => {
            let stem = named(path)?;
            let table = points(study, &shown.asked()).map_err(|error| drawn(&error))?;
            let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
            let bytes = match ending.as_deref() {
                Some("csv") => table.csv(Guard::Plain),
                Some("jsonl") => table.jsonl().map(String::into_bytes),
                Some("tex") => Ok(table.latex(DECIMALS).into_bytes()),
                _ => {
                    return Err(Trouble::input(format!(
                        "{} ends on no kind of table; end its name on .csv, .jsonl or .tex",
                        path.display()
                    )));
                }
            };
            let name = format!("{stem}.{}", ending.unwrap_or_default());
            vec![(name, bytes.map_err(|error| drawn(&error))?)]
        }
    };
    let folder = match wanted {
        Export::Figure { path, .. } | Export::Table { path } => {
            path.parent().unwrap_or(Path::new("")).to_path_buf()
        }
    };
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists() && !replace) {
        return Err(Trouble::input(format!(
            "{} is there already; name another file, or tick Replace files that are there",
            there.display()
        )));
    }
    for (path, (_, bytes)) in paths.iter().zip(&files) {
        write(path, bytes).map_err(|error| {
            Trouble::system(format!("{} is not written: {error}", path.display()))
        })?;
    }
    Ok(paths)
}

/// The name of a file without its ending.
fn named(path: &Path) -> Result<String, Trouble> {
    match path.file_stem() {
        Some(stem) if !path.is_dir() => Ok(stem.to_string_lossy().into_owned()),
        _ => Err(Trouble::input(
            "no file is named yet; type or paste its path, e.g. /home/me/front.svg",
        )),
    }
}

pub(super) fn drawn(error: &Error) -> Trouble {
    match error {
        Error::Core(error) => Trouble::from(error),
        Error::Width { .. } | Error::Empty { .. } | Error::Count { .. } => {
            Trouble::input(error.to_string())
        }
        error => Trouble::system(error.to_string()),
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let write = || {
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        let _gone = fs::remove_file(&beside);
    })
}
