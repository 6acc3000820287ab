//! Experts that some rows carry beside the bundle's bank: what a method made or was given, for its own rows alone.
//!
//! A bank's products run over every token; a side bank's over the tokens of its rows, and their results are added. So a
//! method's adapters cost nobody else anything, no bit of any other row changes, and hundreds of them may wait.

use super::experts::GroupExperts;
use super::{Bank, MixedGroup};
use crate::kernels::{PackedInput, Product, products};
use crate::types::RowGates;

/// The experts of a side bank, laid out for one model.
#[derive(Debug)]
pub struct SideBank {
    /// One per group of the model, in order.
    groups: Vec<GroupExperts>,
}

/// A row's experts beside the bank's.
#[derive(Debug)]
pub struct Side<'a, B = SideBank> {
    /// Who they are.
    pub bank: &'a B,
    /// How much of each; lengths as in that bank.
    pub gates: &'a RowGates,
}

/// The tokens of a batch that carry one side bank.
#[derive(Debug)]
pub struct SideTokens<'a, B = SideBank> {
    /// Who they are.
    pub bank: &'a B,
    /// Places in the batch, ascending.
    pub tokens: Vec<usize>,
    /// Of each of `tokens`.
    pub gates: Vec<&'a RowGates>,
}

impl<B> Clone for Side<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Side<'_, B> {}

impl SideBank {
    /// Lays out a bank for the groups of a model, in order.
    pub fn new<'g>(groups: impl Iterator<Item = &'g MixedGroup>, bank: &mut Bank) -> Self {
        Self {
            groups: groups.map(|group| group.side(bank)).collect(),
        }
    }

    /// Bytes of weights held.
    pub fn bytes(&self) -> usize {
        self.groups.iter().map(GroupExperts::bytes).sum()
    }
}

impl<'a, B> SideTokens<'a, B> {
    pub(super) fn new(side: Side<'a, B>) -> Self {
        Self {
            bank: side.bank,
            tokens: Vec::new(),
            gates: Vec::new(),
        }
    }

    pub(super) fn is_of(&self, side: Side<'_, B>) -> bool {
        std::ptr::eq(self.bank, side.bank)
    }

    pub(super) fn extend(&mut self, side: Side<'a, B>, tokens: std::ops::Range<usize>) {
        self.gates
            .extend(std::iter::repeat_n(side.gates, tokens.len()));
        self.tokens.extend(tokens);
    }

    /// Those of a subset of the batch's tokens, ascending, by their places there.
    pub(super) fn select(&self, tokens: &[usize]) -> Self {
        let kept = self.tokens.iter().zip(&self.gates);
        let kept =
            kept.filter_map(|(token, gates)| Some((tokens.binary_search(token).ok()?, *gates)));
        let (tokens, gates) = kept.unzip();
        Self {
            bank: self.bank,
            tokens,
            gates,
        }
    }
}

impl SideTokens<'_> {
    /// Adds what these experts say at group `place` to the outputs of its modules, `[tokens, out]` each; `x` is what the
    /// group read, `[tokens, inner]`.
    pub(super) fn add(&self, place: usize, x: &[f32], inner: usize, outputs: &mut [Vec<f32>]) {
        let Some(experts) = self.bank.groups.get(place) else {
            return;
        };
        if self.tokens.is_empty() {
            return;
        }
        let read: Vec<f32> = self
            .tokens
            .iter()
            .flat_map(|&token| &x[token * inner..][..inner])
            .copied()
            .collect();
        let input = PackedInput::new(&read, self.tokens.len(), inner);
        let mixed = experts.mix(&input, self.gates.iter().copied(), None);
        let (mut jobs, mut modules) = (Vec::new(), Vec::new());
        for (module, (experts, mixed)) in experts.modules.iter().zip(&mixed).enumerate() {
            if let (Some(second), Some(z)) = (&experts.second, mixed) {
                jobs.push(Product {
                    terms: vec![(z, second)],
                    bias: None,
                });
                modules.push((module, second.out()));
            }
        }
        for ((module, out), said) in modules.into_iter().zip(products(&jobs)) {
            for (&token, said) in self.tokens.iter().zip(said.chunks_exact(out)) {
                let to = &mut outputs[module][token * out..][..out];
                to.iter_mut().zip(said).for_each(|(to, said)| *to += said);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernels::PackedMatrix;
    use crate::mixture::{LinearSpec, TokenGates, mixed_linear};
    use crate::weights::{Adapter, LoraFactor};

    const INNER: usize = 16;
    const OUT: usize = 24;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let number = |i: usize| (((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5) - 1.0;
        (0..count).map(number).collect()
    }

    fn bank(ranks: &[usize], seed: usize) -> Bank {
        let adapters = ranks.iter().enumerate().map(|(index, &rank)| {
            let factor = LoraFactor {
                a: numbers(rank * INNER, seed + index),
                b: numbers(OUT * rank, seed + index + 50),
                rank,
                scale: 0.5,
            };
            Adapter {
                path: "here".into(),
                factors: BTreeMap::from([("q".to_owned(), factor)]),
                digest: String::new(),
                bytes: 0,
                warnings: Vec::new(),
            }
        });
        Bank {
            adapters: adapters.collect(),
            experts: ranks.len(),
            routers: Vec::new(),
        }
    }

    #[test]
    fn rows_beside_others_answer_as_the_reference_and_change_no_bit_of_theirs() {
        let weight = numbers(OUT * INNER, 1);
        let (own, first, second) = (bank(&[2, 3], 10), bank(&[4], 20), bank(&[1, 2], 30));
        let spec = LinearSpec {
            path: "q".to_owned(),
            weight: PackedMatrix::new(&weight, OUT, INNER),
            bias: None,
        };
        let group = MixedGroup::new(vec![spec], &mut own.clone(), 0);
        let lay = |bank: &Bank| SideBank::new(std::iter::once(&group), &mut bank.clone());
        let (first_side, second_side) = (lay(&first), lay(&second));
        let gates = |values: &[f32]| RowGates {
            adapters: values.to_vec(),
            ..RowGates::base(values.len(), 0)
        };
        let (mixed, silent) = (gates(&[0.3, 0.7]), gates(&[0.0, 0.0]));
        let (one, two) = (gates(&[0.9]), gates(&[0.5, 1.5]));
        let side = |bank, gates| Some(Side { bank, gates });
        // Tokens, gates of the model's bank, and which bank stands beside it.
        let rows = [
            (2, &mixed, None),
            (3, &silent, side(&first_side, &one)),
            (1, &mixed, side(&second_side, &two)),
            (2, &silent, side(&first_side, &one)),
            (1, &silent, None),
        ];
        let banks = [
            None,
            Some((&first, &one)),
            Some((&second, &two)),
            Some((&first, &one)),
            None,
        ];
        let tokens: usize = rows.iter().map(|(count, ..)| count).sum();
        let x = numbers(tokens * INNER, 5);
        let out = group
            .forward(&x, tokens, &TokenGates::with_sides(rows), None)
            .remove(0);
        let mut token = 0;
        for ((count, gates, _), beside) in rows.into_iter().zip(banks) {
            for _ in 0..count {
                let x = &x[token * INNER..][..INNER];
                let (mut want, _) = mixed_linear("q", &weight, x, &own, gates);
                if let Some((bank, gates)) = beside {
                    let zero = vec![0.0; weight.len()];
                    let (said, _) = mixed_linear("q", &zero, x, bank, gates);
                    want.iter_mut()
                        .zip(said)
                        .for_each(|(want, said)| *want += said);
                }
                let got = &out[token * OUT..][..OUT];
                for (got, want) in got.iter().zip(&want) {
                    assert!((got - want).abs() < 1e-4, "token {token}: {got} vs {want}");
                }
                token += 1;
            }
        }
        // The first row has no company of its own: without the others it is the same bit for bit.
        let alone = group.forward(&x[..2 * INNER], 2, &TokenGates::new([(2, &mixed)]), None);
        assert_eq!(alone[0], out[..2 * OUT]);
        // And a row with experts of its own as well.
        let carried = &x[2 * INNER..5 * INNER];
        let gates = TokenGates::with_sides([(3, &silent, side(&first_side, &one))]);
        let alone = group.forward(carried, 3, &gates, None);
        assert_eq!(alone[0], out[2 * OUT..5 * OUT]);
        // Of a selection of tokens too.
        let picked = TokenGates::with_sides(rows).select(&[1, 4, 5, 8]);
        let read: Vec<f32> = [1, 4, 5, 8]
            .iter()
            .flat_map(|&t| x[t * INNER..][..INNER].to_vec())
            .collect();
        let some = group.forward(&read, 4, &picked, None).remove(0);
        for (at, t) in [1, 4, 5, 8].into_iter().enumerate() {
            assert_eq!(some[at * OUT..][..OUT], out[t * OUT..][..OUT], "token {t}");
        }
    }
}
