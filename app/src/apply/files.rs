//! Paths from outside: picked in a dialog, or dropped onto the window.

use std::path::{Path, PathBuf};

use paretoscope_core::protocol::Trouble;

use super::{Effect, annotate, bundle, export, learn, notify, points, study, sweep, training};
use crate::locate;
use crate::state::{AppState, LearnTask, NoticeKind, Overlay, Panel, PromptSource, SweepForm};
use crate::tasks::Wanted;

/// A dialog came back with a path, or with none.
pub fn picked(
    state: &mut AppState,
    wanted: Wanted,
    path: Option<PathBuf>,
    effects: &mut Vec<Effect>,
) {
    let Some(path) = path else { return };
    match wanted {
        Wanted::Bundle => bundle::load(state, &path, effects),
        Wanted::Prompts => prompts(state, path, effects),
        Wanted::Points => points::from_file(state, path, effects),
        Wanted::Examples => training::data_chosen(state, path, effects),
        Wanted::Study => study::open_named(state, path, effects),
        Wanted::Votes | Wanted::Pack | Wanted::Back | Wanted::Pairs | Wanted::VotesOut => {
            annotate::picked(state, wanted, path);
        }
        Wanted::Export { .. } => export::picked(state, path),
    }
}

/// A file was looked for.
pub fn looked_for(state: &mut AppState, path: &Path, found: bool) {
    training::looked_for(state, path, found);
}

/// What a study's votes would teach, or why that cannot be read.
pub fn votes_found(state: &mut AppState, path: &Path, found: Result<Vec<LearnTask>, Trouble>) {
    learn::tasks_found(state, path, found);
}

/// No dialog appeared: the field for the path is shown instead.
pub fn no_dialog(state: &mut AppState, wanted: Wanted, effects: &mut Vec<Effect>) {
    let words = "no file dialog opened (this system has neither a desktop portal nor zenity): type or paste the path, \
                 or drop it onto the window";
    notify(state, NoticeKind::Error, words.to_owned());
    match wanted {
        Wanted::Bundle => state.overlay.open = Overlay::Bundle,
        Wanted::Examples => {}
        Wanted::Study => state.overlay.open = Overlay::Study,
        Wanted::Votes | Wanted::Pack | Wanted::Back | Wanted::Pairs | Wanted::VotesOut => {
            state.overlay.open = Overlay::Annotate;
        }
        Wanted::Export { .. } => state.overlay.open = Overlay::Export,
        Wanted::Points => state.overlay.panel = Panel::Sweep,
        Wanted::Prompts => {
            state.overlay.panel = Panel::Sweep;
            if !matches!(state.prefs.sweep.source, PromptSource::File(_)) {
                prompts(state, PathBuf::new(), effects);
            }
        }
    }
}

/// No thread could be started for a dialog or a file.
pub fn no_thread(state: &mut AppState, reason: &str) {
    notify(
        state,
        NoticeKind::Error,
        format!("no thread to open a dialog or file: {reason}; type the path instead"),
    );
}

/// Something was dropped: a bundle, prompts, a study, or examples while the training sheet is open.
pub(super) fn dropped(state: &mut AppState, path: PathBuf, effects: &mut Vec<Effect>) {
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let folder = locate::bundle_folder(&path);
    match ending.as_str() {
        _ if locate::is_model(&folder) => bundle::load(state, &folder, effects),
        "jsonl" | "ndjson" | "json" | "txt" if state.overlay.open == Overlay::Training => {
            training::data_chosen(state, path, effects);
        }
        "jsonl" | "ndjson" | "json" | "txt" if points::awaited(state) => {
            points::from_file(state, path, effects);
        }
        "jsonl" | "ndjson" | "json" | "txt" => prompts(state, path, effects),
        "study" | "db" | "sqlite" | "sqlite3" => {
            let text = format!("All is kept in {} from now on", path.display());
            notify(state, NoticeKind::Info, text);
            study::open_named(state, path, effects);
        }
        _ => {
            let what = if path.is_dir() {
                "is a folder without a bundle.json or config.json"
            } else {
                "is no file that this window knows"
            };
            let text = format!(
                "{} {what}; a bundle is a folder with a bundle.json, a base alone a folder with a config.json or a .gguf, prompts are a .jsonl, a study is a .study or .db",
                path.display()
            );
            notify(state, NoticeKind::Error, text);
        }
    }
}

/// Takes the sweep's prompts from a file; an empty path waits for one to be typed.
fn prompts(state: &mut AppState, path: PathBuf, effects: &mut Vec<Effect>) {
    let form = SweepForm {
        source: PromptSource::File(path),
        split: None,
        ..state.prefs.sweep.clone()
    };
    sweep::set_form(state, form, effects);
    state.overlay.panel = Panel::Sweep;
}
