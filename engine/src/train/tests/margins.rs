//! Losses over pairs other than DPO's own: autoregressive rewards (GenARM), margins of other objectives (MODPO).

use std::path::PathBuf;

use candle_core::Tensor;

use super::*;
use crate::train::descent::{Objective as _, StepExamples};
use crate::train::forward::{Adapters, Kernels, TrainModel};
use crate::train::pair_loss::{Others, PairLoss};
use crate::types::{ArmConfig, ModpoConfig};
use crate::weights::Adapter;

fn lora() -> LoraConfig {
    LoraConfig {
        rank: 3,
        alpha: 6.0,
        ..LoraConfig::default()
    }
}

fn arm_config(steps: usize) -> ArmConfig {
    ArmConfig {
        train: sft_config(steps).train,
        lora: lora(),
        beta: 0.5,
    }
}

fn modpo_config(steps: usize, preference: &[f64], values: &[PathBuf]) -> ModpoConfig {
    ModpoConfig {
        train: sft_config(steps).train,
        lora: lora(),
        beta: 0.5,
        preference: preference.to_vec(),
        values: values.to_vec(),
    }
}

fn dpo_config(steps: usize) -> DpoConfig {
    DpoConfig {
        train: sft_config(steps).train,
        method: Method::Lora(lora()),
        beta: 0.5,
        ..DpoConfig::default()
    }
}

/// All pairs in the first step.
fn at_once(mut train: TrainConfig) -> TrainConfig {
    train.batch_tokens = 100_000;
    train.steps = Some(1);
    train
}

/// The base with an adapter beside it, not merged: another way than the trainer's.
fn adapted(start: &Start, folder: &Path) -> TrainModel {
    let base = crate::train::base::Base::open(start, 0, &candle_core::Device::Cpu).unwrap();
    let adapter = Adapter::load(folder, &base.shape.projections()).unwrap();
    let method = Method::Lora(LoraConfig {
        rank: adapter.rank(),
        alpha: f64::from(adapter.factors.values().next().unwrap().scale) * adapter.rank() as f64,
        ..LoraConfig::default()
    });
    let model = TrainModel::new(base.shape.clone(), &base.weights, &method, 0).unwrap();
    for (path, factor) in &adapter.factors {
        for (kind, numbers) in [("A", &factor.a), ("B", &factor.b)] {
            let var = &model.vars()[&format!("{path}.lora_{kind}.weight")];
            let tensor = Tensor::from_slice(numbers, var.dims(), var.device()).unwrap();
            var.set(&tensor).unwrap();
        }
    }
    model
}

#[test]
fn an_autoregressive_reward_begins_with_the_base_s_ratios_and_learns_to_rank() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let out = root.path().join("arm");
    let pairs = preferences();
    let mut config = arm_config(60);
    let mut first = Recorder::default();
    config.train = at_once(config.train);
    arm(
        &config,
        &start,
        &pairs,
        &mut first,
        &root.path().join("first"),
    )
    .unwrap();
    let opened = crate::train::base::Base::open(&start, 0, &candle_core::Device::Cpu).unwrap();
    let model = TrainModel::frozen(opened.shape.clone(), &opened.weights).unwrap();
    let before = ratios_of(&model, Adapters::Off, &pairs);
    let costs: f64 = before.iter().map(|ratio| cost(0.5 * ratio)).sum();
    // No reference: what the base prefers counts.
    let expected = costs / pairs.len() as f64;
    assert!(
        (first.losses[0] - expected).abs() < 1e-5,
        "{} {expected}",
        first.losses[0]
    );
    assert!((expected - std::f64::consts::LN_2).abs() > 1e-4);

    let report = arm(&arm_config(60), &start, &pairs, &mut Silent, &out).unwrap();
    let last = report.last.unwrap();
    assert!(
        last.loss < 0.2 && last.figures["accuracy"] > 0.95,
        "{last:?}"
    );
    assert!((last.figures["arm"] - last.loss).abs() < 1e-5);
    let after = ratios_of(&adapted(&start, &out), Adapters::On, &pairs);
    assert!(after.iter().all(|ratio| *ratio > 0.0), "{after:?}");
    let refused = ArmConfig {
        beta: -1.0,
        ..arm_config(1)
    };
    let error = arm(
        &refused,
        &start,
        &pairs,
        &mut Silent,
        &root.path().join("no"),
    )
    .unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("beta"),
        "{error}"
    );
}

/// The margin's weight is all on the pairs' own objective: not a bit differs, with value vectors or without.
#[test]
fn modpo_at_the_first_objective_is_dpo_bit_for_bit() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let (value, plain) = (root.path().join("value"), root.path().join("plain"));
    dpo(
        &dpo_config(10),
        &start,
        &other_preferences(),
        &mut Silent,
        &value,
    )
    .unwrap();
    let mut expected = Recorder::default();
    dpo(
        &dpo_config(20),
        &start,
        &preferences(),
        &mut expected,
        &plain,
    )
    .unwrap();
    for (name, preference, values) in [
        ("alone", &[1.0][..], &[][..]),
        ("beside", &[3.0, 0.0], std::slice::from_ref(&value)),
    ] {
        let out = root.path().join(name);
        let config = modpo_config(20, preference, values);
        let mut found = Recorder::default();
        modpo(&config, &start, &preferences(), &mut found, &out).unwrap();
        assert_eq!(found.losses, expected.losses, "{name}");
        assert_same(
            &weights(&out, "adapter_model.safetensors"),
            &weights(&plain, "adapter_model.safetensors"),
        );
    }
}

/// Before the first update the model is the reference, so that the loss is that of the other objectives' margins
/// alone; these are asked of value vectors beside the base, where the trainer merges them.
#[test]
fn modpo_begins_with_the_margins_of_the_other_objectives() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let values = ["one", "two"].map(|name| root.path().join(name));
    dpo(
        &dpo_config(15),
        &start,
        &other_preferences(),
        &mut Silent,
        &values[0],
    )
    .unwrap();
    dpo(
        &dpo_config(25),
        &start,
        &preferences(),
        &mut Silent,
        &values[1],
    )
    .unwrap();
    let pairs = preferences();
    let preference = [0.2, 0.5, 0.3];
    let mut config = modpo_config(1, &preference.map(|w| 10.0 * w), &values);
    config.train = at_once(config.train);
    let mut recorder = Recorder::default();
    modpo(
        &config,
        &start,
        &pairs,
        &mut recorder,
        &root.path().join("first"),
    )
    .unwrap();
    let mut margins = vec![0.0; pairs.len()];
    for (value, weight) in values.iter().zip(&preference[1..]) {
        let model = adapted(&start, value);
        let own = ratios_of(&model, Adapters::On, &pairs);
        let base = ratios_of(&model, Adapters::Off, &pairs);
        for (margin, (own, base)) in margins.iter_mut().zip(own.iter().zip(base)) {
            *margin += weight * config.beta * (own - base);
        }
    }
    assert!(
        margins.iter().any(|margin| margin.abs() > 0.1),
        "{margins:?}"
    );
    let costs: f64 = margins.iter().map(|m| cost(-m / preference[0])).sum();
    let expected = costs / pairs.len() as f64;
    let found = recorder.losses[0];
    assert!(
        (found - expected).abs() < 1e-4 * (1.0 + expected),
        "{found} {expected}"
    );
}

#[test]
fn preferences_that_modpo_cannot_serve_are_refused_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let absent = root.path().join("absent");
    for (preference, values, words) in [
        (
            &[0.05, 0.95][..],
            std::slice::from_ref(&absent),
            "divided by it",
        ),
        (&[0.5, 0.5], &[], "one per value vector"),
        (&[0.5, 0.5], std::slice::from_ref(&absent), "absent"),
    ] {
        let out = root.path().join("out");
        let config = modpo_config(1, preference, values);
        let error = modpo(&config, &start, &preferences(), &mut Silent, &out).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains(words),
            "{error}"
        );
        assert!(!out.exists());
    }
}

/// On the tape, in candle's graph, and by differences of the closed form.
#[test]
fn gradients_of_every_form_are_right() {
    let shape = tiny();
    let frozen = params::random(&shape, 1).unwrap();
    let pairs: Vec<Pair> = preferences().into_iter().take(6).collect();
    let numbers = |scale: f32| -> Vec<f32> { (0..6).map(|i| scale * (i as f32 - 2.0)).collect() };
    let (beta, weight) = (0.7, 0.25);
    for margins in [false, true] {
        let (reference, others) = (numbers(0.3), numbers(0.1));
        let objective = PairLoss {
            name: "x",
            pairs: pairs.iter().collect(),
            weights: vec![1.0; 6],
            beta,
            reference: margins.then(|| reference.clone()),
            others: margins.then(|| Others {
                margins: others.clone(),
                weight,
            }),
            penalty: None,
        };
        let all: Vec<usize> = (0..6).collect();
        let step = StepExamples {
            number: 0,
            indices: &all,
            weight: 6,
        };
        let closed = |model: &TrainModel| {
            let ratios = ratios_of(model, Adapters::On, &pairs);
            let costs = ratios.iter().enumerate().map(|(i, ratio)| {
                if margins {
                    let own = beta * (ratio - f64::from(reference[i]));
                    cost((own - f64::from(others[i])) / weight)
                } else {
                    cost(beta * ratio)
                }
            });
            costs.sum::<f64>() / 6.0
        };
        let found = [Kernels::Fused, Kernels::Plain].map(|kernels| {
            let method = Method::Lora(lora());
            let model = TrainModel::new(shape.clone(), &frozen, &method, 2).unwrap();
            let model = model.with_kernels(kernels);
            with_noise(&model);
            let share = objective.loss(&model, &all, &step).unwrap();
            let loss = f64::from(share.loss.to_scalar::<f32>().unwrap());
            assert!(
                (loss - closed(&model)).abs() < 1e-4,
                "{loss} {}",
                closed(&model)
            );
            let gradients = model.gradients(&share.loss, share.pass).unwrap();
            let gradients = grad_check::all(model.vars(), gradients).unwrap();
            (model, gradients)
        });
        let [(model, fused), (_, plain)] = &found;
        for ((name, a), b) in model.vars().keys().zip(fused).zip(plain) {
            let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (a, b) in flat(a).iter().zip(flat(b)) {
                assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{name}: {a} {b}");
            }
        }
        assert_gradients(model, fused, &closed);
    }
}
