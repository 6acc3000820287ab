//! The mixture as the paper writes it: one token, one module, a loop over experts.

use super::Bank;
use crate::types::{RouterActivation, RowGates};

/// `W x + sum_l g_l(x) * s_l B_l (A_l x)` and the gates, for one token at module `path`.
///
/// `weight` is `[out, in]`, row-major. Slow and plain; the packed groups must agree with it.
pub fn mixed_linear(
    path: &str,
    weight: &[f32],
    x: &[f32],
    bank: &Bank,
    row: &RowGates,
) -> (Vec<f32>, Vec<f32>) {
    let times = |matrix: &[f32], x: &[f32]| -> Vec<f32> {
        matrix
            .chunks_exact(x.len())
            .map(|r| r.iter().zip(x).map(|(a, b)| a * b).sum())
            .collect()
    };
    let mut gates = row.adapters.clone();
    for (router, share) in bank.routers.iter().zip(&row.routers) {
        let mut votes = vec![0.0; gates.len()];
        if let Some(site) = router.expert.sites.get(path) {
            let mut scores: Vec<f32> = times(&site.weight, x)
                .iter()
                .zip(&site.bias)
                .map(|(s, b)| s + b)
                .collect();
            if router.expert.activation == RouterActivation::Softmax {
                softmax(&mut scores);
            }
            for (&adapter, score) in router.expert.outputs.iter().zip(scores) {
                votes[adapter] = score;
            }
        } else {
            votes.copy_from_slice(&router.fallback);
        }
        for (gate, vote) in gates.iter_mut().zip(votes) {
            *gate += share * vote;
        }
    }
    row.silence(&mut gates);
    let mut out = times(weight, x);
    for (adapter, gate) in bank.adapters.iter().zip(&gates) {
        if let Some(factor) = adapter.factors.get(path) {
            let delta = times(&factor.b, &times(&factor.a, x));
            for (out, delta) in out.iter_mut().zip(delta) {
                *out += gate * factor.scale * delta;
            }
        }
    }
    (out, gates)
}

/// `exp(x - max) / sum`, by the definition.
fn softmax(scores: &mut [f32]) {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores.iter_mut() {
        *score = (*score - top).exp();
    }
    let total: f32 = scores.iter().sum();
    for score in scores {
        *score /= total;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernels::PackedMatrix;
    use crate::mixture::{BankRouter, LinearSpec, MixedGroup, Tap, TokenGates};
    use crate::weights::{Adapter, LoraFactor, RouterExpert, RouterSite};

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| (((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5) - 1.0)
            .collect()
    }

    fn adapter(sites: &[(&str, usize, usize, usize)], seed: usize) -> Adapter {
        let factors = sites
            .iter()
            .map(|&(path, out, inner, rank)| {
                let factor = LoraFactor {
                    a: numbers(rank * inner, seed),
                    b: numbers(out * rank, seed + 1),
                    rank,
                    scale: 0.5,
                };
                (path.to_owned(), factor)
            })
            .collect();
        Adapter {
            path: "here".into(),
            factors,
            digest: String::new(),
            bytes: 0,
            warnings: Vec::new(),
        }
    }

    /// Two modules on one input, three adapters of different rank and targets, a router with a layer
    /// on one module only, and rows of different gates in one batch.
    #[test]
    fn packed_groups_agree_with_the_loop_and_tap_the_gates() {
        let inner = 20;
        let (q, v) = (numbers(33 * inner, 1), numbers(40 * inner, 2));
        let router = RouterExpert {
            path: "here".into(),
            preference: vec![],
            outputs: vec![2, 0],
            activation: RouterActivation::Softmax,
            sites: BTreeMap::from([(
                "q".to_owned(),
                RouterSite {
                    weight: numbers(2 * inner, 9),
                    bias: vec![0.3, -0.2],
                },
            )]),
            digest: String::new(),
            bytes: 0,
        };
        let bank = Bank {
            adapters: vec![
                adapter(&[("q", 33, inner, 4), ("v", 40, inner, 2)], 3),
                adapter(&[("v", 40, inner, 3)], 5),
                adapter(&[("q", 33, inner, 1)], 7),
            ],
            experts: 3,
            routers: vec![BankRouter {
                expert: router,
                fallback: vec![0.25, 0.25, 0.5],
            }],
        };
        let spec = |path: &str, w: &[f32], out| LinearSpec {
            path: path.into(),
            weight: PackedMatrix::new(w, out, inner),
            bias: None,
        };
        let group = MixedGroup::new(
            vec![spec("q", &q, 33), spec("v", &v, 40)],
            &mut bank.clone(),
            0,
        );
        let gates = [
            RowGates {
                adapters: vec![0.2, 0.3, 0.5],
                routers: vec![0.0],
                muted: vec![],
            },
            RowGates {
                adapters: vec![0.0, 0.4, 0.0],
                routers: vec![0.6],
                muted: vec![],
            },
            RowGates {
                adapters: vec![0.0, 0.4, 0.0],
                routers: vec![0.6],
                muted: vec![2],
            },
            RowGates {
                adapters: vec![1.5, 0.0, 0.7],
                routers: vec![0.0],
                muted: vec![],
            },
            RowGates::base(3, 1),
        ];
        let counts = [3, 5, 4, 1, 2];
        let tokens: usize = counts.iter().sum();
        let x = numbers(tokens * inner, 11);
        let sites = vec!["q".to_owned(), "v".to_owned()];
        let mut tap = Tap::new(&sites, 3, tokens);
        let out = group.forward(
            &x,
            tokens,
            &TokenGates::new(counts.into_iter().zip(&gates)),
            Some(&mut tap),
        );
        let mut token = 0;
        for (count, row) in counts.into_iter().zip(&gates) {
            for _ in 0..count {
                for (site, (path, weight)) in [("q", &q), ("v", &v)].into_iter().enumerate() {
                    let (want, want_gates) =
                        mixed_linear(path, weight, &x[token * inner..][..inner], &bank, row);
                    let got = &out[site][token * want.len()..][..want.len()];
                    for (got, want) in got.iter().zip(&want) {
                        assert!(
                            (got - want).abs() < 1e-4,
                            "{path} token {token}: {got} vs {want}"
                        );
                    }
                    for (got, want) in tap.token(token)[site * 3..][..3].iter().zip(&want_gates) {
                        assert!(
                            (got - want).abs() < 1e-5,
                            "{path} token {token}: gate {got} vs {want}"
                        );
                    }
                }
                token += 1;
            }
        }
    }
}
