//! JSON for columns. JSON has no NaN and no infinity, yet scores that are not finite are counted
//! apart and must survive the disk: they are written as words.

use serde_json::Value;

use crate::types::Scores;

/// `[1.5, null, "nan", "inf", "-inf"]`.
pub(super) fn scores_to_json(scores: &Scores) -> Value {
    let value = |score: &Option<f64>| match *score {
        None => Value::Null,
        Some(s) if s.is_nan() => Value::from("nan"),
        Some(f64::INFINITY) => Value::from("inf"),
        Some(f64::NEG_INFINITY) => Value::from("-inf"),
        Some(s) => Value::from(s),
    };
    scores.0.iter().map(value).collect()
}

/// The way back; `None` where the JSON is something else.
pub(super) fn scores_from_json(value: &Value) -> Option<Scores> {
    let score = |value: &Value| match value {
        Value::Null => Some(None),
        Value::String(word) => match word.as_str() {
            "nan" => Some(Some(f64::NAN)),
            "inf" => Some(Some(f64::INFINITY)),
            "-inf" => Some(Some(f64::NEG_INFINITY)),
            _ => None,
        },
        other => other.as_f64().map(Some),
    };
    value
        .as_array()?
        .iter()
        .map(score)
        .collect::<Option<_>>()
        .map(Scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_scores_come_back() {
        let scores = Scores(vec![
            Some(0.1),
            None,
            Some(f64::INFINITY),
            Some(f64::NEG_INFINITY),
            Some(-0.0),
        ]);
        let text = scores_to_json(&scores).to_string();
        let back = scores_from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(back, scores);
        let nan = scores_from_json(&scores_to_json(&Scores(vec![Some(f64::NAN)]))).unwrap();
        assert!(nan.0[0].is_some_and(f64::is_nan));
        assert_eq!(scores_from_json(&Value::from("nan")), None);
        assert_eq!(scores_from_json(&serde_json::json!(["word"])), None);
    }
}
