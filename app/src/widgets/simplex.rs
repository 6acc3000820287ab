//! Geometry of the triangle and the segment: shares to places on the screen and back.

use egui::{Pos2, Rect, pos2};

/// Height of an equilateral triangle over its side.
const TALL: f32 = 0.866_025_4;

/// Corners on the screen for the chosen objectives.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    corners: Vec<Pos2>,
    axes: Vec<usize>,
}

impl Geometry {
    /// The largest triangle (three axes) or segment (two) in `rect`.
    pub fn new(rect: Rect, axes: &[usize]) -> Self {
        let corners = if axes.len() == 3 {
            let side = rect.width().min(rect.height() / TALL);
            let top = rect.center().y - side * TALL / 2.0;
            let bottom = top + side * TALL;
            let x = rect.center().x;
            // The first objective stands on top.
            vec![
                pos2(x, top),
                pos2(x - side / 2.0, bottom),
                pos2(x + side / 2.0, bottom),
            ]
        } else {
            vec![rect.left_center(), rect.right_center()]
        };
        Self {
            corners,
            axes: axes.to_vec(),
        }
    }

    /// Where each axis is 1.
    pub fn corners(&self) -> &[Pos2] {
        &self.corners
    }

    /// Where shares (one per objective of the bundle) stand; those of other axes do not count.
    pub fn position(&self, shares: &[f64]) -> Pos2 {
        let mut at = egui::Vec2::ZERO;
        let mut sum = 0.0;
        for (corner, &axis) in self.corners.iter().zip(&self.axes) {
            let share = shares.get(axis).copied().unwrap_or(0.0) as f32;
            at += share * corner.to_vec2();
            sum += share;
        }
        if sum > 0.0 {
            (at / sum).to_pos2()
        } else {
            self.centre()
        }
    }

    /// Whether only the chosen axes have a share.
    pub fn holds(&self, shares: &[f64]) -> bool {
        shares
            .iter()
            .enumerate()
            .all(|(i, &s)| s < 1e-9 || self.axes.contains(&i))
    }

    /// The shares of the place closest to `at`, one per objective of `objectives`.
    pub fn shares(&self, at: Pos2, objectives: usize) -> Vec<f64> {
        let local = match self.corners[..] {
            [a, b, c] => triangle_shares(at, a, b, c),
            [a, b] => {
                let t =
                    ((at - a).dot(b - a) / (b - a).length_sq().max(f32::EPSILON)).clamp(0.0, 1.0);
                vec![f64::from(1.0 - t), f64::from(t)]
            }
            _ => Vec::new(),
        };
        let mut shares = vec![0.0; objectives];
        for (&axis, share) in self.axes.iter().zip(local) {
            if let Some(slot) = shares.get_mut(axis) {
                *slot = share;
            }
        }
        shares
    }

    fn centre(&self) -> Pos2 {
        let sum = self
            .corners
            .iter()
            .fold(egui::Vec2::ZERO, |sum, c| sum + c.to_vec2());
        (sum / self.corners.len().max(1) as f32).to_pos2()
    }
}

/// Barycentric coordinates of the point of the triangle closest to `at`.
fn triangle_shares(at: Pos2, a: Pos2, b: Pos2, c: Pos2) -> Vec<f64> {
    let cross = |u: egui::Vec2, v: egui::Vec2| {
        f64::from(u.x) * f64::from(v.y) - f64::from(u.y) * f64::from(v.x)
    };
    let area = cross(b - a, c - a);
    if area == 0.0 {
        return vec![1.0 / 3.0; 3];
    }
    let inside = [
        cross(b - at, c - at) / area,
        cross(c - at, a - at) / area,
        cross(a - at, b - at) / area,
    ];
    if inside.iter().all(|&s| s >= 0.0) {
        return inside.to_vec();
    }
    // Outside: the closest point lies on an edge.
    let edges = [(0, 1, a, b), (1, 2, b, c), (2, 0, c, a)];
    let mut best = (f32::INFINITY, vec![1.0, 0.0, 0.0]);
    for (i, j, from, to) in edges {
        let t = ((at - from).dot(to - from) / (to - from).length_sq()).clamp(0.0, 1.0);
        let distance = at.distance(from + t * (to - from));
        if distance < best.0 {
            let mut shares = vec![0.0; 3];
            shares[i] = f64::from(1.0 - t);
            shares[j] += f64::from(t);
            best = (distance, shares);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect() -> Rect {
        Rect::from_min_size(pos2(10.0, 20.0), egui::vec2(200.0, 180.0))
    }

    #[test]
    fn shares_and_places_are_inverse() {
        let geometry = Geometry::new(rect(), &[0, 1, 2]);
        for shares in [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]] {
            let back = geometry.shares(geometry.position(&shares), 3);
            for (a, b) in shares.iter().zip(back) {
                assert!((a - b).abs() < 1e-5, "{shares:?}");
            }
        }
    }

    #[test]
    fn a_place_outside_goes_to_the_nearest_edge() {
        let geometry = Geometry::new(rect(), &[0, 1, 2]);
        let shares = geometry.shares(pos2(geometry.corners()[0].x, 1000.0), 3);
        assert!(
            shares[0].abs() < 1e-6 && (shares[1] - 0.5).abs() < 1e-5,
            "{shares:?}"
        );
        let far = geometry.shares(pos2(-1000.0, 1000.0), 3);
        assert!((far[1] - 1.0).abs() < 1e-6, "{far:?}");
    }

    #[test]
    fn a_segment_varies_two_of_three() {
        let geometry = Geometry::new(rect(), &[0, 2]);
        let shares = geometry.shares(pos2(60.0, 0.0), 3);
        assert!(
            (shares[0] - 0.75).abs() < 1e-6 && shares[1] == 0.0 && (shares[2] - 0.25).abs() < 1e-6
        );
        assert!(geometry.holds(&shares));
        assert!(!geometry.holds(&[0.0, 1.0, 0.0]));
    }
}
