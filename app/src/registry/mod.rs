//! The one list of commands: titles, shortcuts, and why a command cannot run right now. The
//! palette, the shortcut list, buttons and keys all read it.

mod list;
mod names;
mod why_not;

use std::sync::LazyLock;

use egui::KeyboardShortcut;

use paretoscope_core::types::Channel;

use crate::command::AppCommand;
use crate::state::{AppState, PromptState};

pub use why_not::why_not;

/// A command that needs no further words.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name for good.
    pub id: &'static str,
    /// Shown to people.
    pub title: &'static str,
    /// Other words that find it.
    pub aliases: &'static str,
    /// Keys; those without Ctrl are off while a text field has the keyboard.
    pub shortcut: Option<KeyboardShortcut>,
    /// What it does.
    pub command: AppCommand,
}

/// A line of the palette.
#[derive(Debug, Clone)]
pub struct Found {
    /// Shown to people.
    pub title: String,
    /// Keys.
    pub shortcut: Option<KeyboardShortcut>,
    /// Why it cannot run right now.
    pub why_not: Option<String>,
    /// What it does.
    pub command: AppCommand,
}

/// All commands of the palette, in the order shown.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(list::list);
    &ENTRIES
}

/// The palette's entry of a command, where it lists it.
pub fn entry(command: &AppCommand) -> Option<&'static Entry> {
    entries().iter().find(|e| e.command == *command)
}

/// What a command is called.
pub fn title(command: &AppCommand) -> &'static str {
    let listed = entry(command).map(|e| e.title);
    listed.or_else(|| names::name(command)).unwrap_or_default()
}

/// Commands and prompts that match what was typed, best first.
pub fn search(state: &AppState, query: &str) -> Vec<Found> {
    let commands = entries().iter().map(|e| {
        let words = format!("{} {}", e.title, e.aliases);
        (
            words,
            Found {
                title: e.title.to_owned(),
                shortcut: e.shortcut,
                why_not: why_not(&e.command, state),
                command: e.command.clone(),
            },
        )
    });
    let samples = state
        .info()
        .into_iter()
        .flat_map(|b| b.prompts.iter().enumerate())
        .map(|(i, s)| {
            let title = format!("Prompt: {}", s.title);
            let words = format!("{title} {}", PromptState::words(&s.prompt));
            let command = AppCommand::PickSample(i);
            (
                words,
                Found {
                    title,
                    shortcut: None,
                    why_not: why_not(&command, state),
                    command,
                },
            )
        });
    let desk = state.info().into_iter().flat_map(|info| {
        let values = (0..info.values.len()).filter_map(|value| info.value_channel(value));
        let experts = (0..info.experts.len()).filter_map(|expert| info.channel(expert));
        let mut channels: Vec<Channel> = experts.chain(values).collect();
        channels.sort_unstable();
        channels.dedup();
        channels.into_iter().flat_map(|channel| {
            let name = info.channel_name(channel);
            [
                (format!("Mute {name}"), AppCommand::ToggleMute(channel)),
                (format!("Solo {name}"), AppCommand::ToggleSolo(channel)),
            ]
        })
    });
    let desk = desk.map(|(title, command)| {
        let found = Found {
            title: title.clone(),
            shortcut: None,
            why_not: None,
            command,
        };
        (format!("{title} expert silence ablate"), found)
    });
    let mut found: Vec<(i32, Found)> = commands
        .chain(samples)
        .chain(desk)
        .filter_map(|(words, found)| fuzzy(query, &words).map(|score| (score, found)))
        .collect();
    found.sort_by_key(|(score, _)| -score);
    found.into_iter().map(|(_, found)| found).collect()
}

/// How well `query` is found in `words` as a subsequence: higher is better, `None` not at all.
/// Beginnings of words and unbroken runs count more.
fn fuzzy(query: &str, words: &str) -> Option<i32> {
    let hay: Vec<char> = words.to_lowercase().chars().collect();
    let (mut score, mut at, mut last) = (0, 0, None);
    for wanted in query.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let found = (at..hay.len()).find(|&i| hay[i] == wanted)?;
        let starts_word = found == 0 || !hay[found - 1].is_alphanumeric();
        let unbroken = found > 0 && last == Some(found - 1);
        score += 1 + 4 * i32::from(unbroken) + 3 * i32::from(starts_word);
        score -= i32::try_from(found - at).unwrap_or(i32::MAX).min(3);
        last = Some(found);
        at = found + 1;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_keys_or_names() {
        let all = entries();
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert_ne!(a.id, b.id);
                assert_ne!(a.title, b.title);
                if let (Some(x), Some(y)) = (a.shortcut, b.shortcut) {
                    assert_ne!(x, y, "{} and {} share keys", a.id, b.id);
                }
            }
        }
    }

    #[test]
    fn commands_of_the_palette_are_named_there_alone() {
        for entry in entries() {
            let plain = format!("{:?}", entry.command)
                .chars()
                .all(char::is_alphanumeric);
            assert_eq!(plain, names::name(&entry.command).is_none(), "{}", entry.id);
        }
        assert_eq!(title(&AppCommand::Generate), "Generate");
        assert_eq!(title(&AppCommand::SetZoom(2.0)), "Set the size");
    }

    #[test]
    fn the_palette_finds_by_parts_of_words() {
        let state = AppState::default();
        for (query, want) in [
            ("gen", "Generate"),
            ("pin", "Pin the current answer"),
            ("lod", "Light or dark"),
        ] {
            let found = search(&state, query);
            assert_eq!(
                found.first().map(|f| f.title.as_str()),
                Some(want),
                "{query}"
            );
        }
        assert!(search(&state, "zzzz").is_empty());
        assert_eq!(search(&state, "").len(), entries().len());
    }

    #[test]
    fn without_a_bundle_the_reason_is_said() {
        let state = AppState::default();
        for command in [
            AppCommand::Generate,
            AppCommand::StartSweep,
            AppCommand::Preset(1),
        ] {
            assert_eq!(
                why_not(&command, &state).as_deref(),
                Some("load a bundle first"),
                "{command:?}"
            );
        }
    }
}
