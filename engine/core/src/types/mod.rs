//! Plain data that flows through the engine: no tensors, no windows, everything serialisable.
//!
//! In the order of the data's way: a [`Point`] is routed into [`RowGates`], a [`RowRequest`]
//! becomes a finished [`Run`], reward models give it [`Scores`], and a sweep sums them up per
//! point as a [`PointResult`].

mod bundle_info;
mod defaults;
mod device;
mod expert;
mod gates;
mod given;
mod identity;
mod interference;
mod learning;
mod message;
mod mutes;
mod named;
mod path;
mod penalty;
mod point;
mod record;
mod row;
mod scores;
mod split;
mod steering;
mod training;
mod trouble;

pub use bundle_info::{AdapterInfo, BundleInfo, ModelInfo, ObjectiveInfo, PromptSample};
pub use defaults::{TrainMethod, TrainSize, USUAL, Usual};
pub use device::DeviceChoice;
pub use expert::{Expert, ExpertKind, RouterActivation};
pub use gates::RowGates;
pub use given::{Given, GivenToken};
pub use identity::{BundleIdentity, Key};
pub use interference::{Chance, Compared, Interference, Measure, PairInterference};
pub use learning::{Effect, LearnNews, LearnPairs, LearnPlan, Measured};
pub use message::Message;
pub use mutes::{Channel, Mutes};
pub use named::{NamedPoint, PointKind, PointSet};
pub use path::{serialize_shown, serialize_shown_if_there, shown};
pub use penalty::{PenaltyKind, Strength};
pub use point::{Point, PointError, Preference, Weights};
pub use record::{GateRecord, Run, RunStatus, TokenPiece};
pub use row::{Finish, Prompt, RowRequest, Sampling, TraceLevel};
pub use scores::{PointResult, Scores, Summary};
pub use split::{Split, SplitRule};
pub use steering::Steering;
pub use training::{
    DpoConfig, DpoJob, Joins, KlConfig, LoraConfig, Method, MorlConfig, MorlJob, OptimiserConfig,
    Part, PenaltyConfig, PpoConfig, RewardConfig, RewardJob, RouterConfig, RouterJob, RunConfig,
    Scalarisation, ScalariseConfig, SftConfig, SftJob, TrainConfig, TrainEnd, TrainJob, TrainNews,
    TrainRun, TrainStep, TrainTask, WeightedData, check_workers, say_settings,
};
pub use trouble::{Trouble, TroubleKind};
