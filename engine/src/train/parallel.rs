//! Data parallelism: every worker differentiates its share, the gradients are added up in a fixed order.

use std::thread::ScopedJoinHandle;

use candle_core::{InplaceOp2, Tensor};

use super::forward::TrainModel;
use super::grad_check;
use super::metrics::Figures;
use super::ops::with_floats;
use super::optimiser::Gradients;
use crate::{Error, Result};

/// What a share of a step gives.
#[derive(Debug)]
pub(super) struct ShareLoss {
    /// The share's part of the step's mean loss.
    pub(super) loss: Tensor,
    /// Sums over the share's examples.
    pub(super) figures: Figures,
}

/// What a step gives.
#[derive(Debug)]
pub(super) struct StepGradients {
    pub(super) loss: f64,
    pub(super) figures: Figures,
    pub(super) gradients: Gradients,
}

/// Takes a thread's answer; its panic goes on here.
pub(super) fn join<T>(handle: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Runs `work` on every share, one thread each; answers in order of the shares.
pub(super) fn for_each_share<T: Send>(
    shares: &[Vec<usize>],
    work: impl Fn(&[usize]) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    if let [share] = shares {
        return Ok(vec![work(share)?]);
    }
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = shares
            .iter()
            .map(|share| scope.spawn(move || work(share)))
            .collect();
        running.into_iter().map(join).collect()
    })
}

/// The mean loss of a step and its gradients.
pub(super) fn differentiate(
    model: &TrainModel,
    shares: &[Vec<usize>],
    loss_of: impl Fn(&[usize]) -> Result<ShareLoss> + Sync,
) -> Result<StepGradients> {
    let parts = for_each_share(shares, |share| {
        let ShareLoss { loss, figures } = loss_of(share)?;
        let mut store = loss.backward()?;
        let gradients: Vec<Option<Tensor>> =
            model.vars().values().map(|var| store.remove(var)).collect();
        Ok((
            f64::from(loss.to_scalar::<f32>()?),
            figures,
            grad_check::all(model.vars(), gradients)?,
        ))
    })?;
    let mut parts = parts.into_iter();
    let Some((loss, figures, gradients)) = parts.next() else {
        return Err(Error::option("data", "a step has no examples"));
    };
    let mut sum = StepGradients {
        loss,
        figures,
        gradients,
    };
    for (loss, figures, gradients) in parts {
        sum.loss += loss;
        sum.figures.add(&figures);
        for (sum, gradient) in sum.gradients.iter_mut().zip(gradients) {
            if sum.device().is_cpu() {
                *sum = sum.contiguous()?;
                sum.inplace_op2(&gradient.contiguous()?, &Add)?;
            } else {
                *sum = (&*sum + gradient)?;
            }
        }
    }
    Ok(sum)
}

struct Add;

impl InplaceOp2 for Add {
    fn name(&self) -> &'static str {
        "add-in-place"
    }

    fn cpu_fwd(
        &self,
        a: &mut candle_core::CpuStorage,
        a_at: &candle_core::Layout,
        b: &candle_core::CpuStorage,
        b_at: &candle_core::Layout,
    ) -> candle_core::Result<()> {
        with_floats(a, a_at, [(b, b_at)], |a, [b]| {
            for (a, b) in a.iter_mut().zip(b) {
                *a += b;
            }
        })
    }
}
