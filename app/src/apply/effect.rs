//! What the writer of state asks of the world, as data.

use std::path::PathBuf;

use paretoscope_core::protocol::{EngineCommand, JudgeCommand};

use crate::export::Job;
use crate::study::StudyCommand;
use crate::tasks::Wanted;

/// What has to happen outside the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell the engine.
    Send(EngineCommand),
    /// Tell the judge.
    Judge(JudgeCommand),
    /// Ask the study.
    Study(StudyCommand),
    /// Read a file of points.
    ReadPoints(PathBuf),
    /// Make the folder of the sweep stores.
    MakeFolder(PathBuf),
    /// Make and write a figure, a table or the report.
    Export(Box<Job>),
    /// Show a file in the system's window on its folder.
    Reveal(PathBuf),
    /// Put text on the clipboard.
    Copy(String),
    /// Ask a person for a path by a dialog.
    Pick(Wanted),
    /// Look whether a file is there.
    LookFor(PathBuf),
    /// Look what a study's votes would teach.
    LookForVotes(PathBuf),
    /// Size of everything.
    Zoom(f32),
    /// Take up the theme.
    Theme,
    /// Fill the screen, or no longer.
    Fullscreen(bool),
    /// Close the window.
    Close,
    /// Keep it open, though it was asked to close.
    KeepOpen,
}
