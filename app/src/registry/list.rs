//! The commands of the palette, in the order shown.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::Entry;
use crate::command::AppCommand;
use crate::state::{Mode, Overlay, Panel};
use paretoscope_core::types::Split;

#[expect(
    clippy::unnecessary_wraps,
    reason = "the list has entries with keys and without"
)]
const fn keys(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}

/// All of them.
#[expect(
    clippy::too_many_lines,
    reason = "a table: the commands in their order"
)]
pub(super) fn list() -> Vec<Entry> {
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
            "take-over",
            "Take over the study's view and undo from another window",
            "lease lock other",
            None,
            C::TakeOver,
        ),
        entry(
            "undo",
            "Undo",
            "back take step",
            keys(command, Key::Z),
            C::Undo,
        ),
        entry(
            "redo",
            "Redo",
            "again step forward",
            keys(both, Key::Z),
            C::Redo,
        ),
        entry(
            "star",
            "Star the current answer",
            "mark favourite keep unstar",
            keys(Modifiers::SHIFT, Key::S),
            C::ToggleStar,
        ),
        entry(
            "starred",
            "Show starred answers of the history alone, or all",
            "filter favourites",
            None,
            C::ToggleStarred,
        ),
        entry(
            "forget-answers",
            "Forget the answers\u{2026}",
            "clear delete erase history session privacy",
            None,
            C::ForgetAnswers,
        ),
        entry(
            "raw",
            "Answers as written or with their formatting (Markdown)",
            "raw format code",
            keys(Modifiers::SHIFT, Key::R),
            C::ToggleRaw,
        ),
        entry(
            "differences",
            "Mark words that differ from the pinned answer",
            "diff compare",
            keys(none, Key::D),
            C::ToggleDifferences,
        ),
        entry(
            "answer-larger",
            "Larger text of answers",
            "size font",
            keys(Modifiers::ALT, Key::Plus),
            C::AnswerSize(1),
        ),
        entry(
            "answer-smaller",
            "Smaller text of answers",
            "size font",
            keys(Modifiers::ALT, Key::Minus),
            C::AnswerSize(-1),
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
            "sweep-before",
            "Show the sweep before this one",
            "back previous swap points",
            None,
            C::SwapSweep,
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
            "study",
            "Study: sweeps side by side, figures, its file",
            "compare fronts overlay hypervolume save history",
            keys(both, Key::S),
            C::Show(Overlay::Study),
        ),
        entry(
            "open-study",
            "Open a study\u{2026}",
            "file load sqlite db",
            keys(both, Key::O),
            C::ChooseStudy,
        ),
        entry(
            "choose-front",
            "Choose points on the validation prompts, show them on the test prompts",
            "split study front optimistic",
            None,
            C::ChooseFront(Some(Split::Validation), Some(Split::Test)),
        ),
        entry(
            "export-figure",
            "Export the figure\u{2026}",
            "svg pdf png plot front paper",
            keys(command, Key::E),
            C::ExportFigure,
        ),
        entry(
            "export-table",
            "Export the table\u{2026}",
            "csv jsonl latex points",
            keys(both, Key::E),
            C::ExportTable,
        ),
        entry(
            "reference",
            "Measure the reference of hypervolumes again",
            "reset frozen worst",
            None,
            C::FreeReference,
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
            "learn",
            "Learn from votes",
            "loop preference dpo value vector annotate train effect",
            None,
            C::Show(Overlay::Learn),
        ),
        entry(
            "learn-cancel",
            "Cancel learning from votes",
            "stop abort loop",
            None,
            C::CancelLearn,
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
            "conversation",
            "Conversation or a single prompt",
            "system turns messages chat multi-turn",
            keys(both, Key::M),
            C::ToggleConversation,
        ),
        entry(
            "turn-add",
            "Add a turn to the conversation",
            "message user assistant",
            keys(both, Key::A),
            C::AddTurn,
        ),
        entry(
            "turn-system",
            "Add a system turn",
            "message instructions",
            None,
            C::AddSystemTurn,
        ),
        entry(
            "turn-remove",
            "Remove this turn of the conversation",
            "delete message",
            keys(both, Key::Backspace),
            C::RemoveTurn,
        ),
        entry(
            "turn-up",
            "Move this turn up",
            "reorder message",
            keys(both, Key::PageUp),
            C::MoveTurn(-1),
        ),
        entry(
            "turn-down",
            "Move this turn down",
            "reorder message",
            keys(both, Key::PageDown),
            C::MoveTurn(1),
        ),
        entry(
            "continue",
            "Continue from the answer",
            "conversation reply follow up next turn",
            keys(both, Key::K),
            C::Continue,
        ),
        entry(
            "given",
            "Show what the model is given",
            "tokens template rendered special preview context",
            keys(command, Key::G),
            C::ToggleGiven,
        ),
        entry(
            "given-ids",
            "Write out the ids of tokens",
            "tokens numbers",
            keys(both, Key::G),
            C::ToggleIds,
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
            "Hear every expert again: no mute, no solo",
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
        entry(
            "fullscreen",
            "Full screen",
            "projector maximise",
            keys(none, Key::F11),
            C::ToggleFullscreen,
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
