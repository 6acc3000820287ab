//! A sweep under way: hands out rows, takes them back finished, scores and stores them.
//!
//! It does not own the model's slots: whoever drives it (the engine's thread, or the command line)
//! asks for the next row when a slot is free. Killed at any moment, it goes on from the store.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::{named_points, row_key, row_seed, summarise};
use crate::bundle::Bundle;
use crate::protocol::{SweepPhase, SweepPlan, SweepProgress};
use crate::reward::{Patience, RewardInput, ScoreQueue};
use crate::store::{Store, StoredRow, SweepRecord, gates_mean};
use crate::types::{
    Finish, Mutes, NamedPoint, Point, PointResult, Prompt, RowRequest, Run, RunStatus, Scores,
    Steering, TraceLevel,
};
use crate::{Error, Result};

/// Finished rows that are worth a forward pass of a reward model while others are under way: it runs faster on several.
const SCORE_BATCH: usize = 16;
/// Tokens of a forward pass that nobody waits for.
const SCORE_TOKENS: usize = 2048;
/// Rows before a rate is shown.
const RATE_AFTER: usize = 5;

/// One row of the plan: which point, which prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RowIndex {
    point: usize,
    prompt: usize,
}

/// A sweep under way.
#[derive(Debug)]
pub struct SweepScheduler {
    plan: SweepPlan,
    /// The plan's prompts, each once: equal prompts are one row, under one key.
    prompts: Vec<Prompt>,
    /// Of each of the plan's prompts, its place in `prompts`: equal ones count as often as they stand.
    listed: Vec<usize>,
    store: Store,
    id: i64,
    /// What chat templates are told, in seconds since 1970: when the store's first sweep was planned. All rows of a
    /// store are asked at one time, whenever they run.
    time: u64,
    points: Vec<PointState>,
    waiting: VecDeque<RowIndex>,
    running: HashMap<u64, RowIndex>,
    /// Finished and stored, not yet scored.
    unscored: ScoreQueue<RowIndex>,
    rows_done: usize,
    rows_found: usize,
    points_done: usize,
    /// Seconds that rows were running for, over which the rate is taken.
    active_seconds: f64,
    resumed: Option<Instant>,
    next_tag: u64,
}

#[derive(Debug)]
struct PointState {
    point: Point,
    name: Option<String>,
    /// Whether routers have a share there: then gates differ from token to token, and their mean is taken.
    routed: bool,
    scores: Vec<Option<Scores>>,
}

impl SweepScheduler {
    /// Plans a sweep and finds in its store what is finished already; those points' results come
    /// from [`SweepScheduler::found`].
    pub fn new(bundle: &Bundle, plan: SweepPlan) -> Result<Self> {
        let (prompts, listed) = each_once(&plan.prompts);
        if plan.prompts.is_empty() {
            return Err(Error::option(
                "prompts",
                "there are none; a sweep needs at least one",
            ));
        }
        let info = &bundle.info;
        let visited = visited(bundle, &plan, prompts.len())?;
        for prompt in &prompts {
            // Before anything runs: a prompt that cannot be read stops the sweep, not one of its rows.
            let tokens = bundle.tokenizer.encode_prompt(prompt)?.len();
            let context = bundle.model.config().context;
            if tokens >= context {
                return Err(Error::PromptTooLong { tokens, context });
            }
        }
        let store = Store::open(&plan.store)?;
        let id = store.sweep(&SweepRecord {
            bundle: info.name.clone(),
            model: bundle.identity.model.clone(),
            adapters: info.adapters.clone(),
            adapter_digests: bundle.identity.adapters.clone(),
            objectives: info.objectives.iter().map(|o| o.name.clone()).collect(),
            reward_digests: bundle.identity.rewards.clone(),
            plan: plan.clone(),
        })?;
        let time = store.begun()?;
        let mut run = Self {
            time,
            points: visited
                .into_iter()
                .map(|NamedPoint { point, name }| {
                    let gates = bundle.plan.gates(&point)?;
                    Ok(PointState {
                        routed: gates.routers.iter().any(|share| *share != 0.0),
                        scores: vec![None; prompts.len()],
                        point,
                        name,
                    })
                })
                .collect::<Result<_>>()?,
            plan,
            prompts,
            listed,
            store,
            id,
            waiting: VecDeque::new(),
            running: HashMap::new(),
            unscored: ScoreQueue::default(),
            rows_done: 0,
            rows_found: 0,
            points_done: 0,
            active_seconds: 0.0,
            resumed: None,
            next_tag: 0,
        };
        run.find_finished(bundle)?;
        Ok(run)
    }

    fn find_finished(&mut self, bundle: &Bundle) -> Result<()> {
        for point in 0..self.points.len() {
            let places = (0..self.prompts.len()).map(|prompt| RowIndex { point, prompt });
            let keys: Vec<String> = places
                .clone()
                .map(|place| self.key(bundle, place))
                .collect();
            for (place, found) in places.zip(self.store.rows_by_key(&keys)?) {
                match found {
                    Some(row) => {
                        let objectives = bundle.info.objectives.len();
                        self.store.check_scores(&row, objectives)?;
                        if let Some(scores) = row.scores {
                            self.points[point].scores[place.prompt] = Some(scores);
                            self.rows_found += 1;
                            self.rows_done += 1;
                        } else {
                            let text = RewardInput::of(&row.prompt, &row.text);
                            self.unscored.push(place, text, objectives);
                        }
                    }
                    None => self.waiting.push_back(place),
                }
            }
            self.points_done += usize::from(self.points[point].scores.iter().all(Option::is_some));
        }
        Ok(())
    }

    /// Results of the points that the store held in whole when the sweep started.
    pub fn found(&self) -> Vec<PointResult> {
        (0..self.points.len())
            .filter_map(|point| self.result(point))
            .collect()
    }

    fn result(&self, index: usize) -> Option<PointResult> {
        let state = &self.points[index];
        let scored: Vec<Scores> = state.scores.iter().cloned().collect::<Option<_>>()?;
        let scores: Vec<Scores> = self.listed.iter().map(|&at| scored[at].clone()).collect();
        Some(PointResult {
            name: state.name.clone(),
            ..summarise(index, state.point.clone(), &scores)
        })
    }

    fn request(&self, place: RowIndex) -> RowRequest {
        let PointState { point, routed, .. } = &self.points[place.point];
        let prompt = &self.prompts[place.prompt];
        let mut request = request_of(&self.plan, self.time, point, prompt);
        if *routed {
            request.trace = TraceLevel::Full;
        }
        request
    }

    fn key(&self, bundle: &Bundle, place: RowIndex) -> String {
        key_of(bundle, &self.request(place))
    }

    /// The next row to run, with a name for it within this sweep.
    pub fn next_row(&mut self) -> Option<(u64, RowRequest)> {
        let place = self.waiting.pop_front()?;
        self.next_tag += 1;
        self.running.insert(self.next_tag, place);
        self.resumed.get_or_insert_with(Instant::now);
        Some((self.next_tag, self.request(place)))
    }

    /// Rows handed out and not yet back.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether rows are left to hand out.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether everything is generated, scored and stored.
    pub fn is_finished(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty() && self.unscored.is_empty()
    }

    /// Stops the clock that rate and ETA are taken from.
    pub fn pause_clock(&mut self) {
        if let Some(since) = self.resumed.take() {
            self.active_seconds += since.elapsed().as_secs_f64();
        }
    }

    /// Takes rows back that finished together and stores them; scoring comes later, by [`SweepScheduler::score`]. Returns the
    /// points that are complete now.
    pub fn finished(
        &mut self,
        bundle: &Bundle,
        finished: Vec<(u64, Run)>,
    ) -> Result<Vec<PointResult>> {
        let objectives = bundle.info.objectives.len();
        let mut rows = Vec::with_capacity(finished.len());
        let mut scored = Vec::new();
        for (tag, run) in finished {
            let Some(place) = self.running.remove(&tag) else {
                continue;
            };
            let scores = without_reading(bundle, &run);
            match &scores {
                Some(scores) => scored.push((place, scores.clone())),
                None => {
                    let text = RewardInput::of(&run.prompt, &run.text);
                    self.unscored.push(place, text, objectives);
                }
            }
            rows.push(self.stored(bundle, place, &run, scores));
        }
        self.store.insert_rows(&rows)?;
        Ok(self.scored(scored))
    }

    /// Whether enough rows wait for their scores, or nothing else is left to do.
    pub fn should_score(&self) -> bool {
        let nothing_else = self.running.is_empty() && self.waiting.is_empty();
        self.unscored.len() >= SCORE_BATCH || nothing_else && !self.unscored.is_empty()
    }

    /// Rows that are stored and wait for their scores.
    pub fn unscored(&self) -> usize {
        self.unscored.len()
    }

    /// One forward pass of a reward model, of at most `tokens` or one text; nothing where `patience` gave way. Returns
    /// the points that are complete now.
    pub fn score(
        &mut self,
        bundle: &Bundle,
        tokens: usize,
        patience: &Patience<'_>,
    ) -> Result<Vec<PointResult>> {
        let scored = self.unscored.step(&bundle.rewards, tokens, patience)?;
        let keyed: Vec<(String, Scores)> = scored
            .iter()
            .map(|(place, scores)| (self.key(bundle, *place), scores.clone()))
            .collect();
        if !keyed.is_empty() {
            self.store.set_scores(&keyed)?;
        }
        Ok(self.scored(scored))
    }

    /// Scores what waits while that is worth it, where nobody waits.
    pub fn score_waiting(&mut self, bundle: &Bundle) -> Result<Vec<PointResult>> {
        let mut complete = Vec::new();
        if self.should_score() {
            while !self.unscored.is_empty() {
                complete.extend(self.score(bundle, SCORE_TOKENS, &Patience::endless())?);
            }
        }
        Ok(complete)
    }

    /// Takes scores in; the points that are complete now.
    fn scored(&mut self, scored: Vec<(RowIndex, Scores)>) -> Vec<PointResult> {
        let mut complete = Vec::new();
        for (place, scores) in scored {
            self.points[place.point].scores[place.prompt] = Some(scores);
            self.rows_done += 1;
            if let Some(result) = self.result(place.point) {
                self.points_done += 1;
                complete.push(result);
            }
        }
        complete
    }

    fn stored(
        &self,
        bundle: &Bundle,
        place: RowIndex,
        run: &Run,
        scores: Option<Scores>,
    ) -> StoredRow {
        StoredRow {
            key: self.key(bundle, place),
            sweep: self.id,
            point_index: place.point,
            prompt_index: place.prompt,
            point: run.point.clone(),
            prompt: run.prompt.clone(),
            sampling: run.sampling.clone(),
            text: run.text.clone(),
            tokens: run.tokens.iter().map(|t| t.id).collect(),
            finish: run.finish,
            scores,
            gates_mean: match &run.record {
                Some(record) => gates_mean(record),
                None => run.gates.adapters.clone(),
            },
            first_token_seconds: run.first_token_seconds,
            seconds: run.seconds,
        }
    }

    /// How far it is.
    pub fn progress(&self, phase: SweepPhase) -> SweepProgress {
        let rows = self.points.len() * self.prompts.len();
        let fresh = self.rows_done - self.rows_found;
        let seconds = self.active_seconds
            + self
                .resumed
                .map_or(0.0, |since| since.elapsed().as_secs_f64());
        let rate = (fresh >= RATE_AFTER && seconds > 0.0).then(|| fresh as f64 / seconds);
        SweepProgress {
            points_done: self.points_done,
            points: self.points.len(),
            rows_done: self.rows_done,
            rows,
            rows_found: self.rows_found,
            rows_per_second: rate,
            eta_seconds: rate.map(|rate| (rows - self.rows_done) as f64 / rate),
            phase,
        }
    }
}

pub(super) fn request_of(
    plan: &SweepPlan,
    time: u64,
    point: &Point,
    prompt: &Prompt,
) -> RowRequest {
    let mut sampling = plan.sampling.clone();
    sampling.seed = row_seed(plan.sampling.seed, prompt);
    RowRequest {
        prompt: prompt.clone(),
        point: point.clone(),
        mutes: Mutes::default(),
        sampling,
        trace: TraceLevel::None,
        time: Some(time),
    }
}

fn key_of(bundle: &Bundle, request: &RowRequest) -> String {
    row_key(
        &bundle.identity,
        &request.point,
        &request.prompt,
        &request.sampling,
    )
}

/// The scores of a row that no reward model reads: there is none, or the row failed half-way and is no answer. Those of
/// a failed row are missing.
fn without_reading(bundle: &Bundle, run: &Run) -> Option<Scores> {
    if run.finish == Finish::NotFinite {
        tracing::warn!(
            "a row failed: the model's logits are not finite at {:?} after {} tokens of the answer to {:?}",
            run.point.as_slice(),
            run.tokens.len(),
            run.prompt.words()
        );
        let missing = |reward: &Option<_>| reward.as_ref().map(|_| f64::NAN);
        return Some(Scores(bundle.rewards.iter().map(missing).collect()));
    }
    let nobody = bundle.rewards.iter().all(Option::is_none);
    nobody.then(|| Scores(vec![None; bundle.info.objectives.len()]))
}

/// The stored rows of one point of a plan, in order of prompts, as runs without routing. Looks at that point alone.
pub fn stored_rows(bundle: &Bundle, plan: &SweepPlan, index: usize) -> Result<Vec<Run>> {
    let (prompts, _) = each_once(&plan.prompts);
    let visited = visited(bundle, plan, prompts.len())?;
    let NamedPoint { point, .. } = visited.get(index).ok_or_else(|| {
        let problem = format!("is {index}; the sweep has {} points", visited.len());
        Error::option("index", problem)
    })?;
    let store = Store::open(&plan.store)?;
    let time = store.begun()?;
    let keys: Vec<String> = prompts
        .iter()
        .map(|prompt| key_of(bundle, &request_of(plan, time, point, prompt)))
        .collect();
    let rows = store.rows_by_key(&keys)?;
    rows.into_iter()
        .flatten()
        .map(|row| as_run(bundle, time, row))
        .collect()
}

fn visited(bundle: &Bundle, plan: &SweepPlan, prompts: usize) -> Result<Vec<NamedPoint>> {
    Ok(named_points(
        &plan.grid,
        bundle.info.objectives.len(),
        bundle.info.values.len(),
        prompts,
        plan.include_base,
    )?)
}

/// Prompts without repetition, in order, and the place there of each that was listed.
pub(super) fn each_once(listed: &[Prompt]) -> (Vec<Prompt>, Vec<usize>) {
    let mut places: HashMap<&Prompt, usize> = HashMap::new();
    let mut prompts = Vec::new();
    let listed = listed
        .iter()
        .map(|prompt| {
            *places.entry(prompt).or_insert_with(|| {
                prompts.push(prompt.clone());
                prompts.len() - 1
            })
        })
        .collect();
    (prompts, listed)
}

/// A stored row as the run that it was; byte offsets are made anew from its tokens.
fn as_run(bundle: &Bundle, time: u64, row: StoredRow) -> Result<Run> {
    let mut answer = bundle.tokenizer.answer(&row.sampling.stop);
    for &id in &row.tokens {
        answer.push(id);
    }
    answer.finish();
    let (_, tokens) = answer.into_parts();
    let given = bundle.tokenizer.at(Some(time)).given(&row.prompt)?;
    Ok(Run {
        prompt_tokens: given.ids(),
        given: Some(Arc::new(given)),
        gates: bundle.plan.gates(&row.point)?,
        prompt: row.prompt,
        point: row.point,
        steering: Steering::default(),
        sampling: row.sampling,
        text: row.text,
        tokens,
        finish: row.finish,
        end: None, // the store keeps the answer's own tokens
        status: RunStatus::Done,
        record: None,
        scores: row.scores,
        first_token_seconds: row.first_token_seconds,
        seconds: row.seconds,
    })
}
