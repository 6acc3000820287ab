//! AdamW with decoupled decay (Loshchilov and Hutter 2019), its schedule, and clipping.

use candle_core::{CpuStorage, DType, InplaceOp2, InplaceOp3, Layout, Tensor, Var};

use super::ops::{square_sum, with_floats};
use super::parallel::Team;
use super::params::{NamedTensors, NamedVars};
use crate::types::OptimiserConfig;
use crate::{Error, Result};

/// How a checkpoint names the two running means of a variable.
pub(super) const MOMENTS: [&str; 2] = ["first", "second"];

/// Gradients in the order of the variables' names.
pub type Gradients = Vec<Tensor>;

/// The learning rate of `step` (from zero) of `total`: linear warm-up, then a half cosine.
pub fn learning_rate(config: &OptimiserConfig, step: usize, total: usize) -> f64 {
    let warm_up = (config.warm_up * total as f64).round();
    let step = step as f64;
    if step < warm_up {
        return config.learning_rate * (step + 1.0) / warm_up;
    }
    let progress = (step - warm_up) / (total as f64 - warm_up).max(1.0);
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos());
    config.learning_rate * (config.final_rate + (1.0 - config.final_rate) * cosine)
}

/// The Euclidean norm of all gradients together.
pub fn global_norm(gradients: &[Tensor]) -> Result<f64> {
    let mut total = 0.0;
    for gradient in gradients {
        total += if gradient.device().is_cpu() {
            square_sum(gradient)?
        } else {
            f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?)
        };
    }
    Ok(total.sqrt())
}

/// The two running means of one variable.
#[derive(Debug)]
struct Moments {
    first: Tensor,
    second: Tensor,
}

/// A variable with its means, its gradient and its learning rate.
type Change<'a> = ((&'a Var, &'a Moments), (&'a Tensor, f64));

/// AdamW over variables in the order of their names.
#[derive(Debug)]
pub struct AdamW {
    config: OptimiserConfig,
    moments: Vec<Moments>,
    /// What the learning rate is multiplied by for each variable.
    factors: Vec<f64>,
    steps: usize,
}

impl AdamW {
    /// Means at zero.
    pub fn new(config: &OptimiserConfig, vars: &NamedVars) -> Result<Self> {
        let zeros = |var: &Tensor| Tensor::zeros(var.shape(), DType::F32, var.device());
        let moments = vars
            .values()
            .map(|var| {
                Ok(Moments {
                    first: zeros(var)?,
                    second: zeros(var)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            config: config.clone(),
            moments,
            factors: vec![1.0; vars.len()],
            steps: 0,
        })
    }

    /// This optimiser with another multiple of the learning rate for the variables whose names begin with
    /// `prefix`.
    pub fn with_factor(mut self, vars: &NamedVars, prefix: &str, factor: f64) -> Self {
        for (name, own) in vars.keys().zip(&mut self.factors) {
            if name.starts_with(prefix) {
                *own = factor;
            }
        }
        self
    }

    /// Steps done.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Moves every variable against its gradient and returns the gradients' norm before clipping. The
    /// work is shared between the workers of `team`.
    pub(super) fn step(
        &mut self,
        vars: &NamedVars,
        gradients: &[Tensor],
        rate: f64,
        team: &Team,
    ) -> Result<f64> {
        let norm = global_norm(gradients)?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        self.steps += 1;
        let clip = self.config.clip;
        let scale = if clip > 0.0 && norm > clip {
            clip / norm
        } else {
            1.0
        };
        let rates = self.factors.iter().map(|factor| rate * factor);
        let places = vars.values().zip(&self.moments);
        let work: Vec<_> = places.zip(gradients.iter().zip(rates)).collect();
        let update = |part: &[Change<'_>]| -> Result<()> {
            for &((var, moments), (gradient, rate)) in part {
                if var.device().is_cpu() {
                    self.update(var, moments, gradient, rate, scale)?;
                } else {
                    self.update_plain(var, moments, gradient, rate, scale)?;
                }
            }
            Ok(())
        };
        // Every so manieth variable each: neighbours in the order of names have like sizes.
        let mut parts = vec![Vec::new(); team.size()];
        for (index, item) in work.into_iter().enumerate() {
            parts[index % team.size()].push(item);
        }
        team.each(&parts, |part| update(part))?;
        Ok(norm)
    }

    fn update(
        &self,
        var: &Tensor,
        moments: &Moments,
        gradient: &Tensor,
        rate: f64,
        scale: f64,
    ) -> Result<()> {
        let config = &self.config;
        let step = self.steps as i32;
        let correction = (1.0 - config.beta1.powi(step), 1.0 - config.beta2.powi(step));
        let decay = if var.rank() > 1 {
            1.0 - rate * config.weight_decay
        } else {
            1.0
        };
        let gradient = gradient.contiguous()?;
        moments.first.inplace_op2(
            &gradient,
            &RunningMean {
                beta: config.beta1 as f32,
                scale: scale as f32,
            },
        )?;
        moments.second.inplace_op2(
            &gradient,
            &RunningSquare {
                beta: config.beta2 as f32,
                scale: scale as f32,
            },
        )?;
        let descent = Descent {
            decay: decay as f32,
            rate: (rate / correction.0) as f32,
            second: (1.0 / correction.1) as f32,
            eps: config.eps as f32,
        };
        Ok(var.inplace_op3(&moments.first, &moments.second, &descent)?)
    }

    /// The update in candle's own operations, on any device.
    fn update_plain(
        &self,
        var: &Var,
        moments: &Moments,
        gradient: &Tensor,
        rate: f64,
        scale: f64,
    ) -> Result<()> {
        let OptimiserConfig {
            beta1, beta2, eps, ..
        } = self.config;
        let step = self.steps as i32;
        let gradient = (gradient.detach() * scale)?;
        let first = ((&moments.first * beta1)? + (&gradient * (1.0 - beta1))?)?;
        let second = ((&moments.second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
        let decay = if var.rank() > 1 {
            1.0 - rate * self.config.weight_decay
        } else {
            1.0
        };
        let root = ((&second * (1.0 / (1.0 - beta2.powi(step))))?.sqrt()? + eps)?;
        let descent = ((&first * (rate / (1.0 - beta1.powi(step))))? / root)?;
        var.set(&((var.as_detached_tensor() * decay)? - descent)?)?;
        moments.first.slice_set(&first, 0, 0)?;
        moments.second.slice_set(&second, 0, 0)?;
        Ok(())
    }

    /// The means by name, for a checkpoint.
    pub fn state(&self, vars: &NamedVars) -> NamedTensors {
        let named = vars.keys().zip(&self.moments);
        named
            .flat_map(|(name, m)| {
                let moments = [m.first.clone(), m.second.clone()];
                let named = MOMENTS.into_iter().zip(moments);
                named.map(move |(moment, tensor)| (format!("{name}.{moment}"), tensor))
            })
            .collect()
    }

    /// Goes on from [`AdamW::state`] after `steps` steps.
    pub fn restore(&mut self, vars: &NamedVars, state: &NamedTensors, steps: usize) -> Result<()> {
        let find = |name: String| {
            state.get(&name).cloned().ok_or(Error::MissingTensor {
                path: "optimiser state".into(),
                tensor: name,
            })
        };
        for ((name, var), moments) in vars.iter().zip(&mut self.moments) {
            *moments = Moments {
                first: find(format!("{name}.{}", MOMENTS[0]))?.to_device(var.device())?,
                second: find(format!("{name}.{}", MOMENTS[1]))?.to_device(var.device())?,
            };
        }
        self.steps = steps;
        Ok(())
    }
}

struct RunningMean {
    beta: f32,
    scale: f32,
}

impl InplaceOp2 for RunningMean {
    fn name(&self) -> &'static str {
        "running-mean"
    }

    fn cpu_fwd(
        &self,
        m: &mut CpuStorage,
        m_at: &Layout,
        g: &CpuStorage,
        g_at: &Layout,
    ) -> candle_core::Result<()> {
        let fresh = (1.0 - self.beta) * self.scale;
        with_floats(m, m_at, [(g, g_at)], |m, [g]| {
            for (m, g) in m.iter_mut().zip(g) {
                *m = self.beta * *m + fresh * g;
            }
        })
    }
}

struct RunningSquare {
    beta: f32,
    scale: f32,
}

impl InplaceOp2 for RunningSquare {
    fn name(&self) -> &'static str {
        "running-square"
    }

    fn cpu_fwd(
        &self,
        v: &mut CpuStorage,
        v_at: &Layout,
        g: &CpuStorage,
        g_at: &Layout,
    ) -> candle_core::Result<()> {
        let fresh = (1.0 - self.beta) * self.scale * self.scale;
        with_floats(v, v_at, [(g, g_at)], |v, [g]| {
            for (v, g) in v.iter_mut().zip(g) {
                *v = self.beta * *v + fresh * g * g;
            }
        })
    }
}

struct Descent {
    decay: f32,
    rate: f32,
    second: f32,
    eps: f32,
}

impl InplaceOp3 for Descent {
    fn name(&self) -> &'static str {
        "descent"
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        p_at: &Layout,
        m: &CpuStorage,
        m_at: &Layout,
        v: &CpuStorage,
        v_at: &Layout,
    ) -> candle_core::Result<()> {
        with_floats(p, p_at, [(m, m_at), (v, v_at)], |p, [m, v]| {
            for (p, (m, v)) in p.iter_mut().zip(m.iter().zip(v)) {
                *p = *p * self.decay - self.rate * m / ((v * self.second).sqrt() + self.eps);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use candle_nn::Optimizer as _;

    use super::*;

    /// The form for other devices against the kernels, over steps in which both means matter.
    #[test]
    fn the_plain_form_agrees_with_the_kernels() {
        let config = OptimiserConfig {
            weight_decay: 0.1,
            ..OptimiserConfig::default()
        };
        let start = Tensor::new(&[[1f32, -2.0], [0.5, 3.0]], &Device::Cpu).unwrap();
        let var = || Var::from_tensor(&start.copy().unwrap()).unwrap();
        let (fast, plain) = (var(), var());
        let optimiser = |var: &Var| {
            let vars = NamedVars::from([("w".to_owned(), var.clone())]);
            AdamW::new(&config, &vars).unwrap()
        };
        let (mut a, mut b) = (optimiser(&fast), optimiser(&plain));
        for step in 1..6 {
            let gradient = (start.sin().unwrap() * step as f64).unwrap();
            (a.steps, b.steps) = (step, step);
            a.update(&fast, &a.moments[0], &gradient, 0.1, 0.5).unwrap();
            b.update_plain(&plain, &b.moments[0], &gradient, 0.1, 0.5)
                .unwrap();
            let flat = |var: &Var| var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (fast, plain) in flat(&fast).iter().zip(flat(&plain)) {
                assert!(
                    (fast - plain).abs() < 1e-6,
                    "step {step}: {plain} vs {fast}"
                );
            }
        }
    }

    #[test]
    fn agrees_with_candle_on_a_quadratic() {
        let config = OptimiserConfig {
            weight_decay: 0.1,
            clip: 0.0,
            ..OptimiserConfig::default()
        };
        let start = Tensor::new(&[[1f32, -2.0], [0.5, 3.0]], &Device::Cpu).unwrap();
        let (ours, theirs) = (
            Var::from_tensor(&start).unwrap(),
            Var::from_tensor(&start.copy().unwrap()).unwrap(),
        );
        let vars = NamedVars::from([("w".to_owned(), ours.clone())]);
        let mut adam = AdamW::new(&config, &vars).unwrap();
        let theirs_config = candle_nn::ParamsAdamW {
            lr: 0.05,
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.eps,
            weight_decay: 0.1,
        };
        let mut reference = candle_nn::AdamW::new(vec![theirs.clone()], theirs_config).unwrap();
        let team = Team::new(2).unwrap();
        for _ in 0..20 {
            let loss = |v: &Var| v.sqr().unwrap().sum_all().unwrap();
            let gradients = vec![loss(&ours).backward().unwrap().get(&ours).unwrap().clone()];
            adam.step(&vars, &gradients, 0.05, &team).unwrap();
            reference.backward_step(&loss(&theirs)).unwrap();
        }
        let difference = (ours.as_tensor() - theirs.as_tensor())
            .unwrap()
            .abs()
            .unwrap()
            .max_all()
            .unwrap();
        assert!(
            difference.to_scalar::<f32>().unwrap() < 1e-5,
            "{ours} {theirs}"
        );
    }

    #[test]
    fn clipping_makes_scale_irrelevant() {
        let config = OptimiserConfig {
            clip: 1.0,
            ..OptimiserConfig::default()
        };
        let ends: Vec<Vec<f32>> = [1.0, 100.0]
            .map(|scale| {
                let var = Var::new(&[1f32, 2.0, 3.0], &Device::Cpu).unwrap();
                let vars = NamedVars::from([("w".to_owned(), var.clone())]);
                let gradient =
                    (Tensor::new(&[3f32, -4.0, 12.0], &Device::Cpu).unwrap() * scale).unwrap();
                let norm = AdamW::new(&config, &vars)
                    .unwrap()
                    .step(&vars, &[gradient], 0.1, &Team::new(1).unwrap())
                    .unwrap();
                assert!((norm - 13.0 * scale).abs() < 1e-3);
                var.to_vec1().unwrap()
            })
            .to_vec();
        assert_eq!(ends[0], ends[1]);
    }

    #[test]
    fn the_rate_warms_up_and_cools_down() {
        let config = OptimiserConfig {
            learning_rate: 1.0,
            warm_up: 0.1,
            final_rate: 0.2,
            ..OptimiserConfig::default()
        };
        let rates: Vec<f64> = (0..100).map(|s| learning_rate(&config, s, 100)).collect();
        assert!((rates[0] - 0.1).abs() < 1e-12 && (rates[9] - 1.0).abs() < 1e-12);
        assert!(rates[10..].is_sorted_by(|a, b| a >= b));
        assert!((rates[99] - 0.2).abs() < 1e-3);
    }
}
