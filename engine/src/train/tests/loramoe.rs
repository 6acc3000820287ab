//! Experts and the routers over them, trained together (LoRAMoE).

use candle_core::{Device, Tensor};

use super::*;
use crate::train::ensemble::Ensemble;
use crate::train::forward::{Adapters, Kernels, TrainModel};
use crate::train::mixture::Electorate;
use crate::types::{LoramoeConfig, RouterActivation};
use crate::weights::{Adapter, ExpertsFolder, RouterExpert};

fn config(steps: usize) -> LoramoeConfig {
    LoramoeConfig {
        train: sft_config(steps).train,
        experts: 3,
        lora: LoraConfig {
            rank: 2,
            alpha: 4.0,
            ..LoraConfig::of(TrainMethod::Loramoe)
        },
    }
}

fn of_experts(config: &LoramoeConfig, frozen: &params::NamedTensors) -> TrainModel {
    let model = TrainModel::of_experts(tiny(), frozen, Ensemble(config), 2).unwrap();
    with_noise(&model);
    model
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn answers(model: &TrainModel) -> Vec<f32> {
    let batch = batch::PredictionBatch::new(&counting()[..5], true);
    numbers(&model.log_probs(&batch, Adapters::On).unwrap())
}

fn assert_close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn experts_and_routers_learn_together_on_the_tape_and_in_candle_s_graph() {
    let frozen = params::random(&tiny(), 1).unwrap();
    let config = config(1);
    let batch = batch::PredictionBatch::new(&counting()[..5], true);
    let found = [Kernels::Fused, Kernels::Plain].map(|kernels| {
        let model = of_experts(&config, &frozen).with_kernels(kernels);
        let (_, gradients) = gradients_of(&model, &batch);
        (model, gradients)
    });
    let [(model, fused), (_, plain)] = &found;
    assert_eq!(model.vars().len(), 2 * 3 * 3);
    for ((name, a), b) in model.vars().keys().zip(fused).zip(plain) {
        assert_close(&numbers(a), &numbers(b));
        assert!(numbers(a).iter().any(|g| *g != 0.0), "{name}");
    }
    assert_gradients(model, fused, &|model| {
        f64::from(gradients_of(model, &batch).0)
    });
}

/// What is written is read by the parts that other mixtures are made of, and answers as the model did.
#[test]
fn the_files_are_adapters_and_a_router_over_them() {
    let frozen = params::random(&tiny(), 1).unwrap();
    let config = config(1);
    let model = of_experts(&config, &frozen);
    let root = tempfile::tempdir().unwrap();
    crate::train::loramoe::write(&config, "base", model.vars(), root.path()).unwrap();
    let folder = ExpertsFolder::load(root.path()).unwrap();
    let linears = tiny().projections();
    let adapters: Vec<Adapter> = folder
        .experts
        .iter()
        .map(|expert| Adapter::load(&expert.path, &linears).unwrap())
        .collect();
    let names: Vec<String> = folder.experts.iter().map(|e| e.name.clone()).collect();
    let router = RouterExpert::load(&folder.router, &linears, &names).unwrap();
    assert_eq!(
        (router.outputs.as_slice(), router.sites.len()),
        ([0, 1, 2].as_slice(), 6)
    );
    let electorate = Electorate {
        adapters: adapters.iter().collect(),
        activation: router.activation,
    };
    let mut tensors = electorate.fresh(&linears, &[0.4, 0.3, 0.3], 0.01).unwrap();
    for (path, site) in &router.sites {
        for (kind, values) in [("weight", &site.weight), ("bias", &site.bias)] {
            let tensor = tensors.get_mut(&format!("router.{path}.{kind}")).unwrap();
            *tensor = Tensor::from_slice(values, tensor.dims(), &Device::Cpu).unwrap();
        }
    }
    assert_eq!(router.activation, RouterActivation::Softmax);
    let read = TrainModel::routed(tiny(), &frozen, &electorate, &tensors).unwrap();
    assert_close(&answers(&read), &answers(&model));
}

/// Routers that prefer none are the mean of the experts.
#[test]
fn equal_votes_are_a_soup() {
    let frozen = params::random(&tiny(), 1).unwrap();
    let config = config(1);
    let model = of_experts(&config, &frozen);
    for (name, var) in model.vars() {
        if name.starts_with("router.") {
            var.set(&var.zeros_like().unwrap()).unwrap();
        }
    }
    let mut merged = frozen.clone();
    for expert in 0..config.experts {
        let factors = Ensemble(&config).expert(model.vars(), expert).unwrap();
        for (name, b) in factors
            .iter()
            .filter(|(name, _)| name.ends_with("lora_B.weight"))
        {
            let path = name.trim_end_matches(".lora_B.weight");
            let a = &factors[&format!("{path}.lora_A.weight")];
            let share = config.lora.scale() / config.experts as f64;
            let delta = (b.matmul(a).unwrap() * share).unwrap();
            let weight = merged.get_mut(&format!("{path}.weight")).unwrap();
            *weight = (&*weight + delta).unwrap();
        }
    }
    let soup = TrainModel::frozen(tiny(), &merged).unwrap();
    assert_close(&answers(&soup), &answers(&model));
}

#[test]
fn it_learns_to_count_and_goes_on_where_it_was_cancelled() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let (whole, broken) = (root.path().join("whole"), root.path().join("broken"));
    let mut config = config(60);
    let mut undisturbed = Recorder::default();
    let report = loramoe(&config, &start, &counting(), &mut undisturbed, &whole).unwrap();
    assert!(
        report.final_loss < 0.75 * undisturbed.losses[0],
        "{report:?}"
    );
    config.train.run.resume = true;
    let mut first = Recorder {
        cancel_at: Some(17),
        ..Recorder::default()
    };
    loramoe(&config, &start, &counting(), &mut first, &broken).unwrap_err();
    assert!(!broken.join("loramoe.json").exists());
    let mut second = Recorder::default();
    loramoe(&config, &start, &counting(), &mut second, &broken).unwrap();
    assert_eq!([first.losses, second.losses].concat(), undisturbed.losses);
    for (part, file) in [
        ("expert-1", "adapter_model.safetensors"),
        ("expert-3", "adapter_model.safetensors"),
        ("router", "router.safetensors"),
    ] {
        assert_same(
            &weights(&whole.join(part), file),
            &weights(&broken.join(part), file),
        );
    }
    let refused = LoramoeConfig {
        experts: 1,
        ..config
    };
    let error = loramoe(
        &refused,
        &start,
        &counting(),
        &mut Silent,
        &root.path().join("no"),
    );
    let error = error.unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("experts"),
        "{error}"
    );
}
