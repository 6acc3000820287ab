//! A bundle: one folder that `bundle.json` describes, loaded into everything that a row needs.

mod extend;
mod grow;
mod load;
mod manifest;
mod probe;
mod prompts;
mod split;

pub use extend::{Addition, Part, extend, extended};
pub use grow::{Growth, grow, grown};
pub use load::{Bundle, LoadOptions};
pub use manifest::{ExpertEntry, Manifest, ObjectiveEntry, RewardEntry, ValueEntry};
pub use prompts::{read_prompts, read_training_prompts};
