//! Points that a person wrote down.

use std::collections::HashMap;

use serde::Deserialize;

use super::table::{Table, read_table};
use crate::lines::{LineProblem, numbered, read};
use crate::types::{NamedPoint, Point, PointError, PointKind, Preference, Weights};
use crate::{Error, Problem, Result};

/// How a line looks.
const RIGHT: &str = r#"{"preference": [...]} or {"weights": [...]}, with a "name" or without"#;
/// The version of a list with a head.
const VERSION: u64 = 1;
/// How far from 1 a preference may sum that its list calls normalised.
const SLACK: f64 = 1e-6;

/// A list as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct PointList {
    /// The points in the order of the lines.
    pub points: Vec<NamedPoint>,
    /// What the head says that the numbers stand for; empty where there is no head, or it names none.
    pub objectives: Vec<String>,
}

/// `{"points": 1, "kind": ..., "objectives": [...], "normalise": ...}`, the first line of the second form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    points: u64,
    kind: PointKind,
    #[serde(default)]
    objectives: Vec<String>,
    #[serde(default = "yes")]
    normalise: bool,
}

fn yes() -> bool {
    true
}

/// A line under a head.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    at: Vec<f64>,
    #[serde(alias = "name")]
    label: Option<String>,
}

/// A line without a head.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    preference: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
    name: Option<String>,
}

/// Reads a list of points, in one of three forms: JSON Lines of `{"preference": [...]}` or `{"weights": [...]}` with an
/// optional `"name"`; a head `{"points": 1, "kind": "preference"}` and lines `{"at": [...], "label": ...}` under it; or
/// comma-separated values, whose head names what the numbers stand for, a `name` (or `label`) and a `kind` among them or
/// not. Points stand in the order of the lines.
pub fn read_points(text: &str) -> Result<PointList, LineProblem> {
    let first = numbered(text).next();
    let (listed, objectives) = match first {
        Some((_, line)) if !line.starts_with(['{', '[']) => of_table(read_table(text)?)?,
        _ => of_lines(text)?,
    };
    if listed.is_empty() {
        let empty = Problem::Empty {
            of: "points",
            right: "a line is {\"preference\": [...]} or {\"weights\": [...]}",
        };
        return Err(LineProblem::new(1, empty));
    }
    let (places, points): (Vec<usize>, Vec<NamedPoint>) = listed.into_iter().unzip();
    if let Some((first, again)) = first_repeat(&points) {
        let problem = format!(
            "{} stands on line {} already; a point is visited once",
            place(&points, again),
            places[first]
        );
        return Err(LineProblem::new(places[again], problem));
    }
    Ok(PointList { points, objectives })
}

/// Points with their lines, and what their numbers stand for.
type Listed = (Vec<(usize, NamedPoint)>, Vec<String>);

fn of_lines(text: &str) -> Result<Listed, LineProblem> {
    let mut lines = numbered(text).peekable();
    let head = lines.peek().and_then(|&(_, line)| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        value.get("points").map(|_| ())
    });
    let head: Option<Head> = match head.and_then(|()| lines.next()) {
        Some(line) => Some(read(
            line,
            "the head of a list of points",
            r#"{"points": 1, "kind": "preference" or "weights", "objectives": [...], "normalise": true}"#,
        )?),
        None => None,
    };
    if let Some(head) = head.as_ref().filter(|head| head.points != VERSION) {
        let problem = format!("a list of version {}; {VERSION} is known", head.points);
        return Err(LineProblem::new(1, problem));
    }
    let mut points = Vec::new();
    for line in lines {
        let wrong = |problem: String| LineProblem::new(line.0, problem);
        let (kind, numbers, name) = match &head {
            Some(head) => {
                let At { at, label } = read(line, "a point", r#"{"at": [...], "label": "..."}"#)?;
                let sum: f64 = at.iter().sum();
                let preference = head.kind == PointKind::Preference;
                if preference && !head.normalise && (sum - 1.0).abs() > SLACK {
                    let problem = format!("the shares sum to {sum}; the head asks for 1");
                    return Err(wrong(problem));
                }
                (head.kind, at, label)
            }
            None => {
                let Line {
                    preference,
                    weights,
                    name,
                } = read(line, "a point", RIGHT)?;
                match (preference, weights) {
                    (Some(shares), None) => (PointKind::Preference, shares, name),
                    (None, Some(weights)) => (PointKind::Weights, weights, name),
                    _ => {
                        return Err(wrong(format!(
                            "a line has exactly one of `preference` and `weights`: {RIGHT}"
                        )));
                    }
                }
            }
        };
        let point = point(kind, numbers).map_err(|error| wrong(error.to_string()))?;
        points.push((line.0, NamedPoint { point, name }));
    }
    Ok((points, head.map_or_else(Vec::new, |head| head.objectives)))
}

/// What a column of a table holds.
enum Column {
    Name,
    Kind,
    Number,
}

fn of_table(table: Table) -> Result<Listed, LineProblem> {
    let column = |head: &String| match head.as_str() {
        "name" | "label" => Column::Name,
        "kind" => Column::Kind,
        _ => Column::Number,
    };
    let columns: Vec<Column> = table.head.iter().map(column).collect();
    let numbers = table.head.iter().zip(&columns);
    let numbers = numbers.filter(|(_, column)| matches!(column, Column::Number));
    let objectives: Vec<String> = numbers.map(|(head, _)| head.clone()).collect();
    let unnamed = |name: &String| name.is_empty() || name.parse::<f64>().is_ok();
    if objectives.is_empty() || objectives.iter().any(unnamed) {
        let problem = format!(
            "the head of a table names what each number stands for, e.g. `name,helpful,harmless`; or a list has lines {RIGHT}"
        );
        return Err(LineProblem::new(1, problem));
    }
    let again = |at: usize| table.head[..at].contains(&table.head[at]);
    if let Some(at) = (0..table.head.len()).find(|&at| again(at)) {
        let problem = format!("two columns are called `{}`", table.head[at]);
        return Err(LineProblem::new(1, problem));
    }
    let mut points = Vec::with_capacity(table.rows.len());
    for (line, cells) in table.rows {
        let wrong = |problem: String| LineProblem::new(line, problem);
        let (mut kind, mut name, mut numbers) = (PointKind::Preference, None, Vec::new());
        for (cell, column) in cells.into_iter().zip(&columns) {
            match column {
                Column::Name => name = Some(cell).filter(|name| !name.is_empty()),
                Column::Kind => {
                    kind = match cell.as_str() {
                        "preference" => PointKind::Preference,
                        "weights" => PointKind::Weights,
                        _ => {
                            let problem = Problem::unknown(cell, ["preference", "weights"]);
                            return Err(LineProblem::new(line, problem));
                        }
                    };
                }
                Column::Number => {
                    let number = cell.parse::<f64>();
                    let problem = || wrong(format!("`{cell}` is not a number"));
                    numbers.push(number.map_err(|_not_a_number| problem())?);
                }
            }
        }
        let point = point(kind, numbers).map_err(|error| wrong(error.to_string()))?;
        points.push((line, NamedPoint { point, name }));
    }
    Ok((points, objectives))
}

fn point(kind: PointKind, numbers: Vec<f64>) -> Result<Point, PointError> {
    Ok(match kind {
        PointKind::Preference => Point::Preference(Preference::new(numbers)?),
        PointKind::Weights => Point::Weights(Weights::new(numbers)?),
    })
}

impl PointList {
    /// The points with their numbers in the order of `names`, the bundle's objectives or value vectors.
    ///
    /// # Errors
    /// Where the head names others, or others of them.
    pub fn ordered(self, names: &[String]) -> Result<Vec<NamedPoint>> {
        if self.objectives.is_empty() || self.objectives == names {
            return Ok(self.points);
        }
        let listed = &self.objectives;
        let from: Option<Vec<usize>> = names
            .iter()
            .map(|name| listed.iter().position(|l| l == name))
            .collect();
        let Some(from) = from.filter(|from| from.len() == listed.len()) else {
            let problem = format!(
                "the list is over {}; the bundle has {}",
                listed.join(", "),
                names.join(", ")
            );
            return Err(Error::option("points", problem));
        };
        let moved = |(at, named): (usize, NamedPoint)| {
            let numbers = named.point.as_slice();
            let numbers: Option<Vec<f64>> = from.iter().map(|&i| numbers.get(i).copied()).collect();
            let wrong = || Error::Point {
                name: format!("points: point {}", at + 1),
                source: PointError::Count {
                    got: named.point.as_slice().len(),
                    expected: from.len(),
                    axis: "objective of the list's head",
                },
            };
            let numbers = numbers.ok_or_else(wrong)?;
            let point = point(named.point.kind(), numbers).map_err(Error::point("points"))?;
            Ok(NamedPoint { point, ..named })
        };
        self.points.into_iter().enumerate().map(moved).collect()
    }
}

/// Refuses an empty list, a point with too many or too few numbers, and one that stands there twice.
pub(super) fn check_list(points: &[NamedPoint], objectives: usize, values: usize) -> Result<()> {
    if points.is_empty() {
        return Err(Error::option("points", "the list holds none"));
    }
    for (at, named) in points.iter().enumerate() {
        let numbers = named.point.as_slice().to_vec();
        let fits = match named.point {
            Point::Preference(_) => Preference::with_len(numbers, objectives).map(|_| ()),
            Point::Weights(_) => Weights::with_len(numbers, values).map(|_| ()),
        };
        fits.map_err(|source| Error::Point {
            name: format!("points: {}", place(points, at)),
            source,
        })?;
    }
    match first_repeat(points) {
        None => Ok(()),
        Some((first, again)) => Err(Error::option(
            "points",
            format!(
                "{} is {} once more; a point is visited once",
                place(points, again),
                place(points, first)
            ),
        )),
    }
}

/// The first point that stands there twice: its places.
fn first_repeat(points: &[NamedPoint]) -> Option<(usize, usize)> {
    let mut seen = HashMap::new();
    points.iter().enumerate().find_map(|(at, named)| {
        // Adding zero turns -0 into 0, which is the same point.
        let bits = |number: &f64| (number + 0.0).to_bits();
        let bits: Vec<u64> = named.point.as_slice().iter().map(bits).collect();
        let first = *seen.entry((named.point.kind(), bits)).or_insert(at);
        (first < at).then_some((first, at))
    })
}

/// A point of a list, in words.
pub(super) fn place(points: &[NamedPoint], at: usize) -> String {
    match &points[at].name {
        Some(name) => format!("point {} (`{name}`)", at + 1),
        None => format!("point {}", at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_points_in_their_order() {
        let text = "\u{feff}{\"preference\": [2, 3, 5], \"name\": \"mine\"}\r\n\n{\"weights\": [0.5, 1.25]}\n";
        let list = read_points(text).unwrap();
        assert_eq!(list.points[0].name.as_deref(), Some("mine"));
        assert_eq!(list.points[0].point.as_slice(), [0.2, 0.3, 0.5]);
        assert_eq!(list.points[1].point.as_slice(), [0.5, 1.25]);
        assert_eq!(list.points[1].point.kind(), PointKind::Weights);
        assert!(list.objectives.is_empty());
    }

    #[test]
    fn a_head_says_what_the_numbers_are() {
        let text = r#"{"points": 1, "kind": "weights", "objectives": ["b", "a"]}
            {"at": [0.5, 2], "label": "x"}"#;
        let list = read_points(text).unwrap();
        let names = ["a".to_owned(), "b".to_owned()];
        let points = list.clone().ordered(&names).unwrap();
        assert_eq!(points[0].point.as_slice(), [2.0, 0.5]);
        assert_eq!(points[0].name.as_deref(), Some("x"));
        let other = list.ordered(&names[..1]).unwrap_err().to_string();
        assert!(
            other.contains("over b, a") && other.contains("has a"),
            "{other}"
        );
        let short = read_points(&text.replace("[0.5, 2]", "[0.5]")).unwrap();
        let words = short.ordered(&names).unwrap_err().to_string();
        assert!(words.contains("1 numbers given, 2 needed"), "{words}");
    }

    #[test]
    fn a_table_names_its_columns() {
        let text = "name,helpful,humor\n\"mine, first\",1,3\n,0.5,0.5\n";
        let list = read_points(text).unwrap();
        assert_eq!(list.objectives, ["helpful", "humor"]);
        assert_eq!(list.points[0].point.as_slice(), [0.25, 0.75]);
        assert_eq!(list.points[0].name.as_deref(), Some("mine, first"));
        assert_eq!(list.points[1].name, None);
        let text = "helpful,kind,humor\n1.5,weights,0\n1,preference,1";
        let list = read_points(text).unwrap();
        assert_eq!(list.points[0].point.as_slice(), [1.5, 0.0]);
        assert_eq!(list.points[1].point.kind(), PointKind::Preference);
        let turned = ["humor", "helpful"].map(str::to_owned);
        let points = list.ordered(&turned).unwrap();
        assert_eq!(points[0].point.as_slice(), [0.0, 1.5]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, want) in [
            ("0.5,0.5\n1,0", "line 1: the head of a table names"),
            ("name\nx", "line 1: the head of a table names"),
            ("oops", "holds no points"),
            ("a,a\n1,1", "line 1: two columns are called `a`"),
            ("a,b\n1,x", "line 2: `x` is not a number"),
            ("a,b\n1,nan", "line 2: number 2 is NaN"),
            (
                "a,kind\n1,weight",
                "line 2: `weight` is not known; did you mean `weights`?",
            ),
            ("a,b\n1,1\n2,2", "line 3: point 2 stands on line 2 already"),
            (
                "{\"preference\": [1]}\n{\"preferences\": [1]}",
                "line 2: `preferences` is not known; did you mean `preference`?",
            ),
            (
                "{\"preference\": [1], \"weights\": [1]}",
                "line 1: a line has exactly one",
            ),
            ("{\"name\": \"x\"}", "line 1: a line has exactly one"),
            ("\n{\"preference\": [0, 0]}", "line 2: all numbers are zero"),
            ("{\"weights\": [-1]}", "line 1: number 1 is -1"),
            ("{\"weights\": [1e999]}", "line 1"),
            ("{\"weights\": [NaN]}", "line 1: not a point"),
            ("{oops", "line 1: not a point"),
            ("[0.5, 0.5]", "line 1: not a point"),
            (
                "{\"preference\": [1, 1]}\n\n{\"preference\": [0.5, 0.5]}",
                "line 3: point 2 stands on line 1 already",
            ),
            ("", "holds no points"),
            ("{\"points\": 1, \"kind\": \"weights\"}", "holds no points"),
            ("{\"points\": 2, \"kind\": \"weights\"}", "version 2"),
            (
                "{\"points\": 1, \"kind\": \"weight\"}",
                "line 1: not the head",
            ),
            (
                "{\"points\": 1, \"kind\": \"preference\", \"normalise\": false}\n{\"at\": [1, 1]}",
                "line 2: the shares sum to 2",
            ),
            (
                "{\"points\": 1, \"kind\": \"preference\"}\n{\"at\": [1, 1], \"labels\": \"a\"}",
                "did you mean `label`?",
            ),
        ] {
            let words = read_points(text).unwrap_err().to_string();
            assert!(words.contains(want), "{text}: {words}");
        }
    }
}
