//! Mute and solo, where extrapolation starts, and runs found on disk.

use paretoscope_core::protocol::Trouble;
use paretoscope_core::types::{
    Channel, DpoConfig, Joins, Part, PenaltyConfig, PenaltyKind, Split, Strength, TrainEnd,
    TrainJob, TrainMethod, TrainRun, TrainTask, USUAL,
};

use super::super::training::runs_found;
use super::*;
use crate::state::{Overlay, TrainForm, TrainPhase};

fn values() -> BundleInfo {
    let file = |name: &str| paretoscope_core::types::AdapterInfo {
        name: name.into(),
        path: name.into(),
        rank: 4,
        matched: 1,
        modules: 1,
        bytes: 1,
        digest: String::new(),
        effect: None,
    };
    BundleInfo {
        values: ["c", "extra", "a"].map(file).to_vec(),
        value_adapters: vec![2, 3, 0],
        adapters: ["a", "b", "c", "extra"].map(str::to_owned).to_vec(),
        ..bundle()
    }
}

fn loaded_with(info: BundleInfo) -> AppState {
    let mut state = loaded();
    let mut effects = Vec::new();
    command(
        &mut state,
        AppCommand::LoadBundle("/c".into()),
        &mut effects,
    );
    let job = state.bundle.loading.as_ref().expect("loading").job;
    let bundle = Arc::new(info);
    tell(&mut state, EngineEvent::Loaded { job, bundle });
    state
}

#[test]
fn a_button_steers_the_running_row_and_a_second_press_undoes_it() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let effects = go(&mut state, [AppCommand::ToggleMute(Channel::Adapter(1))]);
    let [Effect::Send(EngineCommand::Steer { job, point, mutes })] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(state.mute_words().as_deref(), Some("muted: b"));
    let steered = EngineEvent::Steered {
        job: *job,
        at_token: 5,
        point: point.clone(),
        mutes: mutes.clone(),
    };
    tell(&mut state, steered);
    let run = state.session.current().unwrap();
    assert_eq!(run.steering.mutes, [(5, mutes.clone())]);
    assert!(run.steering.steered.is_empty(), "the point stayed");
    assert!(run.heading.is_none());
    assert_eq!(run.mute_words().as_deref(), Some("muted: b"));
    assert!(run.mutes_at(4).is_empty() && !run.mutes_at(5).is_empty());
    go(&mut state, [AppCommand::ToggleMute(Channel::Adapter(1))]);
    assert!(state.mutes.is_empty());
}

#[test]
fn an_answer_begun_with_a_solo_says_so_and_brings_it_back_when_it_is_looked_at() {
    let mut state = loaded();
    go(&mut state, [AppCommand::SetGenerate(GenerateWhen::Manual)]);
    go(
        &mut state,
        [
            AppCommand::ToggleSolo(Channel::Adapter(0)),
            AppCommand::Generate,
        ],
    );
    let (job, run) = run_of(&state, "text", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    let soloed = state.session.current.expect("a run");
    go(&mut state, [AppCommand::ClearMutes, AppCommand::Generate]);
    assert!(state.session.current().unwrap().steering.mutes.is_empty());
    go(&mut state, [AppCommand::SelectRun(soloed)]);
    assert_eq!(state.mute_words().as_deref(), Some("solo: a"));
    // A channel that the bundle does not have is no channel.
    go(&mut state, [AppCommand::ToggleMute(Channel::Router(7))]);
    assert_eq!(state.mute_words().as_deref(), Some("solo: a"));
}

#[test]
fn extrapolation_starts_where_the_preference_is_and_stays_where_it_was_put() {
    let mut state = loaded_with(values());
    let at = Point::Preference(Preference::new(vec![0.5, 0.2, 0.3]).unwrap());
    go(&mut state, [AppCommand::Move(at, Gesture::Moving)]);
    go(&mut state, [AppCommand::SetMode(Mode::Extrapolate)]);
    assert_eq!(
        state.simplex.weights,
        [0.3, 0.0, 0.5],
        "by name, in any order"
    );
    let zero = Point::Weights(Weights::zero(3));
    go(&mut state, [AppCommand::Move(zero, Gesture::Moving)]);
    go(
        &mut state,
        [
            AppCommand::SetMode(Mode::Interpolate),
            AppCommand::SetMode(Mode::Extrapolate),
        ],
    );
    assert_eq!(state.simplex.weights, [0.0, 0.0, 0.0]);
}

fn found(name: &str, end: Option<TrainEnd>) -> TrainRun {
    TrainRun {
        plan: TrainJob {
            task: TrainForm::usual(TrainMethod::Reward),
            out: PathBuf::from("/runs").join(name),
            joins: Some(Joins {
                name: name.into(),
                bundle: "/b".into(),
                part: Part::Reward("a".into()),
            }),
        },
        steps: Vec::new(),
        checkpoint: Some(20),
        end,
    }
}

#[test]
fn runs_found_on_disk_stand_where_they_were_left_and_a_killed_one_goes_on() {
    let mut state = loaded();
    let runs = vec![
        found("killed", None),
        found("over", Some(TrainEnd::Done)),
        found("broken", Some(TrainEnd::Failed(Trouble::system("no room")))),
    ];
    let trouble = Trouble::input("old: not read");
    runs_found(&mut state, runs.clone(), vec![trouble.clone()]);
    assert_eq!(state.training.refused, [trouble]);
    let phases: Vec<TrainPhase> = state
        .training
        .runs
        .iter()
        .map(|r| r.phase.clone())
        .collect();
    let broken = TrainPhase::Failed(Trouble::system("no room"));
    assert_eq!(phases, [TrainPhase::Killed, TrainPhase::Done, broken]);
    let effects = go(
        &mut state,
        [AppCommand::ResumeTraining("/runs/killed".into())],
    );
    assert!(matches!(
        &effects[..],
        [Effect::Send(EngineCommand::Train { plan, .. })] if plan.name() == "killed"
    ));
    // While it runs, what is on disk knows less than the window.
    runs_found(&mut state, runs, Vec::new());
    assert_eq!(
        state.training.active().map(|r| r.plan.name()),
        Some("killed")
    );
    assert_eq!(state.training.runs.len(), 3);
    tell(&mut state, EngineEvent::Stopped { panic: None });
    assert!(state.training.active().is_none());
}

#[test]
fn made_up_names_follow_the_kind_and_given_ones_stay() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Show(Overlay::Training)]);
    assert_eq!(state.training.form.name, "value-1");
    let kind = |state: &AppState, kind| TrainForm {
        kind,
        ..state.training.form.clone()
    };
    let form = kind(&state, TrainMethod::Sft);
    go(&mut state, [AppCommand::SetTraining(Box::new(form))]);
    assert_eq!(state.training.form.name, "sft-1");
    let form = TrainForm {
        name: "mine".into(),
        ..kind(&state, TrainMethod::Dpo)
    };
    go(&mut state, [AppCommand::SetTraining(Box::new(form))]);
    assert_eq!(state.training.form.name, "mine");
}

/// Learning rates and strengths of different kinds cannot be compared, and what a person wrote is theirs.
#[test]
fn numbers_that_nobody_touched_follow_the_kind_and_the_penalty() {
    let mut state = loaded();
    let change = |state: &mut AppState, change: &dyn Fn(&mut TrainForm)| {
        let mut form = state.training.form.clone();
        change(&mut form);
        go(state, [AppCommand::SetTraining(Box::new(form))]);
        state.training.form.clone()
    };
    let penalty = |form: &TrainForm| match &form.task {
        TrainTask::Dpo(job) => job.config.penalty.clone(),
        other => panic!("{other:?}"),
    };
    let set = |form: &mut TrainForm, kind: PenaltyKind| {
        if let TrainTask::Dpo(job) = &mut form.task {
            job.config.penalty.kind = kind;
        }
    };
    let form = change(&mut state, &|_| ());
    assert_eq!(penalty(&form), PenaltyConfig::of(USUAL.penalty));
    let form = change(&mut state, &|form| set(form, PenaltyKind::OrthogonalOlora));
    assert_eq!(penalty(&form).alpha, Strength::Alpha(0.5));
    change(&mut state, &|form| {
        if let TrainTask::Dpo(job) = &mut form.task {
            job.config.penalty.alpha = Strength::Alpha(3.0);
        }
    });
    let form = change(&mut state, &|form| set(form, PenaltyKind::HsicRows));
    assert_eq!(penalty(&form).alpha, Strength::Alpha(3.0));
    let form = change(&mut state, &|form| form.kind = TrainMethod::Router);
    let run = form.task.run();
    assert_eq!(
        (run.optimiser.learning_rate, run.checkpoint_every),
        (1e-3, USUAL.checkpoint_batches)
    );
    change(&mut state, &|form| {
        let run = form.task.run_mut();
        (run.optimiser.learning_rate, run.seed) = (2e-4, 7);
    });
    let form = change(&mut state, &|form| form.kind = TrainMethod::Sft);
    let run = form.task.run();
    assert_eq!((run.optimiser.learning_rate, run.seed), (2e-4, 7));
    assert_eq!(run.checkpoint_every, USUAL.checkpoint_every);
    // A kind that was left is found as it was.
    let form = change(&mut state, &|form| form.kind = TrainMethod::Value);
    assert_eq!(penalty(&form).alpha, Strength::Alpha(3.0));
}

/// What the window begins with is what the command line and recipes do.
#[test]
fn the_form_begins_with_the_table() {
    let TrainTask::Dpo(job) = TrainForm::default().task else {
        panic!("another kind");
    };
    let mut config = DpoConfig {
        penalty: PenaltyConfig::of(USUAL.penalty),
        ..DpoConfig::default()
    };
    // What the window has of its own.
    config.train.run.resume = true;
    config.train.run.workers = job.config.train.run.workers;
    assert_eq!(job.config, config);
    for kind in TrainMethod::ALL {
        let expected = match kind {
            TrainMethod::Value
            | TrainMethod::Dpo
            | TrainMethod::Sft
            | TrainMethod::Ppo
            | TrainMethod::Aligner
            | TrainMethod::MetaAligner => 1e-4,
            TrainMethod::Reward => 1e-5,
            TrainMethod::Router => 1e-3,
            TrainMethod::Loramoe => 2e-4,
            TrainMethod::Ric => 1.414e-4,
            TrainMethod::Modpo | TrainMethod::Arm | TrainMethod::Parm => 5e-4,
        };
        let rate = TrainForm::usual(kind).run().optimiser.learning_rate;
        assert_eq!(rate, expected, "{kind:?}");
    }
}

/// What a policy learnt on measures nothing.
#[test]
fn a_sweep_leaves_out_the_prompts_that_a_policy_was_trained_on() {
    let mut info = bundle();
    for split in [Split::Validation, Split::Test] {
        let mut other = info.prompts[0].clone();
        other.prompt = Prompt::Text(split.name().into());
        other.split = split;
        info.prompts.push(other);
    }
    let mut state = loaded_with(info);
    let prompts = |state: &mut AppState| {
        let form = state.prefs.sweep.clone();
        go(state, [AppCommand::SetSweep(form)]);
        let cost = state.sweep.cost.clone();
        cost.map(|cost| cost.map(|cost| cost.prompts))
    };
    assert_eq!(prompts(&mut state), Some(Ok(3)));
    let mut run = found("policy", Some(TrainEnd::Done));
    run.plan.task = TrainForm::usual(TrainMethod::Ppo);
    if let Some(joins) = &mut run.plan.joins {
        joins.bundle = state.info().unwrap().path.clone();
    }
    runs_found(&mut state, vec![run], Vec::new());
    assert_eq!(prompts(&mut state), Some(Ok(2)));
}
