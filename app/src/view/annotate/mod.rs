//! Annotation: the blind view of whoever votes, and the sheet of whoever asks.
//!
//! | part | what is seen | file |
//! |---|---|---|
//! | blind view | prompt, answers, counter: nothing of where answers come from | `blind` |
//! | | choices, comment, the buttons with their keys | `ballot` |
//! | | who votes, why an item is skipped, whether to leave | `door`, `cards` |
//! | sheet | all tasks, and one page beside them | `sheet` |
//! | | the form of a new task, and what it would ask | `builder` |
//! | | what a task's votes say, in words; the fronts | `results`, `words`, `fronts` |
//! | | packs for other machines, and what comes back | `lend` |
//! | | a label before a field, a file that is chosen or typed | `parts` |

mod ballot;
mod blind;
mod builder;
mod cards;
mod door;
mod fronts;
mod lend;
mod parts;
mod results;
mod sheet;
mod words;

pub(super) use blind::blind_ui;
pub(super) use parts::{line, weak};
pub(super) use sheet::{AnnotatePanel, sheet_ui};
pub(super) use words::{figure, share_words};
