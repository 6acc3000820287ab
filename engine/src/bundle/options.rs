//! How a bundle is loaded.

use crate::device::Backend;
use crate::hub::Fetcher;

/// What is loaded besides model and experts.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Whether reward models are loaded.
    pub rewards: bool,
    /// Whether each adapter is tried once.
    pub probe: bool,
    /// Where it runs.
    pub backend: Backend,
    /// Why that is not the device that was asked for.
    pub fallback: Option<String>,
    /// What brings models that are named by hub ids and are not whole in the local cache; without, the load says what is
    /// missing.
    pub fetch: Option<Fetcher>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            rewards: true,
            probe: true,
            backend: Backend::default(),
            fallback: None,
            fetch: None,
        }
    }
}
