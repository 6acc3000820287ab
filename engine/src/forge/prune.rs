//! Global magnitude pruning: one threshold over all linear projections of a model (HoE, appendix D.1).

use rayon::prelude::*;

use super::partial::Partial;
use super::select::{Selection, Target, magnitude, magnitude_key};
use super::{Stage, Tell};
use crate::{Bounds, Error, Result};

/// Checks a share to prune: 0 up to, but not including, 1.
pub fn check_share(name: &str, share: f64) -> Result<()> {
    let bounds = Bounds::at_least(0.0).below(1.0);
    bounds.check(share).map_err(|e| Error::option(name, e))
}

/// The `int(share · n)`-th smallest (from zero) of the `n` magnitudes of all tensors together, exactly.
/// What equals it is kept.
///
/// `counts` are the numbers per tensor; `read` gives one, and is called once per tensor and pass
/// (at most two passes). Besides one tensor it holds a few MiB.
pub fn threshold(
    share: f64,
    counts: &[usize],
    read: &mut dyn FnMut(usize) -> Result<Vec<f32>>,
    tell: Tell<'_>,
) -> Result<f32> {
    threshold_kept(share, counts, read, None, tell)
}

/// [`threshold`] that keeps what each pass found, and goes on from it.
pub(super) fn threshold_kept(
    share: f64,
    counts: &[usize],
    read: &mut dyn FnMut(usize) -> Result<Vec<f32>>,
    partial: Option<&Partial>,
    tell: Tell<'_>,
) -> Result<f32> {
    const FIGURE: &str = "threshold-search";
    let total: u64 = counts.iter().map(|&count| count as u64).sum();
    if share == 0.0 || total == 0 {
        return Ok(0.0);
    }
    let target = Target {
        stream: 0,
        rank: ((share * total as f64) as u64).min(total - 1),
    };
    let mut selection = Selection::new(32, &[target], &[total]);
    if let Some(standing) = partial.and_then(|partial| partial.figure::<Vec<_>>(FIGURE)) {
        selection.go_on(&standing);
    }
    let mut stage = Stage::new("threshold", total, tell)?;
    while !selection.done() {
        stage.restart()?;
        for (index, &count) in counts.iter().enumerate() {
            selection.feed(0, &read(index)?, magnitude_key);
            stage.advance(count as u64)?;
        }
        selection.end_pass();
        if let Some(partial) = partial {
            partial.keep_figure(FIGURE, &selection.standing())?;
        }
    }
    Ok(magnitude(selection.keys()[0]))
}

/// Sets to zero what is below the threshold; returns how many numbers are left as they were.
pub fn prune(values: &mut [f32], threshold: f32) -> usize {
    values
        .par_iter_mut()
        .map(|value| {
            if value.abs() < threshold {
                *value = 0.0;
                0
            } else {
                1
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_keeps_exactly_the_asked_share_and_all_ties(
            tensors in prop::collection::vec(prop::collection::vec(-6i8..6, 0..40), 1..5),
            share in 0.0f64..0.999,
        ) {
            let tensors: Vec<Vec<f32>> = tensors
                .iter()
                .map(|t| t.iter().map(|v| f32::from(*v) * 0.25).collect())
                .collect();
            let counts: Vec<usize> = tensors.iter().map(Vec::len).collect();
            let total: usize = counts.iter().sum();
            let found = threshold(share, &counts, &mut |i| Ok(tensors[i].clone()), &mut |_| Ok(())).unwrap();

            let mut sorted: Vec<f32> = tensors.concat().iter().map(|v| v.abs()).collect();
            sorted.sort_by(f32::total_cmp);
            let dropped = (share * total as f64) as usize;
            if dropped > 0 && total > 0 {
                prop_assert_eq!(found, sorted[dropped]);
            }
            let kept: usize = tensors.iter().cloned().map(|mut t| prune(&mut t, found)).sum();
            prop_assert_eq!(kept, sorted.iter().filter(|v| **v >= found).count());
            // At least the asked share is kept; more only where magnitudes tie.
            prop_assert!(kept >= total - dropped);
        }
    }

    #[test]
    fn shares_outside_are_refused() {
        assert!(check_share("--prune", 0.0).is_ok() && check_share("--prune", 0.999).is_ok());
        for wrong in [-0.1, 1.0, 2.0, f64::NAN] {
            assert!(check_share("--prune", wrong).unwrap_err().is_input());
        }
    }

    #[test]
    fn whoever_listens_can_stop_it() {
        let stop = &mut |_: super::super::Progress| Err(Error::Cancelled);
        let stopped = threshold(0.5, &[3], &mut |_| Ok(vec![1.0; 3]), stop);
        assert!(matches!(stopped, Err(Error::Cancelled)));
    }
}
