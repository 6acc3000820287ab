//! Votes as scores of the answers that were voted on: people's, or a judge's.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::file::Study;
use super::hash::{Fields, Uid};
use super::preferred::votes_hash;
use super::records::ScorerRecord;
use super::scoring::Counted;
use super::tasks::{Sides, StoredItem, TaskState};
use super::votes::StoredVote;
use crate::annotate::{Picked, Question, Voters, is_judge};
use crate::types::{ScorerKind, Split};
use crate::{Error, Result};

/// What the base model is called in items.
const BASE: &str = "base";

/// What an answer's share of votes is won against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Against {
    /// The base model's answer to the same prompt; that one's own share is one half, as of any answer against itself.
    #[default]
    Base,
    /// Whatever it was compared with.
    All,
}

impl Against {
    /// From `base` or `all`.
    ///
    /// # Errors
    /// [`Error::Option`] for any other word.
    pub fn parse(option: &str, word: &str) -> Result<Self> {
        match word {
            "base" => Ok(Self::Base),
            "all" => Ok(Self::All),
            other => {
                let problem = crate::Problem::unknown(other, ["base", "all"]);
                Err(Error::option(option, problem))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::All => "all",
        }
    }
}

/// Sums of an answer's votes.
#[derive(Debug, Clone, Copy, Default)]
struct Won {
    sum: f64,
    votes: usize,
}

impl Won {
    fn add(&mut self, won: f64) {
        self.sum += won;
        self.votes += 1;
    }
}

impl Study {
    /// Scores answers by the votes of a task, for each objective that was voted on: of pairs the share that an answer won,
    /// ties as halves; of ratings the mean. Second looks, checks and what was skipped count nowhere. The scorer is of the
    /// votes that stand: with more votes it is another one.
    ///
    /// A point's mean over answers gives each prompt the same weight, however many voted on it.
    ///
    /// # Errors
    /// [`Error::Option`] where the task asks for rankings or is a pack, or nothing was compared with the base model.
    pub fn score_by_votes(
        &self,
        task: &TaskState,
        voters: &Voters,
        against: Against,
        split: Option<Split>,
    ) -> Result<Vec<Counted>> {
        let question = task.asks.question();
        if question == Question::Ranking {
            let problem = format!(
                "`{}` asks for rankings, which give no answer a score of its own; votes on pairs and ratings do",
                task.name
            );
            return Err(Error::option("task", problem));
        }
        let items = self.items(task)?;
        let votes = self.votes_by(task, voters)?;
        let mut found = Vec::new();
        for objective in task.asks.objectives() {
            let own: Vec<&StoredVote> =
                votes.iter().filter(|v| v.objective == *objective).collect();
            if own.is_empty() {
                continue;
            }
            let won = won(&items, &own, against);
            let record = record(task, question, voters, objective, against, &own);
            if won.is_empty() {
                let problem = format!(
                    "no vote of `{}` by {objective} is on {}",
                    task.name,
                    match against {
                        Against::Base =>
                            "an answer and the base model's; against=all counts every comparison",
                        Against::All => "stored answers",
                    }
                );
                return Err(Error::option("votes", problem));
            }
            let numbers = self.texts_of(&items)?;
            let mut said = Vec::with_capacity(won.len());
            for (answer, Won { sum, votes }) in won {
                if let Some((number, _)) = numbers.get(answer)
                    && (split.is_none() || self.split_of_answer(*number)? == split)
                {
                    said.push((*number, sum / votes as f64));
                }
            }
            found.push(self.put_scores(&record, &said)?);
        }
        Ok(found)
    }

    /// Which part of the prompts an answer's belongs to.
    fn split_of_answer(&self, answer: i64) -> Result<Option<Split>> {
        let sql =
            "SELECT p.split FROM generation g JOIN prompt p ON p.id = g.prompt WHERE g.id = ?1";
        let name: Option<String> = self.one(sql, [answer])?;
        Ok(name.and_then(|name| Split::ALL.into_iter().find(|s| s.name() == name)))
    }
}

/// What each answer won, by its name in every file.
fn won<'a>(
    items: &'a [StoredItem],
    votes: &[&StoredVote],
    against: Against,
) -> BTreeMap<&'a String, Won> {
    let by_id: HashMap<i64, &StoredItem> = items.iter().map(|item| (item.id, item)).collect();
    let mut votes = votes.to_vec();
    // A person's first look counts, a second one only where there is no first.
    votes.sort_by_key(|vote| vote.shown.repeat);
    let mut seen = HashSet::new();
    let mut found: BTreeMap<&String, Won> = BTreeMap::new();
    for vote in votes.into_iter().filter(|vote| vote.picked.counts()) {
        let item = by_id.get(&vote.item).filter(|item| item.wrong.is_none());
        let Some(Sides::Stored { answers, names, .. }) = item.map(|item| &item.sides) else {
            continue;
        };
        if !seen.insert((vote.annotator, vote.item)) {
            continue;
        }
        let share = match vote.picked.turned(&vote.shown.order) {
            Picked::Left => 1.0,
            Picked::Right => 0.0,
            Picked::Tie | Picked::Bad => 0.5,
            Picked::Rating(rating) => {
                if let [answer] = &answers[..] {
                    found.entry(answer).or_default().add(f64::from(rating));
                }
                continue;
            }
            Picked::Order(_) | Picked::Skip | Picked::Undone => continue,
        };
        let ([left, right], [of_left, of_right]) = (&answers[..], &names[..]) else {
            continue;
        };
        let shares = match (against, of_left == BASE, of_right == BASE) {
            (Against::All, ..) => [share, 1.0 - share],
            (Against::Base, false, true) => [share, 0.5],
            (Against::Base, true, false) => [0.5, 1.0 - share],
            (Against::Base, ..) => continue,
        };
        found.entry(left).or_default().add(shares[0]);
        found.entry(right).or_default().add(shares[1]);
    }
    found
}

fn record(
    task: &TaskState,
    question: Question,
    voters: &Voters,
    objective: &str,
    against: Against,
    votes: &[&StoredVote],
) -> ScorerRecord {
    let (kind, who) = match voters {
        Voters::People => (ScorerKind::Votes, "votes"),
        Voters::Judges => (ScorerKind::Judge, "judges"),
        Voters::One(alias) if is_judge(alias) => (ScorerKind::Judge, alias.as_str()),
        Voters::One(alias) => (ScorerKind::Votes, alias.as_str()),
    };
    let rates = question == Question::Rating;
    // What was taken back is among them: taking it back makes another scorer.
    let uids: Vec<Uid> = votes.iter().map(|vote| vote.uid.clone()).collect();
    let mut fields = Fields::new("paretoscope vote scores 1");
    fields.text(&task.uid.to_string());
    fields.text(if rates { "rating" } else { against.name() });
    fields.text(&votes_hash(&uids).to_string());
    let counted = match (rates, against) {
        (true, _) => "mean rating".to_owned(),
        (false, Against::Base) => "share won against the base model, ties as halves".to_owned(),
        (false, Against::All) => {
            "share won against what it was compared with, ties as halves".to_owned()
        }
    };
    ScorerRecord {
        kind,
        objective: format!("{who}-{objective}"),
        sign: 1.0,
        digest: fields.uid().to_string(),
        words: format!("{counted}: {} votes of task {}", votes.len(), task.name),
    }
}
