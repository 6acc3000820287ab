//! What the window draws of a study: points that another program makes, without any model, from one reference.

mod played;
mod scripted;
mod stored;

use std::ops::ControlFlow;
use std::sync::Arc;

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use paretoscope::command::{AppCommand, Gesture};
use paretoscope::registry;
use paretoscope::state::{Front, GenerateWhen, Overlay};
use paretoscope_core::pareto::{hypervolume, reference_point};
use paretoscope_core::protocol::{SweepGrid, SweepPlan};
use paretoscope_core::stats::{Draws, Frame, FrameOptions, compare};
use paretoscope_core::study::{Study, SweepRecord};
use paretoscope_core::types::{
    NamedPoint, Point, PointResult, Preference, Prompt, Run, Sampling, Scores, Split, Weights,
};
use paretoscope_figure::of_study::{Asked, fronts};
use stored::{Writing, row, swept, window};

const WIDE: [f32; 2] = [1600.0, 1000.0];

fn near(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn points_that_another_program_makes_appear_one_after_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("grows.study");
    let mut w = window(WIDE, &path, None);
    w.queue(AppCommand::Show(Overlay::Study));
    let writing = Writing::begin(&path, "hoe", 0.0);
    for point in 0..3 {
        writing.point(point);
        w.wait("its dot", |w| {
            let front = w.state().study.front();
            front.is_some_and(|f| f.series[0].dots.len() == point + 1)
        });
    }
    // From the worst of all of them, not of the first.
    let (_, reference) = w.state().study.measured_from().expect("it is measured");
    assert!(near(&reference, &[-0.05; 3]), "{reference:?}");
}

#[test]
fn without_models_plots_texts_and_routing_come_from_the_study_and_generate_says_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    swept(&path);
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    let corner = Point::Preference(Preference::one_hot(0, 3));
    w.queue(AppCommand::Move(corner, Gesture::Settled));
    w.queue(AppCommand::Generate);
    w.wait("the answer is saved", |w| {
        let run = w.state().session.current();
        run.is_some_and(|run| run.stored.is_some() && run.scores.is_some())
    });
    let text = w.state().session.current().expect("an answer").text.clone();
    drop(w);
    let mut w = window(WIDE, &path, None);
    w.wait("the study's sweeps", |w| {
        w.state().others.sweeps().len() == 2
    });
    w.wait("the answer", |w| w.state().session.current().is_some());
    w.steps(4);
    let run = w.state().session.current().expect("an answer");
    assert_eq!(run.text, text);
    assert!(w.sees(&text), "its text");
    assert!(w.sees("Tokens by expert"), "its routing");
    let plots = w.harness.get_all_by_role(Role::Canvas);
    let mut words = plots.filter_map(|node| node.accesskit_node().value());
    assert!(words.any(|words| words.contains("mva: front 3 of 3 points")));
    let why = registry::why_not(&AppCommand::Generate, w.state()).expect("no model");
    assert!(why.contains("without its models"), "{why}");
}

/// The base model, which nothing dominates, and three points of a sweep of two prompts.
#[test]
fn one_sweep_has_one_hypervolume_in_the_panel_in_figures_and_in_comparisons() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.study");
    let study = Study::open(&path).expect("a study");
    let means = [
        [0.1, 2.0, 0.3],
        [1.0, 0.0, 0.5],
        [0.2, 1.0, 0.6],
        [0.1, 0.1, 2.0],
    ];
    let place = |point: usize| match point {
        0 => Point::Weights(Weights::zero(3)),
        point => Point::Preference(Preference::one_hot(point - 1, 3)),
    };
    let prompts = ["ask one", "ask two"].map(|words| Prompt::Text(words.into()));
    let listed = (1..4).map(|at| NamedPoint::from(place(at)));
    let record = SweepRecord {
        name: "one".to_owned(),
        method: "hoe".to_owned(),
        bundle: scripted::bundle::info(),
        plan: SweepPlan {
            grid: SweepGrid::List {
                points: listed.collect(),
            },
            prompts: prompts.to_vec(),
            splits: vec![Split::Test; 2],
            groups: Vec::new(),
            sampling: Sampling::default(),
            include_base: true,
            store: path.clone(),
        },
        rows: 8,
    };
    let sweep = study.whole_sweep(&record, |point, prompt| {
        let off = [-0.05, 0.05][prompt];
        let scores = means[point].iter().map(|mean| Some(mean + off));
        Run {
            prompt: prompts[prompt].clone(),
            point: place(point),
            scores: Some(Scores(scores.collect())),
            ..row("one", point, &prompt.to_string())
        }
    });
    let sweep = sweep.expect("a sweep");
    let expected = reference_point(&means).expect("points");
    let volume = hypervolume(&means, &expected);

    let scores = study.sweep_scores(sweep, None).expect("scores");
    let points: Vec<Arc<PointResult>> = scores.summary(None).into_iter().map(Arc::new).collect();
    let mut panel = Front::default();
    panel.update(&points, 1, &[0, 1, 2]);
    let panel = panel.hypervolume().expect("a volume");
    assert!(near(&panel.reference, &expected), "{panel:?}");
    assert!(near(&[panel.value], &[volume]), "{panel:?} {volume}");

    let figure = fronts(&study, &Asked::default()).expect("fronts");
    let of_figure = figure.reference.clone().expect("a reference");
    assert!(near(&of_figure, &expected), "{of_figure:?}");
    let of_figure = figure.series[0].hypervolume.expect("a volume");
    assert!(near(&[of_figure], &[volume]), "{of_figure} {volume}");

    let arm = study.arm("--a", "one", None).expect("an arm");
    let frame = Frame::new(&[arm.clone(), arm], &FrameOptions::default()).expect("a frame");
    assert!(near(&frame.reference, &expected), "{:?}", frame.reference);
    let draws = Draws { draws: 2, seed: 0 };
    let found = compare(&frame, draws, &mut |_| ControlFlow::Continue(())).expect("compared");
    assert!(near(&[found[0].hypervolume.a], &[volume]), "{found:?}");
}
