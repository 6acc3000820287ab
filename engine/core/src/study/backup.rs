//! A copy a day, beside the file: `mine.study.2026-11-26.bak`. The last three stay.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::file::{Access, Study};
use super::open::{backup, fault, sqlite};
use crate::Result;

/// Copies that stay.
const KEPT: usize = 3;

impl Study {
    /// Makes the day's copy on a thread of its own, from a connection of its own, unless there is one; `now` is in
    /// milliseconds since 1970, days are UTC's. Gives `None` where nothing is to be done: there is one, or the file is
    /// only read. Who opens to write calls this; who ends may wait for it or not: a copy that was cut short bears
    /// another name and is made anew.
    pub fn daily_backup(&self, now: i64) -> Result<Option<JoinHandle<Result<PathBuf>>>> {
        if self.access() != &Access::Write {
            return Ok(None);
        }
        let day: String = self.one("SELECT date(?1 / 1000, 'unixepoch')", [now])?;
        let path = self.path().to_path_buf();
        if super::open::beside(&path, &format!(".{day}.bak")).exists() {
            return Ok(None);
        }
        let work = move || {
            let Some(study) = Self::peek(&path)? else {
                return Err(fault(&path, "was removed before it could be copied"));
            };
            let made = backup(&study.connection, &path, &format!("{day}.bak"))?;
            prune(&path)?;
            Ok(made)
        };
        let thread = std::thread::Builder::new().name("backup".to_owned());
        thread.spawn(work).map(Some).map_err(|e| {
            fault(
                self.path(),
                format!("its copy cannot be made: no thread to be had ({e})"),
            )
        })
    }

    /// The daily copies, the newest first.
    pub fn backups(path: &Path) -> Vec<PathBuf> {
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
        let Some(name) = path.file_name() else {
            return Vec::new();
        };
        let mut start = name.as_encoded_bytes().to_vec();
        start.push(b'.');
        let daily = |found: &PathBuf| {
            let name = found.file_name().map_or(&[][..], |n| n.as_encoded_bytes());
            let day = name
                .strip_prefix(&start[..])
                .and_then(|rest| rest.strip_suffix(b".bak"));
            day.is_some_and(|day| {
                day.len() == 10
                    && day.iter().enumerate().all(|(at, byte)| match at {
                        4 | 7 => *byte == b'-',
                        _ => byte.is_ascii_digit(),
                    })
            })
        };
        let entries = std::fs::read_dir(folder.unwrap_or(Path::new(".")));
        let mut found: Vec<PathBuf> = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(daily)
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found
    }

    /// A copy that replaces the last one of this name, made before something is taken away for good.
    pub(super) fn backup_as(&self, ending: &str) -> Result<PathBuf> {
        let place = super::open::beside(self.path(), &format!(".{ending}.new.bak"));
        if place.exists() {
            std::fs::remove_file(&place).map_err(|e| {
                fault(
                    self.path(),
                    format!("{} cannot be replaced: {e}", place.display()),
                )
            })?;
        }
        let made = backup(&self.connection, self.path(), &format!("{ending}.new.bak"))?;
        let last = super::open::beside(self.path(), &format!(".{ending}.bak"));
        std::fs::rename(&made, &last).map_err(|e| {
            fault(
                self.path(),
                format!("{} cannot be replaced: {e}", last.display()),
            )
        })?;
        Ok(last)
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> Result<u64> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: i64 = self
            .connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(sqlite(self.path()))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }
}

fn prune(path: &Path) -> Result<()> {
    for old in Study::backups(path).into_iter().skip(KEPT) {
        std::fs::remove_file(&old)
            .map_err(|e| fault(path, format!("{} cannot be removed: {e}", old.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::info;

    #[test]
    fn a_copy_a_day_and_the_last_three_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let study = Study::open(&path).unwrap();
        // Of other studies, and of other kinds: none of these is ours to remove.
        let others = [
            "a.study.v1.bak",
            "b.study.2020-01-01.bak",
            "a.study.2020-1-01x.bak",
        ];
        for other in others {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        let day = 86_400_000;
        let make = |now: i64| {
            let thread = study.daily_backup(now).unwrap()?;
            Some(thread.join().unwrap().unwrap())
        };
        assert!(
            make(0).unwrap().ends_with("a.study.1970-01-01.bak"),
            "also of an empty one"
        );
        study.bundle(&info("demo")).unwrap();
        assert_eq!(make(day - 1), None, "once a day");
        for n in 1..5 {
            make(n * day).unwrap();
        }
        let names: Vec<String> = Study::backups(&path)
            .iter()
            .map(|p| p.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let expected = [
            "a.study.1970-01-05.bak",
            "a.study.1970-01-04.bak",
            "a.study.1970-01-03.bak",
        ];
        assert_eq!(names, expected);
        for other in others {
            assert!(folder.path().join(other).exists());
        }
        let copy = Study::open(&folder.path().join(expected[0])).unwrap();
        assert_eq!(copy.count("bundle").unwrap(), 1);
        let looked = Study::peek(&path).unwrap().unwrap();
        assert!(
            looked.daily_backup(9 * day).unwrap().is_none(),
            "who looks makes none"
        );
    }
}
