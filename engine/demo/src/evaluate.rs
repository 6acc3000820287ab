//! Measures a finished bundle on the test split, against the ground truth of the grader.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use super::dataset::{Pair, Source};
use super::figures::{AnswerFigures, spearman};
use super::front::{FrontFigures, fronts};
use super::grader::{Grade, Grader};
use super::levels::Objective;
use super::phrasing::ask;
use super::recipe::{Recipe, points};
use super::split::Question;
use super::tokenizer;
use super::voices::{Voices, voices};
use super::world::World;
use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::generate::generate_all;
use paretoscope_engine::reward::RewardInput;
use paretoscope_engine::train::{Example, Start, log_likelihood};
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Sampling, Summary, TraceLevel, Weights,
};
use paretoscope_engine::{Error, Problem, Result};

/// The bundle with plain value vectors, inside the other.
pub const PLAIN: &str = "plain";

/// Rows that go through the model together.
pub(super) const SLOTS: usize = 32;
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
    /// Corners, edges, centre and router.
    pub points: Vec<PointFigures>,
    /// The merged expert in the centre on topics never trained on.
    pub new_topics: AnswerFigures,
    /// Reward models in order of objectives.
    pub rewards: [RewardFigures; 3],
    /// Fronts with and without the router, and of both kinds of value vectors.
    pub fronts: FrontFigures,
    /// Who speaks where at the router's preference.
    pub voices: Vec<Voices>,
    /// Questions, each with its answers at the three corners, the centre and the router.
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
    /// Rank correlation with the ground truth over the answers of all points.
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

/// Greedy answers at a point, by the engine that ships.
pub(super) fn answers(bundle: &Bundle, point: &Point, prompts: &[String]) -> Result<Vec<String>> {
    let requests = prompts.iter().map(|prompt| RowRequest {
        prompt: Prompt::Chat(prompt.clone()),
        point: point.clone(),
        sampling: Sampling {
            max_tokens: LIMIT,
            ..Sampling::default()
        },
        mutes: Mutes::default(),
        trace: TraceLevel::None,
        time: None,
    });
    let runs = generate_all(bundle, requests.collect(), SLOTS)?;
    Ok(runs.into_iter().map(|run| run.text).collect())
}

/// Scores of answers by the reward model of one objective.
fn scores<'a>(
    bundle: &Bundle,
    objective: Objective,
    texts: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<Vec<f64>> {
    let missing = || {
        Error::option(
            "rewards",
            format!("the bundle has none for {}", objective.name()),
        )
    };
    let reward = bundle
        .rewards
        .get(objective.index())
        .and_then(Option::as_ref)
        .ok_or_else(missing)?;
    let inputs: Vec<RewardInput> = texts
        .map(|(prompt, response)| RewardInput::Pair {
            prompt: prompt.clone(),
            response: response.clone(),
        })
        .collect();
    let mut all = Vec::with_capacity(inputs.len());
    for chunk in inputs.chunks(SLOTS) {
        let ratings = reward.score(chunk)?.into_iter();
        all.extend(ratings.map(|rating| rating.score.unwrap_or(f64::NAN)));
    }
    Ok(all)
}

/// Questions with their topics.
pub(super) struct Asked {
    pub(super) questions: Vec<Question>,
    pub(super) prompts: Vec<String>,
}

impl Asked {
    /// One question per topic of the split, `limit` topics at most (0: all).
    pub(super) fn one_per_topic(world: &World, questions: &[Question], limit: usize) -> Self {
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

    pub(super) fn grade(
        &self,
        world: &World,
        grader: &Grader,
        texts: &[String],
    ) -> Vec<(Grade, bool)> {
        let risky = |topic: usize| world.topics.get(topic).is_some_and(|t| t.risk.is_some());
        self.questions
            .iter()
            .zip(texts)
            .map(|(q, text)| (grader.grade(q.topic, text), risky(q.topic)))
            .collect()
    }
}

/// Measures the bundle in `folder`, with a folder of its own in `scratch`; `note` hears what is being measured, and its error stops it.
pub fn evaluate(
    (folder, scratch): (&Path, &Path),
    world: &World,
    recipe: &Recipe,
    workers: usize,
    note: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<Evaluation> {
    let bundle = Bundle::load(
        folder,
        &LoadOptions {
            probe: false,
            ..LoadOptions::default()
        },
        &mut |_, _| Ok(()),
    )?;
    let grader = Grader::new(world);
    let source = Source::new(world, recipe.data.clone());
    let asked = Asked::one_per_topic(world, &source.split().test, recipe.evaluation_prompts);
    let new = Asked::one_per_topic(world, &source.split().new_topics, recipe.evaluation_prompts);

    note("perplexity")?;
    let (perplexity, tokens_per_word) = perplexity(folder, &source, workers)?;
    let base_texts = answers(&bundle, &Point::Weights(Weights::zero(3)), &asked.prompts)?;
    let base = AnswerFigures::of(&asked.grade(world, &grader, &base_texts));

    let mut at_points = Vec::new();
    let mut scored: [Vec<(f64, f64)>; 3] = Default::default();
    let mut shown: Vec<Shown> = sample_prompts(&asked, world);
    let mut new_topics = AnswerFigures::of(&[]);
    for (name, at) in points(recipe) {
        note(&name)?;
        let point = Point::Preference(Preference::new(at.to_vec()).map_err(Error::point("point"))?);
        let texts = answers(&bundle, &point, &asked.prompts)?;
        let grades = asked.grade(world, &grader, &texts);
        let mut summaries = Vec::new();
        for (objective, pairs) in Objective::ALL.into_iter().zip(&mut scored) {
            let values = scores(&bundle, objective, asked.prompts.iter().zip(&texts))?;
            pairs.extend(
                values
                    .iter()
                    .zip(&grades)
                    .map(|(s, (g, _))| (*s, g.attributes.of(objective))),
            );
            summaries.push(Summary::of(values));
        }
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
            let texts = answers(&bundle, &point, &new.prompts)?;
            new_topics = AnswerFigures::of(&new.grade(world, &grader, &texts));
        }
        at_points.push(PointFigures {
            name,
            at,
            answers: AnswerFigures::of(&grades),
            scores: three(summaries)?,
        });
    }
    note("reward models")?;
    let mut figures = Vec::new();
    for (objective, scored) in Objective::ALL.into_iter().zip(&scored) {
        let (values, truths): (Vec<f64>, Vec<f64>) = scored.iter().copied().unzip();
        let pairs = source.test_pairs(objective);
        figures.push(RewardFigures {
            accuracy: accuracy(&bundle, objective, &pairs)?,
            pairs: pairs.len(),
            correlation: spearman(&values, &truths),
            answers: scored.len(),
        });
    }
    note("fronts")?;
    let plain = folder.join(PLAIN);
    let fronts = fronts((folder, &plain, scratch), world, &asked, note)?;
    note("voices")?;
    let voices = voices(&bundle, world, &asked)?;
    Ok(Evaluation {
        fronts,
        voices,
        parameters: bundle.info.model.parameters,
        perplexity,
        tokens_per_word,
        base,
        points: at_points,
        new_topics,
        rewards: three(figures)?,
        shown,
    })
}

fn three<T>(items: Vec<T>) -> Result<[T; 3]> {
    let count = items.len();
    items.try_into().map_err(|_items| {
        Error::option("objectives", format!("{count} were measured, 3 are needed"))
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

/// Perplexity of the base over the test answers, and their tokens per word.
fn perplexity(folder: &Path, source: &Source<'_>, workers: usize) -> Result<(f64, f64)> {
    let base = folder.join("base");
    let path = base.join("tokenizer.json");
    let tokenizer = Tokenizer::from_file(&path)
        .map_err(|e| Error::file(&path, Problem::format("a tokenizer", e)))?;
    let lines = source.test_examples();
    let encoded: Result<Vec<Example>> = lines
        .iter()
        .map(|e| {
            let prompt = tokenizer::question(&tokenizer, &e.prompt)?;
            let response = tokenizer::answer(&tokenizer, &e.response)?;
            Ok(Example { prompt, response })
        })
        .collect();
    let encoded = encoded?;
    // The end token is no part of a word.
    let tokens: usize = encoded.iter().map(|e| e.response.len() - 1).sum();
    let words: usize = lines.iter().map(|e| e.response.split(' ').count()).sum();
    let (sum, count) = log_likelihood(&Start::Folder(base), &encoded, workers)?;
    Ok((
        (-sum / count.max(1) as f64).exp(),
        tokens as f64 / words.max(1) as f64,
    ))
}

fn accuracy(bundle: &Bundle, objective: Objective, pairs: &[Pair]) -> Result<f64> {
    let better = scores(
        bundle,
        objective,
        pairs.iter().map(|p| (&p.prompt, &p.chosen)),
    )?;
    let worse = scores(
        bundle,
        objective,
        pairs.iter().map(|p| (&p.prompt, &p.rejected)),
    )?;
    let right = better.iter().zip(&worse).filter(|(b, w)| b > w).count();
    Ok(right as f64 / pairs.len().max(1) as f64)
}
