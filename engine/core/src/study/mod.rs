//! The study: one SQLite file for all that a person or the command line does.
//!
//! Facts (answers, scores, votes, trainings) are appended and never change; what is done to a view carries revisions. An
//! answer is known by what the forward pass received ([`crate::types::Key`]), a score by who gave it. The file opens without models.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | schema | the tables, version by version | `schema` |
//! | open | a path → a file to write, to read, or words that say why not | `open` |
//! | name | what the forward pass received → a key; contents → an id | `hash`, `key` |
//! | write | finished rows, scores, sweeps → rows of tables | `write`, `sweeps` |
//! | read | keys, filters → answers with their scores | `read`, `results` |
//! | routing | gates, pace of an answer → packed columns and back | `trace` |
//! | edit | notes, tags, marks, views → revisions that can be taken back | `notes`, `undo` |
//! | share | processes and windows at one file | `claim`, `lease` |
//! | merge | two files → one, in any order; a hash of all that one says | `merge`, `merge_rules`, `tables`, `digest` |
//! | keep | copies, what can be taken away, what is left of a damaged file | `backup`, `compact`, `recover`, `salvage`, `graft` |

mod arms;
mod backup;
mod claim;
mod compact;
mod convert;
mod digest;
mod encode;
mod file;
mod graft;
mod hash;
mod hide;
mod info;
mod key;
mod lease;
mod merge;
mod merge_rules;
mod notes;
mod open;
mod read;
mod records;
mod recover;
mod results;
mod salvage;
mod schema;
mod sweeps;
mod tables;
mod trace;
mod undo;
mod write;

pub use claim::{CLAIM, Claim};
pub use compact::Compacted;
pub use file::{Access, Study};
pub use hash::{Fields, Uid};
pub use info::{StudyInfo, SweepInfo};
pub use key::Received;
pub use lease::{BEAT, LAPSE, Lease};
pub use merge::{MergeCount, MergeCounts};
pub use notes::{State, Target};
pub use read::{Filter, Stored};
pub use records::{NewAnswer, ScorerKind, ScorerRecord, SweepRecord, bundle_uid};
pub use recover::{Losses, Recovered, TableLoss};
pub use results::{SweepScores, SweepSummary, SweptPrompt};
pub use sweeps::{Placed, SweepState};
pub use trace::LARGEST_ERROR;
pub use undo::{Edit, Undone};

#[cfg(test)]
mod faults;
#[cfg(test)]
mod merge_tests;
#[cfg(test)]
mod recover_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod undo_tests;
