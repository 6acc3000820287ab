//! The study's sweeps in the Front panel: what is drawn of them, and the stored answers of their dots.

use std::sync::Arc;

use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::bundle_uid;
use paretoscope_core::types::BundleInfo;

use super::{Effect, notify, sweep};
use crate::state::{AppState, NoticeKind, Origin, OthersFrom, Owner, RunEntry};
use crate::study::{Recalled, StudyCommand};

/// Brings what is drawn of the study up to its fronts and to the panel's own sweep.
pub(super) fn follow(state: &mut AppState) {
    let own = state.own_sweep();
    let seen = state.plots_study();
    state.others.update(&OthersFrom {
        fronts: state.study.front().filter(|_| seen),
        plan: state.sweep.plan.as_ref(),
        own,
        points: &state.sweep.points,
        objectives: &state.objectives,
        axes: &state.simplex.axes,
    });
    let fronts = state.study.front().cloned();
    let names = fronts
        .iter()
        .flat_map(|f| f.objectives.iter().map(|o| o.name.clone()));
    let names: Vec<String> = names.collect();
    state.study.laid.update(&OthersFrom {
        fronts: fronts.as_ref(),
        plan: None,
        own: None,
        points: &[],
        objectives: &names,
        axes: fronts.as_ref().map_or(&[], |fronts| &fronts.axes),
    });
}

/// Looks at a dot of the study in the window, too: its answers take their place among the others.
pub(super) fn select(state: &mut AppState, dot: Option<&str>, effects: &mut Vec<Effect>) {
    sweep::leave_dot(state);
    let Some(dot) = dot else { return };
    effects.push(Effect::Study(StudyCommand::Recall(dot.to_owned())));
    // Without a bundle there is no place for answers but the study's sheet.
    if state.info().is_some() {
        state.sweep.before = state.session.current;
        state.sweep.recalling = true;
    }
}

/// The answers of the dot that is looked at are here.
pub(super) fn answers(
    state: &mut AppState,
    answers: &Result<(Arc<BundleInfo>, Vec<Recalled>), Trouble>,
    effects: &mut Vec<Effect>,
) {
    if !std::mem::take(&mut state.sweep.recalling) {
        return;
    }
    let (bundle, stored) = match answers {
        Ok(found) => found,
        Err(trouble) => {
            let words = format!("The answers of this dot are not there: {}", trouble.message);
            return notify(state, NoticeKind::Error, words);
        }
    };
    let Some(info) = state.info() else { return };
    // The bundle in use is known in full, that of the study without its prompts.
    let ours = bundle_uid(info) == bundle_uid(bundle);
    let bundle = Arc::clone(if ours { info } else { bundle });
    let mut ids = Vec::with_capacity(stored.len());
    for (row, answer) in stored.iter().enumerate() {
        let id = state.session.next_id();
        let job = state.jobs.begin(Owner::Run(id));
        state.jobs.end(job);
        let mut entry = RunEntry::recalled(id, job, Arc::clone(&bundle), answer);
        entry.origin = Origin::Study { row };
        state.session.push(entry);
        ids.push(id);
    }
    let wanted = sweep::wanted_row(state, stored.iter().map(|s| &s.run.prompt));
    state.sweep.rows = ids;
    sweep::show_row(state, wanted, effects);
}
