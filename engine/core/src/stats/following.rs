//! Whether answers follow the preference that was asked for: a front alone does not say.

use serde::{Deserialize, Serialize};

use super::Frame;
use crate::pareto::{mean_inner_product, spearman};

/// How far from 1 shares may sum.
const SLACK: f64 = 1e-6;

/// How well an arm follows its points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Following {
    /// Steerability: per objective of the frame, the rank correlation (Spearman) over points between its share, or its value
    /// vector's weight, and its score. `None` where no axis of the points has its name, or one side does not vary.
    pub steerability: Vec<Option<f64>>,
    /// Controllability: the mean over points of preference times score (MIP), scores from 0, the worst of the frame, to 1,
    /// the best. `None` for arms whose points are no preferences over the frame's objectives.
    pub mean_inner_product: Option<f64>,
}

/// How well an arm of a frame follows its points.
pub fn following(frame: &Frame, arm: usize) -> Following {
    following_within(frame, arm, &frame.range)
}

/// [`following`] with 0 and 1 of each objective where a person settles them, in the frame's units, so that arms of several
/// frames can be told apart by the inner product.
pub fn following_within(frame: &Frame, arm: usize, range: &[[f64; 2]]) -> Following {
    let framed = &frame.arms[arm];
    let runs = frame.means(arm);
    let mean = |point: usize, k: usize| {
        runs.iter().map(|run| run[point][k]).sum::<f64>() / runs.len() as f64
    };
    let axes: Vec<Option<usize>> = frame
        .objectives
        .iter()
        .map(|name| framed.axes.iter().position(|axis| axis == name))
        .collect();
    // Points of another kind, such as the base among preferences, have no share.
    let placed = framed.points.iter().enumerate();
    let placed: Vec<(usize, &[f64])> = placed
        .filter(|(_, point)| point.place.len() == framed.axes.len())
        .map(|(at, point)| (at, point.place.as_slice()))
        .collect();
    let steerability = axes.iter().enumerate().map(|(k, axis)| {
        let axis = (*axis)?;
        let shares: Vec<f64> = placed.iter().map(|(_, place)| place[axis]).collect();
        let scores: Vec<f64> = placed.iter().map(|(at, _)| mean(*at, k)).collect();
        spearman(&shares, &scores)
    });
    Following {
        steerability: steerability.collect(),
        mean_inner_product: inner_product(range, &axes, &placed, mean),
    }
}

fn inner_product(
    range: &[[f64; 2]],
    axes: &[Option<usize>],
    placed: &[(usize, &[f64])],
    mean: impl Fn(usize, usize) -> f64,
) -> Option<f64> {
    let axes: Vec<usize> = axes.iter().copied().collect::<Option<_>>()?;
    let varies = range.iter().all(|[low, high]| high > low);
    let normalised = |(at, place): &(usize, &[f64])| {
        let shares: Vec<f64> = axes.iter().map(|&axis| place[axis]).collect();
        let sums_to_one = (shares.iter().sum::<f64>() - 1.0).abs() <= SLACK;
        let scores = range.iter().enumerate();
        let scores = scores.map(|(k, [low, high])| (mean(*at, k) - low) / (high - low));
        sums_to_one.then(|| (shares, scores.collect()))
    };
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = placed.iter().map(normalised).collect::<Option<_>>()?;
    if varies {
        mean_inner_product(&pairs)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::arm::tests::arm;
    use super::super::{ArmPoint, FrameOptions};
    use super::*;

    #[test]
    fn scores_that_rise_with_their_share_are_steered() {
        let shares = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]];
        let scores: Vec<Vec<Vec<f64>>> = shares
            .iter()
            .map(|[a, b]| vec![vec![a * 3.0, 2.0 - b]; 2])
            .collect();
        let mut one = arm("A", &scores);
        for (point, place) in one.points.iter_mut().zip(shares) {
            point.place = place.to_vec();
        }
        let frame = Frame::new(std::slice::from_ref(&one), &FrameOptions::default()).unwrap();
        let found = following(&frame, 0);
        assert_eq!(found.steerability, [Some(1.0), Some(-1.0)]);
        // (1 + 1) / 2 ... the corners: 1 and 0; the middle: .25 + .25.
        assert!((found.mean_inner_product.unwrap() - 0.5).abs() < 1e-12);
        // On a scale of its own: (0.5 * 3 + 0) / 3, (0.25 * 3 + 0.25 * 1.5) / 3 ...
        let wide = following_within(&frame, 0, &[[0.0, 6.0], [1.0, 3.0]]);
        assert_eq!(wide.steerability, found.steerability);
        let parts = [0.5, 0.5 * 0.25 + 0.5 * 0.25, 0.0];
        let right = parts.iter().sum::<f64>() / 3.0;
        assert!((wide.mean_inner_product.unwrap() - right).abs() < 1e-12);
        // The base among them is left out; weights have no inner product.
        one.points[1] = ArmPoint {
            place: Vec::new(),
            ..one.points[1].clone()
        };
        one.points[0].place = vec![2.0, 0.0];
        one.axes[1] = "something else".to_owned();
        let frame = Frame::new(&[one], &FrameOptions::default()).unwrap();
        let found = following(&frame, 0);
        assert_eq!(found.steerability, [Some(1.0), None]);
        assert_eq!(found.mean_inner_product, None);
    }
}
