//! Markers as paths, and the letters in them; the window's, too.

use std::f64::consts::{FRAC_PI_4, PI, TAU};

use serde::{Deserialize, Serialize};

use crate::scene::Position;

/// A marker's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Symbol {
    /// ●
    Circle,
    /// ■
    Square,
    /// ◆
    Diamond,
    /// ▲
    Up,
    /// ▼
    Down,
    /// ⬟
    Pentagon,
    /// ★
    Star,
    /// +
    Cross,
}

impl Symbol {
    /// Its corners around `at`, closed; `None` for a circle, which has none, and the cross, which is two lines.
    pub fn corners(self, at: Position, radius: f64) -> Option<Vec<Position>> {
        let regular = |count: usize, turn: f64| {
            let corner = |i: usize| spoke(at, radius, turn + TAU * i as f64 / count as f64);
            (0..count).map(corner).collect()
        };
        match self {
            Self::Circle | Self::Cross => None,
            Self::Square => Some(regular(4, FRAC_PI_4)),
            Self::Diamond => Some(regular(4, 0.0)),
            Self::Up => Some(regular(3, 0.0)),
            Self::Down => Some(regular(3, PI)),
            Self::Pentagon => Some(regular(5, 0.0)),
            Self::Star => {
                let corner = |i: usize| {
                    let radius = if i.is_multiple_of(2) {
                        radius
                    } else {
                        0.46 * radius
                    };
                    spoke(at, radius, TAU * i as f64 / 10.0)
                };
                Some((0..10).map(corner).collect())
            }
        }
    }

    /// How much larger its radius must be to look as large as a circle's.
    pub fn evened(self) -> f64 {
        match self {
            Self::Circle | Self::Cross => 1.0,
            Self::Square | Self::Diamond => 1.25,
            Self::Up | Self::Down => 1.45,
            Self::Pentagon => 1.12,
            Self::Star => 1.6,
        }
    }
}

/// Expert `index`'s letter: LoRA experts first, then routers.
pub fn expert_letter(index: usize) -> char {
    char::from(b'A' + (index % 26) as u8)
}

/// Value vector `index`'s sign: a number, where experts have letters.
pub fn value_letter(index: usize) -> char {
    char::from(b'1' + (index % 9) as u8)
}

/// From the centre, `turn` clockwise from straight up.
fn spoke([x, y]: Position, radius: f64, turn: f64) -> Position {
    [x + radius * turn.sin(), y - radius * turn.cos()]
}
