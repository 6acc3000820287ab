//! What the measures work on, and what they add up.

use crate::forge::Matrix;
use crate::types::Measure;

/// The factors of one module of one adapter; its difference is `scale · B A`.
#[derive(Debug, Clone)]
pub(in crate::forge) struct Factors {
    /// `[rank, in]`.
    pub(super) a: Matrix,
    /// `[out, rank]`, the scale folded in.
    pub(super) b: Matrix,
}

/// How a figure of many modules comes from those of each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// What is added up.
    pub(super) value: f64,
    /// By what the sum is divided, or, of the unbiased form, the variance by chance.
    pub(super) by: [f64; 2],
    pub(super) modules: usize,
}

impl Sums {
    pub(super) fn add(&mut self, other: Self) {
        self.value += other.value;
        self.by[0] += other.by[0];
        self.by[1] += other.by[1];
        self.modules += other.modules;
    }

    pub(super) fn of(value: f64, by: [f64; 2]) -> Self {
        Self {
            value,
            by,
            modules: 1,
        }
    }

    pub(super) fn result(self, measure: Measure) -> f64 {
        let ratio = |by: f64| if by > 0.0 { self.value / by } else { 0.0 };
        match measure {
            Measure::HsicReleased | Measure::HsicRows => self.value,
            Measure::HsicNormalised | Measure::HsicUnbiased | Measure::Angles => {
                ratio(self.modules as f64)
            }
            Measure::Cosine => ratio((self.by[0] * self.by[1]).sqrt()),
            Measure::Signs => ratio(self.by[0]),
        }
    }

    /// Of the mean over modules, whose rows are put in order by themselves.
    pub(super) fn chance(self) -> f64 {
        self.by[0].sqrt() / self.modules.max(1) as f64
    }
}
