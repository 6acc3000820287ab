//! Which token's state a causal body is read at.

use std::path::Path;

use super::{RewardText, TrainedReading};
use crate::Result;

/// The last token, or the last that does not pad.
///
/// `*ForSequenceClassification` of transformers reads the rightmost token that is not `pad_token_id`
/// (`last_non_pad_token` in `modeling_gpt2.py` and in `modeling_layers.py`, `GenericForSequenceClassification`; since
/// early 2025, in 4.x and 5.x), even where that token ends the text because padding and end token are one. A published
/// head has learnt to be read there. Earlier releases took the token before the *first* that pads, which broke on an
/// end token inside a text; that is not followed.
/// Without `pad_token_id`, by safe-rlhf's heads (`LlamaForScore`, which goes by the attention mask), and by the models
/// that were trained here, the last token is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pad: Option<u32>,
}

impl Last {
    /// For a folder whose `config.json` says `pad_token_id`; negative ones are no token.
    pub(super) fn of_folder(folder: &Path, pad: Option<i64>) -> Result<Self> {
        let trained_here = TrainedReading::load(folder)?.is_some();
        Ok(Self {
            pad: pad
                .and_then(|id| u32::try_from(id).ok())
                .filter(|_| !trained_here),
        })
    }

    /// The last token, whatever it is.
    pub(super) const fn token() -> Self {
        Self { pad: None }
    }

    /// Its place; the first one where all pad.
    pub(super) fn place(self, ids: &[u32]) -> usize {
        match self.pad {
            Some(pad) => ids.iter().rposition(|&id| id != pad).unwrap_or(0),
            None => ids.len().saturating_sub(1),
        }
    }

    /// The text up to there: what follows is not seen by a causal body.
    pub(super) fn cut(self, ids: &[u32]) -> &[u32] {
        &ids[..(self.place(ids) + 1).min(ids.len())]
    }

    /// [`Last::cut`] of each text.
    pub(super) fn cut_all(self, texts: &[RewardText]) -> Vec<RewardText> {
        let cut = |text: &RewardText| RewardText {
            ids: self.cut(&text.ids).to_vec(),
        };
        texts.iter().map(cut).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_at_the_end_is_not_read_and_inside_it_is_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let last = |pad| Last::of_folder(folder.path(), pad).unwrap();
        assert_eq!(last(Some(2)).cut(&[1, 2, 3, 2, 2]), [1, 2, 3]);
        assert_eq!(last(Some(2)).cut(&[2, 2]), [2]);
        for pad in [None, Some(-1)] {
            assert_eq!(last(pad).cut(&[1, 2, 2]), [1, 2, 2]);
        }
        let reading = TrainedReading {
            closing_token: 2,
            chat_template: false,
        };
        reading.save(folder.path()).unwrap();
        assert_eq!(last(Some(2)).cut(&[1, 2, 2]), [1, 2, 2]);
    }
}
