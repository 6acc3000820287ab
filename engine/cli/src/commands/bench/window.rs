//! `bench train --kind window`: one run through the command line's path and through the engine's thread, as the window
//! trains, alone and while the engine answers.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paretoscope_engine::output::write_bytes;
use paretoscope_engine::protocol::{EngineCommand, EngineEvent, EngineHandle, JobId};
use paretoscope_engine::runtime::{EngineOptions, spawn};
use paretoscope_engine::train::{TrainReporter, run_job};
use paretoscope_engine::types::{
    BundleInfo, DeviceChoice, Method, Mutes, Point, Preference, Prompt, RowRequest, RunConfig,
    Sampling, SftConfig, SftJob, TraceLevel, TrainConfig, TrainEnd, TrainJob, TrainNews, TrainStep,
    TrainTask,
};
use paretoscope_engine::{Error, Result};
use serde_json::{Value, json};

use super::drag::{send, wait};
use super::measure::spread;

/// What is measured.
pub(super) struct Window<'a> {
    /// Its base model is tuned, and it answers.
    pub(super) bundle: &'a Path,
    pub(super) config: SftConfig,
}

const LOAD: JobId = JobId(1);
const TRAIN: JobId = JobId(2);
/// Answers are numbered from here on.
const FIRST_ANSWER: u64 = 10;
/// Answers at a time, as in a comparison of two.
const ANSWERS: usize = 2;

/// Speeds of the steps; the first warms up.
#[derive(Default)]
struct Speeds(Vec<f64>);

impl TrainReporter for Speeds {
    fn step(&mut self, report: &TrainStep) {
        self.0.push(report.tokens_per_second);
    }
}

impl Speeds {
    fn spread(&self) -> Value {
        spread(self.0.iter().skip(1).copied())
    }
}

impl Window<'_> {
    pub(super) fn measure(&self) -> Result<Value> {
        let folder =
            tempfile::tempdir().map_err(Error::io("make", Path::new("a temporary folder")))?;
        let data = Self::examples(folder.path())?;
        let mut line = Speeds::default();
        run_job(&self.job(&data, folder.path().join("line")), &mut line)?;

        let options = EngineOptions {
            device: DeviceChoice::Cpu,
            ..EngineOptions::default()
        };
        let engine = spawn(options, Arc::new(|| ()))?;
        let path = self.bundle.to_path_buf();
        send(&engine, EngineCommand::LoadBundle { job: LOAD, path })?;
        let bundle = wait(&engine, |event| match event {
            EngineEvent::Loaded { bundle, .. } => Some(Ok(bundle)),
            EngineEvent::LoadFailed { trouble, .. } => {
                Some(Err(Error::option("--bundle", trouble.message)))
            }
            _ => None,
        })??;
        let (alone, _) = self.through(&engine, &data, folder.path().join("alone"), None)?;
        let answering = folder.path().join("answering");
        let (beside, answered) = self.through(&engine, &data, answering, Some(&bundle))?;
        send(&engine, EngineCommand::Shutdown)?;
        Ok(json!({
            "bench": "train",
            "kind": "window",
            "command_line_tokens_per_second": line.spread(),
            "window_tokens_per_second": alone.spread(),
            "window_while_answering_tokens_per_second": beside.spread(),
            "answered_tokens": answered,
            "threads": self.config.train.run.workers,
            "dtype": "f32",
            "device": "cpu",
        }))
    }

    /// Texts of one length, as many as a few steps take.
    fn examples(folder: &Path) -> Result<PathBuf> {
        let path = folder.join("examples.jsonl");
        let line = |i: usize| {
            let response = (0..40).map(|word| ((i * 37 + word * 11) % 97).to_string());
            let response: Vec<String> = response.collect();
            json!({ "prompt": format!("count {i}: "), "response": response.join(" ") }).to_string()
                + "\n"
        };
        let text: String = (0..256).map(line).collect();
        write_bytes(&path, text.as_bytes())?;
        Ok(path)
    }

    fn job(&self, data: &Path, out: PathBuf) -> TrainJob {
        TrainJob {
            task: TrainTask::Sft(SftJob {
                base: self.bundle.to_path_buf(),
                from_random: false,
                data: data.to_path_buf(),
                skip_bad: false,
                config: self.config.clone(),
            }),
            out,
            joins: None,
        }
    }

    /// Trains through the engine, which keeps answering where a bundle is given; its steps, and the tokens that were
    /// answered meanwhile.
    fn through(
        &self,
        engine: &EngineHandle,
        data: &Path,
        out: PathBuf,
        answers: Option<&BundleInfo>,
    ) -> Result<(Speeds, usize)> {
        let plan = Arc::new(self.job(data, out));
        send(engine, EngineCommand::Train { job: TRAIN, plan })?;
        let (mut speeds, mut answered, mut next) = (Speeds::default(), 0, FIRST_ANSWER);
        let mut running = VecDeque::new();
        loop {
            while let Some(info) = answers.filter(|_| running.len() < ANSWERS) {
                send(engine, generate(info, JobId(next)))?;
                running.push_back(JobId(next));
                next += 1;
            }
            let end = wait(engine, |event| match event {
                EngineEvent::Training {
                    news: TrainNews::Step(step),
                    ..
                } => {
                    speeds.step(&step);
                    Some(None)
                }
                EngineEvent::Training {
                    news: TrainNews::Ended(end),
                    ..
                } => Some(Some(end)),
                EngineEvent::Finished { job, run, .. } if running.contains(&job) => {
                    answered += run.tokens.len();
                    running.retain(|other| *other != job);
                    Some(None)
                }
                EngineEvent::Failed { trouble, .. } => Some(Some(TrainEnd::Failed(trouble))),
                _ => None,
            })?;
            match end {
                None => {}
                Some(TrainEnd::Done) => break,
                Some(TrainEnd::Failed(why)) => return Err(Error::option("train", why.message)),
                Some(TrainEnd::Cancelled) => return Err(Error::Cancelled),
            }
        }
        for job in running {
            send(engine, EngineCommand::Cancel { job })?;
        }
        Ok((speeds, answered))
    }
}

fn generate(info: &BundleInfo, job: JobId) -> EngineCommand {
    let prompt = info.prompts.first().map(|sample| sample.prompt.clone());
    EngineCommand::Generate {
        job,
        row: RowRequest {
            prompt: prompt.unwrap_or_else(|| Prompt::Text("Hello".to_owned())),
            point: Point::Preference(Preference::uniform(info.objectives.len())),
            mutes: Mutes::default(),
            sampling: Sampling::default(),
            trace: TraceLevel::None,
            time: None,
        },
        score: false,
    }
}

/// Full fine-tuning in steps of so many tokens.
pub(super) fn config(steps: usize, batch_tokens: usize, workers: usize, seed: u64) -> SftConfig {
    SftConfig {
        train: TrainConfig {
            run: RunConfig {
                seed,
                workers,
                checkpoint_every: 0,
                ..RunConfig::default()
            },
            // The first warms up.
            steps: Some(steps + 1),
            batch_tokens,
            ..TrainConfig::default()
        },
        method: Method::Full,
        train_on_prompts: false,
        begin_with: None,
    }
}
