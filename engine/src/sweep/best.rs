//! The best of n: one pool of the base's answers to each prompt, and at each point the one that the weighted scores prefer.
//! Nothing is generated for a point: a pool serves all of them, and the answers stand in the study once.

use super::rows::{Asked, planned_at, record, visited};
use crate::bundle::Bundle;
use crate::generate::{Generator, RowSource, RowTag, chosen, deviations, drawn_seed};
use crate::method::{Method, MethodKind};
use crate::protocol::SweepPlan;
use crate::reward::{RewardInput, score_all};
use crate::study::{NewAnswer, Placed, ScorerRecord, Study};
use crate::sweep::summarise;
use crate::types::{
    Key, NamedPoint, Point, PointResult, Preference, RowRequest, Run, Sampling, Scores,
};
use crate::{Error, Result};

/// Answers that are scored and written together.
const BATCH: usize = 64;

/// Makes the pools that the study lacks, and places the chosen answers at each point of the plan; the points' results in
/// the plan's order. `tell` hears how many answers of the pools are there, of how many; its error stops, and what is
/// finished is kept.
///
/// Scores are compared on one scale: each objective's are divided by their standard deviation over all pools, so that
/// a weight means the same for a reward model of small and one of large numbers.
pub fn best_of_n(
    bundle: &Bundle,
    plan: &SweepPlan,
    slots: usize,
    tell: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<Chosen> {
    let method = plan.sampling.method.clone();
    let method = method.filter(|method| method.kind() == MethodKind::BestOfN);
    let method = method.ok_or_else(|| Error::internal("a plan of another method"))?;
    if let Some(lacks) = bundle.rewards.iter().position(Option::is_none) {
        let problem = format!(
            "best-of-n chooses by the reward models, and {} has none",
            bundle.info.objectives[lacks].name
        );
        return Err(Error::option("--method", problem));
    }
    let visited = visited(bundle, plan, plan.prompts.len())?;
    let record = record(bundle, plan, visited.len() * plan.prompts.len());
    let asked = Asked::new(bundle, plan, planned_at(&record)?, &|| Ok(()))?;
    let study = Study::open(&plan.store)?;
    study.attend()?;
    study.label(&asked.labels())?;
    let scorers = study.scorers(&ScorerRecord::rewards(&bundle.info))?;
    let pool = Pool::new(bundle, plan, &method, &asked)?;
    let answers = pool.fill(bundle, &study, &scorers, slots, tell)?;
    let sweep = study.sweep(&record, asked.time)?;
    let all: Vec<&Scores> = answers
        .iter()
        .flatten()
        .map(|scored| &scored.scores)
        .collect();
    let deviations = deviations(&all, bundle.info.objectives.len());
    let mut results = Vec::with_capacity(visited.len());
    for (index, NamedPoint { point, name }) in visited.into_iter().enumerate() {
        let (mut placed, mut scores) = (Vec::new(), Vec::new());
        for (prompt, answers) in answers.iter().enumerate() {
            let scored: Vec<&Scores> = answers.iter().map(|scored| &scored.scores).collect();
            let best = &answers[chosen(&scored, point.as_slice(), &deviations)];
            let place = Placed {
                sweep,
                seed: plan.sampling.seed,
                point: index,
                prompt,
            };
            placed.push((best.answer, place));
            scores.push(best.scores.clone());
        }
        study.place(&point, &placed)?;
        let listed: Vec<Scores> = asked.listed.iter().map(|&at| scores[at].clone()).collect();
        results.push(PointResult {
            name,
            ..summarise(index, point, &listed)
        });
    }
    study.set_status(sweep, "finished")?;
    Ok(Chosen {
        number: sweep,
        results,
    })
}

/// The answers that were chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The sweep's number in the study.
    pub number: i64,
    /// Its points, in the plan's order.
    pub results: Vec<PointResult>,
}

/// An answer of a pool, in the study.
#[derive(Debug, Clone)]
struct Scored {
    answer: i64,
    scores: Scores,
}

/// The rows of all pools: `n` of the base to each prompt, with seeds of their own.
struct Pool {
    rows: Vec<PoolRow>,
    prompts: usize,
    bundle: i64,
}

struct PoolRow {
    prompt: usize,
    key: Key,
    request: RowRequest,
}

impl Pool {
    fn new(bundle: &Bundle, plan: &SweepPlan, method: &Method, asked: &Asked) -> Result<Self> {
        let objectives = bundle.info.objectives.len();
        let point = Point::Preference(Preference::uniform(objectives));
        let mut rows = Vec::new();
        for prompt in 0..asked.prompts.len() {
            for draw in 0..method.whole("n") {
                let seed = drawn_seed(plan.sampling.seed, draw);
                let sampling = Sampling {
                    seed,
                    temperature: method.number("temperature"),
                    method: Some(Method::usual(MethodKind::Base)),
                    ..plan.sampling.clone()
                };
                let plan = SweepPlan {
                    sampling,
                    ..plan.clone()
                };
                let gates = asked.gates(bundle, &plan, &point)?;
                let request = asked.request(&plan, &point, prompt);
                rows.push(PoolRow {
                    prompt,
                    key: asked.key(bundle, &plan, (&point, &gates), prompt)?,
                    request,
                });
            }
        }
        Ok(Self {
            rows,
            prompts: asked.prompts.len(),
            bundle: 0,
        })
    }

    /// Makes and scores what the study lacks; the answers of each prompt, in order of draws.
    fn fill(
        mut self,
        bundle: &Bundle,
        study: &Study,
        scorers: &[Option<i64>],
        slots: usize,
        tell: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<Vec<Vec<Scored>>> {
        self.bundle = study.bundle(&bundle.info)?;
        let keys: Vec<Key> = self.rows.iter().map(|row| row.key).collect();
        let there = study.has(&keys)?;
        let lacking = there.iter().enumerate().filter(|(_, there)| !**there);
        let mut making = Making {
            waiting: lacking.map(|(row, _)| row).collect::<Vec<_>>().into_iter(),
            done: there.iter().filter(|there| **there).count(),
            ended: Vec::new(),
            pool: &self,
            study,
            tell,
        };
        (making.tell)(making.done, self.rows.len())?;
        Generator::new(slots).drive(bundle, &mut making)?;
        making.write()?;
        self.score(bundle, study, scorers)
    }

    /// The scores of all answers; those that were never read are read now.
    fn score(
        &self,
        bundle: &Bundle,
        study: &Study,
        scorers: &[Option<i64>],
    ) -> Result<Vec<Vec<Scored>>> {
        let mut pools: Vec<Vec<Scored>> = vec![Vec::new(); self.prompts];
        for rows in self.rows.chunks(BATCH) {
            let keys: Vec<Key> = rows.iter().map(|row| row.key).collect();
            let found = study.by_key(&keys)?;
            let found = found.into_iter().flatten().collect::<Vec<_>>();
            if found.len() < rows.len() {
                return Err(Error::internal("an answer of a pool is not in the study"));
            }
            let ids: Vec<i64> = found.iter().map(|stored| stored.id).collect();
            let mut scores = study.scores(&ids, scorers)?;
            let unread = |scores: &Scores| scores.0.iter().any(Option::is_none);
            let waiting: Vec<usize> = (0..found.len()).filter(|&at| unread(&scores[at])).collect();
            let texts: Vec<RewardInput> = waiting
                .iter()
                .map(|&at| RewardInput::of(&found[at].prompt, &found[at].text))
                .collect();
            let read = score_all(&bundle.rewards, &texts)?;
            let mut written = Vec::new();
            for (at, read) in waiting.into_iter().zip(read) {
                for (scorer, score) in scorers.iter().zip(&read.0) {
                    if let (Some(scorer), Some(score)) = (scorer, score) {
                        written.push((ids[at], *scorer, *score));
                    }
                }
                scores[at] = read;
            }
            if !written.is_empty() {
                study.score(&written)?;
            }
            for ((row, answer), scores) in rows.iter().zip(ids).zip(scores) {
                pools[row.prompt].push(Scored { answer, scores });
            }
        }
        Ok(pools)
    }
}

/// Rows of pools under way.
struct Making<'a> {
    waiting: std::vec::IntoIter<usize>,
    done: usize,
    ended: Vec<Run>,
    pool: &'a Pool,
    study: &'a Study,
    tell: &'a mut dyn FnMut(usize, usize) -> Result<()>,
}

impl Making<'_> {
    fn write(&mut self) -> Result<()> {
        let answers: Vec<NewAnswer<'_>> = self
            .ended
            .iter()
            .map(|run| NewAnswer {
                mean: run.gates.adapters.clone(),
                run,
                bundle: self.pool.bundle,
                interactive: false,
                split: None,
                place: None,
            })
            .collect();
        self.study.add(&answers)?;
        self.done += self.ended.len();
        self.ended.clear();
        (self.tell)(self.done, self.pool.rows.len())
    }
}

impl RowSource<RowTag> for Making<'_> {
    fn next_row(&mut self) -> Option<(RowTag, RowRequest)> {
        let row = self.waiting.next()?;
        Some((RowTag(row as u64), self.pool.rows[row].request.clone()))
    }

    fn stepped(&mut self, ended: Vec<(RowTag, Run)>) -> Result<()> {
        self.ended.extend(ended.into_iter().map(|(_, run)| run));
        if self.ended.len() >= BATCH {
            self.write()?;
        }
        Ok(())
    }
}
