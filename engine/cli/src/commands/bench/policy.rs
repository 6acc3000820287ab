//! `bench train --kind router`: policy optimisation of a router on a bundle, rollouts and updates apart,
//! beside plain generation at the same batch and beside the floor of the updates' arithmetic.

use std::path::Path;
use std::time::Instant;

use paretoscope_engine::bundle::{Bundle, ExpertEntry, LoadOptions, Manifest, read_prompts};
use paretoscope_engine::generate::generate_all;
use paretoscope_engine::model::LlamaConfig;
use paretoscope_engine::train::TrainReporter;
use paretoscope_engine::train::ppo::train_router;
use paretoscope_engine::types::{
    ExpertKind, Finish, Mutes, Point, PpoConfig, Preference, Prompt, RouterConfig, RowRequest, Run,
    RunConfig, Sampling, TraceLevel, TrainStep,
};
use paretoscope_engine::{Error, Result};
use serde_json::{Value, json};

use super::measure::{median, peak_memory, spread};
use super::peak::multiply_adds_per_second;

/// What is measured.
pub(super) struct Policy<'a> {
    pub(super) bundle: &'a Path,
    pub(super) preference: Vec<f64>,
    pub(super) batch: usize,
    pub(super) batches: usize,
    pub(super) workers: usize,
    pub(super) seed: u64,
}

/// Keeps every batch's report; the first one warms up.
#[derive(Default)]
struct Reports(Vec<TrainStep>);

impl TrainReporter for Reports {
    fn step(&mut self, report: &TrainStep) {
        self.0.push(report.clone());
    }
}

impl Reports {
    fn figure<'a>(&'a self, name: &'a str) -> impl Iterator<Item = f64> + 'a {
        let counted = self.0.iter().skip(1);
        counted.map(move |report| report.figures.get(name).copied().unwrap_or(f64::NAN))
    }

    fn sum(&self, name: &str) -> f64 {
        self.figure(name).sum()
    }
}

impl Policy<'_> {
    pub(super) fn measure(&self) -> Result<Value> {
        let manifest = Manifest::load(self.bundle)?;
        let path = manifest.prompts.as_ref().map(|path| self.bundle.join(path));
        let path = path.ok_or_else(|| Error::option("--bundle", "has no prompts to answer"))?;
        let samples = read_prompts(&path)?;
        let prompts: Vec<Prompt> = samples.into_iter().map(|sample| sample.prompt).collect();
        let config = RouterConfig {
            preference: self.preference.clone(),
            ppo: PpoConfig {
                run: RunConfig {
                    seed: self.seed,
                    workers: self.workers,
                    checkpoint_every: 0,
                    ..PpoConfig::default().run
                },
                batch: self.batch,
                batches: self.batches + 1,
                calibration: self.batch.max(16),
                ..PpoConfig::default()
            },
            ..RouterConfig::default()
        };
        let out =
            tempfile::tempdir().map_err(Error::io("create", Path::new("a temporary folder")))?;
        let mut reports = Reports::default();
        let router = out.path().join("router");
        train_router(&config, self.bundle, prompts.clone(), &mut reports, &router)?;
        let peak = peak_memory();
        let plain = self.plain(&config, &router, &prompts, out.path())?;
        let rollout = median(reports.figure("speed.rollout"));
        let seconds = |part: &str| reports.sum(&format!("seconds.{part}"));
        let learning = seconds("look") + seconds("update");
        let all = seconds("rollout") + seconds("reward") + learning;
        let floor = self.floor(&manifest, &config, &reports)?;
        Ok(json!({
            "bench": "train",
            "kind": "router",
            "batch": self.batch,
            "answer_tokens": median(reports.figure("answer_tokens")),
            "rollout_tokens_per_second": spread(reports.figure("speed.rollout")),
            "plain_tokens_per_second": plain,
            "rollout_share_of_plain": rollout / plain,
            "update_tokens_per_second": spread(reports.figure("speed.update")),
            "share_of_time": {
                "rollout": seconds("rollout") / all,
                "reward": seconds("reward") / all,
                "update": learning / all,
            },
            "update_floor_seconds": floor,
            "update_share_of_floor": floor / (learning / self.batches as f64),
            "peak_memory_bytes": peak,
            "threads": self.workers,
            "dtype": "f32",
            "device": "cpu",
        }))
    }

    /// New tokens per second of the same answers, generated and nothing else.
    fn plain(
        &self,
        config: &RouterConfig,
        router: &Path,
        prompts: &[Prompt],
        scratch: &Path,
    ) -> Result<f64> {
        let mut manifest = Manifest::load(self.bundle)?.rooted(self.bundle)?;
        manifest.experts.retain(|e| e.kind == ExpertKind::Lora);
        manifest.experts.push(ExpertEntry {
            kind: ExpertKind::Router,
            name: "router".to_owned(),
            path: router.to_path_buf(),
            preference: self.preference.clone(),
        });
        let folder = scratch.join("bundle");
        manifest.save(&folder)?;
        let options = LoadOptions {
            rewards: false,
            probe: false,
            ..LoadOptions::default()
        };
        let bundle = Bundle::load(&folder, &options, &mut |_, _| Ok(()))?;
        let preference =
            Preference::new(self.preference.clone()).map_err(Error::point("--preference"))?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.workers)
            .build()
            .map_err(|e| Error::option("--workers", e.to_string()))?;
        let mut speeds = Vec::new();
        for round in 0..=self.batches {
            let requests: Vec<RowRequest> = (0..self.batch)
                .map(|row| RowRequest {
                    prompt: prompts[(round * self.batch + row) % prompts.len()].clone(),
                    point: Point::Preference(preference.clone()),
                    sampling: Sampling {
                        temperature: config.ppo.temperature,
                        max_tokens: config.ppo.max_tokens,
                        seed: row as u64,
                        ..Sampling::default()
                    },
                    mutes: Mutes::default(),
                    trace: TraceLevel::None,
                    time: None,
                })
                .collect();
            let clock = Instant::now();
            let runs = pool.install(|| generate_all(&bundle, requests, self.batch))?;
            let seconds = clock.elapsed().as_secs_f64();
            // Where the end token came it was made as well, and is counted in training.
            let made = |run: &Run| run.tokens.len() + usize::from(run.finish == Finish::Eos);
            let tokens: usize = runs.iter().map(made).sum();
            if round > 0 {
                speeds.push(tokens as f64 / seconds);
            }
        }
        Ok(median(speeds.into_iter()))
    }

    /// Seconds that a batch's updates take at the machine's rate of multiply-adds: both looks at every token
    /// (policy and base), and forward and backward in every pass. Base and experts are frozen, so that of
    /// the backward pass only gradients in inputs count. Attention and element-wise work are left out.
    fn floor(&self, manifest: &Manifest, config: &RouterConfig, reports: &Reports) -> Result<f64> {
        let base = self.bundle.join(&manifest.base);
        let shape = LlamaConfig::load(&base)?;
        let linears = shape.projections();
        let body: usize = linears.iter().map(|(_, [out, inner])| out * inner).sum();
        let head = shape.vocabulary * shape.hidden_size;
        let ranks: usize = manifest
            .experts
            .iter()
            .filter(|expert| expert.kind == ExpertKind::Lora)
            .map(|expert| {
                let adapter = paretoscope_engine::weights::Adapter::load(
                    &self.bundle.join(&expert.path),
                    &linears,
                )?;
                let sizes = linears.iter().filter_map(|(path, [out, inner])| {
                    Some(adapter.factors.get(path)?.rank * (out + inner))
                });
                Ok(sizes.sum::<usize>())
            })
            .sum::<Result<usize>>()?;
        let tokens: f64 = {
            let counted = reports.0.iter().skip(1);
            counted.map(|report| report.tokens as f64).sum::<f64>() / self.batches as f64
        };
        let answers = median(reports.figure("answer_tokens")) * self.batch as f64;
        let looks = (2 * body + ranks) as f64 * tokens + 2.0 * head as f64 * answers;
        let pass = 2.0 * ((body + ranks) as f64 * tokens + head as f64 * answers);
        // A batch's updates end early where the policy has moved far.
        let answers = (self.batch * self.batches) as f64;
        let passes = reports.sum("updates") * config.ppo.minibatch as f64 / answers;
        let work = looks + passes * pass;
        Ok(work / multiply_adds_per_second(self.workers))
    }
}
