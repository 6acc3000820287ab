//! The packed forms against candle's.

use candle_core::{DType, Device, Tensor};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;

fn place(kernels: Kernels) -> Compute {
    Compute {
        device: Device::Cpu,
        kernels,
    }
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.5..1.5)).collect()
}

fn matrix(rows: usize, columns: usize, seed: u64) -> Tensor {
    Tensor::from_vec(numbers(rows * columns, seed), (rows, columns), &Device::Cpu).unwrap()
}

fn near(a: &Tensor, b: &Tensor, tolerance: f32) {
    assert_eq!(a.dims(), b.dims());
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (a, b) in flat(a).into_iter().zip(flat(b)) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{a}, not {b}");
    }
}

#[test]
fn activations_agree_with_their_definitions() {
    let inputs: Vec<f32> = (-4000..4000).map(|i| i as f32 * 0.003).collect();
    let exact = Tensor::from_slice(&inputs, inputs.len(), &Device::Cpu)
        .unwrap()
        .to_dtype(DType::F64)
        .unwrap();
    for name in ["gelu", "gelu_new", "relu", "silu", "tanh"] {
        let activation = Activation::named(name).unwrap();
        let mut got = inputs.clone();
        activation.packed(&mut got);
        let want: Vec<f64> = activation.plain(&exact).unwrap().to_vec1().unwrap();
        for ((x, got), want) in inputs.iter().zip(got).zip(want) {
            let apart = (f64::from(got) - want).abs();
            assert!(
                apart <= 6e-7 * (1.0 + want.abs()),
                "{name}({x}): {got}, not {want}"
            );
        }
    }
    assert!(Activation::named("mish").is_none());
    let mut wrong = vec![f32::NAN];
    Activation::Gelu.packed(&mut wrong);
    assert!(wrong[0].is_nan(), "a NaN must not pass for a number");
}

#[test]
fn linear_layers_and_norms_agree() {
    let (rows, inputs, outputs) = (37, 40, 70);
    let x = matrix(rows, inputs, 1);
    let (weight, bias) = (numbers(inputs * outputs, 2), numbers(outputs, 3));
    let linear = |kernels, bias: Option<Vec<f32>>| {
        Linear::new(weight.clone(), bias, [outputs, inputs], &place(kernels)).unwrap()
    };
    let both = [Kernels::Packed, Kernels::Plain];
    for bias in [None, Some(bias)] {
        let [packed, plain] = both.map(|kernels| linear(kernels, bias.clone()));
        near(
            &packed.forward(&x).unwrap(),
            &plain.forward(&x).unwrap(),
            5e-6,
        );
        near(
            &packed.activated(&x, Activation::Gelu).unwrap(),
            &plain.activated(&x, Activation::Gelu).unwrap(),
            5e-6,
        );
        let [twice, again] = Linear::forward_all([&packed, &packed], &x).unwrap();
        near(&twice, &again, 0.0);
    }
    let y = matrix(rows, inputs, 4);
    let [packed, plain] = both.map(|kernels| {
        Norm::new(
            numbers(inputs, 5),
            numbers(inputs, 6),
            1e-5,
            &place(kernels),
        )
        .unwrap()
    });
    // candle's variance is the difference of two means, which costs it a digit.
    near(
        &packed.forward(&x).unwrap(),
        &plain.forward(&x).unwrap(),
        1e-5,
    );
    near(
        &packed.of_sum(&x, &y).unwrap(),
        &plain.of_sum(&x, &y).unwrap(),
        1e-5,
    );
}

#[test]
fn attention_agrees_within_a_text_and_across_two() {
    let (heads, width) = (3, 36);
    for (queries, keys, causal) in [
        (vec![5, 1, 33], vec![5, 1, 33], false),
        (vec![5, 1, 33], vec![5, 1, 33], true),
        (vec![1, 1, 1], vec![7, 1, 40], true),
        (vec![4, 9, 2], vec![7, 3, 40], false),
    ] {
        let (rows, others) = (queries.iter().sum(), keys.iter().sum());
        let (q, k, v) = (
            matrix(rows, width, 1),
            matrix(others, width, 2),
            matrix(others, width, 3),
        );
        let [packed, plain] = [Kernels::Packed, Kernels::Plain].map(|kernels| {
            let attention = Attention {
                heads,
                scale: 0.3,
                causal,
                kernels,
            };
            attention.forward([&q, &k, &v], &queries, &keys).unwrap()
        });
        near(&packed, &plain, 2e-6);
    }
}
