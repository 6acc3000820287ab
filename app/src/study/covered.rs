//! What the study holds of points: rows of chosen ones, the places of starred answers.

use std::collections::HashSet;

use paretoscope_core::Result;
use paretoscope_core::study::{Study, SweepState, Uid};
use paretoscope_core::types::{NamedPoint, Split};

use super::message::STAR;
use crate::state::{Chosen, Covered};

/// Counts the rows of chosen points on the prompts of a part: those of the sweeps' plans, and `known` ones. A row counts
/// once, whichever sweep it is in.
pub(super) fn covered(
    study: &Study,
    chosen: &Chosen,
    split: Split,
    known: &[Uid],
) -> Result<Covered> {
    let mut all = Covered::default();
    let sweeps = study.sweeps()?;
    for ((method, bundle), points) in chosen.groups() {
        let alike = |s: &&SweepState| s.method == *method && s.bundle == *bundle;
        let mut prompts: HashSet<Uid> = known.iter().cloned().collect();
        let mut measured = Vec::new();
        for sweep in sweeps.iter().filter(alike) {
            let planned = sweep.plan.prompts.iter().zip(&sweep.plan.splits);
            let planned = planned.filter(|(_, of)| **of == split);
            prompts.extend(planned.map(|(prompt, _)| Uid::prompt(prompt)));
            let scores = study.sweep_scores(sweep.id, None)?;
            let swept = scores.prompts.iter().filter(|p| p.split == Some(split));
            prompts.extend(swept.map(|prompt| prompt.uid.clone()));
            measured.push(scores);
        }
        let mut there: HashSet<(&Uid, &Uid)> = HashSet::new();
        for scores in &measured {
            let places = scores.point_uids.iter().enumerate();
            for (at, uid) in places.filter(|(_, uid)| points.contains(&uid.to_string())) {
                let row = at * scores.prompts.len();
                let swept = scores.prompts.iter().enumerate();
                let answered = swept.filter(|(place, _)| scores.answers[row + place].is_some());
                there.extend(answered.map(|(_, prompt)| (uid, &prompt.uid)));
            }
        }
        there.retain(|(_, prompt)| prompts.contains(*prompt));
        all.there += there.len();
        all.of += points.len() * prompts.len();
        all.prompts = all.prompts.max(prompts.len());
    }
    Ok(all)
}

/// Where starred answers were made.
pub(super) fn starred(study: &Study) -> Result<Vec<NamedPoint>> {
    let mut points = Vec::new();
    for (uid, _) in study.marked(STAR)? {
        let answer = study.answer_of(&uid)?;
        points.extend(answer.and_then(|a| a.point).map(NamedPoint::from));
    }
    Ok(points)
}
