//! Preference optimisation on tiny models: value vectors, several sets, sequences.

use std::path::PathBuf;

use super::*;
use crate::types::Strength;

fn lora(rank: usize) -> LoraConfig {
    LoraConfig {
        rank,
        alpha: 2.0 * rank as f64,
        ..LoraConfig::default()
    }
}

fn config(steps: usize) -> DpoConfig {
    DpoConfig {
        train: sft_config(steps).train,
        method: Method::Lora(lora(4)),
        beta: 0.5,
        ..DpoConfig::default()
    }
}

#[test]
fn dpo_with_adapters_learns_the_preference_and_leaves_the_base_alone() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = base(folder.path());
    let lora = LoraConfig {
        rank: 4,
        alpha: 8.0,
        ..LoraConfig::default()
    };
    let config = DpoConfig {
        train: sft_config(60).train,
        method: Method::Lora(lora),
        beta: 0.5,
        ..DpoConfig::default()
    };
    let mut recorder = Recorder::default();
    let report = dpo(&config, &start, &preferences(), &mut recorder, out.path()).unwrap();
    // Before the first update the model is the reference: no margin, a loss of ln 2.
    assert!(
        (recorder.losses[0] - std::f64::consts::LN_2).abs() < 1e-5,
        "{}",
        recorder.losses[0]
    );
    let last = report.last.unwrap();
    assert!(
        last.loss < 0.2 && last.figures["accuracy"] > 0.95 && last.figures["margin"] > 1.0,
        "{last:?}"
    );
    let adapter = weights(out.path(), "adapter_model.safetensors");
    assert_eq!(adapter.len(), 2 * 7 * 2);
    let a = &adapter["base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"];
    assert_eq!(a.dims(), [4, 24]);
    let text = std::fs::read_to_string(out.path().join("adapter_config.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (written["peft_type"].as_str(), written["r"].as_u64()),
        (Some("LORA"), Some(4))
    );
    assert!(!out.path().join("model.safetensors").exists());
    // The engine's own loader takes it.
    let loaded = crate::weights::Adapter::load(out.path(), &tiny().projections()).unwrap();
    assert_eq!(loaded.rank(), 4);
}

#[test]
fn dpo_of_all_weights_writes_a_model() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = base(folder.path());
    let config = DpoConfig {
        train: sft_config(5).train,
        method: Method::Full,
        beta: 0.1,
        ..DpoConfig::default()
    };
    dpo(&config, &start, &preferences(), &mut Silent, out.path()).unwrap();
    let shape = LlamaConfig::load(out.path()).unwrap();
    assert_eq!(shape, tiny());
    params::read(out.path(), &shape).unwrap();
    let bad = DpoConfig {
        beta: 0.0,
        ..config
    };
    assert!(
        dpo(&bad, &start, &preferences(), &mut Silent, out.path())
            .unwrap_err()
            .is_input()
    );
}

/// Algorithm 1 of MVA with two values; the second vector is trained with and without a penalty.
#[test]
fn a_penalty_keeps_a_second_vector_apart_from_the_first() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let first = root.path().join("first");
    dpo(&config(40), &start, &preferences(), &mut Silent, &first).unwrap();
    let train = |kind: PenaltyKind, alpha: f64| {
        let config = DpoConfig {
            against: vec![first.clone()],
            penalty: PenaltyConfig {
                kind,
                alpha: Strength::Alpha(alpha),
                ..PenaltyConfig::default()
            },
            ..config(60)
        };
        let out = root.path().join(format!("{}-{alpha}", kind.name()));
        let mut steps = Steps::default();
        dpo(&config, &start, &other_preferences(), &mut steps, &out).unwrap();
        (out, steps.0)
    };
    let (plain, steps) = train(PenaltyKind::None, 1.0);
    let last = &steps.last().unwrap().figures;
    assert!(last["norm"] > 0.0 && !last.contains_key("penalty"));
    let cosine = |folder: &PathBuf| {
        use crate::forge::dependence::{Measure, dependence};
        let found = dependence(folder, &first, Measure::Cosine, None, &mut |_| Ok(()));
        found.unwrap().total
    };
    // The figure is that of the weights before the last step.
    assert!((last["cosine.first"] - cosine(&plain)).abs() < 0.02);
    let alike = cosine(&plain).abs();

    let (apart, steps) = train(PenaltyKind::OrthogonalCosine, 3.0);
    for step in &steps {
        let sum = step.figures["dpo"] + step.figures["penalty"];
        assert!(
            (step.loss - sum).abs() < 1e-4 * (1.0 + sum.abs()),
            "{step:?}"
        );
    }
    let last = &steps.last().unwrap().figures;
    assert!(
        cosine(&apart).abs() < 0.5 * alike,
        "{} without, {} with a penalty",
        alike,
        cosine(&apart)
    );
    assert!(last["accuracy"] > 0.9, "{last:?}");

    let (_, plain_steps) = train(PenaltyKind::HsicNormalised, 0.0);
    let (_, steps) = train(PenaltyKind::HsicNormalised, 3.0);
    let dependence = |steps: &[TrainStep]| steps.last().unwrap().figures["dependence.first"];
    assert_eq!(
        steps[0].figures["penalty"], 0.0,
        "no vector yet, no dependence"
    );
    assert!(
        dependence(&steps) < 0.8 * dependence(&plain_steps),
        "{} without, {} with a penalty",
        dependence(&plain_steps),
        dependence(&steps)
    );
    let (_, steps) = train(PenaltyKind::WeightDecay, 1.0);
    assert!(last_norm(&steps) < 0.8 * last_norm(&plain_steps));
}

fn last_norm(steps: &[TrainStep]) -> f64 {
    steps.last().unwrap().figures["norm"]
}

#[test]
fn penalties_need_adapters_and_folders_that_hold_some() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let refused = |config: DpoConfig| {
        let out = root.path().join("out");
        let error = dpo(&config, &start, &preferences(), &mut Silent, &out).unwrap_err();
        assert!(error.is_input(), "{error}");
        assert!(!out.exists());
        error.to_string()
    };
    let penalty = PenaltyConfig {
        kind: PenaltyKind::WeightDecay,
        ..PenaltyConfig::default()
    };
    let full = refused(DpoConfig {
        method: Method::Full,
        penalty: penalty.clone(),
        ..config(1)
    });
    assert!(
        full.contains("penalty") && full.contains("`lora`"),
        "{full}"
    );
    let absent = refused(DpoConfig {
        against: vec![root.path().join("absent")],
        ..config(1)
    });
    assert!(absent.contains("absent"), "{absent}");
    let both = refused(DpoConfig {
        start_from: Some(root.path().join("absent")),
        penalty,
        ..config(1)
    });
    assert!(both.contains("`start_from`"), "{both}");
}

#[test]
fn a_mix_of_one_set_is_that_set_and_weights_count() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let (one, other) = (preferences(), other_preferences());
    let losses = |sets: &[(&[Pair], f64)], name: &str| {
        let sets: Vec<PairSet<'_>> = sets
            .iter()
            .map(|&(pairs, weight)| PairSet { pairs, weight })
            .collect();
        let mut recorder = Recorder::default();
        let out = root.path().join(name);
        let report = dpo_mixed(&config(8), &start, &sets, &mut recorder, &out);
        (recorder.losses, report)
    };
    let mut recorder = Recorder::default();
    dpo(
        &config(8),
        &start,
        &one,
        &mut recorder,
        &root.path().join("alone"),
    )
    .unwrap();
    assert_eq!(losses(&[(&one, 1.0)], "one").0, recorder.losses);
    assert_eq!(
        losses(&[(&other, 0.0), (&one, 1.0)], "none").0,
        recorder.losses
    );
    // Three quarters of one set in two halves are three quarters of it.
    let (halves, _) = losses(&[(&one[..20], 0.5), (&one[20..], 0.5)], "halves");
    assert_eq!(halves, recorder.losses);
    let (mixed, report) = losses(&[(&one, 0.3), (&other, 0.7)], "mixed");
    assert!(report.is_ok());
    assert_ne!(mixed, recorder.losses);
    for weights in [
        [0.5, 0.6],
        [-0.5, 1.5],
        [f64::NAN, 1.0],
        [f64::INFINITY, 0.0],
    ] {
        let (_, report) = losses(&[(&one, weights[0]), (&other, weights[1])], "bad");
        let error = report.unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains("mix: "),
            "{error}"
        );
    }
}

/// `wᵢ N / nᵢ` makes the mean over all pairs the weighted sum of the sets' means.
#[test]
fn sets_of_any_size_weigh_what_they_should() {
    let pairs = preferences();
    let sets = [(&pairs[..10], 0.25), (&pairs[10..], 0.75)]
        .map(|(pairs, weight)| PairSet { pairs, weight });
    let (filtered, weights) = crate::train::dpo::filter(&sets, 100);
    assert_eq!(filtered.kept.len(), 40);
    let share = |range: std::ops::Range<usize>| weights[range].iter().sum::<f32>() / 40.0;
    assert!((share(0..10) - 0.25).abs() < 1e-6 && (share(10..40) - 0.75).abs() < 1e-6);
}

#[test]
fn a_sequel_starts_from_the_previous_model_and_fits_the_plain_base() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("base");
    let start = base(&folder);
    let (first, second) = (root.path().join("first"), root.path().join("second"));
    dpo(&config(30), &start, &preferences(), &mut Silent, &first).unwrap();
    let stacked = DpoConfig {
        method: Method::Lora(lora(2)),
        start_from: Some(first.clone()),
        ..config(20)
    };
    let mut recorder = Recorder::default();
    dpo(
        &stacked,
        &start,
        &other_preferences(),
        &mut recorder,
        &second,
    )
    .unwrap();
    // The previous model is the reference as well.
    assert!((recorder.losses[0] - std::f64::consts::LN_2).abs() < 1e-5);
    let linears = tiny().projections();
    let load = |path: &PathBuf| crate::weights::Adapter::load(path, &linears).unwrap();
    let (one, both) = (load(&first), load(&second));
    assert_eq!((one.rank(), both.rank()), (4, 6));
    // Its first four ranks are the first adapter, the scale folded in.
    let name = "model.layers.1.mlp.down_proj";
    let (one, both) = (&one.factors[name], &both.factors[name]);
    assert_eq!(one.a[..], both.a[..one.a.len()]);
    for (row, wide) in one.b.chunks(4).zip(both.b.chunks(6)) {
        for (value, wide) in row.iter().zip(wide) {
            assert!((value * one.scale - wide * both.scale).abs() < 1e-6);
        }
    }
    assert!(both.b.chunks(6).any(|row| row[4] != 0.0 || row[5] != 0.0));
    // Merged into the base it prefers what it was trained on last.
    let shape = tiny();
    let mut merged = crate::train::base::Base::open(&start, 0, &candle_core::Device::Cpu).unwrap();
    merged.merge(&load(&second)).unwrap();
    let model = forward::TrainModel::frozen(shape, &merged.weights).unwrap();
    let pairs = other_preferences();
    let examples: Vec<&Example> = pairs.iter().flat_map(|p| p.both()).collect();
    let sums = sft::sequence_log_probs(
        &model,
        &examples,
        forward::Adapters::Off,
        &parallel::Team::new(1).unwrap(),
        |_| Ok(()),
    )
    .unwrap();
    let right = sums.chunks(2).filter(|s| s[0] > s[1]).count();
    assert!(right > 30, "{right} of 40");
}
