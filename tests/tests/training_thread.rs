//! Training beside the engine's thread: news, cancel, go on, and a bundle with the result.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_engine::bundle::Manifest;
use paretoscope_engine::protocol::{EngineCommand, EngineEvent, JobId, TroubleKind};
use paretoscope_engine::runtime::{bundle_with, training_runs};
use paretoscope_engine::types::{
    BundleInfo, DpoConfig, DpoJob, Joins, LoraConfig, Method, Mutes, Part, PenaltyConfig,
    PenaltyKind, Point, Preference, Prompt, RowRequest, RunConfig, Sampling, TraceLevel,
    TrainConfig, TrainEnd, TrainJob, TrainNews, TrainTask, WeightedData,
};
use paretoscope_tests::{Fixture, Front, engine};

fn load(front: &Front, path: PathBuf) -> Arc<BundleInfo> {
    let job = front.ask(|job| EngineCommand::LoadBundle { job, path });
    front.wait(|event| match event {
        EngineEvent::Loaded { job: j, bundle } if j == job => Some(bundle),
        EngineEvent::LoadFailed { trouble, .. } => panic!("{}", trouble.message),
        _ => None,
    })
}

fn train(front: &Front, plan: &TrainJob) -> JobId {
    let plan = Arc::new(plan.clone());
    front.ask(|job| EngineCommand::Train { job, plan })
}

/// The steps that are still to come, and the end.
fn end(front: &Front, job: JobId) -> (Vec<usize>, TrainEnd) {
    let mut steps = Vec::new();
    let end = front.wait(|event| match event {
        EngineEvent::Training { job: j, news } if j == job => match news {
            TrainNews::Step(step) => {
                steps.push(step.step);
                None
            }
            TrainNews::Ended(end) => Some(end),
            TrainNews::Saved { .. } | TrainNews::Preparing { .. } => None,
        },
        _ => None,
    });
    (steps, end)
}

fn plan(fixture: &Fixture, name: &str, steps: usize) -> TrainJob {
    let lines: Vec<String> = (0..24)
        .map(|i| {
            format!("{{\"prompt\":\"p{i} \",\"chosen\":\"yes {i}\",\"rejected\":\"no no {i}\"}}")
        })
        .collect();
    fixture.write("pairs.jsonl", lines.join("\n"));
    let mut run = RunConfig {
        seed: 1,
        workers: 1,
        checkpoint_every: 5,
        resume: true,
        ..RunConfig::default()
    };
    run.optimiser.learning_rate = 1e-3;
    let config = DpoConfig {
        train: TrainConfig {
            run,
            steps: Some(steps),
            batch_tokens: 64,
            max_length: 90,
            ..TrainConfig::default()
        },
        method: Method::Lora(LoraConfig::of_rank(2)),
        against: vec![fixture.join("experts/helpful")],
        penalty: PenaltyConfig::of(PenaltyKind::OrthogonalCosine),
        ..DpoConfig::default()
    };
    TrainJob {
        task: TrainTask::Dpo(DpoJob {
            base: fixture.path().to_path_buf(),
            data: WeightedData::alone(fixture.join("pairs.jsonl")),
            skip_bad: false,
            config,
            votes: None,
        }),
        out: fixture.out("training").join(name),
        joins: Some(Joins {
            name: name.to_owned(),
            bundle: fixture.path().to_path_buf(),
            part: Part::Value,
        }),
    }
}

#[test]
fn a_run_is_cancelled_goes_on_and_joins_a_bundle_while_answers_come() {
    let fixture = Fixture::new();
    let front = Front::new();
    load(&front, fixture.path().to_path_buf());
    let plan = plan(&fixture, "mine", 100_000);
    let job = train(&front, &plan);
    // Answers come beside it, and a second run is refused.
    front.wait(|event| {
        let step = |news: &TrainNews| matches!(news, TrainNews::Step(s) if s.step >= 7);
        matches!(&event, EngineEvent::Training { news, .. } if step(news)).then_some(())
    });
    let row = RowRequest {
        prompt: Prompt::Text("The cat".to_owned()),
        point: Point::Preference(Preference::uniform(3)),
        sampling: Sampling {
            max_tokens: 4,
            ..Sampling::default()
        },
        mutes: Mutes::default(),
        trace: TraceLevel::None,
        time: None,
    };
    let answer = front.ask(|job| EngineCommand::Generate {
        job,
        row,
        score: false,
    });
    front.wait(|event| {
        matches!(event, EngineEvent::Finished { job: j, .. } if j == answer).then_some(())
    });
    let second = train(&front, &plan);
    let refused = front.wait(|event| match event {
        EngineEvent::Failed { job: j, trouble } if j == second => Some(trouble.message),
        _ => None,
    });
    assert!(refused.contains("another run is under way"), "{refused}");

    front.tell(EngineCommand::Cancel { job });
    let (_, ended) = end(&front, job);
    assert_eq!(ended, TrainEnd::Cancelled);
    let (found, _) = training_runs(&fixture.out("training"));
    assert_eq!(found.len(), 1);
    let (last, checkpoint) = (found[0].steps.last().expect("steps"), found[0].checkpoint);
    assert_eq!(
        (Some(last.step), &found[0].end),
        (checkpoint, &Some(TrainEnd::Cancelled))
    );
    assert!(last.figures.contains_key("accuracy"));
    assert!(last.figures.keys().any(|name| name.starts_with("cosine.")));
    assert!(
        bundle_with(&plan, fixture.path()).is_err(),
        "there is no result yet"
    );

    // A run of another length is another run: the settings must be as they were.
    let done = checkpoint.expect("a checkpoint");
    let job = train(&front, &plan);
    front.wait(|event| match event {
        EngineEvent::Training {
            job: j,
            news: TrainNews::Step(step),
        } if j == job => {
            assert_eq!(step.step, done + 1, "it goes on where it stopped");
            Some(())
        }
        EngineEvent::Training {
            news: TrainNews::Ended(end),
            ..
        } => panic!("{end:?}"),
        _ => None,
    });
    front.tell(EngineCommand::Cancel { job });
    end(&front, job);

    let plan = self::plan(&fixture, "short", 3);
    let before = fixture.state();
    let job = train(&front, &plan);
    assert_eq!(end(&front, job), (vec![1, 2, 3], TrainEnd::Done));
    let made = bundle_with(&plan, fixture.path()).expect("a bundle");
    let info = load(&front, made.clone());
    // The one-hot experts that stood in for value vectors go on doing so.
    let names: Vec<&str> = info.values.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["helpful", "harmless", "humor", "short"]);
    assert_eq!(fixture.state(), before, "the old bundle is as it was");
    // Once more, upon itself: the same bundle anew.
    assert_eq!(bundle_with(&plan, &made).expect("a bundle"), made);
    front.tell(EngineCommand::Shutdown);
}

#[test]
fn a_run_that_cannot_begin_says_why_and_is_found_as_failed() {
    let fixture = Fixture::new();
    let front = Front::new();
    let plan = plan(&fixture, "mine", 5);
    std::fs::remove_file(fixture.join("pairs.jsonl")).expect("the pairs");
    let job = train(&front, &plan);
    let (_, ended) = end(&front, job);
    let TrainEnd::Failed(trouble) = &ended else {
        panic!("{ended:?}");
    };
    assert!(trouble.message.contains("pairs.jsonl"), "{trouble:?}");
    let TroubleKind::Input { file, .. } = &trouble.kind else {
        panic!("{trouble:?}");
    };
    assert_eq!(file.as_ref(), Some(&fixture.join("pairs.jsonl")));
    assert_eq!(
        training_runs(&fixture.out("training")).0[0].end,
        Some(ended)
    );
}

#[test]
fn closing_the_engine_leaves_a_checkpoint() {
    let fixture = Fixture::new();
    let front = Front::new();
    let plan = plan(&fixture, "mine", 100_000);
    let job = train(&front, &plan);
    front.wait(|event| {
        let step = matches!(&event, EngineEvent::Training { job: j, news: TrainNews::Step(_) } if *j == job);
        step.then_some(())
    });
    front.tell(EngineCommand::Shutdown);
    front.wait(|event| matches!(event, EngineEvent::Stopped { .. }).then_some(()));
    let (found, _) = training_runs(&fixture.out("training"));
    assert!(found[0].checkpoint.is_some());
}

/// What the window began, the command line takes up, to the same bytes as a run in one go.
#[test]
fn a_run_of_the_window_goes_on_from_its_file() {
    let fixture = Fixture::new();
    let front = Front::new();
    let (mine, whole) = (plan(&fixture, "mine", 12), plan(&fixture, "whole", 12));
    let job = train(&front, &mine);
    front.wait(|event| {
        let saved = matches!(&event, EngineEvent::Training { job: j, news: TrainNews::Saved { .. } } if *j == job);
        saved.then_some(())
    });
    front.tell(EngineCommand::Cancel { job });
    end(&front, job);
    let job = train(&front, &whole);
    assert_eq!(end(&front, job).1, TrainEnd::Done);
    front.tell(EngineCommand::Shutdown);
    let file = mine.out.join("run.json").display().to_string();
    let done = engine(["train", "--job", &file]);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let made = |job: &TrainJob| {
        std::fs::read(job.out.join("adapter_model.safetensors")).expect("the result")
    };
    assert!(made(&mine) == made(&whole));
    let (found, refused) = training_runs(&fixture.out("training"));
    let ends: Vec<_> = found.iter().map(|run| run.end.clone()).collect();
    assert_eq!((ends, refused.len()), (vec![Some(TrainEnd::Done); 2], 0));
}

/// A field that is misspelt in a job written by hand would be left at its default without a word.
#[test]
fn an_unknown_field_of_a_job_is_refused_by_name() {
    let fixture = Fixture::new();
    let plan = plan(&fixture, "misspelt", 12);
    for (at, name, nearest) in [
        ("/config", "bta", "beta"),
        ("/config/train", "workrs", "workers"),
        ("", "jons", "joins"),
    ] {
        let mut job = serde_json::to_value(&plan).expect("a job");
        let place = job.pointer_mut(at).and_then(|place| place.as_object_mut());
        place.expect("a place").insert(name.to_owned(), 1.into());
        let file = fixture.out("job.json");
        std::fs::write(&file, job.to_string()).expect("a file");
        let done = engine(["train", "--job", &file.display().to_string()]);
        assert_eq!(done.status, Some(2), "{}", done.stderr);
        assert!(
            done.stderr.contains(name) && done.stderr.contains(nearest),
            "{}",
            done.stderr
        );
    }
}

/// A run of another form of settings is refused in words, by the command line and where runs are looked up.
#[test]
fn a_run_file_of_an_earlier_version_is_refused_in_words() {
    let fixture = Fixture::new();
    let old = r#"{"plan": {"name": "old", "bundle": "b", "folder": "f", "task": {"kind": "reward"}}, "end": "done"}"#;
    let folder = fixture.out("training").join("old");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("run.json"), old).expect("a file");
    let (found, refused) = training_runs(&fixture.out("training"));
    assert!(found.is_empty() && refused.len() == 1);
    let file = folder.join("run.json").display().to_string();
    let done = engine(["train", "--job", &file]);
    assert_eq!(done.status, Some(2), "{}", done.stderr);
    for words in [refused[0].to_string(), done.stderr] {
        assert!(
            words.contains("earlier version") && words.contains("run.json"),
            "{words}"
        );
    }
}

/// Arguments of `bundle add` for a part of the fixture.
fn add(fixture: &Fixture, more: &[&str], out: &str) -> paretoscope_tests::Outcome {
    let bundle = fixture.path().display().to_string();
    let out = fixture.out(out).display().to_string();
    let mut arguments = vec!["bundle", "add", "--bundle", &bundle, "--out", &out];
    arguments.extend(more);
    engine(arguments)
}

#[test]
fn a_part_is_added_to_a_copy_of_the_manifest() {
    let fixture = Fixture::new();
    let expert = fixture.join("experts/humor").display().to_string();
    let router = fixture.join("routers/centre").display().to_string();
    let before = fixture.state();
    let arguments = [
        "--lora",
        &expert,
        "--name",
        "second",
        "--preference",
        "1,1,2",
    ];
    let done = add(&fixture, &arguments, "lora");
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let manifest = Manifest::load(&fixture.out("lora")).expect("a bundle");
    let last = manifest.experts.last().expect("an expert");
    assert_eq!(
        (last.name.as_str(), last.preference.as_slice()),
        ("second", [1.0, 1.0, 2.0].as_slice())
    );
    assert!(manifest.base.is_absolute());
    let check = engine([
        "bundle",
        "check",
        &fixture.out("lora").display().to_string(),
    ]);
    assert_eq!(check.status, Some(0), "{}", check.stderr);

    for (more, problem) in [
        (
            vec![
                "--lora",
                &expert,
                "--name",
                "humor",
                "--preference",
                "1,1,2",
            ],
            "taken",
        ),
        (
            vec!["--lora", &expert, "--name", "x", "--preference", "0,0,1"],
            "humor",
        ),
        (
            vec!["--lora", &expert, "--name", "x", "--preference", "1,1"],
            "2 numbers given",
        ),
        (
            vec!["--router", &expert, "--name", "x", "--preference", "1,1,2"],
            "router_config.json",
        ),
        (
            vec!["--value", &router, "--name", "x"],
            "adapter_config.json",
        ),
        (vec!["--lora", &expert], "--preference"),
        (vec![], "required"),
    ] {
        let refused = add(&fixture, &more, "refused");
        assert_eq!(refused.status, Some(2), "{more:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(problem),
            "{more:?}: {}",
            refused.stderr
        );
        assert!(!fixture.out("refused").exists());
    }
    assert_eq!(fixture.state(), before);
}
