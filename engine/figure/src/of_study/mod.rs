//! A study's sweeps as figures, tables and a report.

mod report;
mod tables;

pub use report::report;
pub use tables::{answers, points};

use std::collections::HashMap;

use paretoscope_core::pareto::{front, hypervolume, uncertain_membership};
use paretoscope_core::stats::{Frame, FrameOptions};
use paretoscope_core::study::{Study, SweepScores, SweepState, SweepSummary};
use paretoscope_core::types::{Point, Split};

use crate::error::{Error, Result};
use crate::plot::{Dot, Front, Landmark, LandmarkKind, Objective, Prompts, Series, Standing};

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

/// The fronts of a study's sweeps over the objectives that all of them are scored by: two as one plot, three as three,
/// of more the first three.
pub fn fronts(study: &Study, asked: &Asked) -> Result<Front> {
    let swept = swept(study, asked)?;
    let scored = |s: &Swept, name: &String| {
        let at = s.scores.objectives.iter().position(|o| o == name);
        at.is_some_and(|at| s.scores.scorers[at].is_some())
    };
    let first = &swept[0].scores.objectives;
    let shared: Vec<String> = first
        .iter()
        .filter(|name| swept.iter().all(|s| scored(s, name)))
        .take(3)
        .cloned()
        .collect();
    if shared.len() < 2 {
        return Err(Error::Empty {
            what: format!(
                "a front needs two objectives that all sweeps are scored by; {} is",
                if shared.is_empty() {
                    "none"
                } else {
                    &shared[0]
                }
            ),
        });
    }
    let arms: Vec<_> = swept
        .iter()
        .map(|s| s.scores.arm(&s.sweep, asked.split))
        .collect();
    let options = FrameOptions {
        reference: None,
        ..FrameOptions::default()
    };
    let frame = Frame::new(&arms, &options).ok();
    let reference = reference(asked, frame.as_ref(), &shared)?;
    let mut bundles: Vec<String> = Vec::new();
    let mut series = Vec::new();
    let mut landmarks = Vec::new();
    let mut colors: HashMap<String, usize> = HashMap::new();
    for s in &swept {
        let place = |name: &String| {
            s.scores
                .objectives
                .iter()
                .position(|o| o == name)
                .unwrap_or(0)
        };
        let places: Vec<usize> = shared.iter().map(place).collect();
        let bundle = bundles
            .iter()
            .position(|b| *b == s.sweep.info.name)
            .unwrap_or_else(|| {
                bundles.push(s.sweep.info.name.clone());
                bundles.len() - 1
            });
        let next = colors.len();
        let color = *colors.entry(s.sweep.method.clone()).or_insert(next);
        let (dots, base, volume) = dots(s, &places, reference.as_deref());
        landmarks.extend(base);
        series.push(Series {
            name: s.sweep.name.clone(),
            color,
            bundle,
            dots,
            seeds: Vec::new(),
            hypervolume: volume,
        });
    }
    landmarks.dedup_by(|a, b| a.scores == b.scores);
    let prompts = swept[0]
        .scores
        .prompts
        .iter()
        .filter(|p| asked.split.is_none() || p.split == asked.split)
        .count();
    let named = |name: &String, color: usize| Objective {
        name: name.clone(),
        unit: "raw reward".to_owned(),
        color,
    };
    let values = swept.iter().find(|s| !s.sweep.info.values.is_empty());
    Ok(Front {
        title: study
            .path()
            .file_stem()
            .map_or_else(String::new, |s| s.to_string_lossy().into_owned()),
        objectives: shared
            .iter()
            .enumerate()
            .map(|(i, name)| named(name, i))
            .collect(),
        values: values.map_or_else(Vec::new, |s| {
            let values = s.sweep.info.values.iter().enumerate();
            values.map(|(i, value)| named(&value.name, i)).collect()
        }),
        axes: (0..shared.len()).collect(),
        bundles,
        series,
        landmarks,
        reference,
        prompts: Prompts {
            split: asked
                .split
                .map_or_else(String::new, |s| s.name().to_owned()),
            count: prompts,
        },
        whiskers: true,
        notes: Vec::new(),
        facts: facts(study, &swept, frame.as_ref()),
    })
}

/// Where hypervolumes are measured from: what was asked for, else what the frame of all sweeps says.
fn reference(asked: &Asked, frame: Option<&Frame>, shared: &[String]) -> Result<Option<Vec<f64>>> {
    let reference = asked.reference.clone().or_else(|| {
        let frame = frame?;
        let of = |name: &String| {
            let at = frame.objectives.iter().position(|o| o == name)?;
            frame.reference.get(at).copied()
        };
        shared.iter().map(of).collect()
    });
    if let Some(reference) = &reference
        && reference.len() != shared.len()
    {
        return Err(Error::Count {
            what: format!(
                "numbers of the reference, one for each of {}",
                shared.join(", ")
            ),
            got: reference.len(),
            wanted: shared.len(),
        });
    }
    Ok(reference)
}

/// The dots of a sweep over some of its objectives, the base model apart, and its hypervolume.
fn dots(
    s: &Swept,
    places: &[usize],
    reference: Option<&[f64]>,
) -> (Vec<Dot>, Option<Landmark>, Option<f64>) {
    let of =
        |result: &SweepSummary| -> Vec<_> { places.iter().map(|&k| result.scores[k]).collect() };
    let (bases, rest): (Vec<&SweepSummary>, Vec<&SweepSummary>) =
        s.summary.iter().partition(|result| result.point.is_base());
    let numbers = |what: fn(&paretoscope_core::types::Summary) -> f64| -> Vec<Vec<f64>> {
        let one = |result: &&SweepSummary| -> Vec<f64> {
            of(result)
                .iter()
                .map(|m| m.as_ref().map_or(f64::NAN, what))
                .collect()
        };
        rest.iter().map(one).collect()
    };
    let means = numbers(|m| m.compared());
    let on_front = front(&means);
    let uncertain = uncertain_membership(&means, &numbers(|m| m.se));
    let volume = reference.map(|reference| hypervolume(&means, reference));
    let dot = |(at, result): (usize, &&SweepSummary)| {
        let uid = s
            .scores
            .points
            .iter()
            .position(|(index, _)| *index == result.index);
        Dot {
            uid: format!(
                "{}-{}",
                s.sweep.id,
                uid.map_or_else(String::new, |uid| s.scores.point_uids[uid].to_string())
            ),
            name: result.name.clone(),
            point: Some(result.point.clone()),
            scores: of(result),
            standing: match (on_front.binary_search(&at).is_ok(), uncertain[at]) {
                (false, _) => Standing::Dominated,
                (true, false) => Standing::Front,
                (true, true) => Standing::Uncertain,
            },
            extrapolated: matches!(&result.point, Point::Weights(w) if w.as_slice().iter().any(|v| *v > 1.0)),
        }
    };
    let base = bases.first().map(|result| Landmark {
        kind: LandmarkKind::Base,
        uid: None,
        scores: of(result),
    });
    (rest.iter().enumerate().map(dot).collect(), base, volume)
}

/// Where the numbers of a figure come from.
fn facts(study: &Study, swept: &[Swept], frame: Option<&Frame>) -> Vec<(String, String)> {
    let mut facts = vec![(
        "study".to_owned(),
        study
            .path()
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
    )];
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
