//! Who sees what two people share turned around: each of the two the other way round than the other, everybody half.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

/// Of each item that two of `people` share, whether the first of the two sees it turned around; the second sees it the
/// other way round. Everybody's shared items are turned or not within one of each other.
///
/// Items are edges between people, walked along until a person has none left: a walk that enters a person by an edge
/// leaves by another, and so gives them one of each kind. Walks begin at people with an odd number of edges left, and
/// then end at another such, so that each of these is one end of one walk; all others end where they began, and give
/// their ends one of each kind, too (Euler's orientation of a graph).
pub(super) fn halves(random: &mut ChaCha8Rng, people: usize, pairs: &[[usize; 2]]) -> Vec<bool> {
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); people];
    for (edge, pair) in pairs.iter().enumerate() {
        for &person in pair {
            edges[person].push(edge);
        }
    }
    let mut turned: Vec<Option<bool>> = vec![None; pairs.len()];
    for only_odd in [true, false] {
        for start in 0..people {
            let left = edges[start].iter().filter(|edge| turned[**edge].is_none());
            if only_odd && left.count().is_multiple_of(2) {
                continue;
            }
            let leaving: bool = random.random();
            let mut here = start;
            while let Some(edge) = edges[here].pop() {
                if turned[edge].is_none() {
                    let [first, second] = pairs[edge];
                    turned[edge] = Some((here == first) == leaving);
                    here = if here == first { second } else { first };
                }
            }
        }
    }
    // An edge without a walk would be left at both its ends, and no walk ends where one is left.
    turned
        .into_iter()
        .map(|turned| turned == Some(true))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..Default::default() })]

        #[test]
        fn everybody_has_half_of_each_kind(
            people in 2_usize..9, ends in prop::collection::vec((0_usize..100, 1_usize..100), 0..60), seed: u64,
        ) {
            let pairs: Vec<[usize; 2]> = ends
                .iter()
                .map(|(a, off)| [a % people, (a % people + 1 + off % (people - 1)) % people])
                .collect();
            let turned = halves(&mut ChaCha8Rng::seed_from_u64(seed), people, &pairs);
            prop_assert_eq!(turned.len(), pairs.len());
            let mut over = vec![0_i32; people];
            for ([first, second], turned) in pairs.iter().zip(&turned) {
                let (with, without) = if *turned { (first, second) } else { (second, first) };
                over[*with] += 1;
                over[*without] -= 1;
            }
            prop_assert!(over.iter().all(|over| over.abs() <= 1), "{:?}", over);
        }
    }

    #[test]
    fn either_of_the_two_may_be_the_one() {
        let firsts =
            (0..200).filter(|seed| halves(&mut ChaCha8Rng::seed_from_u64(*seed), 2, &[[0, 1]])[0]);
        let count = firsts.count();
        assert!((70..=130).contains(&count), "{count} of 200");
    }
}
