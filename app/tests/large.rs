//! A study of very many rows in the window: how large it is, how long it takes to open and to sum up, what a frame costs.
//! What it measures is printed; that all of it is there is asserted, how fast is not.
#![allow(clippy::print_stdout, reason = "what it measures is printed")]

mod played;
mod scripted;
mod stored;

use std::time::{Duration, Instant};

use paretoscope::command::AppCommand;
use paretoscope::state::Overlay;
use paretoscope_core::study::Study;
use played::Window;
use stored::{large, opened, window};

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

/// Opens a study with so many rows, looks at what it shows, and says what that took. Aims: a second until the first frame
/// and for the summary, 16 ms a frame.
fn measure(points: usize, prompts: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.study");
    large(&path, points, prompts);
    let about = format!("{} rows, {points} points", points * prompts);
    let after =
        |what: &str, begun: Instant| println!("{about}: {what} after {:?}", begun.elapsed());
    let say = |what: &str, [middle, longest]: [Duration; 2]| {
        println!("{about}, {what}: a frame takes {middle:?} in the middle, {longest:?} at most");
    };
    let bytes = std::fs::metadata(&path).expect("a file").len();
    println!("{about}: {bytes} bytes");
    let begun = Instant::now();
    let study = Study::open(&path).expect("a study");
    after("the file is open", begun);
    let begun = Instant::now();
    let scores = study.sweep_scores(1, None).expect("scores");
    assert_eq!(scores.summary(None).len(), points);
    after("its sweep is summed up", begun);
    drop((scores, study));

    let begun = Instant::now();
    let w = opened([1600.0, 1000.0], &path, None);
    after("the first frame without models is drawn", begun);
    drop(w);
    let begun = Instant::now();
    let mut w = window([1600.0, 1000.0], &path, Some("/bundles/one"));
    w.wait("fronts", |w| !w.state().others.sweeps().is_empty());
    after("fronts are in the panel", begun);
    let front = w.state().study.front().expect("fronts").clone();
    assert_eq!(front.series[0].dots.len(), points);
    say("the panel", frames(&mut w, |_, _| {}));
    let at = egui::pos2(800.0, 800.0);
    let moved = |w: &mut Window<'_>, frame: usize| {
        w.harness.hover_at(at + egui::vec2(frame as f32, 0.0));
    };
    say("the panel under the pointer", frames(&mut w, moved));
    let begun = Instant::now();
    w.queue(AppCommand::Show(Overlay::Study));
    after("the sheet is open", begun);
    say("the sheet", frames(&mut w, |_, _| {}));
    let moved = |w: &mut Window<'_>, frame: usize| {
        w.harness.hover_at(egui::pos2(900.0 + frame as f32, 400.0));
    };
    say("the sheet under the pointer", frames(&mut w, moved));
    let uid = front.series[0].dots[7].uid.clone();
    let begun = Instant::now();
    w.queue(AppCommand::SelectMark(Some(uid)));
    let answers = |w: &Window<'_>| {
        let dot = w.state().study.dot.as_ref()?;
        dot.rows.as_ref()?.as_ref().ok().map(Vec::len)
    };
    w.wait("answers", |w| answers(w).is_some());
    after("a dot's answers are there", begun);
    assert_eq!(answers(&w), Some(prompts));
    say("the sheet with a dot's answers", frames(&mut w, |_, _| {}));
}

#[test]
fn a_thousand_points_of_ten_thousand_rows_are_all_there() {
    measure(1000, 10);
}

#[test]
#[ignore = "minutes to make the study; cargo test --test large -- --ignored --nocapture"]
fn a_hundred_thousand_rows_are_all_there() {
    for (points, prompts) in [(629, 159), (10_000, 10)] {
        measure(points, prompts);
    }
}
