//! How sure it is that a point is on the front: scores are means, and means have standard errors.
//!
//! Two scores differ by more than one standard error where their difference exceeds `sqrt(se_a^2 + se_b^2)`.

use super::{Archive, Change};

/// Means with their standard errors, one of each per objective.
type Estimate<'a> = (&'a [f64], &'a [f64]);

/// Whether `b` dominates `a` when each of its leads is moved by `slack` standard errors of the difference.
fn dominated(
    (means_a, errors_a): Estimate<'_>,
    (means_b, errors_b): Estimate<'_>,
    slack: f64,
) -> bool {
    let mut strictly = false;
    for k in 0..means_a.len() {
        let lead = means_b[k] - means_a[k] + slack * errors_a[k].hypot(errors_b[k]);
        if lead < 0.0 {
            return false;
        }
        strictly |= lead > 0.0;
    }
    strictly
}

/// For each point, whether its place is uncertain: on the front, but within one standard error of
/// being dominated; or dominated, but within one standard error of the front.
///
/// `means` and `errors` are one list per point, of equal lengths. Points with numbers that are not finite are never
/// uncertain and make none so.
pub fn uncertain_membership(means: &[Vec<f64>], errors: &[Vec<f64>]) -> Vec<bool> {
    let usable: Vec<bool> = means
        .iter()
        .map(|m| m.iter().all(|v| v.is_finite()))
        .collect();
    let estimate = |i: usize| (means[i].as_slice(), errors[i].as_slice());
    (0..means.len())
        .map(|a| {
            let by_any = |slack: f64| {
                (0..means.len())
                    .filter(|&b| b != a && usable[b] && means[b].len() == means[a].len())
                    .any(|b| dominated(estimate(a), estimate(b), slack))
            };
            usable[a] && by_any(1.0) != by_any(-1.0)
        })
        .collect()
}

/// An [`Archive`] of means with standard errors, which knows of each member of its front whether it is there for certain.
#[derive(Debug, Clone)]
pub struct EstimateArchive {
    means: Archive,
    errors: Vec<Vec<f64>>,
    uncertain: Vec<bool>,
}

impl EstimateArchive {
    /// An empty archive for points of `objectives` means and as many standard errors.
    pub fn new(objectives: usize) -> Self {
        Self {
            means: Archive::new(objectives),
            errors: Vec::new(),
            uncertain: Vec::new(),
        }
    }

    /// Adds a point; its index is the number of points inserted before it. An error that is missing or not finite counts
    /// as 0. Takes time linear in the size of the front, and in the number of points where it enters the front.
    pub fn insert(&mut self, means: &[f64], errors: &[f64]) -> Change {
        let index = self.errors.len();
        let error = |k: usize| errors.get(k).copied().filter(|e| e.is_finite());
        self.errors
            .push((0..means.len()).map(|k| error(k).unwrap_or(0.0)).collect());
        let change = self.means.insert(means);
        let near = matches!(change, Change::Entered { .. })
            && (0..index).any(|other| self.may_be_dominated(index, other));
        self.uncertain.push(near);
        if change != Change::KeptApart {
            for &member in self.means.front() {
                if member != index && !self.uncertain[member] {
                    self.uncertain[member] = self.may_be_dominated(member, index);
                }
            }
        }
        change
    }

    /// Whether one standard error of each difference could make `other` dominate `point`. Points kept apart make no
    /// other uncertain.
    fn may_be_dominated(&self, point: usize, other: usize) -> bool {
        let estimate = |i: usize| (self.means.points()[i].as_slice(), self.errors[i].as_slice());
        self.means.is_compared(other) && dominated(estimate(point), estimate(other), 1.0)
    }

    /// The means, with their front.
    pub fn means(&self) -> &Archive {
        &self.means
    }

    /// Whether a member of the front is within one standard error of being dominated, by the rule of
    /// [`uncertain_membership`]. Of other points it says nothing.
    pub fn is_uncertain(&self, member: usize) -> bool {
        self.uncertain.get(member).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn membership_is_certain_without_error() {
        let means = vec![
            vec![1.0, 2.0],
            vec![2.0, 1.0],
            vec![0.0, 0.0],
            vec![2.0, 1.0],
        ];
        let errors = vec![vec![0.0; 2]; 4];
        assert_eq!(uncertain_membership(&means, &errors), [false; 4]);
    }

    #[test]
    fn membership_within_one_standard_error() {
        // The second is 0.5 below the first in objective 2 only within noise; the third is far off.
        let means = vec![
            vec![1.0, 2.0],
            vec![1.1, 1.5],
            vec![-9.0, -9.0],
            vec![1.0, f64::NAN],
        ];
        let small = vec![vec![0.03, 0.1]; 4];
        assert_eq!(uncertain_membership(&means, &small), [false; 4]);
        let large = vec![vec![0.2, 0.1]; 4];
        assert_eq!(
            uncertain_membership(&means, &large),
            [false, true, false, false]
        );
        // A dominated point that one error could lift to the front.
        let means = vec![vec![1.0, 2.0], vec![0.95, 1.0]];
        let errors = vec![vec![0.1, 0.1]; 2];
        assert_eq!(uncertain_membership(&means, &errors), [false, true]);
    }

    #[test]
    fn an_error_that_is_none_counts_as_zero() {
        let mut archive = EstimateArchive::new(1);
        archive.insert(&[1.0], &[f64::NAN]);
        archive.insert(&[f64::NAN], &[9.0]);
        assert_eq!(archive.insert(&[0.5], &[]), Change::Dominated);
        assert!(!archive.is_uncertain(0));
        assert_eq!(archive.means().kept_apart(), 1);
    }

    proptest! {
        /// Point by point, against the front and the rule of uncertainty over all at once.
        #[test]
        fn the_archive_is_sure_of_what_the_rule_is_sure_of(
            rows in (1_usize..6).prop_flat_map(|n| prop::collection::vec(
                (prop::collection::vec((0_u8..7).prop_map(|v| if v == 6 { f64::NAN } else { f64::from(v) / 2.0 }), n), 0.0_f64..0.6),
                1..24,
            )),
        ) {
            let (means, errors): (Vec<Vec<f64>>, Vec<Vec<f64>>) =
                rows.into_iter().map(|(means, se)| { let n = means.len(); (means, vec![se; n]) }).unzip();
            let mut archive = EstimateArchive::new(means[0].len());
            for (means, errors) in means.iter().zip(&errors) {
                archive.insert(means, errors);
            }
            prop_assert_eq!(archive.means().front(), super::super::front(&means));
            let uncertain = uncertain_membership(&means, &errors);
            for &member in archive.means().front() {
                prop_assert_eq!(archive.is_uncertain(member), uncertain[member], "point {}", member);
            }
        }
    }
}
