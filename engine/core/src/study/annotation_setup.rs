//! What tests of annotation begin with: sweeps whose words tell nothing, tasks on them, people who vote by a rule.

use std::path::Path;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use super::tests::{run, sweep};
use super::*;
use crate::annotate::{Ballot, BlindItem, Design, How, Picked, Source, active, blocks, gold};
use crate::types::{Point, Prompt, Run, Scores, Split, Weights};

const WORDS: [&str; 5] = ["apple", "river", "stone", "cloud", "bread"];

pub(super) fn number(at: usize) -> String {
    format!(
        "{} {} {}",
        WORDS[at % 5],
        WORDS[at / 5 % 5],
        WORDS[at / 25 % 5]
    )
}

/// A sweep of three points over prompts, a fifth of them of the test split; rewards like the first point's answers by the
/// first objective, the last one's by the other. The words of prompts and answers tell nothing.
pub(super) fn swept(folder: &Path, prompts: usize) -> Study {
    let study = Study::open(&folder.join("a.study")).unwrap();
    let harmless = "PRAGMA synchronous = OFF";
    study.connection.execute_batch(harmless).unwrap();
    let asked: Vec<String> = (0..prompts)
        .map(|p| format!("what of {}", number(p)))
        .collect();
    let names: Vec<&str> = asked.iter().map(String::as_str).collect();
    let mut record = SweepRecord {
        rows: 3 * prompts,
        ..sweep(&names)
    };
    record.bundle.identity.rewards = ["r1", "r2"].map(|r| Some(r.to_owned())).to_vec();
    let parts = [
        Split::Train,
        Split::Train,
        Split::Train,
        Split::Validation,
        Split::Test,
    ];
    record.plan.splits = (0..prompts).map(|prompt| parts[prompt % 5]).collect();
    let made = study.whole_sweep(&record, |point, prompt| {
        let who = ["Anna", "Bert", "Cora"][point];
        let text = format!("{who} says {}", number(prompt));
        Run {
            scores: Some(Scores(vec![Some(2.0 - point as f64), Some(point as f64)])),
            ..run(names[prompt], [1.0, 0.5, 0.0][point], &text)
        }
    });
    made.unwrap();
    study
}

/// A second sweep over the prompts of [`swept`], at its points and the base model, unscored.
pub(super) fn second(study: &Study) -> SweepState {
    let first = study.sweeps().unwrap().remove(0);
    let prompts = first.plan.prompts.iter();
    let names: Vec<&str> = prompts.filter_map(Prompt::words).collect();
    let record = SweepRecord {
        name: "other".to_owned(),
        method: "other".to_owned(),
        bundle: first.info.clone(),
        rows: 4 * names.len(),
        ..sweep(&names)
    };
    let made = study.whole_sweep(&record, |point, prompt| {
        // One of the other's texts is said once more.
        let who = if (point, prompt) == (0, 0) {
            "Anna"
        } else {
            "Dora"
        };
        let text = format!("{who} says {}", number(prompt));
        let made = run(names[prompt], [1.0, 0.5, 0.0, 0.0][point], &text);
        let base = Point::Weights(Weights::zero(2));
        Run {
            key: None,
            point: if point == 3 { base } else { made.point.clone() },
            ..made
        }
    });
    made.unwrap();
    study.sweeps().unwrap().remove(1)
}

pub(super) fn design() -> Design {
    Design {
        items: 60,
        ..Design::new(
            Source::Preferences,
            vec!["helpful".to_owned(), "humor".to_owned()],
        )
    }
}

pub(super) fn task(study: &Study, name: &str, design: Design) -> TaskState {
    let sweeps = study.sweeps().unwrap();
    let design = Design {
        sweeps: study.sweep_uids(&sweeps).unwrap(),
        ..design
    };
    let pool = study.pool(&design, &sweeps).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(design.seed);
    let mut drawing = match design.how {
        How::Blocks => blocks(&pool, design.items, design.ranked, &mut random),
        How::Active => active(&pool, design.items, &[], &[], &mut random),
    };
    let sides = drawing.items[0].sides.len();
    let checks = (design.gold * drawing.items.len() as f64).ceil() as usize;
    drawing
        .items
        .extend(gold(&pool, checks, sides, &mut random));
    let items = built(&pool, &drawing, &telling_names(&sweeps), 0, 0);
    assert_eq!(items.told, 0);
    study.new_task(name, &design, &items.items).unwrap()
}

/// A study of so many prompts with a task on them, in a folder of its own.
pub(super) fn at_task(prompts: usize, design: Design) -> (TempDir, Study, TaskState) {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), prompts);
    let task = task(&study, "T", design);
    (folder, study, task)
}

pub(super) fn ballots(sitting: &Sitting, pick: impl Fn(&str) -> Picked) -> Vec<Ballot> {
    let one = |objective: &String| Ballot {
        objective: objective.clone(),
        picked: pick(objective),
        strength: None,
        comment: None,
    };
    sitting.task().asks.objectives().iter().map(one).collect()
}

/// Whose answer comes earlier in the alphabet is more helpful; the other one is funnier.
pub(super) fn by_rule(shown: &BlindItem, objective: &str) -> Picked {
    match (shown.sides[0] < shown.sides[1], objective) {
        (true, "helpful") | (false, "humor") => Picked::Left,
        _ => Picked::Right,
    }
}

pub(super) fn vote_on(study: &Study, sitting: &Sitting, count: usize) {
    for place in study.left(sitting).unwrap().into_iter().take(count) {
        let shown = study.show(sitting, place).unwrap();
        // Now and then somebody errs, so that strengths have an end.
        let wrong = place % 7 == 3;
        let all = ballots(sitting, |objective| {
            let right = by_rule(&shown, objective);
            if wrong { right.turned(&[1, 0]) } else { right }
        });
        let looked = Looked {
            active_ms: 3000 + 10 * place as u64,
            early: false,
        };
        study.cast(sitting, place, &all, looked).unwrap();
    }
}
