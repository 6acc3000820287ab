//! What is searched.

use std::path::{Path, PathBuf};

use paretoscope_core::search::{Axis, Plan, Space, Spread};
use serde::{Deserialize, Serialize};

use crate::bundle::{ExpertEntry, Manifest};
use crate::forge::merge::Method;
use crate::protocol::SweepGrid;
use crate::types::{ExpertKind, Preference, PromptSample, Sampling};
use crate::{Bounds, Error, Problem, Result};

/// A coefficient's range, in shares of the method's own constant: PCB's authors search theirs from 0.5 to 3, and 1.2 is it.
const COEFFICIENT: [f64; 2] = [0.4, 2.5];
/// The range of a factor on a whole expert; HoE's example takes 1.9.
const RESCALE: [f64; 2] = [0.5, 2.5];
/// The range of the share that is kept; PCB's authors take 0.05 to 0.2, those of TIES and DARE 0.1 to 0.2.
const DENSITY: [f64; 2] = [0.05, 0.5];

/// Which expert a merge becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One of the bundle, in whose place it stands.
    Instead(String),
    /// A new one.
    New {
        /// Its name.
        name: String,
        /// Where it stands, one share per objective.
        preference: Vec<f64>,
    },
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Searched {
    /// The factor on a LoRA expert of the bundle.
    Rescale {
        /// Its name.
        expert: String,
    },
    /// How the bundle's experts of single objectives become one.
    Merge {
        /// By which method.
        method: Method,
        /// What it becomes.
        target: Target,
    },
}

/// A setting that can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// What the expert is multiplied by.
    Rescale,
    /// The share that a merge keeps.
    Density,
    /// What each merged expert's share of the preference is multiplied by, one setting for each.
    Coefficients,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rescale, Self::Density, Self::Coefficients];

    /// Its name in options and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rescale => "rescale",
            Self::Density => "density",
            Self::Coefficients => "coefficients",
        }
    }
}

/// The range of a setting as a person gives it; what is not said is the method's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Which setting.
    pub setting: Setting,
    /// The smallest and the largest value.
    pub ends: Option<[f64; 2]>,
    /// Where the search begins.
    pub start: Option<f64>,
}

/// A search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPlan {
    /// The bundle's folder; it is not touched.
    pub bundle: PathBuf,
    /// What is searched for.
    pub what: Searched,
    /// Ranges, budget, seed.
    pub search: Plan,
    /// Rank of the expert; that of the bundle's largest where `None`.
    pub rank: Option<usize>,
    /// Share pruned of a merge before it is compressed; as recipes have it where `None`.
    pub prune: Option<f64>,
    /// Where each try is measured.
    pub grid: SweepGrid,
    /// On which prompts: those of the validation part.
    pub prompts: Vec<PromptSample>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// For the log, the study of all answers, and the bundle with the best.
    pub out: PathBuf,
}

impl Searched {
    /// The experts that a merge is made of: the one-hot LoRA expert of each objective that the place has a share of, with
    /// the share. Of a rescale the expert itself.
    ///
    /// # Errors
    /// [`Error::Option`] where one is missing.
    pub(super) fn sources(
        &self,
        manifest: &Manifest,
        folder: &Path,
    ) -> Result<Vec<(ExpertEntry, f64)>> {
        match self {
            Self::Rescale { expert } => Ok(vec![(lora(manifest, expert)?.clone(), 1.0)]),
            Self::Merge { target, .. } => {
                let place = target.place(manifest)?;
                let names = manifest.objective_names();
                let experts = manifest.experts(folder)?;
                let mut found = Vec::new();
                for (axis, &share) in place.as_slice().iter().enumerate() {
                    if share == 0.0 {
                        continue;
                    }
                    let corner = Preference::one_hot(axis, names.len());
                    let at = experts
                        .iter()
                        .position(|e| e.kind == ExpertKind::Lora && e.preference == corner);
                    let at = at.ok_or_else(|| {
                        let problem = format!(
                            "has no LoRA expert of {} alone, which a merge is made of",
                            names[axis]
                        );
                        Error::option("--bundle", problem)
                    })?;
                    found.push((manifest.experts[at].clone(), share));
                }
                if found.len() < 2 {
                    let problem =
                        "stands on a corner; a merge has shares of two objectives at least";
                    return Err(Error::option("--preference", problem));
                }
                Ok(found)
            }
        }
    }

    /// The settings that are searched unless others are named.
    fn usual(&self) -> &'static [Setting] {
        use Setting as S;
        match self {
            Self::Rescale { .. } => &[S::Rescale],
            Self::Merge { method, .. } => match method {
                Method::Linear | Method::Soup | Method::Fourier => &[S::Coefficients],
                // Its weights are divided by their sum.
                Method::Ties => &[S::Density, S::Rescale],
                Method::DareLinear | Method::DareTies | Method::Pcb => {
                    &[S::Coefficients, S::Density]
                }
            },
        }
    }

    /// What a setting is where it is not searched.
    pub(super) fn default_of(&self, setting: Setting) -> f64 {
        match (self, setting) {
            (_, Setting::Rescale) | (Self::Rescale { .. }, _) => 1.0,
            (Self::Merge { method, .. }, Setting::Density) => method.default_density(),
            (Self::Merge { method, .. }, Setting::Coefficients) => method.default_scale(),
        }
    }

    /// The space of these settings for a bundle, or of the usual ones where none is named.
    ///
    /// # Errors
    /// [`Error::Option`] where a setting is none of this method's, or a range makes no sense.
    pub fn space(&self, bundle: &Path, ranges: &[Range]) -> Result<Space> {
        let manifest = Manifest::load(bundle)?.rooted(bundle)?;
        let sources = self.sources(&manifest, bundle)?;
        if let Self::Merge {
            method: Method::Soup,
            ..
        } = self
        {
            let problem =
                "is soup, the average of factors, which is no sum; take another, e.g. linear";
            return Err(Error::option("--method", problem));
        }
        let usual = |setting: &Setting| Range {
            setting: *setting,
            ends: None,
            start: None,
        };
        let usual: Vec<Range> = self.usual().iter().map(usual).collect();
        let ranges = if ranges.is_empty() {
            &usual[..]
        } else {
            ranges
        };
        let mut axes = Vec::new();
        for range in ranges {
            self.fits(range.setting)?;
            let usual = self.default_of(range.setting);
            let ([low, high], spread) = match range.setting {
                Setting::Rescale => (RESCALE, Spread::Even),
                Setting::Density => (DENSITY, Spread::Ratio),
                Setting::Coefficients => (COEFFICIENT.map(|end| end * usual), Spread::Even),
            };
            let [low, high] = range.ends.unwrap_or([low, high]);
            if range.setting == Setting::Density {
                let within = Bounds::above(0.0).at_most(1.0).check(high);
                within.map_err(|problem| Error::option("density", problem))?;
            }
            let start = range.start.unwrap_or_else(|| usual.max(low).min(high));
            let axis = |name: String| Axis {
                name,
                low,
                high,
                start,
                spread,
            };
            match range.setting {
                Setting::Coefficients => {
                    axes.extend(
                        sources
                            .iter()
                            .map(|(entry, _)| axis(coefficient(&entry.name))),
                    );
                }
                other => axes.push(axis(other.name().to_owned())),
            }
        }
        Ok(Space::new(axes)?)
    }

    fn fits(&self, setting: Setting) -> Result<()> {
        let known: &[Setting] = match self {
            Self::Rescale { .. } => &[Setting::Rescale],
            Self::Merge { method, .. } => match method {
                Method::Linear | Method::Soup | Method::Fourier => {
                    &[Setting::Rescale, Setting::Coefficients]
                }
                _ => &Setting::ALL,
            },
        };
        if known.contains(&setting) {
            return Ok(());
        }
        let known = known.iter().map(|setting| setting.name());
        Err(Error::option(
            "--setting",
            Problem::unknown(setting.name(), known),
        ))
    }
}

impl Target {
    /// Where it stands.
    pub(super) fn place(&self, manifest: &Manifest) -> Result<Preference> {
        let shares = match self {
            Self::Instead(name) => &lora(manifest, name)?.preference,
            Self::New { preference, .. } => preference,
        };
        let place = Preference::with_len(shares.clone(), manifest.objective_count());
        place.map_err(Error::point("--preference"))
    }
}

/// What the coefficient of an expert is called.
pub(super) fn coefficient(expert: &str) -> String {
    format!("coefficient of {expert}")
}

fn lora<'a>(manifest: &'a Manifest, name: &str) -> Result<&'a ExpertEntry> {
    let loras = || {
        manifest
            .experts
            .iter()
            .filter(|e| e.kind == ExpertKind::Lora)
    };
    loras().find(|entry| entry.name == name).ok_or_else(|| {
        let known = loras().map(|entry| entry.name.as_str());
        Error::option("--expert", Problem::unknown(name, known))
    })
}
