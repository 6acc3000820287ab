//! The study: answers into it, what it says back, its sweeps side by side.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{Access, Lease, SweepState as StudySweep, Target, Uid};
use paretoscope_core::types::{Run, Scores};
use paretoscope_figure::plot::{Front, Standing};

use super::asks::{ask_found, bring_back, follow, seek_tag};
use super::{
    Effect, annotate, bundle, chosen, differ, judge, kept, leaving, notify, others, points, sweep,
    talk, undo,
};
use crate::command::AppCommand;
use crate::state::{
    AppState, DotAnswers, NoticeKind, Owner, ReturnTo, RunEntry, RunId, StudyPhase, StudyState,
};
use crate::study::{Recalled, STAR, SavedAnswer, StudyCommand, StudyNews};
use crate::tasks::Wanted;

/// Commands of the study; one of something else is given back.
pub(super) fn command(
    state: &mut AppState,
    command: AppCommand,
    effects: &mut Vec<Effect>,
) -> Option<AppCommand> {
    use AppCommand as C;
    match command {
        C::OpenStudy(path) => open_named(state, path, effects),
        C::ResumeSweep(id) => sweep::resume(state, id, effects),
        C::ChooseStudy => effects.push(Effect::Pick(Wanted::Study)),
        C::TickSweep(sweep, on) => {
            let hidden = state.study.hidden.get_or_insert_default();
            if on {
                hidden.remove(&sweep);
            } else {
                hidden.insert(sweep);
            }
        }
        C::SetSplit(split) => {
            state.study.choosing = None;
            state.study.set_split(split);
        }
        C::ChooseFront(on, shown) => chosen::choose(state, on, shown),
        C::ForgetChosen => state.study.chosen = None,
        C::SweepChosen => chosen::sweep_them(state, effects),
        C::SetReference(axis, value) => {
            // From then on it is a person's own, and stays.
            if let Some((names, mut numbers)) = state.study.measured_from()
                && let Some(number) = numbers.get_mut(axis)
            {
                *number = value;
                state.study.reference = Some((names, numbers));
            }
        }
        C::FreeReference => state.study.reference = None,
        C::SetPair(x, y) => {
            state.study.pair = Some((x, y));
            // It was a part of other scores.
            state.study.zoom = None;
        }
        C::ZoomFronts(zoom) => state.study.zoom = zoom,
        C::SelectMark(dot) => select(state, dot, effects),
        C::StepMark(by) => step(state, by, effects),
        C::StepMarkRow(by) => {
            if let Some(dot) = &mut state.study.dot {
                let count = dot
                    .rows
                    .as_ref()
                    .and_then(|r| r.as_ref().ok())
                    .map_or(0, Vec::len);
                let last = count.saturating_sub(1);
                dot.row = dot.row.saturating_add_signed(by).min(last);
            }
        }
        C::TakeOver => effects.push(Effect::Study(StudyCommand::TakeOver)),
        C::ToggleStar => star(state, effects),
        C::SetNote(id, text) => note(state, id, text, effects),
        C::AddTag(id, name) => tag(state, id, &name, true, effects),
        C::RemoveTag(id, name) => tag(state, id, &name, false, effects),
        C::FilterTag(name) => seek_tag(state, name, effects),
        C::ToggleStarred => state.study.starred = !state.study.starred,
        C::SeekHistory(words) => seek(state, words, effects),
        C::ShowStored(uid) => show_stored(state, &uid),
        other => {
            let rest = differ::command(state, other);
            if let Some(other) = rest.and_then(|other| judge::command(state, other, effects)) {
                return Some(other);
            }
        }
    }
    follow(state, effects);
    None
}

/// Opens a study that a person named, which is the one to begin with from now on.
pub(super) fn open_named(state: &mut AppState, path: PathBuf, effects: &mut Vec<Effect>) {
    state.prefs.study = Some(path.clone());
    open(state, path, effects);
}

/// Opens a study; what was looked at of the one before is let go, once it has it.
pub(super) fn open(state: &mut AppState, path: PathBuf, effects: &mut Vec<Effect>) {
    leaving::make_room(state, path.clone(), effects);
    effects.push(Effect::Study(StudyCommand::Open(path)));
}

/// An answer ended: it is written, with its scores where they are there.
pub(super) fn save(state: &mut AppState, id: RunId, answer: &Arc<Run>, effects: &mut Vec<Effect>) {
    let study = &mut state.study;
    let Some(run) = state.session.get(id) else {
        return;
    };
    let takes = matches!(study.phase, StudyPhase::Open | StudyPhase::Opening);
    if !takes || (answer.text.is_empty() && answer.tokens.is_empty()) {
        return;
    }
    study.waiting.insert(id);
    effects.push(Effect::Study(StudyCommand::Save(SavedAnswer {
        run: id,
        answer: Arc::clone(answer),
        bundle: Arc::clone(&run.bundle),
    })));
}

/// Its scores came after it.
pub(super) fn score(state: &AppState, id: RunId, scores: &Scores, effects: &mut Vec<Effect>) {
    if matches!(state.study.phase, StudyPhase::Open | StudyPhase::Opening) {
        let scores = scores.clone();
        effects.push(Effect::Study(StudyCommand::Score(id, scores)));
    }
}

/// Takes in what the study says.
pub fn study_news(state: &mut AppState, news: StudyNews, effects: &mut Vec<Effect>) {
    match news {
        StudyNews::View(path, json) => {
            if state.study.path.as_ref() == Some(&path) {
                kept::arrived(state, json.as_deref(), effects);
            }
        }
        StudyNews::Opened {
            path,
            access,
            answers,
        } => {
            if state.study.path.as_ref() != Some(&path) {
                return;
            }
            // News of the talks of the file before may have come since.
            state.talk.leave_study();
            state.undo.begin(Default::default());
            state.study.answers = answers;
            state.study.phase = match access {
                Access::Write => StudyPhase::Open,
                Access::Read(why) => {
                    // Nobody writes what waited.
                    state.study.waiting.clear();
                    StudyPhase::ReadOnly(why)
                }
            };
            bring_back(state, effects);
            sweep::recount(state);
            bundle::look_at_stored(state, effects);
        }
        StudyNews::NotOpened { path, trouble } => {
            if state.study.path.as_ref() != Some(&path) {
                return;
            }
            let words = format!("The study is not open: {}", trouble.message);
            notify(state, NoticeKind::Error, words);
            state.study.phase = StudyPhase::Failed(trouble);
            state.annotate.resume = None;
        }
        StudyNews::Saved(id, uid) => {
            if state.study.waiting.remove(&id) {
                state.study.answers += 1;
            }
            if let Some(run) = state.session.get_mut(id) {
                run.stored = Some(uid);
            }
        }
        StudyNews::Unsaved(trouble) => state.study.unsaved = Some(trouble),
        StudyNews::AllSaved => state.study.unsaved = None,
        StudyNews::Decks(decks) => talk::decks(state, decks, effects),
        StudyNews::Staged(material) => talk::staged(state, material),
        StudyNews::Edited(changed) => state.undo.edited(changed),
        StudyNews::Turned(step, again, done) => undo::turned(state, step, again, done, effects),
        StudyNews::Steps(titles) => state.undo.in_file = titles,
        StudyNews::Forgotten => state.study.answers = 0,
        StudyNews::Tags(tags) => state.study.tags = tags,
        StudyNews::History(bundle, sought, answers) => {
            let current = state.info().is_some_and(|info| Arc::ptr_eq(info, &bundle));
            if !current {
                return;
            }
            if sought.is_all() {
                restore(state, &answers);
                look_again(state, true, effects);
            } else if sought == state.study.sought {
                state.study.found = Some(answers);
            }
        }
        StudyNews::Alone => state.study.alone = true,
        StudyNews::Hidden => state.study.answers = state.study.answers.saturating_sub(1),
        StudyNews::Bundle(bundle) => state.study.bundle = Some(bundle),
        StudyNews::Lease(Lease::Ours) => state.study.theirs = None,
        StudyNews::Lease(Lease::Theirs { who, since, .. }) => {
            state.study.theirs = Some((who, since));
        }
        StudyNews::Fetched(bundle, answers) => {
            if state.info().is_some_and(|info| Arc::ptr_eq(info, &bundle)) {
                restore(state, &answers);
                look_again(state, false, effects);
            }
        }
        StudyNews::Sweeps(sweeps) => take_sweeps(state, sweeps),
        StudyNews::Paces(paces) => state.study.paces = paces,
        StudyNews::Drawn(asked, front) => {
            if asked == state.study.asked {
                keep_reference(&mut state.study, front.as_deref().ok());
                chosen::drawn(&mut state.study, front.as_deref().ok());
                state.study.drawn = Some(front);
            }
        }
        StudyNews::Answers(dot, answers) => {
            if state.study.dot.as_ref().is_some_and(|open| open.dot == dot) {
                others::answers(state, &answers, effects);
                if let Some(open) = &mut state.study.dot {
                    open.rows = Some(answers.map(|(_, rows)| rows));
                }
            }
        }
        StudyNews::Covered(split, counted) => {
            if let Some(chosen) = &mut state.study.chosen
                && state.study.split == Some(split)
            {
                chosen.covered = Some(counted);
            }
        }
        StudyNews::Differ(pair, found) => {
            if state.study.differ.asked.as_ref() == Some(&pair) {
                state.study.differ.found = Some(found);
            }
        }
        StudyNews::Starred(found) => points::typed(state, &found, effects),
        StudyNews::Annotate(news) => annotate::news(state, news, effects),
    }
    follow(state, effects);
}

/// The dot that was looked at when the window closed, once it is drawn again and nobody looks at anything else.
pub(super) fn look_at_dot_again(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(dot) = &state.study.dot_again else {
        return;
    };
    if state.session.running().is_some() || state.sweep.is_active() {
        state.study.dot_again = None;
        return;
    }
    // Its answers take their place once those that were asked for are back.
    let waits = state.info().is_none() || state.study.return_to.is_some();
    let drawn = state.study.front().is_some_and(|front| {
        let mut dots = front.series.iter().flat_map(|series| &series.dots);
        dots.any(|known| known.uid == *dot)
    });
    if drawn && !waits {
        let dot = state.study.dot_again.take();
        select(state, dot, effects);
    }
}

/// Answers of earlier sessions come before those of this one.
fn restore(state: &mut AppState, newest_first: &[Recalled]) {
    let Some(info) = state.info().cloned() else {
        return;
    };
    let known: BTreeSet<Uid> = state
        .session
        .runs
        .iter()
        .filter_map(|r| r.stored.clone())
        .collect();
    let mut earlier = Vec::new();
    for stored in newest_first
        .iter()
        .rev()
        .filter(|s| !known.contains(&s.uid))
    {
        let id = state.session.next_id();
        let job = state.jobs.begin(Owner::Run(id));
        state.jobs.end(job);
        earlier.push(RunEntry::recalled(id, job, Arc::clone(&info), stored));
    }
    state.session.put_before(earlier);
}

/// What was looked at is looked at again. Where it is older than the answers at hand, it is fetched first, where that
/// is still possible.
fn look_again(state: &mut AppState, fetch: bool, effects: &mut Vec<Effect>) {
    let wanted = state.study.return_to.take().unwrap_or_default();
    let named = |name: &Option<String>| {
        let name = name.as_ref()?;
        let mut runs = state.session.runs.iter();
        let is_it = |run: &&RunEntry| {
            run.stored
                .as_ref()
                .is_some_and(|uid| uid.to_string() == *name)
        };
        runs.find(is_it).map(|run| run.id)
    };
    let ReturnTo {
        looked_at,
        compared,
    } = &wanted;
    let missing = [looked_at, compared]
        .into_iter()
        .filter(|name| named(name).is_none());
    let missing: Vec<Uid> = missing
        .flatten()
        .filter_map(|name| Uid::parse(name))
        .collect();
    if let Some(info) = state.info().filter(|_| fetch && !missing.is_empty()) {
        effects.push(Effect::Study(StudyCommand::Fetch(
            Arc::clone(info),
            missing,
        )));
        state.study.return_to = Some(wanted);
        return;
    }
    let (current, pinned) = (named(looked_at), named(compared));
    if state.session.current.is_none() {
        // Where nothing was kept of it, the last answer is what was looked at.
        let last = state.session.history().next_back().map(|run| run.id);
        state.session.current = current.or(last);
    }
    if state.session.pinned.is_none() {
        state.session.pinned = pinned;
    }
}

fn take_sweeps(state: &mut AppState, sweeps: Vec<Arc<StudySweep>>) {
    let study = &mut state.study;
    if study.hidden.is_none() {
        let done: Vec<i64> = sweeps.iter().filter(|s| s.done > 0).map(|s| s.id).collect();
        let old = done.len().saturating_sub(StudyState::DRAWN);
        study.hidden = Some(done[..old].iter().copied().collect());
    }
    study.sweeps = sweeps;
    study.written += 1;
}

/// A person's own reference of other objectives, or of another number of them, is none.
fn keep_reference(study: &mut StudyState, front: Option<&Front>) {
    let fits = |known: &[String]| {
        front.is_some_and(|f| f.objectives.iter().map(|o| &o.name).eq(known.iter()))
    };
    study.reference.take_if(|(known, _)| !fits(known));
}

fn select(state: &mut AppState, dot: Option<String>, effects: &mut Vec<Effect>) {
    state.study.dot_again = None;
    // From dot to dot the prompt stays.
    let row = state.study.dot.as_ref().map_or(0, |open| open.row);
    others::select(state, dot.as_deref(), effects);
    state.study.dot = dot.map(|dot| DotAnswers {
        dot,
        rows: None,
        row,
    });
}

/// The next dot on the fronts, series by series, by the objective to the right.
fn step(state: &mut AppState, by: isize, effects: &mut Vec<Effect>) {
    let Some(front) = state.study.front() else {
        return;
    };
    let (x, _) = state.study.pair(front.axes.len());
    let mut dots: Vec<(usize, f64, &String)> = Vec::new();
    for (series, s) in front.series.iter().enumerate() {
        for dot in s.dots.iter().filter(|d| d.standing != Standing::Dominated) {
            let mean = dot.scores.get(front.axes[x]).copied().flatten();
            dots.push((series, mean.map_or(f64::NAN, |m| m.mean), &dot.uid));
        }
    }
    dots.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let open = state.study.dot.as_ref().map(|open| &open.dot);
    let at = open.and_then(|open| dots.iter().position(|(.., uid)| *uid == open));
    let last = dots.len().saturating_sub(1);
    let next = at.map_or(0, |at| at.saturating_add_signed(by).min(last));
    let next = dots.get(next).map(|(.., uid)| (*uid).clone());
    select(state, next, effects);
}

fn seek(state: &mut AppState, words: String, effects: &mut Vec<Effect>) {
    state.study.sought.words = words;
    ask_found(state, effects);
}

/// Tags an answer, or takes a tag from it.
fn tag(state: &mut AppState, id: RunId, name: &str, on: bool, effects: &mut Vec<Effect>) {
    let Some(run) = state.session.get_mut(id) else {
        return;
    };
    let changed = if on {
        run.tags.insert(name.to_owned())
    } else {
        run.tags.remove(name)
    };
    if let Some(uid) = run.stored.clone().filter(|_| changed) {
        let (title, value) = if on {
            ("Tag an answer", Some(String::new()))
        } else {
            ("Take a tag away", None)
        };
        state.undo.edit(title);
        let edit = StudyCommand::Edit(title, Target::Tag(uid, name.to_owned()), value);
        effects.push(Effect::Study(edit));
    }
}

/// Stars the current answer, or no longer.
fn star(state: &mut AppState, effects: &mut Vec<Effect>) {
    let current = state.session.current;
    let Some(run) = current.and_then(|id| state.session.get_mut(id)) else {
        return;
    };
    run.star = !run.star;
    if let Some(uid) = run.stored.clone() {
        let (title, value) = if run.star {
            ("Star an answer", Some(String::new()))
        } else {
            ("Take a star away", None)
        };
        let target = Target::Mark(uid, STAR.to_owned());
        state.undo.edit(title);
        effects.push(Effect::Study(StudyCommand::Edit(title, target, value)));
    }
}

fn note(state: &mut AppState, id: RunId, text: String, effects: &mut Vec<Effect>) {
    let Some(run) = state.session.get_mut(id) else {
        return;
    };
    run.note.clone_from(&text);
    if let Some(uid) = run.stored.clone() {
        let value = (!text.trim().is_empty()).then_some(text);
        let title = "Note on an answer";
        state.undo.edit(title);
        let edit = StudyCommand::Edit(title, Target::Note(uid), value);
        effects.push(Effect::Study(edit));
    }
}

/// Looks at an answer that the search found, which becomes one of this session where it is none yet.
fn show_stored(state: &mut AppState, uid: &Uid) {
    let mut runs = state.session.runs.iter();
    let known = runs
        .find(|run| run.stored.as_ref() == Some(uid))
        .map(|run| run.id);
    let id = known.or_else(|| {
        let info = state.info().cloned()?;
        let found = state.study.found.as_ref()?;
        let stored = found.iter().find(|stored| stored.uid == *uid)?.clone();
        let id = state.session.next_id();
        let job = state.jobs.begin(Owner::Run(id));
        state.jobs.end(job);
        let entry = RunEntry::recalled(id, job, info, &stored);
        state.session.push(entry);
        Some(id)
    });
    if let Some(id) = id {
        super::rows::select(state, id);
    }
}

/// No thread could be started for the study.
pub fn no_study_thread(state: &mut AppState, reason: &str) {
    let trouble = Trouble::system(format!("no thread to keep the study: {reason}"));
    state.study.waiting.clear();
    state.study.phase = StudyPhase::Failed(trouble);
}
