//! The scale of scores, from what the base model itself scored.

use std::collections::HashSet;

use serde::Serialize;

use super::{Arm, ArmPoint, Frame, FrameOptions, Result, Scale, StatsError};

/// What scores were standardised by, and what that rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaseScale {
    /// The arm whose base model's answers they are.
    pub arm: String,
    /// Its answers.
    pub answers: usize,
    /// Mean and deviation of each objective's scores, in the frame's order.
    pub scale: Vec<(String, Scale)>,
}

impl ArmPoint {
    /// Whether no expert speaks there: weights that are all 0. The shares of a preference never are.
    pub fn is_base(&self) -> bool {
        self.place.iter().all(|share| *share == 0.0)
    }
}

impl Frame {
    /// [`Frame::new`] in standard deviations of the base model's scores on the prompts of the frame. `from` are arms that
    /// may hold its answers, e.g. those of the frame before points were chosen; the first that does gives the scale.
    ///
    /// # Errors
    /// Those of [`Frame::new`]; [`StatsError::NoBase`] where no arm holds the base model, [`StatsError::NoScale`] where its
    /// scores of an objective are all alike.
    pub fn from_base(
        arms: &[Arm],
        from: &[Arm],
        options: &FrameOptions,
    ) -> Result<(Self, BaseScale)> {
        let raw = FrameOptions {
            scale: Vec::new(),
            reference: None,
            seeds: options.seeds,
        };
        let shared = Self::new(arms, &raw)?;
        let found = base_scale(from, &shared)?;
        let standardised = FrameOptions {
            scale: found.scale.clone(),
            ..options.clone()
        };
        Ok((Self::new(arms, &standardised)?, found))
    }
}

/// Mean and deviation of the base model's scores on the prompts of a frame.
fn base_scale(from: &[Arm], frame: &Frame) -> Result<BaseScale> {
    let prompts: HashSet<&str> = frame.prompts.iter().map(String::as_str).collect();
    for arm in from {
        let Some(base) = arm.points.iter().position(ArmPoint::is_base) else {
            continue;
        };
        let kept: Vec<usize> = (0..arm.prompts.len())
            .filter(|at| prompts.contains(arm.prompts[*at].uid.as_str()))
            .collect();
        let objective = |name: &String| arm.objectives.iter().position(|o| o == name);
        let places: Option<Vec<usize>> = frame.objectives.iter().map(objective).collect();
        let (Some(places), false) = (places, kept.is_empty()) else {
            continue;
        };
        let scores = |objective: usize| -> Vec<f64> {
            let seeds = 0..arm.seeds.len();
            let rows = seeds.flat_map(|seed| kept.iter().map(move |prompt| (seed, *prompt)));
            rows.map(|(seed, prompt)| arm.score(base, seed, prompt, objective))
                .collect()
        };
        let scale = frame.objectives.iter().zip(places).map(|(name, at)| {
            let scores = scores(at);
            let scale = Scale::of(&scores).ok_or_else(|| StatsError::NoScale {
                objective: name.clone(),
                arm: arm.name.clone(),
                answers: scores.iter().filter(|score| score.is_finite()).count(),
            })?;
            Ok((name.clone(), scale))
        });
        return Ok(BaseScale {
            arm: arm.name.clone(),
            answers: kept.len() * arm.seeds.len(),
            scale: scale.collect::<Result<_>>()?,
        });
    }
    Err(StatsError::NoBase {
        arms: from.iter().map(|arm| arm.name.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::arm::tests::arm;
    use super::*;

    /// A, whose first point is the base model, and B.
    fn two() -> [Arm; 2] {
        let base = vec![vec![1.0, 10.0], vec![3.0, 30.0], vec![2.0, 20.0]];
        let one = vec![vec![2.0, 20.0], vec![4.0, 40.0], vec![3.0, 30.0]];
        let a = arm("A", &[base, one.clone()]);
        let mut b = arm("B", &[one]);
        b.points[0].place = vec![0.5, 0.5];
        [a, b]
    }

    #[test]
    fn scores_are_in_deviations_of_the_base_model_s_answers_to_the_prompts_of_the_frame() {
        let [a, b] = two();
        let arms = [b.clone(), a.clone()];
        let options = FrameOptions::default();
        let (frame, found) = Frame::from_base(&arms, &arms, &options).unwrap();
        assert_eq!((found.arm.as_str(), found.answers), ("A", 3));
        assert_eq!(
            found.scale[1].1,
            Scale {
                mean: 20.0,
                deviation: 10.0
            }
        );
        assert_eq!(frame.means(0), [[[1.0, 1.0]]]);
        assert_eq!(frame.means(1), [[[0.0, 0.0], [1.0, 1.0]]]);
        // Prompts that not all answered give no scale either.
        let mut fewer = b.clone();
        fewer.prompts[2].uid = "elsewhere".to_owned();
        let (_, found) = Frame::from_base(&[fewer, a.clone()], &arms, &options).unwrap();
        assert_eq!(found.answers, 2);
        assert_eq!(found.scale[0].1.mean, 2.0);
        // The base model may have been left out of what is compared.
        let chosen = [a.only(&[1]), b.clone()];
        let (frame, _) = Frame::from_base(&chosen, &arms, &options).unwrap();
        assert_eq!(frame.means(0), frame.means(1));
        let given = FrameOptions {
            reference: Some(vec![-1.0, -1.0]),
            ..FrameOptions::default()
        };
        let (frame, _) = Frame::from_base(&arms, &arms, &given).unwrap();
        assert_eq!(frame.reference, [-1.0, -1.0], "in the frame's units");
    }

    #[test]
    fn no_base_and_no_spread_are_refused() {
        let [mut a, b] = two();
        let options = FrameOptions::default();
        let words = |arms: &[Arm]| {
            let refused = Frame::from_base(arms, arms, &options);
            refused.unwrap_err().to_string()
        };
        assert_eq!(
            words(std::slice::from_ref(&b)),
            "none of B holds the base model's answers to these prompts, which z-scores are measured by; sweep it as well (--base)"
        );
        for row in 0..3 {
            a.scores[2 * row] = 1.0;
        }
        let words = words(&[a, b]);
        assert!(
            words.starts_with("o0: the base model's 3 scores in A"),
            "{words}"
        );
    }
}
