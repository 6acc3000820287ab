//! The scale that fronts are measured on, settled before any of them is looked at.

use serde::{Deserialize, Serialize};

use crate::pareto::hypervolume;

/// The best and the worst mean score of each objective among a few models that all arms share: the base and the single
/// experts. On their scale the worst is 0 and the best 1, so that every objective weighs alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    /// The best, one number per objective.
    pub ideal: Vec<f64>,
    /// The worst, one number per objective, each below the best.
    pub nadir: Vec<f64>,
}

impl Anchors {
    /// Those of the mean scores of models, one list per model. `None` where there is no model, a score is not finite, or
    /// all models score alike in an objective.
    pub fn of(models: &[impl AsRef<[f64]>]) -> Option<Self> {
        let first = models.first()?.as_ref();
        let (mut ideal, mut nadir) = (first.to_vec(), first.to_vec());
        for model in models.iter().map(AsRef::as_ref) {
            if model.len() != first.len() {
                return None;
            }
            for (k, &score) in model.iter().enumerate() {
                ideal[k] = ideal[k].max(score);
                nadir[k] = nadir[k].min(score);
            }
        }
        let finite = |model: &[f64]| model.iter().all(|score| score.is_finite());
        let found = Self { ideal, nadir };
        (models.iter().all(|model| finite(model.as_ref())) && found.spans()).then_some(found)
    }

    /// Whether both have as many numbers, all finite, and the best is above the worst in every objective.
    pub fn spans(&self) -> bool {
        let above = |(high, low): (&f64, &f64)| high.is_finite() && low.is_finite() && high > low;
        !self.ideal.is_empty()
            && self.ideal.len() == self.nadir.len()
            && self.ideal.iter().zip(&self.nadir).all(above)
    }

    /// Scores on the scale of the anchors: `(x - nadir) / (ideal - nadir)`.
    pub fn normalise(&self, scores: &[f64]) -> Vec<f64> {
        let parts = scores.iter().zip(self.ideal.iter().zip(&self.nadir));
        parts
            .map(|(x, (ideal, nadir))| (x - nadir) / (ideal - nadir))
            .collect()
    }

    /// The volume that points (raw scores) dominate above a reference `margin` of a range below the worst, as a share of
    /// what one point at the best of everything would: [`normalised_hypervolume`] after [`Anchors::normalise`].
    ///
    /// A small margin rewards the middle of a front, a large one its corners, none leaves a corner that is worst in one
    /// objective without any volume; a claim stands by more than one of them (Ishibuchi and others 2018).
    pub fn hypervolume(&self, points: &[impl AsRef<[f64]>], margin: f64) -> f64 {
        let scaled: Vec<Vec<f64>> = points.iter().map(|p| self.normalise(p.as_ref())).collect();
        normalised_hypervolume(&scaled, self.ideal.len(), margin)
    }
}

/// The volume between the reference `-margin` and points on the scale of anchors, divided by that of the box from there to
/// the best, `(1 + margin)^objectives`.
pub fn normalised_hypervolume(points: &[impl AsRef<[f64]>], objectives: usize, margin: f64) -> f64 {
    let whole: f64 = (0..objectives).map(|_| 1.0 + margin).product();
    hypervolume(points, &vec![-margin; objectives]) / whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_best_and_the_worst_of_a_few_models() {
        let base = [0.0, 5.0, 1.0];
        let experts = [[4.0, 1.0, 1.0], [2.0, 9.0, 3.0]];
        let found = Anchors::of(&[base, experts[0], experts[1]]).unwrap();
        assert_eq!(found.ideal, [4.0, 9.0, 3.0]);
        assert_eq!(found.nadir, [0.0, 1.0, 1.0]);
        assert_eq!(found.normalise(&[2.0, 9.0, 0.0]), [0.5, 1.0, -0.5]);
        // One objective in which all are alike has no scale.
        assert_eq!(Anchors::of(&[[1.0, 2.0], [1.0, 3.0]]), None);
        assert_eq!(Anchors::of(&[[1.0, f64::NAN], [2.0, 3.0]]), None);
        assert_eq!(Anchors::of(&[vec![1.0, 2.0], vec![1.0]]), None);
        assert_eq!(Anchors::of(&[] as &[[f64; 1]]), None);
    }

    #[test]
    fn a_volume_is_a_share_of_what_the_best_of_everything_holds() {
        let anchors = Anchors {
            ideal: vec![3.0, 20.0],
            nadir: vec![1.0, 10.0],
        };
        for margin in [0.0, 0.1, 0.5] {
            let best = anchors.hypervolume(std::slice::from_ref(&anchors.ideal), margin);
            assert!((best - 1.0).abs() < 1e-12);
            // A corner: as wide as all, and as high as the margin alone.
            let corner = anchors.hypervolume(&[[3.0, 10.0]], margin);
            assert!((corner - margin / (1.0 + margin)).abs() < 1e-12);
        }
    }

    proptest! {
        /// Whatever units scores have, the share is one and the same.
        #[test]
        fn units_do_not_matter(
            set in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 3), 1..10),
            scale in prop::collection::vec(0.01_f64..100.0, 3),
            shift in prop::collection::vec(-50.0_f64..50.0, 3),
        ) {
            let anchors = Anchors { ideal: vec![0.9, 0.5, 0.7], nadir: vec![-0.9, -0.5, -0.2] };
            let moved = |point: &[f64]| -> Vec<f64> {
                let parts = point.iter().zip(&scale).zip(&shift);
                parts.map(|((x, by), to)| x * by + to).collect()
            };
            let other = Anchors { ideal: moved(&anchors.ideal), nadir: moved(&anchors.nadir) };
            let points: Vec<Vec<f64>> = set.iter().map(|point| moved(point)).collect();
            for margin in [0.1, 0.5] {
                let (one, two) = (anchors.hypervolume(&set, margin), other.hypervolume(&points, margin));
                prop_assert!((one - two).abs() < 1e-9 * (1.0 + one), "{} {}", one, two);
            }
        }
    }
}
