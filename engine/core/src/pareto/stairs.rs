//! What a growing set of points covers, in two numbers.

use std::collections::BTreeMap;

/// The corners of what is at most as large as some point so far, in two numbers: y ascending, z descending.
#[derive(Debug, Default)]
pub(super) struct Stairs(BTreeMap<u64, f64>);

impl Stairs {
    /// The order of numbers as an order of whole numbers.
    fn key(y: f64) -> u64 {
        let bits = y.to_bits();
        if bits >> 63 == 0 {
            bits | 1 << 63
        } else {
            !bits
        }
    }

    /// Whether a point so far is at least as large in both.
    pub(super) fn covers(&self, y: f64, z: f64) -> bool {
        let next = self.0.range(Self::key(y)..).next();
        next.is_some_and(|(_, &height)| height >= z)
    }

    /// Adds a point that is not covered.
    pub(super) fn insert(&mut self, y: f64, z: f64) {
        let key = Self::key(y);
        while let Some((&lower, &height)) = self.0.range(..=key).next_back() {
            if height > z {
                break;
            }
            self.0.remove(&lower);
        }
        self.0.insert(key, z);
    }
}
