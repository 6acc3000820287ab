//! Who sees which items, in which order and on which side.
//!
//! A person's queue follows from the design and their number alone, and so is found again after a kill and on another
//! machine, and says nothing of anybody else's votes.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::arrange::{Share, arrange};
use super::design::Design;
use super::halves::halves;

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

/// The queue of a person, by number from 0, over batches of items, which come one after the other. With `annotators`
/// people each item is one person's, a share of them two people's, all pairs of people alike. Of ten places in a row
/// (0-9, 10-19, ...) of a batch five are turned around, of fewer at its end half; of two who see an item one sees it
/// the other way round. The number past the last begins again with the first one's queue, mirrored.
///
/// Second looks are as many as they are to be where a person has 20 items of a batch or more, and none where they have
/// fewer: then no place is late enough.
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
        let share = assign(plan, people, batch, items, slot);
        let mut random = random(plan, batch, 1 + slot);
        for put in arrange(&mut random, share, plan.repeats) {
            let item = first + put.item;
            found.push(Showing {
                item,
                order: order(plan, item, items[put.item], put.turned != mirrored),
                repeat: put.repeat,
            });
        }
        first += items.len();
    }
    found
}

fn random(plan: Plan, batch: usize, stream: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    random.set_stream(((batch as u64) << 32) + 1 + stream as u64);
    random
}

/// What the person at `slot` sees of a batch; of checks all, as everybody does.
fn assign(plan: Plan, people: usize, batch: usize, items: &[Shape], slot: usize) -> Share {
    let mut random = random(plan, batch, 0);
    let (checks, mut regular): (Vec<usize>, Vec<usize>) =
        (0..items.len()).partition(|&item| items[item].gold);
    regular.shuffle(&mut random);
    let shared = if people > 1 {
        (plan.overlap * regular.len() as f64).ceil() as usize
    } else {
        0
    };
    let pairs: Vec<[usize; 2]> = (0..people)
        .flat_map(|a| (a + 1..people).map(move |b| [a, b]))
        .collect();
    let (both, alone) = regular.split_at(shared.min(regular.len()));
    let pairs: Vec<[usize; 2]> = pairs.iter().copied().cycle().take(both.len()).collect();
    let mut share = Share {
        checks,
        ..Share::default()
    };
    for ((&item, pair), turned) in both
        .iter()
        .zip(&pairs)
        .zip(halves(&mut random, people, &pairs))
    {
        if let Some(at) = pair.iter().position(|&person| person == slot) {
            let turned = turned == (at == 0);
            share.given[usize::from(turned)].push(item);
        }
    }
    share.free = alone.iter().copied().skip(slot).step_by(people).collect();
    share
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
