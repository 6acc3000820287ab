//! What a sweep measured: points x prompts x objectives.

use std::collections::{HashMap, HashSet};

use super::encode;
use super::file::Study;
use super::hash::Uid;
use crate::pareto::summarise;
use crate::protocol::SweepPlan;
use crate::types::{Point, PointResult, Prompt, Scores, Split};
use crate::{Error, Problem, Result};

/// A prompt of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweptPrompt {
    /// Its name in every file.
    pub uid: Uid,
    /// What was asked.
    pub prompt: Prompt,
    /// Which part of the prompts it belongs to; `None` where nobody said.
    pub split: Option<Split>,
    /// What it is about, in one spelling; `None` where nobody said.
    pub topic: Option<String>,
}

/// The scores of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepScores {
    /// The sweep.
    pub sweep: i64,
    /// Names of the objectives: the bundle's, then those of scorers beside its reward models that scored a row.
    pub objectives: Vec<String>,
    /// How many of them are the bundle's.
    pub own: usize,
    /// The scorer of each; `None` where nobody scored it.
    pub scorers: Vec<Option<i64>>,
    /// The points that have a row, by their place in the plan.
    pub points: Vec<(usize, Point)>,
    /// Their names in every file, in the same order.
    pub point_uids: Vec<Uid>,
    /// The prompts that have a row, by their place in the plan.
    pub prompts: Vec<SweptPrompt>,
    /// Their places as the sweep's list has them: the row of a prompt that is listed twice is made once and counts twice.
    pub listed: Vec<usize>,
    /// Shape `[points, prompts]`: the answer's number.
    pub answers: Vec<Option<i64>>,
    /// Shape `[points, prompts, objectives]`: NaN and infinities are kept; `None` where there is none (yet).
    pub values: Vec<Option<f64>>,
}

/// A point of a sweep, summed up.
pub type SweepSummary = PointResult;

impl SweepScores {
    /// The scores of one row.
    pub fn row(&self, point: usize, prompt: usize) -> &[Option<f64>] {
        let start = (point * self.prompts.len() + prompt) * self.objectives.len();
        &self.values[start..start + self.objectives.len()]
    }

    /// The scores by these of the objectives alone, in this order, all of them as if they were the bundle's.
    ///
    /// # Errors
    /// [`Error::Option`] of `option` where nobody scored by one of them.
    pub fn over(&self, option: &str, objectives: &[String]) -> Result<Self> {
        let place = |name: &String| {
            let found = self.objectives.iter().position(|o| o == name);
            let found = found.filter(|&k| self.scorers[k].is_some());
            found.ok_or_else(|| {
                Error::option(option, Problem::unknown(name.as_str(), self.measured()))
            })
        };
        let places: Vec<usize> = objectives.iter().map(place).collect::<Result<_>>()?;
        let rows = self.values.chunks(self.objectives.len().max(1));
        Ok(Self {
            objectives: objectives.to_vec(),
            own: objectives.len(),
            scorers: places.iter().map(|&k| self.scorers[k]).collect(),
            values: rows
                .flat_map(|row| places.iter().map(|&k| row[k]))
                .collect(),
            ..self.clone()
        })
    }

    /// The objectives that somebody scored by.
    pub fn measured(&self) -> Vec<&str> {
        let all = self.objectives.iter().zip(&self.scorers);
        all.filter(|(_, scorer)| scorer.is_some())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Places of the objectives that a comparison is over unless it names others: the bundle's that were scored, so that
    /// another scorer changes nothing that was compared before; where none of those was, all others.
    pub fn usual(&self) -> Vec<usize> {
        let scored = |places: std::ops::Range<usize>| -> Vec<usize> {
            places.filter(|&k| self.scorers[k].is_some()).collect()
        };
        let own = scored(0..self.own);
        if own.is_empty() {
            scored(self.own..self.objectives.len())
        } else {
            own
        }
    }

    /// The places of the prompts of a part, or of all, each as often as it counts.
    pub fn kept(&self, split: Option<Split>) -> Vec<usize> {
        let listed = self.listed.iter().copied();
        listed
            .filter(|&prompt| split.is_none() || self.prompts[prompt].split == split)
            .collect()
    }

    /// The points whose rows are all there, summed up over the prompts of a part, or over all of them.
    pub fn summary(&self, split: Option<Split>) -> Vec<SweepSummary> {
        let kept = self.kept(split);
        let whole = |point: &usize| {
            let start = point * self.prompts.len();
            !kept.is_empty()
                && kept
                    .iter()
                    .all(|prompt| self.answers[start + prompt].is_some())
        };
        (0..self.points.len())
            .filter(whole)
            .map(|point| {
                let row = |&prompt: &usize| Scores(self.row(point, prompt).to_vec());
                let rows: Vec<Scores> = kept.iter().map(row).collect();
                let (index, at) = &self.points[point];
                summarise(*index, at.clone(), &rows)
            })
            .collect()
    }
}

/// A topic whatever its case and spacing, as the parts of prompts go by it.
fn one_spelling(topic: &str) -> String {
    let words: Vec<String> = topic.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

impl Study {
    /// The scores of a sweep by these scorers, one per objective of its bundle; by the newest of each objective, and by all
    /// others that scored a row, where `None`.
    pub fn sweep_scores(&self, sweep: i64, scorers: Option<&[Option<i64>]>) -> Result<SweepScores> {
        let (mut objectives, own, newest) = self.objectives_of(sweep)?;
        if let Some(scorers) = scorers {
            objectives.truncate(scorers.len());
        }
        let scorers = scorers.map_or(newest, <[_]>::to_vec);
        let mut found = SweepScores {
            sweep,
            objectives,
            own,
            scorers,
            points: Vec::new(),
            point_uids: Vec::new(),
            prompts: Vec::new(),
            listed: Vec::new(),
            answers: Vec::new(),
            values: Vec::new(),
        };
        let point_places = self.points_of(sweep, &mut found)?;
        let prompt_places = self.prompts_of(sweep, &mut found)?;
        let (width, depth) = (found.prompts.len(), found.objectives.len());
        found.answers = vec![None; found.points.len() * width];
        found.values = vec![None; found.answers.len() * depth];
        let at = |point: i64, prompt: i64| {
            Some(point_places.get(&point)? * width + prompt_places.get(&prompt)?)
        };
        let sql = "SELECT point_index, prompt_index, generation FROM sweep_row WHERE sweep = ?1";
        self.each(sql, [sweep], |row| {
            if let Some(cell) = at(self.get(row, 0)?, self.get(row, 1)?) {
                found.answers[cell] = Some(self.get(row, 2)?);
            }
            Ok(())
        })?;
        let by: HashMap<i64, usize> = found
            .scorers
            .iter()
            .enumerate()
            .filter_map(|(objective, scorer)| Some(((*scorer)?, objective)))
            .collect();
        let sql = "SELECT r.point_index, r.prompt_index, s.scorer, s.value, s.flag
                   FROM sweep_row r JOIN score s ON s.generation = r.generation WHERE r.sweep = ?1";
        self.each(sql, [sweep], |row| {
            let Some(&objective) = by.get(&self.get(row, 2)?) else {
                return Ok(());
            };
            if let Some(cell) = at(self.get(row, 0)?, self.get(row, 1)?) {
                let (value, flag): (Option<f64>, String) = (self.get(row, 3)?, self.get(row, 4)?);
                let value =
                    encode::from_score(value, &flag).ok_or_else(|| self.misread("score.flag"))?;
                found.values[cell * depth + objective] = Some(value);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The objectives of a sweep's bundle, then those of other scorers of its rows; how many are the bundle's; and the
    /// newest scorer of each that scored a row of it.
    fn objectives_of(&self, sweep: i64) -> Result<(Vec<String>, usize, Vec<Option<i64>>)> {
        let sql = "SELECT b.json FROM sweep s JOIN bundle b ON b.id = s.bundle WHERE s.id = ?1";
        let info: crate::types::BundleInfo =
            self.json(&self.one::<String>(sql, [sweep])?, "bundle.json")?;
        let mut objectives: Vec<String> = info.objectives.into_iter().map(|o| o.name).collect();
        let own = objectives.len();
        let mut newest = vec![None; own];
        for scorer in self.scorers_of(sweep)? {
            let name = scorer.shown(objectives[..own].contains(&scorer.objective));
            match objectives.iter().position(|o| *o == name) {
                Some(place) => newest[place] = Some(scorer.id),
                None if !scorer.is_reward() => {
                    objectives.push(name);
                    newest.push(Some(scorer.id));
                }
                None => {}
            }
        }
        Ok((objectives, own, newest))
    }

    /// Fills in the points that have a row; the place of each by its index in the plan.
    fn points_of(&self, sweep: i64, found: &mut SweepScores) -> Result<HashMap<i64, usize>> {
        let sql = "SELECT DISTINCT r.point_index, q.kind, q.coords, q.uid FROM sweep_row r JOIN point q ON q.id = r.point
                   WHERE r.sweep = ?1 ORDER BY r.point_index";
        let mut places = HashMap::new();
        self.each(sql, [sweep], |row| {
            let index: i64 = self.get(row, 0)?;
            let point = self
                .point_of(row, 1)?
                .ok_or_else(|| self.misread("sweep_row.point"))?;
            places.insert(index, found.points.len());
            found
                .points
                .push((usize::try_from(index).unwrap_or(0), point));
            found.point_uids.push(Uid(self.get(row, 3)?));
            Ok(())
        })?;
        Ok(places)
    }

    /// Fills in the prompts that have a row; the place of each by its index in the plan.
    fn prompts_of(&self, sweep: i64, found: &mut SweepScores) -> Result<HashMap<i64, usize>> {
        let sql = "SELECT DISTINCT r.prompt_index, p.uid, p.kind, p.body, p.split, p.topic FROM sweep_row r
                   JOIN prompt p ON p.id = r.prompt WHERE r.sweep = ?1 ORDER BY r.prompt_index";
        let mut places = HashMap::new();
        self.each(sql, [sweep], |row| {
            places.insert(self.get(row, 0)?, found.prompts.len());
            let split: Option<String> = self.get(row, 4)?;
            let topic: Option<String> = self.get(row, 5)?;
            found.prompts.push(SweptPrompt {
                uid: Uid(self.get(row, 1)?),
                prompt: self.prompt_of(row, 2)?,
                split: split.and_then(|name| Split::ALL.into_iter().find(|s| s.name() == name)),
                topic: topic
                    .map(|topic| one_spelling(&topic))
                    .filter(|topic| !topic.is_empty()),
            });
            Ok(())
        })?;
        found.listed = self.listed(sweep, &found.prompts)?;
        Ok(places)
    }

    /// The places of a sweep's prompts in the order of its list, as often as they stand there; what is not in the list,
    /// as a store of rows may have it, comes last, once.
    fn listed(&self, sweep: i64, prompts: &[SweptPrompt]) -> Result<Vec<usize>> {
        let plan: String = self.one("SELECT plan FROM sweep WHERE id = ?1", [sweep])?;
        let plan: SweepPlan = self.json(&plan, "sweep.plan")?;
        let at: HashMap<&Prompt, usize> = prompts.iter().map(|p| &p.prompt).zip(0..).collect();
        let mut listed: Vec<usize> = plan
            .prompts
            .iter()
            .filter_map(|prompt| at.get(prompt).copied())
            .collect();
        let known: HashSet<usize> = listed.iter().copied().collect();
        listed.extend((0..prompts.len()).filter(|place| !known.contains(place)));
        Ok(listed)
    }
}
