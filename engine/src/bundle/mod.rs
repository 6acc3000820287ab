//! A bundle: one folder that `bundle.json` describes, loaded into everything that a row needs.

mod bank;
mod describe;
mod extend;
mod grow;
mod load;
mod manifest;
mod need;
mod options;
mod place;
mod probe;
mod prompts;
mod rewards;
mod workshop;

pub use extend::{Addition, Part, extend, extended};
pub use grow::{Growth, grow, grown};
pub use load::Bundle;
pub use manifest::{
    ArmEntry, ArmOf, ExpertEntry, Manifest, MethodParts, ObjectiveEntry, PartEntry, RewardEntry,
    ValueEntry,
};
pub use need::{Fit, MemoryNeed};
pub use options::LoadOptions;
pub use place::{base_of, wanted_of_hub};
pub use prompts::{read_prompts, read_training_prompts};
pub use workshop::Workshop;
