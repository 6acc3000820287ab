//! Every kernel against its plain twin, in values and gradients, and against finite differences.

use std::sync::Arc;

use candle_core::{CustomOp2, DType, Device, Result, Tensor, Var};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::kernels::Scoring;
use crate::types::RouterActivation;

fn random(rng: &mut ChaCha8Rng, rows: usize, cols: usize) -> Var {
    let values: Vec<f32> = (0..rows * cols)
        .map(|_| rng.random_range(-1.5..1.5))
        .collect();
    Var::from_vec(values, (rows, cols), &Device::Cpu).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn assert_close(what: &str, a: &Tensor, b: &Tensor) {
    assert_eq!(a.dims(), b.dims(), "{what}");
    for (i, (a, b)) in flat(a).iter().zip(flat(b)).enumerate() {
        assert!(
            (a - b).abs() <= 1e-4 * (1.0 + b.abs()),
            "{what}[{i}]: {a} and {b}"
        );
    }
}

type Op<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

/// Compares values, then gradients under random weights, then a few gradients with central differences.
fn compare(inputs: &[Var], fast: Op<'_>, plain: Op<'_>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let tensors: Vec<Tensor> = inputs.iter().map(|v| v.as_tensor().clone()).collect();
    let (a, b) = (fast(&tensors).unwrap(), plain(&tensors).unwrap());
    assert_close("value", &a, &b);
    let weights: Vec<f32> = (0..a.elem_count())
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    let weights = Tensor::from_vec(weights, a.dims(), &Device::Cpu).unwrap();
    let loss = |y: &Tensor| (y * &weights).unwrap().sum_all().unwrap();
    let fast_gradients = loss(&a).backward().unwrap();
    let plain_gradients = loss(&b).backward().unwrap();
    for (index, input) in inputs.iter().enumerate() {
        let gradient = fast_gradients.get(input).unwrap();
        assert_close(
            &format!("gradient {index}"),
            gradient,
            plain_gradients.get(input).unwrap(),
        );
        let (original, gradient) = (flat(input), flat(gradient));
        for _ in 0..4 {
            let place = rng.random_range(0..original.len());
            let at = |shift: f32| {
                let mut values = original.clone();
                values[place] += shift;
                let mut moved = tensors.clone();
                moved[index] = Tensor::from_vec(values, input.dims(), &Device::Cpu).unwrap();
                loss(&fast(&moved).unwrap()).to_scalar::<f32>().unwrap()
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            let got = gradient[place];
            assert!(
                (slope - got).abs() < 2e-2 * (1.0 + got.abs()),
                "input {index}[{place}]: {got}, by differences {slope}"
            );
        }
    }
}

/// A matrix as passes meet it: in order, transposed, a part of a larger one, a row or one number broadcast.
fn laid_out(rng: &mut ChaCha8Rng, layout: usize, rows: usize, cols: usize) -> Tensor {
    let mut drawn = |rows, cols| random(rng, rows, cols).as_detached_tensor();
    match layout {
        0 => drawn(rows, cols),
        1 => drawn(cols, rows).t().unwrap(),
        2 => drawn(rows + 3, cols).narrow(0, 1, rows).unwrap(),
        3 => drawn(rows, cols + 3).narrow(1, 2, cols).unwrap(),
        4 => drawn(1, cols).broadcast_as((rows, cols)).unwrap(),
        _ => drawn(1, 1).broadcast_as((rows, cols)).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn products_agree_in_every_layout(
        layouts in [0usize..6, 0usize..6],
        (m, k, n) in prop_oneof![
            3 => (1usize..40, 1usize..40, 1usize..40),
            1 => (1usize..300, 1usize..300, 1usize..300),
        ],
        seed in any::<u64>(),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let a = laid_out(&mut rng, layouts[0], m, k);
        let b = laid_out(&mut rng, layouts[1], k, n);
        let got = product(&a, &b).unwrap();
        let (a, b) = (a.contiguous().unwrap(), b.contiguous().unwrap());
        let plain = a.matmul(&b).unwrap();
        // What rounding may do to both sums at the most (Higham 2002, 3.5).
        let sizes = a.abs().unwrap().matmul(&b.abs().unwrap()).unwrap();
        let bound = f32::EPSILON * (k + 1) as f32;
        prop_assert_eq!(got.dims(), plain.dims());
        let sums = flat(&got).into_iter().zip(flat(&plain)).zip(flat(&sizes));
        for ((got, plain), size) in sums {
            prop_assert!((got - plain).abs() <= bound * size, "{} and {}", got, plain);
        }
    }
}

#[test]
fn products_of_nothing_are_zero_and_of_unlike_sides_refused() {
    let zeros = |rows, cols| Tensor::zeros((rows, cols), DType::F32, &Device::Cpu).unwrap();
    let nothing = product(&zeros(3, 0), &zeros(0, 2)).unwrap();
    assert_eq!(
        (nothing.dims(), flat(&nothing)),
        (&[3, 2][..], vec![0.0; 6])
    );
    assert_eq!(product(&zeros(0, 4), &zeros(4, 2)).unwrap().dims(), [0, 2]);
    assert_eq!(product(&zeros(2, 4), &zeros(4, 0)).unwrap().dims(), [2, 0]);
    let error = product(&zeros(2, 3), &zeros(2, 3)).unwrap_err().to_string();
    assert!(error.contains("2 x 3 and 2 x 3"), "{error}");
    assert!(product(&zeros(2, 3), &zeros(3, 1).flatten_all().unwrap()).is_err());
}

/// A model that has blown up must not look sound.
#[test]
fn what_is_not_a_number_stays_so() {
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut values = vec![1.0; 14 * 3];
        values[40] = wrong;
        let x = Tensor::from_vec(values, (14, 3), &Device::Cpu).unwrap();
        let w = Tensor::ones((3, 33), DType::F32, &Device::Cpu).unwrap();
        let y = flat(&product(&x, &w).unwrap());
        assert!(y[..13 * 33].iter().all(|v| *v == 3.0));
        assert!(y[13 * 33..].iter().all(|v| !v.is_finite()));
    }
}

const BOTH: Linear = Linear {
    input_gradient: true,
    weight_gradient: true,
};

#[test]
fn linear_agrees() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (rows, d_in, d_out) in [(7, 5, 9), (1, 1, 1), (14, 33, 65)] {
        let inputs = [random(&mut rng, rows, d_in), random(&mut rng, d_out, d_in)];
        compare(&inputs, &|t| t[0].apply_op2(&t[1], BOTH), &|t| {
            linear_plain(&t[0], &t[1])
        });
    }
}

#[test]
fn linear_leaves_out_gradients_that_nobody_wants() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (x, w) = (random(&mut rng, 3, 5), random(&mut rng, 2, 5));
    let y = x.apply_op2_no_bwd(&w, &BOTH).unwrap();
    for (input_gradient, weight_gradient) in [(true, false), (false, true), (false, false)] {
        let linear = Linear {
            input_gradient,
            weight_gradient,
        };
        let (dx, dw) = linear.bwd(&x, &w, &y, &y).unwrap();
        assert_eq!(
            (dx.is_some(), dw.is_some()),
            (input_gradient, weight_gradient)
        );
    }
}

#[test]
fn norm_agrees() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for width in [6, 48] {
        let weight = Var::from_tensor(&random(&mut rng, 1, width).squeeze(0).unwrap()).unwrap();
        let inputs = [random(&mut rng, 5, width), weight];
        for around in [0.0, 1.0] {
            let norm = RmsNorm { eps: 1e-5, around };
            compare(&inputs, &|t| t[0].apply_op2(&t[1], norm), &|t| {
                rms_norm_plain(&t[0], &t[1], (1e-5, f64::from(around)))
            });
        }
    }
    // Of every head by itself.
    let weight = Var::from_tensor(&random(&mut rng, 1, 6).squeeze(0).unwrap()).unwrap();
    let inputs = [random(&mut rng, 5, 18), weight];
    let norm = RmsNorm {
        eps: 1e-5,
        around: 0.0,
    };
    compare(&inputs, &|t| t[0].apply_op2(&t[1], norm), &|t| {
        rms_norm_plain(&t[0], &t[1], (1e-5, 0.0))
    });
}

#[test]
fn bias_agrees() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let bias = Var::from_tensor(&random(&mut rng, 1, 7).squeeze(0).unwrap()).unwrap();
    compare(
        &[random(&mut rng, 5, 7), bias.clone()],
        &|t| t[0].apply_op2(&t[1], Bias),
        &|t| t[0].broadcast_add(&t[1]),
    );
    assert!(random(&mut rng, 5, 14).apply_op2(&bias, Bias).is_err());
}

#[test]
fn soft_caps_agree() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    for cap in [0.5, 3.0] {
        compare(
            &[random(&mut rng, 4, 21)],
            &|t| t[0].apply_op1(SoftCap(cap)),
            &|t| soft_cap_plain(&t[0], cap),
        );
    }
}

#[test]
fn rope_agrees() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let turned = |head_dim, factor| {
        let frequencies = (&[1.0, 0.1, 0.01][..], factor);
        Rotation::new(&[0, 1, 2, 0, 1, 7], frequencies, head_dim)
    };
    // All of a head, and its first dimensions alone, made longer.
    for rotation in [turned(6, 1.0), turned(12, 1.5)] {
        compare(
            &[random(&mut rng, 6, 24)],
            &|t| t[0].apply_op1(Rope(rotation.clone())),
            &|t| rope_plain(&t[0], &rotation),
        );
    }
    let rotation = turned(6, 1.0);
    for (rows, width) in [(5, 12), (6, 10)] {
        let x = random(&mut rng, rows, width);
        assert!(x.apply_op1(Rope(rotation.clone())).is_err());
    }
}

#[test]
fn swiglu_agrees() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let inputs = [random(&mut rng, 5, 21), random(&mut rng, 5, 21)];
    compare(&inputs, &|t| t[0].apply_op2(&t[1], SwiGlu), &|t| {
        swiglu_plain(&t[0], &t[1])
    });
    compare(&inputs, &|t| t[0].apply_op2(&t[1], GeGlu), &|t| {
        geglu_plain(&t[0], &t[1])
    });
}

#[test]
fn log_prob_agrees() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let targets = Arc::new(vec![0, 36, 5, 16]);
    compare(
        &[random(&mut rng, 4, 37)],
        &|t| t[0].apply_op1(LogProb(Arc::clone(&targets))),
        &|t| log_prob_plain(&t[0], &targets),
    );
    let narrow = random(&mut rng, 4, 36);
    assert!(narrow.apply_op1(LogProb(targets)).is_err());
}

fn attention_case(lengths: &[usize], heads: usize, kv_heads: usize, head_dim: usize) {
    attention_scored(
        lengths,
        [heads, kv_heads, head_dim],
        Scoring::plain(head_dim),
    );
}

fn attention_scored(lengths: &[usize], [heads, kv_heads, head_dim]: [usize; 3], scoring: Scoring) {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut offsets = vec![0];
    for length in lengths {
        offsets.push(offsets[offsets.len() - 1] + length);
    }
    let rows = offsets[offsets.len() - 1];
    let shape = AttentionShape {
        offsets: Arc::new(offsets),
        heads,
        kv_heads,
        head_dim,
        scoring,
    };
    let inputs = [
        random(&mut rng, rows, heads * head_dim),
        random(&mut rng, rows, kv_heads * head_dim),
        random(&mut rng, rows, kv_heads * head_dim),
    ];
    let fast = |t: &[Tensor]| t[0].apply_op3(&t[1], &t[2], Attention(shape.clone()));
    compare(&inputs, &fast, &|t| {
        attention_plain(&t[0], &t[1], &t[2], &shape)
    });
}

#[test]
fn attention_agrees_on_ragged_batches() {
    attention_case(&[5, 1, 3], 2, 1, 4);
    attention_case(&[1], 1, 1, 2);
    attention_case(&[33, 7, 64, 2], 4, 2, 32);
    attention_case(&[70, 31], 3, 3, 48);
}

#[test]
fn windows_caps_and_scales_agree() {
    for (scale, cap, window) in [
        (0.4, None, Some(3)),
        (0.5, Some(0.6), None),
        (0.3, Some(2.0), Some(1)),
        (0.3, Some(1.0), Some(37)),
    ] {
        let scoring = Scoring { scale, cap, window };
        attention_scored(&[5, 1, 3], [2, 1, 4], scoring);
        attention_scored(&[70, 31], [2, 2, 8], scoring);
    }
}

#[test]
fn attention_keeps_sequences_apart() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let whole = AttentionShape {
        offsets: Arc::new(vec![0, 9, 14]),
        heads: 2,
        kv_heads: 2,
        head_dim: 8,
        scoring: Scoring::plain(8),
    };
    let alone = AttentionShape {
        offsets: Arc::new(vec![0, 5]),
        ..whole.clone()
    };
    let x: Vec<Var> = (0..3).map(|_| random(&mut rng, 14, 16)).collect();
    let attend = |x: [&Tensor; 3], shape| x[0].apply_op3_no_bwd(x[1], x[2], &Attention(shape));
    let together = attend([&x[0], &x[1], &x[2]], whole)
        .unwrap()
        .narrow(0, 9, 5)
        .unwrap();
    let cut: Vec<Tensor> = x
        .iter()
        .map(|x| x.narrow(0, 9, 5).unwrap().contiguous().unwrap())
        .collect();
    let apart = attend([&cut[0], &cut[1], &cut[2]], alone).unwrap();
    assert_eq!(flat(&together), flat(&apart));
}

#[test]
fn sums_products_and_multiples_agree() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let inputs = [random(&mut rng, 5, 21), random(&mut rng, 5, 21)];
    compare(&inputs, &|t| t[0].apply_op2(&t[1], Sum), &|t| &t[0] + &t[1]);
    compare(&inputs, &|t| t[0].apply_op2(&t[1], Times), &|t| {
        &t[0] * &t[1]
    });
    compare(&inputs[..1], &|t| t[0].apply_op1(Scale(-0.3)), &|t| {
        &t[0] * -0.3
    });
    let narrow = random(&mut rng, 5, 20);
    assert!(inputs[0].apply_op2(&narrow, Sum).is_err());
    assert!(inputs[0].apply_op2(&narrow, Times).is_err());
}

#[test]
fn rows_agree_where_one_is_taken_twice() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let ids = Arc::new(vec![3, 0, 3, 3, 2]);
    let plain = |t: &[Tensor]| t[0].index_select(&Tensor::new(&ids[..], &Device::Cpu)?, 0);
    let fast = |t: &[Tensor]| t[0].apply_op1(Rows(Arc::clone(&ids)));
    compare(&[random(&mut rng, 4, 7)], &fast, &plain);
    assert!(random(&mut rng, 3, 7).apply_op1(Rows(ids)).is_err());
}

#[test]
fn votes_agree() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let bias = Var::from_tensor(&random(&mut rng, 1, 3).squeeze(0).unwrap()).unwrap();
    let inputs = [random(&mut rng, 6, 3), bias];
    for activation in [RouterActivation::Softmax, RouterActivation::None] {
        compare(
            &inputs,
            &|t| t[0].apply_op2(&t[1], Votes(activation)),
            &|t| votes_plain(&t[0], &t[1], activation),
        );
    }
}
