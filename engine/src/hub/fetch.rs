//! What brings models from elsewhere, as the library sees it.

use std::fmt::Debug;
use std::sync::Arc;

use super::cache::Cache;
use super::id::HubId;
use crate::Result;

/// How far a fetch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes that are here.
    pub bytes: u64,
    /// Bytes of all files; 0 until that is known.
    pub of: u64,
}

/// Brings models into a cache.
pub trait Fetch: Debug + Send + Sync {
    /// All files that a model is loaded from; those that are here are not brought again. `progress` hears how far it is,
    /// often; its error stops the fetch, and the next one goes on from there.
    fn fetch(
        &self,
        id: &HubId,
        cache: &Cache,
        progress: &mut dyn FnMut(Fetched) -> Result<()>,
    ) -> Result<()>;
}

/// One that is shared.
pub type Fetcher = Arc<dyn Fetch>;
