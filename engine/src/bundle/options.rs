//! How a bundle is loaded.

use crate::device::Backend;

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
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            rewards: true,
            probe: true,
            backend: Backend::default(),
            fallback: None,
        }
    }
}
