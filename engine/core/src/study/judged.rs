//! Votes of a task as what statistics read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::file::Study;
use super::tasks::{Sides, StoredItem, TaskState};
use super::votes::StoredVote;
use crate::annotate::{Picked, Voters, hasty, passes};
use crate::stats::{Choice, Share, Vote, wilson};
use crate::{Error, Result};

/// A rating of one answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rated {
    /// What was asked.
    pub item: String,
    /// Who rated.
    pub annotator: String,
    /// By what.
    pub objective: String,
    /// What made the answer.
    pub name: String,
    /// 1 to 5.
    pub rating: u8,
    /// The prompt.
    pub prompt: String,
    /// The reward's score of it.
    pub score: Option<f64>,
    /// Whether it is the person's second look.
    pub repeat: bool,
}

/// A ranking of several answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// What was asked.
    pub item: String,
    /// Who ranked.
    pub annotator: String,
    /// By what.
    pub objective: String,
    /// What made the answers, the best first.
    pub names: Vec<String>,
    /// The prompt.
    pub prompt: String,
    /// The rewards' scores of them.
    pub scores: Vec<Option<f64>>,
    /// Whether it is the person's second look.
    pub repeat: bool,
}

/// How somebody read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reader {
    /// Who.
    pub annotator: String,
    /// Looks at items that ended in a vote.
    pub looks: usize,
    /// Of them, those that were too short to have read (see [`hasty`]).
    pub hasty: usize,
    /// Votes before the texts were whole.
    pub early: usize,
    /// Votes on checks that saw what is wrong.
    pub checks: Share,
    /// Second votes on an item that came out the same as the first.
    pub repeats: Share,
    /// The median of their active seconds per look.
    pub seconds: f64,
}

/// What was voted, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Votes on pairs, first looks before second ones; checks are not among them.
    pub votes: Vec<Vote>,
    /// Ratings, likewise.
    pub ratings: Vec<Rated>,
    /// Rankings, likewise.
    pub rankings: Vec<Ranked>,
    /// Votes on checks, which are left out.
    pub checks: usize,
    /// Items that were skipped, per person, and left out.
    pub skipped: usize,
    /// How each read.
    pub readers: Vec<Reader>,
    /// Of what is compared, by objective: the mean score of its answers in the items.
    pub rewards: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Judged {
    /// Votes, ratings, rankings as objects, one each; fields that say nothing are left out.
    pub fn lines(&self) -> Result<Vec<Value>> {
        let votes = self.votes.iter().map(serde_json::to_value);
        let ratings = self.ratings.iter().map(serde_json::to_value);
        let rankings = self.rankings.iter().map(serde_json::to_value);
        let mut found = Vec::new();
        for value in votes.chain(ratings).chain(rankings) {
            let value = value.map_err(|error| Error::option("votes", error.to_string()))?;
            if let Value::Object(mut fields) = value {
                fields.retain(|_, field| !field.is_null());
                found.push(Value::Object(fields));
            }
        }
        Ok(found)
    }
}

impl Study {
    /// People's votes of a task that stand, with the newest rewards' scores of what they compare.
    pub fn judged(&self, task: &TaskState) -> Result<Judged> {
        self.judged_by(task, &Voters::People)
    }

    /// [`Study::judged`] of other voters.
    pub fn judged_by(&self, task: &TaskState, voters: &Voters) -> Result<Judged> {
        let items = self.items(task)?;
        let mut votes = self.votes_by(task, voters)?;
        votes.sort_by_key(|vote| vote.shown.repeat);
        let by_id: HashMap<i64, &StoredItem> = items.iter().map(|item| (item.id, item)).collect();
        let people = self.called()?;
        let scores = self.rewards(&items)?;
        let mut found = Judged::default();
        let mut skipped = BTreeSet::new();
        for vote in &votes {
            let Some(item) = by_id.get(&vote.item) else {
                continue;
            };
            if vote.picked == Picked::Skip {
                skipped.insert((vote.annotator, vote.item, vote.shown.repeat));
            } else if item.wrong.is_some() {
                found.checks += 1;
            } else if let Sides::Stored { .. } = item.sides {
                let who = people.get(&vote.annotator).cloned().unwrap_or_default();
                one(&mut found, item, vote, who, &scores);
            }
        }
        found.skipped = skipped.len();
        found.rewards = means(&items, &scores);
        found.readers = self.readers(&items, &votes, &people)?;
        Ok(found)
    }

    /// What people are called, each differently: two of one alias, after a merge, by a part of their names.
    pub(super) fn called(&self) -> Result<BTreeMap<i64, String>> {
        let all = self.annotators()?;
        let several = |alias: &str| all.iter().filter(|a| a.alias == alias).count() > 1;
        Ok(all
            .iter()
            .map(|a| {
                let name = if several(&a.alias) {
                    let uid = a.uid.to_string();
                    format!("{} ({})", a.alias, &uid[uid.len().saturating_sub(6)..])
                } else {
                    a.alias.clone()
                };
                (a.id, name)
            })
            .collect())
    }

    /// Finite scores of the answers that items show, by answer and objective, of the newest scorer that scored it.
    fn rewards(&self, items: &[StoredItem]) -> Result<HashMap<(String, String), f64>> {
        let scorers = self.reward_names()?;
        let numbers: Vec<Option<i64>> = scorers.iter().map(|(id, _)| Some(*id)).collect();
        let mut found = HashMap::new();
        for (uid, (id, _)) in self.texts_of(items)? {
            let scores = self.scores(&[id], &numbers)?.remove(0);
            for ((_, objective), score) in scorers.iter().zip(scores.0) {
                if let Some(score) = score {
                    found.insert((uid.clone(), objective.clone()), score);
                }
            }
        }
        found.retain(|_, score| score.is_finite());
        Ok(found)
    }

    fn readers(
        &self,
        items: &[StoredItem],
        votes: &[StoredVote],
        people: &BTreeMap<i64, String>,
    ) -> Result<Vec<Reader>> {
        let texts = self.texts_of(items)?;
        let length: HashMap<i64, usize> = items
            .iter()
            .map(|item| {
                let of = |uid: &String| texts.get(uid).map_or(0, |(_, text)| text.chars().count());
                let length = match &item.sides {
                    Sides::Stored { answers, .. } => answers.iter().map(of).sum(),
                    Sides::Texts { texts, .. } => texts.iter().map(|t| t.chars().count()).sum(),
                };
                (item.id, length)
            })
            .collect();
        let wrong: HashMap<i64, usize> = items
            .iter()
            .filter_map(|item| Some((item.id, item.wrong?)))
            .collect();
        let mut readers = Vec::new();
        for (id, annotator) in people {
            let own: Vec<&StoredVote> = votes.iter().filter(|vote| vote.annotator == *id).collect();
            if own.is_empty() {
                continue;
            }
            // A look is one, by however many objectives it was voted on.
            let mut looks: BTreeMap<(i64, bool), (usize, u64)> = BTreeMap::new();
            let (mut passed, mut checks, mut alike, mut again) = (0, 0, 0, 0);
            let mut first: HashMap<(i64, &str), Picked> = HashMap::new();
            for vote in &own {
                if vote.picked.counts() {
                    let characters = length.get(&vote.item).copied().unwrap_or(0);
                    looks.insert((vote.item, vote.shown.repeat), (characters, vote.active_ms));
                }
                let side = vote.picked.turned(&vote.shown.order);
                if let Some(passes) = wrong
                    .get(&vote.item)
                    .and_then(|wrong| passes(&side, *wrong))
                {
                    checks += 1;
                    passed += usize::from(passes);
                }
                let key = (vote.item, vote.objective.as_str());
                if !vote.shown.repeat {
                    first.insert(key, side);
                } else if let Some(before) = first.get(&key).filter(|b| b.counts() && side.counts())
                {
                    again += 1;
                    let tie = |p: &Picked| matches!(p, Picked::Tie | Picked::Bad);
                    alike += usize::from(*before == side || tie(before) && tie(&side));
                }
            }
            let paces: Vec<(usize, u64)> = looks.values().copied().collect();
            let mut times: Vec<u64> = paces.iter().map(|(_, ms)| *ms).collect();
            times.sort_unstable();
            readers.push(Reader {
                annotator: annotator.clone(),
                looks: paces.len(),
                hasty: hasty(&paces).into_iter().filter(|hasty| *hasty).count(),
                early: own.iter().filter(|vote| vote.early).count(),
                checks: wilson(passed, checks),
                repeats: wilson(alike, again),
                seconds: times
                    .get(times.len() / 2)
                    .map_or(0.0, |ms| *ms as f64 / 1000.0),
            });
        }
        Ok(readers)
    }
}

/// The mean score of each name's answers, each answer once, checks left out.
fn means(
    items: &[StoredItem],
    scores: &HashMap<(String, String), f64>,
) -> BTreeMap<String, BTreeMap<String, f64>> {
    let mut by: BTreeMap<&str, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    let objectives: BTreeSet<&str> = scores.keys().map(|(_, o)| o.as_str()).collect();
    let mut seen = BTreeSet::new();
    for item in items.iter().filter(|item| item.wrong.is_none()) {
        let Sides::Stored { answers, names, .. } = &item.sides else {
            continue;
        };
        for (answer, name) in answers.iter().zip(names) {
            if !seen.insert((answer, name)) {
                continue;
            }
            for objective in &objectives {
                if let Some(score) = scores.get(&(answer.clone(), (*objective).to_owned())) {
                    by.entry(name)
                        .or_default()
                        .entry(objective)
                        .or_default()
                        .push(*score);
                }
            }
        }
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    by.into_iter()
        .map(|(name, of)| {
            let of = of
                .into_iter()
                .map(|(o, values)| (o.to_owned(), mean(values)));
            (name.to_owned(), of.collect())
        })
        .collect()
}

fn one(
    found: &mut Judged,
    item: &StoredItem,
    vote: &StoredVote,
    annotator: String,
    scores: &HashMap<(String, String), f64>,
) {
    let Sides::Stored {
        prompt,
        answers,
        names,
        ..
    } = &item.sides
    else {
        return;
    };
    let score = |side: usize| {
        let key = (answers.get(side)?.clone(), vote.objective.clone());
        scores.get(&key).copied()
    };
    let (uid, objective, prompt) = (item.uid.to_string(), vote.objective.clone(), prompt.clone());
    let repeat = vote.shown.repeat;
    let choice = match &vote.picked {
        Picked::Left => Choice::Left,
        Picked::Right => Choice::Right,
        Picked::Tie => Choice::Tie,
        Picked::Bad => Choice::Bad,
        Picked::Rating(rating) => {
            found.ratings.push(Rated {
                item: uid,
                annotator,
                objective,
                name: names[0].clone(),
                rating: *rating,
                prompt,
                score: score(0),
                repeat,
            });
            return;
        }
        Picked::Order(_) => {
            let Picked::Order(sides) = vote.picked.turned(&vote.shown.order) else {
                return;
            };
            if sides.iter().all(|side| *side < names.len()) {
                found.rankings.push(Ranked {
                    item: uid,
                    annotator,
                    objective,
                    names: sides.iter().map(|&side| names[side].clone()).collect(),
                    prompt,
                    scores: sides.iter().map(|&side| score(side)).collect(),
                    repeat,
                });
            }
            return;
        }
        Picked::Skip | Picked::Undone => return,
    };
    let [first, second] = vote.shown.order[..] else {
        return;
    };
    let (Some(left), Some(right)) = (names.get(first), names.get(second)) else {
        return;
    };
    found.votes.push(Vote {
        item: uid,
        annotator,
        objective,
        left: left.clone(),
        right: right.clone(),
        choice,
        prompt: Some(prompt),
        probability: Some(item.probability),
        left_score: score(first),
        right_score: score(second),
    });
}
