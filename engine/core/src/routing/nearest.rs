//! HoE's selection as Eqs. 9 and 10 of the paper state it, for comparison.
//!
//! The N nearest experts often do not enclose the preference: the weights then fall below zero, or
//! no weights reproduce it at all. [`Nearest::convex`] and [`Nearest::residual`] say so.

use serde::{Deserialize, Serialize};

use super::Enclosing;
use super::solve::distance;
use crate::types::{Expert, Preference};

/// The outcome of the literal rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// The preference.
    pub preference: Preference,
    /// The N nearest experts (Eq. 9) in order of index, with the weights that reproduce the
    /// preference best (Eq. 10); a weight may be negative.
    pub experts: Vec<Enclosing>,
    /// Euclidean distance between the preference and the mixture's.
    pub residual: f64,
    /// Whether all weights are at least 0 and together 1, so that this is a mixture at all.
    pub convex: bool,
}

/// Takes the N nearest experts by Euclidean distance (of equals, the earlier), N being the number
/// of objectives, and solves for their weights by least squares; of dependent experts the farther
/// gets 0.
pub fn nearest(experts: &[Expert], preference: &Preference) -> Nearest {
    let target = preference.as_slice();
    let mut order: Vec<(f64, usize)> = experts
        .iter()
        .enumerate()
        .map(|(index, e)| (distance(e.preference.as_slice(), target), index))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.truncate(target.len());

    let columns: Vec<&[f64]> = order
        .iter()
        .map(|&(_, index)| experts[index].preference.as_slice())
        .collect();
    let weights = least_squares(&columns, target);
    let mixed: Vec<f64> = (0..target.len())
        .map(|k| {
            columns
                .iter()
                .zip(&weights)
                .map(|(c, w)| w * c.get(k).unwrap_or(&0.0))
                .sum::<f64>()
        })
        .collect();
    let residual = distance(&mixed, target);
    let sum: f64 = weights.iter().sum();
    let convex = weights.iter().all(|&w| w >= -1e-9) && (sum - 1.0).abs() <= 1e-9;
    let mut experts: Vec<Enclosing> = order
        .iter()
        .zip(weights)
        .map(|(&(_, index), weight)| Enclosing { index, weight })
        .collect();
    experts.sort_by_key(|e| e.index);
    Nearest {
        preference: preference.clone(),
        experts,
        residual: if residual < 1e-12 { 0.0 } else { residual },
        convex,
    }
}

/// `x` with the smallest `|sum x_i columns_i - target|`, by Gram-Schmidt; a column that depends on
/// earlier ones gets 0.
fn least_squares(columns: &[&[f64]], target: &[f64]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    // basis[j] belongs to column used[j]; upper[j][i] = <basis_i, column_used[j]>.
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut used: Vec<usize> = Vec::new();
    let mut upper: Vec<Vec<f64>> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let mut rest = column.to_vec();
        let mut above = Vec::new();
        // Twice, because once loses orthogonality for nearly dependent columns.
        for round in 0..2 {
            for (i, direction) in basis.iter().enumerate() {
                let along = dot(direction, &rest);
                if round == 0 {
                    above.push(along);
                } else {
                    above[i] += along;
                }
                rest.iter_mut()
                    .zip(direction)
                    .for_each(|(r, d)| *r -= along * d);
            }
        }
        let norm = dot(&rest, &rest).sqrt();
        if norm > 1e-9 {
            above.push(norm);
            for value in &mut rest {
                *value /= norm;
            }
            basis.push(rest);
            used.push(index);
            upper.push(above);
        }
    }
    let mut solution = vec![0.0; columns.len()];
    let mut right: Vec<f64> = basis
        .iter()
        .map(|direction| dot(direction, target))
        .collect();
    for j in (0..basis.len()).rev() {
        let x = right[j] / upper[j][j];
        solution[used[j]] = x;
        for i in 0..j {
            right[i] -= x * upper[j][i];
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ExpertKind;

    fn experts(points: &[&[f64]]) -> Vec<Expert> {
        points
            .iter()
            .map(|p| Expert {
                kind: ExpertKind::Lora,
                name: String::new(),
                preference: Preference::new(p.to_vec()).unwrap(),
            })
            .collect()
    }

    #[test]
    fn figure_2_is_not_what_the_equations_give() {
        let third = 1.0 / 3.0;
        let set = experts(&[
            &[1.0, 0.0, 0.0],
            &[0.0, 1.0, 0.0],
            &[0.0, 0.0, 1.0],
            &[0.5, 0.5, 0.0],
            &[0.5, 0.0, 0.5],
            &[0.0, 0.5, 0.5],
            &[third, third, third],
        ]);
        let got = nearest(&set, &Preference::new(vec![5.0, 3.0, 1.0]).unwrap());
        let weights: Vec<(usize, f64)> = got.experts.iter().map(|e| (e.index, e.weight)).collect();
        for ((index, weight), right) in
            weights
                .into_iter()
                .zip([(3, 8.0 / 9.0), (4, 4.0 / 9.0), (6, -3.0 / 9.0)])
        {
            assert_eq!(index, right.0);
            assert!((weight - right.1).abs() < 1e-12, "expert {index}: {weight}");
        }
        assert!(!got.convex);
        assert!(got.residual < 1e-12);
    }

    #[test]
    fn collinear_experts_leave_a_residual() {
        // Router, centre and third corner are on one line (methods of the paper's 3-objective set).
        let set = experts(&[&[0.0, 0.0, 1.0], &[1.0, 1.0, 1.0], &[0.25, 0.25, 0.5]]);
        let got = nearest(&set, &Preference::new(vec![0.3, 0.1, 0.6]).unwrap());
        assert!(got.residual > 0.05);
        // Off the plane of the weights' sum only by the least-squares fit.
        assert!(got.experts.iter().filter(|e| e.weight != 0.0).count() <= 2);
    }

    #[test]
    fn an_expert_stands_for_itself() {
        let set = experts(&[&[1.0, 0.0], &[0.0, 1.0], &[0.5, 0.5]]);
        let got = nearest(&set, &Preference::new(vec![0.5, 0.5]).unwrap());
        assert!(got.convex);
        assert_eq!(
            got.experts
                .iter()
                .filter(|e| e.weight.abs() > 1e-12)
                .count(),
            1
        );
    }
}
