//! One row while it runs.

use std::sync::Arc;
use std::time::Instant;

use super::Sampler;
use crate::bundle::Bundle;
use crate::model::RowCache;
use crate::protocol::TokenNews;
use crate::text::AnswerStream;
use crate::types::{
    Finish, GateRecord, Given, Mutes, Point, RowGates, RowRequest, Run, RunStatus, Steering,
    TokenPiece, TraceLevel,
};
use crate::{Bounds, Error, Result};

/// A row by number, for callers that have no better name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowTag(pub u64);

/// What a step brought for a row.
#[derive(Debug)]
pub enum RowNews {
    /// So many tokens of its prompt are read, and more are to come.
    Reading(usize),
    /// It made its first token; the prompt had so many.
    Started(usize),
    /// It goes on.
    Tokens(TokenNews),
    /// It ended.
    Finished(Box<Run>),
}

#[derive(Debug)]
pub(super) struct ActiveRow<T> {
    /// The caller's name for it.
    pub(super) tag: T,
    pub(super) cache: RowCache,
    pub(super) gates: RowGates,
    request: RowRequest,
    prompt: Vec<u32>,
    given: Arc<Given>,
    /// Tokens of the prompt that are in the cache.
    fed: usize,
    max_tokens: usize,
    sampler: Sampler,
    answer: AnswerStream,
    tokens: Vec<u32>,
    end: Option<u32>,
    gate_values: Vec<f32>,
    steering: Steering,
    /// Tokens, of those whose text is final, that were reported.
    reported: usize,
    started: Instant,
    first_token_seconds: f64,
    /// When each token came, in milliseconds from `started`.
    came: Vec<u32>,
}

impl<T> ActiveRow<T> {
    /// Checks a request and prepares its row; `cache` is a used one, or new.
    pub(super) fn new(
        bundle: &Bundle,
        tag: T,
        request: RowRequest,
        started: Instant,
        cache: RowCache,
    ) -> Result<Self> {
        let given = bundle.tokenizer.at(request.time).given(&request.prompt)?;
        let prompt = given.ids();
        let mut gates = bundle.plan.gates(&request.point)?;
        request.mutes.apply(&mut gates);
        let context = bundle.model.config().context;
        if prompt.len() >= context {
            return Err(Error::PromptTooLong {
                tokens: prompt.len(),
                context,
            });
        }
        let sampling = &request.sampling;
        for (name, value, bounds) in [
            (
                "max-tokens",
                sampling.max_tokens as f64,
                Bounds::at_least(1.0),
            ),
            ("temperature", sampling.temperature, Bounds::at_least(0.0)),
            ("top-p", sampling.top_p, Bounds::above(0.0).at_most(1.0)),
        ] {
            bounds.check(value).map_err(|e| Error::option(name, e))?;
        }
        let max_tokens = sampling.max_tokens.min(context - prompt.len());
        let mut row = Self {
            tag,
            cache,
            gates,
            fed: 0,
            max_tokens,
            sampler: Sampler::new(sampling),
            answer: bundle.tokenizer.answer(&sampling.stop),
            tokens: Vec::new(),
            end: None,
            gate_values: Vec::new(),
            steering: Steering::new(&request.mutes),
            reported: 0,
            started,
            first_token_seconds: 0.0,
            came: Vec::new(),
            prompt,
            given: Arc::new(given),
            request,
        };
        bundle
            .model
            .reset(&mut row.cache, row.prompt.len() + max_tokens)?;
        Ok(row)
    }

    pub(super) fn traced(&self) -> bool {
        self.request.trace == TraceLevel::Full
    }

    /// Tokens that the next step feeds, at most `budget` of a prompt, and whether it then samples.
    pub(super) fn next_tokens(&self, budget: usize) -> (&[u32], bool) {
        if self.fed < self.prompt.len() {
            let end = self.prompt.len().min(self.fed + budget.max(1));
            (&self.prompt[self.fed..end], end == self.prompt.len())
        } else {
            (&self.tokens[self.tokens.len().saturating_sub(1)..], true)
        }
    }

    /// Notes that `count` tokens went through the model.
    pub(super) fn fed(&mut self, count: usize) {
        self.fed = (self.fed + count).min(self.prompt.len());
    }

    /// Takes the logits after the last token fed (and the gates of that step): samples, extends the
    /// answer, and says whether and why the row ends.
    pub(super) fn take(
        &mut self,
        bundle: &Bundle,
        logits: &[f32],
        gates: Option<&[f32]>,
    ) -> Option<Finish> {
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Some(Finish::NotFinite);
        }
        let ends = bundle.tokenizer.end_tokens();
        let barred = if self.request.sampling.ignore_eos {
            ends
        } else {
            &[]
        };
        let id = self.sampler.sample(logits, barred);
        if self.tokens.is_empty() {
            self.first_token_seconds = self.started.elapsed().as_secs_f64();
        }
        if ends.contains(&id) {
            self.end = Some(id);
            return Some(Finish::Eos);
        }
        self.tokens.push(id);
        let came = self.started.elapsed().as_millis();
        self.came.push(u32::try_from(came).unwrap_or(u32::MAX));
        if let Some(gates) = gates {
            self.gate_values.extend_from_slice(gates);
        }
        if self.answer.push(id).stopped {
            return Some(Finish::Stop);
        }
        (self.tokens.len() >= self.max_tokens).then_some(Finish::Length)
    }

    /// Tokens of the prompt that are in the cache.
    pub(super) fn read(&self) -> usize {
        self.fed
    }

    pub(super) fn prompt_tokens(&self) -> usize {
        self.prompt.len()
    }

    pub(super) fn is_first(&self) -> bool {
        self.tokens.len() == 1
    }

    /// Goes on at another point, or with other channels silenced; the index of the next token.
    pub(super) fn steer(&mut self, point: &Point, mutes: &Mutes, gates: RowGates) -> usize {
        let at = self.tokens.len();
        self.steering.go(&self.request.point, at, point, mutes);
        self.gates = gates;
        at
    }

    /// Tokens whose text became final since the last call.
    pub(super) fn news(&mut self, bundle: &Bundle) -> Option<TokenNews> {
        let pieces = self.answer.pieces();
        let fresh: Vec<TokenPiece> = pieces[self.reported..].to_vec();
        let (first, end) = (fresh.first()?.start, fresh.last()?.end);
        let stride = bundle.info.sites.len() * bundle.info.adapters.len();
        let range = self.reported * stride..pieces.len() * stride;
        let news = TokenNews {
            first: self.reported,
            text: self.answer.text()[first..end].to_owned(),
            gates: if self.traced() {
                self.gate_values[range].to_vec()
            } else {
                Vec::new()
            },
            tokens: fresh,
        };
        self.reported = pieces.len();
        Some(news)
    }

    /// The record of the row, and its cache for the next one.
    pub(super) fn finish(mut self, bundle: &Bundle, finish: Finish) -> (Run, RowCache) {
        self.answer.finish();
        let traced = self.traced();
        let (text, tokens) = self.answer.into_parts();
        let record = traced.then(|| {
            let stride = bundle.info.sites.len() * bundle.info.adapters.len();
            self.gate_values.truncate(tokens.len() * stride);
            Arc::new(GateRecord {
                sites: Arc::new(bundle.info.sites.clone()),
                adapters: Arc::new(bundle.info.adapters.clone()),
                values: self.gate_values,
            })
        });
        // Differences of rounded times, not rounded differences: these would drift.
        let before = std::iter::once(0).chain(self.came.iter().copied());
        let pace = self.came.iter().zip(before).map(|(at, last)| at - last);
        let pace: Vec<u32> = pace.take(tokens.len()).collect();
        let mut run = Run {
            prompt: self.request.prompt,
            prompt_tokens: self.prompt,
            given: Some(self.given),
            point: self.request.point,
            gates: self.gates,
            steering: self.steering,
            sampling: self.request.sampling,
            text,
            tokens,
            finish,
            end: self.end,
            status: if finish == Finish::Cancelled {
                RunStatus::Stopped
            } else {
                RunStatus::Done
            },
            record,
            key: None,
            scores: None,
            first_token_seconds: self.first_token_seconds,
            seconds: self.started.elapsed().as_secs_f64(),
            pace,
        };
        run.key = super::key::of(bundle, &run);
        (run, self.cache)
    }
}
