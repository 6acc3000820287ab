//! Second looks: how many there can be, and at which places of a queue.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::arrange::BLOCK;

/// Items between the first look and the second, at least.
pub(super) const APART: usize = 20;

/// The two places of an item that is looked at twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Twice {
    pub(super) first: usize,
    pub(super) second: usize,
}

/// How many of `wanted` second looks a queue of so many `items` can have: all of them, or none.
///
/// `k` of them make it `items + k` places long. Their places sum to at most `items + (items + k - 1)`, `k / 2` times
/// that, those of the first looks to at least `(0 + (k - 1)) k / 2`: the distances sum to at most `items k`, and one of
/// them is at most `items`. Where that is less than [`APART`], there can be none; else [`places`] finds all. More than
/// half of the items (the larger half) are never looked at twice: designs ask for no more.
pub(super) fn possible(items: usize, wanted: usize) -> usize {
    if items < APART {
        0
    } else {
        wanted.min(items.div_ceil(2))
    }
}

/// Places of as many second looks as are [`possible`], and of their first looks, in a queue of `items + count` places.
/// First looks ascend, and so do second ones. Second looks are evenly apart: one in each of `count` equal parts of what
/// comes after the first [`APART`] places. A block holds looks of one kind alone, or has a place for something else.
///
/// No look is without a place:
///
/// - A part of the room `M + 1 = items + count - APART` has at least one place, since `items >= APART`.
/// - First looks are found for second ones in order, each among all places early enough, so that an earlier choice
///   never takes more than one place from a later one: the `i`-th, at `m + APART`, needs more than `i` places up to `m`
///   that are neither second looks (`s`) nor kept for something else (`r`): `m - s - r >= i`.
/// - Parts are `w = (M + 1) / count` wide, so `i <= m` and `i < (m + 1) / w`. Up to `m < APART` is no second look,
///   hence nothing is kept, and all is well. Else `s < (m - 19) / w + 1`, and `r <= m / 10 - 1`, since the first two
///   blocks hold no second looks; it is enough that `0.9 m >= (2 m - 18) / w`, thus `w >= (2 m - 18) / (0.9 m)`, which
///   grows with `m <= M`.
/// - `count <= (items + 1) / 2` makes `count <= (M + 22) / 3` and `w >= 3 (M + 1) / (M + 22)`. That is enough for `m =
///   M`, since `2.7 M (M + 1) >= (2 M - 18) (M + 22)`: the difference, `0.7 M² - 23.3 M + 396`, has no root.
pub(super) fn places(random: &mut ChaCha8Rng, items: usize, count: usize) -> Vec<Twice> {
    let room = (items + count).saturating_sub(APART);
    let part = |at: usize| APART + at * room / count;
    let seconds: Vec<usize> = (0..count)
        .map(|at| random.random_range(part(at)..part(at + 1)))
        .collect();
    // Of each block: places that hold no look so far, and whether it holds second ones.
    let length = items + count;
    let blocks = 0..length.div_ceil(BLOCK);
    let mut left: Vec<usize> = blocks.map(|at| BLOCK.min(length - at * BLOCK)).collect();
    let mut mixed = vec![false; left.len()];
    for second in &seconds {
        left[second / BLOCK] -= 1;
        mixed[second / BLOCK] = true;
    }
    let mut firsts = Vec::with_capacity(count);
    let (mut early, mut seen) = (Vec::new(), 0);
    for second in &seconds {
        early.extend((seen..=second - APART).filter(|place| seconds.binary_search(place).is_err()));
        seen = second - APART + 1;
        while !early.is_empty() {
            let place = early.swap_remove(random.random_range(0..early.len()));
            let block = place / BLOCK;
            if left[block] > usize::from(mixed[block]) {
                left[block] -= 1;
                firsts.push(place);
                break;
            }
        }
    }
    // Of any two pairs that are far enough apart, those of the earlier and of the later ends are so, too.
    firsts.sort_unstable();
    firsts
        .into_iter()
        .zip(seconds)
        .map(|(first, second)| Twice { first, second })
        .collect()
}

/// Exchanges first looks at random, each with one that is shown the same way round, where all stay far enough apart.
/// Sides alternate along `looks`.
pub(super) fn mix(random: &mut ChaCha8Rng, looks: &mut [Twice]) {
    for at in 0..looks.len() {
        let alike = (looks.len() - at % 2).div_ceil(2);
        let other = at % 2 + 2 * random.random_range(0..alike);
        let (one, another) = (looks[at], looks[other]);
        if another.first + APART <= one.second && one.first + APART <= another.second {
            looks[at].first = another.first;
            looks[other].first = one.first;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;

    use super::*;

    /// Whether `count` second looks fit, by trying all places for first and for second looks.
    fn fit(items: usize, count: usize) -> bool {
        let room = (items + count).saturating_sub(APART);
        assert!(room <= APART, "places that can be either are not tried");
        let chosen = |mask: u32| (0..room).filter(move |at| mask >> at & 1 == 1);
        let all = || (0..1_u32 << room).filter(|mask| mask.count_ones() as usize == count);
        // Of places that can be matched at all, those in order can.
        let apart = |firsts, seconds| chosen(firsts).zip(chosen(seconds)).all(|(a, b)| a <= b);
        all().any(|firsts| all().any(|seconds| apart(firsts, seconds)))
    }

    #[test]
    fn as_many_are_possible_as_trying_all_places_finds() {
        for items in 0..=23_usize {
            for wanted in 0..=items.div_ceil(2) {
                let most = (0..=wanted).rev().find(|&count| fit(items, count));
                assert_eq!(
                    possible(items, wanted),
                    most.unwrap(),
                    "{wanted} of {items}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..Default::default() })]

        #[test]
        fn each_look_has_a_place(items in APART..1500, share in 0.0_f64..=0.5, seed: u64) {
            let count = possible(items, (share * items as f64).ceil() as usize);
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut looks = places(&mut random, items, count);
            prop_assert_eq!(looks.len(), count);
            let mut held = vec![[0; 2]; (items + count).div_ceil(BLOCK)];
            for look in &looks {
                held[look.first / BLOCK][0] += 1;
                held[look.second / BLOCK][1] += 1;
            }
            for [first, second] in held {
                prop_assert!(first == 0 || second == 0 || first + second < BLOCK);
            }
            let of = |looks: &[Twice], parity| -> Vec<usize> {
                let mut firsts: Vec<usize> = looks.iter().skip(parity).step_by(2).map(|look| look.first).collect();
                firsts.sort_unstable();
                firsts
            };
            let before = [0, 1].map(|parity| of(&looks, parity));
            mix(&mut random, &mut looks);
            prop_assert_eq!([0, 1].map(|parity| of(&looks, parity)), before);
            let mut taken = vec![false; items + count];
            for (at, look) in looks.iter().enumerate() {
                prop_assert!(look.first + APART <= look.second, "{:?}", look);
                let part = |at| APART + at * (items + count - APART) / count;
                prop_assert!((part(at)..part(at + 1)).contains(&look.second), "{} {:?}", at, look);
                for place in [look.first, look.second] {
                    prop_assert!(!std::mem::replace(&mut taken[place], true), "{} twice", place);
                }
            }
        }
    }
}
