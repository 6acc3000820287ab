//! The one list of commands: titles, shortcuts, and why a command cannot run right now. The
//! palette, the shortcut list, buttons and keys all read it.

use std::sync::LazyLock;

use egui::{Key, KeyboardShortcut, Modifiers};

use paretoscope_engine::types::Channel;

use crate::command::AppCommand;
use crate::state::{AppState, EnginePhase, Mode, Overlay, Panel, PromptState, TrainPhase, presets};

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

#[expect(
    clippy::unnecessary_wraps,
    reason = "the list has entries with keys and without"
)]
const fn keys(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}

/// All commands of the palette, in the order shown.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(list);
    &ENTRIES
}

fn list() -> Vec<Entry> {
    use AppCommand as C;
    let command = Modifiers::COMMAND;
    let both = Modifiers::COMMAND.plus(Modifiers::SHIFT);
    let none = Modifiers::NONE;
    let entry = |id, title, aliases, shortcut, command| Entry {
        id,
        title,
        aliases,
        shortcut,
        command,
    };
    let mut all = vec![
        entry(
            "run",
            "Generate",
            "run answer go",
            keys(command, Key::Enter),
            C::Generate,
        ),
        entry(
            "regenerate",
            "Regenerate the exact answer",
            "again redo",
            keys(both, Key::Enter),
            C::Regenerate,
        ),
        entry(
            "stop",
            "Stop generating",
            "cancel halt",
            keys(none, Key::Escape),
            C::Stop,
        ),
        entry(
            "seed",
            "Generate with the next seed",
            "random other",
            keys(none, Key::N),
            C::NextSeed,
        ),
        entry(
            "pin",
            "Pin the current answer",
            "compare keep",
            keys(none, Key::P),
            C::Pin,
        ),
        entry(
            "unpin",
            "Forget the pinned answer",
            "clear compare",
            keys(Modifiers::SHIFT, Key::P),
            C::Unpin,
        ),
        entry(
            "sweep",
            "Start the sweep",
            "grid explore pareto",
            keys(command, Key::R),
            C::StartSweep,
        ),
        entry(
            "sweep-pause",
            "Pause or resume the sweep",
            "wait continue",
            keys(none, Key::Space),
            C::TogglePause,
        ),
        entry(
            "sweep-cancel",
            "Cancel the sweep",
            "stop abort",
            None,
            C::CancelSweep,
        ),
        entry(
            "dot-clear",
            "Leave the selected dot",
            "deselect",
            None,
            C::SelectDot(None),
        ),
        entry(
            "row-next",
            "Next prompt of the selected dot",
            "row",
            keys(none, Key::Period),
            C::StepRow(1),
        ),
        entry(
            "row-previous",
            "Previous prompt of the selected dot",
            "row",
            keys(none, Key::Comma),
            C::StepRow(-1),
        ),
        entry(
            "fit",
            "Fit the Pareto plot",
            "zoom all view",
            keys(none, Key::F),
            C::Fit,
        ),
        entry(
            "table",
            "Pareto plot or table",
            "list",
            keys(none, Key::T),
            C::ToggleTable,
        ),
        entry(
            "mode-simplex",
            "Interpolate on the simplex",
            "hoe mode",
            None,
            C::SetMode(Mode::Interpolate),
        ),
        entry(
            "mode-box",
            "Extrapolate beyond the simplex",
            "mva weights mode",
            None,
            C::SetMode(Mode::Extrapolate),
        ),
        entry(
            "bundle",
            "Open a bundle",
            "load model folder",
            keys(command, Key::O),
            C::Show(Overlay::Bundle),
        ),
        entry(
            "interference",
            "Compare the experts with each other",
            "interference dependence cosine hsic",
            keys(command, Key::I),
            C::Show(Overlay::Interference),
        ),
        entry(
            "train",
            "Training",
            "train dpo sft reward model adapter value vector fine-tune",
            keys(command, Key::T),
            C::Show(Overlay::Training),
        ),
        entry(
            "train-cancel",
            "Cancel the training run",
            "stop abort checkpoint",
            None,
            C::CancelTraining,
        ),
        entry(
            "demo",
            "Open the demonstration bundle",
            "load example",
            None,
            C::LoadDemo,
        ),
        entry(
            "prompts",
            "Choose a file of prompts for the sweep",
            "jsonl",
            None,
            C::ChoosePrompts,
        ),
        entry(
            "prompt",
            "Write a prompt",
            "focus editor",
            keys(command, Key::K),
            C::Focus(Panel::Answers),
        ),
        entry(
            "point",
            "Move the point by keyboard",
            "focus simplex triangle",
            keys(command, Key::J),
            C::Focus(Panel::Point),
        ),
        entry(
            "panel",
            "Next panel",
            "focus",
            keys(none, Key::F6),
            C::NextPanel,
        ),
        entry(
            "tier-layer-next",
            "Tiers of routing: next layer",
            "gates module",
            keys(none, Key::CloseBracket),
            C::StepTierLayer(1),
        ),
        entry(
            "tier-layer-previous",
            "Tiers of routing: previous layer",
            "gates module",
            keys(none, Key::OpenBracket),
            C::StepTierLayer(-1),
        ),
        entry(
            "tier-module-next",
            "Tiers of routing: next module",
            "gates projection",
            keys(Modifiers::ALT, Key::CloseBracket),
            C::StepTierModule(1),
        ),
        entry(
            "tier-module-previous",
            "Tiers of routing: previous module",
            "gates projection",
            keys(Modifiers::ALT, Key::OpenBracket),
            C::StepTierModule(-1),
        ),
        entry(
            "unmute",
            "Hear every expert again",
            "clear mute solo ablate",
            keys(Modifiers::SHIFT, Key::M),
            C::ClearMutes,
        ),
        entry(
            "palette",
            "Find a command",
            "search",
            keys(command, Key::P),
            C::Show(Overlay::Palette),
        ),
        entry(
            "shortcuts",
            "List of shortcuts",
            "help keys",
            keys(none, Key::Questionmark),
            C::Show(Overlay::Shortcuts),
        ),
        entry(
            "settings",
            "Settings",
            "preferences options",
            keys(command, Key::Comma),
            C::Show(Overlay::Settings),
        ),
        entry(
            "theme",
            "Light or dark",
            "colour theme",
            keys(command, Key::L),
            C::ToggleTheme,
        ),
        entry(
            "zoom-in",
            "Larger",
            "zoom in",
            keys(command, Key::Plus),
            C::ZoomIn,
        ),
        entry(
            "zoom-out",
            "Smaller",
            "zoom out",
            keys(command, Key::Minus),
            C::ZoomOut,
        ),
        entry(
            "zoom-reset",
            "100 % size",
            "zoom reset",
            keys(command, Key::Num0),
            C::ZoomReset,
        ),
        entry("quit", "Quit", "exit close", keys(command, Key::Q), C::Quit),
    ];
    const PRESETS: [(&str, &str, Key); 7] = [
        ("preset-1", "Go to preset 1", Key::Num1),
        ("preset-2", "Go to preset 2", Key::Num2),
        ("preset-3", "Go to preset 3", Key::Num3),
        ("preset-4", "Go to preset 4", Key::Num4),
        ("preset-5", "Go to preset 5", Key::Num5),
        ("preset-6", "Go to preset 6", Key::Num6),
        ("preset-7", "Go to preset 7", Key::Num7),
    ];
    all.extend(PRESETS.iter().enumerate().map(|(i, &(id, title, key))| {
        entry(
            id,
            title,
            "corner midpoint centre",
            keys(none, key),
            C::Preset(i + 1),
        )
    }));
    all
}

/// What a command is called; commands that carry words of their own have a plain name.
pub fn title(command: &AppCommand) -> String {
    entries()
        .iter()
        .find(|e| e.command == *command)
        .map_or_else(|| "This".to_owned(), |e| e.title.to_owned())
}

/// The keys of a command.
pub fn shortcut(command: &AppCommand) -> Option<KeyboardShortcut> {
    entries()
        .iter()
        .find(|e| e.command == *command)
        .and_then(|e| e.shortcut)
}

/// Why a command cannot run right now, or `None`.
pub fn why_not(command: &AppCommand, state: &AppState) -> Option<String> {
    use AppCommand as C;
    let say = |reason: &str| Some(reason.to_owned());
    match command {
        C::Generate | C::NextSeed => needs_engine(state).or_else(|| needs_prompt(state)),
        C::Regenerate => needs_engine(state).or_else(|| match state.session.current() {
            None => say("there is no answer yet"),
            Some(run)
                if !state
                    .info()
                    .is_some_and(|b| std::sync::Arc::ptr_eq(b, &run.bundle)) =>
            {
                say("this answer was made with another bundle")
            }
            Some(_) => None,
        }),
        C::Stop if state.session.running().is_none() => say("nothing is being generated"),
        C::Pin | C::TryCurrent if state.session.current().is_none() => {
            say("there is no answer yet")
        }
        C::Unpin if state.session.pinned.is_none() => say("nothing is pinned"),
        C::StartSweep => needs_engine(state).or_else(|| {
            if state.sweep.is_active() {
                return say("a sweep is under way; cancel it first");
            }
            match &state.sweep.cost {
                Some(Err(trouble)) => Some(trouble.message.clone()),
                _ => None,
            }
        }),
        C::TogglePause | C::CancelSweep if !state.sweep.is_active() => say("no sweep is under way"),
        C::SelectDot(None) if state.sweep.selected.is_none() => say("no dot is selected"),
        C::StepRow(_) if state.sweep.rows.len() < 2 => {
            say("the selected dot has no further prompts")
        }
        C::Fit | C::ToggleTable if state.sweep.points.is_empty() => say("there are no points yet"),
        C::SetMode(Mode::Interpolate) => state.info().map_or_else(
            || say("load a bundle first"),
            |b| {
                (b.objectives.len() < 2)
                    .then(|| "this bundle has fewer than two objectives".to_owned())
            },
        ),
        C::SetMode(Mode::Extrapolate) => state.info().map_or_else(
            || say("load a bundle first"),
            |b| {
                b.values
                    .is_empty()
                    .then(|| "this bundle has no value vectors".to_owned())
            },
        ),
        C::StartTraining => needs_bundle(state)
            .or_else(|| no_training(state))
            .or_else(|| {
                let training = &state.training;
                let problems = training.form.problems(state.info()?, &training.runs);
                problems.into_iter().next().map(|(_, words)| words)
            }),
        C::ResumeTraining(_) => engine_gone(state).or_else(|| no_training(state)),
        C::CancelTraining => match state.training.active().map(|run| &run.phase) {
            None => say("no training is under way"),
            Some(TrainPhase::Stopping) => say("a checkpoint is being written"),
            Some(_) => None,
        },
        C::LoadTraining(folder) => engine_gone(state).or_else(|| {
            let loading = state.training.loading.contains(folder) || state.bundle.loading.is_some();
            loading.then(|| "a bundle is being loaded".to_owned())
        }),
        C::ClearMutes if state.mutes.is_empty() => say("nothing is muted or soloed"),
        C::Preset(number) => {
            let count = presets(&state.simplex.axes, state.simplex.preference.len()).len();
            match () {
                () if state.info().is_none() => say("load a bundle first"),
                () if *number > count => {
                    Some(format!("with two objectives there are {count} presets"))
                }
                () => None,
            }
        }
        C::LoadDemo if state.bundle.demo.is_none() => {
            say("assets/demo was not found beside the program, in its workspace or here")
        }
        C::LoadBundle(_) | C::LoadDemo | C::ChooseBundle => engine_gone(state),
        _ => None,
    }
}

fn engine_gone(state: &AppState) -> Option<String> {
    matches!(state.engine.phase, EnginePhase::Stopped(_))
        .then(|| "the engine has stopped; restart the program".to_owned())
}

fn needs_bundle(state: &AppState) -> Option<String> {
    let missing = || {
        state
            .info()
            .is_none()
            .then(|| "load a bundle first".to_owned())
    };
    engine_gone(state).or_else(missing)
}

/// Why no training can begin: another one is under way.
fn no_training(state: &AppState) -> Option<String> {
    let run = state.training.active()?;
    let name = &run.plan.name;
    Some(format!(
        "{name} is being trained; wait for its end, or cancel it"
    ))
}

fn needs_engine(state: &AppState) -> Option<String> {
    engine_gone(state).or_else(|| match (&state.bundle.loading, state.info()) {
        (Some(loading), None) => Some(format!(
            "the bundle is loading, {:.0} %",
            loading.fraction * 100.0
        )),
        (None, None) => Some("load a bundle first".to_owned()),
        (_, Some(_)) => None,
    })
}

fn needs_prompt(state: &AppState) -> Option<String> {
    let sample_of_ids = state.prompt.sample.is_some();
    if state.prompt.text.trim().is_empty() {
        return Some("the prompt is empty; type one or pick a sample".to_owned());
    }
    let text = state.info().is_none_or(|b| b.model.has_tokenizer) || sample_of_ids;
    if !text {
        return Some("this bundle has no tokenizer; pick a sample made of token ids".to_owned());
    }
    (state.simplex.point().is_none()).then(|| "the point has no place yet".to_owned())
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
