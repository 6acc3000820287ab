//! What an evidence run of the demonstration is trained on, once per seed: value vectors under each penalty, and the router.
//!
//! The first value vector is plain, and the same in every arm: there is nothing that it could be held apart from.

use std::path::{Path, PathBuf};

use super::levels::Objective;
use paretoscope_engine::types::{PenaltyConfig, PenaltyKind, Strength};

/// A set of value vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// As the tables of an evidence run call it.
    pub name: &'static str,
    penalty: PenaltyKind,
    shuffled: bool,
}

/// DPO alone.
pub const PLAIN: Control = Control::of("plain", PenaltyKind::None);

/// MVA's own first, then its controls.
pub const CONTROLS: [Control; 5] = [
    Control::of("mva", PenaltyKind::HsicUnbiased),
    PLAIN,
    Control::of("biased", PenaltyKind::HsicNormalised),
    Control::of("decay", PenaltyKind::WeightDecay),
    Control {
        shuffled: true,
        ..Control::of("shuffled", PenaltyKind::HsicUnbiased)
    },
];

impl Control {
    const fn of(name: &'static str, penalty: PenaltyKind) -> Self {
        Self {
            name,
            penalty,
            shuffled: false,
        }
    }

    /// The penalty of its second and third vector. `alpha` is the recipe's, of the form that ships.
    pub fn penalty(self, alpha: f64) -> PenaltyConfig {
        let usual = PenaltyConfig::of(self.penalty);
        PenaltyConfig {
            alpha: match self.penalty {
                PenaltyKind::HsicNormalised => Strength::Alpha(alpha),
                _ => usual.alpha,
            },
            shuffled: self.shuffled,
            ..usual
        }
    }

    /// The folder of its vector for an objective, below that of all sets.
    pub fn place(self, objective: Objective) -> PathBuf {
        let set = if objective.index() == 0 { PLAIN } else { self };
        Path::new("values").join(set.name).join(objective.name())
    }

    /// What its vector for an objective is held apart from: those before it.
    pub fn before(self, objective: Objective) -> Vec<PathBuf> {
        let before = Objective::ALL.into_iter().take(objective.index());
        before.map(|earlier| self.place(earlier)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_begins_with_the_plain_vector_and_has_the_others_of_its_own() {
        let [first, second, third] = Objective::ALL;
        for control in CONTROLS {
            assert_eq!(control.place(first), Path::new("values/plain/helpful"));
            assert!(
                control
                    .place(second)
                    .starts_with(Path::new("values").join(control.name))
            );
            assert_eq!(
                control.before(third),
                [control.place(first), control.place(second)]
            );
            assert!(control.before(first).is_empty());
        }
        let names: std::collections::BTreeSet<_> = CONTROLS.map(|c| c.name).into();
        assert_eq!(names.len(), CONTROLS.len());
    }
}
