//! The Pareto and the heatmap panel, given what they need of the state.

use egui::{Align, Layout, Rect, RichText, ScrollArea, Ui};
use paretoscope_core::study::Makers;
use paretoscope_core::types::{Point, Summary};

use super::heatmap::{HeatmapAction, HeatmapPanel, NoTrace, TokenTrace};
use super::pareto::ParetoPanel;
use super::tiers;
use crate::command::{AppCommand, CommandQueue, Gesture};
use crate::plot::{Landmark, OthersData, ParetoAction, ParetoData, Ticked};
use crate::state::{AppState, Division, HeatmapOptions, Origin, Overlay, RunEntry, RunPhase};
use crate::theme::Tokens;
use crate::widgets::format::counted;
use crate::widgets::{between, command_button, empty_ui, point_color, section};

/// What a base model alone has in the place of a front.
const NOTHING_TO_PLOT: &str =
    "No front: a base model alone has one place, and nothing to compare it with.";

fn is_bare(state: &AppState) -> bool {
    state.info().is_some_and(|info| info.is_bare())
}

/// The front as a bar: while there is nothing to plot, while it is folded, and while prompt and answer
/// leave no room for more. One line.
pub(super) fn front_bar_ui(
    ui: &mut Ui,
    division: &Division,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    let tokens = Tokens::of(ui);
    ui.horizontal_centered(|ui| {
        ui.label(RichText::new("Front").heading());
        if state.sweep.points.is_empty() && !state.plots_study() {
            let (words, can_start) = match state.sweep.progress.as_ref() {
                Some(p) if state.sweep.is_active() => (
                    format!("{} of {} points so far", p.points_done, p.points),
                    false,
                ),
                _ if is_bare(state) => (NOTHING_TO_PLOT.to_owned(), false),
                _ => (
                    "No points yet. A sweep scores answers all over the simplex.".to_owned(),
                    true,
                ),
            };
            let said = |ui: &mut Ui| {
                ui.add(egui::Label::new(RichText::new(words).color(tokens.weak)).truncate());
            };
            between(ui, "front bar", said, |ui| {
                if can_start {
                    let words = super::sweep::start_words(state);
                    command_button(ui, state, queue, AppCommand::StartSweep, words);
                }
                compare_ui(ui, state, queue);
            });
            return;
        }
        let words = match state.others.sweeps().len() {
            0 => counted(state.sweep.points.len(), "point"),
            n if state.sweep.points.is_empty() => counted(n, "sweep"),
            n => {
                let points = counted(state.sweep.points.len(), "point");
                format!("{points}, beside {}", counted(n, "other sweep"))
            }
        };
        ui.label(RichText::new(words).color(tokens.weak));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if division.front_folded && ui.button("Show").clicked() {
                let division = Division {
                    front_folded: false,
                    ..*division
                };
                queue.push(AppCommand::SetDivision(division));
            }
        });
    });
}

/// The way to the fronts of the study, where it has sweeps.
fn compare_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let swept = state.study.sweeps.iter().filter(|sweep| sweep.done > 0);
    let count = swept.count();
    if count > 0 {
        let words = format!("Compare {}\u{2026}", counted(count, "sweep"));
        command_button(ui, state, queue, AppCommand::Show(Overlay::Study), words);
    }
}

/// The Pareto panel.
pub(super) fn front_ui(
    ui: &mut Ui,
    panel: &mut ParetoPanel,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    if state.sweep.points.is_empty() && !state.plots_study() {
        section(ui, "Front", |_| {});
        if state.sweep.is_active() {
            let words = state.sweep.progress.as_ref().map_or_else(
                || "The sweep is being prepared.".to_owned(),
                |p| {
                    let others = p.of_others().map_or_else(String::new, |words| format!(" ({words})"));
                    format!(
                        "The sweep is running: {} of {} answers{others}. A point appears when all of its answers are scored.",
                        p.rows_done, p.rows
                    )
                },
            );
            empty_ui(ui, &words, |_| {});
        } else if is_bare(state) {
            empty_ui(ui, NOTHING_TO_PLOT, |ui| compare_ui(ui, state, queue));
        } else {
            empty_ui(
                ui,
                "No points yet. A sweep scores answers all over the simplex.",
                |ui| {
                    let words = super::sweep::start_words(state);
                    command_button(ui, state, queue, AppCommand::StartSweep, words);
                    compare_ui(ui, state, queue);
                },
            );
        }
        return;
    }
    let (current, pinned) = (
        landmark(state.session.current()),
        landmark(state.session.pinned()),
    );
    let points = state.others.points().unwrap_or(&state.sweep.points);
    let base = state
        .front
        .base()
        .and_then(|position| points.get(position))
        .map(|p| Landmark {
            point: None,
            scores: p.scores.clone(),
        });
    let text = |index: usize| {
        let of =
            |r: &&RunEntry| matches!(r.origin, Origin::Sweep { point, row: 0 } if point == index);
        state
            .session
            .runs
            .iter()
            .rev()
            .find(of)
            .map(|r| r.text.clone())
    };
    let study = state.plots_study().then(|| StudyWords::of(state));
    let chosen = |uid: &str| state.study.is_chosen(uid);
    let own = state.own_sweep();
    let times = |sweep: Option<i64>| {
        let time = state.study.token_time(sweep.or(own)?)?;
        Some(time.times)
    };
    let pending = state
        .sweep
        .progress
        .as_ref()
        .filter(|_| state.sweep.is_active());
    let data = ParetoData {
        objectives: &state.objectives,
        points,
        front: &state.front,
        selected: state.sweep.selected,
        current: current.as_ref(),
        pinned: pinned.as_ref(),
        base: base.as_ref(),
        pending: pending.map_or(0, |p| p.points.saturating_sub(p.points_done)),
        color: &|point| {
            let info = state.info();
            info.map_or(egui::Color32::GRAY, |info| point_color(info, point))
        },
        text: &text,
        study: study
            .as_ref()
            .map(|study| study.data(state, &chosen, &times)),
    };
    for action in panel.show(ui, &data, &state.prefs.pareto) {
        match action {
            ParetoAction::Select(index) => queue.push(AppCommand::SelectDot(Some(index))),
            ParetoAction::Go(index) => {
                if let Some(result) = state.sweep.point(index) {
                    queue.push(AppCommand::Move(result.point.clone(), Gesture::Settled));
                }
            }
            ParetoAction::Options(options) => queue.push(AppCommand::SetPareto(options)),
            ParetoAction::Tick(sweep, on) => queue.push(AppCommand::TickSweep(sweep, on)),
            ParetoAction::Split(split) => queue.push(AppCommand::SetSplit(split)),
            ParetoAction::Mark(dot) => queue.push(AppCommand::SelectMark(Some(dot))),
            ParetoAction::Compare => queue.push(AppCommand::Show(Overlay::Study)),
        }
    }
}

/// What the panel is told of the study.
struct StudyWords {
    sweeps: Vec<Ticked>,
    words: String,
    trouble: Option<String>,
}

impl StudyWords {
    fn of(state: &AppState) -> Self {
        let own = state.own_sweep();
        let swept = state.study.sweeps.iter().rev().filter(|s| s.done > 0);
        let ticked = swept.map(|sweep| Ticked {
            sweep: sweep.id,
            name: sweep.name.clone(),
            on: state.study.is_ticked(sweep.id),
            own: own == Some(sweep.id),
            elsewhere: sweep.makers == Makers::Elsewhere,
        });
        let lacking = state.others.lacking();
        let trouble = match &state.study.drawn {
            Some(Err(trouble)) => Some(trouble.message.clone()),
            _ if lacking.is_empty() => None,
            _ => Some(format!(
                "Not all sweeps that are ticked are scored on {}",
                lacking.join(" and ")
            )),
        };
        Self {
            sweeps: ticked.collect(),
            words: super::study::counted_words(state),
            trouble,
        }
    }

    fn data<'a>(
        &'a self,
        state: &'a AppState,
        chosen: &'a dyn Fn(&str) -> bool,
        times: &'a dyn Fn(Option<i64>) -> Option<f64>,
    ) -> OthersData<'a> {
        OthersData {
            others: &state.others,
            sweeps: &self.sweeps,
            split: state.study.split,
            words: &self.words,
            trouble: self.trouble.as_deref(),
            selected: state.study.dot.as_ref().map(|open| open.dot.as_str()),
            chosen,
            times,
        }
    }
}

/// A run's own scores as a place in the plot; stored rows have their dot already.
fn landmark(run: Option<&RunEntry>) -> Option<Landmark> {
    // An answer with experts silenced is none of the bundle's.
    let run = run.filter(|r| r.origin == Origin::Interactive && r.steering.mutes.is_empty())?;
    let scores = run.scores.as_ref()?;
    let of = |score: &Option<f64>| {
        score
            .map(|mean| Summary {
                mean,
                se: 0.0,
                n: 1,
                non_finite: 0,
            })
            .filter(|s| s.mean.is_finite())
    };
    let point: Point = run.point_now().clone();
    Some(Landmark {
        point: Some(point),
        scores: scores.0.iter().map(of).collect(),
    })
}

/// Height in which the controls of the heatmap panel and some lines of the answer have room.
const TEXT: f32 = 240.0;
/// So much of the tiers is seen below the text where they are a scroll away.
const PEEK: f32 = 44.0;

/// The heatmap panel.
pub(super) fn experts_ui(
    ui: &mut Ui,
    panel: &mut HeatmapPanel,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    let options = &state.prefs.heatmap;
    // In a narrow column the choice beside it needs the room.
    let title = if ui.available_width() < 320.0 {
        "Experts"
    } else {
        "Experts per token"
    };
    section(ui, title, |ui| {
        if state.session.pinned().is_none() {
            return;
        }
        let mut pinned = options.pinned;
        ui.selectable_value(&mut pinned, false, "Current A");
        ui.selectable_value(&mut pinned, true, "Pinned B");
        if pinned != options.pinned {
            queue.push(AppCommand::SetHeatmap(HeatmapOptions {
                pinned,
                token: None,
                ..options.clone()
            }));
        }
    });
    let run = state.routed();
    // Of a row that routes nothing among the bundle's experts a picture would say something else.
    let routed = run.filter(|run| run.speaks().is_traced() && !run.bundle.adapters.is_empty());
    let routing = routed.and_then(|r| Some((r, r.record.as_deref()?)));
    let trace = routing.map(|(run, trace)| TokenTrace {
        key: run.id.0,
        text: &run.text,
        pieces: &run.tokens,
        sites: &trace.sites,
        adapters: &trace.adapters,
        experts: run.bundle.lora_experts(),
        values: &trace.values,
        streams: run.phase.is_running(),
    });
    let lacking = match run.map(|run| (&run.phase, run.tokens.is_empty())) {
        None if is_bare(state) => NoTrace::NoExperts,
        None => NoTrace::NoRun,
        Some((phase, true)) if phase.is_running() => NoTrace::NoRun,
        Some((RunPhase::Failed(_), _)) => NoTrace::Failed,
        Some(_) if run.is_some_and(|run| run.bundle.adapters.is_empty()) => NoTrace::NoExperts,
        Some(_) => match run.map(RunEntry::speaks) {
            Some(speaks) if !speaks.is_traced() => NoTrace::Unrouted(speaks),
            _ => NoTrace::Untraced,
        },
    };
    let mut parts = |ui: &mut Ui, above: Rect, below: Rect| {
        let above = egui::UiBuilder::new().max_rect(above);
        let actions = ui.scope_builder(above, |ui| {
            // In a low panel the text does not run into what stands below it.
            let seen = ui.clip_rect().intersect(ui.max_rect());
            ui.set_clip_rect(seen);
            panel.show(ui, trace.as_ref(), lacking, options)
        });
        for action in actions.inner {
            match action {
                HeatmapAction::Options(options) => queue.push(AppCommand::SetHeatmap(options)),
                HeatmapAction::Generate => queue.push(AppCommand::Generate),
                HeatmapAction::Regenerate => queue.push(AppCommand::Regenerate),
            }
        }
        if let Some((run, trace)) = routing {
            let token = panel.hovered().or(options.token);
            ui.scope_builder(egui::UiBuilder::new().max_rect(below), |ui| {
                tiers::tiers_ui(ui, state, queue, run, trace, token);
            });
        }
    };
    let room = ui.available_rect_before_wrap();
    let wanted = routing.map_or(0.0, |_| tiers::height(state));
    // The tiers stand below, at most as high as what lies above them.
    let tall = wanted.min(0.5 * room.height());
    if wanted == 0.0 || room.height() - tall >= TEXT {
        let (above, below) = room.split_top_bottom_at_y(room.bottom() - tall);
        parts(ui, above, below);
        return;
    }
    // In a low panel the text comes first, and the tiers are a scroll away.
    ScrollArea::vertical()
        .id_salt("experts")
        .auto_shrink(false)
        .show(ui, |ui| {
            let above = (room.height() - PEEK).max(0.75 * TEXT);
            let size = egui::vec2(ui.available_width(), above + wanted);
            let (all, _) = ui.allocate_exact_size(size, egui::Sense::hover());
            let (above, below) = all.split_top_bottom_at_y(all.top() + above);
            parts(ui, above, below);
        });
}
