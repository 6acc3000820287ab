//! Names of commands that the palette does not list, because they carry words of their own.

use crate::command::AppCommand;

/// What such a command is called; `None` of those that the palette lists.
#[allow(clippy::too_many_lines, reason = "a table: one line per command")]
pub(super) fn name(command: &AppCommand) -> Option<&'static str> {
    use AppCommand as C;
    Some(match command {
        C::SelectRun(_) => "Look at this answer",
        C::CopyText(_) => "Copy this answer",
        C::ForgetNow => "Forget the answers",
        C::AnswerSize(_) => "Change the size of answers",
        C::Move(..) => "Move the point",
        C::Preset(_) => "Go to this preset",
        C::SetMode(_) => "Interpolate or extrapolate",
        C::SetAxes(_) => "Choose the objectives",
        C::FocusAxis(_) => "Choose the objective that keys move",
        C::EditField(..) => "Type a number of the point",
        C::EndField => "Leave the number",
        C::SetC(_) => "Set the largest weight",
        C::SetGenerate(_) => "Choose when a moved point is answered",
        C::ShowExperts(_) => "Show the experts",
        C::ShowCells(_) => "Show the cells",
        C::ShowSwept(_) => "Show the points of the sweep",
        C::Magnet(_) => "Snap to experts",
        C::ToggleMute(_) => "Mute this expert",
        C::ToggleSolo(_) => "Hear this expert alone",
        C::SetPrompt(_) => "Change the prompt",
        C::SetTurn(..) => "Change this turn",
        C::FocusTurn(_) => "Choose this turn",
        C::MoveTurn(_) => "Move this turn",
        C::PickSample(_) => "Take this prompt",
        C::SetSampling(_) => "Change how tokens are chosen",
        C::SetMethod(_) => "Choose the method",
        C::SetSweep(_) => "Change the sweep",
        C::ChoosePoints => "Choose a file of points",
        C::FillPoints(_) => "Fill in these points",
        C::SelectDot(_) => "Look at this dot",
        C::StepRow(_) => "Look at another prompt of the dot",
        C::OpenStudy(_) => "Open this study",
        C::TickSweep(..) => "Draw this sweep",
        C::SetSplit(_) => "Choose the prompts that count",
        C::ForgetChosen => "Choose no points",
        C::SweepChosen => "Sweep the chosen points",
        C::SetReference(..) => "Move the reference",
        C::ChooseFront(..) => "Choose the points on the fronts",
        C::SetPair(..) => "Choose the objectives of the plot",
        C::ZoomFronts(_) => "Zoom the fronts",
        C::SelectMark(_) => "Look at this dot of the study",
        C::StepMark(_) => "Look at another dot of the study",
        C::StepMarkRow(_) => "Look at another prompt of the dot of the study",
        C::PinMark => "Pin this dot of the study",
        C::UnpinMark => "Unpin the dot of the study",
        C::SortDiffering(_) => "Sort the prompts of two dots",
        C::SelectDiffering(_) | C::StepDiffering(_) => "Look at another prompt of two dots",
        C::ResumeSweep(_) => "Go on with this sweep",
        C::ShowExport(_) => "Export this",
        C::SetExport(_) => "Change the export",
        C::ChooseExport => "Choose a file to export to",
        C::Export => "Write the export",
        C::RevealExport => "Show the folder of what was written",
        C::SetNote(..) => "Note something on this answer",
        C::AddTag(..) => "Tag this answer",
        C::RemoveTag(..) => "Take a tag from this answer",
        C::FilterTag(_) => "Show answers of a tag alone",
        C::SeekHistory(_) => "Search the history",
        C::ShowStored(_) => "Look at this stored answer",
        C::SetPareto(_) => "Change or zoom the plot",
        C::SetHeatmap(_) => "Change the heatmap",
        C::SetTiers(_) => "Look at other modules",
        C::StepTierLayer(_) => "Look at another layer",
        C::StepTierModule(_) => "Look at another module",
        C::LoadBundle(_) => "Open this bundle",
        C::ChooseBundle => "Choose a bundle's folder",
        C::TypePath(_) => "Type a path",
        C::Compare(..) => "Compare the adapters",
        C::Try(..) => "Score this text",
        C::TryCurrent => "Score the answer as a text",
        C::DismissFailure => "Put the failure away",
        C::CancelLoad => "Stop loading",
        C::SetTraining(_) => "Change the training",
        C::ChooseExamples => "Choose a file of examples",
        C::StartTraining => "Start the training",
        C::ResumeTraining(_) => "Go on with this training",
        C::SelectTraining(_) => "Look at this training",
        C::LoadTraining(_) => "Load what this training made",
        C::Talk(command) => command.title(),
        C::SetLearn(_) => "Change what is learnt",
        C::StartLearn => "Learn from these votes",
        C::LoadLearnt => "Load what was learnt",
        C::ShowJudge(_) => "Let a model vote on this task",
        C::SetJudge(_) => "Change what the judge is asked",
        C::SendToJudge => "Send it to the judge",
        C::Show(_) => "Open this sheet",
        C::Query(_) => "Search",
        C::MarkRow(_) => "Mark this line",
        C::Focus(_) | C::FocusTaken => "Go to this panel",
        C::SetDivision(_) => "Divide the window",
        C::Dropped(_) => "Take what was dropped",
        C::DismissFirstSteps => "Put the first steps away",
        C::Leave => "Close the window",
        C::Annotate(command) => super::annotate::name(command),
        C::SetTheme(_) => "Choose the theme",
        C::SetZoom(_) => "Set the size",
        C::ReduceMotion(_) => "Reduce motion",
        C::Generate
        | C::Stop
        | C::Regenerate
        | C::ToggleRaw
        | C::ToggleDifferences
        | C::NextSeed
        | C::Pin
        | C::Unpin
        | C::ForgetAnswers
        | C::ClearMutes
        | C::ToggleConversation
        | C::AddTurn
        | C::AddSystemTurn
        | C::RemoveTurn
        | C::Continue
        | C::ToggleGiven
        | C::ToggleIds
        | C::ChoosePrompts
        | C::StartSweep
        | C::TogglePause
        | C::ToggleFullscreen
        | C::CancelSweep
        | C::SwapSweep
        | C::ChooseStudy
        | C::FreeReference
        | C::ToggleStar
        | C::ToggleStarred
        | C::TakeOver
        | C::Undo
        | C::Redo
        | C::Fit
        | C::ToggleTable
        | C::LoadDemo
        | C::CancelTraining
        | C::CancelLearn
        | C::CancelJudge
        | C::NextPanel
        | C::ToggleTheme
        | C::ZoomIn
        | C::ZoomOut
        | C::ZoomReset
        | C::Quit => return None,
    })
}
