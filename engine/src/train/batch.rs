//! From examples to flat batches: which examples make a step, and how their tokens lie.

use std::ops::Range;
use std::sync::Arc;

use candle_core::Tensor;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// A tokenised prompt and its answer, end token included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Ids of the prompt; may be empty where only `response` is trained.
    pub prompt: Vec<u32>,
    /// Ids of the answer.
    pub response: Vec<u32>,
}

impl Example {
    /// Tokens in all.
    pub fn len(&self) -> usize {
        self.prompt.len() + self.response.len()
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn tokens(&self) -> impl Iterator<Item = u32> + '_ {
        self.prompt.iter().chain(&self.response).copied()
    }
}

/// Sequences laid end to end without padding: `offsets[s] .. offsets[s + 1]` are the rows of sequence `s`.
#[derive(Debug, Clone)]
pub struct FlatBatch {
    /// Ids, one per row.
    pub tokens: Vec<u32>,
    /// Place of every row in its sequence.
    pub positions: Vec<u32>,
    /// First rows, and the number of rows at the end.
    pub offsets: Arc<Vec<usize>>,
}

impl FlatBatch {
    /// Lays out `sequences`.
    pub fn new<S: IntoIterator<Item = u32>>(sequences: impl IntoIterator<Item = S>) -> Self {
        let (mut tokens, mut positions, mut offsets) = (Vec::new(), Vec::new(), vec![0]);
        for sequence in sequences {
            for (position, token) in sequence.into_iter().enumerate() {
                tokens.push(token);
                positions.push(position as u32);
            }
            offsets.push(tokens.len());
        }
        Self {
            tokens,
            positions,
            offsets: Arc::new(offsets),
        }
    }

    /// The last row of every sequence.
    pub fn last_rows(&self) -> Vec<u32> {
        self.offsets
            .windows(2)
            .map(|w| w[1].saturating_sub(1) as u32)
            .collect()
    }

    /// Whole examples, for models that score the last token.
    pub fn whole<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Self {
        Self::new(examples.into_iter().map(Example::tokens))
    }
}

/// A flat batch in which some rows must predict their next token.
#[derive(Debug, Clone)]
pub struct PredictionBatch {
    /// All tokens but the last of every sequence.
    pub flat: FlatBatch,
    /// Rows that predict.
    pub rows: Vec<u32>,
    /// What they should predict.
    pub targets: Arc<Vec<u32>>,
    /// The sequence that each belongs to.
    pub owners: Vec<u32>,
    /// Sequences.
    pub sequences: usize,
}

impl PredictionBatch {
    /// Every token of an answer is a target, and with `prompts` those of the prompt, too (but the first).
    pub fn new<'a>(examples: impl IntoIterator<Item = &'a Example> + Clone, prompts: bool) -> Self {
        let flat = FlatBatch::new(
            examples
                .clone()
                .into_iter()
                .map(|e| e.tokens().take(e.len().saturating_sub(1))),
        );
        let (mut rows, mut targets, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        let mut sequences = 0;
        for (owner, example) in examples.into_iter().enumerate() {
            let first = if prompts {
                1
            } else {
                example.prompt.len().max(1)
            };
            for (position, token) in example.tokens().enumerate().skip(first) {
                rows.push((flat.offsets[owner] + position - 1) as u32);
                targets.push(token);
                owners.push(owner as u32);
            }
            sequences += 1;
        }
        Self {
            flat,
            rows,
            targets: Arc::new(targets),
            owners,
            sequences,
        }
    }

    /// `[sequences]` from `[rows that predict]`: the sum over each sequence.
    pub fn sum_by_sequence(&self, values: &Tensor) -> Result<Tensor> {
        let owners = Tensor::from_slice(&self.owners, self.owners.len(), values.device())?;
        let zeros = Tensor::zeros(self.sequences, values.dtype(), values.device())?;
        Ok(zeros.index_add(&owners, values, 0)?)
    }
}

/// How many targets an example has.
pub fn targets_of(example: &Example, prompts: bool) -> usize {
    example.len().saturating_sub(if prompts {
        1
    } else {
        example.prompt.len().max(1)
    })
}

/// Which examples make which step: shuffled anew every epoch, from the seed and the epoch alone, so that
/// a place in the data is two numbers.
#[derive(Debug)]
pub struct Sampler {
    lengths: Vec<usize>,
    /// Examples of each set.
    sets: Vec<Range<usize>>,
    budget: usize,
    seed: u64,
}

impl Sampler {
    /// `lengths[i]`: tokens that example `i` costs; `budget`: tokens of a step.
    pub fn new(lengths: Vec<usize>, budget: usize, seed: u64) -> Self {
        let all = lengths.len();
        Self::of_sets(lengths, &[all], budget, seed)
    }

    /// Examples of several sets, `sizes` of them in order, of each of which a step takes an equal part of `budget`.
    /// An epoch is one of the set that takes most steps; the others go round meanwhile, in another order each time.
    pub fn of_sets(lengths: Vec<usize>, sizes: &[usize], budget: usize, seed: u64) -> Self {
        let ends = sizes.iter().scan(0, |end, size| {
            let first = *end;
            *end += size;
            Some(first..*end)
        });
        Self {
            sets: ends.collect(),
            lengths,
            budget: budget.div_ceil(sizes.len().max(1)),
            seed,
        }
    }

    /// Tokens that example `index` costs.
    pub fn length(&self, index: usize) -> usize {
        self.lengths[index]
    }

    /// The steps of an epoch, each a list of examples.
    pub fn epoch(&self, epoch: usize) -> Vec<Vec<usize>> {
        let mut first: Vec<_> = (0..self.sets.len())
            .map(|set| self.pass((set, 0), epoch))
            .collect();
        if first.len() == 1 {
            return first.pop().unwrap_or_default();
        }
        let count = first.iter().map(Vec::len).max().unwrap_or(0);
        let mut steps = vec![Vec::new(); count];
        for (set, mut parts) in first.into_iter().enumerate() {
            let mut round = 0;
            while parts.len() < count {
                round += 1;
                parts.extend(self.pass((set, round), epoch));
            }
            for (step, part) in steps.iter_mut().zip(parts) {
                step.extend(part);
            }
        }
        steps
    }

    /// One pass over a set, at least one step: the epoch's first where `round` is 0.
    fn pass(&self, (set, round): (usize, usize), epoch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = self.sets[set].clone().collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // Sets and rounds in the upper bits: those of the first have the streams of a set that is alone.
        rng.set_stream((epoch as u64 + 1) ^ ((set as u64) << 56) ^ ((round as u64) << 32));
        order.shuffle(&mut rng);
        let (mut steps, mut current, mut tokens) = (Vec::new(), Vec::new(), 0);
        for index in order {
            current.push(index);
            tokens += self.lengths[index];
            if tokens >= self.budget {
                steps.push(std::mem::take(&mut current));
                tokens = 0;
            }
        }
        // A scrap of an epoch would be a step with a noisy gradient; it is left for the next shuffle.
        if steps.is_empty() || tokens * 2 >= self.budget {
            steps.push(current);
        }
        steps
    }

    /// Shares a step between `workers` so that each has about as many tokens; the same for the same input.
    pub fn shares(&self, step: &[usize], workers: usize) -> Vec<Vec<usize>> {
        let mut sorted = step.to_vec();
        sorted.sort_by_key(|&i| (std::cmp::Reverse(self.lengths[i]), i));
        let workers = workers.clamp(1, step.len().max(1));
        let mut shares = vec![(0, Vec::new()); workers];
        for index in sorted {
            if let Some(least) = shares.iter_mut().min_by_key(|(tokens, _)| *tokens) {
                least.0 += self.lengths[index];
                least.1.push(index);
            }
        }
        shares.into_iter().map(|(_, share)| share).collect()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn example(prompt: &[u32], response: &[u32]) -> Example {
        Example {
            prompt: prompt.to_vec(),
            response: response.to_vec(),
        }
    }

    #[test]
    fn rows_predict_the_answer_alone() {
        let examples = [example(&[1, 2, 3], &[4, 5]), example(&[], &[6, 7, 8])];
        let batch = PredictionBatch::new(&examples, false);
        assert_eq!(batch.flat.tokens, [1, 2, 3, 4, 6, 7]);
        assert_eq!(batch.flat.positions, [0, 1, 2, 3, 0, 1]);
        assert_eq!(*batch.flat.offsets, [0, 4, 6]);
        assert_eq!(
            (batch.rows.as_slice(), batch.targets.as_slice()),
            ([2, 3, 4, 5].as_slice(), [4, 5, 7, 8].as_slice())
        );
        assert_eq!(batch.owners, [0, 0, 1, 1]);
        assert_eq!(
            targets_of(&examples[0], false) + targets_of(&examples[1], false),
            4
        );
        let with_prompts = PredictionBatch::new(&examples, true);
        assert_eq!(*with_prompts.targets, [2, 3, 4, 5, 7, 8]);
        let values = Tensor::new(&[1f32, 2.0, 4.0, 8.0], &Device::Cpu).unwrap();
        assert_eq!(
            batch
                .sum_by_sequence(&values)
                .unwrap()
                .to_vec1::<f32>()
                .unwrap(),
            [3.0, 12.0]
        );
    }

    #[test]
    fn epochs_are_reproducible_shuffles_within_the_budget() {
        let lengths: Vec<usize> = (0..100).map(|i| 5 + i % 7).collect();
        let sampler = Sampler::new(lengths.clone(), 64, 3);
        let steps = sampler.epoch(0);
        assert_eq!(steps, sampler.epoch(0));
        assert_ne!(steps, sampler.epoch(1));
        let mut seen: Vec<usize> = steps.iter().flatten().copied().collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert!(count >= 90);
        for step in &steps {
            let tokens: usize = step.iter().map(|&i| lengths[i]).sum();
            assert!((32..64 + 12).contains(&tokens), "{tokens}");
        }
    }

    #[test]
    fn a_step_takes_as_much_of_every_set_and_small_ones_go_round() {
        let lengths: Vec<usize> = (0..60).map(|i| 4 + i % 3).collect();
        let sampler = Sampler::of_sets(lengths.clone(), &[50, 10], 60, 3);
        let steps = sampler.epoch(0);
        assert_eq!(steps, sampler.epoch(0));
        assert_ne!(steps, sampler.epoch(1));
        let mut rounds = Vec::new();
        for step in &steps {
            let (large, small): (Vec<_>, Vec<_>) = step.iter().partition(|&&i| i < 50);
            for part in [&large, &small] {
                let tokens: usize = part.iter().map(|&&i| lengths[i]).sum();
                assert!((15..30 + 6).contains(&tokens), "{tokens}");
            }
            rounds.extend(small.into_iter().copied());
        }
        let large: Vec<usize> = steps
            .iter()
            .flatten()
            .copied()
            .filter(|i| *i < 50)
            .collect();
        let alone = Sampler::new(lengths[..50].to_vec(), 30, 3).epoch(0);
        assert_eq!(large, alone.concat(), "the first set goes as if alone");
        // Once round, then in another order.
        assert!(rounds.len() >= 20, "{rounds:?}");
        let mut once = rounds[..8].to_vec();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), 8);
        assert_ne!(rounds[..5], rounds[10..15]);
    }

    #[test]
    fn shares_are_even_and_whole() {
        let sampler = Sampler::new(vec![9, 1, 1, 1, 1, 1, 1, 1, 1, 1], 100, 0);
        let step: Vec<usize> = (0..10).collect();
        let shares = sampler.shares(&step, 2);
        assert_eq!((shares[0].len(), shares[1].len()), (1, 9));
        assert_eq!(sampler.shares(&step[..1], 4).len(), 1);
    }
}
