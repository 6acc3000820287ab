//! Checks: items whose right answer is known.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::blocks::Drawn;
use super::pool::Pool;

/// Draws of an answer to another prompt before a check is given up.
const TRIES: usize = 100;

/// At most `count` checks: answers to a prompt, one of which answers another prompt. With one side (ratings) that one is
/// wrong.
pub fn gold(pool: &Pool, count: usize, sides: usize, random: &mut ChaCha8Rng) -> Vec<Drawn> {
    let there = |case: usize, contender: usize| {
        pool.answer(case, contender)
            .filter(|answer| !answer.text.trim().is_empty())
    };
    let all: Vec<usize> = (0..pool.contenders.len()).collect();
    let mut cases: Vec<usize> = (0..pool.cases.len()).collect();
    cases.shuffle(random);
    let mut found = Vec::new();
    for &case in &cases {
        if found.len() == count {
            break;
        }
        let mut contenders: Vec<usize> = all.clone();
        contenders.shuffle(random);
        let mut shown: Vec<(usize, usize)> = Vec::new();
        let mut texts: Vec<&str> = Vec::new();
        for contender in contenders {
            if shown.len() + 1 == sides {
                break;
            }
            if let Some(answer) = there(case, contender)
                && !texts.contains(&&*answer.text)
            {
                shown.push((case, contender));
                texts.push(&answer.text);
            }
        }
        let wrong = (0..TRIES)
            .filter_map(|_| Some((*cases.choose(random)?, *all.choose(random)?)))
            .find(|&(other, contender)| {
                pool.cases[other].prompt != pool.cases[case].prompt
                    && there(other, contender).is_some_and(|a| !texts.contains(&&*a.text))
            });
        let Some(wrong) = wrong else {
            continue;
        };
        if shown.len() + 1 != sides {
            continue;
        }
        shown.push(wrong);
        shown.shuffle(random);
        found.push(Drawn {
            case,
            wrong: shown.iter().position(|side| *side == wrong),
            sides: shown,
            probability: 1.0,
        });
    }
    found
}
