//! Folders in which one run works at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The file that a run locks in its folder.
const NAME: &str = ".paretoscope.lock";
/// The most that is read of who holds a folder.
const MOST: u64 = 256;

/// A folder that is this run's until it is dropped. The system gives the lock back when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
    path: PathBuf,
}

impl FolderLock {
    /// Makes `folder` where it is missing and holds it; `what` tells others who does, e.g. `train dpo`. Refused
    /// while another run holds it, and nothing in it is touched then.
    pub(crate) fn hold(folder: &Path, what: &str) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let path = folder.join(NAME);
        loop {
            match std::fs::symlink_metadata(&path) {
                Ok(about) if !about.is_file() => {
                    let problem =
                        "is no regular file, but a run locks a file of this name; remove it";
                    return Err(Error::file(&path, problem));
                }
                _ => {}
            }
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(Error::io("open", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held(folder, &file)),
                Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {
                    tracing::warn!(
                        "{} lies where files cannot be locked: start no second run in it",
                        folder.display()
                    );
                }
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path)(e)),
            }
            // The run before removes its file at its end: what was locked may have no name any more.
            if !is_at(&file, &path) {
                continue;
            }
            let note = format!("process {}, {what}", std::process::id());
            file.set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| file.write_all(note.as_bytes()))
                .map_err(Error::io("write", &path))?;
            return Ok(Self { file, path });
        }
    }
}

impl FolderLock {
    /// Refuses a folder that another run holds now, without holding it.
    pub(crate) fn check_free(folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let regular = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
        let Some(file) = regular.then(|| File::open(&path).ok()).flatten() else {
            return Ok(());
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(held(folder, &file)),
            _ => Ok(()),
        }
    }

    /// Removes the folder, which stays where anything but the lock is in it.
    pub(crate) fn remove_if_empty(&self) {
        let others = |folder: &Path| {
            let mut entries = std::fs::read_dir(folder).ok()?.flatten();
            Some(entries.any(|entry| entry.file_name() != NAME))
        };
        if let Some(folder) = self
            .path
            .parent()
            .filter(|folder| others(folder) == Some(false))
        {
            self.remove_file();
            // Fails where something has come since, which is as it should be.
            drop(std::fs::remove_dir(folder));
        }
    }

    /// While it is locked, so that nobody else's goes; it stays where it cannot be told from another's.
    fn remove_file(&self) {
        if cfg!(unix) && is_at(&self.file, &self.path) {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        self.remove_file();
    }
}

fn held(folder: &Path, mut file: &File) -> Error {
    let mut note = Vec::new();
    drop(file.take(MOST).read_to_end(&mut note));
    let note: String = String::from_utf8_lossy(&note)
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    // Between taking the lock and writing its note a run has no name yet.
    let who = if note.is_empty() {
        String::new()
    } else {
        format!(" ({note})")
    };
    let problem =
        format!("is in use by another run{who}; wait for its end, stop it, or name another folder");
    drop(file.rewind());
    Error::file(folder, problem)
}

/// Whether the open file is the one that the path names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Elsewhere the file is never removed, so it is.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_and_free_afterwards() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new");
        let first = FolderLock::hold(&folder, "train dpo").unwrap();
        let error = FolderLock::hold(&folder, "train sft").unwrap_err();
        let words = error.to_string();
        assert!(error.is_input(), "{words}");
        for part in [
            "in use",
            "train dpo",
            "another folder",
            &std::process::id().to_string(),
        ] {
            assert!(words.contains(part), "{words} lacks {part}");
        }
        assert!(FolderLock::check_free(&folder).unwrap_err().is_input());
        drop(first);
        FolderLock::check_free(&folder).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        let again = FolderLock::hold(&folder, "train sft").unwrap();
        std::fs::write(folder.join("x"), "x").unwrap();
        again.remove_if_empty();
        assert!(folder.join("x").exists());
        std::fs::remove_file(folder.join("x")).unwrap();
        again.remove_if_empty();
        assert!(!folder.exists());
    }

    /// What a killed run leaves is no lock.
    #[test]
    fn a_file_that_nobody_holds_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(NAME),
            "process 1, a longer note than ours will be".repeat(9),
        )
        .unwrap();
        let _first = FolderLock::hold(folder.path(), "x").unwrap();
        let note = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(note, format!("process {}, x", std::process::id()));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine");
        std::fs::write(&mine, "mine").unwrap();
        std::os::unix::fs::symlink(&mine, folder.path().join(NAME)).unwrap();
        assert!(FolderLock::hold(folder.path(), "x").unwrap_err().is_input());
        assert_eq!(std::fs::read_to_string(mine).unwrap(), "mine");
    }
}
