//! Points of a sweep one by one: a set with a name, lines that were typed, a file.

use std::path::{Path, PathBuf};

use paretoscope_core::points::{PointList, SETS, parse_set, read_points};
use paretoscope_core::protocol::{SweepGrid, Trouble};
use paretoscope_core::types::{BundleInfo, NamedPoint, Point, PointKind};
use paretoscope_figure::plot::Standing;
use serde_json::{Value, json};

use super::{Effect, notify, sweep};
use crate::state::{AppState, NoticeKind, PointsFrom, PointsOf, SweepForm, SweepMode, sweep_of};
use crate::study::StudyCommand;

/// What the form asks for.
pub(super) fn grid(state: &AppState, info: &BundleInfo) -> Result<SweepGrid, Trouble> {
    let form = &state.prefs.sweep.points;
    let list = match form.from {
        PointsFrom::Set => {
            let name = form.set.trim();
            let set = parse_set(name).map_err(|error| Trouble::from(&error))?;
            return set.map(SweepGrid::Set).ok_or_else(|| {
                Trouble::input(format!("`{name}` is none of the sets {}", SETS.join(", ")))
            });
        }
        PointsFrom::Typed if form.typed.trim().is_empty() => {
            return Err(Trouble::input(
                "no points are typed yet; a line holds one share per objective, e.g. 0.2 0.3 0.5",
            ));
        }
        PointsFrom::Typed => {
            let names: Vec<&str> = info.objectives.iter().map(|o| o.name.as_str()).collect();
            let text = as_json(&form.typed, &names).map_err(Trouble::input)?;
            read_points(&text).map_err(|error| Trouble::input(format!("points, {error}")))?
        }
        PointsFrom::File if form.file.as_os_str().is_empty() => {
            return Err(Trouble::input(
                "no file of points is named yet; type or paste its path, or drop it onto the window",
            ));
        }
        PointsFrom::File => match &state.sweep.listed {
            Some(read) => read.clone()?,
            None => return Err(Trouble::input("the file of points is still being read")),
        },
    };
    let first = list.points.first().map(|named| named.point.kind());
    let names: Vec<String> = match first {
        Some(PointKind::Weights) => info.values.iter().map(|v| v.name.clone()).collect(),
        _ => info.objectives.iter().map(|o| o.name.clone()).collect(),
    };
    let points = list.ordered(&names);
    Ok(SweepGrid::List {
        points: points.map_err(|error| Trouble::from(&error))?,
    })
}

/// Lines of numbers as the lines of a list of points; other lines stay.
fn as_json(text: &str, objectives: &[&str]) -> Result<String, String> {
    let line = |(at, line): (usize, &str)| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('{') {
            return Ok(line.to_owned());
        }
        let right = format!(
            "a line holds one share for each of {}, or is {{\"preference\": [...]}} or {{\"weights\": [...]}}",
            objectives.join(", ")
        );
        let parts = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '/'));
        let mut numbers = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            let number = part.replace('\u{2212}', "-").parse::<f64>().ok();
            let number = number.filter(|number| number.is_finite());
            let wrong = || format!("points, line {}: `{part}` is not a number; {right}", at + 1);
            numbers.push(number.ok_or_else(wrong)?);
        }
        if numbers.len() != objectives.len() {
            let got = numbers.len();
            return Err(format!("points, line {}: {got} numbers; {right}", at + 1));
        }
        Ok(json!({ "preference": numbers }).to_string())
    };
    let lines: Result<Vec<String>, String> = text.lines().enumerate().map(line).collect();
    Ok(lines?.join("\n"))
}

/// Points as the lines of a list, to the last bit.
pub(super) fn lines(points: &[NamedPoint]) -> String {
    let line = |named: &NamedPoint| {
        let kind = match named.point {
            Point::Preference(_) => "preference",
            Point::Weights(_) => "weights",
        };
        let mut line = json!({ kind: named.point.as_slice() });
        if let (Some(name), Value::Object(fields)) = (&named.name, &mut line) {
            fields.insert("name".to_owned(), Value::from(name.as_str()));
        }
        line.to_string() + "\n"
    };
    points.iter().map(line).collect()
}

/// Reads the file that a form names anew, where it is another one than before.
pub(super) fn follow(state: &mut AppState, before: Option<&SweepForm>, effects: &mut Vec<Effect>) {
    let form = &state.prefs.sweep;
    let wanted = |form: &SweepForm| -> Option<PathBuf> {
        let file = form.mode == SweepMode::Points && form.points.from == PointsFrom::File;
        let path = Some(&form.points.file).filter(|path| file && !path.as_os_str().is_empty());
        path.cloned()
    };
    let now = wanted(form);
    if before.and_then(wanted) == now {
        return;
    }
    state.sweep.listed = None;
    effects.extend(now.map(Effect::ReadPoints));
}

/// A file of points was read.
pub fn points_read(state: &mut AppState, path: &Path, read: Result<PointList, Trouble>) {
    if state.prefs.sweep.points.file != path {
        return;
    }
    state.sweep.listed = Some(read);
    sweep::recount(state);
}

/// Takes the sweep's points from a file; an empty path waits for one to be typed.
pub(super) fn from_file(state: &mut AppState, path: PathBuf, effects: &mut Vec<Effect>) {
    let mut form = state.prefs.sweep.clone();
    form.mode = SweepMode::Points;
    form.points.from = PointsFrom::File;
    form.points.file = path;
    sweep::set_form(state, form, effects);
}

/// Whether a file that is dropped now is one of points.
pub(super) fn awaited(state: &AppState) -> bool {
    let form = &state.prefs.sweep;
    form.mode == SweepMode::Points && form.points.from == PointsFrom::File
}

/// Fills the typed lines with points that are known.
pub(super) fn fill(state: &mut AppState, of: PointsOf, effects: &mut Vec<Effect>) {
    let points: Vec<NamedPoint> = match of {
        // The study knows all of them, the session the last ones.
        PointsOf::Starred => return effects.push(Effect::Study(StudyCommand::Starred)),
        PointsOf::Plot => {
            let members = state.front.members().iter();
            let points = state.others.points().unwrap_or(&state.sweep.points);
            let members = members.filter_map(|&at| points.get(at));
            members.map(|result| result.point.clone().into()).collect()
        }
        PointsOf::Front(sweep) => {
            let series = state.study.front().into_iter().flat_map(|f| &f.series);
            let dots = series.flat_map(|series| &series.dots);
            let of = dots.filter(|dot| sweep_of(&dot.uid) == Some(sweep));
            of.filter(|dot| dot.standing != Standing::Dominated)
                .filter_map(|dot| Some(dot.point.clone()?.into()))
                .collect()
        }
    };
    typed(state, &points, effects);
}

/// Puts points into the typed lines, each once; the base model is in every sweep already.
pub(super) fn typed(state: &mut AppState, points: &[NamedPoint], effects: &mut Vec<Effect>) {
    let mut each: Vec<NamedPoint> = Vec::new();
    for named in points.iter().filter(|named| !named.point.is_base()) {
        if each.iter().all(|known| known.point != named.point) {
            each.push(named.clone());
        }
    }
    if each.is_empty() {
        let words = "There are no such points yet".to_owned();
        return notify(state, NoticeKind::Info, words);
    }
    let mut form = state.prefs.sweep.clone();
    form.mode = SweepMode::Points;
    form.points.from = PointsFrom::Typed;
    form.points.typed = lines(&each);
    sweep::set_form(state, form, effects);
}

#[cfg(test)]
mod tests {
    use super::*;
    use paretoscope_core::types::{Preference, Weights};

    #[test]
    fn typed_lines_become_points_and_what_is_wrong_is_said_with_its_line() {
        let names = ["helpful", "humor"];
        let text = as_json("0.25 0.75\n\n{\"weights\": [1, 2]}\n3, 1", &names).unwrap();
        let points = read_points(&text).unwrap().points;
        assert_eq!(points[0].point.as_slice(), [0.25, 0.75]);
        assert_eq!(points[1].point.kind(), PointKind::Weights);
        assert_eq!(points[2].point.as_slice(), [0.75, 0.25]);
        for (text, want) in [
            ("0.5 0.5\nhalf half", "line 2: `half` is not a number"),
            (
                "0.2 0.3 0.5",
                "line 1: 3 numbers; a line holds one share for each of helpful, humor",
            ),
            ("NaN 1", "line 1: `NaN` is not a number"),
        ] {
            let words = as_json(text, &names).unwrap_err();
            assert!(words.contains(want), "{words}");
        }
    }

    #[test]
    fn points_that_are_written_are_read_again_to_the_last_bit() {
        let third = Preference::new(vec![1.0, 1.0, 1.0]).unwrap();
        let far = Weights::new(vec![0.1 + 0.2, 1.7]).unwrap();
        let points = [
            NamedPoint::from(Point::Preference(third)),
            NamedPoint {
                point: Point::Weights(far),
                name: Some("far \"out\"".to_owned()),
            },
        ];
        assert_eq!(read_points(&lines(&points)).unwrap().points, points);
    }
}
