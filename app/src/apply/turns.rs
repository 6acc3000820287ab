//! The conversation of the prompt editor.

use paretoscope_core::types::{Message, Prompt};

use crate::state::{AppState, Panel, PromptState};

/// Between one text and a conversation. What was written on the other side is kept.
pub(super) fn toggle(state: &mut AppState) {
    let prompt = &mut state.prompt;
    prompt.conversation = !prompt.conversation;
    let users = |turn: &&mut Message| turn.role == "user";
    if prompt.conversation {
        match prompt.turns.iter_mut().rfind(users) {
            Some(last) => last.content.clone_from(&prompt.text),
            None => {
                prompt.turns = vec![Message::system(""), Message::user(prompt.text.clone())];
            }
        }
        prompt.turn = 0;
    } else if let Some(last) = prompt.turns.iter_mut().rfind(users) {
        prompt.text.clone_from(&last.content);
    }
    state.overlay.focus = Some(Panel::Answers);
    changed(state);
}

/// Puts a conversation into the editor.
pub(super) fn show(state: &mut AppState, turns: Vec<Message>) {
    state.prompt.conversation = true;
    state.prompt.turn = turns.len().saturating_sub(1);
    state.prompt.turns = turns;
    changed(state);
}

pub(super) fn set(state: &mut AppState, index: usize, turn: Message) {
    if let Some(slot) = state.prompt.turns.get_mut(index) {
        *slot = turn;
        state.prompt.turn = index;
        changed(state);
    }
}

pub(super) fn focus(state: &mut AppState, index: usize) {
    if index < state.prompt.turns.len() {
        state.prompt.turn = index;
    }
}

/// Adds a turn of the role that goes on, and puts the keyboard there.
pub(super) fn add(state: &mut AppState) {
    let role = state.prompt.next_role();
    state.prompt.turns.push(Message::new(role, ""));
    write_in(state, state.prompt.turns.len() - 1);
}

pub(super) fn add_system(state: &mut AppState) {
    state.prompt.turns.insert(0, Message::system(""));
    write_in(state, 0);
}

pub(super) fn remove(state: &mut AppState) {
    let at = state.prompt.turn;
    if at < state.prompt.turns.len() {
        state.prompt.turns.remove(at);
        write_in(state, at.min(state.prompt.turns.len().saturating_sub(1)));
    }
}

/// Moves the turn that the keyboard is in; the keyboard goes with it.
pub(super) fn step(state: &mut AppState, by: isize) {
    let (from, count) = (state.prompt.turn, state.prompt.turns.len());
    if let Some(to) = from.checked_add_signed(by).filter(|to| *to < count) {
        state.prompt.turns.swap(from, to);
        write_in(state, to);
    }
}

/// The answer that is looked at becomes the model's turn, and an empty one of the user follows.
pub(super) fn go_on(state: &mut AppState) {
    let Some(run) = state.session.current() else {
        return;
    };
    let Some(mut turns) = PromptState::turns_of(&run.prompt) else {
        return;
    };
    turns.push(Message::assistant(run.text.clone()));
    turns.push(Message::user(""));
    show(state, turns);
    write_in(state, state.prompt.turns.len() - 1);
}

/// Puts the keyboard into a turn.
fn write_in(state: &mut AppState, turn: usize) {
    state.prompt.turn = turn;
    state.overlay.focus = Some(Panel::Answers);
    changed(state);
}

/// What follows from another prompt: the sample that it equals, what is remembered, the sweep's cost.
fn changed(state: &mut AppState) {
    if state.prompt.conversation {
        let now = Prompt::Messages(state.prompt.turns.clone());
        state.prompt.sample = state
            .info()
            .and_then(|b| b.prompts.iter().position(|s| s.prompt == now));
    } else {
        super::rows::set_prompt(state, state.prompt.text.clone());
    }
    state.prefs.conversation = state.prompt.conversation;
    state.prefs.turns.clone_from(&state.prompt.turns);
    super::sweep::recount(state);
}
