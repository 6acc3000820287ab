//! What is explained once, and never again.

use serde::{Deserialize, Serialize};

/// What a person has done, or put away, and needs no words for any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// The first steps: the three corners, then a drag.
    pub first_steps: bool,
    /// M and S beside an expert.
    pub desk: bool,
}

/// The first steps of this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FirstSteps {
    /// Which of the presets 1, 2 and 3 were gone to.
    pub corners: [bool; 3],
}

impl FirstSteps {
    /// Counts a preset, from 1.
    pub fn went_to(&mut self, preset: usize) {
        if let Some(corner) = preset.checked_sub(1).and_then(|i| self.corners.get_mut(i)) {
            *corner = true;
        }
    }

    /// Whether only the drag is left to do.
    pub fn saw_corners(&self) -> bool {
        self.corners == [true; 3]
    }
}
