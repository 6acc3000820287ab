//! Fields.

use paretoscope_figure::plot::Field;
use paretoscope_figure::{Format, Look};

use crate::helpers::{counted, fixture, pixels, svg};

#[test]
fn a_mark_stands_where_a_score_was_measured_and_nowhere_else() {
    let field: Field = fixture("field.json");
    let figure = field.draw(&Look::new(Look::COLUMN)).unwrap();
    let (uids, _) = counted(&svg(&figure));
    assert_eq!(uids.len(), field.samples.len());
    assert!(uids.values().all(|count| *count == 1));
    let expected = format!("at {} measured points", field.samples.len());
    assert!(figure.caption.contains(&expected), "{}", figure.caption);
    // The best and the worst have the ends of the scale but for its margin.
    let (_, _, pixels) = pixels(&figure.write(Format::Png(2.0)).unwrap());
    let near = |[r, g, b]: [u8; 3]| {
        let close = |p: &&[u8; 3]| p.iter().zip([r, g, b]).all(|(a, b)| a.abs_diff(b) < 14);
        pixels.iter().filter(close).count()
    };
    assert!(near([0, 42, 103]) > 100 && near([238, 216, 75]) > 100);
}

#[test]
fn what_lies_between_is_paler_and_said_not_to_be_measured() {
    let mut field: Field = fixture("field.json");
    field.surface = true;
    let figure = field.draw(&Look::new(Look::COLUMN)).unwrap();
    let (uids, classes) = counted(&svg(&figure));
    assert_eq!(classes["surface"], 1);
    assert_eq!(
        uids.len(),
        field.samples.len(),
        "dots alone stand for something"
    );
    assert!(
        figure
            .caption
            .contains("interpolated between neighbouring dots, not measured"),
        "{}",
        figure.caption
    );
    field.samples.truncate(2);
    let figure = field.draw(&Look::new(Look::COLUMN)).unwrap();
    assert!(
        !counted(&svg(&figure)).1.contains_key("surface"),
        "two points span none"
    );
}

#[test]
fn two_corners_are_an_axis_with_whiskers() {
    let mut field: Field = fixture("field.json");
    field.corners.truncate(2);
    let error = field.draw(&Look::new(Look::COLUMN)).unwrap_err();
    assert_eq!(error.to_string(), "shares of `h00`: 3 given, 2 needed");
    for sample in &mut field.samples {
        let mut shares = sample.preference.as_slice()[..2].to_vec();
        shares[1] += 1.0 - shares[0] - shares[1];
        sample.preference = paretoscope_core::types::Preference::new(shares).unwrap();
    }
    let figure = field.draw(&Look::new(Look::COLUMN)).unwrap();
    assert!(figure.caption.contains("Whiskers: ±1 SE"));
    assert_eq!(counted(&svg(&figure)).0.len(), field.samples.len());
}
