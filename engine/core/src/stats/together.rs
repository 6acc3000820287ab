//! Training runs of one method, which are measured one by one, as one arm.

use std::collections::HashMap;

use super::columns::occurrences;
use super::{Arm, Result, StatsError};

/// One arm of several training runs of a method: each run's sampling seeds are averaged, and its training seed stands in
/// their place. Points, prompts and objectives are looked up by name, and stand in the order of the first.
///
/// # Errors
/// [`StatsError::TooFew`] without a run; [`StatsError::Twice`] where two have one training seed; [`StatsError::Count`] and
/// [`StatsError::Missing`] where a run was not measured on what the first was.
pub fn runs_together(name: &str, runs: &[(u64, Arm)]) -> Result<Arm> {
    let Some((_, first)) = runs.first() else {
        return Err(StatsError::TooFew {
            of: "training runs",
            got: 0,
            needed: 1,
        });
    };
    let mut seeds = Vec::with_capacity(runs.len());
    let mut places = Vec::with_capacity(runs.len());
    for (seed, run) in runs {
        run.check()?;
        if seeds.contains(seed) {
            return Err(StatsError::Twice {
                name: name.to_owned(),
                what: format!("training seed {seed}"),
            });
        }
        seeds.push(*seed);
        places.push(Places::of(first, run)?);
    }
    let mut scores = Vec::with_capacity(first.scores.len() * runs.len());
    for point in 0..first.points.len() {
        for ((_, run), places) in runs.iter().zip(&places) {
            for &prompt in &places.prompts {
                for &k in &places.objectives {
                    let sample = |seed: usize| run.score(places.points[point], seed, prompt, k);
                    let sum: f64 = (0..run.seeds.len()).map(sample).sum();
                    scores.push(sum / run.seeds.len() as f64);
                }
            }
        }
    }
    Ok(Arm {
        name: name.to_owned(),
        seeds,
        scores,
        ..first.clone()
    })
}

/// Where the points, prompts and objectives of the first run stand in another.
struct Places {
    points: Vec<usize>,
    prompts: Vec<usize>,
    objectives: Vec<usize>,
}

impl Places {
    fn of(first: &Arm, run: &Arm) -> Result<Self> {
        let points = |arm: &Arm| -> Vec<(String, usize)> {
            arm.points
                .iter()
                .map(|point| (point.uid.clone(), 0))
                .collect()
        };
        let prompts = |arm: &Arm| -> Vec<(String, usize)> {
            let keys = occurrences(arm).into_iter();
            keys.map(|(uid, before)| (uid.to_owned(), before)).collect()
        };
        let objectives = |arm: &Arm| -> Vec<(String, usize)> {
            arm.objectives
                .iter()
                .map(|name| (name.clone(), 0))
                .collect()
        };
        Ok(Self {
            points: places(run, "points", "point", &points(first), &points(run))?,
            prompts: places(run, "prompts", "prompt", &prompts(first), &prompts(run))?,
            objectives: places(
                run,
                "objectives",
                "objective",
                &objectives(first),
                &objectives(run),
            )?,
        })
    }
}

/// Where names, each with how often it stood before, are found; as many of them as there are.
fn places(
    run: &Arm,
    several: &'static str,
    one: &'static str,
    names: &[(String, usize)],
    found: &[(String, usize)],
) -> Result<Vec<usize>> {
    if names.len() != found.len() {
        return Err(StatsError::Count {
            name: run.name.clone(),
            of: several,
            got: found.len(),
            needed: names.len(),
        });
    }
    let at: HashMap<&(String, usize), usize> = found.iter().zip(0..).collect();
    let place = |name: &(String, usize)| {
        at.get(name).copied().ok_or_else(|| StatsError::Missing {
            name: run.name.clone(),
            of: one,
            missing: name.0.clone(),
        })
    };
    names.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::super::arm::tests::arm;
    use super::*;

    #[test]
    fn runs_are_seeds_and_samples_are_averaged() {
        let one = arm("run 1", &[vec![vec![1.0, 2.0]; 2], vec![vec![3.0, 4.0]; 2]]);
        // The second was measured in another order, and twice at each place.
        let mut two = arm("run 2", &vec![vec![vec![30.0, 10.0]; 2]; 2]);
        two.points.reverse();
        two.prompts.reverse();
        two.objectives.reverse();
        two.seeds = vec![0, 1];
        two.scores = vec![
            // p1: q1, q0 at both samples, each o1, o0
            40.0, 30.0, 40.0, 30.0, 42.0, 32.0, 42.0, 32.0, //
            20.0, 10.0, 24.0, 14.0, 20.0, 10.0, 24.0, 14.0,
        ];
        let both = runs_together("A", &[(7, one.clone()), (9, two.clone())]).unwrap();
        assert!(both.check().is_ok());
        assert_eq!(
            (both.name.as_str(), both.seeds.as_slice()),
            ("A", &[7, 9][..])
        );
        assert_eq!(both.score(0, 0, 1, 1), 2.0);
        let second: Vec<f64> = (0..2)
            .flat_map(|prompt| (0..2).map(move |k| (prompt, k)))
            .map(|(prompt, k)| both.score(0, 1, prompt, k))
            .collect();
        assert_eq!(second, [14.0, 24.0, 10.0, 20.0]);
        assert_eq!(both.score(1, 1, 0, 0), 31.0);

        let words = |runs: &[(u64, Arm)]| runs_together("A", runs).unwrap_err().to_string();
        assert_eq!(words(&[]), "0 training runs, at least 1 needed");
        let again = [(7, one.clone()), (7, one.clone())];
        assert_eq!(words(&again), "A: training seed 7 stands there twice");
        two.points[0].uid = "elsewhere".to_owned();
        assert_eq!(
            words(&[(1, one.clone()), (2, two)]),
            "run 2: no point is called `p1`"
        );
        let fewer = one.only(&[0]);
        assert_eq!(words(&[(1, one), (2, fewer)]), "run 1: 1 points, 2 needed");
    }
}
