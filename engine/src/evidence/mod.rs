//! The papers put to the test on a bundle: every method as an arm, chosen on validation, read once on test.
//!
//! | stage | what | kept as |
//! |---|---|---|
//! | arms | routers taken away, or voting alike for every token → bundles beside each run | `arms/` |
//! | models | base and single experts on validation → the scale of all results | `protocol.json` |
//! | validation | every arm under every setting, as sweeps | `evidence.study` |
//! | choices | a setting and points per arm | `choices.json` |
//! | seal | which reading of the test this is | `seal.json` |
//! | test | every arm at its setting | `evidence.study` |
//! | pages | contrasts, figures per arm, sentences | `evidence.json`, `evidence.md`, `contrasts.csv`, `arms.csv` |
//!
//! Each stage goes on where it was stopped. Several bundles are training runs of one recipe with other seeds.

mod arms;
mod derived;
mod inputs;
mod pages;
mod run;

pub use paretoscope_core::evidence::*;

pub use arms::{Arms, TrainingRun, Tried, arms};
pub use inputs::{Inputs, evidence_prompts};
pub use pages::{Costs, markdown};
pub use run::{EvidencePlan, Outcome, Stage, run};
