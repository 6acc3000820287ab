//! The export sheet: from what is looked at to a job of its own thread.

use std::path::PathBuf;

use paretoscope_figure::of_study::Routed;
use paretoscope_figure::plot::{Curves, Interference, Objective};

use super::{Effect, notify};
use crate::command::AppCommand;
use crate::export::{Job, Source, What};
use crate::state::{AppState, NoticeKind, Overlay, SiteMap};
use crate::tasks::{Exporting, Wanted};

/// Commands of the export sheet; one of something else is given back.
pub(super) fn command(
    state: &mut AppState,
    command: AppCommand,
    effects: &mut Vec<Effect>,
) -> Option<AppCommand> {
    use AppCommand as C;
    match command {
        C::ShowExport(what) => open(state, Some(what)),
        C::Show(Overlay::Export) => {
            if state.overlay.open == Overlay::Export {
                state.overlay.open = std::mem::take(&mut state.export.back);
            } else {
                // What is looked at is what a person means.
                let what = match state.overlay.open {
                    Overlay::Interference => Some(What::Interference),
                    Overlay::Training => Some(What::Curves),
                    _ => None,
                };
                open(state, what);
            }
        }
        C::SetExport(form) => {
            let before = std::mem::replace(&mut state.export.form, form);
            state.export.form.follow(&before);
            (state.export.done, state.export.unseen) = (None, None);
        }
        C::ChooseExport => {
            let form = &state.export.form;
            let (name, ending) = (form.what.stem(), form.ending());
            effects.push(Effect::Pick(Wanted::Export { name, ending }));
        }
        C::Export => {
            if let Some(job) = job(state) {
                (state.export.done, state.export.unseen) = (None, None);
                state.export.stage = Some(("Beginning", state.now));
                effects.push(Effect::Export(Box::new(job)));
            }
        }
        C::RevealExport => {
            if let Some(Ok(written)) = &state.export.done
                && let Some(path) = written.paths.first()
            {
                state.export.unseen = None;
                effects.push(Effect::Reveal(path.clone()));
            }
        }
        other => return Some(other),
    }
    None
}

/// A file was picked in a dialog, which asked before it named one that is there.
pub(super) fn picked(state: &mut AppState, path: PathBuf) {
    let before = state.export.form.clone();
    state.export.form.path = path;
    state.export.form.follow(&before);
    (state.export.done, state.export.unseen) = (None, None);
}

fn open(state: &mut AppState, what: Option<What>) {
    // From the palette there is no way back.
    let from = match state.overlay.open {
        Overlay::Palette | Overlay::Export => Overlay::None,
        other => other,
    };
    state.export.back = from;
    state.overlay.open = Overlay::Export;
    if let Some(what) = what {
        let before = state.export.form.clone();
        state.export.form.what = what;
        state.export.form.follow(&before);
    }
    if state.export.stage.is_none() {
        (state.export.done, state.export.unseen) = (None, None);
    }
}

/// What became of a job, on its way and at its end.
pub fn exporting(state: &mut AppState, news: Exporting) {
    match news {
        Exporting::Stage(stage) => {
            let begun = state.export.stage.map_or(state.now, |(_, begun)| begun);
            state.export.stage = Some((stage, begun));
        }
        Exporting::Ended(done) => {
            state.export.stage = None;
            if state.overlay.open != Overlay::Export {
                // Nobody looks at the sheet any more.
                match &done {
                    Ok(written) => {
                        let path = written.paths.first();
                        let path = path.map_or_else(String::new, |p| p.display().to_string());
                        notify(state, NoticeKind::Info, format!("Wrote {path}"));
                    }
                    Err(trouble) => {
                        let words = format!("Nothing was written: {}", trouble.message);
                        notify(state, NoticeKind::Error, words);
                    }
                }
            }
            state.export.done = Some(done);
        }
        Exporting::Unseen(why) => state.export.unseen = Some(why),
    }
}

/// What is asked for, with all that it is made of; `None` where that is not there, which the registry says.
fn job(state: &AppState) -> Option<Job> {
    let form = &state.export.form;
    let source = match form.what {
        What::Heatmap | What::Strip => gates(state)?,
        What::Interference => interference(state)?,
        What::Curves => curves(state)?,
        _ => Source::Study(
            state.study.path.clone()?,
            state.study.shown(),
            form.objective.clone(),
        ),
    };
    Some(Job {
        what: form.what,
        source,
        figure: form.figure,
        table: form.table,
        width: form.width,
        guard: form.guard,
        path: form.path.clone(),
        replace: form.replace,
    })
}

/// The routing of the answer in the Experts panel, in the modules that are chosen there.
fn gates(state: &AppState) -> Option<Source> {
    let run = state.routed()?;
    let record = run.record.as_deref()?;
    let options = &state.prefs.heatmap;
    let map = SiteMap::new(&record.sites);
    let sites = map.sites(map.layer(options.layer), map.module(&options.module));
    let routed = Routed {
        bundle: Some(&run.bundle),
        prompt: &run.prompt,
        point: Some(run.point_now()),
        sampling: &run.sampling,
        text: &run.text,
        tokens: &run.tokens,
    };
    let mut gates = routed.gates(run.stored.as_ref(), record, &sites);
    if let Some(words) = run.mute_words() {
        gates.notes.push(words);
    }
    Some(Source::Gates(Box::new(gates)))
}

fn interference(state: &AppState) -> Option<Source> {
    use paretoscope_core::types::Compared;
    let found = state.interference.found.as_deref()?;
    let what = match found.compared {
        Compared::Experts => "experts",
        Compared::Values => "value vectors",
    };
    let name = &state.info()?.name;
    let title = format!("Interference of the {what} of {name}");
    let mut figure = Interference::of(&title, found);
    figure.facts.push(("bundle".to_owned(), name.clone()));
    Some(Source::Interference(Box::new(figure)))
}

fn curves(state: &AppState) -> Option<Source> {
    let run = state.training.selected()?;
    let objectives: Vec<Objective> = state
        .objectives
        .iter()
        .enumerate()
        .map(|(color, name)| Objective {
            name: name.clone(),
            unit: "raw reward".to_owned(),
            color,
        })
        .collect();
    let title = format!("Training of {}", run.plan.name());
    let mut curves = Curves::of(&title, &run.steps, &objectives);
    curves.facts = vec![
        ("run".to_owned(), run.plan.out.display().to_string()),
        ("kind".to_owned(), run.plan.task.name().to_owned()),
    ];
    let last = run.steps.last()?;
    let words = format!("Step {} of {}", last.step, last.steps);
    curves.notes.push(words);
    Some(Source::Curves(Box::new(curves)))
}
