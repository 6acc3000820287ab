//! The real window on a scripted engine, as most tests of the window begin. Each file adds what it looks at.
#![allow(dead_code, reason = "each test file uses its own part")]

use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, HarnessBuilder};
use paretoscope::app::{App, StartOptions};
use paretoscope::state::AppState;
use paretoscope_core::protocol::EngineHandle;

use crate::scripted::{self, Scripted};

/// The window and the engine that plays for it.
pub(crate) struct Window<'a> {
    pub(crate) harness: Harness<'a, App>,
    pub(crate) engine: Scripted,
}

/// A bundle named on the command line, and folders of the test's own.
pub(crate) fn with_bundle() -> StartOptions {
    StartOptions {
        bundle: Some("/bundles/one".into()),
        sweeps: env!("CARGO_TARGET_TMPDIR").into(),
        training: concat!(env!("CARGO_TARGET_TMPDIR"), "/training").into(),
        ..StartOptions::default()
    }
}

/// The usual script.
pub(crate) fn script() -> (Scripted, EngineHandle) {
    Scripted::new(scripted::bundle::info())
}

impl Window<'_> {
    /// Opens one of this size in points; `with` changes how its frames are made.
    pub(crate) fn open(
        size: [f32; 2],
        (engine, handle): (Scripted, EngineHandle),
        options: StartOptions,
        with: impl FnOnce(HarnessBuilder<App>) -> HarnessBuilder<App>,
    ) -> Self {
        let builder = Harness::builder().with_size(egui::Vec2::from(size)).wgpu();
        let harness = with(builder).build_eframe(|creation| App::new(creation, handle, options));
        let mut window = Self { harness, engine };
        window.steps(3);
        window
    }
}

impl Window<'_> {
    /// Frames and engine steps in turn; time passes between them.
    pub(crate) fn steps(&mut self, n: usize) {
        for _ in 0..n {
            self.engine.step();
            self.harness.run_steps(1);
        }
    }

    /// Frames alone: the engine says nothing new.
    pub(crate) fn frames(&mut self, n: usize) {
        self.harness.run_steps(n);
    }

    pub(crate) fn state(&self) -> &AppState {
        &self.harness.state().state
    }

    /// Whether anything is labelled with these words, or more.
    pub(crate) fn sees(&self, words: &str) -> bool {
        let mut found = self.harness.query_all_by_label_contains(words);
        found.next().is_some()
    }
}
