//! Round numbers along an axis, for the window's plots as well.

/// The least of 1, 2 or 5 times a power of ten that is not below `wanted`; `None` where that is no length.
pub fn step_from(wanted: f64) -> Option<f64> {
    if !wanted.is_normal() || wanted <= 0.0 {
        return None;
    }
    let power = 10f64.powf(wanted.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|m| m * power >= wanted * 0.999);
    let step = power * factor.unwrap_or(10.0);
    step.is_normal().then_some(step)
}

/// Multiples of `step` from `low` to `high`, 200 at most.
pub fn multiples(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last.min(first.saturating_add(200))).map(move |i| i as f64 * step)
}

/// Where an axis has numbers, and which.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticks {
    /// Ascending, inside the range.
    pub values: Vec<f64>,
    /// One per value.
    pub labels: Vec<String>,
}

/// At most `most` (two at least) round numbers from `low` to `high`; none where that is no range.
pub fn ticks(low: f64, high: f64, most: usize) -> Ticks {
    let none = Ticks {
        values: Vec::new(),
        labels: Vec::new(),
    };
    let most = most.max(2) as f64;
    // A range so narrow that its ends are neighbouring numbers has none between them.
    let narrowest = low.abs().max(high.abs()) * 1e-12;
    if !(low.is_finite() && high.is_finite()) || high - low <= narrowest {
        return none;
    }
    let Some(mut step) = step_from((high - low) / most) else {
        return none;
    };
    // Both ends may be ticks, and then there is one more than spaces.
    while ((high / step).floor() - (low / step).ceil()) + 1.0 > most {
        match step_from(step * 1.5) {
            Some(wider) => step = wider,
            None => return none,
        }
    }
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    let count = (last - first + 1.0).max(0.0) as usize;
    let values: Vec<f64> = (0..count)
        .map(|i| (first + i as f64) * step)
        .filter(|v| (low..=high).contains(v))
        .map(|v| if v.abs() < step * 1e-6 { 0.0 } else { v })
        .collect();
    let labels = values.iter().map(|&v| label(v, step)).collect();
    Ticks { values, labels }
}

/// A multiple of a step, as exact as the step, with the minus of text.
pub fn label(value: f64, step: f64) -> String {
    // Rounding may leave a minus before zero.
    let value = if value.abs() < step * 1e-6 {
        0.0
    } else {
        value
    };
    let size = value.abs().max(step);
    let text = if (1e-4..1e6).contains(&size) {
        let decimals = (-(step * 1.001).log10().floor()).clamp(0.0, 12.0) as usize;
        format!("{value:.decimals$}")
    } else if value == 0.0 {
        "0".to_owned()
    } else {
        // As many digits as tell a tick from the next.
        let digits = (value.abs().log10().floor() - (step * 1.001).log10().floor()).max(0.0);
        format!("{value:.*e}", digits.min(15.0) as usize)
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!(step_from(0.13), Some(0.2));
        assert_eq!(step_from(3.0), Some(5.0));
        assert_eq!(step_from(7.0), Some(10.0));
        assert_eq!(step_from(0.0), None);
        assert_eq!(step_from(f64::NAN), None);
        let all: Vec<f64> = multiples(-0.5, 1.2, 0.5).collect();
        assert_eq!(all, [-0.5, 0.0, 0.5, 1.0]);
        assert_eq!(label(-0.4, 0.2), "−0.4");
        assert_eq!(label(-1e-12, 0.5), "0.0");
        assert_eq!(label(20.0, 10.0), "20");
        assert_eq!(ticks(-0.5, 1.2, 4).labels, ["−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(ticks(0.0, 1.0, 6).labels.len(), 6);
        assert_eq!(ticks(0.0, 2e7, 3).labels, ["0", "1e7", "2e7"]);
        assert_eq!(ticks(1.0, 1.0, 5).values, Vec::<f64>::new());
        assert_eq!(ticks(f64::NAN, 1.0, 5).values, Vec::<f64>::new());
    }

    proptest! {
        #[test]
        fn ticks_are_inside_even_few_and_told_apart(
            low in -1e6_f64..1e6,
            span in (-8.0_f64..8.0).prop_map(|power| 10f64.powf(power)),
            most in 2_usize..12,
        ) {
            let high = low + span;
            prop_assume!(high - low > 1e-9 * low.abs());
            let ticks = ticks(low, high, most);
            prop_assert!(ticks.values.len() <= most, "{ticks:?}");
            prop_assert_eq!(ticks.values.len(), ticks.labels.len());
            // Not so few that an axis says nothing: two at least where five may be.
            prop_assert!(most < 5 || ticks.values.len() >= 2, "{ticks:?}");
            for value in &ticks.values {
                prop_assert!((low..=high).contains(value));
            }
            for pair in ticks.labels.windows(2) {
                prop_assert_ne!(&pair[0], &pair[1]);
            }
            // What is read off the label is the tick.
            let spacing = ticks.values.get(1).map_or(span, |second| second - ticks.values[0]);
            for (value, label) in ticks.values.iter().zip(&ticks.labels) {
                let read: f64 = label.replace('−', "-").parse().unwrap();
                prop_assert!((read - value).abs() <= 1e-3 * spacing, "{value} as {label}");
            }
        }
    }
}
