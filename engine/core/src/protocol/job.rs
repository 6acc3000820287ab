//! Names of jobs.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// One job's name, unique within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// Hands out names.
#[derive(Debug, Default)]
pub struct JobIds(AtomicU64);

impl JobIds {
    /// A name that was never given before.
    pub fn next(&self) -> JobId {
        JobId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
