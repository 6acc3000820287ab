//! Points that a person wrote down.

use serde::Deserialize;

use super::{first_repeat, place};
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

/// Reads a list of points: JSON Lines of `{"preference": [...]}` or `{"weights": [...]}` with an optional `"name"`; or a
/// head `{"points": 1, "kind": "preference"}` and lines `{"at": [...], "label": ...}` under it.
pub fn read_points(text: &str) -> Result<PointList, LineProblem> {
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
    let mut places = Vec::new();
    let mut points: Vec<NamedPoint> = Vec::new();
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
        places.push(line.0);
        points.push(NamedPoint { point, name });
    }
    if points.is_empty() {
        let empty = Problem::Empty {
            of: "points",
            right: "a line is {\"preference\": [...]} or {\"weights\": [...]}",
        };
        return Err(LineProblem::new(1, empty));
    }
    if let Some((first, again)) = first_repeat(&points) {
        let problem = format!(
            "{} stands on line {} already; a point is visited once",
            place(&points, again),
            places[first]
        );
        return Err(LineProblem::new(places[again], problem));
    }
    Ok(PointList {
        points,
        objectives: head.map_or_else(Vec::new, |head| head.objectives),
    })
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
    fn what_is_wrong_is_named_with_its_line() {
        for (text, want) in [
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
