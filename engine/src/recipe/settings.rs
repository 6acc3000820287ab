//! What a recipe can set about the steps that train or measure.

use serde::{Deserialize, Serialize};

use crate::protocol::SweepGrid;
use crate::sweep;
use crate::types::{
    DpoConfig, LoraConfig, Method, Point, Preference, RouterConfig, RunConfig, Scalarisation,
    TrainMethod, TrainSize,
};
use crate::{Bounds, Error, Result};

/// The tables `[training.experts]`, `[training.values]` and `[training.routers]`: what a recipe says otherwise than the
/// settings of a job, [`DpoConfig`] and [`RouterConfig`], have it.
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

/// Which weights of a base move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moves {
    /// All of them: the difference becomes an adapter by task-SVD, as in HoE.
    Full,
    /// Adapters alone.
    Lora,
}

/// Direct preference optimisation otherwise than [`DpoConfig`] has it; ranks are the recipe's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DpoSettings {
    /// Which weights move.
    pub method: Option<Moves>,
    /// Rank of adapters; by default the recipe's.
    pub rank: Option<usize>,
    /// Adapters are scaled by `alpha / rank`.
    pub alpha: Option<f64>,
    /// Last parts of the paths of the linears to adapt.
    pub target_modules: Option<Vec<String>>,
    /// See [`DpoConfig::beta`].
    pub beta: Option<f64>,
    /// The highest learning rate; by default [`TrainMethod::learning_rate`]'s.
    pub learning_rate: Option<f64>,
    /// See [`TrainConfig::epochs`](crate::types::TrainConfig::epochs).
    pub epochs: Option<usize>,
    /// See [`TrainConfig::steps`](crate::types::TrainConfig::steps).
    pub steps: Option<usize>,
    /// See [`TrainConfig::batch_tokens`](crate::types::TrainConfig::batch_tokens).
    pub batch_tokens: Option<usize>,
    /// See [`TrainConfig::max_length`](crate::types::TrainConfig::max_length).
    pub max_length: Option<usize>,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    pub skip_bad: bool,
    /// See [`OptimiserConfig::warm_up`](crate::types::OptimiserConfig::warm_up).
    pub warm_up: Option<f64>,
    /// See [`OptimiserConfig::weight_decay`](crate::types::OptimiserConfig::weight_decay).
    pub weight_decay: Option<f64>,
    /// Steps between checkpoints, of which there must be some: what a kill may cost.
    pub checkpoint_every: Option<usize>,
}

/// Puts what was said in the place of what is usual.
fn set<T: Clone>(usual: &mut T, said: Option<&T>) {
    if let Some(said) = said {
        usual.clone_from(said);
    }
}

impl DpoSettings {
    /// The job's settings; `rank` is the recipe's. Everything random in the run comes from `seed`.
    pub fn config(&self, rank: usize, seed: u64) -> DpoConfig {
        let mut lora = LoraConfig::of_rank(self.rank.unwrap_or(rank));
        set(&mut lora.alpha, self.alpha.as_ref());
        set(&mut lora.target_modules, self.target_modules.as_ref());
        let usual = DpoConfig::default();
        let moves = self.method.unwrap_or(match usual.method {
            Method::Full => Moves::Full,
            Method::Lora(_) => Moves::Lora,
        });
        let (method, size) = match moves {
            Moves::Full => (Method::Full, TrainSize::Full),
            Moves::Lora => (Method::Lora(lora), TrainSize::Lora),
        };
        let mut config = DpoConfig { method, ..usual };
        set(&mut config.beta, self.beta.as_ref());
        let train = &mut config.train;
        set(&mut train.epochs, self.epochs.as_ref());
        train.steps = self.steps.or(train.steps);
        set(&mut train.batch_tokens, self.batch_tokens.as_ref());
        set(&mut train.max_length, self.max_length.as_ref());
        let run = &mut train.run;
        run.seed = seed;
        set(&mut run.checkpoint_every, self.checkpoint_every.as_ref());
        run.optimiser.learning_rate = self
            .learning_rate
            .unwrap_or(TrainMethod::Dpo.learning_rate(size));
        set(&mut run.optimiser.warm_up, self.warm_up.as_ref());
        set(&mut run.optimiser.weight_decay, self.weight_decay.as_ref());
        config
    }

    /// Refuses numbers that make no sense.
    pub fn check(&self, rank: usize) -> Result<()> {
        let alpha = self.alpha.map(|alpha| ("alpha", alpha));
        let config = self.config(rank, 0);
        check_every(&config.train.run)?;
        for (name, value) in [("beta", config.beta)].into_iter().chain(alpha) {
            let checked = Bounds::above(0.0).check(value);
            checked.map_err(|e| Error::option(name, e))?;
        }
        Ok(config.train.check()?)
    }
}

/// Policy optimisation of routers otherwise than [`RouterConfig`] has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterSettings {
    /// See [`PpoConfig::batches`](crate::types::PpoConfig::batches).
    pub batches: Option<usize>,
    /// See [`PpoConfig::batch`](crate::types::PpoConfig::batch).
    pub batch: Option<usize>,
    /// See [`PpoConfig::minibatch`](crate::types::PpoConfig::minibatch).
    pub minibatch: Option<usize>,
    /// See [`PpoConfig::epochs`](crate::types::PpoConfig::epochs).
    pub epochs: Option<usize>,
    /// See [`PpoConfig::max_tokens`](crate::types::PpoConfig::max_tokens).
    pub max_tokens: Option<usize>,
    /// See [`PpoConfig::temperature`](crate::types::PpoConfig::temperature).
    pub temperature: Option<f64>,
    /// Of the router's layers.
    pub learning_rate: Option<f64>,
    /// See [`KlConfig::start`](crate::types::KlConfig::start).
    pub kl: Option<f64>,
    /// See [`KlConfig::target`](crate::types::KlConfig::target).
    pub kl_target: Option<f64>,
    /// How objectives become one.
    pub scalarise: Option<Scalarisation>,
    /// See [`ScalariseConfig::literal`](crate::types::ScalariseConfig::literal).
    pub literal: Option<bool>,
    /// See [`PpoConfig::calibration`](crate::types::PpoConfig::calibration).
    pub calibration: Option<usize>,
    /// Batches between checkpoints, of which there must be some: what a kill may cost.
    pub checkpoint_every: Option<usize>,
}

impl RouterSettings {
    /// The job's settings of a router at `preference`. Everything random in the run comes from `seed`.
    pub fn config(&self, preference: Vec<f64>, seed: u64) -> RouterConfig {
        let mut config = RouterConfig {
            preference,
            ..RouterConfig::default()
        };
        let ppo = &mut config.ppo;
        set(&mut ppo.batches, self.batches.as_ref());
        set(&mut ppo.batch, self.batch.as_ref());
        set(&mut ppo.minibatch, self.minibatch.as_ref());
        set(&mut ppo.epochs, self.epochs.as_ref());
        set(&mut ppo.max_tokens, self.max_tokens.as_ref());
        set(&mut ppo.temperature, self.temperature.as_ref());
        set(&mut ppo.calibration, self.calibration.as_ref());
        set(&mut ppo.kl.start, self.kl.as_ref());
        ppo.kl.target = self.kl_target.or(ppo.kl.target);
        let run = &mut ppo.run;
        run.seed = seed;
        set(&mut run.checkpoint_every, self.checkpoint_every.as_ref());
        set(
            &mut run.optimiser.learning_rate,
            self.learning_rate.as_ref(),
        );
        set(&mut config.scalarise.form, self.scalarise.as_ref());
        set(&mut config.scalarise.literal, self.literal.as_ref());
        config
    }

    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        let config = self.config(Vec::new(), 0);
        check_every(&config.ppo.run)?;
        Ok(config.ppo.check()?)
    }
}

/// A step that is killed goes on from a checkpoint, so there must be some.
fn check_every(run: &RunConfig) -> Result<()> {
    let checked = Bounds::at_least(1.0).check(run.checkpoint_every as f64);
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
    use crate::types::{Expert, ExpertKind, USUAL};

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
    fn what_is_left_out_is_as_a_job_has_it_and_what_is_said_is_in_it() {
        let settings: Training = toml::from_str("").unwrap();
        let rank = USUAL.rank;
        assert_eq!(settings.values.config(rank, 0), DpoConfig::default());
        let place = vec![0.5, 0.5];
        let router = RouterConfig {
            preference: place.clone(),
            ..RouterConfig::default()
        };
        assert_eq!(settings.routers.config(place, 0), router);
        let settings: Training = toml::from_str(
            "[experts]\nmethod = \"full\"\nwarm_up = 0.5\nsteps = 3\n\
             [routers]\nkl_target = 2.0\nscalarise = \"tch\"\ncheckpoint_every = 7",
        )
        .unwrap();
        let experts = settings.experts.config(rank, 9);
        assert_eq!(experts.method, Method::Full);
        assert_eq!((experts.train.steps, experts.train.run.seed), (Some(3), 9));
        let optimiser = &experts.train.run.optimiser;
        let rate = TrainMethod::Dpo.learning_rate(TrainSize::Full);
        assert_eq!((optimiser.warm_up, optimiser.learning_rate), (0.5, rate));
        let router = settings.routers.config(Vec::new(), 9);
        assert_eq!(router.ppo.kl.target, Some(2.0));
        assert_eq!(router.scalarise.form, Scalarisation::Tch);
        assert_eq!(router.ppo.run.checkpoint_every, 7);
    }
}
