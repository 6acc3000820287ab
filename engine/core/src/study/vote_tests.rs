//! What votes say, train, and are to other programs.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::annotation_setup::{at_task, ballots, by_rule, design, second, swept, task, vote_on};
use super::*;
use crate::annotate::{
    Design, How, Picked, Question, Source, active, blocks, from_label_studio, to_label_studio,
};
use crate::stats::{Draws, read_votes, summarise};
use crate::types::Split;

fn lines(judged: &Judged) -> String {
    let line = |vote| serde_json::to_string(vote).unwrap() + "\n";
    judged.votes.iter().map(line).collect()
}

#[test]
fn statistics_are_those_of_the_exported_lines() {
    let (_folder, study, task) = at_task(
        60,
        Design {
            annotators: 2,
            overlap: 0.5,
            items: 120,
            ..design()
        },
    );
    for alias in ["A1", "A2"] {
        vote_on(&study, &study.sit(&task, alias).unwrap(), 200);
    }
    let few = Draws { draws: 50, seed: 0 };
    let go = &mut |_| ControlFlow::Continue(());
    let stats = study.task_stats(&task, few, go).unwrap().unwrap();
    let judged = study.judged(&task).unwrap();
    assert!(judged.checks > 0 && judged.skipped == 0);
    let read = read_votes(&lines(&judged)).unwrap();
    for summary in summarise(&read, few, go).unwrap() {
        let Said::Pairs(said) = &stats.objectives[&summary.objective] else {
            panic!("pairs")
        };
        assert_eq!(said.summary, summary);
        assert!(summary.annotators == 2 && summary.self_consistency.n > 0);
        let accuracy = summary.reward_accuracy.unwrap();
        assert!(
            accuracy.n == summary.n && accuracy.low > 0.75,
            "{accuracy:?}"
        );
        assert_eq!(said.rewards_tau, Some(1.0));
        assert!(summary.percent.unwrap() > 0.6);
    }
    let front = stats.task.human_front.as_ref().unwrap();
    assert_eq!(front.len(), 3);
    let ends = [&front["1,0"], &front["0,1"]];
    assert!(
        ends.iter()
            .all(|end| end.on_front > 0.9 && end.on_reward_front == Some(true))
    );
    assert_eq!(stats.task.votes_needed["0.60"], 194);
    assert_eq!(stats.task.readers.len(), 2);
    let reader = &stats.task.readers[0];
    assert!(
        reader.hasty == 0 && reader.checks.n > 0 && reader.looks > 60,
        "{reader:?}"
    );
    let json = serde_json::to_value(&stats).unwrap();
    assert!(
        json["humor"]["davidson"]["theta"]["0.5,0.5"].is_number(),
        "{json}"
    );
    assert_eq!(json["humor"]["first_shown"]["n"], json["humor"]["decisive"]);
}

#[test]
fn hasty_looks_and_failed_checks_are_told_and_stay() {
    let (_folder, study, task) = at_task(
        60,
        Design {
            gold: 0.2,
            ..design()
        },
    );
    let sitting = study.sit(&task, "A1").unwrap();
    for place in study.left(&sitting).unwrap() {
        let all = ballots(&sitting, |_| Picked::Left);
        let looked = Looked {
            active_ms: if place < 4 { 100 } else { 5000 },
            early: place == 9,
        };
        study.cast(&sitting, place, &all, looked).unwrap();
    }
    let judged = study.judged(&task).unwrap();
    let reader = &judged.readers[0];
    assert_eq!((reader.hasty, reader.early), (4, 2));
    assert!(
        reader.checks.n == 24 && reader.checks.wins < 20,
        "{:?}",
        reader.checks
    );
    assert_eq!(
        reader.repeats.wins, 0,
        "left, and left again with sides swapped"
    );
    assert_eq!(
        judged.votes.len() + judged.checks,
        2 * study.progress(&sitting).unwrap().of
    );
}

#[test]
fn pairs_are_the_majority_s_and_leave_ties_checks_and_the_test_split_out() {
    let (_folder, study, task) = at_task(
        30,
        Design {
            overlap: 1.0,
            annotators: 3,
            ..design()
        },
    );
    let sittings = ["A1", "A2", "A3"].map(|alias| study.sit(&task, alias).unwrap());
    for sitting in &sittings[..2] {
        for place in study.left(sitting).unwrap() {
            let shown = study.show(sitting, place).unwrap();
            let all = ballots(sitting, |objective| by_rule(&shown, objective));
            study.cast(sitting, place, &all, Looked::default()).unwrap();
        }
    }
    // The third says the opposite on ten, which is two to one; on five of them the second says it is a tie after all.
    for place in 0..10 {
        let shown = study.show(&sittings[2], place).unwrap();
        let all = ballots(&sittings[2], |o| by_rule(&shown, o).turned(&[1, 0]));
        study
            .cast(&sittings[2], place, &all, Looked::default())
            .unwrap();
    }
    for place in 0..5 {
        let all = ballots(&sittings[1], |_| Picked::Tie);
        study
            .cast(&sittings[1], place, &all, Looked::default())
            .unwrap();
    }
    let asked = PairsAsked {
        objective: Some("humor".to_owned()),
        ..PairsAsked::default()
    };
    let pairs = study.pairs(&task, &asked).unwrap();
    assert!(
        pairs.ties > 0 && pairs.ties <= 5 && pairs.test > 5 && pairs.checks == 2,
        "{pairs:?}"
    );
    assert_eq!(pairs.lines.len() + pairs.ties + pairs.test, 60);
    for line in &pairs.lines {
        let said = |side: &str| line[side].as_str().unwrap().to_owned();
        assert!(said("chosen") > said("rejected"), "the funnier one: {line}");
        assert!(line["chat"].is_string() && line["meta"]["split"] != "test");
        assert!(line["meta"]["chosen"]["digest"].as_str().unwrap().len() == 64);
        assert!(line["meta"]["votes"].as_array().unwrap().len() >= 2);
    }
    assert_eq!(pairs.votes.len(), 64);
    let validation = PairsAsked {
        split: Some(Split::Validation),
        ..asked.clone()
    };
    let some = study.pairs(&task, &validation).unwrap();
    assert!(some.rows > 0 && some.rows < pairs.rows && some.votes != pairs.votes);
    let test = PairsAsked {
        split: Some(Split::Test),
        ..asked
    };
    assert!(
        study
            .pairs(&task, &test)
            .unwrap_err()
            .to_string()
            .contains("never trains")
    );
}

#[test]
fn votes_go_to_label_studio_and_back() {
    let (folder, study, made) = at_task(30, design());
    let copy = folder.path().join("copy.study");
    study.copy_to(&copy).unwrap();
    let sitting = study.sit(&made, "A1").unwrap();
    vote_on(&study, &sitting, 30);
    let skip = ballots(&sitting, |_| Picked::Skip);
    study.cast(&sitting, 30, &skip, Looked::default()).unwrap();
    let json = to_label_studio(&study.foreign_pairs(&made, true).unwrap()).to_string();
    let pairs = from_label_studio(&json).unwrap();
    let again = study.import_votes(&pairs, "x").unwrap();
    assert_eq!(
        (again.votes, again.known, again.by_name),
        (0, 62, pairs.len())
    );
    let other = Study::open(&copy).unwrap();
    let taken = other.import_votes(&pairs, "x").unwrap();
    assert_eq!((taken.votes, taken.skipped), (62, 2));
    let there = other.task_named("task", "T").unwrap();
    assert_eq!(
        lines(&other.judged(&there).unwrap()),
        lines(&study.judged(&made).unwrap())
    );
    assert_eq!(
        other
            .progress(&other.sit(&there, "A1").unwrap())
            .unwrap()
            .saved,
        31
    );

    // Elsewhere the texts are unknown, and become answers; taken in twice they are there once.
    let stranger = Study::open(&folder.path().join("b.study")).unwrap();
    let taken = stranger.import_votes(&pairs, "x").unwrap();
    assert_eq!(
        (taken.new_items, taken.by_name + taken.by_text),
        (pairs.len(), 0)
    );
    assert!(taken.new_answers > 60 && taken.votes == 62);
    let again = stranger.import_votes(&pairs, "x").unwrap();
    assert_eq!(
        (
            again.new_items,
            again.new_answers,
            again.votes,
            again.by_text
        ),
        (0, 0, 0, pairs.len())
    );
    let imported = stranger.task_named("task", "x").unwrap();
    let judged = stranger.judged(&imported).unwrap();
    assert!(
        judged
            .votes
            .iter()
            .all(|vote| vote.left == "left" || vote.left == "right")
    );
    stranger
        .each_answer(|answer| {
            assert!(answer.key.is_none() && answer.point.is_none());
            Ok(())
        })
        .unwrap();
    let mut more = pairs
        .iter()
        .find(|pair| !pair.votes.is_empty())
        .unwrap()
        .clone();
    more.item = None;
    more.texts.reverse();
    more.votes.truncate(1);
    more.votes[0].uid = None;
    more.votes[0].person = "label studio 7".to_owned();
    more.votes[0].order = None;
    more.votes[0].picked = Picked::Left;
    let taken = study
        .import_votes(std::slice::from_ref(&more), "x")
        .unwrap();
    assert_eq!((taken.by_text, taken.votes), (1, 1));
    let last = study.live_votes(&made).unwrap().pop().unwrap();
    assert_eq!(
        last.picked.turned(&last.shown.order),
        Picked::Right,
        "the texts stood the other way round"
    );
    more.votes[0].objective = "colour".to_owned();
    let taken = study
        .import_votes(std::slice::from_ref(&more), "x")
        .unwrap();
    assert_eq!(taken.not_asked["colour"], 1);
    more.texts[0] = "never seen".to_owned();
    let refused = study.import_votes(&[more], "T").unwrap_err().to_string();
    assert!(
        refused.contains("1 pairs are not in this study"),
        "{refused}"
    );
}

#[test]
fn exported_lines_come_back_as_the_votes_they_were() {
    let (folder, study, made) = at_task(
        60,
        Design {
            gold: 0.0,
            ..design()
        },
    );
    let copy = folder.path().join("copy.study");
    study.copy_to(&copy).unwrap();
    vote_on(&study, &study.sit(&made, "A1").unwrap(), 100);
    let text = lines(&study.judged(&made).unwrap());
    let other = Study::open(&copy).unwrap();
    let pairs = other.pairs_of_votes(&read_votes(&text).unwrap()).unwrap();
    other.import_votes(&pairs, "x").unwrap();
    let there = other.task_named("task", "T").unwrap();
    let sorted = |study: &Study, task: &TaskState| {
        let text = lines(&study.judged(task).unwrap());
        let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(sorted(&other, &there), sorted(&study, &made));
    let wrong = text.replacen("\"item\":\"", "\"item\":\"00", 1);
    let refused = other
        .pairs_of_votes(&read_votes(&wrong).unwrap())
        .unwrap_err();
    assert!(
        refused.to_string().contains("vote 1: no item 00"),
        "{refused}"
    );
}

#[test]
fn other_sources_and_questions_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 30);
    let front = task(
        &study,
        "front",
        Design {
            source: Source::Front,
            ..design()
        },
    );
    let named: BTreeSet<Vec<String>> = study
        .item_rows(&front)
        .unwrap()
        .into_iter()
        .filter(|row| row.wrong.is_none())
        .map(|row| row.names)
        .collect();
    assert_eq!(named.len(), 2, "{named:?}");
    let sweeps = study.sweeps().unwrap();
    let base = study.pool(
        &Design {
            source: Source::Base,
            ..design()
        },
        &sweeps,
    );
    assert!(base.unwrap_err().to_string().contains("sweep with --base"));
    let across = study.pool(
        &Design {
            source: Source::Across,
            ..design()
        },
        &sweeps,
    );
    assert!(
        across
            .unwrap_err()
            .to_string()
            .contains("1 given; two sweeps are needed")
    );
    let rated = task(
        &study,
        "rated",
        Design {
            question: Question::Rating,
            items: 40,
            ..design()
        },
    );
    let sitting = study.sit(&rated, "A1").unwrap();
    for place in study.left(&sitting).unwrap() {
        let shown = study.show(&sitting, place).unwrap();
        let rating = if shown.sides[0].starts_with("Anna") {
            5
        } else {
            2
        };
        let all = ballots(&sitting, |_| Picked::Rating(rating));
        study
            .cast(&sitting, place, &all, Looked::default())
            .unwrap();
    }
    let few = Draws { draws: 10, seed: 0 };
    let go = &mut |_| ControlFlow::Continue(());
    let stats = study.task_stats(&rated, few, go).unwrap().unwrap();
    let Said::Ratings(said) = &stats.objectives["helpful"] else {
        panic!("ratings")
    };
    assert_eq!((said.n, said.means["1,0"].0), (40, 5.0));
    let design = Design {
        question: Question::Ranking,
        ranked: 3,
        items: 24,
        ..design()
    };
    let ranked = task(&study, "ranked", design);
    let sitting = study.sit(&ranked, "A1").unwrap();
    for place in study.left(&sitting).unwrap() {
        let shown = study.show(&sitting, place).unwrap();
        let mut order: Vec<usize> = (0..3).collect();
        order.sort_by_key(|&side| &shown.sides[side]);
        order.rotate_left(usize::from(place % 4 == 0));
        let all = ballots(&sitting, |_| Picked::Order(order.clone()));
        study
            .cast(&sitting, place, &all, Looked::default())
            .unwrap();
    }
    let stats = study.task_stats(&ranked, few, go).unwrap().unwrap();
    let Said::Rankings(said) = &stats.objectives["helpful"] else {
        panic!("rankings")
    };
    let theta = said.theta.as_ref().unwrap();
    assert!(theta["1,0"] > theta["0.5,0.5"] && said.n == 24, "{said:?}");
    assert!(said.rewards_tau.unwrap() > 0.3);
}

#[test]
fn sweeps_meet_each_other_and_the_base_model() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 10);
    let first = study.sweeps().unwrap().remove(0);
    let second = second(&study);
    let pool = |source, sweeps: &[SweepState]| {
        let design = Design { source, ..design() };
        study.pool(&design, sweeps).unwrap()
    };
    let across = pool(Source::Across, &[first.clone(), second.clone()]);
    assert_eq!(across.contenders, ["hoe", "other"]);
    assert_eq!(across.cases.len(), 30, "three points that both have");
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let drawing = blocks(&across, 100, 0, &mut random);
    assert_eq!((drawing.items.len(), drawing.identical), (29, 1));
    let base = pool(Source::Base, std::slice::from_ref(&second));
    assert_eq!(base.contenders, ["1,0", "0.5,0.5", "0,1", "base"]);
    assert_eq!(base.groups, [[0, 3], [1, 3], [2, 3]]);
    let both = pool(Source::Preferences, &[first, second]);
    assert_eq!(
        both.contenders[..4],
        ["hoe 1,0", "hoe 0.5,0.5", "hoe 0,1", "other 1,0"]
    );
    assert_eq!((both.cases.len(), both.groups.len()), (10, 21));
}

#[test]
fn texts_that_name_an_objective_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 5);
    let sql = "UPDATE generation SET text = 'As the humor expert I say so' WHERE id = 1";
    study.connection.execute_batch(sql).unwrap();
    let sweeps = study.sweeps().unwrap();
    let pool = study.pool(&design(), &sweeps).unwrap();
    let drawing = blocks(&pool, 100, 0, &mut ChaCha8Rng::seed_from_u64(0));
    let found = built(&pool, &drawing, &telling_names(&sweeps), 0, 0);
    assert_eq!((found.items.len(), found.told), (15, 2));
}

#[test]
fn an_active_task_goes_on_from_its_votes() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 60);
    let design = Design {
        how: How::Active,
        items: 60,
        gold: 0.0,
        ..design()
    };
    let made = task(&study, "T", design);
    let sitting = study.sit(&made, "A1").unwrap();
    vote_on(&study, &sitting, 63);
    let Asks::Home(design) = &made.asks else {
        panic!("a design")
    };
    let sweeps = study.sweeps_of(&design.sweeps).unwrap();
    let pool = study.pool(design, &sweeps).unwrap();
    let taken = study.taken(&made, &pool).unwrap();
    assert_eq!((taken.groups.len(), taken.next), (60, 1));
    let votes = study.duels(&made, &pool).unwrap();
    assert_eq!(votes.len(), 2);
    assert!(votes[0].iter().all(|duel| (duel.weight - 3.0).abs() < 1e-9));
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let drawing = active(&pool, 20, &taken.groups, &votes, &mut random);
    let names = telling_names(&sweeps);
    study
        .add_items(&made, &built(&pool, &drawing, &names, taken.next, 0).items)
        .unwrap();
    let after = study.sit(&made, "A1").unwrap();
    let progress = study.progress(&after).unwrap();
    assert_eq!((progress.saved, progress.next), (63, Some(63)));
    assert_eq!(after.queue()[..63], *sitting.queue());
    let asked: BTreeSet<(String, Vec<String>)> = study
        .item_rows(&made)
        .unwrap()
        .into_iter()
        .map(|row| (row.asked, row.names))
        .collect();
    assert_eq!(asked.len(), 80, "nothing is asked twice");
}
