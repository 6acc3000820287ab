//! The prompt's panel by its accessibility tree: what the model is given, and conversations.

mod played;
mod scripted;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use paretoscope::command::AppCommand;
use paretoscope::state::Panel;
use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::types::{Message, Prompt};
use played::{Window, script, with_bundle};

impl Window<'_> {
    fn of(size: [f32; 2]) -> Self {
        let mut window = Self::open(size, script(), with_bundle(), |builder| builder);
        window.queue(AppCommand::Focus(Panel::Answers));
        window
    }

    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.steps(30);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.steps(3);
    }
}

const SIZES: [[f32; 2]; 2] = [[1280.0, 800.0], [640.0, 400.0]];

#[test]
fn what_the_model_is_given_folds_out_by_keyboard_and_follows_typing() {
    for size in SIZES {
        let mut w = Window::of(size);
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
    let mut w = Window::of(SIZES[0]);
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
        let mut w = Window::of(size);
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
