//! The keys of the blind view. While somebody votes these are all the keys that there are; a test refuses two that clash.

use std::sync::LazyLock;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::annotate::is_neutral;
use super::{Entry, entries};
use crate::command::{Annotation, AppCommand};

/// All keys of the blind view.
pub fn blind() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(list);
    &ENTRIES
}

fn list() -> Vec<Entry> {
    let entry = |id, title, key: Key, command| Entry {
        id,
        title,
        aliases: "",
        shortcut: Some(KeyboardShortcut::new(Modifiers::NONE, key)),
        command: AppCommand::Annotate(command),
    };
    let digits = [
        ("vote-1", "Choose 1", Key::Num1),
        ("vote-2", "Choose 2", Key::Num2),
        ("vote-3", "Choose 3", Key::Num3),
        ("vote-4", "Choose 4", Key::Num4),
        ("vote-5", "Choose 5", Key::Num5),
    ];
    let digits = digits.into_iter().enumerate();
    let mut all: Vec<Entry> = digits
        .map(|(at, (id, title, key))| entry(id, title, key, Annotation::Digit(at + 1)))
        .collect();
    all.extend([
        entry(
            "vote-submit",
            "Submit and go on",
            Key::Enter,
            Annotation::Submit,
        ),
        entry(
            "vote-back",
            "Undo the last vote",
            Key::U,
            Annotation::TakeBack,
        ),
        entry(
            "vote-skip",
            "Skip with a reason",
            Key::S,
            Annotation::AskSkip,
        ),
        entry("vote-comment", "Comment", Key::C, Annotation::Comment),
        entry(
            "vote-hand-over",
            "Hand over to the next person",
            Key::H,
            Annotation::HandOver,
        ),
        entry(
            "vote-next",
            "Next question",
            Key::ArrowDown,
            Annotation::StepObjective(1),
        ),
        entry(
            "vote-previous",
            "Previous question",
            Key::ArrowUp,
            Annotation::StepObjective(-1),
        ),
        entry(
            "vote-close",
            "Back to the item",
            Key::Escape,
            Annotation::Close,
        ),
    ]);
    let usual = entries().iter().filter(|e| is_neutral(&e.command));
    all.extend(usual.cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::super::annotate::blocked;
    use super::*;
    use crate::state::{AppState, Desk};

    #[test]
    fn no_two_keys_of_the_blind_view_are_alike() {
        for (at, a) in blind().iter().enumerate() {
            assert!(a.shortcut.is_some(), "{} has no key", a.id);
            for b in &blind()[..at] {
                assert_ne!(a.id, b.id);
                assert_ne!(a.title, b.title);
                assert_ne!(a.shortcut, b.shortcut, "{} and {} share keys", a.id, b.id);
            }
        }
    }

    #[test]
    fn nothing_but_the_view_itself_can_be_done_while_somebody_votes() {
        let (mut votes, mut away) = (AppState::default(), AppState::default());
        votes.annotate.desk = Some(Desk::new("T".to_owned(), None));
        // Who voted when the window went away is not asked yet.
        away.annotate.resume = Some(("T".to_owned(), "A1".to_owned()));
        let usual = [
            "theme",
            "zoom-in",
            "zoom-out",
            "zoom-reset",
            "fullscreen",
            "quit",
        ];
        let sit = AppCommand::Annotate(Annotation::Sit);
        for state in [&votes, &away] {
            for entry in entries() {
                let blocked = blocked(&entry.command, state).is_some();
                assert_eq!(blocked, !usual.contains(&entry.id), "{}", entry.id);
            }
            assert_eq!(blocked(&sit, state), None);
        }
    }
}
