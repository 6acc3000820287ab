//! The evolution strategy that adapts its covariance: (mu/mu_w, lambda)-CMA-ES with positive weights (Hansen, The CMA
//! Evolution Strategy: A Tutorial, arXiv:1604.00772; constants as in the plain form of the Python package `cma`, 3.3).
//! Smaller is better here.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::eigen::symmetric;
use crate::{Bounds, Error, Problem, Result};

/// The least and the largest variance ratio of directions; beyond it rounding decides.
const CONDITION: f64 = 1e14;

/// What follows from dimension and population.
#[derive(Debug, Clone)]
struct Constants {
    population: usize,
    /// Of the better half, the best first; they sum to 1.
    weights: Vec<f64>,
    effective: f64,
    path_rate: f64,
    step_rate: f64,
    one_rate: f64,
    mu_rate: f64,
    damping: f64,
}

impl Constants {
    fn new(dimension: usize, population: usize) -> Self {
        let n = dimension as f64;
        let parents = population / 2;
        let raw: Vec<f64> = (1..=parents)
            .map(|rank| (population as f64 / 2.0 + 0.5).ln() - (rank as f64).ln())
            .collect();
        let total: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|w| w / total).collect();
        let effective = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let one_rate = 2.0 / ((n + 1.3).powi(2) + effective);
        let mu_rate = 2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0).powi(2) + effective);
        let step_rate = (effective + 2.0) / (n + effective + 5.0);
        Self {
            population,
            effective,
            path_rate: (4.0 + effective / n) / (n + 4.0 + 2.0 * effective / n),
            step_rate,
            one_rate,
            mu_rate: mu_rate.min(1.0 - one_rate),
            damping: 2.0 * effective / population as f64 + 0.3 + step_rate,
            weights,
        }
    }
}

/// Where a strategy stands.
#[derive(Debug, Clone, PartialEq)]
pub struct CmaState {
    /// The middle of the next points.
    pub mean: Vec<f64>,
    /// Their overall spread.
    pub sigma: f64,
    /// Their shape, row-major.
    pub covariance: Vec<f64>,
}

/// A strategy.
#[derive(Debug, Clone)]
pub struct Cma {
    constants: Constants,
    state: CmaState,
    path: Vec<f64>,
    step_path: Vec<f64>,
    generation: i32,
    /// Roots of the covariance's eigenvalues, and its eigenvectors as columns.
    roots: Vec<f64>,
    vectors: Vec<f64>,
    random: ChaCha8Rng,
}

impl Cma {
    /// Begins at `mean` with the standard deviation `sigma` in every direction; `population` points a generation.
    ///
    /// # Errors
    /// [`Error::Option`] where a number of `mean` is not finite or there is none, `sigma` is not above 0, or the population
    /// is below 3: the better half must have a choice.
    pub fn new(mean: Vec<f64>, sigma: f64, population: usize, seed: u64) -> Result<Self> {
        let n = mean.len();
        if n == 0 || mean.iter().any(|value| !value.is_finite()) {
            let problem = format!("is {mean:?}; it needs a number at least, all of them finite");
            return Err(Error::option("mean", problem));
        }
        let of =
            |name: &str, checked: Result<(), Problem>| checked.map_err(|e| Error::option(name, e));
        of("sigma", Bounds::above(0.0).check(sigma))?;
        of("population", Bounds::at_least(3.0).check(population as f64))?;
        let mut unit = vec![0.0; n * n];
        for i in 0..n {
            unit[i * n + i] = 1.0;
        }
        Ok(Self {
            constants: Constants::new(n, population),
            state: CmaState {
                mean,
                sigma,
                covariance: unit.clone(),
            },
            path: vec![0.0; n],
            step_path: vec![0.0; n],
            generation: 0,
            roots: vec![1.0; n],
            vectors: unit,
            random: ChaCha8Rng::seed_from_u64(seed),
        })
    }

    /// Where it stands.
    pub fn state(&self) -> &CmaState {
        &self.state
    }

    /// The points of the next generation.
    pub fn ask(&mut self) -> Vec<Vec<f64>> {
        let n = self.state.mean.len();
        (0..self.constants.population)
            .map(|_| {
                let scaled: Vec<f64> = self
                    .roots
                    .iter()
                    .map(|root| root * normal(&mut self.random))
                    .collect();
                (0..n)
                    .map(|i| {
                        let along: f64 = (0..n).map(|k| self.vectors[i * n + k] * scaled[k]).sum();
                        self.state.mean[i] + self.state.sigma * along
                    })
                    .collect()
            })
            .collect()
    }

    /// Learns what the points of a generation measured; smaller is better, and what is not a number is worst.
    ///
    /// # Errors
    /// [`Error::Option`] where there are more or fewer than a generation has.
    pub fn tell(&mut self, points: &[Vec<f64>], values: &[f64]) -> Result<()> {
        let (n, c) = (self.state.mean.len(), &self.constants);
        for (of, got, needed) in [
            ("points", points.len(), c.population),
            ("values", values.len(), c.population),
            (
                "numbers in a point",
                points.iter().map(Vec::len).find(|l| *l != n).unwrap_or(n),
                n,
            ),
        ] {
            if got != needed {
                let of = of.to_owned();
                return Err(Error::option(
                    "generation",
                    Problem::Count { got, needed, of },
                ));
            }
        }
        self.generation += 1;
        let mut order: Vec<usize> = (0..points.len()).collect();
        let ranked = |at: usize| {
            if values[at].is_nan() {
                f64::INFINITY
            } else {
                values[at]
            }
        };
        order.sort_by(|&a, &b| ranked(a).total_cmp(&ranked(b)));
        let best: Vec<&Vec<f64>> = order[..c.weights.len()]
            .iter()
            .map(|&at| &points[at])
            .collect();
        let old = self.state.mean.clone();
        for i in 0..n {
            self.state.mean[i] = best
                .iter()
                .zip(&c.weights)
                .map(|(point, w)| w * point[i])
                .sum();
        }

        // Where the mean went, and how that is if the shape is taken out of it.
        let moved: Vec<f64> = self
            .state
            .mean
            .iter()
            .zip(&old)
            .map(|(new, old)| new - old)
            .collect();
        let rotated: Vec<f64> = (0..n)
            .map(|k| {
                (0..n)
                    .map(|i| self.vectors[i * n + k] * moved[i])
                    .sum::<f64>()
                    / self.roots[k]
            })
            .collect();
        let plain = (0..n).map(|i| {
            (0..n)
                .map(|k| self.vectors[i * n + k] * rotated[k])
                .sum::<f64>()
        });
        let plain: Vec<f64> = plain.collect();
        let sigma = self.state.sigma;
        let gain = (c.step_rate * (2.0 - c.step_rate) * c.effective).sqrt() / sigma;
        for (path, plain) in self.step_path.iter_mut().zip(&plain) {
            *path = (1.0 - c.step_rate) * *path + gain * plain;
        }
        let length = self.step_path.iter().map(|p| p * p).sum::<f64>() / n as f64;
        // While the step grows fast, the path of the shape waits.
        let known = 1.0 - (1.0 - c.step_rate).powi(2 * self.generation);
        let steady = length / known < 2.0 + 4.0 / (n as f64 + 1.0);
        let steady = f64::from(u8::from(steady));
        let gain = (c.path_rate * (2.0 - c.path_rate) * c.effective).sqrt() / sigma;
        for (path, moved) in self.path.iter_mut().zip(&moved) {
            *path = (1.0 - c.path_rate) * *path + gain * steady * moved;
        }

        let lost = (1.0 - steady) * c.path_rate * (2.0 - c.path_rate);
        let kept = 1.0 - c.one_rate * (1.0 - lost) - c.mu_rate;
        for i in 0..n {
            for j in 0..n {
                let of_best = best.iter().zip(&c.weights);
                let spread: f64 = of_best
                    .map(|(point, w)| w * (point[i] - old[i]) * (point[j] - old[j]))
                    .sum();
                let entry = &mut self.state.covariance[i * n + j];
                *entry = kept * *entry
                    + c.one_rate * self.path[i] * self.path[j]
                    + c.mu_rate * spread / (sigma * sigma);
            }
        }
        let growth = c.step_rate / c.damping * (length - 1.0) / 2.0;
        self.state.sigma *= growth.min(1.0).exp();
        self.decompose();
        Ok(())
    }

    fn decompose(&mut self) {
        let n = self.state.mean.len();
        let (values, vectors) = symmetric(&self.state.covariance, n);
        let most = values.iter().copied().fold(0.0, f64::max);
        let least = (most / CONDITION).max(f64::MIN_POSITIVE);
        self.roots = values.iter().map(|value| value.max(least).sqrt()).collect();
        self.vectors = vectors;
    }

    /// Whether it has nothing left to tell apart: every direction's spread is below `least`.
    pub fn is_settled(&self, least: f64) -> bool {
        self.roots
            .iter()
            .all(|root| self.state.sigma * root < least)
    }
}

/// A normal number (Box and Muller 1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    // Above 0, so that its logarithm is finite.
    let radius: f64 = 1.0 - random.random::<f64>();
    let angle = std::f64::consts::TAU * random.random::<f64>();
    (-2.0 * radius.ln()).sqrt() * angle.cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let words = |mean: Vec<f64>, sigma, population| {
            Cma::new(mean, sigma, population, 0)
                .unwrap_err()
                .to_string()
        };
        assert!(words(vec![], 1.0, 6).starts_with("mean: is []"));
        assert!(words(vec![f64::NAN], 1.0, 6).starts_with("mean"));
        assert_eq!(words(vec![0.0], 0.0, 6), "sigma: is 0; it must be above 0");
        assert!(words(vec![0.0], 1.0, 2).starts_with("population: is 2"));
        let mut cma = Cma::new(vec![0.0; 2], 1.0, 6, 0).unwrap();
        let points = cma.ask();
        assert!(
            cma.tell(&points, &[0.0; 5]).is_err() && cma.tell(&points[1..], &[0.0; 6]).is_err()
        );
        let mut short = points.clone();
        short[3].pop();
        let words = cma.tell(&short, &[0.0; 6]).unwrap_err().to_string();
        assert_eq!(words, "generation: has 1 numbers in a point, 2 needed");
    }

    #[test]
    fn numbers_are_normal_and_a_seed_gives_the_same() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let drawn: Vec<f64> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let square = drawn.iter().map(|v| v * v).sum::<f64>() / 20_000.0;
        let fourth = drawn.iter().map(|v| v.powi(4)).sum::<f64>() / 20_000.0;
        // Four standard errors each.
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.04 && (fourth - 3.0).abs() < 0.28);
        let asked = |seed| Cma::new(vec![0.0; 3], 0.5, 7, seed).unwrap().ask();
        assert_eq!(asked(1), asked(1));
        assert_ne!(asked(1), asked(2));
    }

    #[test]
    fn what_is_not_a_number_is_worst() {
        let run = |bad: f64| {
            let mut cma = Cma::new(vec![0.0; 2], 1.0, 6, 3).unwrap();
            let points = cma.ask();
            let values = [1.0, 2.0, bad, 3.0, bad, 0.5];
            cma.tell(&points, &values).unwrap();
            cma.state().clone()
        };
        assert_eq!(run(f64::NAN), run(f64::INFINITY));
    }
}
