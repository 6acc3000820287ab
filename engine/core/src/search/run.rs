//! A search: which settings are tried, in which order.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::cma::Cma;
use super::space::Space;
use crate::{Bounds, Error, Result};

/// How far the first generation spreads, in shares of each range (Hansen's tutorial: about a third of where the best lies).
const SPREAD: f64 = 0.3;
/// Below this share of each range settings are not told apart any more.
const SETTLED: f64 = 1e-3;

/// How a search goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is searched.
    pub space: Space,
    /// Tries at most, the start among them.
    pub budget: usize,
    /// Tries in a generation.
    pub population: usize,
    /// Of everything random.
    pub seed: u64,
}

impl Plan {
    /// Refuses a budget or a population that makes no search.
    ///
    /// # Errors
    /// [`Error::Option`] of `budget` below 1 or, where several settings are searched, `population` below 3.
    pub fn check(&self) -> Result<()> {
        let least = if self.space.axes().len() > 1 {
            3.0
        } else {
            1.0
        };
        for (name, value, least) in [
            ("budget", self.budget, 1.0),
            ("population", self.population, least),
        ] {
            let checked = Bounds::at_least(least).check(value as f64);
            checked.map_err(|problem| Error::option(name, problem))?;
        }
        Ok(())
    }
}

/// A try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// Its number, the start 0.
    pub number: usize,
    /// Its settings, in order of the axes.
    pub values: Vec<f64>,
}

/// Tries in a generation for so many settings, as Hansen's tutorial has it.
pub fn default_population(settings: usize) -> usize {
    4 + (3.0 * (settings.max(1) as f64).ln()) as usize
}

/// Tries settings until the budget is spent: the start first; then of one setting an even grid over its range, of several
/// generations of [`Cma`]. `measure` gives a try's value, larger is better, and NaN where it failed; it ends the search by an
/// error. What it did not finish of a generation teaches nothing.
///
/// # Errors
/// [`Error::Option`] where budget or population make no search; the error of `measure`.
pub fn search<E: From<Error>>(
    plan: &Plan,
    measure: &mut dyn FnMut(&Try) -> Result<f64, E>,
) -> Result<(), E> {
    plan.check()?;
    let mut number = 0;
    let mut next = |values: Vec<f64>| -> Result<ControlFlow<(), f64>, E> {
        if number == plan.budget {
            return Ok(ControlFlow::Break(()));
        }
        let tried = Try { number, values };
        number += 1;
        measure(&tried).map(ControlFlow::Continue)
    };
    // As it was given, and not as it comes back from the cube.
    let start = plan.space.axes().iter().map(|axis| axis.start).collect();
    if next(start)?.is_break() {
        return Ok(());
    }
    if plan.space.axes().len() == 1 {
        let steps = plan.budget.saturating_sub(2).max(1);
        for step in 0..=steps {
            let values = plan.space.values(&[step as f64 / steps as f64]);
            if next(values)?.is_break() {
                break;
            }
        }
        return Ok(());
    }
    let mut cma = Cma::new(plan.space.start(), SPREAD, plan.population, plan.seed)?;
    while !cma.is_settled(SETTLED) {
        let points = cma.ask();
        let mut values = Vec::with_capacity(points.len());
        for point in &points {
            match next(plan.space.values(point))? {
                ControlFlow::Continue(value) => values.push(-value),
                ControlFlow::Break(()) => return Ok(()),
            }
        }
        cma.tell(&points, &values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Axis, Spread};

    fn plan(settings: usize, budget: usize) -> Plan {
        let axis = |at: usize| Axis {
            name: format!("setting {at}"),
            low: 0.0,
            high: 2.0,
            start: 1.0,
            spread: Spread::Even,
        };
        Plan {
            space: Space::new((0..settings).map(axis).collect()).unwrap(),
            budget,
            population: default_population(settings),
            seed: 7,
        }
    }

    /// The tries of a search for the place `(0.4, 1.7, ...)`.
    fn tries(plan: &Plan) -> Vec<(Try, f64)> {
        let mut found = Vec::new();
        let done: Result<()> = search(plan, &mut |tried| {
            let place = |at: usize| [0.4, 1.7][at % 2];
            let off = tried
                .values
                .iter()
                .enumerate()
                .map(|(at, v)| (v - place(at)).powi(2));
            let value = -off.sum::<f64>();
            found.push((tried.clone(), value));
            Ok(value)
        });
        done.unwrap();
        found
    }

    #[test]
    fn one_setting_is_a_grid_after_the_start() {
        let found = tries(&plan(1, 6));
        let values: Vec<f64> = found.iter().map(|(t, _)| t.values[0]).collect();
        assert_eq!(values, [1.0, 0.0, 0.5, 1.0, 1.5, 2.0]);
        let numbers: Vec<usize> = found.iter().map(|(t, _)| t.number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
        assert_eq!(tries(&plan(1, 1)).len(), 1, "the start alone");
        assert_eq!(tries(&plan(1, 2)).len(), 2);
    }

    #[test]
    fn several_settings_are_found_within_the_budget() {
        for settings in [2, 4] {
            let found = tries(&plan(settings, 300));
            assert!(found.len() <= 300);
            assert_eq!(found[0].0.values, vec![1.0; settings]);
            let inside = |t: &Try| t.values.iter().all(|v| (0.0..=2.0).contains(v));
            assert!(found.iter().all(|(t, _)| inside(t)));
            let best = found
                .iter()
                .map(|(_, value)| *value)
                .fold(f64::NEG_INFINITY, f64::max);
            assert!(best > -1e-3, "{settings}: {best}");
        }
        assert_eq!(tries(&plan(3, 10)).len(), 10, "within a generation");
    }

    #[test]
    fn known_measurements_lead_to_the_same_tries_and_an_error_ends_it() {
        let all = tries(&plan(2, 40));
        assert_eq!(tries(&plan(2, 40)), all);
        assert_eq!(
            tries(&plan(2, 20)),
            all[..20],
            "a smaller budget is a beginning"
        );
        let mut count = 0;
        let stopped: Result<()> = search(&plan(2, 40), &mut |_| {
            count += 1;
            if count == 5 {
                return Err(Error::option("measure", "broke"));
            }
            Ok(f64::NAN)
        });
        assert!(stopped.is_err() && count == 5);
        let mut none = plan(2, 0);
        let measured: Result<()> = search(&none, &mut |_| Ok(0.0));
        assert!(measured.unwrap_err().to_string().starts_with("budget"));
        (none.budget, none.population) = (9, 2);
        let measured: Result<()> = search(&none, &mut |_| Ok(0.0));
        assert!(measured.is_err());
    }

    #[test]
    fn the_best_at_a_wall_is_found() {
        let mut best = f64::NEG_INFINITY;
        let done: Result<()> = search(&plan(2, 300), &mut |tried| {
            let value = tried.values[0] + tried.values[1];
            best = best.max(value);
            Ok(value)
        });
        done.unwrap();
        assert!(best > 3.98, "{best}");
    }
}
