//! A plan as rows: which prompts, each once, at which points, under which keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::study::{Label, ScorerRecord, Stored, Study, SweepRecord};

use super::{named_points, row_seed};
use crate::bundle::Bundle;
use crate::generate::key;
use crate::method::{Method, RowPlan, plan as row_plan};
use crate::protocol::SweepPlan;
use crate::types::{
    Key, Mutes, NamedPoint, Point, Prompt, RowGates, RowRequest, Run, Sampling, Split, TraceLevel,
};
use crate::{Error, Result};

/// The prompts of a plan, each once, as the model will be given them.
#[derive(Debug)]
pub(super) struct Asked {
    /// What chat templates are told, in seconds since 1970.
    pub(super) time: u64,
    pub(super) prompts: Vec<Prompt>,
    pub(super) splits: Vec<Option<Split>>,
    /// What each is about, where that is known.
    groups: Vec<Option<String>>,
    /// Of each of the plan's prompts, its place in `prompts`: equal ones count as often as they stand.
    pub(super) listed: Vec<usize>,
    ids: Vec<Vec<u32>>,
}

impl Asked {
    /// Encodes the prompts of a plan. Fails on one that cannot be read or is too long, before anything runs; an error of
    /// `go_on`, which is asked between prompts, stops it.
    pub(super) fn new(
        bundle: &Bundle,
        plan: &SweepPlan,
        time: u64,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Self> {
        let (prompts, listed) = each_once(&plan.prompts);
        if prompts.is_empty() {
            let problem = "there are none; a sweep needs at least one";
            return Err(Error::option("prompts", problem));
        }
        let mut splits = vec![None; prompts.len()];
        for (&at, split) in listed.iter().zip(&plan.splits) {
            splits[at] = Some(*split);
        }
        let mut groups: Vec<Option<String>> = vec![None; prompts.len()];
        for (&at, group) in listed.iter().zip(&plan.groups) {
            if groups[at].is_none() {
                groups[at].clone_from(group);
            }
        }
        let (tokenizer, context) = (
            bundle.tokenizer.at(Some(time)),
            bundle.model.config().context,
        );
        let mut ids = Vec::with_capacity(prompts.len());
        for prompt in &prompts {
            go_on()?;
            let encoded = tokenizer.encode_prompt(prompt)?;
            if encoded.len() >= context {
                let tokens = encoded.len();
                return Err(Error::PromptTooLong { tokens, context });
            }
            ids.push(encoded);
        }
        Ok(Self {
            time,
            prompts,
            splits,
            groups,
            listed,
            ids,
        })
    }

    /// What the plan says of its prompts.
    pub(super) fn labels(&self) -> Vec<Label<'_>> {
        let label = |(at, prompt): (usize, _)| Label {
            prompt,
            split: self.splits[at],
            topic: self.groups[at].as_deref(),
        };
        self.prompts.iter().enumerate().map(label).collect()
    }

    /// How the row of a prompt at a point is sampled. The base model is itself whatever the method, so that sweeps of
    /// several methods share its answers.
    pub(super) fn sampling(&self, plan: &SweepPlan, point: &Point, prompt: usize) -> Sampling {
        Sampling {
            seed: row_seed(plan.sampling.seed, &self.prompts[prompt]),
            method: named(plan, point).cloned(),
            ..plan.sampling.clone()
        }
    }

    /// The key of the row of a prompt at a point, which has these gates where the method is a plain one.
    pub(super) fn key(
        &self,
        bundle: &Bundle,
        plan: &SweepPlan,
        (point, gates): (&Point, &RowGates),
        prompt: usize,
    ) -> Result<Key> {
        let sampling = self.sampling(plan, point, prompt);
        let own = &self.ids[prompt];
        if sampling.method.is_none() {
            return Ok(key(bundle, own, gates, &sampling, None));
        }
        let tokenizer = bundle.tokenizer.at(Some(self.time));
        let row = method_of(bundle, plan, point, &self.prompts[prompt])?;
        let received = row.received(&tokenizer, own)?;
        let (tokens, context) = (received.longest, bundle.model.config().context);
        if tokens >= context {
            return Err(Error::PromptTooLong { tokens, context });
        }
        let (ids, gates) = (&received.prompt, &received.gates);
        Ok(key(bundle, ids, gates, &sampling, received.plan))
    }

    /// The gates of a point: those of the stream that is shown.
    pub(super) fn gates(
        &self,
        bundle: &Bundle,
        plan: &SweepPlan,
        point: &Point,
    ) -> Result<RowGates> {
        if named(plan, point).is_none() {
            return Ok(bundle.plan.gates(point)?);
        }
        let prompt = self.prompts.first().ok_or(Error::EmptyPrompt)?;
        let row = method_of(bundle, plan, point, prompt)?;
        let stream = row.streams.into_iter().next();
        stream.map_or_else(|| Ok(bundle.plan.gates(point)?), |stream| Ok(stream.gates))
    }

    /// The row of a prompt at a point.
    pub(super) fn request(&self, plan: &SweepPlan, point: &Point, prompt: usize) -> RowRequest {
        RowRequest {
            prompt: self.prompts[prompt].clone(),
            point: point.clone(),
            mutes: Mutes::default(),
            sampling: self.sampling(plan, point, prompt),
            trace: TraceLevel::None,
            time: Some(self.time),
        }
    }
}

/// The method that a sweep's row at a point names.
fn named<'p>(plan: &'p SweepPlan, point: &Point) -> Option<&'p Method> {
    plan.sampling.method.as_ref().filter(|_| !point.is_base())
}

/// What a sweep's row at a point is made of.
fn method_of(bundle: &Bundle, plan: &SweepPlan, point: &Point, prompt: &Prompt) -> Result<RowPlan> {
    let method = named(plan, point);
    row_plan(bundle, method, point, prompt, &Mutes::default())
}

/// The sweep, as a study keeps it.
pub(super) fn record(bundle: &Bundle, plan: &SweepPlan, rows: usize) -> SweepRecord {
    let method = plan.method();
    SweepRecord {
        name: format!("{} {method}", bundle.info.name),
        method: method.to_string(),
        bundle: bundle.info.clone(),
        plan: plan.clone(),
        rows,
    }
}

/// What the chat templates of a sweep are told, in seconds since 1970: when it was planned first, or now.
pub(super) fn planned_at(record: &SweepRecord) -> Result<u64> {
    match Study::peek(&record.plan.store)? {
        Some(study) => Ok(study.sweep_time(record)?),
        None => Ok(SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs())),
    }
}

/// The stored rows of one point of a plan, in order of prompts, as runs without routing. Looks at that point alone.
pub fn stored_rows(bundle: &Bundle, plan: &SweepPlan, index: usize) -> Result<Vec<Run>> {
    let visited = visited(bundle, plan, each_once(&plan.prompts).0.len())?;
    let NamedPoint { point, .. } = visited.get(index).ok_or_else(|| {
        let problem = format!("is {index}; the sweep has {} points", visited.len());
        Error::option("index", problem)
    })?;
    let Some(study) = Study::peek(&plan.store)? else {
        return Ok(Vec::new());
    };
    let time = study.sweep_time(&record(bundle, plan, 0))?;
    let asked = Asked::new(bundle, plan, time, &|| Ok(()))?;
    let gates = asked.gates(bundle, plan, point)?;
    let keys = (0..asked.prompts.len())
        .map(|prompt| asked.key(bundle, plan, (point, &gates), prompt))
        .collect::<Result<Vec<Key>>>()?;
    let scorers = study.known_scorers(&ScorerRecord::rewards(&bundle.info))?;
    study
        .by_key(&keys)?
        .into_iter()
        .flatten()
        .map(|stored| {
            let scores = study.scores(&[stored.id], &scorers)?.pop();
            let run = as_run(bundle, time, point, stored)?;
            Ok(Run { scores, ..run })
        })
        .collect()
}

/// A stored answer as the run that it was at a point with its gates, and what its model was given.
fn as_run(bundle: &Bundle, time: u64, point: &Point, stored: Stored) -> Result<Run> {
    let given = bundle.tokenizer.at(Some(time)).given(&stored.prompt)?;
    let mut run = stored
        .run()
        .ok_or_else(|| Error::internal("an answer with a key has no point"))?;
    run.point = point.clone();
    run.prompt_tokens = given.ids();
    run.given = Some(Arc::new(given));
    Ok(run)
}

/// The points of a plan on a bundle.
pub(super) fn visited(
    bundle: &Bundle,
    plan: &SweepPlan,
    prompts: usize,
) -> Result<Vec<NamedPoint>> {
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
