//! How often one side wins against another: as papers print it, ties counted half, and as wins less losses.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::draws::{counts, grouped};
use super::proportion::score_interval;
use super::{Choice, Draws, Estimate, Progress, Result, Vote};

/// A win rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WinRate {
    /// Votes that it won.
    pub wins: usize,
    /// Votes that neither won, those of two bad answers included.
    pub ties: usize,
    /// Votes that it lost.
    pub losses: usize,
    /// Wins and half of the ties, of all.
    pub rate: f64,
    /// The lower end of its 95 % interval, Wilson's with ties as half wins; where there are ties it is a little too wide.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The share of wins less the share of losses, with its interval over draws of prompts.
    pub win_minus_lose: Estimate,
    /// Prompts behind it.
    pub prompts: usize,
}

/// Win rates by one objective.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WinRates {
    /// Of everything that was compared with it, together.
    pub all: WinRate,
    /// Of each, by name.
    pub by: BTreeMap<String, WinRate>,
}

/// The win rates by each objective against what votes call `against`, e.g. `base`; empty where nothing was compared with
/// it. Every vote counts once, second looks of a person not at all; prompts are drawn whole.
///
/// # Errors
/// [`super::StatsError::Cancelled`] where `progress` breaks.
pub fn win_rates(
    votes: &[Vote],
    against: &str,
    draws: Draws,
    progress: Progress<'_>,
) -> Result<BTreeMap<String, WinRates>> {
    let mut seen = BTreeSet::new();
    let mut by: BTreeMap<&str, Vec<(&str, &str, f64)>> = BTreeMap::new();
    for vote in votes {
        let sign = match (vote.left == against, vote.right == against) {
            (false, true) => 1.0,
            (true, false) => -1.0,
            _ => continue,
        };
        let other = if sign > 0.0 { &vote.left } else { &vote.right };
        let look = (&vote.objective, &vote.annotator, &vote.item, other);
        if !seen.insert(look) {
            continue;
        }
        let won = match vote.choice {
            Choice::Left => sign,
            Choice::Right => -sign,
            Choice::Tie | Choice::Bad => 0.0,
        };
        let prompt = vote.prompt.as_deref().unwrap_or(&vote.item);
        by.entry(&vote.objective)
            .or_default()
            .push((other.as_str(), prompt, won));
    }
    let mut found = BTreeMap::new();
    for (objective, mut all) in by {
        // Draws follow from the prompts, in whichever order votes came.
        all.sort_by(|a, b| (a.1, a.0).cmp(&(b.1, b.0)).then(a.2.total_cmp(&b.2)));
        let names: BTreeSet<&str> = all.iter().map(|(name, ..)| *name).collect();
        let mut each = BTreeMap::new();
        for name in names {
            let own: Vec<_> = all.iter().filter(|(n, ..)| *n == name).copied().collect();
            each.insert(name.to_owned(), one(&own, draws, progress)?);
        }
        let rates = WinRates {
            all: one(&all, draws, progress)?,
            by: each,
        };
        found.insert(objective.to_owned(), rates);
    }
    Ok(found)
}

/// The rate of outcomes 1, 0, -1, each on a prompt; at least one.
fn one(outcomes: &[(&str, &str, f64)], draws: Draws, progress: Progress<'_>) -> Result<WinRate> {
    let n = outcomes.len();
    let of = |value: f64| outcomes.iter().filter(|(.., won)| *won == value).count();
    let (wins, ties, losses) = (of(1.0), of(0.0), of(-1.0));
    let rate = (wins as f64 + ties as f64 / 2.0) / n as f64;
    let (low, high) = score_interval(rate, n);
    let prompts = grouped(outcomes.iter().map(|(_, prompt, _)| *prompt));
    let mut drawn = Vec::with_capacity(draws.draws);
    draws.each(progress, |random| {
        let counts = counts(random, &prompts, n);
        let total: f64 = counts.iter().sum();
        let sum: f64 = outcomes
            .iter()
            .zip(&counts)
            .map(|((.., won), c)| won * c)
            .sum();
        drawn.push(sum / total);
    })?;
    Ok(WinRate {
        wins,
        ties,
        losses,
        rate,
        low,
        high,
        win_minus_lose: Estimate::of((wins as f64 - losses as f64) / n as f64, &drawn),
        prompts: prompts.len(),
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::wilson;
    use super::*;

    fn vote(item: usize, annotator: &str, left: &str, right: &str, choice: Choice) -> Vote {
        Vote {
            item: item.to_string(),
            annotator: annotator.to_owned(),
            objective: "humor".to_owned(),
            left: left.to_owned(),
            right: right.to_owned(),
            choice,
            prompt: Some((item / 2).to_string()),
            probability: None,
            left_score: None,
            right_score: None,
        }
    }

    fn rates(votes: &[Vote]) -> BTreeMap<String, WinRates> {
        let few = Draws {
            draws: 100,
            seed: 3,
        };
        win_rates(votes, "base", few, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    #[test]
    fn ties_count_half_whichever_side_the_base_is_on() {
        let mut votes = vec![
            vote(0, "A1", "x", "base", Choice::Left),
            vote(1, "A1", "base", "x", Choice::Right),
            vote(2, "A1", "base", "x", Choice::Left),
            vote(3, "A1", "x", "base", Choice::Bad),
            vote(4, "A1", "y", "base", Choice::Left),
            vote(5, "A1", "x", "y", Choice::Left),
            // A second look counts nowhere.
            vote(0, "A1", "base", "x", Choice::Left),
        ];
        let found = &rates(&votes)["humor"];
        let x = &found.by["x"];
        assert_eq!((x.wins, x.ties, x.losses, x.rate), (2, 1, 1, 0.625));
        assert_eq!((x.win_minus_lose.value, x.prompts), (0.25, 2));
        assert!(x.low < 0.625 && x.high > 0.625 && x.win_minus_lose.low < x.win_minus_lose.high);
        assert_eq!(
            (found.all.wins, found.all.ties, found.all.losses),
            (3, 1, 1)
        );
        // Without ties the interval is Wilson's.
        votes.remove(3);
        let x = &rates(&votes)["humor"].by["x"];
        let share = wilson(2, 3);
        assert!((x.low - share.low).abs() < 1e-12 && (x.high - share.high).abs() < 1e-12);
        assert!(rates(&votes[4..5]).is_empty(), "nothing with the base");
    }
}
