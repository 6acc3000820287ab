//! What a change did at the same points: arrows from before to after, paired prompt by prompt.

use serde::{Deserialize, Serialize};

use super::draws::{counts, grouped};
use super::{Arm, Draws, Estimate, Progress, Result, StatsError};

/// How far scores of one objective moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// The objective.
    pub objective: String,
    /// The mean score before, over the prompts that are scored on both sides.
    pub before: f64,
    /// The mean score after.
    pub after: f64,
    /// After less before, with its interval over draws of prompts.
    #[serde(flatten)]
    pub difference: Estimate,
    /// Prompts behind it.
    pub n: usize,
}

impl Moved {
    /// Whether the interval leaves out 0.
    pub fn is_shown(&self) -> bool {
        self.difference.low > 0.0 || self.difference.high < 0.0
    }

    /// In words, with the interval.
    pub fn words(&self) -> String {
        let Estimate { value, low, high } = self.difference;
        let doubt = if self.is_shown() {
            ""
        } else {
            "; no difference shown"
        };
        format!(
            "{} from {:.3} to {:.3}: {value:+.3} (95 % {low:+.3} to {high:+.3}; {} prompts{doubt})",
            self.objective, self.before, self.after, self.n
        )
    }
}

/// An arrow: one point before, and the point that it became.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrow {
    /// Where it stood before.
    pub point: Vec<f64>,
    /// By objective, in the arms' order; those without a score on both sides are left out.
    pub moved: Vec<Moved>,
}

/// All arrows, and their mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moves {
    /// Prompts, equal ones as often as they stand.
    pub prompts: usize,
    /// Draws of prompts behind the intervals.
    pub draws: usize,
    /// Of each point, in order.
    pub arrows: Vec<Arrow>,
    /// The mean over all points.
    pub overall: Vec<Moved>,
}

/// Before and after of each prompt; `None` where a score is missing.
type Pairs = Vec<Option<(f64, f64)>>;

/// How scores moved from one arm to another, whose points are in the same order and whose prompts are the same. All draws
/// take the same prompts of both arms and of all points; prompts of one group are drawn together.
///
/// # Errors
/// [`StatsError::Count`] or [`StatsError::Missing`] where the arms differ in points or prompts, [`StatsError::TooFew`]
/// with fewer than two groups of prompts, [`StatsError::Cancelled`] where `progress` breaks.
pub fn moves(before: &Arm, after: &Arm, draws: Draws, progress: Progress<'_>) -> Result<Moves> {
    check(before, after)?;
    let groups = grouped(before.prompts.iter().map(|prompt| match &prompt.group {
        Some(group) => (true, group),
        None => (false, &prompt.uid),
    }));
    if groups.len() < 2 {
        return Err(StatsError::TooFew {
            of: "groups of prompts",
            got: groups.len(),
            needed: 2,
        });
    }
    let shared: Vec<(&String, usize, usize)> = before
        .objectives
        .iter()
        .enumerate()
        .filter_map(|(k, name)| {
            let other = after.objectives.iter().position(|o| o == name)?;
            Some((name, k, other))
        })
        .collect();
    let mut cells: Vec<Pairs> = Vec::with_capacity(before.points.len() * shared.len());
    for point in 0..before.points.len() {
        for &(_, k, other) in &shared {
            let score = |prompt| {
                Some((
                    mean(before, point, prompt, k)?,
                    mean(after, point, prompt, other)?,
                ))
            };
            cells.push((0..before.prompts.len()).map(score).collect());
        }
    }
    for k in 0..shared.len() {
        let of: Vec<&Pairs> = cells.iter().skip(k).step_by(shared.len()).collect();
        let over = |prompt: usize| {
            let all: Option<Vec<(f64, f64)>> = of.iter().map(|cell| cell[prompt]).collect();
            let all = all.filter(|all| !all.is_empty())?;
            let count = all.len() as f64;
            let sum = |f: fn(&(f64, f64)) -> f64| all.iter().map(f).sum::<f64>() / count;
            Some((sum(|p| p.0), sum(|p| p.1)))
        };
        let whole = (0..before.prompts.len()).map(over).collect();
        cells.push(whole);
    }
    let mut drawn = vec![Vec::with_capacity(draws.draws); cells.len()];
    draws.each(progress, |random| {
        let counts = counts(random, &groups, before.prompts.len());
        for (cell, drawn) in cells.iter().zip(&mut drawn) {
            drawn.extend(weighted(cell, &counts).map(|(b, a)| a - b));
        }
    })?;
    let every = vec![1.0; before.prompts.len()];
    let moved = |at: usize| {
        let (before, after) = weighted(&cells[at], &every)?;
        Some(Moved {
            objective: shared[at % shared.len()].0.clone(),
            before,
            after,
            difference: Estimate::of(after - before, &drawn[at]),
            n: cells[at].iter().flatten().count(),
        })
    };
    let row = |point: usize| {
        let start = point * shared.len();
        (start..start + shared.len())
            .filter_map(&moved)
            .collect::<Vec<Moved>>()
    };
    Ok(Moves {
        prompts: before.prompts.len(),
        draws: draws.draws,
        arrows: before
            .points
            .iter()
            .enumerate()
            .map(|(at, point)| Arrow {
                point: point.place.clone(),
                moved: row(at),
            })
            .collect(),
        overall: row(before.points.len()),
    })
}

fn check(before: &Arm, after: &Arm) -> Result<()> {
    before.check()?;
    after.check()?;
    let count = |of, got, needed| {
        Err(StatsError::Count {
            name: after.name.clone(),
            of,
            got,
            needed,
        })
    };
    if after.points.len() != before.points.len() {
        return count("points", after.points.len(), before.points.len());
    }
    if after.prompts.len() != before.prompts.len() {
        return count("prompts", after.prompts.len(), before.prompts.len());
    }
    let mut both = before.prompts.iter().zip(&after.prompts);
    match both.find(|(one, other)| one.uid != other.uid) {
        None => Ok(()),
        Some((one, _)) => Err(StatsError::Missing {
            name: after.name.clone(),
            of: "prompt at its place",
            missing: one.uid.clone(),
        }),
    }
}

/// The mean over seeds; `None` where one is not finite.
fn mean(arm: &Arm, point: usize, prompt: usize, objective: usize) -> Option<f64> {
    let seeds = arm.seeds.len();
    let sum: f64 = (0..seeds)
        .map(|seed| arm.score(point, seed, prompt, objective))
        .sum();
    Some(sum / seeds as f64).filter(|mean| mean.is_finite())
}

/// The means of both sides under counts of prompts; `None` where no prompt is left.
fn weighted(cell: &Pairs, counts: &[f64]) -> Option<(f64, f64)> {
    let (mut before, mut after, mut total) = (0.0, 0.0, 0.0);
    for (pair, count) in cell.iter().zip(counts) {
        if let Some((b, a)) = pair {
            before += count * b;
            after += count * a;
            total += count;
        }
    }
    (total > 0.0).then(|| (before / total, after / total))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::arm::tests::arm;
    use super::*;

    fn go(_: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn column(scores: &[f64]) -> Vec<Vec<f64>> {
        scores.iter().map(|s| vec![*s, 0.0]).collect()
    }

    #[test]
    fn a_shift_is_shown_without_doubt_and_noise_is_not() {
        let before = arm(
            "before",
            &[column(&[1.0, 5.0, 3.0, 9.0]), column(&[0.0; 4])],
        );
        let after = arm(
            "after",
            &[
                column(&[2.0, 6.0, 4.0, 10.0]),
                column(&[1.0, -1.0, 2.0, -2.0]),
            ],
        );
        let few = Draws {
            draws: 200,
            seed: 1,
        };
        let found = moves(&before, &after, few, &mut go).unwrap();
        let shift = &found.arrows[0].moved[0];
        // Prompts vary by 8, differences not at all: pairing takes all of that away.
        assert_eq!((shift.before, shift.after, shift.n), (4.5, 5.5, 4));
        assert_eq!((shift.difference.low, shift.difference.high), (1.0, 1.0));
        assert!(
            shift
                .words()
                .contains("o0 from 4.500 to 5.500: +1.000 (95 % +1.000 to +1.000; 4 prompts)")
        );
        let noise = &found.arrows[1].moved[0];
        assert!(
            !noise.is_shown() && noise.words().ends_with("no difference shown)"),
            "{noise:?}"
        );
        assert_eq!(found.overall[0].difference.value, 0.5);
        assert_eq!(found.arrows[0].point, [0.0, 0.0]);
    }

    #[test]
    fn what_is_missing_is_left_out_and_what_does_not_match_is_refused() {
        let before = arm("before", &[column(&[1.0, f64::NAN, 3.0])]);
        let mut after = arm("after", &[column(&[2.0, 6.0, f64::NAN])]);
        let few = Draws { draws: 50, seed: 1 };
        let found = moves(&before, &after, few, &mut go).unwrap();
        assert_eq!((found.arrows[0].moved[0].n, found.overall[0].n), (1, 1));
        assert_eq!(found.arrows[0].moved[1].n, 3);
        after.prompts[2].uid = "else".to_owned();
        let words = moves(&before, &after, few, &mut go)
            .unwrap_err()
            .to_string();
        assert!(words.contains("`q2`"), "{words}");
        let other = arm("other", &[column(&[0.0; 3]), column(&[0.0; 3])]);
        let words = moves(&before, &other, few, &mut go)
            .unwrap_err()
            .to_string();
        assert_eq!(words, "other: 2 points, 1 needed");
        let one = arm("one", &[column(&[0.0])]);
        assert!(moves(&one, &one, few, &mut go).is_err());
    }
}
