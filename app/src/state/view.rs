//! Where a person is: what is looked at, and how. A study keeps it, and steps of undo are made of it.

use std::collections::BTreeSet;

use paretoscope_core::types::{Message, Mutes, Split};
use serde::{Deserialize, Serialize};

use super::{
    AppState, Division, HeatmapOptions, Mode, PlotOptions, SamplingForm, SweepForm, TierOptions,
};

/// What is looked at, whatever the bundle in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// The prompt, where it is a single text.
    pub prompt: String,
    /// Whether it is the conversation instead.
    pub conversation: bool,
    /// The conversation.
    pub turns: Vec<Message>,
    /// How tokens are chosen.
    pub sampling: SamplingForm,
    /// Largest extrapolation weight, C.
    pub c: f64,
    /// Whether experts are drawn on the simplex.
    pub show_experts: bool,
    /// Whether the routing cells are drawn.
    pub show_cells: bool,
    /// Whether the points of the sweep are drawn on the simplex.
    pub show_swept: bool,
    /// Whether it is shown what the model would be given for the prompt.
    pub show_given: bool,
    /// Whether the ids of tokens are written out there.
    pub show_ids: bool,
    /// The sweep's form.
    pub sweep: SweepForm,
    /// How the Pareto panel is looked at.
    pub pareto: PlotOptions,
    /// How the heatmap panel is looked at.
    pub heatmap: HeatmapOptions,
    /// Which modules the three tiers of routing are shown of.
    pub tiers: TierOptions,
    /// How the window is divided.
    pub division: Division,
    /// Sweeps of the study that are not drawn; `None` until the first ones are known.
    pub hidden: Option<BTreeSet<i64>>,
    /// The prompts that count for its fronts; all of them where `None`.
    pub split: Option<Split>,
    /// Where a person froze the reference of their hypervolumes, and the objectives that its numbers belong to.
    pub reference: Option<(Vec<String>, Vec<f64>)>,
    /// Their objectives to the right and up.
    pub pair: Option<(usize, usize)>,
    /// The part of them that is seen in the study's sheet.
    pub sheet_zoom: Option<[[f64; 2]; 2]>,
    /// Whether the history shows starred answers alone.
    pub starred: bool,
    /// The tag that it shows answers of alone.
    pub tag: Option<String>,
}

impl Default for View {
    fn default() -> Self {
        Self::of(&AppState::default())
    }
}

impl View {
    /// What is looked at now.
    pub fn of(state: &AppState) -> Self {
        let (prefs, study) = (&state.prefs, &state.study);
        Self {
            prompt: prefs.prompt.clone(),
            conversation: prefs.conversation,
            turns: prefs.turns.clone(),
            sampling: prefs.sampling.clone(),
            c: prefs.c,
            show_experts: prefs.show_experts,
            show_cells: prefs.show_cells,
            show_swept: prefs.show_swept,
            show_given: prefs.show_given,
            show_ids: prefs.show_ids,
            sweep: prefs.sweep.clone(),
            pareto: prefs.pareto.clone(),
            heatmap: prefs.heatmap.clone(),
            tiers: prefs.tiers.clone(),
            division: prefs.division,
            hidden: study.hidden.clone(),
            split: study.split,
            reference: study.reference.clone(),
            pair: study.pair,
            sheet_zoom: study.zoom,
            starred: study.starred,
            tag: study.sought.tag.clone(),
        }
    }
}

/// Where the point stands, and who is heard: of one bundle.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Simplex or box.
    pub mode: Mode,
    /// One share per objective.
    pub preference: Vec<f64>,
    /// One weight per value vector, where they were ever placed.
    pub weights: Option<Vec<f64>>,
    /// The objectives that vary.
    pub axes: Vec<usize>,
    /// Which experts are silenced.
    pub mutes: Mutes,
}

impl Place {
    /// Where it stands now.
    pub fn of(state: &AppState) -> Self {
        let simplex = &state.simplex;
        Self {
            mode: simplex.mode,
            preference: simplex.preference.clone(),
            weights: simplex.weights_placed.then(|| simplex.weights.clone()),
            axes: simplex.axes.clone(),
            mutes: state.mutes.clone(),
        }
    }
}
