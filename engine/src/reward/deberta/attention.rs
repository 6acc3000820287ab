//! Disentangled attention: content to content, content to position, position to content.

use candle_core::{Device, Result as CandleResult, Tensor};

use super::config::Config;
use super::position::Buckets;
use crate::Result;
use crate::kernels::PackedMatrix;
use crate::reward::loader::Loader;
use crate::reward::ops::{HeadRows, Linear, host, per_head, product, softmax_rows};

/// Columns that are filled in at a time: the rows of position scores that they need fit the
/// nearest cache.
const COLUMNS: usize = 16;

/// One layer's attention, with its positions projected once and for all.
#[derive(Debug)]
pub(super) struct Disentangled {
    heads: usize,
    scale: f32,
    positions: Option<Positions>,
}

/// Per head, a row per bucket.
#[derive(Debug)]
struct Positions {
    buckets: Buckets,
    /// What queries look at.
    keys: Option<Vec<PackedMatrix>>,
    /// What looks at keys.
    queries: Option<Vec<PackedMatrix>>,
}

impl Disentangled {
    /// `relative` are the embeddings of relative positions `[2 span, width]`; `shared` the layer's
    /// own projections of queries and keys.
    pub(super) fn load(
        loader: &Loader<'_>,
        config: &Config,
        relative: Option<&Tensor>,
        at: &str,
        shared: [&Linear; 2],
    ) -> Result<Self> {
        let (width, heads) = (config.width, config.heads);
        let mut terms = 1;
        let mut positions = None;
        if let (Some(how), Some(table)) = (&config.relative, relative) {
            terms += usize::from(how.content_to_position) + usize::from(how.position_to_content);
            let projected = |wanted: bool, name: &str, own: &Linear| -> Result<_> {
                if !wanted {
                    return Ok(None);
                }
                let rows = if how.shared {
                    own.forward(table)?
                } else {
                    let path = format!("{at}.attention.self.{name}");
                    loader.linear(&path, [width, width])?.forward(table)?
                };
                Ok(Some(per_head_rows(&rows, heads)?))
            };
            positions = Some(Positions {
                buckets: how.buckets,
                keys: projected(how.content_to_position, "pos_key_proj", shared[1])?,
                queries: projected(how.position_to_content, "pos_query_proj", shared[0])?,
            });
        }
        Ok(Self {
            heads,
            scale: 1.0 / ((width / heads * terms) as f32).sqrt(),
            positions,
        })
    }

    /// Rows of the table of positions that a text of this length uses.
    pub(super) fn rows(&self, tokens: usize) -> usize {
        let furthest = tokens as isize - 1;
        self.positions.as_ref().map_or(0, |positions| {
            positions.buckets.row(furthest) - positions.buckets.row(-furthest) + 1
        })
    }

    /// Queries `[sum of queries, width]`, keys and values `[sum of keys, width]`; a text's queries
    /// are its first tokens.
    pub(super) fn forward(
        &self,
        [q, k, v]: [&Tensor; 3],
        queries: &[usize],
        keys: &[usize],
    ) -> CandleResult<Tensor> {
        let (rows, width) = q.dims2()?;
        let (q, k, v) = (host(q)?, host(k)?, host(v)?);
        let longest = keys.iter().copied().max().unwrap_or(0) as isize;
        // Row of the position table by `query - key + longest - 1`.
        let table: Vec<usize> = self.positions.as_ref().map_or_else(Vec::new, |positions| {
            (1 - longest..longest)
                .map(|distance| positions.buckets.row(distance))
                .collect()
        });
        let mixed = per_head(self.heads, width, queries, keys, |head, query, key| {
            let of = |values, rows| HeadRows::new(values, rows, width, self.heads, head);
            let (key_rows, value_rows) = (of(&k, key.clone()), of(&v, key.clone()));
            let (count, columns) = (query.len(), key.len());
            let input = of(&q, query).input();
            let mut scores = product(&input, &key_rows.packed());
            if let Some(positions) = &self.positions {
                let part = |list: &Option<Vec<PackedMatrix>>, rows| {
                    let weights = list.as_ref()?.get(head)?;
                    Some((product(rows, weights), weights.out()))
                };
                let nearest = &table[longest as usize - columns..];
                if let Some((to_position, span)) = part(&positions.keys, &input) {
                    add_to_scores(&mut scores, [count, columns], nearest, |query, _, row| {
                        to_position[query * span + row]
                    });
                }
                if let Some((to_content, span)) = part(&positions.queries, &key_rows.input()) {
                    add_to_scores(&mut scores, [count, columns], nearest, |_, key, row| {
                        to_content[key * span + row]
                    });
                }
            }
            softmax_rows(&mut scores, columns, self.scale, |_| columns);
            value_rows.mix(&scores, count)
        });
        Tensor::from_vec(mixed, (rows, width), &Device::Cpu)
    }
}

/// `scores[query, key] += value(query, key, row of their distance)`, where `rows` gives the row by
/// `query - key + columns - 1`.
#[inline(always)]
fn add_to_scores(
    scores: &mut [f32],
    [queries, columns]: [usize; 2],
    rows: &[usize],
    value: impl Fn(usize, usize, usize) -> f32,
) {
    for first in (0..columns).step_by(COLUMNS) {
        let last = (first + COLUMNS).min(columns);
        for query in 0..queries {
            let near = &rows[query + columns - last..query + columns - first];
            let scores = &mut scores[query * columns + first..query * columns + last];
            for ((key, score), row) in (first..last).zip(scores).zip(near.iter().rev()) {
                *score += value(query, key, *row);
            }
        }
    }
}

/// `[rows, width]` as one packed matrix per head.
fn per_head_rows(rows: &Tensor, heads: usize) -> CandleResult<Vec<PackedMatrix>> {
    let (count, width) = rows.dims2()?;
    let values = host(rows)?;
    Ok((0..heads)
        .map(|head| HeadRows::new(&values, 0..count, width, heads, head).packed())
        .collect())
}
