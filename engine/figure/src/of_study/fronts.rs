//! The fronts of sweeps.

use std::collections::HashMap;

use paretoscope_core::pareto::{front, hypervolume, uncertain_membership};
use paretoscope_core::stats::{Frame, FrameOptions};
use paretoscope_core::study::{Study, SweepSummary};
use paretoscope_core::types::{Point, Summary};

use super::{Asked, Swept, facts, prompts_of, raw, shared, swept, those, title, units};
use crate::error::{Error, Result};
use crate::plot::{Dot, Front, Landmark, LandmarkKind, Series, Standing};

/// The fronts of a study's sweeps over the objectives that all of them are scored by: two as one plot, three as three,
/// of more the first three.
pub fn fronts(study: &Study, asked: &Asked) -> Result<Front> {
    fronts_over(study, asked, &[])
}

/// The fronts over these objectives, two or three; over those that [`fronts`] takes where none is named.
pub fn fronts_over(study: &Study, asked: &Asked, objectives: &[String]) -> Result<Front> {
    let swept = swept(study, asked)?;
    let shared = shared(&swept, objectives, 3)?;
    over(study, asked, &swept, &shared)
}

/// The fronts over three objectives, two at a time.
pub fn pairs(study: &Study, asked: &Asked, objectives: &[String]) -> Result<Front> {
    let swept = swept(study, asked)?;
    let shared = shared(&swept, objectives, 3)?;
    if shared.len() != 3 {
        return Err(Error::Empty {
            what: format!("pairs are drawn of three objectives; {}", those(&shared)),
        });
    }
    over(study, asked, &swept, &shared)
}

/// The fronts of sweeps over some of their objectives.
pub(super) fn over(
    study: &Study,
    asked: &Asked,
    swept: &[Swept],
    shared: &[String],
) -> Result<Front> {
    if shared.len() < 2 {
        return Err(Error::Empty {
            what: format!("a front needs two objectives; {}", those(shared)),
        });
    }
    let arms = swept.iter().map(|s| s.arm(asked.split, shared));
    let arms: Vec<_> = arms.collect::<Result<_>>()?;
    let frame = Frame::new(&arms, &FrameOptions::default()).ok();
    let reference = reference(asked, frame.as_ref(), shared)?;
    let mut bundles: Vec<String> = Vec::new();
    let mut series = Vec::new();
    let mut landmarks = Vec::new();
    let mut colors: HashMap<String, usize> = HashMap::new();
    for s in swept {
        let places: Vec<usize> = shared.iter().filter_map(|name| s.scored(name)).collect();
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
    let values = swept.iter().find(|s| !s.sweep.info.values.is_empty());
    Ok(Front {
        title: title(study),
        objectives: units(shared, &swept[0].scores),
        values: values.map_or_else(Vec::new, |s| {
            let names: Vec<String> = s.sweep.info.values.iter().map(|v| v.name.clone()).collect();
            raw(&names)
        }),
        axes: (0..shared.len()).collect(),
        bundles,
        series,
        landmarks,
        reference,
        prompts: prompts_of(&swept[0], asked.split),
        whiskers: true,
        notes: Vec::new(),
        facts: facts(study, swept, frame.as_ref()),
    })
}

/// Where hypervolumes are measured from: what was asked for, else what the frame of all sweeps that are drawn says.
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

/// The dots of a sweep over some of its objectives, the base model apart, and the hypervolume of all its points, the base
/// model among them: as comparisons and the window measure it.
fn dots(
    s: &Swept,
    places: &[usize],
    reference: Option<&[f64]>,
) -> (Vec<Dot>, Option<Landmark>, Option<f64>) {
    let of =
        |result: &SweepSummary| -> Vec<_> { places.iter().map(|&k| result.scores[k]).collect() };
    let (bases, rest): (Vec<&SweepSummary>, Vec<&SweepSummary>) =
        s.summary.iter().partition(|result| result.point.is_base());
    let numbers = |of_which: &[&SweepSummary], what: fn(&Summary) -> f64| -> Vec<Vec<f64>> {
        let one = |result: &&SweepSummary| -> Vec<f64> {
            of(result)
                .iter()
                .map(|m| m.as_ref().map_or(f64::NAN, what))
                .collect()
        };
        of_which.iter().map(one).collect()
    };
    let means = numbers(&rest, Summary::compared);
    let on_front = front(&means);
    let uncertain = uncertain_membership(&means, &numbers(&rest, |m| m.se));
    let volume = reference.map(|reference| {
        let all = [means, numbers(&bases, Summary::compared)].concat();
        hypervolume(&all, reference)
    });
    let dot = |(at, result): (usize, &&SweepSummary)| Dot {
        uid: s.dot_uid(result),
        name: result.name.clone(),
        point: Some(result.point.clone()),
        scores: of(result),
        standing: match (on_front.binary_search(&at).is_ok(), uncertain[at]) {
            (false, _) => Standing::Dominated,
            (true, false) => Standing::Front,
            (true, true) => Standing::Uncertain,
        },
        extrapolated: matches!(&result.point, Point::Weights(w) if w.as_slice().iter().any(|v| *v > 1.0)),
    };
    let base = bases.first().map(|result| Landmark {
        kind: LandmarkKind::Base,
        uid: None,
        scores: of(result),
    });
    (rest.iter().enumerate().map(dot).collect(), base, volume)
}
