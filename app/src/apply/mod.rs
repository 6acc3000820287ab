//! The one writer of state: commands and engine events in, effects out.

mod annotate;
mod asks;
mod bundle;
mod chosen;
mod differ;
mod effect;
mod event;
mod export;
mod fields;
mod files;
mod interference;
mod judge;
mod kept;
mod learn;
mod leaving;
mod mutes;
mod notice;
mod others;
mod point;
mod points;
mod preview;
mod rows;
mod shell;
mod study;
mod sweep;
mod talk;
#[cfg(test)]
mod tests;
mod training;
mod trial;
mod turns;
mod undo;
mod view;

use paretoscope_core::types::Mutes;

use crate::command::{AppCommand, Gesture};
use crate::registry;
use crate::state::{AppState, EnginePhase, Notice, NoticeKind, Overlay, SiteMap, TierOptions};
use crate::tasks::Wanted;

pub use effect::Effect;
pub use event::event;
pub use export::exporting;
pub(crate) use fields::rescaled;
pub use files::{looked_for, no_dialog, no_thread, picked, votes_found};
pub use judge::judge_news;
pub use kept::keep;
pub(crate) use notice::notify;
pub use points::points_read;
pub use shell::start;
pub use study::{no_study_thread, study_news};
pub use talk::can_play;

/// Carries a command out, or says why it cannot be.
pub fn command(state: &mut AppState, command: AppCommand, effects: &mut Vec<Effect>) {
    use AppCommand as C;
    if let Some(reason) = registry::why_not(&command, state) {
        let words = format!("{}: {reason}", registry::title(&command));
        if !annotate::refused(state, &words) {
            notify(state, NoticeKind::Info, words);
        }
        return;
    }
    let before = undo::before(state, &command);
    match command {
        C::Undo => undo::turn(state, false, effects),
        C::Redo => undo::turn(state, true, effects),
        C::Generate => rows::generate(state, effects),
        C::Stop => rows::stop(state, effects),
        C::Regenerate => rows::regenerate(state, effects),
        C::NextSeed => {
            state.prefs.sampling.seed = state.prefs.sampling.seed.wrapping_add(1);
            rows::generate(state, effects);
        }
        C::Pin => state.session.pinned = state.session.current,
        C::Unpin => state.session.pinned = None,
        C::SelectRun(id) => rows::select(state, id),
        C::CopyText(id) => {
            if let Some(run) = state.session.get(id) {
                effects.push(Effect::Copy(run.text.clone()));
                notify(state, NoticeKind::Info, "Copied the answer".to_owned());
            }
        }
        C::ForgetAnswers => state.overlay.open = Overlay::Forgetting,
        C::ForgetNow => rows::forget(state, effects),
        C::ToggleRaw => state.prefs.reading.raw = !state.prefs.reading.raw,
        C::ToggleDifferences => {
            state.prefs.reading.differences = !state.prefs.reading.differences;
        }
        C::AnswerSize(by) => {
            state.prefs.reading = state.prefs.reading.stepped(f32::from(by));
        }
        C::Move(to, gesture) => {
            let dragged = gesture == Gesture::Settled && state.first_steps.saw_corners();
            state.prefs.hints.first_steps |= dragged;
            point::go(state, to, gesture, effects);
        }
        C::Preset(number) => {
            state.first_steps.went_to(number);
            point::preset(state, number, effects);
        }
        C::SetMode(mode) => point::set_mode(state, mode, effects),
        C::SetAxes(axes) => point::set_axes(state, axes),
        C::FocusAxis(axis) => state.simplex.axis = axis,
        C::EditField(index, text) => fields::edit(state, index, text, effects),
        C::EndField => fields::end(state, effects),
        C::SetC(c) => point::set_c(state, c),
        C::SetGenerate(when) => state.prefs.generate = when,
        C::ShowExperts(on) => state.prefs.show_experts = on,
        C::ShowCells(on) => state.prefs.show_cells = on,
        C::ShowSwept(on) => state.prefs.show_swept = on,
        C::Magnet(on) => state.prefs.magnet = on,
        C::ToggleMute(channel) => mutes::toggle(state, channel, effects, Mutes::toggle_mute),
        C::ToggleSolo(channel) => mutes::toggle(state, channel, effects, Mutes::toggle_solo),
        C::ClearMutes => mutes::clear(state, effects),
        C::SetPrompt(text) => rows::set_prompt(state, text),
        C::ToggleConversation => turns::toggle(state),
        C::SetTurn(index, turn) => turns::set(state, index, turn),
        C::FocusTurn(index) => turns::focus(state, index),
        C::AddTurn => turns::add(state),
        C::AddSystemTurn => turns::add_system(state),
        C::RemoveTurn => turns::remove(state),
        C::MoveTurn(by) => turns::step(state, by),
        C::Continue => turns::go_on(state),
        C::ToggleGiven => state.prefs.show_given = !state.prefs.show_given,
        C::ToggleIds => state.prefs.show_ids = !state.prefs.show_ids,
        C::PickSample(index) => rows::pick_sample(state, index, effects),
        C::SetSampling(form) => state.prefs.sampling = form,
        C::SetMethod(kind) => point::set_method(state, kind),
        C::SetSweep(form) => sweep::set_form(state, form, effects),
        C::ChoosePrompts => effects.push(Effect::Pick(Wanted::Prompts)),
        C::ChoosePoints => effects.push(Effect::Pick(Wanted::Points)),
        C::FillPoints(of) => points::fill(state, of, effects),
        C::StartSweep => sweep::start(state, effects),
        C::TogglePause => sweep::toggle_pause(state, effects),
        C::CancelSweep => sweep::cancel(state, effects),
        C::SwapSweep => sweep::swap(state),
        C::SelectDot(dot) => sweep::select(state, dot, effects),
        C::StepRow(by) => sweep::step_row(state, by, effects),
        C::SetPareto(view) => state.prefs.pareto = view,
        C::Fit => state.prefs.pareto.fits += 1,
        C::ToggleTable => state.prefs.pareto.table = !state.prefs.pareto.table,
        C::SetHeatmap(view) => state.prefs.heatmap = view,
        C::SetTiers(tiers) => state.prefs.tiers = tiers,
        C::StepTierLayer(by) => step_tiers(state, by, TierOptions::step_layer),
        C::StepTierModule(by) => step_tiers(state, by, TierOptions::step_module),
        C::Compare(compared, measure) => {
            interference::compare(state, compared, measure, effects);
        }
        C::Talk(talk) => talk::command(state, talk, effects),
        C::SetLearn(_) | C::StartLearn | C::CancelLearn | C::LoadLearnt => {
            learn::command(state, command, effects);
        }
        C::Dropped(path) => files::dropped(state, path, effects),
        C::Annotate(command) => annotate::command(state, command, effects),
        C::Try(prompt, response) => trial::edit(state, prompt, response, effects),
        C::TryCurrent => trial::from_current(state, effects),
        other => {
            let rest = training::command(state, other, effects)
                .and_then(|other| export::command(state, other, effects))
                .and_then(|other| study::command(state, other, effects));
            if let Some(other) = rest {
                shell::command(state, other, effects);
            }
        }
    }
    if let Some(before) = before {
        undo::after(state, before);
    }
    follow_points(state);
}

/// Brings the front up to the points that are in.
fn follow_points(state: &mut AppState) {
    others::follow(state);
    let (sweep, axes) = (&state.sweep, &state.simplex.axes);
    // Points over all prompts and over a part of them are other points.
    let (points, generation) = match state.others.points() {
        Some(points) => (points, 2 * state.others.revision() + 1),
        None => (&sweep.points[..], 2 * sweep.generation),
    };
    state.front.update(points, generation, axes);
}

/// Steps through the modules that the bundle's experts are on.
fn step_tiers(state: &mut AppState, by: isize, step: fn(&mut TierOptions, &SiteMap, isize)) {
    if let Some(info) = state.bundle.current.clone() {
        step(&mut state.prefs.tiers, &SiteMap::new(&info.sites), by);
    }
}

/// What a frame brings after its events: the front follows its points, an answer begins after a rest, old news fade.
pub fn tick(state: &mut AppState, effects: &mut Vec<Effect>) {
    point::live(state, effects);
    preview::follow(state, effects);
    sweep::count_held(state, effects);
    asks::follow(state, effects);
    judge::follow(state, effects);
    study::look_at_dot_again(state, effects);
    talk::tick(state, effects);
    follow_points(state);
    if state
        .engine
        .notice
        .as_ref()
        .is_some_and(|n| n.kind == NoticeKind::Info && state.now - n.at > Notice::SECONDS)
    {
        state.engine.notice = None;
    }
}

/// Seconds until something changes by itself; `None` where nothing will.
pub fn wake_after(state: &AppState) -> Option<f32> {
    let live = point::is_followed(state) && state.simplex.stale;
    let counting = state.sweep.held_due.is_some()
        && !state.bundle.stored
        && state.engine.phase == EnginePhase::Ready
        && !state.sweep.is_active();
    // Seconds and speeds are shown while something runs.
    let busy = state.session.running().is_some()
        || state.sweep.is_active()
        || state.training.active().is_some()
        || state.export.stage.is_some()
        || state.learn.phase.is_active()
        || state.judge.active().is_some()
        || state.bundle.loading.is_some();
    let fading = state
        .engine
        .notice
        .as_ref()
        .is_some_and(|n| n.kind == NoticeKind::Info);
    let soon = live || state.preview.due.is_some() || counting;
    if let Some(rest) = annotate::rest(state).or_else(|| judge::rest(state)) {
        return Some(rest.max(0.05));
    }
    let window = match (soon, busy, fading) {
        (true, _, _) => Some(0.05),
        (_, true, _) => Some(0.25),
        (_, _, true) => Some(1.0),
        _ => None,
    };
    let both = window.into_iter().chain(talk::wake(state));
    both.reduce(f32::min)
}
