//! The last view comes back: the study's own, and the place that fits the bundle that is in use now. Its answers are
//! brought back by the study.

use super::{Effect, view};
use crate::state::{AppState, Kept, KeptView, Place, ReturnTo, Sight};
use crate::study::StudyCommand;

/// A bundle is in use: brings back what was kept of it, where nothing was asked in this session yet.
pub(super) fn restore(state: &mut AppState) {
    if state.session.runs.is_empty() {
        stand_again(state);
    }
    if state.study.seen.is_some() {
        // What a bundle brings is nothing that a person did.
        state.study.seen = Some(Sight::of(state));
    }
}

fn stand_again(state: &mut AppState) {
    let Some(kept) = of_bundle(state) else {
        return;
    };
    state.overlay.panel = kept.panel;
    state.study.return_to = Some(ReturnTo {
        looked_at: kept.looked_at,
        compared: kept.compared,
    });
    view::stand(state, &kept.place);
}

fn of_bundle(state: &AppState) -> Option<Kept> {
    let info = state.info()?;
    state.kept.iter().find(|kept| kept.is_of(info)).cloned()
}

/// A study is opened, and this is its view, where it has one. What a person did since it was asked for stays.
pub(super) fn arrived(state: &mut AppState, json: Option<&str>, effects: &mut Vec<Effect>) {
    let seen = state.study.seen.take().unwrap_or_default();
    let Some(json) = json else { return };
    let Ok(kept) = serde_json::from_str::<KeptView>(json) else {
        tracing::warn!("the study's view is not read: it is written otherwise");
        return;
    };
    json.clone_into(&mut state.study.given);
    state.kept = kept.bundles;
    state.annotate.resume = kept.annotating;
    if state.study.dot.is_none() {
        state.study.dot_again = kept.dot;
    }
    let now = Sight::of(state);
    let placed = Place::of(state) == seen.place;
    let theirs = Sight {
        view: kept.view,
        ..now.clone()
    };
    if let Some(sight) = theirs.with(&seen.changed_in(&now)) {
        view::show(state, sight.view, effects);
    }
    if placed {
        stand_again(state);
    }
}

/// What the study is given to keep, where that is something new and it takes it.
pub fn keep(state: &mut AppState) -> Option<StudyCommand> {
    if !state.study.is_open() || state.study.theirs.is_some() {
        return None;
    }
    // Numbers, texts and lists are always JSON.
    let json = serde_json::to_string(&KeptView::of(state)).ok()?;
    if json == state.study.given {
        return None;
    }
    state.study.given.clone_from(&json);
    Some(StudyCommand::SaveView(json))
}
