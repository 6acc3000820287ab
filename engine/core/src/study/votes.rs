//! Votes: appended, and taken back or changed by later ones that name them.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::file::{Study, to_json};
use super::hash::{Uid, now};
use super::open::sqlite;
use super::tasks::TaskState;
use crate::annotate::{Ballot, Picked, Voters};
use crate::{Error, Result};

/// How an item was shown when it was voted on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shown {
    /// Its place in the person's queue, from 0.
    pub place: usize,
    /// Its sides in the order in which they were shown.
    pub order: Vec<usize>,
    /// Whether it was the second look.
    pub repeat: bool,
}

/// A vote.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVote {
    /// Its name in every file.
    pub uid: Uid,
    /// When it was cast, in milliseconds since 1970.
    pub created: i64,
    /// The item's number.
    pub item: i64,
    /// The person's number.
    pub annotator: i64,
    /// By what.
    pub objective: String,
    /// What, as it was shown.
    pub picked: Picked,
    /// How much better.
    pub strength: Option<u8>,
    /// How.
    pub shown: Shown,
    /// How long the item was looked at.
    pub active_ms: u64,
    /// Whether it came before the texts were whole.
    pub early: bool,
    /// What the person wrote.
    pub comment: Option<String>,
    /// The vote in whose place it stands.
    pub replaces: Option<Uid>,
}

/// Somebody who votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotator {
    /// Their number in the file.
    pub id: i64,
    /// Their name in every file.
    pub uid: Uid,
    /// What they are called: A1, A2, ...
    pub alias: String,
}

impl Annotator {
    /// The number in an alias, from 0: whose queue it is.
    pub fn person(&self) -> usize {
        person(&self.alias).unwrap_or(0)
    }
}

/// The number in an alias `A1`, `A2`, ..., from 0; `None` for anything else.
pub(super) fn person(alias: &str) -> Option<usize> {
    let digits = alias.strip_prefix('A')?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits
        .parse::<usize>()
        .ok()
        .filter(|n| plain && *n < 1_000_000)?
        .checked_sub(1)
}

/// The votes that stand: not replaced by a later one. Where two stand for one thing, made in two files, the later does.
/// What was taken back is among them as [`Picked::Undone`].
pub(super) fn standing(votes: Vec<StoredVote>) -> Vec<StoredVote> {
    let replaced: HashSet<Uid> = votes.iter().filter_map(|v| v.replaces.clone()).collect();
    let mut last: HashMap<(i64, i64, bool, String), usize> = HashMap::new();
    for (at, vote) in votes.iter().enumerate() {
        if replaced.contains(&vote.uid) {
            continue;
        }
        let key = (
            vote.annotator,
            vote.item,
            vote.shown.repeat,
            vote.objective.clone(),
        );
        let place = last.entry(key).or_insert(at);
        let when = |at: usize| (votes[at].created, &votes[at].uid);
        if when(at) > when(*place) {
            *place = at;
        }
    }
    let kept: HashSet<usize> = last.into_values().collect();
    let mut found: Vec<StoredVote> = votes
        .into_iter()
        .enumerate()
        .filter(|(at, _)| kept.contains(at))
        .map(|(_, vote)| vote)
        .collect();
    found.sort_by(|a, b| (a.created, &a.uid).cmp(&(b.created, &b.uid)));
    found
}

/// A vote to be written.
#[derive(Debug, Clone)]
pub(super) struct NewVote<'a> {
    pub(super) uid: Uid,
    pub(super) created: i64,
    pub(super) item: i64,
    pub(super) annotator: i64,
    pub(super) ballot: &'a Ballot,
    pub(super) shown: &'a Shown,
    pub(super) active_ms: u64,
    pub(super) early: bool,
    pub(super) replaces: Option<&'a Uid>,
}

impl Study {
    /// All who voted or are to vote, in order of coming.
    pub fn annotators(&self) -> Result<Vec<Annotator>> {
        let mut found = Vec::new();
        let sql = "SELECT id, uid, alias FROM annotator ORDER BY created, uid";
        self.each(sql, [], |row| {
            found.push(Annotator {
                id: self.get(row, 0)?,
                uid: Uid(self.get(row, 1)?),
                alias: self.get(row, 2)?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// The next alias that nobody has.
    pub fn next_alias(&self) -> Result<String> {
        let all = self.annotators()?;
        let most = all
            .iter()
            .filter_map(|a| person(&a.alias))
            .map(|p| p + 1)
            .max();
        Ok(format!("A{}", most.unwrap_or(0) + 1))
    }

    /// Who an alias is; `None` where nobody has it yet.
    ///
    /// # Errors
    /// [`Error::Option`] where it is no alias, or where two files were merged in each of which somebody was called so.
    pub fn annotator_named(&self, alias: &str) -> Result<Option<Annotator>> {
        if person(alias).is_none() {
            let problem = format!(
                "`{alias}` is no alias; people are called A1, A2, ... here, and names are never asked"
            );
            return Err(Error::option("annotator", problem));
        }
        let mut named: Vec<Annotator> = self.annotators()?;
        named.retain(|a| a.alias == alias);
        if named.len() > 1 {
            let problem = format!(
                "{} people are called {alias} here, since files were merged in each of which somebody was; go on as {}",
                named.len(),
                self.next_alias()?
            );
            return Err(Error::option("annotator", problem));
        }
        Ok(named.pop())
    }

    /// Within a write: the number of an alias, which is written where it is new.
    pub(super) fn put_annotator(&self, alias: &str) -> Result<Annotator> {
        if let Some(known) = self.annotator_named(alias)? {
            return Ok(known);
        }
        let uid = Uid::event(now());
        self.put_annotator_as(&uid, alias)
    }

    pub(super) fn put_annotator_as(&self, uid: &Uid, alias: &str) -> Result<Annotator> {
        let id = self.put(
            &self.connection,
            self.origin()?,
            "annotator",
            uid,
            &[("alias", &alias)],
        )?;
        Ok(Annotator {
            id,
            uid: uid.clone(),
            alias: alias.to_owned(),
        })
    }

    /// All votes of a task, or those of one person, replaced ones too, oldest first.
    pub(super) fn all_votes(
        &self,
        task: &TaskState,
        annotator: Option<i64>,
    ) -> Result<Vec<StoredVote>> {
        let sql = "SELECT v.uid, v.created, v.item, v.annotator, v.objective, v.choice, v.strength, v.shown, v.active_ms,
                   v.early, v.comment, v.replaces FROM vote v JOIN item i ON i.id = v.item WHERE i.task = ?1
                   AND (?2 IS NULL OR v.annotator = ?2) ORDER BY v.created, v.uid";
        let mut found = Vec::new();
        self.each(sql, params![task.id, annotator], |row| {
            let replaces: Option<Vec<u8>> = self.get(row, 11)?;
            found.push(StoredVote {
                uid: Uid(self.get(row, 0)?),
                created: self.get(row, 1)?,
                item: self.get(row, 2)?,
                annotator: self.get(row, 3)?,
                objective: self.get(row, 4)?,
                picked: Picked::parse(&self.get::<String>(row, 5)?)
                    .ok_or_else(|| self.misread("vote.choice"))?,
                strength: self.get(row, 6)?,
                shown: self.json(&self.get::<String>(row, 7)?, "vote.shown")?,
                active_ms: u64::try_from(self.get::<i64>(row, 8)?).unwrap_or(0),
                early: self.get(row, 9)?,
                comment: self.get(row, 10)?,
                replaces: replaces.map(Uid),
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// The votes of a task that stand, skips among them, oldest first.
    pub fn live_votes(&self, task: &TaskState) -> Result<Vec<StoredVote>> {
        let mut found = standing(self.all_votes(task, None)?);
        found.retain(|vote| vote.picked != Picked::Undone);
        Ok(found)
    }

    /// [`Study::live_votes`] of these voters alone.
    pub fn votes_by(&self, task: &TaskState, voters: &Voters) -> Result<Vec<StoredVote>> {
        let aliases: HashMap<i64, String> = self
            .annotators()?
            .into_iter()
            .map(|annotator| (annotator.id, annotator.alias))
            .collect();
        let mut found = self.live_votes(task)?;
        found.retain(|vote| {
            let alias = aliases.get(&vote.annotator);
            alias.is_some_and(|alias| voters.counts(alias))
        });
        Ok(found)
    }

    /// Within a write: a vote; gives whether it was not there already.
    pub(super) fn put_vote(&self, vote: &NewVote<'_>) -> Result<bool> {
        let origin = self.origin()?;
        let sql = "INSERT INTO vote (uid, created, origin, item, annotator, objective, choice, strength, shown, active_ms,
                   early, comment, replaces) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                   ON CONFLICT (uid) DO NOTHING";
        let shown = to_json("shown", vote.shown)?;
        let changed = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![
                    vote.uid.0,
                    vote.created,
                    origin,
                    vote.item,
                    vote.annotator,
                    vote.ballot.objective,
                    vote.ballot.picked.to_string(),
                    vote.ballot.strength,
                    shown,
                    i64::try_from(vote.active_ms).unwrap_or(i64::MAX),
                    vote.early,
                    vote.ballot.comment,
                    vote.replaces.map(|uid| &uid.0),
                ])
            })
            .map_err(sqlite(self.path()))?;
        Ok(changed > 0)
    }

    /// Forgets who a person was: their comments and drafts go, and nothing links their votes to the alias any more.
    /// Merged with a file that still knows them, they stay forgotten.
    ///
    /// # Errors
    /// [`Error::Option`] where nobody has this alias.
    pub fn forget(&self, alias: &str) -> Result<()> {
        self.write(|transaction, _origin| {
            let person = self.annotator_named(alias)?;
            let Some(person) = person else {
                let known = self.annotators()?.into_iter().map(|a| a.alias);
                let problem = crate::Problem::unknown(alias, known);
                return Err(Error::option("annotator", problem));
            };
            let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
                transaction.execute(sql, values).map_err(sqlite(self.path()))
            };
            run("UPDATE vote SET comment = NULL WHERE annotator = ?1", &[&person.id])?;
            run(
                "UPDATE view SET json = 'null', rev = rev + 1 WHERE name LIKE 'draft %' AND name LIKE ?1",
                &[&format!("% {alias}")],
            )?;
            // Of two aliases of one person a merge keeps the one that sorts first: this one, before every A.
            let chance = Uid::event(0).0;
            let key = format!("-{}", Uid(chance[10..].to_vec()));
            run("UPDATE annotator SET alias = ?2 WHERE id = ?1", &[&person.id, &key])?;
            Ok(())
        })
    }

    /// A word that the file keeps to itself, which no merge carries on.
    pub(super) fn own_word(&self, name: &str) -> Result<Option<String>> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .optional()
            .map_err(sqlite(self.path()))
    }

    /// Within a write: keeps such a word.
    pub(super) fn keep_own_word(&self, name: &str, value: &str) -> Result<()> {
        let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
        self.connection
            .execute(sql, [name, value])
            .map(|_rows| ())
            .map_err(sqlite(self.path()))
    }
}
