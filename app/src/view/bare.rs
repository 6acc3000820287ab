//! In the point's place where a base model is open alone: what is missing, and how it is added.

use egui::{Label, RichText, Ui};
use paretoscope_core::types::BundleInfo;

use super::method;
use crate::command::{AppCommand, CommandQueue};
use crate::registry::method_off;
use crate::state::{AppState, Overlay};
use crate::theme::Tokens;
use crate::widgets::{command_button, group_title};

/// The panel's part.
pub(super) fn bare_ui(ui: &mut Ui, state: &AppState, info: &BundleInfo, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let weak = |words: &str| RichText::new(words).color(tokens.weak);
    ui.label(RichText::new("A base model alone").strong());
    ui.label(weak(
        "It answers. There is nothing to steer it by yet: a point lies between experts, one for each objective.",
    ));
    // A method that was chosen for another bundle is seen, so that it can be left.
    let method = state.method().kind();
    if method_off(info, method, state.simplex.mode.points()).is_some() {
        method::picker_ui(ui, state, queue);
    }
    ui.add_space(8.0);
    let hint = "A LoRA expert stands at the preference that it was trained for; a value vector is added by any weight";
    group_title(ui, "Put adapters to it", hint);
    command_ui(
        ui,
        &format!(
            "paretoscope-engine bundle add --bundle {} --lora ADAPTER --preference 1,0 --out BUNDLE",
            info.path.display()
        ),
    );
    ui.label(weak(
        "Once for each PEFT adapter, every time from the bundle before; --value for value vectors.",
    ));
    ui.add_space(8.0);
    let hint = "From fine-tunes, adapters or preference data, as a recipe says";
    group_title(ui, "Make a whole bundle", hint);
    command_ui(
        ui,
        "paretoscope-engine bundle build RECIPE.toml --out BUNDLE",
    );
    ui.add_space(8.0);
    ui.horizontal_wrapped(|ui| {
        let train = AppCommand::Show(Overlay::Training);
        command_button(ui, state, queue, train, "Train one\u{2026}");
        let open = AppCommand::Show(Overlay::Bundle);
        command_button(ui, state, queue, open, "Open a bundle\u{2026}");
        if state.bundle.demo.is_some() {
            command_button(
                ui,
                state,
                queue,
                AppCommand::LoadDemo,
                "Open the demonstration",
            );
        }
    });
}

/// A line for a shell, to be selected and copied.
fn command_ui(ui: &mut Ui, line: &str) {
    let text = RichText::new(line).monospace().size(12.0);
    ui.add(Label::new(text).wrap().selectable(true));
}
