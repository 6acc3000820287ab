//! A sweep under way: hands out rows, takes them back finished, scores and stores them.
//!
//! It does not own the model's slots: whoever drives it (the engine's thread, or the command line)
//! asks for the next row when a slot is free. Killed at any moment, it goes on from the store.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crate::study::{NewAnswer, Placed, ScorerRecord, Stored, Study, Uid};

use super::rows::{Asked, each_once, planned_at, record, visited};
use super::scoring::Scoring;
use super::shares::{Row, Shares};
use super::summarise;
use crate::Result;
use crate::bundle::Bundle;
use crate::method::Method;
use crate::protocol::SweepPlan;
use crate::reward::RewardInput;
use crate::types::{
    Finish, Key, NamedPoint, Point, PointResult, Prompt, RowGates, RowRequest, Run, Scores,
    TraceLevel,
};

/// A sweep under way.
#[derive(Debug)]
pub struct SweepScheduler {
    pub(super) plan: SweepPlan,
    pub(super) asked: Asked,
    pub(super) study: Study,
    /// The number of the sweep and of its bundle in the study.
    id: i64,
    bundle: i64,
    /// The numbers of the reward models in the study, in order of objectives.
    pub(super) scorers: Vec<Option<i64>>,
    /// Whether the study knows that it is finished.
    closed: bool,
    /// Rows of other shards.
    pub(super) left_out: usize,
    pub(super) points: Vec<PointState>,
    /// Rows that are not handed out.
    pub(super) shares: Shares,
    pub(super) running: HashMap<u64, Row>,
    /// Rows that are stored and not yet scored.
    pub(super) scoring: Scoring,
    pub(super) counts: Counts,
    /// Keys of the answers that were made here.
    made: HashSet<Key>,
    /// Seconds that rows were running for, over which the rate is taken.
    pub(super) active_seconds: f64,
    pub(super) resumed: Option<Instant>,
    next_tag: u64,
}

/// How far a sweep is.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Rows stored and scored.
    pub(super) done: usize,
    /// Those that were when it started.
    pub(super) found: usize,
    /// Rows that were stored when it started, scored or not.
    pub(super) there: usize,
    /// Rows made here.
    pub(super) made: usize,
    /// Rows that another program made meanwhile.
    pub(super) from_others: usize,
    /// Points of which all rows are done.
    pub(super) points: usize,
}

#[derive(Debug)]
pub(super) struct PointState {
    point: Point,
    name: Option<String>,
    gates: RowGates,
    /// The number of each prompt's answer in the study, once there.
    pub(super) answers: Vec<Option<i64>>,
    /// Whether routers have a share there: then gates differ from token to token, and their mean is taken.
    routed: bool,
    pub(super) scores: Vec<Option<Scores>>,
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
        let id = study.sweep(&record, asked.time)?;
        study.attend()?;
        study.label(&asked.labels())?;
        study.refer_known(&bundle.info.prompts)?;
        let mut run = Self {
            shares: Shares::new(&study, study.sweep_key(id)?)?,
            id,
            bundle: study.bundle(&record.bundle)?,
            scorers: study.scorers(&ScorerRecord::rewards(&bundle.info))?,
            closed: false,
            left_out: 0,
            points: visited
                .into_iter()
                .map(|NamedPoint { point, name }| {
                    let gates = asked.gates(bundle, &plan, &point)?;
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
            running: HashMap::new(),
            scoring: Scoring::default(),
            counts: Counts::default(),
            made: HashSet::new(),
            active_seconds: 0.0,
            resumed: None,
            next_tag: 0,
        };
        run.find_finished(bundle, go_on)?;
        run.close()?;
        Ok(run)
    }

    fn find_finished(&mut self, bundle: &Bundle, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        for point in 0..self.points.len() {
            go_on()?;
            let at = &self.points[point];
            let row = |prompt| -> Result<Row> {
                let stands = (&at.point, &at.gates);
                Ok(Row {
                    point,
                    prompt,
                    key: self.asked.key(bundle, &self.plan, stands, prompt)?,
                })
            };
            let rows = (0..self.asked.prompts.len()).map(row);
            let rows = rows.collect::<Result<Vec<Row>>>()?;
            let scored = self.stored(&rows)?;
            let there = self.points[point].answers.iter().flatten().count();
            self.counts.there += there;
            self.counts.found += scored.len();
            self.scored(scored);
        }
        Ok(())
    }

    /// Takes in those rows of one point that the study holds; the others wait. Gives those that are scored.
    fn stored(&mut self, rows: &[Row]) -> Result<Vec<(Row, Scores)>> {
        let Some(point) = rows.first().map(|row| row.point) else {
            return Ok(Vec::new());
        };
        let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
        let (mut found, mut scored) = (Vec::new(), Vec::new());
        for (&row, stored) in rows.iter().zip(self.study.by_key(&keys)?) {
            let Some(stored) = stored else {
                self.shares.push(row);
                continue;
            };
            found.push((stored.id, self.placed(row)));
            self.points[point].answers[row.prompt] = Some(stored.id);
            let scores = self.study.scores(&[stored.id], &self.scorers)?.remove(0);
            if self.is_whole(&scores) || stored.finish == Finish::NotFinite {
                scored.push((row, scores));
            } else {
                self.await_score(row, &stored)?;
            }
        }
        self.study.place(&self.points[point].point, &found)?;
        Ok(scored)
    }

    /// Takes in an answer that the study holds without scores: who made it scores it, or we do.
    fn await_score(&mut self, row: Row, stored: &Stored) -> Result<()> {
        let text = RewardInput::of(&stored.prompt, &stored.text);
        if self.study.maker_attends(stored.id)? {
            self.scoring.left_to_others(row, stored.id, text);
        } else {
            self.scoring.push(row, text, self.scorers.len());
        }
        Ok(())
    }

    /// Sees to what other programs make of this sweep: rows are claimed before they are handed out, and those that others
    /// made are taken in. To be called every so often; waits for nobody. Returns the points that are complete now.
    pub fn tend(&mut self) -> Result<Vec<PointResult>> {
        let mut done = self.shares.tend()?;
        done.sort_by_key(|row| row.point);
        let mut scored = Vec::new();
        for rows in done.chunk_by(|a, b| a.point == b.point) {
            scored.extend(self.stored(rows)?);
        }
        // Rows of one plan may have one key: gates alike at two places.
        let own = done
            .iter()
            .filter(|row| self.made.contains(&row.key))
            .count();
        self.counts.made += own;
        self.counts.from_others += done.len() - own;
        scored.extend(self.scored_by_others()?);
        let complete = self.scored(scored);
        self.close()?;
        Ok(complete)
    }

    /// In place of [`SweepScheduler::tend`] while no more rows are to be handed out: others may make them.
    pub fn rest(&mut self) -> Result<()> {
        for row in self.shares.rest()? {
            self.shares.push(row); // its answer is there, and is taken in later
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
        self.left_out = self.shares.retain(|row| ours[row.prompt]);
        self
    }

    /// By which method its points become answers.
    pub fn method(&self) -> Method {
        self.plan.method()
    }

    /// Its number in the study.
    pub fn number(&self) -> i64 {
        self.id
    }

    fn placed(&self, place: Row) -> Placed {
        Placed {
            sweep: self.id,
            seed: self.plan.sampling.seed,
            point: place.point,
            prompt: place.prompt,
        }
    }

    /// Notes in the study that all rows are there and scored.
    pub(super) fn close(&mut self) -> Result<()> {
        let whole = self.counts.done == self.points.len() * self.asked.prompts.len();
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

    pub(super) fn result(&self, index: usize) -> Option<PointResult> {
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

    fn request(&self, place: Row) -> RowRequest {
        let PointState { point, routed, .. } = &self.points[place.point];
        let mut request = self.asked.request(&self.plan, point, place.prompt);
        if *routed {
            request.trace = TraceLevel::Full;
        }
        request
    }

    /// The next row to run, with a name for it within this sweep; `None` where none is left, or none is claimed yet (see
    /// [`SweepScheduler::tend`]).
    pub fn next_row(&mut self) -> Option<(u64, RowRequest)> {
        let row = self.shares.next()?;
        self.next_tag += 1;
        self.running.insert(self.next_tag, row);
        self.resumed.get_or_insert_with(Instant::now);
        Some((self.next_tag, self.request(row)))
    }

    /// Rows handed out and not yet back.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether there is nothing to do at this moment: a claim is under way, or other programs make what is left.
    pub fn waits(&self) -> bool {
        self.running.is_empty() && !self.shares.is_ready() && !self.should_score()
    }

    /// Whether nothing is claimed but rows that run.
    pub fn rests(&self) -> bool {
        self.shares.rests()
    }

    /// Whether everything is generated, scored and stored.
    pub fn is_finished(&self) -> bool {
        self.shares.is_empty() && self.running.is_empty() && self.scoring.is_empty()
    }

    /// Takes rows back that finished together and stores them; scoring comes later, by [`SweepScheduler::score`]. Returns the
    /// points that are complete now.
    pub fn finished(
        &mut self,
        bundle: &Bundle,
        finished: Vec<(u64, Run)>,
    ) -> Result<Vec<PointResult>> {
        let objectives = bundle.info.objectives.len();
        let finished: Vec<(Row, Run)> = finished
            .into_iter()
            .filter_map(|(tag, run)| Some((self.running.remove(&tag)?, run)))
            .collect();
        let answers: Vec<NewAnswer<'_>> = finished
            .iter()
            .map(|(place, run)| self.answer(*place, run))
            .collect();
        let numbers = self.study.add(&answers)?;
        self.counts.made += finished.len();
        self.made.extend(finished.iter().map(|(row, _)| row.key));
        let mut scored = Vec::new();
        for ((place, run), number) in finished.iter().zip(numbers) {
            self.points[place.point].answers[place.prompt] = Some(number);
            if let Some(scores) = without_reading(bundle, run) {
                scored.push((*place, scores));
            } else {
                let text = RewardInput::of(&run.prompt, &run.text);
                self.scoring.push(*place, text, objectives);
            }
        }
        self.keep(&scored)?;
        let complete = self.scored(scored);
        self.close()?;
        Ok(complete)
    }

    fn answer<'a>(&self, place: Row, run: &'a Run) -> NewAnswer<'a> {
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
