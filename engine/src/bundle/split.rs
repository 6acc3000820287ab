//! The part of a prompt whose line names none: by what it asks, so that the same question is in the same part in every
//! file and at every place in it.

use sha2::{Digest as _, Sha256};

use crate::types::Split;

/// Mixed in, so that other programs' parts by the same hash are other parts.
const SALT: &str = "paretoscope";

/// The part of a group of prompts: SHA-256 of the salt and `group` (a topic, or the prompt itself) mod 100; below 70
/// trains, below 85 chooses, the rest tests. Case and spacing do not matter.
pub(super) fn split_of(group: &str) -> Split {
    let words: Vec<String> = group.split_whitespace().map(str::to_lowercase).collect();
    let digest = Sha256::digest(format!("{SALT}\n{}", words.join(" ")).as_bytes());
    // The digest as one number, most significant byte first.
    let share = digest
        .iter()
        .fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % 100);
    match share {
        0..70 => Split::Train,
        70..85 => Split::Validation,
        _ => Split::Test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares of `int(hashlib.sha256(b"paretoscope\n" + text).hexdigest(), 16) % 100` in Python: 8, 74 and 83.
    #[test]
    fn parts_are_those_of_the_whole_digest() {
        assert_eq!(split_of("how do i brew tea?"), Split::Train);
        assert_eq!(split_of("what stains a carpet?"), Split::Validation);
        assert_eq!(split_of("why rust?"), Split::Validation);
    }

    #[test]
    fn spacing_and_case_do_not_matter() {
        assert_eq!(
            split_of("How do I  brew tea?"),
            split_of(" how do i brew TEA?\n")
        );
    }

    #[test]
    fn parts_have_their_shares() {
        let mut counts = [0_usize; 3];
        for i in 0..10_000 {
            counts[split_of(&format!("question {i}")) as usize] += 1;
        }
        for (count, share) in counts.into_iter().zip([0.70, 0.15, 0.15]) {
            // Four standard errors.
            let error = (share * (1.0 - share) / 10_000.0_f64).sqrt();
            assert!(
                (count as f64 / 10_000.0 - share).abs() < 4.0 * error,
                "{counts:?}"
            );
        }
    }
}
