//! What keeps a new value vector apart from earlier ones (MVA, Algorithm 1): `alpha Σⱼ D(θ, θⱼ)`, added to the
//! loss once per step, with its gradient in the adapter's factors.
//!
//! | family | D, over the modules that both adapt | file |
//! |---|---|---|
//! | `hsic-released` | sum of HSIC over the rows of `A`, bandwidth 1, as MVA's code has it | `hsic` |
//! | `hsic-rows` | sum of HSIC over the rows of `s B A`, bandwidth 1, as MVA's text has it | `hsic` |
//! | `hsic-normalised` | mean of the same with median bandwidths, divided by `√(HSIC(K,K) HSIC(L,L))` | `hsic` |
//! | `hsic-unbiased` | mean of `max(0, N - 2 sd)`, `N` the same without bias and `sd` what chance makes of it | `hsic` |
//! | `orthogonal-olora` | sum of the sizes of all entries of `A Aⱼᵀ`, as in O-LoRA | `orthogonal` |
//! | `orthogonal-cosine` | mean of `cos²(s B A, sⱼ Bⱼ Aⱼ)` | `orthogonal` |
//! | `weight-decay` | `‖s B A‖²` over all modules, no earlier vector: the control | `decay` |
//!
//! A further control compares with earlier vectors whose rows are in a new random order in every step (`shuffled`).
//!
//! The gradients are written out rather than taken by candle, because kernels are centred in f64: with
//! bandwidth 1 they differ from 1 by less than f32 resolves. The values, of `hsic-unbiased` those of `N`, are those
//! of [`crate::forge::dependence`]. `alpha` is a number, or follows from a ratio of gradients (`balance`).

mod balance;
mod decay;
mod factor;
mod hsic;
mod orthogonal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::Tensor;

use self::factor::{Factor, Gradient};
use super::parallel::Team;
use super::params::NamedVars;
use crate::forge::dependence::LEAST_UNBIASED;
use crate::model::LlamaConfig;
use crate::types::{LoraConfig, PenaltyConfig, PenaltyKind, Strength};
use crate::weights::Adapter;
use crate::{Error, Result};

/// What is added to a step.
#[derive(Debug)]
pub(super) struct Addition {
    /// `alpha Σⱼ D(θ, θⱼ)`.
    pub(super) value: f64,
    /// In the order of the variables' names.
    pub(super) gradients: Vec<Option<Tensor>>,
    /// For the metrics.
    pub(super) figures: BTreeMap<String, f64>,
}

/// An earlier value vector.
struct Earlier {
    name: String,
    digest: String,
    /// By module, those alone that both adapt.
    factors: BTreeMap<String, Factor>,
    kernels: BTreeMap<String, hsic::Frozen>,
}

/// A penalty with all that is computed once.
pub(super) struct Penalty {
    config: PenaltyConfig,
    scale: f64,
    /// Modules of the adapter in training.
    modules: Vec<String>,
    earlier: Vec<Earlier>,
}

/// What one module gives.
struct ModuleTerm {
    /// `D` per earlier vector (one for all where none is compared), before any mean.
    values: Vec<f64>,
    /// As the loss counts it: without what chance explains.
    costs: Vec<f64>,
    gradient: Gradient,
    /// `‖s B A‖²`.
    square: f64,
    /// With each earlier vector: inner product, and its squared length.
    products: Vec<[f64; 2]>,
}

impl Penalty {
    /// Reads the earlier adapters and what of them never changes. Refuses a penalty that has nothing to
    /// compare with, adapters of another model, and ranks that the released form cannot pair.
    pub(super) fn open(
        config: &PenaltyConfig,
        lora: &LoraConfig,
        shape: &LlamaConfig,
        against: &[PathBuf],
    ) -> Result<Self> {
        let kind = config.kind;
        let strength = config.alpha.number();
        if !(strength.is_finite() && strength >= 0.0) {
            let option = match config.alpha {
                Strength::Alpha(_) => "alpha",
                Strength::Ratio { .. } => "alpha_ratio",
            };
            let problem = format!("is {strength}; it must be a number of at least 0");
            return Err(Error::option(option, problem));
        }
        let least = match kind {
            PenaltyKind::HsicUnbiased => LEAST_UNBIASED,
            _ => 2,
        };
        if let Some(rows) = config.rows.filter(|&rows| rows < least) {
            let problem = format!(
                "is {rows}; {} needs at least {least} rows; 0 stands for all",
                kind.name()
            );
            return Err(Error::option("penalty_rows", problem));
        }
        if config.shuffled && !kind.is_of_rows() {
            let problem = format!(
                "`{}` compares no rows; shuffled rows belong to hsic-rows, hsic-normalised and hsic-unbiased",
                kind.name()
            );
            return Err(Error::option("shuffled", problem));
        }
        if kind.compares() && against.is_empty() {
            let problem = format!(
                "`{}` compares with earlier value vectors; give at least one as `against`",
                kind.name()
            );
            return Err(Error::option("penalty", problem));
        }
        let linears = shape.projections();
        let modules: Vec<(String, [usize; 2])> = linears
            .iter()
            .filter(|(path, _)| lora.targets(path))
            .cloned()
            .collect();
        let mut earlier: Vec<Earlier> = Vec::new();
        for folder in against {
            let adapter = Adapter::load(folder, &linears)?;
            let mut found = Earlier {
                name: unused_name(folder, &earlier),
                digest: adapter.digest,
                factors: BTreeMap::new(),
                kernels: BTreeMap::new(),
            };
            for (module, shape) in &modules {
                let Some(factor) = adapter.factors.get(module) else {
                    continue;
                };
                if kind == PenaltyKind::HsicReleased && factor.rank != lora.rank {
                    return Err(Error::Adapter {
                        path: folder.clone(),
                        problem: format!(
                            "has rank {} at `{module}`, the adapter in training {}; hsic-released pairs the rows of A, so the ranks must be equal (hsic-rows and hsic-normalised compare any)",
                            factor.rank, lora.rank
                        ),
                    });
                }
                let factor = Factor::frozen(factor, *shape)?;
                if let Some(kernel) = hsic::Frozen::new(config, &factor)? {
                    found.kernels.insert(module.clone(), kernel);
                }
                found.factors.insert(module.clone(), factor);
            }
            if found.factors.is_empty() {
                return Err(Error::Adapter {
                    path: folder.clone(),
                    problem: format!(
                        "adapts no module that is trained here ({}); there is nothing to compare",
                        lora.target_modules.join(", ")
                    ),
                });
            }
            earlier.push(found);
        }
        Ok(Self {
            config: config.clone(),
            scale: lora.scale(),
            modules: modules.into_iter().map(|(module, _)| module).collect(),
            earlier,
        })
    }

    /// Of the earlier adapters, in order.
    pub(super) fn digests(&self) -> Vec<&str> {
        self.earlier.iter().map(|e| e.digest.as_str()).collect()
    }

    /// The penalty, its gradient, and the figures of the vector as it is: `penalty`, `norm`, and
    /// `cosine.NAME` and `dependence.NAME` for every earlier one. Computed by the workers of `team`, with the same result for
    /// any number of them. `step` is the number of the step, by which rows are shuffled where they are.
    pub(super) fn evaluate(&self, vars: &NamedVars, team: &Team, step: u64) -> Result<Addition> {
        let mut shares = vec![Vec::new(); team.size().min(self.modules.len().max(1))];
        let count = shares.len();
        for index in 0..self.modules.len() {
            shares[index % count].push(index);
        }
        let parts = team.each(&shares, |share: &Vec<usize>| {
            share
                .iter()
                .map(|&index| Ok((index, self.module(index, vars, step)?)))
                .collect::<Result<Vec<_>>>()
        })?;
        // By module, so that sums do not depend on the number of threads.
        let terms: BTreeMap<usize, ModuleTerm> = parts.into_iter().flatten().collect();
        let (cost, figures) = self.totals(&terms);
        let mut gradients: BTreeMap<String, Tensor> = BTreeMap::new();
        for (index, term) in terms {
            let module = &self.modules[index];
            let parts = [("A", term.gradient.a), ("B", term.gradient.b)];
            for (kind, gradient) in parts {
                if let Some(gradient) = gradient {
                    gradients.insert(format!("{module}.lora_{kind}.weight"), gradient);
                }
            }
        }
        let gradients = vars
            .iter()
            .map(|(name, var)| {
                let gradient = gradients.remove(name);
                gradient.map(|g| Ok(g.to_device(var.device())?)).transpose()
            })
            .collect::<Result<_>>()?;
        Ok(Addition {
            value: self.config.alpha.factor() * cost,
            gradients,
            figures,
        })
    }

    /// `Σⱼ D(θ, θⱼ)` as the loss counts it, and the figures.
    fn totals(&self, terms: &BTreeMap<usize, ModuleTerm>) -> (f64, BTreeMap<String, f64>) {
        let kind = self.config.kind;
        let sums = |of: fn(&ModuleTerm) -> &Vec<f64>| -> Vec<f64> {
            let count = terms.values().next().map_or(0, |term| of(term).len());
            let mut sums = vec![0.0; count];
            for term in terms.values() {
                for (sum, value) in sums.iter_mut().zip(of(term)) {
                    *sum += value;
                }
            }
            if kind.compares() && kind.is_mean() {
                for (sum, earlier) in sums.iter_mut().zip(&self.earlier) {
                    *sum /= earlier.factors.len() as f64;
                }
            }
            sums
        };
        let cost = sums(|term| &term.costs).iter().sum::<f64>();
        let mut figures = BTreeMap::new();
        let squares: f64 = terms.values().map(|term| term.square).sum();
        figures.insert("norm".to_owned(), squares.max(0.0).sqrt());
        if kind.compares() {
            for (value, earlier) in sums(|term| &term.values).iter().zip(&self.earlier) {
                figures.insert(format!("dependence.{}", earlier.name), *value);
            }
        }
        if kind != PenaltyKind::None {
            figures.insert("penalty".to_owned(), self.config.alpha.factor() * cost);
        }
        for (index, earlier) in self.earlier.iter().enumerate() {
            let (mut product, mut own, mut theirs) = (0.0, 0.0, 0.0);
            for (place, term) in terms {
                if earlier.factors.contains_key(&self.modules[*place]) {
                    product += term.products[index][0];
                    theirs += term.products[index][1];
                    own += term.square;
                }
            }
            let lengths = (own * theirs).sqrt();
            let cosine = if lengths > 0.0 {
                product / lengths
            } else {
                0.0
            };
            figures.insert(format!("cosine.{}", earlier.name), cosine);
        }
        (cost, figures)
    }

    fn module(&self, index: usize, vars: &NamedVars, step: u64) -> Result<ModuleTerm> {
        let module = self.modules[index].as_str();
        let own = Factor::trained(module, vars, self.scale)?;
        let others: Vec<Option<&Factor>> = self
            .earlier
            .iter()
            .map(|earlier| earlier.factors.get(module))
            .collect();
        let square = own.inner_product(&own)?;
        let products = others
            .iter()
            .map(|other| match other {
                Some(other) => Ok([own.inner_product(other)?, other.square]),
                None => Ok([0.0; 2]),
            })
            .collect::<Result<Vec<_>>>()?;
        // What the sum over modules of each D is multiplied by in the loss.
        let weights: Vec<f64> = self
            .earlier
            .iter()
            .map(|earlier| {
                if self.config.kind.is_mean() {
                    self.config.alpha.factor() / earlier.factors.len() as f64
                } else {
                    self.config.alpha.factor()
                }
            })
            .collect();
        let mut costs = None;
        let (values, gradient) = match self.config.kind {
            PenaltyKind::None => (Vec::new(), Gradient::default()),
            PenaltyKind::WeightDecay => {
                let gradient = decay::gradient(&own, self.config.alpha.factor())?;
                (vec![square], gradient)
            }
            PenaltyKind::OrthogonalOlora => orthogonal::olora(&own, &others, &weights)?,
            PenaltyKind::OrthogonalCosine => {
                orthogonal::cosine(&own, square, &others, &products, &weights)?
            }
            PenaltyKind::HsicReleased
            | PenaltyKind::HsicRows
            | PenaltyKind::HsicNormalised
            | PenaltyKind::HsicUnbiased => {
                let kernels = self.earlier.iter();
                let kernels = kernels.map(|earlier| earlier.kernels.get(module));
                let found = if self.config.shuffled {
                    let mixed: Vec<Option<hsic::Frozen>> = kernels
                        .map(|kernel| kernel.map(|kernel| kernel.shuffled(step, index as u64)))
                        .collect();
                    let mixed: Vec<_> = mixed.iter().map(Option::as_ref).collect();
                    hsic::evaluate(&self.config, &own, &mixed, &weights)?
                } else {
                    let kernels: Vec<_> = kernels.collect();
                    hsic::evaluate(&self.config, &own, &kernels, &weights)?
                };
                costs = Some(found.costs);
                (found.values, found.gradient)
            }
        };
        Ok(ModuleTerm {
            costs: costs.unwrap_or_else(|| values.clone()),
            values,
            gradient: gradient.of_trained(self.scale)?,
            square,
            products,
        })
    }
}

/// The folder's name, with a number where another has it.
fn unused_name(folder: &std::path::Path, taken: &[Earlier]) -> String {
    let name = folder.file_name().map_or_else(
        || folder.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    );
    let mut candidate = name.clone();
    let mut number = 1;
    while taken.iter().any(|earlier| earlier.name == candidate) {
        number += 1;
        candidate = format!("{name}-{number}");
    }
    candidate
}
