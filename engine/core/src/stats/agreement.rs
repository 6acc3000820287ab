//! Whether people choose alike.

use std::collections::BTreeMap;

/// How far two values of Krippendorff's alpha are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// 1 where they differ.
    Nominal,
    /// The square of their difference.
    Squared,
}

impl Metric {
    fn apart(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Nominal => f64::from(u8::from(a != b)),
            Self::Squared => (a - b).powi(2),
        }
    }
}

/// How often two ratings of one unit are alike, over all pairs of ratings within units, each unit counting once; `None`
/// where no unit has two.
pub fn percent(units: &[Vec<f64>]) -> Option<f64> {
    let shares: Vec<f64> = units
        .iter()
        .filter(|ratings| ratings.len() > 1)
        .map(|ratings| {
            let pairs = pairs(ratings);
            let alike = pairs.iter().filter(|(a, b)| a == b).count();
            alike as f64 / pairs.len() as f64
        })
        .collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// Cohen's kappa (1960) of a square table of counts, one person's choices down, the other's across; `None` where the table
/// is empty or ragged, or chance alone agrees always.
/// ```
/// use paretoscope_core::stats::kappa;
///
/// let table = [[8.0, 1.0, 1.0], [2.0, 5.0, 0.0], [1.0, 1.0, 1.0]];
/// assert_eq!(format!("{:.3}", kappa(&table).unwrap()), "0.489");
/// ```
pub fn kappa(table: &[impl AsRef<[f64]>]) -> Option<f64> {
    let rows: Vec<&[f64]> = table.iter().map(AsRef::as_ref).collect();
    let n: f64 = rows.iter().map(|row| row.iter().sum::<f64>()).sum();
    if rows.iter().any(|row| row.len() != rows.len()) || n <= 0.0 {
        return None;
    }
    let seen: f64 = (0..rows.len()).map(|k| rows[k][k]).sum::<f64>() / n;
    let down = |k: usize| rows[k].iter().sum::<f64>() / n;
    let across = |k: usize| rows.iter().map(|row| row[k]).sum::<f64>() / n;
    let chance: f64 = (0..rows.len()).map(|k| down(k) * across(k)).sum();
    (chance < 1.0).then(|| (seen - chance) / (1.0 - chance))
}

/// Cohen's kappa of two people's ratings of the same units; of several people, the mean over pairs of them (Light 1971).
/// `ratings` hold one map from unit to value per person. `None` where no pair shares enough.
pub fn kappa_of<U: Ord>(ratings: &[BTreeMap<U, f64>]) -> Option<f64> {
    let mut found = Vec::new();
    for (at, one) in ratings.iter().enumerate() {
        for other in &ratings[at + 1..] {
            let both: Vec<(f64, f64)> = one
                .iter()
                .filter_map(|(unit, value)| Some((*value, *other.get(unit)?)))
                .collect();
            let mut values: Vec<f64> = both.iter().flat_map(|(a, b)| [*a, *b]).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            let place = |value: f64| values.iter().position(|v| *v == value);
            let mut table = vec![vec![0.0; values.len()]; values.len()];
            for (a, b) in both {
                if let (Some(a), Some(b)) = (place(a), place(b)) {
                    table[a][b] += 1.0;
                }
            }
            found.extend(kappa(&table));
        }
    }
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
}

/// Krippendorff's alpha (2004): 1 less the disagreement within units over that among all ratings. `units` hold the ratings
/// of a unit, by whomever; units with one rating say nothing. `None` where fewer than two ratings remain, or all are equal.
/// ```
/// use paretoscope_core::stats::{Metric, alpha};
///
/// let (first, second, tie) = (1.0, -1.0, 0.0);
/// let units = [
///     vec![first, first, first],
///     vec![second, second],
///     vec![first, second, second],
///     vec![tie, tie, tie],
///     vec![first, first],
///     vec![second],
/// ];
/// assert_eq!(format!("{:.3}", alpha(&units, Metric::Nominal).unwrap()), "0.778");
/// assert_eq!(format!("{:.3}", alpha(&units, Metric::Squared).unwrap()), "0.619");
/// ```
pub fn alpha(units: &[Vec<f64>], metric: Metric) -> Option<f64> {
    let paired: Vec<&Vec<f64>> = units.iter().filter(|ratings| ratings.len() > 1).collect();
    let all: Vec<f64> = paired.iter().flat_map(|r| r.iter().copied()).collect();
    let n = all.len() as f64;
    // Each pair stands there both ways.
    let apart = |ratings: &[f64]| -> f64 {
        let pairs = pairs(ratings);
        2.0 * pairs.iter().map(|(a, b)| metric.apart(*a, *b)).sum::<f64>()
    };
    let within: f64 = paired
        .iter()
        .map(|ratings| apart(ratings) / (ratings.len() - 1) as f64)
        .sum();
    let seen = within / n;
    let chance = among(&all, metric) / (n * (n - 1.0));
    (chance > 0.0).then(|| 1.0 - seen / chance)
}

/// The sum over all ordered pairs, from the counts of values: files hold many votes and few choices.
fn among(all: &[f64], metric: Metric) -> f64 {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    let counted: Vec<(f64, f64)> = sorted
        .chunk_by(|a, b| a == b)
        .map(|same| (same[0], same.len() as f64))
        .collect();
    let sum = |a: &(f64, f64)| -> f64 {
        let terms = counted.iter().map(|b| a.1 * b.1 * metric.apart(a.0, b.0));
        terms.sum()
    };
    counted.iter().map(sum).sum()
}

fn pairs(ratings: &[f64]) -> Vec<(f64, f64)> {
    let each = ratings.iter().enumerate();
    each.flat_map(|(at, a)| ratings[at + 1..].iter().map(|b| (*a, *b)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn worked_numbers() {
        let table = [[8.0, 1.0, 1.0], [2.0, 5.0, 0.0], [1.0, 1.0, 1.0]];
        // The same twenty units by two people.
        let mut ratings = [BTreeMap::new(), BTreeMap::new()];
        let mut units = Vec::new();
        for (a, row) in table.iter().enumerate() {
            for (b, &count) in row.iter().enumerate() {
                for _ in 0..count as usize {
                    ratings[0].insert(units.len(), a as f64);
                    ratings[1].insert(units.len(), b as f64);
                    units.push(vec![a as f64, b as f64]);
                }
            }
        }
        assert_eq!(percent(&units), Some(0.7));
        assert_eq!(kappa_of(&ratings), kappa(&table));
        let chance = (0.7 - kappa(&table).unwrap()) / (1.0 - kappa(&table).unwrap());
        assert!((chance - 0.4125).abs() < 1e-12);
        assert_eq!(kappa(&[[4.0, 0.0], [0.0, 0.0]]), None);
        assert_eq!(kappa(&[[0.0]]), None);
        assert_eq!(kappa(&[vec![1.0], vec![]]), None);
        assert_eq!(alpha(&[vec![1.0], vec![]], Metric::Nominal), None);
        assert_eq!(percent(&[vec![1.0]]), None);
    }

    fn units() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let rating = (0_u8..3).prop_map(|r| f64::from(r) - 1.0);
        prop::collection::vec(prop::collection::vec(rating, 0..5), 1..20)
    }

    proptest! {
        /// From the definition, pair by pair.
        #[test]
        fn alpha_equals_its_definition(units in units()) {
            for metric in [Metric::Nominal, Metric::Squared] {
                let kept: Vec<&Vec<f64>> = units.iter().filter(|u| u.len() > 1).collect();
                let all: Vec<f64> = kept.iter().flat_map(|u| u.iter().copied()).collect();
                let (mut seen, mut chance) = (0.0, 0.0);
                for unit in &kept {
                    for i in 0..unit.len() {
                        for j in (0..unit.len()).filter(|j| *j != i) {
                            seen += metric.apart(unit[i], unit[j]) / (unit.len() - 1) as f64 / all.len() as f64;
                        }
                    }
                }
                for i in 0..all.len() {
                    for j in (0..all.len()).filter(|j| *j != i) {
                        chance += metric.apart(all[i], all[j]) / (all.len() * (all.len() - 1)) as f64;
                    }
                }
                match alpha(&units, metric) {
                    Some(found) => prop_assert!((found - (1.0 - seen / chance)).abs() < 1e-9),
                    None => prop_assert!(chance == 0.0),
                }
            }
        }

        #[test]
        fn order_says_nothing(
            (units, shuffled) in units().prop_flat_map(|units| {
                let shuffled = Just(units.clone()).prop_shuffle();
                (Just(units), shuffled)
            }),
        ) {
            let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            prop_assert!(near(percent(&units), percent(&shuffled)));
            prop_assert!(near(alpha(&units, Metric::Squared), alpha(&shuffled, Metric::Squared)));
            let turned: Vec<Vec<f64>> = units.iter().map(|u| u.iter().rev().map(|r| -r).collect()).collect();
            prop_assert!(near(alpha(&units, Metric::Nominal), alpha(&turned, Metric::Nominal)));
        }

        #[test]
        fn perfect_agreement_is_one(values in prop::collection::vec(0_u8..3, 2..12)) {
            let units: Vec<Vec<f64>> = values.iter().map(|v| vec![f64::from(*v); 3]).collect();
            let varied = values.iter().any(|v| *v != values[0]);
            prop_assert_eq!(percent(&units), Some(1.0));
            prop_assert_eq!(alpha(&units, Metric::Nominal), varied.then_some(1.0));
            let person: BTreeMap<usize, f64> = values.iter().map(|v| f64::from(*v)).enumerate().collect();
            prop_assert_eq!(kappa_of(&[person.clone(), person]), varied.then_some(1.0));
        }
    }
}
