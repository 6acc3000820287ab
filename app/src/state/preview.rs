//! What the model would be given for the prompt that is being written.

use std::sync::Arc;

use paretoscope_core::protocol::{JobId, Trouble};
use paretoscope_core::types::{BundleInfo, Given, Prompt};

/// A prompt as the model would read it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Text and tokens.
    pub given: Arc<Given>,
    /// Tokens that prompt and answer may have together.
    pub context: usize,
}

/// The preview: asked for once typing rests, answered by the engine.
#[derive(Debug, Default)]
pub struct PreviewState {
    /// The prompt that was last seen in the editor, and the bundle that it would go to.
    pub seen: Option<(Prompt, Arc<BundleInfo>)>,
    /// When it is asked for; `None` where it was, or where there is nothing to ask.
    pub due: Option<f64>,
    /// The question that is under way.
    pub job: Option<JobId>,
    /// The last answer; an older prompt's while a newer one is under way.
    pub shown: Option<Result<Shown, Trouble>>,
}

impl PreviewState {
    /// Seconds that typing rests before the engine is asked.
    pub const REST: f64 = 0.15;

    /// Whether what is shown belongs to an older prompt.
    pub fn is_stale(&self) -> bool {
        self.due.is_some() || self.job.is_some()
    }
}
