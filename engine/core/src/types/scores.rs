//! Reward scores of a text, and their summary over prompts.

use serde::{Deserialize, Serialize};

use super::Point;

/// One raw score per objective of the bundle, sign applied (larger is better); `None` where no
/// reward model is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores(pub Vec<Option<f64>>);

/// A mean that carries its n and its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Mean over prompts of the finite scores.
    pub mean: f64,
    /// Standard error of that mean: sample deviation / sqrt(n); 0 where n = 1.
    pub se: f64,
    /// Finite scores that went in.
    pub n: usize,
    /// Scores that were NaN or infinite, kept apart.
    #[serde(default)]
    pub non_finite: usize,
}

impl Summary {
    /// Sums up scores; the mean is NaN where none is finite.
    pub fn of(scores: impl IntoIterator<Item = f64>) -> Self {
        let (finite, rest): (Vec<f64>, Vec<f64>) = scores.into_iter().partition(|s| s.is_finite());
        let n = finite.len();
        let mean = finite.iter().sum::<f64>() / n as f64;
        let se = if n > 1 {
            let squares: f64 = finite.iter().map(|s| (s - mean).powi(2)).sum();
            (squares / (n - 1) as f64 / n as f64).sqrt()
        } else {
            0.0
        };
        Self {
            mean,
            se,
            n,
            non_finite: rest.len(),
        }
    }

    /// The mean as other points' are compared with it: NaN where a score is not finite, since a mean over fewer prompts
    /// is another measurement.
    pub fn compared(&self) -> f64 {
        if self.non_finite == 0 {
            self.mean
        } else {
            f64::NAN
        }
    }
}

/// A point of a sweep, with its scores summed up over the prompts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointResult {
    /// Place in the sweep's plan.
    pub index: usize,
    /// Where it stands.
    pub point: Point,
    /// What the list of points calls it, if that has a name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One summary per objective of the bundle; `None` where it has no reward model.
    pub scores: Vec<Option<Summary>>,
    /// Rows behind the summaries.
    pub rows: usize,
}
