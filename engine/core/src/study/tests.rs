//! What goes in comes out, twice is once, and every kind of bad file is named.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::protocol::{SweepGrid, SweepPlan};
use crate::stats::{Frame, FrameOptions};
use crate::types::{
    BundleIdentity, BundleInfo, Finish, Key, ModelInfo, ObjectiveInfo, Point, Preference, Prompt,
    RowGates, Run, RunStatus, Sampling, Steering, TokenPiece, Weights,
};

fn identity() -> BundleIdentity {
    BundleIdentity {
        numerics: "f32".to_owned(),
        model: "m".to_owned(),
        adapters: vec!["a".to_owned(), "b".to_owned()],
        rewards: Vec::new(),
    }
}

pub(super) fn info(name: &str) -> BundleInfo {
    let objective = |name: &str| ObjectiveInfo {
        name: name.to_owned(),
        reward: None,
        reward_kind: None,
        reading: None,
        sign: 1.0,
    };
    BundleInfo {
        name: name.to_owned(),
        path: "/somewhere".into(),
        identity: identity(),
        model: ModelInfo {
            layers: 2,
            hidden_size: 8,
            vocabulary: 16,
            context: 32,
            parameters: 100,
            dtype: "f32".to_owned(),
            device: "CPU".to_owned(),
            fallback: None,
            digest: "m".to_owned(),
            has_tokenizer: true,
            has_chat_template: true,
        },
        objectives: vec![objective("helpful"), objective("humor")],
        experts: Vec::new(),
        expert_files: Vec::new(),
        values: Vec::new(),
        values_are_experts: false,
        value_adapters: Vec::new(),
        adapters: vec!["helpful".to_owned(), "humor".to_owned()],
        sites: vec!["q".to_owned()],
        prompts: Vec::new(),
        warnings: Vec::new(),
        methods: Vec::new(),
        demonstration: None,
        memory_bytes: 0,
    }
}

pub(super) fn run(prompt: &str, share: f64, text: &str) -> Run {
    let mut run = Run {
        prompt: Prompt::Chat(prompt.to_owned()),
        prompt_tokens: prompt.bytes().map(u32::from).collect(),
        given: None,
        point: Point::Preference(Preference::new(vec![share, 1.0 - share]).unwrap()),
        gates: RowGates {
            adapters: vec![share as f32, 1.0 - share as f32],
            routers: vec![],
            muted: vec![],
        },
        steering: Steering::default(),
        sampling: Sampling::default(),
        text: text.to_owned(),
        tokens: vec![
            TokenPiece {
                id: 300,
                start: 0,
                end: 0,
            },
            TokenPiece {
                id: 7,
                start: 0,
                end: text.len(),
            },
        ],
        finish: Finish::Eos,
        end: Some(2),
        status: RunStatus::Done,
        record: None,
        key: None,
        scores: None,
        first_token_seconds: 0.5,
        seconds: 1.5,
        pace: Vec::new(),
    };
    run.key = Some(key(&run));
    run
}

pub(super) fn key(run: &Run) -> Key {
    Received {
        bundle: &identity(),
        prompt: &run.prompt_tokens,
        gates: &run.gates,
        sampling: &run.sampling,
        plan: None,
        room: 1000,
    }
    .key()
}

pub(super) fn answer(run: &Run, bundle: i64) -> NewAnswer<'_> {
    NewAnswer {
        run,
        mean: run.gates.adapters.clone(),
        bundle,
        interactive: true,
        split: None,
        place: None,
    }
}

pub(super) fn sweep(prompts: &[&str]) -> SweepRecord {
    SweepRecord {
        name: "hoe".to_owned(),
        method: "hoe".to_owned(),
        bundle: info("demo"),
        plan: SweepPlan {
            grid: SweepGrid::Simplex {
                step: 0.5,
                objectives: Vec::new(),
            },
            prompts: prompts
                .iter()
                .map(|p| Prompt::Chat((*p).to_owned()))
                .collect(),
            sampling: Sampling::default(),
            include_base: false,
            splits: Vec::new(),
            groups: Vec::new(),
            store: "somewhere.study".into(),
        },
        rows: 2 * prompts.len(),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "what lists of scorers hold")]
pub(super) fn scorer(objective: &str, digest: &str) -> Option<ScorerRecord> {
    Some(ScorerRecord {
        kind: ScorerKind::Reward,
        objective: objective.to_owned(),
        sign: 1.0,
        digest: digest.to_owned(),
        words: String::new(),
    })
}

#[test]
fn an_answer_comes_back_as_it_was_and_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    assert_eq!(study.bundle(&info("demo")).unwrap(), number);
    assert_ne!(study.bundle(&info("other")).unwrap(), number);
    let mut first = run("hi", 0.25, "héllo");
    first.steering.steered = vec![(4, Point::Weights(Weights::new(vec![0.5]).unwrap()))];
    let ids = study
        .add(&[answer(&first, number), answer(&first, number)])
        .unwrap();
    assert_eq!(ids[0], ids[1], "one key, one answer");
    let back = study.answer(ids[0]).unwrap().unwrap();
    let mut expected = first.clone();
    expected.prompt_tokens = Vec::new();
    assert_eq!(back.run().unwrap(), expected);
    assert_eq!((back.asked, back.mean.clone()), (2, vec![0.25, 0.75]));
    assert_eq!(study.answer_of(&back.uid).unwrap().unwrap(), back);
    assert_eq!(study.by_key(&[key(&first)]).unwrap(), [Some(back)]);
    // Without a key nothing is ever given again.
    let keyless = Run {
        key: None,
        ..first.clone()
    };
    let stopped = answer(&keyless, number);
    let more = study.add(&[stopped.clone(), stopped]).unwrap();
    assert_ne!(more[0], more[1]);
    assert_eq!(study.history(&Filter::default()).unwrap().len(), 3);
    let found = |text: &str| {
        let filter = Filter {
            text: text.to_owned(),
            ..Filter::default()
        };
        study.history(&filter).unwrap().len()
    };
    assert_eq!([found("LLO"), found("h%o"), found("nothing")], [3, 0, 0]);
}

#[test]
fn scores_stand_apart_from_answers_and_first_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    let first = run("hi", 0.25, "hello");
    let id = study.add(&[answer(&first, number)]).unwrap()[0];
    let old = study.scorers(&[scorer("helpful", "1"), None]).unwrap();
    assert_eq!(study.scorers(&[scorer("helpful", "1"), None]).unwrap(), old);
    let new = study
        .scorers(&[scorer("helpful", "2"), scorer("humor", "1")])
        .unwrap();
    let (old_helpful, humor) = (old[0].unwrap(), new[1].unwrap());
    study
        .score(&[(id, old_helpful, 1.5), (id, humor, f64::NEG_INFINITY)])
        .unwrap();
    study.score(&[(id, old_helpful, 9.0)]).unwrap();
    assert_eq!(study.scores(&[id], &old).unwrap()[0].0, [Some(1.5), None]);
    assert_eq!(
        study.scores(&[id], &new).unwrap()[0].0,
        [None, Some(f64::NEG_INFINITY)]
    );
    study.score(&[(id, new[0].unwrap(), f64::NAN)]).unwrap();
    assert!(study.scores(&[id], &new).unwrap()[0].0[0].unwrap().is_nan());
}

#[test]
fn a_sweep_goes_on_at_its_own_time_and_sums_up_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let study = Study::open(&path).unwrap();
    let record = sweep(&["a", "b"]);
    let id = study.sweep(&record, 1000).unwrap();
    let elsewhere = SweepRecord {
        plan: SweepPlan {
            store: "other".into(),
            ..record.plan.clone()
        },
        ..record.clone()
    };
    assert_eq!(study.sweep(&elsewhere, 2000).unwrap(), id);
    assert_eq!(study.sweep_time(&elsewhere).unwrap(), 1000);
    let number = study.bundle(&record.bundle).unwrap();
    let scorers = study.scorers(&[scorer("helpful", "1"), None]).unwrap();
    for (point, share) in [(0, 0.0), (1, 0.5)] {
        for (prompt, words) in ["a", "b"].into_iter().enumerate() {
            if (point, prompt) == (1, 1) {
                continue;
            }
            let run = run(words, share, words);
            let place = Some(Placed {
                sweep: id,
                seed: 0,
                point,
                prompt,
            });
            let ids = study
                .add(&[NewAnswer {
                    place,
                    interactive: false,
                    ..answer(&run, number)
                }])
                .unwrap();
            study
                .score(&[(ids[0], scorers[0].unwrap(), prompt as f64)])
                .unwrap();
        }
    }
    let scores = study.sweep_scores(id, None).unwrap();
    assert_eq!((scores.points.len(), scores.prompts.len()), (2, 2));
    assert_eq!(scores.scorers, scorers);
    assert_eq!(scores.row(0, 1), [Some(1.0), None]);
    let summary = scores.summary(None);
    assert_eq!(summary.len(), 1, "the second point lacks a row");
    assert_eq!((summary[0].index, summary[0].rows), (0, 2));
    assert_eq!(summary[0].scores[0].unwrap().mean, 0.5);
    assert!(scores.summary(Some(crate::types::Split::Test)).is_empty());
    assert!(study.history(&Filter::default()).unwrap().is_empty());
    let state = &study.sweeps().unwrap()[0];
    assert_eq!(
        (state.done, state.rows, state.status.as_str()),
        (3, 4, "running")
    );
    assert_eq!(state.plan.store, path);
}

/// A prompt that is listed twice is asked once and counts twice, in means, their errors and comparisons.
#[test]
fn equal_prompts_count_as_often_as_they_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let record = sweep(&["a", "b", "a"]);
    let id = study.sweep(&record, 1000).unwrap();
    let number = study.bundle(&record.bundle).unwrap();
    let scorers = study.scorers(&[scorer("helpful", "1"), None]).unwrap();
    for (prompt, (words, score)) in [("a", 0.0), ("b", 3.0)].into_iter().enumerate() {
        let run = run(words, 0.5, words);
        let place = Some(Placed {
            sweep: id,
            seed: 0,
            point: 0,
            prompt,
        });
        let new = NewAnswer {
            place,
            interactive: false,
            ..answer(&run, number)
        };
        let ids = study.add(&[new]).unwrap();
        study
            .score(&[(ids[0], scorers[0].unwrap(), score)])
            .unwrap();
    }
    let scores = study.sweep_scores(id, None).unwrap();
    assert_eq!(
        (scores.prompts.len(), &scores.listed[..]),
        (2, &[0, 1, 0][..])
    );
    let summary = &scores.summary(None)[0];
    assert_eq!(
        summary.scores[0].unwrap(),
        crate::types::Summary::of([0.0, 3.0, 0.0])
    );
    assert_eq!(summary.rows, 3);
    let arm = scores.arm(&study.sweeps().unwrap()[0], None);
    assert!(arm.check().is_ok());
    assert_eq!(arm.means(), [[1.0]]);
    let frame = Frame::new(&[arm.clone(), arm], &FrameOptions::default()).unwrap();
    assert_eq!(frame.prompts.len(), 3);
    assert_eq!(frame.means(0), [[[1.0]]]);
}

/// Keys live on disk: this one may change only together with its format's name.
#[test]
fn the_encoding_of_keys_stands() {
    let words = key(&run("hi", 0.25, "")).to_string();
    assert_eq!(
        words,
        "820a7cc665a5d5377d9ef07f4da94cd56a79acfaf2e805d0b0fa33a2f5a69574"
    );
}

#[test]
fn every_ingredient_of_a_key_matters_and_no_other() {
    let base = run("hi", 0.25, "");
    let with = |change: &dyn Fn(&mut Run)| {
        let mut run = base.clone();
        change(&mut run);
        key(&run)
    };
    let hot = |run: &mut Run| run.sampling.temperature = 1.0;
    let keys = [
        key(&base),
        with(&|r| r.prompt_tokens.push(4)),
        with(&|r| r.gates.adapters[0] = 0.3),
        with(&|r| r.gates.routers.push(0.0)),
        with(&|r| r.gates.muted.push(1)),
        with(&hot),
        with(&|r| (hot(r), r.sampling.seed = 1).1),
        with(&|r| (hot(r), r.sampling.top_p = 0.5).1),
        with(&|r| r.sampling.max_tokens = 4),
        with(&|r| r.sampling.stop = vec![String::new()]),
        with(&|r| r.sampling.ignore_eos = true),
    ];
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    assert_eq!(
        key(&base),
        with(&|r| r.sampling.seed = 1),
        "greedy looks at no seed"
    );
    assert_eq!(
        key(&base),
        with(&|r| r.sampling.top_p = 0.5),
        "nor at a nucleus"
    );
    assert_eq!(
        key(&base),
        with(&|r| r.point = Point::Weights(Weights::new(vec![1.0]).unwrap()))
    );
}

fn refusal(path: &Path) -> String {
    Study::open(path).unwrap_err().to_string()
}

#[test]
fn files_that_are_no_study_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(
        at("text.study"),
        "no database at all, but long enough to be looked at twice",
    )
    .unwrap();
    assert!(refusal(&at("text.study")).contains("is not a SQLite database"));
    assert!(refusal(folder.path()).contains("is a folder"));
    assert!(refusal(&at("none/a.study")).contains("does not exist"));
    assert!(refusal(Path::new(":memory:")).contains("is no file's name"));
    let other = rusqlite::Connection::open(at("other.study")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(refusal(&at("other.study")).contains("of another program"));
}

#[test]
fn a_later_version_is_read_where_it_can_be_and_refused_where_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let study = Study::open(&path).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    study
        .add(&[answer(&run("hi", 0.25, "hello"), number)])
        .unwrap();
    drop(study);
    let later = |writer: usize, reader: usize| {
        let file = rusqlite::Connection::open(&path).unwrap();
        file.execute_batch(&format!(
            "PRAGMA user_version = 9; UPDATE meta SET value = '{writer}' WHERE name = 'min_writer';
             UPDATE meta SET value = '{reader}' WHERE name = 'min_reader'; "
        ))
        .unwrap();
    };
    later(9, 1);
    let study = Study::open(&path).unwrap();
    assert!(matches!(study.access(), Access::Read(why) if why.contains("version 9")));
    assert_eq!(study.history(&Filter::default()).unwrap().len(), 1);
    let refused = study.bundle(&info("new")).unwrap_err().to_string();
    assert!(refused.contains("can only be read"), "{refused}");
    drop(study);
    later(9, 9);
    assert!(refusal(&path).contains("use a newer program"));
    later(1, 1);
    assert_eq!(Study::open(&path).unwrap().access(), &Access::Write);
}

#[test]
fn peeking_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    assert!(Study::peek(&path).unwrap().is_none());
    assert!(!path.exists());
    drop(Study::open(&path).unwrap());
    let before: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    let study = Study::peek(&path).unwrap().unwrap();
    assert!(study.history(&Filter::default()).unwrap().is_empty());
    assert!(study.bundle(&info("demo")).is_err());
    drop(study);
    let after: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(before, after);
}

#[test]
fn a_store_of_rows_becomes_a_study_and_its_copy_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("row_store.sql")).unwrap();
    drop(old);
    let study = Study::open(&path).unwrap();
    let sweeps = study.sweeps().unwrap();
    assert_eq!(sweeps.len(), 1);
    let scores = study.sweep_scores(sweeps[0].id, None).unwrap();
    assert_eq!((scores.points.len(), scores.prompts.len()), (1, 2));
    assert_eq!(scores.row(0, 0), [Some(1.5), Some(f64::INFINITY)]);
    assert_eq!(scores.row(0, 1), [None, None], "not scored yet");
    let mut texts = Vec::new();
    study
        .each_answer(|a| {
            assert_eq!(a.key, None, "none is given again");
            texts.push(a.text);
            Ok(())
        })
        .unwrap();
    assert_eq!(texts, ["one", "two"]);
    drop(study);
    let copy = rusqlite::Connection::open(folder.path().join("run.db.v2.bak")).unwrap();
    let rows: i64 = copy
        .query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 2);
    assert_eq!(Study::open(&path).unwrap().sweeps().unwrap().len(), 1);
}

proptest! {
    #[test]
    fn tokens_come_back(pieces in prop::collection::vec((any::<u32>(), 0_usize..9, 0_usize..9), 0..40)) {
        let mut start = 0;
        let tokens: Vec<TokenPiece> = pieces.iter().map(|&(id, step, length)| {
            start += step;
            TokenPiece { id, start, end: start + length }
        }).collect();
        let (ids, spans) = super::encode::tokens(&tokens);
        let length = tokens.iter().map(|t| t.end).max().unwrap_or(0);
        prop_assert_eq!(super::encode::from_tokens(&ids, &spans, length), Some(tokens));
    }

    #[test]
    fn a_point_that_is_read_back_is_the_same_point(shares in prop::collection::vec(0.0_f64..9.0, 1..20)) {
        prop_assume!(shares.iter().any(|share| *share > 0.0));
        let point = Point::Preference(Preference::new(shares).unwrap());
        let back: Point = serde_json::from_str(&serde_json::to_string(&point).unwrap()).unwrap();
        prop_assert_eq!(Uid::point(&back), Uid::point(&point));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _read = super::encode::from_wholes(&bytes);
        let _read = super::encode::from_gates(&bytes);
        let _read = super::encode::from_tokens(&bytes, &bytes, 100);
    }

    #[test]
    fn gates_come_back(adapters in prop::collection::vec(any::<f32>().prop_filter("number", |v| !v.is_nan()), 0..6),
                       routers in prop::collection::vec(0.0_f32..1.0, 0..4), muted in prop::collection::vec(0_usize..300, 0..3)) {
        let gates = RowGates { adapters, routers, muted };
        prop_assert_eq!(super::encode::from_gates(&super::encode::gates(&gates)), Some(gates));
    }
}
