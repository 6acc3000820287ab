//! One task vector → one adapter.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::compress::{CompressSettings, Deltas, Figures, NOTHING, compress};
use super::{Delta, DeltaSource, Matrix, Tell};
use crate::types::shown;
use crate::{Error, Result};

/// The linear projections of one source.
#[derive(Debug)]
pub struct Projections<'a> {
    source: &'a DeltaSource,
    deltas: Vec<&'a Delta>,
    modules: Vec<(String, [usize; 2])>,
}

impl<'a> Projections<'a> {
    /// All linear projections of a source; an adapter's modules whatever their names.
    pub fn new(source: &'a DeltaSource) -> Result<Self> {
        let (mut deltas, mut modules) = (Vec::new(), Vec::new());
        for delta in source.deltas() {
            let shape = match delta.shape.as_slice() {
                &[out, inner] if source.is_lora() => Some([out, inner]),
                _ => delta.projection(),
            };
            if let Some(shape) = shape {
                deltas.push(delta);
                modules.push((delta.module().to_owned(), shape));
            }
        }
        if modules.is_empty() {
            let problem = "holds no linear projection (q, k, v, o, gate, up or down)";
            return Err(Error::file(source.path(), problem));
        }
        Ok(Self {
            source,
            deltas,
            modules,
        })
    }

    /// Names of what is left out: norms, biases, embeddings.
    pub fn ignored(&self) -> Vec<String> {
        let left = |delta: &&Delta| !self.modules.iter().any(|(name, _)| name == delta.module());
        let left = self.source.deltas().iter().filter(left);
        left.map(|delta| delta.name.clone()).collect()
    }
}

impl Deltas for Projections<'_> {
    fn modules(&self) -> &[(String, [usize; 2])] {
        &self.modules
    }

    fn read(&mut self, index: usize) -> Result<Vec<f32>> {
        self.source.read(self.deltas[index])
    }

    fn factors(&mut self, index: usize) -> Result<Option<(Matrix, Matrix)>> {
        let [out, inner] = self.modules[index].1;
        let factor = self.source.factors(self.deltas[index])?;
        Ok(factor.map(|factor| {
            let a = Matrix::new(factor.rank, inner, factor.a);
            let mut b = Matrix::new(out, factor.rank, factor.b);
            b.scale(factor.scale);
            (a, b)
        }))
    }

    fn files(&self) -> Vec<PathBuf> {
        self.source.files()
    }
}

/// Writes the adapter that approximates what `tuned` (a fine-tune or an adapter) adds to `base`.
pub fn extract(
    base: &Path,
    tuned: &Path,
    settings: &CompressSettings,
    out: &Path,
    tell: Tell<'_>,
) -> Result<Figures> {
    let source = DeltaSource::open(tuned, Some(base))?;
    if source.is_vectors() {
        let problem = "is a file; name the folder of a fine-tuned model or of an adapter";
        return Err(Error::file(tuned, problem));
    }
    let mut projections = Projections::new(&source)?;
    let left_out = source.left_out();
    let mut asked = json!({ "base": shown(base), "tuned": shown(tuned) });
    if !left_out.is_empty() {
        asked["left_out"] = json!(left_out.what);
    }
    match compress("extract", &mut projections, settings, &asked, out, tell) {
        Ok(figures) => {
            if !left_out.is_empty() {
                let said = left_out.in_words(figures.norm * figures.norm);
                tracing::warn!("left out of the adapter: {said}");
            }
            Ok(figures)
        }
        Err(Error::Option { name, problem }) if name == NOTHING && !left_out.is_empty() => {
            let said = left_out.what.join("; ");
            let problem = format!("{problem}; what differs cannot be in an adapter: {said}");
            Err(Error::option(name, problem))
        }
        failed => failed,
    }
}
