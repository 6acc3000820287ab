//! The line above the plots: what is there in numbers, what is left out, how it is looked at.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{ComboBox, PopupCloseBehavior, RichText, Ui};

use super::frame::Frame;
use super::{ParetoPanel, others};
use crate::plot::{ParetoAction, point_words};
use crate::state::{Class, Large, PlotOptions, Units};
use crate::theme::Tokens;
use crate::widgets::between;
use crate::widgets::format::counted;

/// Width from which all of the heading stands in one line, and with the study's sweeps in it.
const ONE_LINE: f32 = 470.0;
const ONE_LINE_OF_STUDY: f32 = 560.0;

/// A control of the heading.
enum Part {
    Sweeps,
    Large,
    View,
    Fit,
    Table,
}

impl Part {
    /// All of them, as they are read.
    const ALL: [Self; 5] = [
        Self::Large,
        Self::Sweeps,
        Self::View,
        Self::Fit,
        Self::Table,
    ];

    fn ui(
        self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        has_base: bool,
        options: &mut PlotOptions,
        actions: &mut Vec<ParetoAction>,
    ) {
        match self {
            Self::Sweeps => {
                if let Some(study) = &frame.data.study {
                    others::menu_ui(ui, study, actions);
                }
            }
            Self::Table => {
                let table = ui
                    .selectable_label(options.table, "Table")
                    .on_hover_text("Plot or table (T)");
                options.table ^= table.clicked();
            }
            Self::Fit => {
                let fit = ui
                    .button("Fit")
                    .on_hover_text("Show every point (F). Home gives the view back to the data.");
                options.fits += u64::from(fit.clicked());
            }
            Self::View => {
                let stay =
                    MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
                MenuButton::new("View")
                    .config(stay)
                    .ui(ui, |ui| view_menu(ui, has_base, options));
            }
            Self::Large if frame.data.axes().len() == 3 && !options.table => {
                large_choice(ui, frame, options);
            }
            Self::Large => {}
        }
    }
}

impl ParetoPanel {
    /// What there is, and how it is looked at: one line, or two where one has no room.
    pub(super) fn header(
        ui: &mut Ui,
        frame: &Frame<'_>,
        has_base: bool,
        actions: &mut Vec<ParetoAction>,
    ) {
        let counts = frame.data.front.counts();
        let mut options = frame.options.clone();
        let one_line = match frame.data.study {
            Some(_) => ONE_LINE_OF_STUDY,
            None => ONE_LINE,
        };
        let narrow = ui.available_width() < one_line;
        ui.horizontal(|ui| {
            let study = frame.data.study.as_ref().filter(|_| counts.points == 0);
            let front = match study {
                Some(study) => {
                    let drawn = study.others.sweeps().len();
                    format!("{} of the study", counted(drawn, "sweep"))
                }
                None => format!("Front {} of {}", counts.front, counted(counts.points, "point")),
            };
            let label = ui.label(RichText::new(front).strong());
            let more = if frame.data.front.measures_more() {
                "all scored objectives, more than the plotted ones"
            } else {
                "every plotted objective"
            };
            let mut hint = format!("Non-dominated points: no other point is at least as good on {more}, and better on one.");
            // Beside other sweeps the legend has it, from the reference of all.
            let alone = frame.data.study.is_none_or(|s| s.others.own().is_none());
            if let Some((words, why)) = frame.volume_words().filter(|_| alone) {
                hint += &format!("\n\n{words}\n{why}");
            }
            ui.ctx()
                .accesskit_node_builder(label.id, |node| node.set_description(hint.clone()));
            label.on_hover_text(hint);
            if narrow {
                Self::to_come(ui, frame);
                return;
            }
            let to_come = |ui: &mut Ui| Self::to_come(ui, frame);
            between(ui, "front", to_come, |ui| {
                for part in Part::ALL {
                    part.ui(ui, frame, has_base, &mut options, actions);
                }
            });
        });
        if narrow {
            ui.horizontal_wrapped(|ui| {
                for part in Part::ALL {
                    part.ui(ui, frame, has_base, &mut options, actions);
                }
            });
        }
        if options != *frame.options {
            actions.push(ParetoAction::Options(options));
        }
    }

    /// Points that are on their way, and those without a place.
    fn to_come(ui: &mut Ui, frame: &Frame<'_>) {
        if frame.data.pending > 0 {
            let words = format!("{} to come", frame.data.pending);
            let label = RichText::new(words).color(Tokens::of(ui).weak);
            ui.add(egui::Label::new(label).truncate());
        }
        Self::left_out(ui, frame);
    }

    /// Points without a place, counted and listed.
    fn left_out(ui: &mut Ui, frame: &Frame<'_>) {
        let tokens = Tokens::of(ui);
        let counts = frame.data.front.counts();
        for (count, class, word) in [
            (counts.non_finite, Class::NonFinite, "non-finite"),
            (counts.unscored, Class::Unscored, "not scored"),
        ] {
            if count == 0 {
                continue;
            }
            let title = RichText::new(format!("{count} {word}")).color(tokens.warn);
            ui.menu_button(title, |ui| {
                ui.label("Not drawn, and not on the front:");
                egui::ScrollArea::vertical()
                    .max_height(240.0)
                    .show(ui, |ui| {
                        let of_class = frame
                            .data
                            .front
                            .entries()
                            .iter()
                            .enumerate()
                            .filter(|(_, e)| e.class == class);
                        for (entry, result) in
                            of_class.filter_map(|(i, e)| Some((e, frame.data.points.get(i)?)))
                        {
                            let point = point_words(&result.point, frame.data.objectives);
                            ui.label(format!("Point {}: {point}", entry.index));
                        }
                    });
            });
        }
        for (slot, &axis) in frame.data.axes().iter().enumerate() {
            if counts.placed() > 1
                && frame
                    .data
                    .front
                    .span(slot)
                    .is_some_and(|(low, high)| low == high)
            {
                let name = frame
                    .data
                    .objectives
                    .get(axis)
                    .map_or("this objective", String::as_str);
                ui.label(RichText::new(format!("no variation in {name}")).color(tokens.warn));
            }
        }
    }
}

/// What is drawn, and in which units.
fn view_menu(ui: &mut Ui, has_base: bool, options: &mut PlotOptions) {
    ui.checkbox(&mut options.dominated, "Dominated points")
        .on_hover_text("Points off the Pareto front: another one is at least as good on every objective, and better on one");
    ui.checkbox(&mut options.all_whiskers, "Whiskers of ±1 SE on all points")
        .on_hover_text(format!(
            "Else on the point under the pointer and the selected one. Above {} points only the front has them",
            crate::plot::WHISKERS_FOR_ALL
        ));
    let mut against_base = options.units == Units::Base;
    ui.add_enabled(
        has_base,
        egui::Checkbox::new(&mut against_base, "Scores against the base model"),
    )
    .on_hover_text("In standard deviations of the base model's own answers, from their mean")
    .on_disabled_hover_text("The base model's own answers are not scored yet: a sweep scores them");
    options.units = if against_base {
        Units::Base
    } else {
        Units::Raw
    };
}

/// Which pair is large, or all three objectives at once.
fn large_choice(ui: &mut Ui, frame: &Frame<'_>, options: &mut PlotOptions) {
    let title = |large: Large| match large {
        Large::Pair(x, y) => format!("{} × {}", frame.name(x), frame.name(y)),
        Large::Space => "All three, in space".to_owned(),
    };
    let chosen = title(options.large);
    let combo = ComboBox::from_id_salt("large")
        .selected_text(&chosen)
        .truncate()
        .width(150.0);
    let shown = combo.show_ui(ui, |ui| {
        for &large in Large::all(3) {
            ui.selectable_value(&mut options.large, large, title(large));
        }
    });
    let response = shown
        .response
        .on_hover_text("What is large. The front is that of all objectives, whatever is shown.");
    response.widget_info(|| {
        let mut info =
            egui::WidgetInfo::labeled(egui::accesskit::Role::ComboBox, true, "Objectives plotted");
        info.current_text_value = Some(chosen.clone());
        info
    });
}
