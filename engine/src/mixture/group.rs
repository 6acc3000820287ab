//! Linear modules that read the same input, with their experts, in one go.

use super::experts::GroupExperts;
use super::{Bank, Tap, TokenGates};
use crate::kernels::{PackedInput, PackedMatrix, Product, products};
use crate::weights::{LoraFactor, RouterSite};

/// A linear module's own weight.
#[derive(Debug)]
pub struct LinearSpec {
    /// Module path, e.g. `model.layers.0.self_attn.q_proj`.
    pub path: String,
    /// `[out, in]`.
    pub weight: PackedMatrix,
    /// `[out]`.
    pub bias: Option<Vec<f32>>,
}

/// Modules with one input (q, k, v; or gate, up; or one alone) and all experts on them.
#[derive(Debug)]
pub struct MixedGroup {
    linears: Vec<LinearSpec>,
    experts: GroupExperts,
    /// Its place among the model's groups, by which a [`SideBank`](super::SideBank) knows it.
    place: usize,
}

impl MixedGroup {
    /// Lays out the bank's experts for the modules of a group, and releases them from the bank. `place` counts the groups
    /// of the model.
    pub fn new(specs: Vec<LinearSpec>, bank: &mut Bank, place: usize) -> Self {
        let experts = GroupExperts::new(&outline(&specs), inner(&specs), bank);
        Self {
            linears: specs,
            experts,
            place,
        }
    }

    /// Lays out the experts of another bank for the same modules.
    pub(super) fn side(&self, bank: &mut Bank) -> GroupExperts {
        GroupExperts::new(&outline(&self.linears), inner(&self.linears), bank)
    }

    /// Puts new numbers into router `router`'s layer at module `path`; whether it has one here, of this
    /// size. For a router in training, whose layers change between rollouts.
    pub fn set_router(&mut self, router: usize, path: &str, site: &RouterSite) -> bool {
        self.experts.set_router(router, path, site)
    }

    /// Gives adapter `adapter` new factors at module `path`; false where this group has no such module, or none of this size.
    pub fn set_adapter(&mut self, adapter: usize, path: &str, factor: &LoraFactor) -> bool {
        self.experts.set_adapter(adapter, path, factor)
    }

    /// The weight of the group's module `index`.
    pub fn weight(&self, index: usize) -> &PackedMatrix {
        &self.linears[index].weight
    }

    /// Bytes of weights held.
    pub fn bytes(&self) -> usize {
        let linears = self.linears.iter().map(|l| l.weight.bytes());
        linears.sum::<usize>() + self.experts.bytes()
    }

    /// Bytes of the experts' weights.
    pub fn expert_bytes(&self) -> usize {
        self.experts.bytes()
    }

    /// Whether any module's own weight is quantised.
    pub fn is_quantised(&self) -> bool {
        self.linears.iter().any(|l| l.weight.is_quantised())
    }

    /// How each module's own weight is stored.
    pub fn storage(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.linears.iter().map(|l| l.weight.storage())
    }

    /// Applies every module of the group to `x`, `[tokens, in]`; one `[tokens, out]` each.
    pub fn forward(
        &self,
        x: &[f32],
        tokens: usize,
        gates: &TokenGates<'_>,
        tap: Option<&mut Tap>,
    ) -> Vec<Vec<f32>> {
        let inner = inner(&self.linears);
        let input = PackedInput::new(x, tokens, inner);
        let mixed = if gates.any() {
            self.experts.mix(&input, gates.tokens(), tap)
        } else {
            self.linears.iter().map(|_| None).collect()
        };
        let jobs: Vec<Product<'_>> = self
            .linears
            .iter()
            .zip(self.experts.modules.iter().zip(&mixed))
            .map(|(linear, (experts, mixed))| {
                let mut product = Product {
                    terms: vec![(&input, &linear.weight)],
                    bias: linear.bias.as_deref(),
                };
                if let (Some(z), Some(second)) = (mixed, &experts.second) {
                    product.terms.push((z, second));
                }
                product
            })
            .collect();
        let mut outputs = products(&jobs);
        for side in gates.sides() {
            side.add(self.place, x, inner, &mut outputs);
        }
        outputs
    }
}

/// The modules by path and number of outputs.
fn outline(specs: &[LinearSpec]) -> Vec<(&str, usize)> {
    let outline = specs.iter();
    outline
        .map(|spec| (spec.path.as_str(), spec.weight.out()))
        .collect()
}

fn inner(specs: &[LinearSpec]) -> usize {
    specs.first().map_or(0, |spec| spec.weight.inner())
}
