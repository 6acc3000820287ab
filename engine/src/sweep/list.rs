//! Where the command line says that a sweep goes.

use std::path::Path;

use paretoscope_core::points::{PointList, SETS, of_kind, parse_set, read_points};

use crate::protocol::SweepGrid;
use crate::types::{BundleInfo, PointKind};
use crate::{Error, Result, files};

/// A grid or a set, or a list as a file gives it, before a bundle says in which order its numbers stand.
#[derive(Debug, Clone)]
pub enum Listed {
    /// As it will be visited.
    Grid(SweepGrid),
    /// As it was read.
    List(PointList),
}

impl Listed {
    /// What `--points` names: a set, else a file.
    pub fn read(text: &str) -> Result<Self> {
        if let Some(set) = parse_set(text)? {
            return Ok(Self::Grid(SweepGrid::Set(set)));
        }
        let path = Path::new(text);
        if !path.exists() {
            let problem = format!(
                "`{text}` is neither a file nor one of the sets {}",
                SETS.join(", ")
            );
            return Err(Error::option("--points", problem));
        }
        let list = read_points(&files::read_text(path, files::DATA)?)
            .map_err(|e| Error::line(path, e.line, e.problem))?;
        Ok(Self::List(list))
    }

    /// Refuses points that a method of this kind does not take.
    pub fn check(&self, kind: Option<PointKind>) -> Result<()> {
        let Some(kind) = kind else { return Ok(()) };
        let grid = match self {
            Self::Grid(grid) => grid.clone(),
            Self::List(list) => SweepGrid::List {
                points: list.points.clone(),
            },
        };
        Ok(of_kind(grid, kind).map(|_| ())?)
    }

    /// What a sweep of this bundle visits by a method of this kind.
    pub fn grid(self, info: &BundleInfo, kind: Option<PointKind>) -> Result<SweepGrid> {
        let grid = match self {
            Self::Grid(grid) => grid,
            Self::List(list) => {
                let first = list.points.first().map(|named| named.point.kind());
                let names: Vec<String> = match first {
                    Some(PointKind::Weights) => {
                        info.values.iter().map(|v| v.name.clone()).collect()
                    }
                    _ => info.objectives.iter().map(|o| o.name.clone()).collect(),
                };
                SweepGrid::List {
                    points: list.ordered(&names)?,
                }
            }
        };
        Ok(match kind {
            Some(kind) => of_kind(grid, kind)?,
            None => grid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_or_a_file_or_words() {
        assert!(matches!(
            Listed::read("hoe-13"),
            Ok(Listed::Grid(SweepGrid::Set(_)))
        ));
        let words = Listed::read("hoe-12").unwrap_err().to_string();
        assert!(
            words.contains("`hoe-12`") && words.contains("hoe-13"),
            "{words}"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points.jsonl");
        std::fs::write(
            &path,
            "{\"preference\": [1, 3], \"name\": \"a\"}\n{\"weight\": [1]}",
        )
        .unwrap();
        let read = || Listed::read(path.to_str().unwrap());
        let words = read().unwrap_err().to_string();
        assert!(
            words.contains("points.jsonl, line 2: `weight` is not known; did you mean `weights`?"),
            "{words}"
        );
        std::fs::write(&path, "{\"preference\": [1, 3], \"name\": \"a\"}").unwrap();
        let listed = read().unwrap();
        assert!(listed.check(Some(PointKind::Preference)).is_ok());
        let words = listed.check(Some(PointKind::Weights)).unwrap_err();
        assert!(
            words
                .to_string()
                .contains("point 1 (`a`) gives preferences"),
            "{words}"
        );
    }
}
