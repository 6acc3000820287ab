//! Answers of the policy as it stands and what the bundle's reward models say to them, kept in JSON Lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use crate::bundle::{Bundle, ExpertEntry, LoadOptions, Manifest, ValueEntry};
use crate::device::{Backend, Precision};
use crate::generate::Generator;
use crate::output::write_json_lines;
use crate::reward::{RewardInput, score_all};
use crate::sweep::row_seed;
use crate::train::parallel::thread_pool;
use crate::train::{files, params};
use crate::types::{
    ExpertKind, Finish, LoraConfig, Mutes, Point, Prompt, RicConfig, RowRequest, Sampling,
    TraceLevel, Weights,
};
use crate::{Error, Result};

/// The adapter's name in the bundle that answers.
const NAME: &str = "policy in training";
/// The file of a part.
const FILE: &str = "answers.jsonl";

/// An answer with its raw scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scored {
    /// The prompt that it answers, from zero.
    pub(super) prompt: usize,
    /// What was answered.
    pub(super) response: String,
    /// Whether it ended by itself.
    pub(super) ended: bool,
    /// One per objective, larger is better; `None` where there is none, e.g. of an empty answer.
    pub(super) scores: Vec<Option<f64>>,
}

/// Writes the answers of a part.
pub(super) fn write(folder: &Path, answers: &[Scored]) -> Result<()> {
    write_json_lines(&folder.join(FILE), answers)
}

/// Reads them.
pub(super) fn read(folder: &Path) -> Result<Vec<Scored>> {
    let path = folder.join(FILE);
    let text = crate::files::read_text(&path, crate::files::DATA)?;
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| Error::line(&path, index + 1, e.to_string()))
    };
    text.lines().enumerate().map(parse).collect()
}

/// The bundle that answers: the base with one adapter, and the reward models.
pub(super) struct Sampler {
    bundle: Bundle,
    sampling: Sampling,
    batch: usize,
    /// As many threads as learn, which rest meanwhile.
    pool: Arc<ThreadPool>,
}

impl Sampler {
    /// Loads the base of a bundle with `adapter`, or as it is, from a bundle that is written to `place`.
    pub(super) fn open(
        config: &RicConfig,
        manifest: &Manifest,
        adapter: Option<&Path>,
        place: &Path,
    ) -> Result<Self> {
        let adapter = match adapter {
            Some(adapter) => adapter.canonicalize().map_err(Error::io("find", adapter))?,
            None => silent(config, manifest, &place.join("adapter"))?,
        };
        // The adapter is the only expert and the only value vector, so that rows carry nothing else.
        let mut own = manifest.clone();
        let objectives = own.objective_count();
        own.values = vec![ValueEntry {
            name: NAME.to_owned(),
            path: adapter.clone(),
        }];
        own.experts = vec![ExpertEntry {
            kind: ExpertKind::Lora,
            name: NAME.to_owned(),
            path: adapter,
            preference: vec![1.0; objectives],
        }];
        own.save(place)?;
        let (backend, note) = Backend::find(config.train.run.device, Precision::F32)?;
        if let Some(note) = note {
            tracing::warn!("training on the CPU: {note}");
        }
        let options = LoadOptions {
            probe: false,
            backend,
            ..LoadOptions::default()
        };
        Ok(Self {
            bundle: Bundle::load(place, &options, &mut |_, _| Ok(()))?,
            sampling: config.sampling(),
            batch: config.batch,
            pool: Arc::new(thread_pool(config.train.run.workers)?),
        })
    }

    /// One answer each to the prompts as asked, with the number of the plain one, which the reward models read.
    pub(super) fn answer(
        &self,
        prompts: &[Prompt],
        rows: &[(usize, Prompt)],
        seed: u64,
        tell: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Vec<Scored>> {
        let point = Point::Weights(Weights::new(vec![1.0]).map_err(Error::point("weights"))?);
        let requests = rows.iter().enumerate().map(|(row, (_, asked))| RowRequest {
            prompt: asked.clone(),
            point: point.clone(),
            sampling: Sampling {
                seed: row_seed(seed.wrapping_add(row as u64), asked),
                ..self.sampling.clone()
            },
            mutes: Mutes::default(),
            trace: TraceLevel::None,
            time: None,
        });
        let generator = Generator::new(self.batch).on(Arc::clone(&self.pool));
        let runs = generator.run_all(&self.bundle, requests.collect(), tell)?;
        let plain = rows.iter().map(|(index, _)| &prompts[*index]);
        let texts: Vec<RewardInput> = plain
            .zip(&runs)
            .map(|(prompt, run)| RewardInput::of(prompt, &run.text))
            .collect();
        let rewards = &self.bundle.rewards;
        let scores = self.pool.install(|| score_all(rewards, &texts))?;
        let answers = rows.iter().zip(runs).zip(scores);
        Ok(answers
            .map(|(((prompt, _), run), scores)| Scored {
                prompt: *prompt,
                ended: matches!(run.finish, Finish::Eos | Finish::Stop),
                response: run.text,
                scores: scores
                    .0
                    .into_iter()
                    .map(|score| score.filter(|s| s.is_finite()))
                    .collect(),
            })
            .collect())
    }
}

/// An adapter that adds nothing.
fn silent(config: &RicConfig, manifest: &Manifest, folder: &Path) -> Result<PathBuf> {
    let shape = crate::model::LlamaConfig::load(&manifest.base)?;
    let lora = LoraConfig {
        rank: 1,
        ..config.lora.clone()
    };
    let fresh = params::lora(&shape, &lora, 0)?;
    files::write_adapter(folder, &manifest.base.display().to_string(), &lora, &fresh)?;
    folder.canonicalize().map_err(Error::io("find", folder))
}
