//! The study's sweeps in the panel: which are drawn, on which prompts, their legend, their tooltips.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::epaint::Shape;
use egui::{
    Painter, PopupCloseBehavior, Pos2, RichText, ScrollArea, Sense, TextWrapMode, Ui, vec2,
};
use egui_plot::PlotTransform;
use paretoscope_figure::plot::{Dot, Series, Standing};

use super::frame::Frame;
use super::{ParetoPanel, keep_together};
use crate::plot::{
    Looked, OthersData, OthersInput, PARTS, ParetoAction, Ticked, dot_words, other_marker,
    split_words, value_words,
};
use crate::state::OtherSweep;
use crate::theme::Tokens;
use crate::widgets::format::counted;

/// Sweeps that the legend names; the rest are in the menu.
const NAMED: usize = 12;

impl OthersData<'_> {
    /// Each drawn sweep in words, for who does not see the plot.
    pub(super) fn spoken(&self) -> String {
        let sweeps = self.others.sweeps().iter();
        let spoken = sweeps.filter_map(|sweep| {
            let series = self.others.series(sweep)?;
            Some(format!("; {}: {}", series.name, numbers(series)))
        });
        spoken.collect()
    }
}

/// Front, size and hypervolume of a sweep.
fn numbers(series: &Series) -> String {
    let on = |dot: &&Dot| dot.standing != Standing::Dominated;
    let volume = series.hypervolume.map_or_else(String::new, |volume| {
        format!(", hypervolume {}", value_words(volume))
    });
    format!(
        "front {} of {}{volume}",
        series.dots.iter().filter(on).count(),
        counted(series.dots.len(), "point")
    )
}

/// The menu with all sweeps of the study and the prompts that count.
pub(super) fn menu_ui(ui: &mut Ui, study: &OthersData<'_>, actions: &mut Vec<ParetoAction>) {
    let drawn = study.others.sweeps().len();
    let stay = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let (button, _) = MenuButton::new(format!("Sweeps ({drawn})"))
        .config(stay)
        .ui(ui, |ui| {
            ui.set_min_width(240.0);
            split_ui(ui, study, actions);
            ui.separator();
            ScrollArea::vertical().max_height(280.0).show(ui, |ui| {
                for ticked in study.sweeps {
                    tick_ui(ui, ticked, &name_of(ticked), actions);
                }
            });
            ui.separator();
            if ui.button("Compare\u{2026}").clicked() {
                actions.push(ParetoAction::Compare);
            }
        });
    button.on_hover_text("Sweeps of the study drawn beside this one, and on which prompts");
}

fn name_of(ticked: &Ticked) -> String {
    let own = if ticked.own { ", this sweep" } else { "" };
    let elsewhere = if ticked.elsewhere {
        ", being made by another program"
    } else {
        ""
    };
    format!("{} ({}){own}{elsewhere}", ticked.name, ticked.sweep)
}

fn tick_ui(ui: &mut Ui, ticked: &Ticked, words: &str, actions: &mut Vec<ParetoAction>) {
    let mut on = ticked.on;
    let text = RichText::new(words).color(Tokens::of(ui).weak).size(13.0);
    if ui.checkbox(&mut on, text).changed() {
        actions.push(ParetoAction::Tick(ticked.sweep, on));
    }
}

fn split_ui(ui: &mut Ui, study: &OthersData<'_>, actions: &mut Vec<ParetoAction>) {
    ui.label("Prompts that count");
    ui.horizontal_wrapped(|ui| {
        for split in PARTS {
            let chosen = split == study.split;
            if ui.selectable_label(chosen, split_words(split)).clicked() && !chosen {
                actions.push(ParetoAction::Split(split));
            }
        }
    });
}

impl ParetoPanel {
    /// What the means are over, and a switch per sweep with its marker and numbers.
    pub(super) fn others_legend(
        &self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        actions: &mut Vec<ParetoAction>,
    ) {
        let Some(study) = &frame.data.study else {
            return;
        };
        let tokens = Tokens::of(ui);
        let words = ui.label(RichText::new(study.words).color(tokens.weak).size(13.0));
        if let Some(reference) = reference_words(study) {
            ui.ctx()
                .accesskit_node_builder(words.id, |node| node.set_description(reference.clone()));
            words.on_hover_text(reference);
        }
        if let Some(trouble) = study.trouble {
            ui.label(RichText::new(trouble).color(tokens.warn).size(13.0));
        }
        let others = study.others;
        ui.horizontal_wrapped(|ui| {
            let own = others.fronts().zip(others.own());
            if let Some(series) = own.and_then(|(fronts, at)| fronts.series.get(at)) {
                let words = format!("This sweep: {}", numbers(series));
                ui.label(RichText::new(words).color(tokens.weak).size(13.0));
                ui.add_space(6.0);
            }
            let beside = || study.sweeps.iter().filter(|ticked| !ticked.own);
            for ticked in beside().take(NAMED) {
                self.other_item(ui, study, ticked, actions);
            }
            let rest = beside().count().saturating_sub(NAMED);
            if rest > 0 {
                let words = format!("{} more in Sweeps", counted(rest, "sweep"));
                ui.label(RichText::new(words).color(tokens.weak).size(13.0));
            }
        });
    }

    fn other_item(
        &self,
        ui: &mut Ui,
        study: &OthersData<'_>,
        ticked: &Ticked,
        actions: &mut Vec<ParetoAction>,
    ) {
        let mut sweeps = study.others.sweeps().iter();
        let sweep = sweeps.find(|other| other.sweep == ticked.sweep);
        let words = match sweep.and_then(|sweep| study.others.series(sweep)) {
            Some(series) => format!("{}: {}", name_of(ticked), numbers(series)),
            None => name_of(ticked),
        };
        let font = egui::FontId::proportional(13.0);
        let color = Tokens::of(ui).weak;
        let galley = ui.painter().layout_no_wrap(words.clone(), font, color);
        keep_together(ui, galley.size().x + 60.0);
        ui.horizontal(|ui| {
            // Words that are longer than the panel wrap beside their marker, not below it.
            ui.style_mut().wrap_mode = Some(TextWrapMode::Wrap);
            if let (Some(sweep), Some(glyphs)) = (sweep, &self.glyphs) {
                let (rect, _) = ui.allocate_exact_size(vec2(16.0, 20.0), Sense::hover());
                let mut mesh = glyphs.mesh();
                let kind: (&OtherSweep, Standing) = (sweep, Standing::Front);
                other_marker(glyphs, &mut mesh, kind, rect.center(), 1.0, Tokens::of(ui));
                ui.painter().add(Shape::mesh(mesh));
            }
            tick_ui(ui, ticked, &words, actions);
        });
    }

    /// The others of one pair, behind its points, with rings around the dots that are looked at; what the pointer is on.
    pub(super) fn paint_others(
        &mut self,
        ui: &Ui,
        frame: &Frame<'_>,
        (x, y): (usize, usize),
        transform: &PlotTransform,
        scale: f32,
    ) {
        let (Some(study), Some(glyphs)) = (&frame.data.study, &self.glyphs) else {
            return;
        };
        let Some(layer) = self.others.get_mut(x + y - 1) else {
            return;
        };
        let input = OthersInput {
            others: study.others,
            pair: (x, y),
            units: [frame.units[x], frame.units[y]],
            dominated: frame.options.dominated,
            scale,
        };
        layer.show(ui, glyphs, transform, &input);
    }

    /// Whiskers and rings of the other dots that are looked at or pointed at, and of those that were chosen.
    pub(super) fn mark_others(
        &self,
        painter: &Painter,
        frame: &Frame<'_>,
        (x, y): (usize, usize),
        transform: &PlotTransform,
        tokens: &Tokens,
        hovered: Option<(usize, usize)>,
    ) {
        let (Some(study), Some(glyphs), Some(layer)) =
            (&frame.data.study, &self.glyphs, self.others.get(x + y - 1))
        else {
            return;
        };
        let input = OthersInput {
            others: study.others,
            pair: (x, y),
            units: [frame.units[x], frame.units[y]],
            dominated: frame.options.dominated,
            scale: 1.0,
        };
        let looked = Looked {
            selected: study.selected.and_then(|uid| study.others.find(uid)),
            hovered,
            chosen: study.chosen,
        };
        layer.rings((painter, glyphs, transform), &input, &looked, tokens);
    }

    /// The other dot that the pointer is on.
    pub(super) fn other_at(&self, (x, y): (usize, usize), pointer: Pos2) -> Option<(usize, usize)> {
        self.others
            .get(x + y - 1)?
            .nearest(pointer, super::hover::REACH)
    }
}

/// Where hypervolumes are measured from.
fn reference_words(study: &OthersData<'_>) -> Option<String> {
    let fronts = study.others.fronts()?;
    let named = fronts.axes.iter().zip(fronts.reference.as_ref()?);
    let named = named.map(|(&axis, value)| {
        let name = &fronts.objectives[axis].name;
        format!("{name} {}", value_words(*value))
    });
    Some(format!(
        "Hypervolumes of all sweeps are measured from one reference: {}",
        named.collect::<Vec<_>>().join(", ")
    ))
}

/// What the pointer is on.
pub(super) fn tip_ui(ui: &mut Ui, frame: &Frame<'_>, at: (usize, usize)) {
    let study = frame.data.study.as_ref();
    let others = study.map(|study| study.others);
    let found = others.and_then(|others| Some((others.fronts()?, others.dot(at)?)));
    let Some((fronts, (series, dot))) = found else {
        return;
    };
    ui.label(dot_words(fronts, series, dot));
    let weak = Tokens::of(ui).weak;
    ui.label(RichText::new("Click: look at its stored answers").color(weak));
}
