//! The talk of three minutes, on the real window: what stands on the stage, how large, and what comes where the engine
//! does not.

mod played;
mod scripted;
mod stored;
mod talked;

use egui::{Key, Modifiers, Pos2, Rect, Shape};
use egui_kittest::kittest::Queryable as _;
use paretoscope::command::{AppCommand, TalkCommand};
use paretoscope::state::{How, Overlay, Sight, ThemeChoice};
use paretoscope_core::protocol::{EngineCommand, EngineEvent, Trouble};
use paretoscope_core::study::{DeckState, StopLayout, Study};
use played::Window;
use stored::window;
use talked::talk;

const PROJECTOR: [f32; 2] = [1280.0, 720.0];
/// Stages on which every text is measured.
const STAGES: [[f32; 2]; 5] = [
    PROJECTOR,
    [1920.0, 1080.0],
    [1024.0, 768.0],
    [1600.0, 1200.0],
    [3840.0, 2160.0],
];
const BUNDLE: Option<&str> = Some("/bundles/one");

/// The folder of a study with the talk, and a window on it.
fn open<'a>(size: [f32; 2]) -> (tempfile::TempDir, Window<'a>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("talk.study");
    talk(&path);
    let mut window = window(size, &path, BUNDLE);
    window.wait("the stops are here", |w| {
        let talk = &w.state().talk;
        talk.stops().len() == talked::STOPS
            && talk.answers.len() >= 4
            && !talk.sweeps.is_empty()
            && w.state().session.current().is_some()
    });
    (folder, window)
}

/// A text on the screen: its words, its size in pixels, where it stands, and what of it is seen.
struct Text {
    words: String,
    pixels: f32,
    rect: Rect,
    clip: Rect,
}

fn texts(window: &Window<'_>) -> Vec<Text> {
    fn collect(shape: &Shape, clip: Rect, pixels: f32, found: &mut Vec<Text>) {
        match shape {
            Shape::Vec(all) => all.iter().for_each(|s| collect(s, clip, pixels, found)),
            Shape::Text(text) if !text.galley.text().trim().is_empty() => {
                let sections = text.galley.job.sections.iter();
                let least = sections
                    .map(|s| s.format.font_id.size)
                    .fold(f32::MAX, f32::min);
                found.push(Text {
                    words: text.galley.text().to_owned(),
                    pixels: least * pixels,
                    rect: text.galley.mesh_bounds.translate(text.pos.to_vec2()),
                    clip,
                });
            }
            _ => {}
        }
    }
    let pixels = window.harness.ctx.pixels_per_point();
    let mut found = Vec::new();
    for clipped in &window.harness.output().shapes {
        collect(&clipped.shape, clipped.clip_rect, pixels, &mut found);
    }
    found
}

/// Every text is as large as it must be, whole, and covers no other.
fn check_texts(window: &Window<'_>, size: [f32; 2], what: &str) {
    let least = 24.0_f32.max(0.022 * size[1]);
    let all = texts(window);
    assert!(!all.is_empty(), "{what}: nothing is written");
    let screen = Rect::from_min_size(Pos2::ZERO, size.into());
    for text in &all {
        let Text { words, pixels, .. } = text;
        assert!(
            *pixels >= least - 1e-3,
            "{what}: `{words}` is {pixels} px of {least}"
        );
        let seen = text.clip.intersect(screen).expand(3.0);
        assert!(
            seen.contains_rect(text.rect),
            "{what} at {size:?}: `{words}` at {:?} is cut off at {seen:?}",
            text.rect
        );
    }
    // Letters of experts stand on their markers, and below words.
    let long: Vec<&Text> = all.iter().filter(|t| t.words.chars().count() > 2).collect();
    for (index, a) in long.iter().enumerate() {
        for b in &long[..index] {
            let both = a.rect.shrink(2.0).intersect(b.rect.shrink(2.0));
            assert!(
                !both.is_positive(),
                "{what} at {size:?}: `{}` lies over `{}`",
                a.words,
                b.words
            );
        }
    }
}

impl Window<'_> {
    fn press(&mut self, key: Key) {
        self.harness.key_press_modifiers(Modifiers::NONE, key);
        self.steps(1);
    }

    fn shows(&self, words: &str) -> bool {
        texts(self).iter().any(|text| text.words.contains(words))
    }

    fn answer(&self) -> Option<How> {
        let show = self.state().talk.show.as_ref()?;
        show.stage.current.as_ref().map(|answer| answer.how)
    }

    fn at(&self) -> usize {
        self.state().talk.show.as_ref().expect("it is on").at
    }

    fn deck(&self) -> DeckState {
        self.state().talk.deck().expect("a talk").clone()
    }
}

#[test]
fn the_script_runs_on_every_stage() {
    for size in STAGES {
        let (_folder, mut window) = open(size);
        let before = (Sight::of(window.state()), window.deck());
        window.press(Key::F5);
        assert!(window.state().talk.is_on() && window.state().fullscreen);
        // 0:00 the question at one corner, live.
        window.steps(8);
        assert!(
            window.shows("LIVE") && window.shows("DEMONSTRATION MODEL"),
            "{size:?}"
        );
        assert!(window.shows("100 % helpful") && window.shows("Turn the water off"));
        check_texts(&window, size, "live");
        window.steps(60);
        check_texts(&window, size, "live, whole");
        // 0:25 a recorded drag: the point goes with its tokens.
        window.press(Key::PageDown);
        assert!(window.shows("REPLAY \u{d7}1"));
        assert!(window.shows("100 % helpful"));
        window.steps(60);
        assert!(
            window.shows("100 % humor"),
            "the point went where it was dragged"
        );
        check_texts(&window, size, "drag");
        // 0:55 before and after.
        window.press(Key::ArrowRight);
        window.steps(60);
        assert!(window.shows("LIVE") && window.shows("RECORDED"));
        check_texts(&window, size, "pair");
        // 1:20 the engine is gone in the middle of an answer.
        window.press(Key::PageDown);
        window.steps(2);
        assert_eq!(window.answer(), Some(How::Live));
        let why = "thread 'engine' panicked at 'index out of bounds'";
        window.engine.send(EngineEvent::Stopped {
            panic: Some(why.to_owned()),
        });
        window.frames(2);
        assert!(window.shows("REPLAY \u{d7}1") && !window.shows("LIVE"));
        // The first token within two seconds, at a quarter of a second per frame.
        window.frames(8);
        let show = window.state().talk.show.as_ref().expect("it is on");
        let replayed = show.stage.current.as_ref().expect("an answer");
        assert!(replayed.tokens(window.state().now) > 0);
        assert!(show.troubles[0].1.contains("index out of bounds"));
        assert!(
            ["panicked", "Error", "error"]
                .iter()
                .all(|word| !window.shows(word)),
            "details are no part of the stage"
        );
        check_texts(&window, size, "fallback");
        // 1:30 a sweep, point by point.
        window.press(Key::PageDown);
        assert!(window.shows("REPLAY \u{d7}0.02"));
        let there = |w: &Window<'_>| {
            let show = w.state().talk.show.as_ref().expect("it is on");
            show.stage.sweep.as_ref().expect("a sweep").points.len()
        };
        let first = there(&window);
        window.frames(3);
        let second = there(&window);
        assert!(
            first < second && second < talked::POINTS,
            "{first} {second}"
        );
        for _ in 0..200 {
            window.frames(1);
            if there(&window) == talked::POINTS {
                break;
            }
        }
        assert_eq!(there(&window), talked::POINTS);
        check_texts(&window, size, "front");
        // 2:00 who speaks.
        window.press(Key::PageDown);
        window.frames(60);
        assert!(window.shows("RECORDED"));
        check_texts(&window, size, "strip");
        // 2:30 an answer beside the front, with an expert silenced.
        window.press(Key::PageDown);
        window.frames(2);
        assert!(
            window.shows("ABLATED, muted: humor") && window.shows("largest difference, 1 of 318")
        );
        assert!(window.shows("INTERPOLATED"));
        check_texts(&window, size, "whole");
        window.press(Key::Escape);
        assert!(!window.state().talk.is_on() && !window.state().fullscreen);
        assert_eq!(
            (Sight::of(window.state()), window.deck()),
            before,
            "all is as it was"
        );
    }
}

#[test]
fn a_silent_engine_gives_way_to_the_recorded_answer_after_three_seconds() {
    let (_folder, mut window) = open(PROJECTOR);
    window.harness.key_press(Key::F5);
    // No step of the engine: a quarter of a second per frame.
    window.frames(11);
    assert_eq!(window.answer(), Some(How::Live));
    window.frames(4);
    assert_eq!(window.answer(), Some(How::Replay { times: 1.0 }));
    // What the engine says late is not heard any more.
    window.steps(8);
    assert_eq!(window.answer(), Some(How::Replay { times: 1.0 }));
    assert!(
        window
            .engine
            .count(|c| matches!(c, EngineCommand::Cancel { .. }))
            == 1
    );
    // A failure gives way at once.
    window.press(Key::Home);
    window.steps(1);
    let job = window.engine.log.iter().rev().find_map(|c| match c {
        EngineCommand::Generate { job, .. } => Some(*job),
        _ => None,
    });
    window.engine.send(EngineEvent::Failed {
        job: job.expect("it was asked"),
        trouble: Trouble::system("out of memory".to_owned()),
    });
    window.frames(2);
    assert_eq!(window.answer(), Some(How::Replay { times: 1.0 }));
    assert!(!window.shows("memory") && !window.sees("out of memory"));
}

#[test]
fn keys_and_clickers_go_from_stop_to_stop() {
    let (_folder, mut window) = open(PROJECTOR);
    window.press(Key::F5);
    for (key, at) in [
        (Key::PageDown, 1),
        (Key::ArrowRight, 2),
        (Key::ArrowDown, 3),
        (Key::PageUp, 2),
        (Key::ArrowLeft, 1),
        (Key::ArrowUp, 0),
        (Key::ArrowUp, 0),
        (Key::End, talked::STOPS - 1),
        (Key::PageDown, talked::STOPS - 1),
        (Key::Home, 0),
        (Key::Num3, 0),
        (Key::Enter, 2),
        (Key::Num9, 2),
        (Key::Num9, 2),
        (Key::Enter, talked::STOPS - 1),
    ] {
        window.press(key);
        assert_eq!(window.at(), at, "after {key:?}");
    }
    for key in [Key::B, Key::Period] {
        window.press(key);
        window.steps(1);
        assert!(texts(&window).is_empty(), "the stage is black");
        assert!(window.sees("The stage is black"));
        window.press(key);
        window.steps(1);
        assert!(!texts(&window).is_empty());
    }
    assert!(!window.shows("0:"));
    window.press(Key::T);
    window.steps(1);
    assert!(window.shows("0:"));
    // Keys of the panels do nothing here.
    let before = Sight::of(window.state());
    for key in [Key::D, Key::F, Key::S, Key::F6, Key::F11] {
        window.press(key);
    }
    assert_eq!(Sight::of(window.state()), before);
    assert!(window.state().talk.is_on());
}

#[test]
fn a_stray_click_moves_nothing_and_a_drag_is_answered_live() {
    let (folder, mut window) = open(PROJECTOR);
    let path = folder.path().join("talk.study");
    window.press(Key::F5);
    window.steps(70);
    let stops = window.deck();
    let triangle = window.harness.get_by_label("Preference point").rect();
    let top = triangle.center_top() + egui::vec2(0.0, 120.0);
    let shares = |w: &Window<'_>| {
        let show = w.state().talk.show.as_ref().expect("it is on");
        show.stage.shares(w.state().now).expect("a point")
    };
    window.harness.drag_at(top);
    window.steps(1);
    window.harness.hover_at(top + egui::vec2(5.0, 4.0));
    window.steps(1);
    window.harness.drop_at(top + egui::vec2(5.0, 4.0));
    window.steps(1);
    assert_eq!(shares(&window), [1.0, 0.0, 0.0]);
    let asked = |w: &Window<'_>| {
        w.engine
            .count(|c| matches!(c, EngineCommand::Generate { .. }))
    };
    let before = asked(&window);
    window.harness.drag_at(top);
    window.steps(1);
    let corner = triangle.right_bottom() - egui::vec2(30.0, 70.0);
    window.harness.hover_at(corner);
    window.steps(1);
    window.harness.drop_at(corner);
    window.steps(3);
    assert!(shares(&window)[2] > 0.9, "{:?}", shares(&window));
    assert!(asked(&window) > before && window.shows("LIVE"));
    window.steps(70);
    assert!(window.shows("your tap has started a band"));
    // Shift and an arrow move it, too.
    window
        .harness
        .key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    window.steps(2);
    assert!(shares(&window)[2] < 0.99);
    // The stop is as it was, here and in the file.
    assert_eq!(window.deck(), stops);
    let stored = Study::peek(&path).expect("read").expect("there");
    assert_eq!(stored.decks().expect("talks")[0], stops);
    window.press(Key::PageDown);
    window.press(Key::PageUp);
    assert_eq!(shares(&window), [1.0, 0.0, 0.0]);
}

#[test]
fn what_is_seen_becomes_a_stop_and_is_edited() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let mut window = window(PROJECTOR, &path, BUNDLE);
    // Without a stop the stage shows the window's own view.
    window.queue(AppCommand::Generate);
    window.wait("the answer is saved", |w| {
        let run = w.state().session.current();
        run.is_some_and(|run| run.stored.is_some() && run.scores.is_some())
    });
    window.press(Key::F5);
    window.steps(2);
    assert!(window.shows("LIVE"));
    check_texts(&window, PROJECTOR, "own view");
    window.click("Save this as stop 1");
    window.wait("the stop is here", |w| w.state().talk.stops().len() == 1);
    window.steps(2);
    assert_eq!(window.at(), 0);
    assert!(!window.sees("Save this as stop 1"));
    window.press(Key::Escape);
    let first = window.state().talk.stops()[0].clone();
    assert_eq!(first.stop.problem(), None);
    // The list: another stop, moved, renamed, noted; all of it taken back.
    window.queue(AppCommand::Talk(TalkCommand::SaveStop));
    window.wait("two stops", |w| w.state().talk.stops().len() == 2);
    let second = window.state().talk.stops()[1].uid.clone();
    window.queue(AppCommand::Talk(TalkCommand::MoveStop(second.clone(), -1)));
    window.wait("moved", |w| w.state().talk.stops()[0].uid == second);
    window.queue(AppCommand::Show(Overlay::Talk));
    let title = window.harness.get_by_label("Title on stage");
    title.focus();
    window.steps(2);
    window
        .harness
        .get_by_label("Title on stage")
        .type_text("Renamed ");
    window.steps(2);
    window.harness.key_press(Key::Tab);
    window.wait("renamed", |w| {
        let mut stops = w.state().talk.stops().iter();
        stops.any(|stop| stop.stop.title.contains("Renamed"))
    });
    window.queue(AppCommand::Show(Overlay::Talk));
    window.queue(AppCommand::Undo);
    window.wait("renamed back", |w| {
        let mut stops = w.state().talk.stops().iter();
        stops.all(|stop| !stop.stop.title.contains("Renamed"))
    });
    window.queue(AppCommand::Undo);
    window.wait("moved back", |w| w.state().talk.stops()[0].uid == first.uid);
    window.queue(AppCommand::Redo);
    window.wait("moved again", |w| w.state().talk.stops()[0].uid == second);
    window.queue(AppCommand::Talk(TalkCommand::RemoveStop(second)));
    window.wait("one stop", |w| w.state().talk.stops().len() == 1);
}

#[test]
fn the_talk_that_ships_is_opened_as_a_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let shipped = folder.path().join("assets/talk/talk.study");
    std::fs::create_dir_all(shipped.parent().expect("a folder")).expect("made");
    talk(&shipped);
    let before = std::fs::read(&shipped).expect("read");
    let mut window = window(PROJECTOR, &folder.path().join("mine.study"), BUNDLE);
    let state = &mut window.harness.state_mut().state;
    state.talk.shipped = Some(shipped.clone());
    state.talk.copy = folder.path().join("data/talk.study");
    window.queue(AppCommand::Talk(TalkCommand::OpenShipped));
    window.wait("the stops are here", |w| {
        w.state().talk.stops().len() == talked::STOPS
    });
    let copy = folder.path().join("data/talk.study");
    assert_eq!(window.state().study.path.as_deref(), Some(copy.as_path()));
    assert_ne!(window.state().prefs.study.as_deref(), Some(copy.as_path()));
    let first = window.state().talk.stops()[0].uid.clone();
    window.queue(AppCommand::Talk(TalkCommand::RemoveStop(first)));
    window.wait("removed", |w| {
        w.state().talk.stops().len() == talked::STOPS - 1
    });
    drop(window);
    assert_eq!(std::fs::read(&shipped).expect("read"), before);
    let beside: Vec<_> = std::fs::read_dir(shipped.parent().expect("a folder"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(beside, ["talk.study"]);
}

#[test]
fn the_stage_layout_shows_the_windows_own_view_large() {
    for size in [PROJECTOR, [1024.0, 768.0]] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut window = window(size, &folder.path().join("a.study"), BUNDLE);
        window.queue(AppCommand::Generate);
        window.steps(70);
        window.queue(AppCommand::StartSweep);
        window.steps(60);
        window.press(Key::L);
        window.steps(2);
        assert!(window.state().talk.large && !window.state().talk.is_on());
        assert!(window.sees("Front: ") && window.shows("your tap has started"));
        check_texts(&window, size, "large");
        window.press(Key::Escape);
        window.steps(1);
        assert!(!window.state().talk.large && window.sees("Generate"));
    }
}

/// How much a pixel may differ, and how many may differ by more, as for the pictures of the panels.
const TOLERANCE: f32 = 1.5;
const PIXELS: usize = 60;

#[test]
fn stages_in_both_themes_look_as_they_did() {
    let mut differing = egui_kittest::SnapshotResults::new();
    for (theme, folder) in [(ThemeChoice::Dark, "dark"), (ThemeChoice::Light, "light")] {
        for size in [PROJECTOR, [1024.0, 768.0]] {
            let (_study, mut window) = open(size);
            window.queue(AppCommand::SetTheme(theme));
            window.press(Key::F5);
            for at in 0..talked::STOPS {
                window.steps(70);
                let layout = window.state().talk.stops()[at].stop.layout;
                // A stage of each kind; the recorded ones stand still.
                let name = match (at, layout) {
                    (1, _) => Some("answer"),
                    (_, StopLayout::Pair) => Some("pair"),
                    (_, StopLayout::Front) => Some("front"),
                    (_, StopLayout::Strip) => Some("strip"),
                    (_, StopLayout::Whole) => Some("whole"),
                    _ => None,
                };
                if let Some(name) = name {
                    let options = egui_kittest::SnapshotOptions::new()
                        .threshold(TOLERANCE)
                        .max_failed_pixels(PIXELS);
                    let [width, height] = size;
                    let name = format!("{folder}/talk-{name}-{width}x{height}");
                    window.harness.snapshot_options(name, &options);
                }
                window.press(Key::PageDown);
            }
            differing.extend(window.harness.take_snapshot_results());
        }
    }
}
