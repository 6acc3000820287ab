//! Gates per token, averaged over the chosen modules; kept up to date as tokens arrive.

use std::sync::Arc;

use super::trace::TokenTrace;
use crate::gpu::Matrix;
use crate::state::{HeatmapOptions, SiteMap};

/// What a table of gates was made for; when it changes, the table starts again.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    run: u64,
    rows: Vec<(Vec<usize>, Option<usize>)>,
    sites: usize,
    adapters: usize,
}

/// Means of gates, `[tokens, rows]`: the data of a matrix, and with one row per adapter the shares of the strip.
#[derive(Debug, Clone, Default)]
pub(super) struct Shares {
    key: Option<Key>,
    matrix: Matrix,
    highest: f32,
}

impl Shares {
    /// One row per adapter, each the mean over the chosen sites.
    pub(super) fn by_adapter(
        &mut self,
        trace: &TokenTrace<'_>,
        map: &SiteMap,
        options: &HeatmapOptions,
    ) {
        let sites = map.sites(map.layer(options.layer), map.module(&options.module));
        let rows = (0..trace.adapters.len())
            .map(|adapter| (sites.clone(), Some(adapter)))
            .collect();
        self.update(trace, rows);
    }

    /// One row per layer, each the mean of one adapter over the chosen modules of the layer.
    pub(super) fn by_layer(
        &mut self,
        trace: &TokenTrace<'_>,
        map: &SiteMap,
        options: &HeatmapOptions,
    ) {
        let module = map.module(&options.module);
        let adapter = options.adapter.min(trace.adapters.len().saturating_sub(1));
        let rows = map
            .layers
            .iter()
            .map(|&layer| (map.sites(Some(layer), module), Some(adapter)))
            .collect();
        self.update(trace, rows);
    }

    fn update(&mut self, trace: &TokenTrace<'_>, rows: Vec<(Vec<usize>, Option<usize>)>) {
        let key = Key {
            run: trace.key,
            rows,
            sites: trace.sites.len(),
            adapters: trace.adapters.len(),
        };
        let stride = key.sites * key.adapters;
        let tokens = trace.values.len().checked_div(stride).unwrap_or(0);
        if self.key.as_ref() != Some(&key) || tokens < self.matrix.columns() {
            self.matrix = Matrix {
                rows: key.rows.len(),
                values: Arc::new(Vec::new()),
                generation: self.matrix.generation + 1,
            };
            self.highest = 0.0;
            self.key = Some(key);
        }
        let (Some(key), known) = (&self.key, self.matrix.columns()) else {
            return;
        };
        if tokens == known {
            return;
        }
        let values = Arc::make_mut(&mut self.matrix.values);
        for token in trace.values.chunks_exact(stride).skip(known) {
            for (sites, adapter) in &key.rows {
                let gates = sites
                    .iter()
                    .filter_map(|site| token.get(site * key.adapters + adapter.unwrap_or(0)));
                // No site at all: not a number, which shows as empty.
                let mean = gates.sum::<f32>() / sites.len() as f32;
                self.highest = self.highest.max(mean);
                values.push(mean);
            }
        }
    }

    /// `[tokens, rows]`.
    pub(super) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The gates of one token; empty outside.
    pub(super) fn token(&self, token: usize) -> &[f32] {
        let rows = self.matrix.rows;
        self.matrix
            .values
            .get(token * rows..(token + 1) * rows)
            .unwrap_or(&[])
    }

    /// The mean gates of several tokens.
    pub(super) fn mean(&self, tokens: std::ops::Range<usize>) -> Vec<f32> {
        let mut sum = vec![0.0; self.matrix.rows];
        for token in tokens.clone() {
            for (sum, gate) in sum.iter_mut().zip(self.token(token)) {
                *sum += gate;
            }
        }
        sum.into_iter()
            .map(|sum| sum / tokens.len().max(1) as f32)
            .collect()
    }

    /// The end of the colour scale: 1, or what extrapolated gates reach, rounded up to halves.
    pub(super) fn scale(&self) -> f32 {
        if self.highest <= 1.0 + 1e-4 {
            1.0
        } else {
            (self.highest * 2.0).ceil() / 2.0
        }
    }
}

/// Gates as shares of their sum; `None` where nothing speaks. Gates below zero count as silent.
pub(super) fn normalised(gates: &[f32]) -> Option<Vec<f32>> {
    let sum: f32 = gates.iter().map(|gate| gate.max(0.0)).sum();
    (sum.is_finite() && sum > 1e-6).then(|| gates.iter().map(|gate| gate.max(0.0) / sum).collect())
}

/// Entropy of shares over its largest value for that many experts: 0 = one speaks, 1 = all alike.
pub(super) fn evenness(shares: &[f32]) -> f32 {
    let entropy: f32 = shares
        .iter()
        .filter(|&&share| share > 0.0)
        .map(|share| -share * share.ln())
        .sum();
    let most = (shares.len() as f32).ln();
    if most > 0.0 {
        // Plus zero: one that speaks alone gives -0.
        (entropy / most).clamp(0.0, 1.0) + 0.0
    } else {
        0.0
    }
}

/// Who has the largest share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Top {
    /// One expert, and its share.
    One(usize, f32),
    /// Several, to within a thousandth, and what each has.
    Tie(f32),
}

/// Shares that differ by no more are equal: what is shown of them is.
const EQUAL: f32 = 1e-3;

/// Who has the largest share; `None` of nobody.
pub(super) fn top(shares: &[f32]) -> Option<Top> {
    let most = shares.iter().copied().reduce(f32::max)?;
    let mut loudest = (0..shares.len()).filter(|&i| shares[i] >= most - EQUAL);
    let first = loudest.next()?;
    Some(match loudest.next() {
        None => Top::One(first, most),
        Some(_) => Top::Tie(most),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{LayerChoice, ModuleChoice};

    fn names(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    fn fixture() -> (Vec<String>, Vec<String>) {
        let sites = names(&[
            "model.layers.0.self_attn.q_proj",
            "model.layers.0.mlp.up_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.1.mlp.up_proj",
        ]);
        (sites, names(&["a", "b"]))
    }

    #[test]
    fn appended_tokens_give_the_same_means_as_all_at_once() {
        let (sites, adapters) = fixture();
        let values: Vec<f32> = (0..3 * 8).map(|i| i as f32 / 24.0).collect();
        let trace = |tokens: usize| TokenTrace {
            key: 1,
            text: "",
            pieces: &[],
            sites: &sites,
            adapters: &adapters,
            experts: adapters.len(),
            values: &values[..tokens * 8],
            streams: false,
        };
        let map = SiteMap::new(&sites);
        let options = HeatmapOptions {
            layer: LayerChoice::Mean,
            module: ModuleChoice::Mean,
            ..Default::default()
        };
        let mut grown = Shares::default();
        (1..=3).for_each(|tokens| grown.by_adapter(&trace(tokens), &map, &options));
        let mut whole = Shares::default();
        whole.by_adapter(&trace(3), &map, &options);
        assert_eq!(grown.matrix().values, whole.matrix().values);
        assert_eq!(grown.matrix().generation, 1);
        // Token 0 holds 0..8 over 24; adapter 0 the even ones, whose mean is 3.
        assert!((whole.token(0)[0] - 3.0 / 24.0).abs() < 1e-6);
        let mut layers = Shares::default();
        layers.by_layer(&trace(3), &map, &options);
        assert_eq!(layers.matrix().rows, 2);
        assert!((layers.token(0)[1] - 5.0 / 24.0).abs() < 1e-6);
    }

    #[test]
    fn shares_and_evenness() {
        assert_eq!(normalised(&[0.0, 0.0]), None);
        assert_eq!(normalised(&[1.0, 3.0]), Some(vec![0.25, 0.75]));
        assert_eq!(normalised(&[-1.0, 2.0]), Some(vec![0.0, 1.0]));
        assert_eq!(top(&[0.2, 0.5, 0.3]), Some(Top::One(1, 0.5)));
        assert_eq!(top(&[0.2, 0.4, 0.4]), Some(Top::Tie(0.4)));
        assert_eq!(top(&[0.4996, 0.5004]), Some(Top::Tie(0.5004)));
        assert_eq!(top(&[]), None);
        assert_eq!(evenness(&[1.0, 0.0]), 0.0);
        assert!((evenness(&[0.25; 4]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn scale_grows_with_extrapolation_only() {
        let mut shares = Shares {
            highest: 1.0,
            ..Shares::default()
        };
        assert_eq!(shares.scale(), 1.0);
        shares.highest = 1.2;
        assert_eq!(shares.scale(), 1.5);
    }
}
