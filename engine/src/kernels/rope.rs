//! Rotary positions.

use pulp::{Arch, Simd, WithSimd};

use super::parallel::over_rows;

/// Cosines and sines of every token of a step, `[tokens, head_dim / 2]` each: made once, used by all layers.
#[derive(Debug, Clone)]
pub struct Rotation {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl Rotation {
    /// For tokens at `positions`, from the inverse frequency of each pair of dimensions.
    pub fn new(inverse_frequencies: &[f64], positions: &[usize]) -> Self {
        let angles = positions.iter().flat_map(|&position| {
            // Angles in f32, as transformers has them: the product is rounded before the cosine.
            inverse_frequencies
                .iter()
                .map(move |frequency| f64::from(position as f32 * *frequency as f32))
        });
        let (cos, sin) = angles
            .map(|angle| (angle.cos() as f32, angle.sin() as f32))
            .unzip();
        Self {
            cos,
            sin,
            half: inverse_frequencies.len(),
        }
    }

    /// Cosines and sines multiplied by a factor.
    pub fn times(mut self, factor: f32) -> Self {
        if factor != 1.0 {
            let both = self.cos.iter_mut().chain(&mut self.sin);
            both.for_each(|value| *value *= factor);
        }
        self
    }

    /// Rotates all tokens, `[tokens, width]` of whole heads of `head_dim`, in halves as Hugging Face does. Where there are
    /// fewer frequencies than pairs, the dimensions after the first ones stay.
    pub fn apply(&self, tokens: &mut [f32], (width, head_dim): (usize, usize)) {
        over_rows(tokens, width, |first, tokens| {
            Arch::new().dispatch(Rotate {
                cos: &self.cos[first * self.half..],
                sin: &self.sin[first * self.half..],
                half: self.half,
                tokens,
                width,
                head_dim,
            });
        });
    }
}

struct Rotate<'a> {
    cos: &'a [f32],
    sin: &'a [f32],
    half: usize,
    tokens: &'a mut [f32],
    width: usize,
    head_dim: usize,
}

impl WithSimd for Rotate<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let half = self.half;
        let turns = self.cos.chunks_exact(half).zip(self.sin.chunks_exact(half));
        for (token, (cos, sin)) in self.tokens.chunks_exact_mut(self.width).zip(turns) {
            for head in token.chunks_exact_mut(self.head_dim) {
                let (first, second) = head[..2 * half].split_at_mut(half);
                for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_keeps_lengths_and_depends_on_the_distance_alone() {
        let (q, k) = (
            [0.3, -1.0, 0.5, 2.0, 0.1, -0.7],
            [1.0, 0.2, -0.4, 0.6, -1.5, 0.9],
        );
        let dot = |at_q: usize, at_k: usize| -> f32 {
            let mut both: Vec<f32> = q.iter().chain(&k).copied().collect();
            Rotation::new(&[1.0, 0.1, 0.01], &[at_q, at_k]).apply(&mut both, (6, 6));
            let length: f32 = both[..6].iter().map(|x| x * x).sum();
            assert!((length - q.iter().map(|x| x * x).sum::<f32>()).abs() < 1e-4);
            both[..6].iter().zip(&both[6..]).map(|(a, b)| a * b).sum()
        };
        for shift in [1, 40, 255] {
            assert!((dot(12, 5) - dot(12 + shift, 5 + shift)).abs() < 1e-3);
        }
        assert!((dot(12, 5) - dot(12, 9)).abs() > 1e-3);
    }

    #[test]
    fn dimensions_without_a_frequency_stay() {
        let tokens: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let rotation = Rotation::new(&[0.5, 0.1], &[3, 9]);
        let mut part = tokens.clone();
        rotation.apply(&mut part, (12, 6));
        for (token, heads) in tokens.chunks_exact(12).enumerate() {
            for (head, whole) in heads.chunks_exact(6).enumerate() {
                let got = &part[token * 12 + head * 6..][..6];
                let mut alone = whole[..4].to_vec();
                Rotation::new(&[0.5, 0.1], &[[3, 9][token]]).apply(&mut alone, (4, 4));
                assert_eq!((&got[..4], &got[4..]), (&alone[..], &whole[4..]));
            }
        }
        let mut twice = tokens.clone();
        rotation.times(2.0).apply(&mut twice, (12, 6));
        assert_eq!((twice[0], twice[4]), (2.0 * part[0], tokens[4]));
    }

    #[test]
    fn one_token_of_many_is_rotated_as_if_alone() {
        let frequencies: Vec<f64> = (0..32).map(|i| 0.7_f64.powi(i)).collect();
        let width = 2 * 64;
        let tokens: Vec<f32> = (0..600 * width).map(|i| (i % 97) as f32 - 40.0).collect();
        let positions: Vec<usize> = (0..600).rev().collect();
        let mut together = tokens.clone();
        Rotation::new(&frequencies, &positions).apply(&mut together, (width, 64));
        for index in [0, 1, 299, 599] {
            let mut alone = tokens[index * width..][..width].to_vec();
            Rotation::new(&frequencies, &positions[index..=index]).apply(&mut alone, (width, 64));
            assert_eq!(alone[..], together[index * width..][..width]);
        }
    }
}
