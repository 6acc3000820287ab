//! Adapters → one adapter without a dense difference: the exact sum by ranks side by side, and the
//! average of factors that some baselines take for it.

use super::Method;
use crate::forge::{Delta, DeltaSource, Matrix, Module, align};
use crate::{Error, Result};

/// `Σ wᵢ sᵢ Bᵢ Aᵢ` exactly: `[wᵢ sᵢ Bᵢ]` side by side, `[Aᵢ]` one below the other; the ranks add up.
/// Sources of weight 0 leave no trace.
pub fn concatenate(sources: &[DeltaSource], weights: &[f64]) -> Result<Vec<Module>> {
    adapters_only(sources)?;
    let mut modules = Vec::new();
    for entry in align(sources)? {
        let shape = shape_of(&entry.delta)?;
        let name = entry.delta.module();
        modules.extend(side_by_side(sources, weights, &entry.parts, name, shape)?);
    }
    Ok(modules)
}

/// One module of [`concatenate`]; `None` where no source with a weight has it.
pub(super) fn side_by_side(
    sources: &[DeltaSource],
    weights: &[f64],
    parts: &[Option<&Delta>],
    name: &str,
    [out, inner]: [usize; 2],
) -> Result<Option<Module>> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut ranks = Vec::new();
    for ((source, part), &weight) in sources.iter().zip(parts).zip(weights) {
        let Some(delta) = part.filter(|_| weight != 0.0) else {
            continue;
        };
        let Some(factor) = source.factors(delta)? else {
            continue;
        };
        let scale = weight as f32 * factor.scale;
        a.extend(factor.a);
        b.push(factor.b.iter().map(|v| v * scale).collect::<Vec<f32>>());
        ranks.push(factor.rank);
    }
    let rank: usize = ranks.iter().sum();
    if rank == 0 {
        return Ok(None);
    }
    let mut wide = Vec::with_capacity(out * rank);
    for row in 0..out {
        for (b, rank) in b.iter().zip(&ranks) {
            wide.extend_from_slice(&b[row * rank..(row + 1) * rank]);
        }
    }
    Ok(Some(Module {
        name: name.to_owned(),
        a: Matrix::new(rank, inner, a),
        b: Matrix::new(out, rank, wide),
        scale: 1.0,
    }))
}

/// `(Σ wᵢ √sᵢ Bᵢ)(Σ wᵢ √sᵢ Aᵢ)`: the average of factors, with cross terms between the sources. All
/// must have the same modules and ranks.
pub fn factor_average(sources: &[DeltaSource], weights: &[f64]) -> Result<Vec<Module>> {
    adapters_only(sources)?;
    let mut modules = Vec::new();
    for entry in align(sources)? {
        let [out, inner] = shape_of(&entry.delta)?;
        let mut sums: Option<(Matrix, Matrix)> = None;
        for ((source, part), &weight) in sources.iter().zip(&entry.parts).zip(weights) {
            let factor = match part {
                Some(delta) => source.factors(delta)?,
                None => None,
            };
            let Some(factor) = factor else {
                let problem = format!(
                    "lacks module `{}`; factors can be averaged only where all adapters have the same modules",
                    entry.delta.module()
                );
                return Err(adapter(source, problem));
            };
            let root = factor.scale.abs().sqrt();
            let (left, right) = (
                weight as f32 * root * factor.scale.signum(),
                weight as f32 * root,
            );
            let (a, b) = sums.get_or_insert_with(|| {
                (
                    Matrix::zeros(factor.rank, inner),
                    Matrix::zeros(out, factor.rank),
                )
            });
            if a.rows() != factor.rank {
                let problem = format!(
                    "has rank {} at `{}`, the first has {}; factors of one rank alone can be averaged",
                    factor.rank,
                    entry.delta.module(),
                    a.rows()
                );
                return Err(adapter(source, problem));
            }
            add(a, right, &factor.a);
            add(b, left, &factor.b);
        }
        modules.extend(sums.map(|(a, b)| Module {
            name: entry.delta.module().to_owned(),
            a,
            b,
            scale: 1.0,
        }));
    }
    Ok(modules)
}

fn add(sum: &mut Matrix, weight: f32, values: &[f32]) {
    for (sum, value) in sum.values_mut().iter_mut().zip(values) {
        *sum += weight * value;
    }
}

fn adapters_only(sources: &[DeltaSource]) -> Result<()> {
    match sources.iter().find(|source| !source.is_lora()) {
        Some(source) => Err(adapter(
            source,
            format!(
                "is no plain LoRA adapter; {} and exact sums of factors need adapters alone",
                serde_json::to_string(&Method::Soup).unwrap_or_default()
            ),
        )),
        None => Ok(()),
    }
}

fn adapter(source: &DeltaSource, problem: String) -> Error {
    Error::Adapter {
        path: source.path().to_path_buf(),
        problem,
    }
}

fn shape_of(delta: &Delta) -> Result<[usize; 2]> {
    match delta.shape.as_slice() {
        &[out, inner] => Ok([out, inner]),
        shape => Err(Error::option(
            delta.name.clone(),
            format!("has shape {shape:?}; a linear module has two sides"),
        )),
    }
}
