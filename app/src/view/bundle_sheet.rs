//! The bundle sheet: open another one, and what the one in use is made of.

use egui::{Context, Grid, Id, Modal, ProgressBar, RichText, ScrollArea, TextEdit, Ui};
use paretoscope_core::protocol::LoadStage;
use paretoscope_core::types::{AdapterInfo, BundleInfo, ExpertKind};

use super::trial::trial_ui;
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Loading, Overlay, share_words};
use crate::theme::Tokens;
use crate::widgets::format::{bytes, count, duration};
use crate::widgets::{
    command_button, expert_dot, expert_slot, group_title, primary_button, section, trouble_ui,
    typed_path,
};

/// An effect below this is none: the adapter changes no logit that matters.
const NO_EFFECT: f32 = 1e-4;

/// The columns of the adapters' table, with what they mean in the papers' words.
const HEADINGS: [(&str, &str); 6] = [
    (
        "Expert",
        "An adapter, or a router over adapters (HoE, section 3)",
    ),
    (
        "Kind",
        "LoRA expert, router expert, or a value vector of MVA",
    ),
    (
        "Stands at",
        "The preference \u{3BB} that it was made for: its place on the simplex",
    ),
    ("Rank", "Rank r of the LoRA's product B·A"),
    (
        "Modules",
        "Linear modules of the base model that it found by name",
    ),
    (
        "Effect",
        "Largest change of any logit on a fixed prompt with this adapter alone",
    ),
];

/// The sheet.
pub(super) fn bundle_sheet_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let modal = Modal::new(Id::unique("bundle-sheet")).show(ctx, |ui| {
        ui.set_width((room.x - 60.0).min(680.0));
        section(ui, "Bundle", |ui| {
            if ui.button("Close").clicked() {
                queue.push(AppCommand::Show(Overlay::Bundle));
            }
        });
        ScrollArea::vertical()
            .max_height(room.y - 140.0)
            .min_scrolled_height(room.y - 140.0)
            .show(ui, |ui| {
                open_ui(ui, state, queue);
                if let Some(info) = state.info() {
                    ui.separator();
                    info_ui(ui, info);
                    ui.add_space(6.0);
                    trial_ui(ui, state, info, queue);
                }
            });
    });
    if modal.should_close() {
        queue.push(AppCommand::Show(Overlay::Bundle));
    }
}

fn open_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let mut typed = state.bundle.typed.clone();
    let label = ui
        .label("A folder with a bundle.json; or drop one onto the window")
        .on_hover_text(
            "Or a base model alone, which answers without experts: a folder with a config.json, or a hub id, org/name",
        );
    let edit = TextEdit::singleline(&mut typed)
        .desired_width(f32::INFINITY)
        .hint_text("/path/to/bundle, a base model's folder, or its hub id, org/name");
    let response = ui.add(edit).labelled_by(label.id);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label("Path of a bundle"));
    if response.changed() {
        queue.push(AppCommand::TypePath(typed.clone()));
    }
    let entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    ui.horizontal_wrapped(|ui| {
        let load = AppCommand::LoadBundle(typed_path(&typed));
        if typed.trim().is_empty() {
            ui.add_enabled(false, egui::Button::new("Load"))
                .on_disabled_hover_text("Off: type a path first");
        } else {
            primary_button(ui, state, queue, load.clone(), "Load");
            if entered {
                queue.push(load);
            }
        }
        command_button(
            ui,
            state,
            queue,
            AppCommand::ChooseBundle,
            "Choose a folder\u{2026}",
        );
        if state.bundle.demo.is_some() {
            command_button(ui, state, queue, AppCommand::LoadDemo, "Demonstration");
        }
    });
    if let Some(loading) = &state.bundle.loading {
        loading_ui(ui, state, loading, queue);
    }
    if let Some(failure) = &state.bundle.failure {
        let what = format!("{} was not loaded", failure.path.display());
        let fine = if state.info().is_some() {
            "Nothing was changed: the bundle in use stays."
        } else {
            "Nothing was changed."
        };
        trouble_ui(ui, &what, &failure.trouble, fine, |ui| {
            if ui.button("Dismiss").clicked() {
                queue.push(AppCommand::DismissFailure);
            }
        });
    }
    if !state.prefs.recents.is_empty() {
        let weak = Tokens::of(ui).weak;
        ui.label(RichText::new("Recent").color(weak).size(13.0));
        for path in &state.prefs.recents {
            let text = path.display().to_string();
            let in_use = state.info().is_some_and(|b| b.path == *path);
            if ui.selectable_label(in_use, text).clicked() {
                queue.push(AppCommand::LoadBundle(path.clone()));
            }
        }
    }
}

/// How far a load is, and what stops it.
pub(super) fn loading_ui(
    ui: &mut Ui,
    state: &AppState,
    loading: &Loading,
    queue: &mut CommandQueue,
) {
    ui.label(format!("Loading {}", loading.path.display()));
    ui.add(
        ProgressBar::new(loading.fraction)
            .show_percentage()
            .animate(false),
    );
    let words = RichText::new(stage_words(loading, state.now)).color(Tokens::of(ui).weak);
    ui.label(words);
    command_button(ui, state, queue, AppCommand::CancelLoad, "Cancel");
}

/// A step of loading, in words.
fn stage_words(loading: &Loading, now: f64) -> String {
    let words = match loading.stage {
        None => "Starting",
        Some(LoadStage::Fetch { of: 0, .. }) => "Asking the hub for its files",
        Some(LoadStage::Fetch { bytes: came, of }) => {
            let left = loading.left(now).map_or_else(String::new, |seconds| {
                format!(", {} left", duration(seconds))
            });
            let (came, of) = (bytes(came), bytes(of));
            return format!("Fetching the model: {came} of {of}{left}");
        }
        Some(LoadStage::Manifest) => "Reading the manifest",
        Some(LoadStage::Base) => "Loading the base model",
        Some(LoadStage::Experts) => "Loading experts",
        Some(LoadStage::Rewards) => "Loading reward models",
        Some(LoadStage::Probe) => "Checking that every adapter has an effect",
    };
    words.to_owned()
}

fn info_ui(ui: &mut Ui, info: &BundleInfo) {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(&info.name).size(16.0).strong());
    ui.label(
        RichText::new(info.path.display().to_string())
            .color(tokens.weak)
            .size(13.0),
    );
    if let Some(words) = &info.demonstration {
        ui.label(RichText::new(format!("Demonstration model: {words}")).color(tokens.warn));
    }
    for warning in &info.warnings {
        ui.label(RichText::new(format!("Warning: {warning}")).color(tokens.warn));
    }
    let model = &info.model;
    let mut words = format!(
        "{} parameters, {} layers, width {}, {} tokens of vocabulary, context {}",
        count(model.parameters),
        model.layers,
        model.hidden_size,
        count(model.vocabulary),
        count(model.context),
    );
    let memory = bytes(info.memory_bytes);
    words.push_str(&format!("\n{}, {memory} in memory", model.device));
    ui.label(words);
    ui.add_space(6.0);
    if info.is_bare() {
        let words = "A base model alone: no experts, no value vectors. The Point panel says how they are added.";
        ui.label(RichText::new(words).color(tokens.weak));
    } else {
        adapters_ui(ui, info);
    }
    ui.add_space(6.0);
    objectives_ui(ui, info);
}

fn adapters_ui(ui: &mut Ui, info: &BundleInfo) {
    Grid::new("adapters")
        .striped(true)
        .num_columns(6)
        .spacing([14.0, 4.0])
        .show(ui, |ui| {
            for (heading, words) in HEADINGS {
                group_title(ui, heading, words);
            }
            ui.end_row();
            for (index, (expert, file)) in info.experts.iter().zip(&info.expert_files).enumerate() {
                let kind = match expert.kind {
                    ExpertKind::Lora => "LoRA",
                    ExpertKind::Router => "router",
                };
                let place = share_words(expert.preference.as_slice(), 2);
                ui.horizontal(|ui| {
                    expert_dot(ui, expert_slot(info, index), expert.kind);
                    ui.label(&expert.name);
                });
                ui.label(kind);
                ui.label(place.join(" / "));
                adapter_cells(ui, file);
            }
            if !info.values_are_experts {
                for value in &info.values {
                    ui.label(&value.name);
                    ui.label("value");
                    ui.label("");
                    adapter_cells(ui, value);
                }
            }
        });
}

fn adapter_cells(ui: &mut Ui, file: &AdapterInfo) {
    let tokens = Tokens::of(ui);
    ui.label(if file.rank == 0 {
        "\u{2013}".to_owned()
    } else {
        file.rank.to_string()
    });
    let all = file.matched == file.modules;
    let matched = format!("{} of {}", file.matched, file.modules);
    let color = if all { tokens.text } else { tokens.warn };
    ui.label(RichText::new(matched).color(color))
        .on_hover_text(format!(
            "{}\n{}\nSHA-256 {}",
            file.path.display(),
            bytes(file.bytes),
            file.digest
        ));
    match file.effect {
        None => ui.label("\u{2013}"),
        Some(effect) if effect < NO_EFFECT => {
            ui.label(RichText::new("none!").color(tokens.error).strong())
        }
        Some(effect) if !effect.is_finite() => {
            ui.label(RichText::new("not finite!").color(tokens.error).strong())
        }
        Some(effect) => ui.label(format!("{effect:.2}")),
    }
    .on_hover_text("Largest change of any logit on a fixed prompt with this adapter alone");
    ui.end_row();
}

fn objectives_ui(ui: &mut Ui, info: &BundleInfo) {
    let tokens = Tokens::of(ui);
    for objective in &info.objectives {
        let reading = objective
            .reading
            .as_ref()
            .map_or_else(String::new, |reading| format!(" ({reading})"));
        let reward = objective
            .reward_kind
            .as_deref()
            .unwrap_or("no reward model, so no scores");
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(&objective.name).strong());
            ui.label(RichText::new(format!("scored by: {reward}{reading}")).color(tokens.weak));
        });
    }
}
