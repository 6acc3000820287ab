//! Strengths from votes with ties (Davidson 1970).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Result, StatsError};

/// Steps of Newton's method at most; ten are usual.
const STEPS: usize = 200;
/// Names that a fit takes at most: its time grows with their third power.
const MOST_NAMES: usize = 1000;
/// Strengths further apart than this have no end: a difference of 15 is one loss in three million.
const FAR: f64 = 15.0;

/// One vote between two of the compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duel {
    /// One of them, by its place.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// `Greater` where the first won, `Equal` where they tied.
    pub outcome: Ordering,
    /// What the vote counts: 1, or the inverse of the probability that its pair was asked with.
    pub weight: f64,
}

/// The strengths of all that were compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Davidson {
    /// The logarithm of each strength; they sum to 0.
    pub theta: Vec<f64>,
    /// How likely ties are: between equals a tie is `nu` times as likely as a win of one of them. 0 where nobody tied.
    pub nu: f64,
}

impl Davidson {
    /// How likely the first of two is to win, to tie, and to lose.
    pub fn odds(&self, first: usize, second: usize) -> [f64; 3] {
        let half = (self.theta[first] - self.theta[second]) / 2.0;
        // Divided by the larger one, so that nothing overflows.
        let top = half.abs();
        let parts = [
            (half - top).exp(),
            self.nu * (-top).exp(),
            (-half - top).exp(),
        ];
        let sum: f64 = parts.iter().sum();
        parts.map(|part| part / sum)
    }
}

/// All votes between two.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    wins: f64,
    ties: f64,
    losses: f64,
}

type Pairs = BTreeMap<(usize, usize), Pair>;

/// The most likely strengths of `names`, for votes between them by place.
///
/// # Errors
/// [`StatsError::Disconnected`] where votes do not link all of them, [`StatsError::Separated`] where some never lost to the
/// rest, [`StatsError::AllTies`] where nobody preferred anything.
pub fn fit(names: &[String], duels: &[Duel]) -> Result<Davidson> {
    fit_counted(names, duels, |_| 1.0)
}

/// [`fit`] with each vote counted as often as `count` says of its place in `duels`.
pub(super) fn fit_counted(
    names: &[String],
    duels: &[Duel],
    count: impl Fn(usize) -> f64,
) -> Result<Davidson> {
    if names.len() < 2 {
        return Err(StatsError::TooFew {
            of: "names to compare",
            got: names.len(),
            needed: 2,
        });
    }
    if names.len() > MOST_NAMES {
        return Err(StatsError::TooMany {
            of: "names to compare",
            got: names.len(),
            most: MOST_NAMES,
        });
    }
    let mut pairs = Pairs::new();
    for (at, duel) in duels.iter().enumerate() {
        let weight = duel.weight * count(at);
        if weight > 0.0 && duel.first != duel.second {
            let turned = duel.first > duel.second;
            let key = (duel.first.min(duel.second), duel.first.max(duel.second));
            let outcome = if turned {
                duel.outcome.reverse()
            } else {
                duel.outcome
            };
            let pair = pairs.entry(key).or_default();
            match outcome {
                Ordering::Greater => pair.wins += weight,
                Ordering::Equal => pair.ties += weight,
                Ordering::Less => pair.losses += weight,
            }
        }
    }
    let groups = components(names.len(), &pairs);
    if groups.len() > 1 {
        let named = |group: Vec<usize>| group.into_iter().map(|i| names[i].clone()).collect();
        return Err(StatsError::Disconnected {
            groups: groups.into_iter().map(named).collect(),
        });
    }
    if pairs.values().all(|pair| pair.wins + pair.losses == 0.0) {
        return Err(StatsError::AllTies { votes: duels.len() });
    }
    let fitted = climb(names.len(), &pairs);
    apart(&fitted.theta).map_or(Ok(fitted), |above| {
        let side = |wanted: bool| {
            let chosen = names.iter().zip(&above).filter(|(_, a)| **a == wanted);
            chosen.map(|(name, _)| name.clone()).collect()
        };
        Err(StatsError::Separated {
            above: side(true),
            below: side(false),
        })
    })
}

/// Where strengths run away from each other: which are above the widest gap.
fn apart(theta: &[f64]) -> Option<Vec<bool>> {
    let mut sorted = theta.to_vec();
    sorted.sort_by(f64::total_cmp);
    let spread = sorted[sorted.len() - 1] - sorted[0];
    let widest = sorted
        .windows(2)
        .max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    let border = widest[1];
    // Also where a number is none.
    let near = spread <= FAR;
    (!near).then(|| theta.iter().map(|t| *t >= border).collect())
}

/// Those that votes link, directly or through others.
fn components(count: usize, pairs: &Pairs) -> Vec<Vec<usize>> {
    let mut root: Vec<usize> = (0..count).collect();
    let find = |root: &[usize], mut at: usize| {
        while root[at] != at {
            at = root[at];
        }
        at
    };
    for &(a, b) in pairs.keys() {
        let (a, b) = (find(&root, a), find(&root, b));
        root[a.max(b)] = a.min(b);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..count {
        groups.entry(find(&root, at)).or_default().push(at);
    }
    groups.into_values().collect()
}

/// Newton's method on the log-likelihood, which is concave in the strengths and in `ln nu`. Steps are halved until they
/// climb.
fn climb(count: usize, pairs: &Pairs) -> Davidson {
    let ties = pairs.values().any(|pair| pair.ties > 0.0);
    let mut at = Davidson {
        theta: vec![0.0; count],
        nu: if ties { 1.0 } else { 0.0 },
    };
    let mut height = likelihood(&at, pairs);
    let total: f64 = pairs.values().map(|p| p.wins + p.ties + p.losses).sum();
    for _ in 0..STEPS {
        let (gradient, mut information) = slope(&at, pairs, ties);
        if gradient.iter().all(|g| g.abs() <= 1e-12 * total) {
            break;
        }
        let Some(step) = solve(&mut information, gradient) else {
            break;
        };
        let mut length = 1.0;
        let moved = loop {
            let theta = at.theta.iter().zip(&step).map(|(t, s)| t + length * s);
            let tried = Davidson {
                theta: theta.collect(),
                nu: if ties {
                    at.nu * (length * step[count]).exp()
                } else {
                    0.0
                },
            };
            let reached = likelihood(&tried, pairs);
            if reached > height {
                break Some((tried, reached));
            }
            length /= 2.0;
            if length < 1e-6 {
                break None;
            }
        };
        let Some((tried, reached)) = moved else { break };
        (at, height) = (tried, reached);
        let spread = at.theta.iter().fold(0.0_f64, |most, t| most.max(t.abs()));
        if spread > 2.0 * FAR {
            break;
        }
    }
    let mean = at.theta.iter().sum::<f64>() / count as f64;
    at.theta.iter_mut().for_each(|theta| *theta -= mean);
    at
}

fn likelihood(at: &Davidson, pairs: &Pairs) -> f64 {
    let term = |count: f64, share: f64| if count > 0.0 { count * share.ln() } else { 0.0 };
    pairs
        .iter()
        .map(|(&(i, j), pair)| {
            let [win, tie, loss] = at.odds(i, j);
            term(pair.wins, win) + term(pair.ties, tie) + term(pair.losses, loss)
        })
        .sum()
}

/// Gradient and information, in the strengths and then in `ln nu`. What all strengths share is held at 0.
fn slope(at: &Davidson, pairs: &Pairs, ties: bool) -> (Vec<f64>, Vec<Vec<f64>>) {
    let count = at.theta.len();
    let size = count + usize::from(ties);
    let mut gradient = vec![0.0; size];
    let mut information = vec![vec![0.0; size]; size];
    for row in &mut information[..count] {
        row[..count].fill(1.0);
    }
    for (&(i, j), pair) in pairs {
        // What each outcome says about the two strengths and about ties.
        let outcomes = [[1.0, 0.0, 0.0], [0.5, 0.5, 1.0], [0.0, 1.0, 0.0]];
        let odds = at.odds(i, j);
        let seen = [pair.wins, pair.ties, pair.losses];
        let n: f64 = seen.iter().sum();
        let mean = |k: usize| (0..3).map(|o| odds[o] * outcomes[o][k]).sum::<f64>();
        let means = [mean(0), mean(1), mean(2)];
        let places = [i, j, count];
        let known = if ties { 3 } else { 2 };
        for k in 0..known {
            let said: f64 = (0..3).map(|o| seen[o] * outcomes[o][k]).sum();
            gradient[places[k]] += said - n * means[k];
            for l in 0..known {
                let both: f64 = (0..3)
                    .map(|o| odds[o] * outcomes[o][k] * outcomes[o][l])
                    .sum();
                information[places[k]][places[l]] += n * (both - means[k] * means[l]);
            }
        }
    }
    (gradient, information)
}

/// Cholesky; `None` where the matrix is not positive.
fn solve(matrix: &mut [Vec<f64>], mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum();
            let rest = matrix[i][j] - dot;
            matrix[i][j] = if i == j {
                (rest > 0.0).then(|| rest.sqrt())?
            } else {
                rest / matrix[j][j]
            };
        }
        let dot: f64 = (0..i).map(|k| matrix[i][k] * right[k]).sum();
        right[i] = (right[i] - dot) / matrix[i][i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| matrix[k][i] * right[k]).sum();
        right[i] = (right[i] - dot) / matrix[i][i];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|i| i.to_string()).collect()
    }

    fn duels(table: &[(usize, usize, [usize; 3])]) -> Vec<Duel> {
        let outcomes = [Ordering::Greater, Ordering::Equal, Ordering::Less];
        let mut duels = Vec::new();
        for &(first, second, counts) in table {
            for (outcome, count) in outcomes.into_iter().zip(counts) {
                let duel = Duel {
                    first,
                    second,
                    outcome,
                    weight: 1.0,
                };
                duels.extend(std::iter::repeat_n(duel, count));
            }
        }
        duels
    }

    #[test]
    fn worked_numbers() {
        let table = [(0, 1, [12, 2, 6]), (0, 2, [15, 2, 3]), (1, 2, [10, 4, 6])];
        let fitted = fit(&names(3), &duels(&table)).unwrap();
        for (found, printed) in fitted.theta.iter().zip([0.776, -0.087, -0.689]) {
            assert!((found - printed).abs() < 1e-3, "{fitted:?}");
        }
        assert!((fitted.nu - 0.349).abs() < 1e-3);
    }

    /// Two alone: their odds are the shares seen.
    #[test]
    fn two_alone_are_as_they_were_seen() {
        let fitted = fit(&names(2), &duels(&[(1, 0, [6, 3, 1])])).unwrap();
        let odds = fitted.odds(1, 0);
        for (found, seen) in odds.iter().zip([0.6, 0.3, 0.1]) {
            assert!((found - seen).abs() < 1e-9, "{odds:?}");
        }
        let fitted = fit(&names(2), &duels(&[(0, 1, [3, 0, 1])])).unwrap();
        assert_eq!(fitted.nu, 0.0);
        assert!((fitted.theta[0] - 3.0_f64.ln() / 2.0).abs() < 1e-9);
    }

    #[test]
    fn weights_undo_how_often_pairs_were_asked() {
        let mut asked = duels(&[(0, 1, [2, 1, 1]), (1, 2, [2, 1, 1]), (2, 0, [1, 1, 1])]);
        let whole = duels(&[(0, 1, [4, 2, 2]), (1, 2, [2, 1, 1]), (2, 0, [1, 1, 1])]);
        asked[..4].iter_mut().for_each(|duel| duel.weight = 2.0);
        let (a, b) = (
            fit(&names(3), &asked).unwrap(),
            fit(&names(3), &whole).unwrap(),
        );
        for (x, y) in a.theta.iter().zip(&b.theta) {
            assert!((x - y).abs() < 1e-9);
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        let refused = |count: usize, table: &[(usize, usize, [usize; 3])]| {
            fit(&names(count), &duels(table)).unwrap_err().to_string()
        };
        let words = refused(4, &[(0, 1, [1, 0, 1]), (2, 3, [1, 1, 1])]);
        assert!(
            words.contains("2 groups") && words.contains("{1, 2} and {3, 4}"),
            "{words}"
        );
        let words = refused(3, &[(0, 1, [5, 0, 0]), (1, 2, [2, 0, 2])]);
        assert!(words.starts_with("1 never lost to 2, 3"), "{words}");
        // Ties alone do not hold them together: both strength and ties run away.
        let words = refused(2, &[(1, 0, [5, 2, 0])]);
        assert!(words.starts_with("2 never lost to 1"), "{words}");
        assert!(refused(2, &[(0, 1, [0, 3, 0])]).starts_with("all 3 votes are ties"));
        assert!(refused(1, &[]).contains("at least 2 needed"));
        assert!(refused(1001, &[]).contains("at most 1000"));
    }

    proptest! {
        /// At the top expected and seen wins (half a tie each) are equal, and turning every vote around turns the order.
        #[test]
        fn the_top_is_where_wins_are_as_expected(
            counts in prop::collection::vec((1_usize..9, 0_usize..5, 1_usize..9), 6),
        ) {
            let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
            let table: Vec<(usize, usize, [usize; 3])> = pairs
                .iter()
                .zip(&counts)
                .map(|(&(i, j), &(w, t, l))| (i, j, [w, t, l]))
                .collect();
            let fitted = fit(&names(4), &duels(&table)).unwrap();
            prop_assert!(fitted.theta.iter().sum::<f64>().abs() < 1e-9);
            let mut off = [0.0; 4];
            for &(i, j, [w, t, l]) in &table {
                let n = (w + t + l) as f64;
                let [win, tie, loss] = fitted.odds(i, j);
                off[i] += w as f64 + t as f64 / 2.0 - n * (win + tie / 2.0);
                off[j] += l as f64 + t as f64 / 2.0 - n * (loss + tie / 2.0);
            }
            prop_assert!(off.iter().all(|o| o.abs() < 1e-6), "{:?}", off);
            let turned: Vec<_> = table.iter().map(|&(i, j, [w, t, l])| (i, j, [l, t, w])).collect();
            let turned = fit(&names(4), &duels(&turned)).unwrap();
            for (a, b) in fitted.theta.iter().zip(&turned.theta) {
                prop_assert!((a + b).abs() < 1e-6);
            }
        }
    }
}
