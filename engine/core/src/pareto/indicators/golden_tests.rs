//! What public packages compute (`tests/golden/make_indicators.py`).

use serde::Deserialize;

use super::{Anchors, epsilon_additive, epsilon_ratio, igd_plus, r2};

#[derive(Deserialize)]
struct Case {
    a: Vec<Vec<f64>>,
    b: Vec<Vec<f64>>,
    ideal: Vec<f64>,
    nadir: Vec<f64>,
    margin: f64,
    weights: Vec<Vec<f64>>,
    hypervolume: f64,
    epsilon_additive: f64,
    epsilon_ratio: f64,
    igd_plus: f64,
    r2: f64,
}

#[test]
fn indicators_are_those_of_pymoo_and_moocore() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/indicators.json"
    );
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() > 5 && cases.iter().any(|case| case.ideal.len() > 3));
    for case in cases {
        let anchors = Anchors {
            ideal: case.ideal.clone(),
            nadir: case.nadir,
        };
        let near = |found: f64, right: f64| {
            assert!((found - right).abs() < 1e-9, "{found} is not {right}");
        };
        near(anchors.hypervolume(&case.a, case.margin), case.hypervolume);
        near(
            epsilon_additive(&case.a, &case.b).unwrap(),
            case.epsilon_additive,
        );
        near(epsilon_ratio(&case.a, &case.b).unwrap(), case.epsilon_ratio);
        near(igd_plus(&case.a, &case.b).unwrap(), case.igd_plus);
        near(r2(&case.a, &case.weights, &case.ideal).unwrap(), case.r2);
    }
}
