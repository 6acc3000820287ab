//! What of an arm is looked at, and where the numbers that are read off it stand.

use super::choices::Choices;
use super::protocol::Protocol;
use crate::pareto::{epsilon_additive, epsilon_ratio, igd_plus, normalised_hypervolume, r2};
use crate::points::{parse_set, points};
use crate::protocol::SweepGrid;
use crate::stats::Frame;

/// Objectives up to which R2 takes its weights from a lattice of tenths; beyond, it would be too many.
const LATTICE: usize = 4;

/// Points of an arm that are compared.
pub(super) struct View {
    pub(super) arm: usize,
    /// By their places in the frame.
    pub(super) points: Vec<usize>,
    /// Of each objective: where among the points its share is largest.
    corners: Vec<Option<usize>>,
}

/// Mean scores of one training seed: arms, points, objectives.
type Means<'a> = [&'a [Vec<f64>]];

impl View {
    pub(super) fn new(frame: &Frame, arm: usize, points: Vec<usize>) -> Self {
        let axes = frame.axes(arm);
        let share = |at: usize, axis: usize| -> Option<(f64, f64)> {
            let place = &frame.points(arm)[at].place;
            let sum: f64 = place.iter().sum();
            let own = place.get(axis).copied()?;
            (place.len() == axes.len() && own > 0.0).then_some((own / sum, own))
        };
        let corner = |objective: &String| {
            let axis = axes.iter().position(|axis| axis == objective)?;
            let placed = points.iter().filter_map(|&at| Some((at, share(at, axis)?)));
            // The largest share, then the largest weight; of equals the first.
            let best = placed.reduce(|best, other| if other.1 > best.1 { other } else { best });
            best.map(|(at, _)| at)
        };
        let corners = frame.objectives.iter().map(corner).collect();
        Self {
            arm,
            points,
            corners,
        }
    }

    /// Its points' scores.
    pub(super) fn members<'a>(&self, arms: &Means<'a>) -> Vec<&'a [f64]> {
        let all = arms[self.arm];
        self.points.iter().map(|&at| all[at].as_slice()).collect()
    }
}

/// Which numbers are read, and where they stand: those of every view, then those of every pair.
pub(super) struct Layout {
    margins: Vec<f64>,
    objectives: usize,
    /// What IGD+ is measured to.
    front: Vec<Vec<f64>>,
    /// R2's.
    weights: Vec<Vec<f64>>,
}

/// Numbers of a pair.
const PAIRED: usize = 4;

impl Layout {
    pub(super) fn new(protocol: &Protocol, choices: &Choices) -> Self {
        Self {
            margins: protocol.margins.clone(),
            objectives: protocol.objectives.len(),
            front: choices.front.clone(),
            weights: weights(protocol.objectives.len()),
        }
    }

    /// What is read off a view.
    pub(super) fn alone(&self, view: &View, arms: &Means<'_>) -> Vec<f64> {
        let members = view.members(arms);
        let volume = |margin: &f64| normalised_hypervolume(&members, self.objectives, *margin);
        let mut numbers: Vec<f64> = self.margins.iter().map(volume).collect();
        let ideal = vec![1.0; self.objectives];
        numbers.push(igd_plus(&members, &self.front).unwrap_or(f64::NAN));
        numbers.push(r2(&members, &self.weights, &ideal).unwrap_or(f64::NAN));
        let corners = view.corners.iter().enumerate();
        numbers.extend(corners.map(|(k, at)| at.map_or(f64::NAN, |at| arms[view.arm][at][k])));
        numbers
    }

    /// What is read off two views.
    pub(super) fn paired(&self, [a, b]: &[Vec<&[f64]>; 2]) -> [f64; PAIRED] {
        // Ratios count from the first margin's reference.
        let raised = |points: &[&[f64]]| -> Vec<Vec<f64>> {
            let up = |point: &&[f64]| point.iter().map(|x| x + self.margins[0]).collect();
            points.iter().map(up).collect()
        };
        let (high_a, high_b) = (raised(a), raised(b));
        [
            epsilon_additive(a, b),
            epsilon_additive(b, a),
            epsilon_ratio(&high_a, &high_b),
            epsilon_ratio(&high_b, &high_a),
        ]
        .map(|number| number.unwrap_or(f64::NAN))
    }

    fn of_view(&self, view: usize) -> usize {
        view * (self.margins.len() + 2 + self.objectives)
    }

    pub(super) fn volume(&self, view: usize, margin: usize) -> usize {
        self.of_view(view) + margin
    }

    pub(super) fn igd_plus(&self, view: usize) -> usize {
        self.of_view(view) + self.margins.len()
    }

    pub(super) fn r2(&self, view: usize) -> usize {
        self.of_view(view) + self.margins.len() + 1
    }

    pub(super) fn corner(&self, view: usize, objective: usize) -> usize {
        self.of_view(view) + self.margins.len() + 2 + objective
    }

    pub(super) fn epsilon(&self, views: usize, pair: usize, way: usize) -> usize {
        self.of_view(views) + PAIRED * pair + way
    }

    pub(super) fn ratio(&self, views: usize, pair: usize, way: usize) -> usize {
        self.epsilon(views, pair, 2 + way)
    }
}

/// Weights that fill the simplex.
fn weights(objectives: usize) -> Vec<Vec<f64>> {
    let lattice = SweepGrid::Simplex {
        step: 0.1,
        objectives: Vec::new(),
    };
    let filling = parse_set("halton:256").ok().flatten().map(SweepGrid::Set);
    let grid = filling.filter(|_| objectives > LATTICE).unwrap_or(lattice);
    // Both are within the bounds of any number of objectives above 0.
    let found = points(&grid, objectives, 0, 1, false).unwrap_or_default();
    found
        .iter()
        .map(|point| point.as_slice().to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fill_the_simplex_of_any_number_of_objectives() {
        for (objectives, count) in [(1, 1), (2, 11), (3, 66), (4, 286), (5, 256), (8, 256)] {
            let all = weights(objectives);
            assert_eq!(all.len(), count);
            assert!(
                all.iter()
                    .all(|w| (w.iter().sum::<f64>() - 1.0).abs() < 1e-9)
            );
        }
    }
}
