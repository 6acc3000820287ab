//! Judges: models that are asked which of two answers is better. Their votes stand apart from people's, under aliases of
//! their own (J1, J2, ...), and are held against them.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::file::{Study, to_json};
use super::hash::{Fields, Uid, now};
use super::tasks::{Sides, TaskState};
use super::votes::{Annotator, NewVote, Shown, StoredVote};
use crate::annotate::{Ballot, Picked, Question, Voters, judge_number, passes};
use crate::stats::{
    Choice, Draws, Progress, Share, StatsError, Vote, WinRates, kappa_of, wilson, win_rates,
};
use crate::{Error, Problem, Result};

/// What makes a judge's verdicts: one that differs in any of it is another judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeOf {
    /// Where it is asked.
    pub endpoint: String,
    /// Which model.
    pub model: String,
    /// What it is told, with `{objective}`, `{prompt}`, `{first}` and `{second}` in it.
    pub instructions: String,
    /// At which temperature.
    pub temperature: f64,
    /// New tokens at most.
    pub max_tokens: usize,
}

/// A judge of this study.
#[derive(Debug, Clone, PartialEq)]
pub struct Judge {
    /// Under which it votes.
    pub annotator: Annotator,
    /// What makes its verdicts.
    pub of: JudgeOf,
}

/// An item that a judge has still something to say of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgeItem {
    item: i64,
    place: usize,
    /// What was asked, as people read it.
    pub prompt: String,
    /// Both answers, as they are stored.
    pub sides: [String; 2],
    /// By what it has not judged yet.
    pub objectives: Vec<String>,
}

/// What a judge said of two answers in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The one shown first is better.
    First,
    /// The other one is.
    Second,
    /// Neither.
    Tie,
    /// Something else, which is this.
    Unreadable(String),
}

/// A judge's verdict on two answers by one objective, asked in both orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// With the answers in the order in which they are stored.
    pub straight: Answered,
    /// With them turned around.
    pub turned: Answered,
    /// How long both took, in milliseconds.
    pub took_ms: u64,
}

const STRAIGHT: &str = "in order: ";
const TURNED: &str = "; turned: ";
const SAID: &str = "; it said: ";
/// Characters of a reply that cannot be read which are kept.
const KEPT: usize = 200;

impl Judgement {
    /// The vote: a side that won in both orders, else a tie; none where a reply cannot be read.
    pub fn picked(&self) -> Picked {
        use Answered as A;
        match (&self.straight, &self.turned) {
            (A::Unreadable(_), _) | (_, A::Unreadable(_)) => Picked::Skip,
            (A::First, A::Second) => Picked::Left,
            (A::Second, A::First) => Picked::Right,
            _ => Picked::Tie,
        }
    }

    /// Whether the orders lead to different verdicts.
    pub fn disagrees(&self) -> bool {
        use Answered as A;
        !matches!(
            (&self.straight, &self.turned),
            (A::First, A::Second) | (A::Second, A::First) | (A::Tie, A::Tie)
        )
    }

    /// Both replies in words, as the vote keeps them.
    fn comment(&self) -> String {
        let word = |answered: &Answered| match answered {
            Answered::First => "first",
            Answered::Second => "second",
            Answered::Tie => "tie",
            Answered::Unreadable(_) => "unreadable",
        };
        let mut words = format!(
            "{STRAIGHT}{}{TURNED}{}",
            word(&self.straight),
            word(&self.turned)
        );
        let said = [&self.straight, &self.turned]
            .into_iter()
            .find_map(|answered| match answered {
                Answered::Unreadable(said) => Some(said),
                _ => None,
            });
        if let Some(said) = said {
            words.push_str(SAID);
            words.extend(said.chars().take(KEPT));
        }
        words
    }
}

/// Both replies of a comment, by their words.
fn replies(comment: &str) -> Option<[&str; 2]> {
    let both = comment.strip_prefix(STRAIGHT)?;
    let both = both.split(SAID).next()?;
    let (straight, turned) = both.split_once(TURNED)?;
    Some([straight, turned])
}

/// What a judge's votes on a task say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeSaid {
    /// Its alias.
    pub judge: String,
    /// What makes its verdicts; unknown where its votes came from another file without it.
    #[serde(flatten)]
    pub of: Option<JudgeOf>,
    /// Votes on checks that saw what is wrong.
    pub checks: Share,
    /// By objective.
    pub objectives: BTreeMap<String, JudgeObjective>,
}

/// What a judge's votes by one objective say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeObjective {
    /// Votes, ties among them, checks not.
    pub n: usize,
    /// Votes that are ties.
    pub ties: usize,
    /// Replies that could not be read, in either order: no votes.
    pub unreadable: usize,
    /// Items on which both orders gave one verdict.
    pub consistent: Share,
    /// Of all decisive replies, those that preferred what was shown first; one half where the order says nothing.
    pub first_shown: Share,
    /// Items that the majority of people decided and the judge as well: those on which they agree.
    pub agrees_with_people: Share,
    /// Cohen's kappa of the judge and the majority of people, ties among the verdicts.
    pub kappa_with_people: Option<f64>,
    /// Win rates against the base model, where it was compared with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_base: Option<WinRates>,
}

/// Votes sorted by objective and item.
type ByItem = BTreeMap<String, BTreeMap<String, f64>>;

impl Study {
    /// The judges of this study.
    pub fn judges(&self) -> Result<Vec<Judge>> {
        let annotators = self.annotators()?;
        let mut found = Vec::new();
        let sql = "SELECT digest, card FROM artefact WHERE kind = 'judge' ORDER BY created, uid";
        self.each(sql, [], |row| {
            let (digest, card): (String, Option<String>) = (self.get(row, 0)?, self.get(row, 1)?);
            let annotator = annotators.iter().find(|a| a.uid.to_string() == digest);
            if let (Some(annotator), Some(card)) = (annotator, card) {
                found.push(Judge {
                    annotator: annotator.clone(),
                    of: self.json(&card, "artefact.card")?,
                });
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The judge of these settings, which is written where it is new.
    pub fn judge(&self, of: &JudgeOf) -> Result<Judge> {
        if let Some(known) = self.judges()?.into_iter().find(|judge| judge.of == *of) {
            return Ok(known);
        }
        let card = to_json("judge", of)?;
        self.write(|transaction, origin| {
            let numbers = self.annotators()?;
            let most = numbers.iter().filter_map(|a| judge_number(&a.alias)).max();
            let alias = format!("J{}", most.unwrap_or(0) + 1);
            let annotator = self.put_annotator_as(&Uid::event(now()), &alias)?;
            let digest = annotator.uid.to_string();
            let mut fields = Fields::new("paretoscope judge 1");
            fields.text(&digest);
            fields.text(&card);
            let columns: [(&str, &dyn rusqlite::ToSql); 4] = [
                ("kind", &"judge"),
                ("digest", &digest),
                ("name", &of.model),
                ("card", &card),
            ];
            self.put(transaction, origin, "artefact", &fields.uid(), &columns)?;
            Ok(Judge {
                annotator,
                of: of.clone(),
            })
        })
    }

    /// The items of a task that a judge of these settings has not judged by all of `objectives`, checks among them.
    ///
    /// # Errors
    /// [`Error::Option`] where the task does not ask about pairs of answers of this study, or not by an objective.
    pub fn unjudged(
        &self,
        task: &TaskState,
        of: &JudgeOf,
        objectives: &[String],
    ) -> Result<Vec<JudgeItem>> {
        if task.asks.question() != Question::Pair {
            let problem = "does not ask about pairs, which is what a judge compares";
            return Err(Error::option("task", problem));
        }
        let known = task.asks.objectives();
        if let Some(unknown) = objectives.iter().find(|o| !known.contains(o)) {
            let known = known.iter().map(String::as_str);
            return Err(Error::option(
                "objective",
                Problem::unknown(unknown.as_str(), known),
            ));
        }
        let judge = self.judges()?.into_iter().find(|judge| judge.of == *of);
        let done: HashSet<(i64, String)> = match &judge {
            None => HashSet::new(),
            Some(judge) => self
                .votes_by(task, &Voters::Judges)?
                .into_iter()
                .filter(|vote| vote.annotator == judge.annotator.id)
                .map(|vote| (vote.item, vote.objective))
                .collect(),
        };
        let mut found = Vec::new();
        for (place, item) in self.items(task)?.iter().enumerate() {
            let left = |objective: &&String| !done.contains(&(item.id, (*objective).clone()));
            let left: Vec<String> = objectives.iter().filter(left).cloned().collect();
            if left.is_empty() {
                continue;
            }
            if let Sides::Texts { .. } = item.sides {
                let problem =
                    "is in a pack, which is for one person; judge the task where it was made";
                return Err(Error::option("task", problem));
            }
            let (prompt, sides) = self.words(item)?;
            found.push(JudgeItem {
                item: item.id,
                place,
                prompt,
                sides,
                objectives: left,
            });
        }
        Ok(found)
    }

    /// Keeps a judge's verdict on an item by one objective.
    pub fn judge_votes(
        &self,
        judge: &Judge,
        item: &JudgeItem,
        objective: &str,
        said: &Judgement,
    ) -> Result<()> {
        let ballot = Ballot {
            objective: objective.to_owned(),
            picked: said.picked(),
            strength: None,
            comment: Some(said.comment()),
        };
        let shown = Shown {
            place: item.place,
            order: vec![0, 1],
            repeat: false,
        };
        self.write(|_transaction, _origin| {
            self.put_vote(&NewVote {
                uid: Uid::event(now()),
                created: now(),
                item: item.item,
                annotator: judge.annotator.id,
                ballot: &ballot,
                shown: &shown,
                active_ms: said.took_ms,
                early: false,
                replaces: None,
            })?;
            Ok(())
        })
    }

    /// What the judges of a task said, beside people.
    ///
    /// # Errors
    /// [`Error::Option`] where what they compared cannot be counted.
    pub fn judges_said(
        &self,
        task: &TaskState,
        draws: Draws,
        progress: Progress<'_>,
    ) -> Result<Option<Vec<JudgeSaid>>> {
        let people = majority(&self.judged(task)?.votes);
        let known = self.judges()?;
        let wrong: BTreeMap<i64, usize> = self
            .items(task)?
            .iter()
            .filter_map(|item| Some((item.id, item.wrong?)))
            .collect();
        let mut by_judge: BTreeMap<i64, Vec<StoredVote>> = BTreeMap::new();
        for vote in self.votes_by(task, &Voters::Judges)? {
            by_judge.entry(vote.annotator).or_default().push(vote);
        }
        let names = self.called()?;
        let mut found = Vec::new();
        for (id, votes) in by_judge {
            let alias = names.get(&id).cloned().unwrap_or_default();
            let judged = self.judged_by(task, &Voters::Judges)?.votes;
            let own: Vec<Vote> = judged
                .into_iter()
                .filter(|v| v.annotator == alias)
                .collect();
            let rates = match win_rates(&own, "base", draws, progress) {
                Err(StatsError::Cancelled) => return Ok(None),
                other => other.map_err(|error| Error::option("votes", error.to_string()))?,
            };
            let (mut passed, mut checks) = (0, 0);
            for vote in &votes {
                let passes = wrong
                    .get(&vote.item)
                    .and_then(|wrong| passes(&vote.picked, *wrong));
                checks += usize::from(passes.is_some());
                passed += usize::from(passes == Some(true));
            }
            let mut objectives: BTreeMap<String, Vec<&StoredVote>> = BTreeMap::new();
            for vote in votes.iter().filter(|vote| !wrong.contains_key(&vote.item)) {
                objectives
                    .entry(vote.objective.clone())
                    .or_default()
                    .push(vote);
            }
            let verdicts = majority(&own);
            found.push(JudgeSaid {
                judge: alias,
                of: known
                    .iter()
                    .find(|j| j.annotator.id == id)
                    .map(|j| j.of.clone()),
                checks: wilson(passed, checks),
                objectives: objectives
                    .into_iter()
                    .map(|(objective, votes)| {
                        let empty = BTreeMap::new();
                        let by = |from: &ByItem| {
                            from.get(&objective)
                                .cloned()
                                .unwrap_or_else(|| empty.clone())
                        };
                        let mut said = one(&votes, &by(&verdicts), &by(&people));
                        said.against_base = rates.get(&objective).cloned();
                        (objective, said)
                    })
                    .collect(),
            });
        }
        Ok(Some(found))
    }
}

/// Of each item and objective: 1 where more votes prefer the name that sorts first, -1 where the other, 0 where neither.
fn majority(votes: &[Vote]) -> ByItem {
    let mut sums: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for vote in votes {
        // A second look counts nowhere.
        if !seen.insert((&vote.objective, &vote.item, &vote.annotator)) {
            continue;
        }
        let won = match vote.choice {
            Choice::Left => 1.0,
            Choice::Right => -1.0,
            Choice::Tie | Choice::Bad => 0.0,
        };
        let sign = if vote.left <= vote.right { 1.0 } else { -1.0 };
        let items = sums.entry(vote.objective.clone()).or_default();
        *items.entry(vote.item.clone()).or_default() += won * sign;
    }
    for sum in sums.values_mut().flat_map(BTreeMap::values_mut) {
        *sum = if *sum == 0.0 { 0.0 } else { sum.signum() };
    }
    sums
}

fn one(
    votes: &[&StoredVote],
    own: &BTreeMap<String, f64>,
    people: &BTreeMap<String, f64>,
) -> JudgeObjective {
    let count = |picked: Picked| votes.iter().filter(|vote| vote.picked == picked).count();
    let (mut alike, mut both, mut first, mut decisive) = (0, 0, 0, 0);
    for vote in votes {
        let Some(said) = vote.comment.as_deref().and_then(replies) else {
            continue;
        };
        first += said.iter().filter(|word| **word == "first").count();
        decisive += said
            .iter()
            .filter(|word| matches!(**word, "first" | "second"))
            .count();
        if !said.contains(&"unreadable") {
            both += 1;
            // The same side stands at the other place once it is turned around.
            alike += usize::from(matches!(
                said,
                ["first", "second"] | ["second", "first"] | ["tie", "tie"]
            ));
        }
    }
    let decided = own
        .iter()
        .filter_map(|(item, mine)| Some((*mine, *people.get(item)?)));
    let decided: Vec<(f64, f64)> = decided
        .filter(|(mine, theirs)| *mine != 0.0 && *theirs != 0.0)
        .collect();
    JudgeObjective {
        n: votes.len() - count(Picked::Skip),
        ties: count(Picked::Tie),
        unreadable: count(Picked::Skip),
        consistent: wilson(alike, both),
        first_shown: wilson(first, decisive),
        agrees_with_people: wilson(
            decided
                .iter()
                .filter(|(mine, theirs)| mine == theirs)
                .count(),
            decided.len(),
        ),
        kappa_with_people: kappa_of(&[own.clone(), people.clone()]),
        against_base: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_disagree_are_a_tie_and_what_was_said_can_be_read_back() {
        use Answered as A;
        let said = |straight: A, turned: A| Judgement {
            straight,
            turned,
            took_ms: 5,
        };
        let odd = || A::Unreadable("I cannot; turned: say".to_owned());
        for (judgement, picked, words) in [
            (said(A::First, A::Second), Picked::Left, ["first", "second"]),
            (
                said(A::Second, A::First),
                Picked::Right,
                ["second", "first"],
            ),
            (said(A::First, A::First), Picked::Tie, ["first", "first"]),
            (said(A::Tie, A::Second), Picked::Tie, ["tie", "second"]),
            (said(A::Tie, A::Tie), Picked::Tie, ["tie", "tie"]),
            (said(A::First, odd()), Picked::Skip, ["first", "unreadable"]),
        ] {
            assert_eq!(judgement.picked(), picked);
            assert_eq!(replies(&judgement.comment()), Some(words));
        }
        assert_eq!(replies("a person wrote this"), None);
    }
}
