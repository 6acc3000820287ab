//! Round numbers along an axis.

/// The least of 1, 2 or 5 times a power of ten that is not below `wanted`; `None` where that is no length.
pub fn step_from(wanted: f64) -> Option<f64> {
    if !wanted.is_finite() || wanted <= 0.0 {
        return None;
    }
    let power = 10f64.powf(wanted.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|m| m * power >= wanted * 0.999);
    Some(power * factor.unwrap_or(10.0))
}

/// Multiples of `step` from `low` to `high`, 200 at most.
pub fn multiples(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last.min(first.saturating_add(200))).map(move |i| i as f64 * step)
}

/// A multiple of a step in as many decimals as the step needs, with the minus of text.
pub fn step_words(value: f64, step: f64) -> String {
    let decimals = (-(step * 1.001).log10().floor()).clamp(0.0, 8.0) as usize;
    // Rounding may leave a minus before zero.
    let value = if value.abs() < step * 1e-6 {
        0.0
    } else {
        value
    };
    if value.abs() >= 1e5 {
        super::words::value_words(value)
    } else {
        format!("{value:.decimals$}").replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(step_words(-0.4, 0.2), "−0.4");
        assert_eq!(step_words(-1e-12, 0.5), "0.0");
        assert_eq!(step_words(20.0, 10.0), "20");
    }
}
