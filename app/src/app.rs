//! The frame loop: `logic` takes in what came, `ui` paints and queues what a person wants.

use std::path::PathBuf;
use std::time::Duration;

use paretoscope_core::protocol::EngineHandle;

use crate::apply::{self, Effect};
use crate::bridge::{Bridge, DRAIN_BUDGET};
use crate::command::{AppCommand, CommandQueue};
use crate::start_clock::StartClock;
use crate::state::{AppState, Prefs};
use crate::tasks::{TaskAnswer, Tasks};
use crate::{keys, locate, theme, view};

/// How long closing waits for rows that are being written.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the program was started with.
#[derive(Debug, Default)]
pub struct StartOptions {
    /// The bundle named on the command line.
    pub bundle: Option<PathBuf>,
    /// The demonstration bundle, where one was found.
    pub demo: Option<PathBuf>,
    /// The folder of sweep stores.
    pub sweeps: PathBuf,
    /// The folder of training runs.
    pub training: PathBuf,
    /// Measures the start, then closes.
    pub clock: Option<StartClock>,
}

impl StartOptions {
    /// With the usual folders.
    pub fn new(bundle: Option<PathBuf>) -> Self {
        Self {
            bundle,
            demo: locate::demo(),
            sweeps: locate::sweeps(),
            training: locate::training(),
            clock: None,
        }
    }
}

/// The window.
pub struct App {
    /// Everything that is shown.
    pub state: AppState,
    bridge: Bridge,
    tasks: Tasks,
    queue: CommandQueue,
    panels: view::Panels,
    clock: Option<StartClock>,
}

impl App {
    /// Opens on a running (or scripted) engine.
    pub fn new(
        creation: &eframe::CreationContext<'_>,
        engine: EngineHandle,
        options: StartOptions,
    ) -> Self {
        let prefs: Prefs = creation
            .storage
            .and_then(|storage| eframe::get_value(storage, eframe::APP_KEY))
            .unwrap_or_default();
        let ctx = &creation.egui_ctx;
        theme::install(ctx);
        ctx.options_mut(|o| o.zoom_with_keyboard = false);
        let mut state = AppState {
            prefs,
            ..AppState::default()
        };
        state.bundle.demo = options.demo;
        state.sweep.folder = options.sweeps;
        state.training.folder = options.training;
        let mut app = Self {
            state,
            bridge: Bridge::new(engine),
            tasks: Tasks::new(ctx.clone()),
            queue: CommandQueue::default(),
            panels: view::Panels::new(creation.wgpu_render_state.as_ref().map(|r| r.target_format)),
            clock: options.clock,
        };
        let mut effects = Vec::new();
        apply::start(&mut app.state, options.bundle, &mut effects);
        app.run(ctx, effects);
        app
    }

    /// Queues a command, as a view would.
    pub fn queue(&mut self, command: AppCommand) {
        self.queue.push(command);
    }

    /// Carries out effects.
    fn run(&mut self, ctx: &egui::Context, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(command) => self.bridge.send(command),
                Effect::MakeFolder(path) => {
                    // Without the folder the engine refuses the store and says why.
                    if let Err(error) = std::fs::create_dir_all(&path) {
                        tracing::warn!("cannot make {}: {error}", path.display());
                    }
                }
                Effect::Copy(text) => ctx.copy_text(text),
                Effect::PickFolder => self.tasks.pick_folder(),
                Effect::PickPrompts => self.tasks.pick_prompts(),
                Effect::PickExamples => self.tasks.pick_examples(),
                Effect::Zoom(zoom) => ctx.set_zoom_factor(zoom),
                Effect::Theme => theme::choose(ctx, &self.state.prefs),
                Effect::Close => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            }
        }
    }

    /// Carries out the commands of this frame.
    fn apply_queue(&mut self, ctx: &egui::Context) {
        let commands = self.queue.take();
        if commands.is_empty() {
            return;
        }
        let mut effects = Vec::new();
        for command in commands {
            apply::command(&mut self.state, command, &mut effects);
        }
        self.run(ctx, effects);
        // What was painted above is older than this.
        ctx.request_repaint();
    }

    fn take_answers(&mut self, effects: &mut Vec<Effect>) {
        for answer in self.tasks.answers() {
            match answer {
                TaskAnswer::Folder(path) => apply::folder_picked(&mut self.state, path, effects),
                TaskAnswer::PromptFile(path) => {
                    apply::prompts_chosen(&mut self.state, path, effects)
                }
                TaskAnswer::Examples(path) => apply::data_chosen(&mut self.state, path),
                TaskAnswer::NoThread(reason) => apply::no_dialog(&mut self.state, &reason),
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.state.now = ctx.time();
        let mut effects = Vec::new();
        let state = &mut self.state;
        let more = self.bridge.drain(DRAIN_BUDGET, |event| {
            apply::event(state, event, &mut effects)
        });
        self.take_answers(&mut effects);
        apply::tick(&mut self.state, &mut effects);
        self.run(ctx, effects);
        let waiting = !self.bridge.flush();
        if more {
            ctx.request_repaint();
        } else if waiting {
            ctx.request_repaint_after(Duration::from_millis(10));
        } else if let Some(rest) = apply::wake_after(&self.state) {
            ctx.request_repaint_after_secs(rest);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        keys::take(ui.ctx(), &self.state, &mut self.queue);
        for path in ui.input(|i| {
            i.raw
                .dropped_files
                .iter()
                .map(|f| f.path().to_path_buf())
                .collect::<Vec<_>>()
        }) {
            self.queue.push(AppCommand::LoadBundle(path));
        }
        view::window_ui(ui, &mut self.panels, &self.state, &mut self.queue);
        let ctx = ui.ctx().clone();
        self.apply_queue(&ctx);
        if let Some(clock) = &mut self.clock {
            match clock.frame(self.state.bundle.current.is_some()) {
                Ok(false) => {}
                Ok(true) => {
                    self.clock = None;
                    ctx.send_viewport_cmd(egui::ViewportCommand::Close);
                }
                Err(error) => tracing::warn!("cannot print how long the start took: {error}"),
            }
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, eframe::APP_KEY, &self.state.prefs);
    }

    fn on_exit(&mut self) {
        self.bridge.shut_down(PATIENCE);
    }
}
