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

mod arms;
mod convert;
mod encode;
mod file;
mod hash;
mod hide;
mod info;
mod key;
mod open;
mod read;
mod records;
mod results;
mod schema;
mod sweeps;
mod write;

pub use file::{Access, Study};
pub use hash::{Fields, Uid};
pub use info::{StudyInfo, SweepInfo};
pub use key::Received;
pub use read::{Filter, Stored};
pub use records::{NewAnswer, ScorerKind, ScorerRecord, SweepRecord, bundle_uid};
pub use results::{SweepScores, SweepSummary, SweptPrompt};
pub use sweeps::{Placed, SweepState};

#[cfg(test)]
mod tests;
