//! Balanced blocks: every comparison, and every prompt, as equally often as can be.

use rand::Rng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::level::level;
use super::pool::{Fit, Pool};

/// An item that was drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// What was asked.
    pub case: usize,
    /// What is shown: the case that an answer is from (another one for the wrong answer of a check), and its contender.
    pub sides: Vec<(usize, usize)>,
    /// How likely its contenders were to be asked about.
    pub probability: f64,
    /// The side that is wrong, where that is known.
    pub wrong: Option<usize>,
}

/// Items, and what could not be one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawing {
    /// The items.
    pub items: Vec<Drawn>,
    /// Comparisons whose texts are alike, and which nobody is asked about.
    pub identical: usize,
    /// Comparisons of which an answer is missing or empty.
    pub missing: usize,
}

/// Which cases each group can still be asked about.
#[derive(Debug)]
pub(super) struct Open {
    /// Of each group, in random order.
    cases: Vec<Vec<usize>>,
    /// How often each case was asked about.
    asked: Vec<u32>,
    pub(super) identical: usize,
    pub(super) missing: usize,
}

impl Open {
    /// All but what was `taken`: groups and cases of earlier items.
    pub(super) fn new(pool: &Pool, taken: &[(usize, usize)], random: &mut ChaCha8Rng) -> Self {
        let mut open = Self {
            cases: Vec::with_capacity(pool.groups.len()),
            asked: vec![0; pool.cases.len()],
            identical: 0,
            missing: 0,
        };
        for group in &pool.groups {
            let mut ready = Vec::new();
            for case in 0..pool.cases.len() {
                match pool.fit(case, group) {
                    Fit::Ready => ready.push(case),
                    Fit::Missing => open.missing += 1,
                    Fit::Identical => open.identical += 1,
                }
            }
            ready.shuffle(random);
            open.cases.push(ready);
        }
        for &(group, case) in taken {
            open.cases[group].retain(|&other| other != case);
            open.asked[case] += 1;
        }
        open
    }

    pub(super) fn is_empty(&self, group: usize) -> bool {
        self.cases[group].is_empty()
    }

    /// A case that was asked about least of those that a group has left.
    pub(super) fn take(&mut self, group: usize) -> Option<usize> {
        let cases = &mut self.cases[group];
        let least = (0..cases.len()).min_by_key(|&at| self.asked[cases[at]])?;
        let case = cases.swap_remove(least);
        self.asked[case] += 1;
        Some(case)
    }
}

/// At most `count` items of the pool's groups. Groups are used equally often, the least used first, as long as they
/// have a prompt left; in the last, broken block those whose contenders were used least. Prompts are asked about as
/// equally often as these groups can be asked about them: within one, where all answers are there and differ. Where
/// `ranked` is not 0, an item is that many of the contenders instead, and it is they who are used equally often.
pub fn blocks(pool: &Pool, count: usize, ranked: usize, random: &mut ChaCha8Rng) -> Drawing {
    if ranked > 0 {
        return rankings(pool, count, ranked, random);
    }
    let mut open = Open::new(pool, &[], random);
    let mut drawn = Vec::with_capacity(count);
    let mut uses = vec![0_u32; pool.contenders.len()];
    while drawn.len() < count {
        let mut block: Vec<usize> = (0..pool.groups.len())
            .filter(|&group| !open.is_empty(group))
            .collect();
        if block.is_empty() {
            break;
        }
        block.shuffle(random);
        let whole = block.len() <= count - drawn.len();
        while let Some(last) = block.len().checked_sub(1)
            && drawn.len() < count
        {
            let worn = |group: usize| -> u32 { pool.groups[group].iter().map(|&c| uses[c]).sum() };
            let at = if whole {
                last
            } else {
                (0..block.len())
                    .min_by_key(|&at| worn(block[at]))
                    .unwrap_or(last)
            };
            let group = block.swap_remove(at);
            if let Some(case) = open.take(group) {
                for &contender in &pool.groups[group] {
                    uses[contender] += 1;
                }
                drawn.push((group, case));
            }
        }
    }
    level(&mut drawn, &mut open.cases, &mut open.asked);
    let of = |(group, case): (usize, usize)| item(case, &pool.groups[group], 1.0);
    Drawing {
        items: drawn.into_iter().map(of).collect(),
        identical: open.identical,
        missing: open.missing,
    }
}

pub(super) fn item(case: usize, group: &[usize], probability: f64) -> Drawn {
    Drawn {
        case,
        sides: group.iter().map(|&contender| (case, contender)).collect(),
        probability,
        wrong: None,
    }
}

/// Prompts in turn, each with the contenders that were used least among those whose texts differ there.
fn rankings(pool: &Pool, count: usize, ranked: usize, random: &mut ChaCha8Rng) -> Drawing {
    let mut drawing = Drawing::default();
    let mut uses = vec![0_u32; pool.contenders.len()];
    let mut seen = std::collections::HashSet::new();
    let mut order: Vec<usize> = (0..pool.cases.len()).collect();
    while drawing.items.len() < count {
        order.shuffle(random);
        let before = drawing.items.len();
        for &case in &order {
            if drawing.items.len() == count {
                break;
            }
            let mut by_use: Vec<(u32, u32, usize)> = (0..uses.len())
                .map(|contender| (uses[contender], random.random(), contender))
                .collect();
            by_use.sort_unstable();
            let mut group: Vec<usize> = Vec::with_capacity(ranked);
            for (_, _, contender) in by_use {
                if group.len() == ranked {
                    break;
                }
                group.push(contender);
                match pool.fit(case, &group) {
                    Fit::Ready => {}
                    Fit::Missing => {
                        group.pop();
                        drawing.missing += usize::from(before == 0);
                    }
                    Fit::Identical => {
                        group.pop();
                        drawing.identical += usize::from(before == 0);
                    }
                }
            }
            group.sort_unstable();
            if group.len() == ranked && seen.insert((case, group.clone())) {
                for &contender in &group {
                    uses[contender] += 1;
                }
                drawing.items.push(item(case, &group, 1.0));
            }
        }
        if drawing.items.len() == before {
            break;
        }
    }
    drawing
}
