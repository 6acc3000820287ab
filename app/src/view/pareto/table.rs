//! The table that mirrors the plot: every point, sortable, for those who read rather than look.

use egui::{Key, Modifiers, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder, TableRow};
use paretoscope_core::types::Summary;

use super::ParetoPanel;
use super::frame::Frame;
use super::rows::{At, Placed, Sort};
use crate::plot::{ParetoAction, class_words, point_words, value_words};
use crate::state::{PlotOptions, Units};
use crate::theme::Tokens;
use crate::view::study::MEASURED;

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
        let rows = self.order.rows(frame).to_vec();
        let beside = has_others(frame);
        let timed = beside && is_timed(frame);
        ui.horizontal_wrapped(|ui| {
            let own = frame.data.points.len();
            let others = rows.iter().filter(|at| matches!(at, At::Other(..))).count();
            let mut words = format!("{} rows", rows.len());
            if beside {
                words += &format!(": {own} of this sweep, {others} of other sweeps");
            }
            ui.label(RichText::new(words).color(tokens.weak));
            // Beside other sweeps the legend has it, from the reference of all.
            let alone = frame.data.study.is_none_or(|s| s.others.own().is_none());
            if let Some((words, why)) = frame.volume_words().filter(|_| alone) {
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
            .id_salt(("pareto table", beside, timed))
            .striped(true)
            .sense(Sense::click())
            .column(Column::initial(70.0).at_least(56.0))
            .columns(
                Column::initial(110.0)
                    .at_least(60.0)
                    .clip(true)
                    .resizable(true),
                usize::from(beside),
            )
            .column(Column::initial(130.0).at_least(60.0))
            .columns(
                Column::initial(125.0).at_least(70.0).resizable(true),
                frame.data.axes().len(),
            )
            .column(Column::initial(40.0))
            .columns(Column::initial(86.0).at_least(60.0), usize::from(timed))
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
            if beside {
                row.col(|ui| {
                    ui.horizontal(|ui| ui.strong("Sweep"));
                });
            }
            row.col(|ui| head(ui, "Class", Sort::Class));
            for (slot, &axis) in frame.data.axes().iter().enumerate() {
                let name = frame.data.objectives.get(axis).map_or("?", String::as_str);
                row.col(|ui| head(ui, name, Sort::Score(slot)));
            }
            row.col(|ui| {
                ui.horizontal(|ui| ui.strong("n").on_hover_text("Answers behind the means"));
            });
            if timed {
                row.col(|ui| {
                    ui.horizontal(|ui| ui.strong("Time/token").on_hover_text(MEASURED));
                });
            }
            row.col(|ui| {
                let title = if frame.options.units == Units::Base {
                    "Point (scores vs base)"
                } else {
                    "Point"
                };
                ui.horizontal(|ui| ui.strong(title));
            });
        });
        table.body(|body| {
            body.rows(row_height, rows.len(), |mut row| {
                let line = rows.get(row.index()).and_then(|at| Line::of(frame, *at));
                if let Some(line) = line {
                    line.ui(&mut row, frame, tokens, (beside, timed), actions);
                }
            });
        });
        if let Some(column) = clicked {
            order.click(column);
        }
    }
}

/// Whether it is known of any sweep that is drawn how long a token took.
fn is_timed(frame: &Frame<'_>) -> bool {
    let others = frame.data.study.map_or(0, |s| s.others.sweeps().len());
    let mut sweeps = std::iter::once(None).chain((0..others).map(Some));
    sweeps.any(|sweep| times_of(frame, sweep).is_some())
}

/// How many times as long a token took in a drawn sweep, by its place, or in the own one.
fn times_of(frame: &Frame<'_>, sweep: Option<usize>) -> Option<f64> {
    let study = frame.data.study?;
    match sweep {
        None => (study.times)(None),
        Some(at) => (study.times)(Some(study.others.sweeps().get(at)?.sweep)),
    }
}

/// Whether other sweeps of the study are drawn.
fn has_others(frame: &Frame<'_>) -> bool {
    let study = frame.data.study.as_ref();
    study.is_some_and(|study| !study.others.sweeps().is_empty())
}

/// A row with all that it shows.
struct Line<'a> {
    placed: Placed,
    /// Its number among its sweep's points.
    number: usize,
    /// The sweep, where it is another one.
    sweep: Option<&'a str>,
    selected: bool,
    scores: &'a [Option<Summary>],
    /// The place among these of each plotted objective.
    places: Vec<Option<usize>>,
    rows: usize,
    /// How many times as long a token took.
    times: Option<f64>,
    words: String,
    click: ParetoAction,
    twice: Option<ParetoAction>,
}

impl<'a> Line<'a> {
    fn of(frame: &Frame<'a>, at: At) -> Option<Self> {
        let data = frame.data;
        match at {
            At::Own(position) => {
                let entry = data.front.entries().get(position)?;
                let result = data.points.get(position)?;
                Some(Self {
                    placed: entry.into(),
                    number: entry.index,
                    sweep: None,
                    selected: data.selected == Some(entry.index),
                    scores: &result.scores,
                    places: data.axes().iter().copied().map(Some).collect(),
                    rows: result.rows,
                    times: times_of(frame, None),
                    words: point_words(&result.point, data.objectives),
                    click: ParetoAction::Select(entry.index),
                    twice: Some(ParetoAction::Go(entry.index)),
                })
            }
            At::Other(sweep, dot) => {
                let study = data.study?;
                let (series, known) = study.others.dot((sweep, dot))?;
                let placed = study.others.sweeps().get(sweep)?.dots.get(dot)?;
                let fronts = study.others.fronts()?;
                let place = |&axis: &usize| {
                    let name = data.objectives.get(axis)?;
                    fronts.objectives.iter().position(|o| o.name == *name)
                };
                let rows = known.scores.iter().flatten().map(|s| s.n + s.non_finite);
                let point = known.point.as_ref();
                Some(Self {
                    placed: placed.into(),
                    number: placed.at,
                    sweep: Some(&series.name),
                    selected: study.selected == Some(known.uid.as_str()),
                    scores: &known.scores,
                    places: data.axes().iter().map(place).collect(),
                    rows: rows.max().unwrap_or(0),
                    times: times_of(frame, Some(sweep)),
                    words: match (&known.name, point) {
                        (Some(name), _) => name.clone(),
                        (None, Some(point)) => point_words(point, data.objectives),
                        (None, None) => String::new(),
                    },
                    click: ParetoAction::Mark(known.uid.clone()),
                    twice: None,
                })
            }
        }
    }

    fn ui(
        self,
        row: &mut TableRow<'_, '_>,
        frame: &Frame<'_>,
        tokens: &Tokens,
        (beside, timed): (bool, bool),
        actions: &mut Vec<ParetoAction>,
    ) {
        let class = self.placed.class;
        row.set_selected(self.selected);
        row.col(|ui| {
            ui.label(format!("#{}", self.number));
        });
        if beside {
            row.col(|ui| {
                let words = self.sweep.unwrap_or("this sweep");
                ui.add(egui::Label::new(words).truncate());
            });
        }
        row.col(|ui| {
            let color = if class.is_front() {
                tokens.front
            } else {
                tokens.weak
            };
            let words = RichText::new(class_words(class));
            ui.label(if self.selected {
                words
            } else {
                words.color(color)
            });
        });
        for (slot, unit) in frame.units.iter().enumerate() {
            row.col(|ui| {
                let mean = unit.apply(self.placed.mean[slot]);
                let se = self.placed.se[slot] * unit.scale;
                let place = self.places.get(slot).copied().flatten();
                let score = place.and_then(|place| self.scores.get(place).copied().flatten());
                // One sample has no error to speak of.
                let single = score.is_some_and(|summary| summary.n == 1);
                ui.label(match (class.is_placed(), single) {
                    (false, _) => class_words(class).to_owned(),
                    (true, true) => value_words(mean),
                    (true, false) => format!("{} ± {}", value_words(mean), value_words(se)),
                });
            });
        }
        row.col(|ui| {
            ui.label(self.rows.to_string());
        });
        if timed {
            row.col(|ui| {
                let times = self.times.map(|times| format!("{times:.2} \u{d7}"));
                ui.label(times.unwrap_or_default());
            });
        }
        row.col(|ui| {
            ui.label(self.words);
        });
        let response = row.response();
        match self.twice {
            Some(twice) if response.double_clicked() => actions.push(twice),
            _ if response.clicked() => actions.push(self.click),
            _ => {}
        }
    }
}
