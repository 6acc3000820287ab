//! Giving way in the midst of a forward pass.

use std::sync::atomic::{AtomicBool, Ordering};

/// Asked between the layers of a reward model, whether somebody waits for the engine. A pass that gives way ends in an
/// error and nothing else; who asked for it looks at [`Patience::gave_way`] and asks again later.
pub struct Patience<'a> {
    waits: &'a (dyn Fn() -> bool + Sync),
    gave_way: AtomicBool,
}

impl std::fmt::Debug for Patience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience")
            .field("gave_way", &self.gave_way())
            .finish_non_exhaustive()
    }
}

impl Patience<'static> {
    /// Never gives way.
    pub fn endless() -> Self {
        Self::until(&|| false)
    }
}

impl<'a> Patience<'a> {
    /// Gives way as soon as `waits` says so.
    pub fn until(waits: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            waits,
            gave_way: AtomicBool::new(false),
        }
    }

    /// Whether a pass was given up.
    pub fn gave_way(&self) -> bool {
        self.gave_way.load(Ordering::Relaxed)
    }

    /// Fails where somebody waits.
    pub(super) fn check(&self) -> candle_core::Result<()> {
        if (self.waits)() {
            self.gave_way.store(true, Ordering::Relaxed);
            candle_core::bail!("given up: somebody waits");
        }
        Ok(())
    }
}
