//! The engine as the window sees it, and the news worth telling.

/// Whether the engine's thread is up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EnginePhase {
    /// No word yet.
    #[default]
    Starting,
    /// Up.
    Ready,
    /// Gone, with the panic where it was one.
    Stopped(Option<String>),
}

/// The engine's thread and device.
#[derive(Debug, Default)]
pub struct EngineState {
    /// Up or not.
    pub phase: EnginePhase,
    /// Where it runs, in words.
    pub device: String,
    /// Why that is not the device asked for.
    pub fallback: Option<String>,
    /// The last news, shown in the status strip and announced.
    pub notice: Option<Notice>,
}

/// What kind of news it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Good or neutral.
    Info,
    /// Something did not work.
    Error,
}

/// One line of news.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Good or bad.
    pub kind: NoticeKind,
    /// The line.
    pub text: String,
    /// When, in [`crate::state::AppState::now`] seconds.
    pub at: f64,
}

impl Notice {
    /// How long good news stay; bad news stay until the next.
    pub const SECONDS: f64 = 8.0;
}
