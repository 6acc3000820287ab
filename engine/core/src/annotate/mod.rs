//! Blind annotation: which answers people judge, in which order and on which side, and what a vote may be. No files: the
//! study keeps what is made here (see [`crate::study`]).
//!
//! | step | in → out | file |
//! |---|---|---|
//! | design | what is asked, of whom, how much | `design` |
//! | pool | answers by prompt and contender → what can be compared | `pool` |
//! | draw | pool → items: balanced, or where votes say most; checks | `blocks`, `level`, `active`, `gold` |
//! | queue | items → the order and the sides that one person sees | `queue`, `halves`, `looks`, `arrange` |
//! | show | texts → all that a blind view may show | `blind`, `names` |
//! | vote | what was chosen, for how long → a ballot | `ballot`, `clock` |
//! | weigh | votes → hasty ones, failed checks; rankings → strengths | `quality`, `plackett_luce` |
//! | apart | whose votes count: people's or judges' | `voters` |
//! | exchange | items and votes ↔ Label Studio's JSON | `label_studio` |
//!
//! All that is random follows from the design's seed.

mod active;
mod arrange;
mod ballot;
mod blind;
mod blocks;
mod clock;
mod design;
mod gold;
mod halves;
mod label_studio;
mod level;
mod looks;
mod names;
mod plackett_luce;
mod pool;
mod quality;
mod queue;
mod voters;

pub use active::{Vetted, active};
pub use ballot::{Ballot, Picked, check_ballots};
pub use blind::{BlindItem, readable};
pub use blocks::{Drawing, Drawn, blocks};
pub use clock::ActiveClock;
pub use design::{Design, How, Question, Source};
pub use gold::gold;
pub use label_studio::{
    ForeignPair, ForeignVote, configuration, from_label_studio, to_label_studio,
};
pub use names::Names;
pub use plackett_luce::plackett_luce;
pub use pool::{Candidate, Case, Pool, against, all_pairs, nearest_links};
pub use quality::{hasty, passes};
pub use queue::{Plan, Shape, Showing, queue};
pub(crate) use voters::judge_number;
pub use voters::{Voters, is_judge};

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;
