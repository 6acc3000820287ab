//! One row while it runs.

use std::sync::Arc;
use std::time::Instant;

use super::Sampler;
use super::choice::{self, Draft};
use super::stream::ActiveStream;
use crate::bundle::Bundle;
use crate::method::{Choice, Mixer, RowPlan, SecondPass, StreamPlan, Then, plan};
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
    /// At least one; the first is the one that is shown.
    pub(super) streams: Vec<ActiveStream>,
    pub(super) mixer: Mixer,
    /// What its key takes from the method; `None` for a plain row.
    plan: Option<[u8; 32]>,
    /// What comes after this pass; taken when the last one begins.
    then: Option<Then>,
    /// Answers that are whole, where one is chosen of several.
    drafts: Vec<Draft>,
    /// Whether its answer was chosen, and so comes all at once.
    chose: bool,
    /// The ids that the row was asked, and the gates of its first pass.
    asked: (Vec<u32>, RowGates),
    pub(super) request: RowRequest,
    given: Arc<Given>,
    max_tokens: usize,
    sampler: Sampler,
    answer: AnswerStream,
    pub(super) tokens: Vec<u32>,
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
    /// Checks a request and prepares its row. Its streams take used `caches` while there are some, and new ones then.
    pub(super) fn new(
        bundle: &Bundle,
        tag: T,
        request: RowRequest,
        started: Instant,
        caches: &mut Vec<RowCache>,
    ) -> Result<Self> {
        let method = request.sampling.method.as_ref();
        let plan = plan(
            bundle,
            method,
            &request.point,
            &request.prompt,
            &request.mutes,
        )?;
        let tokenizer = bundle.tokenizer.at(request.time);
        let asked = |stream: &StreamPlan| stream.prompt.clone().unwrap_or(request.prompt.clone());
        let mut given: Option<Given> = None;
        let mut prompts = Vec::with_capacity(plan.streams.len());
        for stream in &plan.streams {
            if given.is_none() {
                let first = tokenizer.given(&asked(stream))?;
                prompts.push(first.ids());
                given = Some(first);
            } else {
                prompts.push(tokenizer.encode_prompt(&asked(stream))?);
            }
        }
        let given = given.ok_or_else(|| Error::internal("a row has no stream"))?;
        let ids: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        let digest = plan.digest(&ids);
        let longest = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let context = bundle.model.config().context;
        if longest >= context {
            return Err(Error::PromptTooLong {
                tokens: longest,
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
        let max_tokens = sampling.max_tokens.min(context - longest);
        let RowPlan {
            streams,
            mixer,
            then,
        } = plan;
        let asked = prompts.first().cloned().unwrap_or_default();
        let gates = streams.first().map(|stream| stream.gates.clone());
        let gates = gates.unwrap_or_else(|| RowGates::base(0, 0));
        let streams = streams.into_iter().zip(prompts).map(|(stream, prompt)| {
            ActiveStream::new(bundle, stream, prompt, caches.pop().unwrap_or_default())
        });
        let mut row = Self {
            tag,
            streams: streams.collect::<Result<_>>()?,
            mixer,
            plan: digest,
            asked: (asked, gates),
            max_tokens,
            sampler: match &then {
                Some(Then::Choose(among)) => Sampler::new(&choice::sampling(among, sampling, 0)),
                _ => Sampler::new(sampling),
            },
            then,
            drafts: Vec::new(),
            chose: false,
            answer: bundle.tokenizer.answer(&sampling.stop),
            tokens: Vec::new(),
            end: None,
            gate_values: Vec::new(),
            steering: Steering::new(&request.mutes),
            reported: 0,
            started,
            first_token_seconds: 0.0,
            came: Vec::new(),
            given: Arc::new(given),
            request,
        };
        for stream in &mut row.streams {
            let positions = stream.prompt.len() + max_tokens;
            bundle.model.reset(&mut stream.cache, positions)?;
        }
        Ok(row)
    }

    /// Whether its routing is kept: that of a plain row, of one stream and the bundle's own experts.
    pub(super) fn traced(&self) -> bool {
        self.request.trace == TraceLevel::Full && self.plan.is_none()
    }

    /// Begins the next pass, where one is due: the answer so far is shown to nobody. `None` while the row goes on; else
    /// how its answer ended, which may be an earlier one that was chosen.
    pub(super) fn go_on(&mut self, bundle: &Bundle, finish: Finish) -> Result<Option<Finish>> {
        match self.then.take() {
            None => Ok(Some(finish)),
            Some(Then::Correct(pass)) => {
                let goes_on = self.begin_second(bundle, pass)?;
                Ok((!goes_on).then_some(finish))
            }
            Some(Then::Choose(among)) => self.draw_again(bundle, among, finish),
        }
    }

    /// Puts the answer to the others and begins the next; chooses among them once all are there.
    fn draw_again(
        &mut self,
        bundle: &Bundle,
        among: Choice,
        finish: Finish,
    ) -> Result<Option<Finish>> {
        let sampling = &self.request.sampling;
        let mut answer =
            std::mem::replace(&mut self.answer, bundle.tokenizer.answer(&sampling.stop));
        answer.finish();
        self.drafts.push(Draft {
            answer,
            tokens: std::mem::take(&mut self.tokens),
            came: std::mem::take(&mut self.came),
            end: self.end.take(),
            finish,
        });
        let draw = self.drafts.len();
        if draw < among.answers {
            self.sampler = Sampler::new(&choice::sampling(&among, sampling, draw));
            for stream in &mut self.streams {
                let positions = stream.prompt.len() + self.max_tokens;
                stream.begin_again();
                bundle.model.reset(&mut stream.cache, positions)?;
            }
            self.then = Some(Then::Choose(among));
            return Ok(None);
        }
        let best = choice::best(bundle, &among, &self.request.prompt, &self.drafts)?;
        let best = self.drafts.swap_remove(best);
        (self.answer, self.tokens, self.came, self.end) =
            (best.answer, best.tokens, best.came, best.end);
        self.drafts.clear();
        self.chose = true;
        Ok(Some(best.finish))
    }

    /// Begins the second pass. False where the first answer leaves no room for a correction and stands.
    fn begin_second(&mut self, bundle: &Bundle, then: SecondPass) -> Result<bool> {
        let sampling = &self.request.sampling;
        let fresh = bundle.tokenizer.answer(&sampling.stop);
        let mut draft = std::mem::replace(&mut self.answer, fresh);
        draft.finish();
        let told = then
            .correction
            .prompt(&self.request.prompt, draft.text(), &then.better_at);
        let prompt = match told {
            Some(prompt) => bundle
                .tokenizer
                .at(self.request.time)
                .encode_prompt(&prompt)?,
            None => Vec::new(),
        };
        let context = bundle.model.config().context;
        if prompt.is_empty() || prompt.len() >= context {
            self.answer = draft;
            return Ok(false);
        }
        self.max_tokens = sampling.max_tokens.min(context - prompt.len());
        let positions = prompt.len() + self.max_tokens;
        let cache = self.streams.pop().map(|stream| stream.cache);
        let mut stream =
            ActiveStream::new(bundle, *then.stream, prompt, cache.unwrap_or_default())?;
        bundle.model.reset(&mut stream.cache, positions)?;
        self.streams = vec![stream];
        self.tokens.clear();
        self.came.clear();
        self.end = None;
        Ok(true)
    }

    /// Whether what it says now is no answer yet.
    pub(super) fn drafts(&self) -> bool {
        self.then.is_some()
    }

    /// Takes the mixed logits after the last token fed (and the gates of that step): samples, extends the
    /// answer, and says whether and why the row ends.
    pub(super) fn take(
        &mut self,
        bundle: &Bundle,
        logits: &[f32],
        gates: Option<&[f32]>,
    ) -> Option<Finish> {
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

    /// Tokens of the first stream's prompt that are in the cache.
    pub(super) fn read(&self) -> usize {
        self.streams.first().map_or(0, ActiveStream::read)
    }

    pub(super) fn prompt_tokens(&self) -> usize {
        self.streams.first().map_or(0, |stream| stream.prompt.len())
    }

    pub(super) fn is_first(&self) -> bool {
        self.tokens.len() == 1 || self.chose
    }

    /// Goes on at another point, or with other channels silenced; the index of the next token. Refused where the method
    /// would ask something else there: what is read cannot be read again.
    pub(super) fn steer(&mut self, bundle: &Bundle, point: &Point, mutes: &Mutes) -> Result<usize> {
        let request = &self.request;
        let method = request.sampling.method.as_ref();
        let plan = plan(bundle, method, point, &request.prompt, mutes)?;
        let tokenizer = bundle.tokenizer.at(request.time);
        let mut alike = plan.streams.len() == self.streams.len();
        for (stream, plan) in self.streams.iter().zip(&plan.streams) {
            if let Some(prompt) = &plan.prompt {
                alike &= tokenizer.encode_prompt(prompt)? == stream.prompt;
            }
        }
        let chooses = matches!(plan.then, Some(Then::Choose(_)));
        if plan.then.is_some() && (self.then.is_none() || chooses) {
            let problem =
                "is past its first answer, or chooses among several; ask again at the new point";
            return Err(Error::option("method", problem));
        }
        if !alike {
            let name = method.map_or_else(String::new, ToString::to_string);
            let problem = format!(
                "{name} tells the model its preference before it answers; ask again at the new point"
            );
            return Err(Error::option("method", problem));
        }
        for (stream, plan) in self.streams.iter_mut().zip(plan.streams) {
            stream.go(bundle, plan)?;
        }
        self.mixer = plan.mixer;
        if self.then.is_some() {
            self.then = plan.then;
        }
        let at = self.tokens.len();
        self.steering.go(&self.request.point, at, point, mutes);
        Ok(at)
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

    /// The record of the row, and its caches for the next ones.
    pub(super) fn finish(mut self, bundle: &Bundle, finish: Finish) -> (Run, Vec<RowCache>) {
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
        let (prompt_tokens, first) = self.asked;
        // Steered on the way, its first stream has other gates than it was asked under.
        let steered = !self.steering.changes().is_empty() && self.plan.is_none();
        let mut caches = Vec::with_capacity(self.streams.len());
        let mut last = None;
        for stream in self.streams {
            last.get_or_insert(stream.gates);
            caches.push(stream.cache);
        }
        let gates = last.filter(|_| steered).unwrap_or(first);
        let mut run = Run {
            prompt: self.request.prompt,
            prompt_tokens,
            given: Some(self.given),
            point: self.request.point,
            gates,
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
        run.key = super::key::of(bundle, &run, self.plan);
        (run, caches)
    }
}
