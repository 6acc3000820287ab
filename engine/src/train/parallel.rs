//! Data parallelism: every worker differentiates its share, the gradients are added up in a fixed order.

use candle_core::Tensor;
use rayon::ThreadPool;

use super::forward::TrainModel;
use super::grad_check;
use super::metrics::Figures;
use super::ops::AddInPlace;
use super::optimiser::Gradients;
use super::trace::Pass;
use crate::{Error, Result};

/// What a share of a step gives.
#[derive(Debug)]
pub(super) struct ShareLoss {
    /// The share's part of the step's mean loss.
    pub(super) loss: Tensor,
    /// What it was made of.
    pub(super) pass: Pass,
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

/// The workers of a run. Each has a thread in a pool of its own: what is parallel within a share stays there, and away
/// from the threads that rows are answered with.
#[derive(Debug)]
pub(super) struct Team(Vec<ThreadPool>);

impl Team {
    /// So many workers, at least one.
    pub(super) fn new(workers: usize) -> Result<Self> {
        (0..workers.max(1))
            .map(|_| thread_pool(1))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// How many they are.
    pub(super) fn size(&self) -> usize {
        self.0.len()
    }

    /// Runs `work` on every share, one worker each; answers in order of the shares.
    pub(super) fn each<S: Sync, T: Send>(
        &self,
        shares: &[S],
        work: impl Fn(&S) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut answers: Vec<Option<Result<T>>> = shares.iter().map(|_| None).collect();
        self.hand_out(0, shares, &mut answers, &work);
        answers.into_iter().flatten().collect()
    }

    /// Gives the first share to a worker and, while that is at it, the others to the workers after it.
    fn hand_out<S: Sync, T: Send>(
        &self,
        worker: usize,
        shares: &[S],
        answers: &mut [Option<T>],
        work: &(impl Fn(&S) -> T + Sync),
    ) {
        let ([share, shares @ ..], [answer, answers @ ..]) = (shares, answers) else {
            return;
        };
        self.0[worker % self.size()].in_place_scope(|scope| {
            scope.spawn(|_| *answer = Some(work(share)));
            self.hand_out(worker + 1, shares, answers, work);
        });
    }
}

/// A pool of so many threads, apart from the one that rows have.
pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|refused| Error::Thread {
            name: "training",
            source: std::io::Error::other(format!("{threads} threads: {refused}")),
        })
}

/// The mean loss of a step and its gradients.
pub(super) fn differentiate(
    model: &TrainModel,
    team: &Team,
    shares: &[Vec<usize>],
    loss_of: impl Fn(&[usize]) -> Result<ShareLoss> + Sync,
) -> Result<StepGradients> {
    let parts = team.each(shares, |share| {
        let ShareLoss {
            loss,
            pass,
            figures,
        } = loss_of(share)?;
        let gradients = model.gradients(&loss, pass)?;
        Ok((
            f64::from(loss.to_scalar::<f32>()?),
            figures,
            grad_check::all(model.vars(), gradients)?,
        ))
    })?;
    let mut parts = parts.into_iter();
    let Some((loss, figures, gradients)) = parts.next() else {
        return Err(Error::internal(
            "a step of training has no examples; it takes at least one",
        ));
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
                sum.inplace_op2(&gradient.contiguous()?, &AddInPlace)?;
            } else {
                *sum = (&*sum + gradient)?;
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each share has a thread, what is parallel within it stays there, and answers keep their order, also where there
    /// are more shares than workers.
    #[test]
    fn workers_have_a_thread_each() {
        use rayon::prelude::*;
        let team = Team::new(3).unwrap();
        let at = || std::thread::current().id();
        let shares = [0, 1, 2, 3, 4];
        let seen = team
            .each(&shares, |&share| {
                let inner: Vec<_> = (0..64).into_par_iter().map(|_| at()).collect();
                assert!(inner.iter().all(|thread| *thread == at()));
                Ok((share, at()))
            })
            .unwrap();
        assert!(seen.iter().map(|(share, _)| *share).eq(shares));
        let thread = |share: usize| seen[share].1;
        assert!(thread(0) != thread(1) && thread(1) != thread(2) && thread(0) == thread(3));
        let failed = team.each(&shares, |&share| match share {
            2 => Err(Error::Cancelled),
            _ => Ok(()),
        });
        assert!(matches!(failed, Err(Error::Cancelled)));
    }
}
