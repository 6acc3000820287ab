//! Causal attention of new tokens over a preallocated cache, for rows of any length and position.

use pulp::{Arch, Simd, WithSimd};

use super::arithmetic::softmax_in_place;
use super::cached::{KeyPanels, Stretch, ValuePanels};
use super::tile::{PANEL, accumulate, accumulate_half, blocks, max_rows, with_rows};

/// Multiply-adds below which a second thread costs more than it brings.
const SERIAL_BELOW: usize = 1 << 17;

/// The shape of attention.
#[derive(Debug, Clone, Copy)]
pub struct HeadLayout {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
}

impl HeadLayout {
    fn group(self) -> usize {
        self.heads / self.kv_heads.max(1)
    }
}

/// [`accumulate`] over a stretch of the cache.
#[inline(always)]
fn accumulate_cached<S: Simd, const MR: usize>(
    simd: S,
    rows: &[[f32; MR]],
    cached: Stretch<'_>,
    sums: &mut [[f32; PANEL]; MR],
) {
    match cached {
        Stretch::F32(numbers) => accumulate::<S, MR>(simd, rows.iter(), numbers, sums),
        Stretch::F16(numbers) => accumulate_half::<S, MR>(simd, rows, numbers, sums),
    }
}

/// The new tokens of one row: `tokens` of them, the first at `position`; their keys and values are
/// in the cache already.
#[derive(Debug, Clone, Copy)]
pub struct AttentionRow<'a> {
    /// New tokens.
    pub tokens: usize,
    /// Position of the first.
    pub position: usize,
    /// Cached keys, the new ones included.
    pub keys: &'a KeyPanels,
    /// Cached values, the new ones included.
    pub values: &'a ValuePanels,
}

/// `softmax(q k^T / sqrt(head_dim)) v`, each token seeing its own row up to itself.
///
/// `queries` is `[tokens of all rows, heads * head_dim]`, and so is the result.
pub fn attend(queries: &[f32], rows: &[AttentionRow<'_>], layout: HeadLayout) -> Vec<f32> {
    let width = layout.heads * layout.head_dim;
    let mut output = vec![0.0; queries.len()];
    let group_width = layout.group() * layout.head_dim;
    let mut tasks = Vec::with_capacity(rows.len() * layout.kv_heads);
    let (mut queries, mut rest) = (queries, output.as_mut_slice());
    let mut work = 0;
    for row in rows {
        let (row_queries, other_queries) = queries.split_at(row.tokens * width);
        let (row_output, other_output) = rest.split_at_mut(row.tokens * width);
        (queries, rest) = (other_queries, other_output);
        work += row.tokens * (row.position + row.tokens) * width;
        let first = tasks.len();
        tasks.extend((0..layout.kv_heads).map(|head| Task {
            row: *row,
            head,
            queries: row_queries,
            output: Vec::new(),
        }));
        for token in row_output.chunks_exact_mut(width) {
            for (task, segment) in tasks[first..]
                .iter_mut()
                .zip(token.chunks_exact_mut(group_width))
            {
                task.output.push(segment);
            }
        }
    }
    run(
        &mut tasks,
        layout,
        if work < SERIAL_BELOW {
            1
        } else {
            rayon::current_num_threads() * 4
        },
    );
    output
}

fn run(tasks: &mut [Task<'_>], layout: HeadLayout, pieces: usize) {
    if pieces <= 1 || tasks.len() <= 1 {
        Arch::new().dispatch(Work { tasks, layout });
    } else {
        let half = tasks.len() / 2;
        let (left, right) = tasks.split_at_mut(half);
        rayon::join(
            || run(left, layout, pieces / 2),
            || run(right, layout, pieces / 2),
        );
    }
}

/// All queries of one row that share a key and value head.
struct Task<'a> {
    row: AttentionRow<'a>,
    head: usize,
    queries: &'a [f32],
    /// One segment of `group * head_dim` per token.
    output: Vec<&'a mut [f32]>,
}

struct Work<'a, 'b> {
    tasks: &'b mut [Task<'a>],
    layout: HeadLayout,
}

impl WithSimd for Work<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut scratch = Scratch::default();
        for task in self.tasks {
            let queries = task.row.tokens * self.layout.group();
            for (first, count) in blocks(queries, max_rows::<S>()) {
                with_rows!(S, count, MR => one_block::<S, MR>(simd, task, self.layout, first, &mut scratch));
            }
        }
    }
}

#[derive(Default)]
struct Scratch {
    packed: Vec<f32>,
    scores: Vec<f32>,
}

/// Queries `first..first + MR` of a task, counted token by token, head by head within a token.
#[inline(always)]
fn one_block<S: Simd, const MR: usize>(
    simd: S,
    task: &mut Task<'_>,
    layout: HeadLayout,
    first: usize,
    scratch: &mut Scratch,
) {
    let HeadLayout {
        heads, head_dim, ..
    } = layout;
    let group = layout.group();
    let last_token = (first + MR - 1) / group;
    let visible = |i: usize| task.row.position + (first + i) / group + 1;
    let panels = (task.row.position + last_token + 1).div_ceil(PANEL);
    let positions = panels * PANEL;

    // Queries, scaled, as [head_dim][MR].
    let scale = 1.0 / (head_dim as f32).sqrt();
    scratch.packed.resize(head_dim * MR, 0.0);
    for i in 0..MR {
        let (token, head) = ((first + i) / group, task.head * group + (first + i) % group);
        let query = &task.queries[(token * heads + head) * head_dim..][..head_dim];
        for (target, q) in scratch.packed[i..].iter_mut().step_by(MR).zip(query) {
            *target = q * scale;
        }
    }
    scratch.scores.resize(MR * positions, 0.0);
    for panel in 0..panels {
        let mut sums = [[0.0; PANEL]; MR];
        let keys = task.row.keys.panel(layout, task.head, panel);
        let (queries, _) = scratch.packed.as_chunks::<MR>();
        accumulate_cached::<S, MR>(simd, queries, keys, &mut sums);
        for (i, sums) in sums.iter().enumerate() {
            scratch.scores[i * positions + panel * PANEL..][..PANEL].copy_from_slice(sums);
        }
    }
    for i in 0..MR {
        let scores = &mut scratch.scores[i * positions..][..positions];
        let (seen, unseen) = scores.split_at_mut(visible(i));
        softmax_in_place(seen);
        unseen.fill(0.0);
    }

    // Probabilities as [positions][MR].
    scratch.packed.resize(positions * MR, 0.0);
    for i in 0..MR {
        let scores = &scratch.scores[i * positions..][..positions];
        for (target, p) in scratch.packed[i..].iter_mut().step_by(MR).zip(scores) {
            *target = *p;
        }
    }
    for panel in 0..head_dim.div_ceil(PANEL) {
        let mut sums = [[0.0; PANEL]; MR];
        let values = task.row.values.panel(layout, task.head, panel, positions);
        let (probabilities, _) = scratch.packed.as_chunks::<MR>();
        accumulate_cached::<S, MR>(simd, probabilities, values, &mut sums);
        let width = (head_dim - panel * PANEL).min(PANEL);
        for (i, sums) in sums.iter().enumerate() {
            let (token, head) = ((first + i) / group, (first + i) % group);
            task.output[token][head * head_dim + panel * PANEL..][..width]
                .copy_from_slice(&sums[..width]);
        }
    }
    scratch.packed.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::CacheType;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| (((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5) - 1.0)
            .collect()
    }

    /// The definition, one query at a time.
    fn plain(q: &[f32], k: &[f32], v: &[f32], start: usize, l: HeadLayout) -> Vec<f32> {
        let (w, kw, d) = (l.heads * l.head_dim, l.kv_heads * l.head_dim, l.head_dim);
        let mut out = vec![0.0; q.len()];
        for t in 0..q.len() / w {
            for h in 0..l.heads {
                let kh = h / l.group();
                let scores: Vec<f64> = (0..=start + t)
                    .map(|s| {
                        (0..d)
                            .map(|i| f64::from(q[t * w + h * d + i] * k[s * kw + kh * d + i]))
                            .sum::<f64>()
                            / (d as f64).sqrt()
                    })
                    .collect();
                let top = scores.iter().copied().fold(f64::MIN, f64::max);
                let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
                for i in 0..d {
                    let sum: f64 = scores
                        .iter()
                        .enumerate()
                        .map(|(s, x)| (x - top).exp() / total * f64::from(v[s * kw + kh * d + i]))
                        .sum();
                    out[t * w + h * d + i] = sum as f32;
                }
            }
        }
        out
    }

    #[test]
    fn ragged_rows_agree_with_the_definition() {
        rows_agree(CacheType::F32, 2e-5);
    }

    /// Keys and values below 1 are off by 2^-12 at most; so is what is made of them, about.
    #[test]
    fn rows_of_a_cache_in_f16_agree_within_its_rounding() {
        rows_agree(CacheType::F16, 1e-3);
    }

    fn rows_agree(kind: CacheType, allowed: f32) {
        for layout in [
            HeadLayout {
                heads: 4,
                kv_heads: 2,
                head_dim: 16,
            },
            HeadLayout {
                heads: 3,
                kv_heads: 1,
                head_dim: 40,
            },
            HeadLayout {
                heads: 9,
                kv_heads: 3,
                head_dim: 64,
            },
        ] {
            let (w, kw) = (
                layout.heads * layout.head_dim,
                layout.kv_heads * layout.head_dim,
            );
            let cases = [(1, 0), (37, 0), (1, 63), (5, 31), (2, 100)];
            let mut caches = Vec::new();
            let (mut queries, mut expected) = (Vec::new(), Vec::new());
            for (seed, (tokens, position)) in cases.into_iter().enumerate() {
                let total = tokens + position;
                let (q, k, v) = (
                    numbers(tokens * w, seed),
                    numbers(total * kw, seed + 9),
                    numbers(total * kw, seed + 20),
                );
                let (mut keys, mut values) = (KeyPanels::default(), ValuePanels::default());
                keys.allocate(kind, layout, total);
                values.allocate(kind, layout, total);
                let cut = position.min(3) * kw;
                keys.write(layout, 0, &k[..cut]);
                values.write(layout, 0, &v[..cut]);
                keys.write(layout, cut / kw, &k[cut..]);
                values.write(layout, cut / kw, &v[cut..]);
                expected.extend(plain(&q, &k, &v, position, layout));
                queries.extend(q);
                caches.push((tokens, position, keys, values));
            }
            let rows: Vec<_> = caches
                .iter()
                .map(|(tokens, position, keys, values)| AttentionRow {
                    tokens: *tokens,
                    position: *position,
                    keys,
                    values,
                })
                .collect();
            let together = attend(&queries, &rows, layout);
            let mut token = 0;
            for row in &rows {
                let own = token * w..(token + row.tokens) * w;
                let alone = attend(&queries[own.clone()], &[*row], layout);
                assert_eq!(alone[..], together[own], "a row alone");
                token += row.tokens;
            }
            for (i, (got, want)) in together.iter().zip(&expected).enumerate() {
                assert!(
                    (got - want).abs() < allowed,
                    "{layout:?} at {i}: {got} vs {want}"
                );
            }
        }
    }
}
