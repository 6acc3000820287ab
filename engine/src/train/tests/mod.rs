//! Whole training runs on tiny models.

use std::path::Path;

mod bases;
mod corrections;
mod dpo;
mod families;
mod loramoe;
mod margins;
mod parm;
mod reliable;
mod rewards;

use super::*;
use crate::model::{LlamaConfig, RopeScaling, Variant};
use crate::types::{
    DpoConfig, LoraConfig, Method, OptimiserConfig, PenaltyConfig, PenaltyKind, RewardConfig,
    RewardJob, RunConfig, SftConfig, TrainConfig, TrainJob, TrainMethod, TrainStep, TrainTask,
};

fn tiny() -> LlamaConfig {
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
        bos_token_id: None,
    }
}

/// Prompts of two tokens, answered by counting on.
fn counting() -> Vec<Example> {
    (0..40)
        .map(|i| {
            let first = 2 + i % 11;
            Example {
                prompt: vec![first, first + 1],
                response: (first + 2..first + 4 + i % 5).chain([1]).collect(),
            }
        })
        .collect()
}

fn sft_config(steps: usize) -> SftConfig {
    let train = TrainConfig {
        run: RunConfig {
            optimiser: OptimiserConfig {
                learning_rate: 1e-2,
                ..OptimiserConfig::default()
            },
            checkpoint_every: 0,
            ..RunConfig::default()
        },
        steps: Some(steps),
        batch_tokens: 120,
        ..TrainConfig::default()
    };
    SftConfig {
        train,
        method: Method::Full,
        train_on_prompts: false,
        begin_with: None,
    }
}

#[derive(Default)]
struct Recorder {
    losses: Vec<f64>,
    cancel_at: Option<usize>,
}

impl TrainReporter for Recorder {
    fn step(&mut self, report: &TrainStep) {
        self.losses.push(report.loss);
    }

    fn cancelled(&self) -> bool {
        self.cancel_at.is_some_and(|at| self.losses.len() >= at)
    }
}

fn weights(folder: &Path, file: &str) -> params::NamedTensors {
    let tensors = candle_core::safetensors::load(folder.join(file), &candle_core::Device::Cpu);
    tensors.unwrap().into_iter().collect()
}

fn assert_same(a: &params::NamedTensors, b: &params::NamedTensors) {
    assert!(a.keys().eq(b.keys()));
    for (name, tensor) in a {
        let flat = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(flat(tensor), flat(&b[name]), "{name}");
    }
}

#[test]
fn sft_learns_to_count() {
    let out = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::default();
    let start = Start::Random(tiny());
    let report = sft(
        &sft_config(80),
        &start,
        &counting(),
        &mut recorder,
        out.path(),
    )
    .unwrap();
    assert_eq!((report.steps, recorder.losses.len()), (80, 80));
    assert!(
        recorder.losses[0] > 2.0 && report.final_loss < 0.5 * recorder.losses[0],
        "{report:?}"
    );
    let lines = std::fs::read_to_string(out.path().join("metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 80);
    let (sum, targets) = log_likelihood(&Start::Folder(out.path().into()), &counting(), 2).unwrap();
    let loss = -sum / targets as f64;
    assert!(
        (loss - report.final_loss).abs() < 0.2,
        "{loss} from the file, {} while training",
        report.final_loss
    );
}

fn gradients_of(
    model: &forward::TrainModel,
    batch: &batch::PredictionBatch,
) -> (f32, Vec<candle_core::Tensor>) {
    let pass = model.learn(batch, 1.0).unwrap().log_probs;
    let loss = pass.output.mean_all().unwrap();
    let gradients = model.gradients(&loss, pass).unwrap();
    (
        loss.to_scalar().unwrap(),
        grad_check::all(model.vars(), gradients).unwrap(),
    )
}

/// Weights with adapters whose `B` is not zero, so that every gradient has something to say.
fn with_noise(model: &forward::TrainModel) {
    use rand::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    for var in model.vars().values() {
        let noise: Vec<f32> = (0..var.elem_count())
            .map(|_| rng.random_range(-0.2..0.2))
            .collect();
        let noise = candle_core::Tensor::from_vec(noise, var.dims(), var.device()).unwrap();
        var.set(&(var.as_tensor() + noise).unwrap()).unwrap();
    }
}

#[test]
fn the_whole_forward_agrees_with_its_plain_form() {
    let untied = LlamaConfig {
        tied_embeddings: false,
        ..tiny()
    };
    let lora = LoraConfig {
        rank: 3,
        ..LoraConfig::default()
    };
    for (shape, method) in [
        (tiny(), Method::Full),
        (untied, Method::Full),
        (tiny(), Method::Lora(lora)),
    ] {
        let weights = params::random(&shape, 1).unwrap();
        let make = || {
            let model = forward::TrainModel::new(shape.clone(), &weights, &method, 2).unwrap();
            with_noise(&model);
            model
        };
        let batch = batch::PredictionBatch::new(&counting()[..5], true);
        let (fast, fast_gradients) = gradients_of(&make(), &batch);
        let (plain, plain_gradients) =
            gradients_of(&make().with_kernels(forward::Kernels::Plain), &batch);
        assert!((fast - plain).abs() < 1e-4, "{fast} {plain}");
        for ((name, fast), plain) in make()
            .vars()
            .keys()
            .zip(&fast_gradients)
            .zip(&plain_gradients)
        {
            let flat = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(
                flat(fast).iter().any(|g| *g != 0.0),
                "{name} has a gradient of zeros"
            );
            for (a, b) in flat(fast).iter().zip(flat(plain)) {
                assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{name}: {a} {b}");
            }
        }
    }
}

#[test]
fn a_sequence_alone_scores_as_in_company() {
    let weights = params::random(&tiny(), 1).unwrap();
    let model = forward::TrainModel::frozen(tiny(), &weights).unwrap();
    let examples = counting();
    let all: Vec<&Example> = examples.iter().collect();
    let together = sft::sequence_log_probs(
        &model,
        &all,
        forward::Adapters::Off,
        &parallel::Team::new(2).unwrap(),
        |_| Ok(()),
    )
    .unwrap();
    for (example, together) in all.iter().zip(together) {
        let alone = sft::sequence_log_probs(
            &model,
            &[example],
            forward::Adapters::Off,
            &parallel::Team::new(1).unwrap(),
            |_| Ok(()),
        )
        .unwrap();
        assert!((alone[0] - together).abs() < 1e-4);
    }
}

#[test]
fn workers_share_a_step_without_changing_it() {
    let weights = params::random(&tiny(), 1).unwrap();
    let model = forward::TrainModel::new(tiny(), &weights, &Method::Full, 0).unwrap();
    let examples = counting();
    let objective = sft::Sft {
        examples: examples.iter().collect(),
        prompts: false,
    };
    let step: Vec<usize> = (0..examples.len()).collect();
    let sampler = batch::Sampler::new(descent::Objective::lengths(&objective), 1000, 0);
    let [one, three] = [1, 3].map(|workers| {
        let shares = sampler.shares(&step, workers);
        assert_eq!(shares.len(), workers);
        let team = parallel::Team::new(workers).unwrap();
        let all = descent::StepExamples {
            number: 0,
            indices: &step,
            weight: 100,
        };
        parallel::differentiate(&model, &team, &shares, |s| {
            descent::Objective::loss(&objective, &model, s, &all)
        })
        .unwrap()
    });
    assert!((one.loss - three.loss).abs() < 1e-4);
    let norms = [&one, &three].map(|r| optimiser::global_norm(&r.gradients).unwrap());
    assert!((norms[0] - norms[1]).abs() < 1e-4 * norms[0]);
}

/// Prefers counting up to counting down.
fn preferences() -> Vec<Pair> {
    (0..40)
        .map(|i| {
            let first = 6 + i % 12;
            let answer = |tokens: [u32; 3]| Example {
                prompt: vec![2, first],
                response: tokens.to_vec(),
            };
            Pair {
                chosen: answer([first + 1, first + 2, 1]),
                rejected: answer([first - 1, first - 2, 1]),
            }
        })
        .collect()
}

/// Prefers answers that repeat to answers that count.
fn other_preferences() -> Vec<Pair> {
    let mut pairs = preferences();
    for (index, pair) in pairs.iter_mut().enumerate() {
        let last = pair.chosen.prompt[1];
        std::mem::swap(&mut pair.chosen, &mut pair.rejected);
        pair.chosen.response = vec![last, last, 1];
        pair.rejected.response = vec![last + 1, last + 2 - (index % 2) as u32, 1];
    }
    pairs
}

/// Figures of every step.
#[derive(Default)]
struct Steps(Vec<TrainStep>);

impl TrainReporter for Steps {
    fn step(&mut self, report: &TrainStep) {
        self.0.push(report.clone());
    }
}

/// `log p(y+) - log p(y-)` of every pair by a model.
fn ratios_of(model: &forward::TrainModel, adapters: forward::Adapters, pairs: &[Pair]) -> Vec<f64> {
    let examples: Vec<&Example> = pairs.iter().flat_map(|p| p.both()).collect();
    let team = parallel::Team::new(1).unwrap();
    let sums = sft::sequence_log_probs(model, &examples, adapters, &team, |_| Ok(()));
    sums.unwrap().chunks(2).map(|s| s[0] - s[1]).collect()
}

/// `-log sigmoid(z)`.
fn cost(z: f64) -> f64 {
    (-z).exp().ln_1p()
}

/// Every variable's gradient in a loss agrees with central differences, at the places where it is largest.
fn assert_gradients(
    model: &forward::TrainModel,
    gradients: &[candle_core::Tensor],
    loss: &dyn Fn(&forward::TrainModel) -> f64,
) {
    for ((name, var), gradient) in model.vars().iter().zip(gradients) {
        let flat: Vec<f32> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        let largest = |a: &usize, b: &usize| flat[*a].abs().total_cmp(&flat[*b].abs());
        let at = (0..flat.len()).max_by(largest).unwrap();
        assert!(flat[at] != 0.0, "{name} has a gradient of zeros");
        let start: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        let moved = |by: f32| {
            let mut values = start.clone();
            values[at] += by;
            let tensor = candle_core::Tensor::from_vec(values, var.dims(), var.device());
            var.set(&tensor.unwrap()).unwrap();
            loss(model)
        };
        let step = 0.02;
        let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
        moved(0.0);
        let error = (slope - f64::from(flat[at])).abs();
        let enough = 2e-3 + 0.05 * slope.abs();
        assert!(
            error < enough,
            "{name}: {slope} by differences, {}",
            flat[at]
        );
    }
}

/// A base model in a folder, barely trained.
fn base(folder: &Path) -> Start {
    sft(
        &sft_config(2),
        &Start::Random(tiny()),
        &counting(),
        &mut Silent,
        folder,
    )
    .unwrap();
    Start::Folder(folder.to_path_buf())
}

#[test]
fn reward_models_learn_to_rank_and_are_written_for_hugging_face() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = base(folder.path());
    std::fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    let config = RewardConfig {
        train: sft_config(60).train,
        center: 0.01,
    };
    let mut recorder = Recorder::default();
    let report = reward(
        &config,
        &start,
        (&preferences(), false),
        &mut recorder,
        out.path(),
    )
    .unwrap();
    assert!((recorder.losses[0] - std::f64::consts::LN_2).abs() < 1e-5);
    let last = report.last.unwrap();
    assert!(
        last.figures["accuracy"] > 0.95 && last.loss < 0.3,
        "{last:?}"
    );
    let tensors = weights(out.path(), "model.safetensors");
    assert_eq!(tensors["score.weight"].dims(), [1, 16]);
    assert!(!tensors.contains_key("lm_head.weight"));
    let text = std::fs::read_to_string(out.path().join("config.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        written["architectures"][0],
        "LlamaForSequenceClassification"
    );
    assert_eq!(
        (
            written["num_labels"].as_u64(),
            written["pad_token_id"].as_u64()
        ),
        // The token that ends answers pads no rows: a loader would take it for padding and read before it.
        (Some(1), None)
    );
    assert!(out.path().join("tokenizer.json").exists());
}

#[test]
fn what_cannot_be_trained_on_is_refused_or_counted() {
    let out = tempfile::tempdir().unwrap();
    let start = Start::Random(tiny());
    let run = |config: &SftConfig, examples: &[Example]| {
        let mut config = config.clone();
        config.train.run.overwrite = true;
        sft(&config, &start, examples, &mut Silent, out.path())
    };
    let outside = Example {
        prompt: vec![2],
        response: vec![24],
    };
    let error = run(&sft_config(1), &[outside]).unwrap_err();
    assert!(matches!(
        error,
        crate::Error::TokenOutOfRange {
            position: 1,
            id: 24,
            vocabulary: 24
        }
    ));
    assert!(run(&sft_config(1), &[]).unwrap_err().is_input());
    let mut examples = counting();
    examples.push(Example {
        prompt: vec![2],
        response: vec![3; 600],
    });
    examples.push(Example {
        prompt: vec![2],
        response: vec![],
    });
    let report = run(&sft_config(1), &examples).unwrap();
    assert_eq!(report.left_out, 2);
    assert_eq!(report.left_out_by["nothing to learn"], 1);
    let mut config = sft_config(1);
    config.train.run.workers = 0;
    assert!(
        run(&config, &counting())
            .unwrap_err()
            .to_string()
            .contains("workers")
    );
}

#[test]
fn the_inference_engine_reads_what_training_writes() {
    let folder = tempfile::tempdir().unwrap();
    base(folder.path());
    let config = LlamaConfig::load(folder.path()).unwrap();
    assert_eq!(
        (
            config.hidden_size,
            config.layers,
            config.kv_heads,
            config.head_dim
        ),
        (16, 2, 2, 4)
    );
    assert!(config.tied_embeddings);
}
