//! Values of columns.

use crate::types::{Point, Preference, RowGates, TokenPiece, Weights};

/// The name of a point's kind.
pub(super) fn point_kind(point: &Point) -> &'static str {
    match point {
        Point::Preference(_) => "preference",
        Point::Weights(_) => "weights",
    }
}

/// A point from its kind and numbers; `None` where they are none.
pub(super) fn point(kind: &str, coords: Vec<f64>) -> Option<Point> {
    match kind {
        "preference" => Preference::new(coords).ok().map(Point::Preference),
        "weights" => Weights::new(coords).ok().map(Point::Weights),
        _ => None,
    }
}

/// LEB128: seven bits a byte, the lowest first.
fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Whole numbers as LEB128.
pub(super) fn wholes(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.into_iter().for_each(|value| put(&mut bytes, value));
    bytes
}

/// How many whole numbers: each ends with its only byte below 0x80.
pub(super) fn count_wholes(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte < 0x80).count()
}

/// The way back; `None` where the bytes end within a number.
pub(super) fn from_wholes(mut bytes: &[u8]) -> Option<Vec<u64>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(take(&mut bytes)?);
    }
    Some(values)
}

/// Ids and spans of tokens: a span is its start's distance from the last start, and its length.
pub(super) fn tokens(tokens: &[TokenPiece]) -> (Vec<u8>, Vec<u8>) {
    let mut last = 0;
    let spans = tokens.iter().flat_map(|token| {
        let step = token.start.saturating_sub(last);
        last = token.start;
        [step as u64, token.end.saturating_sub(token.start) as u64]
    });
    let spans = wholes(spans);
    (wholes(tokens.iter().map(|t| u64::from(t.id))), spans)
}

/// The way back, within a text of `length` bytes; `None` where the two do not fit each other or the text.
pub(super) fn from_tokens(ids: &[u8], spans: &[u8], length: usize) -> Option<Vec<TokenPiece>> {
    let (ids, spans) = (from_wholes(ids)?, from_wholes(spans)?);
    if spans.len() != 2 * ids.len() {
        return None;
    }
    let mut start = 0_usize;
    ids.iter()
        .zip(spans.chunks_exact(2))
        .map(|(&id, span)| {
            start = start.checked_add(usize::try_from(span[0]).ok()?)?;
            let end = start.checked_add(usize::try_from(span[1]).ok()?)?;
            let id = u32::try_from(id).ok()?;
            (end <= length).then_some(TokenPiece { id, start, end })
        })
        .collect()
}

/// Numbers of 32 bits, little-endian.
pub(super) fn singles(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The way back; `None` where the bytes end within a number.
pub(super) fn from_singles(bytes: &[u8]) -> Option<Vec<f32>> {
    let (words, rest) = bytes.as_chunks::<4>();
    rest.is_empty()
        .then(|| words.iter().map(|word| f32::from_le_bytes(*word)).collect())
}

/// Gates: how many adapters, adapters, routers; which adapters are silent is in the mutes.
pub(super) fn gates(gates: &RowGates) -> Vec<u8> {
    let mut bytes = wholes([gates.adapters.len() as u64, gates.muted.len() as u64]);
    bytes.extend(wholes(gates.muted.iter().map(|m| *m as u64)));
    bytes.extend(singles(&gates.adapters));
    bytes.extend(singles(&gates.routers));
    bytes
}

/// The way back; `None` where they are none.
pub(super) fn from_gates(mut bytes: &[u8]) -> Option<RowGates> {
    let adapters = usize::try_from(take(&mut bytes)?).ok()?;
    let count = usize::try_from(take(&mut bytes)?).ok()?;
    let mut muted = Vec::new();
    for _ in 0..count {
        muted.push(usize::try_from(take(&mut bytes)?).ok()?);
    }
    let mut values = from_singles(bytes)?;
    let routers = (adapters <= values.len()).then(|| values.split_off(adapters))?;
    Some(RowGates {
        adapters: values,
        routers,
        muted,
    })
}

/// A score's column and flag; JSON and SQL have no NaN and no infinity.
pub(super) fn score(value: f64) -> (Option<f64>, &'static str) {
    if value.is_nan() {
        (None, "nan")
    } else if value == f64::INFINITY {
        (None, "+inf")
    } else if value == f64::NEG_INFINITY {
        (None, "-inf")
    } else {
        (Some(value), "ok")
    }
}

/// The way back; `None` where the two do not fit each other. A failed or cut score is NaN.
pub(super) fn from_score(value: Option<f64>, flag: &str) -> Option<f64> {
    match (value, flag) {
        (Some(value), "ok") => Some(value),
        (None, "nan" | "failed" | "cut") => Some(f64::NAN),
        (None, "+inf") => Some(f64::INFINITY),
        (None, "-inf") => Some(f64::NEG_INFINITY),
        _ => None,
    }
}
