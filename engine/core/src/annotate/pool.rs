//! Stored answers, by what was asked and who answered, and which of them can be compared.

use std::sync::Arc;

use crate::types::Split;

/// An answer that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name in every file.
    pub uid: String,
    /// Its text.
    pub text: Arc<str>,
}

/// What contenders answered: a prompt at one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The prompt's name in every file.
    pub prompt: String,
    /// Which part of the prompts it belongs to.
    pub split: Option<Split>,
}

/// Answers of contenders to prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// What is compared, e.g. points: as statistics name them.
    pub contenders: Vec<String>,
    /// What was asked.
    pub cases: Vec<Case>,
    /// Shape `[cases, contenders]`; `None` where there is no answer.
    pub answers: Vec<Option<Candidate>>,
    /// Which contenders meet, by place: one each for ratings, two for pairs.
    pub groups: Vec<Vec<usize>>,
}

/// Whether a group can be shown on a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Ready,
    /// An answer is not there, or empty.
    Missing,
    /// Two texts are one: there is nothing to choose.
    Identical,
}

impl Pool {
    /// The answer of a contender.
    pub fn answer(&self, case: usize, contender: usize) -> Option<&Candidate> {
        self.answers[case * self.contenders.len() + contender].as_ref()
    }

    pub(super) fn fit(&self, case: usize, group: &[usize]) -> Fit {
        let mut texts: Vec<&str> = Vec::with_capacity(group.len());
        for &contender in group {
            match self.answer(case, contender) {
                Some(answer) if !answer.text.trim().is_empty() => texts.push(&answer.text),
                _ => return Fit::Missing,
            }
        }
        let alike = (1..texts.len()).any(|at| texts[..at].contains(&texts[at]));
        if alike { Fit::Identical } else { Fit::Ready }
    }
}

/// All pairs of `count`.
pub fn all_pairs(count: usize) -> Vec<Vec<usize>> {
    (0..count)
        .flat_map(|a| (a + 1..count).map(move |b| vec![a, b]))
        .collect()
}

/// Each of `count` with one of them.
pub fn against(one: usize, count: usize) -> Vec<Vec<usize>> {
    (0..count)
        .filter(|&other| other != one)
        .map(|other| vec![one.min(other), one.max(other)])
        .collect()
}

/// Links between neighbours: the shortest that hold all places together (a minimum spanning tree, Prim's), each axis
/// measured by its range. Along a curve it is the curve itself. Shape of `places`: `[places, axes]`, all finite.
pub fn nearest_links(places: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let axes = places.first().map_or(0, Vec::len);
    let ranges: Vec<f64> = (0..axes)
        .map(|axis| {
            let values = places.iter().map(|place| place[axis]);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                (l.min(v), h.max(v))
            });
            if high > low { high - low } else { 1.0 }
        })
        .collect();
    let distance = |a: usize, b: usize| -> f64 {
        let off = |axis: usize| (places[a][axis] - places[b][axis]) / ranges[axis];
        (0..axes).map(|axis| off(axis).powi(2)).sum()
    };
    let mut links = Vec::new();
    // Of each place outside the tree: the nearest one inside.
    let mut nearest: Vec<(usize, f64)> = (0..places.len()).map(|b| (0, distance(0, b))).collect();
    let mut outside: Vec<usize> = (1..places.len()).collect();
    while let Some((at, &next)) = outside
        .iter()
        .enumerate()
        .min_by(|(_, a), (_, b)| nearest[**a].1.total_cmp(&nearest[**b].1))
    {
        let inside = nearest[next].0;
        links.push(vec![inside.min(next), inside.max(next)]);
        outside.swap_remove(at);
        for &other in &outside {
            let length = distance(next, other);
            if length < nearest[other].1 {
                nearest[other] = (next, length);
            }
        }
    }
    links.sort_unstable();
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_on_a_curve_are_linked_in_its_order() {
        let curve: Vec<Vec<f64>> = [0.9, 0.1, 0.5, 0.3]
            .iter()
            .map(|x: &f64| vec![100.0 * x, 1.0 - x * x])
            .collect();
        assert_eq!(nearest_links(&curve), [vec![0, 2], vec![1, 3], vec![2, 3]]);
        assert!(nearest_links(&curve[..1]).is_empty() && nearest_links(&[]).is_empty());
        assert_eq!(nearest_links(&[vec![1.0], vec![1.0]]), [vec![0, 1]]);
    }

    #[test]
    fn pairs_are_each_once() {
        assert_eq!(all_pairs(3), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(against(1, 3), [[0, 1], [1, 2]]);
    }
}
