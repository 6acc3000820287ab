//! The scale of all results, settled before any arm is looked at.

use serde::{Deserialize, Serialize};

use super::Result;
use crate::pareto::Anchors;
use crate::stats::{Arm, ArmPoint, Scale, StatsError};
use crate::types::Split;

/// Anchors and z-scale, from the base model and the single experts, which all arms share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// The part of the prompts that they were measured on: never the test.
    pub on: Split,
    /// The models, by the names of their points.
    pub models: Vec<String>,
    /// The best and the worst of their means, per objective: 1 and 0 of every volume.
    pub anchors: Anchors,
    /// Mean and deviation of the base model's scores, per objective.
    pub z: Vec<Scale>,
}

impl Frozen {
    /// From an arm whose points are the base model, with weights of zero, and the single experts.
    ///
    /// # Errors
    /// [`StatsError::NoBase`] where no point is the base model, [`StatsError::NoScale`] where its scores of an objective are
    /// all alike, [`StatsError::NoAnchors`] where the models' means are, or a score is missing.
    pub fn of(on: Split, models: &Arm) -> Result<Self> {
        models.check()?;
        let base = models.points.iter().position(ArmPoint::is_base);
        let base = base.ok_or_else(|| StatsError::NoBase {
            arms: vec![models.name.clone()],
        })?;
        let z = |k: usize| {
            let rows = (0..models.seeds.len())
                .flat_map(|seed| (0..models.prompts.len()).map(move |prompt| (seed, prompt)));
            let scores: Vec<f64> = rows
                .map(|(seed, prompt)| models.score(base, seed, prompt, k))
                .collect();
            Scale::of(&scores).ok_or_else(|| StatsError::NoScale {
                objective: models.objectives[k].clone(),
                arm: models.name.clone(),
                answers: scores.iter().filter(|score| score.is_finite()).count(),
            })
        };
        let z = (0..models.objectives.len())
            .map(z)
            .collect::<Result<_, _>>()?;
        let anchors = Anchors::of(&models.means()).ok_or_else(|| StatsError::NoAnchors {
            arm: models.name.clone(),
            points: models.points.len(),
        })?;
        let name = |point: &ArmPoint| point.name.clone().unwrap_or_else(|| point.uid.clone());
        Ok(Self {
            on,
            models: models.points.iter().map(name).collect(),
            anchors,
            z,
        })
    }

    /// The mean over objectives of the z-scores of means on the scale of the anchors: what the single best model is chosen
    /// by.
    pub fn mean_z(&self, normalised: &[f64]) -> f64 {
        let parts = normalised.iter().enumerate().map(|(k, share)| {
            let (low, high) = (self.anchors.nadir[k], self.anchors.ideal[k]);
            let raw = low + share * (high - low);
            (raw - self.z[k].mean) / self.z[k].deviation
        });
        parts.sum::<f64>() / normalised.len().max(1) as f64
    }

    /// The scale of the anchors as what scores are standardised by, for [`crate::stats::FrameOptions`].
    pub(super) fn as_scale(&self, objectives: &[String]) -> Vec<(String, Scale)> {
        let ends = self.anchors.nadir.iter().zip(&self.anchors.ideal);
        let scale = ends.map(|(nadir, ideal)| Scale {
            mean: *nadir,
            deviation: ideal - nadir,
        });
        objectives.iter().cloned().zip(scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ArmPrompt;

    fn models() -> Arm {
        let point = |uid: &str, place: [f64; 2]| ArmPoint {
            uid: uid.to_owned(),
            name: None,
            place: place.to_vec(),
        };
        let prompt = |uid: &str| ArmPrompt {
            uid: uid.to_owned(),
            group: None,
        };
        Arm {
            name: "models".to_owned(),
            points: vec![
                point("base", [0.0, 0.0]),
                point("one", [1.0, 0.0]),
                point("two", [0.0, 1.0]),
            ],
            axes: vec!["o1".to_owned(), "o2".to_owned()],
            objectives: vec!["o1".to_owned(), "o2".to_owned()],
            prompts: vec![prompt("p"), prompt("q")],
            seeds: vec![0],
            scores: vec![
                0.0, 10.0, 2.0, 30.0, // base: means 1 and 20
                5.0, 8.0, 5.0, 12.0, // 5 and 10
                3.0, 40.0, 3.0, 40.0, // 3 and 40
            ],
        }
    }

    #[test]
    fn anchors_and_scale_are_those_of_the_base_and_the_experts() {
        let found = Frozen::of(Split::Validation, &models()).unwrap();
        assert_eq!(found.models, ["base", "one", "two"]);
        assert_eq!(found.anchors.ideal, [5.0, 40.0]);
        assert_eq!(found.anchors.nadir, [1.0, 10.0]);
        assert_eq!((found.z[0].mean, found.z[1].mean), (1.0, 20.0));
        // The base on the scale of the anchors is 0 by its own.
        let base = found.anchors.normalise(&[1.0, 20.0]);
        assert!(found.mean_z(&base).abs() < 1e-12);
        let best = found.anchors.normalise(&[1.0 + 2.0_f64.sqrt(), 20.0]);
        assert!((found.mean_z(&best) - 0.5).abs() < 1e-12);
        let scale = found.as_scale(&models().objectives);
        assert_eq!(scale[1].1.deviation, 30.0);
    }

    #[test]
    fn what_gives_no_scale_is_refused() {
        let words = |arm: &Arm| Frozen::of(Split::Train, arm).unwrap_err().to_string();
        assert!(words(&models().only(&[1, 2])).contains("holds the base model's answers"));
        let mut alike = models();
        alike.scores[0] = 2.0;
        assert!(words(&alike).starts_with("o1: the base model's 2 scores"));
        let mut missing = models();
        missing.scores[6] = f64::NAN;
        assert_eq!(
            words(&missing),
            "models: the mean scores of 3 points are missing or all alike in an objective; they give no anchors"
        );
    }
}
