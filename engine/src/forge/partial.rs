//! What is finished of a long step, kept beside its output until the output is whole: after a kill the
//! same command goes on where it was.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::matrix::Matrix;
use super::peft::{Module, Precision, encode, write_tensors};
use crate::output::write_bytes;
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
    pub(super) fn forget(output: &Path) {
        Self {
            folder: beside(output),
            key: String::new(),
        }
        .discard();
    }

    /// Opens what is there if it was made with the same `key`; else forgets it.
    pub(super) fn open(output: &Path, key: &Value) -> Self {
        let partial = Self {
            folder: beside(output),
            key: format!("{key:#}\n"),
        };
        let same = std::fs::read_to_string(partial.folder.join("key.json"))
            .is_ok_and(|found| found == partial.key);
        if !same {
            partial.discard();
        }
        partial
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
        let text = serde_json::to_string(value)
            .map_err(|e| Error::file(&path, format!("cannot hold the figure: {e}")))?;
        write_bytes(&path, text.as_bytes())
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
        let note = serde_json::to_string(&note)
            .map_err(|e| Error::file(&path, format!("cannot hold the figures: {e}")))?;
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

    /// Removes all that was kept.
    pub(super) fn discard(&self) {
        if self.folder.exists()
            && let Err(error) = std::fs::remove_dir_all(&self.folder)
        {
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
        if self.folder.exists() {
            return Ok(());
        }
        std::fs::create_dir(&self.folder).map_err(Error::io("create", &self.folder))?;
        write_bytes(&self.folder.join("key.json"), self.key.as_bytes())
    }
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
        let first = Partial::open(&output, &json!({"rank": 4}));
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

        let again = Partial::open(&output, &json!({"rank": 4}));
        let found = again.module::<f64>(0).unwrap();
        assert_eq!((found.module, found.report), (Some(module), 0.25));
        assert!(again.module::<f64>(1).unwrap().module.is_none());
        assert_eq!(again.figure("threshold"), Some(0.125));
        std::fs::write(again.path(0), b"cut short").unwrap();
        assert!(again.module::<f64>(0).is_none());

        let other = Partial::open(&output, &json!({"rank": 8}));
        assert!(other.module::<f64>(1).is_none());
        assert!(!other.folder.exists());
    }

    #[test]
    fn it_stays_after_a_stop_and_goes_with_a_bad_input() {
        let folder = tempfile::tempdir().unwrap();
        let partial = Partial::open(&folder.path().join("out"), &json!(1));
        partial.keep_figure("x", &1).unwrap();
        assert!(partial.conclude::<()>(Err(Error::Cancelled)).is_err());
        assert_eq!(partial.figure("x"), Some(1));
        assert!(partial.conclude::<()>(Err(Error::EmptyPrompt)).is_err());
        assert!(!partial.folder.exists());
    }
}
