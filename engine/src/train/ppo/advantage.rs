//! Rewards to advantages: generalised advantage estimation per objective, mixed, whitened.
//!
//! GAE is linear in rewards and values, so the mixture of advantages is the advantage of the mixture
//! (a test shows it); the KL penalty stands in every objective's stream and, as coefficients sum to one,
//! counts once.

/// How rewards reach earlier tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gae {
    /// Discount.
    pub gamma: f64,
    /// Between one step (0) and the whole rest of the answer (1).
    pub lambda: f64,
}

impl Gae {
    /// Advantages of one answer from its tokens' rewards and values; nothing comes after its last token.
    pub fn advantages(self, rewards: &[f64], values: &[f64]) -> Vec<f64> {
        let mut advantages = vec![0.0; rewards.len()];
        let (mut next_value, mut next) = (0.0, 0.0);
        for t in (0..rewards.len()).rev() {
            let delta = rewards[t] + self.gamma * next_value - values[t];
            next = delta + self.gamma * self.lambda * next;
            advantages[t] = next;
            next_value = values[t];
        }
        advantages
    }
}

/// One answer's tokens under the policy that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Log-probabilities under the policy that sampled it, `[tokens]`.
    pub log_probs: Vec<f32>,
    /// Log-probabilities under the base model.
    pub reference: Vec<f32>,
    /// Expected rewards, `[tokens, objectives]`.
    pub values: Vec<f32>,
    /// Normalised score of the whole answer per objective.
    pub scores: Vec<f64>,
}

/// What the policy is updated by.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Mixed advantage, `[tokens]`; whitened over the batch by [`whiten`].
    pub advantages: Vec<f64>,
    /// Advantage plus value, `[tokens, objectives]`.
    pub returns: Vec<f32>,
}

impl Trajectory {
    /// Sum over tokens of `log p - log p_base`: an estimate of the KL divergence in nats.
    pub fn divergence(&self) -> f64 {
        let pairs = self.log_probs.iter().zip(&self.reference);
        pairs.map(|(p, q)| f64::from(p - q)).sum()
    }

    /// Advantages mixed by `coefficients`, and returns of every objective. Every token pays
    /// `penalty (log p - log p_base)`; the last one earns the score.
    pub fn target(&self, gae: Gae, penalty: f64, coefficients: &[f64]) -> Target {
        let tokens = self.log_probs.len();
        let objectives = self.scores.len();
        let pay: Vec<f64> = self
            .log_probs
            .iter()
            .zip(&self.reference)
            .map(|(p, q)| -penalty * f64::from(p - q))
            .collect();
        let mut advantages = vec![0.0; tokens];
        let mut returns = vec![0.0; tokens * objectives];
        for (objective, (score, coefficient)) in self.scores.iter().zip(coefficients).enumerate() {
            let mut rewards = pay.clone();
            if let Some(last) = rewards.last_mut() {
                *last += score;
            }
            let column = self.values.iter().skip(objective).step_by(objectives);
            let values: Vec<f64> = column.map(|&v| f64::from(v)).collect();
            for (t, advantage) in gae.advantages(&rewards, &values).into_iter().enumerate() {
                advantages[t] += coefficient * advantage;
                returns[t * objectives + objective] = (advantage + values[t]) as f32;
            }
        }
        Target {
            advantages,
            returns,
        }
    }
}

/// Shifts and scales all tokens' advantages together to mean 0 and (unbiased) variance 1.
pub fn whiten(targets: &mut [Target]) {
    let all = targets.iter().flat_map(|t| &t.advantages);
    let count = all.clone().count() as f64;
    if count < 2.0 {
        return;
    }
    let mean = all.clone().sum::<f64>() / count;
    let variance = all.map(|a| (a - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let scale = (variance + 1e-8).sqrt();
    for target in targets {
        for advantage in &mut target.advantages {
            *advantage = (*advantage - mean) / scale;
        }
    }
}
