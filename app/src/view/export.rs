//! The export sheet: which plot or table, as which file, where; and what became of it.

use std::collections::BTreeSet;

use egui::{ComboBox, Context, Id, Modal, RichText, ScrollArea, Ui};
use paretoscope_figure::Look;

use crate::command::{AppCommand, CommandQueue};
use crate::export::{FigureFormat, Made, TableFormat, What, Written};
use crate::plot::split_words;
use crate::registry;
use crate::state::{AppState, ExportForm, Overlay, PromptState};
use crate::theme::Tokens;
use crate::widgets::format::{bytes, counted};
use crate::widgets::number::{checked_field, real};
use crate::widgets::{
    Segment, command_button, path_field, primary_button, section, segmented, trouble_ui,
};

/// Most of the sheet's width.
const WIDEST: f32 = 560.0;
/// Letters of a prompt that name its answer.
const SHORT: usize = 60;

/// The sheet.
pub(super) fn export_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let close = AppCommand::Show(Overlay::Export);
    let modal = Modal::new(Id::unique("export")).show(ctx, |ui| {
        ui.set_width((room.x - 60.0).min(WIDEST));
        section(ui, "Export", |ui| {
            let back = state.export.back != Overlay::None;
            if ui.button(if back { "Back" } else { "Close" }).clicked() {
                queue.push(close.clone());
            }
        });
        // A sheet is as high as what it holds: without a least height, its scroll area would stay as low as it began.
        let tall = (room.y - 130.0).max(100.0);
        ScrollArea::vertical()
            .max_height(tall)
            .min_scrolled_height(tall)
            .show(ui, |ui| {
                let mut next = state.export.form.clone();
                what_ui(ui, state, &mut next);
                format_ui(ui, &mut next);
                if next.what.made() == Made::Figure {
                    width_ui(ui, &mut next);
                }
                path_ui(ui, state, queue, &mut next);
                if next != state.export.form {
                    queue.push(AppCommand::SetExport(next));
                }
                done_ui(ui, state, queue);
            });
    });
    if modal.should_close() {
        queue.push(close);
    }
}

fn weak(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).color(Tokens::of(ui).weak).size(13.0)
}

/// Which plot or table, and what of it.
fn what_ui(ui: &mut Ui, state: &AppState, next: &mut ExportForm) {
    let now = next.what;
    ui.horizontal_wrapped(|ui| {
        ComboBox::from_label("What to export")
            .selected_text(now.title())
            .width(210.0)
            .height(420.0)
            .show_ui(ui, |ui| {
                for what in What::ALL {
                    ui.selectable_value(&mut next.what, what, what.title())
                        .on_hover_text(what.words());
                }
            });
    });
    ui.label(weak(ui, now.words()));
    if let Some(words) = of_words(state, now) {
        ui.label(weak(ui, words));
    }
    if now == What::Field {
        objective_ui(ui, state, next);
    }
}

/// Of what it is made, as things stand.
fn of_words(state: &AppState, what: What) -> Option<String> {
    match what {
        What::Heatmap | What::Strip => {
            let run = state.routed()?;
            let prompt: String = PromptState::words(&run.prompt)
                .chars()
                .take(SHORT)
                .collect();
            Some(format!(
                "Of the answer to \u{201c}{}\u{201d}",
                prompt.trim()
            ))
        }
        What::Interference => {
            let found = state.interference.found.as_deref()?;
            Some(format!("Of {}", found.names.join(", ")))
        }
        What::Curves => {
            let run = state.training.selected()?;
            Some(format!("Of the run {}", run.plan.name()))
        }
        _ => {
            let name = state.study.path.as_deref()?.file_name()?.to_string_lossy();
            let part = registry::in_a_sentence(split_words(state.study.split));
            if what == What::Generations {
                return Some(format!("Of {name}, {part}"));
            }
            let sweeps = counted(state.study.shown().sweeps.len(), "sweep");
            Some(format!(
                "Of {sweeps} that are ticked in {name}, over {part}"
            ))
        }
    }
}

/// The objective of a field: those that the ticked sweeps are scored by.
fn objective_ui(ui: &mut Ui, state: &AppState, next: &mut ExportForm) {
    let shown = state.study.shown().sweeps;
    let sweeps = state.study.sweeps.iter();
    let ticked = sweeps.filter(|sweep| shown.contains(&sweep.id));
    let names: BTreeSet<&String> = ticked
        .flat_map(|sweep| sweep.info.objectives.iter().map(|o| &o.name))
        .collect();
    let first = "the first that is scored";
    ComboBox::from_label("Objective of the field")
        .selected_text(next.objective.as_deref().unwrap_or(first))
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut next.objective, None, first);
            for name in names {
                ui.selectable_value(&mut next.objective, Some(name.clone()), name.as_str());
            }
        });
}

fn format_ui(ui: &mut Ui, next: &mut ExportForm) {
    ui.add_space(4.0);
    match next.what.made() {
        Made::Figure => {
            let segments: [Segment<'_, FigureFormat>; 3] = [
                (
                    FigureFormat::Svg,
                    "SVG",
                    "vectors for the web and for editors",
                ),
                (FigureFormat::Pdf, "PDF", "vectors for papers"),
                (FigureFormat::Png, "PNG", "pixels, 300 to the inch"),
            ];
            segmented(ui, &mut next.figure, &segments);
            let words = "Its numbers as CSV, with n and standard errors, and what they are as JSON stand beside it.";
            ui.label(weak(ui, words));
        }
        Made::Table => {
            let hint = |format| match format {
                TableFormat::Csv => "for spreadsheets and programs",
                TableFormat::Jsonl => "an object per line",
                TableFormat::Parquet => "columns, compressed",
                TableFormat::Latex => "a tabular for papers, three decimals",
            };
            let segments = TableFormat::ALL.map(|format| (format, format.title(), hint(format)));
            segmented(ui, &mut next.table, &segments);
            if next.table == TableFormat::Csv {
                ui.checkbox(&mut next.guard, "Safe for spreadsheets").on_hover_text(
                    "Puts ' before cells that a spreadsheet would take for formulas: those that begin with = + - @",
                );
            }
        }
        Made::Report => {
            ui.label(weak(ui, "One HTML file."));
        }
    }
}

fn width_ui(ui: &mut Ui, next: &mut ExportForm) {
    ui.horizontal_wrapped(|ui| {
        ui.label("Width");
        ui.selectable_value(&mut next.width, Look::COLUMN, "84 mm")
            .on_hover_text("One column of a journal");
        ui.selectable_value(&mut next.width, Look::PAGE, "174 mm")
            .on_hover_text("Both columns of a journal");
        let value = format!("{}", next.width);
        let check = |text: &str| real(text, Look::LEAST, Look::MOST, true);
        let id = Id::unique("figure-width");
        if let Some(width) = checked_field(ui, id, "Width of the figure in mm", value, 60.0, check)
        {
            next.width = width;
        }
        ui.label(weak(ui, "mm"));
    });
}

fn path_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, next: &mut ExportForm) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        command_button(ui, state, queue, AppCommand::ChooseExport, "Choose\u{2026}");
        let hint = format!(
            "path of the file, e.g. {}.{}",
            next.what.stem(),
            next.ending()
        );
        let id = Id::unique("export-path");
        let name = "Path of the exported file";
        if let Some(path) = path_field(ui, id, name, &hint, &state.export.form.path) {
            next.path = path;
        }
    });
    ui.horizontal_wrapped(|ui| {
        primary_button(ui, state, queue, AppCommand::Export, "Export");
        ui.checkbox(&mut next.replace, "Replace files that are there");
    });
}

/// Why nothing can be written, what is done now, or what became of it.
fn done_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if let Some((stage, begun)) = state.export.stage {
        let seconds = (state.now - begun).max(0.0);
        let response = ui.label(weak(ui, format!("{stage}\u{2026} {seconds:.0} s")));
        // The seconds are not read out.
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_value(format!("{stage}\u{2026}"));
            node.set_live(egui::accesskit::Live::Polite);
        });
        return;
    }
    match &state.export.done {
        None => {
            if let Some(reason) = registry::why_not(&AppCommand::Export, state) {
                ui.label(weak(ui, format!("To do: {reason}.")));
            }
        }
        Some(Ok(written)) => written_ui(ui, state, queue, written),
        Some(Err(trouble)) => {
            let fine = "Files that were there are as they were.";
            trouble_ui(ui, "nothing was written", trouble, fine, |_| {});
        }
    }
}

fn written_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, written: &Written) {
    let rows = match state.export.form.what.made() {
        Made::Report => counted(written.rows, "answer"),
        _ => counted(written.rows, "row"),
    };
    let words = format!(
        "Wrote {rows}, {}, {}",
        counted(written.paths.len(), "file"),
        bytes(written.bytes)
    );
    ui.horizontal_wrapped(|ui| {
        let response = ui.label(words);
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
        command_button(ui, state, queue, AppCommand::RevealExport, "Reveal")
            .on_hover_text("Shows the folder in the system's window for files");
    });
    for path in &written.paths {
        ui.label(weak(ui, path.display().to_string()));
    }
    if let Some(why) = &state.export.unseen {
        let color = Tokens::of(ui).error;
        ui.label(RichText::new(format!("Not shown: {why}")).color(color));
    }
}
