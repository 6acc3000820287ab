//! Training in the real window on a scripted engine, driven by its accessibility tree.

mod played;
mod scripted;

use std::ops::{Deref, DerefMut};

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use paretoscope::app::StartOptions;
use paretoscope::command::AppCommand;
use paretoscope::state::{Overlay, TrainForm, TrainPhase};
use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::types::{Part, TrainMethod, TrainTask, WeightedData};
use played::{Window, script};
use scripted::TRAIN_STEPS;

/// A window with the training sheet open, and files of its own.
struct Desk<'a> {
    window: Window<'a>,
    data: tempfile::NamedTempFile,
    _folder: tempfile::TempDir,
}

impl<'a> Deref for Desk<'a> {
    type Target = Window<'a>;

    fn deref(&self) -> &Self::Target {
        &self.window
    }
}

impl DerefMut for Desk<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.window
    }
}

fn desk<'a>(size: [f32; 2], bundle: Option<&str>) -> Desk<'a> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = StartOptions {
        bundle: bundle.map(Into::into),
        demo: bundle.map(|_| "/bundles/demo".into()),
        sweeps: folder.path().join("sweeps"),
        training: folder.path().join("training"),
        ..StartOptions::default()
    };
    let mut window = Window::open(size, script(), options, |builder| builder);
    window
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::T);
    window.steps(3);
    Desk {
        window,
        data: tempfile::NamedTempFile::new().expect("a temporary file"),
        _folder: folder,
    }
}

impl Desk<'_> {
    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.harness.run_steps(2);
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.steps(2);
    }

    /// The form filled in so that it can start.
    fn fill(&mut self, name: &str) {
        let mut form = TrainForm {
            name: name.to_owned(),
            data: self.data.path().to_path_buf(),
            ..self.state().training.form.clone()
        };
        if let TrainTask::Dpo(job) = &mut form.task {
            job.config.against = vec!["experts/helpful".into()];
        }
        self.queue(AppCommand::SetTraining(Box::new(form)));
    }

    fn phase(&self) -> TrainPhase {
        let run = self.state().training.selected().expect("a run");
        run.phase.clone()
    }
}

const WIDE: [f32; 2] = [1280.0, 800.0];

#[test]
fn the_sheet_says_what_is_missing_beside_the_field() {
    let mut w = desk(WIDE, Some("/bundles/one"));
    assert_eq!(w.state().overlay.open, Overlay::Training);
    assert!(w.sees("No runs yet"));
    assert!(w.sees("To do: choose a file of examples"));
    assert!(w.sees("To do: tick at least one earlier vector"));
    let start = w.harness.get_by_label("Start training");
    let node = start.accesskit_node();
    assert!(node.is_disabled());
    let why = node.data().description().unwrap_or_default().to_owned();
    assert!(why.contains("choose a file of examples"), "{why}");
    let form = TrainForm {
        data: "/nowhere.jsonl".into(),
        name: "../escape".to_owned(),
        kind: TrainMethod::Dpo,
        preference: vec![0.0, 0.0, 1.0],
        ..w.state().training.form.clone()
    };
    w.queue(AppCommand::SetTraining(Box::new(form)));
    // A thread looks for it.
    for _ in 0..500 {
        w.steps(1);
        if w.sees("there is no such file") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(w.sees("there is no such file"));
    assert!(w.sees("a name is made of"));
    assert!(w.sees("humor"), "another expert stands there");
    w.queue(AppCommand::StartTraining);
    w.steps(1);
    let trains = |c: &EngineCommand| matches!(c, EngineCommand::Train { .. });
    assert_eq!(w.engine.count(trains), 0);
}

#[test]
fn a_run_shows_its_curves_is_cancelled_resumed_and_loaded() {
    let mut w = desk(WIDE, Some("/bundles/one"));
    w.fill("mine");
    w.click("Start training");
    w.steps(14);
    assert_eq!(w.phase(), TrainPhase::Running);
    assert!(w.sees("Step 1"));
    assert!(w.sees("tokens/s"));
    for curve in ["loss", "reward", "margin", "cosine"] {
        let name = format!("Curve of {curve}");
        assert!(w.harness.query_by_label(&name).is_some(), "{name}");
    }
    // Another run has to wait, and says so.
    w.fill("other");
    let why = paretoscope::registry::why_not(&AppCommand::StartTraining, w.state());
    assert!(why.is_some_and(|why| why.contains("mine is being trained")));
    w.click("Cancel");
    w.steps(2);
    assert_eq!(w.phase(), TrainPhase::Cancelled);
    w.click("Resume from step 10");
    w.steps(2);
    let run = w.state().training.selected().expect("a run");
    let numbers: Vec<usize> = run.steps.iter().map(|s| s.step).collect();
    assert_eq!(numbers[..11], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    w.steps(TRAIN_STEPS);
    assert_eq!(w.phase(), TrainPhase::Done);
    // The scripted run left no file: the sheet says so, and the bundle stays.
    w.click("Load result");
    for _ in 0..200 {
        w.steps(1);
        std::thread::sleep(std::time::Duration::from_millis(5));
        if w.state().training.trouble.is_some() {
            break;
        }
    }
    w.steps(1);
    assert!(w.sees("the result was not loaded"));
}

#[test]
fn the_plan_holds_what_the_form_says() {
    let mut w = desk(WIDE, Some("/bundles/one"));
    w.click("Adapter by DPO");
    w.click("LoRA expert");
    w.fill("placed");
    let form = TrainForm {
        preference: vec![1.0, 1.0, 0.0],
        ..w.state().training.form.clone()
    };
    w.queue(AppCommand::SetTraining(Box::new(form)));
    w.click("Start training");
    let plan = w.engine.log.iter().find_map(|c| match c {
        EngineCommand::Train { plan, .. } => Some(plan.clone()),
        _ => None,
    });
    let plan = plan.expect("a training command");
    assert_eq!(plan.bundle(), Some(std::path::Path::new("/bundles/one")));
    assert!(plan.out.ends_with("training/placed"));
    let joins = plan.joins.as_ref().expect("a part of a bundle");
    assert_eq!(joins.part, Part::Lora(vec![1.0, 1.0, 0.0]));
    let TrainTask::Dpo(job) = &plan.task else {
        panic!("{:?}", plan.task);
    };
    assert_eq!(job.data, WeightedData::alone(w.data.path()));
    w.click("Reward model");
    assert_eq!(w.state().training.form.kind, TrainMethod::Reward);
    assert_eq!(w.state().training.form.name, "reward-1");
}

#[test]
fn a_failed_run_says_why_and_can_go_on() {
    let mut w = desk(WIDE, Some("/bundles/one"));
    w.fill("bad");
    w.click("Start training");
    w.steps(20);
    assert!(matches!(w.phase(), TrainPhase::Failed(_)));
    assert!(w.sees("the loss is NaN at step 13"));
    assert!(w.harness.query_by_label("Resume from step 10").is_some());
}

#[test]
fn every_state_of_the_sheet_has_names_and_glyphs_in_every_size() {
    for size in [WIDE, [640.0, 400.0]] {
        // kittest checks every frame.
        let mut w = desk(size, None);
        assert!(w.sees("none is open"));
        w.steps(2);
        let mut w = desk(size, Some("/bundles/one"));
        for kind in TrainMethod::ALL {
            let form = TrainForm {
                kind,
                ..w.state().training.form.clone()
            };
            w.queue(AppCommand::SetTraining(Box::new(form)));
            w.steps(1);
        }
        w.fill("mine");
        w.queue(AppCommand::StartTraining);
        w.steps(5);
        w.queue(AppCommand::ToggleTheme);
        w.steps(5);
    }
}
