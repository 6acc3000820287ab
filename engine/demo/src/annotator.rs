//! A scripted person with a rule that is known, and questions to ask about: what people's votes do can be tried without
//! people.

use std::collections::HashMap;

use paretoscope_engine::annotate::Picked;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::dataset::DataSettings;
use super::grader::Grader;
use super::levels::Objective;
use super::phrasing::ask;
use super::rule::asked;
use super::split::{Question, Split};
use super::world::World;

/// A question as a line of a prompts file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The question.
    pub chat: String,
    /// The part that it belongs to.
    pub split: &'static str,
    /// Its topic.
    pub group: String,
}

/// One training question and one test question about each of the first `topics` topics that have both. A test question asks
/// in a way that the demonstration's own training never did, and no annotator is asked about it.
pub fn questions(world: &World, topics: usize) -> Vec<Line> {
    let split = Split::new(world, DataSettings::default().seed);
    let first =
        |questions: &[Question], topic: usize| questions.iter().find(|q| q.topic == topic).copied();
    let mut lines = Vec::new();
    for (at, topic) in world.topics.iter().enumerate() {
        let both = [
            ("train", first(&split.train, at)),
            ("test", first(&split.test, at)),
        ];
        let [(_, Some(_)), (_, Some(_))] = both else {
            continue;
        };
        if lines.len() >= 2 * topics {
            break;
        }
        for (split, question) in both {
            lines.extend(question.map(|question| Line {
                chat: ask(topic, question.phrasing),
                split,
                group: topic.id.clone(),
            }));
        }
    }
    lines
}

/// Somebody who prefers the answer with more of an objective, as the grader reads it, and errs at a known rate.
#[derive(Debug)]
pub struct Annotator {
    grader: Grader,
    /// Topics by every way to ask about them.
    topics: HashMap<String, usize>,
    objective: Objective,
    /// Share of choices that are made blindly.
    noise: f64,
    random: ChaCha8Rng,
}

impl Annotator {
    /// One whose choices follow from the seed.
    pub fn new(world: &World, objective: Objective, noise: f64, seed: u64) -> Self {
        Self {
            grader: Grader::new(world),
            topics: asked(world),
            objective,
            noise,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Chooses between two answers as they are shown; a question that is not of the world is skipped.
    pub fn choose(&mut self, prompt: &str, sides: [&str; 2]) -> Picked {
        let Some(&topic) = self.topics.get(prompt) else {
            return Picked::Skip;
        };
        if self.random.random_bool(self.noise) {
            return if self.random.random() {
                Picked::Left
            } else {
                Picked::Right
            };
        }
        let [left, right] =
            sides.map(|side| self.grader.grade(topic, side).attributes.of(self.objective));
        match left.total_cmp(&right) {
            std::cmp::Ordering::Greater => Picked::Left,
            std::cmp::Ordering::Less => Picked::Right,
            std::cmp::Ordering::Equal => Picked::Tie,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_annotator_follows_the_rule_but_for_its_errors() {
        let world =
            World::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/world")).unwrap();
        let lines = questions(&world, 20);
        assert_eq!(lines.len(), 40);
        assert!(
            lines
                .chunks(2)
                .all(|pair| pair[0].group == pair[1].group && pair[0].chat != pair[1].chat)
        );
        let joke = |line: &Line| {
            let topic = world.topics.iter().find(|t| t.id == line.group).unwrap();
            (topic.jokes[0].clone(), topic.steps[0].clone())
        };
        let share = |noise: f64| {
            let mut annotator = Annotator::new(&world, Objective::Humor, noise, 4);
            let mut right = 0;
            for _ in 0..10 {
                for line in &lines {
                    let (joke, step) = joke(line);
                    right +=
                        usize::from(annotator.choose(&line.chat, [&step, &joke]) == Picked::Right);
                }
            }
            right as f64 / 400.0
        };
        assert_eq!(share(0.0), 1.0);
        let noisy = share(0.2);
        assert!(
            (0.84..0.96).contains(&noisy),
            "half of the blind choices are right: {noisy}"
        );
        let mut annotator = Annotator::new(&world, Objective::Humor, 0.0, 4);
        let step = joke(&lines[0]).1;
        assert_eq!(
            annotator.choose(&lines[0].chat, [&step, &step]),
            Picked::Tie
        );
        assert_eq!(annotator.choose("Who are you?", ["a", "b"]), Picked::Skip);
    }
}
