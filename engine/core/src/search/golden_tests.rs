//! What the Python package `cma` computes (`tests/golden/make_search.py`).

use serde::Deserialize;

use super::Cma;

#[derive(Deserialize)]
struct Golden {
    replays: Vec<Replay>,
    costs: Vec<Cost>,
}

#[derive(Deserialize)]
struct Replay {
    function: String,
    start: Vec<f64>,
    sigma: f64,
    population: usize,
    generations: Vec<Generation>,
}

#[derive(Deserialize)]
struct Generation {
    points: Vec<Vec<f64>>,
    values: Vec<f64>,
    mean: Vec<f64>,
    sigma: f64,
    covariance: Vec<f64>,
}

#[derive(Deserialize)]
struct Cost {
    function: String,
    dimension: usize,
    tries: Tries,
}

#[derive(Deserialize)]
struct Tries {
    median: usize,
}

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/search.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn sphere(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

fn rosenbrock(x: &[f64]) -> f64 {
    let valley = |pair: &[f64]| {
        let [a, b] = [pair[0], pair[1]];
        100.0 * (b - a * a).powi(2) + (1.0 - a).powi(2)
    };
    x.windows(2).map(valley).sum()
}

/// Axes of lengths 1 to 1000, rotated by `I - 2 v v' / v'v` with `v = 1, 2, ..., n`.
fn ellipsoid(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let v: Vec<f64> = (1..=x.len()).map(|a| a as f64).collect();
    let along = 2.0 * x.iter().zip(&v).map(|(x, v)| x * v).sum::<f64>() / sphere(&v);
    let turned = x.iter().zip(&v).map(|(x, v)| x - along * v);
    let axis = |(i, t): (usize, f64)| 10.0_f64.powf(6.0 * i as f64 / (n - 1.0).max(1.0)) * t * t;
    turned.enumerate().map(axis).sum()
}

fn function(name: &str) -> fn(&[f64]) -> f64 {
    match name {
        "sphere" => sphere,
        "rosenbrock" => rosenbrock,
        "ellipsoid" => ellipsoid,
        other => panic!("{other}"),
    }
}

#[track_caller]
fn near(found: &[f64], right: &[f64], what: &str) {
    let size = right.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    assert_eq!(found.len(), right.len());
    for (found, right) in found.iter().zip(right) {
        assert!(
            (found - right).abs() <= 1e-7 * size,
            "{what}: {found} is not {right}"
        );
    }
}

/// Equal generations lead to the same mean, step and shape.
#[test]
fn every_generation_teaches_what_it_teaches_the_package() {
    for replay in golden().replays {
        let of = function(&replay.function);
        let mut cma = Cma::new(replay.start, replay.sigma, replay.population, 0).unwrap();
        for (n, generation) in replay.generations.iter().enumerate() {
            let values: Vec<f64> = generation.points.iter().map(|x| of(x)).collect();
            near(&values, &generation.values, "values");
            cma.tell(&generation.points, &values).unwrap();
            let (state, what) = (cma.state(), format!("{}, generation {n}", replay.function));
            near(&state.mean, &generation.mean, &what);
            near(&[state.sigma], &[generation.sigma], &what);
            near(&state.covariance, &generation.covariance, &what);
        }
    }
}

/// Tries until 1e-8, the median of 51 seeds, are as many as the package needs.
#[test]
fn it_needs_as_many_tries_as_the_package() {
    for cost in golden().costs {
        let of = function(&cost.function);
        let start: Vec<f64> = (0..cost.dimension).map(|i| 0.5 + 0.1 * i as f64).collect();
        let mut counts: Vec<usize> = (0..51)
            .map(|seed| {
                let population = super::default_population(cost.dimension);
                let mut cma = Cma::new(start.clone(), 0.4, population, seed).unwrap();
                let mut count = 0;
                while count < 20_000 {
                    let points = cma.ask();
                    count += points.len();
                    let values: Vec<f64> = points.iter().map(|x| of(x)).collect();
                    if values.iter().any(|value| *value <= 1e-8) {
                        return count;
                    }
                    cma.tell(&points, &values).unwrap();
                }
                usize::MAX
            })
            .collect();
        counts.sort_unstable();
        let share = counts[25] as f64 / cost.tries.median as f64;
        let what = format!("{} in {}: {}", cost.function, cost.dimension, counts[25]);
        assert!(
            (0.87..1.15).contains(&share),
            "{what} tries, {} in the package",
            cost.tries.median
        );
    }
}
