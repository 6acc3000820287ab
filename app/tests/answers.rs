//! Answers by their accessibility tree: followed, set, compared.

mod played;
mod scripted;
mod support;

use egui::Key;
use egui_kittest::kittest::Queryable;
use paretoscope::command::{AppCommand, Gesture};
use paretoscope_core::protocol::EngineEvent;
use paretoscope_core::types::{Point, Preference};
use played::{Window, script, with_bundle};

impl Window<'_> {
    fn wide() -> Self {
        let mut window = Self::open([1280.0, 800.0], script(), with_bundle(), |builder| {
            builder.allow_missing_glyphs()
        });
        window.harness.state_mut().state.prefs.sampling.max_tokens = 4000;
        window
    }

    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.steps(2);
    }

    /// Has the engine say something, all of it or as much as it says in so many steps.
    fn say(&mut self, text: &str, steps: usize) {
        self.queue(AppCommand::SetPrompt(format!("say:{text}")));
        self.queue(AppCommand::Generate);
        self.steps(steps);
    }

    fn top_of(&self, words: &str) -> f32 {
        self.harness.get_by_label_contains(words).rect().top()
    }
}

#[test]
fn streaming_follows_until_a_person_scrolls_and_then_offers_to_follow() {
    let mut w = Window::wide();
    let text: Vec<String> = (0..700).map(|i| format!("word{i}")).collect();
    w.say(&text.join(" "), 250);
    assert!(!w.sees("Follow"), "it follows by itself");
    let before = w.top_of("word0 word1 ");
    w.steps(100);
    let after = w.top_of("word0 word1 ");
    assert!(
        after < before - 20.0,
        "{before} to {after}: the end is in view"
    );
    // One turn of the wheel lets go of the end.
    let over = w.harness.get_by_label("Answers").rect().center();
    w.harness.hover_at(over);
    w.steps(1);
    support::wheel(&w.harness, 60.0);
    w.steps(20);
    assert!(w.sees("Follow"));
    let held = w.top_of("word0 word1 ");
    w.steps(60);
    assert!(w.harness.state().state.session.running().is_some());
    assert_eq!(
        w.top_of("word0 word1 "),
        held,
        "what is read stays where it is"
    );
    // And Follow takes it up again.
    w.harness.get_by_label("Follow").click();
    w.steps(3);
    assert!(!w.sees("Follow"));
    let before = w.top_of("word0 word1 ");
    assert!(before < held);
    w.steps(100);
    assert!(!w.sees("Follow"));
    assert!(w.top_of("word0 word1 ") < before - 20.0);
    // Its end leaves it where it is.
    w.steps(400);
    assert!(w.harness.state().state.session.running().is_none());
    assert!(!w.sees("Follow"));
    // Another answer begins at its top.
    w.say("short", 10);
    let region = w.harness.get_by_label("Answers").rect();
    assert!(region.contains(w.harness.get_by_label("short").rect().center()));
}

#[test]
fn markdown_is_set_and_shown_as_written_on_demand() {
    let mut w = Window::wide();
    w.say(
        "# A title\n\nSome **bold** words.\n\n- first\n- second\n\n```rust\nfn main() {}\n```\n",
        80,
    );
    assert!(w.harness.query_by_label("A title").is_some());
    assert!(w.harness.query_by_label("Some bold words.").is_some());
    assert!(w.harness.query_by_label("fn main() {}").is_some());
    assert!(w.harness.query_by_label("Copy code").is_some());
    assert!(!w.sees("**bold**"));
    w.queue(AppCommand::ToggleRaw);
    assert!(w.sees("# A title\n\nSome **bold** words."));
    assert!(w.harness.query_by_label("A title").is_none());
}

#[test]
fn the_pinned_prompt_is_shown_where_it_is_another_one() {
    let mut w = Window::wide();
    w.say("one two three", 20);
    w.queue(AppCommand::Pin);
    w.queue(AppCommand::Move(
        Point::Preference(Preference::one_hot(1, 3)),
        Gesture::Settled,
    ));
    w.steps(30);
    assert!(!w.sees("Prompt: say:"), "the same prompt on both sides");
    w.say("one four three", 20);
    assert!(w.sees("Prompt: say:one two three"));
    assert!(w.sees("Prompt: say:one four three"));
    // Both texts begin on one line.
    let top = |words: &str| w.harness.get_by_label(words).rect().top();
    assert_eq!(top("one two three"), top("one four three"));
}

#[test]
fn reading_a_long_prompt_says_how_far_it_is() {
    let mut w = Window::wide();
    w.harness.state_mut().queue(AppCommand::Generate);
    w.harness.run_steps(2);
    let job = w
        .harness
        .state()
        .state
        .session
        .current()
        .expect("a run")
        .job;
    let (read, tokens) = (1024, 3012);
    w.engine.send(EngineEvent::Reading { job, read, tokens });
    w.harness.run_steps(2);
    assert!(w.sees("Reading the prompt: 1,024 of 3,012 tokens"));
    assert!(w.sees("Prompt read"));
    w.steps(10);
    assert!(!w.sees("Reading the prompt"));
}

#[test]
fn a_script_without_a_font_is_named() {
    let mut w = Window::wide();
    w.say("\u{0f56}\u{0f7c}\u{0f51} here", 10);
    assert!(
        w.sees("3 characters of this text have no font on this machine: install one for Tibetan")
    );
}

#[test]
fn the_text_grows_and_shrinks_by_keys() {
    let mut w = Window::wide();
    w.say("some words", 10);
    let height = |w: &Window<'_>| w.harness.get_by_label("some words").rect().height();
    let before = height(&w);
    w.harness
        .key_press_modifiers(egui::Modifiers::ALT, Key::Plus);
    w.steps(2);
    assert!(height(&w) > before);
    w.harness
        .key_press_modifiers(egui::Modifiers::ALT, Key::Minus);
    w.steps(2);
    assert_eq!(height(&w), before);
}
