//! The result of DPO-SeqT: the adapter that was merged and the one trained on top of it, side by side, so that
//! together they fit the plain base.

use std::collections::BTreeSet;
use std::path::Path;

use super::params::NamedVars;
use crate::forge::{Matrix, Module, Precision, write_adapter};
use crate::types::LoraConfig;
use crate::weights::Adapter;
use crate::{Error, Result};

/// Writes `s₁ B₁ A₁ + s₂ B₂ A₂` as one PEFT folder; ranks add up.
pub(super) fn write(
    folder: &Path,
    base: Option<&Path>,
    previous: &Adapter,
    lora: &LoraConfig,
    vars: &NamedVars,
) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let trained = vars
        .keys()
        .filter_map(|name| name.strip_suffix(".lora_A.weight"));
    let names: BTreeSet<&str> = previous
        .factors
        .keys()
        .map(String::as_str)
        .chain(trained)
        .collect();
    let modules = names
        .into_iter()
        .map(|name| module(name, previous, lora, vars))
        .collect::<Result<Vec<_>>>()?;
    write_adapter(folder, &modules, base, Precision::F32)
}

fn module(name: &str, previous: &Adapter, lora: &LoraConfig, vars: &NamedVars) -> Result<Module> {
    // `A` one below the other; `B` by columns, which are the rows of its transpose.
    let (mut a, mut columns, mut sides) = (Vec::new(), Vec::new(), (0, 0));
    let mut add = |of_a: &[f32], of_b: &[f32], rank: usize, scale: f32| {
        a.extend_from_slice(of_a);
        let out = of_b.len() / rank.max(1);
        let mut b = Matrix::new(out, rank, of_b.to_vec()).transposed();
        b.scale(scale);
        columns.extend_from_slice(b.values());
        sides = (out, of_a.len() / rank.max(1));
    };
    let mut rank = 0;
    if let Some(factor) = previous.factors.get(name) {
        add(&factor.a, &factor.b, factor.rank, factor.scale);
        rank += factor.rank;
    }
    let var = |kind: &str| vars.get(&format!("{name}.lora_{kind}.weight"));
    if let (Some(of_a), Some(of_b)) = (var("A"), var("B")) {
        let numbers = |var: &candle_core::Var| -> Result<Vec<f32>> {
            Ok(var.as_detached_tensor().flatten_all()?.to_vec1()?)
        };
        let (of_a, of_b) = (numbers(of_a)?, numbers(of_b)?);
        add(&of_a, &of_b, lora.rank, lora.scale() as f32);
        rank += lora.rank;
    }
    let (out, inner) = sides;
    Ok(Module {
        name: name.to_owned(),
        a: Matrix::new(rank, inner, a),
        b: Matrix::new(rank, out, columns).transposed(),
        scale: 1.0,
    })
}
