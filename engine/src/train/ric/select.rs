//! Which answers are learnt from again, and which scores are asked for to find them.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::samples::Scored;
use crate::text::{ScoreTags, tenth};

/// Numbers whose least and largest are the bounds of tags.
const DRAWS: usize = 50_000;

/// The least and the largest of standard normal numbers, to a tenth.
pub(super) fn normal_bounds(seed: u64) -> (f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for _ in 0..DRAWS {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let number = radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        (low, high) = (low.min(number), high.max(number));
    }
    (tenth(low), tenth(high))
}

/// Tags near the front: the best of every objective but one, which is anywhere between its bounds.
pub(super) fn goals(tags: &ScoreTags, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let drawn: Vec<f64> = tags
        .objectives
        .iter()
        .map(|o| tenth(o.low + (o.high - o.low) * rng.random::<f64>()))
        .collect();
    let least = drawn.iter().copied().fold(f64::INFINITY, f64::min);
    let spared = drawn.iter().position(|&goal| goal <= least);
    let highs = tags.objectives.iter().map(|o| o.high);
    let goals = drawn.iter().zip(highs).enumerate();
    goals
        .map(|(index, (&goal, high))| if Some(index) == spared { goal } else { high })
        .collect()
}

/// Those whose tag is at least the quantile of its objective, for any objective.
pub(super) fn above(answers: Vec<(Scored, Vec<f64>)>, share: f64) -> Vec<(Scored, Vec<f64>)> {
    let objectives = answers.first().map_or(0, |(_, tags)| tags.len());
    let thresholds: Vec<f64> = (0..objectives)
        .map(|index| {
            let mut column: Vec<f64> = answers.iter().map(|(_, tags)| tags[index]).collect();
            column.sort_unstable_by(f64::total_cmp);
            quantile(&column, share)
        })
        .collect();
    let is_above = |tags: &[f64]| {
        tags.iter()
            .zip(&thresholds)
            .any(|(tag, least)| tag >= least)
    };
    answers
        .into_iter()
        .filter(|(_, tags)| is_above(tags))
        .collect()
}

/// The quantile of sorted numbers, between neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let (below, part) = (place.floor(), place.fract());
    let at = |index: f64| sorted.get(index as usize).copied();
    match (at(below), at(below + 1.0)) {
        (Some(low), Some(high)) => low + (high - low) * part,
        (Some(low), None) => low,
        (None, _) => f64::NEG_INFINITY,
    }
}

/// So many of the first answers, any.
pub(super) fn originals(
    mut answers: Vec<(Scored, Vec<f64>)>,
    count: usize,
    seed: u64,
) -> Vec<(Scored, Vec<f64>)> {
    answers.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    answers.truncate(count);
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TaggedObjective;

    fn answers(tags: &[[f64; 2]]) -> Vec<(Scored, Vec<f64>)> {
        let answer = |(prompt, tags): (usize, &[f64; 2])| {
            let scored = Scored {
                prompt,
                response: String::new(),
                ended: true,
                scores: Vec::new(),
            };
            (scored, tags.to_vec())
        };
        tags.iter().enumerate().map(answer).collect()
    }

    fn kept(answers: &[(Scored, Vec<f64>)]) -> Vec<usize> {
        answers.iter().map(|(scored, _)| scored.prompt).collect()
    }

    #[test]
    fn what_is_among_the_best_in_any_score_is_kept() {
        let all: Vec<[f64; 2]> = (0..11).map(|i| [f64::from(i), f64::from(-i)]).collect();
        // Thresholds 7 and -3.
        assert_eq!(kept(&above(answers(&all), 0.7)), [0, 1, 2, 3, 7, 8, 9, 10]);
        assert_eq!(kept(&above(answers(&all), 0.0)).len(), 11);
        assert!(above(Vec::new(), 0.7).is_empty());
        assert_eq!(quantile(&[1.0, 2.0], 0.7), 1.7);
        let some = originals(answers(&all), 4, 1);
        assert_eq!(some.len(), 4);
        assert_eq!(kept(&some), kept(&originals(answers(&all), 4, 1)));
        assert_ne!(kept(&some), kept(&originals(answers(&all), 4, 2)));
    }

    #[test]
    fn goals_ask_for_the_best_of_all_but_one() {
        let (low, high) = normal_bounds(0);
        assert!(
            (-4.9..-3.7).contains(&low) && (3.7..4.9).contains(&high),
            "{low} {high}"
        );
        let objective = |name: &str| TaggedObjective {
            name: name.to_owned(),
            mean: 0.0,
            deviation: 1.0,
            low,
            high,
        };
        let tags = ScoreTags::of(["a", "b", "c"].map(objective).to_vec());
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut spared = [0; 3];
        for _ in 0..200 {
            let goals = goals(&tags, &mut rng);
            let at_best = goals.iter().filter(|&&goal| goal >= high).count();
            assert!(
                at_best >= 2 && goals.iter().all(|g| (low..=high).contains(g)),
                "{goals:?}"
            );
            for (count, goal) in spared.iter_mut().zip(&goals) {
                *count += usize::from(*goal < high);
            }
        }
        assert!(spared.iter().all(|count| *count > 30), "{spared:?}");
    }
}
