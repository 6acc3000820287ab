//! Two dots of the study, prompt by prompt.

use super::Effect;
use crate::command::AppCommand;
use crate::state::{AppState, Overlay};
use crate::study::{Pair, StudyCommand};

/// Commands of the comparison; one of something else is given back.
pub(super) fn command(state: &mut AppState, command: AppCommand) -> Option<AppCommand> {
    use AppCommand as C;
    let current = state.study.dot.as_ref().map(|open| open.dot.clone());
    let differ = &mut state.study.differ;
    match command {
        C::PinMark => differ.pinned = current,
        C::UnpinMark => differ.pinned = None,
        C::SortDiffering(by) => {
            differ.by = by;
            differ.row = 0;
        }
        C::SelectDiffering(row) => differ.row = row,
        C::StepDiffering(by) => {
            let count = differ.differences().map_or(0, |found| found.rows.len());
            let last = count.saturating_sub(1);
            differ.row = differ.row.saturating_add_signed(by).min(last);
        }
        other => return Some(other),
    }
    None
}

/// What is to be compared now, if two dots are there.
fn wanted(state: &AppState) -> Option<Pair> {
    let study = &state.study;
    let a = study.differ.pinned.clone()?;
    let b = study.dot.as_ref()?.dot.clone();
    (a != b).then_some(Pair {
        a,
        b,
        by: study.differ.by,
        split: study.split,
    })
}

/// Asks for what is to be compared, where that is something else now and somebody looks.
pub(super) fn follow(state: &mut AppState, effects: &mut Vec<Effect>) {
    let wanted = wanted(state);
    let seen = state.overlay.open == Overlay::Study;
    let differ = &mut state.study.differ;
    if wanted == differ.asked || (wanted.is_some() && !seen) {
        return;
    }
    // The first of another pair, and of another order.
    differ.row = 0;
    differ.found = None;
    differ.asked.clone_from(&wanted);
    if let Some(pair) = wanted {
        effects.push(Effect::Study(StudyCommand::Differ(pair)));
    }
}
