//! Commands of annotation: what they are called, and why one cannot run right now.

use paretoscope_core::annotate::Question;

use crate::command::{Annotation, AppCommand};
use crate::state::{
    AnnotatePage, AppState, Desk, DeskCard, DeskPhase, Overlay, StudyPhase, Weighed,
};

/// Whether a command of something else may run while somebody votes: it shows nothing but the view itself.
pub(super) fn is_neutral(command: &AppCommand) -> bool {
    use AppCommand as C;
    matches!(
        command,
        C::ToggleTheme
            | C::ZoomIn
            | C::ZoomOut
            | C::ZoomReset
            | C::ToggleFullscreen
            | C::Quit
            | C::Leave
            | C::Show(Overlay::Closing)
    )
}

/// Why a command of something else cannot run: somebody votes, and it could show what they must not see.
pub(super) fn blocked(command: &AppCommand, state: &AppState) -> Option<String> {
    let open = state.annotate.is_blind();
    let other = !matches!(command, AppCommand::Annotate(_)) && !is_neutral(command);
    (open && other).then(|| "somebody votes here; leave annotation first".to_owned())
}

/// What a command is called where no list names it.
pub(super) fn name(command: &Annotation) -> &'static str {
    match command {
        Annotation::Page(_) => "Look at this page of annotation",
        Annotation::SetForm(_) => "Change the new task",
        Annotation::Build => "Make the task",
        Annotation::More(..) => "Draw more items",
        Annotation::Weigh => "Weigh the votes",
        Annotation::StopWeighing => "Stop weighing the votes",
        Annotation::SetPair(..) => "Choose the objectives of the human front",
        Annotation::SetLend(_) => "Change what is lent",
        Annotation::Choose(_) => "Choose a file",
        Annotation::Pack => "Make the pack",
        Annotation::Bring => "Bring votes back",
        Annotation::ExportPairs => "Export pairs to train on",
        Annotation::ExportVotes => "Export votes for other programs",
        Annotation::Begin(_) => "Annotate",
        Annotation::TypeAlias(_) => "Type an alias",
        Annotation::Sit => "Begin to vote",
        Annotation::HandOver => "Hand over",
        Annotation::Digit(_) | Annotation::Pick(..) => "Choose",
        Annotation::Strength(..) => "Say how much better",
        Annotation::Objective(_) | Annotation::StepObjective(_) => "Go to another question",
        Annotation::Submit => "Submit",
        Annotation::TakeBack => "Undo",
        Annotation::Comment | Annotation::SetComment(_) => "Comment",
        Annotation::AskSkip | Annotation::SetReason(_) | Annotation::Skip => "Skip",
        Annotation::AskLeave | Annotation::SetWord(_) | Annotation::Leave => "Leave annotation",
        Annotation::Close => "Back to the item",
        Annotation::Live | Annotation::FieldTaken => "Go on",
        Annotation::Rested => "Go on after a break",
    }
}

/// Why a command cannot run right now, or `None`.
pub(super) fn why_not(command: &Annotation, state: &AppState) -> Option<String> {
    let say = |reason: &str| Some(reason.to_owned());
    let annotate = &state.annotate;
    match command {
        Annotation::Build => not_written(state).or_else(|| {
            let form = &annotate.form;
            match () {
                () if annotate.building => say("it is being made"),
                () if form.name.trim().is_empty() => say("give the task a name"),
                () if annotate.task(&form.name).is_some() => Some(format!(
                    "`{}` is there already, and its design is locked",
                    form.name
                )),
                () if form.file.as_ref().is_some_and(|f| f.as_os_str().is_empty()) => {
                    say("name the file of items and votes")
                }
                () if form.file.is_some() => None,
                () => match annotate.previewed() {
                    None => say("what it would ask is being counted"),
                    Some(Err(trouble)) => Some(trouble.message.clone()),
                    Some(Ok(_)) => None,
                },
            }
        }),
        Annotation::More(..) => not_written(state),
        Annotation::Begin(task) => not_written(state).or_else(|| {
            let empty = annotate
                .task(task)
                .is_some_and(|line| line.counts.items == 0);
            empty.then(|| "this task has no items".to_owned())
        }),
        Annotation::Weigh => match (&annotate.page, &annotate.weighed) {
            (AnnotatePage::Results(_), Weighed::Under(..)) => say("they are being weighed"),
            (AnnotatePage::Results(_), _) => None,
            _ => say("no task is looked at"),
        },
        Annotation::StopWeighing if !matches!(annotate.weighed, Weighed::Under(..)) => {
            say("nothing is being weighed")
        }
        Annotation::Pack => not_written(state).or_else(|| {
            let lend = &annotate.lend;
            match () {
                () if annotate.moving => say("a file is being written or read"),
                () if annotate.task(&lend.task).is_none() => say("choose a task"),
                () if lend.alias.trim().is_empty() => say("say whom it is for: A1, A2, ..."),
                () if lend.out.as_os_str().is_empty() => say("name the file, e.g. A3.study"),
                () => None,
            }
        }),
        Annotation::Bring => not_written(state).or_else(|| match () {
            () if annotate.moving => say("a file is being written or read"),
            () if annotate.lend.back.as_os_str().is_empty() => say("name the file"),
            () => None,
        }),
        Annotation::ExportPairs | Annotation::ExportVotes if annotate.moving => {
            say("a file is being written or read")
        }
        Annotation::ExportVotes if annotate.lend.votes.as_os_str().is_empty() => {
            say("name the file, e.g. votes.jsonl")
        }
        Annotation::ExportPairs if annotate.lend.pairs.as_os_str().is_empty() => {
            say("name the file, e.g. pairs.jsonl")
        }
        _ => annotate
            .desk
            .as_ref()
            .and_then(|desk| at_desk(command, desk)),
    }
}

pub(super) fn not_written(state: &AppState) -> Option<String> {
    match &state.study.phase {
        StudyPhase::Open => None,
        StudyPhase::None => Some("no study is open".to_owned()),
        StudyPhase::Opening => Some("the study is being opened".to_owned()),
        StudyPhase::ReadOnly(why) => Some(format!("the study can only be read: {why}")),
        StudyPhase::Failed(trouble) => Some(trouble.message.clone()),
    }
}

/// Why somebody at the blind view cannot do something.
fn at_desk(command: &Annotation, desk: &Desk) -> Option<String> {
    let say = |reason: &str| Some(reason.to_owned());
    let item = desk.item.as_ref();
    match command {
        Annotation::Sit if desk.typed.trim().is_empty() => say("say who votes: A1, A2, ..."),
        Annotation::Sit => None,
        Annotation::Leave if desk.word.trim().to_lowercase() != Desk::WORD => {
            Some(format!("type {} to leave", Desk::WORD))
        }
        Annotation::HandOver if desk.only.is_some() => say("this pack is for one person alone"),
        Annotation::HandOver | Annotation::TakeBack if desk.phase != DeskPhase::Seated => {
            say("nobody votes yet")
        }
        Annotation::TakeBack if desk.saved == 0 => say("nothing was voted on yet"),
        Annotation::Digit(_)
        | Annotation::Pick(..)
        | Annotation::Strength(..)
        | Annotation::Submit
        | Annotation::TakeBack
        | Annotation::AskSkip
        | Annotation::Comment
            if desk.busy =>
        {
            say("the vote is being saved")
        }
        Annotation::Digit(_)
        | Annotation::Pick(..)
        | Annotation::Strength(..)
        | Annotation::Submit
        | Annotation::AskSkip
        | Annotation::Skip
        | Annotation::Comment
            if item.is_none() =>
        {
            say("there is nothing to vote on")
        }
        Annotation::Digit(digit) if *digit > desk.digits() => {
            let question = item.map_or(Question::Pair, |item| item.question);
            let what = match question {
                Question::Pair => "this question has 4 choices",
                Question::Rating => "ratings go from 1 to 5",
                Question::Ranking => "there are fewer responses",
            };
            say(what)
        }
        Annotation::Submit => {
            let item = item?;
            let open = desk.next_open()?;
            let objective = item.objectives.get(open)?;
            Some(match item.question {
                Question::Pair => format!("choose by {objective} first"),
                Question::Rating => format!("rate by {objective} first"),
                Question::Ranking => format!("put all in order by {objective} first"),
            })
        }
        Annotation::Skip if desk.card == DeskCard::Skip && desk.reason.trim().is_empty() => {
            say("say why in a few words")
        }
        _ => None,
    }
}
