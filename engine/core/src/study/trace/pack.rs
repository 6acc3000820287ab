//! Gates as bytes.
//!
//! Gates that are shares take one byte each: of 255, by largest remainder, of the adapters that speak alone; the loudest of
//! them is left out, since all sum to 255. Others take 16 bits, or 32 where that would be further off than
//! [`LARGEST_ERROR`]. Gates that are the same at every token are kept once, as they are. All is deflated, token by token:
//! on answers of the demonstration no order of modules and experts saves more than one part in fifty, and differences
//! between neighbours cost a quarter.

use std::io::{Read as _, Write as _};

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use half::f16;

use super::super::encode;
use crate::types::GateRecord;

/// How far a gate may be off after packing.
pub const LARGEST_ERROR: f32 = 0.003;

/// How far from 1 the sum of shares may be.
const SUM: f32 = 1e-3;

/// How values are packed, as `trace.encoding` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// 32 bits, for one token that stands for all.
    Static = 1,
    /// Parts of 255 of those who speak, without the last of them.
    Shares = 2,
    /// 16 bits.
    Halves = 3,
    /// 32 bits.
    Singles = 4,
}

impl Encoding {
    pub(super) const ALL: [Self; 4] = [Self::Static, Self::Shares, Self::Halves, Self::Singles];

    /// The one of this number.
    pub(super) fn of(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|e| *e as i64 == number)
    }
}

pub(super) fn crc(bytes: &[u8]) -> i64 {
    let mut crc = Crc::new();
    crc.update(bytes);
    i64::from(crc.sum())
}

pub(super) fn deflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The way back, into exactly so many bytes; a file that says otherwise takes no more memory than these.
pub(super) fn inflate(data: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = (length as u64).checked_add(1)?;
    DeflateDecoder::new(data)
        .take(most)
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() == length).then_some(bytes)
}

/// How large a record is, and who speaks in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) tokens: usize,
    pub(super) sites: usize,
    pub(super) adapters: usize,
    /// The places of the adapters that speak, in the order of their shares.
    pub(super) speaks: Vec<usize>,
}

impl Sizes {
    /// Whether there can be such a record, also where hardly a byte stands behind it.
    fn is_possible(&self) -> bool {
        let speaks = |at: &usize| *at < self.adapters;
        let values = self.rows().and_then(|all| all.checked_mul(self.adapters));
        self.speaks.iter().all(speaks) && values.is_some_and(|all| all < 1 << 26)
    }

    fn rows(&self) -> Option<usize> {
        self.tokens.checked_mul(self.sites)
    }
}

/// Bytes before deflating; `None` where they are too many to count.
pub(super) fn expected(encoding: Encoding, sizes: &Sizes) -> Option<usize> {
    let (tokens, adapters, each) = match encoding {
        Encoding::Static => (sizes.tokens.min(1), sizes.adapters, 4),
        Encoding::Shares => (sizes.tokens, sizes.speaks.len().saturating_sub(1), 1),
        Encoding::Halves => (sizes.tokens, sizes.adapters, 2),
        Encoding::Singles => (sizes.tokens, sizes.adapters, 4),
    };
    tokens
        .checked_mul(sizes.sites)?
        .checked_mul(adapters)?
        .checked_mul(each)
}

/// A record as bytes, how they are to be read, and who speaks in it.
pub(super) fn pack(record: &GateRecord) -> (Encoding, Vec<usize>, Vec<u8>) {
    let values = &record.values;
    let width = record.adapters.len();
    let stride = record.sites.len() * width;
    let all: Vec<usize> = (0..width).collect();
    let mut tokens = values.chunks_exact(stride.max(1));
    let same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    if let Some(first) = tokens.next()
        && tokens.all(|token| same(first, token))
    {
        return (Encoding::Static, all, encode::singles(first));
    }
    let speaks = speaking(values, width);
    if let Some(bytes) = shares(values, width, &speaks) {
        return (Encoding::Shares, speaks, bytes);
    }
    match halves(values) {
        Some(bytes) => (Encoding::Halves, all, bytes),
        None => (Encoding::Singles, all, encode::singles(values)),
    }
}

pub(super) fn unpack(encoding: Encoding, sizes: &Sizes, bytes: &[u8]) -> Option<Vec<f32>> {
    match encoding {
        Encoding::Static => {
            sizes
                .tokens
                .checked_mul(bytes.len())
                .filter(|all| *all < 1 << 32)?;
            encode::from_singles(bytes).map(|one| one.repeat(sizes.tokens))
        }
        Encoding::Singles => encode::from_singles(bytes),
        Encoding::Halves => {
            let (words, _none) = bytes.as_chunks::<2>();
            Some(
                words
                    .iter()
                    .map(|w| f16::from_le_bytes(*w).to_f32())
                    .collect(),
            )
        }
        Encoding::Shares => from_shares(sizes, bytes),
    }
}

/// The places of those who speak anywhere, the loudest last.
fn speaking(values: &[f32], width: usize) -> Vec<usize> {
    let mut sums = vec![0.0_f64; width];
    for row in values.chunks_exact(width.max(1)) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value.abs());
        }
    }
    let mut speaks: Vec<usize> = (0..width).filter(|&at| sums[at] != 0.0).collect();
    let loudest = (0..speaks.len()).max_by(|&a, &b| sums[speaks[a]].total_cmp(&sums[speaks[b]]));
    if let Some(at) = loudest {
        let loudest = speaks.remove(at);
        speaks.push(loudest);
    }
    speaks
}

/// Shares of each module as parts of 255 of those who speak, without the last of them; `None` where they are none, or one
/// would be too far off.
fn shares(values: &[f32], width: usize, speaks: &[usize]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len());
    for all in values.chunks_exact(width.max(1)) {
        let row: Vec<f32> = speaks.iter().map(|&at| all[at]).collect();
        let sum: f32 = row.iter().sum();
        let share = |value: &f32| value.is_finite() && *value >= 0.0;
        if !row.iter().all(share) || (sum - 1.0).abs() > SUM {
            return None;
        }
        let whole = to_parts(&row);
        let (_last, kept) = whole.split_last()?;
        bytes.extend(kept);
        let far =
            |(value, whole): (&f32, &u8)| (value - f32::from(*whole) / 255.0).abs() > LARGEST_ERROR;
        if row.iter().zip(&whole).any(far) {
            return None;
        }
    }
    Some(bytes)
}

fn from_shares(sizes: &Sizes, bytes: &[u8]) -> Option<Vec<f32>> {
    let rows = sizes.rows().filter(|_| sizes.is_possible())?;
    if rows == 0 {
        return Some(Vec::new());
    }
    let kept = sizes.speaks.len().checked_sub(1)?;
    let mut values = vec![0.0; rows * sizes.adapters];
    for (at, row) in values.chunks_exact_mut(sizes.adapters.max(1)).enumerate() {
        let parts = bytes.get(at * kept..(at + 1) * kept)?;
        let given: usize = parts.iter().map(|part| usize::from(*part)).sum();
        let last = u8::try_from(255_usize.checked_sub(given)?).ok()?;
        for (&place, part) in sizes.speaks.iter().zip(parts.iter().chain([&last])) {
            row[place] = f32::from(*part) / 255.0;
        }
    }
    Some(values)
}

/// Shares that sum to about 1 as whole numbers that sum to 255, by largest remainder (Hamilton's method).
fn to_parts(row: &[f32]) -> Vec<u8> {
    let sum: f64 = row.iter().map(|v| f64::from(*v)).sum();
    let exact: Vec<f64> = row.iter().map(|v| f64::from(*v) / sum * 255.0).collect();
    let mut whole: Vec<u8> = exact.iter().map(|v| v.floor() as u8).collect();
    let given: usize = whole.iter().map(|v| usize::from(*v)).sum();
    let mut order: Vec<usize> = (0..row.len()).collect();
    let rest = |at: usize| exact[at] - exact[at].floor();
    order.sort_by(|&a, &b| rest(b).total_cmp(&rest(a)).then(a.cmp(&b)));
    for &at in order.iter().take(255_usize.saturating_sub(given)) {
        whole[at] += 1;
    }
    whole
}

/// 16 bits each; `None` where one would be too far off.
fn halves(values: &[f32]) -> Option<Vec<u8>> {
    let near = |value: &f32| {
        let half = f16::from_f32(*value);
        ((half.to_f32() - value).abs() <= LARGEST_ERROR).then_some(half.to_le_bytes())
    };
    values
        .iter()
        .map(near)
        .collect::<Option<Vec<_>>>()
        .map(|all| all.concat())
}
