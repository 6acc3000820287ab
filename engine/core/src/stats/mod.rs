//! What scores and votes say, and how surely: plain data in, numbers with their intervals out.
//!
//! | question | in → out | file |
//! |---|---|---|
//! | which method covers more? | arms → a frozen frame → differences with paired intervals | `arm`, `base`, `frame`, `compare`, `words` |
//! | which runs are one method's? | arms → an arm whose seeds are training runs | `together` |
//! | would another training run show it, too? | numbers of runs → intervals over seeds and prompts | `trained` |
//! | how much of its points does another dominate? | paired differences of points → a share with its bounds | `covered` |
//! | where do runs end? | fronts of seeds, or of draws → surfaces | `attainment` |
//! | do answers follow the preference? | points and scores → rank correlation, inner product | `following` |
//! | which prompts show it? | two points' scores and texts → ranks | `examples` |
//! | what did a change do? | the same points before and after → paired differences | `moves` |
//! | how often does it win? | votes against the base → rates with ties half | `win_rate` |
//! | do people agree? | choices → percent, kappa, alpha | `agreement` |
//! | which point do people prefer? | votes → strengths with ties | `davidson`, `human` |
//! | and all of that from a file | lines → a summary per objective | `votes`, `summary` |
//!
//! Larger is better in every score. What is drawn is drawn from a seed, each draw from a stream of its own: the result is
//! a function of its input.

mod agreement;
mod arm;
mod attainment;
mod base;
mod columns;
mod compare;
mod covered;
mod davidson;
mod draws;
mod error;
mod examples;
mod following;
mod frame;
mod human;
mod moves;
mod proportion;
mod student;
mod summary;
mod together;
mod trained;
mod votes;
mod win_rate;
mod words;

pub use agreement::{Metric, alpha, kappa, kappa_of, percent};
pub use arm::{Arm, ArmPoint, ArmPrompt, Held, choose, hold, read};
pub use attainment::{
    Attainment, Over, RunMeans, Surface, attainment, runs_by_draw, runs_by_seed, surface,
};
pub use base::BaseScale;
pub use compare::{Comparison, Difference, Directed, EqualPoints, compare, holm};
pub use covered::{Covered, covered};
pub use davidson::{Davidson, Duel, fit};
pub use draws::{Draws, Estimate, Progress, interval};
pub use error::{Result, StatsError};
pub use examples::{Answer, By, Example, prompts_by_difference};
pub use following::{Following, following, following_within};
pub use frame::{Frame, FrameOptions, Lacking, Mismatch, Scale, SeedKind};
pub use human::{HumanFront, human_front, kendall, win_shares};
pub use moves::{Arrow, Moved, Moves, moves};
pub use proportion::{Share, required_votes, reward_accuracy, wilson};
pub use summary::{ObjectiveSummary, summarise};
pub use together::runs_together;
pub use trained::{Runs, Trained};
pub use votes::{Choice, Vote, read_votes};
pub use win_rate::{WinRate, WinRates, win_rates};
pub use words::{Chosen, words};

#[cfg(test)]
mod golden_tests;
