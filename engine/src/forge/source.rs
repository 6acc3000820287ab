//! Task vectors as they lie on disk, read one tensor at a time (methods 1.1 to 1.3).
//!
//! A source is a file of task vectors, a full fine-tune beside its base, or a LoRA adapter. What is
//! held at a time is the difference of one module: twice its f32 bytes while a fine-tune is
//! subtracted, three times for DoRA.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::left_out::LeftOut;
use super::matrix::{Matrix, sum_of_squares};
use crate::weights::{Checkpoint, Digest, Dora, LoraFactor, LoraFolder, LoraModule};
use crate::{Error, Result};

/// The linear projections that pruning and task-SVD cover.
pub const PROJECTIONS: [&str; 7] = [
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
];

const WEIGHT: &str = ".weight";

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// Module path, e.g. `model.layers.0.self_attn.q_proj`; in a file of task vectors its tensor's name.
    pub name: String,
    /// `[out, in]` of a linear module, whatever the order in which the base stores it.
    pub shape: Vec<usize>,
}

impl Delta {
    /// The module's path: the name without `.weight`.
    pub fn module(&self) -> &str {
        self.name.strip_suffix(WEIGHT).unwrap_or(&self.name)
    }

    /// `[out, in]` if this is a linear projection.
    pub fn projection(&self) -> Option<[usize; 2]> {
        let last = self.module().rsplit('.').next().unwrap_or_default();
        match (PROJECTIONS.contains(&last), self.shape.as_slice()) {
            (true, &[out, inner]) => Some([out, inner]),
            _ => None,
        }
    }

    /// Its numbers.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Differences by module.
#[derive(Debug)]
pub struct DeltaSource {
    path: PathBuf,
    kind: Kind,
    deltas: Vec<Delta>,
    left_out: LeftOut,
}

#[derive(Debug)]
enum Kind {
    Vectors(Checkpoint),
    Tuned {
        base: Checkpoint,
        tuned: Checkpoint,
    },
    Lora {
        folder: LoraFolder,
        /// For DoRA.
        base: Option<Checkpoint>,
    },
}

impl DeltaSource {
    /// Opens a safetensors file of task vectors, a PEFT folder, or a fine-tuned model's folder; the
    /// last, and DoRA adapters, need the `base` that they were tuned from.
    pub fn open(path: &Path, base: Option<&Path>) -> Result<Self> {
        if path.join("adapter_config.json").exists() {
            return Self::adapter(path, base);
        }
        if !path.is_dir() {
            return Self::vectors(path);
        }
        let Some(base) = base else {
            return Err(Error::file(
                path,
                "is a model's folder, not an adapter's (no adapter_config.json); its base is needed to subtract from it (--base)",
            ));
        };
        Self::tuned(base, path)
    }

    /// A file of task vectors.
    pub fn vectors(path: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::open_file(path)?;
        let deltas: Vec<Delta> = checkpoint
            .names()
            .map(|name| delta(name, &checkpoint, name))
            .collect();
        if deltas.iter().all(|delta| delta.count() == 0) {
            return Err(Error::file(
                path,
                "holds no numbers; a file of task vectors has at least one tensor",
            ));
        }
        Ok(Self {
            path: path.to_path_buf(),
            kind: Kind::Vectors(checkpoint),
            deltas,
            left_out: LeftOut::default(),
        })
    }

    /// A full fine-tune and its base, both Hugging Face folders.
    pub fn tuned(base: &Path, tuned: &Path) -> Result<Self> {
        let (path, base, tuned) = (
            tuned.to_path_buf(),
            Checkpoint::open_folder(base)?,
            Checkpoint::open_folder(tuned)?,
        );
        let mut deltas = Vec::new();
        for name in base.names() {
            let Some(module) = name.strip_suffix(WEIGHT) else {
                continue;
            };
            let shared = delta(module, &base, name);
            let vocabulary = module.ends_with("embed_tokens") || module.ends_with("lm_head");
            if shared.projection().is_none() && !vocabulary {
                continue;
            }
            // Tables may have grown by tokens; they are left out, and that is said.
            if vocabulary {
                continue;
            }
            tuned.expect(name, &shared.shape)?;
            same_type(&base, &tuned, name)?;
            deltas.push(shared);
        }
        if deltas.is_empty() {
            let problem = format!(
                "has none of the projections {}; is it a Llama-family model?",
                PROJECTIONS.join(", ")
            );
            return Err(Error::file(base.path(), problem));
        }
        Ok(Self {
            path,
            left_out: LeftOut::of_models(&base, &tuned, &deltas)?,
            kind: Kind::Tuned { base, tuned },
            deltas,
        })
    }

    /// A LoRA or DoRA adapter in PEFT's layout.
    pub fn adapter(path: &Path, base: Option<&Path>) -> Result<Self> {
        let folder = LoraFolder::open(path, Dora::Accept)?;
        let base = match (folder.dora, base) {
            (false, _) => None,
            (true, Some(base)) => Some(Checkpoint::open_folder(base)?),
            (true, None) => {
                return Err(Error::Adapter {
                    path: path.to_path_buf(),
                    problem: "it is a DoRA adapter, whose difference depends on the base weights; name the base (--base)".to_owned(),
                });
            }
        };
        let mut deltas = Vec::new();
        for (name, module) in &folder.modules {
            deltas.push(Delta {
                name: name.clone(),
                shape: folder.shape(module)?.to_vec(),
            });
        }
        if deltas.is_empty() {
            return Err(Error::Adapter {
                path: path.to_path_buf(),
                problem: "it adapts no module".to_owned(),
            });
        }
        Ok(Self {
            path: path.to_path_buf(),
            left_out: LeftOut::of_adapter(&folder.warnings),
            kind: Kind::Lora { folder, base },
            deltas,
        })
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds, by name.
    pub fn deltas(&self) -> &[Delta] {
        &self.deltas
    }

    /// What of the difference is not among them.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Whether every difference is a product of known factors.
    pub fn is_lora(&self) -> bool {
        matches!(&self.kind, Kind::Lora { folder, .. } if !folder.dora)
    }

    /// Whether it is a file of task vectors.
    pub fn is_vectors(&self) -> bool {
        matches!(self.kind, Kind::Vectors(_))
    }

    /// The files that its numbers come from, for digests.
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.kind {
            Kind::Vectors(checkpoint) => checkpoint.files().to_vec(),
            Kind::Tuned { base, tuned } => [base.files(), tuned.files()].concat(),
            Kind::Lora { folder, base } => {
                let base = base.as_ref().map_or(&[][..], Checkpoint::files);
                let config = vec![self.path.join("adapter_config.json")];
                [&config, folder.checkpoint.files(), base].concat()
            }
        }
    }

    /// The difference as a matrix or vector of f32, row-major.
    pub fn read(&self, delta: &Delta) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        self.read_into(delta, &mut values)?;
        Ok(values)
    }

    /// [`DeltaSource::read`] into memory that is there already.
    pub fn read_into(&self, delta: &Delta, values: &mut Vec<f32>) -> Result<()> {
        match &self.kind {
            Kind::Vectors(checkpoint) => checkpoint.values_into(&delta.name, values),
            Kind::Tuned { base, tuned } => {
                let name = format!("{}{WEIGHT}", delta.name);
                tuned.values_into(&name, values)?;
                subtract(values, &base.values(&name)?);
                Ok(())
            }
            Kind::Lora { folder, base } => {
                let (module, [out, inner]) = self.lora_module(folder, delta)?;
                let factor = folder.read(module, [out, inner], &mut Digest::default())?;
                let mut product = product_of(&factor, [out, inner]);
                if let Some(base) = base {
                    decompose(&mut product, folder, base, delta, module)?;
                }
                *values = product.into_values();
                let count = values.iter().filter(|v| !v.is_finite()).count();
                if count > 0 {
                    return Err(Error::NotFinite {
                        path: self.path.clone(),
                        tensor: delta.name.clone(),
                        count,
                    });
                }
                Ok(())
            }
        }
    }

    /// The factors of a difference; `None` where it is dense.
    pub fn factors(&self, delta: &Delta) -> Result<Option<LoraFactor>> {
        match &self.kind {
            Kind::Lora { folder, base: None } => {
                let (module, shape) = self.lora_module(folder, delta)?;
                folder.read(module, shape, &mut Digest::default()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The rank of a difference that is a product of known factors.
    pub fn rank(&self, delta: &Delta) -> Option<usize> {
        match &self.kind {
            Kind::Lora { folder, base: None } => {
                folder.modules.get(&delta.name).map(|module| module.rank)
            }
            _ => None,
        }
    }

    fn lora_module<'a>(
        &self,
        folder: &'a LoraFolder,
        delta: &Delta,
    ) -> Result<(&'a LoraModule, [usize; 2])> {
        let missing = || Error::MissingTensor {
            path: self.path.clone(),
            tensor: format!("{}.lora_A.weight", delta.name),
        };
        let module = folder.modules.get(&delta.name).ok_or_else(missing)?;
        Ok((module, folder.shape(module)?))
    }
}

/// DoRA (Liu et al. 2024, eq. 5): `m (W + s B A) / ‖W + s B A‖ - W`, the norm along the inputs.
fn decompose(
    product: &mut Matrix,
    folder: &LoraFolder,
    base: &Checkpoint,
    delta: &Delta,
    module: &LoraModule,
) -> Result<()> {
    let (out, inner) = (product.rows(), product.cols());
    let name = format!("{}{WEIGHT}", delta.name);
    let transposed = folder.fan_in_fan_out && base.shape(&name) == Some(&[inner, out]);
    let weight = if transposed {
        Matrix::new(inner, out, base.values(&name)?).transposed()
    } else {
        base.expect(&name, &[out, inner])?;
        Matrix::new(out, inner, base.values(&name)?)
    };
    let magnitude = module.magnitude.as_deref().unwrap_or_default();
    folder.checkpoint.expect(magnitude, &[out])?;
    let magnitudes = folder.checkpoint.values(magnitude)?;
    product
        .values_mut()
        .par_chunks_mut(inner)
        .zip(weight.values().par_chunks(inner))
        .zip(&magnitudes)
        .for_each(|((row, weight), magnitude)| {
            for (value, weight) in row.iter_mut().zip(weight) {
                *value += weight;
            }
            let norm = sum_of_squares(row).sqrt() as f32;
            for (value, weight) in row.iter_mut().zip(weight) {
                *value = *value * (magnitude / norm) - weight;
            }
        });
    Ok(())
}

fn delta(name: &str, checkpoint: &Checkpoint, tensor: &str) -> Delta {
    Delta {
        name: name.to_owned(),
        shape: checkpoint.shape(tensor).unwrap_or_default().to_vec(),
    }
}

/// `s B A`.
pub(super) fn product_of(factor: &LoraFactor, [out, inner]: [usize; 2]) -> Matrix {
    let b = Matrix::new(out, factor.rank, factor.b.clone());
    let a = Matrix::new(factor.rank, inner, factor.a.clone());
    let mut product = b.times(&a);
    product.scale(factor.scale);
    product
}

fn subtract(from: &mut [f32], what: &[f32]) {
    from.par_iter_mut()
        .zip(what)
        .for_each(|(from, what)| *from -= what);
}

fn same_type(base: &Checkpoint, tuned: &Checkpoint, name: &str) -> Result<()> {
    let (before, after) = (base.dtype(name), tuned.dtype(name));
    let exact = |before: &String| tuned.is_upcast_from(name, before);
    if before == after || before.as_ref().is_some_and(exact) {
        return Ok(());
    }
    let problem = format!(
        "tensor `{name}` is {} here but {} in the base {}: rounding would count as training; convert one of them",
        after.unwrap_or_default(),
        before.unwrap_or_default(),
        base.path().display()
    );
    Err(Error::file(tuned.path(), problem))
}

/// Differences of several sources, by module.
#[derive(Debug)]
pub struct Aligned<'a> {
    /// Name and shape, in order of name.
    pub delta: Delta,
    /// Per source: its difference; `None` where an adapter leaves the module as it is.
    pub parts: Vec<Option<&'a Delta>>,
}

/// Lays sources side by side. Files of task vectors must hold equal names; a module that an adapter or
/// fine-tune lacks counts as unchanged. Shapes must agree.
pub fn align(sources: &[DeltaSource]) -> Result<Vec<Aligned<'_>>> {
    let mut by_module: BTreeMap<&str, Vec<Option<&Delta>>> = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        for delta in source.deltas() {
            let parts = by_module
                .entry(delta.module())
                .or_insert_with(|| vec![None; sources.len()]);
            if parts[index].replace(delta).is_some() {
                let problem = format!(
                    "holds `{0}` twice, as `{0}` and `{0}.weight`",
                    delta.module()
                );
                return Err(Error::file(source.path(), problem));
            }
        }
    }
    let mut aligned = Vec::with_capacity(by_module.len());
    for parts in by_module.into_values() {
        let Some((first, delta)) = parts
            .iter()
            .enumerate()
            .find_map(|(i, part)| part.map(|delta| (i, delta)))
        else {
            continue;
        };
        for (source, part) in sources.iter().zip(&parts) {
            match part {
                Some(part) if part.shape != delta.shape => {
                    return Err(Error::Shape {
                        path: source.path().to_path_buf(),
                        tensor: part.name.clone(),
                        expected: delta.shape.clone(),
                        got: part.shape.clone(),
                    });
                }
                None if source.is_vectors() => {
                    let problem = format!(
                        "has no tensor `{}`, which {} has; task vectors must have equal names",
                        delta.name,
                        sources[first].path().display()
                    );
                    return Err(Error::file(source.path(), problem));
                }
                _ => {}
            }
        }
        aligned.push(Aligned {
            delta: delta.clone(),
            parts,
        });
    }
    Ok(aligned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::forge::peft::{Precision, encode, write_tensors};
    use crate::forge::svd::gaussian;

    const MODULE: &str = "model.layers.0.self_attn.q_proj";
    const OUT: usize = 7;
    const INNER: usize = 5;

    fn write(path: &Path, tensors: &[(&str, &Matrix)]) {
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
            .iter()
            .map(|(name, matrix)| {
                let shape = match matrix.rows() {
                    1 => vec![matrix.cols()],
                    rows => vec![rows, matrix.cols()],
                };
                let bytes = encode(matrix.values(), Precision::F32).unwrap();
                ((*name).to_owned(), shape, bytes)
            })
            .collect();
        write_tensors(path, &tensors, Precision::F32, []).unwrap();
    }

    /// An adapter of rank 3 with these settings, and its factors.
    fn adapter(
        folder: &TempDir,
        more: serde_json::Value,
        magnitudes: Option<&Matrix>,
    ) -> (PathBuf, Matrix, Matrix) {
        let path = folder.path().join("adapter");
        std::fs::create_dir(&path).unwrap();
        let (a, b) = (gaussian(3, INNER, 1, 0), gaussian(OUT, 3, 1, 1));
        let name = |part: &str| format!("base_model.model.{MODULE}.{part}");
        let (a_name, b_name, m_name) = (
            name("lora_A.weight"),
            name("lora_B.weight"),
            name("lora_magnitude_vector"),
        );
        let mut tensors = vec![(a_name.as_str(), &a), (b_name.as_str(), &b)];
        tensors.extend(magnitudes.map(|m| (m_name.as_str(), m)));
        write(&path.join("adapter_model.safetensors"), &tensors);
        let mut config = json!({"peft_type": "LORA", "r": 3, "lora_alpha": 6});
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        std::fs::write(path.join("adapter_config.json"), config.to_string()).unwrap();
        (path, a, b)
    }

    fn base(folder: &TempDir, weight: &Matrix) -> PathBuf {
        let path = folder.path().join("base");
        std::fs::create_dir(&path).unwrap();
        write(
            &path.join("model.safetensors"),
            &[(&format!("{MODULE}.weight"), weight)],
        );
        path
    }

    fn near(got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-5, "{got}, not {expected}");
        }
    }

    fn read(source: &DeltaSource) -> Vec<f32> {
        source.read(&source.deltas()[0]).unwrap()
    }

    #[test]
    fn scales_are_those_of_the_configuration() {
        for (more, scale) in [
            (json!({}), 2.0),
            (json!({"use_rslora": true}), 6.0 / 3f32.sqrt()),
            (json!({"alpha_pattern": {"q_proj": 1.5}}), 0.5),
            // What PEFT calls fan_in_fan_out is about the base's layout, not the factors'.
            (json!({"fan_in_fan_out": true}), 2.0),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (path, a, b) = adapter(&folder, more, None);
            let mut expected = b.times(&a);
            expected.scale(scale);
            let source = DeltaSource::open(&path, None).unwrap();
            assert!(source.is_lora());
            near(&read(&source), expected.values());
        }
    }

    #[test]
    fn dora_is_the_change_of_the_normalised_weight() {
        for transposed in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let (weight, mut magnitudes) = (gaussian(OUT, INNER, 2, 0), gaussian(1, OUT, 2, 1));
            magnitudes
                .values_mut()
                .iter_mut()
                .for_each(|m| *m = m.abs() + 0.5);
            let stored = if transposed {
                weight.transposed()
            } else {
                weight.clone()
            };
            let base = base(&folder, &stored);
            let more = json!({"use_dora": true, "fan_in_fan_out": transposed});
            let (path, a, b) = adapter(&folder, more, Some(&magnitudes));
            assert!(DeltaSource::open(&path, None).unwrap_err().is_input());

            let mut moved = b.times(&a);
            moved.scale(2.0);
            let mut expected = Vec::new();
            for ((row, weight), m) in moved
                .rows_iter()
                .zip(weight.rows_iter())
                .zip(magnitudes.values())
            {
                let sum: Vec<f32> = row.iter().zip(weight).map(|(d, w)| d + w).collect();
                let norm = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
                expected.extend(sum.iter().zip(weight).map(|(v, w)| m * v / norm - w));
            }
            let source = DeltaSource::open(&path, Some(&base)).unwrap();
            assert!(!source.is_lora());
            near(&read(&source), &expected);
        }
    }

    #[test]
    fn fine_tunes_are_subtracted() {
        let folder = tempfile::tempdir().unwrap();
        let (before, change) = (gaussian(OUT, INNER, 2, 0), gaussian(OUT, INNER, 2, 1));
        let base = base(&folder, &before);
        let mut after = before.clone();
        for (value, change) in after.values_mut().iter_mut().zip(change.values()) {
            *value += change;
        }
        let tuned = folder.path().join("tuned");
        std::fs::create_dir(&tuned).unwrap();
        write(
            &tuned.join("model.safetensors"),
            &[(&format!("{MODULE}.weight"), &after)],
        );
        let source = DeltaSource::open(&tuned, Some(&base)).unwrap();
        assert_eq!(source.deltas()[0].name, MODULE);
        near(&read(&source), change.values());
        assert!(DeltaSource::open(&tuned, None).unwrap_err().is_input());
    }
}
