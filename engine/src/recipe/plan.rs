//! From a recipe to the steps that make it: defaults of the paper, and everything that can be wrong with
//! it, field by field, before anything is made.

use std::path::{Path, PathBuf};

use super::file::{Merged, PreferenceEntry, Recipe, RescaleEntry, Router};
use super::settings::{DpoSettings, Moves};
use crate::bundle::{read_prompts, read_training_prompts};
use crate::forge::expert::ExpertSettings;
use crate::forge::merge::{MergeSettings, Method};
use crate::forge::{DeltaSource, check_share};
use crate::model::LlamaConfig;
use crate::routing::Complex;
use crate::train::data::read_pairs;
use crate::types::{Expert, ExpertKind, Preference, Prompt};
use crate::{Error, Problem, Result};

/// What stands for a place that is found later.
const AUTO: &str = "auto";

/// A recipe with nothing left out.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) experts: ExpertSettings,
    /// Merged experts, with where they stand; `None` where that is found later.
    pub(super) merged: Vec<(Merged, Option<Preference>)>,
    /// Routers likewise.
    pub(super) routers: Vec<(String, Option<Preference>)>,
    /// For routers and automatic places.
    pub(super) prompts: Option<TrainingPrompts>,
}

/// Prompts that routers learn on and places are measured on.
#[derive(Debug, Clone)]
pub(super) enum TrainingPrompts {
    /// A file of their own, all of it.
    Own(PathBuf),
    /// The training part of those that the window offers, so that the others can be swept.
    Offered(PathBuf),
}

impl TrainingPrompts {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Offered(path) => path,
        }
    }

    pub(super) fn read(&self) -> Result<Vec<Prompt>> {
        match self {
            Self::Own(path) => {
                let samples = read_prompts(path)?;
                Ok(samples.into_iter().map(|sample| sample.prompt).collect())
            }
            Self::Offered(path) => read_training_prompts(path),
        }
    }
}

/// The recipe and its file, for errors that name a field.
struct Checker<'a> {
    recipe: &'a Recipe,
    file: &'a Path,
}

impl Plan {
    pub(super) fn new(recipe: &Recipe, file: &Path) -> Result<Self> {
        let checker = Checker { recipe, file };
        checker.plan()
    }
}

impl Checker<'_> {
    fn plan(&self) -> Result<Plan> {
        let recipe = self.recipe;
        let objectives = recipe.objectives.len();
        if objectives == 0 {
            return self.wrong(
                "objectives",
                "is empty; a bundle has at least one objective",
            );
        }
        let merged = recipe
            .merged
            .clone()
            .unwrap_or_else(|| standard_merge(objectives));
        let own = recipe.training_prompts.clone().map(TrainingPrompts::Own);
        let offered = || recipe.prompts.clone().map(TrainingPrompts::Offered);
        let prompts = own.or_else(offered);
        let scored = recipe
            .objectives
            .iter()
            .all(|objective| objective.reward.is_some());
        let routers = match &recipe.routers {
            Some(routers) => routers.clone(),
            None if scored && prompts.is_some() => standard_routers(objectives),
            None => Vec::new(),
        };
        self.check_files()?;
        let experts = self.settings()?;
        self.check_training()?;
        let merged = self.places(&merged, "merged", |merged| &merged.preference)?;
        let routers = self.places(&routers, "routers", |router| &router.preference)?;
        self.check_merges(&merged)?;
        self.check_names(&merged, &routers)?;
        self.check_places(&merged, &routers)?;
        let auto = merged.iter().any(|(_, place)| place.is_none());
        if auto || !routers.is_empty() {
            let field = if auto { "merged" } else { "routers" };
            if let Some(index) = recipe.objectives.iter().position(|o| o.reward.is_none()) {
                let problem = format!(
                    "is missing; {field} that are trained or placed by rewards need one per objective"
                );
                return self.wrong(&format!("objectives[{index}].reward"), problem);
            }
            if prompts.is_none() {
                let problem =
                    format!("is missing; {field} that are trained or placed need prompts");
                return self.wrong("training_prompts", problem);
            }
            if let Some(prompts) = &prompts {
                self.of("training_prompts", prompts.read().map(drop))?;
            }
        }
        Ok(Plan {
            experts,
            merged,
            routers: routers
                .into_iter()
                .map(|(router, place)| (router.name, place))
                .collect(),
            prompts,
        })
    }

    fn wrong<T>(&self, field: &str, problem: impl Into<Problem>) -> Result<T> {
        Err(Error::field(self.file, field, problem))
    }

    /// Says of which field an error is.
    fn of<T>(&self, field: &str, result: Result<T>) -> Result<T> {
        result.or_else(|error| self.wrong(field, error.to_string()))
    }

    fn settings(&self) -> Result<ExpertSettings> {
        let recipe = self.recipe;
        if recipe.rank == 0 {
            return self.wrong("rank", "is 0; a rank is at least 1");
        }
        let linears = LlamaConfig::load(&recipe.base)?.linears();
        let smaller = linears.iter().map(|(_, [out, inner])| (*out).min(*inner));
        let largest = smaller.max().unwrap_or(0);
        if recipe.rank > largest {
            let problem = format!(
                "is {}; a rank is at most the smaller side of the largest module, here {largest}",
                recipe.rank
            );
            return self.wrong("rank", problem);
        }
        self.of("prune", check_share("prune", recipe.prune.unwrap_or(0.0)))?;
        let rescale = match recipe.rescale.rescale() {
            Ok(rescale) => rescale,
            Err(problem) => return self.wrong("rescale", problem),
        };
        Ok(ExpertSettings {
            base: recipe.base.clone(),
            rank: recipe.rank,
            prune: recipe.prune,
            rescale,
            precision: recipe.precision,
            seed: recipe.seed,
        })
    }

    fn check_files(&self) -> Result<()> {
        let recipe = self.recipe;
        self.exists("base", &recipe.base)?;
        for (field, prompts) in [
            ("prompts", &recipe.prompts),
            ("training_prompts", &recipe.training_prompts),
        ] {
            if let Some(path) = prompts {
                self.of(field, read_prompts(path).map(drop))?;
            }
        }
        for (index, objective) in recipe.objectives.iter().enumerate() {
            let at = format!("objectives[{index}]");
            let files = (objective.source.as_deref(), objective.data.as_deref());
            self.check_source(&at, files, &recipe.training.experts)?;
            self.check_rescale(&at, objective.rescale.as_ref())?;
            if let Some(reward) = &objective.reward {
                let field = format!("{at}.reward");
                self.exists(&format!("{field}.path"), &reward.path)?;
                reward.reading.check(self.file, &field)?;
            }
        }
        for (index, value) in recipe.values.iter().enumerate() {
            let at = format!("values[{index}]");
            let files = (value.source.as_deref(), value.data.as_deref());
            self.check_source(&at, files, &recipe.training.values)?;
        }
        Ok(())
    }

    fn check_rescale(&self, at: &str, own: Option<&RescaleEntry>) -> Result<()> {
        match own.map(RescaleEntry::rescale) {
            Some(Err(problem)) => self.wrong(&format!("{at}.rescale"), problem),
            _ => Ok(()),
        }
    }

    fn exists(&self, field: &str, path: &Path) -> Result<()> {
        if path.exists() {
            return Ok(());
        }
        self.wrong(
            field,
            format!("is {}, and there is no such thing", path.display()),
        )
    }

    /// Exactly one of a source, which opens, and preferences, which read.
    fn check_source(
        &self,
        at: &str,
        files: (Option<&Path>, Option<&Path>),
        settings: &DpoSettings,
    ) -> Result<()> {
        match files {
            (Some(source), None) => {
                self.exists(&format!("{at}.source"), source)?;
                DeltaSource::open(source, Some(&self.recipe.base)).map(drop)
            }
            (None, Some(data)) => {
                let pairs = read_pairs(data).and_then(|lines| lines.settle(settings.skip_bad));
                self.of(&format!("{at}.data"), pairs.map(drop))
            }
            (Some(_), Some(_)) => {
                self.wrong(at, "has both `source` and `data`; it is one or the other")
            }
            (None, None) => self.wrong(
                at,
                "has neither `source` (a fine-tune or adapter) nor `data` (preferences to train from)",
            ),
        }
    }

    fn check_training(&self) -> Result<()> {
        let (training, rank) = (&self.recipe.training, self.recipe.rank);
        self.of("training.experts", training.experts.check(rank))?;
        self.of("training.values", training.values.check(rank))?;
        self.of("training.routers", training.routers.check())?;
        let trained = self.recipe.values.iter().any(|value| value.data.is_some());
        if trained && training.values.method == Some(Moves::Full) {
            let problem = "is `full`; value vectors are trained as adapters, `lora`";
            return self.wrong("training.values.method", problem);
        }
        let auto = &self.recipe.auto;
        self.of(
            "auto.step",
            auto.places(self.recipe.objectives.len()).map(drop),
        )?;
        for (field, value) in [("prompts", auto.prompts), ("max_tokens", auto.max_tokens)] {
            if value == 0 {
                return self.wrong(&format!("auto.{field}"), "is 0; it must be at least 1");
            }
        }
        Ok(())
    }

    fn places<T: Clone>(
        &self,
        entries: &[T],
        field: &str,
        place: impl Fn(&T) -> &PreferenceEntry,
    ) -> Result<Vec<(T, Option<Preference>)>> {
        let objectives = self.recipe.objectives.len();
        let mut placed = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let field = format!("{field}[{index}].preference");
            let at = match place(entry) {
                PreferenceEntry::At(numbers) => {
                    let read = Preference::with_len(numbers.clone(), objectives);
                    Some(read.or_else(|error| self.wrong(&field, error.to_string()))?)
                }
                PreferenceEntry::Word(word) if word == AUTO => None,
                PreferenceEntry::Word(word) => {
                    let problem =
                        format!("is \"{word}\"; it is one number per objective, or \"{AUTO}\"");
                    return self.wrong(&field, problem);
                }
            };
            placed.push((entry.clone(), at));
        }
        Ok(placed)
    }

    fn check_merges(&self, merged: &[(Merged, Option<Preference>)]) -> Result<()> {
        let objectives = self.recipe.objectives.len();
        for (index, (merged, place)) in merged.iter().enumerate() {
            let place = place
                .clone()
                .unwrap_or_else(|| Preference::uniform(objectives));
            let settings = merge_settings(merged, &place, self.recipe.seed);
            self.check_rescale(&format!("merged[{index}]"), merged.rescale.as_ref())?;
            self.of(&format!("merged[{index}]"), settings.check(objectives))?;
            if merged.method == Method::Soup {
                let problem =
                    "is soup, the average of factors, which is no sum; take another, e.g. linear";
                return self.wrong(&format!("merged[{index}].method"), problem);
            }
        }
        Ok(())
    }

    /// Names become folders, and routers tell experts apart by them.
    fn check_names(
        &self,
        merged: &[(Merged, Option<Preference>)],
        routers: &[(Router, Option<Preference>)],
    ) -> Result<()> {
        let named = |kind: &str, index: usize| format!("{kind}[{index}].name");
        let mut experts: Vec<(String, &str)> = Vec::new();
        for (index, objective) in self.recipe.objectives.iter().enumerate() {
            experts.push((named("objectives", index), &objective.name));
        }
        for (index, (merged, _)) in merged.iter().enumerate() {
            experts.push((named("merged", index), &merged.name));
        }
        for (index, (router, _)) in routers.iter().enumerate() {
            experts.push((named("routers", index), &router.name));
        }
        let values = self.recipe.values.iter().enumerate();
        let values: Vec<(String, &str)> = values
            .map(|(index, value)| (named("values", index), value.name.as_str()))
            .collect();
        for names in [experts, values] {
            for (index, (field, name)) in names.iter().enumerate() {
                if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
                    let problem = format!(
                        "is `{name}`; it names a folder, so it has no slash and no dot in front"
                    );
                    return self.wrong(field, problem);
                }
                if let Some((other, _)) = names[..index].iter().find(|(_, other)| other == name) {
                    let problem = format!("is `{name}`, and so is {other}; names differ");
                    return self.wrong(field, problem);
                }
            }
        }
        Ok(())
    }

    fn check_places(
        &self,
        merged: &[(Merged, Option<Preference>)],
        routers: &[(Router, Option<Preference>)],
    ) -> Result<()> {
        let objectives = self.recipe.objectives.len();
        let mut experts = corners(self.recipe);
        let merged = merged
            .iter()
            .map(|(m, place)| (ExpertKind::Lora, &m.name, place));
        let routers = routers
            .iter()
            .map(|(r, place)| (ExpertKind::Router, &r.name, place));
        for (kind, name, place) in merged.chain(routers) {
            if let Some(preference) = place {
                experts.push(Expert {
                    kind,
                    name: name.clone(),
                    preference: preference.clone(),
                });
            }
        }
        let cut = Complex::new(&experts, objectives);
        self.of("preference", cut.map(drop).map_err(Error::from))
    }
}

/// The experts of the objectives.
pub(super) fn corners(recipe: &Recipe) -> Vec<Expert> {
    let count = recipe.objectives.len();
    let corner = |(index, name): (usize, &String)| Expert {
        kind: ExpertKind::Lora,
        name: name.clone(),
        preference: Preference::one_hot(index, count),
    };
    let names = recipe.objectives.iter().map(|objective| &objective.name);
    names.enumerate().map(corner).collect()
}

/// The merge of an expert at a place.
pub(super) fn merge_settings(merged: &Merged, place: &Preference, seed: u64) -> MergeSettings {
    MergeSettings {
        density: merged.density.unwrap_or(merged.method.default_density()),
        scale: merged.scale.unwrap_or(merged.method.default_scale()),
        seed,
        pcb: merged.pcb,
        filter: merged.filter,
        ..MergeSettings::new(merged.method, place.as_slice().to_vec())
    }
}

/// One merged expert: of five objectives of the first three, else in the centre (HoE, appendix D.2).
fn standard_merge(objectives: usize) -> Vec<Merged> {
    let place = match objectives {
        0 | 1 => return Vec::new(),
        5 => vec![1.0, 1.0, 1.0, 0.0, 0.0],
        count => vec![1.0; count],
    };
    vec![Merged::new("merged", PreferenceEntry::At(place))]
}

/// One router (HoE, appendix D.2): of three objectives at [1/4, 1/4, 1/2], of five in the centre, else
/// where it is needed most.
fn standard_routers(objectives: usize) -> Vec<Router> {
    let preference = match objectives {
        0 | 1 => return Vec::new(),
        3 => PreferenceEntry::At(vec![0.25, 0.25, 0.5]),
        5 => PreferenceEntry::At(vec![0.2; 5]),
        _ => PreferenceEntry::Word(AUTO.to_owned()),
    };
    let name = "router".to_owned();
    vec![Router { name, preference }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_decides_where_nothing_is_said() {
        let centre = |objectives: usize| -> Vec<PreferenceEntry> {
            let merged = standard_merge(objectives);
            merged.into_iter().map(|merged| merged.preference).collect()
        };
        let router = |objectives: usize| -> Vec<PreferenceEntry> {
            let routers = standard_routers(objectives);
            routers
                .into_iter()
                .map(|router| router.preference)
                .collect()
        };
        let auto = || vec![PreferenceEntry::Word("auto".to_owned())];
        assert!(centre(1).is_empty() && router(1).is_empty());
        assert_eq!(centre(2), [PreferenceEntry::At(vec![1.0, 1.0])]);
        assert_eq!(router(2), auto());
        assert_eq!(centre(3), [PreferenceEntry::At(vec![1.0; 3])]);
        assert_eq!(router(3), [PreferenceEntry::At(vec![0.25, 0.25, 0.5])]);
        assert_eq!(router(4), auto());
        assert_eq!(
            centre(5),
            [PreferenceEntry::At(vec![1.0, 1.0, 1.0, 0.0, 0.0])]
        );
        assert_eq!(router(5), [PreferenceEntry::At(vec![0.2; 5])]);
    }
}
