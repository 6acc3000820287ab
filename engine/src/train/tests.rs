//! Whole training runs on tiny models.

use std::path::Path;

use super::*;

fn tiny() -> LlamaShape {
    LlamaShape {
        vocab_size: 24,
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 4,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        max_position_embeddings: 64,
        tie_word_embeddings: true,
        eos_token_id: Some(1),
        bos_token_id: None,
    }
}

/// Prompts of two tokens, answered by counting on.
fn counting() -> Vec<Example> {
    (0..40)
        .map(|i| {
            let first = 2 + i % 11;
            Example { prompt: vec![first, first + 1], response: (first + 2..first + 4 + i % 5).chain([1]).collect() }
        })
        .collect()
}

fn sft_config(steps: usize) -> SftConfig {
    let train = TrainConfig {
        steps: Some(steps),
        batch_tokens: 120,
        optimiser: OptimiserConfig { learning_rate: 1e-2, ..OptimiserConfig::default() },
        checkpoint_every: 0,
        ..TrainConfig::default()
    };
    SftConfig { train, method: Method::Full, train_on_prompts: false }
}

#[derive(Default)]
struct Recorder {
    losses: Vec<f64>,
    cancel_at: Option<usize>,
}

impl TrainReporter for Recorder {
    fn step(&mut self, report: &StepReport) {
        self.losses.push(report.loss);
    }

    fn cancelled(&self) -> bool {
        self.cancel_at.is_some_and(|at| self.losses.len() >= at)
    }
}

fn weights(folder: &Path, file: &str) -> params::NamedTensors {
    files::read_tensors(&folder.join(file)).unwrap()
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
    let report = sft(&sft_config(80), &start, &counting(), &mut recorder, out.path()).unwrap();
    assert_eq!((report.steps, recorder.losses.len()), (80, 80));
    assert!(recorder.losses[0] > 2.0 && report.final_loss < 0.5 * recorder.losses[0], "{report:?}");
    let lines = std::fs::read_to_string(out.path().join("metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 80);
    let (sum, targets) = log_likelihood(&Start::Folder(out.path().into()), &counting(), 2).unwrap();
    let loss = -sum / targets as f64;
    assert!((loss - report.final_loss).abs() < 0.2, "{loss} from the file, {} while training", report.final_loss);
}

#[test]
fn a_cancelled_run_goes_on_as_if_undisturbed() {
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = Start::Random(tiny());
    let mut config = sft_config(12);
    let mut undisturbed = Recorder::default();
    sft(&config, &start, &counting(), &mut undisturbed, whole.path()).unwrap();
    config.train.checkpoint_every = 3;
    config.train.resume = true;
    let mut first = Recorder { cancel_at: Some(7), ..Recorder::default() };
    let error = sft(&config, &start, &counting(), &mut first, broken.path()).unwrap_err();
    assert!(matches!(error, crate::Error::Cancelled));
    assert!(!broken.path().join("model.safetensors").exists());
    let mut second = Recorder::default();
    sft(&config, &start, &counting(), &mut second, broken.path()).unwrap();
    assert_eq!([first.losses, second.losses].concat(), undisturbed.losses);
    assert_same(&weights(whole.path(), "model.safetensors"), &weights(broken.path(), "model.safetensors"));
    let steps: Vec<usize> = std::fs::read_to_string(broken.path().join("metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<StepReport>(line).unwrap().step)
        .collect();
    assert_eq!(steps, (1..=12).collect::<Vec<_>>());
}
