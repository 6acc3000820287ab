//! Items and votes to and from other programs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::params;
use serde::Serialize;

use super::file::Study;
use super::hash::{Fields, Uid, now};
use super::open::sqlite;
use super::tasks::{Asks, NewItem, Sides, StoredItem, TaskState};
use super::votes::{Annotator, NewVote, Shown, person};
use crate::annotate::{
    Ballot, Design, ForeignPair, ForeignVote, Picked, Question, Source, Voters, readable,
};
use crate::stats::{Choice, Vote};
use crate::types::Prompt;
use crate::{Error, Result};

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Pairs in the file.
    pub pairs: usize,
    /// Pairs that are items of this study, by their names.
    pub by_name: usize,
    /// Pairs that are items of this study, by their texts.
    pub by_text: usize,
    /// Pairs that became items.
    pub new_items: usize,
    /// Texts that were no answer here and became some.
    pub new_answers: usize,
    /// Votes that were not here.
    pub votes: usize,
    /// Votes that were.
    pub known: usize,
    /// Skips among both.
    pub skipped: usize,
    /// Objectives that were not asked about here, and how many votes on them were left out.
    pub not_asked: BTreeMap<String, usize>,
}

/// The items of this study's tasks that show pairs, to be found by what they show.
struct Known {
    tasks: Vec<TaskState>,
    /// Which task, by place, and the item.
    by_uid: HashMap<String, (usize, StoredItem)>,
    /// By the prompt and both texts in either order; whether that is turned around.
    by_text: HashMap<(String, String, String), (String, bool)>,
}

impl Study {
    /// The items of a task about pairs, with their texts as they are stored, and, where `voted`, their votes.
    ///
    /// # Errors
    /// [`Error::Option`] where the task does not ask about pairs.
    pub fn foreign_pairs(&self, task: &TaskState, voted: bool) -> Result<Vec<ForeignPair>> {
        if task.asks.question() != Question::Pair {
            let problem = "does not ask about pairs, which is all that this format holds here; export votes or items as JSON Lines";
            return Err(Error::option("task", problem));
        }
        let items = self.items(task)?;
        let mut votes: HashMap<i64, Vec<ForeignVote>> = HashMap::new();
        if voted {
            let people = self.called()?;
            for vote in self.votes_by(task, &Voters::People)? {
                votes.entry(vote.item).or_default().push(ForeignVote {
                    person: people.get(&vote.annotator).cloned().unwrap_or_default(),
                    objective: vote.objective.clone(),
                    picked: vote.picked.turned(&vote.shown.order),
                    uid: Some(vote.uid.to_string()),
                    order: Some(vote.shown.order.clone()),
                    repeat: vote.shown.repeat,
                    active_ms: vote.active_ms,
                    comment: vote.comment.clone(),
                });
            }
        }
        let mut found = Vec::with_capacity(items.len());
        for item in &items {
            let (prompt, [left, right]) = self.words(item)?;
            found.push(ForeignPair {
                item: Some(item.uid.to_string()),
                prompt,
                texts: [left, right],
                names: None,
                votes: votes.remove(&item.id).unwrap_or_default(),
            });
        }
        Ok(found)
    }

    /// What a pair says: the prompt as people read it, and both texts as they are stored.
    pub(super) fn words(&self, item: &StoredItem) -> Result<(String, [String; 2])> {
        let lost = || self.misread("item.sides");
        match &item.sides {
            Sides::Texts { prompt, texts, .. } => {
                let texts: [String; 2] = texts.clone().try_into().map_err(|_other| lost())?;
                Ok((prompt.clone(), texts))
            }
            Sides::Stored {
                prompt, answers, ..
            } => {
                let known = self.texts_of(std::slice::from_ref(item))?;
                let text = |uid: &String| known.get(uid).map(|(_, text)| text.clone());
                let texts: Option<Vec<String>> = answers.iter().map(text).collect();
                let texts = texts
                    .and_then(|texts| texts.try_into().ok())
                    .ok_or_else(lost)?;
                let asked = self.prompt_named(prompt)?.and_then(|p| readable(&p.prompt));
                Ok((asked.ok_or_else(lost)?, texts))
            }
        }
    }

    /// Takes votes on pairs in. A pair that is an item here, by name or by its texts, is voted on there; others become
    /// items of the task `name`, their texts answers that came from elsewhere. What was taken in before is found again.
    ///
    /// # Errors
    /// [`Error::Option`] where there are pairs that are new, and `name` is a task that was made here.
    pub fn import_votes(&self, pairs: &[ForeignPair], name: &str) -> Result<Imported> {
        self.write(|_transaction, _origin| {
            let mut done = Imported {
                pairs: pairs.len(),
                ..Imported::default()
            };
            let mut known = self.known_pairs()?;
            let new: Vec<&ForeignPair> =
                pairs.iter().filter(|p| find(&known, p).is_none()).collect();
            if !new.is_empty() {
                self.take_in(&new, name, &mut done)?;
                known = self.known_pairs()?;
            }
            let fresh: BTreeSet<*const ForeignPair> =
                new.iter().map(|p| std::ptr::from_ref(*p)).collect();
            for pair in pairs {
                let Some((place, turned, named)) = find(&known, pair) else {
                    continue;
                };
                if !fresh.contains(&std::ptr::from_ref(pair)) {
                    done.by_name += usize::from(named);
                    done.by_text += usize::from(!named);
                }
                let (task, item) = &known.by_uid[place];
                let (task, item) = (known.tasks[*task].clone(), item.clone());
                for vote in &pair.votes {
                    self.take_vote(&task, &item, vote, turned, &mut done)?;
                }
            }
            Ok(done)
        })
    }

    fn known_pairs(&self) -> Result<Known> {
        let mut known = Known {
            tasks: self.tasks()?,
            by_uid: HashMap::new(),
            by_text: HashMap::new(),
        };
        for (at, task) in known.tasks.iter().enumerate() {
            if task.asks.question() != Question::Pair || matches!(task.asks, Asks::Pack(_)) {
                continue;
            }
            for item in self.items(task)? {
                let (prompt, [left, right]) = self.words(&item)?;
                let uid = item.uid.to_string();
                let ways = [(left.clone(), right.clone(), false), (right, left, true)];
                for (left, right, turned) in ways {
                    known
                        .by_text
                        .entry((prompt.clone(), left, right))
                        .or_insert((uid.clone(), turned));
                }
                known.by_uid.insert(uid, (at, item));
            }
        }
        Ok(known)
    }

    /// New pairs as items of a task that came from elsewhere.
    fn take_in(&self, new: &[&ForeignPair], name: &str, done: &mut Imported) -> Result<()> {
        let tasks = self.tasks()?;
        let said = new.iter().flat_map(|pair| &pair.votes);
        let mut objectives: Vec<String> = said
            .map(|vote| vote.objective.clone())
            .filter(|objective| !objective.is_empty())
            .collect();
        objectives.sort_unstable();
        objectives.dedup();
        let task = match tasks.into_iter().find(|task| task.name == name) {
            Some(task) => match &task.asks {
                Asks::Home(design) if design.sweeps.is_empty() => task,
                _ => {
                    let problem = format!(
                        "{} pairs are not in this study, and `{name}` is a task that was made here; name another one to take them in",
                        new.len()
                    );
                    return Err(Error::option("task", problem));
                }
            },
            None => {
                if objectives.is_empty() {
                    let problem = "these pairs are not in this study, and no vote says by what they are judged";
                    return Err(Error::option("votes", problem));
                }
                let design = Design {
                    items: new.len(),
                    repeats: 0.0,
                    gold: 0.0,
                    overlap: 1.0,
                    ..Design::new(Source::Preferences, objectives)
                };
                design.check().map_err(|(field, problem)| {
                    Error::option(format!("votes, {field}"), problem)
                })?;
                self.put_task(name, &Uid::event(now()), Asks::Home(design))?
            }
        };
        let batch = 1 + self
            .items(&task)?
            .iter()
            .map(|item| match item.sides {
                Sides::Stored { batch, .. } => batch,
                Sides::Texts { .. } => 0,
            })
            .max()
            .unwrap_or(0);
        let mut items: Vec<(Uid, NewItem)> = Vec::new();
        let mut seen = BTreeSet::new();
        for pair in new {
            let mut both = pair.texts.clone();
            both.sort_unstable();
            if pair.texts[0] == pair.texts[1] || !seen.insert((pair.prompt.clone(), both)) {
                continue;
            }
            let prompt = Prompt::Chat(pair.prompt.clone());
            let names = match &pair.names {
                Some([left, right]) if left != right => [left.clone(), right.clone()],
                _ => ["left", "right"].map(str::to_owned),
            };
            let mut answers = Vec::new();
            for text in &pair.texts {
                let (uid, fresh) = self.put_foreign_answer(&prompt, text)?;
                done.new_answers += usize::from(fresh);
                answers.push(uid.to_string());
            }
            let sides = Sides::Stored {
                batch,
                place: items.len(),
                prompt: Uid::prompt(&prompt).to_string(),
                answers,
                names: names.to_vec(),
                told: Vec::new(),
            };
            let item = NewItem {
                sides,
                wrong: None,
                probability: 1.0,
            };
            items.push((Uid::event(now()), item));
        }
        done.new_items = items.len();
        self.put_items(task.id, items.iter().map(|(uid, item)| (uid.clone(), item)))
    }

    /// An answer that came from elsewhere; gives whether it is new. One text to one prompt is one answer.
    fn put_foreign_answer(&self, prompt: &Prompt, text: &str) -> Result<(Uid, bool)> {
        let mut fields = Fields::new("paretoscope imported answer 1");
        fields.prompt(prompt);
        fields.text(text);
        let uid = short(fields);
        let origin = self.origin()?;
        let asked = self.put_prompt(&self.connection, origin, prompt, None)?;
        let sql = "INSERT INTO generation (uid, created, origin, prompt, seed, status, finish, text, ids, spans, asked, first_s,
                   total_s, mean) VALUES (?1, ?2, ?3, ?4, 0, 'done', 'eos', ?5, x'', x'', 0, 0.0, 0.0, x'')
                   ON CONFLICT (uid) DO NOTHING";
        let rows = self
            .connection
            .execute(sql, params![uid.0, now(), origin, asked, text])
            .map_err(sqlite(self.path()))?;
        Ok((uid, rows > 0))
    }

    fn take_vote(
        &self,
        task: &TaskState,
        item: &StoredItem,
        vote: &ForeignVote,
        turned: bool,
        done: &mut Imported,
    ) -> Result<()> {
        let asked = task.asks.objectives();
        // A skip is by all objectives; a vote under another name is by the only one, where there is one.
        let objectives: Vec<&String> = if vote.objective.is_empty() {
            asked.iter().collect()
        } else if let Some(known) = asked.iter().find(|o| **o == vote.objective) {
            vec![known]
        } else if let ([only], true) = (asked, vote.person.starts_with("label studio")) {
            vec![only]
        } else {
            *done.not_asked.entry(vote.objective.clone()).or_default() += 1;
            return Ok(());
        };
        let annotator = self.foreign_annotator(&vote.person)?;
        let sides = if turned { [1, 0] } else { [0, 1] };
        let order = vote.order.clone().unwrap_or_else(|| sides.to_vec());
        for objective in objectives {
            let ballot = Ballot {
                objective: objective.clone(),
                // As the sides are stored, then as they were shown.
                picked: vote.picked.turned(&sides).turned(&order),
                strength: None,
                comment: vote.comment.clone(),
            };
            let known = vote.uid.as_deref().and_then(Uid::parse);
            let created = known.as_ref().and_then(Uid::time).unwrap_or_else(now);
            let uid = known.unwrap_or_else(|| {
                let mut fields = Fields::new("paretoscope imported vote 1");
                fields.text(&vote.person);
                fields.text(&item.uid.to_string());
                fields.text(objective);
                fields.count(usize::from(vote.repeat));
                short(fields)
            });
            let fresh = self.put_vote(&NewVote {
                uid,
                created,
                item: item.id,
                annotator: annotator.id,
                ballot: &ballot,
                shown: &Shown {
                    place: 0,
                    order: order.clone(),
                    repeat: vote.repeat,
                },
                active_ms: vote.active_ms,
                early: false,
                replaces: None,
            })?;
            done.votes += usize::from(fresh);
            done.known += usize::from(!fresh);
        }
        done.skipped += usize::from(vote.picked == Picked::Skip);
        Ok(())
    }

    /// Who voted elsewhere: an alias is one here; anybody else gets one, and their name stays where it is.
    fn foreign_annotator(&self, name: &str) -> Result<Annotator> {
        if person(name).is_some() {
            return self.put_annotator(name);
        }
        let mut fields = Fields::new("paretoscope imported annotator 1");
        fields.text(name);
        let uid = short(fields);
        match self.annotators()?.into_iter().find(|a| a.uid == uid) {
            Some(known) => Ok(known),
            None => self.put_annotator_as(&uid, &self.next_alias()?),
        }
    }

    /// Votes that statistics read, as votes on pairs of this study: by the names of items and of what they compare.
    ///
    /// # Errors
    /// [`Error::Option`] with the first vote whose item is not here.
    pub fn pairs_of_votes(&self, votes: &[Vote]) -> Result<Vec<ForeignPair>> {
        let known = self.known_pairs()?;
        let mut pairs: Vec<ForeignPair> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut seen: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
        for (line, vote) in votes.iter().enumerate() {
            let found = known
                .by_uid
                .get(&vote.item)
                .and_then(|(_, item)| match &item.sides {
                    Sides::Stored { names, .. } => {
                        let side = |name: &String| names.iter().position(|n| n == name);
                        Some((item, side(&vote.left)?, side(&vote.right)?))
                    }
                    Sides::Texts { .. } => None,
                });
            let Some((item, left, right)) = found else {
                let problem = format!(
                    "vote {}: no item {} of this study compares {} with {}; only items that are here can be voted on in this form",
                    line + 1,
                    vote.item,
                    vote.left,
                    vote.right
                );
                return Err(Error::option("votes", problem));
            };
            let (prompt, texts) = self.words(item)?;
            let at = *places.entry(&vote.item).or_insert_with(|| {
                pairs.push(ForeignPair {
                    item: Some(vote.item.clone()),
                    prompt,
                    texts,
                    names: None,
                    votes: Vec::new(),
                });
                pairs.len() - 1
            });
            let order = vec![left, right];
            let picked = match vote.choice {
                Choice::Left => Picked::Left,
                Choice::Right => Picked::Right,
                Choice::Tie => Picked::Tie,
                Choice::Bad => Picked::Bad,
            };
            let repeat = !seen.insert((&vote.item, &vote.annotator, &vote.objective));
            pairs[at].votes.push(ForeignVote {
                person: vote.annotator.clone(),
                objective: vote.objective.clone(),
                picked: picked.turned(&order),
                uid: None,
                order: Some(order),
                repeat,
                active_ms: 0,
                comment: None,
            });
        }
        Ok(pairs)
    }
}

/// Where a pair stands among those that are known, whether it is turned around, and whether its name said so.
fn find<'a>(known: &'a Known, pair: &'a ForeignPair) -> Option<(&'a String, bool, bool)> {
    if let Some(item) = &pair.item
        && known.by_uid.contains_key(item)
    {
        return Some((item, false, true));
    }
    let [left, right] = pair.texts.clone();
    let (uid, turned) = known.by_text.get(&(pair.prompt.clone(), left, right))?;
    Some((uid, *turned, false))
}

fn short(fields: Fields) -> Uid {
    Uid(fields.digest()[..16].to_vec())
}
