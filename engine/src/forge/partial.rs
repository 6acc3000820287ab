//! What is finished of a long step, kept beside its output until the output is whole: after a kill the
//! same command goes on where it was.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::matrix::Matrix;
use super::peft::{Module, Precision, encode, write_tensors};
use crate::output::{write_bytes, write_json};
use crate::{Error, Result};

/// `<output>.partial`: finished modules and figures of one step with one set of inputs.
#[derive(Debug)]
pub(super) struct Partial {
    folder: PathBuf,
    key: String,
}

/// A module with what is said of it.
#[derive(Debug, Clone)]
pub(super) struct Kept<R> {
    /// `None` where nothing is left of it.
    pub module: Option<Module>,
    /// Figures.
    pub report: R,
}

#[derive(Serialize, Deserialize)]
struct Note<R> {
    name: Option<String>,
    scale: f64,
    report: R,
}

impl Partial {
    /// Removes what a step that is over left for `output` when it was killed at its very end.
    pub(super) fn forget(output: &Path) -> Result<()> {
        let partial = Self {
            folder: beside(output),
            key: String::new(),
        };
        partial.refuse_foreign()?;
        partial.discard();
        Ok(())
    }

    /// Refuses a folder (or a file, or a link) of this name that is not ours to write into and remove. Ours bears
    /// a key, or, after a kill at its very beginning, nothing but files that were being written.
    fn refuse_foreign(&self) -> Result<()> {
        let about = match std::fs::symlink_metadata(&self.folder) {
            Ok(about) => about,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("read", &self.folder)(error)),
        };
        let begun = |folder: &Path| {
            std::fs::read_dir(folder).is_ok_and(|mut entries| {
                entries.all(|entry| entry.is_ok_and(|entry| is_unfinished(&entry.path())))
            })
        };
        let keyed = || {
            crate::files::read_text(&self.folder.join(KEY), crate::files::SETTINGS)
                .is_ok_and(|key| key.starts_with(MARK))
        };
        if about.is_dir() && (keyed() || begun(&self.folder)) {
            return Ok(());
        }
        Err(Error::file(
            &self.folder,
            "is there and not ours; what is finished of a step is kept under this name: move it away, or name another output",
        ))
    }

    /// Opens what is there if it was made with the same `key`; else forgets it.
    pub(super) fn open(output: &Path, key: &Value) -> Result<Self> {
        let partial = Self {
            folder: beside(output),
            key: format!("{MARK} {key:#}\n}}\n"),
        };
        partial.refuse_foreign()?;
        let same = std::fs::read_to_string(partial.folder.join(KEY))
            .is_ok_and(|found| found == partial.key);
        if !same {
            partial.discard();
        }
        Ok(partial)
    }

    /// A figure that was kept.
    pub(super) fn figure<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let text = std::fs::read_to_string(self.folder.join(format!("{name}.json"))).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Keeps a figure.
    pub(super) fn keep_figure(&self, name: &str, value: &impl Serialize) -> Result<()> {
        self.create()?;
        let path = self.folder.join(format!("{name}.json"));
        write_json(&path, value)
    }

    /// A module that was kept; `None` where it is not there whole.
    pub(super) fn module<R: DeserializeOwned>(&self, index: usize) -> Option<Kept<R>> {
        let bytes = std::fs::read(self.path(index)).ok()?;
        let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
        let note: Note<R> = serde_json::from_str(header.metadata().as_ref()?.get("note")?).ok()?;
        let tensors = SafeTensors::deserialize(&bytes).ok()?;
        let matrix = |name: &str| {
            let view = tensors.tensor(name).ok()?;
            let &[rows, cols] = view.shape() else {
                return None;
            };
            let chunks = view.data().as_chunks::<4>().0;
            let values = chunks.iter().map(|b| f32::from_le_bytes(*b)).collect();
            Some(Matrix::new(rows, cols, values))
        };
        let module = match note.name {
            Some(name) => Some(Module {
                name,
                a: matrix("a")?,
                b: matrix("b")?,
                scale: note.scale,
            }),
            None => None,
        };
        Some(Kept {
            module,
            report: note.report,
        })
    }

    /// Keeps a module.
    pub(super) fn keep<R: Serialize>(&self, index: usize, kept: &Kept<R>) -> Result<()> {
        self.create()?;
        let path = self.path(index);
        let note = Note {
            name: kept.module.as_ref().map(|module| module.name.clone()),
            scale: kept.module.as_ref().map_or(1.0, |module| module.scale),
            report: &kept.report,
        };
        let note = serde_json::to_string(&note).map_err(|e| Error::json(&path, e))?;
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = kept
            .module
            .iter()
            .flat_map(|module| [("a", &module.a), ("b", &module.b)])
            .map(|(name, matrix)| {
                let bytes = encode(matrix.values(), Precision::F32).unwrap_or_default();
                (name.to_owned(), vec![matrix.rows(), matrix.cols()], bytes)
            })
            .collect();
        write_tensors(&path, &tensors, Precision::F32, [("note", &note)])
    }

    /// Removes all that was kept, the key last; what somebody else put beside it stays, and so does the folder
    /// then.
    pub(super) fn discard(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let kept = entries.flatten().map(|entry| entry.path());
        let (keys, others): (Vec<PathBuf>, Vec<PathBuf>) =
            kept.partition(|path| path.ends_with(KEY));
        let ours = others.into_iter().filter(|path| {
            is_unfinished(path)
                || path
                    .extension()
                    .is_some_and(|e| e == "json" || e == "safetensors" || e == "bin")
        });
        let removed = ours
            .chain(keys)
            .try_for_each(std::fs::remove_file)
            .and_then(|()| std::fs::remove_dir(&self.folder));
        if let Err(error) = removed {
            tracing::warn!(%error, folder = %self.folder.display(), "not removed");
        }
    }

    /// Passes a result on; what was kept goes once the step is done, or where the input is at fault.
    pub(super) fn conclude<T>(&self, result: Result<T>) -> Result<T> {
        if result.as_ref().map_or_else(Error::is_input, |_| true) {
            self.discard();
        }
        result
    }

    /// A file of the step's own, made by it.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf> {
        self.create()?;
        Ok(self.folder.join(name))
    }

    fn path(&self, index: usize) -> PathBuf {
        self.folder.join(format!("module-{index:05}.safetensors"))
    }

    fn create(&self) -> Result<()> {
        if self.folder.join(KEY).exists() {
            return Ok(());
        }
        if !self.folder.exists() {
            std::fs::create_dir(&self.folder).map_err(Error::io("create", &self.folder))?;
        }
        write_bytes(&self.folder.join(KEY), self.key.as_bytes())
    }
}

/// The file that says which step and inputs a folder belongs to.
const KEY: &str = "key.json";
/// What it begins with.
const MARK: &str = "{\"paretoscope-engine, kept of\":";

/// Whether this is a file that was being written when the program was killed.
fn is_unfinished(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(".paretoscope-"))
        && path
            .extension()
            .is_some_and(|extension| extension == "part")
}

fn beside(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::forge::svd::gaussian;

    #[test]
    fn it_serves_the_same_step_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let first = Partial::open(&output, &json!({"rank": 4})).unwrap();
        assert!(first.module::<f64>(0).is_none());
        let module = Module {
            name: "m".to_owned(),
            a: gaussian(2, 5, 0, 0),
            b: gaussian(3, 2, 0, 1),
            scale: 1.5,
        };
        let kept = Kept {
            module: Some(module.clone()),
            report: 0.25,
        };
        first.keep(0, &kept).unwrap();
        let nothing = Kept {
            module: None,
            report: 0.5,
        };
        first.keep(1, &nothing).unwrap();
        first.keep_figure("threshold", &0.125).unwrap();

        let again = Partial::open(&output, &json!({"rank": 4})).unwrap();
        let found = again.module::<f64>(0).unwrap();
        assert_eq!((found.module, found.report), (Some(module), 0.25));
        assert!(again.module::<f64>(1).unwrap().module.is_none());
        assert_eq!(again.figure("threshold"), Some(0.125));
        std::fs::write(again.path(0), b"cut short").unwrap();
        assert!(again.module::<f64>(0).is_none());

        let other = Partial::open(&output, &json!({"rank": 8})).unwrap();
        assert!(other.module::<f64>(1).is_none());
        assert!(!other.folder.exists());
    }

    #[test]
    fn what_is_not_ours_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let foreign = folder.path().join("out.partial");
        std::fs::create_dir(&foreign).unwrap();
        for name in ["thesis.txt", "key.json"] {
            std::fs::write(foreign.join(name), "{}").unwrap();
            let error = Partial::open(&output, &json!(1)).unwrap_err();
            assert!(error.is_input() && error.to_string().contains("not ours"));
            assert!(Partial::forget(&output).is_err());
            assert!(foreign.join(name).exists());
            std::fs::remove_file(foreign.join(name)).unwrap();
        }
        // Begun and killed before its key was there.
        std::fs::write(foreign.join(".paretoscope-a1.part"), "").unwrap();
        let ours = Partial::open(&output, &json!(1)).unwrap();
        ours.keep_figure("x", &1).unwrap();
        std::fs::write(foreign.join("thesis.txt"), "").unwrap();
        ours.discard();
        assert!(foreign.join("thesis.txt").exists());
        assert!(!foreign.join("x.json").exists());
    }

    #[test]
    fn it_stays_after_a_stop_and_goes_with_a_bad_input() {
        let folder = tempfile::tempdir().unwrap();
        let partial = Partial::open(&folder.path().join("out"), &json!(1)).unwrap();
        partial.keep_figure("x", &1).unwrap();
        assert!(partial.conclude::<()>(Err(Error::Cancelled)).is_err());
        assert_eq!(partial.figure("x"), Some(1));
        assert!(partial.conclude::<()>(Err(Error::EmptyPrompt)).is_err());
        assert!(!partial.folder.exists());
    }
}
