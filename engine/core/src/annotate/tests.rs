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
        prop_assert!(within_one((0..cases).map(|case| asked.get(&case).copied().unwrap_or(0))));
        let mut seen = std::collections::HashSet::new();
        for item in &drawing.items {
            prop_assert!(seen.insert((item.case, item.sides.clone())), "asked twice");
        }
        prop_assert_eq!(&blocks(&pool, count, 0, &mut random(seed)), &drawing);
    }

    #[test]
    fn blocks_are_as_even_as_any_choice_where_answers_are_missing(
        cases in 1_usize..6, gaps in prop::collection::vec(0_u8..4, 15), share in 0.0_f64..=1.0, seed: u64,
    ) {
        let mut pool = pool(3, cases, 0);
        for (answer, gap) in pool.answers.iter_mut().zip(&gaps) {
            match gap {
                0 => *answer = None,
                1 => answer.as_mut().unwrap().text = Arc::from("alike"),
                _ => {}
            }
        }
        let ready = |group: &[usize]| -> u32 {
            let differ = |case: &usize| {
                let [a, b] = [group[0], group[1]].map(|contender| pool.answer(*case, contender));
                a.zip(b).is_some_and(|(a, b)| a.text != b.text)
            };
            (0..cases).filter(differ).map(|case| 1 << case).sum()
        };
        let all: usize = pool.groups.iter().map(|group| ready(group).count_ones() as usize).sum();
        let count = (share * all as f64) as usize;
        let drawing = blocks(&pool, count, 0, &mut random(seed));
        prop_assert_eq!(drawing.items.len(), count);
        let (groups, asked) = counts(&drawing);
        let used = |group: &Vec<usize>| groups.get(group).copied().unwrap_or(0);
        let most = pool.groups.iter().map(used).max().unwrap_or(0);
        for group in &pool.groups {
            let left = ready(group).count_ones() as usize - used(group);
            prop_assert!(left == 0 || used(group) + 1 >= most, "{:?}", groups);
        }
        // All choices of as many cases for each group, the most asked case first.
        let choices = pool.groups.iter().map(|group| {
            let fits = |chosen: &u32| chosen & !ready(group) == 0 && chosen.count_ones() as usize == used(group);
            (0..1_u32 << cases).filter(fits).collect::<Vec<u32>>()
        });
        let [one, two, three] = &choices.collect::<Vec<_>>()[..] else { panic!("three pairs") };
        let sorted = |mut asked: Vec<usize>| {
            asked.sort_unstable_by(|a, b| b.cmp(a));
            asked
        };
        let times = |chosen: [u32; 3]| {
            let of = |case: usize| chosen.iter().filter(|chosen| *chosen >> case & 1 == 1).count();
            sorted((0..cases).map(of).collect())
        };
        let best = one.iter().flat_map(|&a| two.iter().map(move |&b| (a, b)));
        let best = best.flat_map(|(a, b)| three.iter().map(move |&c| [a, b, c])).map(times).min();
        let found = sorted((0..cases).map(|case| asked.get(&case).copied().unwrap_or(0)).collect());
        prop_assert_eq!(Some(found), best);
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
        prop_assert!(within_one(uses.iter().copied()), "{:?}", uses);
    }

    #[test]
    fn queues_are_balanced_mirrored_and_repeat_late(
        items in 1_usize..400, gold in 0_usize..12, annotators in 1_usize..5, overlap in 0.2_f64..1.0,
        repeats in prop_oneof![Just(0.05), 0.0_f64..=0.5], seed: u64,
    ) {
        let plan = Plan { annotators, overlap, repeats, seed };
        let shape = |gold| Shape { sides: 2, gold };
        let mut shapes = vec![shape(false); items];
        shapes.extend(vec![shape(true); gold]);
        let queues: Vec<Vec<Showing>> = (0..2 * annotators).map(|p| queue(plan, std::slice::from_ref(&shapes), p)).collect();
        prop_assert_eq!(&queue(plan, std::slice::from_ref(&shapes), 0), &queues[0]);
        let turned = |showing: &Showing| showing.order == [1, 0];
        for (person, queue) in queues.iter().enumerate() {
            for (number, block) in queue.chunks(10).enumerate() {
                let over = block.iter().filter(|s| turned(s)).count() as i64 * 2 - block.len() as i64;
                prop_assert!(over.abs() <= i64::from(block.len() % 2 == 1), "person {} block {}: {}", person, number, over);
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
            // Where there are fewer items, no place is late enough: `looks` tries all.
            let wanted = if own + gold >= 20 { (repeats * own as f64).ceil() as usize } else { 0 };
            prop_assert_eq!(queue.iter().filter(|s| s.repeat).count(), wanted, "of {}", own);
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
fn neither_sides_nor_second_looks_follow_from_the_item() {
    let batch = [vec![
        Shape {
            sides: 2,
            gold: false
        };
        60
    ]];
    let (mut turned, mut twice, mut places) = ([0; 60], [0; 60], [0; 54]);
    for seed in 0..400 {
        let plan = Plan {
            annotators: 2,
            overlap: 0.5,
            repeats: 0.2,
            seed,
        };
        // Person 0 sees 30 items with person 1, 15 alone, and 9 of them twice.
        let found = queue(plan, &batch, 0);
        assert_eq!(found.len(), 54);
        for (place, showing) in found.iter().enumerate() {
            if showing.repeat {
                twice[showing.item] += 1;
                places[place] += 1;
            } else {
                turned[showing.item] += if showing.order == [1, 0] { 1 } else { -1 };
            }
        }
    }
    // About 300 looks at each item, half of them turned, and 60 second ones; of places each third or fourth has one.
    // Bounds are five standard deviations of as many independent draws.
    assert!(
        turned.iter().all(|over| i32::abs(*over) <= 87),
        "{turned:?}"
    );
    assert!(
        twice.iter().all(|count| (20..=100).contains(count)),
        "{twice:?}"
    );
    assert!(places[..20].iter().all(|count| *count == 0), "{places:?}");
    assert!(
        places[20..54]
            .iter()
            .all(|count| (50..=190).contains(count)),
        "{places:?}"
    );
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
    // A third of 8,000 alone, two thirds of 2,000 shared, and 5 % of both twice.
    assert_eq!(queue(plan, &[shapes], 2).len(), 2666 + 1333 + 200);
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 10.0, "{seconds} s");
}
