//! One autoregressive reward for all preferences (PARM): its factors, its loss, what it leaves on disk.

use candle_core::{Device, Tensor};

use super::*;
use crate::train::forward::{Adapters, Kernels, TrainModel};
use crate::train::steered::Layout;
use crate::types::ParmConfig;
use crate::weights::{Adapter, ParmFolder};

fn config(steps: usize) -> ParmConfig {
    ParmConfig {
        train: sft_config(steps).train,
        shared_rank: 2,
        steered_rank: 3,
        alpha: 4.0,
        target_modules: LoraConfig::default().target_modules,
        beta: 0.5,
        ..ParmConfig::default()
    }
}

fn sets<'a>(one: &'a [Pair], other: &'a [Pair]) -> [ObjectivePairs<'a>; 2] {
    [("up", one), ("same", other)].map(|(name, pairs)| ObjectivePairs { name, pairs })
}

fn steered(config: &ParmConfig, frozen: &params::NamedTensors) -> TrainModel {
    let layout = Layout {
        config,
        objectives: 3,
    };
    let model = TrainModel::steered(tiny(), frozen, layout, 2).unwrap();
    with_noise(&model);
    model
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_forward_at_a_preference_agrees_with_its_plain_form_and_with_differences() {
    let frozen = params::random(&tiny(), 1).unwrap();
    let config = config(1);
    let preference = [0.2, 0.7, 0.1];
    let batch = batch::PredictionBatch::new(&counting()[..5], true);
    let mean = |model: &TrainModel| {
        let pass = model.learn_at(&batch, &preference).unwrap();
        (pass.output.mean_all().unwrap(), pass)
    };
    let found = [Kernels::Fused, Kernels::Plain].map(|kernels| {
        let model = steered(&config, &frozen).with_kernels(kernels);
        let (loss, pass) = mean(&model);
        let gradients = model.gradients(&loss, pass).unwrap();
        (
            model,
            grad_check::all(steered(&config, &frozen).vars(), gradients).unwrap(),
        )
    });
    let [(model, fused), (_, plain)] = &found;
    assert_eq!(model.vars().len(), 2 * 7 * (4 + 3));
    for ((name, a), b) in model.vars().keys().zip(fused).zip(plain) {
        for (a, b) in numbers(a).iter().zip(numbers(b)) {
            assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{name}: {a} {b}");
        }
    }
    assert_gradients(model, fused, &|model| {
        f64::from(mean(model).0.to_scalar::<f32>().unwrap())
    });
    assert!(model.learn_at(&batch, &[1.0]).is_err());
}

/// `s (B₁ A₁ + B₂ (Σ wᵢ Wᵢ) A₂)`, multiplied out entry by entry, is the sum of the written adapters at gates
/// `[1, w...]`, and the base with that sum merged answers as the model did.
#[test]
fn the_adapters_at_their_gates_are_the_dense_formula() {
    let frozen = params::random(&tiny(), 1).unwrap();
    let config = config(1);
    let model = steered(&config, &frozen);
    let root = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c"];
    crate::train::parm::write(&config, &names, "base", model.vars(), root.path()).unwrap();
    let folder = ParmFolder::load(root.path()).unwrap();
    let linears = tiny().projections();
    let shared = Adapter::load(&folder.shared, &linears).unwrap();
    let own: Vec<Adapter> = folder
        .objectives
        .iter()
        .map(|part| Adapter::load(&part.path, &linears).unwrap())
        .collect();
    assert_eq!((own.len(), shared.rank(), own[2].rank()), (3, 2, 3));
    let preference = [0.25, 0.6, 0.15];
    let mut merged = frozen.clone();
    for (path, [d_out, d_in]) in &linears {
        // As the factors are on disk, each at its gate.
        let mut gated = vec![0f64; d_out * d_in];
        let gates = std::iter::once(1.0).chain(preference);
        for (adapter, gate) in std::iter::once(&shared).chain(&own).zip(gates) {
            let f = &adapter.factors[path];
            for (place, sum) in gated.iter_mut().enumerate() {
                let (row, col) = (place / d_in, place % d_in);
                for k in 0..f.rank {
                    let product = f.b[row * f.rank + k] * f.a[k * d_in + col];
                    *sum += gate * f64::from(f.scale) * f64::from(product);
                }
            }
        }
        // As they are in memory, by the formula.
        let var = |name: String| numbers(&model.vars()[&name]);
        let [a1, b1] = ["A", "B"].map(|k| var(format!("shared.{path}.lora_{k}.weight")));
        let [a2, b2] = ["A", "B"].map(|k| var(format!("steered.{path}.lora_{k}.weight")));
        let cores = [0, 1, 2].map(|i| var(format!("steered.{path}.core.{i}.weight")));
        let mut dense = vec![0f64; d_out * d_in];
        for (place, sum) in dense.iter_mut().enumerate() {
            let (row, col) = (place / d_in, place % d_in);
            for k in 0..2 {
                *sum += f64::from(b1[row * 2 + k]) * f64::from(a1[k * d_in + col]);
            }
            for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
                let core: f64 = cores
                    .iter()
                    .zip(preference)
                    .map(|(core, share)| share * f64::from(core[i * 3 + j]))
                    .sum();
                *sum += f64::from(b2[row * 3 + i]) * core * f64::from(a2[j * d_in + col]);
            }
            *sum *= 2.0;
        }
        assert!(dense.iter().any(|d| d.abs() > 1e-3), "{path}");
        for (gated, dense) in gated.iter().zip(&dense) {
            assert!((gated - dense).abs() < 1e-6, "{path}: {gated} {dense}");
        }
        let sum: Vec<f32> = dense.iter().map(|d| *d as f32).collect();
        let sum = Tensor::from_vec(sum, (*d_out, *d_in), &Device::Cpu).unwrap();
        let weight = merged.get_mut(&format!("{path}.weight")).unwrap();
        *weight = (&*weight + sum).unwrap();
    }
    let batch = batch::PredictionBatch::new(&counting()[..5], true);
    let answer = TrainModel::frozen(tiny(), &merged)
        .unwrap()
        .log_probs(&batch, Adapters::Off);
    let steered = model.learn_at(&batch, &preference).unwrap().output;
    for (a, b) in numbers(&answer.unwrap()).iter().zip(numbers(&steered)) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

/// The base with the trained adapters merged at a preference.
fn at(start: &Start, folder: &Path, preference: &[f64]) -> TrainModel {
    let mut base = crate::train::base::Base::open(start, 0, &Device::Cpu).unwrap();
    let linears = base.shape.projections();
    let parts = ParmFolder::load(folder).unwrap();
    base.merge(&Adapter::load(&parts.shared, &linears).unwrap())
        .unwrap();
    for (part, share) in parts.objectives.iter().zip(preference) {
        let mut adapter = Adapter::load(&part.path, &linears).unwrap();
        for factor in adapter.factors.values_mut() {
            factor.scale *= *share as f32;
        }
        base.merge(&adapter).unwrap();
    }
    TrainModel::frozen(base.shape.clone(), &base.weights).unwrap()
}

/// Two objectives that rank the same answers the other way round: the preference decides which is followed.
#[test]
fn the_preference_decides_which_objective_is_followed() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let up = preferences();
    let down: Vec<Pair> = up[..25]
        .iter()
        .map(|pair| Pair {
            chosen: pair.rejected.clone(),
            rejected: pair.chosen.clone(),
        })
        .collect();
    let out = root.path().join("parm");
    let mut steps = Steps::default();
    let report = parm(&config(120), &start, &sets(&up, &down), &mut steps, &out).unwrap();
    assert_eq!(report.steps, 120);
    let agree = |preference: [f64; 2]| {
        let ratios = ratios_of(&at(&start, &out, &preference), Adapters::Off, &up);
        ratios.iter().filter(|ratio| **ratio > 0.0).count()
    };
    assert!(agree([1.0, 0.0]) > 35, "{}", agree([1.0, 0.0]));
    assert!(agree([0.0, 1.0]) < 5, "{}", agree([0.0, 1.0]));
    let drawn: Vec<f64> = steps
        .0
        .iter()
        .map(|step| step.figures["preference.up"])
        .collect();
    for (step, share) in steps.0.iter().zip(&drawn) {
        let sum = share + step.figures["preference.same"];
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }
    assert!(drawn.iter().any(|s| *s < 0.1) && drawn.iter().any(|s| *s > 0.9));
}

/// Fresh factors add nothing, so that the first loss is `Σ wᵢ` times the mean over the pairs about `i` by the base.
#[test]
fn the_loss_weighs_each_objective_s_mean_by_the_step_s_preference() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let (one, other) = (preferences(), other_preferences());
    let other = &other[..7];
    let mut config = config(1);
    config.train.batch_tokens = 100_000;
    let mut steps = Steps::default();
    parm(
        &config,
        &start,
        &sets(&one, other),
        &mut steps,
        &root.path().join("o"),
    )
    .unwrap();
    let step = &steps.0[0];
    let opened = crate::train::base::Base::open(&start, 0, &Device::Cpu).unwrap();
    let model = TrainModel::frozen(opened.shape.clone(), &opened.weights).unwrap();
    let mean = |pairs: &[Pair]| {
        let ratios = ratios_of(&model, Adapters::Off, pairs);
        ratios.iter().map(|ratio| cost(0.5 * ratio)).sum::<f64>() / pairs.len() as f64
    };
    let share = step.figures["preference.up"];
    let expected = share * mean(&one) + (1.0 - share) * mean(other);
    assert!(
        (step.loss - expected).abs() < 1e-5,
        "{} {expected}",
        step.loss
    );
    assert!((step.figures["parm"] - step.loss).abs() < 1e-5);
    assert!((mean(&one) - mean(other)).abs() > 1e-3);
}

#[test]
fn a_run_goes_on_where_it_was_cancelled_and_another_is_not_lost() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let (one, other) = (preferences(), other_preferences());
    let sets = sets(&one, &other[..9]);
    let (whole, broken) = (root.path().join("whole"), root.path().join("broken"));
    let mut undisturbed = Recorder::default();
    let mut config = config(12);
    parm(&config, &start, &sets, &mut undisturbed, &whole).unwrap();
    config.train.run.checkpoint_every = 3;
    config.train.run.resume = true;
    let mut first = Recorder {
        cancel_at: Some(7),
        ..Recorder::default()
    };
    let error = parm(&config, &start, &sets, &mut first, &broken).unwrap_err();
    assert!(matches!(error, crate::Error::Cancelled));
    assert!(!broken.join("parm.json").exists());
    let mut second = Recorder::default();
    parm(&config, &start, &sets, &mut second, &broken).unwrap();
    assert_eq!([first.losses, second.losses].concat(), undisturbed.losses);
    for part in ["shared", "up", "same"] {
        let file = "adapter_model.safetensors";
        assert_same(
            &weights(&whole.join(part), file),
            &weights(&broken.join(part), file),
        );
    }
    config.train.run.resume = false;
    let refused = parm(&config, &start, &sets, &mut Silent, &whole).unwrap_err();
    assert!(
        refused.is_input() && refused.to_string().contains("parm.json"),
        "{refused}"
    );
    // Under other names nothing of the run before is left.
    config.train.run.overwrite = true;
    let mut renamed = sets;
    renamed[1].name = "again";
    parm(&config, &start, &renamed, &mut Silent, &whole).unwrap();
    assert!(whole.join("again").exists() && !whole.join("same").exists());
    for (names, words) in [
        (["up", "up"], "twice"),
        (["up", "shared"], "another purpose"),
        (["up", "a/b"], "slash"),
    ] {
        let named = [0, 1].map(|i| ObjectivePairs {
            name: names[i],
            ..sets[i]
        });
        let error = parm(&config, &start, &named, &mut Silent, &broken).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains(words),
            "{error}"
        );
    }
    assert!(parm(&config, &start, &sets[..1], &mut Silent, &broken).is_err());
}
