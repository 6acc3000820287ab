//! Sweeps: what they cost, start to end, and back from a dot to its texts.

use std::sync::Arc;

use paretoscope_core::method::Method;
use paretoscope_core::points::points as all_points;
use paretoscope_core::protocol::{EngineCommand, JobId, SweepGrid, SweepPhase, SweepPlan, Trouble};
use paretoscope_core::types::{
    BundleInfo, GateRecord, Prompt, PromptSample, Run, RunStatus, Sampling, Split,
};

use super::{Effect, points};
use crate::registry::sweep_off;
use crate::state::{
    AppState, EnginePhase, Origin, Owner, PromptSource, RunEntry, RunPhase, Shelved, SweepCost,
    SweepForm, SweepMode, SweepState,
};

/// Seconds that the form rests before its store is asked.
const REST: f64 = 0.3;
/// Rows of a sweep beyond which nobody waits for a count.
const MOST_COUNTED: usize = 200_000;

/// Changes the form, and reads a newly chosen file.
pub(super) fn set_form(state: &mut AppState, form: SweepForm, effects: &mut Vec<Effect>) {
    if form.source != state.prefs.sweep.source {
        state.sweep.file = None;
        if let PromptSource::File(path) = &form.source
            && !path.as_os_str().is_empty()
        {
            effects.push(Effect::Send(EngineCommand::ReadPrompts {
                path: path.clone(),
            }));
        }
    }
    let before = std::mem::replace(&mut state.prefs.sweep, form);
    points::follow(state, Some(&before), effects);
    state.sweep.held = None;
    recount(state);
}

/// The points that the form asks for.
fn grid(state: &AppState, info: &BundleInfo) -> Result<SweepGrid, Trouble> {
    let form = &state.prefs.sweep;
    Ok(match form.mode {
        SweepMode::Points => points::grid(state, info)?,
        SweepMode::Simplex => SweepGrid::Simplex {
            step: 1.0 / form.k as f64,
            // All of them is said by none, so that equal sweeps have equal plans.
            objectives: if state.simplex.axes.len() == state.simplex.preference.len() {
                Vec::new()
            } else {
                state.simplex.axes.clone()
            },
        },
        SweepMode::Box => SweepGrid::Box {
            c: form.c,
            step: form.c / form.k as f64,
        },
    })
}

/// A prompt with what is known of it.
struct Asked {
    prompt: Prompt,
    /// The part that it belongs to.
    split: Option<Split>,
    /// What it is about.
    group: Option<String>,
}

impl From<&PromptSample> for Asked {
    fn from(sample: &PromptSample) -> Self {
        Self {
            prompt: sample.prompt.clone(),
            split: Some(sample.split),
            group: sample.group.clone(),
        }
    }
}

/// The prompts that the form asks for.
fn prompts(state: &AppState) -> Result<Vec<Asked>, Trouble> {
    let form = &state.prefs.sweep;
    let Some(info) = state.info() else {
        return Ok(Vec::new());
    };
    let wanted = |sample: &&PromptSample| form.split.is_none_or(|split| split == sample.split);
    let mut prompts: Vec<Asked> = match &form.source {
        PromptSource::Bundle => {
            let learnt = state.training.learnt_from(info);
            let swept = |sample: &&PromptSample| !learnt || sample.split != Split::Train;
            let samples = info.prompts.iter().filter(wanted);
            samples.filter(swept).map(Asked::from).collect()
        }
        PromptSource::Editor => {
            if let Some(message) = state.prompt.problem() {
                return Err(Trouble::input(message));
            }
            let typed = state.prompt_now().into_iter();
            typed.map(|prompt| known(info, prompt)).collect()
        }
        PromptSource::File(_) => match &state.sweep.file {
            Some(Ok(read)) => read.iter().filter(wanted).map(Asked::from).collect(),
            Some(Err(trouble)) => return Err(trouble.clone()),
            None => Vec::new(),
        },
    };
    prompts.truncate(form.prompts);
    if prompts.is_empty() {
        let message = match &form.source {
            PromptSource::Bundle if info.prompts.is_empty() => {
                "this bundle ships no prompts; choose a file or use the editor's"
            }
            PromptSource::Bundle
                if form
                    .split
                    .is_some_and(|split| info.prompts.iter().all(|s| s.split != split)) =>
            {
                "this bundle has no prompts of the part that is chosen; choose all of its prompts"
            }
            PromptSource::Bundle => {
                "a policy was trained on all prompts of this bundle; choose a file of others"
            }
            PromptSource::Editor => "the prompt editor is empty; type a prompt first",
            PromptSource::File(path) if path.as_os_str().is_empty() => {
                "no file of prompts is named yet; type or paste its path, or drop it onto the window"
            }
            PromptSource::File(_) if state.sweep.file.is_some() => {
                "no prompt of this file is of the part that is chosen; choose all of its prompts"
            }
            PromptSource::File(_) => "the file of prompts is still being read",
        };
        return Err(Trouble::input(message));
    }
    Ok(prompts)
}

/// A prompt of the editor, with what the bundle says of it.
fn known(info: &BundleInfo, prompt: Prompt) -> Asked {
    let sample = info.prompts.iter().find(|sample| sample.prompt == prompt);
    sample.map_or(
        Asked {
            prompt,
            split: None,
            group: None,
        },
        Asked::from,
    )
}

/// Works out what the form would cost.
pub(super) fn recount(state: &mut AppState) {
    state.sweep.held_due = Some(state.now + REST);
    state.sweep.cost = state.info().map(|info| {
        let form = &state.prefs.sweep;
        if form.k == 0 && form.mode != SweepMode::Points {
            return Err(Trouble::input("0 steps; a grid needs at least 1"));
        }
        let count = prompts(state)?.len();
        let (objectives, values) = (info.objectives.len(), info.values.len());
        let grid = grid(state, info)?;
        let all =
            all_points(&grid, objectives, values, count, true).map_err(|e| Trouble::from(&e))?;
        let kind = grid.kind();
        let methods = form.methods_at(kind);
        for method in methods.iter().map(Method::kind) {
            if let Some(reason) = sweep_off(info, method, kind) {
                return Err(Trouble::input(format!("{}: {reason}", method.title())));
            }
        }
        Ok(SweepCost {
            points: all.len(),
            prompts: count,
            methods: methods.len(),
            kind,
        })
    });
}

/// What the form asks for, a sweep per method; none where it cannot run.
fn plans(state: &AppState) -> Vec<Arc<SweepPlan>> {
    let Some(plan) = usual_plan(state) else {
        return Vec::new();
    };
    let points = plan.grid.kind();
    let usual = Method::of(points);
    let methods = state.prefs.sweep.methods_at(points).into_iter();
    let plan_of = |method: Method| {
        let mut plan = plan.clone();
        plan.sampling.method = (method != usual).then_some(method);
        Arc::new(plan)
    };
    methods.map(plan_of).collect()
}

/// What the form asks for, by the method that is usual at its points.
fn usual_plan(state: &AppState) -> Option<SweepPlan> {
    let (info, asked) = (state.info()?, prompts(state).ok()?);
    let grid = grid(state, info).ok()?;
    let sampling = Sampling {
        max_tokens: state.prefs.sweep.max_tokens,
        // The sweep's form has methods of its own.
        method: None,
        ..state.prefs.sampling.sampling(grid.kind())
    };
    let mark: String = info.model.digest.chars().take(12).collect();
    let name: String = info
        .name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let own = || match &state.study.path {
        Some(study) if state.study.is_open() => study.clone(),
        _ => state.sweep.folder.join(format!("{name}-{mark}.db")),
    };
    Some(SweepPlan {
        grid,
        splits: splits(&asked),
        groups: groups(&asked),
        prompts: asked.into_iter().map(|one| one.prompt).collect(),
        sampling,
        include_base: true,
        store: state.prefs.sweep.store.clone().unwrap_or_else(own),
    })
}

/// What each prompt is about, where that is known of any.
fn groups(asked: &[Asked]) -> Vec<Option<String>> {
    if asked.iter().all(|one| one.group.is_none()) {
        return Vec::new();
    }
    asked.iter().map(|one| one.group.clone()).collect()
}

/// Which part each prompt belongs to, where that is known of all.
fn splits(asked: &[Asked]) -> Vec<Split> {
    let all: Option<Vec<Split>> = asked.iter().map(|one| one.split).collect();
    all.unwrap_or_default()
}

/// Asks, once the form rests, how much of the sweep its store holds already.
pub(super) fn count_held(state: &mut AppState, effects: &mut Vec<Effect>) {
    let rested = state.sweep.held_due.is_some_and(|due| state.now >= due);
    let asked = state.engine.phase == EnginePhase::Ready && !state.bundle.stored;
    if !rested || state.sweep.is_active() || !asked {
        return;
    }
    state.sweep.held_due = None;
    let few = |cost: &SweepCost| cost.rows() <= MOST_COUNTED;
    let countable = matches!(&state.sweep.cost, Some(Ok(cost)) if few(cost));
    // Of several sweeps what is stored is seen when each begins.
    let wanted = match &plans(state)[..] {
        [plan] if countable => Some(Arc::clone(plan)),
        _ => None,
    };
    if state.sweep.held_plan != wanted || state.sweep.held.is_none() {
        state.sweep.held = None;
        state.sweep.held_plan.clone_from(&wanted);
        state.jobs.forget(Owner::Held);
        if let Some(plan) = wanted {
            let job = state.jobs.begin(Owner::Held);
            effects.push(Effect::Send(EngineCommand::CountHeld { job, plan }));
        }
    }
}

/// Starts the sweep, or the first of several; rows that their store holds are not made again.
pub(super) fn start(state: &mut AppState, effects: &mut Vec<Effect>) {
    let plans = plans(state);
    state.sweep.batch = plans.len();
    state.sweep.queue = plans.into();
    go_on(state, effects);
}

/// Starts the next of several sweeps, where there is one left.
pub(super) fn go_on(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(plan) = state.sweep.queue.pop_front() {
        start_plan(state, plan, effects);
    }
}

/// Goes on with a sweep of the study.
pub(super) fn resume(state: &mut AppState, id: i64, effects: &mut Vec<Effect>) {
    let mut sweeps = state.study.sweeps.iter();
    if let Some(sweep) = sweeps.find(|s| s.id == id) {
        let plan = Arc::new(sweep.plan.clone());
        state.sweep.batch = 1;
        state.sweep.queue.clear();
        start_plan(state, plan, effects);
    }
}

fn start_plan(state: &mut AppState, plan: Arc<SweepPlan>, effects: &mut Vec<Effect>) {
    let job = state.jobs.begin(Owner::Sweep);
    leave_dot(state);
    let shelved = shelve(&mut state.sweep, &plan);
    state.sweep = SweepState {
        shelved,
        job: Some(job),
        plan: Some(Arc::clone(&plan)),
        queue: std::mem::take(&mut state.sweep.queue),
        batch: state.sweep.batch,
        folder: std::mem::take(&mut state.sweep.folder),
        cost: state.sweep.cost.take(),
        rate: state.sweep.rate,
        generation: state.sweep.generation + 1,
        file: state.sweep.file.take(),
        listed: state.sweep.listed.take(),
        ..SweepState::default()
    };
    if plan.store.starts_with(&state.sweep.folder) {
        effects.push(Effect::MakeFolder(state.sweep.folder.clone()));
    }
    effects.push(Effect::Send(EngineCommand::Sweep {
        job,
        plan: plan.as_ref().clone(),
    }));
}

/// What the sweep in the plot leaves behind when another one takes its place: its points, or, where it has
/// none or is the same one again, what it had kept itself.
fn shelve(sweep: &mut SweepState, next: &SweepPlan) -> Option<Shelved> {
    let other = sweep.plan.as_deref().is_some_and(|plan| plan != next);
    match (sweep.job, sweep.plan.take()) {
        (Some(job), Some(plan)) if other && !sweep.points.is_empty() => Some(Shelved {
            job,
            plan,
            progress: sweep.progress.take(),
            points: std::mem::take(&mut sweep.points),
        }),
        _ => sweep.shelved.take(),
    }
}

/// Puts the sweep before into the plot, and the one that is there in its place.
pub(super) fn swap(state: &mut AppState) {
    leave_dot(state);
    let sweep = &mut state.sweep;
    let Some(shelved) = sweep.shelved.take() else {
        return;
    };
    let job = sweep.job.replace(shelved.job);
    let plan = sweep.plan.replace(shelved.plan);
    let points = std::mem::replace(&mut sweep.points, shelved.points);
    let progress = std::mem::replace(&mut sweep.progress, shelved.progress);
    sweep.shelved = job.zip(plan).map(|(job, plan)| Shelved {
        job,
        plan,
        progress,
        points,
    });
    sweep.trouble = None;
    sweep.generation += 1;
}

/// Pauses, or goes on.
pub(super) fn toggle_pause(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(job) = state.sweep.job {
        effects.push(Effect::Send(match state.sweep.phase() {
            Some(SweepPhase::Paused) => EngineCommand::Resume { job },
            _ => EngineCommand::Pause { job },
        }));
    }
}

/// Stops the sweep, and those that would have followed it.
pub(super) fn cancel(state: &mut AppState, effects: &mut Vec<Effect>) {
    state.sweep.queue.clear();
    if let Some(job) = state.sweep.job {
        effects.push(Effect::Send(EngineCommand::Cancel { job }));
    }
}

/// Looks at a dot: its stored rows are asked for. Point and prompt stay where they are.
pub(super) fn select(state: &mut AppState, dot: Option<usize>, effects: &mut Vec<Effect>) {
    leave_dot(state);
    state.study.dot_again = None;
    let Some(result) = dot.and_then(|index| state.sweep.point(index)).cloned() else {
        return;
    };
    state.sweep.selected = dot;
    state.sweep.before = state.session.current;
    if let Some(plan) = state.sweep.plan.clone() {
        let job = state.jobs.begin(Owner::Recall);
        state.sweep.recalling = true;
        effects.push(Effect::Send(EngineCommand::Recall {
            job,
            plan,
            index: result.index,
        }));
    }
}

/// Back to the answer that was looked at before a dot was.
pub(super) fn leave_dot(state: &mut AppState) {
    state.study.dot = None;
    let sweep = &mut state.sweep;
    let rows = std::mem::take(&mut sweep.rows);
    sweep.selected = None;
    sweep.stored.clear();
    sweep.recalling = false;
    state.jobs.forget(Owner::Recall);
    let before = sweep.before.take();
    let session = &mut state.session;
    if session.current.is_some_and(|id| rows.contains(&id)) {
        session.current = before.filter(|id| session.get(*id).is_some());
    }
    // Stored answers are in the store: only a pinned one stays at hand.
    let kept = [session.pinned, session.current];
    session
        .runs
        .retain(|run| !rows.contains(&run.id) || kept.contains(&Some(run.id)));
}

/// The rows of the selected dot are here: the one that answers the editor's prompt is looked at.
pub(super) fn recalled(
    state: &mut AppState,
    job: JobId,
    index: usize,
    runs: Vec<Arc<Run>>,
    effects: &mut Vec<Effect>,
) {
    let Some(bundle) = state.bundle.current.clone() else {
        return;
    };
    state.sweep.recalling = false;
    let known = std::mem::take(&mut state.sweep.rows);
    let pinned = state.session.pinned;
    state
        .session
        .runs
        .retain(|r| !known.contains(&r.id) || pinned == Some(r.id));
    let ids: Vec<_> = runs
        .iter()
        .enumerate()
        .map(|(row, run)| {
            let id = state.session.next_id();
            let mut entry = RunEntry::new(
                id,
                job,
                Arc::clone(&bundle),
                run.prompt.clone(),
                run.point.clone(),
                run.sampling.clone(),
            );
            entry.origin = Origin::Sweep { point: index, row };
            entry.phase = match run.status {
                RunStatus::Done => RunPhase::Done(run.finish),
                RunStatus::Stopped => RunPhase::Stopped,
            };
            // After the phase: scores that are no numbers make a failure of it.
            entry.finish(run);
            state.session.push(entry);
            id
        })
        .collect();
    let wanted = wanted_row(state, runs.iter().map(|run| &run.prompt));
    state.sweep.rows = ids;
    state.sweep.stored = runs;
    show_row(state, wanted, effects);
}

/// Which of a dot's rows is looked at first: from dot to dot the same prompt, so that answers can be compared.
pub(super) fn wanted_row<'a>(
    state: &AppState,
    mut prompts: impl Iterator<Item = &'a Prompt>,
) -> usize {
    let wanted = state.sweep.looked_at.as_ref();
    let wanted = wanted.or_else(|| state.session.current().map(|r| &r.prompt));
    let found = wanted.and_then(|wanted| prompts.position(|prompt| prompt == wanted));
    found.unwrap_or(0)
}

/// Looks at the next or previous row of the dot.
pub(super) fn step_row(state: &mut AppState, by: isize, effects: &mut Vec<Effect>) {
    let now = state
        .session
        .current
        .and_then(|id| state.sweep.rows.iter().position(|r| *r == id));
    let last = state.sweep.rows.len().saturating_sub(1);
    show_row(
        state,
        now.map_or(0, |at| at.saturating_add_signed(by).min(last)),
        effects,
    );
}

pub(super) fn show_row(state: &mut AppState, row: usize, effects: &mut Vec<Effect>) {
    let Some(&id) = state.sweep.rows.get(row) else {
        return;
    };
    state.session.current = Some(id);
    state.sweep.looked_at = state.session.get(id).map(|run| run.prompt.clone());
    state.prefs.heatmap.token = None;
    // Sweeps store texts and scores; the routing of the one row that is looked at is found again.
    let untraced = |r: &RunEntry| r.record.is_none() && r.speaks().is_traced();
    let untraced = state.session.get(id).is_some_and(untraced);
    if let Some(run) = state.sweep.stored.get(row).filter(|_| untraced) {
        // That of a row that is no longer looked at would only be in its way.
        if let Some(job) = state.jobs.of(Owner::Retrace) {
            effects.push(Effect::Send(EngineCommand::Cancel { job }));
        }
        let job = state.jobs.begin(Owner::Retrace);
        state.sweep.retrace = Some(id);
        effects.push(Effect::Send(EngineCommand::Retrace {
            job,
            run: Arc::clone(run),
        }));
    }
}

/// The routing of a stored row is here.
pub(super) fn retraced(state: &mut AppState, record: Arc<GateRecord>) {
    let id = state.sweep.retrace.take();
    if let Some(run) = id.and_then(|id| state.session.get_mut(id)) {
        run.record = Some(record);
    }
}
