//! Gates, interference, curves, attainment.

use paretoscope_core::types::{
    Chance, Compared, Interference as Measured, Measure, PairInterference,
};
use paretoscope_figure::color::{category, cividis, diverging};
use paretoscope_figure::plot::{Attainment, Curves, Gates, Interference, Over};
use paretoscope_figure::table::Guard;
use paretoscope_figure::{Error, Figure, Format, Look};

use crate::helpers::{counted, fixture, golden, pixels, svg};

/// How many pixels of a picture have a colour.
fn seen(figure: &Figure, color: paretoscope_figure::color::Rgb) -> usize {
    let (_, _, pixels) = pixels(&figure.write(Format::Png(2.0)).unwrap());
    pixels
        .iter()
        .filter(|pixel| **pixel == [color.0, color.1, color.2])
        .count()
}

fn lines(figure: &Figure) -> usize {
    let csv = String::from_utf8(figure.data.csv(Guard::Plain).unwrap()).unwrap();
    csv.lines().count()
}

#[test]
fn a_strip_has_every_token_with_its_bar() {
    let gates: Gates = fixture("gates.json");
    for width in [Look::COLUMN, Look::PAGE] {
        let figure = gates.strip(&Look::new(width)).unwrap();
        assert_eq!(counted(&svg(&figure)).1["token"], gates.tokens.len());
        assert_eq!(figure.data.rows().len(), gates.tokens.len());
        for expert in &gates.experts {
            assert!(
                seen(&figure, category(expert.color)) > 100,
                "{}",
                expert.name
            );
        }
    }
}

#[test]
fn a_heatmap_breaks_into_bands_where_the_answer_is_long() {
    let gates: Gates = fixture("gates.json");
    let wide = gates.heatmap(&Look::new(Look::PAGE)).unwrap();
    let narrow = gates.heatmap(&Look::new(Look::COLUMN)).unwrap();
    assert_eq!(counted(&svg(&wide)).1["band"], 1);
    assert_eq!(counted(&svg(&narrow)).1["band"], 2);
    for figure in [&wide, &narrow] {
        assert_eq!(counted(&svg(figure)).1["token"], gates.tokens.len());
    }
    // The first gate of the first token has its colour on the fixed scale of shares.
    assert!(seen(&wide, cividis(gates.tokens[0].gates[0])) > 50);
}

#[test]
fn signed_gates_have_a_middle_and_larger_ones_are_said() {
    let mut gates: Gates = fixture("gates.json");
    gates.tokens[0].gates[0] = -2.0;
    gates.tokens[0].gates[1] = f64::NAN;
    let figure = gates.heatmap(&Look::new(Look::PAGE)).unwrap();
    assert!(seen(&figure, diverging(0.0)) > 50);
    assert!(
        figure.caption.ends_with("The scale goes to 2.000."),
        "{}",
        figure.caption
    );
    // Whose shares are none has no ground and no bar, and the text stays.
    gates.strip(&Look::new(Look::PAGE)).unwrap();
}

#[test]
fn gates_that_do_not_fit_are_refused() {
    let mut gates: Gates = fixture("gates.json");
    gates.tokens[2].gates.pop();
    let error = gates.strip(&Look::new(84.0)).unwrap_err();
    assert_eq!(error.to_string(), "gates of token 3: 3 given, 4 needed");
    gates.tokens.clear();
    assert!(matches!(
        gates.heatmap(&Look::new(84.0)),
        Err(Error::Empty { .. })
    ));
}

#[test]
fn texts_of_any_script_and_length_are_drawn_and_what_lacks_a_font_is_told() {
    let mut gates: Gates = fixture("gates.json");
    gates.tokens[0].text = "\n\t </text><script>".to_owned();
    gates.tokens[1].text = "\u{0f40}".to_owned();
    gates.tokens[2].text = "a word without end ".repeat(40);
    gates.tokens[3].text = String::new();
    for figure in [
        gates.strip(&Look::new(84.0)).unwrap(),
        gates.heatmap(&Look::new(84.0)).unwrap(),
    ] {
        roxmltree::Document::parse(&svg(&figure)).unwrap();
        figure.write(Format::Pdf).unwrap();
        assert_eq!(figure.scene.lacking(), ['\u{0f40}']);
        assert!(
            figure
                .meta()
                .unwrap()
                .contains("\"characters_without_font\": \"\u{0f40}\"")
        );
    }
}

#[test]
fn a_matrix_has_a_cell_per_number_and_says_where_there_is_none() {
    let matrix: Interference = fixture("interference.json");
    let figure = matrix.draw(&Look::new(Look::COLUMN)).unwrap();
    let svg = svg(&figure);
    let cells = matrix.rows.len() * matrix.columns.len();
    assert_eq!(counted(&svg).1["cell"], cells);
    assert_eq!(svg.matches("no module in common").count(), 1);
    assert_eq!(lines(&figure), 1 + matrix.rows.len());
    let highest = matrix.values[0][5].unwrap();
    assert!(seen(&figure, diverging(0.5 + 0.5 * highest)) > 100);
    let mut broken = matrix.clone();
    broken.values[1].pop();
    let error = broken.draw(&Look::new(84.0)).unwrap_err().to_string();
    assert_eq!(error, "numbers of `layer 1`: 5 given, 6 needed");
    broken.range = [1.0, f64::NAN];
    broken.values[1].push(None);
    broken.draw(&Look::new(84.0)).unwrap_err();
}

#[test]
fn what_the_engine_measured_becomes_a_matrix_and_chance_is_zero() {
    let measured = Measured {
        compared: Compared::Experts,
        measure: Measure::HsicUnbiased,
        names: vec!["a".to_owned(), "b".to_owned()],
        pairs: vec![PairInterference {
            pair: (0, 1),
            total: 0.2,
            layers: vec![Some(0.3), Some(0.01), None],
            chance: Some(Chance {
                total: 0.01,
                layers: vec![Some(0.02), Some(0.02), None],
            }),
        }],
    };
    let matrix = Interference::of("Experts", &measured);
    assert_eq!(matrix.values, [[Some(0.3)], [Some(0.0)], [None]]);
    assert_eq!(matrix.columns, ["a · b"]);
    assert_eq!(matrix.range, [0.0, 1.0]);
    matrix.draw(&Look::new(Look::COLUMN)).unwrap();
}

#[test]
fn curves_keep_every_number_in_their_table_and_break_where_one_is_missing() {
    let mut curves: Curves = fixture("curves.json");
    curves.panels[0].curves[0].points[40][1] = f64::NAN;
    let figure = curves.draw(&Look::new(Look::PAGE)).unwrap();
    let points = curves
        .panels
        .iter()
        .flat_map(|panel| &panel.curves)
        .map(|curve| curve.points.len());
    assert_eq!(lines(&figure), 1 + points.sum::<usize>());
    assert_eq!(counted(&svg(&figure)).1["panel"], curves.panels.len());
    assert!(figure.caption.contains("running means over 25 points"));
    curves.panels[0].curves.clear();
    curves.draw(&Look::new(Look::COLUMN)).unwrap();
    curves.panels.clear();
    assert!(matches!(
        curves.draw(&Look::new(84.0)),
        Err(Error::Empty { .. })
    ));
}

#[test]
fn attainment_says_how_many_seeds_or_draws() {
    let mut attainment: Attainment = fixture("attainment.json");
    let figure = attainment.draw(&Look::new(Look::COLUMN)).unwrap();
    let drawn = svg(&figure);
    assert_eq!(drawn.matches(": median of 5 seeds").count(), 2);
    assert!(
        figure
            .caption
            .contains("best and worst of seeds: hoe 5 seeds, mva 5 seeds.")
    );
    assert!(lines(&figure) > 10);
    attainment.over = Over::Prompts;
    for method in &mut attainment.methods {
        method.runs.truncate(1);
    }
    let figure = attainment.draw(&Look::new(Look::COLUMN)).unwrap();
    assert!(
        figure
            .caption
            .contains("draws of the prompts, with replacement")
    );
    assert!(!svg(&figure).contains("best of"));
    attainment.methods.clear();
    assert!(matches!(
        attainment.draw(&Look::new(84.0)),
        Err(Error::Empty { .. })
    ));
}

#[test]
fn small_ones_look_as_they_did() {
    let mut gates: Gates = fixture("gates.json");
    gates.tokens.truncate(3);
    let look = Look::new(Look::COLUMN);
    golden("strip.svg", &svg(&gates.strip(&look).unwrap()));
    golden("heatmap.svg", &svg(&gates.heatmap(&look).unwrap()));
    let mut matrix: Interference = fixture("interference.json");
    matrix.columns.truncate(2);
    matrix.rows.truncate(2);
    matrix.values.truncate(2);
    for row in &mut matrix.values {
        row.truncate(2);
    }
    golden("interference.svg", &svg(&matrix.draw(&look).unwrap()));
}
