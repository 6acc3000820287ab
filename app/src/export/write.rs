//! Files that appear whole or not at all: written beside their place and renamed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use paretoscope_core::protocol::Trouble;

use super::job::{Job, Written};

/// Files before they are written.
pub(super) struct Bytes {
    /// By name.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// Rows that they hold.
    pub(super) rows: usize,
}

/// Where files go.
pub(super) struct Destination {
    folder: PathBuf,
    /// Their name without its ending.
    pub(super) stem: String,
}

impl Destination {
    pub(super) fn of(job: &Job) -> Result<Self, Trouble> {
        let path = &job.path;
        match path.file_stem() {
            Some(stem) if !path.is_dir() => Ok(Self {
                folder: path.parent().unwrap_or(Path::new("")).to_path_buf(),
                stem: stem.to_string_lossy().into_owned(),
            }),
            Some(_) => Err(Trouble::input(format!(
                "{} is a folder; name a file in it",
                path.display()
            ))),
            None => Err(Trouble::input(
                "no file is named yet; type or paste its path, e.g. /home/me/front.svg",
            )),
        }
    }

    /// Refuses before anything is made: a folder that is not there, a file that is.
    pub(super) fn check(&self, endings: &[&str], replace: bool) -> Result<(), Trouble> {
        let folder = &self.folder;
        if !folder.as_os_str().is_empty() && !folder.is_dir() {
            return Err(Trouble::input(format!(
                "the folder {} does not exist; make it, or name another",
                folder.display()
            )));
        }
        let names = endings.iter().map(|e| format!("{}.{e}", self.stem));
        self.free(names, replace)
    }

    fn free(&self, mut names: impl Iterator<Item = String>, replace: bool) -> Result<(), Trouble> {
        let there = names.find(|name| !replace && self.folder.join(name).exists());
        there.map_or(Ok(()), |name| {
            Err(Trouble::input(format!(
                "{} is there already; name another file, or tick Replace files that are there",
                self.folder.join(name).display()
            )))
        })
    }

    /// Writes all of them.
    pub(super) fn write(&self, made: Bytes, replace: bool) -> Result<Written, Trouble> {
        let names = made.files.iter().map(|(name, _)| name.clone());
        self.free(names, replace)?;
        let mut written = Written {
            rows: made.rows,
            ..Written::default()
        };
        for (name, bytes) in made.files {
            let path = self.folder.join(name);
            put(&path, &bytes).map_err(|error| {
                Trouble::system(format!("{} is not written: {error}", path.display()))
            })?;
            written.bytes += bytes.len() as u64;
            written.paths.push(path);
        }
        Ok(written)
    }
}

fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
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
