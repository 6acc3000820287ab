//! All experts on the modules of one group, laid out along their ranks.

use super::{Bank, Tap};
use crate::kernels::{PackedInput, PackedMatrix, Product, products, softmax};
use crate::types::{RouterActivation, RowGates};
use crate::weights::{LoraFactor, RouterSite};

/// Experts of one bank on modules that read the same input.
#[derive(Debug)]
pub(super) struct GroupExperts {
    /// First factors of all experts and rows of all routers on all modules of the group.
    first: Option<PackedMatrix>,
    /// One per module.
    pub(super) modules: Vec<ModuleExperts>,
}

/// Experts of one bank on one module.
#[derive(Debug)]
pub(super) struct ModuleExperts {
    path: String,
    /// Second factors, scales folded in, `[out, sum of ranks]`.
    pub(super) second: Option<PackedMatrix>,
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

impl GroupExperts {
    /// Lays out a bank's experts for modules by path and number of outputs, all with `inner` inputs, and releases them
    /// from the bank.
    pub(super) fn new(modules: &[(&str, usize)], inner: usize, bank: &mut Bank) -> Self {
        let mut rows: Vec<f32> = Vec::new();
        let mut from = 0;
        let mut laid = Vec::with_capacity(modules.len());
        for &(path, out) in modules {
            let factors: Vec<_> = bank
                .adapters
                .iter()
                .enumerate()
                .filter_map(|(adapter, a)| a.factors.get(path).map(|f| (adapter, f)))
                .collect();
            let ranks: usize = factors.iter().map(|(_, f)| f.rank).sum();
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
                rows.extend_from_slice(&factor.a);
                from += factor.rank;
                to += factor.rank;
            }
            let votes = bank
                .routers
                .iter()
                .map(|router| match router.expert.sites.get(path) {
                    Some(site) => {
                        rows.extend_from_slice(&site.weight);
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
            let second = (ranks > 0).then(|| PackedMatrix::narrowest(&second, out, ranks));
            laid.push(ModuleExperts {
                path: path.to_owned(),
                second,
                segments,
                ranks,
                votes,
            });
        }
        let first = (from > 0).then(|| PackedMatrix::narrowest(&rows, from, inner));
        for (path, _) in modules {
            bank.release(path);
        }
        Self {
            first,
            modules: laid,
        }
    }

    /// See [`MixedGroup::set_router`](super::MixedGroup::set_router).
    pub(super) fn set_router(&mut self, router: usize, path: &str, site: &RouterSite) -> bool {
        let Some(module) = self.modules.iter_mut().find(|m| m.path == path) else {
            return false;
        };
        let (Some(Votes::Layer { from, bias, .. }), Some(first)) =
            (module.votes.get_mut(router), self.first.as_mut())
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

    /// See [`MixedGroup::set_adapter`](super::MixedGroup::set_adapter).
    pub(super) fn set_adapter(&mut self, adapter: usize, path: &str, factor: &LoraFactor) -> bool {
        let Some(module) = self.modules.iter_mut().find(|m| m.path == path) else {
            return false;
        };
        let mut column = 0;
        let mut place = None;
        for segment in &module.segments {
            if segment.adapter == adapter {
                place = Some((segment.from, column, segment.rank));
            }
            column += segment.rank;
        }
        let (Some((row, column, rank)), Some(first), Some(second)) =
            (place, self.first.as_mut(), module.second.as_mut())
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

    /// Bytes of weights held.
    pub(super) fn bytes(&self) -> usize {
        let seconds = self.modules.iter().filter_map(|m| m.second.as_ref());
        let seconds: usize = seconds.map(PackedMatrix::bytes).sum();
        seconds + self.first.as_ref().map_or(0, PackedMatrix::bytes)
    }

    /// What goes through the second factors, per module: the tokens' products with the first factors, times their gates,
    /// which `tap` hears. `None` where a module has no experts.
    pub(super) fn mix<'g>(
        &self,
        input: &PackedInput,
        gates: impl ExactSizeIterator<Item = &'g RowGates> + Clone,
        mut tap: Option<&mut Tap>,
    ) -> Vec<Option<PackedInput>> {
        let tokens = gates.len();
        let mut mixed: Vec<Option<PackedInput>> = self.modules.iter().map(|_| None).collect();
        let Some(first) = &self.first else {
            return mixed;
        };
        let hidden = products(&[Product {
            terms: vec![(input, first)],
            bias: None,
        }])
        .remove(0);
        for (module, mixed) in self.modules.iter().zip(&mut mixed) {
            let mut z = Vec::with_capacity(tokens * module.ranks);
            let mut applied = Vec::new();
            for ((token, row), hidden) in gates
                .clone()
                .enumerate()
                .zip(hidden.chunks_exact(first.out()))
            {
                module.gates(row, hidden, &mut applied);
                for segment in &module.segments {
                    let gate = applied[segment.adapter];
                    z.extend(
                        hidden[segment.from..segment.from + segment.rank]
                            .iter()
                            .map(|h| h * gate),
                    );
                }
                if let Some(tap) = tap.as_deref_mut() {
                    tap.record(&module.path, token, &applied);
                }
            }
            if module.ranks > 0 {
                *mixed = Some(PackedInput::new(&z, tokens, module.ranks));
            }
        }
        mixed
    }
}

impl ModuleExperts {
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
