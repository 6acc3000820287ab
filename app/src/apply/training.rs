//! Training: the form, the runs, and their results.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use paretoscope_core::protocol::{EngineCommand, JobId, Trouble};
use paretoscope_core::types::{TrainEnd, TrainJob, TrainNews, TrainRun, say_settings};

use super::{Effect, bundle, notify};
use crate::command::AppCommand;
use crate::state::{AppState, NoticeKind, Owner, TrainEntry, TrainForm, TrainPhase};
use crate::tasks::Wanted;

/// Carries out what a person does in the sheet; gives anything else back.
pub(super) fn command(
    state: &mut AppState,
    command: AppCommand,
    effects: &mut Vec<Effect>,
) -> Option<AppCommand> {
    match command {
        AppCommand::SetTraining(form) => set_form(state, *form, effects),
        AppCommand::ChooseExamples => effects.push(Effect::Pick(Wanted::Examples)),
        AppCommand::StartTraining => start(state, effects),
        AppCommand::CancelTraining => cancel(state, effects),
        AppCommand::ResumeTraining(folder) => resume(state, &folder, effects),
        AppCommand::SelectTraining(folder) => state.training.selected = Some(folder),
        AppCommand::LoadTraining(folder) => load(state, &folder, effects),
        other => return Some(other),
    }
    None
}

/// Changes the form.
fn set_form(state: &mut AppState, form: TrainForm, effects: &mut Vec<Effect>) {
    let objectives = state.info().map_or(0, |info| info.objectives.len());
    let training = &mut state.training;
    let (old, kind) = (training.free_name(), training.form.kind);
    let before = std::mem::replace(&mut training.form, form);
    let form = &mut training.form;
    form.follow(&before);
    form.preference.resize(objectives, 0.0);
    if form.data != before.data {
        form.data_missing = false;
        if !form.data.as_os_str().is_empty() {
            effects.push(Effect::LookFor(form.data.clone()));
        }
    }
    // A name that was made up follows the kind.
    if kind != form.kind && (form.name == old || form.name.is_empty()) {
        training.form.name = training.free_name();
    }
}

/// The sheet opens: names and places that nobody gave yet are made up, and runs are looked up.
pub(super) fn open(state: &mut AppState, effects: &mut Vec<Effect>) {
    let form = state.training.form.clone();
    set_form(state, form, effects);
    if state.training.form.name.is_empty() {
        state.training.form.name = state.training.free_name();
    }
    let form = &mut state.training.form;
    if form.preference.iter().all(|&share| share == 0.0) {
        // Three digits are enough to begin with, and can be read.
        let short = |share: &f64| (share * 1e3).round() / 1e3;
        form.preference = state.simplex.preference.iter().map(short).collect();
    }
    effects.push(Effect::Send(EngineCommand::FindRuns {
        folder: state.training.folder.clone(),
    }));
}

/// A file of examples was chosen.
pub(super) fn data_chosen(state: &mut AppState, path: PathBuf, effects: &mut Vec<Effect>) {
    let form = TrainForm {
        data: path,
        ..state.training.form.clone()
    };
    set_form(state, form, effects);
}

/// Whether a file of examples is there.
pub(super) fn looked_for(state: &mut AppState, path: &Path, found: bool) {
    let form = &mut state.training.form;
    if form.data == path {
        form.data_missing = !found;
    }
}

/// Runs on disk, and why others could not be read; those that the window knows better stay as they are.
pub(super) fn runs_found(state: &mut AppState, found: Vec<TrainRun>, refused: Vec<Trouble>) {
    let training = &mut state.training;
    training.scanned = true;
    training.refused = refused;
    let mut runs: Vec<TrainEntry> = training
        .runs
        .iter()
        .filter(|run| run.phase.is_active())
        .cloned()
        .collect();
    for run in found {
        if runs.iter().all(|known| known.plan.out != run.plan.out) {
            runs.push(TrainEntry::found(run));
        }
    }
    training.runs = runs;
    if training.selected().is_none() {
        training.selected = training.runs.first().map(|run| run.plan.out.clone());
    }
    let taken = |name: &str| training.runs.iter().any(|run| run.plan.name() == name);
    if taken(&training.form.name) {
        training.form.name = training.free_name();
    }
}

/// Starts what the form asks for.
pub(super) fn start(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(info) = state.info() else { return };
    let plan = state.training.form.plan(info, &state.training.folder);
    let entry = TrainEntry {
        plan: Arc::new(plan),
        phase: TrainPhase::Starting,
        steps: Vec::new(),
        checkpoint: None,
        job: None,
    };
    state.training.runs.insert(0, entry);
    begin(state, 0, effects);
    state.training.form.name = state.training.free_name();
}

/// Goes on with a run from its newest checkpoint, or from its start where there is none.
pub(super) fn resume(state: &mut AppState, folder: &Path, effects: &mut Vec<Effect>) {
    let place = |run: &TrainEntry| run.plan.out == folder && !run.phase.is_active();
    if let Some(index) = state.training.runs.iter().position(place) {
        begin(state, index, effects);
    }
}

fn begin(state: &mut AppState, index: usize, effects: &mut Vec<Effect>) {
    let job = state.jobs.begin(Owner::Training);
    let Some(run) = state.training.runs.get_mut(index) else {
        return;
    };
    run.phase = TrainPhase::Starting;
    run.job = Some(job);
    // What came after the checkpoint comes again.
    let kept = run.checkpoint.unwrap_or(0);
    run.steps.retain(|step| step.step <= kept);
    let plan = Arc::clone(&run.plan);
    state.training.selected = Some(plan.out.clone());
    effects.push(Effect::Send(EngineCommand::Train { job, plan }));
}

/// Asks the active run for a checkpoint and its end.
pub(super) fn cancel(state: &mut AppState, effects: &mut Vec<Effect>) {
    let active = state
        .training
        .runs
        .iter_mut()
        .find(|run| run.phase.is_active());
    if let Some(run) = active
        && let Some(job) = run.job
    {
        run.phase = TrainPhase::Stopping;
        effects.push(Effect::Send(EngineCommand::Cancel { job }));
    }
}

/// What the engine says of a run.
pub(super) fn news(state: &mut AppState, job: JobId, news: TrainNews) {
    let Some(run) = state
        .training
        .runs
        .iter_mut()
        .find(|run| run.job == Some(job))
    else {
        return;
    };
    let stopping = run.phase == TrainPhase::Stopping;
    match news {
        TrainNews::Preparing { what, done, total } => {
            if !stopping {
                run.phase = TrainPhase::Preparing { what, done, total };
            }
        }
        TrainNews::Step(step) => {
            if !stopping {
                run.phase = TrainPhase::Running;
            }
            run.steps.push(step);
        }
        TrainNews::Saved { step } => run.checkpoint = Some(step),
        TrainNews::Ended(end) => {
            run.job = None;
            let name = run.plan.name().to_owned();
            let (phase, kind, words) = match end {
                TrainEnd::Done => (
                    TrainPhase::Done,
                    NoticeKind::Info,
                    format!("Training of {name} finished: load its result in the training sheet"),
                ),
                TrainEnd::Cancelled => (
                    TrainPhase::Cancelled,
                    NoticeKind::Info,
                    format!("Training of {name} stopped; it can go on from its checkpoint"),
                ),
                TrainEnd::Failed(trouble) => {
                    let trouble = in_form_words(&trouble);
                    let words = format!("Training of {name} failed: {}", trouble.message);
                    (TrainPhase::Failed(trouble), NoticeKind::Error, words)
                }
            };
            run.phase = phase;
            notify(state, kind, words);
        }
    }
}

/// A run could not be started.
pub(super) fn failed(state: &mut AppState, job: JobId, trouble: Trouble) {
    let run = state
        .training
        .runs
        .iter_mut()
        .find(|run| run.job == Some(job));
    if let Some(run) = run {
        run.job = None;
        run.phase = TrainPhase::Failed(in_form_words(&trouble));
    }
}

/// Settings by the titles of their fields in the form.
fn in_form_words(trouble: &Trouble) -> Trouble {
    let title = |setting: &str| {
        let title = match setting {
            "against" => "Apart from",
            "alpha" => "Alpha",
            "alpha_ratio" => "Ratio",
            "batch" => "Answers per batch",
            "batch_tokens" => "Tokens per step",
            "batches" => "Batches",
            "beta" => "Beta",
            "center" => "Centring",
            "checkpoint_every" => "Checkpoint every",
            "data" => "Examples",
            "epochs" => "Epochs",
            "learning_rate" => "Learning rate",
            "lora" => "Rank",
            "max_length" => "Longest example",
            "max_tokens" => "Tokens per answer",
            "penalty" => "By",
            "skip_bad" => "Unusable lines: skip and count",
            "workers" => "Threads",
            _ => return None,
        };
        Some(format!("\u{201C}{title}\u{201D}"))
    };
    Trouble {
        kind: trouble.kind.clone(),
        message: say_settings(&trouble.message, title),
    }
}

/// The engine is gone, and its training with it.
pub(super) fn stopped(state: &mut AppState) {
    for run in &mut state.training.runs {
        if run.phase.is_active() {
            run.job = None;
            run.phase = TrainPhase::Killed;
        }
    }
}

/// Makes a bundle that has a run's result as well.
pub(super) fn load(state: &mut AppState, folder: &Path, effects: &mut Vec<Effect>) {
    let Some(plan) = state.training.run(folder).map(|run| Arc::clone(&run.plan)) else {
        return;
    };
    if state.training.loading.insert(folder.to_path_buf()) {
        state.training.trouble = None;
        let in_use = state.info().map(|info| info.path.clone());
        let own = || plan.bundle().map(Path::to_path_buf).unwrap_or_default();
        let onto = in_use.unwrap_or_else(own);
        effects.push(Effect::Send(EngineCommand::BundleWith { plan, onto }));
    }
}

/// That bundle is there, or not.
pub(super) fn bundle_made(
    state: &mut AppState,
    plan: &TrainJob,
    made: Result<PathBuf, Trouble>,
    effects: &mut Vec<Effect>,
) {
    state.training.loading.remove(&plan.out);
    match made {
        Ok(path) => bundle::load(state, &path, effects),
        Err(trouble) => state.training.trouble = Some((plan.out.clone(), trouble)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_said_by_the_titles_of_their_fields() {
        let said = |words: &str| in_form_words(&Trouble::input(words)).message;
        assert_eq!(
            said("learning_rate: is 0; it must be above 0"),
            "\u{201C}Learning rate\u{201D}: is 0; it must be above 0"
        );
        assert_eq!(
            said("a.jsonl, line 2: `chosen` is empty; mend it, or leave it out with `skip_bad`"),
            "a.jsonl, line 2: `chosen` is empty; mend it, or leave it out with \
             \u{201C}Unusable lines: skip and count\u{201D}"
        );
    }
}
