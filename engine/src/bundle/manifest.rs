//! `bundle.json`, checked field by field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use paretoscope_core::method::MethodKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files::{SETTINGS, read_text};
use crate::hub::missing_id;
use crate::output::write_json;
use crate::reward::Reading;
use crate::types::{Expert, ExpertKind, Preference};
use crate::weights::{fields_of, parse_json};
use crate::{Error, Problem, Result};

/// The format that this program reads.
pub(super) const FORMAT: u64 = 1;

/// `bundle.json`. Paths are relative to its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1.
    pub format: u64,
    /// Shown to people.
    pub name: String,
    /// Said in the window of a bundle that is a demonstration: what it is and what it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demonstration: Option<String>,
    /// The base model's folder, its GGUF file, or its hub id.
    pub base: PathBuf,
    /// The axes of the simplex.
    #[serde(default)]
    pub objectives: Vec<ObjectiveEntry>,
    /// What stands on it.
    #[serde(default)]
    pub experts: Vec<ExpertEntry>,
    /// Value vectors for extrapolation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueEntry>,
    /// Parts that were trained for methods, by the methods' names.
    #[serde(default, skip_serializing_if = "MethodParts::is_empty")]
    pub methods: MethodParts,
    /// Prompts that ship with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PathBuf>,
    /// Control arms for an evidence run: the same base with other experts or value vectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<ArmEntry>,
}

/// A control arm in `bundle.json`: `{"name": "plain", "path": "plain", "for": "mva"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmEntry {
    /// As tables call it, e.g. `plain`.
    pub name: String,
    /// The bundle's folder.
    pub path: PathBuf,
    /// What it is the control of, and so where and how it is measured.
    #[serde(rename = "for")]
    pub of: ArmOf,
}

/// Which of the papers' systems a control arm stands beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArmOf {
    /// HoE: measured at preferences.
    Hoe,
    /// MVA: measured at free weights, with a largest weight of its own.
    Mva,
}

/// An objective.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveEntry {
    /// Shown to people.
    pub name: String,
    /// Its reward model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<RewardEntry>,
}

/// A reward model and its reading.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardEntry {
    /// Its folder.
    pub path: PathBuf,
    /// How its logits become a score.
    #[serde(flatten)]
    pub reading: Reading,
}

/// An expert.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpertEntry {
    /// LoRA or router.
    pub kind: ExpertKind,
    /// Shown to people, and how routers name their outputs.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Where it stands, as written; checked by [`Manifest::experts`].
    pub preference: Vec<f64>,
}

/// A value vector.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueEntry {
    /// Shown to people.
    pub name: String,
    /// Its folder, in PEFT's layout.
    pub path: PathBuf,
}

/// A part of a method in `bundle.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartEntry {
    /// Shown to people; an objective's name where the part is that objective's.
    pub name: String,
    /// A PEFT folder, or a file of the method's own.
    pub path: PathBuf,
    /// Where it answers, for methods that train a model per preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<Vec<f64>>,
}

/// The parts of each method by its name, as `bundle.json` lists them: `"methods": {"genarm": [{"name", "path"}]}`.
pub type MethodParts = BTreeMap<String, Vec<PartEntry>>;

impl RewardEntry {
    /// The names that it may hold; serde does not tell them, as the reading's are flattened into it.
    pub fn fields() -> Vec<&'static str> {
        let mut names = vec!["path"];
        names.extend(fields_of::<Reading>());
        names
    }
}

impl Manifest {
    /// Reads and checks `bundle.json` of a bundle's folder.
    pub fn load(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            return Err(Error::file(
                folder,
                "there is no such folder; a bundle is a folder that holds bundle.json",
            ));
        }
        let path = folder.join("bundle.json");
        let text = read_text(&path, SETTINGS)?;
        let value: Value = parse_json(&path, &text, &[])?;
        // The format first: a later one may differ in any field.
        match value.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(later) if later > FORMAT => {
                return Err(Error::field(
                    &path,
                    "format",
                    format!(
                        "is {later}, made by a later version; this program reads format {FORMAT}"
                    ),
                ));
            }
            _ => {
                return Err(Error::field(
                    &path,
                    "format",
                    format!("must be the number {FORMAT}"),
                ));
            }
        }
        let manifest: Self = parse_json(&path, &text, &RewardEntry::fields())?;
        for (index, objective) in manifest.objectives.iter().enumerate() {
            if let Some(reward) = &objective.reward {
                reward
                    .reading
                    .check(&path, &format!("objectives[{index}].reward"))?;
            }
        }
        manifest.check_names(&path)?;
        manifest.check_methods(&path)?;
        manifest.check_arms(&path)?;
        Ok(manifest)
    }

    fn check_names(&self, path: &Path) -> Result<()> {
        for (index, objective) in self.objectives.iter().enumerate() {
            let name = &objective.name;
            if self.objectives[..index]
                .iter()
                .any(|before| before.name == *name)
            {
                let field = format!("objectives[{index}].name");
                let problem =
                    format!("`{name}` names two objectives; each needs a name of its own");
                return Err(Error::field(path, field, problem));
            }
        }
        let loras = self
            .experts
            .iter()
            .enumerate()
            .filter(|(_, e)| e.kind == ExpertKind::Lora);
        let mut seen: Vec<&str> = Vec::new();
        for (index, expert) in loras {
            if seen.contains(&expert.name.as_str()) {
                let problem = format!(
                    "`{}` names two LoRA experts; routers tell them apart by name",
                    expert.name
                );
                return Err(Error::field(
                    path,
                    format!("experts[{index}].name"),
                    problem,
                ));
            }
            seen.push(&expert.name);
        }
        Ok(())
    }

    fn check_arms(&self, path: &Path) -> Result<()> {
        for (index, arm) in self.arms.iter().enumerate() {
            let taken = MethodKind::ALL
                .into_iter()
                .any(|kind| kind.name() == arm.name)
                || self.arms[..index]
                    .iter()
                    .any(|before| before.name == arm.name);
            if taken {
                let problem = format!(
                    "`{}` is the name of a method or of an arm before it; tables tell arms apart by name",
                    arm.name
                );
                return Err(Error::field(path, format!("arms[{index}].name"), problem));
            }
        }
        Ok(())
    }

    fn check_methods(&self, path: &Path) -> Result<()> {
        let trained = MethodKind::ALL
            .into_iter()
            .filter(|kind| kind.needs_parts());
        for (name, parts) in &self.methods {
            if !trained.clone().any(|kind| kind.name() == name) {
                let problem = Problem::unknown(name, trained.clone().map(MethodKind::name));
                return Err(Error::field(path, "methods", problem));
            }
            for (index, part) in parts.iter().enumerate() {
                if let Some(preference) = &part.preference {
                    Preference::with_len(preference.clone(), self.objective_count()).map_err(
                        |e| {
                            let field = format!("methods.{name}[{index}].preference");
                            Error::field(path, field, e.to_string())
                        },
                    )?;
                }
            }
        }
        Ok(())
    }

    /// This manifest with absolute paths, to be written elsewhere; `folder` is where it lies.
    pub fn rooted(mut self, folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(Error::io("find", folder))?;
        // A hub id stays one: there is nothing in the folder that it could be.
        let root = |path: &mut PathBuf| {
            if missing_id(&folder, path).is_none() {
                *path = folder.join(&*path);
            }
        };
        root(&mut self.base);
        self.objectives
            .iter_mut()
            .filter_map(|objective| objective.reward.as_mut())
            .for_each(|reward| root(&mut reward.path));
        self.experts.iter_mut().for_each(|e| root(&mut e.path));
        self.values.iter_mut().for_each(|v| root(&mut v.path));
        let parts = self.methods.values_mut().flatten();
        parts.for_each(|part| root(&mut part.path));
        self.prompts.iter_mut().for_each(root);
        self.arms.iter_mut().for_each(|arm| root(&mut arm.path));
        Ok(self)
    }

    /// Writes `bundle.json` into a folder, which is made if need be.
    pub fn save(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        write_json(&folder.join("bundle.json"), self)
    }

    /// Whether it is of a base model alone: there is nothing to steer it by.
    pub fn is_bare(&self) -> bool {
        self.experts.is_empty() && self.values.is_empty()
    }

    /// Axes of the simplex: the objectives, or as many as the first expert's preference has.
    pub fn objective_count(&self) -> usize {
        match self.objectives.len() {
            0 => self
                .experts
                .first()
                .map_or(0, |expert| expert.preference.len()),
            count => count,
        }
    }

    /// Names of the axes.
    pub fn objective_names(&self) -> Vec<String> {
        if self.objectives.is_empty() {
            return (1..=self.objective_count())
                .map(|i| format!("objective {i}"))
                .collect();
        }
        self.objectives
            .iter()
            .map(|objective| objective.name.clone())
            .collect()
    }

    /// The experts as routing sees them, as listed.
    pub fn experts(&self, folder: &Path) -> Result<Vec<Expert>> {
        let (path, objectives) = (folder.join("bundle.json"), self.objective_count());
        self.experts
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                let preference = Preference::with_len(entry.preference.clone(), objectives)
                    .map_err(|e| {
                        Error::field(&path, format!("experts[{index}].preference"), e.to_string())
                    })?;
                Ok(Expert {
                    kind: entry.kind,
                    name: entry.name.clone(),
                    preference,
                })
            })
            .collect()
    }
}
