//! An answer on the stage: how it came, and what of it is there.

use paretoscope_core::types::{Mutes, Point};

use super::{Pace, Tag};
use crate::state::RunEntry;

/// How an answer came onto the stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum How {
    /// The engine makes it, or made it, on stage.
    Live,
    /// It comes as it was recorded, so many times as fast.
    Replay {
        /// 1 is the recorded speed.
        times: f64,
    },
    /// It was recorded, and stands there.
    Recorded,
}

/// An answer on the stage.
#[derive(Debug, Clone)]
pub struct StageAnswer {
    /// The answer: all of it where it was recorded, what is there where it is made.
    pub run: RunEntry,
    /// How it came.
    pub how: How,
    /// When it began to come, in seconds of the window.
    pub begun: f64,
    /// When its tokens come, where it is replayed.
    pub pace: Option<Pace>,
}

impl StageAnswer {
    /// Tokens that are there.
    pub fn tokens(&self, now: f64) -> usize {
        match &self.pace {
            Some(pace) => pace.tokens(now - self.begun).min(self.run.tokens.len()),
            None => self.run.tokens.len(),
        }
    }

    /// The text that is there.
    pub fn text(&self, now: f64) -> &str {
        let text = self.run.text.as_str();
        if self.pace.is_none() || self.run.tokens.is_empty() {
            return text;
        }
        let end = self.tokens(now).checked_sub(1);
        let end = end.map_or(0, |last| self.run.tokens[last].end);
        // A token may end within a character.
        text.get(..end).unwrap_or_else(|| {
            let mut ends = (0..=end.min(text.len())).rev();
            let end = ends.find(|at| text.is_char_boundary(*at));
            &text[..end.unwrap_or(0)]
        })
    }

    /// Whether more of it is to come.
    pub fn comes(&self, now: f64) -> bool {
        match &self.pace {
            Some(pace) => now - self.begun < pace.whole(),
            None => self.run.phase.is_running(),
        }
    }

    /// The point under which its next token comes.
    pub fn point(&self, now: f64) -> &Point {
        self.run.point_at(self.tokens(now))
    }

    /// What was silenced at any time of what is there.
    pub fn mutes(&self, now: f64) -> Option<&Mutes> {
        let there = self.tokens(now);
        let mut marks = self.run.steering.mutes.iter().rev();
        let silent = marks.find(|(token, mutes)| *token <= there && !mutes.is_empty());
        silent.map(|(_, mutes)| mutes)
    }

    /// What has to be said of it.
    pub fn tags(&self, now: f64) -> Vec<Tag> {
        let mut tags = vec![match self.how {
            How::Live => Tag::Live,
            How::Replay { times } => Tag::Replay(times),
            How::Recorded => Tag::Recorded,
        }];
        if let Some(mutes) = self.mutes(now) {
            let words = mutes.in_words(|channel| self.run.bundle.channel_name(channel));
            tags.push(Tag::Ablated(words.unwrap_or_default()));
        }
        tags
    }
}
