//! What the window asks of a study's tasks of annotation, and what it is told.

use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::annotate::{Ballot, BlindItem, Design, Question, Source};
use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{Draft, JudgeSaid, Looked, TaskCounts, TaskStats};

/// A task that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskForm {
    /// What it is called.
    pub name: String,
    /// What is asked; its sweeps are named by `sweeps`.
    pub design: Design,
    /// The sweeps that answers come from, by their numbers.
    pub sweeps: Vec<i64>,
    /// A file of another program that items and votes come from instead.
    pub file: Option<PathBuf>,
}

impl Default for TaskForm {
    fn default() -> Self {
        Self {
            name: String::new(),
            design: Design::new(Source::Preferences, Vec::new()),
            sweeps: Vec::new(),
            file: None,
        }
    }
}

impl TaskForm {
    /// What decides which items are drawn: all but what the task is called and what people are told.
    pub fn drawn_by(&self) -> Self {
        let mut form = self.clone();
        form.name.clear();
        form.design.instructions.clear();
        form
    }
}

/// What the window asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum AnnotateCommand {
    /// Say which tasks there are.
    Tasks,
    /// Sit a person down at a task.
    Sit {
        /// The task's name.
        task: String,
        /// The person's.
        alias: String,
    },
    /// Nobody sits any more.
    Rise,
    /// Cast the votes on a place, from 0.
    Cast(usize, Vec<Ballot>, Looked),
    /// Take the last votes back.
    TakeBack,
    /// Keep what is chosen and not cast.
    Draft(Draft),
    /// Say what a task would ask.
    Preview(Box<TaskForm>),
    /// Make it.
    Build(Box<TaskForm>),
    /// Draw so many more items for a task.
    More(String, usize),
    /// Weigh a task's votes, with intervals from so many draws.
    Weigh(String, usize),
    /// No longer.
    StopWeighing,
    /// Say what a task's judges said, beside people, with intervals from so many draws.
    Judged(String, usize),
    /// Write what a person has still to vote on into a file of its own.
    Pack {
        /// The task's name.
        task: String,
        /// The person's.
        alias: String,
        /// The pack.
        out: PathBuf,
    },
    /// Take in the votes of a pack, or all of another study.
    Bring(PathBuf),
    /// Write people's votes for other programs: JSON Lines, or Label Studio's JSON by the ending of the name.
    Votes {
        /// The task's name.
        task: String,
        /// The file.
        out: PathBuf,
    },
    /// Write the pairs that people decided, as lines to train on.
    Pairs {
        /// The task's name.
        task: String,
        /// By this objective alone.
        objective: Option<String>,
        /// The file.
        out: PathBuf,
    },
}

/// A task, as a list shows it to whoever made it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLine {
    /// What it is called.
    pub name: String,
    /// What is asked.
    pub question: Question,
    /// Whether it is a pack's, for one person alone.
    pub pack: bool,
    /// Whether items can be added where votes say most.
    pub active: bool,
    /// By what people judge.
    pub objectives: Vec<String>,
    /// How far it is.
    pub counts: TaskCounts,
}

/// All tasks and people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskList {
    /// The tasks, oldest first.
    pub tasks: Vec<TaskLine>,
    /// Aliases of all who voted or are to vote.
    pub people: Vec<String>,
    /// The next alias that nobody has.
    pub next: String,
}

/// Who sits where, and what is in front of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// The task's name.
    pub task: String,
    /// The person.
    pub alias: String,
    /// What is to be judged; `None` where all is done.
    pub item: Option<BlindItem>,
    /// Places that are voted on or skipped.
    pub saved: usize,
    /// Places that there are.
    pub of: usize,
    /// What was chosen of this item and not cast.
    pub draft: Draft,
}

/// What a task would ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskPreview {
    /// Items, checks left out.
    pub items: usize,
    /// Checks, whose right answer is known.
    pub checks: usize,
    /// Of each person, how many looks they are asked for.
    pub looks: Vec<usize>,
    /// Comparisons whose texts are alike, and which nobody is asked about.
    pub identical: usize,
    /// Comparisons of which an answer is missing or empty.
    pub missing: usize,
    /// Items whose texts name an expert, an adapter or an objective.
    pub told: usize,
}

/// What the window is told.
#[derive(Debug, Clone)]
pub enum AnnotateNews {
    /// Which tasks there are.
    Tasks(TaskList),
    /// Who sits, and what is shown.
    Seat(Box<Seat>),
    /// Nobody sits, and why.
    NotSeated(Trouble),
    /// What was cast, taken back or to be kept is not in the file, and why.
    NotCast(Trouble),
    /// What a task would ask.
    Preview(Box<TaskForm>, Result<TaskPreview, Trouble>),
    /// What was made, in words.
    Built(Result<String, Trouble>),
    /// How many draws are done of how many.
    Weighing(usize, usize),
    /// What a task's votes say; `None` where it was stopped. Before them, how many were cast by then.
    Weighed(String, usize, Result<Option<Arc<TaskStats>>, Trouble>),
    /// What a task's judges said; `None` where it was stopped.
    Judged(String, Result<Option<Arc<Vec<JudgeSaid>>>, Trouble>),
    /// What was written or taken in, in words.
    Moved(Result<String, Trouble>),
}
