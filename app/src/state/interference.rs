//! How much the bundle's adapters depend on each other, as a person looks at it.

use std::sync::Arc;

use paretoscope_core::protocol::{JobId, Trouble};
use paretoscope_core::types::{Compared, Interference, Measure};

/// What is asked for, and what is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InterferenceState {
    /// By what adapters are compared.
    pub measure: Measure,
    /// Which adapters.
    pub compared: Compared,
    /// On its way.
    pub job: Option<JobId>,
    /// Of the whole, 0 to 1.
    pub fraction: f32,
    /// What came out last.
    pub found: Option<Arc<Interference>>,
    /// Why nothing did.
    pub trouble: Option<Trouble>,
}
