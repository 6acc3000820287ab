//! What may be said of a contrast.

use serde::{Deserialize, Serialize};

/// What the numbers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The first has more, by Holm's rule and at every margin.
    Ahead,
    /// The second has.
    Behind,
    /// The first has more at one margin, and the second at another, each by Holm's rule.
    Turns,
    /// Neither.
    NotShown,
    /// The two spent differently in what is not compared: no difference is told.
    ValueAgainstCost,
}

/// Why what is ahead is not called better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reservation {
    /// It was trained once, and another run may differ by more.
    OneRun,
    /// There are fewer training runs than the protocol asks for.
    FewSeeds {
        /// As there are.
        seeds: usize,
        /// As it must be.
        least: usize,
    },
    /// It was not named beforehand as one that decides.
    Exploratory,
    /// A control arm, which could explain the difference, is not beaten.
    Control {
        /// Which.
        name: String,
    },
}

/// What may be said of a contrast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the numbers say.
    pub finding: Finding,
    /// Whether the difference is within what was named beforehand as none, at every margin, whatever else is shown.
    pub equivalent: bool,
    /// Why it is not called better, or worse.
    pub reservations: Vec<Reservation>,
}

impl Verdict {
    /// Whether the first may be called better: ahead by Holm's rule at every margin, with enough training runs, every
    /// control beaten, and named beforehand.
    pub fn is_better(&self) -> bool {
        self.finding == Finding::Ahead && self.reservations.is_empty()
    }

    /// Whether the first may be called worse.
    pub fn is_worse(&self) -> bool {
        self.finding == Finding::Behind && self.reservations.is_empty()
    }

    /// In a word or two, for a table.
    pub fn call(&self) -> &'static str {
        match (self.finding, self.reservations.is_empty()) {
            (Finding::Ahead, true) => "better",
            (Finding::Behind, true) => "worse",
            (Finding::Ahead, false) => "ahead, not called better",
            (Finding::Behind, false) => "behind, not called worse",
            (Finding::Turns, _) => "turns with the reference",
            (Finding::NotShown, _) if self.equivalent => "equivalent",
            (Finding::NotShown, _) => "not shown",
            (Finding::ValueAgainstCost, _) => "value against cost",
        }
    }
}

/// What a verdict follows from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grounds<'a> {
    /// The difference at each margin.
    pub(super) differences: Vec<f64>,
    /// Whether it is off 0 at every margin, by Holm's rule where the contrast is primary.
    pub(super) shown: bool,
    /// Whether it is within what counts as none, at every margin.
    pub(super) equivalent: bool,
    /// What the arms spent differently and should not have.
    pub(super) unequal: &'a [String],
    pub(super) seeds: usize,
    pub(super) least: usize,
    pub(super) primary: bool,
}

/// The verdict before controls, which are contrasts themselves, are looked at.
pub(super) fn verdict(grounds: &Grounds<'_>) -> Verdict {
    let all = |is: fn(&f64) -> bool| grounds.differences.iter().all(is);
    let finding = if !grounds.unequal.is_empty() {
        Finding::ValueAgainstCost
    } else if !grounds.shown {
        Finding::NotShown
    } else if all(|difference| *difference > 0.0) {
        Finding::Ahead
    } else if all(|difference| *difference < 0.0) {
        Finding::Behind
    } else {
        Finding::Turns
    };
    let mut reservations = Vec::new();
    if matches!(finding, Finding::Ahead | Finding::Behind) {
        if grounds.seeds == 1 {
            reservations.push(Reservation::OneRun);
        } else if grounds.seeds < grounds.least {
            reservations.push(Reservation::FewSeeds {
                seeds: grounds.seeds,
                least: grounds.least,
            });
        }
        if !grounds.primary {
            reservations.push(Reservation::Exploratory);
        }
    }
    Verdict {
        finding,
        equivalent: grounds.equivalent && grounds.unequal.is_empty(),
        reservations,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grounds(differences: &[f64]) -> Grounds<'static> {
        Grounds {
            differences: differences.to_vec(),
            shown: true,
            equivalent: false,
            unequal: &[],
            seeds: 5,
            least: 3,
            primary: true,
        }
    }

    #[test]
    fn better_takes_one_sign_at_every_margin() {
        let found = verdict(&grounds(&[0.1, 0.2]));
        assert!(found.is_better() && found.call() == "better");
        let found = verdict(&grounds(&[-0.1, -0.2]));
        assert!(found.is_worse() && found.call() == "worse");
        let found = verdict(&grounds(&[-0.1, 0.2]));
        assert_eq!(found.finding, Finding::Turns);
        assert!(!found.is_better() && !found.is_worse());
    }

    #[test]
    fn what_is_not_shown_may_be_equivalent_and_what_is_shown_may_be_small() {
        let one = Grounds {
            shown: false,
            ..grounds(&[0.1, 0.2])
        };
        assert_eq!(verdict(&one).call(), "not shown");
        let same = Grounds {
            equivalent: true,
            ..one
        };
        assert_eq!(verdict(&same).call(), "equivalent");
        let small = Grounds {
            shown: true,
            ..same
        };
        assert!(verdict(&small).is_better() && verdict(&small).equivalent);
    }

    #[test]
    fn what_keeps_it_from_better_is_said() {
        let of = |seeds: usize, primary: bool| {
            let one = Grounds {
                seeds,
                primary,
                ..grounds(&[0.1, 0.2])
            };
            verdict(&one)
        };
        assert_eq!(of(1, true).reservations, [Reservation::OneRun]);
        assert_eq!(
            of(2, false).reservations,
            [
                Reservation::FewSeeds { seeds: 2, least: 3 },
                Reservation::Exploratory
            ]
        );
        assert_eq!(of(1, true).call(), "ahead, not called better");
        let cost = ["pairs".to_owned()];
        let unequal = Grounds {
            unequal: &cost,
            equivalent: true,
            ..grounds(&[0.1, 0.2])
        };
        let found = verdict(&unequal);
        assert_eq!(
            (found.call(), found.equivalent),
            ("value against cost", false)
        );
    }
}
