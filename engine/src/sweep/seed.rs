//! The seed of a row.

use crate::study::Fields;
use crate::types::Prompt;

/// The seed of a row, from the sweep's seed and its prompt. It is the same at all points: points
/// then differ by their gates and not by luck, and the differences between them are less noisy.
pub fn row_seed(sweep_seed: u64, prompt: &Prompt) -> u64 {
    let mut fields = Fields::new("paretoscope seed 1");
    fields.whole(sweep_seed);
    fields.prompt(prompt);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&fields.digest()[..8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_follow_prompt_and_sweep() {
        let (a, b) = (Prompt::Text("a".to_owned()), Prompt::Text("b".to_owned()));
        assert_eq!(row_seed(1, &a), row_seed(1, &a));
        assert_ne!(row_seed(1, &a), row_seed(1, &b));
        assert_ne!(row_seed(1, &a), row_seed(2, &a));
    }
}
