//! The Pareto panel through the accessibility tree: what it says is what it shows.

mod support;

use std::sync::Arc;

use egui::{Color32, Key, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use paretoscope::plot::{
    Landmark, OthersData, ParetoAction, ParetoData, Ticked, Turn, value_words,
};
use paretoscope::state::{Class, Front, Large, Others, OthersFrom, PlotOptions, Units};
use paretoscope::view::pareto::ParetoPanel;
use paretoscope_core::types::{Point, PointResult, Preference, Summary, Weights};
use paretoscope_figure::plot as figure;

/// The panel with what the state would hold, and a log of what was asked for.
struct Bench {
    panel: ParetoPanel,
    options: PlotOptions,
    objectives: Vec<String>,
    axes: Vec<usize>,
    points: Vec<Arc<PointResult>>,
    front: Front,
    selected: Option<usize>,
    current: Option<Landmark>,
    pending: usize,
    others: Others,
    log: Vec<ParetoAction>,
}

impl Bench {
    fn new(points: Vec<Arc<PointResult>>) -> Self {
        Self {
            panel: ParetoPanel::default(),
            options: PlotOptions::default(),
            objectives: ["helpful", "harmless", "humor"].map(str::to_owned).to_vec(),
            axes: vec![0, 1],
            points,
            front: Front::default(),
            selected: None,
            current: None,
            pending: 0,
            others: Others::default(),
            log: Vec::new(),
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui) {
        self.front.update(&self.points, 1, &self.axes);
        let base = self.front.base().map(|position| Landmark {
            point: None,
            scores: self.points[position].scores.clone(),
        });
        let sweeps = [Ticked {
            sweep: 4,
            name: "mva".to_owned(),
            on: true,
            own: false,
            elsewhere: false,
        }];
        let data = ParetoData {
            objectives: &self.objectives,
            points: &self.points,
            front: &self.front,
            selected: self.selected,
            current: self.current.as_ref(),
            pinned: None,
            base: base.as_ref(),
            pending: self.pending,
            color: &color,
            text: &|index| Some(format!("answer of point {index}")),
            study: self.others.fronts().map(|_| OthersData {
                others: &self.others,
                sweeps: &sweeps,
                split: None,
                words: "Means over all 8 prompts",
                trouble: None,
                selected: None,
                chosen: &|_| false,
                times: &|_| None,
            }),
        };
        let actions = self.panel.show(ui, &data, &self.options);
        for action in &actions {
            if let ParetoAction::Options(options) = action {
                self.options = options.clone();
            }
            if let ParetoAction::Select(index) = action {
                self.selected = Some(*index);
            }
        }
        self.log.extend(actions);
    }

    fn harness(self, size: Vec2) -> Harness<'static, Self> {
        let mut harness = Harness::builder()
            .with_size(size)
            .build_ui_state(|ui, bench: &mut Self| bench.ui(ui), self);
        harness.run();
        harness
    }
}

/// A colour per preference, as the window gives them.
fn color(point: &Point) -> Color32 {
    let share = |i: usize| point.as_slice().get(i).copied().unwrap_or(0.0);
    let channel = |i: usize| (255.0 * share(i)) as u8;
    Color32::from_rgb(channel(0), channel(1), channel(2))
}

fn result(index: usize, means: &[f64], se: f64) -> Arc<PointResult> {
    let scores = means
        .iter()
        .map(|&mean| {
            Some(Summary {
                mean,
                se,
                n: 8,
                non_finite: usize::from(!mean.is_finite()),
            })
        })
        .collect();
    let share = 0.5 + 0.4 * (index as f64).sin();
    let point =
        Point::Preference(Preference::new(vec![share, 1.0 - share]).expect("shares in [0, 1]"));
    Arc::new(PointResult {
        name: None,
        index,
        point,
        scores,
        rows: 8,
    })
}

/// `front` points on a falling line and the rest well below it.
fn points(count: usize, front: usize) -> Vec<Arc<PointResult>> {
    (0..count)
        .map(|i| {
            if i < front {
                let x = i as f64 / (front - 1) as f64;
                result(i, &[x, 1.0 - x], 0.001)
            } else {
                let part = (i - front) as f64 / count as f64;
                result(i, &[0.3 * part, 0.35 * (1.0 - part)], 0.001)
            }
        })
        .collect()
}

fn plot_value(harness: &Harness<'_, Bench>) -> String {
    harness
        .get_by_label("Pareto plot: harmless against helpful")
        .accesskit_node()
        .value()
        .expect("the plot carries its summary")
}

#[test]
fn mirror_of_42_points_with_7_on_the_front() {
    let mut harness = Bench::new(points(42, 7)).harness(Vec2::new(900.0, 1500.0));
    harness.get_by_label("Front 7 of 42 points");
    assert!(
        plot_value(&harness).starts_with("Front 7 of 42 points"),
        "{}",
        plot_value(&harness)
    );
    harness.get_by_label("Table").click();
    harness.run();
    harness.get_by_label("42 rows");
    for index in 0..42 {
        harness.get_by_label(&format!("#{index}"));
    }
    assert_eq!(harness.query_all_by_label("front").count(), 7);
    assert_eq!(harness.query_all_by_label("dominated").count(), 35);
    // One point that beats them all changes both within one frame.
    harness
        .state_mut()
        .points
        .push(result(42, &[2.0, 2.0], 0.001));
    harness.run_steps(1);
    harness.get_by_label("Front 1 of 43 points");
    harness.get_by_label("43 rows");
    assert_eq!(harness.query_all_by_label("front").count(), 1);
}

#[test]
fn the_table_sorts_and_selects() {
    let mut harness = Bench::new(points(10, 4)).harness(Vec2::new(900.0, 700.0));
    harness.get_by_label("Table").click();
    harness.run();
    harness.get_by_label("helpful").click();
    harness.run();
    let top = |harness: &Harness<'_, Bench>, index: usize| {
        harness
            .get_by_label(&format!("#{index}"))
            .accesskit_node()
            .bounding_box()
            .expect("a place")
            .y0
    };
    assert!(top(&harness, 3) < top(&harness, 0), "the best comes first");
    let place = harness.get_by_label("#3").rect().center();
    support::click(&mut harness, place);
    assert_eq!(harness.state().log.last(), Some(&ParetoAction::Select(3)));
}

#[test]
fn the_view_belongs_to_the_person() {
    let mut harness = Bench::new(points(42, 7)).harness(Vec2::new(900.0, 600.0));
    let automatic = harness.state().panel.ranges().range(0);
    // The view follows the data while nobody has touched it.
    harness
        .state_mut()
        .points
        .push(result(42, &[1.4, -0.2], 0.001));
    harness.run_steps(2);
    assert!(harness.state().panel.ranges().range(0)[1] > automatic[1]);
    // The wheel zooms in, and from then on the view is the person's.
    let middle = harness
        .get_by_label("Pareto plot: harmless against helpful")
        .rect()
        .center();
    harness.hover_at(middle);
    harness.run_steps(2);
    support::wheel(&harness, 120.0);
    harness.run_steps(8);
    assert!(harness.state().panel.ranges().is_owned());
    harness.state_mut().selected = Some(3);
    harness.run_steps(2);
    let before = (
        harness.state().panel.ranges().range(0),
        harness.state().panel.ranges().range(1),
    );
    for i in 43..143 {
        let inside = [f64::midpoint(before.0[0], before.0[1]), before.1[0] + 1e-3];
        let means = if i % 40 == 10 {
            [7.0 + i as f64, 7.0]
        } else {
            inside
        };
        harness.state_mut().points.push(result(i, &means, 0.001));
        harness.run_steps(1);
    }
    let after = (
        harness.state().panel.ranges().range(0),
        harness.state().panel.ranges().range(1),
    );
    assert_eq!(before, after, "streaming moved the view");
    assert_eq!(harness.state().selected, Some(3));
    let outside = (43..143).filter(|i| i % 40 == 10).count();
    assert_eq!(outside, 3);
    harness.get_by_label("3 new points outside view · Fit");
    // F fits everything; Home gives the view back to the data.
    harness.key_press(Key::F);
    harness.run_steps(2);
    assert!(harness.query_by_label_contains("outside view").is_none());
    assert!(harness.state().panel.ranges().range(0)[1] > 130.0);
    harness.key_press(Key::Home);
    harness.run_steps(2);
    assert!(!harness.state().panel.ranges().is_owned());
}

#[test]
fn keys_walk_the_front_and_set_the_point() {
    let mut harness = Bench::new(points(20, 5)).harness(Vec2::new(900.0, 600.0));
    harness
        .get_by_label("Pareto plot: harmless against helpful")
        .focus();
    harness.run();
    for expected in [0, 1, 2] {
        harness.key_press(Key::ArrowRight);
        harness.run();
        assert_eq!(harness.state().selected, Some(expected));
    }
    harness.key_press(Key::ArrowLeft);
    harness.run();
    assert_eq!(harness.state().selected, Some(1));
    harness.key_press(Key::S);
    harness.run();
    assert_eq!(harness.state().log.last(), Some(&ParetoAction::Go(1)));
    assert!(
        plot_value(&harness).contains("selected point 1: helpful 0.250, harmless 0.750, front")
    );
    harness.key_press(Key::T);
    harness.run();
    harness.get_by_label("20 rows");
}

#[test]
fn a_click_selects_the_dot_and_a_double_click_goes_there() {
    let mut harness =
        Bench::new(vec![result(5, &[0.2, 0.2], 0.001)]).harness(Vec2::new(700.0, 500.0));
    // One point stands in the middle of its automatic view.
    let middle = support::plot_centre(&harness, "Pareto plot: harmless against helpful");
    support::click(&mut harness, middle);
    assert_eq!(harness.state().log, [ParetoAction::Select(5)]);
    let bench = Bench::new(vec![result(5, &[0.2, 0.2], 0.001)]);
    let mut quick = Harness::builder()
        .with_size(Vec2::new(700.0, 500.0))
        .with_step_dt(0.02)
        .build_ui_state(|ui, bench: &mut Bench| bench.ui(ui), bench);
    quick.run();
    support::double_click(&mut quick, middle);
    assert_eq!(
        quick.state().log,
        [ParetoAction::Select(5), ParetoAction::Go(5)]
    );
}

#[test]
fn bad_scores_are_counted_and_listed() {
    let mut points = points(6, 3);
    points.push(result(6, &[f64::NAN, 0.5], 0.0));
    points.push(result(7, &[f64::INFINITY, 0.5], 0.0));
    let mut unscored = result(8, &[0.1, 0.1], 0.0).as_ref().clone();
    unscored.scores[1] = None;
    points.push(Arc::new(unscored));
    let mut harness = Bench::new(points).harness(Vec2::new(1100.0, 600.0));
    harness.get_by_label("Front 3 of 9 points");
    assert!(
        plot_value(&harness).ends_with("1 not scored; 2 non-finite"),
        "{}",
        plot_value(&harness)
    );
    harness.get_by_label("2 non-finite").click();
    harness.run();
    harness.get_by_label_contains("Point 6:");
    harness.get_by_label_contains("Point 7:");
}

#[test]
fn membership_within_one_error_is_said() {
    let points = vec![
        result(0, &[1.0, 0.0], 0.2),
        result(1, &[0.9, 0.05], 0.2),
        result(2, &[0.0, 5.0], 0.2),
    ];
    let harness = Bench::new(points).harness(Vec2::new(900.0, 500.0));
    let classes: Vec<Class> = harness
        .state()
        .front
        .entries()
        .iter()
        .map(|e| e.class)
        .collect();
    assert_eq!(classes, [Class::Uncertain, Class::Uncertain, Class::Front]);
    harness.get_by_label("Front within 1 SE 2");
}

#[test]
fn the_base_model_gives_units_and_the_reference_is_that_of_all_points() {
    let mut points = points(12, 4);
    let mut base = result(12, &[-0.2, 0.1], 0.05).as_ref().clone();
    base.point = Point::Weights(Weights::zero(2));
    points.push(Arc::new(base));
    let mut harness = Bench::new(points).harness(Vec2::new(1200.0, 600.0));
    let hint = |harness: &Harness<'_, Bench>| {
        let label = harness.get_by_label_contains("of 13 points");
        let described = label.accesskit_node().data().description();
        described.unwrap_or_default().to_owned()
    };
    let volume = harness.state().front.hypervolume().expect("a volume");
    let reference = volume.reference.clone();
    let words = |numbers: [f64; 2]| format!("over ({})", numbers.map(value_words).join(", "));
    assert!(reference[0] < -0.2 && reference[1] < 0.1, "below all");
    assert!(hint(&harness).contains(&words([reference[0], reference[1]])));
    harness.get_by_label("View").click();
    harness.run();
    harness
        .get_by_label("Scores against the base model")
        .click();
    harness.run();
    assert_eq!(harness.state().options.units, Units::Base);
    // In deviations of the base model's answers, from their mean.
    let deviation = 0.05 * 8.0_f64.sqrt();
    let moved = words([
        (reference[0] + 0.2) / deviation,
        (reference[1] - 0.1) / deviation,
    ]);
    assert!(hint(&harness).contains(&moved), "{moved}");
    assert!(
        !harness.state().panel.ranges().is_owned(),
        "a change of units is no zoom"
    );
    // In the table the base model has its name, and the volume stands in full.
    harness.key_press(Key::Escape);
    harness.run();
    harness.get_by_label("Table").click();
    harness.run();
    harness.get_by_label("base model");
    harness.get_by_label_contains(&moved);
}

#[test]
fn plots_that_cannot_be_drawn_say_why() {
    let mut lonely = Bench::new(points(3, 2));
    lonely.axes = vec![0];
    lonely
        .harness(Vec2::new(800.0, 500.0))
        .get_by_label_contains("two or three objectives");
    let mut unscored = Bench::new(vec![result(0, &[0.1, 0.1], 0.0)]);
    unscored.axes = vec![0, 2];
    unscored
        .harness(Vec2::new(800.0, 500.0))
        .get_by_label_contains("no reward scores");
}

#[test]
fn three_objectives_are_linked_pairs() {
    let points: Vec<_> = (0..30)
        .map(|i| {
            let t = i as f64 / 29.0;
            result(i, &[t, 1.0 - t, (t * 9.0).sin()], 0.001)
        })
        .collect();
    let mut bench = Bench::new(points);
    bench.axes = vec![0, 1, 2];
    let mut harness = bench.harness(Vec2::new(1200.0, 500.0));
    for other in [
        "Enlarge humor against harmless",
        "Enlarge humor against helpful",
        "Enlarge helpful, harmless and humor",
    ] {
        harness.get_by_label(other);
    }
    let frame = harness
        .get_by_label("Pareto plot: harmless against helpful")
        .rect();
    assert!((frame.width() - frame.height()).abs() <= 2.0, "{frame:?}");
    let place = harness
        .get_by_label("Pareto plot: harmless against helpful")
        .rect()
        .center();
    let third = harness.state().panel.ranges().range(2);
    harness.hover_at(place);
    harness.run_steps(2);
    support::wheel(&harness, 120.0);
    harness.run_steps(8);
    let zoomed = harness.state().panel.ranges().range(0);
    assert!(
        zoomed[1] - zoomed[0] < 1.0,
        "helpful zooms in every plot that has it"
    );
    assert_eq!(
        harness.state().panel.ranges().range(2),
        third,
        "humor is not in that plot"
    );
    harness.get_by_label("Objectives plotted").click();
    harness.run();
    harness.get_by_label("helpful × humor").click();
    harness.run();
    assert!(
        harness
            .query_by_label("Pareto plot: harmless against helpful")
            .is_none()
    );
    // A small one becomes large by the keyboard, too.
    harness
        .get_by_label("Enlarge humor against harmless")
        .focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    harness.get_by_label("Pareto plot: humor against harmless");
    harness.get_by_label("Enlarge humor against helpful");
}

/// A panel that shows three objectives in space.
fn in_space(points: Vec<Arc<PointResult>>) -> Harness<'static, Bench> {
    let mut bench = Bench::new(points);
    bench.axes = vec![0, 1, 2];
    bench.options.large = Large::Space;
    bench.harness(Vec2::new(900.0, 500.0))
}

const SPACE: &str = "Pareto space: helpful, harmless and humor";

#[test]
fn the_cube_turns_by_drag_wheel_and_keys_and_goes_back() {
    let mut harness = in_space(vec![
        result(0, &[0.1, 0.9, 0.3], 0.01),
        result(1, &[0.8, 0.2, 0.5], 0.01),
    ]);
    let words = |harness: &Harness<'_, Bench>| {
        let node = harness.get_by_label(SPACE);
        node.accesskit_node()
            .value()
            .expect("it says how it is seen")
    };
    assert!(
        words(&harness).ends_with("seen from 35° around, 24° above"),
        "{}",
        words(&harness)
    );
    assert!(words(&harness).starts_with("Front 2 of 2 points"));
    harness.get_by_label(SPACE).focus();
    harness.run();
    for (key, seen) in [
        (Key::ArrowRight, "40° around, 24° above"),
        (Key::ArrowUp, "40° around, 29° above"),
        (Key::ArrowLeft, "35° around, 29° above"),
    ] {
        harness.key_press(key);
        harness.run();
        assert!(
            words(&harness).ends_with(seen),
            "{key:?}: {}",
            words(&harness)
        );
    }
    harness.key_press(Key::Plus);
    harness.run();
    assert!(harness.state().panel.turn().zoom > 1.0);
    assert!(
        !harness.state().panel.ranges().is_owned(),
        "turning is no zoom of the plane"
    );
    let middle = harness.get_by_label(SPACE).rect().center() + vec2(60.0, 90.0);
    let before = harness.state().panel.turn();
    harness.drag_at(middle);
    harness.run_steps(2);
    harness.hover_at(middle + vec2(-40.0, 20.0));
    harness.run_steps(2);
    harness.drop_at(middle + vec2(-40.0, 20.0));
    harness.run_steps(2);
    let turned = harness.state().panel.turn();
    assert!(
        turned.around > before.around && turned.above > before.above,
        "{turned:?}"
    );
    assert!(harness.state().log.is_empty(), "a drag selects nothing");
    harness.get_by_label("Reset view").click();
    harness.run();
    assert_eq!(harness.state().panel.turn(), Turn::default());
    support::wheel(&harness, 120.0);
    harness.run_steps(8);
    assert!(harness.state().panel.turn().zoom > 1.0);
    harness.get_by_label(SPACE).focus();
    harness.run();
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(harness.state().panel.turn(), Turn::default());
}

#[test]
fn a_point_in_space_is_named_and_selected_as_in_the_plane() {
    // One point stands in the middle of its automatic view.
    let mut harness = in_space(vec![result(5, &[0.2, 0.2, 0.2], 0.001)]);
    let middle = harness.get_by_label(SPACE).rect().center();
    harness.hover_at(middle);
    harness.run_steps(4);
    harness.get_by_label_contains("Point 5 · front · interpolated");
    support::click(&mut harness, middle);
    assert_eq!(harness.state().log, [ParetoAction::Select(5)]);
    harness.get_by_label(SPACE).focus();
    harness.run();
    harness.key_press(Key::T);
    harness.run();
    harness.get_by_label("1 rows");
}

#[test]
fn the_score_of_one_answer_is_marked_apart_from_means() {
    let mut bench = Bench::new(points(6, 3));
    let scores = [0.9, 0.9].map(|score| Some(Summary::of([score])));
    bench.current = Some(Landmark {
        point: None,
        scores: scores.to_vec(),
    });
    let mut harness = bench.harness(Vec2::new(900.0, 500.0));
    harness.get_by_label("Current (A), one prompt");
    // Among answers to one prompt it is one of them.
    for point in &mut harness.state_mut().points {
        Arc::make_mut(point).rows = 1;
    }
    harness.run();
    harness.get_by_label("Current (A)");
}

#[test]
fn extrapolated_points_have_their_own_entry_in_the_legend() {
    let mut points = points(8, 4);
    let mut far = result(8, &[3.0, 3.0], 0.001).as_ref().clone();
    far.point = Point::Weights(Weights::new(vec![1.5, 1.0]).unwrap());
    points.push(Arc::new(far));
    let harness = Bench::new(points).harness(Vec2::new(900.0, 500.0));
    harness.get_by_label("Extrapolated front 1");
}

/// Another sweep of one dot, in the study.
fn other_front(at: [f64; 2]) -> Arc<figure::Front> {
    let objective = |(color, name): (usize, &str)| figure::Objective {
        name: name.to_owned(),
        unit: "raw reward".to_owned(),
        color,
    };
    let dot = figure::Dot {
        uid: "4-aa".to_owned(),
        name: None,
        point: Some(Point::Preference(Preference::uniform(2))),
        scores: at
            .iter()
            .map(|&mean| {
                Some(Summary {
                    mean,
                    se: 0.05,
                    n: 8,
                    non_finite: 0,
                })
            })
            .collect(),
        standing: figure::Standing::Front,
        extrapolated: false,
    };
    Arc::new(figure::Front {
        title: "study".to_owned(),
        objectives: ["helpful", "harmless"]
            .into_iter()
            .enumerate()
            .map(objective)
            .collect(),
        values: Vec::new(),
        axes: vec![0, 1],
        bundles: vec!["demo".to_owned()],
        series: vec![figure::Series {
            name: "mva".to_owned(),
            color: 1,
            bundle: 0,
            dots: vec![dot],
            seeds: Vec::new(),
            hypervolume: Some(0.25),
        }],
        landmarks: Vec::new(),
        reference: Some(vec![0.0, 0.0]),
        prompts: figure::Prompts {
            split: String::new(),
            count: 8,
        },
        whiskers: true,
        notes: Vec::new(),
        facts: Vec::new(),
    })
}

#[test]
fn a_dot_of_another_sweep_is_named_with_its_error_and_leads_to_its_answers() {
    let mut bench = Bench::new(Vec::new());
    let fronts = other_front([0.5, 0.5]);
    bench.others.update(&OthersFrom {
        fronts: Some(&fronts),
        plan: None,
        own: None,
        points: &[],
        objectives: &bench.objectives,
        axes: &bench.axes,
    });
    let mut harness = bench.harness(Vec2::new(900.0, 600.0));
    harness.get_by_label("1 sweep of the study");
    harness.get_by_label("Means over all 8 prompts");
    harness.get_by_label("mva (4): front 1 of 1 point, hypervolume 0.250");
    assert!(plot_value(&harness).ends_with("; mva: front 1 of 1 point, hypervolume 0.250"));
    // One dot stands in the middle of the automatic view, which holds it.
    let plot = harness.get_by_label("Pareto plot: harmless against helpful");
    let middle = plot.rect().center();
    harness.hover_at(middle);
    harness.run_steps(4);
    harness.get_by_label_contains("mva: helpful 0.5");
    harness.get_by_label_contains("harmless 0.500 \u{b1} 0.050 (n = 8)");
    support::click(&mut harness, middle);
    assert_eq!(harness.state().log, [ParetoAction::Mark("4-aa".to_owned())]);
    harness
        .get_by_label("mva (4): front 1 of 1 point, hypervolume 0.250")
        .click();
    harness.run_steps(2);
    assert_eq!(
        harness.state().log.last(),
        Some(&ParetoAction::Tick(4, false))
    );
}

#[test]
fn a_sweep_that_is_not_scored_on_what_is_plotted_is_not_drawn() {
    let mut bench = Bench::new(points(6, 3));
    bench.axes = vec![0, 2];
    let fronts = other_front([0.5, 0.5]);
    bench.others.update(&OthersFrom {
        fronts: Some(&fronts),
        plan: None,
        own: None,
        points: &[],
        objectives: &bench.objectives,
        axes: &bench.axes,
    });
    assert!(bench.others.sweeps().is_empty());
    assert_eq!(bench.others.lacking(), ["humor"]);
}
