//! A growing answer: tokens become text, and a stop string ends it.

use super::{StopScanner, TokenStream};
use crate::types::TokenPiece;

/// What a token brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Text that can be shown now: whole characters, no part of a stop string. Often empty.
    pub text: String,
    /// Whether a stop string came; the answer ends before it.
    pub stopped: bool,
}

/// The text side of one row: a [`TokenStream`] and a [`StopScanner`] over it.
#[derive(Debug, Clone)]
pub struct AnswerStream {
    tokens: TokenStream,
    stops: StopScanner,
    shown: usize,
    stopped: bool,
}

impl AnswerStream {
    /// An empty answer.
    pub fn new(tokens: TokenStream, stops: &[String]) -> Self {
        Self {
            tokens,
            stops: StopScanner::new(stops),
            shown: 0,
            stopped: false,
        }
    }

    /// Takes the next id.
    pub fn push(&mut self, id: u32) -> Step {
        let text = self.tokens.push(id);
        self.scan(text.as_deref())
    }

    /// Gives what was held back: an incomplete character, or the beginning of a stop string.
    pub fn finish(&mut self) -> Step {
        let text = self.tokens.finish();
        let mut step = self.scan(text.as_deref());
        if !step.stopped {
            let rest = self.stops.finish();
            self.shown += rest.len();
            step.text.push_str(&rest);
        }
        step
    }

    /// Tokens so far, whether or not their text can be shown.
    pub fn len(&self) -> usize {
        self.tokens.ids().len()
    }

    /// Whether no token came yet.
    pub fn is_empty(&self) -> bool {
        self.tokens.ids().is_empty()
    }

    /// The text that was given out so far.
    pub fn text(&self) -> &str {
        &self.tokens.text()[..self.shown]
    }

    /// The leading tokens whose text was given out in whole.
    pub fn pieces(&self) -> &[TokenPiece] {
        let pieces = self.tokens.pieces();
        &pieces[..pieces.partition_point(|piece| piece.end <= self.shown)]
    }

    /// The answer and its tokens, after [`AnswerStream::finish`]. After a stop string, tokens behind
    /// its beginning are dropped and one that it cuts keeps what is before.
    pub fn into_parts(self) -> (String, Vec<TokenPiece>) {
        let (mut text, mut pieces) = self.tokens.into_parts();
        if self.stopped {
            text.truncate(self.shown);
            pieces.truncate(pieces.partition_point(|piece| piece.start < self.shown));
            if let Some(last) = pieces.last_mut() {
                last.end = last.end.min(self.shown);
            }
        }
        (text, pieces)
    }

    fn scan(&mut self, text: Option<&str>) -> Step {
        let scan = self.stops.push(text.unwrap_or_default());
        self.shown += scan.text.len();
        self.stopped |= scan.stopped;
        Step {
            text: scan.text,
            stopped: self.stopped,
        }
    }
}
