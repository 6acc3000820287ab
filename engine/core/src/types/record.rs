//! What is kept of a row that ran: the one record that every panel and export reads.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Finish, Given, Key, Point, Prompt, RowGates, Sampling, Scores, Steering};

/// A token and the bytes of the text that it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPiece {
    /// The id.
    pub id: u32,
    /// Bytes `start..end` of [`Run::text`]; empty while a character is still incomplete, in which
    /// case the token that completes it holds them all.
    pub start: usize,
    /// See `start`.
    pub end: usize,
}

/// The gates that were really applied, as the forward pass tapped them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRecord {
    /// Paths of the adapted modules, in order of execution.
    pub sites: Arc<Vec<String>>,
    /// Names of the bank's adapters.
    pub adapters: Arc<Vec<String>>,
    /// Shape `[tokens, sites, adapters]`, row-major. Entry `t` is the forward pass that chose new token `t`.
    pub values: Vec<f32>,
}

impl GateRecord {
    /// Tokens recorded.
    pub fn tokens(&self) -> usize {
        let stride = self.sites.len() * self.adapters.len();
        self.values.len().checked_div(stride).unwrap_or(0)
    }

    /// Mean gate of each adapter over all tokens and modules; empty for an empty record.
    pub fn mean(&self) -> Vec<f32> {
        let width = self.adapters.len();
        if width == 0 || self.values.is_empty() {
            return Vec::new();
        }
        let mut sums = vec![0.0_f64; width];
        for gates in self.values.chunks_exact(width) {
            for (sum, &gate) in sums.iter_mut().zip(gates) {
                *sum += f64::from(gate);
            }
        }
        let count = (self.values.len() / width) as f64;
        sums.into_iter().map(|sum| (sum / count) as f32).collect()
    }

    /// The gates of all adapters at one module for one token; empty outside the record.
    pub fn at(&self, token: usize, site: usize) -> &[f32] {
        let width = self.adapters.len();
        let start = (token * self.sites.len() + site) * width;
        self.values.get(start..start + width).unwrap_or(&[])
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It ended by itself.
    Done,
    /// Somebody stopped it.
    Stopped,
}

/// A finished row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was asked.
    pub prompt: Prompt,
    /// The prompt as the model saw it.
    pub prompt_tokens: Vec<u32>,
    /// What the model was given, in words: the text after the template, and what each token stands for. Absent from what
    /// older versions stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Arc<Given>>,
    /// Where it started out. See `steering`.
    pub point: Point,
    /// The gates of the last step.
    pub gates: RowGates,
    /// Every change of point and mutes on the way.
    #[serde(flatten)]
    pub steering: Steering,
    /// How tokens were chosen.
    pub sampling: Sampling,
    /// The answer.
    pub text: String,
    /// The answer's tokens, the end token left out.
    pub tokens: Vec<TokenPiece>,
    /// Why it ended.
    pub finish: Finish,
    /// The end token that came, where one did.
    #[serde(default)]
    pub end: Option<u32>,
    /// Whether it ended by itself.
    pub status: RunStatus,
    /// The routing, where it was asked for.
    pub record: Option<Arc<GateRecord>>,
    /// What it is known by in a study; `None` where it must never be given again: steered, stopped, failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Reward scores, where the bundle has reward models.
    pub scores: Option<Scores>,
    /// Seconds from the command to the first new token.
    pub first_token_seconds: f64,
    /// Seconds from the command to the end.
    pub seconds: f64,
    /// When each of `tokens` came, in milliseconds after the one before, the first after the command; empty where that is
    /// not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pace: Vec<u32>,
}
