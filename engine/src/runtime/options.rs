//! How the engine runs.

use crate::device::{DeviceChoice, Precision};
use crate::hub::Fetcher;

/// How the engine runs.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where to compute; the CPU where that is not to be had.
    pub device: DeviceChoice,
    /// Type of the weights in memory.
    pub dtype: Precision,
    /// Rows of a sweep that run together.
    pub slots: usize,
    /// What brings models that are named by hub ids; without, what is missing is said.
    pub fetch: Option<Fetcher>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            dtype: Precision::Auto,
            slots: 32,
            fetch: None,
        }
    }
}
