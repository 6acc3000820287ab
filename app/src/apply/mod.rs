//! The one writer of state: commands and engine events in, effects out.

use std::path::PathBuf;

use paretoscope_engine::protocol::EngineCommand;

/// What has to happen outside the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell the engine.
    Send(EngineCommand),
    /// Put text on the clipboard.
    Copy(String),
    /// Ask for a bundle's folder.
    PickFolder,
    /// Ask for a file of prompts.
    PickPrompts,
    /// Read a file of prompts.
    ReadPrompts(PathBuf),
    /// Size of everything.
    Zoom(f32),
    /// Close the window.
    Close,
}
