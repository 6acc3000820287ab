//! Learning from votes in the real window on a scripted engine, driven by its accessibility tree.

mod played;
mod scripted;
mod stored;

use std::path::Path;

use egui_kittest::kittest::Queryable as _;
use paretoscope::command::AppCommand;
use paretoscope::registry;
use paretoscope::state::{LearnForm, LearnPhase, Overlay};
use paretoscope_core::annotate::{Ballot, Design, Picked, Source, blocks};
use paretoscope_core::protocol::{EngineCommand, SweepGrid, SweepPlan};
use paretoscope_core::study::{Looked, NewAnswer, Placed, Study, SweepRecord, built};
use paretoscope_core::types::{Prompt, Sampling, Split};
use played::Window;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// A study with a task of pairs that somebody voted on: six training prompts, two test prompts.
fn voted(path: &Path) {
    let study = Study::open(path).expect("a study");
    let info = scripted::bundle::info();
    let bundle = study.bundle(&info).expect("a bundle");
    let splits: Vec<Split> = (0..8)
        .map(|at| if at < 6 { Split::Train } else { Split::Test })
        .collect();
    let words: Vec<String> = (0..8).map(|at| format!("ask {at}")).collect();
    let record = SweepRecord {
        name: "hoe".to_owned(),
        method: "hoe".to_owned(),
        bundle: info,
        plan: SweepPlan {
            grid: SweepGrid::Simplex {
                step: 1.0,
                objectives: Vec::new(),
            },
            prompts: words
                .iter()
                .map(|words| Prompt::Text(words.clone()))
                .collect(),
            splits: splits.clone(),
            groups: Vec::new(),
            sampling: Sampling::default(),
            include_base: false,
            store: path.to_path_buf(),
        },
        rows: 16,
    };
    let sweep = study.sweep(&record, 0).expect("a sweep");
    for point in 0..2 {
        for (prompt, words) in words.iter().enumerate() {
            let run = stored::row("hoe", point, words);
            let answer = NewAnswer {
                run: &run,
                mean: Vec::new(),
                bundle,
                interactive: false,
                split: Some(splits[prompt]),
                place: Some(Placed {
                    sweep,
                    seed: 0,
                    point,
                    prompt,
                }),
            };
            study.add(&[answer]).expect("an answer");
        }
    }
    let sweeps = study.sweeps().expect("sweeps");
    let design = Design {
        sweeps: study.sweep_uids(&sweeps).expect("names"),
        items: 8,
        gold: 0.0,
        repeats: 0.0,
        ..Design::new(
            Source::Preferences,
            vec!["helpful".to_owned(), "humor".to_owned()],
        )
    };
    let pool = study.pool(&design, &sweeps).expect("a pool");
    let drawing = blocks(&pool, 8, 0, &mut ChaCha8Rng::seed_from_u64(0));
    let items = built(
        &pool,
        &drawing,
        &paretoscope_core::study::telling_names(&sweeps),
        0,
        0,
    );
    let task = study
        .new_task("first task", &design, &items.items)
        .expect("a task");
    let sitting = study.sit(&task, "A1").expect("a seat");
    for place in study.left(&sitting).expect("places") {
        let ballot = |objective: &str, picked| Ballot {
            objective: objective.to_owned(),
            picked,
            strength: None,
            comment: None,
        };
        let ballots = [
            ballot("helpful", Picked::Left),
            ballot("humor", Picked::Tie),
        ];
        study
            .cast(&sitting, place, &ballots, Looked::default())
            .expect("a vote");
    }
}

fn opened<'a>(size: [f32; 2], study: &Path, bundle: Option<&str>) -> Window<'a> {
    let mut window = stored::window(size, study, bundle);
    window.queue(AppCommand::Show(Overlay::Learn));
    window.wait("the votes are read", |w| {
        w.state().learn.tasks.is_some() || bundle.is_none()
    });
    window.steps(2);
    window
}

const WIDE: [f32; 2] = [1280.0, 800.0];

#[test]
fn votes_are_learnt_with_counts_progress_and_arrows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.study");
    voted(&path);
    let mut window = opened(WIDE, &path, Some("/bundles/one"));
    // The plan says what it is made of before anything begins.
    assert!(window.sees("6 pairs on training prompts; left out: 2 on test prompts"));
    assert!(
        window.sees("Task")
            && window.sees("Name of the value vector")
            && window.sees("Learning rate")
    );
    window.click("humor (0)");
    assert!(
        window.sees(
            "Not yet: this task has no decided pair on training prompts by this objective yet"
        )
    );
    assert_eq!(
        window.state().learn.form.name,
        "humor from votes",
        "a made-up name follows"
    );
    // A line more, and the sheet is in its new place after some frames.
    window.frames(6);
    window.click("helpful (6)");
    window.frames(6);
    window.click("Learn and measure");
    window.frames(1);
    let sent = |w: &Window<'_>| w.engine.count(|c| matches!(c, EngineCommand::Learn { .. }));
    let why = registry::why_not(&AppCommand::StartLearn, window.state());
    assert_eq!((sent(&window), why), (1, None));
    let plan = window.state().learn.plan.clone().expect("a plan");
    assert_eq!(
        (plan.task.as_str(), plan.objective.as_str(), &plan.study),
        ("first task", "helpful", &path)
    );
    assert!(
        plan.out.ends_with("training/helpful from votes"),
        "{}",
        plan.out.display()
    );
    window.wait("it trains", |w| {
        matches!(w.state().learn.phase, LearnPhase::Training(_))
    });
    window.frames(2);
    assert!(window.sees("1 of 3, training: step"));
    window.click("Cancel");
    window.wait("it stops", |w| {
        w.state().learn.phase == LearnPhase::Cancelled
    });
    window.frames(2);
    assert!(window.sees("Started again with the same settings it goes on"));
    window.click("Learn and measure");
    window.wait("it measures", |w| {
        matches!(w.state().learn.phase, LearnPhase::Measuring(..))
    });
    window.frames(2);
    assert!(window.sees("measuring with"));
    window.wait("it is done", |w| w.state().learn.phase == LearnPhase::Done);
    window.frames(3);
    assert!(window.sees("What helpful from votes did"));
    // Every arrow says what it shows.
    assert!(window.sees(
        "Arrow at base: humor from -1.200 to -0.100: +1.100 (95 % +0.900 to +1.300; 53 prompts)"
    ));
    assert!(window.sees("no difference shown"));
    assert!(!window.sees("In sample:"));
    window.click("Load result");
    let bundle = plan.out.join("bundle");
    assert_eq!(
        window
            .engine
            .count(|c| matches!(c, EngineCommand::LoadBundle { path, .. } if *path == bundle)),
        1
    );
}

#[test]
fn what_is_lacking_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.study");
    stored::swept(&path);
    let mut window = opened(WIDE, &path, Some("/bundles/one"));
    assert!(window.sees("This study has no task of pairs yet"));
    window.queue(AppCommand::StartLearn);
    assert_eq!(
        window
            .engine
            .count(|c| matches!(c, EngineCommand::Learn { .. })),
        0
    );
    window.queue(AppCommand::Show(Overlay::Learn));
    assert!(!window.sees("Learn from votes"));
}

#[test]
fn in_sample_is_said_in_words_and_all_stands_in_a_small_window() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.study");
    voted(&path);
    let mut window = opened([680.0, 520.0], &path, Some("/bundles/one"));
    let form = LearnForm {
        in_sample: true,
        ..window.state().learn.form.clone()
    };
    window.queue(AppCommand::SetLearn(Box::new(form)));
    window.queue(AppCommand::StartLearn);
    window.wait("it is done", |w| w.state().learn.phase == LearnPhase::Done);
    window.frames(3);
    assert!(window.sees("In sample: the voters' own prompts, which it was trained on"));
    let sheet = window.harness.get_by_label("Learn from votes").rect();
    assert!(sheet.left() >= 0.0 && sheet.right() <= 680.0, "{sheet:?}");
}
