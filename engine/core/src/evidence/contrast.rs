//! Two arms on test prompts, in numbers.

use serde::{Deserialize, Serialize};

use super::verdict::Verdict;
use crate::stats::{Covered, Trained};

/// Volumes at one margin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtMargin {
    /// How far below the worst of the anchors volumes are measured from, in ranges.
    pub margin: f64,
    /// The first arm's, as a share of what the best of everything would hold.
    pub a: Trained,
    /// The second's.
    pub b: Trained,
    /// The first less the second, paired by training seed and draw of prompts.
    pub difference: Trained,
    /// The interval at the level that Holm's rule asks of it; the 95 % one of a contrast that explores.
    pub asked: [f64; 2],
    /// What counts as no difference, in the units of the volumes.
    pub delta: f64,
}

/// How one objective fares where it is asked for most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corner {
    /// The objective.
    pub objective: String,
    /// The first arm's score at its point with the largest share of the objective, on the scale of the anchors.
    pub a: Trained,
    /// The second's.
    pub b: Trained,
    /// The first less the second.
    pub difference: Trained,
}

/// Indicators that stand beside the volume: none of them decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// What must be added to the first arm's scores to cover the second, and the other way round.
    pub epsilon: [Trained; 2],
    /// What they must be multiplied by, counted from the first margin's reference; absent where a point is not above it.
    pub epsilon_ratio: Option<[Trained; 2]>,
    /// IGD+ to the union's front on validation, first less second: below 0 speaks for the first.
    pub igd_plus: Trained,
    /// R2, first less second: below 0 speaks for the first.
    pub r2: Trained,
    /// The share of the second's points that the first dominates, and the other way round.
    pub coverage: [Covered; 2],
    /// Corner by corner; those alone that both have.
    pub corners: Vec<Corner>,
}

/// Points of the first arm at which the second answers otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differing {
    /// How many.
    pub points: usize,
    /// Of how many.
    pub of: usize,
}

impl Differing {
    /// Whether it is so many, a quarter at least, that one may speak of the whole front.
    pub fn is_whole(self) -> bool {
        4 * self.points >= self.of
    }
}

/// Two arms, with all that is said of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The table that it stands in.
    pub table: String,
    /// The arm that something may be claimed for.
    pub a: String,
    /// The rival.
    pub b: String,
    /// Whether it was named beforehand as one that decides.
    pub primary: bool,
    /// The setting of each, as validation chose it.
    pub settings: [String; 2],
    /// Points of each that are compared: those on the front among as many of the grid as the smaller grid has.
    pub points: [usize; 2],
    /// Points of each grid.
    pub grids: [usize; 2],
    /// Volumes, margin by margin.
    pub volumes: Vec<AtMargin>,
    /// How likely so large a difference would be if there were none: the larger of the margins'.
    pub p: f64,
    /// That by Holm's rule over the primary contrasts of the table; absent for one that explores.
    pub p_holm: Option<f64>,
    /// Primary contrasts of the table.
    pub family: usize,
    /// Other indicators.
    pub beside: Beside,
    /// Points at which the two answer differently.
    pub differing: Differing,
    /// What the two spent differently and should not have.
    pub unequal: Vec<String>,
    /// What may be said.
    pub verdict: Verdict,
    /// It said, with all that it rests on.
    pub sentence: String,
}
