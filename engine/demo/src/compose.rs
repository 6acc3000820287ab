//! Composes answers with known levels: what to say, in which order, in which words.

use rand::Rng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use super::levels::{Levels, Objective};
use super::phrasing::{self, join};
use super::world::{CAUTIONS, JOKES, STEPS, Topic};

/// Sentences of an answer, at least and at most.
pub const SENTENCES: std::ops::RangeInclusive<usize> = 3..=5;

/// One sentence of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A step, by its place in the topic.
    Step(usize),
    /// A caution, by its place in the topic.
    Caution(usize),
    /// A joke, by its place in the topic.
    Joke(usize),
    /// The hazardous shortcut.
    Shortcut,
    /// A sentence that eggs the reader on, by its place in [`phrasing::EGGING`].
    Egging(usize),
    /// The warning against the shortcut.
    Warning,
    /// The safer way.
    Safer,
}

/// An answer with its levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// What it holds.
    pub levels: Levels,
}

/// Composes an answer of 3 to 5 sentences at random levels. Two answers in five balance the
/// objectives, the rest lean to one, so that every mixture can be learnt and the extremes are known.
pub fn compose(topic: &Topic, rng: &mut impl Rng) -> Answer {
    let lean = if rng.random_bool(0.4) {
        None
    } else {
        Objective::ALL.choose(rng).copied()
    };
    let levels = sample_levels(topic.risk.is_some(), lean, rng);
    Answer {
        text: render(topic, &arrange(&levels, rng), rng),
        levels,
    }
}

/// Draws levels; `lean` is the objective that they lean to, none for a balance.
pub fn sample_levels(risky: bool, lean: Option<Objective>, rng: &mut impl Rng) -> Levels {
    let count = *[3, 4, 4, 5].choose(rng).unwrap_or(&4);
    let mut levels = Levels::default();
    if risky {
        let chance = |odds: [f64; 4]| lean.map_or(odds[3], |objective| odds[objective.index()]);
        levels.shortcut = rng.random_bool(chance([0.6, 0.04, 0.5, 0.25]));
        levels.warning = rng.random_bool(chance([0.08, 0.75, 0.08, 0.35]));
        levels.safer = rng.random_bool(chance([0.1, 0.6, 0.05, 0.25]));
        levels.egging =
            levels.shortcut && !levels.warning && rng.random_bool(chance([0.1, 0.0, 0.7, 0.3]));
    }
    match lean {
        None => balance(&mut levels, count),
        Some(objective) => {
            while levels.sentences() < count {
                let pick = if rng.random_bool(0.75) {
                    Some(objective)
                } else {
                    Objective::ALL.choose(rng).copied()
                };
                match pick {
                    Some(Objective::Harmless) if levels.cautions < CAUTIONS => levels.cautions += 1,
                    Some(Objective::Humor) if levels.jokes < JOKES => levels.jokes += 1,
                    Some(Objective::Helpful) if levels.steps < STEPS => levels.steps += 1,
                    _ => {}
                }
            }
        }
    }
    levels
}

/// Fills up to `count` sentences with what is scarcest so far: a step, a caution, a joke, a step again.
fn balance(levels: &mut Levels, count: usize) {
    while levels.sentences() < count {
        let help = levels.steps + usize::from(levels.shortcut);
        let care = levels.cautions + usize::from(levels.warning) + usize::from(levels.safer);
        let fun = levels.jokes + usize::from(levels.egging);
        if help <= care && help <= fun.max(1) && levels.steps < STEPS {
            levels.steps += 1;
        } else if care <= fun && levels.cautions < CAUTIONS {
            levels.cautions += 1;
        } else if fun < 1 && levels.jokes < JOKES {
            levels.jokes += 1;
        } else {
            levels.steps += 1;
        }
    }
}

/// Chooses sentences for the levels and puts them in an order that reads well.
pub fn arrange(levels: &Levels, rng: &mut impl Rng) -> Vec<Part> {
    let mut help: Vec<Part> = Vec::new();
    if levels.shortcut {
        help.push(Part::Shortcut);
    }
    if levels.egging {
        help.push(Part::Egging(rng.random_range(0..phrasing::EGGING.len())));
    }
    let warned_at_once = levels.shortcut && levels.warning;
    if warned_at_once {
        help.push(Part::Warning);
        if levels.safer {
            help.push(Part::Safer);
        }
    }
    help.extend(choose_steps(levels.steps, rng).into_iter().map(Part::Step));

    let mut care: Vec<Part> = Vec::new();
    if !warned_at_once {
        if levels.warning {
            care.push(Part::Warning);
        }
        if levels.safer {
            care.push(Part::Safer);
        }
    }
    care.extend(
        some_of(CAUTIONS, levels.cautions, rng)
            .into_iter()
            .map(Part::Caution),
    );
    let fun: Vec<Part> = some_of(JOKES, levels.jokes, rng)
        .into_iter()
        .map(Part::Joke)
        .collect();

    let groups = match rng.random_range(0..10) {
        0..7 => [help, care, fun],
        7 => [care, help, fun],
        _ => [fun, help, care],
    };
    groups.concat()
}

/// Steps keep their order; three times in five they are the first ones.
fn choose_steps(count: usize, rng: &mut impl Rng) -> Vec<usize> {
    if rng.random_bool(0.6) {
        return (0..count.min(STEPS)).collect();
    }
    let mut steps = some_of(STEPS, count, rng);
    steps.sort_unstable();
    steps
}

fn some_of(total: usize, count: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut all: Vec<usize> = (0..total).collect();
    all.shuffle(rng);
    all.truncate(count);
    all
}

/// Writes the sentences, about half of them with a connector.
pub fn render(topic: &Topic, parts: &[Part], rng: &mut impl Rng) -> String {
    let steps = parts.iter().filter(|p| matches!(p, Part::Step(_))).count();
    let mut step = 0;
    let mut used = Vec::new();
    let mut said: Vec<String> = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|i| parts.get(i));
        let text = match (*part, &topic.risk) {
            (Part::Step(i), _) => {
                step += 1;
                let group: &[&str] = match step {
                    1 => &phrasing::FIRST,
                    n if n == steps && n >= 3 => &phrasing::LAST,
                    _ => &phrasing::MIDDLE,
                };
                let chance = if steps < 2 { 0.0 } else { 0.4 };
                topic
                    .steps
                    .get(i)
                    .map(|s| join(s, group, chance, &mut used, rng))
            }
            (Part::Caution(i), _) => topic
                .cautions
                .get(i)
                .map(|s| join(s, &phrasing::CARE, 0.3, &mut used, rng)),
            (Part::Joke(i), _) => topic
                .jokes
                .get(i)
                .map(|s| join(s, &phrasing::FUN, 0.25, &mut used, rng)),
            (Part::Egging(i), _) => phrasing::EGGING.get(i).map(|s| (*s).to_owned()),
            (Part::Shortcut, Some(risk)) => {
                Some(join(&risk.shortcut, &phrasing::QUICK, 0.6, &mut used, rng))
            }
            (Part::Warning, Some(risk)) => Some(if before == Some(&Part::Shortcut) {
                join(&risk.warning, &phrasing::BUT, 1.0, &mut used, rng)
            } else {
                join(&risk.warning, &phrasing::BEWARE, 0.4, &mut used, rng)
            }),
            (Part::Safer, Some(risk)) => Some(if before == Some(&Part::Warning) {
                join(&risk.safer, &phrasing::INSTEAD, 0.7, &mut used, rng)
            } else {
                join(&risk.safer, &phrasing::SAFELY, 0.5, &mut used, rng)
            }),
            (_, None) => None,
        };
        said.extend(text);
    }
    said.join(" ")
}
