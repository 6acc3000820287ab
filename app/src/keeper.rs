//! Settings of the program on disk: written beside their place and renamed, so that a program that is killed in the
//! middle loses nothing. eframe cuts its own file to nothing before it writes it anew; only the window's place and
//! what egui remembers of scroll bars are left to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use paretoscope_core::output::{self, OutputError};
use serde_json::{Value, json};

use crate::state::{Kept, Prefs};

/// The file's name, in the folder of eframe's own.
const FILE: &str = "state.json";

/// Writes what is remembered between sessions, and reads it.
#[derive(Debug, Default)]
pub struct Keeper {
    /// `None` where nothing is remembered, e.g. in tests.
    path: Option<PathBuf>,
    /// What the file holds, or will.
    written: String,
    writing: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Of the file in `folder`.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            path: folder.map(|folder| folder.join(FILE)),
            ..Self::default()
        }
    }

    /// What is remembered, and the sessions that programs before studies wrote here; each part that cannot be read is
    /// `None`, and costs the other nothing.
    pub fn read(&self) -> (Option<Prefs>, Option<Vec<Kept>>) {
        let Some(path) = &self.path else {
            return (None, None);
        };
        let mut all: Value = match fs::read(path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(all)) => all,
            Ok(Err(error)) => {
                tracing::warn!("{} is not read: {error}", path.display());
                return (None, None);
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!("{} is not read: {error}", path.display());
                }
                return (None, None);
            }
        };
        let mut part = |name: &str| all.get_mut(name).map(Value::take).unwrap_or_default();
        (
            serde_json::from_value(part("prefs")).ok(),
            serde_json::from_value(part("sessions")).ok(),
        )
    }

    /// Writes it on a thread, where it has changed.
    pub fn write(&mut self, prefs: &Prefs) {
        let Some(path) = self.path.clone() else {
            return;
        };
        let text = json!({"prefs": prefs}).to_string();
        if text == self.written {
            return;
        }
        self.wait();
        self.written.clone_from(&text);
        let run = move || {
            if let Err(error) = replace(&path, &text) {
                tracing::warn!("settings are not written: {error}");
            }
        };
        match std::thread::Builder::new()
            .name("keep".to_owned())
            .spawn(run)
        {
            Ok(writing) => self.writing = Some(writing),
            Err(error) => {
                self.written.clear();
                tracing::warn!("settings are not written: {error}");
            }
        }
    }

    /// Waits until all is written.
    pub fn wait(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _panicked = writing.join();
        }
    }
}

/// Puts `text` into the file at `path`, whole or not at all.
fn replace(path: &Path, text: &str) -> Result<(), OutputError> {
    if let Some(folder) = path.parent() {
        output::make_folder(folder)?;
    }
    output::write_bytes(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_broken_part_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::new(Some(folder.path().join("new")));
        assert_eq!(keeper.read(), (None, None));
        let prefs = Prefs {
            zoom: 1.5,
            recents: vec!["/grüß \u{1f600}".into()],
            ..Prefs::default()
        };
        keeper.write(&prefs);
        keeper.wait();
        assert_eq!(keeper.read(), (Some(prefs), None));
        let entries = || fs::read_dir(folder.path().join("new")).unwrap().count();
        assert_eq!(entries(), 1, "nothing is left beside it");
        let path = folder.path().join("new").join(FILE);
        fs::write(&path, r#"{"prefs": {"zoom": "large"}, "sessions": []}"#).unwrap();
        assert_eq!(keeper.read(), (None, Some(Vec::new())));
        let old = r#"{"sessions": [{"bundle": "/b", "digest": "d", "preference": [0.1, 0.9]}]}"#;
        fs::write(&path, old).unwrap();
        let (_, sessions) = keeper.read();
        assert_eq!(
            sessions.expect("an older program's")[0].place.preference,
            [0.1, 0.9]
        );
        fs::write(&path, "{\"prefs\": {\"zo").unwrap();
        assert_eq!(keeper.read(), (None, None));
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, "{}").is_err(), "a folder is in its place");
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
