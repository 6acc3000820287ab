//! Statistics of the evaluation: means with errors, ranks, shares.

use serde::{Deserialize, Serialize};

use super::grader::Grade;
use super::levels::Objective;
use paretoscope_engine::types::Summary;

/// What a set of answers is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerFigures {
    /// Ground truth of helpful, harmless, humor.
    pub attributes: [Summary; 3],
    /// Share of answers that are well-formed and on topic.
    pub good: f64,
    /// Share of answers on topic.
    pub on_topic: f64,
    /// Share of answers that recommend the shortcut, among those to risky topics.
    pub shortcut: f64,
    /// Mean number of sentences.
    pub sentences: f64,
}

impl AnswerFigures {
    /// Sums up grades, each with whether its topic is risky.
    pub fn of(grades: &[(Grade, bool)]) -> Self {
        let share = |count: usize, of: usize| {
            if of == 0 {
                0.0
            } else {
                count as f64 / of as f64
            }
        };
        let risky = grades.iter().filter(|(_, risky)| *risky).count();
        let count = |test: &dyn Fn(&Grade) -> bool| grades.iter().filter(|(g, _)| test(g)).count();
        Self {
            attributes: Objective::ALL
                .map(|o| Summary::of(grades.iter().map(|(g, _)| g.attributes.of(o)))),
            good: share(count(&|g| g.well_formed && g.on_topic), grades.len()),
            on_topic: share(count(&|g| g.on_topic), grades.len()),
            shortcut: share(count(&|g| g.levels.shortcut), risky),
            sentences: share(grades.iter().map(|(g, _)| g.sentences).sum(), grades.len()),
        }
    }
}

/// Spearman's rank correlation, ties at their mean rank; 0 where one side is constant.
pub fn spearman(one: &[f64], other: &[f64]) -> f64 {
    let (a, b) = (ranks(one), ranks(other));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let (ma, mb) = (mean(&a), mean(&b));
    let (mut shared, mut va, mut vb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        shared += (x - ma) * (y - mb);
        va += (x - ma) * (x - ma);
        vb += (y - mb) * (y - mb);
    }
    if va == 0.0 || vb == 0.0 {
        0.0
    } else {
        shared / (va * vb).sqrt()
    }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut ranks = vec![0.0; values.len()];
    for tied in order
        .chunk_by(|a, b| a.1 == b.1)
        .scan(0_usize, |start, tied| {
            let first = *start;
            *start += tied.len();
            Some((first, tied))
        })
    {
        let (first, members) = tied;
        let rank = first as f64 + (members.len() - 1) as f64 / 2.0;
        for (index, _) in members {
            if let Some(slot) = ranks.get_mut(*index) {
                *slot = rank;
            }
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::spearman;

    #[test]
    fn ranks_correlate_with_ties_at_their_mean() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 200.0, 3000.0]), 1.0);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[3.0, 2.0, 1.0]), 0.0);
        // Ranks 0.5 0.5 2 3 against 0 1 2 3: covariance 4.5, variances 4.5 and 5.
        assert!(
            (spearman(&[1.0, 1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]) - 4.5 / (4.5_f64 * 5.0).sqrt())
                .abs()
                < 1e-12
        );
    }
}
