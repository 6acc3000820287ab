//! Folder → everything that a row needs.

use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::probe::effects;
use super::prompts::read_prompts;
use crate::device::Backend;
use crate::mixture::{Bank, BankRouter};
use crate::model::{Decoder, LlamaConfig, in_words};
use crate::protocol::LoadStage;
use crate::reward::Reward;
use crate::routing::{Complex, Plan};
use crate::text::Tokenizer;
use crate::types::{
    AdapterInfo, BundleIdentity, BundleInfo, Expert, ExpertKind, ModelInfo, ObjectiveInfo,
};
use crate::weights::{Adapter, Checkpoint, Digest, RouterExpert, settings_digest};
use crate::{Error, Result};

/// Below this change of any logit an adapter counts as without effect.
const NO_EFFECT: f32 = 1e-6;

/// What is loaded besides model and experts.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Whether reward models are loaded.
    pub rewards: bool,
    /// Whether each adapter is tried once.
    pub probe: bool,
    /// Where it runs.
    pub backend: Backend,
    /// Why that is not the device that was asked for.
    pub fallback: Option<String>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            rewards: true,
            probe: true,
            backend: Backend::default(),
            fallback: None,
        }
    }
}

/// A loaded bundle.
#[derive(Debug)]
pub struct Bundle {
    /// All that can be told of it.
    pub info: BundleInfo,
    /// The model with its experts.
    pub model: Decoder,
    /// Points to gates.
    pub plan: Plan,
    /// Text to ids and back.
    pub tokenizer: Tokenizer,
    /// One per objective, where the bundle names one and rewards were asked for.
    pub rewards: Vec<Option<Reward>>,
    /// What the keys of its rows are made of.
    pub identity: BundleIdentity,
    /// Where it computes.
    pub backend: Backend,
}

impl Bundle {
    /// Loads a folder. `progress` hears the step and the fraction of the whole; its error stops the load.
    /// ```
    /// use std::path::Path;
    ///
    /// use paretoscope_engine::bundle::{Bundle, LoadOptions};
    ///
    /// let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    /// let bundle = Bundle::load(&demo, &LoadOptions::default(), &mut |_step, _fraction| Ok(()))?;
    /// assert_eq!(bundle.info.name, "demo");
    /// assert_eq!(bundle.lora_experts(), ["helpful", "harmless", "humor", "centre"]);
    /// # Ok::<(), paretoscope_engine::Error>(())
    /// ```
    pub fn load(
        folder: &Path,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadStage, f32) -> Result<()>,
    ) -> Result<Self> {
        progress(LoadStage::Manifest, 0.0)?;
        let manifest = Manifest::load(folder)?;
        let listed = manifest.experts(folder)?;
        Complex::new(&listed, manifest.objective_count())
            .map_err(|e| Error::field(&folder.join("bundle.json"), "experts", e.to_string()))?;
        let base = folder.join(&manifest.base);
        if base
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
        {
            return Err(Error::file(
                &base,
                "is a GGUF file; this version reads Hugging Face folders (config.json, model.safetensors)",
            ));
        }
        let config = LlamaConfig::load(&base)?;
        let tokenizer = Tokenizer::load(&base)?;
        if tokenizer.has_text() && tokenizer.vocabulary() > config.vocabulary {
            let problem = format!(
                "has {} tokens, the model's embedding {}: the tokenizer belongs to another model",
                tokenizer.vocabulary(),
                config.vocabulary
            );
            return Err(Error::file(&base.join("tokenizer.json"), problem));
        }
        let prompts = match &manifest.prompts {
            Some(path) => read_prompts(&folder.join(path))?,
            None => Vec::new(),
        };

        progress(LoadStage::Experts, 0.05)?;
        let linears = config.linears();
        // The base before the adapters: if the two do not fit, the model is what they must fit.
        let checkpoint = Checkpoint::open_folder(&base)?;
        for (path, shape) in linears
            .iter()
            .filter(|(path, _)| !(path == "lm_head" && config.tied_embeddings))
        {
            checkpoint.expect(&format!("{path}.weight"), shape)?;
        }
        let left_out = config.not_asked_for(&checkpoint)?;
        let (mut bank, values) = load_bank(folder, &manifest, &listed, &linears)?;
        progress(LoadStage::Base, 0.2)?;
        let mut digest = Digest::default();
        let parameters = checkpoint.parameters();
        let backend = &options.backend;
        let model = Decoder::load(
            backend,
            config,
            &checkpoint,
            &mut bank,
            &mut digest,
            &mut |f| progress(LoadStage::Base, 0.2 + 0.5 * f),
        )?;

        progress(LoadStage::Rewards, 0.7)?;
        let mut rewards = Vec::new();
        let mut reward_digests = Vec::new();
        let mut objectives = Vec::new();
        for (index, name) in manifest.objective_names().into_iter().enumerate() {
            let entry = manifest
                .objectives
                .get(index)
                .and_then(|o| o.reward.as_ref());
            let path = entry.map(|entry| folder.join(&entry.path));
            let reward = match (entry, &path) {
                (Some(entry), Some(path)) if options.rewards => {
                    let reward = Reward::load(path, entry.reading.clone(), &backend.device())
                        .map_err(|error| at_objective(folder, index, error))?;
                    reward_digests.push(reward.digest().to_owned());
                    Some(reward)
                }
                _ => None,
            };
            objectives.push(ObjectiveInfo {
                name,
                reward: path,
                reward_kind: reward.as_ref().map(Reward::kind),
                reading: reward.as_ref().map(|reward| reward.rules().in_words()),
                sign: match entry {
                    Some(entry) => entry.reading.rules()?.sign,
                    None => 1.0,
                },
            });
            rewards.push(reward);
            progress(
                LoadStage::Rewards,
                0.7 + 0.2 * (index + 1) as f32 / manifest.objective_count() as f32,
            )?;
        }

        progress(LoadStage::Probe, 0.9)?;
        let probed = if options.probe {
            effects(&model, bank.adapters.len(), bank.routers.len())?
        } else {
            Vec::new()
        };
        let plan = Plan::new(
            &listed,
            manifest.objective_count(),
            bank.adapters.len(),
            values.indices.clone(),
        )?;
        let describe = Describe {
            bank: &bank,
            linears: &linears,
            probed: &probed,
        };
        let adapters: Vec<AdapterInfo> = (0..bank.adapters.len())
            .map(|i| describe.adapter(i, &values.names[i]))
            .collect();
        let mut warnings = effect_warnings(&adapters);
        warnings.extend(model.config().window_warning());
        if !left_out.is_empty() {
            warnings.push(format!(
                "the base holds {}, which its config.json does not ask for; left out, as transformers does",
                in_words(&left_out)
            ));
        }
        for (adapter, name) in bank.adapters.iter().zip(&values.names) {
            let said = adapter.warnings.iter();
            warnings.extend(said.map(|warning| format!("adapter {name}: {warning}")));
        }
        warnings.extend(values.warnings);
        for (objective, reward) in objectives.iter().zip(&rewards) {
            let said = reward.iter().flat_map(Reward::warnings);
            warnings.extend(
                said.map(|warning| format!("reward model of {}: {warning}", objective.name)),
            );
        }
        warnings.extend(
            tokenizer
                .template_problem()
                .map(|problem| problem.to_string()),
        );
        let digest = digest.hex();
        let identity = BundleIdentity {
            model: format!("{} {}", backend.identity(&digest), settings_digest(&base)?),
            adapters: adapters
                .iter()
                .map(|a| a.digest.clone())
                .chain(bank.routers.iter().map(|r| r.expert.digest.clone()))
                .collect(),
            places: listed
                .iter()
                .map(|e| e.preference.as_slice().to_vec())
                .collect(),
            values: values.indices.clone(),
            rewards: reward_digests,
        };
        let info = BundleInfo {
            name: manifest.name.clone(),
            path: folder.to_path_buf(),
            model: ModelInfo {
                layers: model.config().layers,
                hidden_size: model.config().hidden_size,
                vocabulary: model.config().vocabulary,
                context: model.config().context,
                parameters,
                dtype: backend.dtype().as_str().to_owned(),
                device: backend.in_words(),
                fallback: options.fallback.clone(),
                digest,
                has_tokenizer: tokenizer.has_text(),
                has_chat_template: tokenizer.has_chat_template(),
            },
            objectives,
            expert_files: describe.experts(&listed, &adapters),
            experts: listed,
            values: values
                .indices
                .iter()
                .zip(&values.value_names)
                .map(|(&i, name)| AdapterInfo {
                    name: name.clone(),
                    ..adapters[i].clone()
                })
                .collect(),
            values_are_experts: values.stand_in,
            value_adapters: values.indices.clone(),
            adapters: adapters.iter().map(|a| a.name.clone()).collect(),
            sites: bank.sites(&linears),
            prompts,
            warnings,
            demonstration: manifest.demonstration.clone(),
            memory_bytes: model.bytes() as u64,
        };
        progress(LoadStage::Probe, 1.0)?;
        Ok(Self {
            info,
            model,
            plan,
            tokenizer,
            rewards,
            identity,
            backend: backend.clone(),
        })
    }

    /// Names of the bank's LoRA experts.
    pub fn lora_experts(&self) -> Vec<String> {
        self.info
            .experts
            .iter()
            .filter(|e| e.kind == ExpertKind::Lora)
            .map(|e| e.name.clone())
            .collect()
    }
}

/// A reading that does not fit its model, by the field that says it.
fn at_objective(folder: &Path, index: usize, error: Error) -> Error {
    match error {
        Error::Option { name, problem } => Error::field(
            &folder.join("bundle.json"),
            format!("objectives[{index}].reward.{name}"),
            problem,
        ),
        other => other,
    }
}

/// Which adapters are the value vectors.
struct Values {
    /// Per value vector.
    indices: Vec<usize>,
    /// Per value vector.
    value_names: Vec<String>,
    /// Per adapter of the bank.
    names: Vec<String>,
    stand_in: bool,
    warnings: Vec<String>,
}

fn load_bank(
    folder: &Path,
    manifest: &Manifest,
    listed: &[Expert],
    linears: &[(String, [usize; 2])],
) -> Result<(Bank, Values)> {
    let mut bank = Bank::default();
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for entry in manifest
        .experts
        .iter()
        .filter(|e| e.kind == ExpertKind::Lora)
    {
        let path = folder.join(&entry.path);
        bank.adapters.push(Adapter::load(&path, linears)?);
        paths.push(same_file(&path));
        names.push(entry.name.clone());
    }
    bank.experts = bank.adapters.len();
    let (mut indices, mut value_names) = (Vec::new(), Vec::new());
    for entry in &manifest.values {
        let path = folder.join(&entry.path);
        // A value vector that is also an expert is loaded once.
        let index = match paths.iter().position(|known| *known == same_file(&path)) {
            Some(index) => index,
            None => {
                bank.adapters.push(Adapter::load(&path, linears)?);
                paths.push(same_file(&path));
                names.push(entry.name.clone());
                bank.adapters.len() - 1
            }
        };
        indices.push(index);
        value_names.push(entry.name.clone());
    }
    let loras: Vec<Expert> = listed
        .iter()
        .filter(|e| e.kind == ExpertKind::Lora)
        .cloned()
        .collect();
    let stand_in = manifest.values.is_empty();
    if stand_in {
        let one_hot = |axis: usize| {
            loras.iter().position(|e| {
                e.preference
                    .as_slice()
                    .iter()
                    .enumerate()
                    .all(|(i, &v)| v == f64::from(u8::from(i == axis)))
            })
        };
        if let Some(found) = (0..manifest.objective_count())
            .map(one_hot)
            .collect::<Option<Vec<usize>>>()
        {
            value_names = found.iter().map(|&i| names[i].clone()).collect();
            indices = found;
        }
    }
    let mut warnings = Vec::new();
    let expert_names: Vec<String> = loras.iter().map(|e| e.name.clone()).collect();
    for (entry, expert) in manifest
        .experts
        .iter()
        .zip(listed)
        .filter(|(e, _)| e.kind == ExpertKind::Router)
    {
        let router = RouterExpert::load(&folder.join(&entry.path), linears, &expert_names)?;
        // Of a bundle that has grown, a router says where it stood among fewer objectives: it has none of the others.
        let longer = router.preference.len().max(entry.preference.len());
        let share = |of: &[f64], axis: usize| of.get(axis).copied().unwrap_or(0.0);
        let apart = (0..longer).any(|axis| {
            (share(&router.preference, axis) - share(&entry.preference, axis)).abs() > 1e-6
        });
        if apart {
            warnings.push(format!("router {}: router_config.json says {:?}, bundle.json {:?}; the bundle's place is used", entry.name, router.preference, entry.preference));
        }
        let mut fallback = vec![0.0; bank.adapters.len()];
        for near in Complex::new(&loras, manifest.objective_count())?
            .route(&expert.preference)
            .experts
        {
            fallback[near.index] = near.weight as f32;
        }
        bank.routers.push(BankRouter {
            expert: router,
            fallback,
        });
    }
    Ok((
        bank,
        Values {
            indices,
            value_names,
            names,
            stand_in,
            warnings,
        },
    ))
}

/// A path by which two spellings of the same folder are equal.
fn same_file(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

struct Describe<'a> {
    bank: &'a Bank,
    linears: &'a [(String, [usize; 2])],
    probed: &'a [f32],
}

impl Describe<'_> {
    fn adapter(&self, index: usize, name: &str) -> AdapterInfo {
        let adapter = &self.bank.adapters[index];
        AdapterInfo {
            name: name.to_owned(),
            path: adapter.path.clone(),
            rank: adapter.rank(),
            matched: adapter.factors.len(),
            modules: self.linears.len() - 1, // the output layer is seldom adapted and does not count
            bytes: adapter.bytes,
            digest: adapter.digest.clone(),
            effect: self.probed.get(index).copied(),
        }
    }

    /// One entry per listed expert; those of LoRA experts are the bank's first adapters, in order.
    fn experts(&self, listed: &[Expert], adapters: &[AdapterInfo]) -> Vec<AdapterInfo> {
        let (mut loras, mut routers) = (adapters.iter(), self.bank.routers.iter());
        listed
            .iter()
            .filter_map(|expert| match expert.kind {
                ExpertKind::Lora => loras.next().cloned(),
                ExpertKind::Router => routers.next().map(|router| AdapterInfo {
                    name: expert.name.clone(),
                    path: router.expert.path.clone(),
                    rank: 0,
                    matched: router.expert.sites.len(),
                    modules: self.linears.len() - 1,
                    bytes: router.expert.bytes,
                    digest: router.expert.digest.clone(),
                    effect: None,
                }),
            })
            .collect()
    }
}

fn effect_warnings(adapters: &[AdapterInfo]) -> Vec<String> {
    let mut warnings = Vec::new();
    for adapter in adapters {
        if adapter.effect.is_some_and(|effect| effect < NO_EFFECT) {
            warnings.push(format!(
                "adapter {} has no effect: no logit changes when it is switched on",
                adapter.name
            ));
        }
        if adapter.effect == Some(f32::INFINITY) {
            warnings.push(format!(
                "adapter {} makes logits that are not finite: its answers fail; use it below 1, or train it anew",
                adapter.name
            ));
        }
    }
    warnings
}
