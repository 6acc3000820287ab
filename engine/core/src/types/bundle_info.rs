//! What the window and the command line can know of a loaded bundle, without a tensor in sight.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{BundleIdentity, Channel, Expert, ExpertKind, Prompt, Reference, Split};

/// The base model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Decoder layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Positions at most.
    pub context: usize,
    /// Parameters.
    pub parameters: usize,
    /// Type of the weights in memory, e.g. `f32`.
    pub dtype: String,
    /// Where it runs, in words.
    pub device: String,
    /// Said in the window when the device is not the one that was asked for, and why.
    pub fallback: Option<String>,
    /// SHA-256 of the weights, hexadecimal.
    pub digest: String,
    /// Whether text can go in and out (a tokenizer is there).
    pub has_tokenizer: bool,
    /// Whether a chat template is there.
    pub has_chat_template: bool,
}

/// An objective of the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveInfo {
    /// Shown to people.
    pub name: String,
    /// Where its reward model came from; `None` where the bundle names none.
    #[serde(serialize_with = "crate::types::serialize_shown_if_there")]
    pub reward: Option<PathBuf>,
    /// What the reward model is, e.g. `llama, 1 output`.
    pub reward_kind: Option<String>,
    /// How it is read, e.g. `preset beaver-cost, logit 0, raw, sign turned`.
    pub reading: Option<String>,
    /// 1 or -1: what the raw score is multiplied by, so that larger is better.
    pub sign: f64,
}

/// An adapter or router as it was found on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterInfo {
    /// Shown to people.
    pub name: String,
    /// Where it came from.
    #[serde(serialize_with = "crate::types::serialize_shown")]
    pub path: PathBuf,
    /// Largest rank over its modules (0 for a router).
    pub rank: usize,
    /// Linear modules that it has tensors for.
    pub matched: usize,
    /// Linear modules that the base model has.
    pub modules: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// SHA-256 of its tensors, hexadecimal.
    pub digest: String,
    /// Effect probe: the largest change of any logit on a fixed prompt with this adapter alone at
    /// coefficient 1; about 0 means that it does nothing. `None` for routers.
    pub effect: Option<f32>,
}

/// A prompt that ships with the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptSample {
    /// Shown in the list.
    pub title: String,
    /// Sent to the engine.
    pub prompt: Prompt,
    /// Which part of the set it belongs to: as its line says, else by what it asks.
    pub split: Split,
    /// What it is about, as its line says: prompts of one group are no independent samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What its line says is right, for rules that score answers by it.
    #[serde(default, skip_serializing_if = "Reference::is_empty")]
    pub reference: Reference,
}

/// A loaded bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BundleInfo {
    /// Its name.
    pub name: String,
    /// Its folder.
    #[serde(serialize_with = "crate::types::serialize_shown")]
    pub path: PathBuf,
    /// What its answers and scores depend on.
    #[serde(default)]
    pub identity: BundleIdentity,
    /// The base model.
    pub model: ModelInfo,
    /// The axes of the simplex.
    pub objectives: Vec<ObjectiveInfo>,
    /// What stands on the simplex, in order of insertion: LoRA experts, then routers.
    pub experts: Vec<Expert>,
    /// How each of `experts` was found on disk, same order.
    pub expert_files: Vec<AdapterInfo>,
    /// Value vectors for extrapolation (names and files); where the bundle lists none, its one-hot
    /// LoRA experts serve, in order of objectives.
    pub values: Vec<AdapterInfo>,
    /// Whether `values` are the one-hot experts standing in.
    pub values_are_experts: bool,
    /// The adapter of the bank that each of `values` is.
    pub value_adapters: Vec<usize>,
    /// Adapters of the bank, in order: LoRA experts, then value vectors of their own.
    pub adapters: Vec<String>,
    /// Modules that any adapter touches, in order of execution.
    pub sites: Vec<String>,
    /// Prompts that ship with it.
    pub prompts: Vec<PromptSample>,
    /// Things a person should know, e.g. an adapter without effect.
    pub warnings: Vec<String>,
    /// Methods that the bundle holds trained parts for, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// A demonstration bundle says so, and the window repeats it.
    pub demonstration: Option<String>,
    /// Bytes of weights in memory.
    pub memory_bytes: u64,
}

impl BundleInfo {
    /// Whether it is a base model alone: it answers, and there is nothing to steer it by.
    pub fn is_bare(&self) -> bool {
        self.experts.is_empty() && self.values.is_empty()
    }

    /// How many LoRA experts there are: the first adapters of the bank.
    pub fn lora_experts(&self) -> usize {
        let loras = self.experts.iter();
        loras.filter(|e| e.kind == ExpertKind::Lora).count()
    }

    /// The LoRA expert that stands at an objective alone, by its place in `experts`.
    pub fn single(&self, objective: usize) -> Option<usize> {
        let alone = |expert: &Expert| {
            let mut shares = expert.preference.as_slice().iter().enumerate();
            let whole = |at: usize| f64::from(u8::from(at == objective));
            expert.kind == ExpertKind::Lora && shares.all(|(at, &share)| share == whole(at))
        };
        self.experts.iter().position(alone)
    }

    /// The channel of an expert, by its place in `experts`.
    pub fn channel(&self, expert: usize) -> Option<Channel> {
        let kind = self.experts.get(expert)?.kind;
        let before = self.experts[..expert].iter().filter(|e| e.kind == kind);
        let place = before.count();
        Some(match kind {
            ExpertKind::Lora => Channel::Adapter(place),
            ExpertKind::Router => Channel::Router(place),
        })
    }

    /// The expert of a channel, by its place in `experts`; `None` for a value vector that is none.
    pub fn expert_of(&self, channel: Channel) -> Option<usize> {
        (0..self.experts.len()).find(|&expert| self.channel(expert) == Some(channel))
    }

    /// The channel of a value vector, by its place in `values`.
    pub fn value_channel(&self, value: usize) -> Option<Channel> {
        self.value_adapters
            .get(value)
            .copied()
            .map(Channel::Adapter)
    }

    /// What a channel is called.
    pub fn channel_name(&self, channel: Channel) -> &str {
        match channel {
            Channel::Adapter(index) => self.adapters.get(index).map(String::as_str),
            Channel::Router(_) => self
                .expert_of(channel)
                .and_then(|expert| self.experts.get(expert))
                .map(|expert| expert.name.as_str()),
        }
        .unwrap_or("?")
    }

    /// Whether the bundle has such a channel.
    pub fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Adapter(index) => index < self.adapters.len(),
            Channel::Router(_) => self.expert_of(channel).is_some(),
        }
    }
}
