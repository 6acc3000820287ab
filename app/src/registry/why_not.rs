//! Why a command cannot run right now.

use super::annotate;
use super::methods::method_off;
use crate::command::AppCommand;
use crate::export::What;
use crate::state::{
    AppState, EnginePhase, JudgePhase, LearnPhase, Mode, PointsOf, PromptState, RunPhase,
    StudyPhase, TrainPhase, presets, sweep_of,
};
use paretoscope_core::study::bundle_uid;
use paretoscope_core::types::Prompt;

/// Why a command cannot run right now, or `None`.
#[expect(
    clippy::too_many_lines,
    reason = "one arm per command, each of which reads alone"
)]
pub fn why_not(command: &AppCommand, state: &AppState) -> Option<String> {
    use AppCommand as C;
    let say = |reason: &str| Some(reason.to_owned());
    if let Some(reason) = annotate::blocked(command, state) {
        return Some(reason);
    }
    match command {
        C::Annotate(command) => annotate::why_not(command, state),
        C::Generate | C::NextSeed => needs_engine(state)
            .or_else(|| needs_prompt(state))
            .or_else(|| no_method(state)),
        C::SetMethod(kind) => needs_bundle(state)
            .or_else(|| method_off(state.info()?, *kind, state.simplex.mode.points())),
        C::Regenerate => needs_engine(state).or_else(|| match state.session.current() {
            None => say("there is no answer yet"),
            Some(run)
                if !state
                    .info()
                    .is_some_and(|b| std::sync::Arc::ptr_eq(b, &run.bundle)) =>
            {
                say("this answer was made with another bundle")
            }
            Some(_) => None,
        }),
        C::ToggleConversation => needs_bundle(state).or_else(|| {
            // Back to a single prompt is always possible.
            let lacking = !state.prompt.conversation && !has_template(state);
            lacking.then(|| NO_TEMPLATE.to_owned())
        }),
        C::AddTurn | C::AddSystemTurn | C::RemoveTurn | C::MoveTurn(_)
            if !state.prompt.conversation =>
        {
            say("the prompt is a single text; switch to a conversation first")
        }
        C::AddSystemTurn
            if state
                .prompt
                .turns
                .first()
                .is_some_and(|t| t.role == "system") =>
        {
            say("the conversation begins with a system turn already")
        }
        C::RemoveTurn if state.prompt.turns.len() < 2 => {
            say("a conversation has at least one turn")
        }
        C::MoveTurn(by) => {
            let to = state.prompt.turn.checked_add_signed(*by);
            let inside = to.is_some_and(|to| to < state.prompt.turns.len());
            (!inside).then(|| "this turn is at the end already".to_owned())
        }
        C::Continue => no_turn(state),
        C::TryCurrent
            if state.session.current().is_some_and(
                |r| matches!(&r.prompt, Prompt::Messages(turns) if turns.len() > 1),
            ) =>
        {
            say("this answer belongs to several turns; a text that is tried has one")
        }
        C::TakeOver if state.study.theirs.is_none() => {
            say("no other window has the study's view and undo")
        }
        C::Talk(command) => super::talk::why_not(command, state),
        C::Undo | C::Redo => no_step(*command == C::Redo, state),
        C::Stop if state.session.running().is_none() => say("nothing is being generated"),
        C::Pin | C::TryCurrent if state.session.current().is_none() => {
            say("there is no answer yet")
        }
        C::ToggleStar | C::SetNote(..) | C::AddTag(..) | C::RemoveTag(..) => {
            match state.session.current() {
                None => say("there is no answer yet"),
                Some(run) if run.stored.is_none() => say("this answer is not in the study"),
                Some(_) if !state.study.is_open() => say("the study can only be read"),
                Some(_) => None,
            }
        }
        C::ToggleDifferences if state.session.pinned.is_none() => {
            say("nothing is pinned to differ from; pin an answer first")
        }
        C::ForgetAnswers | C::ForgetNow
            if state.session.runs.is_empty() && state.study.answers == 0 =>
        {
            say("there are no answers")
        }
        C::Unpin if state.session.pinned.is_none() => say("nothing is pinned"),
        C::StartSweep => needs_engine(state).or_else(|| {
            if state.sweep.is_active() {
                return say("a sweep is under way; cancel it first");
            }
            match &state.sweep.cost {
                Some(Err(trouble)) => Some(trouble.message.clone()),
                _ => None,
            }
        }),
        C::TogglePause | C::CancelSweep if !state.sweep.is_active() => say("no sweep is under way"),
        C::SwapSweep if state.sweep.is_active() => say("a sweep is under way; cancel it first"),
        C::SwapSweep if state.sweep.shelved.is_none() => {
            say("no other sweep was made with this bundle since the start")
        }
        C::SelectDot(None) if state.sweep.selected.is_none() && state.study.dot.is_none() => {
            say("no dot is selected")
        }
        C::StepRow(_) if state.sweep.rows.len() < 2 => {
            say("the selected dot has no further prompts")
        }
        C::Export => no_export(state),
        C::FreeReference if state.study.reference.is_none() => say("no reference is frozen"),
        C::ChooseFront(..) => no_study(state).or_else(|| {
            let none = state.study.shown().sweeps.is_empty();
            none.then(|| "no sweep of the study is ticked".to_owned())
        }),
        C::ForgetChosen if state.study.chosen.is_none() => say("no point is chosen"),
        C::PinMark if state.study.dot.is_none() => say("no dot of the study is selected"),
        C::UnpinMark if state.study.differ.pinned.is_none() => say("no dot is pinned"),
        C::FillPoints(PointsOf::Starred) => no_study(state),
        C::FillPoints(PointsOf::Plot) if state.front.members().is_empty() => {
            say("there are no points yet")
        }
        C::SweepChosen => no_chosen(state),
        C::StepMark(_) if state.study.front().is_none() => say("no sweep of the study is drawn"),
        C::Compare(..) | C::Try(..) => needs_models(state),
        C::ResumeSweep(id) => needs_bundle(state)
            .or_else(|| needs_models(state))
            .or_else(|| {
                if state.sweep.is_active() {
                    return say("a sweep is under way");
                }
                if !state.study.is_open() {
                    return say("the study can only be read");
                }
                let sweep = state.study.sweeps.iter().find(|s| s.id == *id)?;
                let ours = bundle_uid(state.info()?) == bundle_uid(&sweep.info);
                (!ours).then(|| format!("it was made with another bundle, {}", sweep.info.name))
            }),
        C::Fit | C::ToggleTable if state.sweep.points.is_empty() && !state.plots_study() => {
            say("there are no points yet")
        }
        C::SetMode(Mode::Interpolate) => state.info().map_or_else(
            || say("load a bundle first"),
            |b| match b.objectives.len() {
                _ if b.experts.is_empty() => say("there are no experts to mix"),
                0 | 1 => say("this bundle has fewer than two objectives"),
                _ => None,
            },
        ),
        C::SetMode(Mode::Extrapolate) => state.info().map_or_else(
            || say("load a bundle first"),
            |b| {
                b.values
                    .is_empty()
                    .then(|| "this bundle has no value vectors".to_owned())
            },
        ),
        C::StartTraining => needs_bundle(state)
            .or_else(|| needs_models(state))
            .or_else(|| no_training(state))
            .or_else(|| {
                let training = &state.training;
                let problems = training.form.problems(state.info()?, &training.runs);
                problems.into_iter().next().map(|(_, words)| words)
            }),
        C::StartLearn => needs_bundle(state)
            .or_else(|| needs_models(state))
            .or_else(|| no_study(state))
            .or_else(|| no_training(state))
            .or_else(|| {
                if !state.study.is_open() {
                    return say("the study can only be read");
                }
                let learn = &state.learn;
                learn
                    .form
                    .problem(state.info()?, &state.training.runs, learn.known())
            }),
        C::CancelLearn => match &state.learn.phase {
            LearnPhase::Stopping => say("it is being stopped"),
            phase if phase.is_active() => None,
            _ => say("nothing is being learnt"),
        },
        C::SendToJudge => no_judge(state),
        C::CancelJudge => match state.judge.run.as_ref().map(|run| &run.phase) {
            Some(JudgePhase::Running) => None,
            Some(JudgePhase::Stopping) => say("it is being stopped"),
            _ => say("no judge is at work"),
        },
        C::LoadLearnt => engine_gone(state).or_else(|| {
            let loading = state.bundle.loading.is_some();
            loading.then(|| "a bundle is being loaded".to_owned())
        }),
        C::ResumeTraining(_) => engine_gone(state).or_else(|| no_training(state)),
        C::CancelTraining => match state.training.active().map(|run| &run.phase) {
            None => say("no training is under way"),
            Some(TrainPhase::Stopping) => say("a checkpoint is being written"),
            Some(_) => None,
        },
        C::LoadTraining(folder) => engine_gone(state).or_else(|| {
            let loading = state.training.loading.contains(folder) || state.bundle.loading.is_some();
            loading.then(|| "a bundle is being loaded".to_owned())
        }),
        C::ClearMutes if state.mutes.is_empty() => say("nothing is muted or soloed"),
        C::Preset(number) => {
            let count = presets(&state.simplex.axes, state.simplex.preference.len()).len();
            match () {
                () if state.info().is_none() => say("load a bundle first"),
                () if count == 0 => say("this bundle has no objectives to go to"),
                () if *number > count => {
                    Some(format!("with two objectives there are {count} presets"))
                }
                () => None,
            }
        }
        C::CancelLoad if state.bundle.loading.is_none() => say("nothing is being loaded"),
        C::LoadDemo if state.bundle.demo.is_none() => {
            say("assets/demo was not found beside the program, in its workspace or here")
        }
        C::LoadBundle(_) | C::LoadDemo | C::ChooseBundle => engine_gone(state),
        _ => None,
    }
}

/// Why what the export sheet asks for cannot be written.
fn no_export(state: &AppState) -> Option<String> {
    let say = |reason: &str| Some(reason.to_owned());
    let form = &state.export.form;
    if state.export.stage.is_some() {
        return say("it is being written");
    }
    let none = match form.what {
        What::Heatmap | What::Strip => match state.routed() {
            None => say("there is no answer yet"),
            Some(run) if run.phase.is_running() => say("the answer is still being written"),
            Some(run) if !run.speaks().is_traced() => Some(format!(
                "this answer has no routing: {}",
                run.speaks().says()
            )),
            Some(run) if run.record.is_none() => {
                say("this answer's routing was not recorded; regenerate the exact answer first")
            }
            Some(_) => None,
        },
        What::Interference if state.interference.found.is_none() => {
            say("the adapters were not compared yet; the Interference sheet does")
        }
        What::Curves
            if state
                .training
                .selected()
                .is_none_or(|run| run.steps.is_empty()) =>
        {
            say("no training run with a step is looked at; choose one in the Training sheet")
        }
        what if what.of_sweeps() => no_study(state).or_else(|| {
            let none = state.study.shown().sweeps.is_empty();
            none.then(|| "no sweep of the study is ticked".to_owned())
        }),
        What::Generations => no_study(state),
        _ => None,
    };
    let unnamed = form.path.as_os_str().is_empty();
    none.or_else(|| unnamed.then(|| "name the file first".to_owned()))
}

/// Why nothing can be sent to a judge: a person sees first what goes where.
fn no_judge(state: &AppState) -> Option<String> {
    let say = |reason: &str| Some(reason.to_owned());
    if !state.judge.is_there {
        return say("nothing in this program asks judges");
    }
    if state.judge.active().is_some() {
        return say("a judge is at work");
    }
    if let Some(reason) = annotate::not_written(state) {
        return Some(reason);
    }
    if let Some(problem) = state.prefs.judge.problem(&state.annotate) {
        return Some(problem);
    }
    let seen = state.judge_plan();
    match seen.as_ref().and_then(|plan| state.judge.seen(plan)) {
        None => say("what would be sent is being looked up"),
        Some(Err(trouble)) => Some(trouble.message.clone()),
        Some(Ok(seen)) if seen.requests == 0 => say("this judge has judged all of it"),
        Some(Ok(_)) => None,
    }
}

/// Why nothing can be looked at of the study.
fn no_study(state: &AppState) -> Option<String> {
    match &state.study.phase {
        StudyPhase::None => Some("no study is open".to_owned()),
        StudyPhase::Opening => Some("the study is being opened".to_owned()),
        StudyPhase::Failed(trouble) => Some(trouble.message.clone()),
        StudyPhase::Open | StudyPhase::ReadOnly(_) => None,
    }
}

/// Why the chosen points cannot be swept on the prompts that are shown.
fn no_chosen(state: &AppState) -> Option<String> {
    let say = |reason: &str| Some(reason.to_owned());
    let (Some(chosen), Some(split)) = (&state.study.chosen, state.study.split) else {
        return say("no point is chosen, or all prompts are shown");
    };
    let Some(info) = state.info() else {
        return say("load a bundle first");
    };
    if state.sweep.is_active() {
        return say("a sweep is under way");
    }
    if info.prompts.iter().all(|sample| sample.split != split) {
        return Some(format!("the bundle in use has no {} prompts", split.name()));
    }
    let ours = bundle_uid(info);
    let of = |dot: &str| {
        state
            .study
            .sweeps
            .iter()
            .find(|s| Some(s.id) == sweep_of(dot))
    };
    let is_ours = |dot: &str| of(dot).is_some_and(|sweep| bundle_uid(&sweep.info) == ours);
    let none = chosen.points.iter().all(|point| !is_ours(&point.dot));
    none.then(|| "the chosen points are of another bundle than the one in use".to_owned())
}

/// Why nothing can be taken back, or done again.
fn no_step(again: bool, state: &AppState) -> Option<String> {
    match state.undo.next(again) {
        None if again => Some("nothing was undone that could be done again".to_owned()),
        None => Some("nothing was done yet that could be undone".to_owned()),
        Some((_, true)) if !state.study.is_open() => Some("the study can only be read".to_owned()),
        Some((_, true)) => {
            state.study.theirs.as_ref().map(|(who, _)| {
                format!("undo of the study belongs to {who}; take over to undo here")
            })
        }
        Some((_, false)) => None,
    }
}

/// Why the chosen method has no answer at the point.
fn no_method(state: &AppState) -> Option<String> {
    let kind = state.method().kind();
    let reason = method_off(state.info()?, kind, state.simplex.mode.points())?;
    Some(format!("{}: {reason}; choose another method", kind.title()))
}

const NO_TEMPLATE: &str = "this bundle has no chat template, which a conversation needs";

fn has_template(state: &AppState) -> bool {
    state.info().is_none_or(|b| b.model.has_chat_template)
}

/// Why the answer that is looked at cannot become a turn.
fn no_turn(state: &AppState) -> Option<String> {
    let say = |reason: &str| Some(reason.to_owned());
    match state.session.current() {
        None => say("there is no answer yet"),
        Some(run) if run.phase.is_running() => say("the answer is still being written"),
        Some(run) if matches!(run.phase, RunPhase::Failed(_)) => say("this answer failed"),
        Some(run) if run.text.trim().is_empty() => say("this answer is empty"),
        Some(run) if PromptState::turns_of(&run.prompt).is_none() => {
            say("this prompt was plain text, not a turn of a conversation")
        }
        Some(_) => (!has_template(state)).then(|| NO_TEMPLATE.to_owned()),
    }
}

fn engine_gone(state: &AppState) -> Option<String> {
    matches!(state.engine.phase, EnginePhase::Stopped(_))
        .then(|| "the engine has stopped; restart the program".to_owned())
}

/// Why nothing can be made while a study is looked at without its models.
fn needs_models(state: &AppState) -> Option<String> {
    let name = &state.info().filter(|_| state.bundle.stored)?.name;
    Some(format!(
        "this study is looked at without its models; open the bundle {name} to make answers"
    ))
}

fn needs_bundle(state: &AppState) -> Option<String> {
    let missing = || {
        state
            .info()
            .is_none()
            .then(|| "load a bundle first".to_owned())
    };
    engine_gone(state).or_else(missing)
}

/// Why no training can begin: another one is under way.
fn no_training(state: &AppState) -> Option<String> {
    let run = state.training.active()?;
    let name = run.plan.name();
    Some(format!(
        "{name} is being trained; wait for its end, or cancel it"
    ))
}

fn needs_engine(state: &AppState) -> Option<String> {
    engine_gone(state)
        .or_else(|| needs_models(state))
        .or_else(|| match (&state.bundle.loading, state.info()) {
            (Some(loading), None) => Some(format!(
                "the bundle is loading, {:.0} %",
                loading.fraction * 100.0
            )),
            (None, None) => Some("load a bundle first".to_owned()),
            (_, Some(_)) => None,
        })
}

fn needs_prompt(state: &AppState) -> Option<String> {
    let sample_of_ids = state.prompt.sample.is_some();
    if let Some(problem) = state.prompt.problem() {
        return Some(problem);
    }
    if state.prompt.conversation && !has_template(state) {
        return Some(NO_TEMPLATE.to_owned());
    }
    let text = state.info().is_none_or(|b| b.model.has_tokenizer) || sample_of_ids;
    if !text {
        return Some("this bundle has no tokenizer; pick a sample made of token ids".to_owned());
    }
    (state.simplex.point().is_none()).then(|| "the point has no place yet".to_owned())
}
