//! Everything a person can do, as data: views queue commands, [`crate::apply`] carries them out.

mod annotate;
mod talk;

use std::path::PathBuf;

use paretoscope_core::method::MethodKind;
use paretoscope_core::stats::By;
use paretoscope_core::study::Uid;
use paretoscope_core::types::{Channel, Compared, Measure, Message, Point, Split};

use crate::export::What;
use crate::state::{
    Division, ExportForm, GenerateWhen, HeatmapOptions, JudgeForm, LearnForm, Mode, Overlay, Panel,
    PlotOptions, PointsOf, RunId, SamplingForm, SweepForm, ThemeChoice, TierOptions, TrainForm,
};

pub use annotate::Annotation;
pub use talk::TalkCommand;

/// How a move of the point counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gesture {
    /// On the way: the pointer holds it.
    Moving,
    /// A step by an arrow key: there may be more.
    Step,
    /// Let go, or jumped: may start a generation.
    Settled,
}

/// One thing that a person can do.
#[derive(Debug, Clone, PartialEq)]
pub enum AppCommand {
    /// Generate at the point.
    Generate,
    /// Stop the run that streams.
    Stop,
    /// Generate the current run again from its start, at the point where it stands now.
    Regenerate,
    /// Generate with the next seed.
    NextSeed,
    /// Make the current run the pinned one.
    Pin,
    /// Forget the pinned run.
    Unpin,
    /// Bring the point, the prompt and the text of a run back.
    SelectRun(RunId),
    /// Copy a run's text.
    CopyText(RunId),
    /// Forget all answers, of every bundle; asks first.
    ForgetAnswers,
    /// Forget them now.
    ForgetNow,
    /// Answers as written, or with their Markdown set.
    ToggleRaw,
    /// Mark the words that differ from the pinned answer, or not.
    ToggleDifferences,
    /// Text of answers larger (+1) or smaller (-1).
    AnswerSize(i8),

    /// Move the point.
    Move(Point, Gesture),
    /// Go to preset 1 to 7: corners, edge midpoints, centre.
    Preset(usize),
    /// Simplex or box.
    SetMode(Mode),
    /// Which objectives vary.
    SetAxes(Vec<usize>),
    /// Which objective the arrow keys move, by place in the axes.
    FocusAxis(usize),
    /// Type into a numeric field of the point.
    EditField(usize, String),
    /// Leave a numeric field.
    EndField,
    /// Largest extrapolation weight.
    SetC(f64),
    /// When a moved point starts a generation.
    SetGenerate(GenerateWhen),
    /// Draw the experts or not.
    ShowExperts(bool),
    /// Draw the cells or not.
    ShowCells(bool),
    /// Draw the points of the sweep or not.
    ShowSwept(bool),
    /// Snap to experts or not.
    Magnet(bool),

    /// Mute an expert or a value vector, or hear it again.
    ToggleMute(Channel),
    /// Hear an expert or a value vector alone, or no longer.
    ToggleSolo(Channel),
    /// Hear everything.
    ClearMutes,

    /// Change the prompt.
    SetPrompt(String),
    /// One text, or a conversation of several turns.
    ToggleConversation,
    /// Change a turn of the conversation.
    SetTurn(usize, Message),
    /// The turn that the keyboard commands act on.
    FocusTurn(usize),
    /// Add a turn at the end.
    AddTurn,
    /// Add a system turn at the beginning.
    AddSystemTurn,
    /// Remove the turn that the keyboard is in.
    RemoveTurn,
    /// Move that turn down (+1) or up (-1).
    MoveTurn(isize),
    /// Go on from the answer that is looked at: it becomes the model's turn.
    Continue,
    /// Show what the model would be given for the prompt, or not.
    ToggleGiven,
    /// Write the ids of tokens out there, or not.
    ToggleIds,
    /// Take a sample of the bundle.
    PickSample(usize),
    /// Change how tokens are chosen, or what is set of the method.
    SetSampling(SamplingForm),
    /// Choose by which method the point becomes an answer.
    SetMethod(MethodKind),

    /// Change the sweep's form.
    SetSweep(SweepForm),
    /// Pick the sweep's prompts by a dialog.
    ChoosePrompts,
    /// Pick the file of the sweep's points by a dialog.
    ChoosePoints,
    /// Fill the sweep's typed points with some that are known.
    FillPoints(PointsOf),
    /// Start the sweep, or go on with what its store holds.
    StartSweep,
    /// Pause or go on.
    TogglePause,
    /// Stop the sweep; what is finished stays.
    CancelSweep,
    /// Put the sweep before into the plot, or back.
    SwapSweep,
    /// Look at a dot: its texts, its routing. Nothing moves.
    SelectDot(Option<usize>),
    /// Look at the next (+1) or previous (-1) row of the selected dot.
    StepRow(isize),

    /// Open this study, or make it.
    OpenStudy(PathBuf),
    /// Pick a study by a dialog.
    ChooseStudy,
    /// Draw a sweep of the study, or no longer.
    TickSweep(i64, bool),
    /// Choose the prompts that count for the study's fronts; all of them where `None`.
    SetSplit(Option<Split>),
    /// Choose the points on the fronts of a part of the prompts, and show them on another.
    ChooseFront(Option<Split>, Option<Split>),
    /// Nothing is chosen any more.
    ForgetChosen,
    /// Fill the sweep's form with the chosen points and the prompts that are shown.
    SweepChosen,
    /// Move the reference of hypervolumes along an axis.
    SetReference(usize, f64),
    /// Measure the reference again.
    FreeReference,
    /// Which objectives of the study's fronts are plotted, to the right and up.
    SetPair(usize, usize),
    /// Which part of them is seen, to the right and up, in raw scores; all where `None`.
    ZoomFronts(Option<[[f64; 2]; 2]>),
    /// Look at the stored answers of a dot of the study's fronts.
    SelectMark(Option<String>),
    /// Look at the next (+1) or previous (-1) dot on them.
    StepMark(isize),
    /// Look at its answer to the next (+1) or previous (-1) prompt.
    StepMarkRow(isize),
    /// Compare other dots with the one that is looked at.
    PinMark,
    /// No dot is compared any more.
    UnpinMark,
    /// By what the prompts of two dots are sorted.
    SortDiffering(By),
    /// Look at one of these prompts, by its rank from 0.
    SelectDiffering(usize),
    /// Look at the next (+1) or previous (-1) one.
    StepDiffering(isize),
    /// Go on with a sweep of the study that was stopped.
    ResumeSweep(i64),
    /// Open the export sheet for this plot or table.
    ShowExport(What),
    /// Change what is to be written for use elsewhere.
    SetExport(ExportForm),
    /// Pick its file by a dialog.
    ChooseExport,
    /// Write it.
    Export,
    /// Show what was written in the system's window on its folder.
    RevealExport,
    /// Star the current answer, or no longer.
    ToggleStar,
    /// Note something on an answer.
    SetNote(RunId, String),
    /// Tag an answer.
    AddTag(RunId, String),
    /// Take a tag from an answer.
    RemoveTag(RunId, String),
    /// Show answers of the history with this tag alone, or all.
    FilterTag(Option<String>),
    /// Show starred answers of the history alone, or all.
    ToggleStarred,
    /// Search the history.
    SeekHistory(String),
    /// Look at an answer that the search found.
    ShowStored(Uid),

    /// Change how the Pareto panel is looked at.
    SetPareto(PlotOptions),
    /// Show everything in the Pareto plot.
    Fit,
    /// Plot or table.
    ToggleTable,
    /// Change how the heatmap is looked at.
    SetHeatmap(HeatmapOptions),
    /// Look at the tiers of routing in other modules.
    SetTiers(TierOptions),
    /// Look at them in the next (+1) or previous (-1) layer.
    StepTierLayer(isize),
    /// Look at them in the next (+1) or previous (-1) module of a layer.
    StepTierModule(isize),

    /// Load a bundle.
    LoadBundle(PathBuf),
    /// A file or folder was dropped onto the window.
    Dropped(PathBuf),
    /// Load the demonstration bundle.
    LoadDemo,
    /// Pick a bundle by a dialog.
    ChooseBundle,
    /// Type into the path field.
    TypePath(String),
    /// Compare the bundle's adapters pair by pair.
    Compare(Compared, Measure),
    /// Score a text by hand: prompt and answer.
    Try(String, String),
    /// Score the answer that is looked at, as a text to be changed by hand.
    TryCurrent,
    /// Put the last load failure away.
    DismissFailure,
    /// Give up the load that is under way.
    CancelLoad,

    /// Change the training form.
    SetTraining(Box<TrainForm>),
    /// Pick the file of examples by a dialog.
    ChooseExamples,
    /// Start what the training form asks for.
    StartTraining,
    /// Write a checkpoint and end the run under way.
    CancelTraining,
    /// Go on with a run from its newest checkpoint, by its folder.
    ResumeTraining(PathBuf),
    /// Look at a run, by its folder.
    SelectTraining(PathBuf),
    /// Load a bundle that has a run's result as well, by the run's folder.
    LoadTraining(PathBuf),

    /// Something of annotation.
    Annotate(Annotation),

    /// What a speaker does: the stage, the stops of a talk.
    Talk(TalkCommand),
    /// Change what is to be learnt from votes.
    SetLearn(Box<LearnForm>),
    /// Learn it, or go on.
    StartLearn,
    /// End it where it can go on.
    CancelLearn,
    /// Open the bundle that has what was learnt.
    LoadLearnt,

    /// Open the sheet of judges for a task.
    ShowJudge(String),
    /// Change what a judge is asked.
    SetJudge(Box<JudgeForm>),
    /// Send what is shown to the judge.
    SendToJudge,
    /// End it after the request under way.
    CancelJudge,

    /// Take the study's view and undo from the window that has them.
    TakeOver,
    /// Take the last step back.
    Undo,
    /// Do again what was taken back last.
    Redo,
    /// Open or close a sheet.
    Show(Overlay),
    /// Type into the palette.
    Query(String),
    /// Move the palette's mark.
    MarkRow(usize),
    /// Bring a panel to the front and give it the keyboard.
    Focus(Panel),
    /// The panel that asked for the keyboard has it now.
    FocusTaken,
    /// The next panel.
    NextPanel,
    /// Light, dark or system.
    SetTheme(ThemeChoice),
    /// Light to dark and back.
    ToggleTheme,
    /// Divide the window otherwise.
    SetDivision(Division),
    /// Size of everything.
    SetZoom(f32),
    /// Larger.
    ZoomIn,
    /// Smaller.
    ZoomOut,
    /// 100 %.
    ZoomReset,
    /// No animations.
    ReduceMotion(bool),
    /// The first steps are known.
    DismissFirstSteps,
    /// Full screen and back.
    ToggleFullscreen,
    /// Close the window; asks first while work is under way.
    Quit,
    /// Close the window, whatever is under way.
    Leave,
}

/// Commands of this frame, in order.
#[derive(Debug, Default)]
pub struct CommandQueue(Vec<AppCommand>);

impl CommandQueue {
    /// Adds a command.
    pub fn push(&mut self, command: AppCommand) {
        self.0.push(command);
    }

    /// Takes all commands.
    pub fn take(&mut self) -> Vec<AppCommand> {
        std::mem::take(&mut self.0)
    }
}
