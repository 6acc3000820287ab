//! How a person divided the window: kept as it was wished, whatever there is room for right now.

use serde::{Deserialize, Serialize};

/// Shares that panels would like to have. What they get follows from the size of the window in
/// [`crate::view::Places`]; a wish that cannot be met is not changed by that, so a window that was
/// small for a while comes back as it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Division {
    /// Width of the left column, of the window's.
    pub left: f32,
    /// Width of the right column, of the window's.
    pub right: f32,
    /// Height of the front, of the middle column's.
    pub front: f32,
    /// Width of the panel beside the answer in a small window, of the window's.
    pub side: f32,
    /// Whether the front is a thin bar although there are points.
    pub front_folded: bool,
}

impl Default for Division {
    fn default() -> Self {
        Self {
            left: 0.24,
            right: 0.25,
            front: 0.42,
            side: 0.42,
            front_folded: false,
        }
    }
}

impl Division {
    /// With every share that is no share put right: what is stored may come from anywhere.
    pub fn mended(self) -> Self {
        let usual = Self::default();
        let share = |share: f32, usual: f32| {
            if share.is_finite() && (0.0..=1.0).contains(&share) {
                share
            } else {
                usual
            }
        };
        Self {
            left: share(self.left, usual.left),
            right: share(self.right, usual.right),
            front: share(self.front, usual.front),
            side: share(self.side, usual.side),
            front_folded: self.front_folded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_none_is_put_right_and_the_others_stay() {
        let bad = Division {
            left: f32::NAN,
            right: -3.0,
            front: 0.3,
            side: 7.0,
            front_folded: true,
        };
        let usual = Division::default();
        let mended = bad.mended();
        assert_eq!(
            (mended.left, mended.right, mended.side),
            (usual.left, usual.right, usual.side)
        );
        assert_eq!((mended.front, mended.front_folded), (0.3, true));
        assert_eq!(usual.mended(), usual);
    }
}
