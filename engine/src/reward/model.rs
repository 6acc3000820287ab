//! What every reward architecture offers.

use std::fmt::Debug;

use crate::Result;

/// A text as a reward model reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardText {
    /// Token ids, at least one, special tokens included.
    pub ids: Vec<u32>,
}

/// A network that gives one or more numbers (logits) for a whole text.
///
/// Causal bodies read the last token's state, encoders the first's, encoder-decoders the last end
/// token's: that is theirs to know. Every implementation keeps the texts of a batch apart, so that
/// a text's logits do not depend on its company.
pub trait RewardModel: Debug + Send + Sync {
    /// The architecture, e.g. `gpt2`.
    fn kind(&self) -> &'static str;

    /// Logits per text.
    fn outputs(&self) -> usize;

    /// Tokens of its vocabulary.
    fn vocabulary(&self) -> usize;

    /// Tokens that a text may have.
    fn context(&self) -> usize;

    /// The field of `config.json` that bounds [`RewardModel::context`].
    fn context_from(&self) -> &'static str {
        "max_position_embeddings"
    }

    /// What a person should know of it beside its scores.
    fn warning(&self) -> Option<String> {
        None
    }

    /// Place of the token whose state is scored.
    fn reads_at(&self, _ids: &[u32]) -> usize {
        0
    }

    /// Multiply-adds that scoring one text of so many tokens takes at the least, embeddings, norms
    /// and activations left out.
    fn multiply_adds(&self, tokens: usize) -> u64;

    /// Refuses a text that this architecture cannot read, though its length and ids are right.
    fn check(&self, _text: &RewardText) -> Result<()> {
        Ok(())
    }

    /// All logits of each text, raw. Texts have at least one and at most
    /// [`RewardModel::context`] ids, all inside the vocabulary.
    fn score(&self, texts: &[RewardText]) -> Result<Vec<Vec<f32>>>;
}
