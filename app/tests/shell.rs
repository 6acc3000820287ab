//! The frame around the panels: top bar, first steps, Escape, closing, what a store holds.

mod played;
mod scripted;

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use paretoscope::command::AppCommand;
use paretoscope::state::{Mode, Overlay, Panel, SweepForm};
use paretoscope_core::protocol::EngineCommand;
use played::{Window, with_bundle};
use scripted::Scripted;

fn window<'a>(size: [f32; 2], held: usize, rewards: bool) -> Window<'a> {
    let mut info = scripted::bundle::info();
    if !rewards {
        for objective in &mut info.objectives {
            objective.reward = None;
        }
    }
    let (mut engine, handle) = Scripted::new(info);
    engine.held = held;
    Window::open(size, (engine, handle), with_bundle(), |builder| builder)
}

impl Window<'_> {
    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.steps(2);
    }

    fn sees_any(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }
}

const WIDE: [f32; 2] = [1280.0, 640.0];

#[test]
fn the_top_bar_is_reached_from_left_to_right() {
    let w = window(WIDE, 0, true);
    let left = |name: &str| w.harness.get_by_label(name).rect().left();
    let names = ["Bundle: scripted", "Train", "Commands", "Menu"];
    for pair in names.windows(2) {
        assert!(left(pair[0]) < left(pair[1]), "{pair:?}");
    }
    // In the tree, which is the order of Tab, they stand in the same order.
    let order: Vec<String> = w
        .harness
        .root()
        .children_recursive()
        .filter_map(|node| node.accesskit_node().label())
        .filter(|label| names.contains(&label.as_str()))
        .collect();
    assert_eq!(order, names);
    let right = w.harness.get_by_label("Menu").rect().right();
    assert!((WIDE[0] - right - 10.0).abs() < 12.0, "{right}");
}

#[test]
fn the_menu_holds_theme_size_and_full_screen_and_closes_alone() {
    let mut w = window(WIDE, 0, true);
    w.harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    w.steps(60);
    w.queue(AppCommand::ToggleMute(
        w.state()
            .info()
            .expect("a bundle")
            .channel(0)
            .expect("an expert"),
    ));
    w.steps(60);
    w.harness.get_by_label("Menu").click();
    w.steps(3);
    w.harness.get_by_label("Dark").click();
    w.steps(3);
    assert!(w.sees("Full screen"), "it stays open for the next choice");
    w.harness.key_press(Key::Escape);
    w.steps(3);
    assert!(!w.sees("Full screen"));
    assert!(!w.state().mutes.is_empty(), "one Escape, one thing");
    w.harness.get_by_label("Prompt").focus();
    w.steps(2);
    w.harness.key_press(Key::Escape);
    w.steps(2);
    assert!(
        !w.state().mutes.is_empty(),
        "the second one leaves the field"
    );
    w.harness.key_press(Key::Escape);
    w.steps(2);
    assert!(w.state().mutes.is_empty());
}

#[test]
fn the_first_steps_are_shown_until_put_away() {
    let mut w = window(WIDE, 0, true);
    assert!(w.sees("First steps"));
    w.harness.key_press(Key::Num1);
    w.steps(2);
    assert!(w.sees("First steps"));
    w.harness.get_by_label("Got it").click();
    w.steps(2);
    assert!(!w.sees("First steps"));
    assert!(w.state().prefs.hints.first_steps);
}

#[test]
fn what_a_store_holds_is_said_and_shown_by_one_click() {
    let mut w = window([1280.0, 1000.0], 1000, true);
    // The form rests.
    w.steps(40);
    assert!(w.sees("are stored: nothing has to be made anew"));
    let shown = w.harness.get_all_by_label("Show stored").next();
    shown.expect("a button").click();
    w.steps(3);
    assert_eq!(
        w.engine.count(|c| matches!(c, EngineCommand::Sweep { .. })),
        1
    );

    let mut w = window(WIDE, 5, true);
    w.steps(40);
    assert!(w.sees("Stopped at 5 of"));
    assert!(w.sees_any("Resume sweep"));
    assert!(window(WIDE, 0, true).sees_any("Start sweep"));
}

#[test]
fn a_sweep_that_nothing_can_score_says_so_before_it_starts() {
    assert!(window(WIDE, 0, false).sees("no point can be placed"));
    assert!(!window(WIDE, 0, true).sees("no point can be placed"));
}

#[test]
fn closing_during_a_sweep_asks_and_says_what_is_safe() {
    let mut w = window(WIDE, 0, true);
    w.queue(AppCommand::StartSweep);
    w.steps(4);
    w.queue(AppCommand::Quit);
    w.steps(3);
    assert_eq!(w.state().overlay.open, Overlay::Closing);
    assert!(w.sees("Every finished answer is stored"));
    w.harness.get_by_label("Keep open").click();
    w.steps(2);
    assert_eq!(w.state().overlay.open, Overlay::None);
    assert!(w.state().sweep.is_active() && !w.state().leaving);
}

fn steps_field<'a>(w: &'a Window<'_>) -> egui_kittest::Node<'a> {
    w.harness
        .get_by_role_and_label(egui::Role::TextInput, "Steps k")
}

#[test]
fn a_refused_number_keeps_its_words_when_its_field_is_left() {
    let mut w = window([1280.0, 1000.0], 0, true);
    let form = w.state().prefs.sweep.clone();
    steps_field(&w).click();
    w.steps(2);
    w.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    steps_field(&w).type_text("200");
    w.steps(2);
    w.harness.key_press(Key::Tab);
    w.steps(3);
    assert!(w.sees("200 is outside 1 to 100"));
    assert_eq!(w.state().prefs.sweep, form);
    let field = steps_field(&w);
    assert_eq!(field.value().as_deref(), Some("6"), "the value in force");
    w.queue(AppCommand::SetSweep(SweepForm { k: 5, ..form }));
    assert_eq!(w.state().prefs.sweep.k, 5);
}

#[test]
fn a_path_can_be_pasted_where_no_dialog_opens() {
    let mut w = window([1280.0, 1000.0], 0, true);
    let file = "/data/pasted prompts.jsonl";
    w.queue(AppCommand::SetSweep(SweepForm {
        source: paretoscope::state::PromptSource::File(std::path::PathBuf::new()),
        ..w.state().prefs.sweep.clone()
    }));
    assert!(w.sees("type or paste its path"));
    w.harness.get_by_label("Path of the prompts").scroll_to_me();
    w.steps(3);
    w.harness.get_by_label("Path of the prompts").click();
    w.steps(2);
    let quoted = format!("\"{file}\"");
    w.harness
        .get_by_label("Path of the prompts")
        .type_text(&quoted);
    w.steps(2);
    w.harness.key_press(Key::Enter);
    w.steps(3);
    let read = |c: &EngineCommand| matches!(c, EngineCommand::ReadPrompts { path } if path.as_os_str() == file);
    assert_eq!(w.engine.count(read), 1);
    assert!(w.sees("2 prompts (all there are)"));
}

/// A base model alone, with or without objectives.
fn bare<'a>(size: [f32; 2], objectives: usize) -> Window<'a> {
    let mut info = scripted::bundle::info();
    info.objectives.truncate(objectives);
    info.experts.clear();
    info.expert_files.clear();
    info.values.clear();
    info.value_adapters.clear();
    info.values_are_experts = false;
    info.adapters.clear();
    info.sites.clear();
    info.demonstration = None;
    assert!(info.is_bare());
    Window::open(size, Scripted::new(info), with_bundle(), |builder| builder)
}

#[test]
fn a_base_alone_answers_and_says_what_is_missing() {
    // Also in a small window, where panels take turns.
    for (size, objectives) in [(WIDE, 0), ([700.0, 500.0], 0), (WIDE, 3)] {
        let mut w = bare(size, objectives);
        assert!(w.sees("A base model alone"));
        assert!(w.sees("bundle add --bundle /bundles/one"), "how to add");
        assert!(w.sees("bundle build"), "and how to make a whole one");
        assert!(!w.sees("Interpolate"), "there is nothing to choose");
        // Its one place answers, and the answer streams.
        w.harness
            .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        w.steps(2);
        let streams = w.state().session.current().expect("an answer");
        assert!(streams.phase.is_running() && !streams.text.is_empty());
        w.steps(80);
        let run = w.state().session.current().expect("an answer");
        assert!(!run.phase.is_running() && run.point.is_base());
        assert_eq!(run.point.as_slice().len(), 0);
        // Whatever is pressed where points are moved, swept, compared and taken back.
        for key in [Key::Num1, Key::Num7, Key::P, Key::ArrowUp, Key::M, Key::S] {
            w.harness.key_press(key);
            w.steps(2);
        }
        w.queue(AppCommand::StartSweep);
        w.queue(AppCommand::SetMode(Mode::Interpolate));
        w.queue(AppCommand::Undo);
        w.queue(AppCommand::Redo);
        assert_eq!(
            w.engine.count(|c| matches!(c, EngineCommand::Sweep { .. })),
            0
        );
        for panel in Panel::ALL {
            w.queue(AppCommand::Focus(panel));
        }
        for sheet in [
            Overlay::Bundle,
            Overlay::Interference,
            Overlay::Training,
            Overlay::Learn,
            Overlay::Study,
            Overlay::Annotate,
            Overlay::Export,
        ] {
            w.queue(AppCommand::Show(sheet));
            w.steps(2);
            w.queue(AppCommand::Show(sheet));
        }
        w.queue(AppCommand::Focus(Panel::Point));
        assert!(w.sees("A base model alone"));
    }
}

#[test]
fn a_base_alone_has_neither_front_nor_experts_to_show() {
    let mut w = bare([1280.0, 800.0], 0);
    assert!(w.sees("No front: a base model alone"));
    assert!(w.sees("No experts: the base model speaks alone"));
    assert!(w.sees("Cannot start: a base model alone has one place"));
    w.queue(AppCommand::Generate);
    w.steps(80);
    assert!(w.sees("No experts: the base model speaks alone"));
    // On a stage, and back.
    w.harness.key_press(Key::F5);
    w.steps(5);
    w.harness.key_press(Key::Escape);
    w.steps(5);
    assert!(w.sees("A base model alone"));
}
