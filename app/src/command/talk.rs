//! What a speaker can do: on the stage, and with the stops of a talk.

use paretoscope_core::study::{Stop, Uid};

use super::Gesture;

/// One thing that a speaker can do.
#[derive(Debug, Clone, PartialEq)]
pub enum TalkCommand {
    /// Begin the talk.
    Start,
    /// End it; all is as it was before.
    Leave,
    /// The next stop.
    Next,
    /// The one before.
    Previous,
    /// The first.
    First,
    /// The last.
    Last,
    /// Type a digit of a stop's number.
    Digit(u8),
    /// Go to the stop whose number was typed; without one, answer again where the point stands.
    Enter,
    /// Black, or not.
    Blank,
    /// Show the time on the stage, or not.
    Clock,
    /// The time begins again at 0.
    RestartClock,
    /// Notes in a window of their own, or not.
    Notes,
    /// Compare with the answer that stands there, or no longer.
    Pin,
    /// Move the point of the stage: one share per objective.
    Point(Vec<f64>, Gesture),
    /// Triangle, answer and front, large, in place of the panels; or the panels again.
    Large,
    /// On which screen the stage is; this window where `None`.
    Screen(Option<usize>),

    /// Keep what is looked at as the last stop of the talk.
    SaveStop,
    /// Begin another talk.
    NewDeck,
    /// Look at another talk of the study.
    ChooseDeck(Uid),
    /// Name the talk.
    RenameDeck(String),
    /// Remove the talk and its stops.
    RemoveDeck,
    /// Look at a stop in the list.
    ChooseStop(Uid),
    /// Change a stop from what was known of it.
    Change {
        /// Which.
        stop: Uid,
        /// What was known.
        from: Box<Stop>,
        /// What it becomes.
        to: Box<Stop>,
    },
    /// A stop takes what is looked at now; its title, notes and how it comes stay.
    Retake(Uid),
    /// The current answer becomes what a stop falls back on.
    Record(Uid),
    /// Move a stop down (+1) or up (-1).
    MoveStop(Uid, isize),
    /// Remove a stop.
    RemoveStop(Uid),
    /// Open a copy of the talk that ships with the demonstration.
    OpenShipped,
}

impl TalkCommand {
    /// What it is called.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Start => "Start the talk",
            Self::Leave => "End the talk",
            Self::Next => "Next stop of the talk",
            Self::Previous => "Previous stop of the talk",
            Self::First => "First stop of the talk",
            Self::Last => "Last stop of the talk",
            Self::Digit(_) => "Type a stop's number",
            Self::Enter => "Go to this stop, or answer again",
            Self::Blank => "Black stage",
            Self::Clock => "Show the time of the talk",
            Self::RestartClock => "Begin the time of the talk again",
            Self::Notes => "Speaker's notes",
            Self::Pin => "Compare with the answer on stage",
            Self::Point(..) => "Move the point on stage",
            Self::Large => "Triangle, answer and front, large; or all panels again",
            Self::Screen(_) => "Choose the screen of the stage",
            Self::SaveStop => "Save this view as a stop of the talk",
            Self::NewDeck => "New talk",
            Self::ChooseDeck(_) => "Choose a talk",
            Self::RenameDeck(_) => "Rename the talk",
            Self::RemoveDeck => "Remove the talk",
            Self::ChooseStop(_) => "Choose a stop",
            Self::Change { .. } => "Change a stop",
            Self::Retake(_) => "Take this view for a stop",
            Self::Record(_) => "Record an answer for a stop",
            Self::MoveStop(..) => "Move a stop",
            Self::RemoveStop(_) => "Remove a stop",
            Self::OpenShipped => "Open the talk of the demonstration",
        }
    }
}
