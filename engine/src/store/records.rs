//! What the store holds.

use serde::{Deserialize, Serialize};

use crate::protocol::SweepPlan;
use crate::types::{Finish, GateRecord, Point, Prompt, Run, Sampling, Scores};

/// A finished row of a sweep: one per (point, prompt).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRow {
    /// Its name, see [`crate::sweep::row_key`].
    pub key: String,
    /// The sweep that made it. Another sweep that needs the same row finds it by its key.
    pub sweep: i64,
    /// Place of its point in that sweep's order.
    pub point_index: usize,
    /// Place of its prompt in that sweep's list.
    pub prompt_index: usize,
    /// Where it stands.
    pub point: Point,
    /// What it answers.
    pub prompt: Prompt,
    /// How tokens were chosen, with the row's own seed.
    pub sampling: Sampling,
    /// The answer.
    pub text: String,
    /// Its token ids, the end token left out.
    pub tokens: Vec<u32>,
    /// Why it ended.
    pub finish: Finish,
    /// Raw scores, sign applied; NaN and infinity are kept as such. `None` until it is scored.
    pub scores: Option<Scores>,
    /// Mean gate of each adapter over tokens and modules.
    pub gates_mean: Vec<f32>,
    /// Seconds from the row's start to its first token.
    pub first_token_seconds: f64,
    /// Seconds from the row's start to its end.
    pub seconds: f64,
}

/// A sweep: what was asked for, on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRecord {
    /// Name of the bundle.
    pub bundle: String,
    /// Digest of the base model's weights.
    pub model: String,
    /// Names of the bank's adapters.
    pub adapters: Vec<String>,
    /// Digests of adapters and routers.
    pub adapter_digests: Vec<String>,
    /// Names of the objectives.
    pub objectives: Vec<String>,
    /// Digests of their reward models.
    pub reward_digests: Vec<String>,
    /// Points, prompts, sampling.
    pub plan: SweepPlan,
}

/// An interactive run.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// Its number in the store.
    pub id: i64,
    /// When it was stored, in seconds since 1970.
    pub created: i64,
    /// Name of the bundle.
    pub bundle: String,
    /// Digest of the base model's weights.
    pub model: String,
    /// Mean gate of each adapter over tokens and modules; empty where no routing was recorded.
    pub gates_mean: Vec<f32>,
    /// The run, without its gate record.
    pub run: Run,
}

/// Mean gate of each adapter over all tokens and modules of a record; empty for an empty record.
pub fn gates_mean(record: &GateRecord) -> Vec<f32> {
    let width = record.adapters.len();
    if width == 0 || record.values.is_empty() {
        return Vec::new();
    }
    let mut sums = vec![0.0_f64; width];
    for gates in record.values.chunks_exact(width) {
        for (sum, &gate) in sums.iter_mut().zip(gates) {
            *sum += f64::from(gate);
        }
    }
    let count = (record.values.len() / width) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}
