//! Logits → the next token.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::types::Sampling;

/// One row's sampler: its own seed, so that its tokens depend on nobody else's.
#[derive(Debug, Clone)]
pub struct Sampler {
    temperature: f64,
    top_p: f64,
    rng: ChaCha8Rng,
}

impl Sampler {
    /// A sampler at the start of its sequence of random numbers.
    pub fn new(sampling: &Sampling) -> Self {
        Self {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            rng: ChaCha8Rng::seed_from_u64(sampling.seed),
        }
    }

    /// The next token, never one of `barred`. Greedy takes the first of equals.
    pub fn sample(&mut self, logits: &[f32], barred: &[u32]) -> u32 {
        let allowed = |id: usize| !barred.contains(&(id as u32));
        if self.temperature <= 0.0 {
            return greedy(logits, allowed);
        }
        let top = logits
            .iter()
            .copied()
            .enumerate()
            .filter(|(id, _)| allowed(*id))
            .map(|(_, l)| l)
            .fold(f32::MIN, f32::max);
        let weight = |logit: f32| (f64::from(logit - top) / self.temperature).exp();
        let mut weights: Vec<(usize, f64)> = logits
            .iter()
            .enumerate()
            .filter(|(id, logit)| allowed(*id) && logit.is_finite())
            .map(|(id, &logit)| (id, weight(logit)))
            .collect();
        if self.top_p < 1.0 {
            weights.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let total: f64 = weights.iter().map(|(_, w)| w).sum();
            let mut sum = 0.0;
            let kept = weights.iter().take_while(|(_, w)| {
                let before = sum;
                sum += w;
                before < self.top_p * total
            });
            let kept = kept.count().max(1);
            weights.truncate(kept);
        }
        let total: f64 = weights.iter().map(|(_, w)| w).sum();
        let mut at = self.rng.random::<f64>() * total;
        for (id, weight) in &weights {
            at -= weight;
            if at < 0.0 {
                return *id as u32;
            }
        }
        weights
            .last()
            .map_or_else(|| greedy(logits, allowed), |(id, _)| *id as u32)
    }
}

fn greedy(logits: &[f32], allowed: impl Fn(usize) -> bool) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in logits.iter().enumerate() {
        if logit > best.1 && allowed(id) {
            best = (id, logit);
        }
    }
    best.0 as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f64, top_p: f64, seed: u64) -> Sampling {
        Sampling {
            temperature,
            top_p,
            seed,
            ..Sampling::default()
        }
    }

    #[test]
    fn greedy_takes_the_first_of_equals_and_skips_what_is_barred() {
        let mut sampler = Sampler::new(&sampling(0.0, 1.0, 0));
        assert_eq!(sampler.sample(&[1.0, 3.0, 3.0, f32::NAN], &[]), 1);
        assert_eq!(sampler.sample(&[1.0, 3.0, 3.0, 0.0], &[1, 2]), 0);
    }

    #[test]
    fn frequencies_follow_the_probabilities() {
        let mut sampler = Sampler::new(&sampling(1.0, 1.0, 7));
        let logits = [0.1_f32.ln(), 0.2_f32.ln(), 0.7_f32.ln()];
        let mut counts = [0; 3];
        for _ in 0..20_000 {
            counts[sampler.sample(&logits, &[]) as usize] += 1;
        }
        for (count, p) in counts.iter().zip([0.1, 0.2, 0.7]) {
            assert!(
                (f64::from(*count) / 20_000.0 - p).abs() < 0.015,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn top_p_keeps_the_smallest_set_that_reaches_it() {
        let mut sampler = Sampler::new(&sampling(1.0, 0.65, 7));
        let logits = [0.1_f32.ln(), 0.2_f32.ln(), 0.7_f32.ln()];
        assert!((0..200).all(|_| sampler.sample(&logits, &[]) == 2));
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let run = |seed| {
            let mut sampler = Sampler::new(&sampling(1.0, 0.9, seed));
            (0..50)
                .map(|i| sampler.sample(&[0.0, 0.1 * i as f32, 0.3, -0.2], &[]))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
