//! From the rows of a point to its summary, and from summaries to the front.

use serde_json::{Map, Value, json};

use super::front;
use crate::types::{Point, PointResult, Scores, Summary};

/// Sums up the scores of a point's rows, one [`Summary`] per objective; `None` for an objective
/// that no row has a score of.
pub fn summarise(index: usize, point: Point, rows: &[Scores]) -> PointResult {
    let objectives = rows.iter().map(|scores| scores.0.len()).max().unwrap_or(0);
    let scores = (0..objectives)
        .map(|k| {
            let of: Vec<f64> = rows
                .iter()
                .filter_map(|scores| scores.0.get(k).copied().flatten())
                .collect();
            (!of.is_empty()).then(|| Summary::of(of))
        })
        .collect();
    PointResult {
        index,
        point,
        name: None,
        scores,
        rows: rows.len(),
    }
}

/// Whether each point is on the front of the means. Objectives that no point has a score of are
/// left out; a point that lacks one of the others, or with a score that is not finite, is never on it: its mean would be
/// over fewer prompts than the others'.
pub fn front_flags(results: &[PointResult]) -> Vec<bool> {
    let width = results.iter().map(|r| r.scores.len()).max().unwrap_or(0);
    let mean = |result: &PointResult, k: usize| {
        result
            .scores
            .get(k)
            .copied()
            .flatten()
            .map(|s| s.compared())
    };
    let scored: Vec<usize> = (0..width)
        .filter(|&k| results.iter().any(|r| mean(r, k).is_some()))
        .collect();
    let mut flags = vec![false; results.len()];
    if scored.is_empty() {
        return flags;
    }
    let means: Vec<Vec<f64>> = results
        .iter()
        .map(|r| {
            scored
                .iter()
                .map(|&k| mean(r, k).unwrap_or(f64::NAN))
                .collect()
        })
        .collect();
    for index in front(&means) {
        flags[index] = true;
    }
    flags
}

/// The line that the command line prints for a point:
/// `{"point": [...], "scores": {objective: {"mean", "se", "n"}}, "front": bool}`, with `"name"` where the point has one.
pub fn point_line(result: &PointResult, objectives: &[String], front: bool) -> Value {
    let scores: Map<String, Value> = objectives
        .iter()
        .zip(&result.scores)
        .filter_map(|(name, summary)| {
            let summary = summary.as_ref()?;
            let mut value = json!({"mean": summary.mean, "se": summary.se, "n": summary.n});
            if summary.non_finite > 0 {
                value["non_finite"] = json!(summary.non_finite);
            }
            Some((name.clone(), value))
        })
        .collect();
    let mut line = json!({"point": result.point.as_slice(), "scores": scores, "front": front});
    if let Some(name) = &result.name {
        line["name"] = json!(name);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Preference;

    fn result(index: usize, rows: &[&[Option<f64>]]) -> PointResult {
        let rows: Vec<Scores> = rows.iter().map(|r| Scores(r.to_vec())).collect();
        summarise(index, Point::Preference(Preference::uniform(2)), &rows)
    }

    #[test]
    fn means_carry_n_and_error() {
        let got = result(
            4,
            &[
                &[Some(1.0), None],
                &[Some(3.0), None],
                &[Some(f64::NAN), None],
            ],
        );
        assert_eq!(got.rows, 3);
        assert_eq!(
            got.scores[0],
            Some(Summary {
                mean: 2.0,
                se: 1.0,
                n: 2,
                non_finite: 1
            })
        );
        assert_eq!(got.scores[1], None);
        assert!(result(0, &[]).scores.is_empty());
    }

    #[test]
    fn flags_leave_out_what_nobody_scored() {
        let results = [
            result(0, &[&[Some(1.0), None, Some(2.0)]]),
            result(1, &[&[Some(2.0), None, Some(1.0)]]),
            result(2, &[&[Some(0.0), None, Some(1.0)]]),
            result(3, &[&[Some(9.0), None, None]]),
            result(4, &[&[Some(9.0), None, Some(f64::NAN)]]),
        ];
        assert_eq!(front_flags(&results), [true, true, false, false, false]);
        // The best mean, but one of its rows failed.
        let part = [
            result(0, &[&[Some(1.0)]]),
            result(1, &[&[Some(5.0)], &[Some(f64::NAN)]]),
        ];
        assert_eq!(front_flags(&part), [true, false]);
        assert_eq!(front_flags(&[result(0, &[&[None]])]), [false]);
        assert!(front_flags(&[]).is_empty());
    }

    #[test]
    fn lines_are_as_the_contract_says() {
        let got = result(0, &[&[Some(1.0), None], &[Some(2.0), None]]);
        let names = ["helpful".to_owned(), "humor".to_owned()];
        let line = point_line(&got, &names, true).to_string();
        let back: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["point"], json!([0.5, 0.5]));
        assert_eq!(
            back["scores"],
            json!({"helpful": {"mean": 1.5, "se": 0.5, "n": 2}})
        );
        assert_eq!(back["front"], json!(true));
        assert!(back.get("name").is_none());
        let named = PointResult {
            name: Some("mine".to_owned()),
            ..got
        };
        assert_eq!(point_line(&named, &names, true)["name"], json!("mine"));
    }
}
