//! Where the large plot, the small ones and the legend lie.

use egui::{Rect, Vec2, pos2, vec2};

/// Left free between tiles.
const GAP: f32 = 8.0;

/// Smaller than this, a thumbnail shows nothing.
const LEAST: f32 = 52.0;

/// A large plot whose frame is smaller than this goes before thumbnails.
const READABLE: f32 = 150.0;

/// Room for everything that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tiles {
    /// The large plot, with its axes.
    pub large: Rect,
    /// The small ones, in order; empty where they have no room.
    pub small: Vec<Rect>,
    /// What explains the markers.
    pub legend: Rect,
}

/// Divides `room`: beside each other where it is broad, under each other where it is tall. `axes` is what the
/// axes of the large plot take, whose frame becomes a square; `legend` is the legend's height, as last seen.
pub(super) fn tiles(room: Rect, small: usize, axes: Vec2, legend: f32) -> Tiles {
    let broad = room.width() > 1.25 * room.height();
    let legend = legend.min(0.4 * room.height());
    if broad {
        let height = room.height();
        let width = (height - axes.y + axes.x).min(room.width() * 0.72);
        let large = Rect::from_min_size(room.min, vec2(width, height));
        let rest = Rect::from_min_max(pos2(large.right() + GAP, room.top()), room.max);
        let (above, legend) = rest.split_top_bottom_at_y((rest.bottom() - legend).max(rest.top()));
        Tiles {
            large,
            small: grid(above, small),
            legend,
        }
    } else {
        let bottom = room.bottom() - legend;
        let strip = if small == 0 {
            0.0
        } else {
            let third = (room.width() - GAP * (small - 1) as f32) / small as f32;
            third.min(0.3 * room.height())
        };
        let width = room.width();
        let side = |strip: f32| (width - axes.x).min(bottom - room.top() - strip - GAP - axes.y);
        // Rather one plot to read than many to guess at.
        let strip = if side(strip) < READABLE { 0.0 } else { strip };
        let side = side(strip);
        let large = Rect::from_min_size(room.min, vec2(width, (side + axes.y).max(40.0)));
        let below = Rect::from_min_max(
            pos2(room.left(), large.bottom() + GAP),
            pos2(room.right(), bottom.min(large.bottom() + GAP + strip)),
        );
        Tiles {
            large: Rect::from_min_size(
                large.min,
                vec2(width.min(side.max(0.0) + axes.x), large.height()),
            ),
            small: grid(below, small),
            legend: Rect::from_min_max(pos2(room.left(), below.bottom()), room.max),
        }
    }
}

/// The largest squares that stand in `room`, row by row; none where they would be too small.
fn grid(room: Rect, count: usize) -> Vec<Rect> {
    let side = |columns: usize| {
        let rows = count.div_ceil(columns);
        let wide = (room.width() - GAP * (columns - 1) as f32) / columns as f32;
        let tall = (room.height() - GAP * (rows - 1) as f32) / rows as f32;
        wide.min(tall)
    };
    let best = (1..=count).max_by(|&a, &b| side(a).total_cmp(&side(b)));
    let Some((columns, side)) = best.map(|columns| (columns, side(columns).floor())) else {
        return Vec::new();
    };
    if side < LEAST {
        return Vec::new();
    }
    let place = |i: usize| {
        let cell = vec2((i % columns) as f32, (i / columns) as f32) * (side + GAP);
        Rect::from_min_size(room.min + cell, Vec2::splat(side))
    };
    (0..count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AXES: Vec2 = Vec2::new(70.0, 44.0);

    proptest! {
        #[test]
        fn nothing_overlaps_and_nothing_leaves_the_room(
            width in 150.0_f32..2000.0,
            height in 100.0_f32..1200.0,
            small in 0_usize..4,
            legend in 20.0_f32..70.0,
        ) {
            let room = Rect::from_min_size(pos2(7.0, 9.0), vec2(width, height));
            let tiles = tiles(room, small, AXES, legend);
            let mut all = tiles.small.clone();
            all.push(tiles.large);
            for (i, a) in all.iter().enumerate() {
                prop_assert!(room.expand(0.1).contains_rect(*a), "{a:?} in {room:?}");
                for b in &all[..i] {
                    prop_assert!(!a.shrink(0.1).intersects(b.shrink(0.1)), "{a:?} {b:?}");
                }
            }
            for a in &tiles.small {
                prop_assert!(a.width() >= LEAST && (a.width() - a.height()).abs() < 0.01);
            }
        }
    }

    #[test]
    fn the_frame_of_the_large_plot_is_a_square() {
        for size in [vec2(900.0, 300.0), vec2(400.0, 700.0)] {
            let room = Rect::from_min_size(pos2(0.0, 0.0), size);
            let large = tiles(room, 3, AXES, 24.0).large.size() - AXES;
            assert!((large.x - large.y).abs() < 1.0, "{size:?}: {large:?}");
        }
    }
}
