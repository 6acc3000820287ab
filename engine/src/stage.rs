//! Stages of a build: each runs again only when its settings or what it reads have changed.

mod inputs;

use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub(crate) use self::inputs::{digest_of, files};
use crate::lock::FolderLock;
use crate::output::write_bytes;
use crate::{Error, Result};

/// A folder of stages, one folder and one stamp each. While it is open no other build works in the folder.
#[derive(Debug)]
pub struct Stages {
    work: PathBuf,
    _lock: FolderLock,
}

/// A finished stage.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its files.
    pub folder: PathBuf,
    /// Digest of all that went into it.
    pub digest: String,
}

/// What a stage is told when it runs.
#[derive(Debug)]
pub struct StageContext<'a> {
    /// Where its files go.
    pub folder: &'a Path,
    /// Whether an earlier run with the same inputs was cut short here, so that its checkpoints hold.
    pub resumes: bool,
}

impl Stages {
    /// Stages under `work`; refused while another build works there.
    pub fn new(work: &Path) -> Result<Self> {
        Ok(Self {
            _lock: FolderLock::hold(work, "a build")?,
            work: work.to_path_buf(),
        })
    }

    /// Runs `stage` unless it was finished with the same settings and inputs. A stamp beside the
    /// folder says what it was begun with, and another that it was finished.
    pub fn stage(
        &self,
        name: &str,
        settings: &impl Serialize,
        inputs: &[&str],
        stage: impl FnOnce(&StageContext<'_>) -> Result<()>,
    ) -> Result<Done> {
        let folder = self.work.join(name);
        let json = serde_json::to_string(settings)
            .map_err(|e| Error::internal(format!("settings of {name}: {e}")))?;
        let digest = digest([name, &json].into_iter().chain(inputs.iter().copied()));
        let begun = stamp(&self.work, name, "begun");
        let finished = stamp(&self.work, name, "done");
        if reads(&finished, &digest) && folder.exists() {
            tracing::info!(stage = name, "unchanged");
            return Ok(Done { folder, digest });
        }
        let resumes = reads(&begun, &digest) && folder.exists();
        if !resumes {
            if folder.exists() {
                // Only what an earlier build began is ours to remove.
                if !begun.is_file() {
                    let problem = "is there already and was not made by a build; name another work folder (--work), or move it away";
                    return Err(Error::file(&folder, problem));
                }
                std::fs::remove_dir_all(&folder).map_err(Error::io("clear", &folder))?;
            }
            // Said before it is there: killed between the two, a build would take its own folder for a person's.
            write_bytes(&begun, digest.as_bytes())?;
            std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        }
        tracing::info!(stage = name, resumes, "begins");
        stage(&StageContext {
            folder: &folder,
            resumes,
        })?;
        write_bytes(&finished, digest.as_bytes())?;
        tracing::info!(stage = name, "done");
        Ok(Done { folder, digest })
    }
}

fn stamp(work: &Path, name: &str, kind: &str) -> PathBuf {
    work.join(format!("{}.{kind}", name.replace('/', "-")))
}

fn reads(path: &Path, digest: &str) -> bool {
    crate::files::read_text(path, crate::files::SETTINGS).is_ok_and(|text| text.trim() == digest)
}

/// SHA-256 over texts, each with its length before it, hexadecimal.
pub fn digest<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    crate::digest::hexadecimal(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_stage_runs_once_per_input() {
        let folder = tempfile::tempdir().expect("a folder");
        let stages = Stages::new(folder.path()).expect("opens");
        let runs = Cell::new(0);
        let go = |settings: u32, input: &str| {
            stages.stage("a/b", &settings, &[input], |run| {
                runs.set(runs.get() + 1);
                std::fs::write(run.folder.join("x"), "x").map_err(Error::io("write", run.folder))
            })
        };
        let first = go(1, "i").expect("runs");
        assert_eq!(go(1, "i").expect("skips").digest, first.digest);
        assert_eq!(runs.get(), 1);
        assert_ne!(go(2, "i").expect("runs").digest, first.digest);
        go(2, "j").expect("runs");
        assert_eq!(runs.get(), 3);
    }

    #[test]
    fn one_build_at_a_time_works_in_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Stages::new(folder.path()).expect("opens");
        let refused = Stages::new(folder.path()).expect_err("is held");
        assert!(refused.is_input() && refused.to_string().contains("a build"));
        drop(first);
        Stages::new(folder.path()).expect("opens again");
    }

    #[test]
    fn what_no_build_began_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let stages = Stages::new(folder.path()).expect("opens");
        let mine = folder.path().join("a/notes.txt");
        std::fs::create_dir_all(folder.path().join("a")).expect("makes");
        std::fs::write(&mine, "mine").expect("writes");
        let refused = stages.stage("a", &1, &[], |_| Ok(())).unwrap_err();
        assert!(refused.is_input() && mine.is_file(), "{refused}");
    }

    #[test]
    fn a_stage_cut_short_resumes_and_is_not_done() {
        let folder = tempfile::tempdir().expect("a folder");
        let stages = Stages::new(folder.path()).expect("opens");
        let fail = stages.stage("a", &1, &[], |run| {
            std::fs::write(run.folder.join("half"), "x").map_err(Error::io("write", run.folder))?;
            Err(Error::Cancelled)
        });
        assert!(fail.is_err());
        let resumed = Cell::new(false);
        stages
            .stage("a", &1, &[], |run| {
                resumed.set(run.resumes && run.folder.join("half").exists());
                Ok(())
            })
            .expect("finishes");
        assert!(resumed.get());
    }
}
