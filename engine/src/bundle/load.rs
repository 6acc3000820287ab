//! Folder → everything that a row needs.

use std::path::{Path, PathBuf};

use super::bank::load_bank;
use super::describe::{Describe, effect_warnings};
use super::manifest::{ArmEntry, Manifest, MethodParts};
use super::need::MemoryNeed;
use super::options::LoadOptions;
use super::place::wanted_of_hub;
use super::probe::effects;
use super::prompts::read_prompts;
use super::rewards::Objectives;
use super::workshop::Workshop;
use crate::device::Backend;
use crate::hub::{self, Cache};
use crate::model::{Decoder, LlamaConfig, in_words};
use crate::protocol::LoadStage;
use crate::reward::Reward;
use crate::routing::{Complex, Plan};
use crate::text::Tokenizer;
use crate::types::{BundleIdentity, BundleInfo, Expert, ExpertKind, ModelInfo, PromptSample};
use crate::weights::{Checkpoint, Digest, settings_digest};
use crate::{Error, Result};

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
    /// Where it computes.
    pub backend: Backend,
    /// Parts that were trained for methods, by the methods' names.
    pub methods: MethodParts,
    /// Control arms for an evidence run, their folders relative to the bundle's.
    pub arms: Vec<ArmEntry>,
    /// Experts that methods made or were given for rows of their own.
    pub workshop: Workshop,
}

impl Bundle {
    /// Loads a bundle's folder, or a base model alone ([`Manifest::open`]). `progress` hears the step and the fraction of the whole; its error stops the load.
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
        bring(folder, options, progress)?;
        progress(LoadStage::Manifest, 0.0)?;
        let Outline {
            manifest,
            experts: listed,
            base,
            config,
            tokenizer,
            prompts,
        } = Outline::read(folder)?;

        progress(LoadStage::Experts, 0.05)?;
        // The base before the adapters: if the two do not fit, the model is what they must fit.
        let linears = config.linears();
        let checkpoint = checkpoint_for(&base, &config, &linears)?;
        let left_out = config.not_asked_for(&checkpoint)?;
        let rewards = options.rewards;
        MemoryNeed::measured(
            folder,
            &manifest,
            &config,
            &checkpoint,
            rewards,
            &options.backend,
        )?
        .check(folder)?;
        let (mut bank, values) = load_bank(folder, &manifest, &listed, &linears)?;

        progress(LoadStage::Base, 0.2)?;
        let mut digest = Digest::default();
        let backend = &options.backend;
        let model = Decoder::load(
            backend,
            config,
            &checkpoint,
            &mut bank,
            &mut digest,
            &mut |f| progress(LoadStage::Base, 0.2 + 0.5 * f),
        )?;
        let digest = digest.hex();

        progress(LoadStage::Rewards, 0.7)?;
        let objectives = Objectives::load(folder, &manifest, options, &mut |f| {
            progress(LoadStage::Rewards, 0.7 + 0.2 * f)
        })?;

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
        let adapters = describe.adapters(&values.names);

        let mut warnings = effect_warnings(&adapters);
        warnings.extend(model.config().context_warning());
        warnings.extend((!left_out.is_empty()).then(|| {
            format!(
                "the base holds {}, which its config.json does not ask for; left out, as transformers does",
                in_words(&left_out)
            )
        }));
        warnings.extend(values.warnings(&bank));
        warnings.extend(objectives.warnings());
        let template = tokenizer.template_problem();
        warnings.extend(template.map(|problem| problem.to_string()));

        let routers = bank.routers.iter().map(|r| r.expert.digest.clone());
        let identity = BundleIdentity {
            numerics: backend.numerics(model.is_quantised()),
            model: format!("{digest} {}", settings_digest(&base)?),
            adapters: adapters
                .iter()
                .map(|a| a.digest.clone())
                .chain(routers)
                .collect(),
            rewards: objectives.digests(),
        };
        let info = BundleInfo {
            name: manifest.name.clone(),
            path: folder.to_path_buf(),
            identity,
            model: model_info(&model, &tokenizer, &checkpoint, options, digest),
            objectives: objectives.infos,
            expert_files: describe.experts(&listed, &adapters),
            experts: listed,
            values: values.infos(&adapters),
            values_are_experts: values.stand_in,
            value_adapters: values.indices,
            adapters: adapters.iter().map(|a| a.name.clone()).collect(),
            sites: bank.sites(&linears),
            prompts,
            warnings,
            methods: manifest.methods.keys().cloned().collect(),
            demonstration: manifest.demonstration.clone(),
            memory_bytes: model.bytes() as u64,
        };
        progress(LoadStage::Probe, 1.0)?;
        Ok(Self {
            info,
            model,
            plan,
            tokenizer,
            rewards: objectives.rewards,
            backend: backend.clone(),
            methods: manifest.methods,
            arms: manifest.arms,
            workshop: Workshop::default(),
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

/// Brings what `place` names by hub ids and what is not here.
fn bring(
    place: &Path,
    options: &LoadOptions,
    progress: &mut dyn FnMut(LoadStage, f32) -> Result<()>,
) -> Result<()> {
    let Some(fetcher) = options.fetch.as_ref().filter(|_| !hub::is_offline()) else {
        return Ok(());
    };
    // A bundle of a hub may name further models of one.
    loop {
        let wanted = wanted_of_hub(place, options.rewards)?;
        let Some(id) = wanted.first() else {
            return Ok(());
        };
        fetcher.fetch(id, &Cache::of_env()?, &mut |fetched| {
            let hub::Fetched { bytes, of } = fetched;
            let fraction = bytes as f32 / of.max(1) as f32;
            progress(LoadStage::Fetch { bytes, of }, fraction.clamp(0.0, 1.0))
        })?;
        if wanted_of_hub(place, options.rewards)?.contains(id) {
            let problem = "was fetched, and is still not whole in the local cache";
            return Err(Error::option(id.to_string(), problem));
        }
    }
}

/// What is read before any tensor is.
struct Outline {
    manifest: Manifest,
    experts: Vec<Expert>,
    /// The base model's folder.
    base: PathBuf,
    config: LlamaConfig,
    tokenizer: Tokenizer,
    prompts: Vec<PromptSample>,
}

impl Outline {
    fn read(folder: &Path) -> Result<Self> {
        let manifest = Manifest::open(folder)?;
        let experts = manifest.experts(folder)?;
        if !experts.is_empty() {
            Complex::new(&experts, manifest.objective_count())
                .map_err(|e| Error::field(&folder.join("bundle.json"), "experts", e.to_string()))?;
        }
        let base = manifest.base_at(folder)?;
        let config = LlamaConfig::load(&base)?;
        let tokenizer = tokenizer_for(&base, &config)?;
        let prompts = match &manifest.prompts {
            Some(path) => read_prompts(&folder.join(path))?,
            None => Vec::new(),
        };
        Ok(Self {
            manifest,
            experts,
            base,
            config,
            tokenizer,
            prompts,
        })
    }
}

/// All that can be told of the base model; `digest` is that of its weights.
fn model_info(
    model: &Decoder,
    tokenizer: &Tokenizer,
    checkpoint: &Checkpoint,
    options: &LoadOptions,
    digest: String,
) -> ModelInfo {
    let config = model.config();
    ModelInfo {
        layers: config.layers,
        hidden_size: config.hidden_size,
        vocabulary: config.vocabulary,
        context: config.context,
        parameters: checkpoint.parameters(),
        dtype: model.storage(),
        device: options.backend.in_words(),
        fallback: options.fallback.clone(),
        digest,
        has_tokenizer: tokenizer.has_text(),
        has_chat_template: tokenizer.has_chat_template(),
    }
}

/// The base model's tokenizer, which may know no token that the model has not.
fn tokenizer_for(base: &Path, config: &LlamaConfig) -> Result<Tokenizer> {
    let tokenizer = Tokenizer::load(base)?;
    if tokenizer.has_text() && tokenizer.vocabulary() > config.vocabulary {
        let problem = format!(
            "has {} tokens, the model's embedding {}: the tokenizer belongs to another model",
            tokenizer.vocabulary(),
            config.vocabulary
        );
        return Err(Error::file(&base.join("tokenizer.json"), problem));
    }
    Ok(tokenizer)
}

/// The base model's weights, whose linear modules must have the shapes that its config promises.
fn checkpoint_for(
    base: &Path,
    config: &LlamaConfig,
    linears: &[(String, [usize; 2])],
) -> Result<Checkpoint> {
    let checkpoint = Checkpoint::open_folder(base)?;
    for (path, shape) in linears {
        if !(path == "lm_head" && config.tied_embeddings) {
            checkpoint.expect(&format!("{path}.weight"), shape)?;
        }
    }
    Ok(checkpoint)
}
