//! Voted pairs as what DPO trains on.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::{Value, json};

use super::file::Study;
use super::hash::{Fields, Uid};
use super::results::SweptPrompt;
use super::tasks::{Sides, StoredItem, TaskState};
use super::votes::StoredVote;
use crate::annotate::{Picked, Voters};
use crate::types::{LearnPairs, Prompt, Split};
use crate::{Error, Problem, Result};

/// Which pairs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PairsAsked {
    /// By this objective alone.
    pub objective: Option<String>,
    /// On prompts of this part alone.
    pub split: Option<Split>,
    /// Whose votes.
    pub voters: Voters,
}

/// Pairs, and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pairs {
    /// A line per item and objective that people decided: what was asked (`prompt`, `chat` or `messages`), `chosen`,
    /// `rejected`, and in `meta` where that is from.
    #[serde(skip)]
    pub lines: Vec<Value>,
    /// The prompts behind them, each once.
    #[serde(skip)]
    pub prompts: Vec<SweptPrompt>,
    /// Pairs.
    pub rows: usize,
    /// Items and objectives on which as many votes went one way as the other.
    pub ties: usize,
    /// Items that are checks.
    pub checks: usize,
    /// Items whose prompt is of the test split.
    pub test: usize,
    /// Items whose prompt is of another part than was asked for, the test split aside, or of none.
    pub elsewhere: usize,
    /// Items whose prompt is bare tokens.
    pub unreadable: usize,
    /// The hash of the votes behind the pairs, see [`votes_hash`].
    pub votes: String,
}

impl Pairs {
    /// How many there are, and what was left out.
    pub fn counts(&self) -> LearnPairs {
        LearnPairs {
            pairs: self.rows,
            ties: self.ties,
            checks: self.checks,
            test: self.test,
            elsewhere: self.elsewhere,
            unreadable: self.unreadable,
            votes: self.votes.clone(),
        }
    }
}

/// The hash of the names of votes, whatever their order: what a training was told.
pub fn votes_hash(votes: &[Uid]) -> Uid {
    let mut names: Vec<String> = votes.iter().map(Uid::to_string).collect();
    names.sort_unstable();
    names.dedup();
    let mut fields = Fields::new("paretoscope votes 1");
    fields.texts(&names);
    fields.uid()
}

impl Study {
    /// What voters preferred, by the majority of the decisive votes on each item, second looks left out. Ties, checks and
    /// the test split are left out and counted.
    ///
    /// # Errors
    /// [`Error::Option`] where the task does not ask about pairs, or not by this objective.
    pub fn pairs(&self, task: &TaskState, asked: &PairsAsked) -> Result<Pairs> {
        if let Some(objective) = &asked.objective
            && !task.asks.objectives().contains(objective)
        {
            let known = task.asks.objectives().iter().map(String::as_str);
            return Err(Error::option(
                "objective",
                Problem::unknown(objective.as_str(), known),
            ));
        }
        if asked.split == Some(Split::Test) {
            let problem = "the test split measures and never trains; take train or validation";
            return Err(Error::option("split", problem));
        }
        let items = self.items(task)?;
        let answers = self.texts_of(&items)?;
        let mut by_item: HashMap<i64, Vec<StoredVote>> = HashMap::new();
        for vote in self.votes_by(task, &asked.voters)? {
            let wanted = asked
                .objective
                .as_ref()
                .is_none_or(|o| *o == vote.objective);
            if wanted && vote.picked.counts() && !vote.shown.repeat {
                by_item.entry(vote.item).or_default().push(vote);
            }
        }
        let mut found = Pairs::default();
        let mut used: Vec<Uid> = Vec::new();
        for item in &items {
            let (Some(votes), Sides::Stored { prompt, .. }) = (by_item.get(&item.id), &item.sides)
            else {
                continue;
            };
            if item.wrong.is_some() {
                found.checks += 1;
                continue;
            }
            let asked_of = self
                .prompt_named(prompt)?
                .ok_or_else(|| self.misread("item.sides"))?;
            if asked_of.split == Some(Split::Test) {
                found.test += 1;
                continue;
            }
            if asked.split.is_some() && asked_of.split != asked.split {
                found.elsewhere += 1;
                continue;
            }
            let Some(line) = fields(&asked_of.prompt) else {
                found.unreadable += 1;
                continue;
            };
            for (objective, votes) in by_objective(votes) {
                let Some(preferred) = majority(&votes) else {
                    found.ties += 1;
                    continue;
                };
                let side = |side: usize| self.side(item, side, &answers);
                let ((chosen, about_chosen), (rejected, about_rejected)) =
                    (side(preferred)?, side(1 - preferred)?);
                let mut line = line.clone();
                line["chosen"] = json!(chosen);
                line["rejected"] = json!(rejected);
                line["meta"] = json!({
                    "objective": objective,
                    "task": task.name,
                    "item": item.uid.to_string(),
                    "split": asked_of.split,
                    "votes": votes.iter().map(|vote| vote.uid.to_string()).collect::<Vec<_>>(),
                    "chosen": about_chosen,
                    "rejected": about_rejected,
                });
                used.extend(votes.iter().map(|vote| vote.uid.clone()));
                found.lines.push(line);
                if found.prompts.iter().all(|known| known.uid != asked_of.uid) {
                    found.prompts.push(asked_of.clone());
                }
            }
        }
        found.rows = found.lines.len();
        found.votes = votes_hash(&used).to_string();
        Ok(found)
    }

    /// A side's text, and where it is from: its name, what made it, the digest of what the forward pass received.
    fn side(
        &self,
        item: &StoredItem,
        side: usize,
        answers: &BTreeMap<String, (i64, String)>,
    ) -> Result<(String, Value)> {
        let Sides::Stored {
            answers: uids,
            names,
            ..
        } = &item.sides
        else {
            return Err(Error::option(
                "task",
                "is in a pack, which holds no answers",
            ));
        };
        let lost = || self.misread("item.sides: an answer that is not in this file");
        let uid = uids.get(side).ok_or_else(lost)?;
        let (id, text) = answers.get(uid).ok_or_else(lost)?;
        let key: Option<Vec<u8>> = self.one("SELECT key FROM generation WHERE id = ?1", [id])?;
        let key = key.map(|key| Uid(key).to_string());
        Ok((
            text.clone(),
            json!({"uid": uid, "name": names.get(side), "digest": key}),
        ))
    }
}

/// What was asked, as a trainer reads it; `None` for bare ids.
fn fields(prompt: &Prompt) -> Option<Value> {
    Some(match prompt {
        Prompt::Text(text) => json!({"prompt": text}),
        Prompt::Chat(text) => json!({"chat": text}),
        Prompt::Messages(turns) => json!({"messages": turns}),
        Prompt::Tokens(_) => return None,
    })
}

fn by_objective(votes: &[StoredVote]) -> BTreeMap<&str, Vec<&StoredVote>> {
    let mut by: BTreeMap<&str, Vec<&StoredVote>> = BTreeMap::new();
    for vote in votes {
        by.entry(&vote.objective).or_default().push(vote);
    }
    by
}

/// The side that more of the decisive votes prefer.
fn majority(votes: &[&StoredVote]) -> Option<usize> {
    let wins = |picked: Picked| {
        let won = |vote: &&&StoredVote| vote.picked.turned(&vote.shown.order) == picked;
        votes.iter().filter(won).count()
    };
    match wins(Picked::Left).cmp(&wins(Picked::Right)) {
        std::cmp::Ordering::Greater => Some(0),
        std::cmp::Ordering::Less => Some(1),
        std::cmp::Ordering::Equal => None,
    }
}
