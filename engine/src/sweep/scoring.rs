//! Scores of a sweep's rows: given here, or by the program that made a row.

use std::time::{Duration, Instant};

use super::runner::SweepScheduler;
use super::shares::Row;
use crate::Result;
use crate::bundle::Bundle;
use crate::reward::{Patience, RewardInput, ScoreQueue};
use crate::types::{PointResult, Scores};

/// Finished rows that are worth a forward pass of a reward model while others are under way: it runs faster on several.
const SCORE_BATCH: usize = 16;
/// Tokens of a forward pass that nobody waits for.
const SCORE_TOKENS: usize = 2048;
/// How often it is looked whether another program has scored.
const LOOK: Duration = Duration::from_millis(500);
/// How long another program has for the scores of its rows: it may score by other models. Two scores for one row are no
/// harm; the first stays.
const PATIENCE: Duration = Duration::from_secs(30);

/// Rows that are stored and not yet scored.
#[derive(Debug, Default)]
pub(super) struct Scoring {
    /// To be scored here.
    queue: ScoreQueue<Row>,
    /// Those that another program made, which is about to score them.
    theirs: Vec<Theirs>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Theirs {
    row: Row,
    /// The number of the answer.
    answer: i64,
    text: RewardInput,
    since: Instant,
}

impl Scoring {
    /// A row to be scored here.
    pub(super) fn push(&mut self, row: Row, text: RewardInput, objectives: usize) {
        self.queue.push(row, text, objectives);
    }

    /// A row whose maker is about to score it.
    pub(super) fn left_to_others(&mut self, row: Row, answer: i64, text: RewardInput) {
        self.theirs.push(Theirs {
            row,
            answer,
            text,
            since: Instant::now(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.theirs.is_empty()
    }
}

impl SweepScheduler {
    /// Whether each reward model has scored.
    pub(super) fn is_whole(&self, scores: &Scores) -> bool {
        let mut both = self.scorers.iter().zip(&scores.0);
        both.all(|(by, score)| by.is_none() || score.is_some())
    }

    /// Whether enough rows wait for their scores, or nothing else is left to do here.
    pub fn should_score(&self) -> bool {
        let nothing_else = self.running.is_empty() && !self.shares.has_ours();
        let queue = &self.scoring.queue;
        queue.len() >= SCORE_BATCH || nothing_else && !queue.is_empty()
    }

    /// Rows that are stored and wait for their scores by this program.
    pub fn unscored(&self) -> usize {
        self.scoring.queue.len()
    }

    /// One forward pass of a reward model, of at most `tokens` or one text; nothing where `patience` gave way. Returns
    /// the points that are complete now.
    pub fn score(
        &mut self,
        bundle: &Bundle,
        tokens: usize,
        patience: &Patience<'_>,
    ) -> Result<Vec<PointResult>> {
        let queue = &mut self.scoring.queue;
        let scored = queue.step(&bundle.rewards, tokens, patience)?;
        self.keep(&scored)?;
        let complete = self.scored(scored);
        self.close()?;
        Ok(complete)
    }

    /// Scores what waits while that is worth it, where nobody waits.
    pub fn score_waiting(&mut self, bundle: &Bundle) -> Result<Vec<PointResult>> {
        let mut complete = Vec::new();
        if self.should_score() {
            while !self.scoring.queue.is_empty() {
                complete.extend(self.score(bundle, SCORE_TOKENS, &Patience::endless())?);
            }
        }
        Ok(complete)
    }

    /// Writes scores into the study.
    pub(super) fn keep(&self, scored: &[(Row, Scores)]) -> Result<()> {
        let mut rows = Vec::new();
        for (row, scores) in scored {
            let answer = self.points[row.point].answers[row.prompt];
            for (scorer, score) in self.scorers.iter().zip(&scores.0) {
                if let (Some(answer), Some(scorer), Some(score)) = (answer, scorer, score) {
                    rows.push((answer, *scorer, *score));
                }
            }
        }
        if !rows.is_empty() {
            self.study.score(&rows)?;
        }
        Ok(())
    }

    /// The rows of other programs that they have scored by now; what they do not score becomes ours to score.
    pub(super) fn scored_by_others(&mut self) -> Result<Vec<(Row, Scores)>> {
        let looked = self.scoring.looked;
        if self.scoring.theirs.is_empty() || looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(Vec::new());
        }
        self.scoring.looked = Some(Instant::now());
        let mut scored = Vec::new();
        for theirs in std::mem::take(&mut self.scoring.theirs) {
            let scores = self.study.scores(&[theirs.answer], &self.scorers)?;
            let scores = scores.into_iter().next().filter(|s| self.is_whole(s));
            if let Some(scores) = scores {
                scored.push((theirs.row, scores));
            } else if theirs.since.elapsed() < PATIENCE
                && self.study.maker_attends(theirs.answer)?
            {
                self.scoring.theirs.push(theirs);
            } else {
                self.scoring
                    .push(theirs.row, theirs.text, self.scorers.len());
            }
        }
        Ok(scored)
    }

    /// Takes scores in; the points that are complete now.
    pub(super) fn scored(&mut self, scored: Vec<(Row, Scores)>) -> Vec<PointResult> {
        let mut complete = Vec::new();
        for (row, scores) in scored {
            self.points[row.point].scores[row.prompt] = Some(scores);
            self.counts.done += 1;
            if let Some(result) = self.result(row.point) {
                self.counts.points += 1;
                complete.push(result);
            }
        }
        complete
    }
}
