//! What a bundle is worth: the volume of its front on validation prompts, between anchors that no try moves.

use std::ops::ControlFlow;

use crate::bundle::Bundle;
use crate::pareto::hypervolume;
use crate::protocol::{SweepGrid, SweepPlan, SweepProgress};
use crate::stats::{Arm, Draws, Frame, FrameOptions, Scale, StatsError, runs_by_draw};
use crate::study::Study;
use crate::sweep::sweep_whole;
use crate::types::{NamedPoint, Point, Preference, Split};
use crate::{Error, Result};

use super::plan::SearchPlan;

/// Rows that go through the model together.
const SLOTS: usize = 32;
/// How far below the nadir volumes are measured from, in shares of each range.
const MARGIN: f64 = 0.1;
/// Draws of prompts behind errors.
const DRAWS: usize = 1000;

/// What a sweep of one bundle was, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Swept {
    pub(super) sweep: i64,
    pub(super) rows: usize,
    /// Rows that were not in the study before.
    pub(super) made: usize,
}

/// Answers every prompt at every point, scored and stored; what the study holds is not made again.
pub(super) fn sweep(
    bundle: &Bundle,
    plan: &SearchPlan,
    grid: SweepGrid,
    include_base: bool,
    tell: &mut dyn FnMut(&SweepProgress) -> Result<()>,
) -> Result<Swept> {
    let groups: Vec<_> = plan
        .prompts
        .iter()
        .map(|sample| sample.group.clone())
        .collect();
    let sweep = SweepPlan {
        grid,
        prompts: plan
            .prompts
            .iter()
            .map(|sample| sample.prompt.clone())
            .collect(),
        splits: vec![Split::Validation; plan.prompts.len()],
        groups: if groups.iter().all(Option::is_none) {
            Vec::new()
        } else {
            groups
        },
        sampling: plan.sampling.clone(),
        include_base,
        store: study(plan),
    };
    let (mut rows, mut made) = (0, 0);
    let sweep = sweep_whole(bundle, sweep, SLOTS, &mut |progress| {
        (rows, made) = (progress.rows, progress.rows_made);
        tell(progress)
    })?;
    Ok(Swept { sweep, rows, made })
}

/// Where all answers of a search are.
pub(super) fn study(plan: &SearchPlan) -> std::path::PathBuf {
    plan.out.join("search.study")
}

/// The corners of the simplex.
pub(super) fn corners(objectives: usize) -> SweepGrid {
    let corner = |axis| NamedPoint::from(Point::Preference(Preference::one_hot(axis, objectives)));
    SweepGrid::List {
        points: (0..objectives).map(corner).collect(),
    }
}

/// The scores of a sweep.
pub(super) fn arm(study: &Study, sweep: i64) -> Result<Arm> {
    Ok(study.arm("sweep", &sweep.to_string(), None)?)
}

/// What scores are measured by: 0 is the worst anchor of an objective, 1 the best. The anchors are the base model and the
/// bundle's experts of single objectives, before the search, so that every try has the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Yardstick(Vec<(String, Scale)>);

impl Yardstick {
    /// From the anchors' scores.
    pub(super) fn of(anchors: &Arm) -> Result<Self> {
        let means = anchors.means();
        let mut scales = Vec::new();
        for (k, name) in anchors.objectives.iter().enumerate() {
            let column = means.iter().map(|point| point[k]);
            let ends = [f64::INFINITY, f64::NEG_INFINITY];
            let [low, high] = column.fold(ends, |[low, high], v| [low.min(v), high.max(v)]);
            let deviation = high - low;
            if !(deviation > 0.0 && deviation.is_finite()) {
                let problem = format!(
                    "{name}: the base model and the experts of single objectives score alike ({low}), so nothing can be measured between them; take more prompts"
                );
                return Err(Error::option("--prompts", problem));
            }
            scales.push((
                name.clone(),
                Scale {
                    mean: low,
                    deviation,
                },
            ));
        }
        Ok(Self(scales))
    }

    /// Arms in one frame.
    fn frame(&self, arms: &[Arm]) -> std::result::Result<Frame, StatsError> {
        let options = FrameOptions {
            scale: self.0.clone(),
            reference: Some(vec![-MARGIN; self.0.len()]),
            ..FrameOptions::default()
        };
        Frame::new(arms, &options)
    }

    /// The volume of each arm, and the same over draws of prompts, one draw for all arms.
    ///
    /// # Errors
    /// [`Error::Option`] where arms cannot be measured together; [`Error::Cancelled`] where `go_on` breaks.
    pub(super) fn volumes(
        &self,
        arms: &[Arm],
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<Vec<Volume>> {
        let fault = |error| match error {
            StatsError::Cancelled => Error::Cancelled,
            other => Error::option("search", other.to_string()),
        };
        let frame = self.frame(arms).map_err(fault)?;
        let volume = |points: &Vec<Vec<f64>>| hypervolume(points, &frame.reference);
        (0..arms.len())
            .map(|at| {
                let draws = Draws {
                    draws: DRAWS,
                    seed: 0,
                };
                let drawn = runs_by_draw(&frame, at, draws, &mut |_| go_on()).map_err(fault)?;
                Ok(Volume {
                    value: frame.means(at).first().map_or(f64::NAN, volume),
                    drawn: drawn.iter().map(volume).collect(),
                })
            })
            .collect()
    }
}

/// A volume, measured and drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Volume {
    pub(super) value: f64,
    pub(super) drawn: Vec<f64>,
}

impl Volume {
    /// The standard error of its difference to another, drawn alike.
    pub(super) fn error_to(&self, other: &Self) -> f64 {
        let pairs = self.drawn.iter().zip(&other.drawn);
        deviation(&pairs.map(|(one, other)| one - other).collect::<Vec<_>>())
    }

    /// Its own standard error.
    pub(super) fn error(&self) -> f64 {
        deviation(&self.drawn)
    }
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (squares / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{ArmPoint, ArmPrompt};

    fn arm(scores: &[[f64; 2]], prompts: usize) -> Arm {
        let uid = |at: usize| at.to_string();
        Arm {
            name: "a".to_owned(),
            points: (0..scores.len() / prompts)
                .map(|at| ArmPoint {
                    uid: uid(at),
                    name: None,
                    place: vec![at as f64],
                })
                .collect(),
            axes: vec!["x".to_owned()],
            objectives: vec!["x".to_owned(), "y".to_owned()],
            prompts: (0..prompts)
                .map(|at| ArmPrompt {
                    uid: uid(at),
                    group: None,
                })
                .collect(),
            seeds: vec![0],
            scores: scores.concat(),
        }
    }

    #[test]
    fn volumes_lie_between_anchors_and_errors_are_paired() {
        // Means (2, 30) and (4, 10): x from 2 to 4, y from 10 to 30.
        let anchors = arm(&[[1.0, 30.0], [3.0, 30.0], [4.0, 10.0], [4.0, 10.0]], 2);
        let yard = Yardstick::of(&anchors).unwrap();
        let go = || ControlFlow::Continue(());
        // One point at (3, 20): the middle, and 0.6 x 0.6 above the reference.
        let middle = arm(&[[2.0, 20.0], [4.0, 20.0]], 2);
        // The same and a little more at every prompt.
        let better = arm(&[[2.2, 20.0], [4.2, 20.0]], 2);
        let found = yard.volumes(&[middle, better], &go).unwrap();
        assert!((found[0].value - 0.36).abs() < 1e-12 && found[1].value > 0.36);
        assert!(found[0].error() > 0.1);
        assert!(
            found[0].error_to(&found[1]) < 1e-9,
            "what differs by a constant differs surely"
        );
        let flat = arm(&[[1.0, 1.0], [1.0, 2.0]], 1);
        let words = Yardstick::of(&flat).unwrap_err().to_string();
        assert!(
            words.contains("x: the base model and the experts"),
            "{words}"
        );
        let stop = || ControlFlow::Break(());
        assert!(matches!(
            yard.volumes(&[anchors], &stop),
            Err(Error::Cancelled)
        ));
    }
}
