//! Points of a sweep one by one: a set with a name, typed lines, a file, and points that are known already.

use egui::containers::menu::MenuButton;
use egui::{ComboBox, Id, RichText, TextEdit, Ui};
use paretoscope_core::points::{named_points, parse_set};
use paretoscope_core::protocol::SweepGrid;
use paretoscope_core::types::BundleInfo;

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, PointsForm, PointsFrom, PointsOf, SweepForm, sweep_of};
use crate::theme::Tokens;
use crate::widgets::format::counted;
use crate::widgets::{Segment, command_button, path_field, segmented};

/// Sets as they are offered; what stands behind a colon can be changed.
const OFFERED: [&str; 6] = [
    "hoe-11",
    "hoe-13",
    "hoe-5",
    "mva-100",
    "halton:50",
    "convex:0.1",
];
/// Lines of the field for typed points.
const ROWS: usize = 4;

/// Where the points come from, and which they are.
pub(super) fn points_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.prefs.sweep;
    let mut points = form.points.clone();
    let segments: [Segment<'_, PointsFrom>; 3] = [
        (
            PointsFrom::Set,
            "Set",
            "points of a paper, or spread evenly",
        ),
        (PointsFrom::Typed, "Typed", "a line for each point"),
        (
            PointsFrom::File,
            "File",
            "JSON Lines, as the command line takes them",
        ),
    ];
    segmented(ui, &mut points.from, &segments);
    match points.from {
        PointsFrom::Set => set_ui(ui, state, &mut points),
        PointsFrom::Typed => typed_ui(ui, state, queue, &mut points),
        PointsFrom::File => {
            ui.horizontal(|ui| {
                let choose = AppCommand::ChoosePoints;
                command_button(ui, state, queue, choose, "Choose\u{2026}");
                let hint = "path of a .jsonl, or drop it here";
                let id = Id::unique("points-path");
                if let Some(path) = path_field(ui, id, "Path of the points", hint, &points.file) {
                    points.file = path;
                }
            });
        }
    }
    if points != form.points {
        queue.push(AppCommand::SetSweep(SweepForm {
            points,
            ..form.clone()
        }));
    }
}

fn set_ui(ui: &mut Ui, state: &AppState, points: &mut PointsForm) {
    ui.horizontal(|ui| {
        let response = ComboBox::from_id_salt("set")
            .selected_text("Sets")
            .width(70.0)
            .show_ui(ui, |ui| {
                for name in OFFERED {
                    let words = format!("{name}: {}", about(name, state));
                    if ui.selectable_label(points.set == name, words).clicked() {
                        name.clone_into(&mut points.set);
                    }
                }
            })
            .response;
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_label("Sets with a name");
        });
        let edit = TextEdit::singleline(&mut points.set)
            .id(Id::unique("points-set"))
            .desired_width(f32::INFINITY)
            .hint_text("hoe-13, halton:50, convex:0.1");
        let response = ui.add(edit);
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_label("Name of the set");
        });
    });
}

/// How many points a set has for the bundle in use, or why it has none.
fn about(name: &str, state: &AppState) -> String {
    let size = |info: &BundleInfo| -> Result<usize, paretoscope_core::Error> {
        let set = parse_set(name)?;
        let grid = set.map(SweepGrid::Set);
        let (n, v) = (info.objectives.len(), info.values.len());
        grid.map_or(Ok(0), |grid| Ok(named_points(&grid, n, v, 1, false)?.len()))
    };
    match state.info().map(|info| size(info)) {
        Some(Ok(points)) => counted(points, "point"),
        Some(Err(error)) => error.to_string(),
        None => String::new(),
    }
}

fn typed_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, points: &mut PointsForm) {
    let names = state.objective_names().join(", ");
    let edit = TextEdit::multiline(&mut points.typed)
        .id(Id::unique("points-typed"))
        .desired_width(f32::INFINITY)
        .desired_rows(ROWS)
        .hint_text(format!("a line for each point: shares of {names}"));
    let response = egui::ScrollArea::vertical()
        .id_salt("typed points")
        .max_height(120.0)
        .show(ui, |ui| ui.add(edit))
        .inner;
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label("Points, one a line");
    });
    ui.horizontal(|ui| {
        MenuButton::new("Fill with").ui(ui, |ui| {
            let mut item = |ui: &mut Ui, of: PointsOf, words: &str| {
                command_button(ui, state, queue, AppCommand::FillPoints(of), words);
            };
            item(ui, PointsOf::Starred, "Points of starred answers");
            item(ui, PointsOf::Plot, "Points on the front in the plot");
            let fronts = state.study.front().into_iter().flat_map(|f| &f.series);
            for series in fronts {
                let Some(sweep) = series.dots.first().and_then(|dot| sweep_of(&dot.uid)) else {
                    continue;
                };
                let words = format!("Points on the front of {} ({sweep})", series.name);
                item(ui, PointsOf::Front(sweep), &words);
            }
        });
        let hint = "Takes the place of what is typed";
        ui.label(RichText::new(hint).color(Tokens::of(ui).weak).size(13.0));
    });
}
