//! The row of buttons under the prompt: one line, whatever the width; what does not fit is in a menu.

use std::time::{Duration, SystemTime};

use egui::containers::menu::{MenuButton, MenuConfig, SubMenuButton, is_in_menu};
use egui::{Id, PopupCloseBehavior, RichText, ScrollArea, TextStyle, Ui};
use paretoscope_core::method::Method;

use super::given::{Room, room_words};
use super::{tags, when};
use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, PromptState, RunEntry, SamplingForm};
use crate::theme::Tokens;
use crate::widgets::format::{duration, point};
use crate::widgets::number::{checked_field, real, seed, whole};
use crate::widgets::{command_button, primary_button};

/// What stands in the row beside Generate or Stop, the most used first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    /// How many tokens the prompt has.
    Count,
    /// Prompts of the bundle.
    Samples,
    /// When a moved point starts an answer.
    When,
    /// How tokens are chosen.
    Sampling,
    /// The exact answer at this point.
    Regenerate,
    /// Go on from the answer.
    Continue,
    /// One text or several turns.
    Conversation,
    /// Earlier answers.
    History,
}

/// The row.
pub(super) fn tools_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    ui.horizontal(|ui| {
        if state.session.running().is_some() {
            primary_button(ui, state, queue, AppCommand::Stop, "Stop");
        } else {
            primary_button(ui, state, queue, AppCommand::Generate, "Generate");
        }
        let tools = there_are(state);
        let fit = how_many_fit(ui, state, &tools);
        for tool in &tools[..fit] {
            tool_ui(ui, state, queue, *tool);
        }
        if fit < tools.len() {
            menu_ui(ui, "More", |ui| {
                for tool in &tools[fit..] {
                    tool_ui(ui, state, queue, *tool);
                }
            });
        }
    });
}

/// The tools that there is a use for.
fn there_are(state: &AppState) -> Vec<Tool> {
    let has_samples = state.info().is_some_and(|info| !info.prompts.is_empty());
    let mut tools = vec![Tool::Count];
    tools.extend(has_samples.then_some(Tool::Samples));
    tools.extend([
        Tool::When,
        Tool::Sampling,
        Tool::Regenerate,
        Tool::Continue,
        Tool::Conversation,
    ]);
    tools.extend((state.session.history().next().is_some()).then_some(Tool::History));
    tools
}

/// How many of them stand in the row; where not all do, there is room for the menu as well.
fn how_many_fit(ui: &Ui, state: &AppState, tools: &[Tool]) -> usize {
    let font = TextStyle::Button.resolve(ui.style());
    let around = 2.0 * ui.spacing().button_padding.x + ui.spacing().item_spacing.x + 2.0;
    let width = |text: String| {
        let color = egui::Color32::PLACEHOLDER;
        let galley = ui.fonts_mut(|fonts| fonts.layout_no_wrap(text, font.clone(), color));
        galley.size().x + around
    };
    let widths: Vec<f32> = tools
        .iter()
        .map(|tool| width(title(*tool, state)))
        .collect();
    let room = ui.available_width();
    if widths.iter().sum::<f32>() <= room {
        return tools.len();
    }
    let mut left = room - width("More".to_owned());
    widths
        .iter()
        .take_while(|width| {
            left -= **width;
            left >= 0.0
        })
        .count()
}

/// What is written on it.
fn title(tool: Tool, state: &AppState) -> String {
    match tool {
        Tool::Count => match &state.preview.shown {
            Some(Ok(shown)) => format!("{} / {} tokens", shown.given.tokens.len(), shown.context),
            Some(Err(_)) => "Tokens: none".to_owned(),
            None => "Tokens".to_owned(),
        },
        Tool::Samples => format!(
            "Samples ({})",
            state.info().map_or(0, |info| info.prompts.len())
        ),
        Tool::When => when::title(state),
        Tool::Sampling => {
            let form = &state.prefs.sampling;
            if form.temperature == 0.0 {
                format!("Greedy, {} tokens", form.max_tokens)
            } else {
                format!(
                    "T {:.2}, seed {}, {} tokens",
                    form.temperature, form.seed, form.max_tokens
                )
            }
        }
        Tool::Regenerate => "Regenerate".to_owned(),
        Tool::Continue => "Continue".to_owned(),
        Tool::Conversation if state.prompt.conversation => "Single prompt".to_owned(),
        Tool::Conversation => "Conversation".to_owned(),
        Tool::History => format!("History ({})", state.session.history().count()),
    }
}

fn tool_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, tool: Tool) {
    let words = title(tool, state);
    match tool {
        Tool::Count => count_ui(ui, state, queue, words),
        Tool::Samples => {
            menu_ui(ui, &words, |ui| samples_ui(ui, state, queue));
        }
        Tool::When => {
            menu_ui(ui, &words, |ui| when::when_ui(ui, state, queue))
                .on_hover_text("When a moved point starts a new answer");
        }
        Tool::Sampling => {
            menu_ui(ui, &words, |ui| sampling_ui(ui, state, queue))
                .on_hover_text("How tokens are chosen; the same in all columns");
        }
        Tool::Regenerate => {
            command_button(ui, state, queue, AppCommand::Regenerate, words);
        }
        Tool::Continue => {
            command_button(ui, state, queue, AppCommand::Continue, words);
        }
        Tool::Conversation => {
            command_button(ui, state, queue, AppCommand::ToggleConversation, words);
        }
        Tool::History => {
            menu_ui(ui, &words, |ui| history_ui(ui, state, queue));
        }
    }
}

/// A menu that stays open while something is chosen in it; within another menu it opens beside that.
fn menu_ui(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) -> egui::Response {
    let stay = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    if is_in_menu(ui) {
        SubMenuButton::new(title).config(stay).ui(ui, add).0
    } else {
        MenuButton::new(title).config(stay).ui(ui, add).0
    }
}

/// The count of tokens; pressed, it shows them.
fn count_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, words: String) {
    let tokens = Tokens::of(ui);
    let (color, name) = match &state.preview.shown {
        Some(Ok(shown)) => {
            let (count, context) = (shown.given.tokens.len(), shown.context);
            let color = match room_words(count, context, state.prefs.sampling.max_tokens).1 {
                _ if state.preview.is_stale() => tokens.weak,
                Room::Enough => tokens.text,
                Room::Short => tokens.warn,
                Room::None => tokens.error,
            };
            (color, format!(": {count} of {context} tokens"))
        }
        Some(Err(_)) => (tokens.error, ": cannot be made".to_owned()),
        None => (tokens.weak, String::new()),
    };
    let text = RichText::new(words).color(color);
    let button = egui::Button::selectable(state.prefs.show_given, text);
    let response = ui.add(button);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(format!("What the model is given{name}"));
    });
    let keys = registry::entry(&AppCommand::ToggleGiven)
        .and_then(|entry| entry.shortcut)
        .map_or_else(String::new, |keys| ui.ctx().format_shortcut(&keys));
    let hint = format!("The prompt after template and tokenizer, token by token  ({keys})");
    if response.on_hover_text(hint).clicked() {
        queue.push(AppCommand::ToggleGiven);
    }
}

fn samples_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(info) = state.info() else { return };
    ui.set_min_width(280.0);
    ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        for (index, sample) in info.prompts.iter().enumerate() {
            let chosen = state.prompt.sample == Some(index);
            if ui.selectable_label(chosen, &sample.title).clicked() {
                queue.push(AppCommand::PickSample(index));
                ui.close();
            }
        }
    });
}

fn history_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    ui.set_min_width(300.0);
    let mut sought = state.study.sought.words.clone();
    let field = egui::TextEdit::singleline(&mut sought)
        .hint_text("Search prompts and answers")
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label("Search the history"));
    if response.changed() {
        queue.push(AppCommand::SeekHistory(sought.clone()));
    }
    star_ui(ui, state, queue);
    tags::filter_ui(ui, state, queue);
    let words = sought.trim().to_lowercase();
    let here = |run: &&RunEntry| {
        let said = words.is_empty()
            || run.text.to_lowercase().contains(&words)
            || PromptState::words(&run.prompt)
                .to_lowercase()
                .contains(&words)
            || run.note.to_lowercase().contains(&words)
            || run
                .method()
                .is_some_and(|method| method.kind().is_like(&words));
        let tagged = match &state.study.sought.tag {
            Some(tag) => run.tags.contains(tag),
            None => true,
        };
        said && tagged && (run.star || !state.study.starred)
    };
    ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        let mut found = state.session.history().rev().filter(here).peekable();
        if found.peek().is_none() && state.study.found.as_ref().is_none_or(Vec::is_empty) {
            ui.label("No answer is like that.");
        }
        for run in found {
            let now = state.session.current == Some(run.id);
            let line = ui.selectable_label(now, history_line(state, run));
            let mut hint = PromptState::words(&run.prompt);
            if let Some(method) = run.method() {
                hint += &format!("\nMade by {}", method.words());
            }
            if line.on_hover_text(hint).clicked() {
                queue.push(AppCommand::SelectRun(run.id));
                ui.close();
            }
        }
        earlier_ui(ui, state, queue);
    });
}

/// Star and note of the current answer, and whether starred ones are shown alone.
fn star_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(run) = state.session.current() else {
        return;
    };
    let command = AppCommand::ToggleStar;
    let off = registry::why_not(&command, state);
    ui.horizontal(|ui| {
        let mut star = run.star;
        let tick = egui::Checkbox::new(&mut star, "Star this answer");
        let tick = ui.add_enabled(off.is_none(), tick);
        if tick.clicked() {
            queue.push(command);
        }
        if let Some(off) = &off {
            tick.on_disabled_hover_text(format!("Off: {off}"));
        }
        let mut starred = state.study.starred;
        if ui.checkbox(&mut starred, "Starred only").clicked() {
            queue.push(AppCommand::ToggleStarred);
        }
    });
    if off.is_none() {
        note_ui(ui, run, queue);
        tags::tags_ui(ui, state, run, queue);
    }
}

/// A note is taken when its field is left, so that it is one step of undo.
fn note_ui(ui: &mut Ui, run: &RunEntry, queue: &mut CommandQueue) {
    let id = Id::unique(("note", run.id));
    let draft = id.with("draft");
    let typed = ui.data(|d| d.get_temp::<String>(draft));
    let mut text = typed.unwrap_or_else(|| run.note.clone());
    let field = egui::TextEdit::singleline(&mut text)
        .id(id)
        .hint_text("Note on this answer")
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label("Note on this answer"));
    if response.changed() {
        ui.data_mut(|d| d.insert_temp(draft, text.clone()));
    }
    if response.lost_focus() {
        ui.data_mut(|d| d.remove_temp::<String>(draft));
        if text != run.note {
            queue.push(AppCommand::SetNote(run.id, text));
        }
    }
}

/// What the search found in the study beyond the answers at hand.
fn earlier_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if state.study.sought.is_all() {
        return;
    }
    for stored in state.study.found.iter().flatten() {
        let mut runs = state.session.history();
        let known = runs.any(|run| run.stored.as_ref() == Some(&stored.uid));
        if known || (state.study.starred && !stored.star) {
            continue;
        }
        let line = format!(
            "{} \u{b7} {} \u{b7} {}{}\n{}",
            since(stored.created),
            point(&stored.run.point),
            method_words(stored.run.sampling.method.as_ref()),
            begin(&PromptState::words(&stored.run.prompt)),
            begin(&stored.run.text),
        );
        if ui.selectable_label(false, line).clicked() {
            queue.push(AppCommand::ShowStored(stored.uid.clone()));
            ui.close();
        }
    }
}

/// How long ago something was written, from milliseconds since 1970.
fn since(written: i64) -> String {
    let at = Duration::from_millis(u64::try_from(written).unwrap_or(0));
    let ago = (SystemTime::UNIX_EPOCH + at).elapsed();
    ago.map_or_else(
        |_| "earlier".to_owned(),
        |ago| format!("{} ago", duration(ago.as_secs_f64())),
    )
}

/// The beginning of a text in one line.
fn begin(text: &str) -> String {
    let line = text.replace('\n', " ");
    let cut: String = line.chars().take(30).collect();
    if cut.len() < line.len() {
        cut + "\u{2026}"
    } else {
        cut
    }
}

/// A method before what was asked, where it is not the usual one.
fn method_words(method: Option<&Method>) -> String {
    method.map_or_else(String::new, |method| format!("[{}] ", method.words()))
}

/// When, where, by which method, what was asked, and how the answer begins.
fn history_line(state: &AppState, run: &RunEntry) -> String {
    let ago = state.now - run.started;
    let when = match (ago.is_finite(), run.written) {
        (true, _) => format!("{} ago", duration(ago)),
        (false, Some(written)) => since(written),
        (false, None) => "earlier".to_owned(),
    };
    let starred = if run.star { "starred \u{b7} " } else { "" };
    let tags = run.tags.iter();
    let tagged = tags.fold(String::new(), |words, tag| words + "#" + tag + " \u{b7} ");
    let muted = run
        .mute_words()
        .map_or_else(String::new, |m| format!("[{m}] "));
    format!(
        "{starred}{tagged}{when} \u{b7} {} \u{b7} {}{muted}{}\n{}",
        point(run.point_now()),
        method_words(run.method()),
        begin(&PromptState::words(&run.prompt)),
        begin(&run.text),
    )
}

fn sampling_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.prefs.sampling;
    ui.set_min_width(220.0);
    let mut set = |form: SamplingForm| queue.push(AppCommand::SetSampling(form));
    ui.label("Temperature (0 takes the likeliest token)");
    let value = format!("{}", form.temperature);
    let id = Id::unique("temperature");
    let check = |t: &str| real(t, 0.0, 2.0, true);
    if let Some(temperature) = checked_field(ui, id, "Temperature", value, 80.0, check) {
        set(SamplingForm {
            temperature,
            ..form.clone()
        });
    }
    ui.label("Seed");
    let value = form.seed.to_string();
    if let Some(seed) = checked_field(ui, Id::unique("seed"), "Seed", value, 80.0, seed) {
        set(SamplingForm {
            seed,
            ..form.clone()
        });
    }
    ui.label("New tokens at most");
    let (id, value) = (Id::unique("max-tokens"), form.max_tokens.to_string());
    let check = |t: &str| whole(t, 1, 4096);
    if let Some(max_tokens) = checked_field(ui, id, "New tokens at most", value, 80.0, check) {
        set(SamplingForm {
            max_tokens,
            ..form.clone()
        });
    }
}
