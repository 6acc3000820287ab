//! Records the gates that were really applied.

use std::collections::HashMap;

/// Collects `[tokens, sites, adapters]` while a batch goes through the model.
#[derive(Debug)]
pub struct Tap {
    /// Index of a site by module path.
    sites: HashMap<String, usize>,
    adapters: usize,
    tokens: usize,
    values: Vec<f32>,
}

impl Tap {
    /// For a batch of `tokens`, `sites` in order of execution, `adapters` gates each.
    pub fn new(sites: &[String], adapters: usize, tokens: usize) -> Self {
        Self {
            sites: sites
                .iter()
                .cloned()
                .enumerate()
                .map(|(i, path)| (path, i))
                .collect(),
            adapters,
            tokens,
            values: vec![0.0; tokens * sites.len() * adapters],
        }
    }

    /// Writes the gates of one token at one site; ignores modules that are no site.
    pub fn record(&mut self, path: &str, token: usize, gates: &[f32]) {
        if let Some(&site) = self.sites.get(path) {
            let start = (token * self.sites.len() + site) * self.adapters;
            self.values[start..start + self.adapters].copy_from_slice(&gates[..self.adapters]);
        }
    }

    /// The gates `[sites, adapters]` of one token.
    pub fn token(&self, token: usize) -> &[f32] {
        let stride = self.sites.len() * self.adapters;
        &self.values[token * stride..(token + 1) * stride]
    }

    /// Tokens of the batch.
    pub fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Tap {
    /// A tap for `tokens` of this one alone, holding what was recorded of them so far.
    pub fn view(&self, tokens: &[usize]) -> Self {
        let values = tokens
            .iter()
            .flat_map(|&t| self.token(t))
            .copied()
            .collect();
        Self {
            sites: self.sites.clone(),
            adapters: self.adapters,
            tokens: tokens.len(),
            values,
        }
    }

    /// Takes back what a [`Tap::view`] of `tokens` recorded.
    pub fn take_back(&mut self, tokens: &[usize], view: &Self) {
        let stride = self.sites.len() * self.adapters;
        for (from, &to) in tokens.iter().enumerate() {
            self.values[to * stride..(to + 1) * stride].copy_from_slice(view.token(from));
        }
    }
}
