//! Cancelled, broken off, blown up, started twice: what is kept, what is refused, what is named.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::train::descent::{Descent, Objective, StepExamples};
use crate::train::parallel::ShareLoss;
use crate::train::runner::Runner;

#[test]
fn a_cancelled_run_goes_on_as_if_undisturbed() {
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = Start::random(tiny());
    let mut config = sft_config(12);
    let mut undisturbed = Recorder::default();
    sft(&config, &start, &counting(), &mut undisturbed, whole.path()).unwrap();
    config.train.run.checkpoint_every = 3;
    config.train.run.resume = true;
    let mut first = Recorder {
        cancel_at: Some(7),
        ..Recorder::default()
    };
    let error = sft(&config, &start, &counting(), &mut first, broken.path()).unwrap_err();
    assert!(matches!(error, crate::Error::Cancelled));
    assert!(!broken.path().join("model.safetensors").exists());
    let mut second = Recorder::default();
    sft(&config, &start, &counting(), &mut second, broken.path()).unwrap();
    assert_eq!([first.losses, second.losses].concat(), undisturbed.losses);
    assert_same(
        &weights(whole.path(), "model.safetensors"),
        &weights(broken.path(), "model.safetensors"),
    );
    let steps: Vec<usize> = std::fs::read_to_string(broken.path().join("metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<TrainStep>(line).unwrap().step)
        .collect();
    assert_eq!(steps, (1..=12).collect::<Vec<_>>());
}

#[test]
fn another_runs_checkpoint_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let mut config = sft_config(4);
    config.train.run.checkpoint_every = 2;
    sft(
        &config,
        &Start::random(tiny()),
        &counting(),
        &mut Silent,
        out.path(),
    )
    .unwrap();
    config.train.run.resume = true;
    config.train.run.optimiser.learning_rate = 0.5;
    let error = sft(
        &config,
        &Start::random(tiny()),
        &counting(),
        &mut Silent,
        out.path(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("other settings"), "{error}");
}

/// Counting, until a step goes wrong in its own way.
struct Bomb<'a> {
    inner: sft::Sft<'a>,
    steps: AtomicUsize,
    at: usize,
    factor: f64,
}

impl Objective for Bomb<'_> {
    fn lengths(&self) -> Vec<usize> {
        self.inner.lengths()
    }

    fn weight(&self, index: usize) -> usize {
        self.inner.weight(index)
    }

    fn loss(
        &self,
        model: &forward::TrainModel,
        share: &[usize],
        step: &StepExamples<'_>,
    ) -> crate::Result<ShareLoss> {
        let mut loss = self.inner.loss(model, share, step)?;
        if self.steps.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            loss.loss = (loss.loss * self.factor)?;
        }
        Ok(loss)
    }
}

#[test]
fn a_run_that_blows_up_stops_before_its_weights_are_spoiled() {
    for (factor, word) in [
        (f64::NAN, "became NaN"),
        (1e6, "exploded to"),
        (f64::INFINITY, "exploded"),
    ] {
        let out = tempfile::tempdir().unwrap();
        let shape = tiny();
        let weights = params::random(&shape, 0).unwrap();
        let model = forward::TrainModel::new(shape, &weights, &Method::Full, 0).unwrap();
        let mut config = sft_config(50).train;
        config.run.checkpoint_every = 3;
        config.run.workers = 1;
        let examples = counting();
        let bomb = Bomb {
            inner: sft::Sft {
                examples: examples.iter().collect(),
                prompts: false,
            },
            steps: AtomicUsize::new(0),
            at: 8,
            factor,
        };
        let runner = Runner {
            model: &model,
            folder: out.path(),
            config: &config.run,
            settings: serde_json::Value::Null,
            left_out: std::collections::BTreeMap::new(),
            places: (0..examples.len()).map(|i| i + 100).collect(),
        };
        let mut recorder = Recorder::default();
        let error = runner
            .run(
                &mut Descent::new(&config, &model, &bomb).unwrap(),
                &mut recorder,
            )
            .unwrap_err();
        let text = error.to_string();
        for part in [word, "at step 8", "on examples 1", "step-00000006"] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        let crate::Error::Diverged(found) = error else {
            panic!("{text}");
        };
        assert_eq!(found.step, 8);
        assert!(!found.examples.is_empty());
        assert!(found.examples.iter().all(|e| (100..140).contains(e)));
        assert_eq!(recorder.losses.len(), 7);
        for var in model.vars().values() {
            let sum = var.as_detached_tensor().sum_all().unwrap();
            assert!(sum.to_scalar::<f32>().unwrap().is_finite());
        }
    }
}

/// A learning rate beyond all bounds spoils the weights in the first step; no checkpoint keeps them.
#[test]
fn spoiled_weights_are_never_a_checkpoint_nor_a_result() {
    for steps in [1, 200] {
        let out = tempfile::tempdir().unwrap();
        let mut config = sft_config(steps);
        config.train.run.checkpoint_every = 1;
        config.train.run.optimiser = OptimiserConfig {
            learning_rate: 1e30,
            warm_up: 0.0,
            clip: 0.0,
            ..OptimiserConfig::default()
        };
        let start = Start::random(tiny());
        let error = sft(&config, &start, &counting(), &mut Silent, out.path()).unwrap_err();
        assert!(matches!(error, crate::Error::Diverged(_)), "{error}");
        assert!(error.to_string().contains("no checkpoint yet"), "{error}");
        assert!(!out.path().join("model.safetensors").exists());
        assert!(!out.path().join("checkpoints").exists());
    }
}

#[test]
fn a_folder_with_a_run_is_not_lost_without_being_asked() {
    let out = tempfile::tempdir().unwrap();
    let start = Start::random(tiny());
    let run = |change: &dyn Fn(&mut SftConfig)| {
        let mut config = sft_config(6);
        config.train.run.checkpoint_every = 2;
        change(&mut config);
        sft(&config, &start, &counting(), &mut Silent, out.path())
    };
    run(&|_| {}).unwrap();
    let made = weights(out.path(), "model.safetensors");
    let error = run(&|_| {}).unwrap_err();
    let text = error.to_string();
    assert!(error.is_input());
    for part in ["model.safetensors", "`resume`", "`overwrite`"] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
    assert_same(&made, &weights(out.path(), "model.safetensors"));
    // Resumed at its end it has nothing to do, and writes the same.
    let report = run(&|c| c.train.run.resume = true).unwrap();
    assert!(report.last.is_none() && report.steps == 6);
    assert_same(&made, &weights(out.path(), "model.safetensors"));
    // Anew, with another seed.
    run(&|c| {
        c.train.run.overwrite = true;
        c.train.run.seed = 1;
        c.train.run.checkpoint_every = 0;
    })
    .unwrap();
    assert!(!out.path().join("checkpoints").exists());
    // A result without a checkpoint cannot be resumed.
    let error = run(&|c| c.train.run.resume = true).unwrap_err();
    assert!(error.to_string().contains("no checkpoint"), "{error}");
    assert!(run(&|c| (c.train.run.resume, c.train.run.overwrite) = (true, true)).is_err());
    // Half a run is refused, too.
    std::fs::remove_file(out.path().join("model.safetensors")).unwrap();
    let error = run(&|_| {}).unwrap_err();
    assert!(error.to_string().contains("unfinished"), "{error}");
}

#[test]
fn a_run_does_not_write_over_what_it_starts_from() {
    let folder = tempfile::tempdir().unwrap();
    let start = base(folder.path());
    let before = weights(folder.path(), "model.safetensors");
    let mut config = sft_config(2);
    config.train.run.overwrite = true;
    let error = sft(&config, &start, &counting(), &mut Silent, folder.path()).unwrap_err();
    assert!(error.to_string().contains("starts from"), "{error}");
    assert_same(&before, &weights(folder.path(), "model.safetensors"));
}

#[test]
fn half_written_checkpoints_are_ignored_and_cleared() {
    let out = tempfile::tempdir().unwrap();
    let start = Start::random(tiny());
    let mut config = sft_config(9);
    config.train.run.checkpoint_every = 3;
    config.train.run.resume = true;
    let mut first = Recorder {
        cancel_at: Some(4),
        ..Recorder::default()
    };
    sft(&config, &start, &counting(), &mut first, out.path()).unwrap_err();
    let half = out.path().join("checkpoints/writing-00000006");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("weights.safetensors"), "half").unwrap();
    let mut second = Recorder::default();
    sft(&config, &start, &counting(), &mut second, out.path()).unwrap();
    assert_eq!(second.losses.len(), 5);
    assert!(!half.exists());
}

#[test]
fn another_bases_checkpoint_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (one, out) = (root.path().join("one"), root.path().join("out"));
    let start = base(&one);
    let mut config = sft_config(4);
    config.train.run.checkpoint_every = 2;
    config.train.run.resume = true;
    sft(&config, &start, &counting(), &mut Silent, &out).unwrap();
    sft(&config, &start, &counting(), &mut Silent, &out).unwrap();
    let error = sft(
        &config,
        &Start::random(tiny()),
        &counting(),
        &mut Silent,
        &out,
    )
    .unwrap_err();
    assert!(error.to_string().contains("other settings"), "{error}");
}
