//! Causal attention of new tokens over a preallocated cache, for rows of any length and position.

use pulp::{Arch, Simd, WithSimd};

use super::arithmetic::{softmax_in_place, tanh};
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

/// How what a token sees is weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scoring {
    /// What products of queries and keys are multiplied by.
    pub scale: f32,
    /// Scores become `cap * tanh(score / cap)`.
    pub cap: Option<f32>,
    /// Positions that a token sees, itself counted; `None` for all before it.
    pub window: Option<usize>,
}

impl Scoring {
    /// Scores divided by the root of the heads' width, everything before seen.
    pub fn plain(head_dim: usize) -> Self {
        Self {
            scale: 1.0 / (head_dim as f32).sqrt(),
            cap: None,
            window: None,
        }
    }

    /// The first position that a token at `position` sees.
    pub fn first_seen(&self, position: usize) -> usize {
        let before = self
            .window
            .map(|window| (position + 1).saturating_sub(window));
        before.unwrap_or(0)
    }
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

/// `softmax(scale q k^T) v`, each token seeing its own row up to itself, as far back as the window goes.
///
/// `queries` is `[tokens of all rows, heads * head_dim]`, and so is the result.
pub fn attend(
    queries: &[f32],
    rows: &[AttentionRow<'_>],
    layout: HeadLayout,
    scoring: Scoring,
) -> Vec<f32> {
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
        (layout, scoring),
        if work < SERIAL_BELOW {
            1
        } else {
            rayon::current_num_threads() * 4
        },
    );
    output
}

fn run(tasks: &mut [Task<'_>], shape: (HeadLayout, Scoring), pieces: usize) {
    if pieces <= 1 || tasks.len() <= 1 {
        Arch::new().dispatch(Work { tasks, shape });
    } else {
        let half = tasks.len() / 2;
        let (left, right) = tasks.split_at_mut(half);
        rayon::join(
            || run(left, shape, pieces / 2),
            || run(right, shape, pieces / 2),
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
    shape: (HeadLayout, Scoring),
}

impl WithSimd for Work<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut scratch = Scratch::default();
        for task in self.tasks {
            let queries = task.row.tokens * self.shape.0.group();
            for (first, count) in blocks(queries, max_rows::<S>()) {
                with_rows!(S, count, MR => one_block::<S, MR>(simd, task, self.shape, first, &mut scratch));
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
    (layout, scoring): (HeadLayout, Scoring),
    first: usize,
    scratch: &mut Scratch,
) {
    let HeadLayout {
        heads, head_dim, ..
    } = layout;
    let group = layout.group();
    let last_token = (first + MR - 1) / group;
    // Panels that end before the first query's window are left out.
    let skipped = scoring.first_seen(task.row.position + first / group) / PANEL;
    let start = skipped * PANEL;
    let visible = |i: usize| {
        let position = task.row.position + (first + i) / group;
        (scoring.first_seen(position) - start, position + 1 - start)
    };
    let panels = (task.row.position + last_token + 1).div_ceil(PANEL) - skipped;
    let positions = panels * PANEL;

    // Queries, scaled, as [head_dim][MR].
    scratch.packed.resize(head_dim * MR, 0.0);
    for i in 0..MR {
        let (token, head) = ((first + i) / group, task.head * group + (first + i) % group);
        let query = &task.queries[(token * heads + head) * head_dim..][..head_dim];
        for (target, q) in scratch.packed[i..].iter_mut().step_by(MR).zip(query) {
            *target = q * scoring.scale;
        }
    }
    scratch.scores.resize(MR * positions, 0.0);
    for panel in 0..panels {
        let mut sums = [[0.0; PANEL]; MR];
        let keys = task.row.keys.panel(layout, task.head, skipped + panel);
        let (queries, _) = scratch.packed.as_chunks::<MR>();
        accumulate_cached::<S, MR>(simd, queries, keys, &mut sums);
        for (i, sums) in sums.iter().enumerate() {
            scratch.scores[i * positions + panel * PANEL..][..PANEL].copy_from_slice(sums);
        }
    }
    for i in 0..MR {
        let scores = &mut scratch.scores[i * positions..][..positions];
        let (from, to) = visible(i);
        let (seen, unseen) = scores.split_at_mut(to);
        let (left, seen) = seen.split_at_mut(from);
        if let Some(cap) = scoring.cap {
            for score in seen.iter_mut() {
                *score = cap * tanh(*score / cap);
            }
        }
        softmax_in_place(seen);
        left.fill(0.0);
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
        let values = task
            .row
            .values
            .panel(layout, task.head, panel, start..start + positions);
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
    fn plain(
        [q, k, v]: [&[f32]; 3],
        start: usize,
        (l, scoring): (HeadLayout, Scoring),
    ) -> Vec<f32> {
        let (w, kw, d) = (l.heads * l.head_dim, l.kv_heads * l.head_dim, l.head_dim);
        let mut out = vec![0.0; q.len()];
        for t in 0..q.len() / w {
            for h in 0..l.heads {
                let kh = h / l.group();
                let first = scoring.window.map_or(0, |n| (start + t + 1).max(n) - n);
                let scores: Vec<f64> = (first..=start + t)
                    .map(|s| {
                        let product: f64 = (0..d)
                            .map(|i| f64::from(q[t * w + h * d + i] * k[s * kw + kh * d + i]))
                            .sum();
                        let score = product * f64::from(scoring.scale);
                        let cap = scoring.cap.map(f64::from);
                        cap.map_or(score, |cap| cap * (score / cap).tanh())
                    })
                    .collect();
                let top = scores.iter().copied().fold(f64::MIN, f64::max);
                let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
                for i in 0..d {
                    let sum: f64 = scores
                        .iter()
                        .enumerate()
                        .map(|(s, x)| {
                            let value = f64::from(v[(first + s) * kw + kh * d + i]);
                            (x - top).exp() / total * value
                        })
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

    /// Keys and values below 1 are off by 2^-12 at most, and a score is a sum of up to 64 of them.
    #[test]
    fn rows_of_a_cache_in_f16_agree_within_its_rounding() {
        rows_agree(CacheType::F16, 2e-3);
    }

    fn rows_agree(kind: CacheType, allowed: f32) {
        let layout = |heads, kv_heads, head_dim| HeadLayout {
            heads,
            kv_heads,
            head_dim,
        };
        let scorings = [
            (None, None, 0.25),
            (None, Some(1), 0.2),
            (Some(0.7), Some(33), 0.5),
            (Some(2.0), Some(64), 1.0),
        ];
        let scorings = scorings.map(|(cap, window, scale)| Scoring { scale, cap, window });
        let layouts = [layout(4, 2, 16), layout(3, 1, 40), layout(9, 3, 64)];
        let cases = layouts.iter().flat_map(|layout| {
            let plain = Scoring::plain(layout.head_dim);
            [plain]
                .into_iter()
                .chain(scorings)
                .map(move |s| (*layout, s))
        });
        for (layout, scoring) in cases {
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
                expected.extend(plain([&q, &k, &v], position, (layout, scoring)));
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
            let together = attend(&queries, &rows, layout, scoring);
            let mut token = 0;
            for row in &rows {
                let own = token * w..(token + row.tokens) * w;
                let alone = attend(&queries[own.clone()], &[*row], layout, scoring);
                assert_eq!(alone[..], together[own], "a row alone");
                token += row.tokens;
            }
            for (i, (got, want)) in together.iter().zip(&expected).enumerate() {
                assert!(
                    (got - want).abs() < allowed,
                    "{layout:?} {scoring:?} at {i}: {got} vs {want}"
                );
            }
        }
    }
}
