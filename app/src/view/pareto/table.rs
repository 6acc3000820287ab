//! The table that mirrors the plot: every point, sortable, for those who read rather than look.

use egui::{Key, Modifiers, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};

use super::ParetoPanel;
use super::frame::Frame;
use crate::plot::{ParetoAction, class_words, point_words, value_words};
use crate::state::{Class, Front, PlotOptions, Units};
use crate::theme::Tokens;

/// How the rows are ordered.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    column: Sort,
    descending: bool,
    /// The rows in order, for a revision of the front, a column and a direction.
    cached: Option<((u64, Sort, bool), Vec<usize>)>,
}

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sort {
    /// Place in the plan.
    #[default]
    Index,
    /// Front first.
    Class,
    /// Score on a plotted objective.
    Score(usize),
}

impl Order {
    fn rows(&mut self, front: &Front) -> &[usize] {
        let key = (front.revision(), self.column, self.descending);
        if self.cached.as_ref().is_none_or(|(known, _)| *known != key) {
            let entries = front.entries();
            let mut rows: Vec<usize> = (0..entries.len()).collect();
            rows.sort_by(|&a, &b| {
                let (a, b) = (&entries[a], &entries[b]);
                let order = match self.column {
                    Sort::Index => a.index.cmp(&b.index),
                    Sort::Class => rank(a.class).cmp(&rank(b.class)),
                    // Points without a score stay below, in either direction.
                    Sort::Score(slot) => match (a.class.is_placed(), b.class.is_placed()) {
                        (true, true) => a.mean[slot].total_cmp(&b.mean[slot]),
                        (x, y) if self.descending => x.cmp(&y),
                        (x, y) => y.cmp(&x),
                    },
                };
                let order = if self.descending {
                    order.reverse()
                } else {
                    order
                };
                order.then(a.index.cmp(&b.index))
            });
            self.cached = Some((key, rows));
        }
        self.cached
            .as_ref()
            .map_or(&[], |(_, rows)| rows.as_slice())
    }

    fn click(&mut self, column: Sort) {
        // Scores start with the best.
        self.descending = if self.column == column {
            !self.descending
        } else {
            matches!(column, Sort::Score(_))
        };
        self.column = column;
    }
}

/// A triangle beside the title of the column that orders the rows.
fn sorted(ui: &mut Ui, descending: bool) {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(10.0, 8.0), Sense::hover());
    let (base, tip) = if descending {
        (rect.top(), rect.bottom())
    } else {
        (rect.bottom(), rect.top())
    };
    let corners = vec![
        egui::pos2(rect.left(), base),
        egui::pos2(rect.right(), base),
        egui::pos2(rect.center().x, tip),
    ];
    let color = Tokens::of(ui).accent;
    ui.painter().add(egui::Shape::convex_polygon(
        corners,
        color,
        egui::Stroke::NONE,
    ));
    response.on_hover_text(if descending {
        "Largest first"
    } else {
        "Smallest first"
    });
}

fn rank(class: Class) -> u8 {
    match class {
        Class::Front => 0,
        Class::Uncertain => 1,
        Class::Dominated => 2,
        Class::NonFinite => 3,
        Class::Unscored => 4,
    }
}

impl ParetoPanel {
    /// The table, in the room that is left.
    #[allow(
        clippy::too_many_lines,
        reason = "one table: its columns, its head and its rows"
    )]
    pub(super) fn table(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        actions: &mut Vec<ParetoAction>,
    ) {
        let free = ui.memory(|memory| memory.focused()).is_none();
        if free && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::T)) {
            actions.push(ParetoAction::Options(PlotOptions {
                table: false,
                ..frame.options.clone()
            }));
        }
        let tokens = Tokens::of(ui);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("{} rows", frame.data.points.len())).color(tokens.weak));
            if let Some((words, why)) = frame.volume_words() {
                ui.label(RichText::new(words).color(tokens.weak))
                    .on_hover_text(why);
            }
        });
        let Self { order, .. } = self;
        let mut clicked = None;
        // A click on a number is a click on its row.
        ui.style_mut().interaction.selectable_labels = false;
        let row_height = ui.text_style_height(&egui::TextStyle::Body) + 6.0;
        let builder = TableBuilder::new(ui)
            .id_salt("pareto table")
            .striped(true)
            .sense(Sense::click())
            .column(Column::initial(70.0).at_least(56.0))
            .column(Column::initial(130.0).at_least(60.0))
            .columns(
                Column::initial(125.0).at_least(70.0).resizable(true),
                frame.data.axes().len(),
            )
            .column(Column::initial(40.0))
            .column(Column::remainder().clip(true));
        let table = builder.header(row_height + 4.0, |mut row| {
            let mut head = |ui: &mut Ui, text: &str, column: Sort| {
                let label = RichText::new(text).strong();
                ui.horizontal(|ui| {
                    if ui
                        .add(egui::Button::new(label).frame(false))
                        .on_hover_text("Sort by this column")
                        .clicked()
                    {
                        clicked = Some(column);
                    }
                    if order.column == column {
                        sorted(ui, order.descending);
                    }
                });
            };
            row.col(|ui| head(ui, "No.", Sort::Index));
            row.col(|ui| head(ui, "Class", Sort::Class));
            for (slot, &axis) in frame.data.axes().iter().enumerate() {
                let name = frame.data.objectives.get(axis).map_or("?", String::as_str);
                row.col(|ui| head(ui, name, Sort::Score(slot)));
            }
            row.col(|ui| {
                ui.horizontal(|ui| ui.strong("n").on_hover_text("Answers behind the means"));
            });
            row.col(|ui| {
                let title = if frame.options.units == Units::Base {
                    "Point (scores vs base)"
                } else {
                    "Point"
                };
                ui.horizontal(|ui| ui.strong(title));
            });
        });
        let rows = order.rows(frame.data.front).to_vec();
        table.body(|body| {
            body.rows(row_height, rows.len(), |mut row| {
                let Some((entry, result)) = rows.get(row.index()).and_then(|&position| {
                    frame
                        .data
                        .front
                        .entries()
                        .get(position)
                        .zip(frame.data.points.get(position))
                }) else {
                    return;
                };
                let selected = frame.data.selected == Some(entry.index);
                row.set_selected(selected);
                row.col(|ui| {
                    ui.label(format!("#{}", entry.index));
                });
                row.col(|ui| {
                    let color = if entry.class.is_front() {
                        tokens.front
                    } else {
                        tokens.weak
                    };
                    let words = RichText::new(class_words(entry.class));
                    ui.label(if selected { words } else { words.color(color) });
                });
                for (slot, unit) in frame.units.iter().enumerate() {
                    row.col(|ui| {
                        let (mean, se) =
                            (unit.apply(entry.mean[slot]), entry.se[slot] * unit.scale);
                        let axis = frame.data.axes().get(slot);
                        let n = axis.and_then(|&axis| result.scores.get(axis).copied().flatten());
                        // One sample has no error to speak of.
                        let single = n.is_some_and(|summary| summary.n == 1);
                        ui.label(match (entry.class.is_placed(), single) {
                            (false, _) => class_words(entry.class).to_owned(),
                            (true, true) => value_words(mean),
                            (true, false) => format!("{} ± {}", value_words(mean), value_words(se)),
                        });
                    });
                }
                row.col(|ui| {
                    ui.label(result.rows.to_string());
                });
                row.col(|ui| {
                    ui.label(point_words(&result.point, frame.data.objectives));
                });
                let response = row.response();
                if response.double_clicked() {
                    actions.push(ParetoAction::Go(entry.index));
                } else if response.clicked() {
                    actions.push(ParetoAction::Select(entry.index));
                }
            });
        });
        if let Some(column) = clicked {
            order.click(column);
        }
    }
}
