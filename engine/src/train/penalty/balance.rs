//! A penalty's weight by the ratio of gradients.
//!
//! `alpha = ratio · mean |∇DPO| / mean |∇D|`, by running means, so that the penalty pulls as hard against the loss in
//! the last step as in the first. Measures that know nothing of a vector's length have gradients that grow as it
//! shrinks, and rule the first steps, where the vector is 0 at the beginning: so there is none until it has some.

use serde::{Deserialize, Serialize};

use super::{Addition, Penalty};
use crate::train::optimiser::global_norm;
use crate::types::Strength;
use crate::{Error, Result};

use candle_core::Tensor;

/// What of a running mean stays in every step.
const DECAY: f64 = 0.9;
/// The most that a penalty is multiplied by.
const MOST: f64 = 100.0;
/// The vector's length, as a share of the shortest earlier one's, from which the penalty counts.
const FROM: f64 = 0.1;

/// Running means of the norms of gradients; a part of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Means {
    loss: Option<f64>,
    penalty: Option<f64>,
}

fn follow(mean: &mut Option<f64>, value: f64) -> f64 {
    let next = mean.map_or(value, |mean| DECAY * mean + (1.0 - DECAY) * value);
    *mean = Some(next);
    next
}

impl Penalty {
    /// Multiplies what was computed at a factor of 1 so that its gradient is the share of `gradients`, those of the
    /// loss, that was asked for; `carried` holds the running means from step to step. Nothing happens to a penalty
    /// with an alpha of its own.
    pub(in crate::train) fn balance(
        &self,
        addition: &mut Addition,
        gradients: &[Tensor],
        carried: &mut serde_json::Value,
    ) -> Result<()> {
        let Strength::Ratio { ratio } = self.config.alpha else {
            return Ok(());
        };
        let mut means: Means = if carried.is_null() {
            Means::default()
        } else {
            serde_json::from_value(carried.clone()).map_err(|e| {
                let problem = format!("a checkpoint's means of gradients are unreadable: {e}");
                Error::option("resume", problem)
            })?
        };
        let of_loss = follow(&mut means.loss, global_norm(gradients)?);
        let own: Vec<Tensor> = addition.gradients.iter().flatten().cloned().collect();
        let own = global_norm(&own)?;
        // Where chance explains all dependence there is no gradient, and nothing to learn about its size.
        let alpha = if own > 0.0 && self.is_long_enough(addition) {
            let of_penalty = follow(&mut means.penalty, own);
            (ratio * of_loss / of_penalty).min(MOST)
        } else {
            0.0
        };
        addition.value *= alpha;
        for gradient in addition.gradients.iter_mut().flatten() {
            *gradient = (&*gradient * alpha)?;
        }
        let figures = &mut addition.figures;
        figures.insert("penalty".to_owned(), addition.value);
        figures.insert("alpha".to_owned(), alpha);
        *carried = serde_json::to_value(means)
            .map_err(|e| Error::internal(format!("what a checkpoint carries: {e}")))?;
        Ok(())
    }

    fn is_long_enough(&self, addition: &Addition) -> bool {
        let norm = addition.figures.get("norm").copied().unwrap_or(0.0);
        let earlier = self.earlier.iter().map(|earlier| {
            let squares = earlier.factors.values().map(|factor| factor.square);
            squares.sum::<f64>().sqrt()
        });
        let shortest = earlier
            .filter(|&length| length > 0.0)
            .min_by(f64::total_cmp);
        shortest.is_none_or(|shortest| norm > FROM * shortest)
    }
}
