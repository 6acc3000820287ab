//! Why a speaker's command cannot run right now.

use crate::command::TalkCommand;
use crate::state::{AppState, StudyPhase};

/// Why it cannot, or `None`.
pub(super) fn why_not(command: &TalkCommand, state: &AppState) -> Option<String> {
    use TalkCommand as T;
    let say = |reason: &str| Some(reason.to_owned());
    match command {
        T::Start if state.talk.stops().is_empty() && state.info().is_none() => {
            say("load a bundle first, or open a study with a talk")
        }
        T::Large if state.info().is_none() => say("load a bundle first"),
        T::OpenShipped if state.talk.shipped.is_none() => {
            say("talk/talk.study was not found beside the demonstration bundle")
        }
        T::SaveStop | T::Retake(_) => no_edit(state).or_else(|| {
            if state.info().is_none() {
                return say("load a bundle first");
            }
            no_record(state).filter(|_| state.session.current.is_some())
        }),
        T::Record(_) => no_edit(state).or_else(|| no_record(state)),
        T::RemoveDeck | T::RenameDeck(_) if state.talk.deck().is_none() => say("there is no talk"),
        T::NewDeck
        | T::RenameDeck(_)
        | T::RemoveDeck
        | T::Change { .. }
        | T::MoveStop(..)
        | T::RemoveStop(_) => no_edit(state),
        _ => None,
    }
}

/// Why talks cannot be changed.
fn no_edit(state: &AppState) -> Option<String> {
    match &state.study.phase {
        StudyPhase::None => Some("no study is open, which keeps talks".to_owned()),
        StudyPhase::Opening => Some("the study is being opened".to_owned()),
        StudyPhase::Failed(trouble) => Some(trouble.message.clone()),
        StudyPhase::ReadOnly(why) => Some(format!("the study can only be read: {why}")),
        StudyPhase::Open => state.study.theirs.as_ref().map(|(who, _)| {
            format!("the study's talks belong to {who}; take over to change them here")
        }),
    }
}

/// Why the current answer cannot be shown by a stop.
fn no_record(state: &AppState) -> Option<String> {
    match state.session.current() {
        None => Some("there is no answer yet".to_owned()),
        Some(run) if run.phase.is_running() => Some("the answer is still being written".to_owned()),
        Some(run) if run.stored.is_none() => Some("this answer is not in the study".to_owned()),
        Some(_) => None,
    }
}
