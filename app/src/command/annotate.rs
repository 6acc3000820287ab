//! What a person can do with tasks of annotation, and while they vote.

use paretoscope_core::annotate::Picked;

use crate::state::{AnnotatePage, LendForm};
use crate::study::TaskForm;
use crate::tasks::Wanted;

/// One thing that a person can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Annotation {
    /// Look at something beside the list of tasks.
    Page(AnnotatePage),
    /// Change the form of a new task.
    SetForm(Box<TaskForm>),
    /// Make the task.
    Build,
    /// Draw so many more items for a task.
    More(String, usize),
    /// Weigh the votes of the task on the page.
    Weigh,
    /// No longer.
    StopWeighing,
    /// Which objectives of the human front are plotted, to the right and up.
    SetPair(usize, usize),
    /// Change what is lent and brought back.
    SetLend(LendForm),
    /// Pick a file of packs, votes or pairs by a dialog.
    Choose(Wanted),
    /// Write the pack.
    Pack,
    /// Take in what comes back.
    Bring,
    /// Write the pairs that people decided.
    ExportPairs,
    /// Write people's votes for other programs.
    ExportVotes,

    /// Open the blind view of a task.
    Begin(String),
    /// Type an alias.
    TypeAlias(String),
    /// Sit down under it.
    Sit,
    /// The next person votes.
    HandOver,
    /// Choose by the objective that keys are at.
    Digit(usize),
    /// Choose by this one.
    Pick(usize, Picked),
    /// Say how much better, by this objective.
    Strength(usize, u8),
    /// Keys choose by this objective.
    Objective(usize),
    /// Keys choose by the next (+1) or previous (-1) one.
    StepObjective(isize),
    /// Cast the votes and go on.
    Submit,
    /// Take the last votes back, and look at that item again.
    TakeBack,
    /// Show the field for a comment.
    Comment,
    /// Change the comment.
    SetComment(String),
    /// Ask why the item is skipped.
    AskSkip,
    /// Change why.
    SetReason(String),
    /// Skip it.
    Skip,
    /// Ask whether to leave annotation.
    AskLeave,
    /// Type the word that leaves.
    SetWord(String),
    /// Leave.
    Leave,
    /// Put away what lies over the item.
    Close,
    /// There was a sign of life.
    Live,
    /// A break was taken, or is not wanted.
    Rested,
    /// The field that asked for the keyboard has it.
    FieldTaken,
}
