//! A study of very many rows in the window: how long it takes to open, and what a frame costs.
#![allow(clippy::print_stdout, reason = "what it measures is printed")]

mod played;
mod scripted;
mod stored;

use std::time::{Duration, Instant};

use paretoscope::command::AppCommand;
use paretoscope::state::Overlay;
use played::Window;
use stored::{large, window};

/// A frame at 60 Hz.
const FRAME: Duration = Duration::from_millis(16);
/// Frames that are timed.
const FRAMES: usize = 40;

/// The middle and the longest of frames that nothing happens in, shapes and triangles included.
fn frames(w: &mut Window<'_>, mut each: impl FnMut(&mut Window<'_>, usize)) -> [Duration; 2] {
    w.steps(5);
    let mut took: Vec<Duration> = (0..FRAMES)
        .map(|frame| {
            each(w, frame);
            let begun = Instant::now();
            w.harness.run_steps(1);
            let output = w.harness.output();
            let (shapes, density) = (output.shapes.clone(), output.pixels_per_point);
            std::hint::black_box(w.harness.ctx.tessellate(shapes, density));
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    [took[FRAMES / 2], took[FRAMES - 1]]
}

/// Opens a study with so many rows and says what it took.
fn measure(points: usize, prompts: usize) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.study");
    large(&path, points, prompts);
    let rows = points * prompts;
    let mut worst = Duration::ZERO;
    let mut say = |what: &str, [middle, longest]: [Duration; 2]| {
        println!(
            "{rows} rows, {points} points, {what}: {middle:?} in the middle, {longest:?} at most"
        );
        worst = worst.max(middle);
    };
    let begun = Instant::now();
    let mut w = window([1600.0, 1000.0], &path, Some("/bundles/one"));
    w.wait("fronts", |w| !w.state().others.sweeps().is_empty());
    println!(
        "{rows} rows, {points} points: fronts in the panel after {:?}",
        begun.elapsed()
    );
    say("the panel", frames(&mut w, |_, _| {}));
    let at = egui::pos2(800.0, 800.0);
    let moved = |w: &mut Window<'_>, frame: usize| {
        w.harness.hover_at(at + egui::vec2(frame as f32, 0.0));
    };
    say("the panel under the pointer", frames(&mut w, moved));
    let begun = Instant::now();
    w.queue(AppCommand::Show(Overlay::Study));
    println!(
        "{rows} rows, {points} points: the sheet after {:?}",
        begun.elapsed()
    );
    say("the sheet", frames(&mut w, |_, _| {}));
    let moved = |w: &mut Window<'_>, frame: usize| {
        w.harness.hover_at(egui::pos2(900.0 + frame as f32, 400.0));
    };
    say("the sheet under the pointer", frames(&mut w, moved));
    let uid = w.state().study.front().expect("fronts").series[0].dots[7]
        .uid
        .clone();
    let begun = Instant::now();
    w.queue(AppCommand::SelectMark(Some(uid)));
    w.wait("answers", |w| {
        w.state()
            .study
            .dot
            .as_ref()
            .is_some_and(|d| d.rows.is_some())
    });
    println!(
        "{rows} rows, {points} points: a dot's answers after {:?}",
        begun.elapsed()
    );
    say("the sheet with a dot's answers", frames(&mut w, |_, _| {}));
    worst
}

#[test]
fn ten_thousand_rows_make_no_frame_late() {
    // Machines that build at the same time are given some time.
    let worst = measure(1000, 10);
    assert!(worst < 4 * FRAME, "{worst:?}");
}

#[test]
#[ignore = "minutes to make the study; cargo test --test large -- --ignored --nocapture"]
fn a_hundred_thousand_rows_make_no_frame_late() {
    for (points, prompts) in [(629, 159), (10_000, 10)] {
        let worst = measure(points, prompts);
        assert!(worst < FRAME, "{worst:?}");
    }
}
