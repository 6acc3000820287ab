//! The slots, and the step that moves all of them.

use std::sync::Arc;
use std::time::Instant;

use rayon::ThreadPool;

use super::row::{ActiveRow, RowNews, RowTag};
use crate::Result;
use crate::bundle::Bundle;
use crate::mixture::Tap;
use crate::model::{RowCache, StepRow, Wanted};
use crate::types::{Finish, Mutes, Point, RowRequest, Run};

/// Tokens of prompts that one step takes at most, so that a long prompt does not hold up the
/// others' next token for long.
pub const PREFILL_CHUNK: usize = 512;

/// Rows under way. The caller names each by a `T` of its own.
#[derive(Debug)]
pub struct Generator<T = RowTag> {
    slots: usize,
    /// Tokens of one prompt that one step takes at most.
    row_chunk: usize,
    rows: Vec<ActiveRow<T>>,
    /// Caches of ended rows, to be used again.
    caches: Vec<RowCache>,
    /// Where steps run; on the caller's threads without.
    pool: Option<Arc<ThreadPool>>,
}

impl<T: Copy + Eq + Send + Sync> Generator<T> {
    /// With `slots` slots (at least one).
    pub fn new(slots: usize) -> Self {
        Self {
            slots: slots.max(1),
            row_chunk: PREFILL_CHUNK,
            rows: Vec::new(),
            caches: Vec::new(),
            pool: None,
        }
    }

    /// With steps on the threads of `pool`, whatever the caller's are.
    pub fn on(self, pool: Arc<ThreadPool>) -> Self {
        Self {
            pool: Some(pool),
            ..self
        }
    }

    /// With prompts read in steps of at most so many tokens (at least one).
    pub fn reading_by(self, tokens: usize) -> Self {
        Self {
            row_chunk: tokens.max(1),
            ..self
        }
    }

    /// Slots in use.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is under way.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Slots left.
    pub fn free(&self) -> usize {
        self.slots.saturating_sub(self.rows.len())
    }

    /// Rows under way, oldest first.
    pub fn tags(&self) -> Vec<T> {
        self.rows.iter().map(|row| row.tag).collect()
    }

    /// Puts a row into a slot, also beyond the last one: an interactive row never waits for a sweep.
    /// `started` is when it was asked for. Fails, and changes nothing, where the request is wrong.
    pub fn add(
        &mut self,
        bundle: &Bundle,
        tag: T,
        request: RowRequest,
        started: Instant,
    ) -> Result<()> {
        let cache = self.caches.pop().unwrap_or_default();
        self.rows
            .push(ActiveRow::new(bundle, tag, request, started, cache)?);
        Ok(())
    }

    /// Changes a row's gates from its next token on; the index of that token, if the row is there.
    /// What its cache holds was made under the old gates.
    pub fn steer(
        &mut self,
        bundle: &Bundle,
        tag: T,
        point: &Point,
        mutes: &Mutes,
    ) -> Result<Option<usize>> {
        let mut gates = bundle.plan.gates(point)?;
        mutes.apply(&mut gates);
        let row = self.rows.iter_mut().find(|row| row.tag == tag);
        Ok(row.map(|row| row.steer(point, mutes, gates)))
    }

    /// Tokens of a row's prompt, if the row is there.
    pub fn prompt_tokens(&self, tag: T) -> Option<usize> {
        let row = self.rows.iter().find(|row| row.tag == tag)?;
        Some(row.prompt_tokens())
    }

    /// Ends a row; what it has is kept in its run.
    pub fn cancel(&mut self, bundle: &Bundle, tag: T) -> Option<Run> {
        let index = self.rows.iter().position(|row| row.tag == tag)?;
        Some(self.end(bundle, index, Finish::Cancelled))
    }

    /// One step of all rows. After an error the rows that took part can only be cancelled.
    pub fn step(&mut self, bundle: &Bundle) -> Result<Vec<(T, RowNews)>> {
        self.step_some(bundle, &self.tags())
    }

    /// One step of some rows; the others wait.
    pub fn step_some(&mut self, bundle: &Bundle, tags: &[T]) -> Result<Vec<(T, RowNews)>> {
        match self.pool.clone() {
            Some(pool) => pool.install(|| self.forward(bundle, tags)),
            None => self.forward(bundle, tags),
        }
    }

    fn forward(&mut self, bundle: &Bundle, tags: &[T]) -> Result<Vec<(T, RowNews)>> {
        let mut budget = PREFILL_CHUNK;
        let mut plans: Vec<(usize, Vec<u32>, bool)> = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            if !tags.contains(&row.tag) {
                continue;
            }
            let (tokens, samples) = row.next_tokens(budget.min(self.row_chunk));
            if tokens.len() > 1 {
                if budget == 0 {
                    continue;
                }
                budget -= tokens.len().min(budget);
            }
            plans.push((index, tokens.to_vec(), samples));
        }
        let traced = plans
            .iter()
            .any(|(index, _, samples)| *samples && self.rows[*index].traced());
        let total = plans.iter().map(|(_, tokens, _)| tokens.len()).sum();
        let mut tap =
            traced.then(|| Tap::new(&bundle.info.sites, bundle.info.adapters.len(), total));
        let logits = {
            let mut remaining = plans.iter().peekable();
            let mut rows: Vec<StepRow<'_>> = Vec::with_capacity(plans.len());
            for (index, row) in self.rows.iter_mut().enumerate() {
                if let Some((_, tokens, samples)) = remaining.next_if(|(at, ..)| *at == index) {
                    let wanted = if *samples {
                        Wanted::Last
                    } else {
                        Wanted::Nothing
                    };
                    rows.push(StepRow {
                        tokens,
                        cache: &mut row.cache,
                        gates: &row.gates,
                        wanted,
                    });
                }
            }
            if rows.is_empty() {
                Vec::new()
            } else {
                bundle.model.forward(&mut rows, tap.as_mut())?
            }
        };

        let mut news = Vec::new();
        let mut ended = Vec::new();
        let mut logits = logits.chunks_exact(bundle.model.config().vocabulary.max(1));
        let mut token = 0;
        for (index, tokens, samples) in &plans {
            let row = &mut self.rows[*index];
            token += tokens.len();
            row.fed(tokens.len());
            if !samples {
                news.push((row.tag, RowNews::Reading(row.read())));
                continue;
            }
            let Some(logits) = logits.next() else {
                continue;
            };
            let gates = tap
                .as_ref()
                .filter(|_| row.traced())
                .map(|tap| tap.token(token - 1));
            let finish = row.take(bundle, logits, gates);
            if row.is_first() {
                news.push((row.tag, RowNews::Started(row.prompt_tokens())));
            }
            if let Some(tokens) = row.news(bundle) {
                news.push((row.tag, RowNews::Tokens(tokens)));
            }
            if let Some(finish) = finish {
                ended.push((*index, finish));
            }
        }
        for (index, finish) in ended.into_iter().rev() {
            let tag = self.rows[index].tag;
            let run = self.end(bundle, index, finish);
            news.push((tag, RowNews::Finished(Box::new(run))));
        }
        Ok(news)
    }

    fn end(&mut self, bundle: &Bundle, index: usize, finish: Finish) -> Run {
        let (run, mut cache) = self.rows.remove(index).finish(bundle, finish);
        cache.retire();
        if self.caches.len() < self.slots {
            self.caches.push(cache);
        }
        run
    }
}
