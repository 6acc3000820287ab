//! The routing of a row that ran without a trace, found again from its tokens.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::bundle::Bundle;
use crate::method::{Method, plan};
use crate::mixture::Tap;
use crate::model::{RowCache, StepRow, Wanted};
use crate::types::{GateRecord, Mutes, Point, RowGates, Run};
use crate::{Error, Result};

/// Tokens of one step at most. Where the output layer is adapted, every one of them costs a row of logits.
const CHUNK: usize = 64;

/// Feeds a run's tokens through the model again, under the gates that each was made with, and records
/// the gates applied.
///
/// Nothing is sampled. A row alone equals the row in company and tokens fed together equal tokens fed one
/// by one, bit for bit, so on the CPU this is the very routing that made the text.
///
/// # Errors
/// Beside those of the model, [`Error::Option`] of `method` where the run's method has no routing among the bundle's
/// experts: several streams, experts beside the bundle's, a prompt of its own.
pub fn retrace(bundle: &Bundle, run: &Run) -> Result<GateRecord> {
    let mut under_way = Retrace::new(bundle, run)?;
    loop {
        if let Some(record) = under_way.step(bundle)? {
            return Ok(record);
        }
    }
}

/// Finding a run's routing again, a few tokens at a time.
#[derive(Debug)]
pub struct Retrace {
    ids: Vec<u32>,
    prompt: usize,
    answer: usize,
    cache: RowCache,
    /// Tokens fed so far.
    at: usize,
    /// What is still to be fed.
    segments: VecDeque<Segment>,
    values: Vec<f32>,
}

/// Fed tokens up to `end` run under one point and one set of mutes.
#[derive(Debug)]
struct Segment {
    end: usize,
    gates: RowGates,
}

impl Retrace {
    /// Looks whether the bundle can be fed this run at all; feeds nothing yet.
    pub fn new(bundle: &Bundle, run: &Run) -> Result<Self> {
        let vocabulary = bundle.model.config().vocabulary;
        let prompt = run.prompt_tokens.len();
        if prompt == 0 {
            return Err(Error::EmptyPrompt);
        }
        let mut ids = run.prompt_tokens.clone();
        ids.extend(run.tokens.iter().map(|piece| piece.id));
        // The last token was chosen, but nothing came after it.
        ids.truncate((prompt + run.tokens.len()).saturating_sub(1).max(prompt));
        if let Some(position) = ids.iter().position(|id| *id as usize >= vocabulary) {
            return Err(Error::TokenOutOfRange {
                position,
                id: ids[position],
                vocabulary,
            });
        }
        let context = bundle.model.config().context;
        if ids.len() > context {
            return Err(Error::PromptTooLong {
                tokens: ids.len(),
                context,
            });
        }
        let mut cache = RowCache::default();
        bundle.model.reset(&mut cache, ids.len())?;
        Ok(Self {
            segments: segments(bundle, run, prompt, ids.len())?,
            ids,
            prompt,
            answer: run.tokens.len(),
            cache,
            at: 0,
            values: Vec::new(),
        })
    }

    /// Feeds up to 64 tokens; the record once all are fed.
    pub fn step(&mut self, bundle: &Bundle) -> Result<Option<GateRecord>> {
        let info = &bundle.info;
        if let Some(Segment { end, gates }) = self.segments.front() {
            // A step holds tokens of the prompt or tokens that chose an answer's, not both.
            let chooses = self.at + 1 >= self.prompt;
            let stop = if chooses {
                *end
            } else {
                (*end).min(self.prompt - 1)
            };
            let tokens = &self.ids[self.at..stop.min(self.at + CHUNK)];
            let head = info.sites.iter().any(|site| site == "lm_head");
            let mut tap = Tap::new(&info.sites, info.adapters.len(), tokens.len());
            let mut row = [StepRow {
                tokens,
                cache: &mut self.cache,
                gates,
                side: None,
                shift: None,
                wanted: if head && chooses {
                    Wanted::All
                } else {
                    Wanted::Nothing
                },
            }];
            bundle
                .model
                .forward(&mut row, chooses.then_some(&mut tap))?;
            if chooses {
                (0..tokens.len()).for_each(|token| self.values.extend_from_slice(tap.token(token)));
            }
            self.at += tokens.len();
            if self.at == *end {
                self.segments.pop_front();
            }
        }
        if !self.segments.is_empty() {
            return Ok(None);
        }
        let mut values = std::mem::take(&mut self.values);
        values.truncate(self.answer * info.sites.len() * info.adapters.len());
        Ok(Some(GateRecord {
            sites: Arc::new(info.sites.clone()),
            adapters: Arc::new(info.adapters.clone()),
            values,
        }))
    }
}

/// Stretches of fed tokens under one point and one set of mutes, in order, none empty. New token `t` is chosen when
/// token `prompt + t - 1` is fed, so a change at new token `t` holds from there; one that came before the first new
/// token came before the prompt was fed.
fn segments(bundle: &Bundle, run: &Run, prompt: usize, length: usize) -> Result<VecDeque<Segment>> {
    let fed = |token: usize| {
        let start = if token == 0 { 0 } else { prompt + token - 1 };
        start.min(length)
    };
    let mut starts = run.steering.changes();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let mut found = VecDeque::with_capacity(starts.len());
    for (index, &token) in starts.iter().enumerate() {
        let (start, end) = (
            fed(token),
            starts.get(index + 1).map_or(length, |&t| fed(t)),
        );
        if start < end {
            let point = run.steering.point_at(&run.point, token);
            let mutes = run.steering.mutes_at(token).cloned();
            let gates = gates(bundle, run, point, &mutes.unwrap_or_default())?;
            found.push_back(Segment { end, gates });
        }
    }
    Ok(found)
}

/// The gates of a run at a point, by the method that made it.
fn gates(bundle: &Bundle, run: &Run, point: &Point, mutes: &Mutes) -> Result<RowGates> {
    let named = run.sampling.method.as_ref();
    let row = plan(bundle, named, point, &run.prompt, mutes)?;
    let is_plain = row.is_plain();
    let first = row.streams.into_iter().next().filter(|_| is_plain);
    first.map(|stream| stream.gates).ok_or_else(|| {
        let usual = || Method::of(point.kind());
        let method = named.cloned().unwrap_or_else(usual);
        let problem = format!(
            "{method} has no routing to be found again: {}",
            method.speaks().says()
        );
        Error::option("method", problem)
    })
}
