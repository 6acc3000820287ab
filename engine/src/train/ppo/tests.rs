//! Policies on tiny models and on toys whose answer is known.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use proptest::prelude::*;

use super::advantage::{Gae, Trajectory, whiten};
use super::scalarise::{Scalariser, check_ideal};
use crate::device::Backend;
use crate::mixture::{Bank, BankRouter};
use crate::model::{Decoder, LlamaConfig, RopeScaling, RowCache, StepRow, Variant, Wanted};
use crate::train::batch::{Example, FlatBatch, PredictionBatch};
use crate::train::forward::{Adapters, Predictions, TrainModel};
use crate::train::mixture::{Electorate, names};
use crate::train::{files, params};
use crate::types::{
    KlConfig, LoraConfig, RouterActivation, RowGates, Scalarisation, ScalariseConfig,
};
use crate::weights::{Adapter, Checkpoint, Digest, LoraFactor, RouterExpert, RouterSite};

/// Two objectives and three arms; arm `a` pays `PAY[a]`.
const PAY: [[f64; 2]; 3] = [[1.0, 0.0], [0.0, 1.0], [0.4, 0.4]];

/// Exact policy gradient on the bandit: rewards of the softmax policy over arms, coefficients from the
/// scalarisation, one step along the gradient of `sum_i c_i R_i`.
fn bandit(config: &ScalariseConfig, preference: &[f64], ideal: [f64; 2], steps: usize) -> [f64; 2] {
    let mut scalariser = Scalariser::new(preference, ideal.to_vec());
    follow(steps, |mean| scalariser.update(config, mean).coefficients)
}

/// The bandit under any rule from mean rewards to coefficients; mean rewards of the second half.
fn follow(steps: usize, mut coefficients: impl FnMut(&[f64]) -> Vec<f64>) -> [f64; 2] {
    let mut logits = [0.0; 3];
    let mut mean = [0.0; 2];
    let mut average = [0.0; 2];
    for step in 0..steps {
        let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let raised: Vec<f64> = logits.iter().map(|l: &f64| (l - top).exp()).collect();
        let total: f64 = raised.iter().sum();
        let shares: Vec<f64> = raised.iter().map(|r| r / total).collect();
        for objective in 0..2 {
            mean[objective] = (0..3).map(|a| shares[a] * PAY[a][objective]).sum();
        }
        let mix = coefficients(&mean);
        for (arm, logit) in logits.iter_mut().enumerate() {
            let advantage: f64 = (0..2).map(|i| mix[i] * (PAY[arm][i] - mean[i])).sum();
            *logit += 0.05 * shares[arm] * advantage;
        }
        if step >= steps / 2 {
            for i in 0..2 {
                average[i] += mean[i] / (steps - steps / 2) as f64;
            }
        }
    }
    average
}

fn config(form: Scalarisation) -> ScalariseConfig {
    ScalariseConfig {
        form,
        follow: 1.0,
        least: 0.0,
        ..ScalariseConfig::default()
    }
}

/// The best mix for `max min_i lambda_i (R_i - z_i)` over arms that trade one for the other: weighted gaps
/// are equal. With z = (1, 1) and only the pure arms mixed, `lambda_1 (1 - R_1) = lambda_2 (1 - R_2)` and
/// `R_1 + R_2 = 1`, so `R_1 = 1 - lambda_2`.
#[test]
fn tchebycheff_equalises_weighted_gaps_on_the_bandit() {
    for preference in [[0.5, 0.5], [0.3, 0.7], [0.8, 0.2]] {
        for form in [Scalarisation::Tch, Scalarisation::OmdTch] {
            let reached = bandit(&config(form), &preference, [1.0, 1.0], 40_000);
            let gaps: Vec<f64> = (0..2).map(|i| preference[i] * (1.0 - reached[i])).collect();
            assert!(
                (gaps[0] - gaps[1]).abs() < 0.02,
                "{form:?} at {preference:?}: gaps {gaps:?}, rewards {reached:?}"
            );
            assert!(
                (reached[0] - (1.0 - preference[1])).abs() < 0.06,
                "{form:?} at {preference:?}: {reached:?}"
            );
        }
    }
}

/// The smooth form leans the same way and less; the running smooth form ends where the smooth one does.
#[test]
fn smooth_forms_meet_and_lean_towards_the_preference() {
    let smooth = |form| ScalariseConfig {
        smoothing: Some(0.1),
        ..config(form)
    };
    for preference in [[0.5, 0.5], [0.35, 0.65]] {
        let still = bandit(
            &smooth(Scalarisation::Stch),
            &preference,
            [1.0, 1.0],
            40_000,
        );
        let running = bandit(
            &smooth(Scalarisation::OmdStch),
            &preference,
            [1.0, 1.0],
            40_000,
        );
        for i in 0..2 {
            assert!(
                (still[i] - running[i]).abs() < 0.03,
                "{still:?} vs {running:?}"
            );
        }
        if preference[1] > preference[0] {
            assert!(still[1] > still[0] + 0.1, "{still:?}");
        }
    }
}

/// Linear weights drift to an edge: the better paid arm takes all (HoE Fig. 6, right).
#[test]
fn linear_weights_end_on_an_edge() {
    let reached = bandit(
        &config(Scalarisation::Linear),
        &[0.45, 0.55],
        [1.0, 1.0],
        40_000,
    );
    assert!(reached[1] > 0.9 && reached[0] < 0.1, "{reached:?}");
}

/// With the ideal point below the rewards the preference turns round; the program refuses that by name.
#[test]
fn an_ideal_below_the_rewards_inverts_the_preference_and_is_refused() {
    let preference = [0.2, 0.8];
    let right = bandit(
        &config(Scalarisation::OmdTch),
        &preference,
        [1.0, 1.0],
        40_000,
    );
    // The same rule with z below the rewards, which the scalariser itself would raise.
    let below = follow(40_000, |mean| {
        let gap = |i: usize| preference[i] * (-1.0 - mean[i]);
        if gap(0) > gap(1) {
            vec![1.0, 0.0]
        } else {
            vec![0.0, 1.0]
        }
    });
    assert!(right[1] > right[0] + 0.3, "{right:?}");
    assert!(below[0] > below[1] + 0.3, "{below:?}");
    let names = ["first".to_owned(), "second".to_owned()];
    let refused = check_ideal(&[-1.0, -1.0], &[0.5, 0.5], &names).unwrap_err();
    assert!(
        refused.is_input() && refused.to_string().contains("invert"),
        "{refused}"
    );
    assert!(check_ideal(&[1.0, 1.0], &[0.5, 0.5], &names).is_ok());
}

#[test]
fn exact_coefficients_spare_what_nobody_asked_for() {
    let gaps_seen = [0.0, -1.0, 0.5];
    for (literal, spared) in [(false, true), (true, false)] {
        let config = ScalariseConfig {
            form: Scalarisation::Stch,
            literal,
            ..ScalariseConfig::default()
        };
        let mut scalariser = Scalariser::new(&[0.5, 0.5, 0.0], vec![1.0; 3]);
        let mix = scalariser.update(&config, &gaps_seen);
        assert_eq!(mix.coefficients[2] == 0.0, spared);
        assert!((mix.coefficients.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn an_ideal_that_is_exceeded_is_raised() {
    let mut scalariser = Scalariser::new(&[0.5, 0.5], vec![1.0, 1.0]);
    scalariser.update(&ScalariseConfig::default(), &[2.0, 0.0]);
    assert_eq!(scalariser.ideal, [2.0, 1.0]);
}

#[test]
fn the_penalty_follows_the_divergence_by_a_fifth_at_most() {
    let kl = KlConfig {
        horizon: 1000.0,
        ..KlConfig::default()
    };
    assert!((kl.adapt(0.2, 6.0, 3.0, 100) - 0.2 * 1.02).abs() < 1e-12);
    assert!((kl.adapt(0.2, 0.0, 3.0, 100) - 0.2 * 0.98).abs() < 1e-12);
    assert!((kl.adapt(0.2, 3.3, 3.0, 100) - 0.2 * 1.01).abs() < 1e-12);
}

fn trajectory(tokens: usize, objectives: usize, seed: u64) -> Trajectory {
    let number = |i: usize| (((i as u64 * 7919 + seed * 104_729) % 2003) as f32 / 1001.5) - 1.0;
    Trajectory {
        log_probs: (0..tokens).map(number).collect(),
        reference: (0..tokens).map(|i| number(i + 500)).collect(),
        values: (0..tokens * objectives).map(|i| number(i + 1000)).collect(),
        scores: (0..objectives)
            .map(|i| f64::from(number(i + 1500)))
            .collect(),
    }
}

proptest! {
    /// GAE is linear: mixing advantages equals the advantage of the mixed reward and value.
    #[test]
    fn mixed_advantages_are_advantages_of_the_mixture(
        tokens in 1usize..12,
        seed in 0u64..1000,
        raw in prop::collection::vec(0.01f64..1.0, 3),
    ) {
        let total: f64 = raw.iter().sum();
        let mix: Vec<f64> = raw.iter().map(|c| c / total).collect();
        let gae = Gae { gamma: 1.0, lambda: 0.95 };
        let several = trajectory(tokens, 3, seed);
        let target = several.target(gae, 0.1, &mix);
        let one = Trajectory {
            values: several
                .values
                .chunks(3)
                .map(|v| v.iter().zip(&mix).map(|(v, c)| f64::from(*v) * c).sum::<f64>() as f32)
                .collect(),
            scores: vec![several.scores.iter().zip(&mix).map(|(s, c)| s * c).sum()],
            ..several.clone()
        };
        let mixed = one.target(gae, 0.1, &[1.0]);
        for (a, b) in target.advantages.iter().zip(&mixed.advantages) {
            prop_assert!((a - b).abs() < 1e-5, "{a} vs {b}");
        }
    }

    /// With lambda 1 and gamma 1 the return of every token is what is still to come.
    #[test]
    fn returns_without_bootstrapping_are_sums_of_rewards(tokens in 1usize..12, seed in 0u64..1000) {
        let one = trajectory(tokens, 1, seed);
        let target = one.target(Gae { gamma: 1.0, lambda: 1.0 }, 0.3, &[1.0]);
        for t in 0..tokens {
            let rest: f64 = (t..tokens)
                .map(|s| -0.3 * f64::from(one.log_probs[s] - one.reference[s]))
                .sum::<f64>() + one.scores[0];
            prop_assert!((f64::from(target.returns[t]) - rest).abs() < 1e-4);
        }
    }

    #[test]
    fn whitened_advantages_have_mean_zero_and_variance_one(seed in 0u64..1000) {
        let gae = Gae { gamma: 1.0, lambda: 0.95 };
        let mut targets: Vec<_> = (0..3)
            .map(|i| trajectory(5 + i, 2, seed + i as u64).target(gae, 0.1, &[0.5, 0.5]))
            .collect();
        whiten(&mut targets);
        let all: Vec<f64> = targets.iter().flat_map(|t| t.advantages.clone()).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let variance = all.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (all.len() - 1) as f64;
        prop_assert!(mean.abs() < 1e-9 && (variance - 1.0).abs() < 1e-6);
    }
}

/// Hand-made: two tokens, one objective.
#[test]
fn gae_by_hand() {
    let gae = Gae {
        gamma: 1.0,
        lambda: 0.5,
    };
    // deltas: 1 + 0.5 - 2 = -0.5 and 3 - 0.5 = 2.5; advantages: -0.5 + 0.5 * 2.5 = 0.75 and 2.5.
    assert_eq!(gae.advantages(&[1.0, 3.0], &[2.0, 0.5]), [0.75, 2.5]);
}

fn shape() -> LlamaConfig {
    LlamaConfig {
        vocabulary: 24,
        hidden_size: 16,
        intermediate_size: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        context: 64,
        positions: 64,
        rope_scaling: RopeScaling::None,
        attention_bias: false,
        mlp_bias: false,
        variant: Variant::default(),
        tied_embeddings: true,
        eos_token_id: Some(1),
        bos_token_id: Some(0),
    }
}

fn adapter(shape: &LlamaConfig, rank: usize, seed: usize) -> Adapter {
    let number = |i: usize| ((((i + seed * 31) * 7919) % 2003) as f32 / 1001.5 - 1.0) * 0.2;
    let factors = shape
        .projections()
        .into_iter()
        .map(|(path, [out, inner])| {
            let factor = LoraFactor {
                a: (0..rank * inner).map(number).collect(),
                b: (0..out * rank).map(|i| number(i + 77)).collect(),
                rank,
                scale: 0.5,
            };
            (path, factor)
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

fn batch() -> FlatBatch {
    let example = |ids: &[u32]| Example {
        prompt: ids[..2].to_vec(),
        response: ids[2..].to_vec(),
    };
    let examples = [example(&[0, 5, 9, 3, 7]), example(&[0, 2, 4, 11])];
    FlatBatch::whole(examples.iter())
}

fn routed(shape: LlamaConfig, adapters: &[Adapter], shares: &[f64], floor: f64) -> TrainModel {
    let weights = params::random(&shape, 3).unwrap();
    let electorate = Electorate {
        adapters: adapters.iter().collect(),
        activation: RouterActivation::Softmax,
    };
    let fresh = electorate
        .fresh(&shape.projections(), shares, floor)
        .unwrap();
    TrainModel::routed(shape, &weights, &electorate, &fresh).unwrap()
}

/// An untrained router gives what static interpolation gives: the experts folded into the base's weights.
#[test]
fn an_untrained_router_is_static_interpolation() {
    let shape = shape();
    let adapters = [adapter(&shape, 3, 1), adapter(&shape, 2, 2)];
    let shares = [0.75, 0.25];
    let model = routed(shape.clone(), &adapters, &shares, 1e-6);
    let mixed = model.logits(&batch(), Adapters::On).unwrap().output;
    let mut weights = params::random(&shape, 3).unwrap();
    for (path, [out, inner]) in shape.projections() {
        for (adapter, share) in adapters.iter().zip(shares) {
            let factor = &adapter.factors[&path];
            let device = Device::Cpu;
            let a = Tensor::from_slice(&factor.a, (factor.rank, inner), &device).unwrap();
            let b = Tensor::from_slice(&factor.b, (out, factor.rank), &device).unwrap();
            let delta = (b.matmul(&a).unwrap() * (f64::from(factor.scale) * share)).unwrap();
            let name = format!("{path}.weight");
            let sum = (&weights[&name] + delta).unwrap();
            weights.insert(name, sum);
        }
    }
    let plain = TrainModel::frozen(shape, &weights).unwrap();
    let folded = plain.logits(&batch(), Adapters::On).unwrap().output;
    let difference = (mixed - folded).unwrap().abs().unwrap().max_all().unwrap();
    let difference = difference.to_scalar::<f32>().unwrap();
    assert!(difference < 2e-5, "{difference}");
}

/// What learns and what answers are one model: a router with weights gives the same logits in the
/// differentiable forward and in both decoders, token by token.
#[test]
fn what_learns_is_what_answers() {
    learns_and_answers(shape());
}

/// As a Llama 3 base: positions stretched in all three bands, heads of a width of their own, an output layer.
#[test]
fn what_learns_on_stretched_positions_is_what_answers() {
    learns_and_answers(LlamaConfig {
        head_dim: 8,
        rope_scaling: RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_context: 64.0,
        },
        tied_embeddings: false,
        ..shape()
    });
}

fn learns_and_answers(shape: LlamaConfig) {
    let adapters = [adapter(&shape, 3, 1), adapter(&shape, 2, 2)];
    let model = routed(shape.clone(), &adapters, &[0.6, 0.4], 0.01);
    let mut sites = BTreeMap::new();
    for (index, (path, [_, inner])) in shape.projections().into_iter().enumerate() {
        let number = |i: usize| ((((i + index * 53) * 7919) % 2003) as f32 / 1001.5 - 1.0) * 0.8;
        let site = RouterSite {
            weight: (0..2 * inner).map(number).collect(),
            bias: vec![number(3), number(8)],
        };
        let (weight, bias) = names(&path);
        let device = Device::Cpu;
        let rows = Tensor::from_slice(&site.weight, (2, inner), &device).unwrap();
        model.vars()[&weight].set(&rows).unwrap();
        let bias_values = Tensor::from_slice(&site.bias, 2, &device).unwrap();
        model.vars()[&bias].set(&bias_values).unwrap();
        sites.insert(path, site);
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = params::random(&shape, 3).unwrap();
    files::write_model(folder.path(), &shape.to_json(), (&weights, &[]), None).unwrap();
    let config = LlamaConfig::load(folder.path()).unwrap();
    assert_eq!(config, shape);
    let bank = Bank {
        experts: 2,
        routers: vec![BankRouter {
            expert: RouterExpert {
                path: "here".into(),
                preference: Vec::new(),
                outputs: vec![0, 1],
                activation: RouterActivation::Softmax,
                sites,
                digest: String::new(),
                bytes: 0,
            },
            fallback: vec![0.5, 0.5],
        }],
        adapters: adapters.to_vec(),
    };
    let tokens: Vec<u32> = (0..48).map(|i| i * 7 % 24).collect();
    let flat = FlatBatch::new([tokens.clone()]);
    let learns: Vec<f32> = {
        let logits = model.logits(&flat, Adapters::On).unwrap().output;
        logits.flatten_all().unwrap().to_vec1().unwrap()
    };
    let gates = RowGates {
        routers: vec![1.0],
        ..RowGates::base(2, 1)
    };
    for backend in [Backend::default(), Backend::tensors_on_cpu()] {
        let checkpoint = Checkpoint::open_folder(folder.path()).unwrap();
        let (mut bank, mut digest) = (bank.clone(), Digest::default());
        let config = config.clone();
        let decoder = Decoder::load(
            &backend,
            config,
            &checkpoint,
            &mut bank,
            &mut digest,
            &mut |_| Ok(()),
        )
        .unwrap();
        let mut cache = RowCache::default();
        decoder.reset(&mut cache, tokens.len()).unwrap();
        let mut rows = [StepRow {
            tokens: &tokens,
            cache: &mut cache,
            gates: &gates,
            side: None,
            shift: None,
            wanted: Wanted::All,
        }];
        let answers = decoder.forward(&mut rows, None).unwrap();
        assert_eq!(answers.len(), learns.len());
        for (answer, learn) in answers.iter().zip(&learns) {
            assert!((answer - learn).abs() < 2e-4, "{answer} vs {learn}");
        }
    }
}

/// The gradient of a router's weights and biases agrees with finite differences, and reaches all of them.
#[test]
fn gradients_reach_every_router_tensor_and_are_right() {
    let shape = shape();
    let adapters = [
        adapter(&shape, 3, 1),
        adapter(&shape, 2, 2),
        adapter(&shape, 2, 3),
    ];
    let model = routed(shape.clone(), &adapters, &[0.5, 0.3, 0.2], 0.01);
    let loss = |model: &TrainModel| {
        let pass = model.logits(&batch(), Adapters::On).unwrap();
        (pass.output.sqr().unwrap().mean_all().unwrap(), pass)
    };
    let (mean, pass) = loss(&model);
    let gradients = model.gradients(&mean, pass).unwrap();
    for ((name, var), gradient) in model.vars().iter().zip(gradients) {
        let gradient = gradient.unwrap_or_else(|| panic!("{name} has no gradient"));
        let flat: Vec<f32> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        assert!(flat.iter().any(|&g| g != 0.0), "{name}");
        let start: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        let at = flat.len() / 2;
        let step = 0.02f32;
        let moved = |by: f32| {
            let mut values = start.clone();
            values[at] += by;
            let tensor = Tensor::from_vec(values, var.dims(), &Device::Cpu).unwrap();
            var.set(&tensor).unwrap();
            loss(&model).0.to_scalar::<f32>().unwrap()
        };
        let slope = (moved(step) - moved(-step)) / (2.0 * step);
        moved(0.0);
        let error = (slope - flat[at]).abs();
        assert!(
            error < 2e-4 + 0.05 * slope.abs(),
            "{name}: {slope} vs {}",
            flat[at]
        );
    }
}

#[test]
fn a_value_head_does_not_pull_at_the_model() {
    let shape = shape();
    let weights = params::random(&shape, 3).unwrap();
    let method = crate::types::Method::Lora(LoraConfig {
        rank: 2,
        ..LoraConfig::default()
    });
    let model = TrainModel::new(shape, &weights, &method, 0)
        .unwrap()
        .with_values(2)
        .unwrap();
    let example = Example {
        prompt: vec![1, 2, 3],
        response: vec![4, 5, 6],
    };
    let read = PredictionBatch::new([&example], false);
    let Predictions { log_probs, states } = model.learn(&read, 1.0).unwrap();
    let values = model.values(&states).unwrap();
    assert_eq!(values.dims(), [3, 2]);
    let loss = (values - 1.0).unwrap().sqr().unwrap().sum_all().unwrap();
    let gradients = model.gradients(&loss, log_probs).unwrap();
    let reached: Vec<&str> = model
        .vars()
        .keys()
        .zip(&gradients)
        .filter(|(_, gradient)| gradient.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(reached, ["value.bias", "value.weight"]);
}
