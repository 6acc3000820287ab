//! Where the parts of the window lie, at every size and zoom, by its accessibility tree.

mod played;
mod scripted;
mod support;

use egui::{Rect, Vec2};
use egui_kittest::kittest::Queryable;
use paretoscope::command::AppCommand;
use paretoscope::state::{Division, Panel};
use played::{Window, script, with_bundle};

impl Window<'_> {
    /// A window of so many pixels at a zoom: both together say how many points there are to fill.
    fn zoomed(pixels: [f32; 2], zoom: f32) -> Self {
        // Two clicks of two frames each are a double click.
        let at_sixty = |builder: egui_kittest::HarnessBuilder<_>| builder.with_step_dt(1.0 / 60.0);
        let size = pixels.map(|side| side / zoom);
        let mut window = Self::open(size, script(), with_bundle(), at_sixty);
        window.steps(1);
        window
    }

    fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.steps(3);
    }

    fn resize(&mut self, pixels: [f32; 2], zoom: f32) {
        self.harness.set_size(Vec2::from(pixels) / zoom);
        self.steps(4);
    }

    fn rect(&self, label: &str) -> Rect {
        self.harness.get_by_label(label).rect()
    }

    /// The triangle, the answers and the button that makes one.
    fn places(&self) -> [Rect; 3] {
        ["Preference point", "Answers", "Generate"].map(|label| self.rect(label))
    }

    /// Fails unless triangle, answers and Generate are all to be seen, the answers with half of their column.
    fn check(&self, what: &str) {
        let screen = self.harness.ctx.content_rect();
        let [triangle, answers, generate] = self.places();
        for (name, rect) in [
            ("triangle", triangle),
            ("answers", answers),
            ("Generate", generate),
        ] {
            assert!(
                screen.contains_rect(rect),
                "{what}: {name} at {rect:?} in {screen:?}"
            );
            assert!(rect.is_positive(), "{what}: {name} at {rect:?}");
        }
        assert!(
            !triangle.intersects(answers),
            "{what}: {triangle:?} over {answers:?}"
        );
        assert!(
            triangle.width().min(triangle.height()) >= 110.0,
            "{what}: {triangle:?}"
        );
        // The line beside the column is as long as the column is high; margins take 8.
        let beside = ["Width of the point", "Room beside the answer"];
        let column = beside
            .iter()
            .find_map(|name| self.harness.query_by_label(name))
            .expect("a column has a line beside it")
            .rect()
            .height();
        assert!(
            answers.height() + 8.5 >= 0.5 * column,
            "{what}: {answers:?} in {column}"
        );
        assert!(answers.width() >= 240.0, "{what}: {answers:?}");
    }
}

impl Window<'_> {
    /// Fails unless the text of the answer begins where it is seen.
    fn check_text(&self, what: &str) {
        let state = &self.harness.state().state;
        let text = &state.session.current().expect("an answer").text;
        let label = self.harness.query_all_by_label(text).next();
        let text = label.expect("its text is there").rect();
        let answers = self.rect("Answers");
        assert!(
            text.top() + 20.0 < answers.bottom(),
            "{what}: {text:?} in {answers:?}"
        );
    }
}

const SIZES: [[f32; 2]; 5] = [
    [1024.0, 640.0],
    [1280.0, 720.0],
    [1280.0, 800.0],
    [1920.0, 1080.0],
    [3840.0, 2160.0],
];

#[test]
fn triangle_and_answer_are_seen_together_at_every_size_and_zoom() {
    let mut w = Window::zoomed(SIZES[0], 1.0);
    for points in [false, true] {
        if points {
            w.queue(AppCommand::StartSweep);
            w.steps(50);
            w.queue(AppCommand::Generate);
            w.steps(60);
            w.queue(AppCommand::Pin);
            w.queue(AppCommand::Generate);
            w.steps(60);
        }
        for size in SIZES {
            for zoom in [0.8, 1.0, 1.3, 1.5, 1.8, 2.0] {
                w.resize(size, zoom);
                let what = format!("{size:?} at {zoom}, points: {points}");
                w.check(&what);
                if points {
                    w.check_text(&what);
                }
            }
        }
    }
}

#[test]
fn a_zoom_that_comes_back_brings_the_layout_back() {
    let mut w = Window::zoomed(SIZES[1], 1.0);
    w.queue(AppCommand::StartSweep);
    w.steps(50);
    let before = w.places();
    for round in 0..6 {
        for zoom in [1.1, 1.3, 1.8, 1.0] {
            w.resize(SIZES[1], zoom);
        }
        assert_eq!(w.places(), before, "round {round}");
    }
}

#[test]
fn what_folds_out_takes_nothing_from_the_answer_and_gives_it_back() {
    let mut w = Window::zoomed(SIZES[2], 1.0);
    w.queue(AppCommand::Generate);
    w.steps(60);
    let before = w.places();
    w.queue(AppCommand::ToggleGiven);
    w.steps(20);
    w.check("tokens shown");
    w.queue(AppCommand::ToggleConversation);
    for _ in 0..6 {
        w.queue(AppCommand::AddTurn);
    }
    w.steps(20);
    w.check("tokens and a conversation shown");
    w.queue(AppCommand::ToggleConversation);
    w.queue(AppCommand::ToggleGiven);
    w.steps(20);
    let after = w.places();
    // To a rounded point.
    let off = after[1].size() - before[1].size();
    assert!(off.length() < 1.5, "{off:?}");
}

#[test]
fn a_long_prompt_scrolls_in_its_place_and_says_how_long_it_is() {
    for size in [SIZES[0], SIZES[2]] {
        let mut w = Window::zoomed(size, 1.0);
        let long = "word ".repeat(3000);
        w.queue(AppCommand::SetPrompt(long));
        w.steps(30);
        w.check("3,000 words");
        let count = "What the model is given: 3002 of 512 tokens";
        assert!(w.harness.query_by_label(count).is_some());
    }
}

#[test]
fn a_stored_division_that_is_none_is_put_right_at_the_start() {
    let mut w = Window::zoomed(SIZES[2], 1.0);
    let usual = w.places();
    let bad = Division {
        left: 9.0,
        right: f32::NAN,
        front: -1.0,
        side: f32::INFINITY,
        front_folded: false,
    };
    w.harness.state_mut().state.prefs.division = bad;
    w.steps(4);
    assert_eq!(w.places(), usual);
    // Shares that are shares and leave no room for each other.
    w.harness.state_mut().state.prefs.division = Division {
        left: 1.0,
        right: 1.0,
        front: 1.0,
        side: 1.0,
        front_folded: false,
    };
    w.steps(4);
    w.check("everything wished at once");
}

#[test]
fn a_divider_is_drawn_and_put_back() {
    let mut w = Window::zoomed(SIZES[3], 1.0);
    let usual = w.rect("Answers");
    let line = w.rect("Width of the point").center();
    w.harness.drag_at(line);
    w.steps(1);
    w.harness.hover_at(line + Vec2::new(120.0, 0.0));
    w.steps(1);
    w.harness.drop_at(line + Vec2::new(120.0, 0.0));
    w.steps(3);
    let moved = w.rect("Answers");
    assert!(
        (moved.left() - usual.left() - 120.0).abs() < 3.0,
        "{usual:?} {moved:?}"
    );
    let line = w.rect("Width of the point").center();
    support::double_click(&mut w.harness, line);
    w.steps(3);
    assert_eq!(w.rect("Answers"), usual);
}

/// The form of a sweep may lie below the fold; the row that starts and stops it does not, and the form is a key away.
#[test]
fn the_sweep_is_started_from_a_row_that_is_always_seen() {
    for (size, zoom) in [(SIZES[0], 1.0), (SIZES[1], 1.0), (SIZES[1], 2.0)] {
        let mut w = Window::zoomed(size, zoom);
        w.queue(AppCommand::Focus(Panel::Sweep));
        w.steps(30);
        let screen = w.harness.ctx.content_rect();
        let started = |w: &Window<'_>| {
            let all = w.harness.query_all_by_label("Start sweep");
            let rects: Vec<Rect> = all.map(|node| node.rect()).collect();
            rects.into_iter().any(|rect| screen.contains_rect(rect))
        };
        assert!(started(&w), "{size:?} at {zoom}");
        let mut fields = w.harness.query_all_by_label("Steps k");
        let form = fields.next().expect("the form's first field").rect();
        drop(fields);
        assert!(
            form.top() >= screen.top() && form.bottom() <= screen.bottom() - 40.0,
            "{size:?} at {zoom}: the form is at {form:?}"
        );
        assert_eq!(
            w.harness.state().state.overlay.focus,
            None,
            "it was taken up"
        );
        w.queue(AppCommand::StartSweep);
        for name in ["Pause", "Cancel"] {
            assert!(screen.contains_rect(w.rect(name)), "{name}");
        }
    }
}

#[test]
fn groups_at_the_right_are_reached_in_the_order_in_which_they_are_read() {
    let mut w = Window::zoomed(SIZES[3], 1.0);
    w.queue(AppCommand::StartSweep);
    w.steps(50);
    w.queue(AppCommand::Generate);
    w.steps(60);
    for names in [
        &["Objectives plotted", "View", "Fit", "Table"][..],
        &["Pin", "Copy"],
        &["Mute harmless", "Solo harmless"],
    ] {
        let mut last: Option<f32> = None;
        for name in names {
            // The front's menu and the answer's are called alike: the front's is below.
            let found = w.harness.get_all_by_label(name);
            let node = found.max_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
            let left = node.expect("it is there").rect().left();
            if let Some(before) = last {
                assert!(
                    before < left,
                    "{name} stands to the right of the one before"
                );
            }
            last = Some(left);
        }
        // Tab goes from the first to the last of them.
        let first = w.harness.get_all_by_label(names[0]);
        let first = first.max_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
        first.expect("the first").focus();
        w.steps(2);
        for name in &names[1..] {
            w.harness.key_press(egui::Key::Tab);
            w.steps(2);
            let all = w.harness.get_all_by_label(name);
            assert!(
                all.into_iter().any(|node| node.is_focused()),
                "Tab does not lead to {name}"
            );
        }
    }
}

#[test]
fn in_a_small_window_panels_take_turns_beside_the_answer() {
    let mut w = Window::zoomed(SIZES[1], 2.0);
    for panel in Panel::ALL {
        w.queue(AppCommand::Focus(panel));
        let answers = w.rect("Answers");
        assert!(answers.height() > 120.0, "{panel:?}: {answers:?}");
        let triangle = w.harness.query_by_label("Preference point");
        let turn = matches!(panel, Panel::Point | Panel::Answers);
        assert_eq!(triangle.is_some(), turn, "{panel:?}");
    }
}
