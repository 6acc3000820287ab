//! Reward models: a prompt and its answer in, a number per objective out.
//!
//! Every architecture is a [`RewardModel`] over token ids. A [`Reward`] puts the text in front of
//! it (pair, template, or the response alone) and the bundle's reading behind it (which output,
//! which sign, which scale).

mod causal;
mod gpt2;
mod head;
mod load;
mod model;
mod normalise;
mod rate;
mod scorer;

pub use causal::Causal;
pub use gpt2::Gpt2;
pub use load::load_model;
pub use model::{RewardModel, RewardText};
pub use normalise::Reading;
pub use rate::score_all;
pub use scorer::{Rating, Reward, RewardInput};

#[cfg(test)]
mod tests;
