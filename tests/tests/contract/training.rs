//! Training runs and their results.

use std::path::Path;
use std::sync::Arc;

use paretoscope_core::protocol::{EngineCommand, EngineEvent};
use paretoscope_core::types::{
    DpoConfig, DpoJob, LoraConfig, Method, RunConfig, TrainConfig, TrainJob, TrainNews, TrainTask,
    WeightedData,
};

use crate::check::check;
use crate::scripted;
use crate::side::{JOB, Side, agree, demo, shape};

/// A run of as many steps as the scripted engine takes, with a checkpoint every ten.
fn training(folder: &Path) -> TrainJob {
    let lines: Vec<String> = (0..16)
        .map(|i| format!("{{\"prompt\":\"p{i} \",\"chosen\":\"yes\",\"rejected\":\"no\"}}\n"))
        .collect();
    let pairs = folder.join("pairs.jsonl");
    std::fs::write(&pairs, lines.concat()).expect("a writable folder");
    let config = DpoConfig {
        train: TrainConfig {
            run: RunConfig {
                workers: 1,
                checkpoint_every: 10,
                resume: true,
                ..RunConfig::default()
            },
            steps: Some(scripted::TRAIN_STEPS),
            batch_tokens: 64,
            ..TrainConfig::default()
        },
        method: Method::Lora(LoraConfig::of_rank(1)),
        ..DpoConfig::default()
    };
    TrainJob {
        task: TrainTask::Dpo(DpoJob {
            base: demo(),
            data: WeightedData::alone(pairs),
            skip_bad: false,
            config,
            votes: None,
        }),
        out: folder.join("mine"),
        joins: None,
    }
}

#[test]
fn a_training_run_and_a_result_that_is_not_there() {
    let mut sides = Side::loaded();
    // A folder each: two engines do not write one run.
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let ended = |e: &EngineEvent| {
        matches!(
            e,
            EngineEvent::Training {
                news: TrainNews::Ended(_),
                ..
            }
        ) || matches!(e, EngineEvent::Failed { .. })
    };
    let mut told = Vec::new();
    for (side, folder) in sides.iter_mut().zip(&folders) {
        let plan = Arc::new(training(folder.path()));
        let commands = [EngineCommand::Train { job: JOB, plan }];
        let heard = side.play(&commands, ended);
        check(side, &commands, &heard);
        told.push(shape(&heard));
    }
    assert_eq!(
        told[1], told[0],
        "the scripted engine (left) and the real one"
    );
    let nowhere = tempfile::tempdir().expect("a temporary folder");
    let bundle = EngineCommand::BundleWith {
        plan: Arc::new(training(nowhere.path())),
        onto: demo(),
    };
    agree(&mut sides, &[bundle], |e| {
        matches!(e, EngineEvent::BundleMade { .. })
    });
}
