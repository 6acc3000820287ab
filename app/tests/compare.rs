//! Sweeps of the study side by side: in the Front panel, chosen on one part and shown on another, prompt by prompt.

mod played;
mod scripted;
mod stored;

use std::path::Path;

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use paretoscope::command::AppCommand;
use paretoscope::registry;
use paretoscope::state::{
    Large, Origin, Overlay, PlotOptions, PointsFrom, PointsOf, PromptSource, SweepForm, SweepMode,
};
use paretoscope_core::pareto::reference_point;
use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::stats::By;
use paretoscope_core::study::{NewAnswer, Placed, ScorerRecord, Study, SweepRecord};
use paretoscope_core::types::{Point, Preference, Split, Summary};
use paretoscope_figure::plot::Series;
use played::Window;
use stored::{row, swept, window};

const WIDE: [f32; 2] = [1600.0, 1000.0];

/// A window with a bundle, on a study with two sweeps.
fn beside<'a>(path: &Path) -> Window<'a> {
    swept(path);
    let mut w = window(WIDE, path, Some("/bundles/one"));
    w.wait("the study's sweeps", |w| {
        w.state().others.sweeps().len() == 2
    });
    w.steps(3);
    w
}

/// What stands for the large plot where it is not seen.
fn plot_words(w: &Window<'_>) -> String {
    let plots = w.harness.get_all_by_role(Role::Canvas);
    let mut words = plots.filter_map(|node| node.accesskit_node().value());
    words
        .find(|words| words.contains("Front "))
        .expect("a plot")
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}

/// The name of a dot of the first series.
fn dot(w: &Window<'_>, series: usize, at: usize) -> String {
    let front = w.state().study.front().expect("fronts");
    front.series[series].dots[at].uid.clone()
}

#[test]
fn the_front_panel_shows_the_sweeps_of_the_study_and_a_switch_for_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = beside(&folder.path().join("two.study"));
    assert!(w.sees("2 sweeps of the study"));
    assert!(w.sees("hoe (1): front 3 of 3 points, hypervolume "));
    assert!(w.sees("Means over all 2 prompts; fronts chosen on them as well: optimistic"));
    let words = plot_words(&w);
    assert!(words.contains("mva: front 3 of 3 points"), "{words}");
    // One reference for all of them, which is the one of all points that are drawn.
    let (_, reference) = w.state().study.measured_from().expect("it is measured");
    let front = w.state().study.front().expect("fronts").clone();
    let means = |of: &[&Series]| -> Vec<Vec<f64>> {
        let dots = of.iter().flat_map(|series| &series.dots);
        let mean = |s: &Option<Summary>| s.expect("scored").mean;
        dots.map(|dot| dot.scores.iter().map(mean).collect())
            .collect()
    };
    let of = |of: &[&Series]| reference_point(&means(of)).expect("points");
    let both: Vec<&Series> = front.series.iter().collect();
    assert!(near(&reference, &of(&both)), "{reference:?}");
    let label = w.harness.get_by_label_contains("mva (2): front");
    assert_eq!(label.accesskit_node().role(), Role::CheckBox);
    label.click();
    w.steps(3);
    w.wait("one sweep", |w| w.state().others.sweeps().len() == 1);
    let (_, of_one) = w.state().study.measured_from().expect("it is measured");
    assert!(near(&of_one, &of(&both[..1])), "{of_one:?}");
    assert!(!plot_words(&w).contains("mva"));
    // What is off is still there to be switched on, once the legend has its new height.
    w.steps(4);
    w.click("mva (2)");
    w.wait("both", |w| w.state().others.sweeps().len() == 2);
    // A person's own stays, whatever is drawn.
    w.queue(AppCommand::SetReference(0, -5.0));
    w.queue(AppCommand::TickSweep(2, false));
    w.wait("one sweep", |w| w.state().others.sweeps().len() == 1);
    let (_, own) = w.state().study.measured_from().expect("it is frozen");
    assert_eq!(own, [&[-5.0][..], &reference[1..]].concat());
    w.queue(AppCommand::TickSweep(2, true));
    w.queue(AppCommand::FreeReference);
    w.wait("measured again", |w| {
        w.state()
            .study
            .measured_from()
            .is_some_and(|(_, r)| r == reference)
    });
    w.click("Sweeps (2)");
    assert!(w.sees("Compare\u{2026}"));
    w.queue(AppCommand::SetSplit(Some(Split::Test)));
    w.wait("the test part", |w| {
        w.sees("Means over 1 prompt of the test part")
    });
}

#[test]
fn a_dot_of_another_sweep_leads_to_its_stored_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = beside(&folder.path().join("two.study"));
    w.queue(AppCommand::SelectMark(Some(dot(&w, 1, 2))));
    w.wait("its answers", |w| {
        w.sees("Stored answer 1 of 2 at this dot")
    });
    let run = w.state().session.current().expect("an answer").clone();
    assert_eq!(run.origin, Origin::Study { row: 0 });
    assert_eq!(run.text, "mva at 2 on ask one");
    assert!(run.scores.is_some());
    w.queue(AppCommand::StepRow(1));
    assert_eq!(
        w.state().session.current().expect("one").text,
        "mva at 2 on ask two"
    );
    // Another dot is asked the same prompt; the pinned answer stays for the words that differ.
    w.queue(AppCommand::Pin);
    w.queue(AppCommand::SelectMark(Some(dot(&w, 0, 2))));
    w.wait("the other", |w| {
        w.state()
            .session
            .current()
            .is_some_and(|r| r.text == "hoe at 2 on ask two")
    });
    assert_eq!(
        w.state().session.pinned().expect("pinned").text,
        "mva at 2 on ask two"
    );
    w.queue(AppCommand::SelectDot(None));
    assert!(w.state().study.dot.is_none() && w.state().sweep.rows.is_empty());
    assert!(w.state().session.current().is_none());
}

#[test]
fn the_panels_own_sweep_is_measured_over_the_part_that_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.study");
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    let form = SweepForm {
        k: 1,
        prompts: 2,
        ..SweepForm::default()
    };
    w.queue(AppCommand::SetSweep(form));
    w.queue(AppCommand::StartSweep);
    w.steps(20);
    assert_eq!(w.state().sweep.points.len(), 4);
    let plan = w.state().sweep.plan.clone().expect("a plan");
    let study = Study::open(&path).expect("a study");
    let info = scripted::bundle::info();
    let record = SweepRecord {
        name: "own".to_owned(),
        method: "hoe".to_owned(),
        bundle: info.clone(),
        plan: plan.as_ref().clone(),
        rows: 8,
    };
    let (sweep, bundle) = (
        study.sweep(&record, 0).expect("a sweep"),
        study.bundle(&info),
    );
    let scorers = study
        .scorers(&ScorerRecord::rewards(&info))
        .expect("scorers");
    for result in &w.state().sweep.points {
        for (prompt, split) in [Split::Train, Split::Validation].into_iter().enumerate() {
            let mut run = row("own", 0, "x");
            run.prompt = plan.prompts[prompt].clone();
            run.point = result.point.clone();
            let answer = NewAnswer {
                run: &run,
                mean: Vec::new(),
                bundle: *bundle.as_ref().expect("a bundle"),
                interactive: false,
                split: Some(split),
                place: Some(Placed {
                    sweep,
                    seed: 0,
                    point: result.index,
                    prompt,
                }),
            };
            let id = study.add(&[answer]).expect("an answer")[0];
            let of = |k: usize| result.index as f64 + k as f64 + 10.0 * prompt as f64;
            let scored = scorers.iter().enumerate();
            let rows: Vec<_> = scored
                .filter_map(|(k, s)| Some((id, (*s)?, of(k))))
                .collect();
            study.score(&rows).expect("scores");
        }
    }
    w.wait("its own series", |w| w.state().others.own().is_some());
    assert!(
        w.state().others.sweeps().is_empty(),
        "it is not drawn twice"
    );
    assert!(w.sees("This sweep: front "));
    assert!(w.state().others.points().is_none());
    w.queue(AppCommand::SetSplit(Some(Split::Validation)));
    w.wait("the part", |w| w.state().others.points().is_some());
    w.steps(2);
    let points = w.state().others.points().expect("points");
    // Three corners and the base model, each with its place in the plan.
    assert_eq!(points.len(), 4);
    for point in points {
        let known = w.state().sweep.point(point.index).expect("one of the plan");
        assert_eq!(known.point, point.point);
        let mean = point.scores[1].expect("scored").mean;
        assert_eq!(mean, point.index as f64 + 11.0);
    }
    let entries = w.state().front.entries();
    assert!(
        entries.iter().all(|entry| entry.mean[0] >= 10.0),
        "{entries:?}"
    );
    let volume = w.state().front.hypervolume().expect("a volume").clone();
    let drawn = w.state().study.front().expect("fronts");
    let reference = drawn.reference.as_ref().expect("it is measured");
    assert!(
        near(&volume.reference, reference),
        "{volume:?} {reference:?}"
    );
    let of_study = drawn.series[0].hypervolume.expect("a volume");
    assert!(near(&[volume.value], &[of_study]), "{volume:?} {of_study}");
}

/// A window that shows the study's sheet, with no bundle.
fn sheet<'a>(path: &Path) -> Window<'a> {
    swept(path);
    let mut w = window(WIDE, path, None);
    w.queue(AppCommand::Show(Overlay::Study));
    w.wait("fronts", |w| w.state().study.front().is_some());
    w.steps(3);
    w
}

#[test]
fn what_is_chosen_on_validation_stays_marked_on_test_and_one_split_is_optimistic() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = sheet(&folder.path().join("two.study"));
    assert!(w.sees("optimistic"));
    w.click("Choose on validation, show on test");
    w.wait("the test part", |w| {
        w.sees("Means over 1 prompt of the test part")
    });
    assert!(w.sees("chosen on validation, shown on test"));
    assert!(!w.sees("optimistic"));
    assert!(w.sees("hoe: 3 chosen points, hypervolume "));
    assert!(w.state().study.is_chosen(&dot(&w, 1, 0)));
    w.wait("a count", |w| {
        w.sees("6 of 6 rows of the chosen points on 2 test prompts")
            || w.sees("6 of 6 rows of the chosen points on 1 test prompt")
    });
    w.queue(AppCommand::SetSplit(Some(Split::Validation)));
    w.wait("the same part", |w| {
        w.sees("chosen and shown on validation: optimistic")
    });
    w.click("Choose nothing");
    assert!(w.state().study.chosen.is_none());
}

#[test]
fn rows_that_are_missing_on_the_other_part_are_counted_and_can_be_swept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    let mut w = beside(&path);
    w.queue(AppCommand::Show(Overlay::Study));
    let choose = AppCommand::ChooseFront(Some(Split::Validation), Some(Split::Train));
    w.queue(choose);
    w.wait("a count", |w| {
        w.sees("0 of 24 rows of the chosen points on 4 train prompts")
    });
    w.click("Sweep these points on the train prompts\u{2026}");
    let form = w.state().prefs.sweep.clone();
    assert_eq!(
        (form.mode, form.points.from),
        (SweepMode::Points, PointsFrom::Typed)
    );
    assert_eq!(
        (form.source, form.split, form.prompts),
        (PromptSource::Bundle, Some(Split::Train), 4)
    );
    // Each place once, though two methods were chosen at it.
    assert_eq!(form.points.typed.lines().count(), 3);
    assert_eq!(w.state().overlay.open, Overlay::None);
    assert!(w.sees("4 points \u{d7} 4 prompts = 16 answers"));
}

#[test]
fn prompts_of_two_dots_are_sorted_by_difference_with_their_ranks() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = sheet(&folder.path().join("two.study"));
    let why = |w: &Window<'_>| registry::why_not(&AppCommand::PinMark, w.state());
    assert!(why(&w).is_some());
    w.queue(AppCommand::SelectMark(Some(dot(&w, 0, 0))));
    w.wait("its answers", |w| w.sees("Stored answer 1 of 2"));
    // The answer behind the sheet has such a button, too.
    let pins = w.harness.get_all_by_label("Pin the dot");
    pins.last().expect("the sheet's").click();
    w.steps(2);
    assert!(w.sees("is pinned. Select another dot to compare it with."));
    w.queue(AppCommand::SelectMark(Some(dot(&w, 1, 1))));
    w.wait("the comparison", |w| {
        w.state().study.differ.differences().is_some()
    });
    w.steps(3);
    assert!(w.sees("Largest difference of 2"));
    assert!(w.sees("standard deviations of both dots' answers"));
    let found = w.state().study.differ.differences().expect("found").clone();
    assert_eq!(found.rows[0].a.text, "hoe at 0 on ask one");
    assert_eq!(found.rows[0].b.text, "mva at 1 on ask one");
    w.harness.key_press(Key::ArrowDown);
    w.steps(3);
    assert!(w.sees("2nd largest difference of 2"));
    assert_eq!(w.state().study.differ.row, 1);
    w.harness.key_press(Key::ArrowUp);
    w.steps(3);
    assert!(w.sees("Largest difference of 2"));
    for (by, words) in [
        (By::Text, "Least alike of 2"),
        (By::Typical, "Most typical difference of 2"),
    ] {
        w.queue(AppCommand::SortDiffering(by));
        w.wait("another order", |w| w.sees(words));
    }
    w.queue(AppCommand::UnpinMark);
    assert!(!w.sees("Prompts by difference"));
}

/// The form of a sweep over points one by one.
fn points_of(from: PointsFrom, set: &str, typed: &str) -> SweepForm {
    let mut form = SweepForm {
        mode: SweepMode::Points,
        prompts: 2,
        ..SweepForm::default()
    };
    form.points.from = from;
    form.points.set = set.into();
    form.points.typed = typed.into();
    form
}

#[test]
fn a_sweep_takes_sets_typed_points_and_files_or_says_what_is_wrong_and_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    let mut w = beside(&path);
    for (from, set, typed, words) in [
        (
            PointsFrom::Set,
            "hoe-13",
            "",
            "14 points \u{d7} 2 prompts = 28 answers",
        ),
        (PointsFrom::Set, "halton:20", "", "21 points"),
        (
            PointsFrom::Set,
            "hoe-5",
            "",
            "the set is for 5 objectives, the bundle has 3",
        ),
        (
            PointsFrom::Set,
            "halton",
            "",
            "`halton` is none of the sets",
        ),
        (PointsFrom::Typed, "", "1 0 0\n0.2 0.3 0.5\n", "3 points"),
        (
            PointsFrom::Typed,
            "",
            "1 0 0\n\n1 0",
            "points, line 3: 2 numbers; a line holds one share for each of helpful",
        ),
        (
            PointsFrom::Typed,
            "",
            "1 0 0\n1 0 0",
            "stands on line 1 already",
        ),
        (
            PointsFrom::Typed,
            "",
            "{\"preferense\": [1, 0, 0]}",
            "line 1: ",
        ),
        (PointsFrom::Typed, "", "", "no points are typed yet"),
        (PointsFrom::File, "", "", "no file of points is named yet"),
    ] {
        w.queue(AppCommand::SetSweep(points_of(from, set, typed)));
        w.steps(2);
        assert!(w.sees(words), "{set}{typed}: {:?}", w.state().sweep.cost);
        w.steps(30);
        assert!(w.sees(words), "it stays: {words}");
    }
    // A dropped file.
    let file = folder.path().join("points.jsonl");
    std::fs::write(
        &file,
        "{\"preference\": [1, 1, 0]}\n{\"weights\": [0.5, 1, 1.2]}",
    )
    .expect("written");
    w.queue(AppCommand::Dropped(file.clone()));
    w.wait("the file", |w| w.sees("3 points \u{d7} 2 prompts"));
    std::fs::write(&file, "{\"preference\": [1, 1, 0]}\n{\"weight\": [0.5]}").expect("written");
    w.queue(AppCommand::SetSweep(points_of(
        PointsFrom::Set,
        "hoe-13",
        "",
    )));
    let mut again = points_of(PointsFrom::File, "", "");
    again.points.file = file;
    w.queue(AppCommand::SetSweep(again));
    w.wait("its error", |w| w.sees("points.jsonl: line 2: "));
}

#[test]
fn typed_points_are_filled_from_what_is_known_and_swept_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    let mut w = beside(&path);
    w.queue(AppCommand::FillPoints(PointsOf::Front(2)));
    assert_eq!(w.state().prefs.sweep.points.typed.lines().count(), 3);
    let fill = AppCommand::FillPoints(PointsOf::Starred);
    w.queue(fill.clone());
    w.wait("nothing starred", |w| {
        w.sees("There are no such points yet")
    });
    let point = Point::Preference(Preference::new(vec![0.5, 0.25, 0.25]).expect("shares"));
    w.queue(AppCommand::Move(
        point.clone(),
        paretoscope::command::Gesture::Settled,
    ));
    w.queue(AppCommand::Generate);
    w.wait("an answer", |w| {
        w.state()
            .session
            .current()
            .is_some_and(|r| r.stored.is_some())
    });
    w.queue(AppCommand::ToggleStar);
    w.queue(fill);
    w.wait("its point", |w| {
        w.state().prefs.sweep.points.typed.lines().count() == 1
    });
    w.queue(AppCommand::StartSweep);
    w.steps(4);
    let plan = w.state().sweep.plan.clone().expect("a plan");
    assert_eq!(plan.grid.kind(), point.kind());
    let sent = |c: &EngineCommand| matches!(c, EngineCommand::Sweep { plan: p, .. } if *p == *plan);
    assert_eq!(w.engine.count(sent), 1);
}

#[test]
fn other_sweeps_stand_in_the_cube_and_in_the_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = beside(&folder.path().join("two.study"));
    let space = PlotOptions {
        large: Large::Space,
        ..PlotOptions::default()
    };
    w.queue(AppCommand::SetPareto(space));
    w.steps(3);
    assert!(plot_words(&w).contains("mva: front 3 of 3 points"));
    assert!(!w.sees("drawn in the pairs"));
    // Every dot is somewhere in the cube, and a click on it looks at its answers.
    let cube = w.harness.get_by_label_contains("Pareto space").rect();
    let mut found = None;
    'search: for x in 0..36 {
        for y in 0..36 {
            let share = egui::vec2(x as f32 / 36.0, y as f32 / 36.0);
            let at = cube.min + cube.size() * share;
            w.harness.hover_at(at);
            w.frames(1);
            if w.sees("Click: look at its stored answers") {
                found = Some(at);
                break 'search;
            }
        }
    }
    let at = found.expect("a dot of another sweep");
    w.harness.drag_at(at);
    w.steps(1);
    w.harness.drop_at(at);
    w.steps(2);
    w.wait("its answers", |w| {
        w.sees("Stored answer 1 of 2 at this dot")
    });

    w.queue(AppCommand::SelectDot(None));
    w.queue(AppCommand::ToggleTable);
    w.steps(3);
    assert!(w.sees("6 rows: 0 of this sweep, 6 of other sweeps"));
    assert!(w.sees("Sweep") && w.sees("mva"));
    // Sorted by the first objective, the best of the sweep that was lifted comes first.
    w.harness
        .get_by_role_and_label(Role::Button, "helpful")
        .click();
    w.steps(3);
    let lines = w.harness.get_all_by_label_contains("1.250 \u{b1}");
    let line = lines.min_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
    line.expect("1 + 0.2 + half of 0.1").click();
    w.steps(3);
    w.wait("its answers", |w| {
        let run = w.state().session.current();
        run.is_some_and(|run| run.text.starts_with("mva at 0"))
    });
}

#[test]
fn arrow_keys_lead_along_a_front_and_from_sweep_to_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = beside(&folder.path().join("two.study"));
    let plot = |w: &Window<'_>| {
        w.harness
            .get_by_label_contains("Pareto plot")
            .rect()
            .center()
    };
    let at = plot(&w);
    w.harness.drag_at(at);
    w.steps(1);
    w.harness.drop_at(at);
    w.steps(2);
    let dot_now = |w: &Window<'_>| w.state().study.dot.as_ref().map(|open| open.dot.clone());
    let mut seen = Vec::new();
    for key in [
        Key::ArrowRight,
        Key::ArrowRight,
        Key::ArrowDown,
        Key::ArrowLeft,
        Key::ArrowUp,
    ] {
        w.harness.key_press(key);
        w.steps(3);
        seen.push(dot_now(&w).expect("a dot"));
    }
    let sweep = |uid: &String| uid.split_once('-').expect("a name").0.to_owned();
    let sweeps: Vec<String> = seen.iter().map(sweep).collect();
    assert_eq!(sweeps, ["1", "1", "2", "2", "1"], "{seen:?}");
    assert_ne!(seen[0], seen[1]);
    // The end stays the end.
    for _ in 0..4 {
        w.harness.key_press(Key::ArrowUp);
        w.steps(2);
    }
    assert_eq!(sweep(&dot_now(&w).expect("a dot")), "1");
}
