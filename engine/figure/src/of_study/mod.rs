//! A study's sweeps as figures, tables and a report.

mod attainment;
mod field;
mod fronts;
mod gates;
mod report;
mod tables;

pub use attainment::attainment;
pub use field::field;
pub use fronts::{fronts, fronts_over, pairs};
pub use gates::{Routed, gates};
pub use report::report;
pub use tables::{answers, points};

use paretoscope_core::pareto::front_flags;
use paretoscope_core::stats::{Arm, Frame};
use paretoscope_core::study::{Study, SweepScores, SweepState, SweepSummary};
use paretoscope_core::types::Split;

use crate::error::{Error, Result};
use crate::plot::{Objective, Prompts};

/// What is drawn of a study.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Numbers of the sweeps; all of them where empty.
    pub sweeps: Vec<i64>,
    /// The prompts that count; all of them where `None`.
    pub split: Option<Split>,
    /// Where hypervolumes are measured from, one number per objective that is drawn; else the worst of all sweeps, less a
    /// tenth of the range.
    pub reference: Option<Vec<f64>>,
}

/// A sweep with its scores.
struct Swept {
    sweep: SweepState,
    scores: SweepScores,
    summary: Vec<SweepSummary>,
}

impl Swept {
    /// The scores as an arm by the usual objectives, or by these where some are not among those.
    fn arm(&self, split: Option<Split>, objectives: &[String]) -> Result<Arm> {
        let usual: Vec<&String> = (self.scores.usual().into_iter())
            .map(|k| &self.scores.objectives[k])
            .collect();
        if objectives.iter().all(|name| usual.contains(&name)) {
            return Ok(self.scores.arm(&self.sweep, split));
        }
        let scores = self.scores.over("objective", objectives)?;
        Ok(scores.arm(&self.sweep, split))
    }

    /// Whether each point is on the front by the usual objectives.
    fn on_front(&self) -> Vec<bool> {
        let usual = self.scores.usual();
        let only = |result: &SweepSummary| SweepSummary {
            scores: usual.iter().map(|&k| result.scores[k]).collect(),
            ..result.clone()
        };
        front_flags(&self.summary.iter().map(only).collect::<Vec<_>>())
    }

    /// Where an objective's scores stand, if somebody gave any.
    fn scored(&self, name: &str) -> Option<usize> {
        let at = self.scores.objectives.iter().position(|o| o == name)?;
        self.scores.scorers[at].is_some().then_some(at)
    }

    /// A point's name as a dot: `sweep-point`.
    fn dot_uid(&self, result: &SweepSummary) -> String {
        let mut points = self.scores.points.iter();
        let at = points.position(|(index, _)| *index == result.index);
        let uid = at.map_or_else(String::new, |at| self.scores.point_uids[at].to_string());
        format!("{}-{uid}", self.sweep.id)
    }
}

/// The first `most` of the objectives that all sweeps are scored by, or, where some are named, those. Scorers beside reward
/// models are drawn where they are named, or where fewer than two reward models are there.
fn shared(swept: &[Swept], named: &[String], most: usize) -> Result<Vec<String>> {
    let in_all = |name: &&String| swept.iter().all(|s| s.scored(name).is_some());
    let first = swept.first().map_or(&[][..], |s| &s.scores.objectives);
    let all: Vec<String> = first.iter().filter(in_all).cloned().collect();
    if named.is_empty() {
        let own = swept.first().map_or(0, |s| s.scores.own);
        let rewards: Vec<String> = first[..own].iter().filter(in_all).cloned().collect();
        let usual = if rewards.len() < 2 { all } else { rewards };
        return Ok(usual.into_iter().take(most).collect());
    }
    match named.iter().find(|name| !all.contains(name)) {
        None => Ok(named.to_vec()),
        Some(other) => Err(Error::Empty {
            what: format!(
                "not every sweep that is drawn is scored by {other}; {}",
                those(&all)
            ),
        }),
    }
}

/// What all are scored by, in words.
fn those(objectives: &[String]) -> String {
    match objectives {
        [] => "no objective is one that all are scored by".to_owned(),
        [one] => format!("{one} is the only one that all are scored by"),
        several => format!("all are scored by {}", several.join(", ")),
    }
}

/// Objectives of a sweep as a figure names them, in raw rewards or other scorers' own units.
fn units(names: &[String], of: &SweepScores) -> Vec<Objective> {
    let own = &of.objectives[..of.own];
    let both = raw(names).into_iter().zip(scores(names));
    both.map(|(raw, other)| if own.contains(&raw.name) { raw } else { other })
        .collect()
}

/// Objectives as a figure names them, in raw rewards.
fn raw(names: &[String]) -> Vec<Objective> {
    measured_in(names, "raw reward")
}

/// Objectives as a figure names them, in the units of other scorers.
fn scores(names: &[String]) -> Vec<Objective> {
    measured_in(names, "score")
}

fn measured_in(names: &[String], unit: &str) -> Vec<Objective> {
    let named = |(color, name): (usize, &String)| Objective {
        name: name.clone(),
        unit: unit.to_owned(),
        color,
    };
    names.iter().enumerate().map(named).collect()
}

/// The study's name.
fn title(study: &Study) -> String {
    let stem = study.path().file_stem();
    stem.map_or_else(String::new, |s| s.to_string_lossy().into_owned())
}

/// The study's file, as a fact.
fn named_file(study: &Study) -> (String, String) {
    let name = study.path().file_name();
    let name = name.map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    ("study".to_owned(), name)
}

/// How many prompts of a sweep count, and of which split.
fn prompts_of(swept: &Swept, split: Option<Split>) -> Prompts {
    Prompts {
        split: split.map_or_else(String::new, |s| s.name().to_owned()),
        count: swept.scores.kept(split).len(),
    }
}

fn swept(study: &Study, asked: &Asked) -> Result<Vec<Swept>> {
    let mut found = Vec::new();
    for sweep in study.sweeps()? {
        if asked.sweeps.is_empty() || asked.sweeps.contains(&sweep.id) {
            let scores = study.sweep_scores(sweep.id, None)?;
            let summary = scores.summary(asked.split);
            if !summary.is_empty() {
                found.push(Swept {
                    sweep,
                    scores,
                    summary,
                });
            }
        }
    }
    if found.is_empty() {
        return Err(Error::Empty {
            what: match asked.split {
                Some(split) => format!(
                    "no sweep of {} has a point whose {} prompts are all answered",
                    study.path().display(),
                    split.name()
                ),
                None => format!(
                    "no sweep of {} has a finished point",
                    study.path().display()
                ),
            },
        });
    }
    Ok(found)
}

/// Where the numbers of a figure come from.
fn facts(study: &Study, swept: &[Swept], frame: Option<&Frame>) -> Vec<(String, String)> {
    let mut facts = vec![named_file(study)];
    for s in swept {
        let sampling = &s.sweep.plan.sampling;
        facts.push((
            format!("sweep {}", s.sweep.id),
            format!(
                "{}; bundle {} (model {}); seed {}, temperature {}, at most {} tokens; {} of {} rows",
                s.sweep.name,
                s.sweep.info.name,
                s.sweep.info.identity.model,
                sampling.seed,
                sampling.temperature,
                sampling.max_tokens,
                s.sweep.done,
                s.sweep.rows
            ),
        ));
    }
    if let Some(frame) = frame {
        facts.push(("frame".to_owned(), frame.digest.clone()));
    }
    facts
}
