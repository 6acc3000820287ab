//! The way back of a forward pass on the CPU: what was done, in order, and gradients that go through it once.
//!
//! candle keeps such a graph itself, and its backward begins every tensor's gradient with zeros and adds to them over a
//! pool of threads that spins. Here a gradient that comes first is taken as it is, later ones are added in place, and
//! all of it happens on the thread that asks.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::{CustomOp1, CustomOp2, CustomOp3, Result, Tensor, TensorId, bail};

use super::ops::{AddInPlace, Sum};

/// Where the gradient of a tensor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nowhere: nothing before it is trained.
    Frozen,
    /// To a variable.
    Variable(TensorId),
    /// Through a step of the tape.
    Step(usize),
}

/// A tensor of a pass, and where its gradient goes.
#[derive(Debug, Clone)]
pub(super) struct Traced {
    pub(super) value: Tensor,
    pub(super) origin: Origin,
}

impl Traced {
    /// Nothing that leads to `value` is trained, or candle keeps the way itself.
    pub(super) fn frozen(value: Tensor) -> Self {
        Self {
            value,
            origin: Origin::Frozen,
        }
    }

    /// Whether a gradient is wanted.
    pub(super) fn leads_back(&self) -> bool {
        self.origin != Origin::Frozen
    }
}

/// From the gradient of a step's result to those of what went in; at most three.
type Back = Box<dyn FnOnce(&Tensor) -> Result<[Option<Tensor>; 3]> + Send>;

struct Step {
    inputs: [Origin; 3],
    back: Back,
}

/// The steps of one pass.
#[derive(Default)]
pub(super) struct Tape(RefCell<Vec<Step>>);

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a tape of {} steps", self.0.borrow().len())
    }
}

impl Tape {
    /// `op(x)`.
    pub(super) fn one(&self, op: impl CustomOp1 + Send + 'static, x: &Traced) -> Result<Traced> {
        let y = x.value.apply_op1_no_bwd(&op)?;
        let (input, out) = (x.value.clone(), y.clone());
        let back = move |dy: &Tensor| Ok([op.bwd(&input, &out, dy)?, None, None]);
        Ok(self.keep(y, [x.origin, Origin::Frozen, Origin::Frozen], back))
    }

    /// `op(a, b)`.
    pub(super) fn two(
        &self,
        op: impl CustomOp2 + Send + 'static,
        [a, b]: [&Traced; 2],
    ) -> Result<Traced> {
        let y = a.value.apply_op2_no_bwd(&b.value, &op)?;
        let (inputs, out) = ([a, b].map(|x| x.value.clone()), y.clone());
        let back = move |dy: &Tensor| {
            let (da, db) = op.bwd(&inputs[0], &inputs[1], &out, dy)?;
            Ok([da, db, None])
        };
        Ok(self.keep(y, [a.origin, b.origin, Origin::Frozen], back))
    }

    /// `op(a, b, c)`.
    pub(super) fn three(
        &self,
        op: impl CustomOp3 + Send + 'static,
        [a, b, c]: [&Traced; 3],
    ) -> Result<Traced> {
        let y = a.value.apply_op3_no_bwd(&b.value, &c.value, &op)?;
        let (inputs, out) = ([a, b, c].map(|x| x.value.clone()), y.clone());
        let back = move |dy: &Tensor| {
            let (da, db, dc) = op.bwd(&inputs[0], &inputs[1], &inputs[2], &out, dy)?;
            Ok([da, db, dc])
        };
        Ok(self.keep(y, [a.origin, b.origin, c.origin], back))
    }

    /// `value`, with a step if anything before it is trained.
    fn keep(
        &self,
        value: Tensor,
        inputs: [Origin; 3],
        back: impl FnOnce(&Tensor) -> Result<[Option<Tensor>; 3]> + Send + 'static,
    ) -> Traced {
        if inputs.iter().all(|input| *input == Origin::Frozen) {
            return Traced::frozen(value);
        }
        let mut steps = self.0.borrow_mut();
        steps.push(Step {
            inputs,
            back: Box::new(back),
        });
        let origin = Origin::Step(steps.len() - 1);
        Traced { value, origin }
    }

    /// Gradients of the variables, given that of the tensor whose origin is `from`. A step lets go of what it kept
    /// as soon as it has been gone through.
    pub(super) fn backward(self, from: Origin, gradient: Tensor) -> Result<Gradients> {
        let mut steps = self.0.into_inner();
        let mut waiting: Vec<Gradient> = steps.iter().map(|_| Gradient::None).collect();
        let mut variables = Gradients::default();
        let mut give = |waiting: &mut [Gradient], to: Origin, gradient: Tensor| match to {
            Origin::Frozen => Ok(()),
            Origin::Variable(id) => variables.0.entry(id).or_default().add(gradient),
            Origin::Step(step) => match waiting.get_mut(step) {
                Some(sum) => sum.add(gradient),
                None => bail!("a step of a tape takes from step {step}, which comes after it"),
            },
        };
        give(&mut waiting, from, gradient)?;
        while let Some(Step { inputs, back }) = steps.pop() {
            let Some(gradient) = waiting.pop().and_then(Gradient::sum) else {
                continue;
            };
            for (input, gradient) in inputs.into_iter().zip(back(&gradient)?) {
                if let Some(gradient) = gradient {
                    give(&mut waiting, input, gradient)?;
                }
            }
        }
        Ok(variables)
    }
}

/// Gradients of variables.
#[derive(Default)]
pub(super) struct Gradients(HashMap<TensorId, Gradient>);

impl Gradients {
    /// That of a variable, if the pass leads to it.
    pub(super) fn take(&mut self, variable: &Tensor) -> Option<Tensor> {
        self.0.remove(&variable.id()).and_then(Gradient::sum)
    }
}

/// A gradient that is added up.
#[derive(Default)]
enum Gradient {
    #[default]
    None,
    /// One, whose numbers may be another's, too.
    One(Tensor),
    /// A sum that nobody else sees.
    Own(Tensor),
}

impl Gradient {
    fn add(&mut self, gradient: Tensor) -> Result<()> {
        *self = match std::mem::take(self) {
            Self::None => Self::One(gradient),
            Self::One(first) => Self::Own(first.apply_op2_no_bwd(&gradient, &Sum)?),
            Self::Own(sum) => {
                sum.inplace_op2(&gradient, &AddInPlace)?;
                Self::Own(sum)
            }
        };
        Ok(())
    }

    fn sum(self) -> Option<Tensor> {
        match self {
            Self::None => None,
            Self::One(sum) | Self::Own(sum) => Some(sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::super::ops::{Scale, Times};
    use super::*;

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// `y = x w + x + 3 x`, and what is used more than once gets the sum, unmixed with what it shares numbers with.
    #[test]
    fn gradients_add_up_and_stay_apart() {
        let var = |v: &[f32]| Var::new(v, &Device::Cpu).unwrap();
        let (x, w) = (var(&[2.0, -1.0]), var(&[5.0, 0.5]));
        let traced = |var: &Var| Traced {
            value: var.as_detached_tensor(),
            origin: Origin::Variable(var.id()),
        };
        let (tx, tw) = (traced(&x), traced(&w));
        let tape = Tape::default();
        let product = tape.two(Times, [&tx, &tw]).unwrap();
        let sum = tape.two(Sum, [&product, &tx]).unwrap();
        let tripled = tape.one(Scale(3.0), &tx).unwrap();
        let y = tape.two(Sum, [&sum, &tripled]).unwrap();
        assert_eq!(numbers(&y.value), [18.0, -4.5]);
        let frozen = Traced::frozen(x.as_detached_tensor());
        assert!(!tape.one(Scale(2.0), &frozen).unwrap().leads_back());
        let ones = Tensor::new(&[1f32, 1.0], &Device::Cpu).unwrap();
        let mut gradients = tape.backward(y.origin, ones.clone()).unwrap();
        assert_eq!(numbers(&gradients.take(&x).unwrap()), [9.0, 4.5]);
        assert_eq!(numbers(&gradients.take(&w).unwrap()), [2.0, -1.0]);
        assert_eq!(numbers(&ones), [1.0, 1.0]);
    }

    #[test]
    fn what_does_not_lead_to_the_end_gets_nothing() {
        let x = Var::new(&[2f32], &Device::Cpu).unwrap();
        let traced = Traced {
            value: x.as_detached_tensor(),
            origin: Origin::Variable(x.id()),
        };
        let tape = Tape::default();
        let end = tape.one(Scale(2.0), &traced).unwrap();
        tape.one(Scale(7.0), &traced).unwrap();
        let one = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        let mut gradients = tape.backward(end.origin, one).unwrap();
        assert_eq!(numbers(&gradients.take(&x).unwrap()), [2.0]);
    }
}
