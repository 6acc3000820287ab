//! What a newcomer sees first: on the demonstration's first prompt, a drag towards an objective brings more of it.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use paretoscope_tests::engine;
use serde_json::Value;

/// Steps from corner to corner.
const STEPS: usize = 12;
/// How far a score may fall on the way up, in points of the reward model: the width of a word like "Finally,".
const SLACK: f64 = 0.35;
/// What the way from one corner to another has to bring at least. Measured: 1.68 to 6.14.
const GAIN: f64 = 1.5;
/// What two thirds of the way from the centre to a corner have to bring. Measured: 2.14, 1.48 and 1.41.
const FIRST_DRAG: f64 = 1.2;

/// A place on the grid, in steps, with its scores and its text.
type Places = BTreeMap<[usize; 3], ([f64; 3], String)>;

fn answers() -> Places {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    let prompts = std::fs::read_to_string(demo.join("prompts.jsonl")).expect("prompts");
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("first.jsonl");
    std::fs::write(&set, prompts.lines().next().expect("a prompt")).expect("written");
    let store = folder.path().join("first.db");
    let step = format!("simplex:{}", 1.0 / STEPS as f64);
    let words = ["sweep", "--max-tokens", "96", "--grid", &step, "--bundle"];
    let outcome = engine(
        words
            .map(AsRef::<std::ffi::OsStr>::as_ref)
            .into_iter()
            .chain([
                demo.as_os_str(),
                "--prompts".as_ref(),
                set.as_os_str(),
                "--out".as_ref(),
                store.as_os_str(),
            ]),
    );
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let database = rusqlite::Connection::open(&store).expect("a database");
    let mut query = database
        .prepare(
            "SELECT q.coords, (SELECT json_group_array(value) FROM (SELECT s.value FROM score s JOIN scorer c
             ON c.id = s.scorer WHERE s.generation = g.id ORDER BY c.id)), g.text FROM sweep_row r
             JOIN generation g ON g.id = r.generation JOIN point q ON q.id = r.point WHERE q.kind = 'preference'",
        )
        .expect("a query");
    let text = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, String>(at);
    let rows = query
        .query_map([], |row| Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?)))
        .expect("rows");
    rows.map(|row| {
        let (point, scores, text) = row.expect("a row");
        let point: Value = serde_json::from_str(&point).expect("a point");
        let place = numbers(&point).map(|share| (share * STEPS as f64).round() as usize);
        let scores = numbers(&serde_json::from_str(&scores).expect("scores"));
        (place, (scores, text))
    })
    .collect()
}

fn numbers(value: &Value) -> [f64; 3] {
    let of = |at: usize| value[at].as_f64().expect("a number");
    [of(0), of(1), of(2)]
}

/// Checks a way along which objective `to` gains, and `from` (if any) loses.
fn check(places: &Places, way: &[[usize; 3]], to: usize, from: Option<usize>, gain: f64) {
    let at = |place: &[usize; 3]| &places[place].0;
    for pair in way.windows(2) {
        let (a, b) = (at(&pair[0]), at(&pair[1]));
        assert!(b[to] >= a[to] - SLACK, "{pair:?}: {} to {}", a[to], b[to]);
        if let Some(from) = from {
            let fell = a[from] - b[from];
            assert!(fell >= -SLACK, "{pair:?}: {} to {}", a[from], b[from]);
        }
    }
    let (first, last) = (at(&way[0]), at(&way[way.len() - 1]));
    assert!(
        last[to] - first[to] >= gain,
        "{way:?}: {first:?} to {last:?}"
    );
    if let Some(from) = from {
        assert!(
            first[from] - last[from] >= gain,
            "{way:?}: {first:?} to {last:?}"
        );
    }
    let texts: BTreeSet<&str> = way.iter().map(|place| places[place].1.as_str()).collect();
    assert!(texts.len() >= 3, "{way:?}: only {} texts", texts.len());
}

#[test]
fn every_drag_on_the_first_prompt_brings_more_of_what_it_goes_to() {
    let places = answers();
    assert_eq!(places.len(), (STEPS + 1) * (STEPS + 2) / 2);
    let third = STEPS / 3;
    for to in 0..3 {
        // From the centre to the corner, the other two falling alike.
        let way: Vec<[usize; 3]> = (0..=third)
            .map(|step| {
                let mut place = [third - step; 3];
                place[to] = third + 2 * step;
                place
            })
            .collect();
        check(&places, &way, to, None, FIRST_DRAG);
        let (centre, drag) = (&places[&way[0]].0, &places[&way[third / 2]].0);
        assert!(
            drag[to] - centre[to] >= FIRST_DRAG,
            "{centre:?} to {drag:?}"
        );
        for from in 0..to {
            let edge: Vec<[usize; 3]> = (0..=STEPS)
                .map(|step| {
                    let mut place = [0; 3];
                    place[to] = step;
                    place[from] = STEPS - step;
                    place
                })
                .collect();
            check(&places, &edge, to, Some(from), GAIN);
        }
    }
}
