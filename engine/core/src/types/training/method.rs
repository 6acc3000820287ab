//! What can be trained: in words, and as a job with what is usual for it.

use std::path::PathBuf;

use super::{
    AlignerJob, ArmConfig, ArmJob, CorrectionConfig, DpoConfig, DpoJob, LoramoeConfig, LoramoeJob,
    MetaAlignerJob, ModpoConfig, ModpoJob, MorlConfig, MorlJob, ParmConfig, ParmJob, PenaltyConfig,
    RewardConfig, RewardJob, RicConfig, RicJob, RouterConfig, RouterJob, SftConfig, SftJob,
    TrainMethod, TrainTask, USUAL,
};

impl TrainMethod {
    /// All of them, in the order shown.
    pub const ALL: [Self; 13] = [
        Self::Value,
        Self::Router,
        Self::Dpo,
        Self::Sft,
        Self::Ppo,
        Self::Modpo,
        Self::Arm,
        Self::Parm,
        Self::Ric,
        Self::Loramoe,
        Self::Aligner,
        Self::MetaAligner,
        Self::Reward,
    ];

    /// Shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Value => "Value vector",
            Self::Dpo => "Adapter by DPO",
            Self::Sft => "Adapter by SFT",
            Self::Reward => "Reward model",
            Self::Router => "Router expert",
            Self::Ppo => "Adapter by PPO",
            Self::Arm => "ARM",
            Self::Parm => "PARM",
            Self::Modpo => "Adapter by MODPO",
            Self::Loramoe => "LoRAMoE",
            Self::Ric => "RiC",
            Self::Aligner => "Aligner",
            Self::MetaAligner => "MetaAligner",
        }
    }

    /// What it is for.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Value => {
                "MVA: learns from preference pairs, held apart from earlier value vectors by a penalty."
            }
            Self::Dpo => {
                "Learns from pairs of a better and a worse answer; the base model is the reference."
            }
            Self::Sft => "Learns to give the answers of the data.",
            Self::Reward => {
                "Learns to score the better answer of a pair higher (Bradley and Terry)."
            }
            Self::Router => {
                "HoE: answers at one preference, is scored by the bundle's reward models, and learns which LoRA expert should speak at each token."
            }
            Self::Ppo => {
                "MORLHF: one adapter learns one preference from the bundle's reward models."
            }
            Self::Arm => {
                "GenARM: an autoregressive reward, an adapter whose log-probabilities rank answers; it guides the base model token by token."
            }
            Self::Parm => {
                "One autoregressive reward for all preferences, from pairs about each objective."
            }
            Self::Modpo => {
                "DPO for one preference: pairs about one objective, margins of the others by their value vectors."
            }
            Self::Loramoe => {
                "Experts and the routers over them learn together from the answers of the data: one trade-off."
            }
            Self::Ric => {
                "Rewards in context: learns from its own answers, scored by the bundle's reward models, to give answers of the scores that its prompt asks for."
            }
            Self::Aligner => {
                "Learns to correct answers: first to copy them, then from the worse answer of a pair to the better one."
            }
            Self::MetaAligner => {
                "Learns to correct answers at the aspects that it is told, from pairs about each objective."
            }
        }
    }

    /// What its data has on every line.
    pub const fn data_words(self) -> &'static str {
        match self {
            Self::Value
            | Self::Dpo
            | Self::Reward
            | Self::Arm
            | Self::Parm
            | Self::Modpo
            | Self::Aligner
            | Self::MetaAligner => {
                "JSON Lines with prompt, chosen and rejected; or whole dialogues in chosen and rejected"
            }
            Self::Sft | Self::Loramoe => "JSON Lines with prompt and response; or text alone",
            Self::Router | Self::Ppo | Self::Ric => {
                "JSON Lines with prompts; where none is given, those of the bundle's own that train, which sweeps then leave out"
            }
        }
    }

    /// The kind in one word, for names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Dpo => "dpo",
            Self::Sft => "sft",
            Self::Reward => "reward",
            Self::Router => "router",
            Self::Ppo => "ppo",
            Self::Arm => "arm",
            Self::Parm => "parm",
            Self::Modpo => "modpo",
            Self::Loramoe => "loramoe",
            Self::Ric => "ric",
            Self::Aligner => "aligner",
            Self::MetaAligner => "metaaligner",
        }
    }

    /// Whether it learns from rewards of answers that it samples itself.
    pub const fn samples(self) -> bool {
        matches!(self, Self::Router | Self::Ppo | Self::Ric)
    }

    /// Whether the result is a part of a bundle; else it is a folder of its own, which methods read.
    pub const fn joins(self) -> bool {
        !matches!(
            self,
            Self::Arm | Self::Parm | Self::Ric | Self::Loramoe | Self::Aligner | Self::MetaAligner
        )
    }
}

impl TrainTask {
    /// What is usual for a method, with nothing to learn from yet.
    pub fn usual(method: TrainMethod) -> Self {
        match method {
            TrainMethod::Value => Self::Dpo(DpoJob {
                base: PathBuf::new(),
                data: Vec::new(),
                skip_bad: false,
                config: DpoConfig {
                    penalty: PenaltyConfig::of(USUAL.penalty),
                    ..DpoConfig::default()
                },
                votes: None,
            }),
            TrainMethod::Dpo => Self::Dpo(DpoJob {
                base: PathBuf::new(),
                data: Vec::new(),
                skip_bad: false,
                config: DpoConfig::default(),
                votes: None,
            }),
            TrainMethod::Sft => Self::Sft(SftJob {
                base: PathBuf::new(),
                from_random: false,
                data: PathBuf::new(),
                skip_bad: false,
                config: SftConfig::default(),
            }),
            TrainMethod::Reward => Self::Reward(RewardJob {
                base: PathBuf::new(),
                data: PathBuf::new(),
                skip_bad: false,
                config: RewardConfig::default(),
            }),
            TrainMethod::Router => Self::Router(RouterJob {
                bundle: PathBuf::new(),
                prompts: None,
                config: RouterConfig::default(),
            }),
            TrainMethod::Ppo => Self::Ppo(MorlJob {
                bundle: PathBuf::new(),
                prompts: None,
                config: MorlConfig::default(),
            }),
            TrainMethod::Arm => Self::Arm(ArmJob {
                base: PathBuf::new(),
                data: PathBuf::new(),
                skip_bad: false,
                config: ArmConfig::default(),
            }),
            TrainMethod::Parm => Self::Parm(ParmJob {
                base: PathBuf::new(),
                data: Vec::new(),
                skip_bad: false,
                config: ParmConfig::default(),
            }),
            TrainMethod::Loramoe => Self::Loramoe(LoramoeJob {
                base: PathBuf::new(),
                data: PathBuf::new(),
                skip_bad: false,
                config: LoramoeConfig::default(),
            }),
            TrainMethod::Ric => Self::Ric(RicJob {
                bundle: PathBuf::new(),
                prompts: None,
                config: RicConfig::default(),
            }),
            TrainMethod::Aligner => Self::Aligner(AlignerJob {
                base: PathBuf::new(),
                data: PathBuf::new(),
                skip_bad: false,
                config: CorrectionConfig::default(),
            }),
            TrainMethod::MetaAligner => Self::MetaAligner(MetaAlignerJob {
                base: PathBuf::new(),
                data: Vec::new(),
                skip_bad: false,
                config: CorrectionConfig::default(),
            }),
            TrainMethod::Modpo => Self::Modpo(ModpoJob {
                base: PathBuf::new(),
                data: PathBuf::new(),
                skip_bad: false,
                config: ModpoConfig::default(),
            }),
        }
    }
}
