//! Rewards in context (RiC, Yang et al. 2024): an adapter that reads in its prompt which scores its answer should have.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | sample | the base on training prompts → answers and their raw scores by the bundle's reward models | `samples` |
//! | scale | raw scores → mean and deviation of each objective, kept in `ric.json` | here |
//! | learn | prompts with the tags of what their answers scored → an adapter by supervised fine-tuning | here |
//! | again | the adapter, asked for goals near the front → answers with the tags of what they scored | `samples` |
//! | select | those above a quantile in any score, and the best first ones → the adapter goes on | `select` |
//!
//! Answers, scores and the adapters of all rounds but the last are kept in `stages/`, each finished or made again.

mod samples;
mod select;

use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::samples::{Sampler, Scored, read, write};
use self::select::{above, goals, originals};
use super::base::{digest, settings};
use super::batch::Example;
use super::config::Start;
use super::data::TextExample;
use super::out_folder::check_writable;
use super::ppo::{check_scored, inputs};
use super::progress::TrainReporter;
use super::runner::TrainReport;
use super::sft::sft;
use super::staged::{self, Before};
use crate::bundle::Manifest;
use crate::stage::{Stages, digest_of};
use crate::text::{ScoreTags, TaggedObjective, Tokenizer, tagged};
use crate::types::{Method, Prompt, RicConfig, SftConfig};
use crate::{Error, Result};

/// Answers that are sampled and scored at once: what a kill may cost.
const PART: usize = 512;
/// Below this a reward model tells no answers apart.
const FLAT: f64 = 1e-6;

/// Trains an adapter of the bundle's base on its reward models and leaves a PEFT folder with `ric.json` in `out`.
pub fn ric(
    config: &RicConfig,
    folder: &Path,
    prompts: Vec<Prompt>,
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    config.check()?;
    let manifest = Manifest::load(folder)?.rooted(folder)?;
    check_scored(&manifest, &prompts)?;
    check_writable(out, &config.train.run, &inputs(folder, &manifest))?;
    if prompts
        .iter()
        .any(|prompt| matches!(prompt, Prompt::Tokens(_)))
    {
        let problem =
            "are token ids in part, into which no tags can go; write them as texts or chats";
        return Err(Error::option("prompts", problem));
    }
    let mut scorers = vec![digest_of(&manifest.base)?];
    for objective in &manifest.objectives {
        let reward = objective.reward.as_ref();
        scorers.extend(reward.map(|reward| digest_of(&reward.path)).transpose()?);
        scorers.push(format!("{reward:?}"));
    }
    let run = Ric {
        tokenizer: Tokenizer::load(&manifest.base)?,
        stages: staged::open(out, &config.train.run)?,
        config,
        manifest: &manifest,
        prompts: &prompts,
        scorers,
        out,
    };
    run.all(reporter)
}

struct Ric<'a> {
    config: &'a RicConfig,
    manifest: &'a Manifest,
    prompts: &'a [Prompt],
    tokenizer: Tokenizer,
    stages: Stages,
    /// Digests of the base, and of the reward models and how they are read.
    scorers: Vec<String>,
    out: &'a Path,
}

/// An adapter that answers, and the digest of all that went into it.
struct Policy {
    adapter: Option<PathBuf>,
    digest: String,
}

impl Ric<'_> {
    fn all(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        let config = self.config;
        let mut policy = Policy {
            adapter: None,
            digest: String::new(),
        };
        let first = self.answers(0, &policy, None, reporter)?;
        let tags = self.scale(&first)?;
        let offline = with_tags(&tags, &first);
        let mut online: Vec<(Scored, Vec<f64>)> = Vec::new();
        for round in 0..=config.rounds {
            let learnt: Vec<(Scored, Vec<f64>)> = if round == 0 {
                offline.clone()
            } else {
                let sampled = self.answers(round, &policy, Some(&tags), reporter)?;
                online.extend(above(with_tags(&tags, &sampled), config.quantile));
                let seed = config.train.run.seed ^ ((round as u64) << 32);
                let best = above(offline.clone(), config.quantile);
                let mut learnt = originals(best, config.originals, seed);
                learnt.extend(online.iter().cloned());
                learnt
            };
            let examples = self.examples(&learnt)?;
            let mut train = config.train.clone();
            if round > 0 {
                train.steps = config.round_steps;
                train.run.optimiser.learning_rate = config.round_rate;
                // Constant, as in the released script.
                (train.run.optimiser.warm_up, train.run.optimiser.final_rate) = (0.0, 1.0);
            }
            let learn = SftConfig {
                train,
                method: Method::Lora(config.lora.clone()),
                begin_with: policy.adapter.clone(),
                ..SftConfig::default()
            };
            let start = Start::Folder(self.manifest.base.clone());
            if round == config.rounds {
                let report = sft(&learn, &start, &examples, reporter, self.out)?;
                tags.save(self.out)?;
                return Ok(report);
            }
            policy = self.round(round, learn, (&start, &examples), &policy, reporter)?;
        }
        Err(Error::internal(
            "rewards in context ended before their last round",
        ))
    }

    /// A round before the last.
    fn round(
        &self,
        round: usize,
        mut learn: SftConfig,
        (start, examples): (&Start, &[Example]),
        policy: &Policy,
        reporter: &mut dyn TrainReporter,
    ) -> Result<Policy> {
        learn.train.run.overwrite = false;
        let by_content = SftConfig {
            begin_with: None,
            ..learn.clone()
        };
        let wanted = settings("ric", &by_content, digest(examples));
        let mut inputs: Vec<&str> = self.scorers.iter().map(String::as_str).collect();
        inputs.push(&policy.digest);
        let done = self.stages.stage(
            &format!("round-{round}/adapter"),
            &wanted,
            &inputs,
            |stage| {
                learn.train.run.resume = stage.resumes;
                let what = if round == 0 {
                    "learning from tags"
                } else {
                    "an online round"
                };
                let mut before = Before {
                    what,
                    reporter: &mut *reporter,
                };
                sft(&learn, start, examples, &mut before, stage.folder).map(drop)
            },
        )?;
        Ok(Policy {
            adapter: Some(done.folder),
            digest: done.digest,
        })
    }

    /// Answers of a round with their scores: the base's own without tags, a policy's to goals.
    fn answers(
        &self,
        round: usize,
        policy: &Policy,
        tags: Option<&ScoreTags>,
        reporter: &mut dyn TrainReporter,
    ) -> Result<Vec<Scored>> {
        let config = self.config;
        let total = if round == 0 {
            config.answers
        } else {
            config.round_answers
        };
        let seed = config.train.run.seed ^ ((round as u64) << 48);
        let mut inputs: Vec<&str> = self.scorers.iter().map(String::as_str).collect();
        let digest = super::ppo::digest_of(self.prompts);
        inputs.extend([policy.digest.as_str(), digest.as_str()]);
        let mut sampler: Option<Sampler> = None;
        let mut all = Vec::with_capacity(total);
        for (part, first) in (0..total).step_by(PART).enumerate() {
            let count = PART.min(total - first);
            let asked = (config.sampling(), count, seed, tags);
            let name = format!("round-{round}/answers-{part}");
            let done = self.stages.stage(&name, &asked, &inputs, |stage| {
                let sampler = match &mut sampler {
                    Some(sampler) => sampler,
                    closed => {
                        let place = self.out.join(".policy");
                        let adapter = policy.adapter.as_deref();
                        closed.insert(Sampler::open(config, self.manifest, adapter, &place)?)
                    }
                };
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(part as u64);
                let rows: Vec<(usize, Prompt)> = (first..first + count)
                    .map(|row| {
                        // Every prompt in turn, then any.
                        let index = match row {
                            row if row < self.prompts.len() => row,
                            _ => rng.random_range(0..self.prompts.len()),
                        };
                        let plain = &self.prompts[index];
                        let asked = tags.and_then(|tags| tagged(plain, &goals(tags, &mut rng)));
                        (index, asked.unwrap_or_else(|| plain.clone()))
                    })
                    .collect();
                let mut tell = |done: usize| {
                    reporter.preparing("answers to learn from", first + done, total);
                    if reporter.cancelled() {
                        return Err(Error::Cancelled);
                    }
                    Ok(())
                };
                let answers =
                    sampler.answer(self.prompts, &rows, seed ^ first as u64, &mut tell)?;
                write(stage.folder, &answers)
            })?;
            all.extend(read(&done.folder)?);
        }
        let place = self.out.join(".policy");
        if place.exists() {
            std::fs::remove_dir_all(&place).map_err(Error::io("remove", &place))?;
        }
        Ok(all)
    }

    /// Mean and deviation of every objective's raw scores.
    fn scale(&self, answers: &[Scored]) -> Result<ScoreTags> {
        let (low, high) = self.bounds();
        let names = self.manifest.objective_names();
        let objectives = names.into_iter().enumerate().map(|(index, name)| {
            let scores = answers.iter().filter_map(|answer| answer.scores.get(index).copied().flatten());
            let scores: Vec<f64> = scores.collect();
            let count = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / count;
            let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (count - 1.0);
            let deviation = variance.sqrt();
            if !(deviation.is_finite() && deviation > FLAT) {
                let problem = format!(
                    "{name} gives {} answers of the base model scores with a deviation of {deviation:.1e}: it tells them not apart, so that a tag would say nothing",
                    scores.len()
                );
                return Err(Error::option("rewards", problem));
            }
            Ok(TaggedObjective {
                name,
                mean,
                deviation,
                low,
                high,
            })
        });
        Ok(ScoreTags::of(objectives.collect::<Result<_>>()?))
    }

    /// The least and the largest of 50,000 standard normal numbers, to a tenth: about -4.2 and 4.2, as RiC has it.
    fn bounds(&self) -> (f64, f64) {
        select::normal_bounds(self.config.train.run.seed)
    }

    fn examples(&self, learnt: &[(Scored, Vec<f64>)]) -> Result<Vec<Example>> {
        let example = |(answer, tags): &(Scored, Vec<f64>)| -> Result<Example> {
            let plain = self.prompts.get(answer.prompt);
            let prompt = plain.and_then(|plain| tagged(plain, tags)).ok_or_else(|| {
                Error::internal(format!(
                    "a kept answer is to prompt {}, which there is not",
                    answer.prompt
                ))
            })?;
            let text = TextExample {
                prompt,
                response: answer.response.clone(),
            };
            let mut example = text.tokenise(&self.tokenizer)?;
            if !answer.ended {
                // It was cut at the most tokens, and does not end there.
                example.response.pop();
            }
            Ok(example)
        };
        learnt.iter().map(example).collect()
    }
}

/// Answers with their tags; those without all scores take no part.
fn with_tags(tags: &ScoreTags, answers: &[Scored]) -> Vec<(Scored, Vec<f64>)> {
    let whole = answers.iter().filter_map(|answer| {
        let scores: Option<Vec<f64>> = answer.scores.iter().copied().collect();
        Some((answer.clone(), tags.normalised(&scores?)))
    });
    whole.collect()
}
