//! Linear modules that read the same input, with their experts, in one go.

use super::{Bank, Tap, TokenGates};
use crate::kernels::{PackedInput, PackedMatrix, Product, products, softmax};
use crate::types::{RouterActivation, RowGates};
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
    linears: Vec<Linear>,
    /// First factors of all experts and rows of all routers on all modules of the group.
    first: Option<PackedMatrix>,
}

#[derive(Debug)]
struct Linear {
    spec: LinearSpec,
    /// Second factors, scales folded in, `[out, sum of ranks]`.
    second: Option<PackedMatrix>,
    segments: Vec<Segment>,
    ranks: usize,
    votes: Vec<Votes>,
}

/// Where one adapter's rank lies.
#[derive(Debug, Clone, Copy)]
struct Segment {
    adapter: usize,
    /// Column in the product with `first`.
    from: usize,
    rank: usize,
}

/// One router at one module.
#[derive(Debug, Clone)]
enum Votes {
    /// A layer: `count` rows of `first` from `from`, voting for `outputs`.
    Layer {
        from: usize,
        outputs: Vec<usize>,
        bias: Vec<f32>,
        activation: RouterActivation,
    },
    /// No tensors here: fixed votes.
    Fixed(Vec<f32>),
}

impl MixedGroup {
    /// Lays out the bank's experts for the modules of a group, and releases them from the bank.
    pub fn new(specs: Vec<LinearSpec>, bank: &mut Bank) -> Self {
        let inner = specs.first().map_or(0, |spec| spec.weight.inner());
        let paths: Vec<String> = specs.iter().map(|spec| spec.path.clone()).collect();
        let mut rows: Vec<&[f32]> = Vec::new();
        let mut from = 0;
        let mut linears = Vec::with_capacity(specs.len());
        for spec in specs {
            let factors: Vec<_> = bank
                .adapters
                .iter()
                .enumerate()
                .filter_map(|(adapter, a)| a.factors.get(&spec.path).map(|f| (adapter, f)))
                .collect();
            let ranks: usize = factors.iter().map(|(_, f)| f.rank).sum();
            let out = spec.weight.out();
            let (mut segments, mut to) = (Vec::new(), 0);
            let mut second = vec![0.0; out * ranks];
            for (adapter, factor) in factors {
                segments.push(Segment {
                    adapter,
                    from,
                    rank: factor.rank,
                });
                for (row, b) in second
                    .chunks_exact_mut(ranks)
                    .zip(factor.b.chunks_exact(factor.rank))
                {
                    for (target, value) in row[to..].iter_mut().zip(b) {
                        *target = factor.scale * value;
                    }
                }
                rows.push(&factor.a);
                from += factor.rank;
                to += factor.rank;
            }
            let votes = bank
                .routers
                .iter()
                .map(|router| match router.expert.sites.get(&spec.path) {
                    Some(site) => {
                        rows.push(&site.weight);
                        let layer = Votes::Layer {
                            from,
                            outputs: router.expert.outputs.clone(),
                            bias: site.bias.clone(),
                            activation: router.expert.activation,
                        };
                        from += router.expert.outputs.len();
                        layer
                    }
                    None => Votes::Fixed(router.fallback.clone()),
                })
                .collect();
            let second = (ranks > 0).then(|| PackedMatrix::new(&second, out, ranks));
            linears.push(Linear {
                spec,
                second,
                segments,
                ranks,
                votes,
            });
        }
        let first = (from > 0).then(|| {
            let mut first = PackedMatrix::zeros(from, inner);
            let mut at = 0;
            for row in rows {
                first.set_rows(at, row);
                at += row.len() / inner;
            }
            first
        });
        for path in &paths {
            bank.release(path);
        }
        Self { linears, first }
    }

    /// Puts new numbers into router `router`'s layer at module `path`; whether it has one here, of this
    /// size. For a router in training, whose layers change between rollouts.
    pub fn set_router(&mut self, router: usize, path: &str, site: &RouterSite) -> bool {
        let Some(linear) = self.linears.iter_mut().find(|l| l.spec.path == path) else {
            return false;
        };
        let (Some(Votes::Layer { from, bias, .. }), Some(first)) =
            (linear.votes.get_mut(router), self.first.as_mut())
        else {
            return false;
        };
        let fits =
            bias.len() == site.bias.len() && site.weight.len() == site.bias.len() * first.inner();
        if fits {
            first.set_rows(*from, &site.weight);
            bias.clone_from(&site.bias);
        }
        fits
    }

    /// Gives adapter `adapter` new factors at module `path`; false where this group has no such module, or none of this size.
    pub fn set_adapter(&mut self, adapter: usize, path: &str, factor: &LoraFactor) -> bool {
        let Some(linear) = self.linears.iter_mut().find(|l| l.spec.path == path) else {
            return false;
        };
        let mut column = 0;
        let mut place = None;
        for segment in &linear.segments {
            if segment.adapter == adapter {
                place = Some((segment.from, column, segment.rank));
            }
            column += segment.rank;
        }
        let (Some((row, column, rank)), Some(first), Some(second)) =
            (place, self.first.as_mut(), linear.second.as_mut())
        else {
            return false;
        };
        let fits = factor.rank == rank
            && factor.a.len() == rank * first.inner()
            && factor.b.len() == rank * second.out();
        if fits {
            let scaled: Vec<f32> = factor.b.iter().map(|b| b * factor.scale).collect();
            first.set_rows(row, &factor.a);
            second.set_columns(column, rank, &scaled);
        }
        fits
    }

    /// The weight of the group's module `index`.
    pub fn weight(&self, index: usize) -> &PackedMatrix {
        &self.linears[index].spec.weight
    }

    /// Bytes of weights held.
    pub fn bytes(&self) -> usize {
        let linears = self
            .linears
            .iter()
            .map(|l| l.spec.weight.bytes() + l.second.as_ref().map_or(0, PackedMatrix::bytes));
        linears.sum::<usize>() + self.first.as_ref().map_or(0, PackedMatrix::bytes)
    }

    /// Applies every module of the group to `x`, `[tokens, in]`; one `[tokens, out]` each.
    pub fn forward(
        &self,
        x: &[f32],
        tokens: usize,
        gates: &TokenGates<'_>,
        mut tap: Option<&mut Tap>,
    ) -> Vec<Vec<f32>> {
        let inner = self.linears.first().map_or(0, |l| l.spec.weight.inner());
        let input = PackedInput::new(x, tokens, inner);
        let mut mixed: Vec<Option<PackedInput>> = self.linears.iter().map(|_| None).collect();
        if let Some(first) = self.first.as_ref().filter(|_| gates.any()) {
            let hidden = products(&[Product {
                terms: vec![(&input, first)],
                bias: None,
            }])
            .remove(0);
            for (linear, mixed) in self.linears.iter().zip(&mut mixed) {
                let mut z = Vec::with_capacity(tokens * linear.ranks);
                let mut applied = Vec::new();
                for ((token, row), hidden) in gates
                    .tokens()
                    .enumerate()
                    .zip(hidden.chunks_exact(first.out()))
                {
                    linear.gates(row, hidden, &mut applied);
                    for segment in &linear.segments {
                        let gate = applied[segment.adapter];
                        z.extend(
                            hidden[segment.from..segment.from + segment.rank]
                                .iter()
                                .map(|h| h * gate),
                        );
                    }
                    if let Some(tap) = tap.as_deref_mut() {
                        tap.record(&linear.spec.path, token, &applied);
                    }
                }
                if linear.ranks > 0 {
                    *mixed = Some(PackedInput::new(&z, tokens, linear.ranks));
                }
            }
        }
        let jobs: Vec<Product<'_>> = self
            .linears
            .iter()
            .zip(&mixed)
            .map(|(linear, mixed)| {
                let mut product = Product {
                    terms: vec![(&input, &linear.spec.weight)],
                    bias: linear.spec.bias.as_deref(),
                };
                if let (Some(z), Some(second)) = (mixed, &linear.second) {
                    product.terms.push((z, second));
                }
                product
            })
            .collect();
        products(&jobs)
    }
}

impl Linear {
    /// The gate of every adapter for one token: static coefficients plus each router's share of its
    /// votes. `hidden` is the token's product with the group's first factors.
    fn gates(&self, row: &RowGates, hidden: &[f32], gates: &mut Vec<f32>) {
        gates.clear();
        gates.extend_from_slice(&row.adapters);
        for (votes, &share) in self.votes.iter().zip(&row.routers) {
            if share == 0.0 {
                continue;
            }
            match votes {
                Votes::Fixed(votes) => {
                    for (gate, vote) in gates.iter_mut().zip(votes) {
                        *gate += share * vote;
                    }
                }
                Votes::Layer {
                    from,
                    outputs,
                    bias,
                    activation,
                } => {
                    let mut scores: Vec<f32> = hidden[*from..*from + outputs.len()]
                        .iter()
                        .zip(bias)
                        .map(|(h, b)| h + b)
                        .collect();
                    if *activation == RouterActivation::Softmax {
                        softmax(&mut scores);
                    }
                    for (&adapter, vote) in outputs.iter().zip(&scores) {
                        gates[adapter] += share * vote;
                    }
                }
            }
        }
        row.silence(gates);
    }
}
