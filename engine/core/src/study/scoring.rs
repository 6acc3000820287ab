//! Scorers beside reward models score what is stored: nothing is generated anew, and what they scored already stays.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;

use super::encode;
use super::file::Study;
use super::records::ScorerRecord;
use crate::Result;
use crate::rules::{Given, Rule, Verdict};
use crate::types::{Reference, ScorerKind, Split, Summary};

/// Answers that are read, scored and written together: what a kill may cost.
const BATCH: i64 = 256;

/// What a scorer did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counted {
    /// Its objective.
    pub objective: String,
    /// What kind of scorer it is.
    pub kind: ScorerKind,
    /// 1, or -1 where less of what is counted is better: applied to `mean`.
    pub sign: f64,
    /// What it counts.
    pub words: String,
    /// Its name in every file.
    pub scorer: String,
    /// Mean of all its scores of these answers, older ones among them, and their standard error; over answers, whatever
    /// their points.
    #[serde(flatten)]
    pub summary: Option<Summary>,
    /// Answers that it had scored before.
    pub found: usize,
    /// Answers that it scored now.
    pub scored: usize,
    /// Answers that it says nothing of, by why.
    pub left_out: BTreeMap<String, usize>,
}

impl Counted {
    pub(super) fn of(record: &ScorerRecord) -> Self {
        Self {
            objective: record.objective.clone(),
            kind: record.kind,
            sign: record.sign,
            words: record.words.clone(),
            scorer: record.uid().to_string(),
            summary: None,
            found: 0,
            scored: 0,
            left_out: BTreeMap::new(),
        }
    }

    pub(super) fn sum_up(&mut self, scores: Vec<f64>) {
        self.summary = (!scores.is_empty()).then(|| Summary::of(scores));
    }
}

/// An answer that is read to be scored.
struct Read {
    id: i64,
    prompt: crate::types::Prompt,
    uid: String,
    text: String,
}

impl Study {
    /// Scores every stored answer to prompts of a part, or of all, by a rule. `go_on` is told how many answers are done and
    /// asked whether to go on; `None` where it broke: what was scored is kept, and the same call goes on from there.
    pub fn score_by_rule(
        &self,
        rule: &dyn Rule,
        split: Option<Split>,
        go_on: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Vec<Counted>>> {
        let records: Vec<ScorerRecord> = rule
            .objectives()
            .into_iter()
            .map(|objective| ScorerRecord {
                kind: rule.kind(),
                objective: objective.name,
                sign: objective.sign,
                digest: objective.digest,
                words: objective.words,
            })
            .collect();
        let written: Vec<_> = records.iter().cloned().map(Some).collect();
        let numbers = self.scorers(&written)?;
        let references = self.references()?;
        let mut counts: Vec<Counted> = records.iter().map(Counted::of).collect();
        let mut scores: Vec<Vec<f64>> = vec![Vec::new(); records.len()];
        let (of, mut done, mut last) = (self.scorable(split)?, 0, i64::MIN);
        loop {
            if go_on(done, of).is_break() {
                return Ok(None);
            }
            let read = self.scorable_after(split, last)?;
            let Some(end) = read.last() else { break };
            last = end.id;
            done += read.len();
            let mut new = Vec::new();
            for answer in &read {
                let known = self.scores(&[answer.id], &numbers)?.remove(0);
                let nothing = Reference::default();
                let given = Given {
                    prompt: &answer.prompt,
                    reference: references.get(&answer.uid).unwrap_or(&nothing),
                    text: &answer.text,
                };
                let verdicts = if known.0.iter().all(Option::is_some) {
                    Vec::new()
                } else {
                    rule.verdicts(given)
                };
                for (at, known) in known.0.into_iter().enumerate() {
                    if let Some(known) = known {
                        counts[at].found += 1;
                        scores[at].push(known);
                        continue;
                    }
                    match verdicts.get(at) {
                        Some(Verdict::Counted(counted)) => {
                            let score = records[at].sign * counted;
                            counts[at].scored += 1;
                            scores[at].push(score);
                            new.extend(numbers[at].map(|scorer| (answer.id, scorer, score)));
                        }
                        Some(Verdict::Nothing(why)) => {
                            *counts[at].left_out.entry((*why).to_owned()).or_default() += 1;
                        }
                        None => {}
                    }
                }
            }
            self.score(&new)?;
        }
        for (count, scores) in counts.iter_mut().zip(scores) {
            count.sum_up(scores);
        }
        Ok(Some(counts))
    }

    /// How many answers can be scored: those that ended by themselves, with numbers for logits.
    fn scorable(&self, split: Option<Split>) -> Result<usize> {
        let sql = "SELECT count(*) FROM generation g JOIN prompt p ON p.id = g.prompt
                   WHERE g.status = 'done' AND g.finish IS NOT 'not_finite' AND (?1 IS NULL OR p.split = ?1)";
        let count: i64 = self.one(sql, [split.map(Split::name)])?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn scorable_after(&self, split: Option<Split>, after: i64) -> Result<Vec<Read>> {
        let sql = "SELECT g.id, p.kind, p.body, p.uid, g.text FROM generation g JOIN prompt p ON p.id = g.prompt
                   WHERE g.status = 'done' AND g.finish IS NOT 'not_finite' AND (?1 IS NULL OR p.split = ?1) AND g.id > ?2
                   ORDER BY g.id LIMIT ?3";
        let mut found = Vec::new();
        let parameters = rusqlite::params![split.map(Split::name), after, BATCH];
        self.each(sql, parameters, |row| {
            found.push(Read {
                id: self.get(row, 0)?,
                prompt: self.prompt_of(row, 1)?,
                uid: super::hash::Uid(self.get(row, 3)?).to_string(),
                text: self.get(row, 4)?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// Writes what a scorer says of answers, by their numbers, in parts; what it said before stays.
    pub(super) fn put_scores(&self, record: &ScorerRecord, said: &[(i64, f64)]) -> Result<Counted> {
        let number = self.scorers(&[Some(record.clone())])?[0];
        let mut count = Counted::of(record);
        let mut scores = Vec::with_capacity(said.len());
        let sql = "SELECT value, flag FROM score WHERE generation = ?1 AND scorer = ?2";
        for part in said.chunks(BATCH as usize) {
            let mut new = Vec::new();
            for &(answer, score) in part {
                let mut known = None;
                self.each(sql, rusqlite::params![answer, number], |row| {
                    let (value, flag): (Option<f64>, String) =
                        (self.get(row, 0)?, self.get(row, 1)?);
                    known = encode::from_score(value, &flag);
                    Ok(())
                })?;
                match known {
                    Some(known) => {
                        count.found += 1;
                        scores.push(known);
                    }
                    None => {
                        count.scored += 1;
                        scores.push(score);
                        new.extend(number.map(|scorer| (answer, scorer, score)));
                    }
                }
            }
            self.score(&new)?;
        }
        count.sum_up(scores);
        Ok(count)
    }
}
