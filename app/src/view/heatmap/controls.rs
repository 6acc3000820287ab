//! What is shown and of which modules; below, the experts with their letters and colours.

use egui::{ComboBox, RichText, Sense, Stroke, StrokeKind, Ui, vec2};

use super::shares::{Shares, normalised};
use super::trace::TokenTrace;
use crate::state::{HeatmapMode, HeatmapOptions, LayerChoice, ModuleChoice, SiteMap, StripColor};
use crate::theme::{Tokens, category, ink_on};
use crate::view::pareto::keep_together;
use crate::widgets::{adapter_letter, segmented};

/// Shows the controls and takes up what was changed: what is shown, of which modules, in which colours.
pub(super) fn show(
    ui: &mut Ui,
    trace: &TokenTrace<'_>,
    map: &SiteMap,
    shares: &Shares,
    options: &mut HeatmapOptions,
) {
    segmented(
        ui,
        &mut options.mode,
        &[
            (HeatmapMode::Strip, "Text", "the answer, coloured by expert"),
            (
                HeatmapMode::Layers,
                "Layers",
                "gates of one LoRA expert in every layer, token by token",
            ),
            (
                HeatmapMode::Experts,
                "Experts",
                "gates of all experts in the chosen modules, token by token",
            ),
        ],
    );
    let both = options.mode != HeatmapMode::Layers;
    ui.columns(if both { 2 } else { 1 }, |columns| {
        if both {
            layer_choice(&mut columns[0], map, options);
        }
        if let Some(ui) = columns.last_mut() {
            module_choice(ui, map, options);
        }
    });
    if options.mode == HeatmapMode::Strip {
        segmented(
            ui,
            &mut options.color,
            &[
                (
                    StripColor::Top,
                    "Top expert",
                    "colour and letter of the expert with the largest share; = where several have it",
                ),
                (
                    StripColor::Share,
                    "One expert",
                    "the gate of one LoRA expert as its share of all, from 0 to 1",
                ),
                (
                    StripColor::Entropy,
                    "Entropy",
                    "of the gates, over its largest value: 0 where one expert speaks, 1 where all speak alike",
                ),
            ],
        );
    }
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
    let shown = chosen.map_or_else(|| "all layers".to_owned(), |l| format!("layer {}", name(l)));
    let combo = ComboBox::from_id_salt("layer")
        .width(ui.available_width() - 10.0)
        .selected_text(shown)
        .truncate();
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
    let hint = "Layer: the last one is what HoE shows (figure 10)";
    named(ui, response.response, "Layer", hint);
}

/// Names a select for those who do not see it, and for the pointer.
fn named(ui: &Ui, response: egui::Response, name: &str, hint: &str) {
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(name));
    response.on_hover_text(hint);
}

fn module_choice(ui: &mut Ui, map: &SiteMap, options: &mut HeatmapOptions) {
    let chosen = map.module(&options.module);
    let name = chosen
        .and_then(|module| map.modules.get(module))
        .map_or("all modules", String::as_str);
    let combo = ComboBox::from_id_salt("module")
        .width(ui.available_width() - 10.0)
        .selected_text(name)
        .truncate();
    let response = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut options.module, ModuleChoice::Mean, "mean of all");
        for (place, module) in map.modules.iter().enumerate() {
            if ui.selectable_label(chosen == Some(place), module).clicked() {
                options.module = ModuleChoice::One(module.clone());
            }
        }
    });
    let hint =
        "Module within a layer whose gates are shown; HoE shows self_attn.q_proj (figure 10)";
    named(ui, response.response, "Module", hint);
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
        let kind = if adapter < trace.experts {
            ""
        } else {
            " (value)"
        };
        let text = format!("{name}{kind} {share:.0} %");
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
            adapter_letter(trace.experts, adapter),
            egui::FontId::proportional(12.0),
            ink_on(color),
        );
        if one {
            let choice = ui.selectable_label(options.adapter == adapter, text);
            if choice.on_hover_text("Show this expert").clicked() {
                options.adapter = adapter;
            }
        } else {
            ui.label(text).on_hover_text(
                "Mean of its gate over the answer, as a share of all, in the chosen modules",
            );
        }
        ui.add_space(4.0);
    }
}
