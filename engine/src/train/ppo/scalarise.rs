//! From rewards of several objectives to the coefficients of their advantages (HoE section 3.3, appendix
//! D.3): which objective the next policy step is for.
//!
//! Rewards are normalised and `z` is the ideal point, above all of them; `gap_i = lambda_i (z_i - R_i)` is
//! how far objective `i` falls short, weighed by the preference.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How objectives become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scalarisation {
    /// Fixed weights, the preference itself; the ablation that drifts to an edge of the front.
    Linear,
    /// Tchebycheff (Eqs. 14 to 16): the objective with the largest weighted gap alone.
    Tch,
    /// Tchebycheff by online mirror descent: weights grow by the exponential of their gap (Eq. 18).
    OmdTch,
    /// Smooth Tchebycheff (Eq. 17): softmax of the weighted gaps over a smoothing.
    Stch,
    /// Both (appendix D.3): mirror descent that forgets, whose rest point is the smooth form's weights.
    #[default]
    OmdStch,
}

impl Scalarisation {
    /// As on the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("linear", Self::Linear),
        ("tch", Self::Tch),
        ("omd-tch", Self::OmdTch),
        ("stch", Self::Stch),
        ("omd-stch", Self::OmdStch),
    ];

    /// The form of that name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|&(_, form)| form)
    }

    /// The smoothing where none is given: Eq. 17 has none, which is 1; the running form takes 0.1, so that
    /// with its rate of 0.1 it forgets 1 % per batch.
    fn default_smoothing(self) -> f64 {
        match self {
            Self::OmdStch => 0.1,
            _ => 1.0,
        }
    }
}

/// What can be set about scalarisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScalariseConfig {
    /// Which form.
    pub form: Scalarisation,
    /// Coefficients as the paper writes them, `w_i`, in place of the exact gradient's, which are
    /// proportional to `w_i lambda_i`: the literal form also follows objectives that nobody asked for.
    pub literal: bool,
    /// Rate of mirror descent, per batch.
    pub rate: f64,
    /// Smoothing of the smooth forms; by default the form's own.
    pub smoothing: Option<f64>,
    /// Running weights are cut to this and one minus this, and then divided by their sum.
    pub least: f64,
    /// How fast the running mean of rewards follows a batch.
    pub follow: f64,
    /// The ideal point in normalised rewards; by default measured on the experts.
    pub ideal: Option<Vec<f64>>,
    /// How far above the best expert the measured ideal lies.
    pub margin: f64,
}

impl Default for ScalariseConfig {
    fn default() -> Self {
        Self {
            form: Scalarisation::default(),
            literal: false,
            rate: 0.1,
            smoothing: None,
            least: 0.02,
            follow: 0.1,
            ideal: None,
            margin: 0.1,
        }
    }
}

impl ScalariseConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self, objectives: usize) -> Result<()> {
        let refuse = |name: &str, value: f64, right: &str| {
            Err(Error::option(
                name,
                format!("is {value}; it must be {right}"),
            ))
        };
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return refuse("rate", self.rate, "above 0");
        }
        if let Some(smoothing) = self.smoothing.filter(|s| !(s.is_finite() && *s > 0.0)) {
            return refuse("smoothing", smoothing, "above 0");
        }
        if !(self.least >= 0.0 && self.least * (objectives as f64) < 1.0) {
            return refuse(
                "least weight",
                self.least,
                "at least 0 and below one over the objectives",
            );
        }
        if !(self.margin.is_finite() && self.margin >= 0.0) {
            return refuse("margin", self.margin, "0 or above");
        }
        if !(self.follow > 0.0 && self.follow <= 1.0) {
            return refuse("follow", self.follow, "above 0 and at most 1");
        }
        match &self.ideal {
            Some(ideal) if ideal.len() != objectives => Err(Error::option(
                "ideal",
                format!(
                    "has {} numbers; the bundle has {objectives} objectives",
                    ideal.len()
                ),
            )),
            Some(ideal) if ideal.iter().any(|z| !z.is_finite()) => {
                Err(Error::option("ideal", "has a number that is not finite"))
            }
            _ => Ok(()),
        }
    }
}

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
