//! What outlives the window: its view in the study, whose it is, and what can be taken back.

mod played;
mod scripted;
mod stored;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use paretoscope::command::{AppCommand, Gesture};
use paretoscope::registry;
use paretoscope::state::{GenerateWhen, Overlay, PlotOptions, RunEntry, ThemeChoice};
use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::study::{Edit, Filter, Lease, Study, Target};
use paretoscope_core::types::{Point, Preference};
use played::Window;

const WIDE: [f32; 2] = [1280.0, 800.0];
const BUNDLE: Option<&str> = Some("/bundles/one");

fn window<'a>(study: &Path, bundle: Option<&str>) -> Window<'a> {
    stored::window(WIDE, study, bundle)
}

impl Window<'_> {
    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.steps(3);
    }

    fn go(&mut self, at: [f64; 3]) {
        let point = Point::Preference(Preference::new(at.to_vec()).expect("a preference"));
        self.queue(AppCommand::Move(point, Gesture::Settled));
    }

    /// Answers at a point, and waits until that is in the file with its scores.
    fn answer_at(&mut self, at: [f64; 3]) {
        self.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
        self.go(at);
        self.queue(AppCommand::Generate);
        self.wait("the answer is saved", |w| {
            let run = w.state().session.current().expect("an answer");
            run.stored.is_some() && run.scores.is_some()
        });
    }

    fn undo(&self) -> String {
        registry::words(&AppCommand::Undo, self.state())
    }

    fn notice(&self) -> String {
        let notice = self.state().engine.notice.as_ref();
        notice.map_or_else(String::new, |notice| notice.text.clone())
    }

    fn note(&self) -> String {
        let run = self.state().session.current();
        run.map_or_else(String::new, |run| run.note.clone())
    }
}

/// The view in the file holds these words.
fn is_kept(path: &Path, words: &str) -> bool {
    let study = Study::peek(path).expect("readable");
    let view = study.map(|study| study.state(&Target::View("window".to_owned())));
    let json = view.and_then(|view| view.expect("a view").value);
    json.is_some_and(|json| json.contains(words))
}

const ZOOM: [[f64; 2]; 3] = [[-1.0, 0.25], [0.0, 0.5], [0.125, 2.0]];
const CHILD: &str = "PARETOSCOPE_KEPT_IN";

#[test]
fn a_killed_window_comes_back_with_its_answer_scores_pin_and_zoom() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = std::env::current_exe().expect("this test");
    let mut child = Command::new(program)
        .args([
            "--exact",
            "a_window_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let said = BufReader::new(child.stdout.take().expect("its words"));
    let done = said
        .lines()
        .any(|line| line.is_ok_and(|line| line.contains("at work")));
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert!(done, "it died before");

    let mut w = window(&folder.path().join("mine.study"), BUNDLE);
    w.wait("the answers", |w| w.state().session.pinned().is_some());
    assert!(
        w.state().study.theirs.is_none(),
        "nobody waits for a window that was killed"
    );
    let of = |run: Option<&RunEntry>| run.map(|run| (run.point.clone(), run.scores.is_some()));
    let corner = |at| Some((Point::Preference(Preference::one_hot(at, 3)), true));
    assert_eq!(of(w.state().session.pinned()), corner(0));
    assert_eq!(of(w.state().session.current()), corner(1));
    assert_eq!(w.state().prefs.pareto.zoom.as_deref(), Some(&ZOOM[..]));
    assert_eq!(w.state().prompt.text, "the last thing typed");
    assert_eq!(w.state().simplex.preference, [0.25, 0.25, 0.5]);
}

#[test]
#[ignore = "another test starts and kills it"]
fn a_window_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let path = Path::new(&folder).join("mine.study");
    let mut w = window(&path, BUNDLE);
    w.answer_at([1.0, 0.0, 0.0]);
    w.queue(AppCommand::Pin);
    w.answer_at([0.0, 1.0, 0.0]);
    let zoomed = PlotOptions {
        zoom: Some(ZOOM.to_vec()),
        ..w.state().prefs.pareto.clone()
    };
    w.queue(AppCommand::SetPareto(zoomed));
    w.go([0.25, 0.25, 0.5]);
    w.queue(AppCommand::SetPrompt("the last thing typed".into()));
    let begun = Instant::now();
    w.wait("the view is kept", |_| {
        is_kept(&path, "the last thing typed")
    });
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "a second, but for a busy machine"
    );
    println!("at work");
    // Until it is killed, or nobody is there any more who would.
    while begun.elapsed() < Duration::from_mins(2) {
        w.steps(1);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn notes_are_undone_redone_after_a_restart_and_not_where_somebody_else_wrote() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(&path, BUNDLE);
    w.answer_at([1.0, 0.0, 0.0]);
    let id = w.state().session.current.expect("an answer");
    w.queue(AppCommand::SetNote(id, "one".into()));
    w.queue(AppCommand::SetNote(id, "two".into()));
    w.go([0.0, 1.0, 0.0]);
    assert_eq!(w.undo(), "Undo: move the point");
    w.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(w.undo(), "Undo: note on an answer");
    for left in ["one", ""] {
        w.press(Modifiers::COMMAND, Key::Z);
        w.wait("the note of before", |w| w.note() == left);
    }
    assert_eq!(w.notice(), "Undone: note on an answer");
    drop(w);

    let mut w = window(&path, BUNDLE);
    w.wait("the answer", |w| w.state().session.current.is_some());
    let both = Modifiers::COMMAND | Modifiers::SHIFT;
    for (keys, key, note) in [(both, Key::Z, "one"), (Modifiers::COMMAND, Key::Y, "two")] {
        let words = registry::words(&AppCommand::Redo, w.state());
        assert_eq!(words, "Redo: note on an answer");
        w.press(keys, key);
        w.wait("the note again", |w| w.note() == note);
    }
    let why = registry::why_not(&AppCommand::Redo, w.state());
    assert!(why.is_some());

    let uid = w
        .state()
        .session
        .current()
        .and_then(|run| run.stored.clone());
    let theirs = Edit {
        target: Target::Note(uid.expect("stored")),
        value: Some("theirs".to_owned()),
    };
    let other = Study::open(&path).expect("a study");
    assert!(
        other
            .edit("Note", std::slice::from_ref(&theirs))
            .expect("written")
    );
    w.press(Modifiers::COMMAND, Key::Z);
    w.wait("a refusal", |w| w.notice().starts_with("Not undone: "));
    assert!(
        w.notice().contains("the note was edited by paretoscope"),
        "{}",
        w.notice()
    );
    assert_eq!(
        other.state(&theirs.target).expect("a note").value,
        theirs.value
    );
}

#[test]
fn forgotten_answers_come_back_by_undo() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(&path, BUNDLE);
    w.answer_at([1.0, 0.0, 0.0]);
    w.answer_at([0.0, 1.0, 0.0]);
    w.queue(AppCommand::ForgetNow);
    w.wait("forgotten", |w| w.state().study.answers == 0);
    assert!(w.state().session.runs.is_empty());
    assert_eq!(w.undo(), "Undo: forget the answers");
    w.queue(AppCommand::Undo);
    w.wait("all of them", |w| w.state().session.runs.len() == 2);
    assert_eq!(w.state().study.answers, 2);
    w.queue(AppCommand::Redo);
    w.wait("forgotten again", |w| w.state().session.runs.is_empty());
}

#[test]
fn answers_that_a_live_drag_replaced_stay_in_the_file_and_out_of_the_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(&path, BUNDLE);
    w.answer_at([1.0, 0.0, 0.0]);
    w.queue(AppCommand::SetGenerate(GenerateWhen::Live));
    // While no button is down, the canvas lets the point go.
    w.harness.drag_at(egui::pos2(2.0, 2.0));
    for at in [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]] {
        let begun = w
            .engine
            .count(|c| matches!(c, EngineCommand::Generate { .. }));
        let point = Point::Preference(Preference::new(at.to_vec()).expect("a preference"));
        w.queue(AppCommand::Move(point, Gesture::Moving));
        w.wait("an answer on the way", |w| {
            let count = w
                .engine
                .count(|c| matches!(c, EngineCommand::Generate { .. }));
            count > begun && w.state().session.running().is_none()
        });
    }
    w.harness.drop_at(egui::pos2(2.0, 2.0));
    w.wait("two are left", |w| w.state().study.answers == 2);
    assert_eq!(w.state().session.runs.len(), 2);
    let study = Study::peek(&path).expect("readable").expect("a study");
    let mut all = 0;
    study
        .each_answer(|_| {
            all += 1;
            Ok(())
        })
        .expect("answers");
    assert_eq!(all, 4);
    assert_eq!(w.undo(), "Undo: move the point", "to hide them is no step");
}

#[test]
fn a_second_window_says_whose_the_view_is_and_takes_it_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut one = window(&path, BUNDLE);
    one.queue(AppCommand::SetPrompt("of the first window".into()));
    one.wait("its view", |_| is_kept(&path, "of the first window"));
    let mut two = window(&path, BUNDLE);
    two.wait("whose it is", |w| w.state().study.theirs.is_some());
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        two.queue(AppCommand::SetTheme(theme));
        assert!(two.sees("Its view and undo belong to paretoscope"));
        for name in ["Take over", "Its view and undo belong to paretoscope"] {
            let rect = two.harness.get_by_label_contains(name).rect();
            assert!(
                rect.left() >= 0.0 && rect.right() <= WIDE[0],
                "{name} {rect:?}"
            );
        }
    }
    assert_eq!(two.state().prompt.text, "of the first window", "it is read");
    // Both write answers and stars.
    two.answer_at([1.0, 0.0, 0.0]);
    one.answer_at([0.0, 1.0, 0.0]);
    two.queue(AppCommand::ToggleStar);
    let why = registry::why_not(&AppCommand::Undo, two.state()).expect("theirs");
    assert!(why.contains("take over to undo here"), "{why}");
    two.queue(AppCommand::SetPrompt("of the second window".into()));

    two.harness.get_by_label("Take over").click();
    two.wait("it is ours", |w| w.state().study.theirs.is_none());
    two.wait("our view", |_| is_kept(&path, "of the second window"));
    assert_eq!(two.undo(), "Undo: change the prompt");
    one.wait("the other learns it", |w| w.state().study.theirs.is_some());
    drop(two);
    one.wait("it is free again", |w| w.state().study.theirs.is_none());
    assert!(
        Study::open(&path)
            .expect("a study")
            .lease(false)
            .expect("a lease")
            != Lease::Ours
    );
    drop(one);
    let left = Study::open(&path).expect("a study");
    assert_eq!(
        left.lease(false).expect("a lease"),
        Lease::Ours,
        "who ends gives it back"
    );
    let count = left.asked_for().expect("answers");
    assert_eq!(count, 2);
}

#[test]
fn a_text_field_takes_its_own_words_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = window(&folder.path().join("mine.study"), BUNDLE);
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    w.go([1.0, 0.0, 0.0]);
    w.harness.get_by_label("Prompt").focus();
    w.steps(3);
    w.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(
        w.undo(),
        "Undo: move the point",
        "the point is where it was"
    );
    assert_eq!(w.state().simplex.preference, [1.0, 0.0, 0.0]);
}

#[test]
fn the_menu_and_the_palette_name_what_is_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = window(&folder.path().join("mine.study"), BUNDLE);
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    let line = |w: &Window<'_>| {
        let found = registry::search(w.state(), "undo");
        (found[0].title.clone(), found[0].why_not.clone())
    };
    let nothing = Some("nothing was done yet that could be undone".to_owned());
    assert_eq!(line(&w), ("Undo".to_owned(), nothing));
    w.go([1.0, 0.0, 0.0]);
    assert_eq!(line(&w), ("Undo: move the point".to_owned(), None));
    w.harness.get_by_label("Menu").click();
    w.steps(3);
    w.harness.get_by_label("Undo: move the point").click();
    w.steps(3);
    assert!(w.sees("Undone: move the point"));
    w.harness.get_by_label("Redo: move the point").click();
    w.steps(3);
    assert_eq!(w.state().simplex.preference, [1.0, 0.0, 0.0]);
}

#[test]
fn a_study_is_looked_at_without_its_models() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(&path, BUNDLE);
    w.answer_at([1.0, 0.0, 0.0]);
    let text = w.state().session.current().expect("an answer").text.clone();
    w.queue(AppCommand::Pin);
    drop(w);
    let mut w = window(&path, None);
    w.wait("the answer", |w| w.state().session.pinned().is_some());
    assert_eq!(w.state().session.current().expect("an answer").text, text);
    w.steps(2);
    assert!(w.sees("No model: stored answers"));
    let why = registry::why_not(&AppCommand::Generate, w.state()).expect("no model");
    assert!(why.contains("without its models"), "{why}");
    w.go([0.0, 1.0, 0.0]);
    w.steps(60);
    assert_eq!(
        w.engine.count(|c| matches!(
            c,
            EngineCommand::Generate { .. }
                | EngineCommand::Preview { .. }
                | EngineCommand::CountHeld { .. }
        )),
        0,
        "{:?}",
        w.engine.log
    );
    // Once its models are there, the same answers are theirs.
    w.queue(AppCommand::LoadBundle("/bundles/one".into()));
    w.wait("models", |w| {
        !w.state().bundle.stored && w.state().info().is_some()
    });
    w.wait("the answer again", |w| w.state().session.pinned().is_some());
    assert_eq!(w.state().session.runs.len(), 1);
    assert_eq!(registry::why_not(&AppCommand::Regenerate, w.state()), None);
}

#[test]
fn closing_the_window_keeps_what_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(&path, BUNDLE);
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    w.go([1.0, 0.0, 0.0]);
    w.queue(AppCommand::Generate);
    w.wait("a few tokens", |w| {
        let run = w.state().session.running();
        run.is_some_and(|run| run.tokens.len() >= 3)
    });
    let Window {
        mut harness,
        mut engine,
    } = w;
    let run = harness.state().state.session.running();
    let begun = run.expect("it streams").text.clone();
    // From here on the engine works by itself, as on its own thread; as a rule it hears of the end in mid-sentence.
    let playing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        while engine.step() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    eframe::App::on_exit(harness.state_mut());
    playing.join().expect("it was told to end");
    drop(harness);
    let study = Study::peek(&path).expect("readable").expect("a study");
    let kept = study.history(&Filter::default()).expect("answers");
    assert_eq!(kept.len(), 1);
    assert!(
        kept[0].text.starts_with(&begun) && !begun.is_empty(),
        "{:?} begins with {begun:?}",
        kept[0].text
    );
    let w = {
        let mut w = window(&path, BUNDLE);
        w.wait("the answer", |w| w.state().session.current().is_some());
        w
    };
    let run = w.state().session.current().expect("the answer");
    assert_eq!(run.text, kept[0].text);
}

#[test]
fn the_dot_that_was_looked_at_and_the_zoom_of_the_sheet_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    stored::swept(&path);
    let mut w = window(&path, BUNDLE);
    w.wait("the sweeps", |w| w.state().others.sweeps().len() == 2);
    w.answer_at([1.0, 0.0, 0.0]);
    let front = w.state().study.front().expect("fronts").clone();
    let dot = front.series[1].dots[2].uid.clone();
    w.queue(AppCommand::SelectMark(Some(dot.clone())));
    w.wait("its answers", |w| {
        let run = w.state().session.current();
        run.is_some_and(|run| run.text == "mva at 2 on ask one")
    });
    w.queue(AppCommand::Show(Overlay::Study));
    w.steps(3);
    // By hand: Ctrl and wheel.
    let plot = w.harness.get_by_label_contains("Fronts: ").rect().center();
    w.harness.hover_at(plot);
    w.steps(1);
    let zoom = egui::Event::Zoom(1.5);
    w.harness.event(zoom);
    w.steps(3);
    let zoomed = w.state().study.zoom.expect("a part");
    assert_eq!(w.undo(), "Undo: zoom the fronts");
    assert!(w.sees("Show all dots"));
    w.wait("it is kept", |_| is_kept(&path, "\"sheet_zoom\":[["));
    drop(w);
    let mut w = window(&path, BUNDLE);
    w.wait("the dot", |w| w.state().study.dot.is_some());
    assert_eq!(w.state().study.dot.as_ref().map(|d| &d.dot), Some(&dot));
    w.wait("its answers", |w| {
        let run = w.state().session.current();
        run.is_some_and(|run| run.text == "mva at 2 on ask one")
    });
    assert_eq!(w.state().study.zoom, Some(zoomed));
    // What was looked at before it is there when it is left.
    w.queue(AppCommand::SelectDot(None));
    let run = w.state().session.current().expect("the answer before");
    assert_eq!(run.point, Point::Preference(Preference::one_hot(0, 3)));
    w.queue(AppCommand::Show(Overlay::Study));
    w.steps(3);
    w.harness.get_by_label("Show all dots").click();
    w.steps(3);
    assert_eq!(w.state().study.zoom, None);
}
