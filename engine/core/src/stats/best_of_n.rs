//! The best of n answers, exactly: what it is expected to score when n of a pool are drawn without putting back, for any
//! weights of the objectives and any n, from one pool of scored answers per prompt.

use super::{Result, StatsError};
use crate::types::Summary;

/// The share of draws of `n` of `pool` answers in which each rank is the best, from the worst rank to the best:
/// `C(k-1, n-1) / C(pool, n)` of the k-th (Nakano et al. 2021). They sum to 1.
///
/// # Errors
/// Where `n` is 0 or more than the pool.
pub fn rank_shares(pool: usize, n: usize) -> Result<Vec<f64>> {
    if n == 0 {
        return Err(StatsError::TooFew {
            of: "answers to choose the best of",
            got: 0,
            needed: 1,
        });
    }
    if n > pool {
        return Err(StatsError::TooFew {
            of: "answers in a pool",
            got: pool,
            needed: n,
        });
    }
    let mut shares = vec![0.0; pool];
    // From the best rank down, each share from the one above: factors between 0 and 1, whose product cannot overflow, and
    // is 0 where it is too small for a number.
    let mut share = n as f64 / pool as f64;
    for k in (n..=pool).rev() {
        shares[k - 1] = share;
        share *= (k - n) as f64 / (k - 1).max(1) as f64;
    }
    Ok(shares)
}

/// What the best of `n` by `by` is expected to have of `values`: both lists are of one pool, answer by answer. Answers that are
/// equally good are equally likely to be taken.
///
/// # Errors
/// Where lists differ in length, a number of `by` is not finite, or `n` does not fit the pool.
pub fn best_of_n(by: &[f64], values: &[f64], n: usize) -> Result<f64> {
    if by.len() != values.len() {
        return Err(StatsError::Count {
            name: "best of n".to_owned(),
            of: "values",
            got: values.len(),
            needed: by.len(),
        });
    }
    if let Some(index) = by.iter().position(|value| !value.is_finite()) {
        return Err(StatsError::NotFinite {
            name: "best of n".to_owned(),
            index,
            value: by[index],
        });
    }
    let shares = rank_shares(by.len(), n)?;
    let mut order: Vec<usize> = (0..by.len()).collect();
    order.sort_by(|&a, &b| by[a].total_cmp(&by[b]));
    let mut sum = 0.0;
    let mut done = 0;
    for equal in order.chunk_by(|&a, &b| by[a] == by[b]) {
        let share: f64 = shares[done..done + equal.len()].iter().sum();
        let mean = equal.iter().map(|&at| values[at]).sum::<f64>() / equal.len() as f64;
        sum += share * mean;
        done += equal.len();
    }
    Ok(sum)
}

/// How far the best of `n` is from the policy that it is drawn from, at most, in nats: `ln n - (n - 1) / n` (Beirami et al.
/// 2024 show that it is a bound).
pub fn best_of_n_kl(n: usize) -> f64 {
    let n = n.max(1) as f64;
    n.ln() - (n - 1.0) / n
}

/// The scored answers to one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// What is chosen by, answer by answer: standardised scores of the objectives that have weights.
    pub z: Vec<Vec<f64>>,
    /// What is reported, answer by answer: raw scores of any objectives, those of scorers that choose nothing among them.
    pub values: Vec<Vec<f64>>,
}

impl Pool {
    /// The expected values of the best of `n` by `Σ w z`, one per column of [`Pool::values`].
    ///
    /// # Errors
    /// As [`best_of_n`], and where an answer's numbers are more or fewer than the weights or the first answer's.
    pub fn best(&self, weights: &[f64], n: usize) -> Result<Vec<f64>> {
        let width = self.values.first().map_or(0, Vec::len);
        let count = |of, got, needed| StatsError::Count {
            name: "a pool's answer".to_owned(),
            of,
            got,
            needed,
        };
        if let Some(other) = self.z.iter().find(|z| z.len() != weights.len()) {
            return Err(count("scores, one per weight,", other.len(), weights.len()));
        }
        if let Some(other) = self.values.iter().find(|values| values.len() != width) {
            return Err(count("values", other.len(), width));
        }
        let by: Vec<f64> = self
            .z
            .iter()
            .map(|z| z.iter().zip(weights).map(|(z, w)| z * w).sum())
            .collect();
        (0..width)
            .map(|k| {
                let column: Vec<f64> = self.values.iter().map(|values| values[k]).collect();
                best_of_n(&by, &column, n)
            })
            .collect()
    }
}

/// The best of `n` over prompts: per value its mean with the standard error over prompts, each prompt one number.
///
/// # Errors
/// As [`Pool::best`]; [`StatsError::TooFew`] without a prompt.
pub fn best_of_pools(pools: &[Pool], weights: &[f64], n: usize) -> Result<Vec<Summary>> {
    let each: Vec<Vec<f64>> = pools
        .iter()
        .map(|pool| pool.best(weights, n))
        .collect::<Result<_>>()?;
    let Some(first) = each.first() else {
        return Err(StatsError::TooFew {
            of: "prompts with a pool",
            got: 0,
            needed: 1,
        });
    };
    if let Some(other) = each.iter().find(|values| values.len() != first.len()) {
        return Err(StatsError::Count {
            name: "a pool".to_owned(),
            of: "values of an answer",
            got: other.len(),
            needed: first.len(),
        });
    }
    Ok((0..first.len())
        .map(|k| Summary::of(each.iter().map(|values| values[k])))
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The mean over all choices of `n` answers, of those that are best in a choice alike.
    fn by_hand(by: &[f64], values: &[f64], n: usize) -> f64 {
        let (mut sum, mut choices) = (0.0, 0.0);
        for set in 0_u32..1 << by.len() {
            if set.count_ones() as usize != n {
                continue;
            }
            let drawn: Vec<usize> = (0..by.len()).filter(|at| set >> at & 1 == 1).collect();
            let top = drawn
                .iter()
                .map(|&at| by[at])
                .fold(f64::NEG_INFINITY, f64::max);
            let best: Vec<f64> = drawn
                .iter()
                .filter(|&&at| by[at] == top)
                .map(|&at| values[at])
                .collect();
            sum += best.iter().sum::<f64>() / best.len() as f64;
            choices += 1.0;
        }
        sum / choices
    }

    proptest! {
        #[test]
        fn it_is_the_mean_over_all_choices(
            // Few different numbers, so that some are equal.
            pool in prop::collection::vec((-3_i32..3, -50_i32..50), 1..9),
            n in 1_usize..9,
        ) {
            let by: Vec<f64> = pool.iter().map(|(by, _)| f64::from(*by)).collect();
            let values: Vec<f64> = pool.iter().map(|(_, value)| f64::from(*value) / 7.0).collect();
            prop_assume!(n <= pool.len());
            let found = best_of_n(&by, &values, n).unwrap();
            prop_assert!((found - by_hand(&by, &values, n)).abs() < 1e-9);
        }

        #[test]
        fn shares_sum_to_one_and_grow_with_the_rank(pool in 1_usize..3000, n in 1_usize..3000) {
            prop_assume!(n <= pool);
            let shares = rank_shares(pool, n).unwrap();
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(shares.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-12)));
        }

        /// By its own scorer more is never worse; of one it is the mean.
        #[test]
        fn more_is_better_by_what_chooses(values in prop::collection::vec(-5.0..5.0_f64, 1..60)) {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let mut last = best_of_n(&values, &values, 1).unwrap();
            prop_assert!((last - mean).abs() < 1e-9);
            for n in 2..=values.len() {
                let next = best_of_n(&values, &values, n).unwrap();
                prop_assert!(next >= last - 1e-9);
                last = next;
            }
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!((last - most).abs() < 1e-9, "all of them");
        }
    }

    #[test]
    fn large_pools_keep_their_digits() {
        // Ranks 1 to m: the mean of the largest of n of them is n (m + 1) / (n + 1).
        for (m, n) in [(1000, 500), (5000, 3), (5000, 4999), (4, 2)] {
            let ranks: Vec<f64> = (1..=m).map(f64::from).collect();
            let found = best_of_n(&ranks, &ranks, n as usize).unwrap();
            let exact = f64::from(n) * f64::from(m + 1) / f64::from(n + 1);
            assert!(
                (found / exact - 1.0).abs() < 1e-12,
                "{m} {n}: {found} {exact}"
            );
        }
    }

    #[test]
    fn weights_choose_and_other_scorers_are_reported() {
        // The second answer is best by the first objective, the third by the other.
        let pool = Pool {
            z: vec![vec![0.0, 0.0], vec![1.0, -1.0], vec![-1.0, 1.0]],
            values: vec![vec![10.0], vec![20.0], vec![60.0]],
        };
        assert_eq!(pool.best(&[1.0, 0.0], 3).unwrap(), [20.0]);
        assert_eq!(pool.best(&[0.0, 1.0], 3).unwrap(), [60.0]);
        assert_eq!(pool.best(&[0.5, 0.5], 3).unwrap(), [30.0], "all equal");
        assert_eq!(pool.best(&[0.7, 0.3], 1).unwrap(), [30.0]);
        let other = Pool {
            values: vec![vec![1.0]; 3],
            ..pool.clone()
        };
        let found = best_of_pools(&[pool.clone(), other], &[1.0, 0.0], 3).unwrap();
        assert_eq!(found, [Summary::of([20.0, 1.0])]);
        let words = pool.best(&[1.0, 0.0], 4).unwrap_err().to_string();
        assert_eq!(words, "3 answers in a pool, at least 4 needed");
        assert!(pool.best(&[1.0], 2).is_err() && best_of_pools(&[], &[1.0], 1).is_err());
        assert!(best_of_n(&[1.0, f64::NAN], &[1.0, 1.0], 1).is_err());
    }

    #[test]
    fn divergence_is_bounded() {
        assert_eq!(best_of_n_kl(1), 0.0);
        assert!((best_of_n_kl(4) - (4.0_f64.ln() - 0.75)).abs() < 1e-15);
    }
}
