//! The slots, and the step that moves all of them.

use std::sync::Arc;
use std::time::Instant;

use rayon::ThreadPool;

use super::guided::guide;
use super::row::{ActiveRow, RowNews, RowTag};
use crate::Result;
use crate::bundle::Bundle;
use crate::method::Mixer;
use crate::mixture::Tap;
use crate::model::{RowCache, StepRow};
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
        let caches = &mut self.caches;
        self.rows
            .push(ActiveRow::new(bundle, tag, request, started, caches)?);
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
        bundle.plan.gates(point)?; // a point of this bundle, whether the row is there or not
        let row = self.rows.iter_mut().find(|row| row.tag == tag);
        row.map(|row| row.steer(bundle, point, mutes)).transpose()
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

    /// What each stream of these rows brings to a step.
    fn shares(&self, tags: &[T]) -> Vec<Share> {
        let mut budget = PREFILL_CHUNK;
        let mut shares: Vec<Share> = Vec::new();
        for (row, active) in self.rows.iter().enumerate() {
            if !tags.contains(&active.tag) {
                continue;
            }
            for (stream, active_stream) in active.streams.iter().enumerate() {
                let most = budget.min(self.row_chunk);
                let Some((tokens, samples)) = active_stream.next(&active.tokens, most) else {
                    continue;
                };
                if tokens.len() > 1 {
                    if budget == 0 {
                        continue;
                    }
                    budget -= tokens.len().min(budget);
                }
                shares.push(Share {
                    row,
                    stream,
                    tokens: tokens.to_vec(),
                    samples,
                });
            }
        }
        shares
    }

    fn forward(&mut self, bundle: &Bundle, tags: &[T]) -> Result<Vec<(T, RowNews)>> {
        let plans = self.shares(tags);
        let traced = plans
            .iter()
            .any(|share| share.samples && self.rows[share.row].traced());
        let total = plans.iter().map(|share| share.tokens.len()).sum();
        let mut tap =
            traced.then(|| Tap::new(&bundle.info.sites, bundle.info.adapters.len(), total));
        let logits = {
            let mut remaining = plans.iter().peekable();
            let mut steps: Vec<StepRow<'_>> = Vec::with_capacity(plans.len());
            for (row, active) in self.rows.iter_mut().enumerate() {
                for (stream, active) in active.streams.iter_mut().enumerate() {
                    let its = |share: &&Share| (share.row, share.stream) == (row, stream);
                    if let Some(share) = remaining.next_if(its) {
                        steps.push(active.step(&share.tokens, share.samples));
                    }
                }
            }
            if steps.is_empty() {
                Vec::new()
            } else {
                bundle.model.forward(&mut steps, tap.as_mut())?
            }
        };

        let (mut ready, mut news) = (Vec::new(), Vec::new());
        let mut logits = logits.chunks_exact(bundle.model.config().vocabulary.max(1));
        let mut token = 0;
        for shares in plans.chunk_by(|a, b| a.row == b.row) {
            let Some(index) = shares.first().map(|share| share.row) else {
                continue;
            };
            let row = &mut self.rows[index];
            let (mut alone, mut last) = (None, token);
            for share in shares {
                let stream = &mut row.streams[share.stream];
                token += share.tokens.len();
                stream.fed(share.tokens.len());
                let Some(logits) = share.samples.then(|| logits.next()).flatten() else {
                    continue;
                };
                if share.stream == 0 {
                    last = token - 1;
                }
                // A row of one stream, which most are, copies nothing.
                if row.mixer == Mixer::Alone {
                    alone = Some(logits);
                } else {
                    stream.held = Some(logits.to_vec());
                }
            }
            if alone.is_some() || row.streams.iter().all(|stream| stream.held.is_some()) {
                ready.push(Ready {
                    row: index,
                    alone,
                    token: last,
                });
            } else {
                news.push((row.tag, RowNews::Reading(row.read())));
            }
        }
        let guidance = guide(bundle, &self.rows, ready.iter().map(|ready| ready.row))?;
        let (mut ended, mut mixed) = (Vec::new(), Vec::new());
        for (ready, guidance) in ready.into_iter().zip(guidance) {
            let row = &mut self.rows[ready.row];
            let whole = match ready.alone {
                Some(logits) => finite(logits),
                None => {
                    let held = row
                        .streams
                        .iter()
                        .filter_map(|stream| stream.held.as_deref());
                    let held: Vec<&[f32]> = held.collect();
                    row.mixer.mix(&held, &mut mixed);
                    if let Some(guidance) = guidance {
                        guidance.add(&mut mixed);
                    }
                    held.iter().all(|logits| finite(logits))
                }
            };
            let gates = tap.as_ref().filter(|_| row.traced());
            let gates = gates.map(|tap| tap.token(ready.token));
            let finish = if whole {
                row.take(bundle, ready.alone.unwrap_or(&mixed), gates)
            } else {
                Some(Finish::NotFinite)
            };
            row.streams.iter_mut().for_each(|stream| stream.held = None);
            // A draft is shown to nobody; where it ends the next pass begins.
            let (finish, goes_on) = match finish {
                None => (None, row.drafts()),
                Some(Finish::NotFinite) => (finish, false),
                Some(ended) => {
                    let finish = row.go_on(bundle, ended)?;
                    (finish, finish.is_none())
                }
            };
            if goes_on {
                news.push((row.tag, RowNews::Reading(row.read())));
                continue;
            }
            if row.is_first() {
                news.push((row.tag, RowNews::Started(row.prompt_tokens())));
            }
            if let Some(tokens) = row.news(bundle) {
                news.push((row.tag, RowNews::Tokens(tokens)));
            }
            if let Some(finish) = finish {
                ended.push((ready.row, finish));
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
        let (run, caches) = self.rows.remove(index).finish(bundle, finish);
        for mut cache in caches {
            cache.retire();
            if self.caches.len() < self.slots {
                self.caches.push(cache);
            }
        }
        run
    }
}

/// What one stream brings to a step.
struct Share {
    row: usize,
    stream: usize,
    tokens: Vec<u32>,
    /// Whether its logits are wanted.
    samples: bool,
}

/// A row whose streams have all come to their next token.
struct Ready<'l> {
    row: usize,
    /// The logits of a row of one stream.
    alone: Option<&'l [f32]>,
    /// The first stream's last token in the step.
    token: usize,
}

fn finite(logits: &[f32]) -> bool {
    logits.iter().all(|logit| logit.is_finite())
}
