//! Points chosen on one part of the prompts and shown on another.

use paretoscope_core::study::{Uid, bundle_uid};
use paretoscope_core::types::{NamedPoint, PromptSample, Split};
use paretoscope_figure::plot::{Front, Standing};

use super::{Effect, points, sweep};
use crate::state::{
    AppState, Chosen, ChosenPoint, Overlay, Panel, PointsFrom, PromptSource, StudyState, SweepForm,
    SweepMode, sweep_of,
};
use crate::study::StudyCommand;

/// Chooses the points that are on the fronts of `on` and shows them on `shown`: at once where those fronts are drawn, else
/// once they are.
pub(super) fn choose(state: &mut AppState, on: Option<Split>, shown: Option<Split>) {
    state.study.choosing = Some((on, shown));
    state.study.set_split(on);
    let drawn = state.study.front().cloned();
    if let Some(front) = drawn.filter(|front| is_over(front, on)) {
        take(&mut state.study, &front);
    }
}

fn is_over(front: &Front, split: Option<Split>) -> bool {
    front.prompts.split == split.map_or("", Split::name)
}

/// Fronts were drawn: those that were waited for are chosen from.
pub(super) fn drawn(study: &mut StudyState, front: Option<&Front>) {
    let Some((on, _)) = study.choosing else {
        return;
    };
    match front {
        Some(front) if is_over(front, on) => take(study, front),
        Some(_) => {}
        // There is nothing to choose from; why is said where they would be drawn.
        None => study.choosing = None,
    }
}

fn take(study: &mut StudyState, front: &Front) {
    let Some((on, shown)) = study.choosing.take() else {
        return;
    };
    let dots = front.series.iter().flat_map(|series| &series.dots);
    let points = dots
        .filter(|dot| dot.standing != Standing::Dominated)
        .filter_map(|dot| {
            Some(ChosenPoint {
                dot: dot.uid.clone(),
                point: dot.point.clone()?,
            })
        });
    let chosen = Chosen::new(on, points.collect(), &|sweep| study.method_of(sweep));
    study.chosen = Some(chosen);
    study.set_split(shown);
}

/// Asks how many rows there are of what was chosen, where that is not known.
pub(super) fn count(state: &mut AppState, effects: &mut Vec<Effect>) {
    let (Some(chosen), Some(split)) = (&state.study.chosen, state.study.split) else {
        return;
    };
    // Nobody looks at it elsewhere.
    if state.overlay.open != Overlay::Study {
        return;
    }
    if state.study.counting.as_ref() == Some(&(split, state.study.written)) {
        return;
    }
    let known = |sample: &&PromptSample| sample.split == split;
    let prompts = state.info().map_or(&[][..], |info| &info.prompts);
    let known = prompts.iter().filter(known);
    let known = known.map(|sample| Uid::prompt(&sample.prompt)).collect();
    effects.push(Effect::Study(StudyCommand::Cover(
        chosen.clone(),
        split,
        known,
    )));
    state.study.counting = Some((split, state.study.written));
}

/// Fills the sweep's form with the chosen points of the bundle in use and the prompts that are shown.
pub(super) fn sweep_them(state: &mut AppState, effects: &mut Vec<Effect>) {
    let (Some(chosen), Some(split)) = (&state.study.chosen, state.study.split) else {
        return;
    };
    let Some(info) = state.info() else { return };
    let ours = bundle_uid(info);
    let (mut like, mut methods) = (None, Vec::new());
    let mut list: Vec<NamedPoint> = Vec::new();
    for point in &chosen.points {
        let sweep = sweep_of(&point.dot);
        let sweep = state.study.sweeps.iter().find(|s| Some(s.id) == sweep);
        let Some(sweep) = sweep.filter(|s| bundle_uid(&s.info) == ours) else {
            continue;
        };
        like = Some(sweep.plan.sampling.clone());
        let method = sweep.plan.method();
        if !methods.contains(&method) {
            methods.push(method);
        }
        if list.iter().all(|named| named.point != point.point) {
            list.push(point.point.clone().into());
        }
    }
    let prompts = info.prompts.iter().filter(|s| s.split == split).count();
    let mut form = SweepForm {
        mode: SweepMode::Points,
        source: PromptSource::Bundle,
        split: Some(split),
        prompts: prompts.max(1),
        methods,
        ..state.prefs.sweep.clone()
    };
    form.points.from = PointsFrom::Typed;
    form.points.typed = points::lines(&list);
    // As those were answered that the points were chosen on.
    if let Some(sampling) = like {
        form.max_tokens = sampling.max_tokens;
        state.prefs.sampling.temperature = sampling.temperature;
        state.prefs.sampling.seed = sampling.seed;
    }
    sweep::set_form(state, form, effects);
    state.overlay.show_panel(Panel::Sweep);
}
