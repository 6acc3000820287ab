//! What is remembered between sessions: settings of the program, and, while it runs, what a study keeps of its view
//! ([`super::View`]). Programs before studies wrote both; both are read.

use std::path::{Path, PathBuf};

use paretoscope_core::types::Message;
use serde::{Deserialize, Serialize};

use super::{
    Division, HeatmapOptions, Hints, JudgeForm, PlotOptions, Reading, SamplingForm, SweepForm,
    TierOptions,
};

/// Light, dark, or what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// What the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// When a moved point starts a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum GenerateWhen {
    /// On release of the drag.
    #[default]
    Release,
    /// While dragging, after a short rest.
    Live,
    /// Only when asked to.
    Manual,
}

/// What is remembered between sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefs {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// Size of everything; 1 is 100 %.
    pub zoom: f32,
    /// How the window is divided.
    #[serde(skip_serializing)]
    pub division: Division,
    /// How answers are read.
    pub reading: Reading,
    /// Bundles that were loaded, newest first.
    #[serde(with = "super::paths::many")]
    pub recents: Vec<PathBuf>,
    /// The study that was opened last, where a person named one.
    #[serde(with = "super::paths::maybe")]
    pub study: Option<PathBuf>,
    /// When a moved point starts a generation.
    pub generate: GenerateWhen,
    /// Whether experts are drawn on the simplex.
    #[serde(skip_serializing)]
    pub show_experts: bool,
    /// Whether the routing cells are drawn.
    #[serde(skip_serializing)]
    pub show_cells: bool,
    /// Whether the points of the sweep are drawn on the simplex.
    #[serde(skip_serializing)]
    pub show_swept: bool,
    /// Whether the point snaps to experts that are near.
    pub magnet: bool,
    /// No animations.
    pub reduce_motion: bool,
    /// Largest extrapolation weight, C.
    #[serde(skip_serializing)]
    pub c: f64,
    /// How tokens are chosen.
    #[serde(skip_serializing)]
    pub sampling: SamplingForm,
    /// The last prompt.
    #[serde(skip_serializing)]
    pub prompt: String,
    /// Whether the last prompt was a conversation.
    #[serde(skip_serializing)]
    pub conversation: bool,
    /// The last conversation.
    #[serde(skip_serializing)]
    pub turns: Vec<Message>,
    /// Whether it is shown what the model would be given for the prompt.
    #[serde(skip_serializing)]
    pub show_given: bool,
    /// Whether the ids of tokens are written out there.
    #[serde(skip_serializing)]
    pub show_ids: bool,
    /// The sweep's form.
    #[serde(skip_serializing)]
    pub sweep: SweepForm,
    /// How the Pareto panel is looked at.
    #[serde(skip_serializing)]
    pub pareto: PlotOptions,
    /// How the heatmap panel is looked at.
    #[serde(skip_serializing)]
    pub heatmap: HeatmapOptions,
    /// Which modules the three tiers of routing are shown of.
    #[serde(skip_serializing)]
    pub tiers: TierOptions,
    /// What a judge is asked, and where.
    pub judge: JudgeForm,
    /// What was explained already.
    pub hints: Hints,
}

impl Default for Prefs {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            zoom: 1.0,
            division: Division::default(),
            reading: Reading::default(),
            recents: Vec::new(),
            study: None,
            generate: GenerateWhen::default(),
            show_experts: true,
            show_cells: true,
            show_swept: true,
            magnet: false,
            reduce_motion: false,
            c: 1.0,
            sampling: SamplingForm::default(),
            prompt: String::new(),
            conversation: false,
            turns: Vec::new(),
            show_given: false,
            show_ids: false,
            sweep: SweepForm::default(),
            pareto: PlotOptions::default(),
            heatmap: HeatmapOptions::default(),
            tiers: TierOptions::default(),
            judge: JudgeForm::default(),
            hints: Hints::default(),
        }
    }
}

impl Prefs {
    /// Bundles kept in the list.
    const RECENTS: usize = 8;

    /// Puts a bundle in front of the list.
    pub fn remember(&mut self, path: &Path) {
        self.recents.retain(|p| p != path);
        self.recents.insert(0, path.to_path_buf());
        self.recents.truncate(Self::RECENTS);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn what_belongs_to_a_study_is_read_where_an_older_program_wrote_it_and_is_not_written() {
        let old = r#"{"prompt": "typed long ago", "c": 2.0, "show_cells": false, "zoom": 1.5}"#;
        let read: Prefs = serde_json::from_str(old).unwrap();
        assert_eq!(
            (read.prompt.as_str(), read.c, read.show_cells),
            ("typed long ago", 2.0, false)
        );
        let text = serde_json::to_string(&read).unwrap();
        assert!(
            text.contains("1.5") && !text.contains("typed long ago"),
            "{text}"
        );
    }

    #[test]
    fn a_path_that_is_no_text_is_remembered_and_costs_nothing_else() {
        let odd = PathBuf::from(std::ffi::OsString::from_vec(b"/m\xffdel".to_vec()));
        let mut prefs = Prefs {
            zoom: 1.5,
            ..Prefs::default()
        };
        prefs.remember(Path::new("/plain"));
        prefs.remember(&odd);
        let text = serde_json::to_string(&prefs).unwrap();
        let read: Prefs = serde_json::from_str(&text).unwrap();
        assert_eq!(read, prefs);
        let mut state = crate::state::AppState::default();
        state.prefs.prompt = "kept".into();
        state.prefs.sweep.source = crate::state::PromptSource::File(odd);
        let view = crate::state::KeptView::of(&state);
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(
            serde_json::from_str::<crate::state::KeptView>(&text).unwrap(),
            view
        );
    }
}
