//! How long the window takes to open and to be ready: `--time-start`.

use std::io::Write as _;
use std::time::Instant;

/// Prints one line of JSON once the first frame was painted and a bundle is in use.
#[derive(Debug)]
pub struct StartClock {
    begun: Instant,
    first_frame: Option<f64>,
}

impl StartClock {
    /// Runs from `begun`, the start of the process's own code.
    pub fn new(begun: Instant) -> Self {
        Self {
            begun,
            first_frame: None,
        }
    }

    /// Called at the end of every frame; true once all is measured and printed.
    pub fn frame(&mut self, bundle_in_use: bool) -> std::io::Result<bool> {
        let now = self.begun.elapsed().as_secs_f64();
        let first = *self.first_frame.get_or_insert(now);
        if !bundle_in_use {
            return Ok(false);
        }
        let line = serde_json::json!({
            "bench": "start",
            "first_frame_seconds": first,
            "bundle_ready_seconds": now,
        });
        writeln!(std::io::stdout(), "{line}")?;
        Ok(true)
    }
}
