//! Where everything lies, computed from sizes and wishes alone: what panels hold moves nothing but
//! the height of the prompt, and that within bounds. So nothing can grow into its neighbour, and a
//! size that comes back brings its layout back.

use egui::{Rect, pos2};

use crate::state::Division;

/// From this size on, three columns stand side by side.
const WIDE: egui::Vec2 = egui::vec2(960.0, 440.0);
/// Least and greatest width of the left column.
const LEFT: (f32, f32) = (300.0, 900.0);
/// Least and greatest width of the right column.
const RIGHT: (f32, f32) = (250.0, 900.0);
/// Least width of the middle column.
const MIDDLE: f32 = 430.0;
/// Height of the front as a bar.
const BAR: f32 = 48.0;
/// Least height of the front as a plot; below it is a bar.
const PLOT: f32 = 130.0;
/// Share of the middle column's height that the answer always has.
const ANSWER: f32 = 0.5;

/// What the panels ask for in this frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Height that all of the prompt would take.
    pub prompt: f32,
    /// Whether the front has anything to plot.
    pub points: bool,
}

/// The rectangles of a frame. They cover the body without gaps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Places {
    /// The point with its triangle; in a small window whichever panel is chosen to stand here.
    pub side: Rect,
    /// The prompt with its buttons.
    pub prompt: Rect,
    /// The answers: at least half of the height of their column.
    pub answer: Rect,
    /// The front; in a small window it takes its turn in `side`.
    pub front: Option<Rect>,
    /// Whether the front is a bar.
    pub is_bar: bool,
    /// The experts; in a small window they take their turn in `side`.
    pub experts: Option<Rect>,
}

impl Places {
    /// Divides `body`.
    pub fn new(body: Rect, division: &Division, wanted: Wanted) -> Self {
        if body.width() >= WIDE.x && body.height() >= WIDE.y {
            Self::wide(body, division, wanted)
        } else {
            Self::small(body, division, wanted)
        }
    }

    /// Whether panels take turns beside the answer.
    pub fn is_small(&self) -> bool {
        self.experts.is_none()
    }

    /// The greatest height that the prompt can have in a column of this height.
    pub fn prompt_at_most(&self) -> f32 {
        let (top, bottom) = (self.prompt.top(), self.column_bottom());
        let bar = if self.front.is_some() { BAR } else { 0.0 };
        ((bottom - top) * (1.0 - ANSWER) - bar).max(0.0)
    }

    fn column_bottom(&self) -> f32 {
        self.front.map_or(self.answer.bottom(), |f| f.bottom())
    }

    fn wide(body: Rect, division: &Division, wanted: Wanted) -> Self {
        let width = body.width();
        let mut left = (division.left * width).clamp(LEFT.0, LEFT.1);
        let mut right = (division.right * width).clamp(RIGHT.0, RIGHT.1);
        // What the middle lacks comes from both columns, first from what is above their least width.
        let lack = (left + right + MIDDLE - width).max(0.0);
        let spare = (left - LEFT.0 + right - RIGHT.0).max(f32::EPSILON);
        let part = (lack / spare).min(1.0);
        left -= part * (left - LEFT.0);
        right -= part * (right - RIGHT.0);
        let (side, rest) = body.split_left_right_at_x((body.left() + left).round());
        let (middle, experts) = rest.split_left_right_at_x((body.right() - right).round());

        let tall = middle.height();
        let half = (tall * (1.0 - ANSWER)).floor();
        let prompt = wanted.prompt.clamp(0.0, half - BAR);
        let room = half - prompt;
        let is_bar = !wanted.points || division.front_folded || room < PLOT;
        let front = if is_bar {
            BAR
        } else {
            (division.front * tall).clamp(PLOT, room)
        };
        let (prompt, rest) = middle.split_top_bottom_at_y(middle.top() + prompt.round());
        let (answer, front) = rest.split_top_bottom_at_y(middle.bottom() - front.floor());
        Self {
            side,
            prompt,
            answer,
            front: Some(front),
            is_bar,
            experts: Some(experts),
        }
    }

    fn small(body: Rect, division: &Division, wanted: Wanted) -> Self {
        let share = division.side.clamp(0.25, 0.6);
        // Beside each other, unless the window stands upright.
        let (side, middle) = if body.width() >= 0.9 * body.height() {
            body.split_left_right_at_x((body.left() + share * body.width()).round())
        } else {
            body.split_top_bottom_at_y((body.top() + share * body.height()).round())
        };
        let half = (middle.height() * (1.0 - ANSWER)).floor();
        let prompt = wanted.prompt.clamp(0.0, half.max(0.0));
        let (prompt, answer) = middle.split_top_bottom_at_y(middle.top() + prompt.round());
        Self {
            side,
            prompt,
            answer,
            front: None,
            is_bar: false,
            experts: None,
        }
    }

    /// The lines between panels that a person can drag: which share each moves, and where it lies.
    pub fn dividers(&self) -> Vec<(Divider, Rect)> {
        let mut all = Vec::new();
        match (self.front, self.experts) {
            (Some(front), Some(experts)) => {
                all.push((Divider::Left, vertical(self.side.right(), self.side)));
                all.push((Divider::Right, vertical(experts.left(), experts)));
                if !self.is_bar {
                    all.push((Divider::Front, horizontal(front.top(), front)));
                }
            }
            _ if self.side.right() < self.answer.right() => {
                all.push((Divider::Side, vertical(self.side.right(), self.side)));
            }
            _ => all.push((Divider::Side, horizontal(self.side.bottom(), self.side))),
        }
        all
    }
}

/// A line that a person can drag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Divider {
    /// Right of the left column.
    Left,
    /// Left of the right column.
    Right,
    /// Above the front.
    Front,
    /// Between the answer and the panel beside it in a small window.
    Side,
}

impl Divider {
    /// What it does, for those who do not see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "Width of the point",
            Self::Right => "Width of the experts",
            Self::Front => "Height of the front",
            Self::Side => "Room beside the answer",
        }
    }

    /// The wishes with this line drawn to `at`.
    pub fn moved(
        self,
        division: Division,
        places: &Places,
        body: Rect,
        at: egui::Pos2,
    ) -> Division {
        let mut next = division;
        match self {
            Self::Left => next.left = (at.x - body.left()) / body.width(),
            Self::Right => next.right = (body.right() - at.x) / body.width(),
            Self::Front => {
                let top = places.prompt.top();
                let bottom = places.column_bottom();
                // Drawn down to where no plot would fit, it becomes a bar.
                next.front_folded = bottom - at.y < 0.7 * PLOT;
                if !next.front_folded {
                    next.front = (bottom - at.y) / (bottom - top).max(1.0);
                }
            }
            Self::Side if places.side.right() < places.answer.right() => {
                next.side = (at.x - body.left()) / body.width();
            }
            Self::Side => next.side = (at.y - body.top()) / body.height(),
        }
        let within = |share: f32| share.clamp(0.0, 1.0);
        Division {
            left: within(next.left),
            right: within(next.right),
            front: within(next.front),
            side: within(next.side),
            front_folded: next.front_folded,
        }
    }

    /// The wishes with this line where it usually lies.
    pub fn reset(self, division: Division) -> Division {
        let usual = Division::default();
        match self {
            Self::Left => Division {
                left: usual.left,
                ..division
            },
            Self::Right => Division {
                right: usual.right,
                ..division
            },
            Self::Front => Division {
                front: usual.front,
                ..division
            },
            Self::Side => Division {
                side: usual.side,
                ..division
            },
        }
    }
}

fn vertical(x: f32, beside: Rect) -> Rect {
    Rect::from_min_max(pos2(x, beside.top()), pos2(x, beside.bottom()))
}

fn horizontal(y: f32, below: Rect) -> Rect {
    Rect::from_min_max(pos2(below.left(), y), pos2(below.right(), y))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(size: [f32; 2], zoom: f32) -> Rect {
        // Without the bars above and below.
        let size = egui::vec2(size[0] / zoom, size[1] / zoom - 72.0);
        Rect::from_min_size(pos2(0.0, 40.0), size)
    }

    const SIZES: [[f32; 2]; 5] = [
        [1024.0, 640.0],
        [1280.0, 720.0],
        [1280.0, 800.0],
        [1920.0, 1080.0],
        [3840.0, 2160.0],
    ];

    #[test]
    fn triangle_and_answer_have_room_at_every_size_and_zoom() {
        for size in SIZES {
            for tenth in 8..=20 {
                let body = body(size, tenth as f32 / 10.0);
                for points in [false, true] {
                    let wanted = Wanted {
                        prompt: 104.0,
                        points,
                    };
                    let places = Places::new(body, &Division::default(), wanted);
                    let what = format!("{size:?} at {tenth}0 %: {places:?}");
                    assert!(places.side.width() >= 200.0, "{what}");
                    assert!(places.side.height() >= 200.0, "{what}");
                    assert!(places.answer.width() >= 260.0, "{what}");
                    assert!(places.answer.height() >= 120.0, "{what}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_answer_has_half_of_its_column_whatever_is_wished(
            width in 200.0f32..4000.0,
            height in 150.0f32..2200.0,
            shares in [0.0f32..1.0, 0.0f32..1.0, 0.0f32..1.0, 0.0f32..1.0],
            prompt in 0.0f32..3000.0,
            points: bool,
        ) {
            let body = Rect::from_min_size(pos2(3.0, 40.0), egui::vec2(width, height));
            let [left, right, front, side] = shares;
            let division = Division { left, right, front, side, front_folded: false };
            let places = Places::new(body, &division, Wanted { prompt, points });
            let column = places.column_bottom() - places.prompt.top();
            prop_assert!(places.answer.height() >= column * ANSWER - 1.0);
            prop_assert!(places.prompt.height() <= places.prompt_at_most() + 1.0);
            // All of the body, nothing twice.
            let all = [Some(places.side), Some(places.prompt), Some(places.answer), places.front, places.experts];
            let area: f32 = all.iter().flatten().map(Rect::area).sum();
            prop_assert!((area - body.area()).abs() < 0.01 * body.area());
            for rect in all.into_iter().flatten() {
                prop_assert!(body.expand(0.6).contains_rect(rect) && rect.is_positive() || rect.area() == 0.0);
            }
        }
    }

    #[test]
    fn a_divider_goes_where_it_is_drawn_to() {
        let body = body([1600.0, 1000.0], 1.0);
        let wanted = Wanted {
            prompt: 100.0,
            points: true,
        };
        let usual = Division::default();
        let places = Places::new(body, &usual, wanted);
        for (divider, line) in places.dividers() {
            let to = line.center() + egui::vec2(25.0, 25.0);
            let next = divider.moved(usual, &places, body, to);
            let moved = Places::new(body, &next, wanted);
            let (_, at) = *moved
                .dividers()
                .iter()
                .find(|(d, _)| *d == divider)
                .expect("still there");
            let off = match divider {
                Divider::Front => at.center().y - to.y,
                _ => at.center().x - to.x,
            };
            assert!(off.abs() <= 1.0, "{divider:?}: {off}");
            assert_eq!(divider.reset(next), usual);
        }
    }
}
