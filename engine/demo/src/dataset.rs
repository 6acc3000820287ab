//! Examples, preference pairs and prompts, drawn from the world and written as JSON Lines.

use std::path::Path;

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::compose::{Answer, arrange, compose, render, sample_levels};
use super::levels::Objective;
use super::phrasing::{ask, roughen};
use super::recipe::ExtraPairs;
use super::sentences::sentences;
use super::split::{Question, Split};
use super::world::{Topic, World};
use paretoscope_engine::output::write_json_lines;
use paretoscope_engine::{Error, Result};

/// How much data to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSettings {
    /// Examples for supervised training.
    pub examples: usize,
    /// Examples from validation questions.
    pub validation_examples: usize,
    /// Pairs per objective for training.
    pub pairs: usize,
    /// Pairs per objective from test questions.
    pub test_pairs: usize,
    /// Share of training pairs whose labels are swapped.
    pub label_noise: f64,
    /// Least difference of the objective between the two answers of a pair.
    pub margin: f64,
    /// Seed of the split and of all draws.
    pub seed: u64,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            examples: 80_000,
            validation_examples: 600,
            pairs: 4_000,
            test_pairs: 600,
            label_noise: 0.04,
            margin: 0.2,
            seed: 0,
        }
    }
}

/// A prompt with an answer to learn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The question.
    pub prompt: String,
    /// The answer.
    pub response: String,
}

/// Two answers to one prompt; the objective that they are judged by prefers the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The question.
    pub prompt: String,
    /// The better answer.
    pub chosen: String,
    /// The worse answer.
    pub rejected: String,
}

/// A prompt to generate from, with the topic that the grader needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicPrompt {
    /// The question.
    pub prompt: String,
    /// Id of its topic.
    pub topic: String,
}

/// A user's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatPrompt {
    /// The question.
    pub chat: String,
}

/// A prompt that the window offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplePrompt {
    /// Shown in the list.
    pub title: String,
    /// The question, as the user's turn of a chat.
    pub chat: String,
}

/// Draws data; every kind has its own stream of random numbers, so that more of one kind leaves
/// the others as they were.
#[derive(Debug)]
pub struct Source<'w> {
    world: &'w World,
    split: Split,
    settings: DataSettings,
}

impl<'w> Source<'w> {
    /// Splits the world by the seed of `settings`.
    pub fn new(world: &'w World, settings: DataSettings) -> Self {
        Self {
            world,
            split: Split::new(world, settings.seed),
            settings,
        }
    }

    /// What is held out.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// Examples for supervised training, questions roughened.
    pub fn examples(&self) -> Vec<Example> {
        self.draw_examples(&self.split.train, self.settings.examples, true, 1)
    }

    /// Examples from validation questions.
    pub fn validation_examples(&self) -> Vec<Example> {
        self.draw_examples(
            &self.split.validation,
            self.settings.validation_examples,
            false,
            2,
        )
    }

    /// Examples from test questions.
    pub fn test_examples(&self) -> Vec<Example> {
        self.draw_examples(
            &self.split.test,
            self.settings.validation_examples,
            false,
            3,
        )
    }

    /// Training pairs of one objective, with label noise.
    pub fn pairs(&self, objective: Objective) -> Vec<Pair> {
        let noise = self.settings.label_noise;
        self.draw_pairs(
            &self.split.train,
            self.settings.pairs,
            noise,
            objective,
            10 + objective.index() as u64,
        )
    }

    /// Training pairs of one objective for its expert: those of [`Self::pairs`], and `extra` ones.
    pub fn expert_pairs(&self, objective: Objective, extra: &ExtraPairs) -> Vec<Pair> {
        let mut pairs = self.pairs(objective);
        let risky = |q: &&Question| {
            self.world
                .topics
                .get(q.topic)
                .is_some_and(|t| t.risk.is_some())
        };
        let questions: Vec<Question> = self.split.train.iter().filter(risky).copied().collect();
        let stream = objective.index() as u64;
        pairs.extend(self.draw_pairs(
            &questions,
            extra.risky,
            self.settings.label_noise,
            objective,
            40 + stream,
        ));
        let mut rng = self.rng(50 + stream);
        let mut repeats = Vec::with_capacity(extra.repeats);
        while let (true, Some((topic, phrasing))) = (
            repeats.len() < extra.repeats,
            self.question(&self.split.train, &mut rng),
        ) {
            // Answers that lean to the objective are where its expert will be.
            let levels = sample_levels(topic.risk.is_some(), Some(objective), &mut rng);
            let chosen = render(topic, &arrange(&levels, &mut rng), &mut rng);
            let rejected = say_twice(&chosen, &mut rng);
            repeats.push(Pair {
                prompt: ask(topic, phrasing),
                chosen,
                rejected,
            });
        }
        pairs.extend(repeats);
        pairs
    }

    /// Pairs of one objective from validation questions, without noise.
    pub fn validation_pairs(&self, objective: Objective) -> Vec<Pair> {
        let count = self.settings.test_pairs / 2;
        self.draw_pairs(
            &self.split.validation,
            count,
            0.0,
            objective,
            20 + objective.index() as u64,
        )
    }

    /// Pairs of one objective from test questions, without noise.
    pub fn test_pairs(&self, objective: Objective) -> Vec<Pair> {
        self.draw_pairs(
            &self.split.test,
            self.settings.test_pairs,
            0.0,
            objective,
            30 + objective.index() as u64,
        )
    }

    /// All training questions in random order, to train policies on.
    pub fn training_prompts(&self) -> Vec<ChatPrompt> {
        let mut prompts: Vec<ChatPrompt> = self
            .prompts(&self.split.train)
            .into_iter()
            .map(|prompt| ChatPrompt {
                chat: prompt.prompt,
            })
            .collect();
        prompts.shuffle(&mut self.rng(60));
        prompts
    }

    /// The questions of a split as prompts.
    pub fn prompts(&self, questions: &[Question]) -> Vec<TopicPrompt> {
        let of = |q: &Question| {
            let topic = self.world.topics.get(q.topic)?;
            Some(TopicPrompt {
                prompt: ask(topic, q.phrasing),
                topic: topic.id.clone(),
            })
        };
        questions.iter().filter_map(of).collect()
    }

    fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
        rng.set_stream(stream);
        rng
    }

    fn question(&self, questions: &[Question], rng: &mut ChaCha8Rng) -> Option<(&'w Topic, usize)> {
        let question = questions.choose(rng)?;
        Some((self.world.topics.get(question.topic)?, question.phrasing))
    }

    fn draw_examples(
        &self,
        questions: &[Question],
        count: usize,
        rough: bool,
        stream: u64,
    ) -> Vec<Example> {
        let mut rng = self.rng(stream);
        let mut out = Vec::with_capacity(count);
        while let (true, Some((topic, phrasing))) =
            (out.len() < count, self.question(questions, &mut rng))
        {
            let mut prompt = ask(topic, phrasing);
            if rough {
                prompt = roughen(&prompt, &mut rng);
            }
            out.push(Example {
                prompt,
                response: compose(topic, &mut rng).text,
            });
        }
        out
    }

    fn draw_pairs(
        &self,
        questions: &[Question],
        count: usize,
        noise: f64,
        objective: Objective,
        stream: u64,
    ) -> Vec<Pair> {
        let mut rng = self.rng(stream);
        let mut out = Vec::with_capacity(count);
        while let (true, Some((topic, phrasing))) =
            (out.len() < count, self.question(questions, &mut rng))
        {
            let prompt = ask(topic, phrasing);
            let (mut better, mut worse) = apart(topic, objective, self.settings.margin, &mut rng);
            if noise > 0.0 && rng.random_bool(noise) {
                std::mem::swap(&mut better, &mut worse);
            }
            out.push(Pair {
                prompt,
                chosen: better.text,
                rejected: worse.text,
            });
        }
        out
    }
}

/// The answer with one of its sentences said again, at once or at the end.
fn say_twice(answer: &str, rng: &mut ChaCha8Rng) -> String {
    let mut said = sentences(answer);
    // The second half is where an expert runs out of new things to say.
    let from = said.len() / 2;
    let place = rng.random_range(from.min(said.len().saturating_sub(1))..said.len().max(1));
    let Some(again) = said.get(place).copied() else {
        return answer.to_owned();
    };
    let at = if rng.random_bool(0.5) {
        place + 1
    } else {
        said.len()
    };
    said.insert(at, again);
    said.join(" ")
}

/// Two answers whose objective differs by at least `margin`, the better first; everything else is
/// left to chance. Differences of 0.2 come every second draw, so the loop ends.
fn apart(
    topic: &Topic,
    objective: Objective,
    margin: f64,
    rng: &mut ChaCha8Rng,
) -> (Answer, Answer) {
    let value = |a: &Answer| a.levels.attributes().of(objective);
    loop {
        let (one, other) = (compose(topic, rng), compose(topic, rng));
        let difference = value(&one) - value(&other);
        if difference >= margin {
            return (one, other);
        }
        if difference <= -margin {
            return (other, one);
        }
    }
}

/// Writes one JSON document per line, in a folder that is made if need be.
pub fn write_lines<T: Serialize>(path: &Path, lines: &[T]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    write_json_lines(path, lines)
}

/// Writes the whole data set under `folder`: what [`write_examples`] and [`write_pairs`] write, and
/// `prompts/{validation,test,new-topics}.jsonl`.
pub fn write(world: &World, settings: &DataSettings, folder: &Path) -> Result<()> {
    let source = Source::new(world, settings.clone());
    write_examples(&source, folder)?;
    write_pairs(&source, folder)?;
    let split = source.split();
    for (name, questions) in [
        ("validation", &split.validation),
        ("test", &split.test),
        ("new-topics", &split.new_topics),
    ] {
        write_lines(
            &folder.join("prompts").join(format!("{name}.jsonl")),
            &source.prompts(questions),
        )?;
    }
    Ok(())
}

/// Writes `sft.jsonl`, `sft-validation.jsonl` and `sft-test.jsonl`.
pub fn write_examples(source: &Source<'_>, folder: &Path) -> Result<()> {
    write_lines(&folder.join("sft.jsonl"), &source.examples())?;
    write_lines(
        &folder.join("sft-validation.jsonl"),
        &source.validation_examples(),
    )?;
    write_lines(&folder.join("sft-test.jsonl"), &source.test_examples())
}

/// Writes `pairs-OBJECTIVE.jsonl`, and the same with `-validation` and `-test`.
pub fn write_pairs(source: &Source<'_>, folder: &Path) -> Result<()> {
    for objective in Objective::ALL {
        let name = objective.name();
        write_lines(
            &folder.join(format!("pairs-{name}.jsonl")),
            &source.pairs(objective),
        )?;
        write_lines(
            &folder.join(format!("pairs-{name}-validation.jsonl")),
            &source.validation_pairs(objective),
        )?;
        write_lines(
            &folder.join(format!("pairs-{name}-test.jsonl")),
            &source.test_pairs(objective),
        )?;
    }
    Ok(())
}

/// Writes `pairs-OBJECTIVE.jsonl` for the experts.
pub fn write_expert_pairs(source: &Source<'_>, extra: &ExtraPairs, folder: &Path) -> Result<()> {
    for objective in Objective::ALL {
        let path = folder.join(format!("pairs-{}.jsonl", objective.name()));
        write_lines(&path, &source.expert_pairs(objective, extra))?;
    }
    Ok(())
}
