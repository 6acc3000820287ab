//! The sheet of whoever asks: a task is built, its votes are weighed, and the numbers are those of the worked examples.

mod asked;
mod played;
mod scripted;
mod stored;

use std::ops::ControlFlow;

use asked::{compared, design, swept, task, vote};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use paretoscope::command::{Annotation, AppCommand};
use paretoscope::state::{AnnotatePage, LendForm, Overlay, Weighed};
use paretoscope::study::TaskForm;
use paretoscope_core::annotate::{Design, How, Source};
use paretoscope_core::stats::Draws;
use paretoscope_core::study::{Asks, Study};
use played::Window;
use stored::window;

const WIDE: [f32; 2] = [1280.0, 900.0];

impl Window<'_> {
    fn annotate(&mut self, command: Annotation) {
        self.queue(AppCommand::Annotate(command));
    }

    fn open_sheet(&mut self) {
        self.queue(AppCommand::Show(Overlay::Annotate));
        self.wait("the tasks", |w| w.state().annotate.list.is_some());
        self.steps(2);
    }

    /// Looks at what a task's votes say.
    fn weigh(&mut self, task: &str) {
        self.annotate(Annotation::Page(AnnotatePage::Results(task.into())));
        self.wait("its numbers", |w| {
            matches!(w.state().annotate.weighed, Weighed::Done(_))
        });
        self.steps(3);
    }
}

/// Two people's choices: how often the one chose this and the other that.
const TABLE: [[usize; 3]; 3] = [[8, 1, 1], [2, 5, 0], [1, 1, 1]];
const CHOICES: [&str; 3] = ["x", "y", "tie"];

#[test]
fn results_print_the_worked_examples() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = Study::open(&path).expect("a study");
    let none = |_name: &str| None;

    // Cohen's kappa of [8 1 1; 2 5 0; 1 1 1].
    let cells: Vec<[usize; 2]> = (0..3)
        .flat_map(|a| (0..3).flat_map(move |b| vec![[a, b]; TABLE[a][b]]))
        .collect();
    let two = compared(&study, "kappa", &[["x", "y"]; 20], 2, none);
    for (person, who) in ["A1", "A2"].into_iter().enumerate() {
        vote(&study, &two, who, |at| Some(CHOICES[cells[at][person]]));
    }
    // Krippendorff's alpha of 111, 22-, 122, ttt, 11-, 2--.
    let units = ["111", "22-", "122", "ttt", "11-", "2--"];
    let three = compared(&study, "alpha", &[["x", "y"]; 6], 3, none);
    for (person, who) in ["A1", "A2", "A3"].into_iter().enumerate() {
        vote(&study, &three, who, |at| {
            match units[at].as_bytes()[person] {
                b'1' => Some("x"),
                b'2' => Some("y"),
                b't' => Some("tie"),
                _ => None,
            }
        });
    }
    // Davidson: wins 1:2 12-6, 1:3 15-3, 2:3 10-6, ties 2, 2, 4.
    let met = [
        (["1", "2"], [12, 6, 2]),
        (["1", "3"], [15, 3, 2]),
        (["2", "3"], [10, 6, 4]),
    ];
    let mut pairs: Vec<[&str; 2]> = Vec::new();
    let mut outcomes: Vec<&'static str> = Vec::new();
    for (names, [first, second, ties]) in met {
        pairs.extend([names; 20]);
        outcomes.extend(vec![names[0]; first]);
        outcomes.extend(vec![names[1]; second]);
        outcomes.extend(vec!["tie"; ties]);
    }
    let strengths = compared(&study, "davidson", &pairs, 1, none);
    vote(&study, &strengths, "A1", |at| Some(outcomes[at]));
    // The answer shown first wins 118 of 200.
    let first = compared(&study, "first", &[["x", "y"]; 200], 1, none);
    vote(&study, &first, "A1", |at| {
        Some(if at < 118 { "left" } else { "right" })
    });
    // The reward sides with 83 of 100.
    let score = |name: &str| Some(f64::from(u8::from(name == "x")));
    let scored = compared(&study, "reward", &[["x", "y"]; 100], 1, score);
    vote(&study, &scored, "A1", |at| {
        Some(if at < 83 { "x" } else { "y" })
    });
    drop(study);

    let mut w = window(WIDE, &path, None);
    w.open_sheet();
    for (task, numbers) in [
        ("kappa", &["0.489", "0.700"][..]),
        ("alpha", &["0.778 nominal, 0.619 by squared distance"]),
        (
            "davidson",
            &[
                "1: 0.775 (95 %",
                "2: \u{2212}0.087",
                "3: \u{2212}0.689",
                "\u{3bd} 0.348",
            ],
        ),
        (
            "first",
            &["Flag: 0.590 (95 % 0.521 to 0.656), 118 of 200 decisive votes"],
        ),
        (
            "reward",
            &["0.830 (95 % 0.745 to 0.891), 83 of 100 decisive votes"],
        ),
    ] {
        w.weigh(task);
        for number in numbers {
            assert!(w.sees(number), "{task}, {number}: {:?}", w.tree());
        }
        // The core's numbers, which `study stats` prints.
        let study = Study::peek(&path).expect("readable").expect("a study");
        let state = study.task_named("task", task).expect("a task");
        let go = &mut |_| ControlFlow::Continue(());
        let stats = study.task_stats(&state, Draws::default(), go);
        let stats = stats.expect("votes").expect("not stopped");
        let Weighed::Done(Ok(shown)) = &w.state().annotate.weighed else {
            panic!("{:?}", w.state().annotate.weighed);
        };
        assert_eq!(**shown, stats);
    }
    // Of one person nothing is said of agreement.
    assert!(w.sees("n/a: needs 2 annotators on \u{2265} 10 shared items"));
    assert!(w.sees("100 decisive votes; win rate 0.60 needs 194: 94 more"));
}

#[test]
fn votes_draw_a_front_beside_the_rewards_and_pairs_are_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = swept(&path, 40);
    let made = task(&study, "T", design(90, &["helpful", "humor"]));
    let sitting = study.sit(&made, "A1").expect("a seat");
    for place in study.left(&sitting).expect("places") {
        let shown = study.show(&sitting, place).expect("an item");
        // Earlier in the alphabet is more helpful, later is funnier; now and then they err.
        let ballots = ["helpful", "humor"].map(|objective| {
            let first = (shown.sides[0] < shown.sides[1]) == (objective == "helpful");
            paretoscope_core::annotate::Ballot {
                objective: objective.to_owned(),
                picked: if first == (place % 7 == 3) {
                    paretoscope_core::annotate::Picked::Right
                } else {
                    paretoscope_core::annotate::Picked::Left
                },
                strength: None,
                comment: None,
            }
        });
        let looked = paretoscope_core::study::Looked {
            active_ms: 4000,
            early: false,
        };
        study
            .cast(&sitting, place, &ballots, looked)
            .expect("a vote");
    }
    drop(study);
    let mut w = window([1280.0, 1800.0], &path, None);
    w.open_sheet();
    // It can be stopped before it says anything.
    w.annotate(Annotation::Page(AnnotatePage::Results("T".into())));
    w.annotate(Annotation::StopWeighing);
    w.wait("an end", |w| {
        !matches!(w.state().annotate.weighed, Weighed::Under(..))
    });
    w.annotate(Annotation::Page(AnnotatePage::Builder));
    w.weigh("T");
    let planes: Vec<String> = (w.harness.get_all_by_role(egui::accesskit::Role::Canvas))
        .filter_map(|node| node.accesskit_node().value())
        .collect();
    assert!(
        planes
            .iter()
            .any(|words| words.contains("of 3 points on it: a")),
        "{planes:?}"
    );
    for name in [
        "Front by votes: humor, win share against helpful, win share",
        "Front by rewards: humor, mean score against helpful, mean score",
        "on front in 100 %",
        "helpful: win share",
        "humor: reward",
        "Kendall",
    ] {
        assert!(w.sees(name), "{name}: {:?}", w.tree());
    }
    let pairs = folder.path().join("pairs.jsonl");
    w.annotate(Annotation::SetLend(LendForm {
        pairs: pairs.clone(),
        objective: Some("humor".into()),
        ..LendForm::default()
    }));
    w.click("Export the pairs");
    w.wait("the pairs", |w| w.sees("Wrote "));
    let text = std::fs::read_to_string(&pairs).expect("pairs");
    assert!(text.lines().count() > 30 && !text.contains("\"split\":\"test\""));
    w.click("Export the pairs");
    w.wait("a refusal", |w| w.sees("is there already"));
    // Votes for other programs, as the command line writes them; what is none of both is refused.
    for (name, words) in [
        ("votes.jsonl", "Wrote "),
        ("votes.json", "Wrote "),
        ("votes.txt", "`txt` is not known"),
    ] {
        let out = folder.path().join(name);
        w.annotate(Annotation::SetLend(LendForm {
            votes: out.clone(),
            ..LendForm::default()
        }));
        w.steps(2);
        w.click("Export the votes");
        w.wait("an end", |w| w.sees(words));
        assert_eq!(out.exists(), words == "Wrote ");
    }
    let text = std::fs::read_to_string(folder.path().join("votes.jsonl")).expect("votes");
    let study = Study::peek(&path).expect("readable").expect("a study");
    let made = study.task_named("task", "T").expect("the task");
    let judged = study.judged(&made).expect("votes");
    assert_eq!(text.lines().count(), judged.votes.len());
    assert!(
        text.lines()
            .all(|line| line.starts_with('{') && !line.contains("null"))
    );
    let text = std::fs::read_to_string(folder.path().join("votes.json")).expect("votes");
    let pairs = paretoscope_core::annotate::from_label_studio(&text).expect("Label Studio's");
    assert!(!pairs.is_empty());
}

#[test]
fn newer_votes_than_those_shown_are_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = Study::open(&path).expect("a study");
    let made = compared(&study, "T", &[["x", "y"]; 4], 2, |_name| None);
    vote(&study, &made, "A1", |_at| Some("x"));
    let mut w = window(WIDE, &path, None);
    w.open_sheet();
    w.weigh("T");
    assert!(!w.sees("newer vote"), "{:?}", w.tree());
    // Somebody else votes, at another window.
    vote(&study, &made, "A2", |at| (at < 3).then_some("y"));
    w.wait("it is said", |w| {
        w.sees("3 newer votes since these numbers")
    });
    // One that is taken back is news as well.
    let sitting = study.sit(&made, "A2").expect("a seat");
    study.take_back(&sitting).expect("taken back");
    w.wait("it is said", |w| {
        w.sees("4 newer votes since these numbers")
    });
    w.click("Weigh them again");
    w.wait("its numbers", |w| {
        matches!(w.state().annotate.weighed, Weighed::Done(_))
    });
    w.steps(3);
    assert!(!w.sees("newer vote"), "{:?}", w.tree());
    // A judge's are none of people's.
    let of = paretoscope_core::study::JudgeOf {
        endpoint: "http://127.0.0.1:1/v1/chat/completions".to_owned(),
        model: "m".to_owned(),
        instructions: String::new(),
        temperature: 0.0,
        max_tokens: 1,
    };
    let judge = study.judge(&of).expect("a judge");
    let left = study.unjudged(&made, &of, &["humor".to_owned()]);
    let said = paretoscope_core::study::Judgement {
        straight: paretoscope_core::study::Answered::Tie,
        turned: paretoscope_core::study::Answered::Tie,
        took_ms: 1,
    };
    for item in left.expect("items") {
        let kept = study.judge_votes(&judge, &item, "humor", &said);
        kept.expect("a vote");
    }
    w.wait("the judge's", |w| w.sees("J1 4"));
    assert!(!w.sees("newer vote"), "{:?}", w.tree());
}

#[test]
fn a_task_is_built_from_what_the_study_holds_and_says_what_it_would_show() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.open_sheet();
    assert!(w.sees("No pairs yet"));
    assert!(w.sees("Go to the sweep"));
    drop(w);
    drop(swept(&path, 30));
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.open_sheet();
    let counted = |w: &Window<'_>| w.state().annotate.previewed().is_some();
    w.wait("what it asks", counted);
    w.steps(2);
    assert!(w.sees("win rate 0.60 needs 194 decisive votes, win rate 0.55 needs 783"));
    assert!(w.sees("90 items and 3 checks"), "{:?}", w.tree());
    assert!(w.sees("Left out: 0 comparisons with identical texts"));
    assert_eq!(w.state().annotate.form.name, "votes 1");
    // What cannot be asked is said, and not made.
    let wrong = TaskForm {
        design: Design {
            source: Source::Base,
            ..w.state().annotate.form.design.clone()
        },
        ..w.state().annotate.form.clone()
    };
    w.annotate(Annotation::SetForm(Box::new(wrong)));
    w.wait("why not", |w| w.sees("no sweep measured the base model"));
    w.click("Make the task");
    assert!(
        w.state()
            .annotate
            .list
            .as_ref()
            .is_some_and(|l| l.tasks.is_empty())
    );
    let right = TaskForm {
        design: Design {
            source: Source::Preferences,
            how: How::Active,
            items: 20,
            objectives: vec!["humor".into()],
            ..w.state().annotate.form.design.clone()
        },
        ..w.state().annotate.form.clone()
    };
    w.annotate(Annotation::SetForm(Box::new(right)));
    w.wait("what it asks", |w| w.sees("20 items and 1 check;"));
    w.click("Make the task");
    w.wait("the task", |w| w.sees("votes 1 is made: 20 items, 1 check"));
    w.wait("the list", |w| w.sees("Annotate votes 1"));
    w.click("Draw 50 more for votes 1");
    w.wait("more", |w| w.sees("pairs by humor \u{b7} 70 items"));
    let study = Study::peek(&path).expect("readable").expect("a study");
    let made = study.task_named("task", "votes 1").expect("the task");
    let Asks::Home(design) = made.asks else {
        panic!("a task of its own");
    };
    assert_eq!(
        (design.items, design.objectives),
        (20, vec!["humor".to_owned()])
    );
    assert_eq!(w.state().annotate.form.name, "votes 2");
}

#[test]
fn every_control_of_the_sheet_is_named_and_stays_inside() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = swept(&path, 10);
    task(&study, "T", design(20, &["humor"]));
    drop(study);
    for size in [[480.0, 640.0], [760.0, 600.0], [1600.0, 1000.0]] {
        let mut w = window(size, &path, None);
        w.open_sheet();
        w.wait("what it asks", |w| w.state().annotate.previewed().is_some());
        w.steps(2);
        for name in [
            "Annotate T",
            "Results of T",
            "Name of the task",
            "Number of items",
            "Number of people",
            "Prompts that are asked about",
            "What people are told",
            "Make the task",
        ] {
            let rect = w.harness.get_by_label(name).rect();
            assert!(
                rect.left() >= 0.0 && rect.right() <= size[0],
                "{name} {rect:?} {size:?}"
            );
        }
        w.click("Packs");
        for name in [
            "Task that is lent",
            "Whom it is lent to",
            "Choose: Path of the pack",
            "Path of the pack",
            "Choose: Path of what comes back",
            "Path of what comes back",
        ] {
            let rect = w.harness.get_by_label(name).rect();
            assert!(
                rect.left() >= 0.0 && rect.right() <= size[0],
                "{name} {rect:?} {size:?}"
            );
        }
        w.weigh("T");
        assert!(w.sees("has no votes that count yet"));
    }
}
