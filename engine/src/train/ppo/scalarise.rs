//! From rewards of several objectives to the coefficients of their advantages (HoE section 3.3, appendix
//! D.3): which objective the next policy step is for.
//!
//! Rewards are normalised and `z` is the ideal point, above all of them; `gap_i = lambda_i (z_i - R_i)` is
//! how far objective `i` falls short, weighed by the preference.

use serde::{Deserialize, Serialize};

use crate::types::{Scalarisation, ScalariseConfig};
use crate::{Error, Result};

/// Refuses an ideal point that does not lie above the rewards. Below them the preference turns round:
/// the gap of an objective shrinks as its weight grows, so that the least wanted one is worked on.
pub fn check_ideal(ideal: &[f64], rewards: &[f64], names: &[String]) -> Result<()> {
    for ((z, reward), name) in ideal.iter().zip(rewards).zip(names) {
        if z <= reward {
            return Err(Error::option(
                "ideal",
                format!(
                    "is {z:.3} for {name}, where the policy already reaches {reward:.3} (normalised): below \
                     the rewards the preference would invert; take more than {reward:.3}, or leave it out \
                     to have it measured"
                ),
            ));
        }
    }
    Ok(())
}

/// The scalarisation while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scalariser {
    preference: Vec<f64>,
    /// Above all rewards seen.
    pub ideal: Vec<f64>,
    log_weights: Vec<f64>,
    /// Running mean of rewards; empty before the first batch.
    running: Vec<f64>,
}

/// What a batch's advantages are mixed by.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// Weights of objectives on the simplex: where the attention is.
    pub weights: Vec<f64>,
    /// Coefficients of the advantages; they sum to one.
    pub coefficients: Vec<f64>,
}

impl Scalariser {
    /// Uniform weights at `preference` with the ideal point `ideal`.
    pub fn new(preference: &[f64], ideal: Vec<f64>) -> Self {
        let uniform = -(preference.len() as f64).ln();
        Self {
            log_weights: vec![uniform; preference.len()],
            preference: preference.to_vec(),
            ideal,
            running: Vec::new(),
        }
    }

    /// Whether it is one of so many objectives.
    pub(super) fn fits(&self, objectives: usize) -> bool {
        let all = [&self.preference, &self.ideal, &self.log_weights];
        all.iter().all(|numbers| numbers.len() == objectives)
            && (self.running.is_empty() || self.running.len() == objectives)
    }

    /// Takes a batch's mean normalised rewards and says how its advantages are mixed. An ideal that a batch
    /// exceeds is raised to it.
    pub fn update(&mut self, config: &ScalariseConfig, rewards: &[f64]) -> Mix {
        for (ideal, reward) in self.ideal.iter_mut().zip(rewards) {
            *ideal = ideal.max(*reward);
        }
        if self.running.is_empty() {
            self.running = rewards.to_vec();
        } else {
            for (mean, reward) in self.running.iter_mut().zip(rewards) {
                *mean += config.follow * (reward - *mean);
            }
        }
        let gaps: Vec<f64> = self
            .preference
            .iter()
            .zip(self.ideal.iter().zip(&self.running))
            .map(|(lambda, (z, r))| lambda * (z - r))
            .collect();
        let smoothing = config.smoothing.unwrap_or(config.form.default_smoothing());
        let weights = match config.form {
            Scalarisation::Linear => self.preference.clone(),
            Scalarisation::Tch => one_hot(&gaps),
            Scalarisation::Stch => softmax(gaps.iter().map(|gap| gap / smoothing)),
            Scalarisation::OmdTch => self.descend(config, &gaps, 0.0),
            Scalarisation::OmdStch => self.descend(config, &gaps, config.rate * smoothing),
        };
        let coefficients = if config.literal || config.form == Scalarisation::Linear {
            weights.clone()
        } else {
            let products = weights.iter().zip(&self.preference).map(|(w, l)| w * l);
            normalised(products.collect(), &self.preference)
        };
        Mix {
            weights,
            coefficients,
        }
    }

    /// `log w <- (1 - forget) log w + rate gap`, normalised and kept within bounds.
    fn descend(&mut self, config: &ScalariseConfig, gaps: &[f64], forget: f64) -> Vec<f64> {
        for (log, gap) in self.log_weights.iter_mut().zip(gaps) {
            *log = (1.0 - forget) * *log + config.rate * gap;
        }
        let weights = softmax(self.log_weights.iter().copied());
        let most = 1.0 - config.least;
        let clipped = weights
            .iter()
            .map(|w| w.clamp(config.least, most))
            .collect();
        let weights = normalised(clipped, &self.preference);
        self.log_weights = weights.iter().map(|w| w.ln()).collect();
        weights
    }
}

/// All weight on the largest gap, the first of equals.
fn one_hot(gaps: &[f64]) -> Vec<f64> {
    let mut worst = 0;
    for (index, gap) in gaps.iter().enumerate() {
        if *gap > gaps[worst] {
            worst = index;
        }
    }
    let mut weights = vec![0.0; gaps.len()];
    if let Some(weight) = weights.get_mut(worst) {
        *weight = 1.0;
    }
    weights
}

fn softmax(scores: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let top = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    let raised: Vec<f64> = scores.map(|s| (s - top).exp()).collect();
    let total: f64 = raised.iter().sum();
    raised.into_iter().map(|r| r / total).collect()
}

/// Divided by the sum; `instead` where there is nothing to divide.
fn normalised(values: Vec<f64>, instead: &[f64]) -> Vec<f64> {
    let total: f64 = values.iter().sum();
    if total > 0.0 {
        values.into_iter().map(|v| v / total).collect()
    } else {
        instead.to_vec()
    }
}
