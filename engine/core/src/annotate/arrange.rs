//! One person's items in the order in which they see them, each turned around or not.

use rand::Rng as _;
use rand::seq::{SliceRandom as _, index};
use rand_chacha::ChaCha8Rng;

use super::looks::{Twice, mix, places, possible};

/// Sides are balanced within so many items.
pub(super) const BLOCK: usize = 10;

/// What one person sees of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Items whose side is given, since another person sees them the other way round: not turned, turned. As many of
    /// one kind as of the other, within one.
    pub(super) given: [Vec<usize>; 2],
    /// Other items.
    pub(super) free: Vec<usize>,
    /// Checks, which are not looked at twice.
    pub(super) checks: Vec<usize>,
}

/// What is put at a place, and whether its sides are turned around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) item: usize,
    pub(super) turned: bool,
    pub(super) repeat: bool,
}

/// Puts a share in order. `repeats`, a share of its items, are looked at twice, the second time the other way round, as
/// far as that is [`possible`]. Of ten places in a row five are turned around, of fewer at the end half, within one.
pub(super) fn arrange(random: &mut ChaCha8Rng, mut share: Share, repeats: f64) -> Vec<Put> {
    let regular = share.regular();
    let items = regular + share.checks.len();
    let wanted = (repeats * regular as f64).ceil() as usize;
    let count = possible(items, wanted.min(regular));
    for pool in share.given.iter_mut().chain([&mut share.free]) {
        pool.shuffle(random);
    }
    let twice = share.split(random, count);
    let mut looks = places(random, items, count);
    mix(random, &mut looks);
    let sides = sides(random, &looks, [&share, &twice]);

    let mut puts = Vec::with_capacity(sides.len());
    let mut put = |place: usize, item, repeat| {
        let turned = sides[place];
        puts.push((
            place,
            Put {
                item,
                turned,
                repeat,
            },
        ));
    };
    let mut alone = vec![true; sides.len()];
    for look in &looks {
        (alone[look.first], alone[look.second]) = (false, false);
    }
    for (look, item) in deal(random, looks, |look| sides[look.first], twice) {
        put(look.first, item, false);
        put(look.second, item, true);
    }
    let alone = (0..sides.len()).filter(|place| alone[*place]).collect();
    for (place, item) in deal(random, alone, |place| sides[*place], share) {
        put(place, item, false);
    }
    puts.sort_unstable_by_key(|(place, _)| *place);
    puts.into_iter().map(|(_, put)| put).collect()
}

impl Share {
    /// Items that are no checks.
    fn regular(&self) -> usize {
        self.given[0].len() + self.given[1].len() + self.free.len()
    }

    /// Takes away `count` items to look at twice. How many of them have a given side is drawn; they are of both kinds
    /// within one, and so is what is left.
    fn split(&mut self, random: &mut ChaCha8Rng, count: usize) -> Self {
        let given = self.given[0].len() + self.given[1].len();
        let drawn = index::sample(random, self.regular(), count);
        let drawn = drawn.iter().filter(|at| *at < given).count();
        let more = match self.given[1].len().cmp(&self.given[0].len()) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Greater => 1,
            std::cmp::Ordering::Equal => usize::from(random.random::<bool>()),
        };
        // The larger half of what is drawn is at most the larger half of what there is, and so for the smaller.
        let take = |pool: &mut Vec<usize>, count: usize| pool.split_off(pool.len() - count);
        let mut twice = Self::default();
        twice.given[more] = take(&mut self.given[more], drawn.div_ceil(2));
        twice.given[1 - more] = take(&mut self.given[1 - more], drawn / 2);
        twice.free = take(&mut self.free, count - drawn);
        twice
    }
}

/// Which places are turned around, so that blocks are even, second looks are the other way round than first ones, and
/// the items with a given side, those seen once and those seen `twice`, find as many places of it as they need.
///
/// First looks are turned in turn, along their places, and so are second ones. So a block that holds looks of one kind
/// alone has half of them turned, within one; and one that holds both kinds, where both may be off by one the same way,
/// has a place that makes up for it.
///
/// Which first look is turned, and which half of a last block with an odd number of places is the larger, may each be
/// settled by what is given. Some choice is right, whatever is asked:
///
/// - All items seen once have a given side, and one side has one more of them: the last block's larger half is settled.
/// - All items seen twice have a given side, and one side has one more of them: where looks begin is settled.
/// - The last block is all second looks (it has no first ones): where looks begin settles its larger half, and each
///   half can be had.
///
/// All three at once mean that all items have a given side, that an even number of them are there, hence as many of
/// each kind, and that an odd number, `k` of one kind and `k - 1` of the other, are seen twice. Looks begin with that
/// kind then, and so does the last block, at the second look of an odd number of pairs from the end and after an even
/// number: the other kind is its larger half, and the other kind has one more of the items seen once.
fn sides(random: &mut ChaCha8Rng, looks: &[Twice], [once, twice]: [&Share; 2]) -> Vec<bool> {
    let alone = once.regular() + once.checks.len();
    let length = alone + 2 * looks.len();
    let (whole, rest) = (length - length % BLOCK, length % BLOCK);
    let first = |at: usize, begins: bool| at.is_multiple_of(2) == begins;
    let late = |begins: bool, turned: bool| {
        let of =
            |(at, look): &(usize, &Twice)| look.second >= whole && first(*at, begins) != turned;
        looks.iter().enumerate().filter(of).count()
    };
    let fits = |&(begins, last): &(bool, usize)| {
        let turned = (0..looks.len()).filter(|at| first(*at, begins)).count();
        let left = whole / 2 + last - looks.len();
        let enough = |given: &[Vec<usize>; 2], turned: usize, of: usize| {
            given[1].len() <= turned && given[0].len() <= of - turned
        };
        enough(&twice.given, turned, looks.len())
            && enough(&once.given, left, alone)
            && late(begins, true) <= last
            && late(begins, false) <= rest - last
    };
    let mut ways = [false, true]
        .map(|begins| [rest / 2, rest.div_ceil(2)].map(|last| (begins, last)))
        .concat();
    ways.shuffle(random);
    let (begins, last) = ways.into_iter().find(fits).unwrap_or_default();

    let mut sides = vec![None; length];
    for (at, look) in looks.iter().enumerate() {
        sides[look.first] = Some(first(at, begins));
        sides[look.second] = Some(!first(at, begins));
    }
    for block in sides.chunks_mut(BLOCK) {
        let turned = if block.len() == BLOCK {
            BLOCK / 2
        } else {
            last
        };
        let there = block.iter().filter(|side| **side == Some(true)).count();
        let mut open: Vec<&mut Option<bool>> =
            block.iter_mut().filter(|side| side.is_none()).collect();
        open.shuffle(random);
        for (at, side) in open.into_iter().enumerate() {
            *side = Some(there + at < turned);
        }
    }
    sides.into_iter().map(|side| side == Some(true)).collect()
}

/// Gives each item of a share a place, those whose side is given one of that side.
fn deal<T: Copy>(
    random: &mut ChaCha8Rng,
    mut places: Vec<T>,
    turned: impl Fn(&T) -> bool,
    share: Share,
) -> Vec<(T, usize)> {
    places.shuffle(random);
    let (with, without) = places.into_iter().partition(turned);
    let mut places: [Vec<T>; 2] = [without, with];
    let mut dealt = Vec::new();
    for (places, items) in places.iter_mut().zip(share.given) {
        // As many places as items at least: see `sides`.
        let from = places.len().saturating_sub(items.len());
        dealt.extend(places.split_off(from).into_iter().zip(items));
    }
    let mut left = places.concat();
    left.shuffle(random);
    let any = share.free.into_iter().chain(share.checks);
    dealt.extend(left.into_iter().zip(any));
    dealt
}
