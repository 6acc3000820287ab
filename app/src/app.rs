//! The frame loop: `logic` takes in what came, `ui` paints and queues what a person wants.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use paretoscope_core::protocol::{EngineEvent, EngineHandle, JudgeHandle};

use crate::apply::{self, Effect};
use crate::bridge::{Bridge, DRAIN_BUDGET};
use crate::command::{AppCommand, CommandQueue};
use crate::judge::JudgeBridge;
use crate::keeper::Keeper;
use crate::start_clock::StartClock;
use crate::state::AppState;
use crate::study::{StudyCommand, StudyThread};
use crate::tasks::{TaskAnswer, Tasks};
use crate::{keys, locate, theme, view};

/// The program's name.
pub const NAME: &str = "Paretoscope";
/// Seconds after a change that it is written down, with all that changed meanwhile.
const SAVE_AFTER: f64 = 0.5;
/// How long closing waits for rows that are being written.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the program was started with.
#[derive(Debug, Default)]
pub struct StartOptions {
    /// The bundle named on the command line.
    pub bundle: Option<PathBuf>,
    /// The demonstration bundle, where one was found.
    pub demo: Option<PathBuf>,
    /// The study named on the command line, else the usual one; none is kept where this is `None`.
    pub study: Option<PathBuf>,
    /// Whether a person named it, so that it comes before the one opened last.
    pub study_named: bool,
    /// The folder of sweep stores.
    pub sweeps: PathBuf,
    /// The folder of training runs.
    pub training: PathBuf,
    /// Where the copy of the talk that ships lies.
    pub talk: PathBuf,
    /// What asks judges; nothing does where this is `None`.
    pub judge: Option<JudgeHandle>,
    /// Measures the start, then closes.
    pub clock: Option<StartClock>,
}

impl StartOptions {
    /// With the usual folders.
    pub fn new(bundle: Option<PathBuf>, study: Option<PathBuf>) -> Self {
        Self {
            bundle,
            study_named: study.is_some(),
            study: Some(study.unwrap_or_else(locate::study)),
            demo: locate::demo(),
            sweeps: locate::sweeps(),
            training: locate::training(),
            talk: locate::talk(),
            judge: None,
            clock: None,
        }
    }
}

/// The window.
pub struct App {
    /// Everything that is shown.
    pub state: AppState,
    keeper: Keeper,
    bridge: Bridge,
    judge: JudgeBridge,
    tasks: Tasks,
    /// `None` where the system gave no thread for it.
    study: Option<StudyThread>,
    queue: CommandQueue,
    panels: view::Panels,
    clock: Option<StartClock>,
    /// Whether a text field had the keyboard in the last frame.
    wrote: bool,
    /// How often a pointer button was pressed.
    presses: u64,
    /// What the window is called.
    title: String,
    /// When something changed that is not written down yet.
    changed: Option<f64>,
    /// egui's time when it was last asked for.
    painted: f64,
    /// When that was.
    asked: Instant,
}

impl App {
    /// Opens on a running (or scripted) engine.
    pub fn new(
        creation: &eframe::CreationContext<'_>,
        engine: EngineHandle,
        options: StartOptions,
    ) -> Self {
        let remembers = creation.storage.is_some();
        let folder = remembers.then(|| eframe::storage_dir(locate::APP_ID));
        let keeper = Keeper::new(folder.flatten());
        let (prefs, kept) = keeper.read();
        let ctx = &creation.egui_ctx;
        theme::install(ctx);
        ctx.options_mut(|o| o.zoom_with_keyboard = false);
        let mut state = AppState {
            prefs: prefs.unwrap_or_default(),
            kept: kept.unwrap_or_default(),
            ..AppState::default()
        };
        state.talk.shipped = options.demo.as_deref().and_then(locate::shipped_talk);
        state.talk.copy = options.talk;
        state.bundle.demo = options.demo;
        state.sweep.folder = options.sweeps;
        state.training.folder = options.training;
        let mut app = Self {
            state,
            keeper,
            bridge: Bridge::new(engine),
            judge: JudgeBridge::new(options.judge),
            tasks: Tasks::new(ctx.clone()),
            study: None,
            queue: CommandQueue::default(),
            panels: view::Panels::new(creation.wgpu_render_state.as_ref().map(|r| r.target_format)),
            clock: options.clock,
            wrote: false,
            presses: 0,
            title: String::new(),
            changed: None,
            painted: f64::NEG_INFINITY,
            asked: Instant::now(),
        };
        let last = app.state.prefs.study.clone().filter(|path| path.is_file());
        let study = match (options.study_named, last) {
            (false, Some(last)) => options.study.map(|_usual| last),
            _ => options.study,
        };
        if let Some(folder) = study.as_deref().and_then(Path::parent)
            && !options.study_named
        {
            Self::make_folder(folder);
        }
        if options.study_named {
            // From now on the one to begin with, wherever the next start is made from.
            let named = study.as_deref().map(std::path::absolute);
            app.state.prefs.study = named.and_then(Result::ok);
            app.changed = Some(app.state.now);
        }
        let mut effects = Vec::new();
        apply::start(&mut app.state, options.bundle, study, &mut effects);
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
                Effect::Judge(command) => self.judge.send(command),
                Effect::Study(command) => self.ask_study(ctx, command),
                Effect::ReadPoints(path) => self.tasks.read_points(path),
                Effect::Export(job) => self.tasks.export(*job),
                Effect::Reveal(path) => self.tasks.reveal(path),
                Effect::MakeFolder(path) => Self::make_folder(&path),
                Effect::Copy(text) => ctx.copy_text(text),
                Effect::Pick(wanted) => self.tasks.pick(wanted),
                Effect::LookFor(path) => self.tasks.look_for(path),
                Effect::LookForVotes(path) => self.tasks.look_for_votes(path),
                Effect::Zoom(zoom) => ctx.set_zoom_factor(zoom),
                Effect::Theme => theme::choose(ctx, &self.state.prefs),
                Effect::Fullscreen(on) => {
                    ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(on));
                }
                Effect::KeepOpen => ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose),
                Effect::Close => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            }
        }
    }

    /// Without the folder, who needs it says why nothing can be kept there.
    fn make_folder(path: &Path) {
        if let Err(error) = std::fs::create_dir_all(path) {
            tracing::warn!("cannot make {}: {error}", path.display());
        }
    }

    /// Asks the study's thread, which begins with the first question.
    fn ask_study(&mut self, ctx: &egui::Context, command: StudyCommand) {
        if self.study.is_none() {
            let ctx = ctx.clone();
            match StudyThread::start(Arc::new(move || ctx.request_repaint())) {
                Ok(thread) => self.study = Some(thread),
                Err(error) => {
                    apply::no_study_thread(&mut self.state, &error.to_string());
                    return;
                }
            }
        }
        if let Some(thread) = &mut self.study {
            thread.send(command);
        }
    }

    /// Carries out the commands of this frame.
    fn apply_queue(&mut self, ctx: &egui::Context) {
        let commands = self.queue.take();
        if commands.is_empty() {
            return;
        }
        self.changed.get_or_insert(self.state.now);
        let mut effects = Vec::new();
        for command in commands {
            apply::command(&mut self.state, command, &mut effects);
        }
        self.run(ctx, effects);
        // What was painted above is older than this.
        ctx.request_repaint();
    }

    /// Writes settings and view down a moment after they changed: a window that is killed loses no more.
    fn save_soon(&mut self, ctx: &egui::Context) {
        let Some(changed) = self.changed else { return };
        let rest = changed + SAVE_AFTER - self.state.now;
        if rest > 0.0 {
            ctx.request_repaint_after(Duration::from_secs_f64(rest));
            return;
        }
        self.changed = None;
        self.write_down();
    }

    fn write_down(&mut self) {
        self.keeper.write(&self.state.prefs);
        if let Some(thread) = &mut self.study
            && let Some(view) = apply::keep(&mut self.state)
        {
            thread.send(view);
        }
    }

    /// Seconds since the start. While nothing is painted egui's own clock stands still; this one does not.
    fn time(&mut self, ctx: &egui::Context) -> f64 {
        let painted = ctx.time();
        let now = if painted > self.painted {
            painted.max(self.state.now)
        } else {
            self.state.now + self.asked.elapsed().as_secs_f64()
        };
        (self.painted, self.asked) = (painted, Instant::now());
        now
    }

    /// Names the window after the bundle in use.
    fn entitle(&mut self, ctx: &egui::Context) {
        // While somebody votes, nothing names a model.
        let blind = self.state.annotate.is_blind();
        let title = self.state.info().filter(|_| !blind).map_or_else(
            || NAME.to_owned(),
            |bundle| format!("{} \u{2013} {NAME}", bundle.name),
        );
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// What is done while a button is held is one gesture.
    fn follow_pointer(&mut self, ctx: &egui::Context) {
        let (pressed, held) = ctx.input(|i| {
            let ended = i.pointer.any_released();
            (i.pointer.any_pressed(), i.pointer.any_down() || ended)
        });
        self.presses += u64::from(pressed);
        self.state.undo.press = held.then_some(self.presses);
    }

    fn take_answers(&mut self, effects: &mut Vec<Effect>) {
        for answer in self.tasks.answers() {
            match answer {
                TaskAnswer::Picked(wanted, path) => {
                    apply::picked(&mut self.state, wanted, path, effects);
                }
                TaskAnswer::NoDialog(wanted) => {
                    apply::no_dialog(&mut self.state, wanted, effects);
                }
                TaskAnswer::LookedFor(path, found) => {
                    apply::looked_for(&mut self.state, &path, found);
                }
                TaskAnswer::VotesFound(path, found) => {
                    apply::votes_found(&mut self.state, &path, found);
                }
                TaskAnswer::PointsRead(path, read) => {
                    apply::points_read(&mut self.state, &path, read);
                }
                TaskAnswer::Exporting(news) => apply::exporting(&mut self.state, news),
                TaskAnswer::NoThread(reason) => apply::no_thread(&mut self.state, &reason),
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.state.now = self.time(ctx);
        let mut effects = Vec::new();
        let (state, mut told) = (&mut self.state, false);
        let more = self.bridge.drain(DRAIN_BUDGET, |event| {
            // Tokens and progress change nothing that is kept.
            told |= matches!(
                event,
                EngineEvent::Finished { .. }
                    | EngineEvent::Scored { .. }
                    | EngineEvent::Loaded { .. }
            );
            apply::event(state, event, &mut effects)
        });
        if told {
            self.changed.get_or_insert(self.state.now);
        }
        self.take_answers(&mut effects);
        for news in self
            .study
            .as_mut()
            .map(StudyThread::news)
            .unwrap_or_default()
        {
            // Under which names answers stand is kept.
            self.changed.get_or_insert(self.state.now);
            apply::study_news(&mut self.state, news, &mut effects);
        }
        for news in self.judge.news() {
            apply::judge_news(&mut self.state, news);
        }
        self.state.judge.is_there = self.judge.is_there();
        apply::tick(&mut self.state, &mut effects);
        self.run(ctx, effects);
        self.entitle(ctx);
        // Here and not where it is painted: a window that is minimised is closed as well.
        if ctx.input(|i| i.viewport().close_requested()) && !self.state.leaving {
            self.queue.push(AppCommand::Quit);
            self.apply_queue(ctx);
        }
        self.save_soon(ctx);
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
        keys::take(ui.ctx(), &self.state, self.wrote, &mut self.queue);
        self.wrote = ui.ctx().text_edit_focused();
        self.follow_pointer(ui.ctx());
        for path in ui.input(|i| {
            i.raw
                .dropped_files
                .iter()
                .map(|f| f.path().to_path_buf())
                .collect::<Vec<_>>()
        }) {
            self.queue.push(AppCommand::Dropped(path));
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

    fn on_exit(&mut self) {
        self.write_down();
        // What streams at this moment is kept as far as it came.
        let mut effects = Vec::new();
        if self.state.session.running().is_some() {
            apply::command(&mut self.state, AppCommand::Stop, &mut effects);
        }
        for effect in std::mem::take(&mut effects) {
            if let Effect::Send(command) = effect {
                self.bridge.send(command);
            }
        }
        let state = &mut self.state;
        self.bridge.shut_down(PATIENCE, |event| {
            apply::event(state, event, &mut effects);
        });
        for effect in effects {
            if let (Effect::Study(command), Some(thread)) = (effect, &mut self.study) {
                thread.send(command);
            }
        }
        for news in self
            .study
            .as_mut()
            .map(StudyThread::finish)
            .unwrap_or_default()
        {
            apply::study_news(&mut self.state, news, &mut Vec::new());
        }
        self.keeper.wait();
    }
}
