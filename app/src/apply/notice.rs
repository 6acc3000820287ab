//! The line of news in the status strip.

use crate::state::{AppState, Notice, NoticeKind};

/// Puts a line of news into the status strip.
pub(crate) fn notify(state: &mut AppState, kind: NoticeKind, text: String) {
    state.engine.notice = Some(Notice {
        kind,
        text,
        at: state.now,
    });
}
