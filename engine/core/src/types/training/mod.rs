//! Training in one vocabulary: a [`TrainJob`] is what the window edits, the command line flattens, recipes write and
//! `run.json` keeps; a [`TrainRun`] is how it went.

mod baseline;
mod config;
mod job;
mod method;
mod policy;
mod run;
mod words;

pub use baseline::{
    ArmConfig, CorrectionConfig, LEAST_MODPO_WEIGHT, LoramoeConfig, ModpoConfig, ParmConfig,
    RicConfig,
};
pub use config::{
    DpoConfig, LoraConfig, Method, OptimiserConfig, PenaltyConfig, RewardConfig, RunConfig,
    SftConfig, TrainConfig, check_workers,
};
pub use job::{
    AlignerJob, ArmJob, AspectData, DpoJob, Joins, LoramoeJob, MetaAlignerJob, ModpoJob, MorlJob,
    ObjectiveData, ParmJob, Part, RewardJob, RicJob, RouterJob, SftJob, TrainJob, TrainTask,
    WeightedData,
};
pub use policy::{KlConfig, MorlConfig, PpoConfig, RouterConfig, Scalarisation, ScalariseConfig};
pub use run::{TrainEnd, TrainNews, TrainRun, TrainStep};
pub use words::say_settings;

use super::{PenaltyKind, Strength, TrainMethod, TrainSize, USUAL};
