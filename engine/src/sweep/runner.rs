//! A sweep under way: hands out rows, takes them back finished, scores and stores them.
//!
//! It does not own the model's slots: whoever drives it (the engine's thread, or the command line)
//! asks for the next row when a slot is free. Killed at any moment, it goes on from the store.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::study::{NewAnswer, Placed, ScorerRecord, Study, Uid};

use super::rows::{Asked, each_once, planned_at, record, visited};
use super::summarise;
use crate::Result;
use crate::bundle::Bundle;
use crate::protocol::{SweepPhase, SweepPlan, SweepProgress};
use crate::reward::{Patience, RewardInput, ScoreQueue};
use crate::types::{
    Finish, Key, NamedPoint, Point, PointResult, Prompt, RowGates, RowRequest, Run, Scores,
    TraceLevel,
};

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
    asked: Asked,
    study: Study,
    /// The number of the sweep and of its bundle in the study.
    id: i64,
    bundle: i64,
    /// The numbers of the reward models in the study, in order of objectives.
    scorers: Vec<Option<i64>>,
    /// Whether the study knows that it is finished.
    closed: bool,
    /// Rows of other shards.
    left_out: usize,
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
    gates: RowGates,
    /// The number of each prompt's answer in the study, once there.
    answers: Vec<Option<i64>>,
    /// Whether routers have a share there: then gates differ from token to token, and their mean is taken.
    routed: bool,
    scores: Vec<Option<Scores>>,
}

impl SweepScheduler {
    /// Plans a sweep and finds in its store what is finished already; those points' results come
    /// from [`SweepScheduler::found`].
    pub fn new(bundle: &Bundle, plan: SweepPlan) -> Result<Self> {
        Self::planned(bundle, plan, &|| Ok(()))
    }

    /// [`SweepScheduler::new`] that asks between prompts and between points whether to go on; an error of `go_on` stops
    /// it. With thousands of rows and a large store it takes seconds.
    pub fn planned(
        bundle: &Bundle,
        plan: SweepPlan,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Self> {
        let prompts = each_once(&plan.prompts).0.len();
        let visited = visited(bundle, &plan, prompts)?;
        let record = record(bundle, &plan, visited.len() * prompts);
        // Before anything is made: a prompt that cannot be read leaves no file behind.
        let asked = Asked::new(bundle, &plan, planned_at(&record)?, go_on)?;
        let study = Study::open(&plan.store)?;
        let mut run = Self {
            id: study.sweep(&record, asked.time)?,
            bundle: study.bundle(&record.bundle)?,
            scorers: study.scorers(&ScorerRecord::rewards(&bundle.info))?,
            closed: false,
            left_out: 0,
            points: visited
                .into_iter()
                .map(|NamedPoint { point, name }| {
                    let gates = bundle.plan.gates(&point)?;
                    Ok(PointState {
                        routed: gates.routers.iter().any(|share| *share != 0.0),
                        answers: vec![None; prompts],
                        scores: vec![None; prompts],
                        gates,
                        point,
                        name,
                    })
                })
                .collect::<Result<_>>()?,
            plan,
            asked,
            study,
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
        run.find_finished(bundle, go_on)?;
        run.close()?;
        Ok(run)
    }

    fn find_finished(&mut self, bundle: &Bundle, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        let objectives = bundle.info.objectives.len();
        for point in 0..self.points.len() {
            go_on()?;
            let places = (0..self.asked.prompts.len()).map(|prompt| RowIndex { point, prompt });
            let keys: Vec<Key> = places.clone().map(|at| self.key(bundle, at)).collect();
            let mut found = Vec::new();
            for (place, stored) in places.zip(self.study.by_key(&keys)?) {
                let Some(stored) = stored else {
                    self.waiting.push_back(place);
                    continue;
                };
                found.push((stored.id, self.placed(place)));
                self.points[point].answers[place.prompt] = Some(stored.id);
                let scores = self.study.scores(&[stored.id], &self.scorers)?.remove(0);
                let missing = self
                    .scorers
                    .iter()
                    .zip(&scores.0)
                    .any(|(by, s)| by.is_some() && s.is_none());
                if missing && stored.finish != Finish::NotFinite {
                    let text = RewardInput::of(&stored.prompt, &stored.text);
                    self.unscored.push(place, text, objectives);
                } else {
                    self.points[point].scores[place.prompt] = Some(scores);
                    self.rows_found += 1;
                    self.rows_done += 1;
                }
            }
            self.study.place(&self.points[point].point, &found)?;
            self.points_done += usize::from(self.points[point].scores.iter().all(Option::is_some));
        }
        Ok(())
    }

    /// Leaves the rows of other shards' prompts alone: `index` of `count`, from 0, by the prompts' names, so that several
    /// machines share a sweep whose studies are merged afterwards.
    #[must_use]
    pub fn shard(mut self, index: u64, count: u64) -> Self {
        let of = |prompt: &Prompt| {
            let uid = Uid::prompt(prompt);
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&uid.0[..8]);
            u64::from_be_bytes(bytes) % count.max(1)
        };
        let ours: Vec<bool> = self.asked.prompts.iter().map(|p| of(p) == index).collect();
        let before = self.waiting.len();
        self.waiting.retain(|place| ours[place.prompt]);
        self.left_out = before - self.waiting.len();
        self
    }

    fn placed(&self, place: RowIndex) -> Placed {
        Placed {
            sweep: self.id,
            seed: self.plan.sampling.seed,
            point: place.point,
            prompt: place.prompt,
        }
    }

    /// Notes in the study that all rows are there and scored.
    fn close(&mut self) -> Result<()> {
        let whole = self.rows_done == self.points.len() * self.asked.prompts.len();
        if !self.closed && whole {
            self.study.set_status(self.id, "finished")?;
            self.closed = true;
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
        let scores: Vec<Scores> = self
            .asked
            .listed
            .iter()
            .map(|&at| scored[at].clone())
            .collect();
        Some(PointResult {
            name: state.name.clone(),
            ..summarise(index, state.point.clone(), &scores)
        })
    }

    fn request(&self, place: RowIndex) -> RowRequest {
        let PointState { point, routed, .. } = &self.points[place.point];
        let mut request = self.asked.request(&self.plan, point, place.prompt);
        if *routed {
            request.trace = TraceLevel::Full;
        }
        request
    }

    fn key(&self, bundle: &Bundle, place: RowIndex) -> Key {
        let gates = &self.points[place.point].gates;
        self.asked.key(bundle, &self.plan, gates, place.prompt)
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
        let finished: Vec<(RowIndex, Run)> = finished
            .into_iter()
            .filter_map(|(tag, run)| Some((self.running.remove(&tag)?, run)))
            .collect();
        let answers: Vec<NewAnswer<'_>> = finished
            .iter()
            .map(|(place, run)| self.answer(*place, run))
            .collect();
        let numbers = self.study.add(&answers)?;
        let mut scored = Vec::new();
        for ((place, run), number) in finished.iter().zip(numbers) {
            self.points[place.point].answers[place.prompt] = Some(number);
            if let Some(scores) = without_reading(bundle, run) {
                scored.push((*place, scores));
            } else {
                let text = RewardInput::of(&run.prompt, &run.text);
                self.unscored.push(*place, text, objectives);
            }
        }
        self.keep(&scored)?;
        let complete = self.scored(scored);
        self.close()?;
        Ok(complete)
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
        self.keep(&scored)?;
        let complete = self.scored(scored);
        self.close()?;
        Ok(complete)
    }

    /// Writes scores into the study.
    fn keep(&self, scored: &[(RowIndex, Scores)]) -> Result<()> {
        let mut rows = Vec::new();
        for (place, scores) in scored {
            let answer = self.points[place.point].answers[place.prompt];
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

    fn answer<'a>(&self, place: RowIndex, run: &'a Run) -> NewAnswer<'a> {
        NewAnswer {
            run,
            mean: match &run.record {
                Some(record) => record.mean(),
                None => run.gates.adapters.clone(),
            },
            bundle: self.bundle,
            interactive: false,
            split: self.asked.splits[place.prompt],
            place: Some(self.placed(place)),
        }
    }

    /// How far it is.
    pub fn progress(&self, phase: SweepPhase) -> SweepProgress {
        let rows = self.points.len() * self.asked.prompts.len() - self.left_out;
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

/// How far a sweep is before anything of it is looked up: its points and rows are counted.
pub fn unplanned(bundle: &Bundle, plan: &SweepPlan) -> Result<SweepProgress> {
    let (prompts, _) = each_once(&plan.prompts);
    let points = visited(bundle, plan, prompts.len())?.len();
    Ok(SweepProgress {
        points_done: 0,
        points,
        rows_done: 0,
        rows: points * prompts.len(),
        rows_found: 0,
        rows_per_second: None,
        eta_seconds: None,
        phase: SweepPhase::Running,
    })
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
