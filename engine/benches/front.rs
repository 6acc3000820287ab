//! Routing, fronts and volumes, each beside its plain reference.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot be set up should stop at once"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use paretoscope_core::pareto::{dominates, front, hypervolume};
use paretoscope_core::routing::{Complex, nearest};
use paretoscope_core::types::{Expert, ExpertKind, Preference};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Points around a sphere's octant: some hundred of a thousand are on the front.
fn points(count: usize) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut point = || {
        let direction: Vec<f64> = (0..3).map(|_| random.random_range(0.05..1.0)).collect();
        let length = direction.iter().map(|v: &f64| v * v).sum::<f64>().sqrt();
        let reach = random.random_range(0.8..1.0);
        direction.iter().map(|v| v / length * reach).collect()
    };
    (0..count).map(|_| point()).collect()
}

/// Every pair.
fn plain_front(points: &[Vec<f64>]) -> Vec<usize> {
    let beaten = |p: &[f64]| points.iter().any(|q| dominates(q, p));
    (0..points.len()).filter(|i| !beaten(&points[*i])).collect()
}

/// The box grid that the points' own numbers cut: each cell counts where some point covers it.
fn plain_volume(points: &[Vec<f64>]) -> f64 {
    let edges: Vec<Vec<f64>> = (0..3)
        .map(|d| {
            let mut edges: Vec<f64> = points.iter().map(|p| p[d]).chain([0.0]).collect();
            edges.sort_by(f64::total_cmp);
            edges
        })
        .collect();
    let mut volume = 0.0;
    for x in edges[0].windows(2) {
        for y in edges[1].windows(2) {
            for z in edges[2].windows(2) {
                if points
                    .iter()
                    .any(|p| p[0] >= x[1] && p[1] >= y[1] && p[2] >= z[1])
                {
                    volume += (x[1] - x[0]) * (y[1] - y[0]) * (z[1] - z[0]);
                }
            }
        }
    }
    volume
}

fn fronts(criterion: &mut Criterion) {
    let many = points(2_000);
    assert_eq!(front(&many), plain_front(&many));
    let mut lines = criterion.benchmark_group("the front of 2,000 points, three objectives");
    lines.bench_function("sorted", |b| b.iter(|| front(black_box(&many))));
    lines.bench_function("every pair", |b| b.iter(|| plain_front(black_box(&many))));
    lines.finish();
    let few = points(40);
    assert!((hypervolume(&few, &[0.0; 3]) - plain_volume(&few)).abs() < 1e-9);
    let mut lines = criterion.benchmark_group("the volume under 40 points, three objectives");
    lines.bench_function("staircase", |b| {
        b.iter(|| hypervolume(black_box(&few), &[0.0; 3]))
    });
    lines.bench_function("every cell", |b| b.iter(|| plain_volume(black_box(&few))));
    lines.finish();
    criterion.bench_function("the volume under 2,000 points, three objectives", |b| {
        b.iter(|| hypervolume(black_box(&many), &[0.0; 3]));
    });
}

fn routing(criterion: &mut Criterion) {
    let lora = |name: &str, at: [f64; 3]| Expert {
        kind: ExpertKind::Lora,
        name: name.to_owned(),
        preference: Preference::new(at.to_vec()).expect("a preference"),
    };
    let mut experts = vec![
        lora("a", [1.0, 0.0, 0.0]),
        lora("b", [0.0, 1.0, 0.0]),
        lora("c", [0.0, 0.0, 1.0]),
        lora("centre", [1.0, 1.0, 1.0]),
    ];
    experts.push(Expert {
        kind: ExpertKind::Router,
        ..lora("router", [1.0, 1.0, 2.0])
    });
    let complex = Complex::new(&experts, 3).expect("cells");
    let preference = Preference::new(vec![0.2, 0.3, 0.5]).expect("a preference");
    let mut lines = criterion.benchmark_group("routing a preference among five experts");
    lines.bench_function("subdivision", |b| {
        b.iter(|| complex.route(black_box(&preference)))
    });
    lines.bench_function("the paper's nearest experts", |b| {
        b.iter(|| nearest(black_box(&experts), black_box(&preference)));
    });
    lines.finish();
}

criterion_group!(benches, fronts, routing);
criterion_main!(benches);
