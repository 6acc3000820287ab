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
//! | write | finished rows, scores, sweeps → rows of tables | `write`, `sweeps`, `whole` |
//! | read | keys, names, filters → answers with their scores; how long their tokens took | `read`, `find`, `results`, `pace` |
//! | routing | gates, pace of an answer → packed columns and back | `trace` |
//! | edit | notes, tags, marks, views → revisions that can be taken back | `notes`, `undo` |
//! | share | threads, processes, windows at one file | `claim`, `claimer`, `alive`, `lease` |
//! | talk | decks of stops as data; a sweep in the order in which it was made | `decks`, `played_sweep` |
//! | merge | two files → one, in any order; a hash of all that one says | `merge`, `merge_table`, `merge_rules`, `tables`, `digest` |
//! | annotate | sweeps → items; a person's place, votes, drafts; how far all are | `candidates`, `draw`, `tasks`, `sitting`, `votes`, `counts` |
//! | weigh | votes → what statistics read, pairs that train | `judged`, `statistics`, `preferred` |
//! | score | rules, votes, verdicts → scores of stored answers; what is right of a prompt | `scoring`, `vote_scores`, `scorers`, `references` |
//! | judge | a model's verdicts in both orders → votes that stand apart from people's | `judges` |
//! | learn | which votes were learnt from, and what came of it | `trainings` |
//! | lend | items as texts for another machine, and their votes back; other programs' votes | `pack`, `foreign` |
//! | keep | copies, what can be taken away, what is left of a damaged file | `backup`, `compact`, `recover`, `salvage`, `graft` |

mod alive;
mod arms;
mod backup;
mod candidates;
mod claim;
mod claimer;
mod compact;
mod convert;
mod counts;
mod decks;
mod digest;
mod draw;
mod encode;
mod file;
mod find;
mod foreign;
mod graft;
mod hash;
mod hide;
mod info;
mod item_rows;
mod judged;
mod judges;
mod key;
mod lease;
mod merge;
mod merge_rules;
mod merge_table;
mod notes;
mod open;
mod pace;
mod pack;
mod played_sweep;
mod preferred;
mod read;
mod records;
mod recover;
mod references;
mod results;
mod salvage;
mod schema;
mod scorers;
mod scoring;
mod sitting;
mod statistics;
mod sweeps;
mod tables;
mod tasks;
mod trace;
mod trainings;
mod undo;
mod vote_scores;
mod votes;
mod whole;
mod write;

pub use crate::types::ScorerKind;
pub use candidates::{Built, Taken, built, telling_names};
pub use claim::{CLAIM, Claim};
pub use claimer::{Claimer, Claims};
pub use compact::Compacted;
pub use counts::TaskCounts;
pub use decks::{Deck, DeckEdit, DeckState, Stop, StopLayout, StopMode, StopState};
pub use draw::DrawnTask;
pub use file::{Access, Study};
pub use foreign::Imported;
pub use hash::{Fields, Uid};
pub use info::{ScorerInfo, StudyInfo, SweepInfo};
pub use item_rows::ItemRow;
pub use judged::{Judged, Ranked, Rated, Reader};
pub use judges::{Answered, Judge, JudgeItem, JudgeObjective, JudgeOf, JudgeSaid, Judgement};
pub use key::Received;
pub use lease::{BEAT, LAPSE, Lease};
pub use merge::{MergeCount, MergeCounts};
pub use notes::{State, Target};
pub use pace::Pace;
pub use played_sweep::PlayedPoint;
pub use preferred::{Pairs, PairsAsked, votes_hash};
pub use read::{Filter, Stored};
pub use records::{Label, NewAnswer, ScorerRecord, SweepRecord, bundle_uid};
pub use recover::{Losses, Recovered, TableLoss};
pub use results::{SweepScores, SweepSummary, SweptPrompt};
pub use scorers::ScorerState;
pub use scoring::Counted;
pub use sitting::{Draft, Looked, Progress, Sitting};
pub use statistics::{OnFronts, PairsSaid, RankingsSaid, RatingsSaid, Said, TaskStats, Whole};
pub use sweeps::{Makers, Placed, SweepState};
pub use tasks::{Asks, NewItem, Packed, Sides, StoredItem, TaskState};
pub use trace::LARGEST_ERROR;
pub use trainings::{Learning, StoredTraining};
pub use undo::{Edit, Undone};
pub use vote_scores::Against;
pub use votes::{Annotator, Shown, StoredVote};

#[cfg(test)]
mod annotation_setup;
#[cfg(test)]
mod annotation_tests;
#[cfg(test)]
mod deck_tests;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod merge_tests;
#[cfg(test)]
mod recover_tests;
#[cfg(test)]
mod score_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod undo_tests;
#[cfg(test)]
mod vote_tests;
