//! Tasks of annotation, and the blind view of whoever votes.

use std::path::PathBuf;

use paretoscope_core::annotate::{Picked, Question};
use paretoscope_core::stats::Draws;

use super::{Effect, judge};
use crate::command::Annotation;
use crate::state::{
    AnnotatePage, AppState, Desk, DeskCard, DeskField, DeskPhase, Overlay, Weighed,
};
use crate::study::{AnnotateCommand, AnnotateNews, StudyCommand, TaskList};
use crate::tasks::Wanted;

/// Seconds that the form of a new task rests before it is counted what it asks.
const REST: f64 = 0.4;

/// Carries a command out.
pub(super) fn command(state: &mut AppState, command: Annotation, effects: &mut Vec<Effect>) {
    let now = state.now;
    match command {
        Annotation::Page(page) => turn(state, page, effects),
        Annotation::SetForm(form) => {
            state.annotate.form = *form;
            state.annotate.changed = Some(now);
            state.annotate.built = None;
        }
        Annotation::Build => {
            state.annotate.building = true;
            state.annotate.built = None;
            let form = Box::new(state.annotate.form.clone());
            ask(effects, AnnotateCommand::Build(form));
        }
        Annotation::More(task, count) => ask(effects, AnnotateCommand::More(task, count)),
        Annotation::Weigh => weigh(state, effects),
        Annotation::StopWeighing => {
            state.annotate.weighed = Weighed::Stopped;
            ask(effects, AnnotateCommand::StopWeighing);
        }
        Annotation::SetPair(x, y) => state.annotate.pair = (x, y),
        Annotation::SetLend(form) => {
            state.annotate.lend = form;
            state.annotate.moved = None;
        }
        Annotation::Choose(wanted) => effects.push(Effect::Pick(wanted)),
        Annotation::Pack => {
            let lend = &state.annotate.lend;
            let (task, out) = (lend.task.clone(), lend.out.clone());
            let alias = lend.alias.trim().to_owned();
            moving(state, AnnotateCommand::Pack { task, alias, out }, effects);
        }
        Annotation::Bring => {
            let back = state.annotate.lend.back.clone();
            moving(state, AnnotateCommand::Bring(back), effects);
        }
        Annotation::ExportPairs => {
            let AnnotatePage::Results(task) = state.annotate.page.clone() else {
                return;
            };
            let (objective, out) = (
                state.annotate.lend.objective.clone(),
                state.annotate.lend.pairs.clone(),
            );
            let pairs = AnnotateCommand::Pairs {
                task,
                objective,
                out,
            };
            moving(state, pairs, effects);
        }
        Annotation::ExportVotes => {
            if let AnnotatePage::Results(task) = state.annotate.page.clone() {
                let out = state.annotate.lend.votes.clone();
                moving(state, AnnotateCommand::Votes { task, out }, effects);
            }
        }
        Annotation::Begin(task) => begin(state, task, effects),
        Annotation::Leave => leave(state, effects),
        other => {
            if let Some(desk) = &mut state.annotate.desk {
                desk.hint.clear();
                at_desk(desk, other, now, effects);
            }
        }
    }
}

/// A file was picked in a dialog: it is named as if it were typed. What is there is never written over, whatever the dialog
/// asked.
pub(super) fn picked(state: &mut AppState, wanted: Wanted, path: PathBuf) {
    let annotate = &mut state.annotate;
    annotate.moved = None;
    match wanted {
        Wanted::Votes => {
            annotate.form.file = Some(path);
            annotate.changed = Some(state.now);
            annotate.built = None;
        }
        Wanted::Pack => annotate.lend.out = with_ending(path, "study"),
        Wanted::Back => annotate.lend.back = path,
        Wanted::Pairs => annotate.lend.pairs = with_ending(path, "jsonl"),
        Wanted::VotesOut => annotate.lend.votes = with_ending(path, "jsonl"),
        // The others are no files of annotation.
        _ => {}
    }
}

/// Some dialogs leave it to a person to name the ending.
fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    if path.extension().is_some() {
        path
    } else {
        path.with_extension(ending)
    }
}

fn ask(effects: &mut Vec<Effect>, command: AnnotateCommand) {
    effects.push(Effect::Study(StudyCommand::Annotate(command)));
}

fn moving(state: &mut AppState, command: AnnotateCommand, effects: &mut Vec<Effect>) {
    state.annotate.moving = true;
    state.annotate.moved = None;
    ask(effects, command);
}

fn turn(state: &mut AppState, page: AnnotatePage, effects: &mut Vec<Effect>) {
    let other = state.annotate.page != page;
    state.annotate.page = page;
    if !other {
        return;
    }
    state.annotate.moved = None;
    if let Weighed::Under(..) = state.annotate.weighed {
        ask(effects, AnnotateCommand::StopWeighing);
    }
    state.annotate.weighed = Weighed::Not;
    if let AnnotatePage::Results(_) = state.annotate.page {
        weigh(state, effects);
    }
}

fn weigh(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let AnnotatePage::Results(task) = &state.annotate.page {
        let draws = Draws::default().draws;
        ask(effects, AnnotateCommand::Weigh(task.clone(), draws));
        state.annotate.weighed = Weighed::Under(0, 0);
    }
}

/// Opens the blind view: nothing else is seen from now on.
fn begin(state: &mut AppState, task: String, effects: &mut Vec<Effect>) {
    let pack = state.annotate.task(&task).is_some_and(|line| line.pack);
    let list = state.annotate.list.as_ref();
    let only = list.and_then(|list| list.people.first().cloned());
    state.annotate.desk = Some(Desk::new(task, only.filter(|_| pack)));
    state.overlay.open = Overlay::None;
    if let Weighed::Under(..) = state.annotate.weighed {
        ask(effects, AnnotateCommand::StopWeighing);
    }
}

/// Leaves it for the rest of the window.
fn leave(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(mut desk) = state.annotate.desk.take() {
        keep(&mut desk, state.now, effects);
        state.overlay.open = Overlay::Annotate;
        ask(effects, AnnotateCommand::Rise);
    }
    // What was weighed before is older than the votes.
    state.annotate.weighed = Weighed::Not;
}

/// What somebody does who votes.
fn at_desk(desk: &mut Desk, command: Annotation, now: f64, effects: &mut Vec<Effect>) {
    match command {
        Annotation::TypeAlias(alias) => {
            desk.typed = alias;
            desk.trouble = None;
        }
        Annotation::Sit => {
            desk.phase = DeskPhase::Seating;
            desk.trouble = None;
            let alias = desk.typed.trim().to_uppercase();
            let task = desk.task.clone();
            ask(effects, AnnotateCommand::Sit { task, alias });
        }
        Annotation::HandOver => {
            keep(desk, now, effects);
            desk.rise();
            ask(effects, AnnotateCommand::Rise);
        }
        Annotation::Digit(digit) => {
            let objective = desk.objective;
            if let Some(picked) = desk.by_digit(objective, digit) {
                pick(desk, objective, picked, now, effects);
            }
        }
        Annotation::Pick(objective, picked) => pick(desk, objective, picked, now, effects),
        Annotation::Strength(objective, strength) => {
            if let Some(choice) = desk.choices.get_mut(objective) {
                choice.strength = Some(strength);
                keep(desk, now, effects);
            }
        }
        Annotation::Objective(objective) => desk.objective = objective,
        Annotation::StepObjective(by) => {
            let last = desk.choices.len().saturating_sub(1);
            desk.objective = desk.objective.saturating_add_signed(by).min(last);
            desk.live(now);
        }
        Annotation::Submit => cast(desk, None, now, effects),
        Annotation::TakeBack => {
            desk.busy = true;
            ask(effects, AnnotateCommand::TakeBack);
        }
        Annotation::Comment => {
            desk.commenting = true;
            desk.focus = Some(DeskField::Comment);
        }
        Annotation::SetComment(text) => {
            desk.comment = text;
            keep(desk, now, effects);
        }
        Annotation::AskSkip => {
            desk.card = DeskCard::Skip;
            desk.focus = Some(DeskField::Reason);
        }
        Annotation::SetReason(text) => desk.reason = text,
        Annotation::Skip => {
            let reason = desk.reason.clone();
            cast(desk, Some(&reason), now, effects);
        }
        Annotation::AskLeave => {
            desk.card = DeskCard::Leave;
            desk.word.clear();
            desk.focus = Some(DeskField::Word);
        }
        Annotation::SetWord(word) => desk.word = word,
        Annotation::Close => {
            desk.card = DeskCard::None;
            desk.word.clear();
        }
        Annotation::Live => {
            desk.live(now);
        }
        Annotation::Rested => desk.since_break = 0,
        Annotation::FieldTaken => desk.focus = None,
        // Those of the sheet are carried out above.
        _ => {}
    }
}

/// Takes a choice up; where it is all that there is to do, it is cast.
fn pick(desk: &mut Desk, objective: usize, picked: Picked, now: f64, effects: &mut Vec<Effect>) {
    let asks_strength = desk.item.as_ref().is_some_and(|item| item.strength);
    let Some(choice) = desk.choices.get_mut(objective) else {
        return;
    };
    let sided = matches!(picked, Picked::Left | Picked::Right);
    choice.strength = match choice.strength {
        // The same key again: one more.
        Some(strength) if asks_strength && choice.picked.as_ref() == Some(&picked) => {
            Some(strength % 3 + 1)
        }
        _ => (asks_strength && sided).then_some(1),
    };
    choice.picked = Some(picked);
    desk.objective = objective;
    if desk.is_single() {
        return cast(desk, None, now, effects);
    }
    let ranking = desk
        .item
        .as_ref()
        .is_some_and(|item| item.question == Question::Ranking);
    let settled = !asks_strength && (!ranking || desk.is_chosen(objective));
    if settled && let Some(next) = desk.next_open() {
        desk.objective = next;
    }
    keep(desk, now, effects);
}

fn keep(desk: &mut Desk, now: f64, effects: &mut Vec<Effect>) {
    // What is being cast is no draft any more.
    if !desk.busy
        && let Some(draft) = desk.draft(now)
    {
        ask(effects, AnnotateCommand::Draft(draft));
    }
}

fn cast(desk: &mut Desk, skip: Option<&str>, now: f64, effects: &mut Vec<Effect>) {
    let Some(place) = desk.place() else { return };
    let Some((ballots, looked)) = desk.ballots(skip, now) else {
        return;
    };
    desk.busy = true;
    desk.since_break += looked.active_ms;
    ask(effects, AnnotateCommand::Cast(place, ballots, looked));
}

/// Why a command did not run, said where somebody who votes sees it; whether anybody does.
pub(super) fn refused(state: &mut AppState, words: &str) -> bool {
    let Some(desk) = &mut state.annotate.desk else {
        return false;
    };
    words.clone_into(&mut desk.hint);
    true
}

/// Takes in what the study says.
pub(super) fn news(state: &mut AppState, news: AnnotateNews, effects: &mut Vec<Effect>) {
    let now = state.now;
    let annotate = &mut state.annotate;
    match news {
        AnnotateNews::Tasks(list) => listed(state, list, effects),
        AnnotateNews::Seat(seat) => {
            if let Some(desk) = &mut annotate.desk
                && desk.task == seat.task
                && desk.phase != DeskPhase::Door
            {
                desk.show(*seat, now);
            }
        }
        AnnotateNews::NotSeated(trouble) => {
            if let Some(desk) = &mut annotate.desk {
                desk.phase = DeskPhase::Door;
                desk.trouble = Some(trouble);
                desk.focus = Some(DeskField::Alias);
            }
        }
        AnnotateNews::NotCast(trouble) => {
            if let Some(desk) = &mut annotate.desk {
                desk.busy = false;
                desk.trouble = Some(trouble);
            }
        }
        AnnotateNews::Preview(form, found) => {
            if let Some((asked, known)) = &mut annotate.preview
                && *asked == *form
            {
                *known = Some(found);
            }
        }
        AnnotateNews::Built(built) => {
            annotate.building = false;
            if built.is_ok() {
                // The next one is another one.
                annotate.form.name.clear();
                annotate.changed = None;
            }
            annotate.built = Some(built);
        }
        AnnotateNews::Weighing(done, of) => {
            if let Weighed::Under(..) = annotate.weighed {
                annotate.weighed = Weighed::Under(done, of);
            }
        }
        AnnotateNews::Weighed(task, cast, found) => {
            if annotate.page == AnnotatePage::Results(task)
                && let Weighed::Under(..) = annotate.weighed
            {
                // One that was stopped says so late: by then another may be under way.
                if let Some(found) = found.transpose() {
                    annotate.weighed = Weighed::Done(found);
                    annotate.cast = cast;
                }
            }
        }
        AnnotateNews::Judged(task, found) => judge::judged(state, &task, found),
        AnnotateNews::Moved(moved) => {
            annotate.moving = false;
            annotate.moved = Some(moved);
        }
    }
}

/// Tasks are known. A pack is there to be voted on, and for nothing else.
fn listed(state: &mut AppState, list: TaskList, effects: &mut Vec<Effect>) {
    if !state.study.is_readable() {
        // Those of a study that was left.
        return;
    }
    let first = state.annotate.list.is_none();
    let pack = list.tasks.iter().find(|task| task.pack);
    let pack = pack.map(|task| task.name.clone());
    if state.annotate.lend.task.is_empty()
        && let Some(task) = list.tasks.last()
    {
        state.annotate.lend.task.clone_from(&task.name);
    }
    if state.annotate.lend.alias.is_empty() {
        state.annotate.lend.alias.clone_from(&list.next);
    }
    state.annotate.list = Some(list);
    let resume = state.annotate.resume.take();
    if !first || !state.study.is_open() {
        return;
    }
    let resume = resume.filter(|(task, _)| state.annotate.task(task).is_some());
    if let Some((task, alias)) = resume {
        begin(state, task, effects);
        if let Some(desk) = &mut state.annotate.desk {
            desk.typed = alias;
        }
    } else if let Some(task) = pack {
        begin(state, task, effects);
    }
}

/// Another study is opened: what was known of the one before is let go.
pub(super) fn opened(state: &mut AppState) {
    state.annotate = Default::default();
}

/// Fills a form that nobody touched, and asks what it would ask of people, where somebody looks and it rests.
pub(super) fn follow(state: &mut AppState, effects: &mut Vec<Effect>) {
    let seen = state.overlay.open == Overlay::Annotate
        && state.annotate.page == AnnotatePage::Builder
        && state.study.is_readable();
    if !seen {
        return;
    }
    fill(state);
    let annotate = &mut state.annotate;
    if annotate.form.file.is_some() || annotate.form.sweeps.is_empty() {
        return;
    }
    let form = annotate.form.drawn_by();
    let known = annotate.preview.as_ref();
    let asked = known.is_some_and(|(asked, found)| *asked == form || found.is_none());
    let rests = annotate.changed.is_none_or(|at| state.now - at >= REST);
    if !asked && rests {
        annotate.preview = Some((form.clone(), None));
        ask(effects, AnnotateCommand::Preview(Box::new(form)));
    }
}

/// Seconds until the form has rested; `None` where nothing waits for that.
pub(super) fn rest(state: &AppState) -> Option<f32> {
    let open = state.overlay.open == Overlay::Annotate;
    let left = state.annotate.changed? + REST - state.now;
    (open && left > 0.0).then_some(left as f32)
}

/// The newest sweep and its objectives, where the form has none; a name that no task has, where nobody touched it.
fn fill(state: &mut AppState) {
    let annotate = &mut state.annotate;
    if annotate.changed.is_some() {
        return;
    }
    let form = &mut annotate.form;
    let mut sweeps = state.study.sweeps.iter().rev();
    if form.sweeps.is_empty()
        && let Some(sweep) = sweeps.find(|sweep| sweep.done > 0)
    {
        form.sweeps = vec![sweep.id];
        let objectives = sweep.info.objectives.iter();
        form.design.objectives = objectives.map(|o| o.name.clone()).collect();
    }
    if form.name.is_empty()
        && let Some(list) = &annotate.list
    {
        let taken = |name: &String| list.tasks.iter().any(|task| task.name == *name);
        let mut names = (list.tasks.len() + 1..).map(|n| format!("votes {n}"));
        form.name = names.find(|name| !taken(name)).unwrap_or_default();
    }
}
