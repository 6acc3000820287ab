//! A picture of every panel in both themes, drawn by software Vulkan from the scripted engine.
//!
//! A change of the window that is meant: `app/tests/snapshots/update`, then look at every picture that changed. Pixels may
//! differ by a little, as between graphics drivers; where there is no adapter to draw with, the tests say so and pass,
//! except under `CI`.

mod scripted;

use std::sync::LazyLock;

use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use paretoscope::app::{App, StartOptions};
use paretoscope::command::{AppCommand, Gesture};
use paretoscope::state::{GenerateWhen, Overlay, Panel, ThemeChoice};
use paretoscope_core::types::{Point, Preference};
use scripted::Scripted;

/// A window in which panels take turns.
const PANEL: [f32; 2] = [620.0, 560.0];
/// A window in which a sheet has room.
const SHEET: [f32; 2] = [760.0, 600.0];
/// All panels side by side.
const WINDOW: [f32; 2] = [1120.0, 700.0];

/// How much a pixel may differ (weighted squared distance in YIQ), and how many may differ by more.
const TOLERANCE: f32 = 1.5;
const PIXELS: usize = 40;

/// Whether anything can be drawn here.
static ADAPTER: LazyLock<bool> = LazyLock::new(|| {
    let found = std::panic::catch_unwind(|| drop(egui_kittest::wgpu::WgpuTestRenderer::new()));
    found.is_ok()
});

/// The engine and the window that it plays for.
struct Scene<'a> {
    harness: Harness<'a, App>,
    engine: Scripted,
    folder: &'static str,
}

impl Scene<'_> {
    /// A window of this size and theme, with answers, a pinned one and a finished sweep where `used`.
    fn new(size: [f32; 2], theme: ThemeChoice, used: bool) -> Self {
        let (engine, handle) = Scripted::new(scripted::bundle::info());
        let options = StartOptions {
            bundle: Some("/bundles/one".into()),
            demo: Some("/bundles/demo".into()),
            sweeps: "/data/sweeps".into(),
            training: "/data/training".into(),
            clock: None,
        };
        let harness = Harness::builder()
            .with_size(egui::Vec2::from(size))
            .wgpu()
            .build_eframe(|creation| App::new(creation, handle, options));
        let folder = if theme == ThemeChoice::Dark {
            "dark"
        } else {
            "light"
        };
        let mut scene = Self {
            harness,
            engine,
            folder,
        };
        scene.steps(3);
        scene.queue(AppCommand::SetTheme(theme));
        scene.queue(AppCommand::SetGenerate(GenerateWhen::Release));
        if used {
            for at in [[1.0, 0.0, 0.0], [0.25, 0.25, 0.5]] {
                let point = Point::Preference(Preference::new(at.to_vec()).expect("a preference"));
                scene.queue(AppCommand::Move(point, Gesture::Settled));
                scene.steps(70);
                if at[0] == 1.0 {
                    scene.queue(AppCommand::Pin);
                }
            }
            scene.queue(AppCommand::StartSweep);
            scene.steps(60);
        }
        scene
    }

    /// Frames and engine steps in turn.
    fn steps(&mut self, n: usize) {
        for _ in 0..n {
            self.engine.step();
            self.harness.run_steps(1);
        }
    }

    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.steps(3);
    }

    /// Holds what is drawn to the picture of this name.
    fn hold(&mut self, name: &str) {
        // What moves comes to rest.
        self.steps(8);
        let options = SnapshotOptions::new()
            .threshold(TOLERANCE)
            .max_failed_pixels(PIXELS);
        let name = format!("{}/{name}", self.folder);
        self.harness.snapshot_options(name, &options);
    }
}

/// Draws every scene in a theme.
fn draw(theme: ThemeChoice) {
    if !*ADAPTER {
        assert!(
            std::env::var_os("CI").is_none(),
            "no graphics adapter, not even a software one: install mesa-vulkan-drivers"
        );
        return;
    }
    // Dropped at the end, it fails with everything that differs.
    let mut differing = SnapshotResults::new();
    let mut fresh = Scene::new(WINDOW, theme, false);
    fresh.hold("start");
    differing.extend(fresh.harness.take_snapshot_results());
    let mut panels = Scene::new(PANEL, theme, true);
    for panel in Panel::ALL {
        panels.queue(AppCommand::Focus(panel));
        panels.hold(&panel.title().to_lowercase());
    }
    differing.extend(panels.harness.take_snapshot_results());
    let mut sheets = Scene::new(SHEET, theme, true);
    for (overlay, name) in [
        (Overlay::Bundle, "bundle"),
        (Overlay::Palette, "palette"),
        (Overlay::Shortcuts, "shortcuts"),
        (Overlay::Settings, "settings"),
        (Overlay::Interference, "interference"),
        (Overlay::Training, "training"),
    ] {
        sheets.queue(AppCommand::Show(overlay));
        sheets.hold(name);
        sheets.queue(AppCommand::Show(overlay));
    }
    differing.extend(sheets.harness.take_snapshot_results());
    let mut window = Scene::new(WINDOW, theme, true);
    window.hold("window");
    differing.extend(window.harness.take_snapshot_results());
}

#[test]
fn every_panel_in_the_dark_theme() {
    draw(ThemeChoice::Dark);
}

#[test]
fn every_panel_in_the_light_theme() {
    draw(ThemeChoice::Light);
}
