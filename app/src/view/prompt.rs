//! The prompt editor: samples, run, stop, and how tokens are chosen.

use egui::{ComboBox, Id, RichText, TextEdit, Ui};

use super::{conversation, given};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Panel, SamplingForm};
use crate::theme::Tokens;
use crate::widgets::number::{checked_field, real, whole};
use crate::widgets::{command_button, primary_button};

/// The editor with its buttons, and what the model is given of it.
pub(super) fn prompt_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if state.prompt.conversation {
        conversation::conversation_ui(ui, state, queue);
    } else {
        text_ui(ui, state, queue);
    }
    ui.horizontal_wrapped(|ui| {
        if state.session.running().is_some() {
            primary_button(ui, state, queue, AppCommand::Stop, "Stop");
        } else {
            primary_button(ui, state, queue, AppCommand::Generate, "Generate");
        }
        command_button(ui, state, queue, AppCommand::Regenerate, "Regenerate");
        command_button(ui, state, queue, AppCommand::Continue, "Continue");
        let label = if state.prompt.conversation {
            "Single prompt"
        } else {
            "Conversation"
        };
        command_button(ui, state, queue, AppCommand::ToggleConversation, label);
        samples_ui(ui, state, queue);
        sampling_ui(ui, state, queue);
    });
    if let Some(problem) = state.prompt.problem().filter(|_| state.prompt.conversation) {
        let words = format!("Not ready: {problem}.");
        ui.label(RichText::new(words).color(Tokens::of(ui).warn).size(13.0));
    }
    given::preview_ui(ui, state, queue);
    if state.info().is_some_and(|b| {
        b.model.has_tokenizer && !b.model.has_chat_template && b.demonstration.is_none()
    }) {
        let words = "Plain text: this bundle has no chat template.";
        ui.label(RichText::new(words).color(Tokens::of(ui).weak).size(13.0));
    }
}

/// One text.
fn text_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let mut text = state.prompt.text.clone();
    let edit = TextEdit::multiline(&mut text)
        .id(Id::unique("prompt"))
        .hint_text("Type a prompt")
        .desired_rows(2)
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label("Prompt"));
    if state.overlay.focus == Some(Panel::Answers) {
        response.request_focus();
        queue.push(AppCommand::FocusTaken);
    }
    if response.changed() {
        queue.push(AppCommand::SetPrompt(text));
    }
}

fn samples_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(info) = state.info() else { return };
    if info.prompts.is_empty() {
        return;
    }
    let title = format!("Samples ({})", info.prompts.len());
    let response = ComboBox::from_id_salt("samples")
        .selected_text(title)
        .width(110.0)
        .height(320.0)
        .show_ui(ui, |ui| {
            ui.set_min_width(280.0);
            for (index, sample) in info.prompts.iter().enumerate() {
                if ui
                    .selectable_label(state.prompt.sample == Some(index), &sample.title)
                    .clicked()
                {
                    queue.push(AppCommand::PickSample(index));
                }
            }
        });
    ui.ctx()
        .accesskit_node_builder(response.response.id, |node| {
            node.set_label("Sample prompts")
        });
}

fn sampling_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.prefs.sampling;
    let words = if form.temperature == 0.0 {
        format!("Greedy, {} tokens", form.max_tokens)
    } else {
        format!(
            "T {:.2}, seed {}, {} tokens",
            form.temperature, form.seed, form.max_tokens
        )
    };
    let menu = egui::containers::menu::MenuButton::new(words).config(
        egui::containers::menu::MenuConfig::new()
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside),
    );
    let (response, _) = menu.ui(ui, |ui| {
        ui.set_min_width(220.0);
        let mut set = |form: SamplingForm| queue.push(AppCommand::SetSampling(form));
        ui.label("Temperature (0 takes the likeliest token)");
        let value = format!("{}", form.temperature);
        if let Some(temperature) = checked_field(
            ui,
            Id::unique("temperature"),
            "Temperature",
            value,
            80.0,
            |t| real(t, 0.0, 2.0, true),
        ) {
            set(SamplingForm {
                temperature,
                ..form.clone()
            });
        }
        ui.label("Seed");
        let seed = |t: &str| {
            t.parse::<u64>()
                .map_err(|_not_a_number| format!("`{t}` is not a whole number of 0 or more"))
        };
        if let Some(seed) = checked_field(
            ui,
            Id::unique("seed"),
            "Seed",
            form.seed.to_string(),
            80.0,
            seed,
        ) {
            set(SamplingForm {
                seed,
                ..form.clone()
            });
        }
        ui.label("New tokens at most");
        let value = form.max_tokens.to_string();
        if let Some(max_tokens) = checked_field(
            ui,
            Id::unique("max-tokens"),
            "New tokens at most",
            value,
            80.0,
            |t| whole(t, 1, 4096),
        ) {
            set(SamplingForm {
                max_tokens,
                ..form.clone()
            });
        }
    });
    response.on_hover_text("How tokens are chosen; the same in all columns");
}
