//! Exact order statistics of streams too large to keep: the k-th smallest of billions, in passes.
//!
//! Numbers become keys that sort alike. A pass counts, for every wanted rank, how many keys fall into
//! each of 65,536 equal parts of the range where it must lie, and the next pass looks into that part
//! alone. As soon as few enough keys are left they are collected and sorted. Counts are whole
//! numbers, so the order in which threads add them does not matter.

use rayon::prelude::*;

/// Bits of a key that a pass decides.
const DIGIT: u32 = 16;

/// Keys that are collected rather than counted.
const COLLECT: u64 = 1 << 21;

/// The same of values in memory, where another pass costs little.
const COLLECT_IN_MEMORY: u64 = 1 << 14;

/// Keys that a thread counts at a time.
const PIECE: usize = 1 << 18;

/// A rank of one of several streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// Which stream.
    pub(super) stream: usize,
    /// From zero: how many keys of the stream are before it.
    pub(super) rank: u64,
}

/// The search for some ranks; see [`Selection::feed`].
#[derive(Debug)]
pub(super) struct Selection {
    bits: u32,
    collect: u64,
    searches: Vec<Search>,
}

#[derive(Debug)]
struct Search {
    stream: usize,
    /// Of the keys that begin with `prefix`.
    rank: u64,
    prefix: u64,
    known: u32,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Counting(Vec<u64>),
    Collecting(Vec<u64>),
    Found(u64),
}

impl Stage {
    fn for_candidates(count: u64, collect: u64) -> Self {
        if count <= collect {
            Self::Collecting(Vec::with_capacity(count as usize))
        } else {
            Self::Counting(vec![0; 1 << DIGIT])
        }
    }
}

impl Selection {
    /// `bits` of a key count (32 or 64); `sizes` are the keys per stream, above every rank.
    pub(super) fn new(bits: u32, targets: &[Target], sizes: &[u64]) -> Self {
        Self::collecting(COLLECT, bits, targets, sizes)
    }

    fn collecting(collect: u64, bits: u32, targets: &[Target], sizes: &[u64]) -> Self {
        let searches = targets.iter().map(|target| Search {
            stream: target.stream,
            rank: target.rank,
            prefix: 0,
            known: 0,
            stage: Stage::for_candidates(sizes[target.stream], collect),
        });
        Self {
            bits,
            collect,
            searches: searches.collect(),
        }
    }

    /// Whether every rank is found.
    pub(super) fn done(&self) -> bool {
        self.searches
            .iter()
            .all(|search| matches!(search.stage, Stage::Found(_)))
    }

    /// Takes a part of a stream. In every pass all of every stream must come once, in any parts.
    pub(super) fn feed<T: Sync>(
        &mut self,
        stream: usize,
        part: &[T],
        key: impl Fn(&T) -> u64 + Sync,
    ) {
        let bits = self.bits;
        for search in self.searches.iter_mut().filter(|s| s.stream == stream) {
            let (known, prefix) = (search.known, search.prefix);
            let wanted = |key: u64| known == 0 || key >> (bits - known) == prefix;
            match &mut search.stage {
                Stage::Found(_) => {}
                Stage::Collecting(keys) => {
                    keys.par_extend(part.par_iter().map(&key).filter(|&key| wanted(key)));
                }
                Stage::Counting(counts) => {
                    let shift = bits - known - DIGIT;
                    let found = part
                        .par_chunks(PIECE)
                        .fold(
                            || vec![0u64; 1 << DIGIT],
                            |mut counts, piece| {
                                for key in piece.iter().map(&key).filter(|&key| wanted(key)) {
                                    counts[(key >> shift) as usize & ((1 << DIGIT) - 1)] += 1;
                                }
                                counts
                            },
                        )
                        .reduce_with(add);
                    if let Some(found) = found {
                        *counts = add(std::mem::take(counts), found);
                    }
                }
            }
        }
    }

    /// Ends a pass.
    pub(super) fn end_pass(&mut self) {
        for search in &mut self.searches {
            let next = match &mut search.stage {
                Stage::Found(_) => continue,
                Stage::Collecting(keys) => {
                    let rank = search.rank as usize;
                    assert!(rank < keys.len(), "rank {rank} of {} keys", keys.len());
                    Stage::Found(*keys.select_nth_unstable(rank).1)
                }
                Stage::Counting(counts) => {
                    let mut bin = 0;
                    while search.rank >= counts[bin] {
                        search.rank -= counts[bin];
                        bin += 1;
                    }
                    search.prefix = search.prefix << DIGIT | bin as u64;
                    search.known += DIGIT;
                    if search.known == self.bits {
                        Stage::Found(search.prefix)
                    } else {
                        Stage::for_candidates(counts[bin], self.collect)
                    }
                }
            };
            search.stage = next;
        }
    }

    /// The keys found, one per target; 0 for those not yet found.
    pub(super) fn keys(&self) -> Vec<u64> {
        self.searches
            .iter()
            .map(|search| match search.stage {
                Stage::Found(key) => key,
                _ => 0,
            })
            .collect()
    }
}

fn add(mut counts: Vec<u64>, more: Vec<u64>) -> Vec<u64> {
    for (count, more) in counts.iter_mut().zip(more) {
        *count += more;
    }
    counts
}

/// A magnitude as a key of 32 bits.
pub(super) fn magnitude_key(value: &f32) -> u64 {
    u64::from(value.abs().to_bits())
}

/// The magnitude of a key.
pub(super) fn magnitude(key: u64) -> f32 {
    f32::from_bits(key as u32)
}

/// A finite number as a key of 64 bits: negative numbers turn over, positive ones follow them.
pub(super) fn number_key(value: &f64) -> u64 {
    let bits = (value + 0.0).to_bits(); // -0 and 0 are one number
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// The number of a key.
pub(super) fn number(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !key
    })
}

/// The `rank`-th smallest magnitude (from zero) of values in memory.
pub(super) fn nth_magnitude(values: &[f32], rank: usize) -> f32 {
    let target = Target {
        stream: 0,
        rank: rank as u64,
    };
    let size = values.len() as u64;
    let mut selection = Selection::collecting(COLLECT_IN_MEMORY, 32, &[target], &[size]);
    while !selection.done() {
        selection.feed(0, values, magnitude_key);
        selection.end_pass();
    }
    magnitude(selection.keys()[0])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_sort_as_numbers_do_and_come_back() {
        let sorted = [-f64::MAX, -2.5, -1e-300, 0.0, 5e-324, 1.0, 1.5, f64::MAX];
        assert!(
            sorted
                .windows(2)
                .all(|w| number_key(&w[0]) < number_key(&w[1]))
        );
        assert!(sorted.iter().all(|v| number(number_key(v)) == *v));
        assert_eq!(number_key(&-0.0), number_key(&0.0));
        assert_eq!(magnitude(magnitude_key(&-1.25)), 1.25);
    }

    /// Counts to the last digit, and collects nothing.
    fn counted(bits: u32, values: &[u64], rank: usize) -> u64 {
        let target = Target {
            stream: 0,
            rank: rank as u64,
        };
        let size = values.len() as u64;
        let mut selection = Selection::collecting(0, bits, &[target], &[size]);
        let mut passes = 0;
        while !selection.done() {
            for part in values.chunks(7) {
                selection.feed(0, part, |v| *v);
            }
            selection.end_pass();
            passes += 1;
        }
        assert_eq!(passes, bits / DIGIT);
        selection.keys()[0]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn it_is_what_sorting_finds(values in prop::collection::vec(-4i32..4, 1..200), at in 0.0f64..1.0) {
            let values: Vec<f32> = values.iter().map(|v| *v as f32 / 3.0).collect();
            let rank = (at * values.len() as f64) as usize;
            let mut sorted: Vec<f32> = values.iter().map(|v| v.abs()).collect();
            sorted.sort_by(f32::total_cmp);
            prop_assert_eq!(nth_magnitude(&values, rank), sorted[rank]);
            let keys: Vec<u64> = values.iter().map(magnitude_key).collect();
            prop_assert_eq!(magnitude(counted(32, &keys, rank)), sorted[rank]);
        }

        #[test]
        fn counting_finds_numbers_of_64_bits(values in prop::collection::vec(any::<u64>(), 1..100), at in 0.0f64..1.0) {
            let rank = (at * values.len() as f64) as usize;
            let mut sorted = values.clone();
            sorted.sort_unstable();
            prop_assert_eq!(counted(64, &values, rank), sorted[rank]);
        }
    }

    #[test]
    fn streams_are_kept_apart() {
        let targets = [(0, 0), (1, 0), (0, 2)].map(|(stream, rank)| Target { stream, rank });
        let mut selection = Selection::new(64, &targets, &[3, 2]);
        selection.feed(0, &[3u64, 1, 2], |v| *v);
        selection.feed(1, &[9u64, 8], |v| *v);
        selection.end_pass();
        assert!(selection.done());
        assert_eq!(selection.keys(), [1, 8, 3]);
    }
}
