//! The least arithmetic that scoring a text takes, for benchmarks.

/// Multiply-adds of a transformer block over `tokens`, of which `wanted` come out (all, or one).
pub(super) fn block([width, inner]: [usize; 2], tokens: usize, wanted: usize, causal: bool) -> u64 {
    let linear = 2 * tokens * width * width + wanted * 2 * width * (width + inner);
    (linear + 2 * width * pairs(wanted, tokens, causal)) as u64
}

/// Multiply-adds of attention to another sequence of `keys`.
pub(super) fn cross(width: usize, keys: usize, wanted: usize) -> u64 {
    let linear = 2 * keys * width * width + wanted * 2 * width * width;
    (linear + 2 * width * wanted * keys) as u64
}

/// Pairs of a query and a key that it sees.
fn pairs(queries: usize, keys: usize, causal: bool) -> usize {
    if causal && queries == keys {
        keys * (keys + 1) / 2
    } else {
        queries * keys
    }
}

/// The sum of `each(wanted)` over layers, where all tokens come out of all but the last.
pub(super) fn layers(count: usize, tokens: usize, each: impl Fn(usize) -> u64) -> u64 {
    match count {
        0 => 0,
        _ => (count as u64 - 1) * each(tokens) + each(1),
    }
}
