//! What is drawn, as files for papers and other programs.

use egui::{Id, RichText, Ui};
use paretoscope_figure::Look;

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, ExportForm, ExportKind};
use crate::study::FigureFormat;
use crate::theme::Tokens;
use crate::widgets::number::{checked_field, real};
use crate::widgets::{command_button, group_title, path_field, trouble_ui};

/// The form, and what became of it.
pub(super) fn export_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.study.export;
    let weak = Tokens::of(ui).weak;
    let hint = "What is drawn above, from the study's numbers; each figure has its numbers as CSV and what they are as JSON beside it";
    group_title(ui, "Export", hint);
    let mut next = form.clone();
    ui.horizontal_wrapped(|ui| {
        ui.selectable_value(&mut next.kind, ExportKind::Figure, "Figure");
        ui.selectable_value(&mut next.kind, ExportKind::Table, "Table");
        if form.kind == ExportKind::Figure {
            ui.separator();
            for format in FigureFormat::ALL {
                let words = format.ending().to_uppercase();
                ui.selectable_value(&mut next.format, format, words);
            }
            ui.label(RichText::new("Width in mm").color(weak).size(13.0));
            let value = format!("{}", form.width);
            let check = |text: &str| real(text, Look::LEAST, Look::MOST, true);
            let id = Id::unique("figure-width");
            if let Some(width) =
                checked_field(ui, id, "Width of the figure in mm", value, 60.0, check)
            {
                next.width = width;
            }
        }
    });
    ui.horizontal(|ui| {
        command_button(ui, state, queue, AppCommand::ChooseExport, "Choose\u{2026}");
        let figure = form.kind == ExportKind::Figure;
        let (name, hint, path) = if figure {
            (
                "Path of the figure",
                "path of the figure, e.g. /home/me/front.svg",
                &form.figure,
            )
        } else {
            (
                "Path of the table",
                "path of the table: .csv, .jsonl or .tex",
                &form.table,
            )
        };
        let id = Id::unique(("export-path", figure));
        if let Some(path) = path_field(ui, id, name, hint, path) {
            if figure {
                next.figure = path;
            } else {
                next.table = path;
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        let (command, words) = match form.kind {
            ExportKind::Figure => (AppCommand::ExportFigure, "Export the figure"),
            ExportKind::Table => (AppCommand::ExportTable, "Export the table"),
        };
        command_button(ui, state, queue, command, words);
        ui.checkbox(&mut next.replace, "Replace files that are there");
    });
    if next != *form {
        queue.push(AppCommand::SetExport(next));
    }
    done_ui(ui, state, form);
}

fn done_ui(ui: &mut Ui, state: &AppState, form: &ExportForm) {
    match &state.study.exported {
        _ if state.study.exporting => {
            ui.label(RichText::new("Writing\u{2026}").color(Tokens::of(ui).weak));
        }
        None => {
            let empty = match form.kind {
                ExportKind::Figure => form.figure.as_os_str().is_empty(),
                ExportKind::Table => form.table.as_os_str().is_empty(),
            };
            if empty {
                let words = "To do: name the file.";
                ui.label(RichText::new(words).color(Tokens::of(ui).weak).size(13.0));
            }
        }
        Some(Ok(paths)) => {
            let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            let response = ui.label(format!("Wrote {}", names.join(", ")));
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_live(egui::accesskit::Live::Polite);
            });
        }
        Some(Err(trouble)) => {
            trouble_ui(
                ui,
                "nothing was written",
                trouble,
                "Files that were there are as they were.",
                |_| {},
            );
        }
    }
}
