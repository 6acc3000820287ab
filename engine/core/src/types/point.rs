//! Where a person stands: on the simplex of preferences, or in the box of extrapolation weights.

use serde::{Deserialize, Serialize};

/// Why a list of numbers is not a point.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PointError {
    /// The list has the wrong length.
    #[error("{got} numbers given, {expected} needed (one per {axis})")]
    Count {
        /// Numbers given.
        got: usize,
        /// Numbers needed.
        expected: usize,
        /// What the numbers stand for.
        axis: &'static str,
    },
    /// A number is NaN or infinite.
    #[error("number {} is {value}; every number must be finite", index + 1)]
    NotFinite {
        /// Position in the list, from zero.
        index: usize,
        /// The number.
        value: f64,
    },
    /// A number is below zero.
    #[error("number {} is {value}; every number must be zero or more", index + 1)]
    Negative {
        /// Position in the list, from zero.
        index: usize,
        /// The number.
        value: f64,
    },
    /// Nothing is preferred.
    #[error("all numbers are zero; a preference needs at least one above zero")]
    AllZero,
}

fn check(values: &[f64]) -> Result<(), PointError> {
    for (index, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            return Err(PointError::NotFinite { index, value });
        }
        if value < 0.0 {
            return Err(PointError::Negative { index, value });
        }
    }
    Ok(())
}

/// A point of the simplex: one share per objective, each at least 0, together 1.
/// ```
/// use paretoscope_core::types::{PointError, Preference};
///
/// let preference = Preference::new(vec![2.0, 3.0, 5.0])?;
/// assert_eq!(preference.as_slice(), [0.2, 0.3, 0.5]);
/// assert_eq!(Preference::new(vec![0.0, 0.0]), Err(PointError::AllZero));
/// # Ok::<(), PointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Preference(Vec<f64>);

impl Preference {
    /// Takes non-negative numbers and divides them by their sum.
    pub fn new(values: Vec<f64>) -> Result<Self, PointError> {
        check(&values)?;
        // Dividing by the largest first keeps a sum of huge numbers finite.
        let largest = values.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(PointError::AllZero);
        }
        // What sums to 1, as far as rounding lets it, is shares already: they are read back bit for bit.
        let sum: f64 = values.iter().sum();
        if (sum - 1.0).abs() <= values.len() as f64 * f64::EPSILON {
            return Ok(Self(values));
        }
        let scaled: Vec<f64> = values.iter().map(|v| v / largest).collect();
        let sum: f64 = scaled.iter().sum();
        Ok(Self(scaled.into_iter().map(|v| v / sum).collect()))
    }

    /// Like [`Preference::new`], and refuses a count other than `objectives`.
    pub fn with_len(values: Vec<f64>, objectives: usize) -> Result<Self, PointError> {
        if values.len() != objectives {
            return Err(PointError::Count {
                got: values.len(),
                expected: objectives,
                axis: "objective",
            });
        }
        Self::new(values)
    }

    /// All on objective `index` of `objectives`.
    pub fn one_hot(index: usize, objectives: usize) -> Self {
        Self(
            (0..objectives)
                .map(|i| if i == index { 1.0 } else { 0.0 })
                .collect(),
        )
    }

    /// An equal share for each of `objectives` (at least one).
    pub fn uniform(objectives: usize) -> Self {
        let objectives = objectives.max(1);
        Self(vec![1.0 / objectives as f64; objectives])
    }

    /// The shares.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

impl TryFrom<Vec<f64>> for Preference {
    type Error = PointError;
    fn try_from(values: Vec<f64>) -> Result<Self, PointError> {
        Self::new(values)
    }
}

impl From<Preference> for Vec<f64> {
    fn from(preference: Preference) -> Self {
        preference.0
    }
}

/// Free coefficients, one per value vector, each at least 0 and not normalised (MVA, extrapolation).
/// ```
/// use paretoscope_core::types::{Point, PointError, Weights};
///
/// // Beyond 1: more of a value vector than it was trained with.
/// let weights = Weights::new(vec![1.25, 0.0])?;
/// assert_eq!(weights.as_slice(), [1.25, 0.0]);
/// assert!(Point::Weights(Weights::zero(2)).is_base());
/// # Ok::<(), PointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Weights(Vec<f64>);

impl Weights {
    /// Takes finite numbers of zero or more as they are.
    pub fn new(values: Vec<f64>) -> Result<Self, PointError> {
        check(&values)?;
        Ok(Self(values))
    }

    /// Like [`Weights::new`], and refuses a count other than `values_loaded`.
    pub fn with_len(values: Vec<f64>, values_loaded: usize) -> Result<Self, PointError> {
        if values.len() != values_loaded {
            return Err(PointError::Count {
                got: values.len(),
                expected: values_loaded,
                axis: "value vector",
            });
        }
        Self::new(values)
    }

    /// The base model alone.
    pub fn zero(values_loaded: usize) -> Self {
        Self(vec![0.0; values_loaded])
    }

    /// The coefficients.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

impl TryFrom<Vec<f64>> for Weights {
    type Error = PointError;
    fn try_from(values: Vec<f64>) -> Result<Self, PointError> {
        Self::new(values)
    }
}

impl From<Weights> for Vec<f64> {
    fn from(weights: Weights) -> Self {
        weights.0
    }
}

/// A place to generate at: an interpolating preference, or extrapolating weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// On the simplex, through the router of HoE.
    Preference(Preference),
    /// In the box `[0, C]^n`, straight onto the value vectors (MVA).
    Weights(Weights),
}

impl Point {
    /// The numbers, whichever kind they are.
    pub fn as_slice(&self) -> &[f64] {
        match self {
            Self::Preference(preference) => preference.as_slice(),
            Self::Weights(weights) => weights.as_slice(),
        }
    }

    /// Whether no expert speaks at this point.
    pub fn is_base(&self) -> bool {
        matches!(self, Self::Weights(w) if w.as_slice().iter().all(|&v| v == 0.0))
    }
}
