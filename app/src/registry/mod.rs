//! The one list of commands: titles, shortcuts, and why a command cannot run right now. The
//! palette, the shortcut list, buttons and keys all read it.

mod annotate;
mod blind;
mod list;
mod methods;
mod names;
mod talk;
mod why_not;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use egui::KeyboardShortcut;

use paretoscope_core::method::MethodKind;
use paretoscope_core::types::{BundleInfo, Channel};

use crate::command::AppCommand;
use crate::state::{AppState, PromptState};

pub use blind::blind;
pub use methods::{method_off, sweep_off};
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

/// The entry of a command, where the palette or the blind view lists it.
pub fn entry(command: &AppCommand) -> Option<&'static Entry> {
    let mut all = entries().iter().chain(blind());
    all.find(|e| e.command == *command)
}

/// What a command is called.
pub fn title(command: &AppCommand) -> &'static str {
    let listed = entry(command).map(|e| e.title);
    listed.or_else(|| names::name(command)).unwrap_or_default()
}

/// What a command would do right now, in words: undo and redo name the step that they turn.
pub fn words(command: &AppCommand, state: &AppState) -> String {
    let title = title(command);
    let next = match command {
        AppCommand::Undo => state.undo.next(false),
        AppCommand::Redo => state.undo.next(true),
        _ => None,
    };
    match next {
        Some((step, _)) => format!("{title}: {}", in_a_sentence(step)),
        None => title.to_owned(),
    }
}

/// A title as it stands within a sentence.
pub fn in_a_sentence(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Commands and prompts that match what was typed, best first.
pub fn search(state: &AppState, query: &str) -> Vec<Found> {
    let mut found: Vec<(i32, Found)> = all(state)
        .filter_map(|(words, found)| fuzzy(query, &words).map(|score| (score, found)))
        .collect();
    found.sort_by_key(|(score, _)| -score);
    found.into_iter().map(|(_, found)| found).collect()
}

/// Up to three that have most pairs of letters in common with what was typed, for where nothing matches it.
pub fn nearest(state: &AppState, query: &str) -> Vec<Found> {
    let pairs = |text: &str| -> BTreeSet<(char, char)> {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .flat_map(|w| w.chars().zip(w.chars().skip(1)))
            .collect()
    };
    let wanted = pairs(query);
    let mut near: Vec<(usize, Found)> = all(state)
        .map(|(words, found)| (wanted.intersection(&pairs(&words)).count(), found))
        .filter(|(shared, _)| *shared > 0 && 2 * shared >= wanted.len())
        .collect();
    near.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    near.truncate(3);
    near.into_iter().map(|(_, found)| found).collect()
}

/// All that can be found, each with the words that find it.
fn all(state: &AppState) -> impl Iterator<Item = (String, Found)> + '_ {
    let commands = entries().iter().map(|e| {
        let words = format!("{} {}", e.title, e.aliases);
        (
            words,
            Found {
                title: self::words(&e.command, state),
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
            let name = channel_title(info, channel);
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
    let methods = MethodKind::ALL
        .into_iter()
        .filter(|_| state.info().is_some());
    let methods = methods.map(|kind| {
        let command = AppCommand::SetMethod(kind);
        let title = format!("Method: {}", kind.title());
        let words = format!("{title} {} {}", kind.name(), kind.acts().says());
        let found = Found {
            title,
            shortcut: None,
            why_not: why_not(&command, state),
            command,
        };
        (words, found)
    });
    commands.chain(samples).chain(desk).chain(methods)
}

/// How well `query` is found in `words`: higher is better, `None` not at all. Each of its letters follows the
/// one before or begins a word, so that letters scattered over a sentence are no match.
fn fuzzy(query: &str, words: &str) -> Option<i32> {
    let hay: Vec<char> = words.to_lowercase().chars().collect();
    let starts_word = |at: usize| at == 0 || !hay[at - 1].is_alphanumeric();
    // Of every place that the query read so far can end at, the best score.
    let mut ends: Vec<(usize, i32)> = Vec::new();
    for (index, wanted) in query
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_whitespace())
        .enumerate()
    {
        let here = (0..hay.len()).filter(|&at| hay[at] == wanted);
        let score = |at: usize| {
            let begins = 4 * i32::from(starts_word(at)) - i32::try_from(at.min(9)).unwrap_or(9) / 3;
            if index == 0 {
                return Some(begins);
            }
            let before = ends.iter().filter_map(|&(end, score)| match at {
                _ if at == end + 1 => Some(score + 5),
                _ if at > end && starts_word(at) => Some(score + 3),
                _ => None,
            });
            before.max()
        };
        ends = here.filter_map(|at| score(at).map(|s| (at, s))).collect();
    }
    if query.trim().is_empty() {
        return Some(0);
    }
    ends.into_iter().map(|(_, score)| score).max()
}

/// What a channel is called; the value vector of two that share a name is called one.
fn channel_title(info: &BundleInfo, channel: Channel) -> String {
    let name = info.channel_name(channel);
    let is_expert = info.expert_of(channel).is_some();
    let mut experts = (0..info.experts.len()).filter_map(|expert| info.channel(expert));
    if is_expert || !experts.any(|other| info.channel_name(other) == name) {
        name.to_owned()
    } else {
        format!("{name} (value)")
    }
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
        // Its letters stand in "grid explore pareto", scattered.
        assert!(search(&state, "gpeto").is_empty());
        let near = |query| nearest(&state, query).into_iter().map(|f| f.title);
        assert!(near("swep").any(|title| title == "Start the sweep"));
        assert_eq!(near("zzzz").count(), 0);
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
