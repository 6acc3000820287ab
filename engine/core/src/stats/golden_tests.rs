//! What public packages compute (`tests/golden/make_statistics.py`).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Duel, Metric, alpha, fit, holm, kappa_of, kendall, wilson};
use crate::pareto::spearman;

#[derive(Deserialize)]
struct Golden {
    alpha: Vec<Alpha>,
    kappa: Vec<TwoPeople>,
    davidson: Vec<Strengths>,
    wilson: Vec<Interval>,
    ranks: Vec<Lists>,
    holm: Vec<Holm>,
}

#[derive(Deserialize)]
struct Alpha {
    units: Vec<Vec<f64>>,
    nominal: f64,
    squared: f64,
}

#[derive(Deserialize)]
struct TwoPeople {
    one: Vec<f64>,
    other: Vec<f64>,
    kappa: f64,
}

#[derive(Deserialize)]
struct Strengths {
    /// First, second, wins, ties, losses.
    table: Vec<[usize; 5]>,
    theta: Vec<f64>,
    nu: f64,
}

#[derive(Deserialize)]
struct Interval {
    wins: usize,
    n: usize,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Lists {
    x: Vec<f64>,
    y: Vec<f64>,
    spearman: f64,
    kendall: f64,
}

#[derive(Deserialize)]
struct Holm {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/statistics.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[track_caller]
fn near(found: f64, right: f64, off: f64) {
    assert!((found - right).abs() < off, "{found} is not {right}");
}

#[test]
fn agreement_is_that_of_krippendorff_and_scikit_learn() {
    let golden = golden();
    assert!(golden.alpha.len() > 3 && golden.kappa.len() > 2);
    for case in golden.alpha {
        near(
            alpha(&case.units, Metric::Nominal).unwrap(),
            case.nominal,
            1e-9,
        );
        near(
            alpha(&case.units, Metric::Squared).unwrap(),
            case.squared,
            1e-9,
        );
    }
    for case in golden.kappa {
        let person = |values: Vec<f64>| values.into_iter().enumerate().collect::<BTreeMap<_, _>>();
        let both = [person(case.one), person(case.other)];
        near(kappa_of(&both).unwrap(), case.kappa, 1e-9);
    }
}

#[test]
fn strengths_are_at_the_top_of_their_likelihood_and_those_of_choix_without_ties() {
    let golden = golden();
    assert!(golden.davidson.iter().any(|case| case.nu == 0.0));
    for case in golden.davidson {
        let names: Vec<String> = (0..case.theta.len()).map(|i| i.to_string()).collect();
        let mut duels = Vec::new();
        for [first, second, wins, ties, losses] in case.table {
            let outcomes = [
                (Ordering::Greater, wins),
                (Ordering::Equal, ties),
                (Ordering::Less, losses),
            ];
            for (outcome, count) in outcomes {
                let duel = Duel {
                    first,
                    second,
                    outcome,
                    weight: 1.0,
                };
                duels.extend(std::iter::repeat_n(duel, count));
            }
        }
        let fitted = fit(&names, &duels).unwrap();
        for (found, right) in fitted.theta.iter().zip(&case.theta) {
            near(*found, *right, 1e-4);
        }
        near(fitted.nu, case.nu, 1e-4);
    }
}

#[test]
fn intervals_ranks_and_adjusted_probabilities_are_those_of_statsmodels_and_scipy() {
    let golden = golden();
    for case in golden.wilson {
        let share = wilson(case.wins, case.n);
        near(share.low, case.low, 1e-9);
        near(share.high, case.high, 1e-9);
    }
    for case in golden.ranks {
        near(spearman(&case.x, &case.y).unwrap(), case.spearman, 1e-9);
        near(kendall(&case.x, &case.y).unwrap(), case.kendall, 1e-9);
    }
    for case in golden.holm {
        for (found, right) in holm(&case.p).iter().zip(&case.adjusted) {
            near(*found, *right, 1e-12);
        }
    }
}
