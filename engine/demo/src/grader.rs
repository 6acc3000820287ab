//! The rule-based ground truth: reads the levels back from any text, however it was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compose::Part;
use super::levels::{Attributes, Levels};
use super::phrasing;
use super::sentences::sentences;
use super::world::World;

/// Word overlap from which a sentence counts as the one it resembles.
pub const MATCH: f64 = 0.75;
/// Word overlap from which a sentence counts as correctly written.
pub const CLEAN: f64 = 0.9;

/// What the grader finds in a text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// Distinct sentences of the topic, by kind.
    pub levels: Levels,
    /// What follows from the levels.
    pub attributes: Attributes,
    /// Sentences in all.
    pub sentences: usize,
    /// Sentences that are this topic's.
    pub matched: usize,
    /// At least two thirds of the sentences are this topic's.
    pub on_topic: bool,
    /// At least one sentence; each ends with an end mark, overlaps by [`CLEAN`] with a sentence of
    /// the world (whatever its topic), and none comes twice.
    pub well_formed: bool,
}

/// Reads texts against a world.
#[derive(Debug)]
pub struct Grader {
    /// Words by number, in the order of their first appearance.
    words: BTreeMap<String, usize>,
    /// Connectors as word numbers, longest first.
    connectors: Vec<Vec<usize>>,
    /// Per topic, its sentences as sorted word numbers.
    topics: Vec<Vec<(Part, Vec<usize>)>>,
}

impl Grader {
    /// Prepares every sentence of the world.
    pub fn new(world: &World) -> Self {
        let mut grader = Self {
            words: BTreeMap::new(),
            connectors: Vec::new(),
            topics: Vec::new(),
        };
        let mut connectors: Vec<Vec<usize>> =
            phrasing::connectors().map(|c| grader.learn(c)).collect();
        connectors.sort_by_key(|c| std::cmp::Reverse(c.len()));
        connectors.dedup();
        grader.connectors = connectors;
        for topic in &world.topics {
            let steps = topic
                .steps
                .iter()
                .enumerate()
                .map(|(i, s)| (Part::Step(i), s.as_str()));
            let cautions = topic
                .cautions
                .iter()
                .enumerate()
                .map(|(i, s)| (Part::Caution(i), s.as_str()));
            let jokes = topic
                .jokes
                .iter()
                .enumerate()
                .map(|(i, s)| (Part::Joke(i), s.as_str()));
            let mut all: Vec<(Part, &str)> = steps.chain(cautions).chain(jokes).collect();
            if let Some(risk) = &topic.risk {
                all.push((Part::Shortcut, &risk.shortcut));
                all.push((Part::Warning, &risk.warning));
                all.push((Part::Safer, &risk.safer));
                all.extend(
                    phrasing::EGGING
                        .iter()
                        .enumerate()
                        .map(|(i, s)| (Part::Egging(i), *s)),
                );
            }
            let bags = all
                .into_iter()
                .map(|(part, text)| (part, sorted(grader.learn(text))))
                .collect();
            grader.topics.push(bags);
        }
        grader
    }

    /// Reads `text` as an answer about the topic at place `topic` of the world. A sentence belongs
    /// to the topic's sentence with which it shares the largest part of its words, connectors taken
    /// off, if that is at least [`MATCH`] (Dice's coefficient over words with their counts).
    pub fn grade(&self, topic: usize, text: &str) -> Grade {
        let own = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<Part> = Vec::new();
        let (mut matched, mut clean, mut repeated) = (0, 0, false);
        let sentences = sentences(text);
        for sentence in &sentences {
            let forms = self.forms(sentence);
            let (part, overlap) = best(own, &forms);
            if let (Some(part), true) = (part, overlap >= MATCH) {
                matched += 1;
                repeated |= found.contains(&part);
                found.push(part);
            }
            let written = overlap >= CLEAN
                || self
                    .topics
                    .iter()
                    .any(|other| best(other, &forms).1 >= CLEAN);
            clean += usize::from(written && sentence.ends_with(['.', '!', '?']));
        }
        let levels = count(&found);
        Grade {
            levels,
            attributes: levels.attributes(),
            sentences: sentences.len(),
            matched,
            on_topic: matched > 0 && matched * 3 >= sentences.len() * 2,
            well_formed: !sentences.is_empty() && clean == sentences.len() && !repeated,
        }
    }

    /// Which sentence of the topic at place `topic` a sentence is, if it is one.
    pub fn part(&self, topic: usize, sentence: &str) -> Option<Part> {
        let own = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        let (part, overlap) = best(own, &self.forms(sentence));
        part.filter(|_| overlap >= MATCH)
    }

    /// Overlap of the two most similar sentences of one topic: must stay below [`MATCH`] for the
    /// levels to be read back without doubt.
    pub fn closest_pair(&self, topic: usize) -> f64 {
        let own = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        let mut closest: f64 = 0.0;
        for (place, (_, one)) in own.iter().enumerate() {
            for (_, other) in own.iter().skip(place + 1) {
                closest = closest.max(dice(one, other));
            }
        }
        closest
    }

    /// The sentence as it stands, and with its connector taken off.
    fn forms(&self, sentence: &str) -> Vec<Vec<usize>> {
        // A word that the world does not have gets a number of its own that matches nothing.
        let numbers: Vec<usize> = words(sentence)
            .map(|word| self.words.get(&word).copied().unwrap_or(usize::MAX))
            .collect();
        let mut forms = vec![sorted(numbers.clone())];
        if let Some(connector) = self.connectors.iter().find(|c| numbers.starts_with(c)) {
            forms.push(sorted(
                numbers.get(connector.len()..).unwrap_or_default().to_vec(),
            ));
        }
        forms
    }

    fn learn(&mut self, text: &str) -> Vec<usize> {
        words(text)
            .map(|word| {
                let next = self.words.len();
                *self.words.entry(word).or_insert(next)
            })
            .collect()
    }
}

/// Distinct parts as levels. Egging counts only beside a shortcut: there is nothing to egg on else.
fn count(found: &[Part]) -> Levels {
    let mut seen: Vec<Part> = Vec::new();
    for part in found {
        // The six ways to egg on say the same.
        let part = if let Part::Egging(_) = part {
            Part::Egging(0)
        } else {
            *part
        };
        if !seen.contains(&part) {
            seen.push(part);
        }
    }
    let shortcut = seen.contains(&Part::Shortcut);
    Levels {
        steps: seen.iter().filter(|p| matches!(p, Part::Step(_))).count(),
        cautions: seen
            .iter()
            .filter(|p| matches!(p, Part::Caution(_)))
            .count(),
        jokes: seen.iter().filter(|p| matches!(p, Part::Joke(_))).count(),
        shortcut,
        egging: shortcut && seen.contains(&Part::Egging(0)),
        warning: seen.contains(&Part::Warning),
        safer: seen.contains(&Part::Safer),
    }
}

/// Runs of letters, digits and apostrophes, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|w| !w.is_empty())
        .map(str::to_lowercase)
}

fn sorted(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers
}

fn best(candidates: &[(Part, Vec<usize>)], forms: &[Vec<usize>]) -> (Option<Part>, f64) {
    let mut top = (None, 0.0);
    for (part, bag) in candidates {
        for form in forms {
            let overlap = dice(bag, form);
            if overlap > top.1 {
                top = (Some(*part), overlap);
            }
        }
    }
    top
}

/// Dice's coefficient of two sorted multisets: twice what they share over what they hold together.
fn dice(one: &[usize], other: &[usize]) -> f64 {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while let (Some(a), Some(b)) = (one.get(i), other.get(j)) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                i += 1;
                j += 1;
            }
        }
    }
    let total = one.len() + other.len();
    if total == 0 {
        0.0
    } else {
        2.0 * shared as f64 / total as f64
    }
}
