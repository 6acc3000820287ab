//! A difference between methods whose models were trained several times: what another training run would show.

use serde::{Deserialize, Serialize};

use super::draws::counts;
use super::student::{quantile, two_sided};
use super::{Draws, Frame, Progress, Result, SeedKind, StatsError};
use crate::pareto::hypervolume;

/// A difference in volume over training seeds and prompts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainedDifference {
    /// The mean over seeds of the first arm's volume less the second's.
    pub difference: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom behind the interval.
    pub freedom: f64,
    /// How likely so large a difference would be if there were none.
    pub p: f64,
    /// Training seeds.
    pub seeds: usize,
}

/// The difference between two arms of a frame whose seeds are training runs, paired by seed. Its variance is that of the
/// differences per seed over the seeds, and that of their mean over draws of prompts; Student's t with degrees of freedom by
/// Satterthwaite's rule. Where runs vary more than prompts do, intervals from drawing both are too narrow; these are not.
///
/// # Errors
/// [`StatsError::TooFew`] where the arms share fewer than two training seeds or two groups of prompts,
/// [`StatsError::Cancelled`] where `progress` breaks.
pub fn over_training_seeds(
    frame: &Frame,
    [a, b]: [usize; 2],
    draws: Draws,
    progress: Progress<'_>,
) -> Result<TrainedDifference> {
    let shared = match frame.seed_kind {
        SeedKind::Training => frame.seeds.len(),
        SeedKind::Sampling => 0,
    };
    let sizes = [
        ("training seeds that both arms have", shared),
        ("groups of prompts", frame.groups.len()),
        ("draws", draws.draws),
    ];
    for (of, got) in sizes {
        if got < 2 {
            return Err(StatsError::TooFew { of, got, needed: 2 });
        }
    }
    let every = vec![1.0; shared];
    let per_seed = |prompts: &[f64]| -> Vec<f64> {
        let volumes = |arm: usize| {
            let runs = frame.weighted_means(arm, &every, prompts);
            runs.into_iter()
                .map(|run| hypervolume(&run.points, &frame.reference))
        };
        volumes(a).zip(volumes(b)).map(|(a, b)| a - b).collect()
    };
    let differences = per_seed(&vec![1.0; frame.prompts.len()]);
    let mut drawn = Vec::with_capacity(draws.draws);
    draws.each(progress, |random| {
        let prompts = counts(random, &frame.groups, frame.prompts.len());
        drawn.push(mean(&per_seed(&prompts)));
    })?;
    let seeds = shared as f64;
    let difference = mean(&differences);
    let of_seeds = variance(&differences) / seeds;
    let of_prompts = variance(&drawn);
    let error = (of_seeds + of_prompts).sqrt();
    let share =
        of_seeds.powi(2) / (seeds - 1.0) + of_prompts.powi(2) / (frame.groups.len() as f64 - 1.0);
    // Where nothing varies there is nothing to be unsure of.
    let freedom = if share > 0.0 {
        error.powi(4) / share
    } else {
        f64::INFINITY
    };
    let half = if error > 0.0 {
        quantile(0.975, freedom) * error
    } else {
        0.0
    };
    Ok(TrainedDifference {
        difference,
        low: difference - half,
        high: difference + half,
        error,
        freedom,
        p: match (error > 0.0, difference == 0.0) {
            (true, _) => two_sided(difference / error, freedom),
            (false, true) => 1.0,
            (false, false) => 0.0,
        },
        seeds: shared,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample variance.
fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::arm::tests::arm;
    use super::super::{Arm, FrameOptions};
    use super::*;

    /// One point in one objective; its score at a seed is the same for all prompts, so that seeds alone vary.
    fn runs(name: &str, scores: &[f64]) -> Arm {
        let mut one = arm(name, &[vec![vec![0.0]; 4]]);
        one.seeds = (0..scores.len() as u64).collect();
        one.scores = scores.iter().flat_map(|s| [*s; 4]).collect();
        one
    }

    fn frame(arms: &[Arm], seeds: SeedKind) -> Frame {
        let options = FrameOptions {
            reference: Some(vec![0.0]),
            seeds,
            ..FrameOptions::default()
        };
        Frame::new(arms, &options).unwrap()
    }

    fn go(_: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn where_seeds_alone_vary_it_is_the_paired_t_test() {
        let arms = [runs("A", &[3.0, 4.0, 6.0]), runs("B", &[2.0, 2.0, 3.0])];
        let few = Draws { draws: 20, seed: 0 };
        let found =
            over_training_seeds(&frame(&arms, SeedKind::Training), [0, 1], few, &mut go).unwrap();
        // Differences 1, 2, 3: mean 2, error 1 / sqrt 3, t(.975, 2) = 4.302653.
        assert_eq!((found.difference, found.seeds), (2.0, 3));
        let half = 4.302_652_73 / 3.0_f64.sqrt();
        assert!((found.high - 2.0 - half).abs() < 1e-6, "{found:?}");
        assert!((found.freedom - 2.0).abs() < 1e-9 && (found.p - 0.074_18).abs() < 1e-4);
        let turned =
            over_training_seeds(&frame(&arms, SeedKind::Training), [1, 0], few, &mut go).unwrap();
        assert!((turned.low + found.high).abs() < 1e-12);
    }

    #[test]
    fn nothing_that_varies_leaves_no_doubt_and_too_little_is_refused() {
        let arms = [runs("A", &[3.0, 3.0]), runs("B", &[3.0, 3.0])];
        let few = Draws { draws: 20, seed: 0 };
        let found =
            over_training_seeds(&frame(&arms, SeedKind::Training), [0, 1], few, &mut go).unwrap();
        assert_eq!((found.low, found.high, found.p), (0.0, 0.0, 1.0));
        let words = over_training_seeds(&frame(&arms, SeedKind::Sampling), [0, 1], few, &mut go);
        assert!(words.unwrap_err().to_string().contains("0 training seeds"));
    }
}
