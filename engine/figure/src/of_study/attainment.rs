//! How far the fronts of several methods vary.

use std::ops::ControlFlow;

use paretoscope_core::stats::{
    Arm, Draws, Frame, FrameOptions, RunMeans, runs_by_draw, runs_by_seed,
};
use paretoscope_core::study::Study;
use paretoscope_core::types::Split;

use super::{named_file, raw, scores, title};
use crate::error::{Error, Result};
use crate::plot::{Attainment, Attempts, Over, Prompts};

/// What the seeds of each method attain, where all have several; else what draws of prompts do. `words` name methods or
/// sweeps, all methods where there are none; sweeps that differ in their seed alone are one.
///
/// # Errors
/// [`Error::Empty`] where nothing is finished, or sweeps have no prompt or no two objectives in common.
pub fn attainment(
    study: &Study,
    words: &[String],
    split: Option<Split>,
    objectives: &[String],
    draws: Draws,
) -> Result<Attainment> {
    let nothing = |why: String| Error::Empty { what: why };
    let mut found = arms(study, words, split, &[])?;
    let usual = |arm: &Arm| objectives.iter().all(|o| arm.objectives.contains(o));
    // What is no reward model's stands beside them; what nobody scored by is said below.
    let mut beside = false;
    if !found.iter().all(usual)
        && let Ok(others) = arms(study, words, split, objectives)
    {
        (found, beside) = (others, true);
    }
    let arms: Vec<Arm> = found
        .into_iter()
        .filter(|arm| !arm.points.is_empty() && !arm.prompts.is_empty())
        .collect();
    if arms.is_empty() {
        return Err(nothing(format!(
            "no sweep of {} has an answered prompt{}",
            study.path().display(),
            split.map_or_else(String::new, |s| format!(" of the {} split", s.name()))
        )));
    }
    let frame = Frame::new(&arms, &FrameOptions::default()).map_err(|e| nothing(e.to_string()))?;
    let named = if objectives.is_empty() {
        frame.objectives.iter().take(3).cloned().collect()
    } else {
        objectives.to_vec()
    };
    let place = |name: &String| {
        let found = frame.objectives.iter().position(|o| o == name);
        found.ok_or_else(|| {
            let known = frame.objectives.join(", ");
            nothing(format!("not all are scored by {name}; all are by {known}"))
        })
    };
    let axes: Vec<usize> = named.iter().map(place).collect::<Result<_>>()?;
    if axes.len() < 2 {
        return Err(nothing(format!(
            "attainment needs two objectives that all are scored by; {} is one",
            named.join(", ")
        )));
    }
    let by_seed = arms.iter().all(|arm| arm.seeds.len() > 1) && frame.seeds.len() != 1;
    let mut methods = Vec::new();
    for (at, name) in frame.arms().enumerate() {
        let runs: Vec<RunMeans> = if by_seed {
            runs_by_seed(&frame, at)
        } else {
            runs_by_draw(&frame, at, draws, &mut |_| ControlFlow::Continue(()))
                .map_err(|e| nothing(e.to_string()))?
        };
        methods.push(Attempts {
            name: name.to_owned(),
            color: at,
            runs,
        });
    }
    let mut facts = vec![named_file(study)];
    facts.push(("frame".to_owned(), frame.digest.clone()));
    if !by_seed {
        let words = format!("{}, seed {}", draws.draws, draws.seed);
        facts.push(("draws of prompts".to_owned(), words));
    }
    Ok(Attainment {
        title: format!("Attainment in {}", title(study)),
        objectives: if beside {
            scores(&frame.objectives)
        } else {
            raw(&frame.objectives)
        },
        axes,
        methods,
        over: if by_seed { Over::Seeds } else { Over::Prompts },
        prompts: Prompts {
            split: split.map_or_else(String::new, |s| s.name().to_owned()),
            count: frame.prompts.len(),
        },
        notes: frame.mismatches.iter().map(ToString::to_string).collect(),
        facts,
    })
}

/// The arms that words name, each method one where its sweeps differ in the seed alone, else each sweep; by these objectives,
/// or by the usual ones.
fn arms(
    study: &Study,
    words: &[String],
    split: Option<Split>,
    objectives: &[String],
) -> Result<Vec<Arm>> {
    if !words.is_empty() {
        let arm = |word: &String| Ok(study.arm_over("--sweep", word, split, objectives)?);
        return words.iter().map(arm).collect();
    }
    let sweeps = study.sweeps()?;
    let mut methods: Vec<&str> = sweeps.iter().map(|s| s.method.as_str()).collect();
    methods.sort_unstable();
    methods.dedup();
    let mut found = Vec::new();
    for method in methods {
        match study.arm_over("--sweep", method, split, objectives) {
            Ok(arm) => found.push(arm),
            Err(paretoscope_core::Error::Option { .. }) => {
                for sweep in sweeps.iter().filter(|s| s.method == method) {
                    let word = sweep.id.to_string();
                    found.push(study.arm_over("--sweep", &word, split, objectives)?);
                }
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(found)
}
