//! What a protocol names beforehand: arms with their settings, what each may cost, which are compared.

use serde::{Deserialize, Serialize};

fn yes() -> bool {
    true
}

/// One way to make or to use models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmPlan {
    /// Its name in files and sentences.
    pub name: String,
    /// What it is, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Whether it was trained once per seed. One that was not is measured once, and stands beside every seed of another.
    #[serde(default = "yes")]
    pub trained: bool,
    /// What is tried on validation; each arm has its own.
    pub settings: Vec<Setting>,
    /// What it may spend.
    #[serde(default)]
    pub budget: Budget,
}

/// A setting that validation chooses among: a largest weight C, a rescale, a rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name, e.g. `C=0.6`.
    pub name: String,
    /// What is smaller is taken where validation cannot tell it from the best.
    pub size: f64,
}

/// What an arm spends. Two arms whose spending differs are value against cost, not a difference of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Preference pairs that it is trained on.
    pub pairs: u64,
    /// Training steps.
    pub steps: u64,
    /// Tokens that went through a model in training.
    pub training_tokens: u64,
    /// Trainings whose settings were tried.
    pub trials: u64,
    /// Prompts that a policy learns on.
    pub prompts: u64,
    /// New tokens of an answer, at most.
    pub token_cap: u64,
}

impl Budget {
    /// What there is to spend, in order; the last are the answers that choosing took, which are counted, not planned.
    /// Points are not among them: larger grids are thinned.
    pub const ITEMS: [&str; 7] = [
        "pairs",
        "steps",
        "training tokens",
        "trials",
        "prompts",
        "token cap",
        Self::CHOOSING,
    ];
    /// The answers that choosing took, among [`Budget::ITEMS`].
    pub const CHOOSING: &str = "choosing";

    fn spent(&self) -> [u64; 6] {
        [
            self.pairs,
            self.steps,
            self.training_tokens,
            self.trials,
            self.prompts,
            self.token_cap,
        ]
    }

    /// What two plan to spend differently.
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let pairs = self.spent().into_iter().zip(other.spent());
        let items = Self::ITEMS.into_iter().zip(pairs);
        items
            .filter(|(_, (one, other))| one != other)
            .map(|(item, _)| item)
            .collect()
    }
}

/// Two arms that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastPlan {
    /// The table that it stands in. Holm's rule holds over the primary contrasts of a table.
    pub table: String,
    /// The arm that something may be claimed for.
    pub a: String,
    /// The rival.
    pub b: String,
    /// Whether it was named as one that decides; the others explore.
    #[serde(default = "yes")]
    pub primary: bool,
    /// Arms that `a` must beat as well before it is called better, each by a primary contrast of this table: what else
    /// could explain the difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// What the two may spend differently, since that is what is compared: some of [`Budget::ITEMS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs_in: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_differently_is_named() {
        let one = Budget {
            pairs: 100,
            token_cap: 48,
            ..Budget::default()
        };
        let other = Budget {
            token_cap: 96,
            steps: 7,
            ..one
        };
        assert_eq!(one.differing(&other), ["steps", "token cap"]);
        assert!(one.differing(&one).is_empty());
    }

    #[test]
    fn what_is_usual_may_be_left_out() {
        let plan: ArmPlan =
            serde_json::from_str(r#"{"name": "mva", "settings": [{"name": "C=1", "size": 1}]}"#)
                .unwrap();
        assert!(plan.trained && plan.budget == Budget::default());
        let plan: ContrastPlan =
            serde_json::from_str(r#"{"table": "E5", "a": "mva", "b": "plain"}"#).unwrap();
        assert!(plan.primary && plan.controls.is_empty());
        assert!(serde_json::from_str::<Budget>(r#"{"pair": 1}"#).is_err());
    }
}
