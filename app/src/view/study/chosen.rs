//! Points chosen on one part of the prompts and shown on another: what is said of it, and what there is to do.

use egui::{RichText, Ui};
use paretoscope_core::pareto::hypervolume;
use paretoscope_core::types::Split;
use paretoscope_figure::plot::{Front, Series};
use paretoscope_figure::words;

use crate::command::{AppCommand, CommandQueue};
use crate::plot::{chosen_words, over_words};
use crate::state::AppState;
use crate::theme::Tokens;
use crate::widgets::command_button;
use crate::widgets::format::{count, counted};

/// What the means are over, and on which prompts what is shown was chosen.
pub(in crate::view) fn counted_words(state: &AppState) -> String {
    let study = &state.study;
    let chosen = study.chosen.as_ref().map(|chosen| chosen.on);
    match study.front() {
        Some(front) => {
            let words = chosen_words(chosen, study.split);
            format!("{}; {words}", over_words(&front.prompts))
        }
        None => crate::plot::split_words(study.split).to_owned(),
    }
}

/// The way to choose, and back.
pub(super) fn choose_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let choose = AppCommand::ChooseFront(Some(Split::Validation), Some(Split::Test));
    let words = "Choose on validation, show on test";
    command_button(ui, state, queue, choose, words);
    if state.study.chosen.is_some() {
        command_button(ui, state, queue, AppCommand::ForgetChosen, "Choose nothing");
    }
}

/// What was chosen, and how much of it there is on the prompts that are shown.
pub(super) fn chosen_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let study = &state.study;
    let Some(chosen) = &study.chosen else { return };
    let mut words = format!(
        "{}, {}",
        counted(chosen.points.len(), "point"),
        chosen_words(Some(chosen.on), study.split)
    );
    if let Some(front) = study.front() {
        let volumes = front.series.iter().filter_map(|series| {
            let (n, volume) = chosen_volume(state, front, series)?;
            let points = counted(n, "chosen point");
            Some(format!("{}: {points}, hypervolume {volume}", series.name))
        });
        words = std::iter::once(words)
            .chain(volumes)
            .collect::<Vec<_>>()
            .join(" \u{b7} ");
    }
    ui.label(RichText::new(words).color(tokens.weak).size(13.0));
    let (Some(covered), Some(split)) = (chosen.covered, study.split) else {
        return;
    };
    let words = format!(
        "{} of {} of the chosen points on {} are in the study",
        count(covered.there),
        counted(covered.of, "row"),
        counted(covered.prompts, &format!("{} prompt", split.name())),
    );
    let missing = covered.there < covered.of || covered.of == 0;
    let color = if missing { tokens.warn } else { tokens.weak };
    ui.label(RichText::new(words).color(color).size(13.0));
    if missing {
        let words = format!("Sweep these points on the {} prompts\u{2026}", split.name());
        command_button(ui, state, queue, AppCommand::SweepChosen, words);
    }
}

/// How many chosen points a series has, and what they cover above the reference.
fn chosen_volume(state: &AppState, front: &Front, series: &Series) -> Option<(usize, String)> {
    let dots = series.dots.iter();
    let means: Vec<Vec<f64>> = dots
        .filter(|dot| state.study.is_chosen(&dot.uid))
        .map(|dot| {
            let means = front.axes.iter().map(|&axis| {
                let score = dot.scores.get(axis).copied().flatten();
                score.map_or(f64::NAN, |score| score.compared())
            });
            means.collect()
        })
        .collect();
    let reference = front.reference.as_ref().filter(|_| !means.is_empty())?;
    Some((means.len(), words::value(hypervolume(&means, reference))))
}
