//! How answers are read.

use serde::{Deserialize, Serialize};

/// How answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Size of their text, in points.
    pub size: f32,
    /// As the model wrote it, rather than with its Markdown set.
    pub raw: bool,
    /// With the words marked that the pinned answer has not, and the reverse.
    pub differences: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            size: 18.0,
            raw: false,
            differences: true,
        }
    }
}

impl Reading {
    /// Smallest and largest text.
    pub const SIZES: std::ops::RangeInclusive<f32> = 12.0..=36.0;

    /// Larger (+1) or smaller (-1) by a step.
    pub fn stepped(self, by: f32) -> Self {
        let size = if self.size.is_finite() {
            self.size
        } else {
            Self::default().size
        };
        Self {
            size: (size + 2.0 * by).clamp(*Self::SIZES.start(), *Self::SIZES.end()),
            ..self
        }
    }

    /// With a size that can be read: what is stored may come from anywhere.
    pub fn mended(self) -> Self {
        self.stepped(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_is_none_is_put_right() {
        for (size, want) in [(f32::NAN, 18.0), (-1.0, 12.0), (1e9, 36.0), (20.0, 20.0)] {
            let reading = Reading {
                size,
                ..Reading::default()
            };
            assert_eq!(reading.mended().size, want);
        }
        assert_eq!(Reading::default().stepped(1.0).size, 20.0);
    }
}
