//! The export sheet: what is to be written, and what became of it.

use std::path::{Path, PathBuf};

use paretoscope_core::protocol::Trouble;
use paretoscope_figure::Look;

use super::Overlay;
use crate::export::{FigureFormat, Made, TableFormat, What, Written};

/// What is to be written for use elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportForm {
    /// The plot or table.
    pub what: What,
    /// The kind of file of a figure.
    pub figure: FigureFormat,
    /// The kind of file of a table.
    pub table: TableFormat,
    /// Width of a figure, in mm.
    pub width: f64,
    /// The objective of a field; the first that is scored where `None`.
    pub objective: Option<String>,
    /// Whether cells of a CSV are kept from being read as formulas.
    pub guard: bool,
    /// Where, with its ending; empty until it is named.
    pub path: PathBuf,
    /// Whether files that are there are replaced.
    pub replace: bool,
}

impl Default for ExportForm {
    fn default() -> Self {
        Self {
            what: What::default(),
            figure: FigureFormat::default(),
            table: TableFormat::default(),
            width: Look::PAGE,
            objective: None,
            guard: false,
            path: PathBuf::new(),
            replace: false,
        }
    }
}

impl ExportForm {
    /// The ending of the file that it asks for.
    pub fn ending(&self) -> &'static str {
        match self.what.made() {
            Made::Figure => self.figure.ending(),
            Made::Table => self.table.ending(),
            Made::Report => "html",
        }
    }

    /// Keeps file and kind together after a change from `before`: a path that was named with an ending of this kind
    /// chooses the format, another choice renames the file.
    pub fn follow(&mut self, before: &Self) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        if self.path != before.path {
            self.take_ending();
        }
        let name = self.path.file_name().map(|n| n.to_string_lossy());
        let Some(name) = name.map(std::borrow::Cow::into_owned) else {
            return;
        };
        let stem = match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() && is_known(ending) => stem,
            _ => &name,
        };
        // A name that nobody thought of follows what it is of.
        let stem = if self.what != before.what && stem == before.what.stem() {
            self.what.stem()
        } else {
            stem
        };
        let name = format!("{stem}.{}", self.ending());
        self.path.set_file_name(name);
    }

    fn take_ending(&mut self) {
        let ending = ending_of(&self.path);
        if let Some(format) = FigureFormat::ALL.iter().find(|f| f.ending() == ending)
            && self.what.made() == Made::Figure
        {
            self.figure = *format;
        }
        if let Some(format) = TableFormat::ALL.iter().find(|f| f.ending() == ending)
            && self.what.made() == Made::Table
        {
            self.table = *format;
        }
    }
}

fn ending_of(path: &Path) -> String {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    ending.unwrap_or_default()
}

/// Whether a file that is written here can end so.
fn is_known(ending: &str) -> bool {
    let ending = ending.to_lowercase();
    let figure = FigureFormat::ALL.iter().any(|f| f.ending() == ending);
    figure || ending == "html" || TableFormat::ALL.iter().any(|f| f.ending() == ending)
}

/// The sheet.
#[derive(Debug, Default)]
pub struct ExportState {
    /// What is asked for.
    pub form: ExportForm,
    /// What is done at this moment, and since when, in seconds of the window.
    pub stage: Option<(&'static str, f64)>,
    /// What was written, or why nothing was.
    pub done: Option<Result<Written, Trouble>>,
    /// Why the folder was not shown.
    pub unseen: Option<String>,
    /// The sheet that it was opened from, which comes back when it is closed.
    pub back: Overlay,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(form: &ExportForm, change: impl FnOnce(&mut ExportForm)) -> ExportForm {
        let mut next = form.clone();
        change(&mut next);
        next.follow(form);
        next
    }

    #[test]
    fn file_and_format_follow_each_other() {
        let form = ExportForm::default();
        let named = changed(&form, |f| f.path = "/a/my.plot".into());
        assert_eq!(named.path, Path::new("/a/my.plot.svg"));
        let named = changed(&form, |f| f.path = "/a/front.PDF".into());
        assert_eq!(named.figure, FigureFormat::Pdf);
        assert_eq!(named.path, Path::new("/a/front.pdf"));
        let image = changed(&named, |f| f.figure = FigureFormat::Png);
        assert_eq!(image.path, Path::new("/a/front.png"));
        let table = changed(&image, |f| f.what = What::Points);
        assert_eq!(table.path, Path::new("/a/points.csv"));
        let lines = changed(&table, |f| f.path = "/a/mine.jsonl".into());
        assert_eq!(lines.table, TableFormat::Jsonl);
        let report = changed(&lines, |f| f.what = What::Report);
        assert_eq!(
            report.path,
            Path::new("/a/mine.html"),
            "a name of one's own"
        );
        assert_eq!(changed(&form, |f| f.what = What::Strip).path, Path::new(""));
    }
}
