//! Which part of the prompts chooses, which tests.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A part of a set of prompts. What was trained or chosen on one part is measured on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trains.
    Train,
    /// Chooses points, strengths, checkpoints.
    Validation,
    /// Measures, and nothing else.
    Test,
}

impl Split {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Its name in files and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// The part of a prompt whose line names none: by what it asks, so that the same question is in the same part in every
/// file and at every place in it. A line's own `split` goes before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRule {
    /// Mixed in, so that other programs' parts by the same hash are other parts.
    pub salt: String,
    /// Of 100, those below it train.
    pub train_below: u8,
    /// Of 100, those below it that do not train choose; the rest tests.
    pub validation_below: u8,
}

impl Default for SplitRule {
    fn default() -> Self {
        Self {
            salt: "paretoscope".to_owned(),
            train_below: 70,
            validation_below: 85,
        }
    }
}

impl SplitRule {
    /// The part of a group of prompts (a topic, a dialogue), or of a prompt that belongs to none: SHA-256 of the salt and
    /// the text mod 100. Case and spacing do not matter.
    pub fn of(&self, group: &str) -> Split {
        let words: Vec<String> = group.split_whitespace().map(str::to_lowercase).collect();
        let digest = Sha256::digest(format!("{}\n{}", self.salt, words.join(" ")).as_bytes());
        // The digest as one number, most significant byte first.
        let share = digest
            .iter()
            .fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % 100);
        if share < u32::from(self.train_below) {
            Split::Train
        } else if share < u32::from(self.validation_below) {
            Split::Validation
        } else {
            Split::Test
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_of(text: &str) -> Split {
        SplitRule::default().of(text)
    }

    /// Shares of `int(hashlib.sha256(b"paretoscope\n" + text).hexdigest(), 16) % 100` in Python: 8, 74 and 83.
    #[test]
    fn parts_are_those_of_the_whole_digest() {
        assert_eq!(split_of("how do i brew tea?"), Split::Train);
        assert_eq!(split_of("what stains a carpet?"), Split::Validation);
        assert_eq!(split_of("why rust?"), Split::Validation);
        let fewer = SplitRule {
            train_below: 8,
            validation_below: 83,
            ..SplitRule::default()
        };
        assert_eq!(fewer.of("how do i brew tea?"), Split::Validation);
        assert_eq!(fewer.of("why rust?"), Split::Test);
    }

    #[test]
    fn spacing_and_case_do_not_matter() {
        assert_eq!(
            split_of("How do I  brew tea?"),
            split_of(" how do i brew TEA?\n")
        );
    }

    #[test]
    fn parts_have_their_shares_and_another_salt_has_others() {
        let mut counts = [0_usize; 3];
        let other = SplitRule {
            salt: "another".to_owned(),
            ..SplitRule::default()
        };
        let mut moved = 0;
        for i in 0..10_000 {
            let text = format!("question {i}");
            counts[split_of(&text) as usize] += 1;
            moved += usize::from(split_of(&text) != other.of(&text));
        }
        for (count, share) in counts.into_iter().zip([0.70, 0.15, 0.15]) {
            // Four standard errors.
            let error = (share * (1.0 - share) / 10_000.0_f64).sqrt();
            assert!(
                (count as f64 / 10_000.0 - share).abs() < 4.0 * error,
                "{counts:?}"
            );
        }
        assert!(moved > 4000, "{moved}");
    }
}
