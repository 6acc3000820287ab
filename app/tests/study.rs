//! The study in the real window on a scripted engine: real files, the accessibility tree.

mod played;
mod scripted;
mod stored;

use std::path::Path;
use std::time::{Duration, Instant};

use egui_kittest::kittest::{NodeT, Queryable};
use paretoscope::app::StartOptions;
use paretoscope::command::{AppCommand, Gesture};
use paretoscope::registry;
use paretoscope::state::{GenerateWhen, Overlay, StudyPhase, ThemeChoice};
use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::study::{Filter, ScorerRecord, Study, bundle_uid};
use paretoscope_core::types::{Point, Preference, Split};
use played::{Window, script, with_bundle};
use stored::{swept, window};

const WIDE: [f32; 2] = [1280.0, 800.0];

impl Window<'_> {
    fn answer_at(&mut self, at: [f64; 3]) {
        self.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
        let point = Point::Preference(Preference::new(at.to_vec()).expect("a preference"));
        self.queue(AppCommand::Move(point, Gesture::Settled));
        let before = self.state().study.answers;
        self.queue(AppCommand::Generate);
        self.wait("the answer is saved", |w| w.state().study.answers > before);
    }
}

#[test]
fn an_answer_is_in_the_file_before_the_window_closes_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    assert!(w.sees("All answers are saved in"));
    w.answer_at([1.0, 0.0, 0.0]);
    w.wait("scores", |w| {
        w.state()
            .session
            .current()
            .is_some_and(|r| r.scores.is_some())
    });
    let shown = w.state().session.current().expect("an answer").clone();
    // What a kill would leave: the window is still open.
    let begun = Instant::now();
    let stored = loop {
        let study = Study::peek(&path).expect("readable").expect("a study");
        let stored = study.history(&Filter::default()).expect("answers");
        assert_eq!(stored.len(), 1);
        let scorers = study
            .known_scorers(&ScorerRecord::rewards(&shown.bundle))
            .expect("scorers");
        let scores = study.scores(&[stored[0].id], &scorers).expect("scores");
        if scores[0].0.iter().any(Option::is_some) {
            break stored;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "no scores: {:?}, {:?}, {:?}",
            study.scorer_names(),
            scorers,
            w.state().study.unsaved
        );
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(stored[0].text, shown.text);
    assert_eq!(Some(&stored[0].point), Some(&Some(shown.point.clone())));

    let w = {
        let mut w = window(WIDE, &path, Some("/bundles/one"));
        w.wait("the history", |w| !w.state().session.runs.is_empty());
        w
    };
    let run = w.state().session.current().expect("the last answer");
    assert_eq!(run.text, shown.text);
    assert_eq!(run.stored, Some(stored[0].uid.clone()));
}

#[test]
fn the_history_is_searched_and_an_answer_beyond_it_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.queue(AppCommand::SetPrompt("about teapots".into()));
    w.answer_at([1.0, 0.0, 0.0]);
    w.queue(AppCommand::SetPrompt("about kettles".into()));
    w.answer_at([0.0, 1.0, 0.0]);
    w.queue(AppCommand::SeekHistory("TEAPOT".into()));
    w.wait("the search", |w| w.state().study.found.is_some());
    let found = w.state().study.found.clone().expect("found");
    assert_eq!(found.len(), 1);
    w.queue(AppCommand::ShowStored(found[0].uid.clone()));
    let shown = w.state().session.current().expect("an answer");
    assert_eq!(shown.prompt.words(), Some("about teapots"));
    assert_eq!(w.state().session.runs.len(), 2, "it is not there twice");
}

#[test]
fn the_history_menu_has_search_star_and_note_in_both_themes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        let mut w = window([1900.0, 1000.0], &path, Some("/bundles/one"));
        w.queue(AppCommand::SetTheme(theme));
        w.answer_at([1.0, 0.0, 0.0]);
        if !w.sees("History (") {
            w.click("More");
        }
        w.harness.get_by_label_contains("History (").click();
        w.steps(4);
        for name in [
            "Search the history",
            "Star this answer",
            "Starred only",
            "Note on this answer",
        ] {
            assert!(w.sees(name), "{name}");
        }
        w.click("Star this answer");
        assert!(w.state().session.current().is_some_and(|run| run.star));
        assert!(w.sees("starred \u{b7}"));
    }
}

#[test]
fn tags_are_put_on_taken_off_undone_and_filtered_by() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window([1900.0, 1000.0], &path, Some("/bundles/one"));
    w.answer_at([1.0, 0.0, 0.0]);
    w.answer_at([0.0, 1.0, 0.0]);
    if !w.sees("History (") {
        w.click("More");
    }
    w.harness.get_by_label_contains("History (").click();
    w.steps(4);
    // Typed, and taken with Enter.
    w.harness.get_by_label("Add a tag to this answer").focus();
    w.steps(2);
    w.harness
        .get_by_label("Add a tag to this answer")
        .type_text("for the talk");
    w.steps(2);
    w.harness.key_press(egui::Key::Enter);
    w.wait("the tag", |w| w.state().study.tags.contains("for the talk"));
    w.steps(2);
    assert!(w.sees("#for the talk"));
    let tagged = |w: &Window<'_>| {
        let run = w.state().session.current().expect("an answer");
        run.tags.iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(tagged(&w), ["for the talk"]);
    // It is a step of undo, and of redo.
    w.queue(AppCommand::Undo);
    w.wait("it is off", |w| tagged(w).is_empty());
    w.queue(AppCommand::Redo);
    w.wait("it is on again", |w| tagged(w) == ["for the talk"]);
    w.click("Take the tag for the talk off");
    w.wait("it is off", |w| w.state().study.tags.is_empty());
    assert!(tagged(&w).is_empty());
    let id = w.state().session.current.expect("an answer");
    w.queue(AppCommand::AddTag(id, "for the talk".into()));
    w.wait("a tag to filter by", |w| !w.state().study.tags.is_empty());
    let filter = AppCommand::FilterTag(Some("for the talk".into()));
    w.queue(filter);
    w.wait("the search", |w| w.state().study.found.is_some());
    assert_eq!(w.state().study.found.as_ref().map(Vec::len), Some(1));
    w.steps(2);
    let combo = egui::accesskit::Role::ComboBox;
    let label = w.harness.get_by_role_and_label(combo, "Tagged");
    assert_eq!(
        label.accesskit_node().value().as_deref(),
        Some("for the talk")
    );
    // What a tag is must be short.
    w.harness.get_by_label("Add a tag to this answer").focus();
    w.steps(2);
    w.harness
        .get_by_label("Add a tag to this answer")
        .type_text(&"x".repeat(50));
    w.steps(3);
    assert!(w.sees("Not taken: 50 letters; a tag has 40 at most"));
    drop(w);
    let mut w = window([1900.0, 1000.0], &path, Some("/bundles/one"));
    w.wait("the history", |w| !w.state().session.runs.is_empty());
    assert_eq!(tagged(&w), ["for the talk"]);
    assert_eq!(w.state().study.sought.tag.as_deref(), Some("for the talk"));
}

#[test]
fn star_and_note_outlive_the_window() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    let why = |w: &Window<'_>| registry::why_not(&AppCommand::ToggleStar, w.state());
    assert_eq!(why(&w).as_deref(), Some("there is no answer yet"));
    w.answer_at([1.0, 0.0, 0.0]);
    let id = w.state().session.current.expect("an answer");
    w.queue(AppCommand::ToggleStar);
    w.queue(AppCommand::SetNote(id, "the best so far".into()));
    w.queue(AppCommand::ToggleStarred);
    drop(w);
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.wait("the history", |w| !w.state().session.runs.is_empty());
    let run = w.state().session.current().expect("the answer");
    assert!(run.star);
    assert_eq!(run.note, "the best so far");
    w.queue(AppCommand::ToggleStar);
    assert!(!w.state().session.current().expect("the answer").star);
}

#[cfg(unix)]
#[test]
fn a_study_that_cannot_be_written_says_why_and_loses_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    std::fs::write(&path, "no study at all, but a letter to the editor").expect("written");
    let options = StartOptions {
        study: Some(path.clone()),
        study_named: true,
        ..with_bundle()
    };
    let mut w = Window::open(WIDE, script(), options, |builder| builder);
    w.wait("a reason", |w| w.sees("Not saved:"));
    w.queue(AppCommand::Show(Overlay::Study));
    assert!(w.sees("Error: the study is not open"));
    let letter = std::fs::read_to_string(&path).expect("a letter");
    assert!(letter.starts_with("no study"));

    let other = folder.path().join("other.study");
    drop(Study::open(&other).expect("a study"));
    let set = |mode| std::fs::set_permissions(&other, std::fs::Permissions::from_mode(mode));
    set(0o444).expect("read only");
    if std::fs::OpenOptions::new()
        .append(true)
        .open(&other)
        .is_ok()
    {
        return; // The superuser writes everywhere.
    }
    w.queue(AppCommand::OpenStudy(other.clone()));
    w.wait("read only", |w| {
        w.sees("Read only, new answers are not saved")
    });
}

#[test]
fn what_cannot_be_written_and_a_network_s_disk_are_said_beside_the_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    assert!(w.sees("All answers are saved in"));
    w.harness.state_mut().state.study.alone = true;
    w.steps(2);
    assert!(w.sees("let one program at a time write"));
    let why = "its folder cannot be written (permission denied)";
    w.harness.state_mut().state.study.phase = StudyPhase::ReadOnly(why.into());
    w.steps(2);
    assert!(w.sees(&format!("Read only, new answers are not saved: {why}")));
    // It is looked at, answered on top of and not waited for.
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    w.queue(AppCommand::Generate);
    w.steps(20);
    assert!(w.state().session.current().is_some());
    assert!(w.state().study.waiting.is_empty());
}

/// A window that shows the fronts of two sweeps, with no bundle loaded.
fn comparing<'a>(size: [f32; 2], path: &Path) -> Window<'a> {
    let mut w = window(size, path, None);
    w.queue(AppCommand::Show(Overlay::Study));
    w.wait("fronts", |w| w.state().study.front().is_some());
    w.steps(3);
    w
}

#[test]
fn two_sweeps_stand_in_one_plot_and_a_dot_leads_to_its_answers_without_a_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    swept(&path);
    let mut w = comparing(WIDE, &path);
    assert!(w.sees("Means over all 2 prompts"));
    assert!(w.sees("hoe: front"));
    assert!(w.sees("mva: front"));
    assert!(w.sees("6 of 8 rows"));
    let front = w.state().study.front().expect("a front").clone();
    assert_ne!(front.series[0].color, front.series[1].color);
    let volumes: Vec<f64> = front.series.iter().filter_map(|s| s.hypervolume).collect();
    assert!(volumes[1] > volumes[0], "{volumes:?}");

    w.click("Next dot");
    w.wait("its answers", |w| {
        w.sees("Stored answer 1 of 2 at this dot")
    });
    assert!(w.sees("on ask one"));
    w.click("Next prompt");
    assert!(w.sees("on ask two"));

    // The part that counts is said; the reference is measured for it.
    w.queue(AppCommand::SetSplit(Some(Split::Test)));
    w.wait("the test part", |w| {
        w.sees("Means over 1 prompt of the test part")
    });

    // The reference is typed, stays, and counts for both.
    w.queue(AppCommand::SetReference(0, -5.0));
    let moved = |w: &Window<'_>| {
        let front = w.state().study.front();
        front
            .and_then(|f| f.reference.clone())
            .is_some_and(|r| r[0] == -5.0)
    };
    w.wait("the reference", moved);
    assert!(w.sees("Hypervolumes over the reference (−5.000"));
    w.click("hoe (1)");
    w.wait("one series", |w| {
        w.state().study.front().is_some_and(|f| f.series.len() == 1)
    });
    assert!(moved(&w), "it is frozen");
    w.click("Measure again");
    w.wait("another reference", |w| !moved(w));
}

#[test]
fn what_another_program_sweeps_appears() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    let mut w = window(WIDE, &path, None);
    w.queue(AppCommand::Show(Overlay::Study));
    assert!(w.sees("No sweep is in this study yet"));
    swept(&path);
    w.wait("its fronts", |w| {
        let front = w.state().study.front();
        front.is_some_and(|f| f.series.len() == 2 && f.series.iter().all(|s| s.dots.len() == 3))
    });
}

#[test]
fn every_control_of_the_sheet_is_named_and_stays_inside_in_all_sizes_and_themes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    swept(&path);
    for size in [
        [480.0, 640.0],
        [640.0, 480.0],
        [1280.0, 720.0],
        [1600.0, 1000.0],
    ] {
        for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
            let mut w = comparing(size, &path);
            w.queue(AppCommand::SetTheme(theme));
            w.steps(3);
            for name in [
                "Path of the study",
                "hoe (1)",
                "mva (2)",
                "Prompts that count",
                "Measure again",
            ] {
                let node = w.harness.get_by_label(name);
                let rect = node.rect();
                assert!(
                    rect.left() >= 0.0 && rect.right() <= size[0],
                    "{name} {rect:?} {size:?}"
                );
            }
            for name in [
                "Next dot",
                "Export the front\u{2026}",
                "Export the report\u{2026}",
            ] {
                let rect = w.harness.get_by_label(name).rect();
                assert!(
                    rect.left() >= 0.0 && rect.right() <= size[0],
                    "{name} {rect:?} {size:?}"
                );
            }
            let plot = w.harness.get_all_by_role(egui::accesskit::Role::Canvas);
            let spoken: Vec<String> = plot
                .filter_map(|node| node.accesskit_node().value())
                .collect();
            assert!(
                spoken.iter().any(|words| words.contains("mva: front")),
                "{spoken:?}"
            );
        }
    }
}

#[test]
fn a_sweep_that_was_stopped_is_offered_in_its_panel() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    swept(&path);
    let mut w = window([1280.0, 1200.0], &path, Some("/bundles/one"));
    w.wait("the sweeps", |w| w.state().study.sweeps.len() == 2);
    w.steps(2);
    let ours = bundle_uid(&scripted::bundle::info());
    assert!(
        w.state()
            .study
            .sweeps
            .iter()
            .all(|s| bundle_uid(&s.info) == ours)
    );
    assert!(w.sees("mva stopped at 6 of 8 rows"));
    w.click("Go on with it");
    let plan = w.state().study.sweeps[1].plan.clone();
    let again = |c: &EngineCommand| matches!(c, EngineCommand::Sweep { plan: p, .. } if *p == plan);
    assert_eq!(w.engine.count(again), 1, "{:?}", w.engine.log);
}
