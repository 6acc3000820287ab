//! What training does where a person says nothing: one table for the command line, the window and recipes.
//!
//! | method | all weights | adapters | from random weights |
//! |---|---|---|---|
//! | fine-tuning, preferences, value vectors | 1e-5 | 1e-4 | 1e-3 |
//! | reward models | 1e-5 | – | – |
//! | routers | – | 1e-3, of fresh layers | – |
//! | MORLHF | – | 1e-4 | – |
//! | autoregressive rewards (ARM, PARM), MODPO | – | 5e-4 | – |
//! | LoRAMoE | – | 2e-4 | – |
//! | RiC | – | 1.414e-4, online 1e-5 | – |
//!
//! The papers' full fine-tunes are at 1e-5 (HoE, MVA), adapters take about ten times as much (LoRA, appendix D).
//! Methods that are compared with have their authors' numbers, adapters and passes included:
//!
//! | method | adapters | modules | beta | passes |
//! |---|---|---|---|---|
//! | ARM (GenARM for HH; adapters of the script that PARM's is made from) | rank 8, alpha 16 | q, k, v | 0.05 | 1 |
//! | PARM (released script) | ranks 4 and 4, alpha 8 | q, k, v | 0.01 | 2 |
//! | MODPO (released script) | rank 64, alpha 1 | q, k, v, o | 0.1 | 3 |
//! | LoRAMoE (released script) | 8 of rank 4, alpha 32 | gate, up, down | – | 1 |
//! | RiC (released script) | rank 64, alpha 128 | q, v | – | 1; 20,000 answers, then two rounds of as many |
//! | Aligner, MetaAligner | as all others | | – | 1, a fifth copied first (Aligner) |
//! | all others | rank 16, alpha 32 | all linears of the decoder | 0.1 | 1 |
//!
//! The demonstration is a small model and has numbers of its own.

use super::penalty::PenaltyKind;

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TrainMethod {
    /// Supervised fine-tuning.
    Sft,
    /// Direct preference optimisation.
    Dpo,
    /// A value vector by direct preference optimisation, apart from earlier ones (MVA).
    #[default]
    Value,
    /// A reward model.
    Reward,
    /// A router expert.
    Router,
    /// An adapter for one preference (MORLHF).
    Ppo,
    /// An autoregressive reward model (GenARM).
    Arm,
    /// One autoregressive reward model for all preferences (PARM).
    Parm,
    /// An adapter for one preference by DPO with the margins of other objectives (MODPO).
    Modpo,
    /// Experts and the routers over them, together (LoRAMoE).
    Loramoe,
    /// An adapter that reads in its prompt which scores its answer should have (RiC).
    Ric,
    /// A model that corrects answers (Aligner).
    Aligner,
    /// A model that corrects answers at the aspects that it is told (MetaAligner).
    MetaAligner,
}

/// Which weights move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainSize {
    /// All, which know nothing yet.
    Random,
    /// All of a model.
    Full,
    /// Adapters, or a router's layers.
    Lora,
}

/// Adapters as a method has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsualAdapter {
    /// Their rank.
    pub rank: usize,
    /// They are scaled by this over the rank.
    pub alpha: f64,
    /// Last parts of the paths of the linears that get one.
    pub modules: &'static [&'static str],
}

/// What runs of all methods share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Passes over the data.
    pub epochs: usize,
    /// Tokens per step, roughly.
    pub batch_tokens: usize,
    /// Longer examples are left out.
    pub max_length: usize,
    /// Share of the steps for linear warm-up.
    pub warm_up: f64,
    /// The last learning rate, as a share of the highest.
    pub final_rate: f64,
    /// Decoupled decay of matrices.
    pub weight_decay: f64,
    /// Steps between checkpoints: what a kill may cost.
    pub checkpoint_every: usize,
    /// Rank of adapters; a recipe's experts have the recipe's.
    pub rank: usize,
    /// DPO: how strongly the model is held to the reference.
    pub beta: f64,
    /// PARM: concentration of the Dirichlet distribution that every step's preference is drawn from.
    pub concentration: f64,
    /// LoRAMoE: experts beside each module.
    pub experts: usize,
    /// Aligner and MetaAligner: share of the pairs whose worse answer is copied first.
    pub copies: f64,
    /// RiC: answers that are sampled and scored before anything is learnt, and again in every round.
    pub answers: usize,
    /// RiC: online rounds.
    pub rounds: usize,
    /// RiC: learning rate of these.
    pub round_rate: f64,
    /// RiC: answers of a round are learnt from where a score is at least this quantile.
    pub quantile: f64,
    /// RiC: of the first answers so many are learnt from again in every round.
    pub originals: usize,
    /// Reward models: weight of the squared sum of both scores.
    pub center: f64,
    /// Value vectors: what keeps each apart from those before it, at [`PenaltyKind::usual_strength`].
    pub penalty: PenaltyKind,
    /// HSIC of rows: at most so many of each module.
    pub penalty_rows: usize,
    /// Routers and MORLHF: batches of answers in all.
    pub batches: usize,
    /// Answers per batch.
    pub batch: usize,
    /// New tokens per answer at most.
    pub max_tokens: usize,
    /// For policies: batches between checkpoints.
    pub checkpoint_batches: usize,
}

/// The table.
pub const USUAL: Usual = Usual {
    epochs: 1,
    batch_tokens: 4096,
    max_length: 512,
    warm_up: 0.03,
    final_rate: 0.1,
    weight_decay: 0.01,
    checkpoint_every: 100,
    rank: 16,
    beta: 0.1,
    concentration: 0.5,
    experts: 8,
    copies: 0.2,
    answers: 20_000,
    rounds: 2,
    round_rate: 1e-5,
    quantile: 0.7,
    originals: 10_000,
    center: 0.01,
    penalty: PenaltyKind::HsicUnbiased,
    penalty_rows: 512,
    batches: 300,
    batch: 64,
    max_tokens: 128,
    checkpoint_batches: 20,
};

/// Linears of the decoder that adapters stand beside.
const ALL_LINEARS: &[&str] = &[
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
];
const QKVO: &[&str] = ALL_LINEARS.split_at(4).0;
const QKV: &[&str] = ALL_LINEARS.split_at(3).0;
const QV: &[&str] = &["q_proj", "v_proj"];
const FEED_FORWARD: &[&str] = ALL_LINEARS.split_at(4).1;

impl Usual {
    /// Adapters are scaled by this over the rank.
    pub const fn lora_alpha(&self, rank: usize) -> f64 {
        2.0 * rank as f64
    }
}

impl TrainMethod {
    /// The highest learning rate.
    pub const fn learning_rate(self, size: TrainSize) -> f64 {
        match (self, size) {
            (Self::Router, _) | (_, TrainSize::Random) => 1e-3,
            (Self::Reward, _) | (_, TrainSize::Full) => 1e-5,
            (Self::Arm | Self::Parm | Self::Modpo, TrainSize::Lora) => 5e-4,
            (Self::Loramoe, TrainSize::Lora) => 2e-4,
            (Self::Ric, TrainSize::Lora) => 1.414e-4,
            (_, TrainSize::Lora) => 1e-4,
        }
    }

    /// The adapters; PARM's rank is that of each of its two parts, LoRAMoE's that of each expert.
    pub const fn adapter(self) -> UsualAdapter {
        let (rank, alpha, modules) = match self {
            Self::Arm => (8, 16.0, QKV),
            Self::Parm => (4, 8.0, QKV),
            Self::Modpo => (64, 1.0, QKVO),
            Self::Loramoe => (4, 32.0, FEED_FORWARD),
            Self::Ric => (64, 128.0, QV),
            _ => (USUAL.rank, USUAL.lora_alpha(USUAL.rank), ALL_LINEARS),
        };
        UsualAdapter {
            rank,
            alpha,
            modules,
        }
    }

    /// How strongly the loss follows log-probabilities.
    pub const fn beta(self) -> f64 {
        match self {
            Self::Arm => 0.05,
            Self::Parm => 0.01,
            _ => USUAL.beta,
        }
    }

    /// Passes over the data.
    pub const fn epochs(self) -> usize {
        match self {
            Self::Parm => 2,
            Self::Modpo => 3,
            _ => USUAL.epochs,
        }
    }
}
