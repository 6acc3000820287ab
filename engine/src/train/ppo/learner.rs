//! The loop of policy optimisation: answer, score, scalarise, estimate, update.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use candle_core::Tensor;
use rand::SeedableRng;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::actor::{Actor, Answer};
use super::advantage::{Gae, Trajectory, whiten};
use super::calibrate::{self, Scale};
use super::loss::{Sample, loss};
use super::scalarise::{Mix, Scalariser, check_ideal};
use crate::bundle::Bundle;
use crate::train::batch::{PredictionBatch, Sampler, targets_of};
use crate::train::checkpoint::{self, Position};
use crate::train::forward::{Adapters, Reading, TrainModel};
use crate::train::metrics::Figures;
use crate::train::optimiser::{AdamW, learning_rate};
use crate::train::parallel::{StepGradients, Team, differentiate};
use crate::train::params::{self, NamedVars};
use crate::train::progress::TrainReporter;
use crate::train::runner::{Runner, State, Steps};
use crate::types::{Point, PpoConfig, Scalarisation, ScalariseConfig, TrainStep, Weights};
use crate::{Error, Result};

/// Tokens of a pass that asks for probabilities alone.
const INFERENCE_TOKENS: usize = 2048;

/// What learns, seen from the bundle that answers.
pub(super) trait Policy {
    /// Where the bundle answers as the policy does.
    fn point(&self) -> &Point;

    /// Puts the weights as they are now into the bundle.
    fn publish(&self, model: &TrainModel, bundle: &mut Bundle) -> Result<()>;

    /// Refuses gradients that do not reach everything that should learn; asked once.
    fn check(&self, model: &TrainModel, gradients: &[Tensor]) -> Result<()>;
}

/// A run in progress.
pub(super) struct Learner<'a> {
    pub(super) config: &'a PpoConfig,
    pub(super) scalarise: &'a ScalariseConfig,
    pub(super) preference: Vec<f64>,
    pub(super) model: &'a TrainModel,
    pub(super) team: Team,
    pub(super) actor: Actor,
    pub(super) policy: &'a dyn Policy,
    /// Where the ideal point is measured.
    pub(super) experts: Vec<Point>,
}

/// What goes from batch to batch besides tensors.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Carried {
    scale: Scale,
    scalariser: Scalariser,
    /// Per nat.
    penalty: f64,
    /// Nats per answer that the penalty steers towards.
    target: Option<f64>,
    /// The optimiser's, for its bias correction.
    updates: usize,
}

impl Carried {
    /// Refuses what no run of so many objectives has carried.
    fn check(&self, place: &Path, objectives: usize) -> Result<()> {
        let scale = [&self.scale.mean, &self.scale.deviation];
        let fits = scale.iter().all(|numbers| numbers.len() == objectives)
            && self.scalariser.fits(objectives);
        if !fits || self.updates > checkpoint::MOST {
            let problem = format!(
                "is not a policy's checkpoint: what it carries is not that of {objectives} objectives"
            );
            return Err(Error::file(place, problem));
        }
        Ok(())
    }
}

/// What the updates of a batch came to.
#[derive(Default)]
struct Updates {
    figures: Figures,
    /// Tokens behind the figures.
    tokens: usize,
    loss: f64,
    gradient_norm: f64,
    done: usize,
    skipped: usize,
}

impl Steps for Learner<'_> {
    type Carried = Carried;

    fn total(&self) -> usize {
        self.config.batches
    }

    fn optimiser(&self, vars: &NamedVars) -> Result<AdamW> {
        let factor = self.config.value_rate / self.config.run.optimiser.learning_rate;
        Ok(AdamW::new(&self.config.run.optimiser, vars)?.with_factor(vars, "value.", factor))
    }

    /// Measures the scale of rewards and the ideal point.
    fn begin(&mut self, reporter: &mut dyn TrainReporter) -> Result<Carried> {
        self.policy.publish(self.model, &mut self.actor.bundle)?;
        let count = self.config.calibration;
        let base = Point::Weights(Weights::zero(self.actor.bundle.info.values.len()));
        let scale = calibrate::scale(&self.actor, &base, count, reporter)?;
        let ideal = match &self.scalarise.ideal {
            _ if self.scalarise.form == Scalarisation::Linear => vec![0.0; self.preference.len()],
            Some(given) => {
                let what = "rewards of the untrained policy";
                let point = self.policy.point();
                let scores = calibrate::sample(&self.actor, point, count, what, reporter)?;
                check_ideal(given, &scale.means(&scores), &self.actor.objectives())?;
                given.clone()
            }
            None => {
                let how = (count, self.scalarise.margin);
                calibrate::ideal(&self.actor, &scale, &self.experts, how, reporter)?
            }
        };
        Ok(Carried {
            scale,
            scalariser: Scalariser::new(&self.preference, ideal),
            penalty: self.config.kl.start,
            target: self.config.kl.target,
            updates: 0,
        })
    }

    fn resume(&self, position: &Position, place: &Path) -> Result<(Carried, usize)> {
        let carried = Carried::deserialize(&position.carried)
            .map_err(|e| Error::file(place, format!("is not a policy's checkpoint: {e}")))?;
        carried.check(place, self.preference.len())?;
        let updates = carried.updates;
        Ok((carried, updates))
    }

    /// A batch: answer, score, scalarise, estimate, update.
    fn step(
        &mut self,
        runner: &Runner<'_>,
        state: &mut State<Carried>,
        reporter: &mut dyn TrainReporter,
    ) -> Result<TrainStep> {
        runner.keep_if_due(state, reporter)?;
        let clock = Instant::now();
        let step = state.position.step;
        self.policy.publish(self.model, &mut self.actor.bundle)?;
        let asked = drawn(
            self.actor.prompts(),
            self.config.batch,
            step,
            self.config.run.seed,
        );
        let answers =
            self.actor
                .answer(self.policy.point(), &asked, step as u64 + 1, &mut |_| {
                    if reporter.cancelled() {
                        return Err(Error::Cancelled);
                    }
                    Ok(())
                })?;
        let answered = clock.elapsed().as_secs_f64();
        let raw = self.actor.score(&answers)?;
        let scored = clock.elapsed().as_secs_f64();

        let carried = &mut state.carried;
        let means = carried.scale.means(&raw);
        let mix = carried.scalariser.update(self.scalarise, &means);
        let trajectories = self.look(&answers, &raw, &carried.scale)?;
        let count = trajectories.len() as f64;
        let divergence = trajectories.iter().map(Trajectory::divergence).sum::<f64>() / count;
        let target = *carried.target.get_or_insert(divergence.max(1.0));
        let samples = self.samples(&answers, trajectories, carried.penalty, &mix);
        let looked = clock.elapsed().as_secs_f64();
        let updates = self.update(&samples, &mut state.optimiser, runner, (step, &asked))?;
        if let Some(name) = params::spoilt(self.model.vars())? {
            let what = format!("the weight {name}");
            let became = "became NaN or infinite".to_owned();
            return Err(runner.diverged(&what, became, step, &asked));
        }

        let carried = &mut state.carried;
        let mut report = self.report(step, &answers, &raw, &means, &mix, carried, &updates);
        let seconds = clock.elapsed().as_secs_f64();
        let new: usize = samples.iter().map(|s| s.trajectory.log_probs.len()).sum();
        let speed = [
            ("kl", divergence),
            ("kl_penalty", carried.penalty),
            ("seconds.rollout", answered),
            ("seconds.reward", scored - answered),
            ("seconds.look", looked - scored),
            ("seconds.update", seconds - looked),
            ("speed.rollout", new as f64 / answered),
            ("speed.update", updates.tokens as f64 / (seconds - looked)),
            ("answer_tokens", new as f64 / count),
        ];
        let speed = speed.map(|(name, value)| (name.to_owned(), value));
        report.figures.extend(speed);
        report.tokens_per_second = report.tokens as f64 / seconds;

        let kl = &self.config.kl;
        carried.penalty = kl.adapt(carried.penalty, divergence, target, samples.len());
        carried.updates = state.optimiser.steps();
        Ok(report)
    }
}

impl Learner<'_> {
    /// Probabilities under policy and base, and values, of every answer's tokens.
    fn look(&self, answers: &[Answer], raw: &[Vec<f64>], scale: &Scale) -> Result<Vec<Trajectory>> {
        let objectives = self.preference.len();
        let mut chunks: Vec<Vec<usize>> = vec![Vec::new()];
        let mut tokens = 0;
        for (index, answer) in answers.iter().enumerate() {
            if tokens + answer.example.len() > INFERENCE_TOKENS && tokens > 0 {
                chunks.push(Vec::new());
                tokens = 0;
            }
            tokens += answer.example.len();
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(index);
            }
        }
        let model = self.model;
        let read = |adapters| Reading {
            adapters,
            temperature: self.config.temperature,
        };
        let mut all = Vec::with_capacity(answers.len());
        for group in chunks.chunks(self.team.size()) {
            let parts = self.team.each(group, |chunk| {
                let examples = chunk.iter().map(|&i| &answers[i].example);
                let batch = PredictionBatch::new(examples, false);
                let nothing = |&i: &usize| Trajectory {
                    log_probs: Vec::new(),
                    reference: Vec::new(),
                    values: Vec::new(),
                    scores: scale.normalise(&raw[i]),
                };
                if batch.rows.is_empty() {
                    return Ok(chunk.iter().map(nothing).collect());
                }
                // Nothing of the policy's pass is kept while the base's runs.
                let (own, values) = {
                    let own = model.predictions(&batch, read(Adapters::On))?;
                    let values = model.values(&own.states)?.flatten_all()?;
                    (own.log_probs.to_vec1::<f32>()?, values.to_vec1::<f32>()?)
                };
                let base = model.predictions(&batch, read(Adapters::Off))?.log_probs;
                let base = base.to_vec1::<f32>()?;
                let mut at = 0;
                Ok(chunk
                    .iter()
                    .map(|&i| {
                        let end = at + targets_of(&answers[i].example, false);
                        let trajectory = Trajectory {
                            log_probs: own[at..end].to_vec(),
                            reference: base[at..end].to_vec(),
                            values: values[at * objectives..end * objectives].to_vec(),
                            scores: scale.normalise(&raw[i]),
                        };
                        at = end;
                        trajectory
                    })
                    .collect::<Vec<_>>())
            })?;
            all.extend(parts.into_iter().flatten());
        }
        Ok(all)
    }

    fn samples(
        &self,
        answers: &[Answer],
        trajectories: Vec<Trajectory>,
        penalty: f64,
        mix: &Mix,
    ) -> Vec<Sample> {
        let gae = Gae {
            gamma: self.config.gamma,
            lambda: self.config.gae_lambda,
        };
        let mut targets: Vec<_> = trajectories
            .iter()
            .map(|t| t.target(gae, penalty, &mix.coefficients))
            .collect();
        whiten(&mut targets);
        let whole = answers.iter().zip(trajectories).zip(targets);
        whole
            .map(|((answer, trajectory), target)| Sample {
                example: answer.example.clone(),
                trajectory,
                target,
            })
            .collect()
    }

    fn update(
        &self,
        samples: &[Sample],
        optimiser: &mut AdamW,
        runner: &Runner<'_>,
        (step, asked): (usize, &[usize]),
    ) -> Result<Updates> {
        let (model, config) = (self.model, self.config);
        let rate = learning_rate(&self.config.run.optimiser, step, self.config.batches);
        let lengths: Vec<usize> = samples.iter().map(|s| s.example.len()).collect();
        let sampler = Sampler::new(lengths, usize::MAX, self.config.run.seed);
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.run.seed);
        rng.set_stream(u64::MAX - step as u64);
        // An answer that a stop string ended at once has no token to learn from.
        let told = |&i: &usize| targets_of(&samples[i].example, false) > 0;
        let mut order: Vec<usize> = (0..samples.len()).filter(told).collect();
        let mut all = Updates::default();
        for _ in 0..self.config.epochs {
            order.shuffle(&mut rng);
            for minibatch in order.chunks(self.config.minibatch) {
                let targets = |&i: &usize| targets_of(&samples[i].example, false);
                let total: usize = minibatch.iter().map(targets).sum();
                let shares = sampler.shares(minibatch, self.team.size());
                let result = differentiate(model, &self.team, &shares, |share| {
                    let samples: Vec<&Sample> = share.iter().map(|&i| &samples[i]).collect();
                    loss(model, config, &samples, total)
                })?;
                if step == 0 && all.done == 0 {
                    self.policy.check(self.model, &result.gradients)?;
                }
                let means = result.figures.means(total);
                let mean = |name: &str| means.get(name).copied().unwrap_or(0.0);
                if mean("ratio") > self.config.ratio_limit {
                    all.skipped += 1;
                    continue;
                }
                runner.check_loss("the loss", result.loss, step, asked)?;
                let policy_kl = mean("policy_kl");
                let norm =
                    optimiser.step(self.model.vars(), &result.gradients, rate, &self.team)?;
                runner.check_norm(norm, step, asked)?;
                all.add(&result, norm, total);
                if policy_kl > self.config.stop_kl {
                    return Ok(all);
                }
            }
        }
        Ok(all)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one line of a log, from everywhere"
    )]
    fn report(
        &self,
        step: usize,
        answers: &[Answer],
        raw: &[Vec<f64>],
        means: &[f64],
        mix: &Mix,
        carried: &Carried,
        updates: &Updates,
    ) -> TrainStep {
        let mut figures: BTreeMap<String, f64> = updates.figures.means(updates.tokens);
        let mut put = |name: String, value: f64| {
            figures.insert(name, value);
        };
        for (objective, name) in self.actor.objectives().iter().enumerate() {
            let column = raw.iter().filter_map(|row| row.get(objective));
            let finite: Vec<f64> = column.copied().filter(|s| s.is_finite()).collect();
            if !finite.is_empty() {
                let mean = finite.iter().sum::<f64>() / finite.len() as f64;
                put(format!("reward.{name}"), mean);
            }
            put(format!("normalised.{name}"), means[objective]);
            put(format!("w.{name}"), mix.weights[objective]);
            put(format!("coefficient.{name}"), mix.coefficients[objective]);
            if self.scalarise.form != Scalarisation::Linear {
                put(format!("ideal.{name}"), carried.scalariser.ideal[objective]);
            }
        }
        let count = answers.len() as f64;
        let ended = answers.iter().filter(|answer| answer.ended).count();
        put("ended".to_owned(), ended as f64 / count);
        let traced: Vec<f64> = answers.iter().filter_map(|a| a.gate_entropy).collect();
        if !traced.is_empty() {
            let mean = traced.iter().sum::<f64>() / traced.len() as f64;
            put("gate_entropy".to_owned(), mean);
        }
        put("updates".to_owned(), updates.done as f64);
        put("updates_skipped".to_owned(), updates.skipped as f64);
        TrainStep {
            step,
            steps: self.config.batches,
            epoch: step * self.config.batch / self.actor.prompts(),
            loss: updates.loss / updates.done.max(1) as f64,
            learning_rate: learning_rate(&self.config.run.optimiser, step, self.config.batches),
            gradient_norm: updates.gradient_norm / updates.done.max(1) as f64,
            tokens: answers.iter().map(|a| a.example.len()).sum(),
            tokens_per_second: 0.0,
            eta_seconds: 0.0,
            figures,
        }
    }
}

impl Updates {
    fn add(&mut self, result: &StepGradients, norm: f64, tokens: usize) {
        self.figures.add(&result.figures);
        self.tokens += tokens;
        self.loss += result.loss;
        self.gradient_norm += norm;
        self.done += 1;
    }
}

/// The prompts of batch `step`: one shuffle of all after the other, each from the seed and its number.
fn drawn(prompts: usize, batch: usize, step: usize, seed: u64) -> Vec<usize> {
    let mut all = Vec::with_capacity(batch);
    let mut shuffled: (usize, Vec<usize>) = (usize::MAX, Vec::new());
    for place in step * batch..(step + 1) * batch {
        let pass = place / prompts;
        if shuffled.0 != pass {
            let mut order: Vec<usize> = (0..prompts).collect();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(pass as u64 + 1);
            order.shuffle(&mut rng);
            shuffled = (pass, order);
        }
        all.push(shuffled.1[place % prompts]);
    }
    all
}
