//! The contract between a window and an engine, held by both engines: the real one on the demonstration bundle, and the
//! scripted one that the window's tests play. The same commands go to both; what they say must be of the same kinds, in
//! the same order, with the same fields filled, and consistent in itself.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

#[path = "../../app/tests/scripted/mod.rs"]
mod scripted;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use paretoscope_core::protocol::{
    EngineCommand, EngineEvent, EngineHandle, JobId, SweepGrid, SweepPhase, SweepPlan,
};
use paretoscope_core::types::{
    BundleInfo, Channel, Compared, DpoConfig, DpoJob, ExpertKind, Finish, LoraConfig, Measure,
    Method, Mutes, Point, Preference, Prompt, RowRequest, Run, RunConfig, RunStatus, Sampling,
    TraceLevel, TrainConfig, TrainJob, TrainNews, TrainTask, WeightedData,
};
use paretoscope_engine::runtime::{EngineOptions, spawn};
use scripted::Scripted;

/// Far beyond what any step takes; reached only when an event never comes.
const PATIENCE: Duration = Duration::from_mins(2);
const JOB: JobId = JobId(7);

/// An engine behind its handle; the scripted one has to be stepped.
struct Side {
    name: &'static str,
    handle: EngineHandle,
    script: Option<Scripted>,
    bundle: Option<Arc<BundleInfo>>,
}

impl Side {
    /// Both engines, before anything is loaded.
    fn both() -> [Self; 2] {
        let real = spawn(EngineOptions::default(), Arc::new(|| {})).expect("a thread");
        let (script, played) = Scripted::new(scripted::bundle::info());
        let side = |name, handle, script| Self {
            name,
            handle,
            script,
            bundle: None,
        };
        [
            side("real", real, None),
            side("scripted", played, Some(script)),
        ]
    }

    /// Both engines with the demonstration bundle loaded.
    fn loaded() -> [Self; 2] {
        let mut sides = Self::both();
        agree(&mut sides, &[load()], |e| {
            matches!(e, EngineEvent::Loaded { .. })
        });
        sides
    }

    /// Gives all commands at once, and hears what comes up to the last event.
    fn play(
        &mut self,
        commands: &[EngineCommand],
        is_last: fn(&EngineEvent) -> bool,
    ) -> Vec<EngineEvent> {
        for command in commands {
            self.handle
                .commands
                .send(command.clone())
                .expect("the engine listens");
        }
        let mut heard = Vec::new();
        loop {
            let event = self.next();
            let last = is_last(&event);
            heard.push(event);
            if last {
                break;
            }
        }
        for event in &heard {
            if let EngineEvent::Loaded { bundle, .. } = event {
                self.bundle = Some(Arc::clone(bundle));
            }
        }
        heard
    }

    fn next(&mut self) -> EngineEvent {
        let event = match &mut self.script {
            None => self.handle.events.recv_timeout(PATIENCE).ok(),
            // A step may say nothing, but not for ever.
            Some(script) => (0..1_000).find_map(|_| {
                self.handle.events.try_recv().ok().or_else(|| {
                    script.step();
                    None
                })
            }),
        };
        event.unwrap_or_else(|| panic!("the {} engine says nothing more", self.name))
    }
}

fn load() -> EngineCommand {
    EngineCommand::LoadBundle {
        job: JobId(1),
        path: demo(),
    }
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo")
}

/// Gives both engines the same commands: what they say must be sound, and of one shape.
fn agree(
    sides: &mut [Side; 2],
    commands: &[EngineCommand],
    is_last: fn(&EngineEvent) -> bool,
) -> [Vec<EngineEvent>; 2] {
    let heard = sides.each_mut().map(|side| {
        let heard = side.play(commands, is_last);
        check(side, commands, &heard);
        heard
    });
    let [real, scripted] = heard.each_ref().map(|heard| shape(heard));
    assert_eq!(
        scripted, real,
        "the scripted engine (left) and the real one tell different stories"
    );
    heard
}

/// The kinds of events in order, with what is filled in them. What may be coalesced counts once; progress between the
/// points of a sweep counts by its phases.
fn shape(events: &[EngineEvent]) -> Vec<String> {
    let mut shapes: Vec<String> = events.iter().filter_map(shape_of).collect();
    shapes.dedup();
    shapes
}

fn shape_of(event: &EngineEvent) -> Option<String> {
    Some(match event {
        EngineEvent::Ready { fallback, .. } => format!("Ready, fallback: {}", fallback.is_some()),
        EngineEvent::Loading { job, .. } => format!("Loading {job:?}"),
        EngineEvent::Loaded { job, .. } => format!("Loaded {job:?}"),
        EngineEvent::LoadFailed { job, path, trouble } => {
            format!(
                "LoadFailed {job:?}, {}, input: {}",
                path.display(),
                trouble.is_input()
            )
        }
        EngineEvent::Reading { job, .. } => format!("Reading {job:?}"),
        EngineEvent::Started { job, .. } => format!("Started {job:?}"),
        EngineEvent::Tokens { job, news } => {
            format!("Tokens {job:?}, gates: {}", !news.gates.is_empty())
        }
        EngineEvent::Steered {
            job,
            at_token,
            point,
            mutes,
        } => {
            format!("Steered {job:?} at {at_token}, {point:?}, {mutes:?}")
        }
        EngineEvent::Finished { job, run } => format!(
            "Finished {job:?}: {:?}, {:?}, steered {:?}, mutes {:?}, given {}, record {}, scores {}",
            run.finish,
            run.status,
            run.steering.steered,
            run.steering.mutes,
            run.given.is_some(),
            run.record.is_some(),
            run.scores.is_some(),
        ),
        EngineEvent::Scored { job, scores } => format!("Scored {job:?}: {} scores", scores.0.len()),
        EngineEvent::Previewed { job, .. } => format!("Previewed {job:?}"),
        EngineEvent::SweepPoint { job, .. } => format!("SweepPoint {job:?}"),
        EngineEvent::Sweep { job, progress } => match progress.phase {
            SweepPhase::Running | SweepPhase::Yielding => return None,
            phase => format!("Sweep {job:?}: {phase:?}"),
        },
        EngineEvent::Recalled { job, index, runs } => {
            format!("Recalled {job:?}: {} runs of point {index}", runs.len())
        }
        EngineEvent::Retraced { job, .. } => format!("Retraced {job:?}"),
        EngineEvent::Comparing { .. } => return None,
        EngineEvent::Compared { job, found } => {
            format!(
                "Compared {job:?}: {:?}, {:?}",
                found.compared, found.measure
            )
        }
        EngineEvent::PromptsRead { path, read } => {
            format!("PromptsRead {}: {}", path.display(), read.is_ok())
        }
        EngineEvent::Training { job, news } => match news {
            TrainNews::Preparing { .. } => format!("Preparing {job:?}"),
            TrainNews::Step(_) => format!("Step {job:?}"),
            TrainNews::Saved { step } => format!("Saved {job:?} at {step}"),
            TrainNews::Ended(end) => format!("Ended {job:?}: {end:?}"),
        },
        EngineEvent::BundleMade { plan, made } => match made {
            Ok(path) => format!("BundleMade {}: {}", plan.name(), path.display()),
            Err(trouble) => {
                let input = trouble.is_input();
                format!("BundleMade {}, input: {input}", plan.name())
            }
        },
        EngineEvent::Failed { job, trouble } => {
            format!("Failed {job:?}, input: {}", trouble.is_input())
        }
        EngineEvent::Stopped { panic } => format!("Stopped, panic: {}", panic.is_some()),
        other => format!("{other:?}"),
    })
}

/// What every event must be in itself, whoever says it.
fn check(side: &Side, commands: &[EngineCommand], events: &[EngineEvent]) {
    let bundle = side.bundle.as_deref();
    let of_bundle = || bundle.expect("a bundle is loaded");
    let (mut text, mut tokens, mut prompt_tokens) = (String::new(), Vec::new(), None);
    let (mut seen, mut last, mut step) = (BTreeSet::new(), None, 0);
    for event in events {
        match event {
            EngineEvent::Ready { device, .. } => assert!(!device.is_empty()),
            EngineEvent::Loading { fraction, .. } => assert!((0.0..=1.0).contains(fraction)),
            EngineEvent::Loaded { bundle, .. } => check_bundle(bundle),
            EngineEvent::LoadFailed { trouble, .. } | EngineEvent::Failed { trouble, .. } => {
                assert!(!trouble.message.is_empty() && !trouble.message.contains('\n'));
            }
            EngineEvent::Reading { read, tokens, .. } => assert!(read <= tokens),
            EngineEvent::Started {
                prompt_tokens: n, ..
            } => prompt_tokens = Some(*n),
            EngineEvent::Tokens { news, .. } => {
                assert_eq!(news.first, tokens.len(), "{}: tokens in order", side.name);
                let stride = of_bundle().sites.len() * of_bundle().adapters.len();
                assert!([0, news.tokens.len() * stride].contains(&news.gates.len()));
                text.push_str(&news.text);
                tokens.extend(news.tokens.iter().cloned());
                assert_eq!(tokens.last().map(|t| t.end), Some(text.len()));
            }
            EngineEvent::Finished { run, .. } => {
                check_run(side.name, of_bundle(), run);
                // A row that is stopped in time never starts.
                let told = prompt_tokens.unwrap_or(run.prompt_tokens.len());
                assert_eq!(run.prompt_tokens.len(), told, "{}", side.name);
                assert!(run.text.starts_with(&text) && run.tokens.starts_with(&tokens));
                assert_eq!(
                    run.text.len(),
                    text.len(),
                    "{}: no news were lost",
                    side.name
                );
            }
            EngineEvent::Scored { scores, .. } => {
                assert_eq!(scores.0.len(), of_bundle().objectives.len());
            }
            EngineEvent::Previewed { given, context, .. } => {
                assert_eq!(*context, of_bundle().model.context);
                assert!(!given.text.is_empty() && !given.tokens.is_empty());
            }
            EngineEvent::SweepPoint { result, .. } => {
                assert!(
                    seen.insert(result.index),
                    "{}: a point came twice",
                    side.name
                );
                assert_eq!(result.scores.len(), of_bundle().objectives.len());
                let plan = plan_of(commands);
                assert_eq!(result.rows, plan.prompts.len());
                assert!(
                    result
                        .scores
                        .iter()
                        .flatten()
                        .all(|s| s.n + s.non_finite == result.rows)
                );
            }
            EngineEvent::Sweep { progress, .. } => {
                let prompts = plan_of(commands).prompts.len();
                assert_eq!(progress.rows, progress.points * prompts);
                assert!(
                    progress.points_done <= progress.points && progress.rows_done <= progress.rows
                );
                last = Some(progress.clone());
            }
            EngineEvent::Training { news, .. } => check_training(side.name, news, &mut step),
            EngineEvent::BundleMade { made, .. } => {
                assert!(made.as_ref().err().is_none_or(|t| !t.message.is_empty()));
            }
            EngineEvent::Held { held, .. } => {
                assert!(held.points_done <= held.points && held.rows_done <= held.rows);
            }
            EngineEvent::Compared { found, .. } => {
                let n = found.names.len();
                assert!(n > 1 && found.pairs.len() == n * (n - 1) / 2);
                let layers = of_bundle().model.layers;
                assert!(found.pairs.iter().all(|pair| pair.layers.len() == layers));
            }
            EngineEvent::Recalled { runs, .. } => {
                for (run, prompt) in runs.iter().zip(&plan_of(commands).prompts) {
                    check_run(side.name, of_bundle(), run);
                    assert_eq!(&run.prompt, prompt, "{}: in order of prompts", side.name);
                    assert!(run.scores.is_some(), "{}", side.name);
                }
            }
            _ => {}
        }
    }
    if let Some(progress) = last.filter(|p| p.phase == SweepPhase::Finished) {
        assert_eq!(
            (progress.points_done, progress.rows_done),
            (progress.points, progress.rows)
        );
        assert_eq!(
            seen.len(),
            progress.points,
            "{}: every point came",
            side.name
        );
    }
}

fn check_training(side: &str, news: &TrainNews, last: &mut usize) {
    match news {
        TrainNews::Preparing { what, done, total } => {
            assert!(!what.is_empty() && done <= total, "{side}");
        }
        TrainNews::Step(step) => {
            assert!(*last < step.step && step.step <= step.steps, "{side}");
            assert!(step.loss.is_finite() && step.figures.keys().all(|name| !name.is_empty()));
            *last = step.step;
        }
        TrainNews::Saved { step } => assert_eq!(step, last, "{side}: what was trained is saved"),
        TrainNews::Ended(_) => {}
    }
}

fn check_bundle(info: &BundleInfo) {
    assert_eq!(info.path, demo());
    let names: Vec<&str> = info.experts.iter().map(|e| e.name.as_str()).collect();
    let files: Vec<&str> = info.expert_files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, files, "a file for each expert, in order");
    let loras = info.experts.iter().filter(|e| e.kind == ExpertKind::Lora);
    let loras: Vec<&str> = loras.map(|e| e.name.as_str()).collect();
    assert_eq!(
        info.adapters[..loras.len()],
        loras,
        "LoRA experts come first"
    );
    assert!(!info.sites.is_empty() && !info.prompts.is_empty() && info.memory_bytes > 0);
    assert_eq!(info.value_adapters.len(), info.values.len());
    assert!(info.value_adapters.iter().all(|a| *a < info.adapters.len()));
    for objective in &info.objectives {
        assert!(objective.reward.is_some() == objective.reward_kind.is_some());
        assert!(objective.reading.is_some());
    }
    let hexadecimal =
        |digest: &str| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(hexadecimal(&info.model.digest));
    assert!(
        info.expert_files
            .iter()
            .all(|file| hexadecimal(&file.digest))
    );
    assert!(info.demonstration.is_some());
}

fn check_run(side: &str, bundle: &BundleInfo, run: &Run) {
    let routers = bundle
        .experts
        .iter()
        .filter(|e| e.kind == ExpertKind::Router);
    assert_eq!(run.gates.adapters.len(), bundle.adapters.len(), "{side}");
    assert_eq!(run.gates.routers.len(), routers.count(), "{side}");
    assert_eq!(
        run.given.as_ref().map(|g| g.ids()).as_ref(),
        Some(&run.prompt_tokens),
        "{side}"
    );
    assert_eq!(
        run.tokens.last().map_or(0, |t| t.end),
        run.text.len(),
        "{side}"
    );
    assert!(run.tokens.len() <= run.sampling.max_tokens, "{side}");
    assert_eq!(
        run.status == RunStatus::Stopped,
        run.finish == Finish::Cancelled,
        "{side}"
    );
    if let Some(record) = &run.record {
        assert_eq!(record.tokens(), run.tokens.len(), "{side}");
        assert_eq!(
            (&*record.sites, &*record.adapters),
            (&bundle.sites, &bundle.adapters),
            "{side}"
        );
    }
}

fn plan_of(commands: &[EngineCommand]) -> &SweepPlan {
    let plan = commands.iter().find_map(|command| match command {
        EngineCommand::Sweep { plan, .. } => Some(plan),
        EngineCommand::Recall { plan, .. } => Some(&**plan),
        _ => None,
    });
    plan.expect("a command with a plan")
}

fn at(values: [f64; 3]) -> Point {
    Point::Preference(Preference::new(values.to_vec()).expect("a preference"))
}

/// Sixteen tokens at the centre.
fn generate(trace: TraceLevel, mutes: Mutes, score: bool) -> EngineCommand {
    let sampling = Sampling {
        max_tokens: 16,
        ignore_eos: true,
        ..Sampling::default()
    };
    let row = RowRequest {
        prompt: Prompt::Chat("How do I fix a leaking kitchen tap?".to_owned()),
        point: at([1.0, 1.0, 1.0]),
        mutes,
        sampling,
        trace,
        time: Some(0),
    };
    EngineCommand::Generate {
        job: JOB,
        row,
        score,
    }
}

fn plan(folder: &Path) -> SweepPlan {
    let prompts = ["How do I dry wet shoes?", "What can I do with old bread?"];
    SweepPlan {
        grid: SweepGrid::Simplex {
            step: 0.5,
            objectives: Vec::new(),
        },
        prompts: prompts
            .iter()
            .map(|text| Prompt::Chat((*text).to_owned()))
            .collect(),
        sampling: Sampling {
            max_tokens: 12,
            ..Sampling::default()
        },
        splits: Vec::new(),
        groups: Vec::new(),
        include_base: true,
        store: folder.join("run.db"),
    }
}

fn finished(event: &EngineEvent) -> bool {
    matches!(event, EngineEvent::Finished { .. })
}

fn sweep_ended(event: &EngineEvent) -> bool {
    matches!(event, EngineEvent::Sweep { progress, .. }
        if matches!(progress.phase, SweepPhase::Finished | SweepPhase::Cancelled))
}

#[test]
fn loading_failing_to_load_and_ending() {
    let mut sides = Side::loaded();
    let bad = EngineCommand::LoadBundle {
        job: JobId(2),
        path: "/bundles/bad".into(),
    };
    let failed = |e: &EngineEvent| matches!(e, EngineEvent::LoadFailed { .. });
    agree(&mut sides, &[bad], failed);
    agree(&mut sides, &[EngineCommand::Shutdown], |e| {
        matches!(e, EngineEvent::Stopped { .. })
    });
}

#[test]
fn an_answer_with_its_routing_and_scores() {
    let mut sides = Side::loaded();
    let scored = |e: &EngineEvent| matches!(e, EngineEvent::Scored { .. });
    let command = generate(TraceLevel::Full, Mutes::default(), true);
    let heard = agree(&mut sides, &[command], scored);
    let bare = generate(TraceLevel::None, Mutes::default(), false);
    agree(&mut sides, &[bare], finished);
    let score = EngineCommand::Score {
        job: JOB,
        prompt: Prompt::Chat("How do I boil an egg?".to_owned()),
        response: "Eight minutes.".to_owned(),
    };
    agree(&mut sides, &[score], scored);
    // Each engine's own answer, its routing taken away and found again.
    for (side, events) in sides.iter_mut().zip(heard) {
        let run = events.iter().find_map(|event| match event {
            EngineEvent::Finished { run, .. } => Some(run),
            _ => None,
        });
        let run = run.expect("an answer");
        let bare = Arc::new(Run {
            record: None,
            ..(**run).clone()
        });
        let retrace = EngineCommand::Retrace {
            job: JOB,
            run: bare,
        };
        let told = |e: &EngineEvent| {
            matches!(e, EngineEvent::Retraced { .. } | EngineEvent::Failed { .. })
        };
        let events = side.play(&[retrace], told);
        let Some(EngineEvent::Retraced { record, .. }) = events.last() else {
            panic!("the {} engine: {events:?}", side.name);
        };
        assert_eq!(Some(record), run.record.as_ref(), "{}", side.name);
    }
}

#[test]
fn experts_compared_and_prompts_read() {
    let mut sides = Side::loaded();
    let compare = EngineCommand::Compare {
        job: JOB,
        compared: Compared::Experts,
        measure: Measure::Cosine,
    };
    agree(&mut sides, &[compare], |e| {
        matches!(e, EngineEvent::Compared { .. })
    });
    let read = EngineCommand::ReadPrompts {
        path: demo().join("prompts.jsonl"),
    };
    agree(&mut sides, &[read], |e| {
        matches!(e, EngineEvent::PromptsRead { .. })
    });
}

#[test]
fn an_answer_is_steered_and_stopped() {
    // What comes while a bundle is loaded waits for it and is then taken in one go: no race with the first token.
    let waiting = |commands: &[EngineCommand]| {
        let all = [&[load()], commands].concat();
        agree(&mut Side::both(), &all, finished);
    };
    let mut muted = Mutes::default();
    muted.toggle_mute(Channel::Adapter(1));
    let steer = |point: Point, mutes: &Mutes| EngineCommand::Steer {
        job: JOB,
        point,
        mutes: mutes.clone(),
    };
    let moved = [
        generate(TraceLevel::Full, Mutes::default(), false),
        steer(at([0.0, 1.0, 0.0]), &Mutes::default()),
        steer(at([0.0, 1.0, 0.0]), &muted),
    ];
    waiting(&moved);
    // Silenced from the start; a change back to the same place leaves no mark.
    let silent = [
        generate(TraceLevel::None, muted.clone(), false),
        steer(at([1.0, 1.0, 1.0]), &muted),
    ];
    waiting(&silent);
    let stopped = [
        generate(TraceLevel::Full, Mutes::default(), false),
        EngineCommand::Cancel { job: JOB },
    ];
    waiting(&stopped);
}

#[test]
fn a_sweep_and_its_answers() {
    let mut sides = Side::loaded();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = plan(folder.path());
    let sweep = EngineCommand::Sweep {
        job: JOB,
        plan: plan.clone(),
    };
    agree(&mut sides, std::slice::from_ref(&sweep), sweep_ended);
    let recall = EngineCommand::Recall {
        job: JobId(8),
        plan: Arc::new(plan),
        index: 2,
    };
    agree(&mut sides, &[recall], |e| {
        matches!(e, EngineEvent::Recalled { .. })
    });
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let paused = [
        EngineCommand::Sweep {
            job: JOB,
            plan: self::plan(elsewhere.path()),
        },
        EngineCommand::Pause { job: JOB },
        EngineCommand::Cancel { job: JOB },
    ];
    agree(&mut sides, &paused, sweep_ended);
}

#[test]
fn a_sweep_is_paused_and_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Taken in one go, as they wait for the bundle.
    let commands = [
        load(),
        EngineCommand::Sweep {
            job: JOB,
            plan: plan(folder.path()),
        },
        EngineCommand::Pause { job: JOB },
        EngineCommand::Resume { job: JOB },
    ];
    agree(&mut Side::both(), &commands, sweep_ended);
}

#[test]
fn what_a_new_store_holds_and_what_an_empty_folder_has() {
    let mut sides = Side::loaded();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let count = EngineCommand::CountHeld {
        job: JOB,
        plan: Arc::new(plan(folder.path())),
    };
    // Numbers and all: shapes of these events are the events.
    agree(&mut sides, &[count], |e| {
        matches!(e, EngineEvent::Held { .. })
    });
    let find = EngineCommand::FindRuns {
        folder: folder.path().to_path_buf(),
    };
    agree(&mut sides, &[find], |e| {
        matches!(e, EngineEvent::RunsFound { .. })
    });
}

/// A run of as many steps as the scripted engine takes, with a checkpoint every ten.
fn training(folder: &Path) -> TrainJob {
    let lines: Vec<String> = (0..16)
        .map(|i| format!("{{\"prompt\":\"p{i} \",\"chosen\":\"yes\",\"rejected\":\"no\"}}\n"))
        .collect();
    let pairs = folder.join("pairs.jsonl");
    std::fs::write(&pairs, lines.concat()).expect("a writable folder");
    let config = DpoConfig {
        train: TrainConfig {
            run: RunConfig {
                workers: 1,
                checkpoint_every: 10,
                resume: true,
                ..RunConfig::default()
            },
            steps: Some(scripted::TRAIN_STEPS),
            batch_tokens: 64,
            ..TrainConfig::default()
        },
        method: Method::Lora(LoraConfig::of_rank(1)),
        ..DpoConfig::default()
    };
    TrainJob {
        task: TrainTask::Dpo(DpoJob {
            base: demo(),
            data: WeightedData::alone(pairs),
            skip_bad: false,
            config,
        }),
        out: folder.join("mine"),
        joins: None,
    }
}

#[test]
fn a_training_run_and_a_result_that_is_not_there() {
    let mut sides = Side::loaded();
    // A folder each: two engines do not write one run.
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let ended = |e: &EngineEvent| {
        matches!(
            e,
            EngineEvent::Training {
                news: TrainNews::Ended(_),
                ..
            }
        ) || matches!(e, EngineEvent::Failed { .. })
    };
    let mut told = Vec::new();
    for (side, folder) in sides.iter_mut().zip(&folders) {
        let plan = Arc::new(training(folder.path()));
        let commands = [EngineCommand::Train { job: JOB, plan }];
        let heard = side.play(&commands, ended);
        check(side, &commands, &heard);
        told.push(shape(&heard));
    }
    assert_eq!(
        told[1], told[0],
        "the scripted engine (left) and the real one"
    );
    let nowhere = tempfile::tempdir().expect("a temporary folder");
    let bundle = EngineCommand::BundleWith {
        plan: Arc::new(training(nowhere.path())),
        onto: demo(),
    };
    agree(&mut sides, &[bundle], |e| {
        matches!(e, EngineEvent::BundleMade { .. })
    });
}

#[test]
fn what_a_model_is_given() {
    let mut sides = Side::loaded();
    let preview = |prompt| EngineCommand::Preview { job: JOB, prompt };
    let previewed = |e: &EngineEvent| {
        matches!(
            e,
            EngineEvent::Previewed { .. } | EngineEvent::Failed { .. }
        )
    };
    agree(
        &mut sides,
        &[preview(Prompt::Chat("Hello".to_owned()))],
        previewed,
    );
    agree(
        &mut sides,
        &[preview(Prompt::Tokens(vec![u32::MAX]))],
        previewed,
    );
}
