//! Sentences by their letters.

use super::super::verdict::Verdict;
use super::super::world::protocol;
use super::super::{Beside, Differing};
use super::*;
use crate::stats::Covered;

fn number(value: f64, half: f64) -> Trained {
    Trained {
        value,
        low: value - half,
        high: value + half,
        error: half / 2.0,
        freedom: Some(40.0),
        seeds: 5,
        groups: 159,
    }
}

fn told(finding: Finding, by: f64) -> Contrast {
    let at = |margin: f64, level: f64| AtMargin {
        margin,
        a: number(level + by, 0.02),
        b: number(level, 0.02),
        difference: number(by, 0.01),
        asked: [by - 0.012, by + 0.012],
        delta: 0.0098,
    };
    let covered = Covered {
        share: 0.5,
        surely: 0.25,
        possibly: 0.75,
        points: 12,
    };
    Contrast {
        table: "E5".to_owned(),
        a: "mva".to_owned(),
        b: "plain".to_owned(),
        primary: true,
        settings: ["C=0.6".to_owned(), "C=0.4".to_owned()],
        points: [12, 12],
        grids: [15, 15],
        volumes: vec![at(0.1, 0.488), at(0.5, 0.6)],
        p: 0.002,
        p_holm: Some(0.004),
        family: 2,
        beside: Beside {
            epsilon: [number(0.1, 0.01); 2],
            epsilon_ratio: None,
            igd_plus: number(-0.012, 0.008),
            r2: number(-0.003, 0.004),
            coverage: [covered; 2],
            corners: Vec::new(),
        },
        differing: Differing { points: 12, of: 12 },
        unequal: Vec::new(),
        verdict: Verdict {
            finding,
            equivalent: false,
            reservations: Vec::new(),
        },
        sentence: String::new(),
    }
}

const SEEN: Seen = Seen {
    seeds: 5,
    groups: 159,
    reading: 1,
    chosen_on: Split::Validation,
};

#[test]
fn better_names_everything_that_it_rests_on() {
    let words = sentence(&protocol(), &SEEN, &told(Finding::Ahead, 0.024));
    assert_eq!(
        words,
        "mva is better than plain in hypervolume on test prompts, by grader: \
        0.512 against 0.488, +0.024 (95 % by Holm +0.012 to +0.036) from -0.1 and \
        0.624 against 0.600, +0.024 (95 % by Holm +0.012 to +0.036) from -0.5; \
        over 5 training seeds and 159 groups of prompts; C=0.6 against C=0.4, each chosen on validation; \
        12 points each (the fronts of grids of 15; 12 of 12 differ); \
        IGD+ -0.012 (-0.020 to -0.004) and R2 -0.003 (-0.007 to +0.001), where less is better; \
        p 0.004 by Holm's rule over 2. Made by `paretoscope-engine evidence`."
    );
    let words = sentence(&protocol(), &SEEN, &told(Finding::Behind, -0.024));
    assert!(
        words.starts_with("mva is worse than plain in hypervolume on test prompts"),
        "{words}"
    );
}

#[test]
fn nulls_are_told_in_the_same_words() {
    let mut null = told(Finding::NotShown, 0.003);
    null.p_holm = Some(0.6);
    let words = sentence(&protocol(), &SEEN, &null);
    assert!(
        words.starts_with("No difference between mva and plain is shown in hypervolume on test prompts, by grader: 0.491 against 0.488, +0.003 (95 % by Holm -0.009 to +0.015) from -0.1"),
        "{words}"
    );
    null.verdict.equivalent = true;
    let words = sentence(&protocol(), &SEEN, &null);
    assert!(
        words.starts_with("mva and plain are equivalent in hypervolume"),
        "{words}"
    );
    assert!(
        words.contains("; 90 % -0.005 to +0.011 within ±0.01 and "),
        "{words}"
    );
    assert!(
        words.contains("the 2 % of plain's volume that was settled beforehand as no difference"),
        "{words}"
    );
    assert_eq!(table_row(&null)[8], "equivalent");
    assert_eq!(table_row(&told(Finding::Ahead, 0.024))[8], "better");
}

#[test]
fn one_run_says_so_first() {
    let mut once = told(Finding::Ahead, 0.024);
    once.verdict.reservations = vec![Reservation::OneRun];
    let alone = Seen { seeds: 1, ..SEEN };
    let words = sentence(&protocol(), &alone, &once);
    assert!(
        words.starts_with("In one run: mva is ahead of plain in hypervolume"),
        "{words}"
    );
    assert!(
        words.contains("; over 159 groups of prompts, of this training run;"),
        "{words}"
    );
    assert!(
        words.contains("; not called better: another training run may differ by more."),
        "{words}"
    );
}

#[test]
fn what_is_less_than_it_seems_is_said() {
    let mut part = told(Finding::Ahead, 0.024);
    part.differing.points = 1;
    part.points = [12, 9];
    part.grids = [27, 15];
    part.primary = false;
    part.p_holm = None;
    part.verdict.reservations = vec![
        Reservation::FewSeeds { seeds: 2, least: 3 },
        Reservation::Exploratory,
        Reservation::Control {
            name: "decay".to_owned(),
        },
    ];
    let mut under = protocol();
    under.test_is = "other phrasings of topics that were trained on".to_owned();
    under.quick = true;
    let again = Seen { reading: 2, ..SEEN };
    let words = sentence(&under, &again, &part);
    for want in [
        "12 and 9 points (the fronts of grids of 27 and 15, the larger thinned to 15; 1 of 12 differ, so nothing is said of a whole front)",
        "+0.024 (95 % +0.012 to +0.036) from -0.1",
        "; p 0.002, exploratory;",
        "; not called better: 2 training seeds of the 3 that it takes, it was not named beforehand, the control decay is not beaten;",
        "; the test is other phrasings of topics that were trained on;",
        "; the test was read before: this is reading 2;",
        "; a quick run, not to be quoted. Made by",
    ] {
        assert!(words.contains(want), "{want}: {words}");
    }
    assert_eq!(table_row(&part)[0], "mva against plain (exploratory)");
}

#[test]
fn value_against_cost_tells_no_difference() {
    let mut cost = told(Finding::ValueAgainstCost, 0.024);
    cost.unequal = vec!["pairs".to_owned(), "training tokens".to_owned()];
    let words = sentence(&protocol(), &SEEN, &cost);
    assert!(
        words.starts_with("mva and plain spend differently (pairs, training tokens), so their hypervolumes are value against cost and no difference is told on test prompts, by grader: 0.512 against 0.488 from -0.1"),
        "{words}"
    );
    for never in ["95 %", "p 0", "+0.024"] {
        assert!(!words.contains(never), "{never}: {words}");
    }
    assert_eq!(table_row(&cost)[3], "-");
    let words = sentence(&protocol(), &SEEN, &told(Finding::Turns, 0.0));
    assert!(
        words.starts_with("Which of mva and plain has more hypervolume turns with the reference"),
        "{words}"
    );
}

#[test]
fn a_row_has_a_cell_for_each_column() {
    let row = table_row(&told(Finding::Ahead, 0.024));
    assert_eq!(row.len(), TABLE_HEAD.len());
    assert_eq!(row[2], "0.512 against 0.488; 0.624 against 0.600");
    assert_eq!(
        row[3],
        "+0.024 (+0.012 to +0.036) from -0.1; +0.024 (+0.012 to +0.036) from -0.5"
    );
    assert_eq!(row[6], "25 % / 25 %");
    assert_eq!(row[7], "12 of 12");
}
