//! Changed inputs: a few random edits of a good one, by bytes and by words.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Words that readers stumble over.
const WORDS: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "-0.0",
    "NaN",
    "18446744073709551616",
    "9223372036854775807",
    "4294967295",
    "\"\"",
    "[]",
    "{}",
    "[[",
    "{{",
    "}}",
    "{%",
    "%}",
    "\"\\u0000\"",
    "\"../../x\"",
    "\u{feff}",
    "\u{1F600}",
    "0.1",
    "1e-320",
    ".*",
    "(",
    "range(999999999)",
    "loop",
    "for",
    "\"weight\"",
    "999999",
];
/// Numbers of four bytes that sizes and offsets go wrong at.
const EDGES: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x00ff_ffff];

/// Changes inputs, the same from the same seed.
#[derive(Debug)]
pub struct Mutator {
    rng: ChaCha8Rng,
}

impl Mutator {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// A changed copy of one of the inputs: one to eight edits.
    pub fn next(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut data = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(8) {
            match self.below(3) {
                0 => self.edit_bytes(&mut data),
                1 => self.edit_words(&mut data),
                _ => self.edit_pieces(&mut data, inputs),
            }
        }
        data
    }

    fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            0
        } else {
            self.rng.random_range(0..n)
        }
    }

    fn edit_bytes(&mut self, data: &mut Vec<u8>) {
        let at = self.below(data.len());
        match self.below(4) {
            0 if at < data.len() => data[at] ^= 1 << self.below(8),
            1 if at < data.len() => data[at] = self.rng.random(),
            2 if at + 4 <= data.len() => {
                let edge = EDGES[self.below(EDGES.len())];
                data[at..at + 4].copy_from_slice(&edge.to_le_bytes());
            }
            _ => data.insert(at, self.rng.random()),
        }
    }

    /// Puts a word in the place of a word, a number or a mark.
    fn edit_words(&mut self, data: &mut Vec<u8>) {
        let of_word = |b: u8| b.is_ascii_alphanumeric() || b"_.+-".contains(&b);
        let at = self.below(data.len());
        let mut start = at;
        while start > 0 && of_word(data[start - 1]) {
            start -= 1;
        }
        let mut end = at;
        while end < data.len() && of_word(data[end]) {
            end += 1;
        }
        let word = WORDS[self.below(WORDS.len())];
        let times = if self.below(20) == 0 { 5_000 } else { 1 };
        data.splice(start..end, word.repeat(times).bytes());
    }

    /// Takes a piece away, says it again, or brings one from another input.
    fn edit_pieces(&mut self, data: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let start = self.below(data.len());
        let length = self.below(64.min(data.len() - start) + 1);
        let piece = data[start..start + length].to_vec();
        match self.below(5) {
            0 => drop(data.drain(start..start + length)),
            1 => {
                let times = if self.below(8) == 0 { 300 } else { 1 };
                data.splice(start..start, piece.repeat(times));
            }
            2 => {
                let to = self.below(data.len());
                data.splice(to..to, piece);
            }
            3 => data.truncate(start),
            _ => {
                let other = &inputs[self.below(inputs.len())];
                let from = self.below(other.len());
                let upto = (from + self.below(64)).min(other.len());
                data.splice(start..start + length, other[from..upto].iter().copied());
            }
        }
    }
}
