//! What crosses the thread between a window and a judge. The window speaks to no network: it asks this thread, which sends
//! what a person saw and nothing else.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::types::{JudgePlan, JudgePreview, JudgeProgress};

/// What a judge's thread can be asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JudgeCommand {
    /// Say what a plan would send. Nothing is sent, and nothing is written. Of several that wait, only the last is answered.
    Look(Arc<JudgePlan>),
    /// Send it, where it is still what a person saw.
    Judge(Arc<JudgePlan>, Arc<JudgePreview>),
    /// End the run after the request under way; what is kept stays.
    Cancel,
}

/// What it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JudgeNews {
    /// What a plan would send, or why nothing can be sent.
    Seen(Arc<JudgePlan>, Result<Arc<JudgePreview>, Trouble>),
    /// How far a run is. Left out where the window is slow.
    Progress(JudgeProgress),
    /// A request failed, and why; it is sent again after so many seconds.
    Waits(String, f64),
    /// A run is over, as far as it came.
    Ended(JudgeProgress, JudgeEnd),
}

/// How a run ended. Whatever it is, verdicts that came are kept, and the same plan asks for the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum JudgeEnd {
    /// Nothing is left to ask.
    Done,
    /// A person stopped it.
    Cancelled,
    /// It could not go on, and why.
    Failed(Trouble),
}

/// A window's end of the two channels. A judge whose commands are dropped ends.
#[derive(Debug, Clone)]
pub struct JudgeHandle {
    /// To the judge.
    pub commands: Sender<JudgeCommand>,
    /// From it.
    pub news: Receiver<JudgeNews>,
}
