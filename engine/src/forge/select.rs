//! Exact order statistics of streams too large to keep: the k-th smallest of billions, in passes.
//!
//! Numbers become keys that sort alike. A pass counts, for every wanted rank, how many keys fall into
//! each of 65,536 equal parts of the range where it must lie, and the next pass looks into that part
//! alone. As soon as few enough keys are left they are collected and sorted. Counts are whole
//! numbers, so the order in which threads add them does not matter.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Bits of a key that a pass decides.
const DIGIT: u32 = 16;

/// Keys that are collected rather than counted.
const COLLECT: u64 = 1 << 21;

/// Values that are collected where they lie in memory, where another pass costs little.
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

/// Where one search stands between two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    rank: u64,
    prefix: u64,
    known: u32,
    next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Next {
    Count,
    /// This many keys are left.
    Collect(usize),
    /// Nothing: the key is found.
    Found(u64),
}

#[derive(Debug, Clone)]
enum Stage {
    Counting(Vec<u64>),
    Collecting(Vec<u64>),
    Found(u64),
}

impl Stage {
    fn add(&mut self, more: Self) {
        match (self, more) {
            (Self::Counting(counts), Self::Counting(more)) => {
                for (count, more) in counts.iter_mut().zip(more) {
                    *count += more;
                }
            }
            (Self::Collecting(keys), Self::Collecting(more)) => keys.extend(more),
            // A search that is over, or whose twin has counted.
            _ => {}
        }
    }

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
        let pieces: Vec<&[T]> = part.chunks(PIECE).collect();
        self.tally(pieces.len(), |tally, range| {
            for piece in &pieces[range] {
                tally.take(stream, piece, &key);
            }
        });
    }

    /// [`Selection::feed`] of numbers that are computed when they are wanted: `produce` fills a piece
    /// of every stream, and is called once per piece.
    pub(super) fn feed_computed(
        &mut self,
        streams: usize,
        pieces: usize,
        produce: impl Fn(usize, &mut [Vec<f64>]) + Sync,
        key: impl Fn(&f64) -> u64 + Sync,
    ) {
        self.tally(pieces, |tally, range| {
            let mut values = vec![Vec::new(); streams];
            for index in range {
                produce(index, &mut values);
                for (stream, values) in values.iter().enumerate() {
                    tally.take(stream, values, &key);
                }
            }
        });
    }

    /// Counts and collects pieces on all threads. Only sums and sets are kept, so who takes which piece
    /// does not matter.
    fn tally(&mut self, pieces: usize, take: impl Fn(&mut Tally<'_>, Range<usize>) + Sync) {
        let groups = rayon::current_num_threads().clamp(1, pieces.max(1));
        let group = pieces.div_ceil(groups).max(1);
        let searches = &self.searches;
        let found = (0..groups)
            .into_par_iter()
            .map(|index| {
                let mut tally = Tally::new(self.bits, searches);
                let start = (index * group).min(pieces);
                take(&mut tally, start..(start + group).min(pieces));
                tally.found
            })
            .reduce_with(|mut all, more| {
                for (all, more) in all.iter_mut().zip(more) {
                    all.add(more);
                }
                all
            });
        for (index, found) in found.into_iter().flatten().enumerate() {
            self.searches[index].stage.add(found);
            for twin in index + 1..self.searches.len() {
                if Tally::twin(&self.searches, twin) == Some(index) {
                    self.searches[twin].stage = self.searches[index].stage.clone();
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

    /// Where the searches stand after a pass, to be kept.
    pub(super) fn standing(&self) -> Vec<Standing> {
        let standing = |search: &Search| Standing {
            rank: search.rank,
            prefix: search.prefix,
            known: search.known,
            next: match &search.stage {
                Stage::Counting(_) => Next::Count,
                Stage::Collecting(keys) => Next::Collect(keys.capacity()),
                Stage::Found(key) => Next::Found(*key),
            },
        };
        self.searches.iter().map(standing).collect()
    }

    /// Goes on where searches for the same targets in the same streams stood.
    pub(super) fn go_on(&mut self, standing: &[Standing]) {
        for (search, kept) in self.searches.iter_mut().zip(standing) {
            search.rank = kept.rank;
            search.prefix = kept.prefix;
            search.known = kept.known;
            search.stage = match kept.next {
                Next::Count => Stage::Counting(vec![0; 1 << DIGIT]),
                Next::Collect(count) => Stage::Collecting(Vec::with_capacity(count)),
                Next::Found(key) => Stage::Found(key),
            };
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

/// What one thread finds, search by search.
struct Tally<'a> {
    bits: u32,
    searches: &'a [Search],
    found: Vec<Stage>,
}

impl<'a> Tally<'a> {
    fn new(bits: u32, searches: &'a [Search]) -> Self {
        let empty = |(index, search): (usize, &Search)| match &search.stage {
            _ if Self::twin(searches, index).is_some() => Stage::Collecting(Vec::new()),
            Stage::Counting(_) => Stage::Counting(vec![0; 1 << DIGIT]),
            Stage::Collecting(_) | Stage::Found(_) => Stage::Collecting(Vec::new()),
        };
        Self {
            bits,
            searches,
            found: searches.iter().enumerate().map(empty).collect(),
        }
    }

    /// An earlier search that counts the very same keys, whose counts will do.
    fn twin(searches: &[Search], index: usize) -> Option<usize> {
        let search = &searches[index];
        let same = |other: &Search| {
            (other.stream, other.known, other.prefix)
                == (search.stream, search.known, search.prefix)
                && matches!(
                    (&other.stage, &search.stage),
                    (Stage::Counting(_), Stage::Counting(_))
                )
        };
        searches[..index].iter().position(same)
    }

    fn take<T>(&mut self, stream: usize, piece: &[T], key: &impl Fn(&T) -> u64) {
        for (index, search) in self.searches.iter().enumerate() {
            let over = matches!(search.stage, Stage::Found(_));
            if search.stream != stream || over || Self::twin(self.searches, index).is_some() {
                continue;
            }
            let (bits, known, prefix) = (self.bits, search.known, search.prefix);
            let keys = piece.iter().map(key);
            let keys = keys.filter(|&key| known == 0 || key >> (bits - known) == prefix);
            match &mut self.found[index] {
                Stage::Found(_) => {}
                Stage::Collecting(found) => found.extend(keys),
                Stage::Counting(counts) => {
                    let shift = bits - known - DIGIT;
                    for key in keys {
                        counts[(key >> shift) as usize & ((1 << DIGIT) - 1)] += 1;
                    }
                }
            }
        }
    }
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
    fn a_search_goes_on_after_any_pass() {
        let values: Vec<u64> = (0..500u64)
            .map(|i| i * i * 0x1234_5678_9abc % (1 << 40))
            .collect();
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let target = Target {
            stream: 0,
            rank: 77,
        };
        let fresh = || Selection::collecting(3, 64, &[target], &[500]);
        let mut standing = fresh().standing();
        let mut passes = 0;
        loop {
            let text = serde_json::to_string(&standing).unwrap();
            let mut selection = fresh();
            selection.go_on(&serde_json::from_str::<Vec<Standing>>(&text).unwrap());
            if selection.done() {
                assert_eq!(selection.keys(), [sorted[77]]);
                break;
            }
            selection.feed(0, &values, |v| *v);
            selection.end_pass();
            standing = selection.standing();
            passes += 1;
        }
        assert!(passes >= 2, "{passes}");
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
