//! What a recipe can set about the steps that train or measure.

use serde::{Deserialize, Serialize};

use crate::protocol::SweepGrid;
use crate::sweep;
use crate::types::{
    DpoConfig, KlConfig, LoraConfig, Method, OptimiserConfig, Point, PpoConfig, Preference,
    RouterConfig, RunConfig, Scalarisation, ScalariseConfig, TrainConfig, TrainMethod, TrainSize,
    USUAL,
};
use crate::{Bounds, Error, Result};

/// The tables `[training.experts]`, `[training.values]` and `[training.routers]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// Of objectives that are trained from preference data.
    pub experts: DpoSettings,
    /// Of value vectors that are trained from preference data.
    pub values: DpoSettings,
    /// Of routers.
    pub routers: RouterSettings,
}

/// Which weights move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// All of them: the difference becomes an adapter by task-SVD, as in HoE.
    Full,
    /// Adapters alone.
    #[default]
    Lora,
}

/// Direct preference optimisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DpoSettings {
    /// Which weights move.
    pub method: Weights,
    /// Rank of adapters; by default the recipe's.
    pub rank: Option<usize>,
    /// Adapters are scaled by `alpha / rank`; by default twice the rank.
    pub alpha: Option<f64>,
    /// Last parts of the paths of the linears to adapt; by default all of the decoder.
    pub target_modules: Option<Vec<String>>,
    /// How strongly the model is held to the base.
    pub beta: f64,
    /// The highest learning rate; by default [`TrainMethod::learning_rate`]'s.
    pub learning_rate: Option<f64>,
    /// Passes over the data.
    pub epochs: usize,
    /// Steps in all, in place of epochs.
    pub steps: Option<usize>,
    /// Tokens per step, roughly.
    pub batch_tokens: usize,
    /// Longer pairs are left out.
    pub max_length: usize,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    pub skip_bad: bool,
    /// Share of the steps for linear warm-up.
    pub warm_up: f64,
    /// Decoupled decay of matrices.
    pub weight_decay: f64,
    /// Steps between checkpoints: what a kill may cost.
    pub checkpoint_every: usize,
}

impl Default for DpoSettings {
    fn default() -> Self {
        Self {
            method: Weights::Lora,
            rank: None,
            alpha: None,
            target_modules: None,
            beta: USUAL.beta,
            learning_rate: None,
            epochs: USUAL.epochs,
            steps: None,
            batch_tokens: USUAL.batch_tokens,
            max_length: USUAL.max_length,
            skip_bad: false,
            warm_up: USUAL.warm_up,
            weight_decay: USUAL.weight_decay,
            checkpoint_every: USUAL.checkpoint_every,
        }
    }
}

impl DpoSettings {
    /// As the trainer takes them; `rank` is the recipe's.
    pub fn config(&self, rank: usize, seed: u64, workers: usize, resume: bool) -> DpoConfig {
        let rank = self.rank.unwrap_or(rank);
        let (method, size) = match self.method {
            Weights::Full => (Method::Full, TrainSize::Full),
            Weights::Lora => {
                let standard = LoraConfig::of_rank(rank);
                let lora = LoraConfig {
                    rank,
                    alpha: self.alpha.unwrap_or(standard.alpha),
                    target_modules: self
                        .target_modules
                        .clone()
                        .unwrap_or(standard.target_modules),
                };
                (Method::Lora(lora), TrainSize::Lora)
            }
        };
        let rate = TrainMethod::Dpo.learning_rate(size);
        DpoConfig {
            train: TrainConfig {
                run: RunConfig {
                    seed,
                    workers,
                    optimiser: OptimiserConfig {
                        learning_rate: self.learning_rate.unwrap_or(rate),
                        warm_up: self.warm_up,
                        weight_decay: self.weight_decay,
                        ..OptimiserConfig::default()
                    },
                    checkpoint_every: self.checkpoint_every,
                    resume,
                    ..RunConfig::default()
                },
                epochs: self.epochs,
                steps: self.steps,
                batch_tokens: self.batch_tokens,
                max_length: self.max_length,
            },
            method,
            beta: self.beta,
            ..DpoConfig::default()
        }
    }

    /// Refuses numbers that make no sense.
    pub fn check(&self, rank: usize) -> Result<()> {
        check_every(self.checkpoint_every)?;
        let alpha = self.alpha.map(|alpha| ("alpha", alpha));
        for (name, value) in [("beta", self.beta)].into_iter().chain(alpha) {
            let checked = Bounds::above(0.0).check(value);
            checked.map_err(|e| Error::option(name, e))?;
        }
        Ok(self.config(rank, 0, 1, false).train.check()?)
    }
}

/// Policy optimisation of routers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterSettings {
    /// Batches of answers in all.
    pub batches: usize,
    /// Answers per batch.
    pub batch: usize,
    /// Answers per update.
    pub minibatch: usize,
    /// Passes over a batch.
    pub epochs: usize,
    /// New tokens per answer at most.
    pub max_tokens: usize,
    /// Answers are sampled at it.
    pub temperature: f64,
    /// Of the router's layers.
    pub learning_rate: f64,
    /// Penalty per nat away from the base, at the start.
    pub kl: f64,
    /// Nats per answer that the penalty steers towards; by default those of the first batch.
    pub kl_target: Option<f64>,
    /// How objectives become one.
    pub scalarise: Scalarisation,
    /// Coefficients as the paper writes them in place of the exact gradient's.
    pub literal: bool,
    /// Answers by which rewards are normalised and the ideal point is measured.
    pub calibration: usize,
    /// Batches between checkpoints: what a kill may cost.
    pub checkpoint_every: usize,
}

impl Default for RouterSettings {
    fn default() -> Self {
        let standard = PpoConfig::default();
        Self {
            batches: standard.batches,
            batch: standard.batch,
            minibatch: standard.minibatch,
            epochs: standard.epochs,
            max_tokens: standard.max_tokens,
            temperature: standard.temperature,
            learning_rate: standard.run.optimiser.learning_rate,
            kl: standard.kl.start,
            kl_target: standard.kl.target,
            scalarise: Scalarisation::default(),
            literal: false,
            calibration: standard.calibration,
            checkpoint_every: standard.run.checkpoint_every,
        }
    }
}

impl RouterSettings {
    /// As the trainer takes them.
    pub fn config(
        &self,
        preference: Vec<f64>,
        seed: u64,
        workers: usize,
        resume: bool,
    ) -> RouterConfig {
        let standard = PpoConfig::default();
        RouterConfig {
            preference,
            ppo: PpoConfig {
                run: RunConfig {
                    seed,
                    workers,
                    optimiser: OptimiserConfig {
                        learning_rate: self.learning_rate,
                        ..standard.run.optimiser.clone()
                    },
                    checkpoint_every: self.checkpoint_every,
                    resume,
                    ..standard.run.clone()
                },
                batches: self.batches,
                batch: self.batch,
                minibatch: self.minibatch,
                epochs: self.epochs,
                max_tokens: self.max_tokens,
                temperature: self.temperature,
                kl: KlConfig {
                    start: self.kl,
                    target: self.kl_target,
                    ..standard.kl.clone()
                },
                calibration: self.calibration,
                ..standard
            },
            scalarise: ScalariseConfig {
                form: self.scalarise,
                literal: self.literal,
                ..ScalariseConfig::default()
            },
            ..RouterConfig::default()
        }
    }

    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        check_every(self.checkpoint_every)?;
        Ok(self.config(Vec::new(), 0, 1, false).ppo.check()?)
    }
}

/// A step that is killed goes on from a checkpoint, so there must be some.
fn check_every(steps: usize) -> Result<()> {
    let checked = Bounds::at_least(1.0).check(steps as f64);
    checked.map_err(|e| Error::option("checkpoint_every", e))
}

/// The table `[auto]`: how a place is found for experts with `place = "auto"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoSettings {
    /// Step of the grid over the simplex; by default 0.1 for two objectives and 0.25 for three. For more,
    /// [`AutoSettings::places`] has points inside that no coarse grid has.
    pub step: Option<f64>,
    /// The first so many of the training prompts.
    pub prompts: usize,
    /// New tokens of an answer at most.
    pub max_tokens: usize,
}

impl Default for AutoSettings {
    fn default() -> Self {
        Self {
            step: None,
            prompts: 64,
            max_tokens: 128,
        }
    }
}

impl AutoSettings {
    /// The places that are looked at, for so many objectives: a grid where a step is given or there are three at
    /// most; else, where a grid would have to be very fine to have points inside, the centres of all corners,
    /// edges and triangles, and what lies halfway from each to the centre of all.
    pub fn places(&self, objectives: usize) -> Result<Vec<Preference>> {
        let step = match (self.step, objectives) {
            (Some(step), _) => step,
            (None, 0..=2) => 0.1,
            (None, 3) => 0.25,
            (None, _) => return star(objectives),
        };
        let grid = SweepGrid::Simplex {
            step,
            objectives: Vec::new(),
        };
        let points = sweep::points(&grid, objectives, 0, self.prompts, false)?;
        Ok(points
            .into_iter()
            .filter_map(|point| match point {
                Point::Preference(preference) => Some(preference),
                Point::Weights(_) => None,
            })
            .collect())
    }
}

/// Corners, centres of edges and triangles, the centre; then what lies between each and the centre.
fn star(objectives: usize) -> Result<Vec<Preference>> {
    let mut faces: Vec<Vec<usize>> = (0..objectives).map(|corner| vec![corner]).collect();
    let mut last = 0..faces.len();
    for _ in 2..=LARGEST_FACE {
        for place in last.clone() {
            let face = faces[place].clone();
            for corner in face.last().map_or(0, |last| last + 1)..objectives {
                faces.push([face.as_slice(), &[corner]].concat());
            }
        }
        last = last.end..faces.len();
    }
    faces.push((0..objectives).collect());
    let all = 1.0 / objectives as f64;
    let shares = |face: &[usize]| {
        let mut shares = vec![0.0; objectives];
        for &corner in face {
            shares[corner] = 1.0 / face.len() as f64;
        }
        shares
    };
    let on = faces.iter().map(|face| shares(face));
    let inside = faces.iter().filter(|face| face.len() < objectives);
    let inside = inside.map(|face| {
        let outer = shares(face);
        outer
            .iter()
            .map(|share| f64::midpoint(*share, all))
            .collect()
    });
    on.chain(inside)
        .map(|place| Preference::new(place).map_err(Error::point("auto")))
        .collect()
}

/// Corners of the largest faces whose centres are looked at.
const LARGEST_FACE: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::place::{MeasuredPoint, largest, shortfalls};
    use crate::types::{Expert, ExpertKind};

    /// A front that is straight everywhere but at one place inside.
    #[test]
    fn a_hollow_inside_is_found_with_four_and_five_objectives() {
        for objectives in [4, 5] {
            let places = AutoSettings::default().places(objectives).unwrap();
            let inside = |place: &Preference| place.as_slice().iter().all(|share| *share > 0.0);
            let inner: Vec<&Preference> = places.iter().filter(|place| inside(place)).collect();
            assert!(inner.len() > objectives && inner.len() < places.len());
            for (index, place) in places.iter().enumerate() {
                assert!(!places[..index].contains(place), "{place:?} twice");
            }
            let experts: Vec<Expert> = (0..objectives)
                .map(|axis| Expert {
                    kind: ExpertKind::Lora,
                    name: axis.to_string(),
                    preference: Preference::one_hot(axis, objectives),
                })
                .collect();
            let hollow = inner[inner.len() - 1].clone();
            let measured: Vec<MeasuredPoint> = places
                .iter()
                .map(|place| {
                    let less = if *place == hollow { 0.2 } else { 0.0 };
                    let scores = place.as_slice().iter().map(|share| Some(share - less));
                    MeasuredPoint {
                        preference: place.clone(),
                        rows: vec![scores.collect()],
                    }
                })
                .collect();
            let found = shortfalls(&experts, &measured).unwrap();
            assert_eq!(largest(&found).unwrap().preference, hollow);
        }
    }

    #[test]
    fn a_step_makes_a_grid_of_any_number_of_objectives() {
        let auto = AutoSettings {
            step: Some(0.5),
            ..AutoSettings::default()
        };
        assert_eq!(auto.places(4).unwrap().len(), 10);
        assert_eq!(AutoSettings::default().places(2).unwrap().len(), 11);
        assert_eq!(AutoSettings::default().places(3).unwrap().len(), 15);
    }

    #[test]
    fn what_is_left_out_is_as_the_table_has_it() {
        let settings: Training = toml::from_str("").unwrap();
        for (method, size) in [
            (Weights::Full, TrainSize::Full),
            (Weights::Lora, TrainSize::Lora),
        ] {
            let settings = DpoSettings {
                method,
                ..settings.values.clone()
            };
            let made = settings.config(USUAL.rank, 0, 1, false);
            let rate = made.train.run.optimiser.learning_rate;
            assert_eq!(rate, TrainMethod::Value.learning_rate(size));
            assert_eq!((made.beta, made.train.epochs), (USUAL.beta, USUAL.epochs));
            assert_eq!(made.train.batch_tokens, USUAL.batch_tokens);
            assert_eq!(made.train.max_length, USUAL.max_length);
            assert_eq!(made.train.run.checkpoint_every, USUAL.checkpoint_every);
            if let Method::Lora(lora) = made.method {
                assert_eq!(lora, LoraConfig::default());
            }
        }
        let router = settings.routers.config(vec![0.5, 0.5], 0, 1, false).ppo;
        assert_eq!(
            (router.batches, router.batch, router.max_tokens),
            (USUAL.batches, USUAL.batch, USUAL.max_tokens)
        );
        let rate = TrainMethod::Router.learning_rate(TrainSize::Lora);
        assert_eq!(router.run.optimiser.learning_rate, rate);
    }
}
