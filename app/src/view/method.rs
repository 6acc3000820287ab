//! By which method points become answers: one beside the point, several in the sweep's form; and what can be set of them.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::text::{LayoutJob, TextFormat};
use egui::{
    Checkbox, Color32, ComboBox, FontId, Id, PopupCloseBehavior, Response, RichText, ScrollArea,
    TextStyle, TextWrapMode, Ui, vec2,
};
use paretoscope_core::method::{Method, MethodKind, Setting, Speaks, Wanted};
use paretoscope_core::types::{BundleInfo, PointKind};

use crate::command::{AppCommand, CommandQueue};
use crate::registry::{method_off, sweep_off};
use crate::state::{AppState, GenerateWhen, SamplingForm, SweepForm};
use crate::theme::Tokens;
use crate::widgets::number::checked_field;
use crate::widgets::{Segment, group_title, segmented};

/// Width of the list of methods, where the window has it.
const LIST: f32 = 360.0;
/// Height of the list.
const TALL: f32 = 340.0;
/// Number fields beside each other.
const COLUMNS: usize = 3;

const HINT: &str = "How the point becomes an answer: HoE's routing and MVA's weights, and the systems that the papers compare \
                    them with";

/// The picker beside the point, what the chosen method does and costs, and its settings.
pub(super) fn picker_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(info) = state.info() else { return };
    let points = state.simplex.mode.points();
    let now = state.method();
    ui.horizontal(|ui| {
        group_title(ui, "Method", HINT);
        let combo = ComboBox::from_id_salt("method")
            .selected_text(now.kind().title())
            .width(ui.available_width() - 12.0)
            .height(TALL)
            .truncate();
        let response = combo
            .show_ui(ui, |ui| {
                wide(ui);
                for (kind, off) in listed(|kind| method_off(info, kind, points)) {
                    let method = chosen(&now, kind);
                    let on = kind == now.kind();
                    let about = about(info, &method, points, off.as_deref());
                    let button = egui::Button::selectable(on, lines(ui, kind.title(), &about))
                        .min_size(vec2(ui.available_width(), 0.0));
                    let response = ui.add_enabled(off.is_none(), button);
                    describe(ui, &response, kind, &about);
                    if response.clicked() {
                        queue.push(AppCommand::SetMethod(kind));
                        ui.close();
                    }
                }
            })
            .response;
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_label("Method of answers");
            node.set_description(about(info, &now, points, None));
        });
    });
    let off = method_off(info, now.kind(), points);
    let words = about(info, &now, points, off.as_deref());
    let tokens = Tokens::of(ui);
    let color = if off.is_some() {
        tokens.warn
    } else {
        tokens.weak
    };
    ui.label(RichText::new(words).color(color).size(13.0));
    if let Some(why) = now.settled().filter(|_| off.is_none()) {
        let words = match state.prefs.generate {
            GenerateWhen::Manual => format!("An answer does not follow the point: {why}."),
            GenerateWhen::Release | GenerateWhen::Live => {
                format!("Asked anew when the point is let go: {why}.")
            }
        };
        ui.label(RichText::new(words).color(tokens.weak).size(13.0));
    }
    if let Some(method) = settings_ui(ui, "point", &now) {
        queue.push(AppCommand::SetSampling(SamplingForm {
            method: Some(method),
            ..state.prefs.sampling.clone()
        }));
    }
}

/// The methods of the sweep's form, several of which may be ticked, and their settings.
pub(super) fn ticks_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(info) = state.info() else { return };
    let (form, points) = (&state.prefs.sweep, state.swept_points());
    let now = form.methods_at(points);
    let stay = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let button = egui::Button::new(ticked_words(&now)).truncate();
    let (response, _) = MenuButton::from_button(button).config(stay).ui(ui, |ui| {
        wide(ui);
        ScrollArea::vertical().max_height(TALL).show(ui, |ui| {
            for (kind, off) in listed(|kind| sweep_off(info, kind, points)) {
                let ticked = now.iter().find(|method| method.kind() == kind);
                let method = ticked.cloned().unwrap_or_else(|| Method::usual(kind));
                let about = about(info, &method, points, off.as_deref());
                let mut on = ticked.is_some();
                let tick = Checkbox::new(&mut on, lines(ui, kind.title(), &about));
                // One that cannot run can still be taken out.
                let response = ui.add_enabled(off.is_none() || ticked.is_some(), tick);
                describe(ui, &response, kind, &about);
                if response.changed() {
                    let form = form.with_method(kind, points, on);
                    queue.push(AppCommand::SetSweep(form));
                }
            }
        });
    });
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label("Methods of the sweep");
        node.set_value(ticked_words(&now));
    });
    response.on_hover_text(
        "By which methods points become answers: several are swept one after the other",
    );
    let weak = Tokens::of(ui).weak;
    if now.len() > 1 {
        let words = "One sweep after the other: the same prompts and seeds, in the same study.";
        ui.label(RichText::new(words).color(weak).size(13.0));
    }
    for method in now.iter().filter(|m| !m.kind().settings().is_empty()) {
        ui.label(
            RichText::new(method.kind().title())
                .color(weak)
                .size(13.0)
                .strong(),
        );
        if let Some(changed) = settings_ui(ui, "sweep", method) {
            let set = |known: &Method| {
                if known.kind() == changed.kind() {
                    changed.clone()
                } else {
                    known.clone()
                }
            };
            queue.push(AppCommand::SetSweep(SweepForm {
                methods: now.iter().map(set).collect(),
                ..form.clone()
            }));
        }
    }
}

/// The titles of those that are ticked.
fn ticked_words(methods: &[Method]) -> String {
    let titles: Vec<&str> = methods.iter().map(|m| m.kind().title()).collect();
    match titles[..] {
        [one] => format!("Method: {one}"),
        _ => format!("{} methods: {}", titles.len(), titles.join(", ")),
    }
}

/// All methods with why they cannot be had: those that can come first.
fn listed(why_off: impl Fn(MethodKind) -> Option<String>) -> Vec<(MethodKind, Option<String>)> {
    let all = MethodKind::ALL.into_iter();
    let mut all: Vec<_> = all.map(|kind| (kind, why_off(kind))).collect();
    all.sort_by_key(|(_, off)| off.is_some());
    all
}

/// A method of the list: with what is set of it where it is the chosen one.
fn chosen(now: &Method, kind: MethodKind) -> Method {
    if now.kind() == kind {
        now.clone()
    } else {
        Method::usual(kind)
    }
}

/// What a method does and costs, or why it is off.
fn about(info: &BundleInfo, method: &Method, points: PointKind, off: Option<&str>) -> String {
    if let Some(off) = off {
        return format!("Off: {off}");
    }
    let axes = match points {
        PointKind::Preference => info.objectives.len(),
        PointKind::Weights => info.values.len(),
    };
    let once = match method.speaks() {
        Speaks::Merged => ", after a merge for each point",
        _ => "",
    };
    let acts = match method.kind() {
        MethodKind::Base => "the model alone",
        kind => kind.acts().says(),
    };
    format!("{acts}: {}{once}", method.cost(points, axes))
}

/// A title, and a smaller line below it.
fn lines(ui: &Ui, title: &str, about: &str) -> LayoutJob {
    let format = |size| TextFormat::simple(FontId::proportional(size), Color32::PLACEHOLDER);
    let body = TextStyle::Button.resolve(ui.style()).size;
    let mut job = LayoutJob::default();
    job.append(title, 0.0, format(body));
    job.append(&format!("\n{about}"), 0.0, format(body - 2.0));
    job
}

/// Room for two lines, as far as the window has it.
fn wide(ui: &mut Ui) {
    let room = ui.ctx().content_rect().width() - 40.0;
    ui.set_width(LIST.min(room));
    ui.style_mut().wrap_mode = Some(TextWrapMode::Wrap);
}

fn describe(ui: &Ui, response: &Response, kind: MethodKind, about: &str) {
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(kind.title());
        node.set_description(about.to_owned());
    });
}

/// What can be set of a method, numbers beside each other; the method with what was changed in this frame.
fn settings_ui(ui: &mut Ui, salt: &str, method: &Method) -> Option<Method> {
    let mut changed = None;
    let is_word = |setting: &&Setting| matches!(setting.wanted, Wanted::Word(_));
    let (words, numbers): (Vec<&Setting>, Vec<&Setting>) =
        method.kind().settings().iter().partition(is_word);
    for row in numbers.chunks(COLUMNS) {
        ui.columns(COLUMNS, |columns| {
            for (ui, setting) in columns.iter_mut().zip(row) {
                changed = number_ui(ui, salt, method, setting).or(changed.take());
            }
        });
    }
    for setting in words {
        changed = word_ui(ui, method, setting).or(changed.take());
    }
    changed
}

fn number_ui(ui: &mut Ui, salt: &str, method: &Method, setting: &Setting) -> Option<Method> {
    let weak = Tokens::of(ui).weak;
    let name = RichText::new(setting.name).color(weak).size(13.0);
    ui.add(egui::Label::new(name).truncate())
        .on_hover_text(setting.says);
    let id = Id::unique(("method", salt)).with((method.kind(), setting.name));
    let spoken = format!(
        "{} of {}: {}",
        setting.name,
        method.kind().title(),
        setting.says
    );
    let value = method.number(setting.name).to_string();
    let width = ui.available_width() - 8.0;
    checked_field(ui, id, &spoken, value, width, |text| {
        let with = method.clone().with(setting.name, text);
        with.map_err(|error| error.problem.to_string())
    })
}

fn word_ui(ui: &mut Ui, method: &Method, setting: &Setting) -> Option<Method> {
    let Wanted::Word(words) = setting.wanted else {
        return None;
    };
    let weak = Tokens::of(ui).weak;
    ui.label(RichText::new(setting.name).color(weak).size(13.0))
        .on_hover_text(setting.says);
    let now = words
        .iter()
        .copied()
        .find(|word| method.is(setting.name, word));
    let choices: Vec<Segment<'_, Option<&str>>> = words
        .iter()
        .map(|word| (Some(*word), *word, setting.says))
        .collect();
    let mut next = now;
    segmented(ui, &mut next, &choices);
    let word = next.filter(|_| next != now)?;
    method.clone().with(setting.name, word).ok()
}
