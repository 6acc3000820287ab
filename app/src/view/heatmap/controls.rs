//! What is shown and of which modules; below, the experts with their letters and colours.

use egui::{ComboBox, RichText, Sense, Stroke, StrokeKind, Ui, vec2};

use super::shares::{Shares, normalised};
use super::trace::TokenTrace;
use crate::state::{HeatmapMode, HeatmapOptions, LayerChoice, ModuleChoice, SiteMap, StripColor};
use crate::theme::{Tokens, category, expert_letter, ink_on};
use crate::view::pareto::keep_together;

/// Shows the controls and takes up what was changed.
pub(super) fn show(
    ui: &mut Ui,
    trace: &TokenTrace<'_>,
    map: &SiteMap,
    shares: &Shares,
    options: &mut HeatmapOptions,
) {
    ui.horizontal_wrapped(|ui| {
        for (mode, title, hint) in [
            (HeatmapMode::Strip, "Text", "The answer, coloured by expert"),
            (
                HeatmapMode::Layers,
                "Layers × tokens",
                "Gates of one expert in every layer",
            ),
            (
                HeatmapMode::Experts,
                "Experts × tokens",
                "Gates of all experts in the chosen modules",
            ),
        ] {
            ui.selectable_value(&mut options.mode, mode, title)
                .on_hover_text(hint);
        }
        if options.mode != HeatmapMode::Layers {
            layer_choice(ui, map, options);
        }
        module_choice(ui, map, options);
        if options.mode == HeatmapMode::Strip {
            for (color, title, hint) in [
                (
                    StripColor::Top,
                    "Top expert",
                    "Colour of the expert with the largest share",
                ),
                (
                    StripColor::Share,
                    "One expert",
                    "Share of one expert, from 0 to 1",
                ),
                (
                    StripColor::Entropy,
                    "Entropy",
                    "0: one expert speaks; 1: all speak alike",
                ),
            ] {
                ui.selectable_value(&mut options.color, color, title)
                    .on_hover_text(hint);
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        experts(ui, trace, shares, options);
        if options.mode == HeatmapMode::Strip {
            match options.color {
                StripColor::Top => {}
                StripColor::Share => super::bar::horizontal(ui, "share"),
                StripColor::Entropy => super::bar::horizontal(ui, "entropy"),
            }
        }
        if shares.scale() > 1.0 {
            let text = format!(
                "Scale ends at {:.1}: extrapolated gates pass 1",
                shares.scale()
            );
            ui.label(RichText::new(text).color(Tokens::of(ui).warn));
        }
    });
}

fn layer_choice(ui: &mut Ui, map: &SiteMap, options: &mut HeatmapOptions) {
    let chosen = map.layer(options.layer);
    let name = |layer: usize| {
        if map.layers.last() == Some(&layer) {
            format!("{layer} (last)")
        } else {
            layer.to_string()
        }
    };
    keep_together(ui, 150.0);
    let label = ui.label("Layer");
    let combo = ComboBox::from_id_salt("layer")
        .width(84.0)
        .selected_text(chosen.map_or("mean".to_owned(), name));
    let response = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut options.layer, LayerChoice::Mean, "mean of all");
        for &layer in &map.layers {
            let choice = if map.layers.last() == Some(&layer) {
                LayerChoice::Last
            } else {
                LayerChoice::One(layer)
            };
            if ui
                .selectable_label(chosen == Some(layer), name(layer))
                .clicked()
            {
                options.layer = choice;
            }
        }
    });
    response.response.labelled_by(label.id);
}

fn module_choice(ui: &mut Ui, map: &SiteMap, options: &mut HeatmapOptions) {
    let chosen = map.module(&options.module);
    let name = chosen
        .and_then(|module| map.modules.get(module))
        .map_or("mean", String::as_str);
    keep_together(ui, 230.0);
    let label = ui.label("Module");
    let combo = ComboBox::from_id_salt("module")
        .width(150.0)
        .selected_text(name);
    let response = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut options.module, ModuleChoice::Mean, "mean of all");
        for (place, module) in map.modules.iter().enumerate() {
            if ui.selectable_label(chosen == Some(place), module).clicked() {
                options.module = ModuleChoice::One(module.clone());
            }
        }
    });
    response.response.labelled_by(label.id);
}

/// Every expert with its letter, colour and mean share. Where one expert is shown, a click chooses it.
fn experts(ui: &mut Ui, trace: &TokenTrace<'_>, shares: &Shares, options: &mut HeatmapOptions) {
    let tokens = Tokens::of(ui);
    let one = options.mode == HeatmapMode::Layers
        || options.mode == HeatmapMode::Strip && options.color == StripColor::Share;
    let mean = normalised(&shares.mean(0..trace.pieces.len()));
    let font = egui::TextStyle::Body.resolve(ui.style());
    for (adapter, name) in trace.adapters.iter().enumerate() {
        let share = mean
            .as_ref()
            .and_then(|mean| mean.get(adapter))
            .map_or(0.0, |share| 100.0 * share);
        // Value vectors have no part in a mixture of experts.
        if adapter >= trace.experts && share == 0.0 {
            continue;
        }
        let text = format!("{name} {share:.0} %");
        let color = category(adapter);
        let words = ui
            .painter()
            .layout_no_wrap(text.clone(), font.clone(), tokens.text);
        keep_together(ui, words.size().x + 48.0);
        let (rect, _) = ui.allocate_exact_size(vec2(18.0, 18.0), Sense::hover());
        ui.painter().rect(
            rect,
            4.0,
            color,
            Stroke::new(1.0, tokens.outline),
            StrokeKind::Inside,
        );
        ui.painter().text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            expert_letter(adapter),
            egui::FontId::proportional(12.0),
            ink_on(color),
        );
        if one {
            let choice = ui.selectable_label(options.adapter == adapter, text);
            if choice.on_hover_text("Show this expert").clicked() {
                options.adapter = adapter;
            }
        } else {
            ui.label(text)
                .on_hover_text("Mean share over the answer, in the chosen modules");
        }
        ui.add_space(4.0);
    }
}
