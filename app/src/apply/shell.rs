//! Bundles, sheets, theme and zoom.

use std::path::{Path, PathBuf};

use paretoscope_core::protocol::{EngineCommand, Trouble};
use paretoscope_core::types::PromptSample;

use super::bundle::{cancel_load, load};
use super::{Effect, learn, notify, sweep, training};
use crate::command::AppCommand;
use crate::locate;
use crate::registry;
use crate::state::{AppState, NoticeKind, Overlay, Panel, PromptSource, ThemeChoice};
use crate::tasks::Wanted;

/// Smallest and largest zoom.
pub(crate) const ZOOM: std::ops::RangeInclusive<f32> = 0.5..=3.0;
const ZOOM_STEP: f32 = 0.1;

/// The first thing that happens: the bundle named on the command line, else the last one used,
/// else the demonstration.
pub fn start(
    state: &mut AppState,
    named: Option<PathBuf>,
    study: Option<PathBuf>,
    effects: &mut Vec<Effect>,
) {
    state.prompt.text.clone_from(&state.prefs.prompt);
    state.prompt.turns.clone_from(&state.prefs.turns);
    state.prompt.conversation = state.prefs.conversation && !state.prompt.turns.is_empty();
    let last = state.prefs.recents.first();
    let last = last.filter(|path| locate::is_model(path)).cloned();
    if let PromptSource::File(path) = &state.prefs.sweep.source
        && !path.as_os_str().is_empty()
    {
        effects.push(Effect::Send(EngineCommand::ReadPrompts {
            path: path.clone(),
        }));
    }
    super::points::follow(state, None, effects);
    if let Some(path) = study {
        super::study::open(state, path, effects);
    }
    if let Some(path) = named.or(last).or_else(|| state.bundle.demo.clone()) {
        load(state, &path, effects);
    }
    effects.push(Effect::Send(EngineCommand::FindRuns {
        folder: state.training.folder.clone(),
    }));
    effects.push(Effect::Theme);
    effects.push(Effect::Zoom(state.prefs.zoom));
}

pub(super) fn command(state: &mut AppState, command: AppCommand, effects: &mut Vec<Effect>) {
    use AppCommand as C;
    match command {
        C::LoadBundle(path) => load(state, &path, effects),
        C::LoadDemo => {
            if let Some(path) = state.bundle.demo.clone() {
                load(state, &path, effects);
            }
        }
        C::ChooseBundle => effects.push(Effect::Pick(Wanted::Bundle)),
        C::TypePath(text) => state.bundle.typed = text,
        C::DismissFailure => state.bundle.failure = None,
        C::CancelLoad => cancel_load(state, effects),
        C::Show(overlay) => {
            state.overlay.open = if state.overlay.open == overlay {
                Overlay::None
            } else {
                overlay
            };
            state.overlay.query.clear();
            state.overlay.row = 0;
            if state.overlay.open == Overlay::Training {
                training::open(state, effects);
            }
            if state.overlay.open == Overlay::Learn {
                learn::open(state, effects);
            }
        }
        C::Query(text) => {
            state.overlay.query = text;
            state.overlay.row = 0;
        }
        C::MarkRow(row) => {
            let last = registry::search(state, &state.overlay.query)
                .len()
                .saturating_sub(1);
            state.overlay.row = row.min(last);
        }
        C::Focus(panel) => state.overlay.show_panel(panel),
        C::FocusTaken => state.overlay.focus = None,
        C::NextPanel => {
            let at = Panel::ALL
                .iter()
                .position(|p| *p == state.overlay.panel)
                .unwrap_or(0);
            let next = Panel::ALL[(at + 1) % Panel::ALL.len()];
            state.overlay.show_panel(next);
        }
        C::SetTheme(theme) => set_theme(state, theme, effects),
        C::ToggleTheme => {
            let next = match state.prefs.theme {
                ThemeChoice::Dark => ThemeChoice::Light,
                ThemeChoice::Light | ThemeChoice::System => ThemeChoice::Dark,
            };
            set_theme(state, next, effects);
        }
        C::SetDivision(division) => state.prefs.division = division.mended(),
        C::SetZoom(zoom) => set_zoom(state, zoom, effects),
        C::ZoomIn => set_zoom(state, state.prefs.zoom + ZOOM_STEP, effects),
        C::ZoomOut => set_zoom(state, state.prefs.zoom - ZOOM_STEP, effects),
        C::ZoomReset => set_zoom(state, 1.0, effects),
        C::ReduceMotion(on) => {
            state.prefs.reduce_motion = on;
            effects.push(Effect::Theme);
        }
        C::DismissFirstSteps => state.prefs.hints.first_steps = true,
        C::ToggleFullscreen => {
            state.fullscreen = !state.fullscreen;
            effects.push(Effect::Fullscreen(state.fullscreen));
        }
        C::Quit
            if state.sweep.is_active()
                || state.training.active().is_some()
                || state.learn.phase.is_active()
                || state.judge.active().is_some() =>
        {
            state.overlay.open = Overlay::Closing;
            effects.push(Effect::KeepOpen);
        }
        C::Quit | C::Leave => {
            state.leaving = true;
            effects.push(Effect::Close);
        }
        // `apply::command` takes all others.
        _ => {}
    }
}

fn set_theme(state: &mut AppState, theme: ThemeChoice, effects: &mut Vec<Effect>) {
    state.prefs.theme = theme;
    effects.push(Effect::Theme);
}

fn set_zoom(state: &mut AppState, zoom: f32, effects: &mut Vec<Effect>) {
    // To a tenth, so that steps meet 100 % again.
    state.prefs.zoom = ((zoom * 10.0).round() / 10.0).clamp(*ZOOM.start(), *ZOOM.end());
    effects.push(Effect::Zoom(state.prefs.zoom));
}

/// A file of prompts was read.
pub(super) fn prompts_read(
    state: &mut AppState,
    path: &Path,
    read: Result<Vec<PromptSample>, Trouble>,
) {
    if !matches!(&state.prefs.sweep.source, PromptSource::File(wanted) if wanted == path) {
        return;
    }
    match &read {
        Ok(prompts) => {
            let text = format!("{} prompts read from {}", prompts.len(), path.display());
            notify(state, NoticeKind::Info, text);
        }
        Err(trouble) => notify(state, NoticeKind::Error, trouble.message.clone()),
    }
    state.sweep.file = Some(read);
    sweep::recount(state);
}
