//! Fronts.

use paretoscope_core::types::{Point, Preference, Summary};
use paretoscope_figure::color::{Theme, category};
use paretoscope_figure::plot::{
    Dot, Front, Landmark, LandmarkKind, Objective, Prompts, Series, Standing,
};
use paretoscope_figure::svg::{self, Type};
use paretoscope_figure::table::Guard;
use paretoscope_figure::{Error, Format, Look};

use crate::helpers::{counted, fixture, golden, pixels, svg};

fn summary(mean: f64, se: f64) -> Summary {
    Summary {
        mean,
        se,
        n: 40,
        non_finite: 0,
    }
}

fn dot(uid: &str, share: f64, x: f64, y: f64, standing: Standing) -> Dot {
    let point = Preference::new(vec![share, 1.0 - share]).unwrap();
    Dot {
        uid: uid.to_owned(),
        name: None,
        point: Some(Point::Preference(point)),
        scores: vec![Some(summary(x, 0.1)), Some(summary(y, 0.05))],
        standing,
        extrapolated: false,
    }
}

/// Three dots, the base model and a reference point.
fn small() -> Front {
    let objective = |name: &str, color| Objective {
        name: name.to_owned(),
        unit: "raw reward".to_owned(),
        color,
    };
    Front {
        title: "Three points".to_owned(),
        objectives: vec![objective("helpful", 0), objective("harmless", 1)],
        values: Vec::new(),
        axes: vec![0, 1],
        bundles: vec!["demo".to_owned()],
        series: vec![Series {
            name: "hoe".to_owned(),
            color: 4,
            bundle: 0,
            dots: vec![
                dot("a", 1.0, 1.0, 0.0, Standing::Front),
                dot("b", 0.0, 0.0, 1.0, Standing::Uncertain),
                dot("c", 0.5, -0.2, -0.3, Standing::Dominated),
            ],
            seeds: Vec::new(),
            hypervolume: Some(1.25),
        }],
        landmarks: vec![Landmark {
            kind: LandmarkKind::Base,
            uid: Some("base".to_owned()),
            scores: vec![Some(summary(-0.4, 0.1)), Some(summary(0.1, 0.1))],
        }],
        reference: Some(vec![-0.5, -0.5]),
        prompts: Prompts {
            split: "test".to_owned(),
            count: 40,
        },
        whiskers: true,
        notes: Vec::new(),
        facts: vec![("seed".to_owned(), "7".to_owned())],
    }
}

#[test]
fn three_points_look_as_they_did() {
    let figure = small().draw(&Look::new(Look::COLUMN)).unwrap();
    golden("front.svg", &svg(&figure));
    golden(
        "front.csv",
        &String::from_utf8(figure.data.csv(Guard::Plain).unwrap()).unwrap(),
    );
    golden("front.json", &figure.meta().unwrap());
    assert_eq!(
        figure.caption,
        "test, 40 prompts. Whiskers: ±1 SE. Hypervolume 1.250 (reference −0.500, −0.500)."
    );
}

#[test]
fn every_dot_stands_once_in_each_of_three_plots() {
    let front: Front = fixture("front.json");
    let figure = front.draw(&Look::new(Look::PAGE)).unwrap();
    let (uids, classes) = counted(&svg(&figure));
    let dots = &front.series[0].dots;
    assert_eq!(classes["panel"], 3);
    assert_eq!(classes["dot"], 3 * dots.len());
    assert_eq!(uids.len(), dots.len() + 1, "and the base model");
    assert!(uids.values().all(|count| *count == 3), "{uids:?}");
    assert_eq!(figure.data.rows().len(), dots.len() + front.landmarks.len());
    // Narrow, they stand one below the other.
    let narrow = front.draw(&Look::new(Look::COLUMN)).unwrap();
    assert!(narrow.scene.height > 2.0 * narrow.scene.width);
}

#[test]
fn series_have_their_colours_and_bundles_their_shapes() {
    let front: Front = fixture("overlay.json");
    let figure = front.draw(&Look::new(Look::COLUMN)).unwrap();
    let (uids, classes) = counted(&svg(&figure));
    assert!(uids.values().all(|count| *count == 1), "{uids:?}");
    assert_eq!(classes["seeds"], 1);
    // A row per dot, and one per point of a seed with its own error and n.
    let series = front.series.iter();
    let rows =
        series.map(|s| s.dots.len() + s.seeds.iter().map(|seed| seed.scores.len()).sum::<usize>());
    assert_eq!(figure.data.rows().len(), rows.sum::<usize>());
    let png = figure.write(Format::Png(2.0)).unwrap();
    let (width, height, pixels) = pixels(&png);
    assert_eq!(width, 992, "84 mm at 300 to the inch");
    let expected = figure.scene.height / figure.scene.width * f64::from(width);
    assert!((f64::from(height) - expected).abs() < 2.0);
    for series in &front.series {
        let color = category(series.color);
        let there = pixels.iter().filter(|p| **p == [color.0, color.1, color.2]);
        assert!(there.count() > 50, "{} is not to be seen", series.name);
    }
    let white = pixels.iter().filter(|p| **p == [255; 3]).count();
    assert!(white > pixels.len() / 2, "a figure is mostly paper");
    for series in &front.series {
        let Some(volume) = series.hypervolume else {
            continue;
        };
        let words = format!("{} {volume:.3}", series.name);
        assert!(figure.caption.contains(&words), "{}", figure.caption);
    }
}

#[test]
fn the_same_front_gives_the_same_bytes() {
    let look = Look::new(Look::COLUMN);
    let figure = small().draw(&look).unwrap();
    let formats = [
        Format::Svg(Type::Text),
        Format::Svg(Type::Outlines),
        Format::Pdf,
        Format::Png(1.0),
    ];
    for format in formats {
        let first = figure.write(format).unwrap();
        let again = small().draw(&look).unwrap().write(format).unwrap();
        assert!(first == again, "{format:?}");
    }
    let pdf = figure.write(Format::Pdf).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let holds = |text: &str| pdf.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(
        holds("UbuntuLight") || holds("Ubuntu-Light"),
        "the font is embedded"
    );
    assert!(!holds("CreationDate"));
}

#[test]
fn outlines_need_no_font_and_look_alike() {
    let figure = small().draw(&Look::new(Look::COLUMN)).unwrap();
    let outlines = svg::file(&figure.scene, Theme::Light, Type::Outlines);
    assert!(!outlines.contains("<text"));
    assert!(outlines.contains("aria-label=\"helpful (raw reward, higher is better)\""));
    roxmltree::Document::parse(&outlines).unwrap();
}

#[test]
fn names_that_mean_harm_are_names() {
    let hostile = "</svg><script>alert('1')</script><!-- & \"quoted\" \u{1}\u{ffff}";
    let mut front = small();
    front.title = hostile.to_owned();
    front.objectives[0].name = hostile.to_owned();
    front.series[0].name = hostile.to_owned();
    front.series[0].dots[0].uid = hostile.to_owned();
    front.notes = vec![hostile.to_owned()];
    let figure = front.draw(&Look::new(Look::COLUMN)).unwrap();
    for text in [Type::Text, Type::Outlines] {
        let svg = svg::file(&figure.scene, Theme::Dark, text);
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert!(
            !document
                .descendants()
                .any(|node| node.has_tag_name("script"))
        );
        let shown = hostile.replace(['\u{1}', '\u{ffff}'], "\u{fffd}");
        let mut uids = document
            .descendants()
            .filter_map(|node| node.attribute("data-uid"));
        assert!(uids.any(|uid| uid == shown));
    }
    figure.write(Format::Png(1.0)).unwrap();
    figure.write(Format::Pdf).unwrap();
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let draw = |front: &Front, width| front.draw(&Look::new(width)).unwrap_err().to_string();
    assert_eq!(
        draw(&small(), 3.0),
        "a figure 3 mm wide cannot be drawn; widths from 40 to 600 mm can"
    );
    assert!(draw(&small(), f64::NAN).contains("NaN mm"));
    let mut front = small();
    front.axes = vec![0, 5];
    assert_eq!(draw(&front, 84.0), "objective 5 is named, but there are 2");
    front.axes = vec![0];
    assert!(draw(&front, 84.0).contains("1 given, 2 needed"));
    let mut front = small();
    front.series.clear();
    front.landmarks.clear();
    assert!(draw(&front, 84.0).starts_with("nothing to draw"));
    let figure = small().draw(&Look::new(84.0)).unwrap();
    assert!(matches!(
        figure.write(Format::Png(9.0)),
        Err(Error::Scale { .. })
    ));
}

#[test]
fn dots_without_a_place_are_counted_and_far_ones_left_out() {
    let mut front = small();
    front.series[0].dots[2].scores[0] = Some(summary(f64::NAN, 0.0));
    for i in 0..12 {
        let share = f64::from(i) / 12.0;
        let dot = dot(
            &format!("d{i}"),
            share,
            -0.1 - share,
            -0.2,
            Standing::Dominated,
        );
        front.series[0].dots.push(dot);
    }
    front.series[0]
        .dots
        .push(dot("far", 0.5, -900.0, -900.0, Standing::Dominated));
    let figure = front.draw(&Look::new(Look::COLUMN)).unwrap();
    assert!(
        figure
            .caption
            .contains("1 dominated point lies outside the view.")
    );
    assert!(
        figure
            .caption
            .contains("1 point without a finite score on every axis not drawn.")
    );
    let (uids, _) = counted(&svg(&figure));
    assert!(!uids.contains_key("far") && !uids.contains_key("c"));
    let csv = String::from_utf8(figure.data.csv(Guard::Plain).unwrap()).unwrap();
    assert!(csv.contains("-900"), "the numbers are all there");
}

#[test]
fn numbers_of_any_size_are_drawn_with_numbers() {
    for scale in [0.0, 1e-300, 1e-9, 1e12, 1e300] {
        let mut front = small();
        for dot in &mut front.series[0].dots {
            for score in dot.scores.iter_mut().flatten() {
                score.mean *= scale;
                score.se = f64::INFINITY;
            }
        }
        front.reference = Some(vec![f64::NEG_INFINITY, 1e300]);
        front.landmarks.clear();
        let figure = front.draw(&Look::new(Look::COLUMN)).unwrap();
        let svg = svg(&figure);
        let document = roxmltree::Document::parse(&svg).unwrap();
        for node in document.descendants() {
            for name in [
                "d",
                "x",
                "y",
                "cx",
                "cy",
                "r",
                "width",
                "height",
                "textLength",
            ] {
                let value = node.attribute(name).unwrap_or("");
                assert!(
                    !value.contains("NaN") && !value.contains("inf"),
                    "{scale}: {value}"
                );
            }
        }
        figure.write(Format::Png(1.0)).unwrap();
    }
}

#[test]
fn more_methods_than_colours_differ_by_shape_and_dashes() {
    let mut front = small();
    let one = front.series[0].clone();
    let series = (0..10).map(|color| Series {
        name: format!("method {color}"),
        color,
        ..one.clone()
    });
    front.series = series.collect();
    let marks: std::collections::HashSet<_> = front
        .series
        .iter()
        .map(|series| (category(series.color), front.shape(series)))
        .collect();
    assert_eq!(marks.len(), 10);
    let svg = svg(&front.draw(&Look::new(Look::COLUMN)).unwrap());
    // Three lines, each in the plot and in the legend.
    assert_eq!(svg.matches("stroke-dasharray").count(), 6);
}
