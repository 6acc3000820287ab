//! Ranges of settings, as one cube.

use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, Result};

/// How a range is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Evenly.
    Even,
    /// Evenly in the logarithm: for shares and factors whose ratio matters.
    Ratio,
}

/// A setting and its range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What is set.
    pub name: String,
    /// The smallest value.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// Where a search begins.
    pub start: f64,
    /// How the range is divided.
    pub spread: Spread,
}

impl Axis {
    /// The value at a place from 0 to 1.
    fn value(&self, place: f64) -> f64 {
        let value = match self.spread {
            Spread::Even => self.low + place * (self.high - self.low),
            Spread::Ratio => self.low * (self.high / self.low).powf(place),
        };
        value.clamp(self.low, self.high)
    }

    /// The place of a value.
    fn place(&self, value: f64) -> f64 {
        match self.spread {
            Spread::Even => (value - self.low) / (self.high - self.low),
            Spread::Ratio => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

/// All settings of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Space {
    axes: Vec<Axis>,
}

impl Space {
    /// Of these settings.
    ///
    /// # Errors
    /// [`Error::Option`] where there is none, two bear one name, or a range is empty, not finite, does not hold its start, or
    /// is divided by ratio and not above 0.
    pub fn new(axes: Vec<Axis>) -> Result<Self> {
        if axes.is_empty() {
            return Err(Error::option(
                "setting",
                "there is none to search; name one at least",
            ));
        }
        for (at, axis) in axes.iter().enumerate() {
            let wrong = |problem: String| Err(Error::option(axis.name.clone(), problem));
            if axes[..at].iter().any(|before| before.name == axis.name) {
                return wrong("stands there twice; each setting has one range".to_owned());
            }
            let Axis {
                low, high, start, ..
            } = axis;
            if !(low.is_finite() && high.is_finite() && low < high) {
                return wrong(format!(
                    "has the range {low} to {high}; it needs two numbers, the smaller first"
                ));
            }
            if axis.spread == Spread::Ratio && *low <= 0.0 {
                return wrong(format!(
                    "begins at {low}; its ratios matter, so it must be above 0"
                ));
            }
            let held = Bounds::of(*low, *high).check(*start);
            held.map_err(|problem| Error::option(format!("{}, start", axis.name), problem))?;
        }
        Ok(Self { axes })
    }

    /// The settings.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Where a search begins, in the cube.
    pub fn start(&self) -> Vec<f64> {
        self.axes
            .iter()
            .map(|axis| axis.place(axis.start))
            .collect()
    }

    /// The settings' values at a point, which is folded into the cube: a search that leaves it comes back as from a mirror.
    pub fn values(&self, point: &[f64]) -> Vec<f64> {
        let folded = point.iter().map(|at| folded(*at));
        self.axes
            .iter()
            .zip(folded)
            .map(|(axis, at)| axis.value(at))
            .collect()
    }
}

/// A number as two mirrors at 0 and 1 show it.
fn folded(at: f64) -> f64 {
    let turned = at.rem_euclid(2.0);
    if turned > 1.0 { 2.0 - turned } else { turned }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64, start: f64, spread: Spread) -> Axis {
        Axis {
            name: "density".to_owned(),
            low,
            high,
            start,
            spread,
        }
    }

    #[test]
    fn a_cube_and_values_there_and_back() {
        let second = Axis {
            name: "rescale".to_owned(),
            ..axis(0.5, 2.5, 1.0, Spread::Even)
        };
        let space = Space::new(vec![axis(0.01, 1.0, 0.1, Spread::Ratio), second]).unwrap();
        let start = space.start();
        assert!((start[0] - 0.5).abs() < 1e-12 && (start[1] - 0.25).abs() < 1e-12);
        for (point, values) in [
            (start, [0.1, 1.0]),
            (vec![0.0, 1.0], [0.01, 2.5]),
            // Out of the cube on either side, and far out.
            (vec![-0.5, 1.25], [0.1, 2.0]),
            (vec![2.5, -4.25], [0.1, 1.0]),
        ] {
            let found = space.values(&point);
            assert!(
                (found[0] - values[0]).abs() < 1e-12 && (found[1] - values[1]).abs() < 1e-12,
                "{point:?}"
            );
        }
    }

    #[test]
    fn ranges_that_make_no_sense_are_refused() {
        let words = |axes: Vec<Axis>| Space::new(axes).unwrap_err().to_string();
        let good = || axis(0.1, 0.5, 0.2, Spread::Even);
        assert!(words(vec![]).starts_with("setting: there is none"));
        assert!(words(vec![good(), good()]).contains("density: stands there twice"));
        assert!(words(vec![axis(0.5, 0.1, 0.2, Spread::Even)]).contains("0.5 to 0.1"));
        assert!(words(vec![axis(0.0, 0.1, 0.05, Spread::Ratio)]).contains("above 0"));
        assert!(
            words(vec![axis(0.1, 0.5, 0.7, Spread::Even)]).starts_with("density, start: is 0.7")
        );
        assert!(words(vec![axis(0.1, f64::NAN, 0.2, Spread::Even)]).contains("NaN"));
    }
}
