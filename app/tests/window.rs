//! The real window on a scripted engine, driven by its accessibility tree.

mod played;
mod scripted;

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use paretoscope::app::StartOptions;
use paretoscope::command::{AppCommand, Gesture};
use paretoscope::state::{GenerateWhen, Overlay, Panel};
use paretoscope_core::protocol::{EngineCommand, EngineEvent};
use paretoscope_core::types::{Point, Preference};
use played::{Window, script, with_bundle};

/// A window of this size, with a bundle where one is named.
fn window<'a>(size: [f32; 2], bundle: Option<&str>) -> Window<'a> {
    let options = StartOptions {
        bundle: bundle.map(Into::into),
        demo: Some("/bundles/demo".into()),
        ..with_bundle()
    };
    Window::open(size, script(), options, |builder| builder)
}

impl Window<'_> {
    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.frames(2);
    }

    fn generations(&mut self) -> usize {
        self.engine.step();
        self.engine
            .count(|c| matches!(c, EngineCommand::Generate { .. }))
    }

    fn slider_value(&self) -> String {
        let node = self.harness.get_by_label("Preference point");
        node.accesskit_node().value().unwrap_or_default()
    }
}

const WIDE: [f32; 2] = [1280.0, 800.0];

#[test]
fn the_simplex_is_a_slider_for_the_keyboard() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::SetGenerate(GenerateWhen::Release));
    assert!(
        w.slider_value().starts_with("helpful 0.33"),
        "{}",
        w.slider_value()
    );
    w.harness.get_by_label("Preference point").focus();
    w.frames(2);
    for _ in 0..10 {
        w.harness.key_press(Key::ArrowUp);
        w.frames(1);
    }
    w.frames(1);
    assert!(
        w.slider_value().starts_with("helpful 0.43"),
        "{}",
        w.slider_value()
    );
    let sum: f64 = w.state().simplex.preference.iter().sum();
    assert!((sum - 1.0).abs() < 1e-12);
    assert_eq!(w.generations(), 0, "arrow keys alone generate nothing");
    w.harness.key_press(Key::Enter);
    w.frames(2);
    assert_eq!(w.generations(), 1);
}

#[test]
fn digits_go_to_the_seven_presets() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    let third = 1.0 / 3.0;
    let expected = [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.5, 0.5, 0.0],
        [0.5, 0.0, 0.5],
        [0.0, 0.5, 0.5],
        [third, third, third],
    ];
    let keys = [
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
        Key::Num7,
    ];
    for (key, shares) in keys.into_iter().zip(expected) {
        w.harness.key_press(key);
        w.frames(2);
        assert_eq!(w.state().simplex.preference, shares, "{key:?}");
    }
    // In a text field a digit is a digit.
    w.harness.get_by_label("Prompt").focus();
    w.frames(1);
    w.harness.key_press(Key::Num1);
    w.frames(2);
    assert_eq!(w.state().simplex.preference, expected[6]);
}

#[test]
fn dragging_steers_and_letting_go_of_a_still_row_generates() {
    let mut w = window(WIDE, Some("/bundles/one"));
    let rect = w.harness.get_by_label("Preference point").rect();
    w.harness.drag_at(rect.center());
    w.frames(1);
    w.harness.hover_at(rect.center() + egui::vec2(30.0, 20.0));
    w.frames(1);
    assert_eq!(w.generations(), 0, "not before it is let go");
    w.harness.drop_at(rect.center() + egui::vec2(30.0, 20.0));
    w.frames(2);
    assert_eq!(w.generations(), 1);
    w.steps(6);
    // The row runs now: a drag steers it and starts no other.
    w.harness.drag_at(rect.center());
    w.steps(1);
    w.harness.hover_at(rect.center() + egui::vec2(-40.0, 30.0));
    w.steps(1);
    w.harness.drop_at(rect.center() + egui::vec2(-40.0, 30.0));
    w.steps(3);
    assert_eq!(w.generations(), 1);
    assert!(w.engine.count(|c| matches!(c, EngineCommand::Steer { .. })) >= 1);
    assert!(w.harness.query_by_label_contains("steered").is_some());
}

#[test]
fn escape_stops_and_the_partial_text_stays() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.harness
        .key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    w.steps(6);
    let text = w.state().session.current().expect("a run").text.clone();
    assert!(!text.is_empty());
    w.harness.key_press(Key::Escape);
    w.steps(3);
    assert_eq!(
        w.engine
            .count(|c| matches!(c, EngineCommand::Cancel { .. })),
        1
    );
    assert!(
        w.state()
            .session
            .current()
            .expect("a run")
            .text
            .starts_with(&text)
    );
    assert!(w.harness.query_by_label_contains("stopped").is_some());
}

#[test]
fn a_finished_answer_has_scores_and_a_difference_to_the_pinned_one() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::Move(
        Point::Preference(Preference::one_hot(0, 3)),
        Gesture::Settled,
    ));
    w.steps(60);
    w.harness.key_press(Key::P);
    w.frames(2);
    w.queue(AppCommand::Move(
        Point::Preference(Preference::one_hot(1, 3)),
        Gesture::Settled,
    ));
    w.steps(60);
    assert!(w.state().session.running().is_none());
    assert!(w.harness.query_all_by_label_contains("\u{394}").count() >= 1);
    assert!(w.harness.query_by_label("Pinned").is_some());
}

#[test]
fn equal_texts_are_called_identical() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::Generate);
    w.steps(60);
    w.queue(AppCommand::Pin);
    w.queue(AppCommand::Generate);
    w.steps(60);
    assert!(w.harness.query_by_label_contains("byte for byte").is_some());
}

#[test]
fn typed_nonsense_is_marked_and_the_point_stays() {
    let mut w = window(WIDE, Some("/bundles/one"));
    let before = w.state().simplex.preference.clone();
    w.harness.get_by_label("Share of helpful").focus();
    w.frames(2);
    w.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    w.frames(1);
    w.harness.get_by_label("Share of helpful").type_text("1.5");
    w.frames(2);
    assert_eq!(w.state().simplex.preference, before);
    assert!(
        w.harness
            .query_by_label_contains("outside 0 to 1")
            .is_some()
    );
    assert_eq!(w.generations(), 0);
}

#[test]
fn a_bad_bundle_is_refused_in_words_and_the_old_one_stays() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::LoadBundle("/bundles/bad".into()));
    w.queue(AppCommand::Show(Overlay::Bundle));
    w.steps(3);
    assert!(
        w.harness
            .query_by_label_contains("was not loaded")
            .is_some()
    );
    assert!(
        w.harness
            .query_by_label_contains("the bundle in use stays")
            .is_some()
    );
    assert_eq!(
        w.state().info().map(|b| b.path.clone()),
        Some("/bundles/one".into())
    );
}

#[test]
fn a_sweep_fills_pauses_and_stops() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::StartSweep);
    w.steps(8);
    assert!(w.state().sweep.points.len() >= 5);
    w.queue(AppCommand::TogglePause);
    w.steps(2);
    let paused = w.state().sweep.points.len();
    w.steps(4);
    assert_eq!(w.state().sweep.points.len(), paused);
    w.queue(AppCommand::TogglePause);
    w.steps(40);
    assert!(!w.state().sweep.is_active());
    assert_eq!(
        w.state().sweep.points.len(),
        29,
        "28 preferences and the base"
    );
    let before = (
        w.state().simplex.point(),
        w.state().session.history().count(),
    );
    w.queue(AppCommand::SelectDot(Some(2)));
    w.steps(2);
    let after = (
        w.state().simplex.point(),
        w.state().session.history().count(),
    );
    assert_eq!(
        before, after,
        "a look at a dot moves nothing and adds no answer"
    );
    assert!(
        w.harness
            .query_by_label_contains("Stored answer 1 of")
            .is_some()
    );
}

#[test]
fn the_palette_finds_and_runs_a_command() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    w.frames(2);
    w.harness
        .get_by_label("Find a command")
        .type_text("extrapol");
    w.frames(2);
    w.harness.key_press(Key::Enter);
    w.frames(3);
    assert_eq!(
        w.state().simplex.mode,
        paretoscope::state::Mode::Extrapolate
    );
    assert!(w.harness.query_by_label("Weight of helpful").is_some());
}

/// kittest checks in every frame that each input has a name and each glyph a font.
#[test]
fn every_state_has_names_and_glyphs_in_every_size() {
    for size in [WIDE, [640.0, 400.0]] {
        // Empty, loading, failed.
        let mut w = window(size, None);
        w.steps(2);
        drop(w);
        let mut w = window(size, Some("/bundles/bad"));
        w.steps(2);
        assert!(w.state().bundle.failure.is_some());
        // Ready, running, done, in every panel and over every sheet.
        let mut w = window(size, Some("/bundles/one"));
        for extrapolate in [false, true] {
            let mode = if extrapolate {
                paretoscope::state::Mode::Extrapolate
            } else {
                paretoscope::state::Mode::Interpolate
            };
            w.queue(AppCommand::SetMode(mode));
            for panel in Panel::ALL {
                w.queue(AppCommand::Focus(panel));
            }
        }
        w.queue(AppCommand::Generate);
        w.steps(60);
        w.queue(AppCommand::Pin);
        w.queue(AppCommand::StartSweep);
        w.steps(50);
        for panel in Panel::ALL {
            w.queue(AppCommand::Focus(panel));
        }
        for overlay in [
            Overlay::Bundle,
            Overlay::Palette,
            Overlay::Shortcuts,
            Overlay::Settings,
            Overlay::Training,
        ] {
            w.queue(AppCommand::Show(overlay));
            w.steps(2);
            w.queue(AppCommand::Show(overlay));
        }
        w.queue(AppCommand::ToggleTheme);
        w.steps(2);
        w.engine.send(EngineEvent::Stopped {
            panic: Some("a test".into()),
        });
        w.frames(2);
        assert!(
            w.harness
                .query_by_label_contains("Engine: Stopped")
                .is_some()
        );
    }
}

#[test]
fn disabled_buttons_say_why() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::SetPrompt(String::new()));
    w.frames(2);
    let node = w.harness.get_by_label("Generate");
    let why = node
        .accesskit_node()
        .data()
        .description()
        .unwrap_or_default()
        .to_owned();
    assert!(why.contains("prompt is empty"), "{why}");
}

#[test]
fn m_and_s_on_an_expert_row_silence_it_and_every_badge_says_so() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::Move(
        Point::Preference(Preference::new(vec![0.2, 0.3, 0.5]).expect("a preference")),
        Gesture::Settled,
    ));
    w.steps(6);
    w.harness
        .get_by_label_contains("humor, LoRA expert at")
        .focus();
    w.frames(2);
    w.harness.key_press(Key::M);
    w.steps(3);
    let steered =
        |c: &EngineCommand| matches!(c, EngineCommand::Steer { mutes, .. } if !mutes.is_empty());
    assert_eq!(w.engine.count(steered), 1, "the running row follows");
    // The point, the answer's card and the status strip.
    let badges = w.harness.query_all_by_label_contains("muted: humor");
    assert!(badges.count() >= 3);
    assert!(
        w.harness
            .query_by_label_contains("hears every expert")
            .is_some()
    );
    w.steps(60);
    w.queue(AppCommand::Pin);
    // The same key again undoes it; Escape clears all.
    w.harness.key_press(Key::M);
    w.frames(2);
    assert!(w.state().mutes.is_empty());
    w.harness.get_by_label("Solo helpful").click();
    w.steps(60);
    assert!(w.state().mute_words().is_some_and(|m| m == "solo: helpful"));
    assert!(
        w.harness.query_by_label_contains("muted: humor").is_some(),
        "on the pinned card"
    );
    w.harness.key_press(Key::Escape);
    w.frames(2);
    assert!(w.state().mutes.is_empty());
}

#[test]
fn the_tiers_of_a_token_are_read_aloud_and_follow_the_chosen_module() {
    let mut w = window(WIDE, Some("/bundles/one"));
    w.queue(AppCommand::Move(
        Point::Preference(Preference::new(vec![0.26, 0.26, 0.48]).expect("a preference")),
        Gesture::Settled,
    ));
    w.steps(60);
    let value = |w: &Window<'_>| {
        let node = w.harness.get_by_label("Three tiers of routing");
        node.accesskit_node().value().unwrap_or_default()
    };
    let mean = value(&w);
    assert!(
        mean.starts_with("Mean over the answer. 1 preference: helpful 0.26"),
        "{mean}"
    );
    assert!(mean.contains("E 1-1-2 (router)"), "{mean}");
    assert!(mean.contains("Routers divide"), "{mean}");
    w.harness.key_press(Key::CloseBracket);
    w.frames(2);
    assert_ne!(value(&w), mean, "another layer has other gates");
    let options = paretoscope::state::HeatmapOptions {
        token: Some(3),
        ..w.state().prefs.heatmap.clone()
    };
    w.queue(AppCommand::SetHeatmap(options));
    assert!(value(&w).starts_with("Token 3"), "{}", value(&w));
    // Where no router speaks, the third tier is the second, and it says so.
    w.queue(AppCommand::Move(
        Point::Preference(Preference::one_hot(0, 3)),
        Gesture::Settled,
    ));
    w.steps(60);
    assert!(value(&w).contains("a static mixture"), "{}", value(&w));
}
