use super::*;
use crate::forge::svd::gaussian;

fn factors(out: usize, inner: usize, rank: usize, seed: u64) -> Factors {
    let mut b = gaussian(out, rank, seed, 1);
    b.scale(0.3);
    Factors {
        a: gaussian(rank, inner, seed, 0),
        b,
    }
}

fn mixed(one: &Factors, other: &Factors, share: f32) -> Factors {
    // Side by side: the difference is the sum of both, the first times `share`.
    let rank = one.a.rows() + other.a.rows();
    let a = [one.a.values(), other.a.values()].concat();
    let rows = one.b.rows_iter().zip(other.b.rows_iter());
    let b = rows
        .flat_map(|(x, y)| x.iter().map(move |v| v * share).chain(y.iter().copied()))
        .collect();
    Factors {
        a: Matrix::new(rank, one.a.cols(), a),
        b: Matrix::new(one.b.rows(), rank, b),
    }
}

fn squared_distances(samples: &Matrix) -> Vec<Vec<f64>> {
    let rows: Vec<&[f32]> = samples.rows_iter().collect();
    let apart = |x: &[f32], y: &[f32]| {
        let squares = x
            .iter()
            .zip(y)
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        squares.sum::<f64>()
    };
    rows.iter()
        .map(|x| rows.iter().map(|y| apart(x, y)).collect())
        .collect()
}

/// `tr(H K H L)` with all matrices formed.
fn plain(distances: [&[Vec<f64>]; 2], exponents: [f64; 2]) -> f64 {
    let m = distances[0].len();
    let centred = |which: usize| {
        let kernel = |i: usize, j: usize| (-exponents[which] * distances[which][i][j]).exp();
        let mean = |i: usize| (0..m).map(|j| kernel(i, j)).sum::<f64>() / m as f64;
        let means: Vec<f64> = (0..m).map(mean).collect();
        let all = means.iter().sum::<f64>() / m as f64;
        let entry = move |i: usize, j: usize| kernel(i, j) - means[i] - means[j] + all;
        (0..m)
            .map(|i| (0..m).map(|j| entry(i, j)).collect::<Vec<f64>>())
            .collect::<Vec<_>>()
    };
    let (k, l) = (centred(0), centred(1));
    (0..m)
        .map(|i| (0..m).map(|j| k[i][j] * l[j][i]).sum::<f64>())
        .sum()
}

fn median(distances: &[Vec<f64>]) -> f64 {
    let m = distances.len();
    let mut all: Vec<f64> = (0..m)
        .flat_map(|i| (i + 1..m).map(move |j| (i, j)))
        .map(|(i, j)| distances[i][j].sqrt())
        .collect();
    all.sort_by(f64::total_cmp);
    f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2])
}

fn close(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 1e-5 * expected.abs() + 1e-12,
        "{got}, not {expected}"
    );
}

#[test]
fn the_three_forms_agree_with_formed_matrices() {
    for (out, seed) in [(7, 1), (300, 2)] {
        let (one, other) = (factors(out, 20, 4, seed), factors(out, 20, 4, seed + 10));
        let pair = [one.clone(), mixed(&one, &other, 0.5)];
        let dense = [0, 1].map(|i| squared_distances(&pair[i].b.times(&pair[i].a)));
        let m = out as f64;

        let expected = plain([&dense[0], &dense[1]], [0.5; 2]) / ((m - 1.0) * (m - 1.0));
        close(hsic::rows(&pair, None).unwrap().value, expected);

        let exponents = [0, 1].map(|i| 0.5 / median(&dense[i]).powi(2));
        let own = |i: usize| plain([&dense[i], &dense[i]], [exponents[i]; 2]);
        let expected = plain([&dense[0], &dense[1]], exponents) / (own(0) * own(1)).sqrt();
        close(hsic::normalised(&pair, None).unwrap().value, expected);

        let pair = [one, other];
        let raw = [0, 1].map(|i| squared_distances(&pair[i].a));
        let expected = plain([&raw[0], &raw[1]], [1.0 / (2.0 + 1e-5); 2]) / 16.0;
        let found = hsic::released(&pair, Path::new("b"), "m").unwrap();
        close(found.value, expected);
    }
}

/// Without the diagonals, as Song et al. have it, all matrices formed; normalised.
fn plain_unbiased(distances: [&[Vec<f64>]; 2]) -> f64 {
    let m = distances[0].len();
    let n = m as f64;
    let off = |which: usize, i: usize, j: usize| {
        if i == j {
            return 0.0;
        }
        (-0.5 * distances[which][i][j] / median(distances[which]).powi(2)).exp()
    };
    let kernels = [0, 1].map(|which| -> Vec<Vec<f64>> {
        let row = |i| (0..m).map(|j| off(which, i, j)).collect();
        (0..m).map(row).collect()
    });
    // Equation 4 of the paper, without what cancels in the ratio.
    let product = |a: usize, b: usize| {
        let (k, l) = (&kernels[a], &kernels[b]);
        let sum = |k: &[Vec<f64>]| k.iter().flatten().sum::<f64>();
        let rows = |k: &[Vec<f64>]| k.iter().map(|r| r.iter().sum()).collect::<Vec<f64>>();
        let trace: f64 = k
            .iter()
            .flatten()
            .zip(l.iter().flatten())
            .map(|(x, y)| x * y)
            .sum();
        let paths: f64 = rows(k).iter().zip(&rows(l)).map(|(x, y)| x * y).sum();
        trace + sum(k) * sum(l) / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * paths
    };
    product(0, 1) / (product(0, 0) * product(1, 1)).sqrt()
}

#[test]
fn the_unbiased_form_agrees_with_formed_matrices() {
    for (out, seed) in [(7, 1), (40, 2)] {
        let (one, other) = (factors(out, 20, 4, seed), factors(out, 20, 4, seed + 10));
        let pair = [one.clone(), mixed(&one, &other, 0.5)];
        let dense = [0, 1].map(|i| squared_distances(&pair[i].b.times(&pair[i].a)));
        let found = hsic::unbiased(&pair, None).unwrap();
        let expected = plain_unbiased([&dense[0], &dense[1]]);
        assert!(
            (found.value - expected).abs() < 1e-5,
            "{} {expected}",
            found.value
        );
        close(found.chance(), unbiased_chance(out));
    }
    let few = [factors(3, 8, 2, 0), factors(3, 8, 2, 1)];
    assert_eq!(
        hsic::unbiased(&few, None).unwrap().modules,
        0,
        "three rows tell nothing"
    );
    let sample = Some(RowSample { rows: 3, seed: 0 });
    assert!(hsic::unbiased(&few, sample).is_err_and(|e| e.is_input()));
}

/// Independent adapters: 0 within four standard errors, whose spread is the known one; the biased form is above.
#[test]
fn independent_adapters_are_zero_without_bias() {
    for rank in [4, 16] {
        let pairs = 60;
        let (mut unbiased, mut biased) = (Vec::new(), 0.0);
        for seed in 0..pairs {
            let pair = [
                factors(64, 24, rank, 2 * seed),
                factors(64, 24, rank, 2 * seed + 1),
            ];
            unbiased.push(hsic::unbiased(&pair, None).unwrap().value);
            biased += hsic::normalised(&pair, None).unwrap().value / pairs as f64;
        }
        let count = unbiased.len() as f64;
        let mean = unbiased.iter().sum::<f64>() / count;
        let squares: f64 = unbiased.iter().map(|v| (v - mean).powi(2)).sum();
        let spread = (squares / (count - 1.0)).sqrt();
        assert!(
            mean.abs() < 4.0 * spread / count.sqrt(),
            "rank {rank}: {mean} ({spread})"
        );
        let known = unbiased_chance(64);
        assert!(
            (spread / known - 1.0).abs() < 0.3,
            "rank {rank}: {spread}, not {known}"
        );
        assert!(biased > 0.08, "rank {rank}: {biased}");
    }
}

#[test]
fn a_thing_depends_wholly_on_itself() {
    let one = factors(40, 20, 3, 4);
    let pair = [one.clone(), one];
    close(hsic::normalised(&pair, None).unwrap().value, 1.0);
    close(hsic::unbiased(&pair, None).unwrap().value, 1.0);
    close(linear::cosine(&pair).result(Measure::Cosine), 1.0);
    close(linear::signs(&pair).result(Measure::Signs), 1.0);
    let angles = linear::angles(&pair).unwrap();
    assert_eq!(angles.output.len(), 3);
    assert!((angles.mean_squared_cosine() - 1.0).abs() < 1e-5);
    assert!(angles.input.iter().all(|c| *c > 0.9999));
}

#[test]
fn cosine_and_signs_agree_with_formed_differences() {
    let (one, other) = (factors(600, 15, 3, 5), factors(600, 15, 5, 6));
    let pair = [one.clone(), mixed(&one, &other, 0.8)];
    let dense = [0, 1].map(|i| pair[i].b.times(&pair[i].a).into_values());
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let norms = dot(&dense[0], &dense[0]) * dot(&dense[1], &dense[1]);
    let cosine = linear::cosine(&pair).result(Measure::Cosine);
    assert!((cosine - dot(&dense[0], &dense[1]) / norms.sqrt()).abs() < 1e-6);
    let agree = dense[0]
        .iter()
        .zip(&dense[1])
        .filter(|(x, y)| (**x > 0.0) == (**y > 0.0));
    let expected = agree.count() as f64 / dense[0].len() as f64;
    assert!((linear::signs(&pair).result(Measure::Signs) - expected).abs() < 1e-3);
    assert!(expected > 0.55, "{expected}");
}

#[test]
fn spaces_at_right_angles_have_no_angle_in_common() {
    let unit = |row: usize| {
        let mut b = Matrix::zeros(4, 1);
        b.values_mut()[row] = 1.0;
        Factors {
            a: gaussian(1, 6, row as u64, 0),
            b,
        }
    };
    let angles = linear::angles(&[unit(0), unit(1)]).unwrap();
    assert!(angles.output[0] < 1e-6);
    assert!(linear::cosine(&[unit(0), unit(1)]).value.abs() < 1e-6);
}

#[test]
fn differences_of_zero_have_no_dependence() {
    let mut nothing = factors(10, 8, 2, 0);
    nothing.b.scale(0.0);
    let pair = [nothing, factors(10, 8, 2, 1)];
    assert_eq!(hsic::normalised(&pair, None).unwrap().value, 0.0);
    assert_eq!(linear::cosine(&pair).result(Measure::Cosine), 0.0);
    assert_eq!(linear::signs(&pair).result(Measure::Signs), 0.0);
}

#[test]
fn unequal_ranks_are_refused_where_rows_are_paired() {
    let pair = [factors(10, 8, 2, 0), factors(10, 8, 3, 1)];
    assert!(hsic::released(&pair, Path::new("b"), "m").is_err_and(|e| e.is_input()));
    assert!(hsic::rows(&pair, None).is_ok());
}

#[test]
fn a_sample_of_rows_is_the_same_for_the_same_seed() {
    let pair = [factors(100, 8, 2, 0), factors(100, 8, 2, 1)];
    let on = |rows, seed| {
        let sample = Some(RowSample { rows, seed });
        hsic::normalised(&pair, sample).unwrap().value
    };
    assert_eq!(on(30, 1), on(30, 1));
    assert_ne!(on(30, 1), on(30, 2));
    assert_eq!(on(100, 1), hsic::normalised(&pair, None).unwrap().value);
    let sample = Some(RowSample { rows: 1, seed: 0 });
    assert!(hsic::rows(&pair, sample).is_err());
}

#[test]
fn layers_are_found_in_paths() {
    assert_eq!(layer("model.layers.12.mlp.up_proj"), Some(12));
    assert_eq!(layer("lm_head"), None);
}
