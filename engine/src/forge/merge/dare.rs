//! DARE (Yu et al. 2024): every entry survives with probability `density` and is divided by it.
//!
//! After the masks, `dare_ties` elects signs as TIES does but divides by nothing, as mergekit does
//! (its `normalize` is true for `ties` alone): an entry on which the sources agree keeps the weights'
//! sum as its size. Recent mergekit scales each mask to the tensor's L1 norm; here it is `1/density`,
//! as in the paper and in PEFT.

use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::PIECE;

/// One source's mask of one tensor. Every entry has its own number of the generator, so the mask does
/// not depend on who draws it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    pub(super) density: f64,
    pub(super) seed: u64,
    /// Place of the tensor in order of name.
    pub(super) tensor: usize,
    /// Place of the source as given.
    pub(super) source: usize,
}

impl Mask {
    pub(super) fn apply(self, values: &mut [f32]) {
        if self.density >= 1.0 {
            return;
        }
        let limit = (self.density * 2f64.powi(32)) as u64;
        values
            .par_chunks_mut(PIECE)
            .enumerate()
            .for_each(|(index, piece)| {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                random.set_stream((self.source as u64) << 32 | self.tensor as u64);
                random.set_word_pos((index * PIECE) as u128);
                for value in piece {
                    let survives = u64::from(random.next_u32()) < limit;
                    *value = if survives {
                        (f64::from(*value) / self.density) as f32
                    } else {
                        0.0
                    };
                }
            });
    }
}
