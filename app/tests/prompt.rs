//! The prompt's panel by its accessibility tree: what the model is given, and conversations.

mod scripted;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use paretoscope::app::{App, StartOptions};
use paretoscope::command::AppCommand;
use paretoscope::state::Panel;
use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::types::{Message, Prompt};
use scripted::Scripted;

struct Window<'a> {
    harness: Harness<'a, App>,
    engine: Scripted,
}

impl Window<'_> {
    fn new(size: [f32; 2]) -> Self {
        let (engine, handle) = Scripted::new(scripted::bundle::info());
        let options = StartOptions {
            bundle: Some("/bundles/one".into()),
            sweeps: env!("CARGO_TARGET_TMPDIR").into(),
            training: concat!(env!("CARGO_TARGET_TMPDIR"), "/training").into(),
            ..StartOptions::default()
        };
        let harness = Harness::builder()
            .with_size(egui::Vec2::from(size))
            .wgpu()
            .build_eframe(|creation| App::new(creation, handle, options));
        let mut window = Window { harness, engine };
        window.steps(3);
        window.queue(AppCommand::Focus(Panel::Answers));
        window
    }

    /// Frames and engine steps in turn; time passes between them.
    fn steps(&mut self, n: usize) {
        for _ in 0..n {
            self.engine.step();
            self.harness.run_steps(1);
        }
    }

    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.steps(30);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.steps(3);
    }

    fn sees(&self, words: &str) -> bool {
        self.harness
            .query_all_by_label_contains(words)
            .next()
            .is_some()
    }
}

const SIZES: [[f32; 2]; 2] = [[1280.0, 800.0], [640.0, 400.0]];

#[test]
fn what_the_model_is_given_folds_out_by_keyboard_and_follows_typing() {
    for size in SIZES {
        let mut w = Window::new(size);
        w.queue(AppCommand::SetPrompt("one two three".into()));
        assert!(w.sees("What the model is given: 5 of 512 tokens"));
        assert!(!w.sees("Given to the model"), "folded");
        w.press(Modifiers::COMMAND, Key::G);
        w.steps(20);
        assert!(w.sees("Given to the model, 5 tokens, 2 of them special: <|user|>one two three"));
        assert!(w.sees("507 left for the answer"));
        assert!(w.sees("underlined: special token"));
        w.queue(AppCommand::SetPrompt("one".into()));
        assert!(w.sees("Given to the model, 3 tokens"));
        w.queue(AppCommand::SetPrompt("{broken}".into()));
        assert!(w.sees("Error: chat template, line 3"));
        assert!(
            !w.sees("Given to the model, 3 tokens"),
            "of an older prompt"
        );
    }
}

#[test]
fn an_answer_keeps_what_it_was_given() {
    let mut w = Window::new(SIZES[0]);
    w.queue(AppCommand::SetPrompt("one two".into()));
    w.press(Modifiers::COMMAND, Key::Enter);
    w.steps(80);
    assert!(w.sees("What the model was given: 4 tokens"));
    let fold = w.harness.get_by_label_contains("What the model was given");
    fold.click();
    w.steps(20);
    assert!(w.sees("Given to the model, 4 tokens"));
}

#[test]
fn a_conversation_is_written_reordered_and_sent_by_keyboard() {
    for size in SIZES {
        let mut w = Window::new(size);
        let both = Modifiers::COMMAND | Modifiers::SHIFT;
        w.queue(AppCommand::SetPrompt("why?".into()));
        w.press(both, Key::M);
        assert!(w.sees("Turn 1, system") && w.sees("Turn 2, user"));
        // The keyboard is in the first turn.
        w.harness
            .get_by_label("Turn 1, system")
            .type_text("be brief");
        w.steps(3);
        let turns = |w: &Window<'_>| w.harness.state().state.prompt.turns.clone();
        assert_eq!(turns(&w)[0], Message::system("be brief"));
        w.press(both, Key::A);
        assert!(w.sees("Turn 3, assistant"));
        assert!(w.sees("Not ready: turn 3 (assistant) is empty"));
        w.press(both, Key::PageUp);
        assert_eq!(turns(&w)[1].role, "assistant");
        w.press(both, Key::Backspace);
        let left = vec![Message::system("be brief"), Message::user("why?")];
        assert_eq!(turns(&w), left);
        w.press(Modifiers::COMMAND, Key::Enter);
        w.steps(3);
        let sent = Prompt::Messages(left);
        let asked = w
            .engine
            .count(|c| matches!(c, EngineCommand::Generate { row, .. } if row.prompt == sent));
        assert_eq!(asked, 1);
    }
}
