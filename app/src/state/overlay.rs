//! What lies over the panels, and which panel is in front when there is room for one only.

use serde::{Deserialize, Serialize};

/// What lies over the panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The bundle sheet.
    Bundle,
    /// The command palette.
    Palette,
    /// The list of shortcuts.
    Shortcuts,
    /// Settings.
    Settings,
    /// How much adapters depend on each other.
    Interference,
    /// Training.
    Training,
    /// Learning from votes.
    Learn,
    /// The study: its file, its sweeps side by side, figures.
    Study,
    /// Tasks of annotation.
    Annotate,
    /// A model that votes on a task.
    Judge,
    /// The stops of a talk.
    Talk,
    /// What is written for use elsewhere.
    Export,
    /// Whether to forget all answers.
    Forgetting,
    /// Whether to close while work is under way.
    Closing,
}

/// The panels, in the order of F6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Panel {
    /// The simplex.
    #[default]
    Point,
    /// Prompt and answers.
    Answers,
    /// The Pareto plot.
    Front,
    /// The heatmap.
    Experts,
    /// Sweep control.
    Sweep,
}

impl Panel {
    /// All of them, in the order of F6.
    pub const ALL: [Self; 5] = [
        Self::Point,
        Self::Answers,
        Self::Front,
        Self::Experts,
        Self::Sweep,
    ];

    /// Shown on its tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Point => "Point",
            Self::Answers => "Answers",
            Self::Front => "Front",
            Self::Experts => "Experts",
            Self::Sweep => "Sweep",
        }
    }
}

/// Overlays and the panel in front.
#[derive(Debug, Default)]
pub struct OverlayState {
    /// What lies over the panels.
    pub open: Overlay,
    /// What is typed into the palette.
    pub query: String,
    /// The marked line of the palette.
    pub row: usize,
    /// The panel in front in a small window, and the one that single keys go to.
    pub panel: Panel,
    /// A panel that asked for the keyboard; taken up by its view in the next frame.
    pub focus: Option<Panel>,
}

impl OverlayState {
    /// Brings a panel to the front, with the keyboard, and what lay over the panels away.
    pub fn show_panel(&mut self, panel: Panel) {
        self.panel = panel;
        self.focus = Some(panel);
        self.open = Overlay::None;
    }
}
