//! Everything that votes say about one objective.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::davidson::fit_counted;
use super::draws::{counts, grouped};
use super::{
    Choice, Davidson, Draws, Duel, Estimate, Metric, Progress, Result, Share, StatsError, Vote,
    alpha, fit, kappa_of, percent, reward_accuracy, wilson,
};

/// What the votes on one objective say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectiveSummary {
    /// The objective.
    #[serde(skip)]
    pub objective: String,
    /// Votes, repeats left out.
    pub n: usize,
    /// Items that were voted on.
    pub items: usize,
    /// People who voted.
    pub annotators: usize,
    /// Ties among the votes, those of two bad answers included.
    pub ties: usize,
    /// Votes that call both answers bad.
    pub bad: usize,
    /// How often two people agree on an item; `None` where no item has two votes. Ties and bad are alike here and below.
    pub percent: Option<f64>,
    /// Cohen's, the mean over pairs of people.
    pub kappa: Option<f64>,
    /// Krippendorff's, nominal.
    pub alpha: Option<f64>,
    /// Krippendorff's, of 1, 0, -1 by the squared distance.
    pub alpha_squared: Option<f64>,
    /// Strengths of what was compared.
    pub davidson: Option<Strengths>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub davidson_problem: Option<String>,
    /// Decisive votes that the answer shown first won; one half where the side says nothing.
    pub first_shown: Share,
    /// Repeats of a vote by the same person that came out the same.
    pub self_consistency: Share,
    /// Decisive votes that the reward's scores side with, where votes hold scores.
    pub reward_accuracy: Option<Share>,
}

/// Strengths with their intervals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Strengths {
    /// The logarithm of each strength; they sum to 0.
    pub theta: BTreeMap<String, f64>,
    /// How likely ties are.
    pub nu: f64,
    /// The 95 % interval of each of `theta` over draws of prompts.
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// Draws behind the intervals: those in which strengths could be found.
    pub draws: usize,
    /// Draws in which they could not, since some never lost, or votes did not link all.
    pub failed_draws: usize,
}

/// What two were compared, and how: the unit that people's votes are put together by.
type Unit<'a> = (&'a str, &'a str, &'a str);

/// What votes say of each objective, in order of appearance. A second vote by one person on one item and pair is a repeat:
/// it measures consistency and counts nowhere else.
///
/// # Errors
/// [`StatsError::Disconnected`] where votes on an objective do not link all that they compare.
pub fn summarise(
    votes: &[Vote],
    draws: Draws,
    progress: Progress<'_>,
) -> Result<Vec<ObjectiveSummary>> {
    let of = grouped(votes.iter().map(|vote| vote.objective.as_str()));
    of.into_iter()
        .map(|group| {
            let votes: Vec<&Vote> = group.iter().map(|&at| &votes[at]).collect();
            one_objective(&votes, draws, progress).map_err(|error| match error {
                StatsError::Cancelled => error,
                other => StatsError::Of {
                    name: votes[0].objective.clone(),
                    source: Box::new(other),
                },
            })
        })
        .collect()
}

/// The pair in an order that does not depend on who was shown first, and the vote for the first of them: 1, 0 or -1.
fn canonical(vote: &Vote) -> (Unit<'_>, f64) {
    let turned = vote.left > vote.right;
    let (first, second) = if turned {
        (vote.right.as_str(), vote.left.as_str())
    } else {
        (vote.left.as_str(), vote.right.as_str())
    };
    let value = match vote.choice {
        Choice::Left => 1.0,
        Choice::Right => -1.0,
        Choice::Tie | Choice::Bad => 0.0,
    };
    let value = if turned && value != 0.0 {
        -value
    } else {
        value
    };
    ((vote.item.as_str(), first, second), value)
}

fn one_objective(
    votes: &[&Vote],
    draws: Draws,
    progress: Progress<'_>,
) -> Result<ObjectiveSummary> {
    let mut by_person: BTreeMap<&str, BTreeMap<Unit<'_>, f64>> = BTreeMap::new();
    let mut counted: Vec<&Vote> = Vec::new();
    let (mut repeats, mut alike) = (0, 0);
    for &vote in votes {
        let (unit, value) = canonical(vote);
        let known = by_person.entry(&vote.annotator).or_default();
        if let Some(before) = known.get(&unit) {
            repeats += 1;
            alike += usize::from(*before == value);
        } else {
            known.insert(unit, value);
            counted.push(vote);
        }
    }
    let mut units: BTreeMap<Unit<'_>, Vec<f64>> = BTreeMap::new();
    for values in by_person.values() {
        for (unit, value) in values {
            units.entry(*unit).or_default().push(*value);
        }
    }
    let units: Vec<Vec<f64>> = units.into_values().collect();
    let people: Vec<BTreeMap<Unit<'_>, f64>> = by_person.into_values().collect();

    let of = |choice: Choice| counted.iter().filter(|v| v.choice == choice).count();
    let (left, right, bad) = (of(Choice::Left), of(Choice::Right), of(Choice::Bad));
    let differences: Vec<f64> = counted.iter().filter_map(|v| towards_choice(v)).collect();
    let (davidson, davidson_problem) = match strengths(&counted, draws, progress) {
        Ok(found) => (Some(found), None),
        Err(why @ (StatsError::Separated { .. } | StatsError::AllTies { .. })) => {
            (None, Some(why.to_string()))
        }
        Err(other) => return Err(other),
    };
    Ok(ObjectiveSummary {
        objective: counted
            .first()
            .map_or_else(String::new, |vote| vote.objective.clone()),
        n: counted.len(),
        items: counted
            .iter()
            .map(|v| &v.item)
            .collect::<BTreeSet<_>>()
            .len(),
        annotators: people.len(),
        ties: of(Choice::Tie) + bad,
        bad,
        percent: percent(&units),
        kappa: kappa_of(&people),
        alpha: alpha(&units, Metric::Nominal),
        alpha_squared: alpha(&units, Metric::Squared),
        davidson,
        davidson_problem,
        first_shown: wilson(left, left + right),
        self_consistency: wilson(alike, repeats),
        reward_accuracy: (!differences.is_empty()).then(|| reward_accuracy(differences)),
    })
}

/// The score of the answer that a decisive vote preferred, less the other's.
fn towards_choice(vote: &Vote) -> Option<f64> {
    let difference = vote.left_score? - vote.right_score?;
    match vote.choice {
        Choice::Left => Some(difference),
        Choice::Right => Some(-difference),
        Choice::Tie | Choice::Bad => None,
    }
}

/// Strengths, each vote by the inverse of its pair's probability, and their intervals over draws of prompts.
fn strengths(votes: &[&Vote], draws: Draws, progress: Progress<'_>) -> Result<Strengths> {
    let named: BTreeSet<&str> = votes
        .iter()
        .flat_map(|vote| [vote.left.as_str(), vote.right.as_str()])
        .collect();
    let place: BTreeMap<&str, usize> = named.iter().enumerate().map(|(i, n)| (*n, i)).collect();
    let names: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
    let duels: Vec<Duel> = votes
        .iter()
        .map(|vote| Duel {
            first: place[vote.left.as_str()],
            second: place[vote.right.as_str()],
            outcome: match vote.choice {
                Choice::Left => Ordering::Greater,
                Choice::Right => Ordering::Less,
                Choice::Tie | Choice::Bad => Ordering::Equal,
            },
            weight: 1.0 / vote.probability.unwrap_or(1.0),
        })
        .collect();
    let whole = fit(&names, &duels)?;
    let prompts = grouped(votes.iter().map(|v| v.prompt.as_ref().unwrap_or(&v.item)));
    let mut drawn: Vec<Davidson> = Vec::new();
    draws.each(progress, |random| {
        let counts = counts(random, &prompts, duels.len());
        drawn.extend(fit_counted(&names, &duels, |at| counts[at]));
    })?;
    let interval = |at: usize| {
        let values: Vec<f64> = drawn.iter().map(|fit| fit.theta[at]).collect();
        let estimate = Estimate::of(whole.theta[at], &values);
        [estimate.low, estimate.high]
    };
    Ok(Strengths {
        intervals: (0..names.len())
            .filter(|_| !drawn.is_empty())
            .map(|at| (names[at].clone(), interval(at)))
            .collect(),
        draws: drawn.len(),
        failed_draws: draws.draws - drawn.len(),
        nu: whole.nu,
        theta: names.into_iter().zip(whole.theta).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn vote(item: usize, annotator: &str, left: &str, right: &str, choice: Choice) -> Vote {
        Vote {
            item: item.to_string(),
            annotator: annotator.to_owned(),
            objective: "humor".to_owned(),
            left: left.to_owned(),
            right: right.to_owned(),
            choice,
            prompt: None,
            probability: None,
            left_score: None,
            right_score: None,
        }
    }

    fn summary(votes: &[Vote]) -> Result<Vec<ObjectiveSummary>> {
        let few = Draws { draws: 50, seed: 0 };
        summarise(votes, few, &mut |_| ControlFlow::Continue(()))
    }

    #[test]
    fn mirrored_sides_agree_and_repeats_measure_consistency() {
        let votes = [
            vote(1, "A", "x", "y", Choice::Left),
            vote(1, "B", "y", "x", Choice::Right),
            vote(2, "A", "x", "y", Choice::Right),
            vote(2, "B", "y", "x", Choice::Left),
            vote(3, "A", "x", "y", Choice::Tie),
            vote(3, "B", "x", "y", Choice::Bad),
            // Once more, turned around: the same, then another.
            vote(1, "A", "y", "x", Choice::Right),
            vote(2, "A", "y", "x", Choice::Right),
        ];
        let found = &summary(&votes).unwrap()[0];
        assert_eq!((found.n, found.items, found.annotators), (6, 3, 2));
        assert_eq!((found.ties, found.bad), (2, 1));
        assert_eq!(
            (found.percent, found.kappa, found.alpha),
            (Some(1.0), Some(1.0), Some(1.0))
        );
        assert_eq!(found.first_shown, wilson(2, 4));
        assert_eq!(found.self_consistency, wilson(1, 2));
        let strengths = found.davidson.as_ref().unwrap();
        assert!(strengths.theta["x"].abs() < 1e-9 && strengths.nu > 0.0);
        assert_eq!(strengths.draws + strengths.failed_draws, 50);
        assert_eq!(found.reward_accuracy, None);
    }

    #[test]
    fn scores_are_held_against_votes() {
        let mut votes = vec![
            vote(1, "A", "x", "y", Choice::Left),
            vote(2, "A", "y", "x", Choice::Left),
            vote(3, "A", "x", "y", Choice::Tie),
        ];
        for vote in &mut votes {
            (vote.left_score, vote.right_score) = (Some(1.0), Some(0.0));
        }
        votes[1].left_score = Some(-1.0);
        let found = &summary(&votes).unwrap()[0];
        assert_eq!(found.reward_accuracy, Some(wilson(1, 2)));
        assert_eq!((found.percent, found.kappa), (None, None));
    }

    #[test]
    fn objectives_stand_apart_and_groups_that_nothing_links_are_refused() {
        let mut votes = vec![
            vote(1, "A", "x", "y", Choice::Left),
            vote(2, "A", "z", "w", Choice::Left),
        ];
        let words = summary(&votes).unwrap_err().to_string();
        assert!(
            words.starts_with("humor: ") && words.contains("{w, z}"),
            "{words}"
        );
        votes[1].objective = "helpful".to_owned();
        let found = summary(&votes).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].objective, "helpful");
        let why = found[0].davidson_problem.as_ref().unwrap();
        assert!(why.contains("x never lost to y"), "{why}");
    }
}
