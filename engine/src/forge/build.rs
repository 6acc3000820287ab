//! Algorithm 1 of HoE without its routers: from a base and one fine-tune or adapter per objective to a
//! bundle with an expert for each, and merged experts at the places that the recipe names.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::compress::{CompressSettings, Rescale, compress};
use super::merge::{
    Filter, MergeSettings, Merger, Method, PcbVariant, concatenate, with_statistics, write_exactly,
};
use super::partial::Partial;
use super::provenance::fingerprint;
use super::{DeltaSource, PROVENANCE, Precision, Progress, Projections, Provenance, RangeFinder};
use crate::bundle::{ExpertEntry, Manifest, ObjectiveEntry, RewardEntry};
use crate::output::{check_new_folder, write_bytes};
use crate::routing::Complex;
use crate::types::{Expert, ExpertKind, Preference};
use crate::{Error, Result};

/// The share that is pruned from dense differences unless a recipe says otherwise (HoE, appendix D.1).
pub const PRUNE: f64 = 0.4;

/// How a bundle is made; the file's paths are relative to its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleRecipe {
    /// Shown to people.
    pub name: String,
    /// The base model's folder.
    pub base: PathBuf,
    /// Rank of the experts.
    #[serde(default = "default_rank")]
    pub rank: usize,
    /// Share pruned. By default 0.4 of dense differences, and nothing of adapters that are taken as they
    /// are.
    pub prune: Option<f64>,
    /// A number or `"norm"`; 1 by default.
    #[serde(default)]
    pub rescale: RescaleEntry,
    /// The type of numbers on disk.
    #[serde(default)]
    pub precision: Precision,
    /// Of everything random.
    #[serde(default)]
    pub seed: u64,
    /// The axes of the simplex.
    pub objectives: Vec<RecipeObjective>,
    /// Experts that are merged from those of the objectives.
    #[serde(default)]
    pub merged: Vec<RecipeMerged>,
    /// Prompts that the window offers.
    pub prompts: Option<PathBuf>,
}

const fn default_rank() -> usize {
    64
}

/// A number or `"norm"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RescaleEntry {
    /// One number for all modules.
    Factor(f64),
    /// A word; `norm` is the only one.
    Word(String),
}

impl Default for RescaleEntry {
    fn default() -> Self {
        Self::Factor(1.0)
    }
}

impl RescaleEntry {
    /// As the compression takes it.
    pub fn rescale(&self) -> Result<Rescale> {
        match self {
            Self::Factor(factor) => Ok(Rescale::Factor(*factor)),
            Self::Word(word) if word == "norm" => Ok(Rescale::Norm),
            Self::Word(word) => Err(Error::option(
                "rescale",
                format!("is `{word}`; it is a number above 0, or `norm`"),
            )),
        }
    }
}

/// An objective with what was trained for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeObjective {
    /// Shown to people; also the expert's name.
    pub name: String,
    /// A fine-tuned model's folder, or an adapter's.
    pub source: PathBuf,
    /// Its reward model, as in `bundle.json`.
    pub reward: Option<RewardEntry>,
}

/// A merged expert.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeMerged {
    /// Shown to people.
    pub name: String,
    /// Where it stands, and the weights of the merge: one number per objective.
    pub preference: Vec<f64>,
    /// How; PCB by default.
    #[serde(default = "default_method")]
    pub method: Method,
    /// The share kept; by default the method's own.
    pub density: Option<f64>,
    /// What the merge is multiplied by; by default the method's own.
    pub scale: Option<f64>,
    /// For PCB.
    #[serde(default)]
    pub pcb: PcbVariant,
    /// For Fourier.
    #[serde(default)]
    pub filter: Filter,
}

const fn default_method() -> Method {
    Method::Pcb
}

/// Hears of which expert is being made and how far it is; its error stops the build.
pub type TellExpert<'a> = &'a mut dyn FnMut(&str, Progress) -> Result<()>;

impl BundleRecipe {
    /// Reads a TOML file; its paths become relative to where the program runs.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let mut recipe: Self = toml::from_str(&text)
            .map_err(|e| Error::file(path, format!("not a recipe: {}", e.message())))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        recipe.base = folder.join(&recipe.base);
        recipe.prompts = recipe.prompts.map(|prompts| folder.join(prompts));
        for objective in &mut recipe.objectives {
            objective.source = folder.join(&objective.source);
            if let Some(reward) = &mut objective.reward {
                reward.path = folder.join(&reward.path);
            }
        }
        Ok(recipe)
    }

    fn objective_count(&self) -> usize {
        self.objectives.len()
    }

    /// All experts as routing sees them; refuses names and places that cannot be.
    fn experts(&self) -> Result<Vec<Expert>> {
        let mut experts: Vec<Expert> = Vec::new();
        for (index, objective) in self.objectives.iter().enumerate() {
            experts.push(Expert {
                kind: ExpertKind::Lora,
                name: objective.name.clone(),
                preference: Preference::one_hot(index, self.objective_count()),
            });
        }
        for (index, merged) in self.merged.iter().enumerate() {
            let preference =
                Preference::with_len(merged.preference.clone(), self.objective_count())
                    .map_err(Error::point(format!("merged[{index}].preference")))?;
            experts.push(Expert {
                kind: ExpertKind::Lora,
                name: merged.name.clone(),
                preference,
            });
        }
        for (index, expert) in experts.iter().enumerate() {
            let name = &expert.name;
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
                let problem = format!(
                    "is `{name}`; it names a folder, so it has no slash and no dot in front"
                );
                return Err(Error::option("name", problem));
            }
            if experts[..index].iter().any(|other| other.name == *name) {
                let problem = format!("`{name}` names two experts");
                return Err(Error::option("name", problem));
            }
        }
        Complex::new(&experts, self.objective_count())?;
        Ok(experts)
    }

    fn compression(&self, prune: f64, merged: usize) -> Result<CompressSettings> {
        Ok(CompressSettings {
            rank: self.rank,
            prune,
            rescale: self.rescale.rescale()?,
            finder: RangeFinder {
                seed: self.seed.wrapping_add(merged as u64),
                ..RangeFinder::default()
            },
            precision: self.precision,
            base: Some(self.base.clone()),
        })
    }
}

/// Makes the bundle in `out`, a new folder. Base, reward models and prompts stay where they are and are
/// named by their full paths. A build that is broken off goes on where it was.
pub fn build(recipe: &BundleRecipe, out: &Path, tell: TellExpert<'_>) -> Result<Manifest> {
    check_new_folder(out)?;
    let experts = recipe.experts()?;
    let sources: Vec<DeltaSource> = recipe
        .objectives
        .iter()
        .map(|objective| DeltaSource::open(&objective.source, Some(&recipe.base)))
        .collect::<Result<_>>()?;
    let files: Vec<PathBuf> = sources.iter().flat_map(DeltaSource::files).collect();
    let manifest = manifest(recipe, &experts)?;
    let asked = super::provenance::value(recipe)?;

    let mut work = out.as_os_str().to_owned();
    work.push(".build");
    let work = PathBuf::from(work);
    resume(
        &work,
        &json!({ "recipe": asked, "files": fingerprint(&files)? }),
    )?;
    let made = make(recipe, &sources, &experts, &work, tell).and_then(|()| {
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|e| Error::file(&work.join("bundle.json"), e.to_string()))?;
        write_bytes(&work.join("bundle.json"), (text + "\n").as_bytes())?;
        let names: Vec<&str> = experts.iter().map(|expert| expert.name.as_str()).collect();
        let provenance =
            Provenance::new("bundle build", &files, &asked, &json!({ "experts": names }))?;
        provenance.write(&work.join(PROVENANCE))?;
        remove(&work.join("key.json"))?;
        if out.exists() {
            std::fs::remove_dir(out).map_err(Error::io("replace", out))?;
        }
        std::fs::rename(&work, out).map_err(Error::io("write", out))
    });
    if made.as_ref().is_err_and(Error::is_input) && work.exists() {
        std::fs::remove_dir_all(&work).map_err(Error::io("remove", &work))?;
    }
    made.map(|()| manifest)
}

/// An empty working folder, or the one that the same build left.
fn resume(work: &Path, key: &Value) -> Result<()> {
    let path = work.join("key.json");
    let key = format!("{key:#}\n");
    if std::fs::read_to_string(&path).is_ok_and(|found| found == key) {
        return Ok(());
    }
    if work.exists() {
        std::fs::remove_dir_all(work).map_err(Error::io("clear", work))?;
    }
    std::fs::create_dir(work).map_err(Error::io("create", work))?;
    std::fs::create_dir(work.join("experts")).map_err(Error::io("create", work))?;
    write_bytes(&path, key.as_bytes())
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(Error::io("remove", path))
}

fn make(
    recipe: &BundleRecipe,
    sources: &[DeltaSource],
    experts: &[Expert],
    work: &Path,
    tell: TellExpert<'_>,
) -> Result<()> {
    let folder = |name: &str| work.join("experts").join(name);
    let todo = |name: &str| !folder(name).exists();
    for (objective, source) in recipe.objectives.iter().zip(sources) {
        if todo(&objective.name) {
            let tell = &mut |progress: Progress| tell(&objective.name, progress);
            single(recipe, source, &folder(&objective.name), tell)?;
        }
    }
    let places = experts.iter().skip(recipe.objective_count());
    for (index, (merged, expert)) in recipe.merged.iter().zip(places).enumerate() {
        if todo(&merged.name) {
            let tell = &mut |progress: Progress| tell(&merged.name, progress);
            let weights = expert.preference.as_slice().to_vec();
            combined(
                recipe,
                sources,
                (index, merged),
                weights,
                &folder(&merged.name),
                tell,
            )?;
        }
    }
    for expert in experts {
        Partial::forget(&folder(&expert.name));
        Partial::forget(&folder(&format!("{}.statistics", expert.name)));
    }
    Ok(())
}

/// The expert of one objective: an adapter of no higher rank as it is, anything else by task-SVD.
fn single(
    recipe: &BundleRecipe,
    source: &DeltaSource,
    folder: &Path,
    tell: super::Tell<'_>,
) -> Result<()> {
    let small = |source: &DeltaSource| {
        let mut ranks = source.deltas().iter().map(|delta| source.rank(delta));
        ranks.all(|rank| rank.is_some_and(|rank| rank <= recipe.rank))
    };
    let asked = json!({ "base": recipe.base, "source": source.path() });
    let unscaled = recipe.rescale.rescale()? == Rescale::Factor(1.0);
    if recipe.prune.unwrap_or(0.0) == 0.0 && unscaled && small(source) {
        let alone = std::slice::from_ref(source);
        let modules = concatenate(alone, &[1.0])?;
        return write_exactly(
            "extract",
            alone,
            &modules,
            Some(&recipe.base),
            recipe.precision,
            &asked,
            folder,
        );
    }
    let prune = recipe
        .prune
        .unwrap_or(if source.is_lora() { 0.0 } else { PRUNE });
    let settings = recipe.compression(prune, 0)?;
    compress(
        "extract",
        &mut Projections::new(source)?,
        &settings,
        &asked,
        folder,
        tell,
    )
    .map(drop)
}

/// A merged expert: merge, prune and task-SVD again (methods 2.8).
fn combined(
    recipe: &BundleRecipe,
    sources: &[DeltaSource],
    (index, merged): (usize, &RecipeMerged),
    weights: Vec<f64>,
    folder: &Path,
    tell: super::Tell<'_>,
) -> Result<()> {
    let settings = MergeSettings {
        density: merged.density.unwrap_or(merged.method.default_density()),
        scale: merged.scale.unwrap_or(merged.method.default_scale()),
        seed: recipe.seed,
        pcb: merged.pcb,
        filter: merged.filter,
        ..MergeSettings::new(merged.method, weights)
    };
    let factors = merged.method == Method::Linear && sources.iter().all(DeltaSource::is_lora);
    let prune = recipe.prune.unwrap_or(if factors { 0.0 } else { PRUNE });
    let compression = recipe.compression(prune, index + 1)?;
    let asked = json!({ "base": recipe.base, "merge": settings });
    with_statistics(sources, &asked, folder, |statistics| {
        let mut merger = Merger::keeping(sources, &settings, Some(statistics), tell)?;
        compress("merge", &mut merger, &compression, &asked, folder, tell).map(drop)
    })
}

fn manifest(recipe: &BundleRecipe, experts: &[Expert]) -> Result<Manifest> {
    let full = |path: &Path| path.canonicalize().map_err(Error::io("read", path));
    let mut objectives = Vec::with_capacity(recipe.objectives.len());
    for objective in &recipe.objectives {
        let reward = match &objective.reward {
            Some(reward) => Some(RewardEntry {
                path: full(&reward.path)?,
                reading: reward.reading.clone(),
            }),
            None => None,
        };
        objectives.push(ObjectiveEntry {
            name: objective.name.clone(),
            reward,
        });
    }
    let experts = experts.iter().map(|expert| ExpertEntry {
        kind: ExpertKind::Lora,
        name: expert.name.clone(),
        path: Path::new("experts").join(&expert.name),
        preference: expert.preference.as_slice().to_vec(),
    });
    Ok(Manifest {
        format: 1,
        name: recipe.name.clone(),
        demonstration: None,
        base: full(&recipe.base)?,
        objectives,
        experts: experts.collect(),
        values: Vec::new(),
        prompts: recipe.prompts.as_deref().map(full).transpose()?,
    })
}
