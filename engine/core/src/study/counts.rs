//! How far a task is, for whoever made it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::file::Study;
use super::tasks::TaskState;
use crate::Result;
use crate::annotate::{Picked, Voters};

/// How far a task is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Its items, checks left out.
    pub items: usize,
    /// Checks, whose right answer is known.
    pub checks: usize,
    /// Items whose texts name an expert, an adapter or an objective.
    pub told: usize,
    /// By alias, looks that ended in votes or a skip.
    pub saved: BTreeMap<String, usize>,
    /// Votes that people cast, those that were taken back among them: whatever is voted, it grows.
    pub cast: usize,
    /// By objective, in the task's order, votes that decide for a side; second looks and checks left out.
    pub decisive: Vec<(String, usize)>,
}

impl Study {
    /// Votes of a task that people cast, those that were replaced or taken back among them.
    pub fn votes_cast(&self, task: &TaskState) -> Result<usize> {
        let sql = "SELECT a.alias, COUNT(*) FROM vote v JOIN item i ON i.id = v.item
                   JOIN annotator a ON a.id = v.annotator WHERE i.task = ?1 GROUP BY a.alias";
        let mut cast = 0;
        self.each(sql, [task.id], |row| {
            let (alias, votes): (String, i64) = (self.get(row, 0)?, self.get(row, 1)?);
            if Voters::People.counts(&alias) {
                cast += usize::try_from(votes).unwrap_or(0);
            }
            Ok(())
        })?;
        Ok(cast)
    }

    /// How far a task is: from its items and the votes that stand.
    pub fn task_counts(&self, task: &TaskState) -> Result<TaskCounts> {
        let items = self.items(task)?;
        let checks: HashSet<i64> = (items.iter())
            .filter(|item| item.wrong.is_some())
            .map(|item| item.id)
            .collect();
        let people = self.called()?;
        let mut looks: HashMap<i64, HashSet<(i64, bool)>> = HashMap::new();
        let mut decisive: HashMap<String, usize> = HashMap::new();
        for vote in self.live_votes(task)? {
            let look = (vote.item, vote.shown.repeat);
            looks.entry(vote.annotator).or_default().insert(look);
        }
        // Judges have their own figures.
        for vote in self.votes_by(task, &Voters::People)? {
            let decides = matches!(vote.picked, Picked::Left | Picked::Right);
            if decides && !vote.shown.repeat && !checks.contains(&vote.item) {
                *decisive.entry(vote.objective).or_default() += 1;
            }
        }
        let saved = looks
            .into_iter()
            .filter_map(|(annotator, looks)| Some((people.get(&annotator)?.clone(), looks.len())));
        let count = |objective: &String| {
            let votes = decisive.get(objective).copied().unwrap_or(0);
            (objective.clone(), votes)
        };
        Ok(TaskCounts {
            items: items.len() - checks.len(),
            checks: checks.len(),
            told: items.iter().filter(|item| item.sides.tells()).count(),
            saved: saved.collect(),
            cast: self.votes_cast(task)?,
            decisive: task.asks.objectives().iter().map(count).collect(),
        })
    }
}
