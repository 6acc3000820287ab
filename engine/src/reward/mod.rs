//! Reward models: a prompt and its answer in, a number per objective out.
//!
//! Every architecture is a [`RewardModel`] over token ids. A [`Reward`] puts the text in front of
//! it (pair, template, or the response alone) and the bundle's reading behind it (which output,
//! which sign, which scale).

mod bart;
mod causal;
mod cost;
mod deberta;
mod dialogue;
mod distilbert;
mod encoder;
mod gpt2;
mod head;
mod input;
mod labels;
mod last;
mod load;
mod loader;
mod model;
mod normalise;
mod ops;
mod patience;
mod preset;
mod rate;
mod scorer;
mod source;
mod trained;
mod turns;
mod written;

pub use bart::Bart;
pub use causal::Causal;
pub use deberta::Deberta;
pub use dialogue::Dialogue;
pub use distilbert::DistilBert;
pub use gpt2::Gpt2;
pub use input::RewardInput;
pub use load::load_model;
pub use model::{RewardModel, RewardText};
pub use normalise::{Layout, Reading, Rules};
pub use patience::Patience;
pub use preset::{PRESETS, Preset};
pub use rate::{ScoreQueue, score_all};
pub use scorer::{Encoded, Rating, Reward, Unscored};
pub use trained::{TRAINED_READING, TrainedReading};
pub use turns::Marks;
pub use written::{Cut, Form};

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod reading_tests;
#[cfg(test)]
mod tests;
