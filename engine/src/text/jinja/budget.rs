//! What one rendering may cost, so that no template can hang or fill memory.

use std::cell::Cell;

use super::Failure;

/// Steps that one rendering may take: an expression evaluated, an item gone through, or 64 bytes of text.
const STEPS: u64 = 5_000_000;
/// Bytes of values that one rendering may build, also those that it drops again.
const BYTES: u64 = 256 << 20;
/// The longest text that a conversation may become.
pub(super) const LONGEST_TEXT: usize = 16 << 20;
/// Calls and expressions within each other while rendering.
const DEEPEST: usize = 3000;
/// Values within each other: what is dropped or compared is gone through by recursion.
pub(super) const DEEPEST_VALUE: usize = 200;

/// Counts what a rendering has used up.
#[derive(Default)]
pub(super) struct Budget {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    depth: Cell<usize>,
}

impl Budget {
    /// Takes `count` steps.
    pub(super) fn steps(&self, count: usize) -> Result<(), Failure> {
        let steps = self.steps.get().saturating_add(count as u64);
        self.steps.set(steps);
        if steps > STEPS {
            Err(Failure::new(format!("it takes more than {STEPS} steps")))
        } else {
            Ok(())
        }
    }

    /// Reads `length` bytes of text.
    pub(super) fn read(&self, length: usize) -> Result<(), Failure> {
        self.steps(1 + length / 64)
    }

    /// Is asked before a value of `length` bytes is built.
    pub(super) fn build(&self, length: usize) -> Result<(), Failure> {
        self.read(length)?;
        let bytes = self.bytes.get().saturating_add(length as u64);
        self.bytes.set(bytes);
        if bytes > BYTES || length > LONGEST_TEXT {
            Err(Failure::new(format!(
                "it would build values of more than {} MiB, or one of more than {} MiB",
                BYTES >> 20,
                LONGEST_TEXT >> 20
            )))
        } else {
            Ok(())
        }
    }

    /// Is asked before `count` values are put into a list.
    pub(super) fn items(&self, count: usize) -> Result<(), Failure> {
        self.steps(count)?;
        self.build(count.saturating_mul(size_of::<super::value::Value>()))
    }

    /// Goes one level deeper, until [`Budget::leave`].
    pub(super) fn enter(&self) -> Result<(), Failure> {
        self.depth.set(self.depth.get() + 1);
        if self.depth.get() > DEEPEST {
            Err(Failure::new(format!(
                "calls and expressions stand more than {DEEPEST} deep within each other"
            )))
        } else {
            Ok(())
        }
    }

    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }
}
