//! Studies with tasks of annotation in them, whose texts tell nothing of where they come from.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;

use egui_kittest::kittest::{NodeT as _, Queryable as _, by};
use paretoscope_core::annotate::{Ballot, Design, Picked, Source};
use paretoscope_core::protocol::{SweepGrid, SweepPlan};
use paretoscope_core::study::{
    Looked, NewAnswer, NewItem, Placed, ScorerRecord, Sides, Study, SweepRecord, TaskState, Uid,
};
use paretoscope_core::types::{Point, Preference, Prompt, Run, Sampling, Split, TokenPiece};

use crate::played::Window;
use crate::{scripted, stored};

const WORDS: [&str; 5] = ["apple", "river", "stone", "cloud", "bread"];
/// Who wrote what: the first point's answers, the second's, the third's.
pub(crate) const WRITERS: [&str; 3] = ["Anna", "Bert", "Cora"];
/// What the sweep is called; nobody who votes may see it.
pub(crate) const SECRET: &str = "secret-sweep";

/// Three words for a number.
pub(crate) fn words(at: usize) -> String {
    format!(
        "{} {} {}",
        WORDS[at % 5],
        WORDS[at / 5 % 5],
        WORDS[at / 25 % 5]
    )
}

/// A study with one sweep of three points over so many prompts, scored on three objectives.
pub(crate) fn swept(path: &Path, prompts: usize) -> Study {
    let text = |point: usize, prompt: usize| format!("{} says {}", WRITERS[point], words(prompt));
    swept_with(path, prompts, text)
}

/// Such a study with these texts, by point and prompt.
pub(crate) fn swept_with(
    path: &Path,
    prompts: usize,
    text: impl Fn(usize, usize) -> String,
) -> Study {
    let study = Study::open(path).expect("a study");
    let info = scripted::bundle::info();
    let bundle = study.bundle(&info).expect("a bundle");
    let scorers = study.scorers(&ScorerRecord::rewards(&info));
    let scorers: Vec<i64> = scorers.expect("scorers").into_iter().flatten().collect();
    let asked: Vec<Prompt> = (0..prompts)
        .map(|at| Prompt::Text(format!("what of {}", words(at))))
        .collect();
    let split = |at: usize| {
        if at % 5 == 4 {
            Split::Test
        } else {
            Split::Train
        }
    };
    let record = SweepRecord {
        name: SECRET.to_owned(),
        method: "hoe".to_owned(),
        bundle: info,
        plan: SweepPlan {
            grid: SweepGrid::Simplex {
                step: 1.0,
                objectives: Vec::new(),
            },
            prompts: asked.clone(),
            splits: (0..prompts).map(split).collect(),
            groups: Vec::new(),
            sampling: Sampling::default(),
            include_base: false,
            store: path.to_path_buf(),
        },
        rows: 3 * prompts,
    };
    let sweep = study.sweep(&record, 0).expect("a sweep");
    for point in 0..WRITERS.len() {
        let runs: Vec<Run> = (asked.iter().enumerate())
            .map(|(prompt, asked)| row(point, asked.clone(), text(point, prompt)))
            .collect();
        let answers: Vec<NewAnswer<'_>> = (runs.iter().enumerate())
            .map(|(prompt, run)| NewAnswer {
                run,
                mean: Vec::new(),
                bundle,
                interactive: false,
                split: Some(split(prompt)),
                place: Some(Placed {
                    sweep,
                    seed: 0,
                    point,
                    prompt,
                }),
            })
            .collect();
        let numbers = study.add(&answers).expect("answers");
        let scores: Vec<(i64, i64, f64)> = numbers
            .iter()
            .flat_map(|number| {
                let of = scorers.iter().enumerate();
                of.map(|(k, scorer)| (*number, *scorer, f64::from(u8::from(k == point)) + 7.125))
            })
            .collect();
        study.score(&scores).expect("scores");
    }
    study.set_status(sweep, "finished").expect("noted");
    study
}

fn row(point: usize, prompt: Prompt, text: String) -> Run {
    Run {
        prompt,
        point: Point::Preference(Preference::one_hot(point, 3)),
        tokens: vec![TokenPiece {
            id: 1,
            start: 0,
            end: text.len(),
        }],
        text,
        ..stored::row("hoe", point, "")
    }
}

/// Makes a task of the study's sweep.
pub(crate) fn task(study: &Study, name: &str, design: Design) -> TaskState {
    let sweeps = study.sweeps().expect("sweeps");
    let design = Design {
        sweeps: study.sweep_uids(&sweeps).expect("names"),
        ..design
    };
    let drawn = study.draw_task(&design, &sweeps).expect("items");
    study.new_task(name, &design, &drawn.items).expect("a task")
}

/// Pairs of preferences.
pub(crate) fn design(items: usize, objectives: &[&str]) -> Design {
    let objectives = objectives.iter().map(|o| (*o).to_owned()).collect();
    Design {
        items,
        ..Design::new(Source::Preferences, objectives)
    }
}

/// A task whose items compare these names, one prompt each; scores of a name's answers where it has some. Everybody sees
/// every item, once.
pub(crate) fn compared(
    study: &Study,
    task: &str,
    pairs: &[[&str; 2]],
    people: usize,
    score: impl Fn(&str) -> Option<f64>,
) -> TaskState {
    let info = scripted::bundle::info();
    let bundle = study.bundle(&info).expect("a bundle");
    let scorers = study.scorers(&ScorerRecord::rewards(&info));
    let scorer = scorers.expect("scorers")[2].expect("a reward");
    let mut items = Vec::new();
    for (at, names) in pairs.iter().enumerate() {
        let prompt = Prompt::Text(format!("{task}, number {at}?"));
        let answers: Vec<String> = names
            .iter()
            .map(|name| {
                let run = row(0, prompt.clone(), format!("{name} {at} {task}"));
                let new = NewAnswer {
                    run: &run,
                    mean: Vec::new(),
                    bundle,
                    interactive: false,
                    split: Some(Split::Train),
                    place: None,
                };
                let number = study.add(&[new]).expect("an answer")[0];
                if let Some(score) = score(name) {
                    study.score(&[(number, scorer, score)]).expect("a score");
                }
                let stored = study.answer(number).expect("read").expect("there");
                stored.uid.to_string()
            })
            .collect();
        items.push(NewItem {
            sides: Sides::Stored {
                batch: 0,
                place: at,
                prompt: Uid::prompt(&prompt).to_string(),
                answers,
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                told: Vec::new(),
            },
            wrong: None,
            probability: 1.0,
        });
    }
    let design = Design {
        annotators: people,
        overlap: 1.0,
        repeats: 0.0,
        gold: 0.0,
        ..design(items.len(), &["humor"])
    };
    study.new_task(task, &design, &items).expect("a task")
}

/// What somebody chose of an item: a name, `left`, `right`, `tie`; `None` where they did not vote on it.
pub(crate) fn vote(
    study: &Study,
    task: &TaskState,
    who: &str,
    choose: impl Fn(usize) -> Option<&'static str>,
) {
    let sitting = study.sit(task, who).expect("a seat");
    for place in study.left(&sitting).expect("places") {
        let shown = study.show(&sitting, place).expect("an item");
        let mut first = shown.sides[0].split(' ');
        let name = first.next().expect("a name");
        let at = first
            .next()
            .and_then(|at| at.parse().ok())
            .expect("a number");
        let Some(chosen) = choose(at) else { continue };
        let picked = match chosen {
            "tie" => Picked::Tie,
            "left" => Picked::Left,
            "right" => Picked::Right,
            chosen if chosen == name => Picked::Left,
            _ => Picked::Right,
        };
        let ballot = Ballot {
            objective: "humor".to_owned(),
            picked,
            strength: None,
            comment: None,
        };
        let looked = Looked {
            active_ms: 4000 + 10 * place as u64,
            early: false,
        };
        study
            .cast(&sitting, place, &[ballot], looked)
            .expect("a vote");
    }
}

impl Window<'_> {
    /// All that the accessibility tree says.
    pub(crate) fn tree(&self) -> Vec<String> {
        let nodes = self.harness.query_all(by());
        let said = nodes.flat_map(|node| {
            let node = node.accesskit_node();
            [node.label(), node.value(), node.description()]
        });
        said.flatten().collect()
    }
}
