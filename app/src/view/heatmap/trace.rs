//! What the heatmap is given, checked before anything is drawn: text, tokens and gates must agree.

use std::ops::Range;

use paretoscope_core::types::TokenPiece;

/// A run's text with the gates behind it. Borrowed; while a run streams it only grows.
#[derive(Debug, Clone, Copy)]
pub struct TokenTrace<'a> {
    /// Names the run: another key, another run.
    pub key: u64,
    /// The answer so far.
    pub text: &'a str,
    /// Its tokens so far.
    pub pieces: &'a [TokenPiece],
    /// Paths of the adapted modules, in order of execution.
    pub sites: &'a [String],
    /// Names of the adapters.
    pub adapters: &'a [String],
    /// How many of them are LoRA experts; the others are value vectors.
    pub experts: usize,
    /// Shape `[tokens, sites, adapters]`, row-major.
    pub values: &'a [f32],
    /// Whether more tokens are to come.
    pub streams: bool,
}

/// One or more tokens that show as one piece of text: several where only together they form a character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Tokens.
    pub tokens: Range<usize>,
    /// Bytes of the text; empty for tokens at the end that have not formed a character yet.
    pub bytes: Range<usize>,
}

/// Why text, tokens and gates do not belong together. Nothing is drawn then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The gates are not whole tokens.
    #[error(
        "the routing trace has {values} numbers, which is not a multiple of {sites} modules × {adapters} adapters"
    )]
    Ragged {
        /// Numbers.
        values: usize,
        /// Modules.
        sites: usize,
        /// Adapters.
        adapters: usize,
    },
    /// Another number of tokens in the trace than in the answer.
    #[error("the routing trace has {traced} tokens, the answer has {tokens}")]
    Tokens {
        /// Tokens in the trace.
        traced: usize,
        /// Tokens in the answer.
        tokens: usize,
    },
    /// A token does not begin where the one before it ended.
    #[error("token {token} begins at byte {start}, but the tokens before it end at byte {end}")]
    Gap {
        /// The token.
        token: usize,
        /// Where it begins.
        start: usize,
        /// Where the ones before it end.
        end: usize,
    },
    /// A token ends inside a character or beyond the text.
    #[error(
        "token {token} ends at byte {end}, which is no character boundary of a text of {bytes} bytes"
    )]
    Boundary {
        /// The token.
        token: usize,
        /// Where it ends.
        end: usize,
        /// Bytes of the text.
        bytes: usize,
    },
    /// The tokens cover another number of bytes than the text has.
    #[error("the tokens cover {covered} bytes, the text has {bytes}")]
    Bytes {
        /// Bytes covered by tokens.
        covered: usize,
        /// Bytes of the text.
        bytes: usize,
    },
}

/// The cells of an answer, in order; their bytes joined are the text.
pub fn cells(trace: &TokenTrace<'_>) -> Result<Vec<Cell>, Mismatch> {
    let stride = trace.sites.len() * trace.adapters.len();
    if stride == 0 || !trace.values.len().is_multiple_of(stride) {
        return Err(Mismatch::Ragged {
            values: trace.values.len(),
            sites: trace.sites.len(),
            adapters: trace.adapters.len(),
        });
    }
    let traced = trace.values.len() / stride;
    if traced != trace.pieces.len() {
        return Err(Mismatch::Tokens {
            traced,
            tokens: trace.pieces.len(),
        });
    }
    let bytes = trace.text.len();
    let mut cells = Vec::with_capacity(trace.pieces.len());
    let mut end = 0;
    let mut first = 0;
    for (token, piece) in trace.pieces.iter().enumerate() {
        if piece.start != end {
            return Err(Mismatch::Gap {
                token,
                start: piece.start,
                end,
            });
        }
        if piece.end < piece.start || !trace.text.is_char_boundary(piece.end) {
            return Err(Mismatch::Boundary {
                token,
                end: piece.end,
                bytes,
            });
        }
        end = piece.end;
        if piece.end > piece.start {
            cells.push(Cell {
                tokens: first..token + 1,
                bytes: piece.start..piece.end,
            });
            first = token + 1;
        }
    }
    if end != bytes {
        return Err(Mismatch::Bytes {
            covered: end,
            bytes,
        });
    }
    if first < trace.pieces.len() {
        cells.push(Cell {
            tokens: first..trace.pieces.len(),
            bytes: end..end,
        });
    }
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(ends: &[usize]) -> Vec<TokenPiece> {
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts
            .zip(ends)
            .map(|(start, &end)| TokenPiece { id: 0, start, end })
            .collect()
    }

    fn check(text: &str, pieces: &[TokenPiece], traced: usize) -> Result<Vec<Cell>, Mismatch> {
        let (sites, adapters) = (vec!["q".to_owned()], vec!["a".to_owned(), "b".to_owned()]);
        let values = vec![0.5; 2 * traced];
        cells(&TokenTrace {
            key: 0,
            text,
            pieces,
            sites: &sites,
            adapters: &adapters,
            experts: 2,
            values: &values,
            streams: false,
        })
    }

    #[test]
    fn three_tokens_of_one_character_are_one_cell() {
        let text = "a🦜b";
        let cells = check(text, &pieces(&[1, 1, 1, 5, 6]), 5).unwrap();
        assert_eq!(cells.len(), 3);
        assert_eq!(
            cells[1],
            Cell {
                tokens: 1..4,
                bytes: 1..5
            }
        );
    }

    #[test]
    fn tokens_without_text_yet_come_last() {
        let cells = check("a", &pieces(&[1, 1, 1]), 3).unwrap();
        assert_eq!(
            cells[1],
            Cell {
                tokens: 1..3,
                bytes: 1..1
            }
        );
    }

    #[test]
    fn what_does_not_agree_is_refused_with_both_numbers() {
        assert_eq!(
            check("ab", &pieces(&[1, 2]), 3),
            Err(Mismatch::Tokens {
                traced: 3,
                tokens: 2
            })
        );
        assert_eq!(
            check("abc", &pieces(&[1, 2]), 2),
            Err(Mismatch::Bytes {
                covered: 2,
                bytes: 3
            })
        );
        assert_eq!(
            check("é", &pieces(&[1, 2]), 2),
            Err(Mismatch::Boundary {
                token: 0,
                end: 1,
                bytes: 2
            })
        );
        assert_eq!(
            check("a", &pieces(&[9]), 1),
            Err(Mismatch::Boundary {
                token: 0,
                end: 9,
                bytes: 1
            })
        );
        let gap = [
            TokenPiece {
                id: 0,
                start: 0,
                end: 1,
            },
            TokenPiece {
                id: 0,
                start: 2,
                end: 3,
            },
        ];
        assert_eq!(
            check("abc", &gap, 2),
            Err(Mismatch::Gap {
                token: 1,
                start: 2,
                end: 1
            })
        );
        let message = Mismatch::Tokens {
            traced: 3,
            tokens: 2,
        }
        .to_string();
        assert_eq!(message, "the routing trace has 3 tokens, the answer has 2");
    }

    proptest! {
        /// However a text is cut into tokens, its cells joined are its bytes, and every token is in one cell.
        #[test]
        fn cells_joined_are_the_text(text in "[a-z\\n\\t é漢🦜]{0,40}", cuts in prop::collection::vec(0_usize..120, 0..40)) {
            let mut ends: Vec<usize> = cuts
                .into_iter()
                .map(|cut| (0..=cut.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0))
                .collect();
            ends.push(text.len());
            ends.sort_unstable();
            let pieces = pieces(&ends);
            let cells = check(&text, &pieces, pieces.len()).unwrap();
            let joined: String = cells.iter().map(|cell| &text[cell.bytes.clone()]).collect();
            prop_assert_eq!(joined, text);
            let tokens: Vec<usize> = cells.iter().flat_map(|cell| cell.tokens.clone()).collect();
            prop_assert_eq!(tokens, (0..pieces.len()).collect::<Vec<_>>());
        }
    }
}
