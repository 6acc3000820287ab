//! A talk: the stage, the speaker's window, the list of stops.

mod answer;
mod chips;
mod front;
mod notes;
mod scene;
mod size;
mod stops;
mod strip;
mod triangle;

pub(super) use stops::stops_ui;

use egui::{
    Align, CentralPanel, Color32, Frame, Label, Layout, Rect, RichText, Ui, UiBuilder,
    ViewportBuilder, ViewportClass, ViewportId, pos2, vec2,
};
use paretoscope_core::study::StopLayout;
use paretoscope_core::types::{Point, Preference};

use self::scene::{Said, Scene};
use self::size::Size;
use super::answer::Which;
use crate::command::{AppCommand, CommandQueue, Gesture, TalkCommand};
use crate::keys;
use crate::state::AppState;
use crate::theme::Tokens;

/// A stage broader than this many times its height has two texts side by side.
const BROAD: f32 = 1.5;

/// The talk that is on: its stage here, or on another screen with the notes here.
pub(super) fn talk_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    // A backend of one window alone has the stage in it, whatever was chosen.
    let alone = ui.ctx().embed_viewports();
    let ctx = ui.ctx().clone();
    match state.talk.screen.filter(|_| !alone) {
        None => {
            CentralPanel::default()
                .frame(Frame::NONE)
                .show(ui, |ui| stage_ui(ui, state, queue));
            if state.talk.notes && !alone {
                let builder = ViewportBuilder::default()
                    .with_title("Notes")
                    .with_inner_size([720.0, 520.0]);
                ctx.show_viewport_immediate(
                    ViewportId::from_hash_of("talk notes"),
                    builder,
                    |ui: &mut Ui, _class: ViewportClass| {
                        keys::talk::take(ui.ctx(), state, queue);
                        closed(ui, TalkCommand::Notes, queue);
                        speaker_ui(ui, state, queue);
                    },
                );
            }
        }
        Some(screen) => {
            speaker_ui(ui, state, queue);
            let builder = ViewportBuilder::default()
                .with_title("Stage")
                .with_decorations(false)
                .with_monitor(screen);
            ctx.show_viewport_immediate(
                ViewportId::from_hash_of("talk stage"),
                builder,
                |ui: &mut Ui, _class: ViewportClass| {
                    keys::talk::take(ui.ctx(), state, queue);
                    closed(ui, TalkCommand::Leave, queue);
                    CentralPanel::default()
                        .frame(Frame::NONE)
                        .show(ui, |ui| stage_ui(ui, state, queue));
                },
            );
        }
    }
}

/// A window of the talk that is closed.
fn closed(ui: &Ui, command: TalkCommand, queue: &mut CommandQueue) {
    if ui.input(|i| i.viewport().close_requested()) {
        queue.push(AppCommand::Talk(command));
    }
}

fn speaker_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    CentralPanel::default().show(ui, |ui| notes::notes_ui(ui, state, queue));
}

/// The window's own view as on a stage.
pub(super) fn large_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    CentralPanel::default()
        .frame(Frame::NONE)
        .show(ui, |ui| stage_ui(ui, state, queue));
}

/// The stage, in all of the window.
fn stage_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let rect = ui.max_rect();
    ui.advance_cursor_after_rect(rect);
    let show = state.talk.show.as_ref();
    if show.is_some_and(|show| show.blank) {
        ui.painter().rect_filled(rect, 0.0, Color32::BLACK);
        let response = ui.interact(rect, ui.scope_id().with("blank"), egui::Sense::hover());
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Region, true, "The stage is black")
        });
        return;
    }
    ui.painter().rect_filled(rect, 0.0, tokens.panel);
    let size = Size::of(ui);
    let Some(scene) = Scene::of(state) else {
        let words = RichText::new("No bundle is open.").font(size.text(1.3));
        ui.put(rect, Label::new(words).selectable(false));
        return;
    };
    let inner = rect.shrink2(vec2(1.3 * size.u, 0.9 * size.u));
    let top = header_ui(ui, inner, size, &scene);
    let bottom = footer_ui(ui, inner, size, state, &scene, queue);
    let body = Rect::from_min_max(pos2(inner.left(), top), pos2(inner.right(), bottom));
    body_ui(ui, body, size, state, &scene, queue);
}

/// Title, prompt, and what holds for all of the stage; its lower end.
fn header_ui(ui: &mut Ui, rect: Rect, size: Size, scene: &Scene<'_>) -> f32 {
    let tokens = Tokens::of(ui);
    let builder = UiBuilder::new().max_rect(rect).id_salt("header");
    let response = ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing = vec2(0.6 * size.u, 0.25 * size.u);
        let row = vec2(rect.width(), 2.0 * size.u);
        ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
            chips::chips_ui(ui, size, &scene.tags);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let title = if scene.title.is_empty() {
                    quoted(&scene.prompt)
                } else {
                    scene.title.clone()
                };
                let title = RichText::new(title).font(size.strong(1.45));
                ui.add(Label::new(title).selectable(false).truncate());
            });
        });
        if !scene.title.is_empty() && !scene.prompt.is_empty() && scene.prompt != scene.title {
            let prompt = RichText::new(quoted(&scene.prompt));
            let prompt = prompt.font(size.text(1.15)).color(tokens.weak);
            ui.add(Label::new(prompt).selectable(false).truncate());
        }
        ui.min_rect().bottom()
    });
    response.inner + 0.5 * size.u
}

/// A prompt as it is said.
fn quoted(prompt: &str) -> String {
    let line = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("\u{201C}{line}\u{201D}")
}

/// The preference in words, and the time; its upper end.
fn footer_ui(
    ui: &mut Ui,
    rect: Rect,
    size: Size,
    state: &AppState,
    scene: &Scene<'_>,
    queue: &mut CommandQueue,
) -> f32 {
    let tokens = Tokens::of(ui);
    let top = rect.bottom() - 2.0 * size.u;
    let builder = UiBuilder::new()
        .max_rect(rect.with_min_y(top))
        .id_salt("footer")
        .layout(Layout::right_to_left(Align::Center));
    ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing.x = size.u;
        if let Some(show) = &state.talk.show {
            if show.clock {
                let words = notes::clock_words(show.seconds(state.now));
                let words = RichText::new(words).font(size.text(1.0)).color(tokens.weak);
                ui.add(Label::new(words).selectable(false));
            }
            if show.stops.is_empty() {
                offer_ui(ui, size, state, queue);
            }
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let words = RichText::new(&scene.caption).font(size.strong(1.35));
            ui.add(Label::new(words).selectable(false).truncate());
        });
    });
    top - 0.3 * size.u
}

/// Without a stop: what is seen can be the first.
fn offer_ui(ui: &mut Ui, size: Size, state: &AppState, queue: &mut CommandQueue) {
    let command = AppCommand::Talk(TalkCommand::SaveStop);
    let reason = crate::registry::why_not(&command, state);
    let words = RichText::new("Save this as stop 1").font(size.text(1.0));
    let response = ui.add_enabled(reason.is_none(), egui::Button::new(words));
    if let Some(reason) = reason {
        let words = format!("Off: {reason}");
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_description(words));
    } else if response.clicked() {
        queue.push(command);
    }
}

/// Triangle, answers and front, as the layout has them.
fn body_ui(
    ui: &mut Ui,
    body: Rect,
    size: Size,
    state: &AppState,
    scene: &Scene<'_>,
    queue: &mut CommandQueue,
) {
    let broad = body.width() >= BROAD * body.height();
    let part = match scene.layout {
        StopLayout::Answer | StopLayout::Front => 0.42,
        StopLayout::Whole => 0.38,
        StopLayout::Pair => 0.30,
        StopLayout::Strip => 0.26,
    };
    let gap = 1.2 * size.u;
    let middle = body.left() + part * body.width();
    let left = body.with_max_x(middle - gap / 2.0);
    let right = body.with_min_x(middle + gap / 2.0);
    if let Some((shares, gesture)) = triangle::triangle_ui(ui, left, size, scene) {
        move_point(state, shares, gesture, queue);
    }
    match scene.layout {
        StopLayout::Answer => one_ui(ui, right, size, scene),
        StopLayout::Front => front::front_ui(ui, right, size, scene),
        StopLayout::Whole => {
            let at = right.top() + 0.44 * right.height();
            one_ui(ui, right.with_max_y(at), size, scene);
            front::front_ui(ui, right.with_min_y(at + 0.4 * size.u), size, scene);
        }
        StopLayout::Strip => strip::strip_ui(ui, right, size, scene),
        StopLayout::Pair => pair_ui(ui, right, size, broad, scene),
    }
}

fn one_ui(ui: &mut Ui, rect: Rect, size: Size, scene: &Scene<'_>) {
    if let Some(said) = scene.answers.first() {
        answer::answer_ui(ui, rect, size, said, None);
    }
}

/// Two answers side by side; one above the other where columns would be narrow.
fn pair_ui(ui: &mut Ui, rect: Rect, size: Size, broad: bool, scene: &Scene<'_>) {
    let [current, pinned] = &scene.answers[..] else {
        return one_ui(ui, rect, size, scene);
    };
    let gap = size.u;
    let (first, second) = if broad {
        let middle = rect.center().x;
        (
            rect.with_max_x(middle - gap / 2.0),
            rect.with_min_x(middle + gap / 2.0),
        )
    } else {
        let middle = rect.center().y;
        (
            rect.with_max_y(middle - gap / 4.0),
            rect.with_min_y(middle + gap / 4.0),
        )
    };
    // What is not there yet is no difference.
    let beside = |said: &Said<'_>, which| answer::Beside {
        text: (!current.comes).then(|| said.text.to_owned()),
        which,
    };
    // The one that came before stands first, as it is read.
    let with = beside(current, Which::First);
    answer::answer_ui(ui, first, size, pinned, Some(with));
    let with = beside(pinned, Which::Second);
    answer::answer_ui(ui, second, size, current, Some(with));
}

fn move_point(state: &AppState, shares: Vec<f64>, gesture: Gesture, queue: &mut CommandQueue) {
    if state
        .talk
        .show
        .as_ref()
        .is_some_and(|s| !s.stops.is_empty())
    {
        queue.push(AppCommand::Talk(TalkCommand::Point(shares, gesture)));
    } else if let Ok(preference) = Preference::new(shares) {
        queue.push(AppCommand::Move(Point::Preference(preference), gesture));
    }
}
