//! Differences → LoRA factors: prune over the whole model, task-SVD module by module (HoE, appendix D.1).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::partial::{Kept, Partial};
use super::peft::{Module, Precision, write_adapter};
use super::provenance::{fingerprint, value};
use super::prune::threshold_kept;
use super::svd::{RangeFinder, of_factors, truncated};
use super::{Matrix, PROVENANCE, Provenance, Stage, Tell, check_share, prune};
use crate::model::in_words;
use crate::output::{check_new_folder, folder_atomically};
use crate::{Bounds, Error, Result};

/// What the factors are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rescale {
    /// One number for all modules (1.9 in HoE's example).
    Factor(f64),
    /// Per module, so that the norm is that of the (pruned) difference.
    Norm,
}

/// How differences are compressed.
#[derive(Debug, Clone, Serialize)]
pub struct CompressSettings {
    /// Rank; modules whose smaller side is less get that.
    pub rank: usize,
    /// The share of smallest magnitudes, over all modules together, that is set to zero.
    pub prune: f64,
    /// What the factors are multiplied by.
    pub rescale: Rescale,
    /// For large modules.
    pub finder: RangeFinder,
    /// The type of numbers on disk.
    pub precision: Precision,
    /// What `adapter_config.json` names as its base.
    #[serde(serialize_with = "crate::types::serialize_shown_if_there")]
    pub base: Option<PathBuf>,
}

impl Default for CompressSettings {
    fn default() -> Self {
        Self {
            rank: 64,
            prune: 0.0,
            rescale: Rescale::Factor(1.0),
            finder: RangeFinder::default(),
            precision: Precision::F32,
            base: None,
        }
    }
}

impl CompressSettings {
    /// Refuses what makes no sense for modules of these shapes.
    pub fn check(&self, modules: &[(String, [usize; 2])]) -> Result<()> {
        check_share("--prune", self.prune)?;
        if let Rescale::Factor(factor) = self.rescale {
            let checked = Bounds::above(0.0).check(factor);
            checked.map_err(|e| Error::option("--rescale", e))?;
        }
        let largest = modules
            .iter()
            .map(|(_, [out, inner])| (*out).min(*inner))
            .max();
        // At most the smaller side of the largest module.
        let bounds = Bounds::of(1.0, largest.unwrap_or(self.rank).max(1) as f64);
        let checked = bounds.check(self.rank as f64);
        checked.map_err(|e| Error::option("--rank", e))?;
        let capped = modules
            .iter()
            .filter(|(_, [out, inner])| (*out).min(*inner) < self.rank);
        let capped: Vec<String> = capped.map(|(name, _)| name.clone()).collect();
        if !capped.is_empty() {
            tracing::warn!(
                "rank {} is more than the smaller side of {} and is that side there",
                self.rank,
                in_words(&capped)
            );
        }
        Ok(())
    }
}

/// Differences that can be read again and again, by index.
pub trait Deltas {
    /// Path and `[out, in]` of the linear modules.
    fn modules(&self) -> &[(String, [usize; 2])];

    /// A difference, `[out, in]` row-major.
    fn read(&mut self, index: usize) -> Result<Vec<f32>>;

    /// `A` `[k, in]` and `B` `[out, k]` with the difference `B A`, where they are known.
    fn factors(&mut self, _index: usize) -> Result<Option<(Matrix, Matrix)>> {
        Ok(None)
    }

    /// The files that the differences come from.
    fn files(&self) -> Vec<PathBuf>;
}

/// What an error names where the whole difference is zero.
pub(super) const NOTHING: &str = "task vector";

/// What became of a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleFigures {
    /// Its path.
    pub module: String,
    /// `[out, in]`.
    pub shape: [usize; 2],
    /// Rank of its factors; 0 where nothing is left of it.
    pub rank: usize,
    /// Frobenius norm of the difference, after pruning.
    pub norm: f64,
    /// Share of the squared norm that the factors keep (1 for a difference of zero).
    pub energy_kept: f64,
    /// What the factors are multiplied by.
    pub scale: f64,
}

/// What became of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Magnitudes below it were set to zero.
    pub threshold: f32,
    /// Frobenius norm of all differences together, after pruning.
    pub norm: f64,
    /// Share of the squared norm that is kept.
    pub energy_kept: f64,
    /// Module by module.
    pub modules: Vec<ModuleFigures>,
}

/// Writes a PEFT folder that approximates `deltas`, with [`PROVENANCE`] in it.
///
/// Held at a time: one difference with about five matrices of `rank` columns, and the factors that are
/// finished. A step that is broken off goes on where it was when it is given again.
pub fn compress(
    step: &'static str,
    deltas: &mut dyn Deltas,
    settings: &CompressSettings,
    source: &impl Serialize,
    out: &Path,
    tell: Tell<'_>,
) -> Result<Figures> {
    check_new_folder(out)?;
    settings.check(deltas.modules())?;
    let wanted = json!({ "source": value(source)?, "compress": value(settings)? });
    let files = deltas.files();
    let key = json!({ "step": step, "wanted": wanted, "files": fingerprint(&files)? });
    let partial = Partial::open(out, &key)?;
    let done = run(deltas, settings, &partial, tell).and_then(|(modules, figures)| {
        let provenance = Provenance::new(step, &files, &wanted, &figures)?;
        folder_atomically(out, |folder| {
            let base = settings.base.as_deref();
            write_adapter(folder, &modules, base, settings.precision)?;
            provenance.write(&folder.join(PROVENANCE))
        })?;
        Ok(figures)
    });
    partial.conclude(done)
}

fn run(
    deltas: &mut dyn Deltas,
    settings: &CompressSettings,
    partial: &Partial,
    tell: Tell<'_>,
) -> Result<(Vec<Module>, Figures)> {
    let shapes = deltas.modules().to_vec();
    let counts: Vec<usize> = shapes.iter().map(|(_, [out, inner])| out * inner).collect();
    let threshold = match partial.figure("threshold") {
        Some(found) => found,
        None => {
            let read = &mut |index| deltas.read(index);
            let found = threshold_kept(settings.prune, &counts, read, Some(partial), tell)?;
            if settings.prune > 0.0 {
                partial.keep_figure("threshold", &found)?;
            }
            found
        }
    };
    let total = counts.iter().map(|&count| count as u64).sum();
    let mut stage = Stage::new("svd", total, tell)?;
    let (mut modules, mut figures) = (Vec::new(), Vec::new());
    for (index, (name, shape)) in shapes.iter().enumerate() {
        let kept = match partial.module(index) {
            Some(kept) => kept,
            None => {
                let kept = one(deltas, settings, threshold, index, name, *shape)?;
                partial.keep(index, &kept)?;
                kept
            }
        };
        modules.extend(kept.module);
        figures.push(kept.report);
        stage.advance(counts[index] as u64)?;
    }
    let energy: f64 = figures
        .iter()
        .map(|f: &ModuleFigures| f.norm * f.norm)
        .sum();
    if energy == 0.0 {
        return Err(Error::option(
            NOTHING,
            "is all zero in every linear projection: both models are the same there",
        ));
    }
    let kept = figures.iter().map(|f| f.energy_kept * f.norm * f.norm);
    let figures = Figures {
        threshold,
        norm: energy.sqrt(),
        energy_kept: kept.sum::<f64>() / energy,
        modules: figures,
    };
    Ok((modules, figures))
}

/// Compresses one module.
fn one(
    deltas: &mut dyn Deltas,
    settings: &CompressSettings,
    threshold: f32,
    index: usize,
    name: &str,
    shape: [usize; 2],
) -> Result<Kept<ModuleFigures>> {
    let [out, inner] = shape;
    let rank = settings.rank.min(out).min(inner);
    let factors = if settings.prune == 0.0 {
        deltas.factors(index)?
    } else {
        None
    };
    let (energy, found) = match factors {
        // Factors of a rank near the sides' are no cheaper than the dense difference.
        Some((a, b)) if a.rows() < out.min(inner) => {
            (energy_of_factors(&a, &b), of_factors(&a, &b, rank)?)
        }
        _ => {
            let mut values = deltas.read(index)?;
            prune(&mut values, threshold);
            let matrix = Matrix::new(out, inner, values);
            let energy = matrix.norm_squared();
            let found = truncated(&matrix, rank, &settings.finder, index as u64)?;
            (energy, found)
        }
    };
    let kept = if energy > 0.0 {
        (found.energy() / energy).min(1.0)
    } else {
        1.0
    };
    let scale = match settings.rescale {
        Rescale::Factor(factor) => factor,
        Rescale::Norm if kept > 0.0 => kept.sqrt().recip(),
        Rescale::Norm => 1.0,
    };
    let (a, b) = found.factors();
    let report = ModuleFigures {
        module: name.to_owned(),
        shape,
        rank: found.s.len(),
        norm: energy.sqrt(),
        energy_kept: kept,
        scale,
    };
    let module = (!found.s.is_empty()).then(|| Module {
        name: name.to_owned(),
        a,
        b,
        scale,
    });
    Ok(Kept { module, report })
}

/// `‖B A‖² = Σ (Bᵀ B) ∘ (A Aᵀ)`.
fn energy_of_factors(a: &Matrix, b: &Matrix) -> f64 {
    let (left, right) = (b.transposed_times(b), a.times_transposed(a));
    let terms = left.values().iter().zip(right.values());
    terms
        .map(|(l, r)| f64::from(*l) * f64::from(*r))
        .sum::<f64>()
        .max(0.0)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::forge::Progress;
    use crate::forge::svd::gaussian;
    use crate::weights::{Adapter, LoraFactor};

    /// Differences in memory; counts how often one is read.
    struct Some3 {
        modules: Vec<(String, [usize; 2])>,
        values: Vec<Matrix>,
        reads: Cell<usize>,
    }

    impl Some3 {
        fn new() -> Self {
            let shapes = [[12, 20], [30, 10], [16, 16]];
            let modules = shapes.iter().enumerate();
            Self {
                modules: modules
                    .map(|(i, s)| (format!("model.layers.{i}.q_proj"), *s))
                    .collect(),
                values: shapes
                    .iter()
                    .map(|[m, n]| gaussian(*m, *n, 3, *m as u64))
                    .collect(),
                reads: Cell::new(0),
            }
        }
    }

    impl Deltas for Some3 {
        fn modules(&self) -> &[(String, [usize; 2])] {
            &self.modules
        }
        fn read(&mut self, index: usize) -> Result<Vec<f32>> {
            self.reads.set(self.reads.get() + 1);
            Ok(self.values[index].values().to_vec())
        }
        fn files(&self) -> Vec<PathBuf> {
            Vec::new()
        }
    }

    fn settings(prune: f64) -> CompressSettings {
        CompressSettings {
            rank: 6,
            prune,
            ..CompressSettings::default()
        }
    }

    fn product(factor: &LoraFactor, [out, inner]: [usize; 2]) -> Matrix {
        crate::forge::source::product_of(factor, [out, inner])
    }

    fn distance(a: &Matrix, b: &Matrix) -> f64 {
        let squares = a.values().iter().zip(b.values());
        squares
            .map(|(x, y)| f64::from(x - y).powi(2))
            .sum::<f64>()
            .sqrt()
    }

    #[test]
    fn the_energy_said_to_be_kept_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a");
        let mut deltas = Some3::new();
        let figures = compress("test", &mut deltas, &settings(0.0), &"", &out, &mut |_| {
            Ok(())
        })
        .unwrap();
        let adapter = Adapter::load(&out, &deltas.modules).unwrap();
        for ((module, shape), (matrix, figures)) in deltas
            .modules
            .iter()
            .zip(deltas.values.iter().zip(&figures.modules))
        {
            let off = distance(matrix, &product(&adapter.factors[module], *shape));
            let expected = figures.norm * (1.0 - figures.energy_kept).sqrt();
            assert!(
                (off - expected).abs() < 1e-3 * figures.norm,
                "{off}, not {expected}"
            );
            assert_eq!(figures.rank, 6);
        }
        assert!(figures.energy_kept > 0.3 && figures.energy_kept < 1.0);
        let provenance = std::fs::read_to_string(out.join(PROVENANCE)).unwrap();
        assert!(provenance.contains("\"energy_kept\"") && provenance.contains("\"rank\": 6"));
    }

    #[test]
    fn norms_can_be_matched() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a");
        let mut deltas = Some3::new();
        let matched = CompressSettings {
            rescale: Rescale::Norm,
            ..settings(0.4)
        };
        let figures = compress("test", &mut deltas, &matched, &"", &out, &mut |_| Ok(())).unwrap();
        let adapter = Adapter::load(&out, &deltas.modules).unwrap();
        for ((module, shape), figures) in deltas.modules.iter().zip(&figures.modules) {
            let norm = product(&adapter.factors[module], *shape)
                .norm_squared()
                .sqrt();
            assert!((norm - figures.norm).abs() < 1e-3 * norm);
        }
        assert!(
            figures.threshold > 0.4 && figures.threshold < 0.65,
            "{}",
            figures.threshold
        );
    }

    #[test]
    fn what_was_broken_off_goes_on_and_ends_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
        let make = |out: &Path, deltas: &mut Some3, tell: Tell<'_>| {
            compress("test", deltas, &settings(0.4), &"", out, tell)
        };
        make(&whole, &mut Some3::new(), &mut |_| Ok(())).unwrap();

        let mut first = Some3::new();
        let stop = &mut |progress: Progress| match progress.stage {
            "svd" if progress.done > 500 => Err(Error::Cancelled),
            _ => Ok(()),
        };
        assert!(matches!(
            make(&broken, &mut first, stop),
            Err(Error::Cancelled)
        ));
        assert!(!broken.exists() && folder.path().join("broken.partial").exists());

        let mut second = Some3::new();
        make(&broken, &mut second, &mut |_| Ok(())).unwrap();
        assert_eq!(second.reads.get(), 1, "threshold and two modules were kept");
        for file in [
            "adapter_model.safetensors",
            "adapter_config.json",
            PROVENANCE,
        ] {
            let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
            assert_eq!(read(&broken), read(&whole), "{file}");
        }
        assert!(!folder.path().join("broken.partial").exists());
    }

    #[test]
    fn ranks_are_capped_by_module_and_refused_above_all() {
        let modules = [("a".to_owned(), [4, 9]), ("b".to_owned(), [12, 7])];
        let of_rank = |rank| CompressSettings {
            rank,
            ..CompressSettings::default()
        };
        assert!(of_rank(7).check(&modules).is_ok());
        assert!(of_rank(8).check(&modules).unwrap_err().is_input());
        assert!(of_rank(0).check(&modules).unwrap_err().is_input());
    }
}
