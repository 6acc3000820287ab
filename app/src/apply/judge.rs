//! Judges: the sheet, what would be sent, a run, what their votes say.

use std::sync::Arc;

use paretoscope_core::protocol::{JudgeCommand, JudgeEnd, JudgeNews, Trouble};
use paretoscope_core::stats::Draws;
use paretoscope_core::study::JudgeSaid;
use paretoscope_core::types::JudgeProgress;

use super::{Effect, notify};
use crate::command::AppCommand;
use crate::state::{
    AppState, JudgeForm, JudgeLook, JudgePhase, JudgeRun, JudgesOf, NoticeKind, Overlay, is_judged,
};
use crate::study::{AnnotateCommand, StudyCommand};
use crate::widgets::format::counted;

/// Seconds that the form rests before it is looked up what it would send.
const REST: f64 = 0.4;

/// Commands of the sheet; one of something else is given back.
pub(super) fn command(
    state: &mut AppState,
    command: AppCommand,
    effects: &mut Vec<Effect>,
) -> Option<AppCommand> {
    match command {
        AppCommand::Show(Overlay::Judge) => toggle(state),
        AppCommand::ShowJudge(task) => {
            let other = state.prefs.judge.task != task;
            let form = &mut state.prefs.judge;
            form.task = task;
            if other {
                (form.objectives, form.items) = (Vec::new(), None);
            }
            open(state);
        }
        AppCommand::SetJudge(form) => set_form(state, *form),
        AppCommand::SendToJudge => send(state, effects),
        AppCommand::CancelJudge => {
            if let Some(run) = &mut state.judge.run {
                run.phase = JudgePhase::Stopping;
                effects.push(Effect::Judge(JudgeCommand::Cancel));
            }
        }
        other => return Some(other),
    }
    None
}

/// Opens the sheet, or goes back to where it was opened.
fn toggle(state: &mut AppState) {
    if state.overlay.open == Overlay::Judge {
        state.overlay.open = std::mem::take(&mut state.judge.back);
    } else {
        open(state);
    }
}

fn open(state: &mut AppState) {
    // From the palette there is no way back.
    state.judge.back = match state.overlay.open {
        Overlay::Annotate => Overlay::Annotate,
        _ => Overlay::None,
    };
    state.overlay.open = Overlay::Judge;
    // Votes may have come, and items.
    state.judge.look = None;
    state.judge.said = None;
    state.judge.changed = None;
}

/// Changes the form; by another task, what is asked of one is anew.
fn set_form(state: &mut AppState, mut form: JudgeForm) {
    if form.task != state.prefs.judge.task {
        (form.objectives, form.items) = (Vec::new(), None);
    }
    state.prefs.judge = form;
    state.judge.changed = Some(state.now);
}

/// Sends what a person saw.
fn send(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(plan) = state.judge_plan() else {
        return;
    };
    let Some(Ok(seen)) = state.judge.seen(&plan).cloned() else {
        return;
    };
    let plan = Arc::new(plan);
    state.judge.run = Some(JudgeRun {
        plan: Arc::clone(&plan),
        phase: JudgePhase::Running,
        progress: JudgeProgress::default(),
        waits: None,
    });
    effects.push(Effect::Judge(JudgeCommand::Judge(plan, seen)));
}

/// Takes in what the judge's thread says.
pub fn judge_news(state: &mut AppState, news: JudgeNews) {
    let now = state.now;
    match news {
        JudgeNews::Seen(plan, seen) => {
            if let Some(look) = &mut state.judge.look
                && *look.plan == *plan
            {
                look.seen = Some(seen);
            }
        }
        JudgeNews::Progress(progress) => {
            if let Some(run) = &mut state.judge.run {
                // It goes on, also where it waited.
                (run.progress, run.waits) = (progress, None);
            }
        }
        JudgeNews::Waits(why, seconds) => {
            if let Some(run) = &mut state.judge.run {
                run.waits = Some((why, now + seconds));
            }
        }
        JudgeNews::Ended(progress, end) => ended(state, progress, end),
    }
}

fn ended(state: &mut AppState, progress: JudgeProgress, end: JudgeEnd) {
    let Some(run) = state.judge.run.as_mut().filter(|run| run.phase.is_active()) else {
        return;
    };
    let kept = format!("{} kept", counted(progress.done, "verdict"));
    let (phase, kind, words) = match end {
        JudgeEnd::Done => (
            JudgePhase::Done,
            NoticeKind::Info,
            format!("The judge is done: {kept}"),
        ),
        JudgeEnd::Cancelled => (
            JudgePhase::Cancelled,
            NoticeKind::Info,
            format!("The judge stopped: {kept}"),
        ),
        JudgeEnd::Failed(trouble) => {
            let words = format!("The judge stopped: {}", trouble.message);
            (JudgePhase::Failed(trouble), NoticeKind::Error, words)
        }
    };
    (run.phase, run.progress, run.waits) = (phase, progress, None);
    // What is left is another thing to be seen, and there is more to be said.
    (state.judge.look, state.judge.said) = (None, None);
    notify(state, kind, words);
}

/// What the judges of a task said.
pub(super) fn judged(
    state: &mut AppState,
    task: &str,
    found: Result<Option<Arc<Vec<JudgeSaid>>>, Trouble>,
) {
    // One that was stopped says so late: by then another may be under way.
    if let Some(known) = &mut state.judge.said
        && known.task == task
        && let Some(found) = found.transpose()
    {
        known.said = Some(found);
    }
}

/// Another study is opened: what was known of the one before is let go. A run goes on, in its own.
pub(super) fn opened(state: &mut AppState) {
    (state.judge.look, state.judge.said) = (None, None);
    let form = &mut state.prefs.judge;
    form.task.clear();
    (form.objectives, form.items) = (Vec::new(), None);
}

/// Fills in a task, and asks what would be sent and what judges said, where somebody looks and the form rests.
pub(super) fn follow(state: &mut AppState, effects: &mut Vec<Effect>) {
    let looks = state.overlay.open == Overlay::Judge && state.study.is_readable();
    if !looks {
        return;
    }
    let list = state.annotate.list.as_ref();
    let mut tasks = list.into_iter().flat_map(|list| &list.tasks);
    let form = &state.prefs.judge;
    if !tasks.any(|task| task.name == form.task && is_judged(task)) {
        let mut newest = list.into_iter().flat_map(|list| list.tasks.iter().rev());
        let Some(task) = newest.find(|task| is_judged(task)) else {
            return;
        };
        state.prefs.judge.task = task.name.clone();
    }
    follow_said(state, effects);
    let rests = |at: f64| state.now - at >= REST;
    if state.judge.active().is_some() || !state.judge.is_there {
        return;
    }
    if state.judge.changed.is_some_and(|at| !rests(at)) {
        return;
    }
    state.judge.changed = None;
    let Some(plan) = state.judge_plan() else {
        return;
    };
    let asked = |look: &JudgeLook| *look.plan == plan;
    if !state.judge.look.as_ref().is_some_and(asked) {
        let plan = Arc::new(plan);
        effects.push(Effect::Judge(JudgeCommand::Look(Arc::clone(&plan))));
        state.judge.look = Some(JudgeLook { plan, seen: None });
    }
}

/// Asks what the judges of the task in the form said.
fn follow_said(state: &mut AppState, effects: &mut Vec<Effect>) {
    let task = &state.prefs.judge.task;
    if state.judge.said.as_ref().is_some_and(|of| of.task == *task) {
        return;
    }
    state.judge.said = Some(JudgesOf {
        task: task.clone(),
        said: None,
    });
    let ask = AnnotateCommand::Judged(task.clone(), Draws::default().draws);
    effects.push(Effect::Study(StudyCommand::Annotate(ask)));
}

/// Seconds until the form has rested; `None` where nothing waits for that.
pub(super) fn rest(state: &AppState) -> Option<f32> {
    let open = state.overlay.open == Overlay::Judge;
    let left = state.judge.changed? + REST - state.now;
    (open && left > 0.0).then_some(left as f32)
}
