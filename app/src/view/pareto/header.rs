//! The line above the plots: what is there in numbers, what is left out, how it is looked at.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{ComboBox, PopupCloseBehavior, RichText, Ui};

use super::{Frame, ParetoPanel};
use crate::plot::{ParetoAction, point_words, value_words};
use crate::state::{Class, PlotOptions, Units};
use crate::theme::Tokens;

impl ParetoPanel {
    /// One line where there is room, more where there is not.
    pub(super) fn header(
        &self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        has_base: bool,
        actions: &mut Vec<ParetoAction>,
    ) {
        let tokens = Tokens::of(ui);
        let counts = frame.data.front.counts();
        let mut options = frame.options.clone();
        ui.horizontal_wrapped(|ui| {
            let front = format!("Front {} of {} points", counts.front, counts.points);
            ui.label(RichText::new(front).strong())
                .on_hover_text("Points that no other point beats on every plotted objective");
            if frame.data.pending > 0 {
                ui.label(
                    RichText::new(format!("· {} to come", frame.data.pending)).color(tokens.weak),
                );
            }
            self.volume(ui, frame);
            self.left_out(ui, frame);
            if frame.data.axes().len() == 3 {
                pair_choice(ui, frame, &mut options);
            }
            let stay = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
            MenuButton::new("View")
                .config(stay)
                .ui(ui, |ui| view_menu(ui, has_base, &mut options));
            let fit = ui
                .button("Fit")
                .on_hover_text("Show every point (F). Home gives the view back to the data.");
            options.fits += u64::from(fit.clicked());
            let table = ui
                .selectable_label(options.table, "Table")
                .on_hover_text("Plot or table (T)");
            options.table ^= table.clicked();
        });
        if options != *frame.options {
            actions.push(ParetoAction::Options(options));
        }
    }

    /// The hypervolume, never without its reference point.
    fn volume(&self, ui: &mut Ui, frame: &Frame<'_>) {
        let Some(volume) = frame
            .data
            .front
            .hypervolume()
            .filter(|_| frame.data.front.counts().front > 0)
        else {
            return;
        };
        let shown =
            |slot: usize, raw: f64| frame.units.get(slot).map_or(raw, |unit| unit.apply(raw));
        let reference: Vec<String> = volume
            .reference
            .iter()
            .enumerate()
            .map(|(slot, &raw)| value_words(shown(slot, raw)))
            .collect();
        let value = volume.value * frame.units.iter().map(|unit| unit.scale).product::<f64>();
        let of = if volume.is_base { "over base" } else { "over" };
        let axes = if frame.data.front.measures_more() {
            "of the plotted objectives "
        } else {
            ""
        };
        let text = format!(
            "· hypervolume {axes}{} {of} ({})",
            value_words(value),
            reference.join(", ")
        );
        let hint = match (volume.is_base, &volume.base) {
            (true, _) => {
                "The reference point is the base model's mean score on each objective. Points below it count for nothing."
            }
            (false, Some(_)) => {
                "No point beats the base model on every objective at once, so nothing lies above its score. \
                 The reference point lies a tenth of each range below the worst point seen so far instead; it \
                 moves while points arrive."
            }
            (false, None) => {
                "The reference point lies a tenth of each range below the worst point seen so far; it moves while points arrive."
            }
        };
        ui.label(RichText::new(text).color(Tokens::of(ui).weak))
            .on_hover_text(hint);
    }

    /// Points without a place, counted and listed.
    fn left_out(&self, ui: &mut Ui, frame: &Frame<'_>) {
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
    ui.checkbox(&mut options.dominated, "Dominated points");
    ui.checkbox(&mut options.whiskers, "Whiskers of ±1 SE")
        .on_hover_text(format!(
            "Above {} points only the front has them",
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

/// All pairs, or one of them large.
fn pair_choice(ui: &mut Ui, frame: &Frame<'_>, options: &mut PlotOptions) {
    let name = |slot: usize| {
        frame
            .data
            .axes()
            .get(slot)
            .and_then(|&axis| frame.data.objectives.get(axis))
            .map_or("?", String::as_str)
    };
    let title = |pair: Option<(usize, usize)>| {
        pair.map_or("All pairs".to_owned(), |(x, y)| {
            format!("{} × {}", name(x), name(y))
        })
    };
    let chosen = title(options.pair);
    let combo = ComboBox::from_id_salt("pairs")
        .selected_text(&chosen)
        .width(96.0);
    let shown = combo.show_ui(ui, |ui| {
        for pair in [None, Some((0, 1)), Some((1, 2)), Some((0, 2))] {
            ui.selectable_value(&mut options.pair, pair, title(pair));
        }
    });
    let response = shown
        .response
        .on_hover_text("Which objectives are plotted. The front is that of all three.");
    response.widget_info(|| {
        let mut info =
            egui::WidgetInfo::labeled(egui::accesskit::Role::ComboBox, true, "Objectives plotted");
        info.current_text_value = Some(chosen.clone());
        info
    });
}
