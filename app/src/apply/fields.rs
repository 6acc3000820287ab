//! Numeric fields of the point: the last good value is kept, and the rule is said.

use paretoscope_core::types::{Point, Preference, Weights};

use super::{Effect, point};
use crate::command::Gesture;
use crate::state::{AppState, FieldDraft, Mode};

/// What was typed, understood.
#[derive(Debug, PartialEq)]
enum Reading {
    /// One number.
    One(f64),
    /// A whole point.
    All(Vec<f64>),
}

/// Shares whose sum is this close to 1 are taken as they are.
const SUM_SLACK: f64 = 0.005;

/// Types into field `index`.
pub(super) fn edit(state: &mut AppState, index: usize, text: String, effects: &mut Vec<Effect>) {
    let mode = state.simplex.mode;
    let mut draft = FieldDraft {
        index,
        text,
        problem: None,
        offer: None,
    };
    let outcome = match read(&draft.text) {
        Err(rule) => Err(rule),
        Ok(Reading::One(value)) => one(state, index, value),
        Ok(Reading::All(values)) => all(state, values, &mut draft),
    };
    match outcome {
        Ok(Some(to)) => {
            point::place(state, &to);
            point::settle(state, Gesture::Moving, effects);
        }
        Ok(None) => {}
        Err(rule) => draft.problem = Some(rule),
    }
    debug_assert_eq!(mode, state.simplex.mode, "fields never change the mode");
    state.simplex.draft = Some(draft);
}

/// Leaves the field: an offered list is taken, and a changed point starts a generation.
pub(super) fn end(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(offer) = state.simplex.draft.take().and_then(|d| d.offer)
        && let Ok(preference) = Preference::new(offer)
    {
        point::place(state, &Point::Preference(preference));
    }
    point::settle(state, Gesture::Settled, effects);
}

fn one(state: &AppState, index: usize, value: f64) -> Result<Option<Point>, String> {
    match state.simplex.mode {
        Mode::Interpolate => {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!(
                    "{value} is outside 0 to 1; a share lies between them"
                ));
            }
            let simplex = &state.simplex;
            let n = simplex.preference.len();
            // A point on the face of the chosen objectives stays there.
            let outside = |i: &usize| !simplex.axes.contains(i);
            let on_face = (0..n).filter(outside).all(|i| simplex.preference[i] == 0.0);
            let among: Vec<usize> = (0..n)
                .filter(|i| !on_face || !outside(i) || *i == index)
                .collect();
            Ok(rescaled(&simplex.preference, &among, index, value))
        }
        Mode::Extrapolate => {
            let c = state.prefs.c;
            if !(0.0..=c).contains(&value) {
                return Err(format!(
                    "{value} is outside 0 to {c}; raise C for larger weights"
                ));
            }
            let mut weights = state.simplex.weights.clone();
            if let Some(slot) = weights.get_mut(index) {
                *slot = value;
            }
            Ok(Weights::new(weights).ok().map(Point::Weights))
        }
    }
}

fn all(
    state: &AppState,
    values: Vec<f64>,
    draft: &mut FieldDraft,
) -> Result<Option<Point>, String> {
    match state.simplex.mode {
        Mode::Interpolate => {
            let n = state.simplex.preference.len();
            let sum: f64 = values.iter().sum();
            let preference = Preference::with_len(values.clone(), n).map_err(|e| e.to_string())?;
            if (sum - 1.0).abs() <= SUM_SLACK {
                return Ok(Some(Point::Preference(preference)));
            }
            draft.offer = Some(values);
            Err(format!(
                "these sum to {sum}; press Enter to take them as shares of it"
            ))
        }
        Mode::Extrapolate => {
            let (n, c) = (state.simplex.weights.len(), state.prefs.c);
            if let Some(value) = values.iter().find(|v| **v > c) {
                return Err(format!(
                    "{value} is above C = {c}; raise C for larger weights"
                ));
            }
            let weights = Weights::with_len(values, n).map_err(|e| e.to_string())?;
            Ok(Some(Point::Weights(weights)))
        }
    }
}

/// Share `index` set to `value`, or to all that the objectives of `among` have together where that is less;
/// the others of them in proportion (equally where they are all 0). What is not among them stays.
pub(crate) fn rescaled(
    preference: &[f64],
    among: &[usize],
    index: usize,
    value: f64,
) -> Option<Point> {
    let mut shares = preference.to_vec();
    let others: Vec<usize> = among.iter().copied().filter(|a| *a != index).collect();
    let rest: f64 = others.iter().filter_map(|o| preference.get(*o)).sum();
    let all = rest + preference.get(index)?;
    let value = if others.is_empty() {
        all
    } else {
        value.min(all)
    };
    *shares.get_mut(index)? = value;
    for &other in &others {
        if let Some(slot) = shares.get_mut(other) {
            *slot = if rest > 0.0 {
                *slot / rest * (all - value)
            } else {
                (all - value) / others.len() as f64
            };
        }
    }
    Preference::new(shares).ok().map(Point::Preference)
}

/// Reads a number, `0.2,0.3,0.5`, `2:3:5` or a JSON list.
fn read(text: &str) -> Result<Reading, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("empty; type a number such as 0.25".to_owned());
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    let numbers: Vec<f64> = inner
        .split([',', ':', ';'])
        .map(|part| {
            let part = part.trim();
            match part.parse::<f64>() {
                Ok(value) if !value.is_finite() => Err(format!("`{part}` is not finite")),
                Ok(value) if value < 0.0 => Err(format!("{part} is below 0; a share is 0 or more")),
                Ok(value) => Ok(value),
                Err(_) => Err(format!("`{part}` is not a number")),
            }
        })
        .collect::<Result<_, _>>()?;
    match numbers[..] {
        [value] => Ok(Reading::One(value)),
        _ => Ok(Reading::All(numbers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_are_read() {
        assert_eq!(read(" 0.25 "), Ok(Reading::One(0.25)));
        for list in ["0.2,0.3,0.5", "[0.2, 0.3, 0.5]", "0.2:0.3:0.5"] {
            assert_eq!(read(list), Ok(Reading::All(vec![0.2, 0.3, 0.5])), "{list}");
        }
        for bad in ["", "abc", "NaN", "inf", "1e999", "-0.1", "0.1,,2", "1,x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_others_share_what_is_left() {
        let point = rescaled(&[0.5, 0.25, 0.25], &[0, 1, 2], 0, 0.0).unwrap();
        assert_eq!(point.as_slice(), [0.0, 0.5, 0.5]);
        let point = rescaled(&[1.0, 0.0, 0.0], &[0, 1, 2], 0, 0.5).unwrap();
        assert_eq!(point.as_slice(), [0.5, 0.25, 0.25]);
        // Only the chosen axes take part.
        let point = rescaled(&[0.5, 0.0, 0.5], &[0, 2], 0, 0.25).unwrap();
        assert_eq!(point.as_slice(), [0.25, 0.0, 0.75]);
        // What they have together stays, and so do the others.
        let point = rescaled(&[0.25, 0.25, 0.25, 0.25], &[0, 1, 2], 0, 0.5).unwrap();
        assert_eq!(point.as_slice(), [0.5, 0.125, 0.125, 0.25]);
        let point = rescaled(&[0.25, 0.25, 0.25, 0.25], &[0, 1, 2], 0, 0.9).unwrap();
        assert_eq!(point.as_slice(), [0.75, 0.0, 0.0, 0.25]);
    }
}
