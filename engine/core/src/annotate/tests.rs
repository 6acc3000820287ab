//! Designs are balanced, blind and quick, whatever their size and seed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::stats::Duel;

fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// All texts differ, but for every `alike`-th case (0: none), where the first two contenders say one thing.
fn pool(contenders: usize, cases: usize, alike: usize) -> Pool {
    let answer = |case: usize, contender: usize| {
        let said = if alike > 0 && case.is_multiple_of(alike) {
            contender.max(1)
        } else {
            contender
        };
        Some(Candidate {
            uid: format!("{case}/{contender}"),
            text: Arc::from(format!("answer {said} to {case}")),
        })
    };
    Pool {
        contenders: (0..contenders).map(|c| format!("c{c}")).collect(),
        cases: (0..cases)
            .map(|case| Case {
                prompt: format!("p{case}"),
                split: None,
            })
            .collect(),
        answers: (0..cases * contenders)
            .map(|at| answer(at / contenders, at % contenders))
            .collect(),
        groups: all_pairs(contenders),
    }
}

fn counts(drawing: &Drawing) -> (HashMap<Vec<usize>, usize>, HashMap<usize, usize>) {
    let (mut groups, mut cases) = (HashMap::new(), HashMap::new());
    for item in &drawing.items {
        let group = item.sides.iter().map(|side| side.1).collect();
        *groups.entry(group).or_default() += 1;
        *cases.entry(item.case).or_default() += 1;
    }
    (groups, cases)
}

fn within_one(counts: impl Iterator<Item = usize>) -> bool {
    let all: Vec<usize> = counts.collect();
    all.iter().max().unwrap() - all.iter().min().unwrap() <= 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..Default::default() })]

    #[test]
    fn blocks_use_pairs_equally_often(contenders in 2_usize..7, cases in 5_usize..30, share in 0.1_f64..0.9, seed: u64) {
        let pool = pool(contenders, cases, 0);
        let count = 1 + (share * (pool.groups.len() * cases) as f64) as usize;
        let drawing = blocks(&pool, count.min(pool.groups.len() * cases), 0, &mut random(seed));
        prop_assert_eq!(drawing.items.len(), count.min(pool.groups.len() * cases));
        prop_assert_eq!((drawing.identical, drawing.missing), (0, 0));
        let (groups, asked) = counts(&drawing);
        prop_assert!(within_one(pool.groups.iter().map(|g| groups.get(g).copied().unwrap_or(0))));
        let spread = (0..cases).map(|case| asked.get(&case).copied().unwrap_or(0));
        let (least, most) = spread.fold((usize::MAX, 0), |(l, m), n| (l.min(n), m.max(n)));
        // Pairs come first: prompts are as even as the least used pairs leave them.
        prop_assert!(most - least <= 6, "{} {}", least, most);
        let mut seen = std::collections::HashSet::new();
        for item in &drawing.items {
            prop_assert!(seen.insert((item.case, item.sides.clone())), "asked twice");
        }
        prop_assert_eq!(&blocks(&pool, count, 0, &mut random(seed)), &drawing);
    }

    #[test]
    fn rankings_use_contenders_equally_often(contenders in 3_usize..8, cases in 4_usize..20, ranked in 2_usize..4, seed: u64) {
        let pool = pool(contenders, cases, 0);
        let drawing = blocks(&pool, 2 * cases, ranked, &mut random(seed));
        let mut uses = vec![0; contenders];
        for item in &drawing.items {
            prop_assert_eq!(item.sides.len(), ranked);
            item.sides.iter().for_each(|side| uses[side.1] += 1);
        }
        if contenders > ranked {
            let (least, most) = (uses.iter().min().unwrap(), uses.iter().max().unwrap());
            prop_assert!(most - least <= 2 + cases / 4, "{:?}", uses);
        }
    }

    #[test]
    fn queues_are_balanced_mirrored_and_repeat_late(
        items in 1_usize..400, gold in 0_usize..12, annotators in 1_usize..5, overlap in 0.2_f64..0.5, seed: u64,
    ) {
        let plan = Plan { annotators, overlap, repeats: 0.05, seed };
        let shape = |gold| Shape { sides: 2, gold };
        let mut shapes = vec![shape(false); items];
        shapes.extend(vec![shape(true); gold]);
        let queues: Vec<Vec<Showing>> = (0..2 * annotators).map(|p| queue(plan, std::slice::from_ref(&shapes), p)).collect();
        prop_assert_eq!(&queue(plan, std::slice::from_ref(&shapes), 0), &queues[0]);
        let turned = |showing: &Showing| showing.order == [1, 0];
        for (person, queue) in queues.iter().enumerate() {
            for (number, block) in queue.chunks(10).enumerate() {
                let over = block.iter().filter(|s| turned(s)).count() as i64 * 2 - block.len() as i64;
                // Uneven alone where nothing of the whole queue may be turned: another has seen it, or it comes twice.
                let earlier = &queues[person / annotators * annotators..person];
                let given = |s: &Showing| {
                    let same = |other: &&Showing| other.item == s.item && !std::ptr::eq(*other, s);
                    earlier.iter().flatten().any(|other| other.item == s.item) || queue.iter().find(same).is_some()
                };
                let stuck = queue.iter().filter(|s| turned(s) == (over > 0)).all(given);
                let even = over.abs() <= i64::from(block.len() % 2 == 1);
                prop_assert!(even || stuck, "person {} block {}: {}", person, number, over);
            }
            let mut first: HashMap<usize, (usize, bool)> = HashMap::new();
            for (place, showing) in queue.iter().enumerate() {
                match first.get(&showing.item) {
                    None => {
                        prop_assert!(!showing.repeat);
                        first.insert(showing.item, (place, turned(showing)));
                    }
                    Some((before, was)) => {
                        prop_assert!(showing.repeat && place - before >= 20, "{} after {}", place, before);
                        prop_assert!(turned(showing) != *was && showing.item < items);
                    }
                }
            }
            let own = first.len() - gold;
            let repeats = queue.iter().filter(|s| s.repeat).count();
            prop_assert!(repeats <= own.div_ceil(20));
            if own >= 60 {
                // A place that finds nothing to look at once more, or two of one place, make it a few less.
                prop_assert!(repeats + 4 >= own / 20, "{} of {}", repeats, own);
            }
            prop_assert_eq!((items..items + gold).filter(|g| first.contains_key(g)).count(), gold, "all see all checks");
        }
        // Of the people of one round each item has one, or two, who see it mirrored.
        let mut shared = 0;
        for item in 0..items {
            let seen: Vec<bool> = queues[..annotators].iter()
                .filter_map(|q| q.iter().find(|s| s.item == item && !s.repeat).map(turned)).collect();
            prop_assert!(seen.len() == 1 || seen.len() == 2 && seen[0] != seen[1], "{:?}", seen);
            shared += usize::from(seen.len() == 2);
        }
        if annotators > 1 {
            prop_assert!(shared as f64 >= 0.2 * items as f64);
        }
        // The next round is the first one's, the other way round.
        for (one, other) in queues[0].iter().zip(&queues[annotators]) {
            prop_assert!(one.item == other.item && one.order != other.order);
        }
    }
}

#[test]
fn texts_that_are_alike_are_counted_out() {
    let pool = pool(3, 10, 2);
    let drawing = blocks(&pool, 1000, 0, &mut random(1));
    assert_eq!((drawing.items.len(), drawing.identical), (25, 5));
    let mut few = pool.clone();
    few.answers[4] = None;
    let drawing = blocks(&few, 1000, 0, &mut random(1));
    assert_eq!((drawing.items.len(), drawing.missing), (23, 2));
    let ranked = blocks(&pool, 10, 3, &mut random(1));
    assert_eq!(
        ranked.items.len(),
        5,
        "three that differ are there for every second"
    );
}

#[test]
fn batches_come_one_after_the_other_and_change_nothing_before_them() {
    let plan = Plan {
        annotators: 2,
        overlap: 0.2,
        repeats: 0.05,
        seed: 4,
    };
    let batch = vec![
        Shape {
            sides: 2,
            gold: false
        };
        50
    ];
    let before = queue(plan, std::slice::from_ref(&batch), 1);
    let after = queue(plan, &[batch.clone(), batch], 1);
    assert_eq!(after[..before.len()], before);
    assert!(after[before.len()..].iter().all(|s| s.item >= 50));
}

#[test]
fn overlap_of_one_shows_all_to_all_mirrored() {
    let plan = Plan {
        annotators: 3,
        overlap: 1.0,
        repeats: 0.0,
        seed: 9,
    };
    let batch = vec![
        Shape {
            sides: 2,
            gold: false
        };
        30
    ];
    let [one, two, three] =
        [0, 1, 2].map(|person| queue(plan, std::slice::from_ref(&batch), person));
    assert_eq!((one.len(), &one), (30, &three));
    assert!(one.iter().zip(&two).all(|(a, b)| a.order[0] == b.order[1]));
}

#[test]
fn several_sides_have_an_order_of_their_own() {
    let plan = Plan {
        annotators: 1,
        overlap: 0.2,
        repeats: 0.1,
        seed: 2,
    };
    let batch = vec![
        Shape {
            sides: 4,
            gold: false
        };
        60
    ];
    let found = queue(plan, &[batch], 0);
    let first: std::collections::HashSet<usize> = found.iter().map(|s| s.order[0]).collect();
    assert_eq!(first.len(), 4);
    let again = found.iter().find(|s| s.repeat).unwrap();
    let before = found.iter().find(|s| s.item == again.item).unwrap();
    let back: Vec<usize> = before.order.iter().rev().copied().collect();
    assert_eq!(again.order, back);
}

#[test]
fn votes_draw_where_they_say_most_and_shut_nothing_out() {
    let pool = pool(4, 200, 0);
    let even = active(&pool, 200, &[], &[], &mut random(3));
    assert!(
        even.items
            .iter()
            .all(|item| (item.probability - 1.0 / 6.0).abs() < 1e-12)
    );
    // c0 and c1 are alike and hardly compared; c2 and c3 are far apart, and much.
    let mut votes = Vec::new();
    let mut vote = |first, second, wins: usize, losses: usize| {
        let duel = |outcome| Duel {
            first,
            second,
            outcome,
            weight: 1.0,
        };
        votes.extend(vec![duel(std::cmp::Ordering::Greater); wins]);
        votes.extend(vec![duel(std::cmp::Ordering::Less); losses]);
    };
    vote(2, 3, 95, 5);
    vote(0, 2, 2, 2);
    vote(1, 2, 2, 2);
    let drawing = active(&pool, 400, &[(0, 5)], &[votes], &mut random(3));
    let (groups, _) = counts(&drawing);
    let of = |a, b| groups.get(&vec![a, b]).copied().unwrap_or(0);
    assert!(of(0, 1) > 2 * of(2, 3) && of(2, 3) > 5, "{groups:?}");
    assert!(
        !drawing
            .items
            .iter()
            .any(|item| item.case == 5 && item.sides == [(5, 0), (5, 1)])
    );
    let mut by_group: BTreeMap<Vec<usize>, f64> = BTreeMap::new();
    for item in &drawing.items[..100] {
        let group = item.sides.iter().map(|side| side.1).collect();
        by_group.insert(group, item.probability);
    }
    let total: f64 = by_group.values().sum();
    assert!(
        (total - 1.0).abs() < 1e-9,
        "the shares of all six pairs: {total}"
    );
    for (group, probability) in by_group {
        let drawn = of(group[0], group[1]) as f64 / 400.0;
        assert!(
            (drawn - probability).abs() < 0.12,
            "{group:?}: {drawn}, told {probability}"
        );
        assert!(probability >= 0.3 / 6.0);
    }
    let all = active(&pool, 5000, &[], &[], &mut random(3));
    assert_eq!(all.items.len(), 1200);
}

#[test]
fn checks_show_an_answer_to_another_prompt() {
    let pool = pool(3, 20, 0);
    for sides in [1, 2, 3] {
        let checks = gold(&pool, 5, sides, &mut random(0));
        assert_eq!(checks.len(), 5);
        for check in checks {
            let wrong = check.wrong.unwrap();
            assert_eq!(check.sides.len(), sides);
            for (at, (case, _)) in check.sides.iter().enumerate() {
                assert_eq!(*case == check.case, at != wrong);
            }
        }
    }
    let one = super::tests::pool(3, 1, 0);
    assert!(gold(&one, 5, 2, &mut random(0)).is_empty());
}

#[test]
fn designs_say_what_is_wrong_with_them() {
    let good = Design::new(Source::Preferences, vec!["humor".to_owned()]);
    assert!(good.check().is_ok() && good.told().contains("humor"));
    let wrong = |change: &dyn Fn(&mut Design)| {
        let mut design = good.clone();
        change(&mut design);
        design.check().unwrap_err().0
    };
    assert_eq!(wrong(&|d| d.overlap = 0.1), "overlap");
    assert_eq!(wrong(&|d| d.repeats = f64::NAN), "repeats");
    assert_eq!(wrong(&|d| d.items = 0), "items");
    assert_eq!(wrong(&|d| d.objectives.clear()), "objectives");
    assert_eq!(
        wrong(&|d| d.objectives[0] = "task".to_owned()),
        "objectives"
    );
    assert_eq!(wrong(&|d| d.question = Question::Ranking), "ranked");
    let json = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Design>(&json).unwrap(), good);
}

#[test]
fn ten_thousand_items_are_quick() {
    let start = Instant::now();
    let pool = pool(55, 400, 7);
    let drawing = blocks(&pool, 10_000, 0, &mut random(5));
    assert_eq!(drawing.items.len(), 10_000);
    let more = active(&pool, 10_000, &[], &[], &mut random(5));
    assert_eq!(more.items.len(), 10_000);
    let shapes = vec![
        Shape {
            sides: 2,
            gold: false
        };
        10_000
    ];
    let plan = Plan {
        annotators: 3,
        overlap: 0.2,
        repeats: 0.05,
        seed: 0,
    };
    assert!((4190..=4210).contains(&queue(plan, &[shapes], 2).len()));
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 10.0, "{seconds} s");
}
