//! Who sees which items, in which order and on which side.
//!
//! A person's queue follows from the design and their number alone, and so is found again after a kill and on another
//! machine, and says nothing of anybody else's votes.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::design::Design;

/// Sides are balanced within so many items.
const BLOCK: usize = 10;
/// Items between the first look and the second, at least.
const APART: usize = 20;

/// What a queue follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// People that share the items.
    pub annotators: usize,
    /// The share of items that two of them see.
    pub overlap: f64,
    /// The share of items that one sees once more.
    pub repeats: f64,
    /// The design's.
    pub seed: u64,
}

impl From<&Design> for Plan {
    fn from(design: &Design) -> Self {
        Self {
            annotators: design.annotators,
            overlap: design.overlap,
            repeats: design.repeats,
            seed: design.seed,
        }
    }
}

/// What a queue has to know of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Answers that are shown.
    pub sides: usize,
    /// Whether it is a check, which everybody sees.
    pub gold: bool,
}

/// A place in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Showing {
    /// The item, by its place among all.
    pub item: usize,
    /// The item's sides in the order in which they are shown.
    pub order: Vec<usize>,
    /// Whether this is the second look.
    pub repeat: bool,
}

/// What is put at a place, and whether its sides are turned around.
#[derive(Debug, Clone, Copy)]
struct Put {
    item: usize,
    turned: bool,
    repeat: bool,
}

/// The queue of a person, by number from 0, over batches of items, which come one after the other. With `annotators`
/// people each item is one person's, a share of them two people's, all pairs of people alike. Of ten places in a row
/// (0-9, 10-19, ...) of a batch five are turned around; who sees an item as the second sees it the other way round. The
/// number past the last begins again with the first one's queue, mirrored.
pub fn queue(plan: Plan, batches: &[Vec<Shape>], person: usize) -> Vec<Showing> {
    // Where all see all, it is one queue, mirrored for every second person.
    let people = if plan.overlap >= 1.0 {
        1
    } else {
        plan.annotators.max(1)
    };
    let (slot, mirrored) = (person % people, (person / people) % 2 == 1);
    let mut first = 0;
    let mut found = Vec::new();
    for (batch, items) in batches.iter().enumerate() {
        let assigned = assign(plan, people, batch, items);
        // Of each item: how those before saw it.
        let mut seen: Vec<Option<bool>> = vec![None; items.len()];
        let mut puts = Vec::new();
        for of in 0..=slot {
            puts = one(plan, batch, of, items, &assigned, &seen);
            for put in puts.iter().filter(|put| !put.repeat) {
                if assigned[put.item].len() > 1 && seen[put.item].is_none() {
                    seen[put.item] = Some(put.turned);
                }
            }
        }
        found.extend(puts.iter().map(|put| Showing {
            item: first + put.item,
            order: order(
                plan,
                first + put.item,
                items[put.item],
                put.turned != mirrored,
            ),
            repeat: put.repeat,
        }));
        first += items.len();
    }
    found
}

fn random(plan: Plan, batch: usize, stream: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    random.set_stream(((batch as u64) << 32) + 1 + stream as u64);
    random
}

/// Of each item the people that see it, by slot; of checks nobody, since all do.
fn assign(plan: Plan, people: usize, batch: usize, items: &[Shape]) -> Vec<Vec<usize>> {
    let mut assigned = vec![Vec::new(); items.len()];
    let mut regular: Vec<usize> = (0..items.len()).filter(|&i| !items[i].gold).collect();
    regular.shuffle(&mut random(plan, batch, 0));
    let shared = if people > 1 {
        (plan.overlap * regular.len() as f64).ceil() as usize
    } else {
        0
    };
    let pairs: Vec<[usize; 2]> = (0..people)
        .flat_map(|a| (a + 1..people).map(move |b| [a, b]))
        .collect();
    for (at, &item) in regular.iter().enumerate() {
        assigned[item] = if at < shared {
            pairs[at % pairs.len()].to_vec()
        } else {
            vec![(at - shared) % people]
        };
    }
    assigned
}

/// Sides as they are stored, or turned around; several are in an order of the item's own first.
fn order(plan: Plan, item: usize, shape: Shape, turned: bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..shape.sides).collect();
    if shape.sides > 2 {
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
        random.set_stream(u64::MAX - item as u64);
        order.shuffle(&mut random);
    }
    if turned {
        order.reverse();
    }
    order
}

/// A slot's queue of a batch, block by block: items that somebody saw before have their side already, second looks have
/// the other side than the first, and the rest makes up what is missing of five.
fn one(
    plan: Plan,
    batch: usize,
    slot: usize,
    items: &[Shape],
    assigned: &[Vec<usize>],
    seen: &[Option<bool>],
) -> Vec<Put> {
    let mut random = random(plan, batch, 1 + slot);
    let mut checks: Vec<usize> = (0..items.len()).filter(|&i| items[i].gold).collect();
    // Those that have to be turned, those that must not be, those that may be.
    let mut pools: [Vec<usize>; 3] = Default::default();
    for (item, people) in assigned.iter().enumerate() {
        if people.contains(&slot) {
            let pool = match seen[item] {
                Some(true) => 1,
                Some(false) => 0,
                None => 2,
            };
            // As the second: the other way round than the first saw it.
            pools[if pool == 2 { 2 } else { 1 - pool }].push(item);
        }
    }
    for pool in &mut pools {
        pool.shuffle(&mut random);
    }
    checks.shuffle(&mut random);
    let regular: usize = pools.iter().map(Vec::len).sum();
    let repeats = (plan.repeats * regular as f64).ceil() as usize;
    let mut total = regular + checks.len() + repeats;
    let mut looks = spread(&mut random, APART, total, repeats);
    let mut puts: Vec<Put> = Vec::with_capacity(total);
    let mut repeated = vec![false; items.len()];
    while puts.len() < total {
        let start = puts.len();
        let mut block: Vec<Option<Put>> = vec![None; BLOCK.min(total - start)];
        for (at, place) in block.iter_mut().enumerate() {
            if looks.last() != Some(&(start + at)) {
                continue;
            }
            looks.pop();
            let early = &puts[..(start + at + 1).saturating_sub(APART).min(start)];
            let able: Vec<&Put> = early
                .iter()
                .filter(|put| !put.repeat && !items[put.item].gold && !repeated[put.item])
                .collect();
            if let Some(put) = able.choose(&mut random) {
                repeated[put.item] = true;
                *place = Some(Put {
                    item: put.item,
                    turned: !put.turned,
                    repeat: true,
                });
            }
        }
        let left = pools.iter().map(Vec::len).sum::<usize>() + checks.len();
        let free = block
            .iter()
            .filter(|place| place.is_none())
            .count()
            .min(left);
        let placed: Vec<bool> = block.iter().flatten().map(|put| put.turned).collect();
        let mut fresh = fill(&mut random, &mut pools, &mut checks, &placed, free);
        fresh.shuffle(&mut random);
        // The first place of all is no check: its item can be looked at once more.
        if start == 0
            && let Some(at) = fresh.iter().position(|put| !items[put.item].gold)
        {
            let last = fresh.len() - 1;
            fresh.swap(at, last);
        }
        for place in &mut block {
            if place.is_none() {
                *place = fresh.pop();
            }
        }
        let before = puts.len();
        // Where items ran out, nothing comes later than it was meant to.
        puts.extend(block.into_iter().map_while(|put| put));
        if left == free || puts.len() == before {
            // Second looks that found nothing to look at leave the queue shorter.
            total = total.min(puts.len() + looks.len());
        }
        if puts.len() == before {
            break;
        }
    }
    // A second look hangs on the side and the place of the first.
    level(
        &mut puts,
        |put| !put.repeat && !repeated[put.item],
        |put| seen[put.item].is_none(),
    );
    puts
}

/// Makes blocks even that were not, where items ran out whose side is free: one of those is turned around, or comes from
/// another block in exchange for one of its own side whose side is given. `moves` says what may leave its place, `free`
/// which of these may be turned.
fn level(puts: &mut [Put], moves: impl Fn(&Put) -> bool, free: impl Fn(&Put) -> bool) {
    for start in (0..puts.len()).step_by(BLOCK) {
        let block = start..puts.len().min(start + BLOCK);
        loop {
            let turned = puts[block.clone()].iter().filter(|put| put.turned).count();
            let (half, odd) = (block.len() / 2, block.len() % 2);
            let excess = match turned {
                few if few < half => false,
                many if many > half + odd => true,
                _ => break,
            };
            let able = |at: &usize| puts[*at].turned == excess && moves(&puts[*at]);
            let here = block.clone().find(|at| able(at) && free(&puts[*at]));
            let given = block.clone().find(able);
            let elsewhere = (0..start).chain(block.end..puts.len());
            let there = elsewhere
                .into_iter()
                .find(|at| able(at) && free(&puts[*at]));
            let at = match (here, given, there) {
                (Some(at), _, _) => at,
                (None, Some(at), Some(other)) => {
                    puts.swap(at, other);
                    at
                }
                _ => break,
            };
            puts[at].turned = !excess;
        }
    }
}

/// `count` fresh items of a block in which `placed` are turned or not already.
fn fill(
    random: &mut ChaCha8Rng,
    pools: &mut [Vec<usize>; 3],
    checks: &mut Vec<usize>,
    placed: &[bool],
    count: usize,
) -> Vec<Put> {
    let whole = placed.len() + count;
    // Of an odd number the larger half is either.
    let turned = whole / 2 + usize::from(whole % 2 == 1 && random.random());
    let already = placed.iter().filter(|turned| **turned).count();
    let mut need = [
        (whole - turned).saturating_sub(placed.len() - already),
        turned.saturating_sub(already),
    ];
    let left = pools.iter().map(Vec::len).sum::<usize>() + checks.len();
    let mut part = |of: usize| {
        let share = of as f64 * count as f64 / left.max(1) as f64;
        (share + random.random::<f64>()) as usize
    };
    let (paces, mut checked) = (
        [part(pools[0].len()), part(pools[1].len())],
        part(checks.len()),
    );
    let mut chosen: Vec<Put> = Vec::with_capacity(count);
    let put = |chosen: &mut Vec<Put>, item, turned| {
        chosen.push(Put {
            item,
            turned,
            repeat: false,
        });
    };
    // Those whose side is given come at the pace at which they last to the end, and no more than fit.
    for side in [0, 1] {
        for _ in 0..paces[side].min(need[side]) {
            if chosen.len() < count
                && let Some(item) = pools[side].pop()
            {
                put(&mut chosen, item, side == 1);
                need[side] -= 1;
            }
        }
    }
    while chosen.len() < count {
        let side = usize::from(
            need[1] > 0
                && (need[0] == 0
                    || random.random::<f64>() * ((need[0] + need[1]) as f64) < need[1] as f64),
        );
        let free = if checked > 0 || pools[2].is_empty() {
            checked = checked.saturating_sub(1);
            checks.pop().or_else(|| pools[2].pop())
        } else {
            pools[2].pop()
        };
        if let Some(item) = free {
            put(&mut chosen, item, side == 1);
            need[side] = need[side].saturating_sub(1);
        } else if let Some((side, item)) = [side, 1 - side]
            .into_iter()
            .find_map(|side| Some((side, pools[side].pop()?)))
        {
            // Nothing is left that may be turned: the block is as even as what is left.
            put(&mut chosen, item, side == 1);
            need[side] = need[side].saturating_sub(1);
        } else {
            break;
        }
    }
    chosen
}

/// `count` places of `from..to`, about evenly apart, the last one first.
fn spread(random: &mut ChaCha8Rng, from: usize, to: usize, count: usize) -> Vec<usize> {
    let room = to.saturating_sub(from) as f64;
    let mut places: Vec<usize> = (0..count)
        .map(|at| {
            let part = (at as f64 + random.random::<f64>()) / count as f64;
            from + (part * room) as usize
        })
        .filter(|place| *place < to)
        .collect();
    places.sort_unstable();
    places.dedup();
    places.reverse();
    places
}
