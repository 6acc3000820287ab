//! What is held out: whole topics, and for every other topic some of the ways to ask about it.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::phrasing::PHRASINGS;
use super::world::{ASKS, World};

/// Whole topics that no training example is about.
pub const HELD_OUT_TOPICS: usize = 6;
/// Ways to ask about each topic that validation has for itself.
pub const VALIDATION_PHRASINGS: usize = 1;
/// Ways to ask about each topic that the test has for itself.
pub const TEST_PHRASINGS: usize = 2;

/// A question: a topic of the world, asked in one of its ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Place of the topic in the world.
    pub topic: usize,
    /// Way to ask, below [`PHRASINGS`].
    pub phrasing: usize,
}

/// The questions of each split; no question is in two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// For training.
    pub train: Vec<Question>,
    /// For choosing between settings.
    pub validation: Vec<Question>,
    /// For the figures of the model card.
    pub test: Vec<Question>,
    /// Questions about topics never trained on.
    pub new_topics: Vec<Question>,
}

impl Split {
    /// Splits the world's questions; the same seed gives the same split.
    pub fn new(world: &World, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..world.topics.len()).collect();
        order.shuffle(&mut rng);
        let held_out = HELD_OUT_TOPICS.min(world.topics.len().saturating_sub(1));
        let mut split = Self {
            train: Vec::new(),
            validation: Vec::new(),
            test: Vec::new(),
            new_topics: Vec::new(),
        };
        // Two of the topics held out are risky ones where the world has them.
        order.sort_by_key(|&t| world.topics.get(t).is_some_and(|t| t.risk.is_none()));
        let risky = order
            .iter()
            .filter(|&&t| world.topics.get(t).is_some_and(|t| t.risk.is_some()))
            .count();
        let from_risky = risky.min(held_out / 3);
        let hold: Vec<usize> = order
            .iter()
            .take(from_risky)
            .chain(order.iter().skip(risky))
            .take(held_out)
            .copied()
            .collect();
        for topic in 0..world.topics.len() {
            let all = (0..PHRASINGS).map(|phrasing| Question { topic, phrasing });
            if hold.contains(&topic) {
                split.new_topics.extend(all);
                continue;
            }
            // A topic's own questions are worth most in training; templates carry over between topics.
            let mut phrasings: Vec<usize> = (ASKS..PHRASINGS).collect();
            phrasings.shuffle(&mut rng);
            let validation = phrasings.get(..VALIDATION_PHRASINGS).unwrap_or_default();
            let test = phrasings
                .get(VALIDATION_PHRASINGS..VALIDATION_PHRASINGS + TEST_PHRASINGS)
                .unwrap_or_default();
            for question in all {
                if validation.contains(&question.phrasing) {
                    split.validation.push(question);
                } else if test.contains(&question.phrasing) {
                    split.test.push(question);
                } else {
                    split.train.push(question);
                }
            }
        }
        split
    }
}
