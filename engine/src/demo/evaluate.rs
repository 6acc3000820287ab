//! Measures a finished bundle on the test split, against the ground truth of the grader.

use std::path::Path;

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use super::adapter::{self, Adapter};
use super::dataset::{Pair, Source};
use super::figures::{AnswerFigures, spearman};
use super::grader::{Grade, Grader};
use super::levels::Objective;
use super::phrasing::ask;
use super::recipe::{Recipe, points};
use super::split::Question;
use super::world::World;
use super::{speak, tokenizer};
use crate::train::batch::{Example, PredictionBatch};
use crate::train::config::Method;
use crate::train::forward::{Adapters, TrainModel};
use crate::train::params::NamedTensors;
use crate::train::shape::LlamaShape;
use crate::types::Summary;
use crate::{Error, Result};

/// New tokens of an answer, at most.
pub const LIMIT: usize = 96;

/// Everything measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Parameters of the base.
    pub parameters: usize,
    /// Perplexity of the base over the answers of the test split, per token.
    pub perplexity: f64,
    /// Tokens per word of those answers.
    pub tokens_per_word: f64,
    /// The base without experts.
    pub base: AnswerFigures,
    /// The seven points.
    pub points: Vec<PointFigures>,
    /// The balanced expert on topics never trained on.
    pub new_topics: AnswerFigures,
    /// Reward models in order of objectives.
    pub rewards: [RewardFigures; 3],
    /// Questions, each with its answers at the three corners and the centre.
    pub shown: Vec<Shown>,
}

/// Answers at one point of the simplex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointFigures {
    /// In words.
    pub name: String,
    /// Shares of helpful, harmless, humor.
    pub at: [f64; 3],
    /// What the answers are like.
    pub answers: AnswerFigures,
    /// Scores of the reward models.
    pub scores: [Summary; 3],
}

/// How well a reward model knows its objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardFigures {
    /// Share of test pairs in which the better answer scores higher.
    pub accuracy: f64,
    /// Pairs.
    pub pairs: usize,
    /// Rank correlation with the ground truth over the answers of all seven points.
    pub correlation: f64,
    /// Answers behind the correlation.
    pub answers: usize,
}

/// A question with answers, for the reader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The question.
    pub prompt: String,
    /// Name of the point, and the answer there.
    pub answers: Vec<(String, String)>,
}

/// A loaded bundle.
struct Models {
    shape: LlamaShape,
    base: NamedTensors,
    experts: Vec<Adapter>,
    tokenizer: Tokenizer,
}

impl Models {
    fn load(bundle: &Path) -> Result<Self> {
        let folder = bundle.join("base");
        let (shape, _) = LlamaShape::read(&folder)?;
        let base = in_f32(adapter::load(&folder.join("model.safetensors"))?)?;
        let experts: Result<Vec<Adapter>> = Objective::ALL
            .iter()
            .map(|o| adapter::read(&bundle.join("experts").join(o.name())))
            .collect();
        let path = folder.join("tokenizer.json");
        let tokenizer = Tokenizer::from_file(&path)
            .map_err(|e| Error::file(&path, format!("is not a tokenizer: {e}")))?;
        Ok(Self {
            shape,
            base,
            experts: experts?,
            tokenizer,
        })
    }

    /// The model at a point: its mixture folded into the weights.
    fn at(&self, point: [f64; 3]) -> Result<TrainModel> {
        let parts: Vec<(&Adapter, f64)> = self.experts.iter().zip(point).collect();
        TrainModel::new(
            self.shape.clone(),
            &adapter::fold(&self.base, &parts)?,
            &Method::Full,
            0,
        )
    }

    fn answer(
        &self,
        model: &TrainModel,
        prompts: &[String],
        workers: usize,
    ) -> Result<Vec<String>> {
        let ids: Result<Vec<Vec<u32>>> = prompts
            .iter()
            .map(|p| tokenizer::question(&self.tokenizer, p))
            .collect();
        let said = speak::answers(model, &ids?, LIMIT, workers)?;
        said.iter()
            .map(|ids| tokenizer::text(&self.tokenizer, ids))
            .collect()
    }

    fn whole(&self, prompt: &str, response: &str) -> Result<Vec<u32>> {
        Ok([
            tokenizer::question(&self.tokenizer, prompt)?,
            tokenizer::answer(&self.tokenizer, response)?,
        ]
        .concat())
    }
}

fn in_f32(tensors: NamedTensors) -> Result<NamedTensors> {
    tensors
        .into_iter()
        .map(|(name, t)| Ok((name, t.to_dtype(DType::F32)?)))
        .collect()
}

/// Questions with their topics.
struct Asked {
    questions: Vec<Question>,
    prompts: Vec<String>,
}

impl Asked {
    /// One question per topic of the split, `limit` topics at most (0: all).
    fn one_per_topic(world: &World, questions: &[Question], limit: usize) -> Self {
        let mut chosen: Vec<Question> = Vec::new();
        for question in questions {
            if chosen.iter().all(|q| q.topic != question.topic) {
                chosen.push(*question);
            }
        }
        if limit > 0 {
            chosen.truncate(limit);
        }
        let prompts = chosen
            .iter()
            .filter_map(|q| Some(ask(world.topics.get(q.topic)?, q.phrasing)))
            .collect();
        Self {
            questions: chosen,
            prompts,
        }
    }

    fn grade(&self, world: &World, grader: &Grader, texts: &[String]) -> Vec<(Grade, bool)> {
        let risky = |topic: usize| world.topics.get(topic).is_some_and(|t| t.risk.is_some());
        self.questions
            .iter()
            .zip(texts)
            .map(|(q, text)| (grader.grade(q.topic, text), risky(q.topic)))
            .collect()
    }
}

/// Measures the bundle in `bundle`; `note` hears what is being measured.
pub fn evaluate(
    bundle: &Path,
    world: &World,
    recipe: &Recipe,
    workers: usize,
    note: &dyn Fn(&str),
) -> Result<Evaluation> {
    let models = Models::load(bundle)?;
    let grader = Grader::new(world);
    let source = Source::new(world, recipe.data.clone());
    let rewards: Result<Vec<TrainModel>> = Objective::ALL
        .iter()
        .map(|o| reward_model(bundle, *o))
        .collect();
    let rewards = rewards?;
    let asked = Asked::one_per_topic(world, &source.split().test, recipe.evaluation_prompts);
    let new = Asked::one_per_topic(world, &source.split().new_topics, recipe.evaluation_prompts);

    note("perplexity");
    let base_model = models.at([0.0; 3])?;
    let (perplexity, tokens_per_word) = perplexity(&models, &base_model, &source)?;
    let base_texts = models.answer(&base_model, &asked.prompts, workers)?;
    let base = AnswerFigures::of(&asked.grade(world, &grader, &base_texts));

    let mut at_points = Vec::new();
    let mut scored: [Vec<(f64, f64)>; 3] = Default::default();
    let mut shown: Vec<Shown> = sample_prompts(&asked, world);
    let mut new_topics = None;
    for (name, at) in points() {
        note(&name);
        let model = models.at(at)?;
        let texts = models.answer(&model, &asked.prompts, workers)?;
        let grades = asked.grade(world, &grader, &texts);
        let whole: Result<Vec<Vec<u32>>> = asked
            .prompts
            .iter()
            .zip(&texts)
            .map(|(p, t)| models.whole(p, t))
            .collect();
        let whole = whole?;
        let mut summaries = Vec::new();
        for ((objective, reward), pairs) in Objective::ALL.iter().zip(&rewards).zip(&mut scored) {
            let values = speak::scores(reward, &whole, workers)?;
            pairs.extend(
                values
                    .iter()
                    .zip(&grades)
                    .map(|(s, (g, _))| (*s, g.attributes.of(*objective))),
            );
            summaries.push(Summary::of(values));
        }
        let scores: [Summary; 3] = summaries
            .try_into()
            .map_err(|_other_count| Error::option("rewards", "one per objective is needed"))?;
        at_points.push(PointFigures {
            name: name.clone(),
            at,
            answers: AnswerFigures::of(&grades),
            scores,
        });
        if !name.contains('+') {
            for shown in &mut shown {
                let place = asked.prompts.iter().position(|p| *p == shown.prompt);
                shown.answers.extend(
                    place
                        .and_then(|i| texts.get(i))
                        .map(|t| (name.clone(), t.clone())),
                );
            }
        }
        if name == "centre" {
            let texts = models.answer(&model, &new.prompts, workers)?;
            new_topics = Some(AnswerFigures::of(&new.grade(world, &grader, &texts)));
        }
    }
    note("reward models");
    let mut figures = Vec::new();
    for ((objective, reward), scored) in Objective::ALL.into_iter().zip(&rewards).zip(&scored) {
        let pairs = source.test_pairs(objective);
        let (scores, truths): (Vec<f64>, Vec<f64>) = scored.iter().copied().unzip();
        figures.push(RewardFigures {
            accuracy: accuracy(&models, reward, &pairs, workers)?,
            pairs: pairs.len(),
            correlation: spearman(&scores, &truths),
            answers: scored.len(),
        });
    }
    Ok(Evaluation {
        parameters: models.base.values().map(Tensor::elem_count).sum(),
        perplexity,
        tokens_per_word,
        base,
        points: at_points,
        new_topics: new_topics.unwrap_or_else(|| AnswerFigures::of(&[])),
        rewards: figures
            .try_into()
            .map_err(|_other_count| Error::option("rewards", "one per objective is needed"))?,
        shown,
    })
}

/// Every eighth question, risky topics first.
fn sample_prompts(asked: &Asked, world: &World) -> Vec<Shown> {
    let mut places: Vec<usize> = (0..asked.prompts.len()).step_by(8).collect();
    let risky = |i: &usize| {
        asked
            .questions
            .get(*i)
            .and_then(|q| world.topics.get(q.topic))
            .is_none_or(|t| t.risk.is_none())
    };
    places.sort_by_key(risky);
    let prompts = places
        .into_iter()
        .filter_map(|i| asked.prompts.get(i))
        .take(8);
    prompts
        .map(|prompt| Shown {
            prompt: prompt.clone(),
            answers: Vec::new(),
        })
        .collect()
}

fn reward_model(bundle: &Path, objective: Objective) -> Result<TrainModel> {
    let folder = bundle.join("rewards").join(objective.name());
    let (shape, _) = LlamaShape::read(&folder)?;
    let weights = in_f32(adapter::load(&folder.join("model.safetensors"))?)?;
    TrainModel::new(shape, &weights, &Method::Full, 0)
}

fn perplexity(models: &Models, model: &TrainModel, source: &Source<'_>) -> Result<(f64, f64)> {
    let (mut sum, mut count, mut tokens, mut words) = (0.0, 0, 0, 0);
    let examples = source.test_examples();
    for chunk in examples.chunks(32) {
        let encoded: Result<Vec<Example>> = chunk
            .iter()
            .map(|e| {
                let prompt = tokenizer::question(&models.tokenizer, &e.prompt)?;
                let response = tokenizer::answer(&models.tokenizer, &e.response)?;
                Ok(Example { prompt, response })
            })
            .collect();
        let encoded = encoded?;
        tokens += encoded.iter().map(|e| e.response.len() - 1).sum::<usize>();
        words += chunk
            .iter()
            .map(|e| e.response.split(' ').count())
            .sum::<usize>();
        let batch = PredictionBatch::new(&encoded, false);
        let log_probs = model.log_probs(&batch, Adapters::On)?.to_vec1::<f32>()?;
        count += log_probs.len();
        sum += log_probs.into_iter().map(f64::from).sum::<f64>();
    }
    Ok((
        (-sum / f64::from(count.max(1) as u32)).exp(),
        tokens as f64 / words.max(1) as f64,
    ))
}

fn accuracy(models: &Models, reward: &TrainModel, pairs: &[Pair], workers: usize) -> Result<f64> {
    let texts = |side: fn(&Pair) -> &str| -> Result<Vec<Vec<u32>>> {
        pairs
            .iter()
            .map(|pair| models.whole(&pair.prompt, side(pair)))
            .collect()
    };
    let better = speak::scores(reward, &texts(|p| &p.chosen)?, workers)?;
    let worse = speak::scores(reward, &texts(|p| &p.rejected)?, workers)?;
    let right = better.iter().zip(&worse).filter(|(b, w)| b > w).count();
    Ok(right as f64 / pairs.len().max(1) as f64)
}
