//! Everything that a task's votes say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::file::Study;
use super::judged::{Judged, Ranked, Rated, Reader};
use super::tasks::TaskState;
use crate::annotate::{Question, plackett_luce};
use crate::pareto::front;
use crate::stats::{
    Draws, HumanFront, Metric, ObjectiveSummary, Progress, StatsError, alpha, human_front,
    kappa_of, kendall, percent, required_votes, summarise,
};
use crate::{Error, Result};

/// What a task's votes say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskStats {
    /// By objective.
    #[serde(flatten)]
    pub objectives: BTreeMap<String, Said>,
    /// Of all objectives together.
    pub task: Whole,
}

/// What votes say by one objective.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Said {
    /// Of pairs.
    Pairs(Box<PairsSaid>),
    /// Of ratings.
    Ratings(RatingsSaid),
    /// Of rankings.
    Rankings(RankingsSaid),
}

/// What votes on pairs say: all that `stats --votes` says of the same votes, and how rewards see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairsSaid {
    /// See [`summarise`].
    #[serde(flatten)]
    pub summary: ObjectiveSummary,
    /// Votes that decide.
    pub decisive: usize,
    /// Kendall's rank correlation of strengths with the rewards' means.
    pub rewards_tau: Option<f64>,
}

/// What ratings say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RatingsSaid {
    /// Ratings, second looks left out.
    pub n: usize,
    /// How often two people agree on an answer.
    pub percent: Option<f64>,
    /// Cohen's, the mean over pairs of people.
    pub kappa: Option<f64>,
    /// Krippendorff's, by the squared distance.
    pub alpha: Option<f64>,
    /// The mean rating of each name, and of how many.
    pub means: BTreeMap<String, (f64, usize)>,
    /// Kendall's rank correlation with the rewards' means.
    pub rewards_tau: Option<f64>,
}

/// What rankings say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankingsSaid {
    /// Rankings, second looks left out.
    pub n: usize,
    /// The mean rank correlation of two people's rankings of one item.
    pub agreement: Option<f64>,
    /// Plackett and Luce's strengths, as logarithms that sum to 0.
    pub theta: Option<BTreeMap<String, f64>>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theta_problem: Option<String>,
    /// Kendall's rank correlation with the rewards' means.
    pub rewards_tau: Option<f64>,
}

/// A point on both fronts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OnFronts {
    /// By objective, the share of votes that it is expected to win against the others.
    pub shares: BTreeMap<String, f64>,
    /// The share of draws of prompts in which no other dominates it by votes.
    pub on_front: f64,
    /// By objective, the mean of the rewards' scores, where there are scores.
    pub rewards: BTreeMap<String, f64>,
    /// Whether no other dominates it by those; `None` where scores of an objective are missing.
    pub on_reward_front: Option<bool>,
}

/// What is said of a task as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Whole {
    /// What it is called.
    pub name: String,
    /// What it asks.
    pub question: Question,
    /// Its items, checks among them.
    pub items: usize,
    /// Votes on checks; they count nowhere else.
    pub check_votes: usize,
    /// Items that people skipped.
    pub skipped: usize,
    /// How each person read: what is odd is said, and nothing is dropped for it.
    pub readers: Vec<Reader>,
    /// Decisive votes that show a win rate of this size to differ from one half (80 % power, 5 %).
    pub votes_needed: BTreeMap<String, u64>,
    /// The front that people's votes draw, beside that of the rewards.
    pub human_front: Option<BTreeMap<String, OnFronts>>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_front_problem: Option<String>,
}

impl Study {
    /// What a task's votes say; intervals come from draws of prompts.
    ///
    /// # Errors
    /// [`Error::Option`] where it has no votes yet, or where they do not link what they compare.
    pub fn task_stats(
        &self,
        task: &TaskState,
        draws: Draws,
        progress: Progress<'_>,
    ) -> Result<Option<TaskStats>> {
        let judged = self.judged(task)?;
        let question = task.asks.question();
        let counted = judged.votes.len() + judged.ratings.len() + judged.rankings.len();
        if counted == 0 {
            let problem = format!(
                "`{}` has no votes that count yet ({} on checks, {} skipped)",
                task.name, judged.checks, judged.skipped
            );
            return Err(Error::option("task", problem));
        }
        let said = match said(&judged, question, draws, progress) {
            Err(StatsError::Cancelled) => return Ok(None),
            other => other.map_err(|error| Error::option("votes", error.to_string()))?,
        };
        let (human, problem) = if question == Question::Pair {
            match human_front(&judged.votes, draws, progress) {
                Ok(found) => (Some(fronts(&found, &judged)), None),
                Err(StatsError::Cancelled) => return Ok(None),
                Err(why) => (None, Some(why.to_string())),
            }
        } else {
            (None, None)
        };
        let needed = |rate: f64| Some((format!("{rate:.2}"), required_votes(rate)?));
        Ok(Some(TaskStats {
            objectives: said,
            task: Whole {
                name: task.name.clone(),
                question,
                items: self.items(task)?.len(),
                check_votes: judged.checks,
                skipped: judged.skipped,
                readers: judged.readers,
                votes_needed: [0.6, 0.55].into_iter().filter_map(needed).collect(),
                human_front: human,
                human_front_problem: problem,
            },
        }))
    }
}

fn said(
    judged: &Judged,
    question: Question,
    draws: Draws,
    progress: Progress<'_>,
) -> crate::stats::Result<BTreeMap<String, Said>> {
    Ok(match question {
        Question::Pair => summarise(&judged.votes, draws, progress)?
            .into_iter()
            .map(|summary| {
                let strengths = summary.davidson.as_ref();
                let said = PairsSaid {
                    decisive: summary.n - summary.ties,
                    rewards_tau: strengths.and_then(|s| tau(&s.theta, judged, &summary.objective)),
                    summary,
                };
                (said.summary.objective.clone(), Said::Pairs(Box::new(said)))
            })
            .collect(),
        Question::Rating => by(judged.ratings.iter(), |r| &r.objective)
            .into_iter()
            .map(|(objective, all)| {
                (
                    objective.clone(),
                    Said::Ratings(ratings(&all, judged, &objective)),
                )
            })
            .collect(),
        Question::Ranking => by(judged.rankings.iter(), |r| &r.objective)
            .into_iter()
            .map(|(objective, all)| {
                (
                    objective.clone(),
                    Said::Rankings(rankings(&all, judged, &objective)),
                )
            })
            .collect(),
    })
}

fn by<'a, T>(
    all: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> &String,
) -> BTreeMap<String, Vec<&'a T>> {
    let mut found: BTreeMap<String, Vec<&T>> = BTreeMap::new();
    for one in all {
        found.entry(key(one).clone()).or_default().push(one);
    }
    found
}

/// How numbers of names rank beside the rewards' means.
fn tau(of: &BTreeMap<String, f64>, judged: &Judged, objective: &str) -> Option<f64> {
    let both: Vec<(f64, f64)> = of
        .iter()
        .filter_map(|(name, value)| Some((*value, *judged.rewards.get(name)?.get(objective)?)))
        .collect();
    let (ours, theirs): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
    kendall(&ours, &theirs)
}

fn fronts(human: &HumanFront, judged: &Judged) -> BTreeMap<String, OnFronts> {
    let rewards = |name: &String| -> Option<Vec<f64>> {
        let of = judged.rewards.get(name)?;
        human
            .objectives
            .iter()
            .map(|o| of.get(o).copied())
            .collect()
    };
    let means: Option<Vec<Vec<f64>>> = human.names.iter().map(rewards).collect();
    let best: Option<BTreeSet<usize>> = means.map(|means| front(&means).into_iter().collect());
    human
        .names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let shares = human
                .objectives
                .iter()
                .cloned()
                .zip(human.shares[at].iter().copied());
            let on = OnFronts {
                shares: shares.collect(),
                on_front: human.on_front[at],
                rewards: judged.rewards.get(name).cloned().unwrap_or_default(),
                on_reward_front: best.as_ref().map(|best| best.contains(&at)),
            };
            (name.clone(), on)
        })
        .collect()
}

fn ratings(all: &[&Rated], judged: &Judged, objective: &str) -> RatingsSaid {
    let first: Vec<&&Rated> = all.iter().filter(|rated| !rated.repeat).collect();
    let mut people: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    let mut units: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut by_name: BTreeMap<String, (f64, usize)> = BTreeMap::new();
    for rated in &first {
        let value = f64::from(rated.rating);
        people
            .entry(&rated.annotator)
            .or_default()
            .insert(&rated.item, value);
        units.entry(&rated.item).or_default().push(value);
        let sum = by_name.entry(rated.name.clone()).or_default();
        *sum = (sum.0 + value, sum.1 + 1);
    }
    let units: Vec<Vec<f64>> = units.into_values().collect();
    let people: Vec<BTreeMap<&str, f64>> = people.into_values().collect();
    for sum in by_name.values_mut() {
        sum.0 /= sum.1 as f64;
    }
    let means: BTreeMap<String, f64> = by_name.iter().map(|(n, sum)| (n.clone(), sum.0)).collect();
    RatingsSaid {
        n: first.len(),
        percent: percent(&units),
        kappa: kappa_of(&people),
        alpha: alpha(&units, Metric::Squared),
        rewards_tau: tau(&means, judged, objective),
        means: by_name,
    }
}

fn rankings(all: &[&Ranked], judged: &Judged, objective: &str) -> RankingsSaid {
    let first: Vec<&&Ranked> = all.iter().filter(|ranked| !ranked.repeat).collect();
    let names: BTreeSet<&String> = first.iter().flat_map(|ranked| &ranked.names).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let place = |name: &String| names.binary_search(name).ok();
    let lists: Vec<(Vec<usize>, f64)> = first
        .iter()
        .map(|ranked| (ranked.names.iter().filter_map(place).collect(), 1.0))
        .collect();
    let mut by_item: BTreeMap<&str, Vec<&[String]>> = BTreeMap::new();
    for ranked in &first {
        by_item.entry(&ranked.item).or_default().push(&ranked.names);
    }
    let mut agreed = Vec::new();
    for lists in by_item.values() {
        for (at, one) in lists.iter().enumerate() {
            for other in &lists[at + 1..] {
                let mine: Vec<f64> = (0..one.len()).map(|place| place as f64).collect();
                let theirs = |name: &String| other.iter().position(|n| n == name);
                let theirs: Option<Vec<f64>> =
                    one.iter().map(|name| Some(theirs(name)? as f64)).collect();
                agreed.extend(theirs.and_then(|theirs| kendall(&mine, &theirs)));
            }
        }
    }
    let (theta, problem) = match plackett_luce(&names, &lists) {
        Ok(theta) => (
            Some(names.into_iter().zip(theta).collect::<BTreeMap<_, _>>()),
            None,
        ),
        Err(why) => (None, Some(why.to_string())),
    };
    RankingsSaid {
        n: first.len(),
        agreement: (!agreed.is_empty()).then(|| agreed.iter().sum::<f64>() / agreed.len() as f64),
        rewards_tau: theta
            .as_ref()
            .and_then(|theta| tau(theta, judged, objective)),
        theta,
        theta_problem: problem,
    }
}
