//! A picture of every panel in both themes, drawn by software Vulkan from the scripted engine.
//!
//! A change of the window that is meant: `app/tests/snapshots/update`, then look at every picture that changed. Pixels may
//! differ by a little, as between graphics drivers.

mod asked;
mod played;
mod scripted;
mod stored;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use egui_kittest::kittest::Queryable as _;
use egui_kittest::{SnapshotOptions, SnapshotResults};
use paretoscope::app::StartOptions;
use paretoscope::command::{Annotation, AppCommand, Gesture};
use paretoscope::state::{
    AnnotatePage, GenerateWhen, JudgeForm, Overlay, Panel, StudyPhase, SweepForm, ThemeChoice,
    Weighed,
};
use paretoscope_core::annotate::{Ballot, Picked};
use paretoscope_core::method::MethodKind;
use paretoscope_core::study::{Answered, Judgement, Looked, Study, SweepState};
use paretoscope_core::types::{Point, Preference};
use paretoscope_figure::of_study::{Asked, fronts};
use played::{Window, script, with_bundle};

/// A window in which panels take turns.
const PANEL: [f32; 2] = [620.0, 560.0];
/// A window in which a sheet has room.
const SHEET: [f32; 2] = [760.0, 600.0];
/// A window in which the results of votes have room.
const TALL: [f32; 2] = [1120.0, 1560.0];
/// All panels side by side.
const WINDOW: [f32; 2] = [1120.0, 700.0];

/// The windows that a person is likely to have: small, a projector's, a desk's.
const SIZES: [[f32; 2]; 3] = [[1024.0, 640.0], [1280.0, 720.0], [1920.0, 1080.0]];
/// Each sheet, and what its picture is called.
const SHEETS: [(Overlay, &str); 7] = [
    (Overlay::Bundle, "bundle"),
    (Overlay::Palette, "palette"),
    (Overlay::Shortcuts, "shortcuts"),
    (Overlay::Settings, "settings"),
    (Overlay::Interference, "interference"),
    (Overlay::Training, "training"),
    (Overlay::Export, "export"),
];
/// Those that speak of a study.
const OF_STUDY: [(Overlay, &str); 3] = [
    (Overlay::Study, "study"),
    (Overlay::Forgetting, "forgetting"),
    (Overlay::Closing, "closing"),
];
/// What a projector of 1280 by 720 pixels shows at 200 %, in points.
const DOUBLED: [f32; 2] = [640.0, 360.0];

/// How much a pixel may differ (weighted squared distance in YIQ), and how many may differ by more.
const TOLERANCE: f32 = 1.5;
const PIXELS: usize = 40;

/// The engine and the window that it plays for.
struct Scene<'a> {
    window: Window<'a>,
    folder: &'static str,
    size: [f32; 2],
}

impl Scene<'_> {
    /// A window of this size and theme, with answers, a pinned one and a finished sweep where `used`.
    fn new(size: [f32; 2], theme: ThemeChoice, used: bool) -> Self {
        Self::at(size, 1.0, theme, used)
    }

    /// With so many pixels to a point.
    fn at(size: [f32; 2], pixels: f32, theme: ThemeChoice, used: bool) -> Self {
        let options = StartOptions {
            demo: Some("/bundles/demo".into()),
            sweeps: "/data/sweeps".into(),
            training: "/data/training".into(),
            ..with_bundle()
        };
        let window = Window::open(size, script(), options, |builder| {
            builder.with_pixels_per_point(pixels)
        });
        let folder = if theme == ThemeChoice::Dark {
            "dark"
        } else {
            "light"
        };
        let mut scene = Self {
            window,
            folder,
            size,
        };
        scene.queue(AppCommand::SetTheme(theme));
        scene.queue(AppCommand::SetGenerate(GenerateWhen::Release));
        if used {
            for at in [[1.0, 0.0, 0.0], [0.25, 0.25, 0.5]] {
                let point = Point::Preference(Preference::new(at.to_vec()).expect("a preference"));
                scene.queue(AppCommand::Move(point, Gesture::Settled));
                scene.window.steps(70);
                if at[0] == 1.0 {
                    scene.queue(AppCommand::Pin);
                }
            }
            scene.queue(AppCommand::StartSweep);
            scene.window.steps(60);
        }
        scene
    }

    /// Puts a study with two sweeps into the window, as if its file were open: paths and times are those of no machine.
    fn study(&mut self) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("two.study");
        stored::swept(&path);
        let file = Study::peek(&path).expect("readable").expect("a study");
        let written = SystemTime::now() - Duration::from_mins(190);
        let written = written.duration_since(SystemTime::UNIX_EPOCH);
        let sweeps = file.sweeps().expect("sweeps").into_iter().map(|sweep| {
            Arc::new(SweepState {
                created: written.as_ref().expect("after 1970").as_millis() as i64,
                ..sweep
            })
        });
        let study = &mut self.window.harness.state_mut().state.study;
        study.path = Some("/data/mine.study".into());
        study.phase = StudyPhase::Open;
        study.sweeps = sweeps.collect();
        let front = fronts(&file, &Asked::default()).expect("fronts");
        let names = front.objectives.iter().map(|o| o.name.clone()).collect();
        study.reference = front.reference.clone().map(|numbers| (names, numbers));
        study.drawn = Some(Ok(Arc::new(front)));
        self.window.steps(4);
    }

    fn queue(&mut self, command: AppCommand) {
        self.window.harness.state_mut().queue(command);
        self.window.steps(3);
    }

    /// Opens a sheet; to be asked whether to close, something is under way.
    fn open(&mut self, overlay: Overlay) {
        if overlay == Overlay::Closing {
            let form = SweepForm {
                k: 30,
                ..SweepForm::default()
            };
            self.queue(AppCommand::SetSweep(form));
            self.queue(AppCommand::StartSweep);
        }
        self.queue(AppCommand::Show(overlay));
    }

    /// Holds what is drawn to the picture of this name.
    fn hold(&mut self, name: &str) {
        // What moves comes to rest.
        self.window.steps(8);
        let options = SnapshotOptions::new()
            .threshold(TOLERANCE)
            .max_failed_pixels(PIXELS);
        let name = format!("{}/{name}", self.folder);
        self.window.harness.snapshot_options(name, &options);
    }
}

impl Scene<'_> {
    /// Draws it for a person to look at.
    fn picture(&mut self, folder: &std::path::Path, name: &str) {
        self.window.steps(8);
        let [width, height] = self.size;
        let name = format!("{}-{width}x{height}-{name}.png", self.folder);
        let picture = self.window.harness.render().expect("it is drawn");
        picture.save(folder.join(name)).expect("it is written");
    }
}

/// A window with a study whose answers are judged, with no bundle loaded.
fn asking(size: [f32; 2], theme: ThemeChoice, study: &Path) -> Scene<'static> {
    let folder = if theme == ThemeChoice::Dark {
        "dark"
    } else {
        "light"
    };
    let mut scene = Scene {
        window: stored::window(size, study, None),
        folder,
        size,
    };
    scene.queue(AppCommand::SetTheme(theme));
    scene.queue(AppCommand::Show(Overlay::Annotate));
    scene
        .window
        .wait("the tasks", |w| w.state().annotate.list.is_some());
    scene
}

/// Whoever asks, and whoever votes.
fn draw_annotation(theme: ThemeChoice) -> SnapshotResults {
    let mut differing = SnapshotResults::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kettles.study");
    let texts = [
        "Fill it with equal parts of vinegar and water, let that stand for an hour, boil it once and rinse it well. \
         What is left comes off with a soft brush.",
        "Unplug it first and let it cool. Vinegar works, but keep a window open while it boils, and rinse it three \
         times before anybody drinks from it.",
        "Invite the lime to a vinegar bath; it will not survive the party. Rinse twice, unless you like your tea with a \
         dressing.",
    ];
    let text = |point: usize, prompt: usize| format!("{} ({})", texts[point], asked::words(prompt));
    let study = asked::swept_with(&path, 40, text);
    let made = asked::task(&study, "kettles", asked::design(90, &["helpful", "humor"]));
    let sitting = study.sit(&made, "A1").expect("a seat");
    for place in study.left(&sitting).expect("places") {
        let shown = study.show(&sitting, place).expect("an item");
        let ballots = ["helpful", "humor"].map(|objective| Ballot {
            objective: objective.to_owned(),
            picked: match (shown.sides[0] < shown.sides[1], place % 7) {
                (_, 5) => Picked::Tie,
                (first, off) if first == ((objective == "helpful") == (off != 3)) => Picked::Left,
                _ => Picked::Right,
            },
            strength: None,
            comment: None,
        });
        let looked = Looked {
            active_ms: 9000 + 100 * place as u64,
            early: false,
        };
        study
            .cast(&sitting, place, &ballots, looked)
            .expect("a vote");
    }
    drop(study);

    let mut builder = asking(WINDOW, theme, &path);
    let counted = |w: &Window<'_>| w.state().annotate.previewed().is_some();
    builder.window.wait("what it asks", counted);
    // Which items are seen twice is drawn by names that no two files share, and how many there are may differ by one.
    let mut form = builder.window.state().annotate.form.clone();
    form.design.repeats = 0.0;
    builder.queue(AppCommand::Annotate(Annotation::SetForm(Box::new(form))));
    builder.window.wait("what it asks now", counted);
    builder.hold("annotate-builder");
    differing.extend(builder.window.harness.take_snapshot_results());

    let mut results = asking(TALL, theme, &path);
    let page = AnnotatePage::Results("kettles".into());
    results.queue(AppCommand::Annotate(Annotation::Page(page)));
    results.window.wait("its numbers", |w| {
        matches!(w.state().annotate.weighed, Weighed::Done(_))
    });
    results.hold("annotate-results");
    differing.extend(results.window.harness.take_snapshot_results());

    for (size, name) in [(WINDOW, "annotate-blind"), (PANEL, "annotate-blind-small")] {
        let mut blind = asking(size, theme, &path);
        blind.queue(AppCommand::Annotate(Annotation::Begin("kettles".into())));
        blind.queue(AppCommand::Annotate(Annotation::TypeAlias("A2".into())));
        if size == WINDOW {
            blind.hold("annotate-door");
        }
        blind.queue(AppCommand::Annotate(Annotation::Sit));
        blind.window.wait("an item", |w| {
            let desk = w.state().annotate.desk.as_ref();
            desk.is_some_and(|desk| desk.item.is_some())
        });
        blind.queue(AppCommand::Annotate(Annotation::Digit(1)));
        blind.hold(name);
        differing.extend(blind.window.harness.take_snapshot_results());
    }

    let mut judge = judging(theme, &path);
    judge.hold("judge");
    differing.extend(judge.window.harness.take_snapshot_results());
    differing
}

/// The sheet of judges: one has judged a part, and what it would be sent next is shown. Nothing listens there, and nothing
/// is sent.
fn judging(theme: ThemeChoice, path: &Path) -> Scene<'static> {
    let form = JudgeForm {
        task: "kettles".to_owned(),
        endpoint: "http://127.0.0.1:8000/v1".to_owned(),
        model: "small-judge".to_owned(),
        price_in: 0.4,
        price_out: 1.6,
        ..JudgeForm::default()
    };
    let study = Study::open(path).expect("a study");
    let task = study.task_named("task", "kettles").expect("a task");
    let of = form.plan(path).expect("a plan").of;
    let judge = study.judge(&of).expect("a judge");
    let left = study.unjudged(&task, &of, &["helpful", "humor"].map(str::to_owned));
    for (at, item) in left.expect("items").iter().take(40).enumerate() {
        for objective in &item.objectives {
            let first = (item.sides[0] < item.sides[1]) == (objective == "helpful");
            let [straight, other] = if first {
                [Answered::First, Answered::Second]
            } else {
                [Answered::Second, Answered::First]
            };
            // Now and then it goes by the place.
            let turned = if at % 6 == 5 { straight.clone() } else { other };
            let said = Judgement {
                straight,
                turned,
                took_ms: 900,
            };
            let kept = study.judge_votes(&judge, item, objective, &said);
            kept.expect("a vote");
        }
    }
    drop(study);
    let options = StartOptions {
        bundle: None,
        study: Some(path.to_path_buf()),
        study_named: true,
        judge: Some(paretoscope_judge::spawn(Arc::new(|| {})).expect("a thread")),
        ..with_bundle()
    };
    let mut scene = Scene {
        window: Window::open(TALL, script(), options, |builder| builder),
        folder: if theme == ThemeChoice::Dark {
            "dark"
        } else {
            "light"
        },
        size: TALL,
    };
    scene.queue(AppCommand::SetTheme(theme));
    scene
        .window
        .wait("the tasks", |w| w.state().annotate.list.is_some());
    scene.queue(AppCommand::ShowJudge("kettles".into()));
    scene.queue(AppCommand::SetJudge(Box::new(form)));
    scene.window.wait("what would be sent, and was said", |w| {
        let judge = &w.state().judge;
        let plan = w.state().judge_plan().expect("a plan");
        let said = judge.said.as_ref().is_some_and(|of| of.said.is_some());
        judge.seen(&plan).is_some() && said
    });
    scene
}

/// Draws every scene in a theme.
fn draw(theme: ThemeChoice) {
    // Dropped at the end, it fails with everything that differs.
    let mut differing = SnapshotResults::new();
    let mut fresh = Scene::new(WINDOW, theme, false);
    fresh.hold("start");
    differing.extend(fresh.window.harness.take_snapshot_results());
    let mut panels = Scene::new(PANEL, theme, true);
    for panel in Panel::ALL {
        panels.queue(AppCommand::Focus(panel));
        panels.hold(&panel.title().to_lowercase());
    }
    differing.extend(panels.window.harness.take_snapshot_results());
    differing.extend(draw_methods(theme));
    let mut sheets = Scene::new(SHEET, theme, true);
    for (overlay, name) in SHEETS {
        sheets.queue(AppCommand::Show(overlay));
        sheets.hold(name);
        sheets.queue(AppCommand::Show(overlay));
    }
    differing.extend(sheets.window.harness.take_snapshot_results());
    differing.extend(draw_annotation(theme));
    differing.extend(draw_study(theme));
    let mut window = Scene::new(WINDOW, theme, true);
    window.hold("window");
    differing.extend(window.window.harness.take_snapshot_results());
}

/// Draws the picker of methods, closed and open, and the ticks of the sweep's form.
fn draw_methods(theme: ThemeChoice) -> SnapshotResults {
    let mut scene = Scene::new([PANEL[0], 760.0], theme, false);
    scene.queue(AppCommand::Focus(Panel::Point));
    scene.queue(AppCommand::SetMethod(MethodKind::Args));
    let list = "Method of answers";
    scene.window.harness.get_by_label(list).scroll_to_me();
    scene.hold("method");
    scene.window.harness.get_by_label(list).click();
    scene.hold("methods");
    scene.window.harness.key_press(egui::Key::Escape);
    scene.queue(AppCommand::Focus(Panel::Sweep));
    let methods = ["hoe", "mod", "pcb"].map(|name| name.parse().expect("a method"));
    scene.queue(AppCommand::SetSweep(SweepForm {
        methods: methods.to_vec(),
        ..SweepForm::default()
    }));
    scene.hold("sweep-methods");
    scene.window.harness.take_snapshot_results()
}

/// Draws what a study with two sweeps shows, in a usual window and in a small one at 200 %.
fn draw_study(theme: ThemeChoice) -> SnapshotResults {
    let mut differing = SnapshotResults::new();
    for (size, pixels, named) in [(SHEET, 1.0, ""), (DOUBLED, 2.0, "-200")] {
        let mut scene = Scene::at(size, pixels, theme, true);
        scene.study();
        scene.queue(AppCommand::Focus(Panel::Front));
        scene.hold(&format!("front-others{named}"));
        for (overlay, name) in OF_STUDY {
            scene.open(overlay);
            scene.hold(&format!("{name}{named}"));
            scene.queue(AppCommand::Show(overlay));
        }
        differing.extend(scene.window.harness.take_snapshot_results());
    }
    differing
}

#[test]
fn every_panel_in_the_dark_theme() {
    draw(ThemeChoice::Dark);
}

#[test]
fn every_panel_in_the_light_theme() {
    draw(ThemeChoice::Light);
}

/// Nothing is held to anything: 74 pictures under `target/tmp/pictures`, to be looked at after a change of many panels.
#[test]
#[ignore = "draws pictures for a person"]
fn every_panel_in_both_themes_at_three_sizes() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        for size in SIZES {
            let mut scene = Scene::new(size, theme, false);
            scene.picture(&folder, "start");
            let mut scene = Scene::new(size, theme, true);
            scene.picture(&folder, "window");
            for (overlay, name) in SHEETS {
                scene.queue(AppCommand::Show(overlay));
                scene.picture(&folder, name);
                scene.queue(AppCommand::Show(overlay));
            }
            scene.study();
            scene.picture(&folder, "others");
            for (overlay, name) in OF_STUDY {
                scene.open(overlay);
                scene.picture(&folder, name);
                scene.queue(AppCommand::Show(overlay));
            }
        }
    }
}
