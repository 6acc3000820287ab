//! What public packages compute from files of votes and rankings (`tests/golden/make_annotation.py`).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::plackett_luce;
use crate::stats::{Draws, Share, Vote, kendall, summarise};

#[derive(Deserialize)]
struct Golden {
    votes: Vec<VoteFile>,
    rankings: Vec<Rankings>,
}

#[derive(Deserialize)]
struct VoteFile {
    votes: Vec<Vote>,
    kappa: Option<f64>,
    alpha: f64,
    alpha_squared: f64,
    first_shown: Share,
    reward_accuracy: Share,
    theta: Option<BTreeMap<String, f64>>,
    rewards: Option<BTreeMap<String, f64>>,
    rewards_tau: Option<f64>,
}

#[derive(Deserialize)]
struct Rankings {
    rankings: Vec<Vec<usize>>,
    theta: Vec<f64>,
}

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/annotation.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[track_caller]
fn near(found: f64, right: f64, off: f64) {
    assert!((found - right).abs() < off, "{found} is not {right}");
}

#[test]
fn files_of_votes_say_what_packages_say() {
    let cases = golden().votes;
    assert!(cases.iter().any(|case| case.theta.is_some()));
    for case in cases {
        let few = Draws { draws: 5, seed: 0 };
        let found = summarise(&case.votes, few, &mut |_| ControlFlow::Continue(())).unwrap();
        let [said] = &found[..] else {
            panic!("one objective")
        };
        near(said.kappa.unwrap(), case.kappa.unwrap(), 1e-9);
        near(said.alpha.unwrap(), case.alpha, 1e-9);
        near(said.alpha_squared.unwrap(), case.alpha_squared, 1e-9);
        for (share, right) in [
            (said.first_shown, case.first_shown),
            (said.reward_accuracy.unwrap(), case.reward_accuracy),
        ] {
            assert_eq!((share.wins, share.n), (right.wins, right.n));
            near(share.low, right.low, 1e-9);
            near(share.high, right.high, 1e-9);
        }
        let (Some(theta), Some(rewards)) = (case.theta, case.rewards) else {
            continue;
        };
        let strengths = said.davidson.as_ref().unwrap();
        for (name, right) in &theta {
            near(strengths.theta[name], *right, 1e-5);
        }
        let by: Vec<f64> = strengths.theta.values().copied().collect();
        let means: Vec<f64> = rewards.values().copied().collect();
        near(
            kendall(&by, &means).unwrap(),
            case.rewards_tau.unwrap(),
            1e-9,
        );
    }
}

#[test]
fn rankings_are_as_strong_as_choix_finds_them() {
    for case in golden().rankings {
        let names: Vec<String> = (0..case.theta.len()).map(|at| at.to_string()).collect();
        let lists: Vec<(Vec<usize>, f64)> =
            case.rankings.into_iter().map(|list| (list, 1.0)).collect();
        let theta = plackett_luce(&names, &lists).unwrap();
        for (found, right) in theta.iter().zip(&case.theta) {
            near(*found, *right, 1e-4);
        }
    }
}
